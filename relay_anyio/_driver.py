"""The driver: a core of either side, its byte streams and its timer.

Every input and command is one synchronous step: call the core, then perform all
its outputs. A step never awaits, so nothing can come between the two, and a
cancelled caller cannot leave half of it done.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import anyio
from anyio.abc import ByteStream

from relay_proto.core import Core
from relay_proto.outputs import CloseTransport, SendData

from .transport import Transport

O = TypeVar("O")  # noqa: E741 - an output of whatever core it is


class Driver(Generic[O]):
    """Carries bytes and time to a `Core`, and its outputs out.

    What is not about bytes goes to `handle`.
    """

    def __init__(self, core: Core[O], handle: Callable[[O], None]) -> None:
        self._core = core
        self._handle = handle
        self._transports: dict[int, Transport] = {}
        self.steps = 0
        """How many there have been."""
        self._wake = anyio.Event()
        self._sleeping_until = -math.inf  # nobody sleeps yet: there is nobody to wake

    def step(self) -> None:
        """Perform all outputs of the core."""
        self.steps += 1
        next_output, handle = self._core.next_output, self._handle
        while (output := next_output()) is not None:
            if isinstance(output, SendData):
                if output.transport in self._transports:
                    self._transports[output.transport].write(output.data)
            elif isinstance(output, CloseTransport):
                if output.transport in self._transports:
                    self._transports[output.transport].close(flush=output.flush)
            else:
                handle(output)
        deadline = self._core.deadline()
        if deadline is not None and deadline < self._sleeping_until:
            self._wake.set()

    def gather(self) -> None:
        """Many small writes are about to come: let each transport join them."""
        for transport in self._transports.values():
            transport.gather()

    async def run_transport(
        self, number: int, transport: Transport, connect: Callable[[], Awaitable[ByteStream]]
    ) -> None:
        """Open a byte stream, and carry its bytes until it ends."""
        core = self._core

        def opened() -> None:
            core.transport_opened(number, anyio.current_time())
            self.step()

        def received(data: bytes) -> None:
            core.receive_data(number, data, anyio.current_time())
            self.step()

        reason = await transport.run(connect, opened, received)
        del self._transports[number]
        core.transport_closed(number, anyio.current_time(), reason)
        self.step()

    def new_transport(self, number: int, *, flush_timeout: float, most_unsent: int) -> Transport:
        """A transport whose bytes may be written from now on, before it is open."""
        transport = Transport(flush_timeout=flush_timeout, most_unsent=most_unsent)
        self._transports[number] = transport
        return transport

    async def run_timer(self) -> None:
        """Call the core whenever it wants to be called, until cancelled."""
        core = self._core
        while True:
            deadline = core.deadline()
            self._sleeping_until = math.inf if deadline is None else deadline
            with anyio.CancelScope(deadline=self._sleeping_until):
                await self._wake.wait()
            self._wake = anyio.Event()
            core.handle_timer(anyio.current_time())
            self.step()
