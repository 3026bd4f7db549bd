"""Addresses: where the pages of health are served."""

from __future__ import annotations

import os
import socket
from typing import Final

from relay_proto.adapter.sockets import resolve

BACKLOG: Final = 32


def parse_address(text: str) -> tuple[str, int]:
    """Read ``HOST:PORT``, with an IPv6 address in brackets.

    Raises:
        ValueError: it is nothing like that.
    """
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise ValueError(f"{text!r} is not HOST:PORT: write it like 127.0.0.1:8080")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError(f"{text!r} is not HOST:PORT: write an IPv6 address like [::1]:8080")
    if not host:
        raise ValueError(
            f"{text!r} has no host: write 127.0.0.1:{port}, or 0.0.0.0:{port} for all addresses"
        )
    return host, int(port)


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Raises:
        OSError: the address is no address of this machine, or taken.
    """
    family = resolve(host, port)[0][0]
    listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    listener.setblocking(False)
    return listener


def cannot_listen(text: str, error: OSError) -> str:
    """Say why nothing can listen at ``HOST:PORT``, and what to do."""
    known = not isinstance(error, socket.gaierror) and error.errno  # whose strerror says it all
    why = os.strerror(known) if known else error.strerror or error
    return f"cannot serve health at {text} ({why}): choose another address with --health"


def address_of(listener: socket.socket) -> str:
    """Where it listens, as ``HOST:PORT``."""
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
