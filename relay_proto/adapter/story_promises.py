"""Promises about stories: what must hold in every story of a program."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from ..exchange import Happened, What
from .stories import Story, other_side

Promise: TypeAlias = Callable[[Story], object]
"""A function that raises an `AssertionError` if a story breaks a promise. It returns None."""

UNHEARD: Final = frozenset({"a tap", "a stream", "a transcription"})
"""What goes on beside a call without anybody hearing it."""
BRIDGED: Final = "connected"
BEGINS: Final[Mapping[What, str]] = {
    What.PLAYED: "playing",
    What.LISTENED: "listening",
    What.STARTED: "{activity}",
    What.CONNECTED: BRIDGED,
    What.TRANSFERRED: "transferred",
    What.ENTERED: "{place}",
}
"""What begins with it, of that which somebody hears, or which waits for them."""
ENDS: Final[Mapping[What, str]] = {
    What.PLAY_ENDED: "playing",
    What.COLLECTED: "listening",
    What.HEARD_NOTHING: "listening",
    What.FINISHED: "{activity}",
    What.DETECTED: "a detector ({kind})",
    What.DISCONNECTED: BRIDGED,
    What.LEFT: "{place}",
}
BACK: Final = frozenset({What.SESSION_STARTED, What.SESSION_RESUMED})
AWAY: Final = frozenset({What.FAULTED, What.SESSION_AWAY})
SOUNDS: Final = frozenset({What.ANSWERED, What.SAID, What.PRESSED, What.BEEPED, What.SENT_DIGITS})
INPUT_OVER: Final = frozenset({What.COLLECTED, What.HEARD_NOTHING})
SHORTEST_WORD: Final = 2
"""Letters of a word that a question can be said to name."""
ASKING: Final = frozenset({"say", "press", "enter", "type", "dial", "speak", "please", "sorry"})
"""Words that ask. A question has them, but names none of them as an answer."""


def every_call_ends(story: Story) -> None:
    """Promise that every call ends, and that no dialed one goes on ringing."""
    ended = {one.call_id for one in story.all(What.ENDED)}
    for call_id, label in story.labels.items():
        assert call_id in ended, f"the call of {label} has not ended"


class _Person:
    """What one person hears. `peer` is whom the program has connected this call to."""

    __slots__ = ("answered", "going_on", "label", "number", "peer", "silent_since")

    def __init__(self, number: str, label: str) -> None:
        self.number = number
        self.label = label
        self.answered = False
        self.going_on: set[str] = set()
        self.silent_since = 0.0
        self.peer: _Person | None = None


@dataclass(frozen=True, slots=True)
class NoSilence:
    """Promise that nobody hears silence for more than `seconds`.

    It is no silence while something is played, while the program waits for input, records,
    detects or takes a payment, while two parties are connected, and in a queue or conference.
    Time without a connection, and while somebody is being dialed, does not count.
    """

    seconds: float = 10.0

    def __call__(self, story: Story) -> None:
        """Check a story.

        Raises:
            AssertionError: somebody hears silence for longer.
        """
        labels = story.labels
        people: dict[str, _Person] = {}
        ringing: set[str] = set()
        away = False
        for one in story:
            excused = away or bool(ringing)
            if not excused:
                for person in people.values():
                    self._check(person, one.at)
            away = one.what in AWAY or (away and one.what not in BACK)
            _note_ringing(one, ringing)
            if one.call_id:
                if one.call_id not in people:
                    people[one.call_id] = _Person(other_side(one), labels[one.call_id])
                _note(one, people[one.call_id], people.values())
            if excused or away or ringing:
                for person in people.values():
                    person.silent_since = one.at

    def _check(self, person: _Person, now: float) -> None:
        silent = now - person.silent_since
        assert not person.answered or person.going_on or silent <= self.seconds, (
            f"{person.label} hears silence for {silent:.1f} s, from {person.silent_since:.2f} s on"
        )


def _note_ringing(one: Happened, ringing: set[str]) -> None:
    """Follow which dialed legs nobody has answered yet."""
    if one.what is What.DIALED:
        ringing.add(one.call_id)
    elif one.what in (What.ANSWERED, What.ENDED):
        ringing.discard(one.call_id)


def _note(one: Happened, person: _Person, people: Iterable[_Person]) -> None:
    """Follow what a person hears."""
    if one.what is What.ANSWERED:
        person.answered = True
    elif one.what is What.ENDED:
        person.answered = False
    elif one.what is What.CONNECTED:
        joined = (other for other in people if _may_be_joined(other, one.details["to"]))
        person.peer = next(joined, None)
    _change(person, one)
    if person.peer is not None and one.what in (What.CONNECTED, What.DISCONNECTED):
        _change(person.peer, one)


def _may_be_joined(person: _Person, number: str) -> bool:
    return person.number == number and person.answered and BRIDGED not in person.going_on


def _change(person: _Person, one: Happened) -> None:
    """Follow what goes on that one person can hear, or that waits for them."""
    going_on, details = person.going_on, one.details
    before = bool(going_on)
    if one.what is What.SWITCHED:
        change = going_on.add if details["state"] == "on" else going_on.discard
        change(details["feature"])
    elif one.what in BEGINS:
        going_on |= {BEGINS[one.what].format_map(details)} - UNHEARD
    elif one.what in ENDS:
        going_on.discard(ENDS[one.what].format_map(details))
    if one.what in SOUNDS or before or going_on:
        person.silent_since = one.at


@dataclass(frozen=True, slots=True)
class AskedOnce:
    """Promise that no question is asked again after an answer.

    A question is what was played before the program waits for input. It has an answer when
    the digit or a word that it names was received: “Press 1 for sales” is answered by 1, but
    not by 7, nor by “press”. Digits in `repeats` are meant to ask again, such as “9 to hear
    this again”.
    """

    repeats: str = ""

    def __call__(self, story: Story) -> None:
        """Check a story.

        Raises:
            AssertionError: a question is asked again.
        """
        for call_id, label in story.labels.items():
            self._check(label, [one for one in story if one.call_id == call_id])

    def _check(self, label: str, call: list[Happened]) -> None:
        answers: dict[str, str] = {}
        question: list[str] = []
        asked = ""
        for one in call:
            if one.what is What.PLAYED:
                question.append(one.details["text"])
            elif one.what is What.LISTENED:
                asked = " ".join(question) or asked
                assert asked not in answers, (
                    f"{label} is asked again {asked}, which they have answered: {answers[asked]}"
                )
            elif one.what in INPUT_OVER:
                question.clear()
                given = one.details.get("value", "")
                if any(word in self.repeats for word in _words(given)):
                    answers.pop(asked, None)
                elif _names(asked, given):
                    answers[asked] = given


def _names(question: str, answer: str) -> bool:
    """Whether the text of a question has the digit, or a word, that somebody answers."""
    return bool(set(_words(question)) & set(_words(answer)) - ASKING)


def _words(text: str) -> Iterator[str]:
    for word in re.findall(r"\w+", text.casefold()):
        if word.isdigit() or len(word) > SHORTEST_WORD:
            yield word


PROMISES: Final[tuple[Promise, ...]] = (NoSilence(), AskedOnce(), every_call_ends)
"""What `explore` checks unless it is told otherwise."""
