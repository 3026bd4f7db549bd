"""Repeats: of a trouble that comes again and again, one line, and then how often it came."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final, TypeAlias

Kind: TypeAlias = tuple[str, Hashable]
"""What has happened, of which there are few kinds, and in what way it has."""
Line: TypeAlias = tuple[int, str]
"""The level, as a number of the standard library's `logging`, and the text."""

FIRST_INTERVAL: Final = 5.0
"""Seconds from the first line of a trouble to the first count."""
LONGEST_INTERVAL: Final = 600.0
"""Each interval is twice as long as the one before, and none is longer than this."""
MOST_KINDS: Final = 64
"""Kinds that are told apart. Beyond that, the ways in which a thing happens are not."""
MOST_NAMED: Final = 10
"""Calls, or whatever else the lines are about, that a count names."""


class _Trouble:
    __slots__ = ("about", "began_at", "due_at", "interval", "last", "times")

    def __init__(self, now: float) -> None:
        self.began_at = now
        self.interval = FIRST_INTERVAL
        self.due_at = now + FIRST_INTERVAL
        self.times = 0
        self.last: Line = (0, "")
        self.about: list[str] = []


class Repeats:
    """Decides which lines are written. It reads no clock, and writes nothing.

    The first line of a trouble is written at once. Then it is counted, and the count is
    a line after an interval, and after another one that is longer. A trouble that did
    not come for an interval is over.
    """

    def __init__(self) -> None:
        self._troubles: dict[Kind, _Trouble] = {}
        self._deadline: float | None = None

    def __len__(self) -> int:
        """How many kinds it remembers."""
        return len(self._troubles)

    def is_first(self, kind: Kind, now: float) -> bool:
        """Whether a line is to be written at once. If not, `count` it."""
        if len(self._troubles) >= MOST_KINDS:
            self._forget_quiet(now)
        kind = self._known_as(kind)
        known = self._troubles.get(kind)
        if known is None or _is_quiet(known, now):
            self._troubles[kind] = _Trouble(now)
            return True
        return False

    def count(self, kind: Kind, line: Line, about: str = "") -> bool:
        """Count a line, which is about `about`; true if `deadline` is sooner than before."""
        trouble = self._troubles[self._known_as(kind)]
        trouble.times += 1
        trouble.last = line
        if about and len(trouble.about) < MOST_NAMED:
            trouble.about.append(about)
        if self._deadline is not None and self._deadline <= trouble.due_at:
            return False
        self._deadline = trouble.due_at
        return True

    def deadline(self) -> float | None:
        """When `handle_timer` has something to say."""
        return self._deadline

    def handle_timer(self, now: float) -> list[Line]:
        """Return the lines that are due: how often each trouble came."""
        if self._deadline is None or now < self._deadline:
            return []
        lines: list[Line] = []
        for trouble in tuple(self._troubles.values()):
            if trouble.times and now >= trouble.due_at:
                lines.append(_summary(trouble, now))
                trouble.interval = min(trouble.interval * 2, LONGEST_INTERVAL)
                trouble.due_at = now + trouble.interval
        self._set_deadline()
        return lines

    def flush(self, now: float) -> list[Line]:
        """Return all counts, because nobody may call `handle_timer` any more."""
        lines = [_summary(one, now) for one in tuple(self._troubles.values()) if one.times]
        self._set_deadline()
        return lines

    def end(self, what: str, now: float) -> list[Line]:
        """Return the counts of a trouble that is over, of all its kinds."""
        ended = [kind for kind in tuple(self._troubles) if kind[0] == what]
        troubles = [self._troubles.pop(kind) for kind in ended]
        self._set_deadline()
        return [_summary(trouble, now) for trouble in troubles if trouble.times]

    def _known_as(self, kind: Kind) -> Kind:
        if kind in self._troubles or len(self._troubles) < MOST_KINDS:
            return kind
        return kind[0], None

    def _forget_quiet(self, now: float) -> None:
        quiet = [kind for kind, trouble in tuple(self._troubles.items()) if _is_quiet(trouble, now)]
        for kind in quiet:
            del self._troubles[kind]

    def _set_deadline(self) -> None:
        due = (one.due_at for one in tuple(self._troubles.values()) if one.times)
        self._deadline = min(due, default=None)


def _is_quiet(trouble: _Trouble, now: float) -> bool:
    return trouble.times == 0 and now >= trouble.due_at


def _summary(trouble: _Trouble, now: float) -> Line:
    """The count of a trouble, which is zero then."""
    (level, words), times, span = trouble.last, trouble.times, now - trouble.began_at
    others = trouble.about[: times - 1]  # the last one is in the words
    trouble.times, trouble.about, trouble.began_at = 0, [], now
    if times == 1:
        return level, words
    named = f"; among the others: {', '.join(others)}" if others else ""
    return level, f"{words} (the last of {times:,} like this in {span:.1f} s{named})"
