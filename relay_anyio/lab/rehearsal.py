"""Rehearsals: what was done in the lab, as a test that does it again.

`rehearsal_of` takes the journal and returns the source of a module for pytest. The test
runs the user's own client with `relay_anyio.testing`: the same people take the same steps
at the same times, and the test compares what follows.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from relay_proto.adapter.stories import Story
from relay_proto.constants import (
    END_REASON_BUSY,
    END_REASON_DECLINE,
    END_REASON_NOT_FOUND,
    MESSAGE_STATE_UNDELIVERED,
)
from relay_proto.exchange import (
    Answers,
    Behaviour,
    Busy,
    Caller,
    Declines,
    ExchangeTiming,
    Happened,
    InTurn,
    NoAnswer,
    OverTime,
    Step,
    TextMessage,
    Unreachable,
    What,
    Who,
)

from .reconstruction import AFTER_THE_LAST, rounded, script_of
from .rehearsal_source import AnyBehaviour, Part, Plan, written

Lines: TypeAlias = Mapping[str, AnyBehaviour]

TRANSFER_TO_CONTEXT: Final = "context:"
SAME_CAUSE: Final = 5.0
"""Seconds after a call within which the program still acts because of it."""
AFTER_A_TEXT: Final = 60.0
"""The same, for a text."""
CLIENT: Final = re.compile(r"(?P<module>\w+(?:\.\w+)*):(?P<name>\w+)", re.ASCII)


class NothingToRehearseError(ValueError):
    """Nobody has called and nobody has sent a text, so there is nothing to do again."""

    def __init__(self) -> None:
        super().__init__(
            "there is nothing to save yet: call the program, or send it a text, and save then"
        )


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A module for pytest. `name` is that of its test function."""

    name: str
    source: str


@dataclass(slots=True)
class _Leg:
    """What happened on one call, and on those that its caller was transferred to."""

    happened: list[Happened] = field(default_factory=list[Happened])

    @property
    def first(self) -> Happened:
        return self.happened[0]

    @property
    def called(self) -> bool:
        """Whether a person has placed the call."""
        return self.first.what is What.CALLED

    @property
    def ended(self) -> Happened | None:
        states = [one for one in self.happened if one.what in (What.OFFERED, What.ENDED)]
        return states[-1] if states and states[-1].what is What.ENDED else None

    def find(self, *what: What) -> Happened | None:
        return next((one for one in self.happened if one.what in what), None)


def client_of(path: str) -> tuple[str, str]:
    """Return module and name of a path such as ``app:client``.

    Raises:
        ValueError: it is no such path.
    """
    match = CLIENT.fullmatch(path)
    parts = [] if match is None else [*match["module"].split("."), match["name"]]
    if match is None or not all(_is_name(part) for part in parts):
        raise ValueError(f"{path!r} does not name a client: give its module and name: app:client")
    return match["module"], match["name"]


def rehearsal_of(
    happened: Iterable[Happened],
    *,
    client: str = "",
    call: str = "",
    timing: ExchangeTiming | None = None,
    lines: Lines | None = None,
    first_context: str = "",
    threads: bool = False,
) -> Rehearsal:
    """Return what was done, as a module for pytest.

    What happened on calls whose beginning is missing is left out.

    Args:
        happened: the journal, or the end of it, in order.
        client: where the test imports the program from, such as ``app:client``. Without it,
            there is a line in the module to complete.
        call: the id of the one call to save, with the calls that the program placed meanwhile.
        timing: how long things take in the lab.
        lines: how numbers behave. A number that is not there behaves as it did.
        first_context: the first context of the program, which calls get without asking.
        threads: whether the program is on `relay_sync`.

    Raises:
        NothingToRehearseError: nobody has called, or sent a text.
        ValueError: `client` names no client.
    """
    everything = sorted(happened, key=lambda one: one.at)
    module, name = client_of(client) if client else ("", "client")
    timing = timing or ExchangeTiming()
    legs = _legs(everything)
    if call:
        legs = _around(legs, call)
        kept = {one.call_id for leg in legs.values() for one in leg.happened}
        everything = [one for one in everything if one.call_id in kept]
    left_at = everything[-1].at + AFTER_THE_LAST if everything else 0.0
    parts = _parts(everything, legs, timing, left_at)
    if all(isinstance(part.what, str) for part in parts):
        raise NothingToRehearseError
    known = {one.call_id for leg in legs.values() for one in leg.happened} | {""}
    story = Story(one for one in everything if one.call_id in known)
    plan = Plan(
        module=module,
        client=name,
        parts=parts,
        left_at=left_at,
        lines=_lines(legs.values(), timing, left_at, lines or {}),
        undeliverable=_undeliverable(everything),
        timing=timing,
        first_context=first_context,
        outlines=story.outlines,
        unfinished=_unfinished(story, legs.values()),
        threads=threads,
    )
    return Rehearsal(plan.name, written(plan))


