"""The recipe of transfer.py, rehearsed: what the agent does, and when the caller hangs up."""

import os

os.environ |= {"SIGNALWIRE_PROJECT_ID": "any", "SIGNALWIRE_API_TOKEN": "any"}

import pytest

from relay_anyio.testing import (
    Answers,
    Behaviour,
    Busy,
    Caller,
    HangUp,
    Hear,
    Machine,
    NoAnswer,
    Press,
    Step,
    Wait,
    What,
    rehearse,
)
from transfer import AGENT, client

ANNA = "+15550001111"
HEARD = Hear("press 1")
TAKES = (HEARD, Wait(2), Press("1"))


def test_the_agent_takes_the_call() -> None:
    agent = Answers(after=5, script=(*TAKES, Wait(30), HangUp()))
    story = rehearse(client, Caller(ANNA), lines={AGENT: agent}, within=120)
    assert story.all(What.CONNECTED)
    assert len(story.all(What.ENDED)) == 2
    assert "Sorry" not in story.text


@pytest.mark.parametrize(
    "agent",
    [
        Busy(),
        NoAnswer(),
        Answers(script=(HEARD, HangUp())),
        Answers(script=(HEARD, Press("2"))),
        Answers(script=(HEARD,)),
        Answers(nature=Machine()),  # a machine presses nothing, so nobody is connected to it
    ],
)
def test_a_caller_is_told_that_nobody_takes_the_call(agent: Behaviour) -> None:
    story = rehearse(client, Caller(ANNA), lines={AGENT: agent}, within=120)
    assert not story.all(What.CONNECTED)
    assert "Sorry, nobody can take your call now." in story.text


@pytest.mark.parametrize(
    ("script", "agent"),
    [
        ((HangUp(),), NoAnswer()),
        ((Wait(5), HangUp()), NoAnswer()),  # while the agent's telephone rings
        ((Wait(4), HangUp()), Answers(after=1, script=(HEARD, Wait(60)))),  # in the announcement
        ((Wait(20), HangUp()), Answers(script=TAKES)),  # while they talk
    ],
)
def test_the_agent_is_free_when_the_caller_hangs_up(
    script: tuple[Step, ...], agent: Behaviour
) -> None:
    story = rehearse(client, Caller(ANNA, script), lines={AGENT: agent}, within=120)
    ended = story.all(What.ENDED)
    assert ended[-1].at - ended[0].at < 1
