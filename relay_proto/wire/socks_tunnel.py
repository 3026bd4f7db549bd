"""A tunnel through a SOCKS5 proxy. socksio, which is optional, reads and writes the messages.

Source: RFC 1928 and RFC 1929.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ..errors import LocalProtocolError
from .reports import BytesToSend
from .tunnel import TunnelEvent, TunnelOpened, TunnelRefused

MAX_TEXT_BYTES: Final = 255
"""The longest user, password and host name: their length has one byte."""
SHORT_REPLY: Final = 2
LENGTHS: Final = {1: 4, 4: 16}
"""The length of an address in a reply, by the byte that names its kind."""
NAME: Final = 3
"""The kind of an address that is a name, which begins with its own length."""


class SocksTunnel:
    """Asks a SOCKS5 proxy to connect to `host`. See `Tunnel`.

    `user` and `password` are for the proxy; without a user, no credentials are sent.
    """

    def __init__(self, host: str, port: int, *, user: str = "", password: str = "") -> None:
        """Make a tunnel that has not begun.

        Raises:
            LocalProtocolError: socksio is not installed, or a text is too long for SOCKS.
        """
        try:
            import socksio.socks5  # noqa: PLC0415 - it is optional
        except ImportError:
            raise LocalProtocolError(
                "a SOCKS proxy needs the package socksio: pip install 'relay-proto[socks]'"
            ) from None
        for name, text in (("host", host), ("user", user), ("password", password)):
            if len(text.encode()) > MAX_TEXT_BYTES:
                raise LocalProtocolError(f"the {name} is too long for a SOCKS proxy")
        self._socks = socksio
        self._connection = socksio.SOCKS5Connection()
        # Pyright does not understand the decorator of the method.
        self._send: Callable[[object], None] = self._connection.send  # pyright: ignore[reportUnknownMemberType, reportAttributeAccessIssue]
        self._command = socksio.SOCKS5CommandRequest.from_address(
            socksio.SOCKS5Command.CONNECT, (host, port)
        )
        self._user, self._password = user, password
        self._unread = b""
        self._take: Callable[[bytes], list[TunnelEvent]] = self._take_method
        self._over = False

    def open(self) -> bytes:
        """Return the ways to authenticate from which the proxy may choose."""
        method = self._socks.SOCKS5AuthMethod
        methods = [method.NO_AUTH_REQUIRED]
        if self._user:
            methods.append(method.USERNAME_PASSWORD)
        self._send(self._socks.SOCKS5AuthMethodsRequest(methods))
        return self._connection.data_to_send()

    def receive(self, data: bytes) -> list[TunnelEvent]:
        """Take what the proxy sent, and return what it means."""
        if self._over:
            return []
        self._unread += data
        events: list[TunnelEvent] = []
        while not self._over:
            size = self._length()
            if not size or size > len(self._unread):
                break
            message, self._unread = self._unread[:size], self._unread[size:]
            try:
                events += self._take(message)
            except self._socks.ProtocolError:
                events += self._refuse(0, "its answer is not SOCKS5")
        return events

    def _length(self) -> int:
        """Return the length of the next message; 0 if that is not known yet."""
        if self._take != self._take_reply:
            return SHORT_REPLY
        if len(self._unread) < 5:
            return 0
        kind = self._unread[3]
        # An unknown kind has no length. What there is of it is enough for socksio to refuse it.
        length = 1 + self._unread[4] if kind == NAME else LENGTHS.get(kind, 0)
        return 4 + length + 2 if length else 5

    def _take_method(self, message: bytes) -> list[TunnelEvent]:
        reply = self._connection.receive_data(message)
        assert isinstance(reply, self._socks.SOCKS5AuthReply), "nothing else is awaited"
        method = self._socks.SOCKS5AuthMethod
        if message[:1] != b"\x05":
            return self._refuse(0, "its answer is not SOCKS5")
        if reply.method == method.NO_AUTH_REQUIRED:
            return self._ask()
        if reply.method == method.USERNAME_PASSWORD and self._user:
            self._take = self._take_verdict
            user, password = self._user.encode(), self._password.encode()
            self._send(self._socks.SOCKS5UsernamePasswordRequest(user, password))
            return [BytesToSend(self._connection.data_to_send())]
        if self._user:
            return self._refuse(message[1], "it knows no way to take a user and a password")
        return self._refuse(message[1], "it wants a user and a password in its URL")

    def _take_verdict(self, message: bytes) -> list[TunnelEvent]:
        reply = self._connection.receive_data(message)
        assert isinstance(reply, self._socks.socks5.SOCKS5UsernamePasswordReply), (
            "nothing else is awaited"
        )
        if reply.success:
            return self._ask()
        return self._refuse(message[1], "it does not accept the user and password")

    def _take_reply(self, message: bytes) -> list[TunnelEvent]:
        reply = self._connection.receive_data(message)
        assert isinstance(reply, self._socks.SOCKS5Reply), "nothing else is awaited"
        if reply.reply_code != self._socks.SOCKS5ReplyCode.SUCCEEDED:
            words = reply.reply_code.name.lower().replace("_", " ")
            return self._refuse(message[1], words)
        self._over = True
        rest, self._unread = self._unread, b""
        return [TunnelOpened(rest)]

    def _ask(self) -> list[TunnelEvent]:
        self._take = self._take_reply
        self._send(self._command)
        return [BytesToSend(self._connection.data_to_send())]

    def _refuse(self, status: int, words: str) -> list[TunnelEvent]:
        self._over = True
        return [TunnelRefused(status, words)]
