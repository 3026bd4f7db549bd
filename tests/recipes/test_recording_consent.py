"""The recipe of recording_consent.py, rehearsed: who agrees, and what is recorded."""

import logging
import os

os.environ |= {"SIGNALWIRE_PROJECT_ID": "any", "SIGNALWIRE_API_TOKEN": "any"}

import pytest

from recording_consent import AGENT, client
from relay_anyio.testing import (
    Answers,
    Busy,
    Caller,
    HangUp,
    Hear,
    NoAnswer,
    Press,
    Step,
    Story,
    Wait,
    What,
    rehearse,
)

ANNA = "+15550001111"
ASKED = Hear("press 1")
LINES = {AGENT: Answers(after=5, script=(Wait(30), HangUp()))}


def recordings(story: Story) -> list[str]:
    started = story.all(What.STARTED)
    return [one.text for one in started if one.details["activity"] == "a recording"]


def test_a_caller_agrees() -> None:
    story = rehearse(client, Caller(ANNA, (ASKED, Press("1"))), lines=LINES)
    assert recordings(story)
    recorded, connected = story.all(What.STARTED)[0], story.all(What.CONNECTED)[0]
    assert recorded.at >= connected.at


def test_the_recording_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    rehearse(client, Caller(ANNA, (ASKED, Press("1"))), lines=LINES)
    assert "recorded 30 s: https://" in caplog.text


@pytest.mark.parametrize(
    "script",
    [
        (ASKED, Press("2")),
        (ASKED, Press("7"), ASKED, Press("7")),
        (),
    ],
)
def test_who_does_not_agree_is_not_recorded(script: tuple[Step, ...]) -> None:
    story = rehearse(client, Caller(ANNA, script), lines=LINES)
    assert story.all(What.CONNECTED)
    assert not recordings(story)


def test_nothing_is_recorded_if_nobody_talks() -> None:
    story = rehearse(client, Caller(ANNA, (ASKED, Press("1"))), lines={AGENT: Busy()})
    assert "Sorry, nobody can take your call now." in story.text
    gives_up = Caller(ANNA, (ASKED, Press("1"), Wait(5), HangUp()))
    assert not recordings(story)
    assert not recordings(rehearse(client, gives_up, lines={AGENT: NoAnswer()}))
