"""HTTP: one GET over a channel of the client's network, by the thread that calls it.

h11 reads and writes the heads; a channel is TLS, through the client's proxy if it has one.
So a download goes the same way as the session, which `http.client` cannot do: it knows no
SOCKS, and no TLS to the proxy.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import SplitResult

from ..constants import AGENT_STRING
from ..errors import DownloadError
from ..wire.tunnel import host_and_port
from .connection_errors import describe
from .network import Channel, Network
from .sockets import READ_SIZE, Address

if TYPE_CHECKING:
    import h11


class Get:
    """One request on a connection of its own. `deadline` is on the monotonic clock."""

    def __init__(self, network: Network, url: SplitResult, deadline: float) -> None:
        self._network = network
        self._url = url
        self._host = url.hostname or ""
        self._port = url.port or 443
        self._deadline = self._until = deadline
        self._sock: socket.socket | None = None
        self._channel: Channel | None = None

    def interrupt(self) -> None:
        """Let whoever waits for bytes wait no longer. From another thread."""
        if self._sock is not None:
            with suppress(OSError):  # it is not connected yet, or any more
                self._sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection."""
        if self._sock is not None:
            self._sock.close()

    def ask(self, authorization: str) -> tuple[h11.Response, Iterator[bytes]]:
        """Send the request, and return the response, and its body in pieces.

        Raises:
            DownloadError: there is no connection, or what comes is no HTTP.
            TimeoutError: it takes too long.
        """
        import h11  # noqa: PLC0415 - loaded late, as in `wire.websocket`

        try:
            self._connect()
            headers = [
                ("Host", host_and_port(self._host, self._port) if self._url.port else self._host),
                ("User-Agent", AGENT_STRING),
                ("Accept-Encoding", "identity"),
                ("Connection", "close"),
            ]
            if authorization:
                headers.append(("Authorization", authorization))
            target = (self._url.path or "/") + (f"?{self._url.query}" if self._url.query else "")
            http = h11.Connection(h11.CLIENT)
            request = h11.Request(method="GET", target=target, headers=headers)
            self._send((http.send(request) or b"") + (http.send(h11.EndOfMessage()) or b""))
            while not isinstance(event := self._next_event(http), h11.Response):
                pass
            return event, self._body(http)
        except (OSError, h11.ProtocolError) as error:
            raise self._failed(error) from error

    def _body(self, http: h11.Connection) -> Iterator[bytes]:
        import h11  # noqa: PLC0415

        try:
            while isinstance(event := self._next_event(http), h11.Data):
                yield bytes(event.data)
        except (OSError, h11.ProtocolError) as error:
            raise self._failed(error) from error

    def _next_event(self, http: h11.Connection) -> object:
        import h11  # noqa: PLC0415

        while (event := http.next_event()) is h11.NEED_DATA:
            http.receive_data(self._receive())
        return event

    def _failed(self, error: Exception) -> DownloadError | TimeoutError:
        if isinstance(error, TimeoutError):
            return TimeoutError(f"the download from {self._host} took too long")
        return DownloadError(self._host, describe(error))

    # Bytes

    def _connect(self) -> None:
        route = self._network.find_route(self._host, self._port)
        failure: BaseException = OSError("the name has no address")
        for address in route.addresses:
            self._until = min(self._deadline, time.monotonic() + route.share)
            try:
                self._open(address, route.new_channel())
            except OSError as error:
                self.close()
                failure = error if isinstance(error, TimeoutError) else route.explain(error)
            else:
                self._until = self._deadline
                return
        raise failure

    def _open(self, address: Address, channel: Channel) -> None:
        family, kind, protocol, _, where = address
        self._sock = socket.socket(family, kind, protocol)
        self._sock.settimeout(self._left())
        self._sock.connect(where)
        self._channel = channel
        try:
            while not channel.shake_hands():
                self._flush()
                channel.feed(self._read())
        finally:
            self._flush()  # or the alert that tells the server what is wrong

    def _send(self, data: bytes) -> None:
        self._opened[1].encrypt(data)
        self._flush()

    def _receive(self) -> bytes:
        """Return decrypted bytes. None are a proper end; any other end is an error."""
        channel = self._opened[1]
        while True:
            data, ended = channel.decrypt()
            if data or isinstance(ended, ssl.SSLZeroReturnError):
                return data
            if ended is not None:
                raise ended
            channel.feed(self._read())

    def _flush(self) -> None:
        sock, channel = self._opened
        sock.settimeout(self._left())
        sock.sendall(channel.outgoing())

    def _read(self) -> bytes:
        sock, _ = self._opened
        sock.settimeout(self._left())
        return sock.recv(READ_SIZE)

    def _left(self) -> float:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    @property
    def _opened(self) -> tuple[socket.socket, Channel]:
        assert self._sock is not None, "there is a connection"
        assert self._channel is not None, "there is a channel"
        return self._sock, self._channel
