"""The recipe of ivr_speech.py, rehearsed: what callers press and say, and who answers."""

import os

os.environ |= {"SIGNALWIRE_PROJECT_ID": "any", "SIGNALWIRE_API_TOKEN": "any"}

import pytest

from ivr_speech import NUMBERS, client
from relay_anyio.testing import (
    Answers,
    Busy,
    Caller,
    HangUp,
    Hear,
    NoAnswer,
    Press,
    Say,
    Step,
    Wait,
    What,
    Who,
    rehearse,
)

ANNA = "+15550001111"
TALKS = Answers(script=(Say("Hello?"), Wait(30), HangUp()))
LINES = {NUMBERS["sales"]: TALKS, NUMBERS["support"]: TALKS}
MENU = Hear("press 1")


def test_a_caller_says_a_word() -> None:
    story = rehearse(client, Caller(ANNA, (MENU, Wait(4), Say("Sales, please!"))), lines=LINES)
    (connected,) = story.all(What.CONNECTED)
    assert connected.details["to"] == NUMBERS["sales"]
    assert [one.who for one in story.all(What.ENDED)] == [Who.CALLER, Who.PROGRAM]


@pytest.mark.parametrize(
    ("script", "department"),
    [
        ((MENU, Press("1")), "sales"),
        ((MENU, Press("2")), "support"),
        ((MENU, Press("7"), Hear("did not get that"), Say("Sales")), "sales"),
        ((MENU, Say("Bananas"), Hear("did not get that"), Press("1")), "sales"),
        ((), "support"),  # somebody has to help a caller who cannot use the menu
    ],
)
def test_a_caller_gets_a_department(script: tuple[Step, ...], department: str) -> None:
    story = rehearse(client, Caller(ANNA, script), lines=LINES)
    assert [one.details["to"] for one in story.all(What.CONNECTED)] == [NUMBERS[department]]


@pytest.mark.parametrize(
    "script",
    [
        (MENU, HangUp()),
        (MENU, Press("1"), Hear("one moment"), HangUp()),
        (MENU, Press("1"), Hear("one moment"), Wait(5), HangUp()),  # while it rings
    ],
)
def test_a_caller_may_hang_up_at_any_time(script: tuple[Step, ...]) -> None:
    story = rehearse(client, Caller(ANNA, script), lines={NUMBERS["sales"]: NoAnswer()})
    assert not story.all(What.CONNECTED)
    assert story.all(What.ENDED)[-1].who is not Who.PROGRAM


def test_a_caller_is_told_that_nobody_answers() -> None:
    story = rehearse(client, Caller(ANNA, (MENU, Press("1"))), lines={NUMBERS["sales"]: Busy()})
    assert "Sorry, nobody in sales" in story.text
