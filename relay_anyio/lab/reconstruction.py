"""Reconstruction: from what people did on a call to the script that does it again.

A person of a script reacts some time after they hear something. So each step is placed by
the same clock: a `Hear` of what they heard last before it, and a `Wait` for the rest.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final

from relay_proto.exchange import (
    ExchangeLimits,
    ExchangeTiming,
    HangUp,
    Happened,
    Hear,
    Press,
    Say,
    Step,
    Wait,
    What,
    Who,
)

FRAGMENT: Final = 60
"""Characters of a prompt that a person listens for."""
MOST_REPEATS: Final = 10
"""How often a prompt may have been repeated that a person listens for."""
LATE: Final = 0.02
"""Seconds by which a key may be early or late in a row of keys."""
MOMENT: Final = 0.001
"""What a time is rounded to, in seconds. A pause that is shorter is left out."""
EVEN: Final = 0.05
JITTER: Final = 0.006
"""Seconds by which real time makes an even pause uneven. A reader sees the even one."""
AFTER_THE_LAST: Final = 1.0
"""Seconds after the last thing that happened, when a person leaves a call that was not over."""
UNTIL_TRANSFERRED: Final = 60.0
"""Seconds that somebody waits longer for a transfer than they had to."""
SILENT: Final = re.compile(r"\A(?:[0-9.e+-]+ s of silence|the ringing tone of .*)\Z", re.DOTALL)
"""What is played, but has no words to listen for."""
PAUSES: Final = frozenset("wW")
USUAL: Final = Press("")
ACTS: Final = frozenset({What.PRESSED, What.SAID, What.ENDED})


@dataclass(frozen=True, slots=True)
class _Act:
    """Something that a person did. A row of keys is one act, with one time for each."""

    what: What
    times: tuple[float, ...]
    words: str = ""

    @property
    def begins_at(self) -> float:
        return self.times[0]


def script_of(
    happened: Sequence[Happened], timing: ExchangeTiming, *, left_at: float | None = None
) -> tuple[Step, ...]:
    """Return the steps of the person at the far end of a call.

    `happened` is what happened on the call, in order. If the call was not over, the person
    hangs up at `left_at`.
    """
    person = _Person(timing)
    acts = list(_acts(happened))
    if left_at is not None:
        acts.append(_Act(What.ENDED, (left_at,)))
    heard = deque(sorted(_heard(happened, timing), key=lambda pair: pair[0]))
    answers = deque(one.at for one in happened if one.what is What.ANSWERED)
    if not answers:
        return ()
    person.start(answers.popleft())
    for act, follower in zip_longest(acts, acts[1:]):
        while answers and answers[0] <= act.begins_at:
            person.start_again(answers.popleft())
        # What was noted at the same time came after it: a person needs time to react.
        while heard and heard[0][0] < act.begins_at:
            person.hear(*heard.popleft())
        person.do(act, None if follower is None else follower.begins_at)
    return tuple(person.steps)


class _Person:
    """Follows the clock of a person whose script is being written."""

    def __init__(self, timing: ExchangeTiming) -> None:
        self.steps: list[Step] = []
        self._timing = timing
        self._free_at = 0.0
        """When the next step of the script is done."""
        self._unheard: deque[tuple[float, str]] = deque(maxlen=ExchangeLimits().heard)
        """What nobody has listened for yet."""

    def start(self, now: float) -> None:
        self._free_at = now + self._timing.reaction

    def start_again(self, now: float) -> None:
        """Continue after a transfer, which ends the wait that is under way."""
        self.steps.append(Wait(float(round(max(0.0, now - self._free_at) + UNTIL_TRANSFERRED))))
        self.start(now)

    def hear(self, at: float, text: str) -> None:
        self._unheard.append((at, text))

    def do(self, act: _Act, next_at: float | None) -> None:
        """Add the steps that lead to `act`, and `act` itself."""
        self._listen(act.begins_at)
        pause = rounded(act.begins_at - self._free_at)
        if pause >= MOMENT:
            self.steps.append(Wait(pause))
            self._free_at += pause
        match act.what:
            case What.PRESSED:
                for step in _presses(act, next_at):
                    self.steps.append(step)
                    self._free_at += step.interval * len(step.digits)
            case What.SAID:
                self.steps.append(Say(act.words))
                self._free_at += max(0.1, len(act.words) * self._timing.character)
            case _:
                self.steps.append(HangUp())

    def _listen(self, until: float) -> None:
        """Listen for the last of what was heard, if there was time to react to it."""
        for last in reversed(range(len(self._unheard))):
            hears, free_at = self._listening_for(last)
            if hears and free_at <= until + MOMENT:
                self.steps += hears
                self._free_at = free_at
                for _ in range(last + 1):
                    self._unheard.popleft()
                return

    def _listening_for(self, last: int) -> tuple[list[Hear], float]:
        """Return the steps that end with hearing this text, and when they are done."""
        words = _fragment(self._unheard[last][1])
        hears: list[Hear] = []
        free_at = self._free_at
        for at, text in [*self._unheard][: last + 1]:
            if words.casefold() in text.casefold():
                if len(hears) == MOST_REPEATS:
                    return [], 0.0
                patience = max(Hear("").timeout, float(round(at - free_at) + Hear("").timeout))
                usual = at - free_at < Hear("").timeout / 2
                hears.append(Hear(words) if usual else Hear(words, patience))
                free_at = max(free_at, at) + self._timing.reaction
        return hears, free_at


def _acts(happened: Iterable[Happened]) -> Iterator[_Act]:
    """Yield what the person did, in order."""
    keys: list[Happened] = []
    for one in happened:
        if one.who is not Who.CALLER or one.what not in ACTS:
            continue
        if keys and (one.what is not What.PRESSED or not _in_a_row([*keys, one])):
            yield _row(keys)
            keys = []
        if one.what is What.PRESSED:
            keys.append(one)
        else:
            yield _Act(one.what, (one.at,), one.details.get("text", ""))
    if keys:
        yield _row(keys)


def _row(keys: Sequence[Happened]) -> _Act:
    words = "".join(one.details["digit"] for one in keys)
    return _Act(What.PRESSED, tuple(one.at for one in keys), words)


def _in_a_row(keys: Sequence[Happened]) -> bool:
    """Whether these keys were pressed at one pace, and no slower than usual."""
    times = [one.at for one in keys]
    pace = _pace(times)
    return pace <= USUAL.interval and all(
        abs(at - times[0] - place * pace) <= LATE for place, at in enumerate(times)
    )


def _pace(times: Sequence[float]) -> float:
    """Return the time from one key to the next one: the usual one, if it is near."""
    pace = rounded((times[-1] - times[0]) / (len(times) - 1))
    return USUAL.interval if abs(pace - USUAL.interval) <= LATE else pace


def _presses(act: _Act, next_at: float | None) -> Iterator[Press]:
    """Yield a row of keys; the last one alone if something else follows soon."""
    digits = act.words
    times = list(act.times)
    pace = _pace(times) if len(times) > 1 else USUAL.interval
    rest = pace if next_at is None else max(0.0, rounded(next_at - times[-1]))
    if rest >= pace:
        yield Press(digits, pace)
        return
    if len(digits) > 1:
        yield Press(digits[:-1], pace)
    yield Press(digits[-1], rest)


def _heard(happened: Iterable[Happened], timing: ExchangeTiming) -> Iterator[tuple[float, str]]:
    """Yield what the person could listen for, with its time."""
    for one in happened:
        match one.what:
            case What.PLAYED:
                text = one.details["text"]
                words = text[1:-1] if text.startswith("“") and text.endswith("”") else text
                if words and not SILENT.match(text):
                    yield one.at, words
            case What.SENT_DIGITS:
                sent = one.details["digits"]
                keys = "".join(key for key in sent if key not in PAUSES)
                seconds = len(keys) * timing.digit + sent.count("w") / 2 + sent.count("W")
                if keys:
                    yield one.at + seconds, keys
            case _:
                pass


def _fragment(text: str) -> str:
    """Return the beginning of a text, up to the end of a word."""
    if len(text) <= FRAGMENT:
        return text
    words = text[:FRAGMENT].rpartition(" ")[0].strip()
    return words or text[:FRAGMENT]


def rounded(seconds: float) -> float:
    """Return a length of time, without the jitter of the machine that measured it."""
    even = round(round(seconds / EVEN) * EVEN, 3)
    return even if abs(seconds - even) <= JITTER else round(seconds, 3)
