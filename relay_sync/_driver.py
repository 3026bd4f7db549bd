"""The driver: a core, its byte streams and its timer, in the turns of the I/O thread.

All but `post` and `read_what_waits` belongs to the I/O thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from relay_proto.adapter.delivery import Delivery
from relay_proto.adapter.freezes import notice_freeze
from relay_proto.adapter.network import Network
from relay_proto.client_interface import ClientInterface
from relay_proto.outputs import Closed, CloseTransport, EventReceived, Output, SendData

from ._reactor import Reactor
from ._reading import Reading
from .transport import Transport

STOOD_STILL: Final = (
    "the client's own thread has not run for %.0f s, or longer. Meanwhile the client received no "
    "events and answered no pings. The process was stopped, or something holds Python's lock"
)


class Driver:
    """Carries bytes and time to a core, and its outputs out.

    What is not about bytes, and no event, goes to `handle`.
    """

    def __init__(
        self,
        core: ClientInterface,
        delivery: Delivery[Any, Any, Any],
        handle: Callable[[Output], None],
    ) -> None:
        self._core = core
        self._delivery = delivery
        self._handle = handle
        self._performers: dict[type, Callable[[Any], None]] = {
            EventReceived: delivery.event_received,
            SendData: self._send,
            CloseTransport: self._close,
            Closed: self._end,
        }
        self._reactor = Reactor()
        self._reading = Reading(self._reactor, self._perform)
        self._transports: dict[int, Transport] = {}
        self._closed = False

    # From any thread

    def post(self, function: Callable[[], None]) -> None:
        """Let the I/O thread call `function`, which must not raise."""
        self._reactor.post(function)

    def read_what_waits(self) -> None:
        """Wait until the I/O thread has read what waits, and has handed it on."""
        self._reading.wait()

    # In the I/O thread

    def run(self) -> None:
        """Have one turn after another, until the core is closed and all transports have ended."""
        while not self._finished:
            self._turn()

    def open(self, number: int, find: Callable[[], object], host: str, network: Network) -> None:
        """Open a byte stream. `find`, in a thread of its own, finds the way to `host`."""
        config = self._core.config
        transport = Transport(
            number,
            self,
            self._reactor,
            flush_timeout=config.timing.close_timeout,
            most_unsent=config.limits.unsent_bytes,
        )
        self._transports[number] = transport
        transport.open(find, host, network)

    def run_all_posted(self) -> None:
        """Call what other threads have left, at the end."""
        self._reactor.run_all_posted()

    def abandon(self) -> None:
        """Leave all transports as they are, and give back what the system gave."""
        for transport in self._transports.values():
            transport.abandon()
        self.let_go()

    def let_go(self) -> None:
        """Give back what the system gave: in a forked child, its copies."""
        self._reactor.close()

    def opened(self, number: int) -> None:
        """See `Owner`."""
        self._core.transport_opened(number, time.monotonic())

    def received(self, number: int, data: bytes) -> None:
        """See `Owner`."""
        self._reading.reads += 1
        self._core.receive_data(number, data, time.monotonic())

    def ended(self, number: int, reason: str) -> None:
        """See `Owner`."""
        del self._transports[number]
        self._core.transport_closed(number, time.monotonic(), reason)

    def end_program(self, name: str, error: BaseException) -> None:
        """See `Owner`."""
        self._delivery.end_program(name, error)

    @property
    def _finished(self) -> bool:
        return self._closed and not self._transports

    def _turn(self) -> None:
        """Do what is due, perform all outputs, and sleep until there is more to do."""
        reading, delivery = self._reading, self._delivery
        deadline = delivery.deadline()
        is_due = deadline is not None and deadline <= time.monotonic()
        asked = reading.read_what_waits() if is_due or reading.is_asked else []
        if is_due:
            delivery.handle_timer(time.monotonic())
        for transport in tuple(self._transports.values()):
            transport.handle_timer(time.monotonic())
        self._step()
        for mail in asked:
            mail.put(None)
        if not self._finished:
            self._sleep()

    def _sleep(self) -> None:
        deadlines = [self._delivery.deadline(), *(t.deadline() for t in self._transports.values())]
        nearest = min((due for due in deadlines if due is not None), default=None)
        if nearest is None or self._reading.is_asked:
            self._reading.take_in(0 if self._reading.is_asked else None)
            return
        began = time.monotonic()
        self._reading.take_in(max(0.0, nearest - began))
        late = time.monotonic() - max(nearest, began)
        notice_freeze(self._delivery.lines, STOOD_STILL, late)

    def _step(self) -> None:
        """Perform all outputs of the core; what they write leaves together."""
        self._perform()
        for transport in tuple(self._transports.values()):
            transport.flush()

    def _perform(self) -> None:
        next_output, performer = self._core.next_output, self._performers.get
        while (output := next_output()) is not None:
            performer(type(output), self._handle)(output)

    def _send(self, output: SendData) -> None:
        transport = self._transports.get(output.transport)
        if transport is not None:
            transport.write(output.data)

    def _close(self, output: CloseTransport) -> None:
        transport = self._transports.get(output.transport)
        if transport is not None:
            transport.close(flush=output.flush)

    def _end(self, output: Closed) -> None:
        self._closed = True
        self._handle(output)
