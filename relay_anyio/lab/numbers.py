"""Numbers: how each of them behaves, at the start, by a scenario, and by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, assert_never

from relay_proto.exchange import (
    ANY_CONTEXT,
    MAGIC_NUMBERS,
    Answers,
    AnyBehaviour,
    Busy,
    ByHand,
    Declines,
    Exchange,
    ExchangeConfig,
    Fax,
    InTurn,
    Line,
    Machine,
    NoAnswer,
    OverTime,
    Scenario,
    Served,
    Unclear,
    Unreachable,
)

from .shapes import NumberState

WORDS: Final = {magic.number: magic.does for magic in MAGIC_NUMBERS}
"""What the magic numbers do, in the words of the documentation."""
MOST_NUMBERS: Final = 1000


@dataclass(frozen=True, slots=True)
class Given:
    """What is known about a number. Without a behaviour, it does what all others do."""

    behaviour: AnyBehaviour | None = None
    context: str | None = None
    undelivered: bool = False


class NumberTable:
    """How numbers behave now. `changed` is told of each change.

    What was given by hand comes before what a scenario says, and that before what was at
    the start. The numbers of softphones ring by hand in any case: see `rings_by_hand`.
    """

    def __init__(
        self,
        exchange: Exchange,
        config: ExchangeConfig,
        rings_by_hand: Callable[[str], bool],
        changed: Callable[[NumberState], None],
    ) -> None:
        self._exchange = exchange
        self._rings_by_hand = rings_by_hand
        self._changed = changed
        lines = {line.address: line.behaviour for line in config.lines}
        self._at_start = _given(lines, config.numbers, config.undeliverable)
        self._by_scenario: dict[str, Given] = {}
        self._by_hand: dict[str, Given] = {}

    def __iter__(self) -> Iterator[NumberState]:
        return (self._state(number, given) for number, given in self._now().items())

    def get(self, number: str) -> NumberState | None:
        """Return how a number behaves, or None if it does what all others do."""
        given = self._now().get(number)
        return None if given is None else self._state(number, given)

    def has_room(self, number: str) -> bool:
        """Whether `put` may be called for a number."""
        return number in self._by_hand or len(self._by_hand) < MOST_NUMBERS

    def put(self, number: str, scenario: Scenario, *, served: bool) -> None:
        """Let a number behave as a scenario with this number alone says."""
        lines = {line.address: line.behaviour for line in scenario.lines}
        context = scenario.numbers[number] if served else None
        self._by_hand[number] = Given(lines.get(number), context, number in scenario.undeliverable)
        self._apply(number)

    def put_back(self, number: str) -> bool:
        """Take back what was given by hand; return whether there was something."""
        if self._by_hand.pop(number, None) is None:
            return False
        self._apply(number)
        return True

    def follow(self, scenario: Scenario | None) -> None:
        """Let numbers behave as a scenario says; None takes back the one before."""
        before = self._by_scenario
        self._by_scenario = {}
        if scenario is not None:
            lines = {line.address: line.behaviour for line in scenario.lines}
            self._by_scenario = _given(lines, scenario.numbers, scenario.undeliverable)
        for number in {**before, **self._by_scenario}:
            self._apply(number)

    def clear(self) -> None:
        """Take back everything that was given by hand."""
        for number in tuple(self._by_hand):
            self.put_back(number)

    def set_line(self, number: str) -> None:
        """Let the exchange know what happens when a program dials a number."""
        given = self._now().get(number, Given())
        if self._rings_by_hand(number):
            self._exchange.set_line(Line(number, ByHand()))
        elif given.behaviour is None:
            self._exchange.remove_line(number)
        else:
            self._exchange.set_line(Line(number, given.behaviour))

    def behaviours(self) -> dict[str, AnyBehaviour]:
        """Return how numbers behave when they are dialed, apart from those of softphones."""
        return {
            number: given.behaviour
            for number, given in self._now().items()
            if given.behaviour is not None and not self._rings_by_hand(number)
        }

    def _now(self) -> dict[str, Given]:
        return {**self._at_start, **self._by_scenario, **self._by_hand}

    def _apply(self, number: str) -> None:
        now = self._now()
        contexts = {key: given.context for key, given in now.items() if given.context is not None}
        undeliverable = frozenset(key for key, given in now.items() if given.undelivered)
        self._exchange.change(numbers=contexts, undeliverable=undeliverable)
        self.set_line(number)
        state = self._state(number, now.get(number, Given()))
        state.removed = number not in now
        self._changed(state)

    def _state(self, number: str, given: Given) -> NumberState:
        builtin = number not in self._by_scenario and number not in self._by_hand
        does, words = described(given)
        return NumberState(
            number=number,
            does=does,
            words=WORDS.get(number, words) if builtin else words,
            texts="undelivered" if given.undelivered else "delivered",
            context=given.context,
            builtin=builtin,
        )


def _given(
    lines: Mapping[str, AnyBehaviour], contexts: Mapping[str, str], undeliverable: frozenset[str]
) -> dict[str, Given]:
    return {
        number: Given(lines.get(number), contexts.get(number), number in undeliverable)
        for number in (*lines, *contexts, *undeliverable)
    }


def described(given: Given) -> tuple[str, str]:
    """Return what a number does: as in a scenario, and in words."""
    if given.behaviour is not None:
        return _described(given.behaviour)
    if given.context == ANY_CONTEXT:
        return "program", "reaches a program, in any context"
    if given.context is not None:
        return "program", f"reaches a program, in the context {given.context}"
    return "answers", "answers, and listens"


def _described(behaviour: AnyBehaviour) -> tuple[str, str]:
    match behaviour:
        case Answers(after=after, script=script, nature=nature):
            return _answering(after, len(script), nature)
        case Declines(after=after):
            return "declines", f"declines after {after:g} s"
        case NoAnswer():
            return "no answer", "rings, and nobody answers"
        case ByHand():
            return "by hand", "rings until it is answered by hand"
        case Busy():
            return "busy", "is busy"
        case Unreachable():
            return "unreachable", "does not exist"
        case Served(context=context):
            return "program", f"reaches a program, in the context {context}"
        case InTurn(behaviours=behaviours):
            return "in turn", "; then ".join(_described(one)[1] for one in behaviours)
        case OverTime(first=first, later=later):
            changes = [f"from {at:g} s on {_described(one)[1]}" for at, one in later]
            return "over time", "; ".join([_described(first)[1], *changes])
        case _:
            assert_never(behaviour)


def _answering(after: float, steps: int, nature: object) -> tuple[str, str]:
    when = f"after {after:g} s"
    match nature:
        case Machine(full=True):
            return "voicemail full", f"is a machine that is full, and answers {when}"
        case Machine():
            return "machine", f"is a machine that answers {when}"
        case Fax(pages=pages):
            return "fax", f"is a fax machine for {pages} pages, and answers {when}"
        case Unclear():
            return "unclear", f"answers {when}, and no detector can tell what it is"
        case _:
            follows = f"follows {steps} steps" if steps else "listens"
            return "answers", f"answers {when}, and {follows}"
