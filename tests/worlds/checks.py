"""The promises of the adapters, and the checks that test them on an evening.

An evening with a failure or a misuse is compared with the same evening without it.
"""

from __future__ import annotations

import logging
from collections import Counter
from typing import Any, Final, cast

from relay_proto.adapter.guard import contains
from relay_proto.exchange import What

from .elsewhere import NOT_REFUSED
from .evenings import ENDS_THE_PROGRAM, Elsewhere, Evening, Failure, Freeze, Misuse, Piece
from .performing import ANNA, Performance, Runtime, perform

ALONE: Final = "a failure ends its piece alone"
ONCE: Final = "a failure is reported once"
IN_ORDER: Final = "what ends the program ends it in order"
REFUSED: Final = "elsewhere is refused in words"
UNHARMED: Final = "a refusal sends nothing and harms nobody"
READ_FIRST: Final = "what waited is read before deadlines are judged"
NOTHING_LOST: Final = "a freeze ends nothing and repeats nothing"
CHECKS: Final = {
    ALONE: 12,
    ONCE: 12,
    IN_ORDER: 12,
    REFUSED: 13,
    UNHARMED: 13,
    READ_FIRST: 15,
    NOTHING_LOST: 15,
}
"""Every check, with the number of its promise."""
IN_WORDS: Final = ("nothing was sent", "cannot be used from another thread")
SLACK: Final = 0.01
"""Seconds. Times that are closer than that may be in any order."""


class BrokenError(AssertionError):
    """A check failed. `check` is its name in `CHECKS`."""

    def __init__(self, check: str, seen: Performance, details: str) -> None:
        self.check = check
        super().__init__(
            f"promise {CHECKS[check]}: {check}: {details}\n"
            f"to repeat it: check({seen.evening!r}, {seen.runtime!r})\n{seen.story.text}"
        )


def check(evening: Evening, runtime: Runtime) -> Counter[str]:
    """Let an evening pass, and check what belongs to its trouble; return how often.

    Raises:
        BrokenError: a promise was broken.
    """
    return Judge(perform(evening, runtime)).judge()


