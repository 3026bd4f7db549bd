"""Strategies: hypothesis draws people, lines, texts, faults, frames and events.

They are for ``@given``, and `explore` of `relay_anyio.testing` and `relay_sync.testing`
puts situations together of them::

    @given(strategies.callers(digits="12"))
    def test_the_menu(caller: Caller) -> None:
        rehearse(client, caller)

They need the extra ``hypothesis``: ``pip install 'relay-proto[hypothesis]'``.

Public: for tests of applications, and tests of the protocol.
"""

from __future__ import annotations

import itertools
import string
from collections.abc import Collection, Sequence
from typing import Final

try:
    from hypothesis import strategies as st
except ImportError as error:
    raise ImportError(
        "strategies and explore() need hypothesis: pip install 'relay-proto[hypothesis]'"
    ) from error

from ..exchange import (
    Answers,
    Behaviour,
    Busy,
    Caller,
    Declines,
    Fax,
    HangUp,
    Hear,
    Human,
    InTurn,
    Machine,
    Nature,
    NoAnswer,
    Press,
    Say,
    Step,
    TextMessage,
    Unclear,
    Unreachable,
    Wait,
    What,
)
from .faults import FAULTS, Fault
from .frame_strategies import (
    broken_events,
    broken_frames,
    broken_requests,
    event_types,
    events,
    json_objects,
    json_values,
    methods,
    requests,
    server_frames,
)
from .links import Style
from .situations import Part, Situation, Trouble

__all__ = [
    "behaviours",
    "broken_events",
    "broken_frames",
    "broken_requests",
    "callers",
    "event_types",
    "events",
    "faults",
    "instants",
    "json_objects",
    "json_values",
    "link_styles",
    "messages",
    "methods",
    "natures",
    "requests",
    "scripts",
    "server_frames",
    "situations",
    "steps",
    "texts",
    "troubles",
]

DIGITS: Final = string.digits + "*#"
NUMBERS: Final = ("+15550001111", "+15550001112", "+15550001113")
OFFICE: Final = "+15550002222"
MOMENTS: Final = (
    What.ANSWERED,
    What.PLAYED,
    What.LISTENED,
    What.STARTED,
    What.DIALED,
    What.CONNECTED,
    What.SENT_TEXT,
    What.ENDED,
)
"""What a program asks for. The connection may break before it gets the answer."""
WORDS: Final = ("yes", "no", "help")
TEXTS: Final = (
    "Hello",
    "STOP",
    "Grüße, façade, señor",
    "שלום עולם",  # from right to left
    "مرحبا بالعالم",
    "Hello \u202eevil\u202c",  # a mark that turns the direction
    "你好世界",
    "नमस्ते दुनिया",
    "สวัสดีชาวโลก",
    "👋🏽👩‍👩‍👧‍👦🏳️‍🌈",
    "e\u0301\u0323" * 3,  # letters with marks of their own
    "a\u200bb\u00a0c\ufeff",  # spaces that nobody sees
    "line one\r\nline two\ttab",
    "\x00\x1b[31m",
    "'; DROP TABLE calls; --",
    "<b>&amp;</b> ${x} {x} %s",
    "",
    "long " * 400,
)
"""Texts in many scripts, and texts that programs often treat wrongly."""


def instants(longest: float = 30.0) -> st.SearchStrategy[float]:
    """Draw a number of seconds, in steps of 0.05 s; short ones are more frequent."""
    return st.one_of(
        st.integers(0, round(min(2.0, longest) * 20)), st.integers(0, round(longest * 20))
    ).map(lambda number: number / 20)


def texts() -> st.SearchStrategy[str]:
    """Draw a text in any script: from right to left, emoji, combining marks, long, empty."""
    return st.sampled_from(TEXTS) | st.text(st.characters(codec="utf-8"), max_size=20)


def steps(
    *, digits: str = DIGITS, words: Sequence[str] = WORDS, prompts: Sequence[str] = ()
) -> st.SearchStrategy[Step]:
    """Draw a step of a person.

    Args:
        digits: what they press.
        words: what they say, beside texts in any script.
        prompts: what they wait to hear.
    """
    presses = st.text(st.sampled_from(digits), min_size=1, max_size=4).map(Press)
    one_digit = st.sampled_from(digits).map(Press)
    says = (st.sampled_from(tuple(words)) | texts() if words else texts()).map(Say)
    waits = instants().map(Wait)
    hears = [_hearing(prompts)] if prompts else []
    return st.one_of(waits, one_digit, *hears, presses, says, st.just(HangUp()))


def scripts(
    *,
    digits: str = DIGITS,
    words: Sequence[str] = WORDS,
    prompts: Sequence[str] = (),
    longest: int = 5,
    patience: float | None = 300.0,
) -> st.SearchStrategy[tuple[Step, ...]]:
    """Draw what a person does, in at most `longest` turns. See `steps`.

    `patience` seconds after the last step they hang up; with None, they stay on the line.
    """
    step = steps(digits=digits, words=words, prompts=prompts)
    end: tuple[Step, ...] = () if patience is None else (Wait(patience), HangUp())
    turns: list[st.SearchStrategy[tuple[Step, ...]]] = [st.tuples(step)]
    if prompts:  # who listens first, and then answers, gets further
        answer = st.sampled_from(digits).map(Press) | step
        turns.append(st.tuples(_hearing(prompts), answer))
    whole = st.lists(st.one_of(turns), max_size=longest)
    return whole.map(lambda drawn: _until_hang_up((*itertools.chain(*drawn), *end)))


