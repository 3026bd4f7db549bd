"""Requests: which ones wait to be written, which ones for a reply, and until when.

A request is written at most once. Until then it keeps its place in the queue, over
any number of reconnects. Afterwards it is answered, times out or is lost.

Source: docs/protocol.md, section 9.
"""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import Any, Final, Protocol

from ..bounds import Limits, Timing
from ..display import shown_id
from ..errors import RelayError, RequestQueueFullError, RequestTimeoutError
from ..pending import Source
from ..records import ActionRecord, Leg
from ..rpc.frames import JSONObject, result_code
from ..timers import Deadlines
from ..transitions import RequestState
from .pace import Pace

# Every request needs these. Before Python 3.12, members of enums are slow to look up.
_QUEUED: Final = RequestState.QUEUED
_SENT: Final = RequestState.SENT
_DONE: Final = RequestState.DONE


class Subject(Protocol):
    """What a request is about. It knows what each outcome of the request means.

    An outcome may leave legs of a dial that nobody wants. The method returns those
    legs, and the caller hangs them up.
    """

    @abc.abstractmethod
    def settle_if_needless(self) -> bool:
        """Settle with a result if nothing is left to ask for, after a wait for a session.

        Return whether it is so. The request is not written then.
        """
        ...

    @abc.abstractmethod
    def written(self, now: float) -> None:
        """The request leaves now."""

    @abc.abstractmethod
    def succeeded(self, result: JSONObject, now: float) -> Sequence[Leg]:
        """The server did what was asked."""

    @abc.abstractmethod
    def refused(self, error: RelayError, now: float) -> Sequence[Leg]:
        """The server refused, or says that there is nothing left to act on."""

    @abc.abstractmethod
    def lost(self, error: RelayError, now: float) -> Sequence[Leg]:
        """The session is lost: no answer will come."""

    @abc.abstractmethod
    def expired(self, error: RequestTimeoutError, now: float) -> Sequence[Leg]:
        """The request was not answered, or not even written, in time."""

    @abc.abstractmethod
    def abandoned(self, error: RelayError, now: float) -> Sequence[Leg]:
        """Nobody waits for the answer any more. The request may have been written."""

    @abc.abstractmethod
    def unwanted_action(self) -> ActionRecord | None:
        """Return the action that is to be stopped if nobody waits for the answer any more."""


class Request(Source):
    """One request: what it asks, and what it is about.

    `frame` holds its bytes until they are written. `params` are kept if the frame must
    be made once more, because only the session says which context is its own. `pace`
    decides when it may be written, if it is not None. `due_at` is the time for the reply
    if the time-out is the usual one: see `Requests`.
    """

    __slots__ = (
        "due_at",
        "frame",
        "id",
        "method",
        "pace",
        "params",
        "state",
        "subject",
        "timeout",
    )

    def __init__(
        self,
        identity: str,
        method: str,
        params: JSONObject | None,
        subject: Subject,
        timeout: float,
        frame: bytes,
    ) -> None:
        self.id = identity
        self.method = method
        self.params = params
        self.subject = subject
        self.timeout = timeout
        self.frame = frame
        self.pace: Pace[Request] | None = None
        self.due_at: float | None = None
        self.state: RequestState = _QUEUED

    def __repr__(self) -> str:
        return f"<Request {shown_id(self.method)} {self.id} {self.state.value}>"


