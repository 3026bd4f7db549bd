"""Rules: when to call, when to call again, and what a crash means. Nothing here waits or writes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from .settings import Settings


class Attempt(StrEnum):
    """How far one attempt to reach a person has come, or how it has ended."""

    CLAIMED = "claimed"
    """A worker has it. Nobody was dialed yet."""
    DIALING = "dialing"
    """Written down before the dial leaves: from here on the telephone may ring."""
    ANSWERED = "answered"

    HEARD = "heard"
    """A person has heard the message to its end."""
    LEFT = "left"
    """The message is on an answering machine."""
    CUT_SHORT = "cut short"
    """They answered, and the call ended before the message did."""
    BUSY = "busy"
    NO_ANSWER = "no answer"
    DECLINED = "declined"
    FAILED = "failed"
    """The number or the zone is wrong, or the service refuses it: the detail says so."""
    NOT_DIALED = "not dialed"
    """It is certain that nobody was dialed."""
    UNKNOWN = "unknown"
    """Nobody knows what they heard, or whether their telephone rang."""


class Person(StrEnum):
    """Where a person is in the campaign."""

    WAITING = "waiting"
    """To be called when it is time."""
    CALLING = "calling"
    """There is an attempt that has not ended."""
    DONE = "done"
    """The last attempt says how it has ended."""
    UNKNOWN = "unknown"
    """Not called again, unless the operator wants it: ``python -m campaign repeat-unknown``."""


OPEN: Final = frozenset({Attempt.CLAIMED, Attempt.DIALING, Attempt.ANSWERED})

_ENDS: Final = frozenset(Attempt) - OPEN
_OF_A_CALL: Final = frozenset({Attempt.HEARD, Attempt.LEFT, Attempt.CUT_SHORT, Attempt.FAILED})

NEXT: Final[Mapping[Attempt, frozenset[Attempt]]] = {
    Attempt.CLAIMED: frozenset({Attempt.DIALING, Attempt.NOT_DIALED}),
    Attempt.DIALING: _ENDS | {Attempt.ANSWERED},
    Attempt.ANSWERED: _OF_A_CALL | {Attempt.UNKNOWN},
    # A worker that was taken for dead may still say how it has ended: that is good news.
    Attempt.UNKNOWN: _ENDS - {Attempt.UNKNOWN},
}
"""What may follow. All other states are final."""

AFTER_A_CRASH: Final[Mapping[Attempt, Attempt]] = {
    Attempt.CLAIMED: Attempt.NOT_DIALED,
    Attempt.DIALING: Attempt.UNKNOWN,
    Attempt.ANSWERED: Attempt.UNKNOWN,
}
"""What an attempt becomes whose worker is gone."""


def before(state: Attempt) -> frozenset[Attempt]:
    """Return the states that `state` may follow."""
    return frozenset(one for one, following in NEXT.items() if state in following)


def delay_after(ended: Attempt, tries: int, settings: Settings) -> float | None:
    """Return after how many seconds a person is called again, or None for never.

    `tries` says how often the person was dialed.
    """
    if ended is Attempt.NOT_DIALED:
        return settings.not_dialed_delay
    delays = {Attempt.BUSY: settings.busy_delay, Attempt.NO_ANSWER: settings.no_answer_delay}
    return delays.get(ended) if tries < settings.most_tries else None


def next_allowed(now: datetime, zone: ZoneInfo, opens: time, closes: time) -> datetime:
    """Return the first instant from `now` on at which a person may be called.

    That is from `opens` until before `closes`, by the clock on the wall in their `zone`.
    """
    local = now.astimezone(zone)
    for days in range(3):
        day = local.date() + timedelta(days=days)
        start = _instant(day, opens, zone)
        if now < _instant(day, closes, zone):
            return max(now, start)
    raise AssertionError("every day has hours in which people may be called")


def _instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, at, zone).astimezone(UTC)
