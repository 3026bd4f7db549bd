"""A small HTTP server for the pages of health: one selector, no thread, all of it bounded.

It serves probes and Prometheus. So each connection carries one request, may have few
bytes and little time, and there may be few of them: a slow client holds up nobody.
"""

from __future__ import annotations

import selectors
import socket
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final, Protocol, TypeAlias

import h11

from relay_proto.adapter.sockets import EXHAUSTED, PAUSE

from .health import TOO_MANY, WRONG_METHOD, Page

MOST_CONNECTIONS: Final = 32
MOST_BYTES: Final = 8192
"""Of the head of a request."""
PATIENCE: Final = 10.0
"""Seconds for one connection, from beginning to end."""
READ_SIZE: Final = 4096

Reply: TypeAlias = Callable[[Page], None]


class Answer(Protocol):
    """What has the pages."""

    def __call__(self, path: str, reply: Reply, /) -> None:
        """Call `reply` with the page, now or soon."""


class HealthServer:
    """Serves pages on a socket that listens, in the thread of a selector."""

    def __init__(
        self, selector: selectors.BaseSelector, listener: socket.socket, answer: Answer
    ) -> None:
        """What `selector` gives for its keys has to be called: see `ready`."""
        self._selector = selector
        self._listener = listener
        self._answer = answer
        self._connections: set[_Connection] = set()
        self._listens_at: float | None = None
        """When it accepts connections again. None: it does so now."""
        selector.register(listener, selectors.EVENT_READ, self._accept)

    def deadline(self) -> float | None:
        """When `handle_timer` has something to do."""
        due = [one.ends_at for one in self._connections]
        due += [] if self._listens_at is None else [self._listens_at]
        return min(due, default=None)

    def handle_timer(self, now: float) -> None:
        """Close the connections whose time is over, and listen again after a pause."""
        for connection in tuple(self._connections):
            if connection.ends_at <= now:
                self._close(connection)
        if self._listens_at is not None and self._listens_at <= now:
            self._listens_at = None
            self._selector.register(self._listener, selectors.EVENT_READ, self._accept)

    def close(self) -> None:
        """Close all connections, and listen no longer."""
        for connection in tuple(self._connections):
            self._close(connection)
        if self._listens_at is None:
            self._selector.unregister(self._listener)
        self._listener.close()

    def _accept(self, _mask: int, now: float) -> None:
        try:
            sock, _ = self._listener.accept()
        except OSError as error:
            if error.errno in EXHAUSTED:  # it stays there, and the selector would never rest
                self._selector.unregister(self._listener)
                self._listens_at = now + PAUSE
            return  # else it is gone: who asks, asks again
        if len(self._connections) >= 2 * MOST_CONNECTIONS:
            sock.close()  # not even words
            return
        sock.setblocking(False)
        connection = _Connection(sock, now + PATIENCE)
        self._connections.add(connection)
        self._selector.register(sock, selectors.EVENT_READ, self._serve(connection))
        if len(self._connections) > MOST_CONNECTIONS:
            self._reply(connection, TOO_MANY)

    def _serve(self, connection: _Connection) -> Callable[[int, float], None]:
        def ready(mask: int, _now: float) -> None:
            try:
                if mask & selectors.EVENT_READ:
                    self._read(connection)
                if mask & selectors.EVENT_WRITE:
                    self._write(connection)
            except (OSError, h11.RemoteProtocolError):
                self._close(connection)

        return ready

    def _read(self, connection: _Connection) -> None:
        with suppress(BlockingIOError):
            request = connection.receive(connection.sock.recv(READ_SIZE))
            if request is None:
                return
            self._selector.unregister(connection.sock)  # until there is something to write
            method, path = request
            if method not in ("GET", "HEAD"):
                self._reply(connection, WRONG_METHOD)
            else:
                self._answer(path, lambda page: self._reply(connection, page))

    def _reply(self, connection: _Connection, page: Page) -> None:
        if connection in self._connections:  # it may be closed meanwhile
            with suppress(KeyError):
                self._selector.unregister(connection.sock)
            connection.reply(page)
            self._selector.register(connection.sock, selectors.EVENT_WRITE, self._serve(connection))

    def _write(self, connection: _Connection) -> None:
        with suppress(BlockingIOError):
            sent = connection.sock.send(connection.unsent)
            connection.unsent = connection.unsent[sent:]
        if not connection.unsent:
            with suppress(OSError):
                connection.sock.shutdown(socket.SHUT_WR)
            self._close(connection)

    def _close(self, connection: _Connection) -> None:
        self._connections.discard(connection)
        with suppress(KeyError, ValueError):
            self._selector.unregister(connection.sock)
        connection.sock.close()


class _Connection:
    """One client, and its only request."""

    def __init__(self, sock: socket.socket, ends_at: float) -> None:
        self.sock = sock
        self.ends_at = ends_at
        self.unsent = b""
        self._http: Any = h11.Connection(h11.SERVER, max_incomplete_event_size=MOST_BYTES)
        self._head_only = False

    def receive(self, data: bytes) -> tuple[str, str] | None:
        """Take bytes; return the method and the path, once they are there.

        Raises:
            RemoteProtocolError: this is not HTTP, or the client has left.
        """
        self._http.receive_data(data)
        event = self._http.next_event()
        if isinstance(event, h11.Request):
            method = event.method.decode("ascii")
            self._head_only = method == "HEAD"
            return method, event.target.decode("ascii", "replace").partition("?")[0]
        if event is h11.NEED_DATA and data:
            return None
        raise h11.RemoteProtocolError("the client has left")

    def reply(self, page: Page) -> None:
        """Have this to write."""
        body = page.text.encode()
        headers = [
            ("content-type", page.content_type),
            ("content-length", str(len(body))),
            ("cache-control", "no-store"),
            ("connection", "close"),
        ]
        reason = HTTPStatus(page.status).phrase
        head = h11.Response(status_code=page.status, headers=headers, reason=reason.encode())
        self.unsent = self._http.send(head)
        self.unsent += self._http.send(h11.Data(data=b"" if self._head_only else body))
        self.unsent += self._http.send(h11.EndOfMessage())
