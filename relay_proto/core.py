"""The `Core` interface, and the one ordered queue of outputs.

``docs/architecture.md`` describes the contract: inputs and commands take ``now`` and
never block. Afterwards, read the outputs with `Core.next_output` until it returns
None.

Public: for authors of adapters.
"""

from __future__ import annotations

import abc
from collections import deque
from typing import Any, Protocol, TypeVar, final

import msgspec

from .outputs import CallOffered, CloseTransport, Output, SendData, Settled
from .pending import Pending
from .records import CallRecord

R = TypeVar("R")
O_co = TypeVar("O_co", covariant=True)
"""An output of whatever core it is."""


class Core(Protocol[O_co]):
    """A protocol endpoint made of state: bytes and time in, outputs out.

    Times are seconds on any clock that does not run backwards.
    """

    @abc.abstractmethod
    def transport_opened(self, transport: int, now: float) -> None:
        """A byte stream is open."""

    @abc.abstractmethod
    def receive_data(self, transport: int, data: bytes, now: float) -> None:
        """Bytes arrived; any split of them means the same."""

    @abc.abstractmethod
    def transport_closed(self, transport: int, now: float, reason: str) -> None:
        """A byte stream failed to open, ended or broke; `reason` says how."""

    @abc.abstractmethod
    def handle_timer(self, now: float) -> None:
        """Do all that is due at `now`. Early, late or needless calls are harmless."""

    @abc.abstractmethod
    def deadline(self) -> float | None:
        """When `handle_timer` should be called next, or None."""

    @abc.abstractmethod
    def next_output(self) -> O_co | None:
        """The next output, in order, or None."""


@final
class SendBuffer(msgspec.Struct, frozen=True, gc=False):
    """Bytes for one transport, joined when they are taken out."""

    transport: int
    chunks: list[bytes]

    def __repr__(self) -> str:
        return f"SendBuffer(transport={self.transport})"  # the chunks may hold credentials


class OutputQueue:
    """Outputs in order, with the bytes of neighbouring sends joined.

    All that one input makes a core send leaves in one `SendData`, placed where
    its first byte was sent: acknowledgements go out before what they
    acknowledge is reported.
    """

    def __init__(self) -> None:
        self._queue: deque[Output | SendBuffer] = deque()
        self._open: SendBuffer | None = None

    def push(self, output: Output) -> None:
        """Append one output."""
        self._queue.append(output)

    def send(self, transport: int, data: bytes) -> None:
        """Append bytes for a transport."""
        buffer = self._open
        if buffer is not None and buffer.transport == transport:
            buffer.chunks.append(data)
        elif data:
            self._open = SendBuffer(transport, [data])
            self._queue.append(self._open)

    def unheard_offers(self) -> list[CallRecord]:
        """Return the calls whose `CallOffered` nobody has taken out."""
        return [output.call for output in self._queue if isinstance(output, CallOffered)]

    def close(self, transport: int, *, flush: bool) -> None:
        """Append the end of a transport; nothing may be sent on it afterwards."""
        self._open = None
        self._queue.append(CloseTransport(transport, flush))

    def resolve(self, pending: Pending[R], result: R) -> None:
        """Settle `pending` with a result, and report it. No-op if it has settled."""
        if not pending.settled:
            pending.resolve(result)
            self._queue.append(Settled(pending))

    def fail(self, pending: Pending[Any], error: BaseException) -> None:
        """Settle `pending` with an error, and report it. No-op if it has settled."""
        if not pending.settled:
            pending.fail(error)
            self._queue.append(Settled(pending))

    def next(self) -> Output | None:
        """Take out the next output, or None."""
        queue = self._queue
        if not queue:
            return None
        output = queue.popleft()
        if type(output) is not SendBuffer:  # isinstance() takes five times as long to deny it
            return output
        if output is self._open:
            self._open = None
        return SendData(output.transport, b"".join(output.chunks))
