"""The text of a story: one line for each thing that happened, and whose line it is."""

from __future__ import annotations

import re

from relay_anyio import Call, phone
from relay_anyio.testing import (
    Answers,
    Backend,
    Caller,
    HangUp,
    Happened,
    Line,
    Story,
    Wait,
    What,
    Who,
    rehearse,
)

ANNA, OFFICE, AGENT = "+15550001111", "+15550002222", "+15550003000"


async def front_desk(call: Call) -> None:
    async with call:
        await call.answer()
        await call.connect_and_wait([[phone(AGENT, OFFICE)]])
        await call.wait_for_disconnected()


AGENTS = [Line(AGENT, Answers(script=(Wait(20), HangUp())))]


def test_one_call_needs_no_label(backend: Backend) -> None:
    async def answer(call: Call) -> None:
        await call.answer()
        await call.hangup()

    story = rehearse(answer, Caller(ANNA), backend=backend)
    assert story.text == "\n".join(one.line for one in story)


def test_two_calls_are_told_apart_by_who_is_at_the_other_end(backend: Backend) -> None:
    story = rehearse(front_desk, Caller(ANNA), lines=AGENTS, backend=backend)
    lines = story.text.splitlines()
    assert len(lines) == len(story)
    assert f"  {ANNA}  program   answers" in story.text
    assert f"  {AGENT}  caller    ends the call: hangup" in story.text
    assert f"  {ANNA}  program   ends the call: hangup" in story.text
    (session,) = [line for line in lines if "starts session" in line]
    assert session.startswith(f"     0.00  {'':{len(ANNA)}}  program   ")


def test_the_same_person_who_calls_again_has_a_number(backend: Backend) -> None:
    story = rehearse(front_desk, Caller(ANNA), Caller(ANNA), lines=AGENTS, backend=backend)
    ended = [line for line in story.text.splitlines() if "ends the call" in line]
    people = [re.split(r" {2,}", line.strip())[1] for line in ended]
    assert people == [AGENT, ANNA, f"{AGENT} #2", f"{ANNA} #2"]


def test_a_long_address_is_cut() -> None:
    story = Story(
        [
            Happened(0.0, "a", Who.PROGRAM, What.DIALED, {"to": "sip:" + "x" * 40}),
            Happened(0.0, "b", Who.EXCHANGE, What.OFFERED, {"context": "office"}),
        ]
    )
    first, second = story.text.splitlines()
    assert first.startswith("     0.00  sip:xxxxxxxxxxxxxxxxxxx…  program   dials sip:")
    assert second.startswith(f"     0.00  {'a call':<24}  exchange  ")
