"""Proxies: which one to use, and a channel to the host that leads through it."""

from __future__ import annotations

import ssl
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, assert_never
from urllib.parse import unquote, urlsplit

from ..config import Secret
from ..errors import LocalProtocolError
from ..rpc.masking import Scrubber
from ..values.hosts import has_valid_labels
from ..wire.reports import BytesToSend
from ..wire.tunnel import Tunnel, TunnelOpened, TunnelRefused, host_and_port
from .connection_errors import ToldError, describe
from .tls import TLSChannel

PORTS: Final[Mapping[str, int]] = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
"""The kinds of proxies, and the port of each that a URL without one means."""
OF_ENVIRONMENT: Final = ("wss", "socks", "https", "all")
"""The variables that may name a proxy, without ``_PROXY``; the first one counts."""


class ProxyError(ToldError):
    """A proxy did not connect to the host, or could not be used; the message names it."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy. Its `str` and `repr` are without its credentials."""

    scheme: str
    host: str
    port: int
    user: Secret
    password: Secret

    @property
    def resolves(self) -> bool:
        """Whether the proxy resolves the name of the host."""
        return self.scheme != "socks5"

    def __str__(self) -> str:
        return f"{self.scheme}://{host_and_port(self.host, self.port)}"

    __repr__ = __str__

    def failed(self, error: BaseException) -> ProxyError:
        """Return an error that says that the proxy itself could not be used."""
        return ProxyError(f"the proxy {self} cannot be used: {describe(error)}")

    def refused(self, words: str) -> ProxyError:
        """Return an error that has the proxy's own words."""
        user, password = self.user.reveal(), self.password.reveal()
        encoded = b64encode(f"{user}:{password}".encode()).decode()
        told = Scrubber((encoded, password)).words(words)
        return ProxyError(f"the proxy {self} did not connect to the host: {told}")

    def tunnel(self, host: str, port: int) -> Tunnel:
        """Return the beginning of a connection to `host`.

        Raises:
            ProxyError: an optional package is missing, or a text is too long for SOCKS.
        """
        # Loaded late, as in `wire.websocket`: these load h11 and socksio.
        from ..wire.connect_tunnel import ConnectTunnel  # noqa: PLC0415
        from ..wire.socks_tunnel import SocksTunnel  # noqa: PLC0415

        kind = SocksTunnel if self.scheme.startswith("socks") else ConnectTunnel
        user, password = self.user.reveal(), self.password.reveal()
        try:
            return kind(host, port, user=user, password=password)
        except LocalProtocolError as error:
            raise self.failed(error) from error


