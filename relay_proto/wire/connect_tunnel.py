"""A tunnel through an HTTP proxy, by the method CONNECT. h11 reads and writes the heads.

Source: RFC 9110, section 9.3.6.
"""

from __future__ import annotations

import re
from base64 import b64encode
from typing import Final

import h11

from ..constants import AGENT_STRING
from .reports import quoted
from .tunnel import TunnelEvent, TunnelOpened, TunnelRefused, host_and_port
from .websocket import MAX_HEAD_BYTES

PROXY_AUTHENTICATION_REQUIRED: Final = 407

_END_OF_HEAD: Final = re.compile(rb"\n\r?\n")


class ConnectTunnel:
    """Asks an HTTP proxy to connect to `host`. See `Tunnel`.

    `user` and `password` are for the proxy; without a user, no credentials are sent.
    """

    def __init__(self, host: str, port: int, *, user: str = "", password: str = "") -> None:
        self._target = host_and_port(host, port).encode()
        self._headers = [(b"Host", self._target), (b"User-Agent", AGENT_STRING.encode())]
        self._has_user = bool(user)
        if user:
            self._headers.append((b"Proxy-Authorization", basic(user, password).encode()))
        self._http = h11.Connection(h11.CLIENT)
        self._unread = bytearray()
        self._size = 0
        self._over = False

    def open(self) -> bytes:
        """Return the request."""
        request = h11.Request(method=b"CONNECT", target=self._target, headers=self._headers)
        return self._http.send(request) or b""

    def receive(self, data: bytes) -> list[TunnelEvent]:
        """Take what the proxy sent, and return what it means."""
        if self._over:
            return []
        # As in `Wire`, the heads are found here: h11 limits a head only if it arrives in
        # pieces. The limit is for all heads together: there may be many with a status 1xx.
        self._unread += data
        while (end := _END_OF_HEAD.search(self._unread)) is not None:
            head = bytes(self._unread[: end.end()])
            self._size += len(head)
            if self._size > MAX_HEAD_BYTES:
                break
            del self._unread[: end.end()]
            event = self._take_head(head)
            if event is not None:
                self._over = True
                return [event]
        if self._size + len(self._unread) <= MAX_HEAD_BYTES:
            return []
        self._over = True
        return [TunnelRefused(0, f"its answer is longer than {MAX_HEAD_BYTES} bytes")]

    def _take_head(self, head: bytes) -> TunnelEvent | None:
        """Return what a whole head means; None if another one follows."""
        self._http.receive_data(head)
        try:
            event = self._http.next_event()
        except h11.RemoteProtocolError as error:
            return TunnelRefused(0, f"its answer is not HTTP: {quoted(str(error))}")
        if isinstance(event, h11.InformationalResponse):
            return None
        assert isinstance(event, h11.Response), "the head is whole"
        status = event.status_code
        if 200 <= status < 300:
            rest = bytes(self._unread)
            self._unread.clear()
            return TunnelOpened(rest)
        words = f"{status} {quoted(event.reason.decode(errors='replace'))}".strip()
        if status == PROXY_AUTHENTICATION_REQUIRED:
            words += (
                " (it does not accept the user and password)"
                if self._has_user
                else " (it wants a user and a password in its URL)"
            )
        return TunnelRefused(status, words)


def basic(user: str, password: str) -> str:
    """Return the value of a header that has credentials. Source: RFC 7617."""
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()
