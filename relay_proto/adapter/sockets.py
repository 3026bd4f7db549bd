"""Sockets: in which order addresses are tried, and how a connection begins and succeeds.

Source: RFC 8305.
"""

from __future__ import annotations

import errno
import itertools
import os
import socket
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final, TypeAlias

from .forks import forks

Address: TypeAlias = tuple[Any, ...]
"""What `socket.getaddrinfo` returns of each: family, kind, protocol, name, address."""

READ_SIZE: Final = 65_536
"""How many bytes one read takes at most."""
EXHAUSTED: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
"""With one of these, the system accepts no connection for now."""
PAUSE: Final = 0.5
"""Seconds after which a server tries again then."""
ATTEMPT_DELAY: Final = 0.25
"""Seconds for an address to accept, before the next one is tried beside it.

Source: RFC 8305, section 5."""


def resolve(host: str, port: int) -> list[Address]:
    """Return the addresses of `host`. It may block.

    Raises:
        OSError: it has none, or it can be no name: `socket.getaddrinfo` raises a
            `UnicodeError` for a part between dots that is empty or too long.
    """
    try:
        found: list[Address] = [*socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    except UnicodeError:
        raise not_a_name() from None
    if not found:
        raise OSError("the name has no address")
    return found


def not_a_name() -> socket.gaierror:
    """Return the error for what can be no name of a host."""
    return socket.gaierror(socket.EAI_NONAME, "it is not a valid name of a host")


def interleaved(addresses: Sequence[Address]) -> list[Address]:
    """Families in turn, each in its own order: a broken one costs one delay.

    Source: RFC 8305, section 4.
    """
    families: dict[object, list[Address]] = {}
    for address in addresses:
        families.setdefault(address[0], []).append(address)
    rounds = itertools.zip_longest(*families.values())
    return [address for one in rounds for address in one if address is not None]


def begin_to_connect(address: Address) -> socket.socket:
    """A non-blocking socket on its way there. Wait until it is writable, then `check_connected`.

    Raises:
        OSError: it cannot even begin.
    """
    family, kind, protocol, _, where = address
    sock = socket.socket(family, kind, protocol)
    forks.keep_from_children(sock)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with suppress(BlockingIOError):  # it takes its time, as it should
            sock.connect(where)
    except BaseException:
        sock.close()
        raise
    return sock


def check_connected(sock: socket.socket) -> None:
    """Say how an attempt to connect has ended, now that it has.

    Raises:
        OSError: it has failed.
    """
    code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code:
        raise OSError(code, os.strerror(code))
