"""The network of one client: its proxy, its TLS, and which of the host's addresses work."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

from ..values.checks import any_text
from .proxies import Proxy, ProxyChannel, ProxyChoice, environment_proxy, parse_proxy
from .sockets import Address, interleaved, resolve
from .tls import TLSChannel, tls_context

LEAST_SHARE: Final = 1.0
"""Seconds that an address has at least for its handshakes, before a rival gets a turn."""


def proxy_setting(argument: str, value: object) -> str | bool:
    """Check where a proxy comes from: a URL, which is parsed later, or True or False."""
    if not isinstance(value, (str, bool)):
        raise TypeError(f"{argument} must be a URL, True or None, not {type(value).__name__}")
    return any_text(argument, value) if isinstance(value, str) else value


class Channel(Protocol):
    """What `TLSChannel` and `ProxyChannel` are: bytes of the wire in and out."""

    def shake_hands(self) -> bool:
        """Go on with all handshakes. True when they are done."""
        ...

    def feed(self, data: bytes) -> None:
        """Take bytes of the wire; none are its end."""

    def decrypt(self) -> tuple[bytes, ssl.SSLError | None]:
        """All that can be read, and what has ended it."""
        ...

    def encrypt(self, data: bytes | bytearray) -> None:
        """Make bytes for the wire of `data`, which may not be empty."""

    def outgoing(self) -> bytes:
        """Take out the bytes for the wire."""
        ...


class SecureChannel(Channel, Protocol):
    """A channel with TLS to the host."""

    @property
    def tls(self) -> ssl.SSLObject:
        """The TLS to the host, after all handshakes."""
        ...


@dataclass(frozen=True, slots=True)
class Route:
    """The addresses to try, in this order, and the channel for each connection to one."""

    addresses: list[Address]
    share: float
    """Seconds for an address that has accepted, before the next one is tried beside it."""
    new_channel: Callable[[], SecureChannel]
    explain: Callable[[BaseException], BaseException]
    """Turns an error of connecting to an address into one that says whose address it is."""


class Network:
    """How a client gets to its host. `connect_timeout` is the time for all addresses together.

    `proxy` is a URL, True for what the environment says, or None for none. Without an
    `ssl_context`, there is a new one for each connection, which reads the environment.

    Raises:
        ValueError, TypeError: one of the arguments is wrong.
    """

    def __init__(
        self,
        connect_timeout: float,
        *,
        proxy: str | bool | None = True,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        if isinstance(proxy, str):
            self._proxy: Proxy | None = parse_proxy(proxy)
        elif proxy is None or isinstance(proxy, bool):  # pyright: ignore[reportUnnecessaryIsInstance]
            self._proxy = None
        else:
            raise TypeError(f"proxy must be a URL, True or None, not {type(proxy).__name__}")
        if ssl_context is not None and not isinstance(ssl_context, ssl.SSLContext):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(
                f"ssl_context must be an ssl.SSLContext, not {type(ssl_context).__name__}"
            )
        self._from_environment = proxy is True
        self._context = ssl_context
        self._connect_timeout = connect_timeout
        self._latest: Address | None = None
        self._proven: Address | None = None

    def proxy_for(self, host: str, port: int) -> ProxyChoice:
        """Return the proxy for `host`, and why it is this one.

        Raises:
            ProxyError: what the environment names is no proxy.
        """
        if self._from_environment:
            return environment_proxy(host, port)
        return ProxyChoice(self._proxy, "the argument proxy says so")

    def find_route(self, host: str, port: int) -> Route:
        """Find out how to get to `host`. It may block: call it in a thread.

        Raises:
            OSError: a name has no address, or the proxy or a file cannot be used.
        """
        context = self._context or tls_context(os.environ)
        proxy = self.proxy_for(host, port).proxy
        if proxy is None:
            addresses = self._ordered(resolve(host, port))
            new_channel: Callable[[], SecureChannel] = partial(TLSChannel, context, host)
            return Route(addresses, self._share(addresses), new_channel, _as_it_is)
        target = host if proxy.resolves else resolve(host, port)[0][4][0]
        try:
            addresses = self._ordered(resolve(proxy.host, proxy.port))
        except OSError as error:
            raise proxy.failed(error) from error

        def new_channel_through_proxy() -> SecureChannel:
            outer = TLSChannel(context, proxy.host) if proxy.scheme == "https" else None
            tunnel = proxy.tunnel(target, port)
            return ProxyChannel(proxy, tunnel, partial(TLSChannel, context, host), outer)

        return Route(addresses, self._share(addresses), new_channel_through_proxy, proxy.failed)

    def opened(self, address: Address) -> None:
        """A connection to this address is open; whether it becomes a session is not known."""
        self._latest = address

    def proved(self) -> None:
        """The connection that was opened last has become a session: prefer its address."""
        self._proven = self._latest

    def _ordered(self, found: Iterable[Address]) -> list[Address]:
        """The address of the last session first; one that came to nothing last."""
        addresses = interleaved([*found])
        proven, latest = self._proven, self._latest
        return sorted(addresses, key=lambda one: 0 if one == proven else 2 if one == latest else 1)

    def _share(self, addresses: list[Address]) -> float:
        return max(LEAST_SHARE, self._connect_timeout / (len(addresses) + 1))


def _as_it_is(error: BaseException) -> BaseException:
    return error
