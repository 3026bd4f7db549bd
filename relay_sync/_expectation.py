"""An expectation: one event to come on a call, for which several threads may wait."""

# An expectation belongs to its call.
# ruff: noqa: SLF001
# pyright: reportPrivateUsage=false

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Generic, TypeVar, cast

from relay_proto.adapter.backlog import Backlog, weight
from relay_proto.adapter.guard import Predicate, judge
from relay_proto.adapter.handles import CallBase, ExpectationBase
from relay_proto.adapter.timeouts import timed_out
from relay_proto.api.parameters import checked
from relay_proto.errors import CallEndedError
from relay_proto.rpc.event_base import RelayEvent

from ._engine import Engine
from ._waiting import Mailbox

E = TypeVar("E", bound=RelayEvent)


class Expectation(ExpectationBase, Generic[E]):
    """One event to come: see `Call.expect`. Several threads may wait for it."""

    def __init__(
        self,
        call: CallBase[Engine, Any],
        event_type: str,
        predicate: Callable[[E], bool] | None,
    ) -> None:
        super().__init__(call, event_type, cast("Predicate | None", predicate))
        self._engine = call._engine
        self._lock = threading.RLock()  # garbage may end the call while it is held
        self._unread: Backlog[RelayEvent] = Backlog(self._engine.backlog)
        self._outcome: RelayEvent | BaseException | None = None
        self._end: CallEndedError | None = None
        self._waiting: list[Mailbox[None]] = []  # one of each thread: see `Mailbox`

    @checked
    def wait(self, timeout: float | None = None) -> E:
        """Wait for the event. Raises as `Call.wait_for`."""
        ends_at = None if timeout is None else time.monotonic() + timeout
        while (outcome := self._outcome) is None:
            try:
                self._wait_for_more(None if ends_at is None else ends_at - time.monotonic())
            except TimeoutError:
                raise timed_out(timeout, self, "to come true") from None
            with self._lock:
                found = self._unread.take() if self._unread else self._end
            # Judged here: the predicate runs in the thread that waits.
            judged = judge(self._predicate, found) if isinstance(found, RelayEvent) else found
            if judged is not None:
                self._settle(judged)
        if isinstance(outcome, BaseException):
            raise outcome.with_traceback(None)
        return cast("E", outcome)  # its type is the one that was asked for

    @property
    def _is_decided(self) -> bool:
        return self._outcome is not None or self._end is not None

    def _wait_for_more(self, timeout: float | None) -> None:
        """Wait until there is something to judge, or the outcome. Another thread may be faster."""
        woken: Mailbox[None] = Mailbox()
        with self._lock:
            self._waiting.append(woken)  # first: what garbage tells meanwhile is not missed
            if self._unread or self._is_decided:
                woken.put(None)
        try:
            self._engine.await_mail(woken, timeout)
        finally:
            with self._lock:
                if woken in self._waiting:
                    self._waiting.remove(woken)

    def _consider(self, event: RelayEvent) -> None:
        if event.event_type != self._event_type or self._is_decided:
            return
        size = weight(event)
        with self._lock:
            count, unread = len(self._unread), self._unread.bytes
            fits = self._unread.has_room(size)
            if fits:
                self._unread.put(event, size)
                self._wake()
        if not fits:
            self._engine.delivery.lines.event_dropped(repr(self), count, unread, event)

    def _fail(self, error: CallEndedError) -> None:
        with self._lock:
            self._end = error
            self._wake()

    def _settle(self, outcome: RelayEvent | BaseException) -> None:
        with self._lock:
            if self._outcome is None:
                self._outcome = outcome
            self._wake()

    def _wake(self) -> None:
        """With the lock held: wake all who wait."""
        for woken in self._waiting:
            woken.put(None)
        self._waiting.clear()