def _legs(happened: Iterable[Happened]) -> dict[str, _Leg]:
    """Return the calls whose beginning is there, by the id of the first call of each."""
    by_id: dict[str, _Leg] = {}
    transferred: _Leg | None = None
    for one in happened:
        if not one.call_id:
            continue
        leg = by_id.get(one.call_id)
        if leg is None and one.what in (What.CALLED, What.DIALED):
            leg = by_id[one.call_id] = _Leg()
        elif leg is None and one.what is What.OFFERED and transferred is not None:
            leg = by_id[one.call_id] = transferred
            transferred = None
        if leg is not None:
            leg.happened.append(one)
            if one.what is What.TRANSFERRED and one.details["to"].startswith(TRANSFER_TO_CONTEXT):
                transferred = leg
    return {leg.first.call_id: leg for leg in by_id.values()}


def _around(legs: Mapping[str, _Leg], call: str) -> dict[str, _Leg]:
    """Return this call, and the calls that the program placed for it.

    Nothing in the journal says for which call another one was placed. So it is the last of
    those that were up.
    """
    chosen = next(
        (leg for leg in legs.values() if any(one.call_id == call for one in leg.happened)), None
    )
    if chosen is None:
        return {}
    called = [leg for leg in legs.values() if leg.called]
    return {
        name: leg
        for name, leg in legs.items()
        if leg is chosen or (not leg.called and _last_up(called, leg.first.at) in (None, chosen))
    }


def _last_up(called: Iterable[_Leg], at: float) -> _Leg | None:
    """Return the last of the calls to the program that were up at this time."""
    up = [leg for leg in called if leg.first.at <= at and (leg.ended is None or at <= leg.ended.at)]
    return up[-1] if up else None


def _parts(
    happened: Sequence[Happened], legs: Mapping[str, _Leg], timing: ExchangeTiming, left_at: float
) -> list[Part]:
    """Return what people did from outside, and what the program did of its own, in order."""
    parts: list[Part] = []
    for one in happened:
        match one.what:
            case What.CALLED:
                leg = legs[one.call_id]
                offered = leg.find(What.OFFERED)
                context = "" if offered is None else offered.details["context"]
                end = None if leg.ended is None else leg.ended.at
                caller = _caller(leg, timing, left_at)
                parts.append(Part(one.at, caller, to=one.details["to"], context=context, end=end))
            case What.SENT_TEXT if one.who is Who.CALLER:
                text = TextMessage(one.details["number"], one.details["to"], one.details["text"])
                parts.append(Part(one.at, text, end=one.at + AFTER_A_TEXT))
            case What.FAULTED:
                parts.append(Part(one.at, one.details["fault"]))
            case What.DIALED if one.call_id in legs and not _caused(one.at, parts):
                parts.append(Part(one.at, None, to=one.details["to"]))
            case What.SENT_TEXT if not _caused(one.at, parts):
                parts.append(Part(one.at, None, to=one.details["to"]))
            case _:
                pass
    return parts


