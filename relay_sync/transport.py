"""Transports: one non-blocking TLS byte stream each, driven by the reactor.

Names are resolved in a thread of their own, because that cannot be done without
blocking; all else happens in the I/O thread.

Public: `Connector`, for applications that pass a `connector` of their own.
"""

from __future__ import annotations

import enum
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final, Protocol, TypeAlias

from relay_proto.adapter.connection_errors import describe
from relay_proto.adapter.errands import Outcome, errands
from relay_proto.adapter.forks import forks
from relay_proto.adapter.guard import end_of_program
from relay_proto.adapter.network import Channel, Network, Route
from relay_proto.adapter.sockets import (
    ATTEMPT_DELAY,
    READ_SIZE,
    Address,
    begin_to_connect,
    check_connected,
)

from ._reactor import READ, WRITE, Reactor

ALL_BUT_OVER: Final = 1.0
"""Seconds, at the most, for a thread that has nothing left to do."""
NOT_YET: Final = (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
"""What a socket raises that cannot go on now; the last two are an `ssl.SSLSocket`'s."""

Connector: TypeAlias = Callable[[str, int], socket.socket]
"""Opens a connected socket to a host and port, on which nothing but RELAY's bytes pass.

It may be an `ssl.SSLSocket`, after its handshake. Without a connector it is TLS over
TCP. It may block: it has a thread of its own.
"""


class Phase(enum.Enum):
    """How far a transport has come."""

    RESOLVING = "resolving"
    CONNECTING = "connecting"
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

    def end_program(self, name: str, error: BaseException) -> None:
        """A function of the application's has raised what ends the program."""


class _Line:
    """A socket, and the channel of what passes on it."""

    def __init__(self, sock: socket.socket, channel: Channel) -> None:
        self.sock = sock
        self.channel = channel
        self.unsent = bytearray()

    def read(self) -> bool:
        """Take in what has arrived; false if nothing has.

        Raises:
            OSError: the connection is broken.
        """
        try:
            data = self.sock.recv(READ_SIZE)
        except NOT_YET:
            return False
        self.channel.feed(data)
        if isinstance(self.sock, ssl.SSLSocket):  # what it has decrypted wakes no selector
            while data and self.sock.pending():
                data = self.sock.recv(READ_SIZE)
                self.channel.feed(data)
        return True

    def send(self) -> None:
        """Send what the socket takes; the rest is left in `unsent`.

        Raises:
            OSError: the connection is broken.
        """
        self.unsent += self.channel.outgoing()
        if self.unsent:
            try:
                sent = self.sock.send(self.unsent)
            except NOT_YET:
                sent = 0
            del self.unsent[:sent]


class _Attempt:
    """An address that is being tried: it is connecting, or shakes hands."""

    def __init__(self, address: Address, sock: socket.socket) -> None:
        self.address = address
        self.sock = sock
        self.line: _Line | None = None
        """There is one when the address has accepted."""


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
        self._network: Network | None = None
        self._route: Route | None = None
        self._addresses: list[Address] = []
        self._attempts: list[_Attempt] = []
        self._errors: list[BaseException] = []
        self._due_at: float | None = None
        self._line: _Line | None = None
        self._unsealed = bytearray()
        self._closing = False

    def __repr__(self) -> str:
        return f"<Transport {self.number} {self._phase.value}>"

    # From the engine

    def open(self, find: Callable[[], object], host: str, network: Network) -> None:
        """Begin to open it. The owner hears later what has come of that.

        `find` may block. It returns a `Route` of this network, or a socket.
        """
        self._network = network
        try:
            errands.run(find, self._hand_on, f"relay_sync resolver of {host}")
        except OSError as error:
            self._end(describe(error))

    def write(self, data: bytes) -> None:
        """Leave bytes for `flush`."""
        self._unsealed += data

    def flush(self) -> None:
        """Send what can be sent; the rest follows when the peer reads on."""
        if self._phase is not Phase.OPEN or self._line is None:
            return
        try:
            self._seal()
            self._send()
        except OSError as error:
            self._end(describe(error))
            return
        waiting = len(self._line.unsent) + len(self._unsealed)
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
        """Give back the sockets, and tell nobody: the I/O thread has ended."""
        self._phase = Phase.CLOSED
        for attempt in self._attempts:
            attempt.sock.close()
        if self._line is not None:
            self._line.sock.close()

    # Opening

    def _hand_on(self, outcome: Outcome[object]) -> None:
        """In the thread that has looked for a way: let the I/O thread know what it has found."""
        if self._phase is Phase.CLOSED:
            _discard(outcome)  # perhaps nobody is there any more to take it
        else:
            self._reactor.post(partial(self._resolved, outcome, threading.current_thread()))

    def _resolved(self, outcome: Outcome[object], resolver: threading.Thread) -> None:
        resolver.join(ALL_BUT_OVER)  # so that nobody finds it alive who has heard what came of it
        if self._phase is not Phase.RESOLVING:
            _discard(outcome)
            return
        try:
            found = outcome.get()
        except BaseException as error:  # noqa: BLE001 - a connector is the application's
            if (ending := end_of_program(error)) is not None:
                self._owner.end_program("a connector, or a function for credentials,", ending)
            self._end(describe(error))
            return
        match found:
            case socket.socket():
                self._take(found)
            case Route():
                self._route = found
                self._addresses = [*found.addresses]
                self._phase = Phase.CONNECTING
                self._try_next()
            case _:
                self._end(f"the connector has returned a {type(found).__name__}, not a socket")

    def _take(self, sock: socket.socket) -> None:
        forks.keep_from_children(sock)
        line = _Line(sock, _Clear())
        try:
            sock.setblocking(False)
            self._reactor.watch(sock, READ, self._readable)
        except (OSError, ValueError) as error:  # it is closed already
            sock.close()
            self._end(describe(error))
            return
        self._opened(line)
        self._readable()  # an `ssl.SSLSocket` may have read ahead

    def _try_next(self) -> None:
        """Begin to connect to the next address that can be tried at all."""
        assert self._route is not None, "there are addresses"
        self._due_at = None
        while self._addresses:
            address = self._addresses.pop(0)
            try:
                sock = begin_to_connect(address)
            except OSError as error:
                self._errors.append(self._route.explain(error))
                continue
            attempt = _Attempt(address, sock)
            self._attempts.append(attempt)
            self._reactor.watch(sock, WRITE, partial(self._tried, attempt))
            self._due_at = time.monotonic() + ATTEMPT_DELAY
            return
        if not self._attempts:
            self._end(describe(BaseExceptionGroup("every address failed", self._errors)))

    def _tried(self, attempt: _Attempt) -> None:
        """An address has accepted, or refused."""
        if attempt not in self._attempts:
            return  # it is over: another address has won
        assert self._route is not None, "there are addresses"
        try:
            check_connected(attempt.sock)
        except OSError as error:
            self._give_up(attempt, self._route.explain(error))
            return
        try:
            attempt.line = _Line(attempt.sock, self._route.new_channel())
        except OSError as error:
            self._give_up(attempt, error)
            return
        if attempt is self._attempts[-1]:
            self._due_at = time.monotonic() + self._route.share
        self._shake_hands(attempt, attempt.line)

    def _shake_hands(self, attempt: _Attempt, line: _Line) -> None:
        try:
            done = line.channel.shake_hands()
            line.send()
        except OSError as error:
            with suppress(OSError):
                line.send()  # the alert that tells the server why
            self._give_up(attempt, error)
            return
        if not done:
            go_on = partial(self._go_on, attempt, line)
            self._reactor.watch(line.sock, READ | WRITE if line.unsent else READ, go_on)
            return
        assert self._network is not None, "it was told when it was opened"
        self._network.opened(attempt.address)
        self._attempts.remove(attempt)
        self._drop_attempts()
        self._due_at = None
        self._reactor.watch(line.sock, READ | WRITE if line.unsent else READ, self._ready)
        self._opened(line)
        self._deliver()

    def _go_on(self, attempt: _Attempt, line: _Line) -> None:
        if attempt not in self._attempts:
            return  # it is over: another address has won
        try:
            arrived = line.read()
            line.send()
        except OSError as error:
            self._give_up(attempt, error)
            return
        if arrived or line.unsent:
            self._shake_hands(attempt, line)

    def _give_up(self, attempt: _Attempt, error: BaseException) -> None:
        """An address is no good: try the next one, unless another is on its way."""
        # What went wrong with an address that has accepted says more.
        self._errors.insert(0 if attempt.line is not None else len(self._errors), error)
        self._reactor.forget(attempt.sock)
        attempt.sock.close()
        self._attempts.remove(attempt)
        self._try_next()

    def _drop_attempts(self) -> None:
        for attempt in self._attempts:
            self._reactor.forget(attempt.sock)
            attempt.sock.close()
        self._attempts.clear()

    def _opened(self, line: _Line) -> None:
        self._line = line
        self._phase = Phase.OPEN
        self._owner.opened(self.number)

    # Open

    def _ready(self) -> None:
        if self._line is not None and self._line.unsent:
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
        if self._line is None:
            return
        try:
            arrived = self._line.read()
        except OSError as error:
            self._end(describe(error))
            return
        if arrived:
            self._deliver()

    def _deliver(self) -> None:
        if self._line is None:
            return
        text, error = self._line.channel.decrypt()
        if text:
            self._owner.received(self.number, text)
        if error is not None:
            self._end(describe(error))

    def _seal(self) -> None:
        if self._unsealed and self._line is not None:
            self._line.channel.encrypt(self._unsealed)
            self._unsealed.clear()

    def _send(self) -> None:
        line = self._line
        assert line is not None, "it is connected"
        had = bool(line.unsent)
        line.send()
        if had != bool(line.unsent):
            events = READ | WRITE if line.unsent else READ
            self._reactor.watch(line.sock, events, self._ready)

    def _end(self, reason: str) -> None:
        if self._phase is Phase.CLOSED:
            return
        self._phase = Phase.CLOSED
        self._due_at = None
        self._drop_attempts()
        if self._line is not None:
            self._reactor.forget(self._line.sock)
            self._line.sock.close()
            self._line = None
        self._reactor.post(partial(self._owner.ended, self.number, reason))


def _discard(outcome: Outcome[object]) -> None:
    with suppress(BaseException):
        found = outcome.get()
        if isinstance(found, socket.socket):
            found.close()


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
