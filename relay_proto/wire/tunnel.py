"""A tunnel through a proxy: what an adapter needs of it, and what it reports."""

from __future__ import annotations

import abc
from typing import Protocol, TypeAlias

import msgspec

from .reports import BytesToSend


class TunnelOpened(msgspec.Struct, frozen=True):
    """The proxy has connected to the host. `rest` came behind its answer: the host sent it."""

    rest: bytes


class TunnelRefused(msgspec.Struct, frozen=True):
    """The proxy did not connect to the host. Nothing follows.

    `status` is the HTTP status, or the code of a SOCKS reply; 0 if the proxy broke its
    protocol. `words` say what happened, with the proxy's own text on one line.
    """

    status: int
    words: str


TunnelEvent: TypeAlias = BytesToSend | TunnelOpened | TunnelRefused


class Tunnel(Protocol):
    """The beginning of one connection through a proxy, without I/O."""

    @abc.abstractmethod
    def open(self) -> bytes:
        """Return what to send to the proxy first."""

    @abc.abstractmethod
    def receive(self, data: bytes) -> list[TunnelEvent]:
        """Take what the proxy sent, and return what it means.

        Any split of the same bytes means the same. After `TunnelOpened` or
        `TunnelRefused`, nothing is reported any more.
        """


def host_and_port(host: str, port: int) -> str:
    """Return ``host:port``, with an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
