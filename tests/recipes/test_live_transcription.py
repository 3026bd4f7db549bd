"""The recipe of live_transcription.py, rehearsed: what callers say, and what is read of it."""

import logging
import os

os.environ |= {"SIGNALWIRE_PROJECT_ID": "any", "SIGNALWIRE_API_TOKEN": "any"}

import pytest

from live_transcription import LONGEST, client
from relay_anyio.testing import Caller, HangUp, Hear, Say, Wait, rehearse

ANNA = "+15550001111"
READY = (Hear("hang up when"), Wait(6))
SPEAKS = (*READY, Say("The heating is off."), Wait(2), Say("There is water on the floor."))


def test_a_caller_reports_a_fault() -> None:
    story = rehearse(client, Caller(ANNA, (*SPEAKS, Wait(3), HangUp())))
    assert "a live transcription" in story.text


def test_what_was_said_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    rehearse(client, Caller(ANNA, (*SPEAKS, Wait(3), HangUp())))
    assert f"{ANNA} reports: The heating is off. There is water on the floor." in caplog.text
    assert caplog.text.count("is urgent") == 1


def test_nobody_speaks_for_ever() -> None:
    story = rehearse(client, Caller(ANNA, SPEAKS))
    assert "Thank you, we have noted it." in story.text
    assert LONGEST < story[-1].at < LONGEST + 20


def test_a_caller_may_hang_up_at_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    rehearse(client, Caller(ANNA, (HangUp(),)))
    assert "reports: nothing" in caplog.text