def _caused(at: float, parts: Iterable[Part]) -> bool:
    """Whether a call or a text before it may be why the program does something now.

    What it does of its own is one cause for everything that follows soon.
    """
    for part in parts:
        match part.what:
            case Caller():
                if part.end is None or at <= part.end + SAME_CAUSE:
                    return True
            case TextMessage() | None:
                if at <= part.at + AFTER_A_TEXT:
                    return True
            case _:
                pass
    return False


def _caller(leg: _Leg, timing: ExchangeTiming, left_at: float) -> Caller:
    number = leg.first.details["number"]
    end = leg.ended
    if leg.find(What.ANSWERED) is None and (end is None or end.who is Who.CALLER):
        gave_up_at = left_at if end is None else end.at
        return Caller(number, patience=rounded(gave_up_at - leg.first.at))
    return Caller(number, _script(leg, timing, left_at))


def _script(leg: _Leg, timing: ExchangeTiming, left_at: float) -> tuple[Step, ...]:
    return script_of(leg.happened, timing, left_at=None if leg.ended else left_at)


def _lines(
    legs: Iterable[_Leg], timing: ExchangeTiming, left_at: float, known: Lines
) -> dict[str, AnyBehaviour]:
    """Return how the numbers behave that the program dialed, if it is not as usual."""
    met: dict[str, list[Behaviour]] = {}
    for leg in legs:
        if not leg.called:
            number = leg.first.details["to"]
            met.setdefault(number, []).append(_behaviour(leg, timing, left_at, known.get(number)))
    return {
        number: behaviours[0] if len(set(behaviours)) == 1 else InTurn(tuple(behaviours))
        for number, behaviours in met.items()
        if set(behaviours) != {Answers()}
    }


def _behaviour(
    leg: _Leg, timing: ExchangeTiming, left_at: float, known: AnyBehaviour | None
) -> Behaviour:
    """Return how a number behaved on this call. What is known of it decides the details."""
    as_seen = _as_seen(leg, timing, left_at)
    return next((one for one in _possible(known) if isinstance(one, type(as_seen))), as_seen)


def _possible(known: AnyBehaviour | None) -> Sequence[Behaviour]:
    match known:
        case None:
            return ()
        case InTurn(behaviours):
            return behaviours
        case OverTime(first, later):
            return (first, *(one for _, one in later))
        case _:
            return (known,)


def _as_seen(leg: _Leg, timing: ExchangeTiming, left_at: float) -> Behaviour:
    rang, answered, end = leg.find(What.RANG), leg.find(What.ANSWERED), leg.ended
    rang_at = (leg.first if rang is None else rang).at
    if answered is not None:
        return Answers(rounded(answered.at - rang_at), _script(leg, timing, left_at))
    match None if end is None else end.details["reason"]:
        case reason if reason == END_REASON_BUSY:
            return Busy()
        case reason if reason == END_REASON_NOT_FOUND:
            return Unreachable()
        case reason if reason == END_REASON_DECLINE and end is not None:
            return Declines(rounded(end.at - rang_at))
        case _:
            return NoAnswer()


def _undeliverable(happened: Iterable[Happened]) -> list[str]:
    """Return the numbers to which texts of the program were not delivered."""
    number_of: dict[str, str] = {}
    lost: set[str] = set()
    number = ""
    for one in happened:
        match one.what:
            case What.SENT_TEXT:
                number = one.details["to"] if one.who is Who.PROGRAM else ""
            case What.TEXT_MOVED:  # the first state of a text follows at once
                to = number_of.setdefault(one.details["text_id"], number)
                if to and one.details["state"] == MESSAGE_STATE_UNDELIVERED:
                    lost.add(to)
            case _:
                pass
    return sorted(lost)


def _unfinished(story: Story, legs: Iterable[_Leg]) -> frozenset[str]:
    """Return the labels of the calls that are not over."""
    labels = story.labels
    return frozenset(
        labels[one.call_id] for leg in legs if leg.ended is None for one in leg.happened
    )


def _is_name(text: str) -> bool:
    return text.isidentifier() and not keyword.iskeyword(text)
