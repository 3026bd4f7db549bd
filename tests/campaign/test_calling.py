"""One attempt of the campaign, rehearsed: what each kind of person hears, and what is written."""

import os

os.environ |= {"SIGNALWIRE_PROJECT_ID": "any", "SIGNALWIRE_API_TOKEN": "any"}

from collections.abc import Callable
from datetime import time
from pathlib import Path

import pytest

from campaign.calling import fate, reach
from campaign.database import Database
from campaign.rules import Attempt
from campaign.settings import Settings
from relay_sync import (
    ClientClosedError,
    ConnectionLostError,
    RelayClient,
    RelayError,
    RequestQueueFullError,
    RequestTimeoutError,
)
from relay_sync.testing import (
    Answers,
    Behaviour,
    Busy,
    Declines,
    Fax,
    HangUp,
    Machine,
    NoAnswer,
    Say,
    Stage,
    Unreachable,
    Wait,
    What,
    rehearse,
)

ANNA = "+15550003000"
HELLO = Say("Hello?")
PEOPLE: dict[str, tuple[Behaviour, str]] = {
    "a person": (Answers(script=(HELLO, Wait(20))), "heard"),
    "a machine": (Answers(nature=Machine((Say("Speak after the beep."),))), "left"),
    "a person who hangs up": (Answers(script=(HELLO, HangUp())), "cut short"),
    "a fax": (Answers(nature=Fax()), "failed"),
    "busy": (Busy(), "busy"),
    "nobody": (NoAnswer(), "no answer"),
    "declines": (Declines(), "declined"),
    "no such number": (Unreachable(), "failed"),
}


@pytest.fixture
def database(tmp_path: Path) -> Database:
    settings = Settings(
        database=f"sqlite:///{tmp_path / 'campaign.db'}", opens=time(0), closes=time.max
    )
    database = Database(settings)
    database.create()
    database.load([(ANNA, "")])
    return database


@pytest.mark.parametrize("kind", PEOPLE)
def test_what_is_written_of_each_kind_of_person(database: Database, kind: str) -> None:
    claims = [database.claim(1, "worker")]

    def scene(stage: Stage) -> None:
        (claim,) = claims
        assert claim is not None
        reach(stage.client, database, claim)

    behaviour, expected = PEOPLE[kind]
    story = rehearse(RelayClient(), scene, lines={ANNA: behaviour})
    _, attempts = database.everything()
    assert [one.state for one in attempts] == [expected]
    assert len(story.all(What.DIALED)) == 1
    assert (database.settings.message in story.text) == (expected in ("heard", "left"))
    database.close()


def test_who_was_taken_for_dead_dials_nobody(database: Database) -> None:
    claim = database.claim(1, "worker")
    assert claim is not None
    database.give_up(claim.attempt, Attempt.CLAIMED, "the worker was lost")

    def scene(stage: Stage) -> None:
        reach(stage.client, database, claim)

    assert not rehearse(RelayClient(), scene).all(What.DIALED)
    database.close()


def test_a_number_that_is_none_is_not_dialed(database: Database) -> None:
    database.load([("5550100", "")])
    claim = database.claim(2, "worker")
    assert claim is not None

    def scene(stage: Stage) -> None:
        reach(stage.client, database, claim)

    assert not rehearse(RelayClient(), scene).all(What.DIALED)
    assert database.progress() == {"failed": 1, "waiting": 1}
    database.close()


@pytest.mark.parametrize(
    ("error", "came_to", "expected"),
    [
        (lambda: ConnectionLostError("cut", maybe_delivered=True), Attempt.DIALING, "unknown"),
        (lambda: ConnectionLostError("cut", maybe_delivered=False), Attempt.DIALING, "not dialed"),
        (lambda: RequestTimeoutError("dial", 10, sent=True), Attempt.DIALING, "unknown"),
        (lambda: RequestTimeoutError("dial", 60, sent=False), Attempt.DIALING, "not dialed"),
        (lambda: RequestTimeoutError("dial", 300, sent=False), Attempt.CLAIMED, "not dialed"),
        (lambda: RequestQueueFullError("dial", 500), Attempt.DIALING, "not dialed"),
        (ClientClosedError, Attempt.DIALING, "unknown"),
        (ClientClosedError, Attempt.CLAIMED, "not dialed"),
        (lambda: RelayError(402, "no money"), Attempt.DIALING, "failed"),
        (lambda: RelayError(-1, "?"), Attempt.DIALING, "unknown"),
        (lambda: ConnectionLostError("cut", maybe_delivered=False), Attempt.ANSWERED, "unknown"),
        (ZeroDivisionError, Attempt.DIALING, "unknown"),
    ],
)
def test_what_is_not_certain_is_unknown(
    error: Callable[[], Exception], came_to: Attempt, expected: str
) -> None:
    assert fate(error(), came_to).value == expected
