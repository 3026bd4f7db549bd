"""Queues: calls wait in a queue until another call connects to it.

A queue belongs to a project, and exists while a call waits in it.

Source: docs/protocol.md, sections 14.5 and 18, ``calling.call.queue``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Final

import msgspec

from ..constants import EVENT_CALL_QUEUE
from ..errors import RelayError
from .happened import What, Who
from .legs import Leg, Operation
from .requests import OnOperation, Request, Verb, call_verb, check_none, start_verb
from .shapes import Name, Text
from .sounds import SoundKind
from .switch import NOT_FOUND, Switch

MICROSECONDS: Final = 1_000_000


class EnterParams(OnOperation, frozen=True, kw_only=True):
    """``calling.queue.enter``."""

    queue_name: Name
    wait_url: Annotated[str, msgspec.Meta(max_length=2000)] = ""
    status_url: Text = None


class LeaveParams(OnOperation, frozen=True, kw_only=True):
    """``calling.queue.leave``; its control id may be a different one from the entry's."""

    queue_name: Name
    queue_id: Text = None
    status_url: Text = None


class Entry(Operation):
    """A call that waits in a queue."""

    def __init__(self, switch: Switch, leg: Leg, control_id: str, key: tuple[str, str]) -> None:
        super().__init__(leg, control_id)
        self._switch = switch
        self._key = key
        self._entered_at = 0.0
        self.identity = leg.network.new_id()

    @property
    def name(self) -> str:
        """The queue's name."""
        return self._key[1]

    def enter(self, music: str, now: float) -> None:
        """Wait at the end of the queue."""
        self._entered_at = now
        waiting = self._switch.queues.setdefault(self._key, {})
        waiting[self.leg] = None
        self._note(What.ENTERED, now)
        size = len(waiting)
        self._tell("enqueue", now, position=size, size=size)
        if music:
            self.leg.hear(music, now, SoundKind.FILE)

    def quit(self, status: str, now: float) -> None:
        """Leave the queue. `status` says why, and names the timestamp of the event."""
        position = list(self._switch.queues[self._key]).index(self.leg) + 1
        self.leave()
        self.cancel(now)
        size = len(self._switch.queues.get(self._key, ()))
        left_at = {f"{status}_ts": self._stamp(now)}
        self._tell(status, now, position=position, size=size, **left_at)

    def cancel(self, now: float) -> None:
        """End, because the call has ended."""
        waiting = self._switch.queues[self._key]
        del waiting[self.leg]
        if not waiting:
            del self._switch.queues[self._key]
        self._note(What.LEFT, now)

    def shown(self) -> dict[str, str]:
        """Return the parameters that describe the queue, for the event about a peer."""
        return {"queue_id": self.identity, "queue_name": self.name}

    def _tell(self, status: str, now: float, **facts: int) -> None:
        self.leg.tell(
            EVENT_CALL_QUEUE,
            now,
            control_id=self.control_id,
            status=status,
            id=self.identity,
            name=self.name,
            enqueue_ts=self._stamp(self._entered_at),
            **facts,
        )

    def _stamp(self, when: float) -> int:
        return round((self.leg.network.config.epoch + when) * MICROSECONDS)

    def _note(self, what: What, now: float) -> None:
        self.leg.note(Who.EXCHANGE, what, now, place=f"the queue {self.name}")


def waiting_entries(switch: Switch, key: tuple[str, str]) -> Iterator[Entry]:
    """Return who waits in a queue, in the order in which they entered it."""
    for leg in tuple(switch.queues.get(key, ())):
        entry = leg.running(Entry)
        assert entry is not None, "only calls with an entry are in a queue"
        yield entry


def enter(request: Request, leg: Leg, params: EnterParams) -> None:
    """``calling.queue.enter``."""
    check_none(leg, Entry, "a queue")
    request.accept_start(params, "Entering Queue")
    key = (request.session.project, params.queue_name)
    Entry(request.switch, leg, params.control_id, key).enter(params.wait_url, request.now)


def leave(request: Request, leg: Leg, params: LeaveParams) -> None:
    """``calling.queue.leave``."""
    entry = leg.running(Entry)
    if entry is None or entry.name != params.queue_name:
        raise RelayError(NOT_FOUND, "the call is not in this queue")
    request.accept_start(params, "Leaving Queue")
    entry.quit("leave", request.now)


VERBS: Final[Mapping[str, Verb]] = {
    "calling.queue.enter": start_verb(EnterParams, enter),
    "calling.queue.leave": call_verb(LeaveParams, leave),
}
