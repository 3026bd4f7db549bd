"""The driver: a core of either side, its byte streams and its timer.

Every input and command is one synchronous step: call the core, then perform all
its outputs. A step never awaits, so nothing can come between the two, and a
cancelled caller cannot leave half of it done. A step is never entered twice: what
an application does while outputs are performed has its own outputs performed
behind them, in order.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar

import anyio
import anyio.lowlevel

from relay_proto.core import Core
from relay_proto.outputs import CloseTransport, SendData

from ._background import running_loop
from ._gathering import Gathering
from ._here import outlive_cancellation, outlives
from .transport import Transport

if TYPE_CHECKING:
    from anyio.abc import ByteStream

TURNS_OF_A_READ: Final = 10
"""Turns of the event loop in which bytes come from a socket to the core. Fewer are enough on
asyncio and on trio; more cost nothing, because deadlines seldom come."""
MOST_READS: Final = 1000
"""A peer that sends without end does not put off the deadlines for ever."""

O = TypeVar("O")  # noqa: E741 - an output of whatever core it is
K = TypeVar("K")


class Timers(Protocol):
    """What wants to be called at a time."""

    def deadline(self) -> float | None:
        """When, or None."""
        ...

    def handle_timer(self, now: float) -> None:
        """Do all that is due."""


class Driver(Generic[O]):
    """Carries bytes and time to a `Core`, and its outputs out.

    What is not about bytes goes to `handle`.
    """

    def __init__(self, core: Core[O], handle: Callable[[O], None]) -> None:
        self._core = core
        self.timers: Timers = core
        """The core, or who calls it when it has been called itself."""
        self.woken_late: Callable[[float], object] = lambda _seconds: None
        """Is told by how many seconds the timer was late, each time."""
        self._handle = handle
        self._performers: dict[type, Callable[[Any], None]] = {
            SendData: self._send,
            CloseTransport: self._close,
        }
        self._transports: dict[int, Transport] = {}
        self._stepping = False
        self.gathering = Gathering(self._wake_writers, self.step)
        self.step_soon: Callable[[], None] = self.gathering.step_soon
        self._wake_timer: Callable[[], object] = bool  # nobody sleeps yet: there is nobody to wake
        self._sleeping_until = math.inf
        self._reads = 0

    def step(self) -> None:
        """Perform all outputs of the core: now, or behind those that are being performed."""
        if self._stepping:
            return
        self._stepping = True
        self.gathering.begin_step()
        next_output, performer = self._core.next_output, self._performers.get
        try:
            while (output := next_output()) is not None:
                performer(type(output), self._handle)(output)
        finally:
            self._stepping = False
        self.look_at_deadline()

    def look_at_deadline(self) -> None:
        """Sleep no longer than until the deadline, which may be sooner now."""
        deadline = self.timers.deadline()
        if deadline is not None and deadline < self._sleeping_until:
            self._wake_timer()

    def abandon(self) -> None:
        """Perform no outputs any more, and leave all transports as they are, in silence."""
        self._stepping = True  # as if a step were under way, which never ends
        for transport in self._transports.values():
            transport.abandon()

    def hear(self, kind: type[K], function: Callable[[K], None]) -> None:
        """Hand outputs of this kind to `function` at once: for what comes most often."""
        self._performers[kind] = function

    def _send(self, output: SendData) -> None:
        transport = self._transports.get(output.transport)
        if transport is not None:
            transport.write(output.data)

    def _close(self, output: CloseTransport) -> None:
        transport = self._transports.get(output.transport)
        if transport is not None:
            transport.close(flush=output.flush)

    def _wake_writers(self) -> None:
        for transport in self._transports.values():
            transport.wake_writer()

    async def run_transport(
        self, number: int, transport: Transport, connect: Callable[[], Awaitable[ByteStream]]
    ) -> None:
        """Open a byte stream, and carry its bytes until it ends."""
        core, time = self._core, running_loop().time

        def opened() -> None:
            core.transport_opened(number, time())
            self.step()

        def received(data: bytes) -> None:
            self._reads += 1
            core.receive_data(number, data, time())
            self.step()

        reason = await transport.run(connect, opened, received)
        del self._transports[number]
        core.transport_closed(number, time(), reason)
        self.step()
        await outlive_cancellation()

    def new_transport(self, number: int, *, flush_timeout: float, most_unsent: int) -> Transport:
        """A transport whose bytes may be written from now on, before it is open."""
        transport = Transport(self.gathering, flush_timeout=flush_timeout, most_unsent=most_unsent)
        self._transports[number] = transport
        return transport

    async def run_timer(self) -> None:
        """Call the core whenever it wants to be called, until cancelled."""
        loop = running_loop()
        while True:
            deadline = self.timers.deadline()
            self._sleeping_until = math.inf if deadline is None else deadline
            waker = loop.waker()
            self._wake_timer = partial(loop.wake, waker)
            due = max(self._sleeping_until, loop.time())
            try:
                with anyio.CancelScope(deadline=self._sleeping_until):
                    await waker
                self.woken_late(loop.time() - due)
                deadline = self.timers.deadline()  # what woke this may have set another
                if deadline is not None and deadline <= loop.time():
                    await self.read_what_waits()
            except BaseException as error:
                if not outlives(error):
                    raise
                continue
            self.timers.handle_timer(loop.time())
            self.step()

    async def read_what_waits(self) -> None:
        """Let the readers read before deadlines are judged.

        After a freeze of the process, or of the loop, an answer may be in the socket
        while its deadline is over.
        """
        for _ in range(MOST_READS):
            before = self._reads
            for _ in range(TURNS_OF_A_READ):
                await anyio.lowlevel.checkpoint()
            if self._reads == before:
                break

    async def wait_at_most(
        self, timeout: float | None, wait: Callable[[], Awaitable[object]]
    ) -> None:
        """Wait as `wait` does, for `timeout` seconds at most. The caller then checks what is true.

        After a freeze, what is waited for may be in the socket: it is read before this ends.
        """
        with anyio.move_on_after(timeout) as limit:
            await wait()
        if limit.cancelled_caught:
            await self.read_what_waits()
