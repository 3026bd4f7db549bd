"""Hosts: what a client connects to, as the program or the environment gives it.

A host is a name, not a URL. The error for a URL says which host is in it.

Public: for authors of adapters.
"""

from __future__ import annotations

import re
from typing import Final

from ..display import without_logins
from .checks import any_text

DEFAULT_HOST: Final = "relay.signalwire.com"
DEFAULT_PORT: Final = 443
SPACES: Final = ".signalwire.com"
"""What follows the name of a space in its host."""
FORBIDDEN_IN_HOST: Final = frozenset("@/?#\r\n \t\\")


def whole_host(name: str, value: object) -> str:
    """Return a host as `split_host` takes it: ``myspace`` becomes ``myspace.signalwire.com``.

    White space around it and a dot at its end go. A name with a port is left alone, and
    so is ``localhost``.

    Raises:
        TypeError, ValueError: it is not a host; the error begins with `name`.
    """
    host = any_text(name, value).strip()
    split_host(host, name)
    label, colon, port = host.partition(":")
    if host.endswith("]") or host.startswith("["):
        return host
    label = label.removesuffix(".")
    if not colon and "." not in label and label.lower() != "localhost":
        label += SPACES
    return f"{label}{colon}{port}"


def split_host(host: str, named: str = "host") -> tuple[str, int]:
    """Split ``name``, ``name:port``, ``[::1]`` or ``[::1]:port``.

    Without a port, it is `DEFAULT_PORT`.

    Raises:
        ValueError: the host is empty or a URL, or its port is not a port.
    """
    bad = sorted(FORBIDDEN_IN_HOST.intersection(host))
    example = f"{named} must be a name like {DEFAULT_HOST}, or name:port"
    if not host or bad or not host.isprintable():
        found = f"it contains {bad[0]!r}" if bad else "it is empty or not printable"
        inside = _host_in(host)
        advice = f"; write {inside!r}" if inside else ""
        raise ValueError(f"{example}, not {without_logins(_without_user(host))!r}: {found}{advice}")
    shown = f"{named} {host!r}"
    if not host.isascii():
        raise ValueError(f"{shown} is not ASCII: write the name in its xn-- form")
    name, port = host, str(DEFAULT_PORT)
    if ":" in host.rpartition("]")[2]:
        name, _, port = host.rpartition(":")
    if name.startswith("[") and name.endswith("]"):
        name = name[1:-1]
    elif ":" in name:
        raise ValueError(
            f"{shown} is not valid: write an IPv6 address in brackets, like [::1]:8443"
        )
    if not name:
        raise ValueError(f"{shown} has no name before the port")
    if not has_valid_labels(name):
        raise ValueError(f"{shown} is not valid: a part between dots has from 1 to 63 characters")
    if not (port.isascii() and port.isdigit() and len(port) < 6 and 0 < int(port) < 65536):
        raise ValueError(f"{shown} has a wrong port: it must be from 1 to 65535")
    return name, int(port)


def has_valid_labels(name: str) -> bool:
    """Whether each part between the dots has from 1 to 63 characters.

    The standard library raises `UnicodeError` for other names, where it looks them up and
    where TLS takes them, and not an `OSError` or a `ValueError` that says so.
    """
    return all(0 < len(label) < 64 for label in name.removesuffix(".").split("."))


def _host_in(url: str) -> str:
    """Return the host in a URL, to propose it; ``""`` if it has none that is valid."""
    inside = url.strip().partition("://")[2] or url.strip()
    inside = re.split(r"[/?#\\]", inside, maxsplit=1)[0].rpartition("@")[2].removesuffix(".")
    if inside == url:
        return ""
    try:
        split_host(inside)
    except ValueError:
        return ""
    return inside


def _without_user(host: str) -> str:
    return f"***@{host.rpartition('@')[2]}" if "@" in host else host


def host_of(address: str) -> str:
    """Return the name in ``name:port`` or ``https://name:port``, in small letters."""
    name = address.rpartition("://")[2].lower()
    return name.partition("]")[0].removeprefix("[") if name[:1] == "[" else name.partition(":")[0]