class Requests:
    """The queue of unwritten requests and the table of unanswered ones.

    Nearly all requests have the usual time-out, so their replies are due in the order in
    which they were written. One deadline is enough for all of them, that of the first. It
    stays when the first is answered: then it comes too early, and is set again. A request
    and its reply take 0.9 of the time that they take with a deadline for each.
    """

    def __init__(self, deadlines: Deadlines[Any], timing: Timing, limits: Limits) -> None:
        self._deadlines = deadlines
        self._timing = timing
        self._limits = limits
        self._queued: dict[str, Request] = {}
        self._queued_bytes = 0
        self._sent: dict[str, Request] = {}
        self._watching = False
        """Whether there is a deadline for the replies that are due in order."""

    @property
    def queued(self) -> int:
        """How many are not written yet."""
        return len(self._queued)

    def check_room(self, method: str, size: int, *, writable: bool) -> None:
        """Check that there is room for one more request, of `size` bytes.

        Raises:
            RequestQueueFullError: there is none.
        """
        limits = self._limits
        if writable:
            if len(self._sent) >= limits.pending_requests:
                raise RequestQueueFullError(method, limits.pending_requests, "pending_requests")
        elif len(self._queued) >= limits.queued_requests:
            raise RequestQueueFullError(method, limits.queued_requests, "queued_requests")
        elif self._queued_bytes + size > limits.queued_bytes:
            raise RequestQueueFullError(method, limits.queued_bytes, "queued_bytes")

    def enqueue(self, request: Request, now: float) -> None:
        """Keep a request until it can be written."""
        self._queued[request.id] = request
        self._queued_bytes += len(request.frame)
        self._deadlines.set(request, now + self.patience(request))

    def patience(self, request: Request) -> float:
        """Return for how many seconds a request may wait until it is written."""
        timing = self._timing
        return timing.queue_timeout if request.pace is None else timing.pace_timeout

    def take_queued(self) -> list[Request]:
        """Take out the unwritten requests that wait for no turn, in order, to write them."""
        taken = [request for request in self._queued.values() if request.pace is None]
        for request in taken:
            self.take(request)
        return taken

    def take(self, request: Request) -> None:
        """Take out an unwritten request. The caller writes it now, unless it is needless."""
        del self._queued[request.id]
        self._queued_bytes -= len(request.frame)
        self._deadlines.clear(request)

    def written(self, request: Request, now: float) -> None:
        """Note that a request leaves now. The time for its reply begins."""
        request.state = _SENT
        request.frame = b""  # it is not written twice, and may be large
        self._sent[request.id] = request
        due_at = now + request.timeout
        if request.timeout != self._timing.request_timeout:
            self._deadlines.set(request, due_at)
            return
        request.due_at = due_at
        if not self._watching:
            self._watching = True
            self._deadlines.set(self, due_at)

    def first_overdue(self, now: float) -> Request | None:
        """Return a request whose reply is overdue, and set the deadline again.

        The deadline has come. Call `finish` with the request.
        """
        for request in self._sent.values():
            if request.due_at is not None:
                self._deadlines.set(self, request.due_at)
                return request if request.due_at <= now else None
        self._watching = False
        return None

    def answered(self, identity: str) -> Request | None:
        """Take out the request that a reply with this id answers."""
        request = self._sent.pop(identity, None)
        if request is not None:
            request.state = _DONE
            if request.due_at is None:
                self._deadlines.clear(request)
        return request

    def finish(self, request: Request) -> None:
        """Forget a request that has expired, or is cancelled, lost or needless."""
        request.state = _DONE
        if self._queued.pop(request.id, None) is not None:
            self._queued_bytes -= len(request.frame)
            if request.pace is not None:
                request.pace.forget(request)
        self._sent.pop(request.id, None)
        self._deadlines.clear(request)

    def finish_if_needless(self, source: Source | None) -> None:
        """Forget a request that waits to be written, if nothing is left to ask for."""
        if not isinstance(source, Request) or source.state is not _QUEUED:
            return
        if source.subject.settle_if_needless():
            self.finish(source)

    def lose_sent(self) -> list[Request]:
        """Take out all written requests: their replies can no longer come."""
        return self._finish_all(self._sent)

    def lose_queued(self) -> list[Request]:
        """Take out all unwritten requests: they will not be written."""
        return self._finish_all(self._queued)

    def _finish_all(self, table: dict[str, Request]) -> list[Request]:
        lost = list(table.values())
        for request in lost:
            self.finish(request)
        self._watching = False
        return lost


def is_success(code: object) -> bool:
    """Whether a result code, text or integer, is a 2xx."""
    return 200 <= result_code(code) <= 299
