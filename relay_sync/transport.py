"""Transports: one non-blocking TLS byte stream each, driven by the reactor.

Names are resolved in a thread of their own, because that cannot be done without
blocking; all else happens in the I/O thread.

Public: `Connector`, for applications that pass a `connector` of their own.
"""

from __future__ import annotations

import enum
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Final, Protocol, TypeAlias

from relay_proto.adapter.connection_errors import describe
from relay_proto.adapter.sockets import (
    ATTEMPT_DELAY,
    READ_SIZE,
    Address,
    begin_to_connect,
    check_connected,
    interleaved,
)
from relay_proto.adapter.tls import TLSChannel, tls_context

from ._reactor import READ, WRITE, Reactor

ALL_BUT_OVER: Final = 1.0
"""Seconds, at the most, for a thread that has nothing left to do."""

Resolved: TypeAlias = "socket.socket | tuple[list[Address], ssl.SSLContext]"
Connector: TypeAlias = Callable[[str, int], socket.socket]
"""Opens a connected socket to a host and port, on which nothing but RELAY's bytes pass.

Without one it is TLS over TCP. It may block: it has a thread of its own.
"""


class Phase(enum.Enum):
    """How far a transport has come."""

    RESOLVING = "resolving"
    CONNECTING = "connecting"
    SECURING = "securing"
    OPEN = "open"
    CLOSED = "closed"


class Owner(Protocol):
    """Who is told. Called in the I/O thread, never from within a call of the owner's."""

    def opened(self, number: int) -> None:
        """It is open."""

    def received(self, number: int, data: bytes) -> None:
        """It has brought bytes."""

    def ended(self, number: int, reason: str) -> None:
        """It could not be opened, has ended or broke."""