def parse_proxy(url: str) -> Proxy:
    """Read the URL of a proxy, like ``http://user:password@proxy.example:8080``.

    Raises:
        ValueError: it is not valid. The message does not repeat it: it may have a password.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("the URL of the proxy is not valid, or its port is not a port") from None
    if parts.scheme in ("socks4", "socks4a"):
        raise ValueError(
            "SOCKS4 is not supported, because it has no passwords and no IPv6: most such proxies "
            f"speak SOCKS5 as well, so try the same URL with socks5h in place of {parts.scheme}"
        )
    known = ", ".join(PORTS)
    if parts.scheme not in PORTS:
        raise ValueError(f"the URL of the proxy must begin with one of {known}, and ://")
    host = parts.hostname or ""
    plain = host.isascii() and host.isprintable() and " " not in host
    if not plain or not has_valid_labels(host):
        raise ValueError("the URL of the proxy has no valid host: write it like http://proxy:8080")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError("the URL of the proxy must end after the port")
    return Proxy(
        parts.scheme,
        host,
        PORTS[parts.scheme] if port is None else port,
        Secret(unquote(parts.username or "")),
        Secret(unquote(parts.password or "")),
    )


@dataclass(frozen=True, slots=True)
class ProxyChoice:
    """The proxy for a host, or None, and in words why it is this one."""

    proxy: Proxy | None
    why: str


def environment_proxy(host: str, port: int) -> ProxyChoice:
    """Return the proxy that the environment names for `host`, or the system's settings.

    They are read as the standard library reads them, which knows ``NO_PROXY`` and where
    Windows and macOS keep their settings.

    Raises:
        ProxyError: what they name is no proxy.
    """
    # Not with the module: it is 0.86 of what an import of relay_anyio takes with it
    # (python -X importtime -c 'import relay_anyio'), and only a connection needs it.
    import urllib.request  # noqa: PLC0415

    if urllib.request.proxy_bypass(host_and_port(host, port)):
        return ProxyChoice(None, "NO_PROXY (or the system's settings) excepts the host")
    proxies = urllib.request.getproxies()
    for kind in OF_ENVIRONMENT:
        url = proxies.get(kind, "")
        if url:
            break
    else:
        return ProxyChoice(None, "no variable and no setting of the system names one")
    named = f"{kind.upper()}_PROXY (or the system's settings)"
    if kind == "socks" and url.startswith("http://"):  # as macOS and Windows have it
        url = "socks5h" + url.removeprefix("http")
    if "://" not in url:
        url = f"http://{url}"
    try:
        return ProxyChoice(parse_proxy(url), f"{named} names it")
    except ValueError as error:
        raise ProxyError(f"{named} cannot be used: {error}") from error


class ProxyChannel:
    """A channel to the host, through a tunnel. It is used as a `TLSChannel` is.

    `outer` is TLS to the proxy itself, if the proxy wants it. `make_inner` makes the TLS
    to the host when there is a tunnel to it.
    """

    def __init__(
        self,
        proxy: Proxy,
        tunnel: Tunnel,
        make_inner: Callable[[], TLSChannel],
        outer: TLSChannel | None,
    ) -> None:
        self._proxy = proxy
        self._tunnel = tunnel
        self._make_inner = make_inner
        self._outer: TLSChannel | _Plain = _Plain() if outer is None else outer
        self._inner: TLSChannel | None = None
        self._asked = False

    def shake_hands(self) -> bool:
        """Go on with the tunnel and the handshakes. True when all is done.

        Raises:
            ProxyError: it has failed for the proxy.
            SSLError: the handshake with the host has failed.
        """
        if self._inner is None and not self._open_tunnel():
            return False
        assert self._inner is not None, "there is a tunnel"
        return self._inner.shake_hands()

    def feed(self, data: bytes) -> None:
        """Take bytes of the wire; none are its end."""
        self._outer.feed(data)
        if self._inner is not None:
            plain, ended = self._outer.decrypt()
            if plain:
                self._inner.feed(plain)
            if ended is not None:
                self._inner.feed(b"")

    def decrypt(self) -> tuple[bytes, ssl.SSLError | None]:
        """All that can be read, and what has ended it. See `TLSChannel.decrypt`."""
        assert self._inner is not None, "nothing is read before all handshakes"
        return self._inner.decrypt()

    def encrypt(self, data: bytes | bytearray) -> None:
        """Make bytes for the wire of `data`, which may not be empty."""
        assert self._inner is not None, "nothing is written before all handshakes"
        self._inner.encrypt(data)

    @property
    def tls(self) -> ssl.SSLObject:
        """The TLS to the host, once there is a tunnel."""
        assert self._inner is not None, "nothing is known of it before there is a tunnel"
        return self._inner.tls

    def outgoing(self) -> bytes:
        """Take out the bytes for the wire."""
        data = b"" if self._inner is None else self._inner.outgoing()
        if data:
            self._outer.encrypt(data)
        return self._outer.outgoing()

    def _open_tunnel(self) -> bool:
        try:
            if not self._outer.shake_hands():
                return False
            if not self._asked:
                self._asked = True
                self._outer.encrypt(self._tunnel.open())
            data, ended = self._outer.decrypt()
        except ssl.SSLError as error:
            raise self._proxy.failed(error) from error
        for event in self._tunnel.receive(data):
            match event:
                case BytesToSend(answer):
                    self._outer.encrypt(answer)
                case TunnelRefused(words=words):
                    raise self._proxy.refused(words)
                case TunnelOpened(rest):
                    self._inner = self._make_inner()
                    if rest:
                        self._inner.feed(rest)
                case _:
                    assert_never(event)
        if ended is not None and self._inner is None:
            raise self._proxy.refused("it closed the connection")
        return self._inner is not None


class _Plain:
    """The bytes to a proxy that wants no TLS, as they are. See `TLSChannel`."""

    def __init__(self) -> None:
        self._incoming: list[bytes] = []
        self._outgoing: list[bytes] = []
        self._ended: ssl.SSLError | None = None

    def shake_hands(self) -> bool:
        return True

    def feed(self, data: bytes) -> None:
        if data:
            self._incoming.append(data)
        else:
            self._ended = ssl.SSLEOFError()

    def decrypt(self) -> tuple[bytes, ssl.SSLError | None]:
        data = b"".join(self._incoming)
        self._incoming.clear()
        return data, self._ended

    def encrypt(self, data: bytes | bytearray) -> None:
        self._outgoing.append(bytes(data))

    def outgoing(self) -> bytes:
        data = b"".join(self._outgoing)
        self._outgoing.clear()
        return data