def callers(
    script: st.SearchStrategy[tuple[Step, ...]] | None = None,
    *,
    digits: str = DIGITS,
    numbers: Collection[str] = NUMBERS,
) -> st.SearchStrategy[Caller]:
    """Draw somebody who calls, presses, says, waits, and hangs up at any instant."""
    return st.builds(
        Caller,
        st.sampled_from(tuple(numbers)),
        scripts(digits=digits) if script is None else script,
    )


def natures() -> st.SearchStrategy[Nature]:
    """Draw who answers: a person, one of several machines, a fax, or something unclear."""
    pausing = Machine((Say("You have reached us."), Wait(2.0), Say("Please leave a message.")))
    return st.sampled_from(
        (
            Human(),
            Machine(),
            Machine(beep=False),
            pausing,
            Machine(full=True),
            Fax("CED"),
            Fax("CNG", pages=2),
            Unclear(),
        )
    )


def behaviours(
    script: st.SearchStrategy[tuple[Step, ...]] | None = None,
) -> st.SearchStrategy[Behaviour | InTurn]:
    """Draw what a line does that a program dials: also busy first, and then somebody answers."""
    answers = st.builds(
        Answers,
        after=st.integers(0, 40).map(lambda number: number / 4),
        script=scripts() if script is None else script,
        nature=st.just(Human()) | natures(),
    )
    fails: st.SearchStrategy[Behaviour] = st.sampled_from(
        (Busy(), NoAnswer(), Declines(), Unreachable())
    )
    turns = st.builds(_in_turn, fails, answers)
    picked_up: st.SearchStrategy[Behaviour | InTurn] = answers
    missed: st.SearchStrategy[Behaviour | InTurn] = fails | turns
    return st.booleans().flatmap(lambda answered: picked_up if answered else missed)


def messages(
    numbers: Collection[str] = NUMBERS, to: str = OFFICE
) -> st.SearchStrategy[TextMessage]:
    """Draw a text that somebody sends, in any script, some with a picture."""
    media = st.sampled_from(((), (), ("https://example.com/picture.png",)))
    return st.builds(TextMessage, st.sampled_from(tuple(numbers)), st.just(to), texts(), media)


def troubles() -> st.SearchStrategy[Trouble]:
    """Draw what goes wrong with the connection in a rehearsal: see `situations`."""
    return st.sampled_from(tuple(Trouble))


def link_styles() -> st.SearchStrategy[Style]:
    """Draw how a link of a `World` delays, gathers and splits what it carries."""
    return st.builds(
        Style,
        latency=st.sampled_from((0.001, 0.02, 0.08, 0.3)),
        jitter=st.sampled_from((0.0, 0.05, 0.5)),
        largest=st.sampled_from((1 << 20, 1400, 200, 60, 1)),
        quantum=st.sampled_from((0.0, 0.01, 0.25)),
        close_delay=st.sampled_from((0.0, 0.5, 6.0)),
        stale=st.booleans(),
    )


def faults() -> st.SearchStrategy[Fault]:
    """Draw what befalls a `World`: cuts, stalls, refusals, restarts, repeated events, nonsense."""
    return st.sampled_from(tuple(dict.fromkeys(FAULTS)))


def situations(
    caller: st.SearchStrategy[Caller] | None = None,
    message: st.SearchStrategy[TextMessage] | None = None,
    trouble: st.SearchStrategy[Trouble] | None = None,
    *,
    dials: Collection[str] = (),
    script: st.SearchStrategy[tuple[Step, ...]] | None = None,
    most_parts: int = 4,
) -> st.SearchStrategy[Situation]:
    """Draw what befalls a program in one run.

    Args:
        caller: who calls, if anybody does.
        message: which texts come in, if any do.
        trouble: what goes wrong with the connection, if anything does.
        dials: the numbers that the program dials or writes to. Their lines vary.
        script: what those do who answer.
        most_parts: how many calls, texts and troubles there are at most.
    """
    people = [one for one in (caller, message) if one is not None]
    calm = [st.builds(Part, instants(), one) for one in people]
    parts = _parts(calm, most_parts)
    if trouble is not None:  # half of the runs have none, because troubles hide other things
        wild = st.builds(_part_of, instants(), trouble, _moments())
        parts |= _parts([*calm, wild], most_parts)
    numbers = tuple(dials)
    lines = st.tuples(*(st.tuples(st.just(one), behaviours(script)) for one in numbers))
    none: st.SearchStrategy[tuple[str, ...]] = st.just(())
    undeliverable = none | st.just(numbers) if numbers else none
    return st.builds(Situation, parts, lines, undeliverable)


def _parts(
    kinds: Sequence[st.SearchStrategy[Part]], most: int
) -> st.SearchStrategy[tuple[Part, ...]]:
    """Draw some parts, or none if there is nothing to draw them from."""
    return st.lists(st.one_of(kinds), max_size=most if kinds else 0).map(tuple)


def _hearing(prompts: Sequence[str]) -> st.SearchStrategy[Step]:
    return st.builds(Hear, st.sampled_from(tuple(prompts)), whole=st.booleans())


def _moments() -> st.SearchStrategy[What | None]:
    """Draw what a program does when the connection breaks."""
    return st.sampled_from((None, *MOMENTS))


def _part_of(after: float, trouble: Trouble, when: What | None) -> Part:
    """Return a part. Only what a link does by itself can happen in the middle of a request."""
    at_once = trouble not in (Trouble.CUT, Trouble.SILENCE)
    return Part(after, trouble, None if at_once else when)


def _in_turn(first: Behaviour, second: Behaviour) -> InTurn:
    return InTurn((first, second))


def _until_hang_up(drawn: tuple[Step, ...]) -> tuple[Step, ...]:
    """Leave out what would come after the person has hung up."""
    for place, step in enumerate(drawn):
        if isinstance(step, HangUp):
            return drawn[: place + 1]
    return drawn
