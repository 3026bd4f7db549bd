"""The recipe of voicemail.py, rehearsed: who leaves a message, and what the owner is told."""

import os

os.environ |= {"SIGNALWIRE_PROJECT_ID": "any", "SIGNALWIRE_API_TOKEN": "any"}

import pytest

from relay_anyio.testing import Caller, HangUp, Hear, Press, Say, Step, Wait, What, rehearse
from voicemail import OWNER, client

ANNA = "+15550001111"


SPEAKS = (Hear("beep"), Say("Please call me back."))


def test_the_owner_gets_a_text() -> None:
    story = rehearse(client, Caller(ANNA, (*SPEAKS, Press("#"))))
    (text,) = story.all(What.SENT_TEXT)
    assert text.details["to"] == OWNER
    assert f"Message from {ANNA}, 2 s: https://" in text.details["text"]


@pytest.mark.parametrize("script", [(*SPEAKS, HangUp()), SPEAKS])
def test_a_message_ends_with_the_call_or_with_silence(script: tuple[Step, ...]) -> None:
    assert rehearse(client, Caller(ANNA, script)).all(What.SENT_TEXT)


@pytest.mark.parametrize("script", [(HangUp(),), (Hear("tone"), Wait(5))])
def test_silence_is_no_message(script: tuple[Step, ...]) -> None:
    story = rehearse(client, Caller(ANNA, script))
    assert not story.all(What.SENT_TEXT)
    assert story.all(What.ENDED)


def test_a_message_is_not_lost_with_the_text(caplog: pytest.LogCaptureFixture) -> None:
    rehearse(client, Caller(ANNA, SPEAKS), undeliverable=[OWNER])
    assert "the owner was not told of this message" in caplog.text
    assert "https://" in caplog.text
