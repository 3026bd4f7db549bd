"""The recipe of fax.py, rehearsed: faxes that come, faxes that go, and people in their place."""

import logging
import os
from pathlib import Path

os.environ |= {"SIGNALWIRE_PROJECT_ID": "any", "SIGNALWIRE_API_TOKEN": "any"}

import pytest

import fax
from relay_anyio import RelayClient
from relay_anyio.testing import (
    Answers,
    Behaviour,
    Busy,
    Caller,
    Fax,
    HangUp,
    Nature,
    Stage,
    Step,
    Wait,
    rehearse,
)

ANNA = "+15550001111"
MACHINE = Fax(pages=3)
DOCUMENT = "https://example.com/offer.pdf"


def test_a_fax_comes() -> None:
    story = rehearse(fax.client, Caller(ANNA, nature=MACHINE))
    assert "a fax" in story.text


def test_a_fax_is_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fax, "FOLDER", str(tmp_path))
    rehearse(fax.client, Caller(ANNA, nature=MACHINE))
    (saved,) = tmp_path.glob("*.pdf")
    assert saved.read_bytes()


@pytest.mark.parametrize(
    ("script", "nature", "logged"),
    [
        ((), MACHINE, "3 pages have come: https://"),
        ((Wait(15), HangUp()), MACHINE, "no fax has come: The call dropped"),
        ((), Answers().nature, "no fax has come: Timed out"),  # a person
        ((HangUp(),), Answers().nature, "no fax has come"),
    ],
)
def test_what_has_come_is_logged(
    script: tuple[Step, ...], nature: Nature, logged: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    rehearse(fax.client, Caller(ANNA, script, nature=nature))
    assert logged in caplog.text


@pytest.mark.parametrize(
    ("line", "result"),
    [
        (Answers(nature=MACHINE), "sent: 3 pages"),
        (Answers(), "not sent: Timed out"),
        (Answers(nature=MACHINE, script=(Wait(15), HangUp())), "not sent: The call dropped"),
        (Busy(), "busy"),
    ],
)
def test_a_fax_is_sent(line: Behaviour, result: str) -> None:
    async def scene(stage: Stage) -> None:
        assert result in await fax.send(stage.client, ANNA, DOCUMENT)

    rehearse(RelayClient(), scene, lines={ANNA: line})
