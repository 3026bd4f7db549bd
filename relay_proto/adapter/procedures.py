"""Procedures: what both adapters need to carry one out, as far as nothing waits."""

# A watch is what a call tells its events to.
# pyright: reportPrivateUsage=false
# ruff: noqa: SLF001

from __future__ import annotations

import abc
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Final, Protocol, TypeAlias

from ..api import commands
from ..api.procedures import Procedure
from ..constants import EVENT_CALL_DETECT, EVENT_CALL_PLAY, EVENT_CALL_STATE
from ..errors import CallEndedError
from ..records import ActionRecord
from ..rpc.event_base import RelayEvent
from .backlog import Backlog, weight
from .handles import Engine, Expects
from .logs import Lines

WATCHED: Final = frozenset({EVENT_CALL_DETECT, EVENT_CALL_PLAY, EVENT_CALL_STATE})
"""The types of events that procedures ask for."""
Seen: TypeAlias = RelayEvent | CallEndedError


class Watchable(Protocol):
    """What a procedure needs of its call, in either adapter."""

    @property
    def call_id(self) -> str:
        """The id of the call."""
        ...

    @property
    def _engine(self) -> Any: ...
    def _expect(self, expectation: Expects) -> None: ...
    def _expect_no_longer(self, expectation: Expects) -> None: ...


class WatchBase(abc.ABC):
    """The events of a call that a procedure may need, and the end of the call, in order."""

    def __init__(self, call: Watchable) -> None:
        self._name = f"procedure on call {call.call_id}"
        self._lines: Lines = call._engine.delivery.lines
        self._seen: Backlog[Seen] = Backlog(call._engine.backlog)
        self._lock = threading.RLock()  # garbage may end the call while it is held

    @abc.abstractmethod
    def _wake(self) -> None:
        """Wake whoever waits for more."""

    def tell(self, procedure: Procedure[Any], now: float) -> None:
        """Tell the procedure what has happened since the last time."""
        while self._seen:
            with self._lock:
                seen = self._seen.take()
            if isinstance(seen, CallEndedError):
                procedure.end_call(now)
            else:
                procedure.take(seen, now)

    def _consider(self, event: RelayEvent) -> None:
        if event.event_type not in WATCHED:
            return
        size = weight(event)
        with self._lock:
            fits = self._seen.has_room(size)
            if fits:
                self._put(event, size)
        if not fits:
            self._lines.event_dropped(self._name, len(self._seen), self._seen.bytes, event)

    def _fail(self, error: CallEndedError) -> None:
        with self._lock:
            self._put(error, 0)

    def _put(self, seen: Seen, size: int) -> None:
        was_empty = not self._seen
        self._seen.put(seen, size)
        if was_empty:
            self._wake()


def is_late(procedure: Procedure[Any], now: float) -> bool:
    """Whether the next step may say that it is too late, so that the adapter reads first."""
    deadline = procedure.deadline()
    return deadline is not None and deadline <= now


def stop(engine: Engine, action: ActionRecord) -> None:
    """Stop an action, if it still runs, and do not wait for that."""
    if engine.alive:
        engine.tell(engine.core.execute_on, action, commands.stop().as_patient())


@contextmanager
def watched(call: Watchable, procedure: Procedure[Any], watch: WatchBase) -> Generator[None]:
    """Show `watch` the events of `call`. At the end, stop what the procedure has started."""
    call._expect(watch)
    try:
        yield
    finally:
        call._expect_no_longer(watch)
        for action in procedure.actions:
            stop(call._engine, action)
