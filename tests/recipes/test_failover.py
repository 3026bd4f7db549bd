"""The recipe of failover.py, rehearsed: which telephone rings, and who is told of a missed call."""

import os

os.environ |= {"SIGNALWIRE_PROJECT_ID": "any", "SIGNALWIRE_API_TOKEN": "any"}

import pytest

from failover import NUMBERS, OWNER, client
from relay_anyio.testing import (
    Answers,
    Behaviour,
    Busy,
    Caller,
    Declines,
    HangUp,
    NoAnswer,
    Unreachable,
    Wait,
    What,
    rehearse,
)

ANNA = "+15550001111"
FIRST, SECOND = NUMBERS
TALKS = Answers(after=5, script=(Wait(30), HangUp()))


def dialed_and_connected(*lines: Behaviour) -> tuple[list[str], list[str]]:
    story = rehearse(client, Caller(ANNA), lines=dict(zip(NUMBERS, lines, strict=True)))
    return (
        [one.details["to"] for one in story.all(What.DIALED)],
        [one.details["to"] for one in story.all(What.CONNECTED)],
    )


def test_the_second_telephone_rings_if_the_first_is_busy() -> None:
    story = rehearse(client, Caller(ANNA), lines={FIRST: Busy(), SECOND: TALKS})
    assert [one.details["to"] for one in story.all(What.CONNECTED)] == [SECOND]
    assert not story.all(What.SENT_TEXT)


@pytest.mark.parametrize("first", [Busy(), NoAnswer(), Declines(), Unreachable()])
def test_the_second_telephone_takes_over(first: Behaviour) -> None:
    assert dialed_and_connected(first, TALKS) == ([FIRST, SECOND], [SECOND])


def test_the_first_telephone_is_the_first() -> None:
    assert dialed_and_connected(TALKS, TALKS) == ([FIRST], [FIRST])


def test_the_owner_is_told_of_a_missed_call() -> None:
    story = rehearse(client, Caller(ANNA), lines={FIRST: Busy(), SECOND: NoAnswer()})
    (text,) = story.all(What.SENT_TEXT)
    assert text.details["to"] == OWNER
    assert text.details["text"] == f"Missed call from {ANNA}."
    assert "We call you back" in story.text


def test_the_owner_is_told_of_a_caller_who_gives_up() -> None:
    caller = Caller(ANNA, (Wait(8), HangUp()))
    story = rehearse(client, caller, lines={FIRST: NoAnswer()})
    assert story.all(What.SENT_TEXT)
    assert "Sorry" not in story.text