class Transport:
    """One byte stream, from before it is open until after it is closed."""

    def __init__(
        self,
        number: int,
        owner: Owner,
        reactor: Reactor,
        *,
        flush_timeout: float,
        most_unsent: int,
    ) -> None:
        self.number = number
        self._owner = owner
        self._reactor = reactor
        self._flush_timeout = flush_timeout
        self._most_unsent = most_unsent
        self._phase = Phase.RESOLVING
        self._addresses: list[Address] = []
        self._attempts: list[socket.socket] = []
        self._error: OSError = OSError("the name has no address")
        self._due_at: float | None = None
        self._name = ""
        self._context: ssl.SSLContext | None = None
        self._socket: socket.socket | None = None
        self._channel: TLSChannel | _Clear = _Clear()
        self._unsealed = bytearray()
        self._unsent = bytearray()
        self._closing = False

    def __repr__(self) -> str:
        return f"<Transport {self.number} {self._phase.value}>"

    # From the engine

    def open(self, host: str, port: int, connector: Connector | None) -> None:
        """Begin to open it. Whatever comes of that is told later."""
        self._name = host
        work = partial(connector or _resolve, host, port)
        name = f"relay_sync resolver of {host}"
        thread = threading.Thread(target=self._resolve, args=(work,), name=name, daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # the system has no more, or the interpreter is ending
            self._end(describe(error))

    def write(self, data: bytes) -> None:
        """Leave bytes for `flush`."""
        self._unsealed += data

    def flush(self) -> None:
        """Send what can be sent; the rest follows when the peer reads on."""
        if self._phase is not Phase.OPEN:
            return
        try:
            self._seal()
            self._send()
        except OSError as error:
            self._end(describe(error))
            return
        waiting = len(self._unsent) + len(self._unsealed)
        if waiting > self._most_unsent:
            self._end(f"the server has not read {waiting} bytes")
        elif self._closing and not waiting:
            self._end("")

    def close(self, *, flush: bool) -> None:
        """End the stream; with `flush`, after what was left for it, within a bound."""
        self._closing = True
        if flush and self._phase is Phase.OPEN:
            self._due_at = time.monotonic() + self._flush_timeout
            self.flush()
        else:
            self._end("")

    def deadline(self) -> float | None:
        """When `handle_timer` is due next."""
        return self._due_at

    def handle_timer(self, now: float) -> None:
        """Do what is due: try the next address beside the first, or flush no longer."""
        if self._due_at is None or now < self._due_at:
            return
        self._due_at = None
        if self._phase is Phase.CONNECTING:
            self._try_next()
        elif self._closing:
            self._end("")

    def abandon(self) -> None:
        """In a forked child: give back its copies of the sockets, and tell nobody."""
        self._phase = Phase.CLOSED
        for sock in self._sockets():
            sock.close()

    # Opening

    def _resolve(self, work: Callable[[], Resolved]) -> None:
        try:
            found: Resolved | Exception = work()
        except Exception as error:  # noqa: BLE001 - a connector is the application's
            found = error
        if self._phase is Phase.CLOSED and isinstance(found, socket.socket):
            found.close()  # perhaps nobody is there any more to take it
        else:
            self._reactor.post(partial(self._resolved, found, threading.current_thread()))

    def _resolved(self, found: Resolved | Exception, resolver: threading.Thread) -> None:
        resolver.join(ALL_BUT_OVER)  # so that nobody finds it alive who has heard what came of it
        if self._phase is not Phase.RESOLVING:
            if isinstance(found, socket.socket):
                found.close()
            return
        match found:
            case socket.socket():
                found.setblocking(False)
                self._socket = found
                self._secure()
            case tuple():
                self._addresses, self._context = found
                self._phase = Phase.CONNECTING
                self._try_next()
            case _:
                self._end(describe(found))

    def _try_next(self) -> None:
        """Begin to connect to the next address that can be tried at all."""
        while self._addresses:
            try:
                sock = begin_to_connect(self._addresses.pop(0))
            except OSError as error:
                self._error = error
                continue
            self._attempts.append(sock)
            self._reactor.watch(sock, WRITE, partial(self._tried, sock))
            self._due_at = time.monotonic() + ATTEMPT_DELAY
            return
        if not self._attempts:
            self._end(describe(self._error))

    def _tried(self, sock: socket.socket) -> None:
        if sock not in self._attempts:
            return
        self._reactor.forget(sock)
        self._attempts.remove(sock)
        try:
            check_connected(sock)
        except OSError as error:
            self._error = error
            sock.close()
            self._try_next()
            return
        for other in self._attempts:
            self._reactor.forget(other)
            other.close()
        self._attempts.clear()
        self._due_at = None
        self._socket = sock
        self._secure()

    def _secure(self) -> None:
        assert self._socket is not None, "it is connected"
        self._phase = Phase.SECURING
        if self._context is not None:
            self._channel = TLSChannel(self._context, self._name)
        self._reactor.watch(self._socket, READ, self._readable)
        self._shake_hands()

    def _shake_hands(self) -> None:
        try:
            done = self._channel.shake_hands()
            self._send()
        except OSError as error:
            with suppress(OSError):
                self._send()  # the alert that tells the server why
            self._end(describe(error))
            return
        if done:
            self._phase = Phase.OPEN
            self._owner.opened(self.number)

    # Open

    def _ready(self) -> None:
        if self._unsent:
            self._writable()
        self._readable()

    def _writable(self) -> None:
        try:
            self._send()
        except OSError as error:
            self._end(describe(error))
            return
        self.flush()

    def _readable(self) -> None:
        if self._socket is None:
            return
        try:
            data = self._socket.recv(READ_SIZE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._end(describe(error))
            return
        self._channel.feed(data)
        if self._phase is Phase.SECURING:
            self._shake_hands()
        if self._phase is Phase.OPEN:
            self._deliver()

    def _deliver(self) -> None:
        text, error = self._channel.decrypt()
        if text:
            self._owner.received(self.number, text)
        if error is not None:
            self._end(describe(error))

    def _seal(self) -> None:
        if self._unsealed:
            self._channel.encrypt(self._unsealed)
            self._unsealed.clear()

    def _send(self) -> None:
        assert self._socket is not None, "it is connected"
        had = bool(self._unsent)
        self._unsent += self._channel.outgoing()
        if self._unsent:
            try:
                sent = self._socket.send(self._unsent)
            except (BlockingIOError, InterruptedError):
                sent = 0
            del self._unsent[:sent]
        if had != bool(self._unsent):
            events = READ | WRITE if self._unsent else READ
            self._reactor.watch(self._socket, events, self._ready)

    def _end(self, reason: str) -> None:
        if self._phase is Phase.CLOSED:
            return
        self._phase = Phase.CLOSED
        self._due_at = None
        for sock in self._sockets():
            self._reactor.forget(sock)
            sock.close()
        self._socket = None
        self._attempts.clear()
        self._reactor.post(partial(self._owner.ended, self.number, reason))

    def _sockets(self) -> Sequence[socket.socket]:
        return (*self._attempts, *(() if self._socket is None else (self._socket,)))


class _Clear:
    """What a connector has opened: its bytes pass as they are. See `TLSChannel`."""

    def __init__(self) -> None:
        self._fed = b""
        self._eof = False
        self._outgoing = b""

    def shake_hands(self) -> bool:
        return True

    def feed(self, data: bytes) -> None:
        self._fed += data
        self._eof = not data

    def decrypt(self) -> tuple[bytes, ssl.SSLError | None]:
        fed, self._fed = self._fed, b""
        return fed, ssl.SSLZeroReturnError() if self._eof else None

    def encrypt(self, data: bytes | bytearray) -> None:
        self._outgoing += data

    def outgoing(self) -> bytes:
        outgoing, self._outgoing = self._outgoing, b""
        return outgoing


def _resolve(host: str, port: int) -> Resolved:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return interleaved(found), tls_context(os.environ)
