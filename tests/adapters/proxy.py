"""A proxy between a client and the service, which does to their bytes what networks do.

It counts the bytes of each direction as they pass, encrypted as they are: after so
many of them, a connection is cut, reset or stalled. It stands in the test's own
event loop, on plain sockets: only their owner can reset a connection without a word.
"""

from __future__ import annotations

import enum
import socket
import struct
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import anyio
import anyio.lowlevel
from anyio.abc import TaskGroup

READ_SIZE: Final = 65_536
AT_ONCE: Final = struct.pack("ii", 1, 0)
"""A lingering time of zero: closing the socket resets its connection."""


class Way(enum.Enum):
    """A direction."""

    UP = "to the server"
    DOWN = "to the client"


class End(enum.Enum):
    """What becomes of a connection."""

    CUT = "both sides read the end of the stream"
    RESET = "both sides are told that there is no such connection"
    STALL = "nothing passes any more, and nobody is told"
    HALF_OPEN = "the same, but in one direction alone"


@dataclass(frozen=True, slots=True)
class Fault:
    """`end`, as soon as so many more bytes have passed; after 0, instead of the next one."""

    end: End
    way: Way = Way.DOWN
    after: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """Bytes pass in pieces of this size at most, each so many seconds after the one before."""

    piece: int = READ_SIZE
    delay: float = 0.0


class Connection:
    """One connection through the proxy."""

    def __init__(self, fault: Fault | None, pace: Pace) -> None:
        self.passed = dict.fromkeys(Way, 0)
        self.hit = anyio.Event()
        """Its fault has come."""
        self.left = anyio.Event()
        """The client has closed its side, or was cut off by a reset."""
        self._pace = pace
        self._fault = fault
        self._ends_at = 0 if fault is None else fault.after
        self._mute: set[Way] = set()
        self._carrying = anyio.CancelScope()

    def befall(self, fault: Fault) -> None:
        """Let this happen, counted from now."""
        self._fault = fault
        self._ends_at = self.passed[fault.way] + fault.after

    async def carry(self, client: socket.socket, server: socket.socket) -> None:
        """Carry bytes until both sides have left, or a reset; closes both sockets."""
        with client, server:
            for sock in (client, server):
                sock.setblocking(False)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._carrying:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(self._carry_up, client, server)
                    tasks.start_soon(self._carry_all, Way.DOWN, server, client)
        self.left.set()

    async def _carry_up(self, client: socket.socket, server: socket.socket) -> None:
        await self._carry_all(Way.UP, client, server)
        self.left.set()

    async def _carry_all(self, way: Way, source: socket.socket, target: socket.socket) -> None:
        while data := await _receive(source):
            for start in range(0, len(data), self._pace.piece):
                await anyio.sleep(self._pace.delay)
                await self._pass(way, data[start : start + self._pace.piece], source, target)
        if way not in self._mute:
            _send_end(target)

    async def _pass(
        self, way: Way, data: bytes, source: socket.socket, target: socket.socket
    ) -> None:
        if way in self._mute:
            return
        fault = self._fault if self._fault is not None and self._fault.way is way else None
        if fault is not None:
            data = data[: self._ends_at - self.passed[way]]
        await _send(target, data)
        self.passed[way] += len(data)
        if fault is not None and self.passed[way] >= self._ends_at:
            self._fault = None
            self._end(fault, source, target)

    def _end(self, fault: Fault, *both: socket.socket) -> None:
        self._mute |= {fault.way} if fault.end is End.HALF_OPEN else set(Way)
        if fault.end is End.CUT:
            for sock in both:
                _send_end(sock)
        elif fault.end is End.RESET:
            for sock in both:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
            self._carrying.cancel()
        self.hit.set()


class Proxy:
    """Where clients connect instead: to the service at `port`."""

    def __init__(self, tasks: TaskGroup, port: int) -> None:
        self.connections: list[Connection] = []
        self.pace = Pace()
        """Of the connections that come from now on."""
        self.fault: Fault | None = None
        """What befalls those that come when nothing is planned any more."""
        self._tasks = tasks
        self._target = port
        self._faults: deque[Fault | None] = deque()
        self._changed = anyio.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._port: int = self._listener.getsockname()[1]
        self._deaf = anyio.Event()
        self._accepting = anyio.CancelScope()

    @property
    def host(self) -> str:
        """The host to name to a client."""
        return f"localhost:{self._port}"

    @property
    def latest(self) -> Connection:
        """The connection that came last."""
        return self.connections[-1]

    def plan(self, *faults: Fault | None) -> None:
        """Let these befall the connections to come, in turn."""
        self._faults.extend(faults)

    async def connection(self, number: int) -> Connection:
        """Wait for a connection; the first is number 0."""
        while len(self.connections) <= number:
            await self._changed.wait()
        return self.connections[number]

    async def until_left(self) -> None:
        """Wait until no client holds a connection any more."""
        for connection in self.connections:
            await connection.left.wait()

    @asynccontextmanager
    async def refusing(self) -> AsyncGenerator[None]:
        """Let nobody listen; the connections that there are stay."""
        self._accepting.cancel()
        await self._deaf.wait()
        try:
            yield
        finally:
            self._deaf = anyio.Event()
            self._accepting = anyio.CancelScope()
            self._listener = socket.create_server(("127.0.0.1", self._port))
            self._tasks.start_soon(self.accept)

    async def accept(self) -> None:
        """Accept connections until cancelled."""
        with self._listener as listener, self._accepting:
            listener.setblocking(False)
            while True:
                await anyio.wait_readable(listener)
                client, _ = listener.accept()
                fault = self._faults.popleft() if self._faults else self.fault
                connection = Connection(fault, self.pace)
                self.connections.append(connection)
                # The service listens on this machine: this takes no time.
                server = socket.create_connection(("127.0.0.1", self._target))
                self._tasks.start_soon(connection.carry, client, server)
                self._changed.set()
                self._changed = anyio.Event()
        self._deaf.set()


@asynccontextmanager
async def open_proxy(host: str) -> AsyncGenerator[Proxy]:
    """Run a proxy before the service at `host`."""
    async with anyio.create_task_group() as tasks:
        proxy = Proxy(tasks, int(host.rpartition(":")[2]))
        tasks.start_soon(proxy.accept)
        yield proxy
        tasks.cancel_scope.cancel()


async def _receive(source: socket.socket) -> bytes:
    """The next bytes; none when the stream has ended, however it did."""
    await anyio.lowlevel.checkpoint()
    while True:
        try:
            return source.recv(READ_SIZE)
        except BlockingIOError:
            await anyio.wait_readable(source)
        except OSError:
            return b""


async def _send(target: socket.socket, data: bytes) -> None:
    """Send all; what a peer that has left does not take is lost."""
    while data:
        try:
            data = data[target.send(data) :]
        except BlockingIOError:
            await anyio.wait_writable(target)
        except OSError:
            return


def _send_end(target: socket.socket) -> None:
    try:
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return  # it has left
