"""Rehearsals of the examples, where their own programs alone do not show everything."""

from __future__ import annotations

import logging
import runpy
from pathlib import Path
from typing import Final

import pytest

from relay_anyio import RelayClient
from relay_anyio.testing import (
    Backend,
    Caller,
    HangUp,
    Press,
    Say,
    Step,
    Wait,
    What,
    rehearse,
)

EXAMPLES: Final = Path(__file__).parents[2] / "examples"
ANNA: Final = "+15550001111"
AFTER_THE_BEEP: Final = Wait(5)


def client_of(example: str, monkeypatch: pytest.MonkeyPatch) -> RelayClient:
    monkeypatch.setenv("SIGNALWIRE_PROJECT_ID", "project")
    monkeypatch.setenv("SIGNALWIRE_API_TOKEN", "token")
    client = runpy.run_path(str(EXAMPLES / f"{example}.py"))["client"]
    assert isinstance(client, RelayClient)
    return client


@pytest.mark.parametrize(
    ("script", "logged"),
    [
        ((AFTER_THE_BEEP, Say("It is me."), Press("#")), f"{ANNA} left "),
        ((AFTER_THE_BEEP, Say("It is me."), HangUp()), f"{ANNA} left "),
        ((), f"{ANNA} left no message"),
        ((HangUp(),), f"{ANNA} left no message"),
    ],
)
def test_silence_is_no_message(
    script: tuple[Step, ...],
    logged: str,
    backend: Backend,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "voicemail")
    story = rehearse(client_of("voicemail", monkeypatch), Caller(ANNA, script), backend=backend)
    (line,) = [one.getMessage() for one in caplog.records if one.name == "voicemail"]
    assert line.startswith(logged)
    assert ("https://" in line) == ("no message" not in line)
    assert story.all(What.ENDED)