class Judge:
    """Checks one evening."""

    def __init__(self, seen: Performance) -> None:
        self._seen = seen
        self._made: Counter[str] = Counter()

    def judge(self) -> Counter[str]:
        """Make the checks for the trouble of this evening."""
        match self._seen.evening.trouble:
            case Failure(_, way) if way in ENDS_THE_PROGRAM and self._seen.failed_at is not None:
                self._judge_end(self._seen.failed_at)
            case Failure() as failure:
                self._judge_failure(failure)
            case Misuse() as misuse:
                self._judge_misuse(misuse)
            case Freeze() as freeze:
                self._judge_freeze(freeze)
            case _:
                self._that(self._seen.error is None, ALONE, repr(self._seen.error))
        return self._made

    def _that(self, holds: bool, name: str, *details: object) -> None:
        self._made[name] += 1
        if not holds:
            raise BrokenError(name, self._seen, " ".join(map(str, details)))

    # Promise 12

    def _judge_failure(self, failure: Failure) -> None:
        seen, twin = self._seen, self._twin()
        self._that(seen.error is None, ALONE, "the program ended with", repr(seen.error))
        others, reports = _reports(seen)
        expected = int(seen.failed_at is not None)
        self._that(len(reports) == expected, ONCE, [one.getMessage() for one in reports])
        as_many = len(others) <= len(_reports(twin)[0])
        self._that(as_many, ALONE, "others fail:", [one.getMessage() for one in others])
        for one in reports:
            call_id = getattr(one, "call_id", "")
            named = call_id == seen.failed_on
            self._that(named, ONCE, call_id, "is named, not", seen.failed_on)
        ends_call = expected and failure.piece in (Piece.HANDLER, Piece.PREDICATE)
        own = {seen.failed_on} if ends_call else set[str]()
        if own:
            over = seen.story.all(What.ENDED, call_id=seen.failed_on)
            self._that(len(over) == 1, ALONE, "the call of the failed handler goes on")
        labels = {seen.story.labels[one] for one in own}
        if failure.piece in (Piece.TEXT, Piece.TEXT_LISTENER):
            labels.add("")
        self._compare(ALONE, seen, twin, labels)
        if not labels:
            same = len(seen.events) == len(twin.events)
            self._that(same, ALONE, len(seen.events), "events heard, not", len(twin.events))

    def _judge_end(self, failed_at: float) -> None:
        seen, twin = self._seen, self._twin()
        ends = seen.error is not None and any(
            contains(seen.error, kind) for kind in (SystemExit, KeyboardInterrupt)
        )
        self._that(ends, IN_ORDER, "the program ended with", repr(seen.error))
        reports = [one.getMessage() for one in _reports(seen)[1]]
        self._that(not reports, IN_ORDER, "reported as a failure:", *reports)
        if not seen.story:
            return  # it ended before the scene began
        sessions = [one for one in seen.story if one.what in SESSIONS]
        away_then = any(
            one.what is What.SESSION_AWAY and "code 1000" not in one.sentence
            for one in sessions
            if abs(one.at - failed_at) <= 1.0  # as long as the client waits until it tries again
        )
        polite = away_then or "code 1000" in sessions[-1].sentence
        self._that(polite, IN_ORDER, "the client has not said goodbye")
        for label, lines in _lines(twin).items():
            before = [line for line in lines if line[0] < failed_at - SLACK]
            so_far = _lines(seen).get(label, [])[: len(before)]
            self._that(so_far == before, IN_ORDER, label, "before that:", so_far, before)

    # Promise 13

    def _judge_misuse(self, misuse: Misuse) -> None:
        seen, twin = self._seen, self._twin()
        self._that(seen.error is None, UNHARMED, "the program ended with", repr(seen.error))
        told = " ".join(seen.told)
        in_words = NOT_REFUSED not in told and any(words in told for words in IN_WORDS)
        self._that(in_words, REFUSED, misuse.where.value, told)
        self._compare(UNHARMED, seen, twin, set())
        before, after = sorted(twin.sent), sorted(seen.sent)
        self._that(before == after, UNHARMED, "sent", after, "instead of", before)
        if misuse.where is not Elsewhere.CHILD:
            same = len(seen.events) == len(twin.events)
            self._that(same, UNHARMED, len(seen.events), "events heard, not", len(twin.events))

    # Promise 15

    def _judge_freeze(self, freeze: Freeze) -> None:
        seen = self._seen
        self._that(seen.error is None, NOTHING_LOST, "the program ended with", repr(seen.error))
        wrong = [one for one in seen.records if one.levelno >= logging.ERROR]
        told = [f"{one.getMessage()}: {one.exc_info and one.exc_info[1]!r}" for one in wrong]
        self._that(not wrong, READ_FIRST, *told)
        sessions = seen.story.all(What.SESSION_STARTED) + seen.story.all(What.SESSION_RESUMED)
        self._that(len(sessions) == 1, NOTHING_LOST, "the client has connected again")
        heard = Counter(_key(event) for event in seen.events)
        twice = [key for key, times in heard.items() if times > 1]
        self._that(not twice, NOTHING_LOST, "heard twice:", *twice)
        self._judge_dial(freeze)

    def _judge_dial(self, freeze: Freeze) -> None:
        seen = self._seen
        answers = [one.at for one in seen.story.about(ANNA) if one.what is What.ANSWERED]
        answered = answers[0] if answers else float("inf")
        deadline = seen.dialed_at + freeze.patience
        if answered < deadline - SLACK and answered < seen.frozen_at:
            in_time = True
        elif seen.frozen_at < deadline - SLACK and freeze.after:
            in_time = answered < max(deadline - SLACK, seen.thawed_at)
        else:
            return  # the dial had not left before the freeze, or it may be over by then
        expected = "answered" if in_time else "DialTimeoutError"
        if in_time or answered > max(deadline, seen.thawed_at) + SLACK:
            right = seen.dial == expected
            self._that(right, READ_FIRST, f"a dial ended as {seen.dial}, not as {expected}")

    def _twin(self) -> Performance:
        return perform(self._seen.evening.untroubled, self._seen.runtime)

    def _compare(self, name: str, seen: Performance, twin: Performance, but: set[str]) -> None:
        ours, theirs = _lines(seen), _lines(twin)
        for label in sorted((set(ours) | set(theirs)) - but):
            same = ours.get(label) == theirs.get(label)
            self._that(same, name, label, ours.get(label), "instead of", theirs.get(label))


SESSIONS: Final = (What.SESSION_STARTED, What.SESSION_RESUMED, What.SESSION_AWAY)


def _reports(seen: Performance) -> tuple[list[logging.LogRecord], list[logging.LogRecord]]:
    """What the client has reported: other failures, and the one that was planned."""
    both: tuple[list[logging.LogRecord], list[logging.LogRecord]] = ([], [])
    for one in seen.records:
        if one.levelno >= logging.ERROR:
            error = one.exc_info[1] if one.exc_info else None
            both[error is not None and _first(error) is _first(seen.raised)].append(one)
    return both


def _first(error: BaseException | None) -> BaseException | None:
    """The error, or the first one in a group: what is reported may be a copy of the group."""
    if isinstance(error, BaseExceptionGroup):
        return cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
    return error


Line = tuple[float, str, str]


def _lines(seen: Performance) -> dict[str, list[Line]]:
    """Who did what, and when, call by call. What is about no call has names with ids in it."""
    labels = seen.story.labels
    lines: dict[str, list[Line]] = {}
    for one in seen.story:
        if one.what is not What.SESSION_AWAY:  # at the end, when somebody has looked
            label = labels.get(one.call_id, "")
            sentence = one.sentence if label else one.what.name
            lines.setdefault(label, []).append((round(one.at, 2), one.who.value, sentence))
    return lines


def _key(event: Any) -> str:
    return f"{event.event_type} {event.timestamp} {event.params}"
