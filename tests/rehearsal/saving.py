"""Saving: rehearse, save what happened, and run what was saved."""

from __future__ import annotations

import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from types import ModuleType
from typing import Any, Final

from hypothesis import assume, currently_in_test_context
from hypothesis import strategies as st

from relay_anyio import Call, phone
from relay_anyio.lab.rehearsal import Rehearsal, rehearsal_of
from relay_anyio.testing import (
    HangUp,
    Happened,
    Hear,
    Press,
    Say,
    Step,
    Story,
    Wait,
    What,
    Who,
    rehearse,
)
from relay_proto.errors import RelayError

ANNA, BERT, AGENT, OFFICE = "+15550001111", "+15550001112", "+15550003000", "+15550002222"
PROGRAM: Final = "program_of_this_test"
"""The module from which saved rehearsals import the client of a test."""
RACE: Final = 0.02
"""Seconds. Who is first by less than that depends on how times are rounded."""


def seconds(least: float, most: float) -> st.SearchStrategy[float]:
    """Times as people write them. What is closer than that is the jitter of real time."""
    return st.integers(round(least * 100), round(most * 100)).map(
        lambda hundredths: hundredths / 100
    )


words = st.sampled_from(["press 1", "chosen", "THANK YOU", "not on the menu", "nothing like this"])
steps: st.SearchStrategy[Step] = st.one_of(
    st.builds(Wait, seconds(0.01, 40.0)),
    st.builds(Hear, words, seconds(0.5, 20.0)),
    st.builds(Press, st.text("0123456789*#", min_size=1, max_size=4), seconds(0.05, 3.0)),
    st.builds(Say, st.text(min_size=1, max_size=40)),
    st.builds(HangUp),
)
scripts = st.lists(steps, max_size=6).map(tuple)


@contextmanager
def program(client: object) -> Generator[None]:
    """Let saved rehearsals import this client, or this handler."""
    module = ModuleType(PROGRAM)
    module.__dict__["client"] = client
    sys.modules[PROGRAM] = module
    try:
        yield
    finally:
        del sys.modules[PROGRAM]


def run(saved: Rehearsal) -> None:
    """Do what pytest does with the module."""
    names: dict[str, Any] = {}
    exec(compile(saved.source, "saved.py", "exec"), names)
    names[saved.name]()


def save(story: Sequence[Happened], **options: Any) -> Rehearsal:
    return rehearsal_of(story, client=f"{PROGRAM}:client", **options)


def is_a_race(one: Happened, story: Story) -> bool:
    """Whether a caller acts just when the program has ended something by itself."""
    by_itself = one.what in (What.ENDED, What.HEARD_NOTHING) or (
        one.what is What.PLAY_ENDED and one.details["outcome"] == "finishes"
    )
    return (
        by_itself
        and one.who is Who.PROGRAM
        and any(
            other.who is Who.CALLER
            and other.call_id == one.call_id
            and abs(other.at - one.at) < RACE
            for other in story
        )
    )


def check(client: Any, *scenes: Any, **options: Any) -> Rehearsal:
    """Rehearse, save it, run what was saved; return it."""
    story = rehearse(client, *scenes, **options)
    # Times are rounded when they are saved. Who is first by less than that is not kept.
    if currently_in_test_context():
        assume(not any(is_a_race(one, story) for one in story))
    saved = save(story)
    with program(client):
        run(saved)
    return saved


async def connect_to(call: Call, number: str) -> None:
    async with call:
        await call.answer()
        with suppress(RelayError, TimeoutError):
            await call.connect_and_wait([[phone(number, OFFICE)]])
            await call.wait_for_disconnected(timeout=20)


async def connect_to_agent(call: Call) -> None:
    await connect_to(call, AGENT)
