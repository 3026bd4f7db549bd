"""The file of people, and rows that are wrong: `python -m campaign load`, and the conductor."""

from __future__ import annotations

from datetime import time
from pathlib import Path

import pytest

from campaign.__main__ import main
from campaign.database import Database
from campaign.people import WrongFileError, read_people
from campaign.rules import Attempt
from campaign.settings import Settings

GOOD = "number,zone\n+15551112222,Europe/Berlin\n+15551112223,\n"


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings of a database that `load` writes to."""
    monkeypatch.setenv("CAMPAIGN_DATABASE", f"sqlite:///{tmp_path / 'campaign.db'}")
    return Settings(opens=time(0), closes=time.max)


def file_with(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    file = folder / "people.csv"
    file.write_text(text, encoding=encoding)
    return file


def count(settings: Settings) -> int:
    database = Database(settings)
    database.create()
    everybody = database.progress().total()
    database.close()
    return everybody


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_people_are_loaded(database: Settings, tmp_path: Path, encoding: str) -> None:
    file = file_with(tmp_path, GOOD, encoding)
    assert read_people(file) == [("+15551112222", "Europe/Berlin"), ("+15551112223", "")]
    main(["load", str(file)])
    assert count(database) == 2


def test_a_file_without_zones_is_enough(tmp_path: Path) -> None:
    file = file_with(tmp_path, "name,number\nAnna, +15551112222 \n")
    assert read_people(file) == [("+15551112222", "")]


def test_all_wrong_lines_are_named_and_nobody_is_added(database: Settings, tmp_path: Path) -> None:
    lines = ["5551112224,UTC", "+15551112225,Europe/Berln", "+15551112226,Europe", ",../etc"]
    file = file_with(tmp_path, GOOD + "\n".join(lines))
    with pytest.raises(SystemExit) as ended:
        main(["load", str(file)])
    assert str(ended.value).splitlines() == [
        "line 4: '5551112224' is no telephone number: write it like '+15551234567'",
        "line 5: 'Europe/Berln' is no time zone: did you mean 'Europe/Berlin'?",
        "line 6: 'Europe' is no time zone: write one such as 'Europe/Berlin'",
        "line 7: '' is no telephone number: write it like '+15551234567'",
        "line 7: '../etc' is no time zone: write one such as 'Europe/Berlin'",
        f"{file}: nobody was added. Mend these lines, and load the file again",
    ]
    assert count(database) == 0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"phone,timezone\n", "no column 'number'. .* 'number,zone', and it is 'phone,timezone'$"),
        (b"", "no column 'number'. .* it is ''$"),
        (b"number,zone\n+1555\xff,\n", "people.csv is no CSV file in UTF-8: "),
        (b"number,zone\n" + b"1" * 200_000, "people.csv is no CSV file in UTF-8: field larger"),
        (None, "people.csv cannot be read: No such file or directory$"),
    ],
)
def test_a_file_that_is_none_of_people(tmp_path: Path, content: bytes | None, words: str) -> None:
    file = tmp_path / "people.csv"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(WrongFileError, match=words) as error:
        read_people(file)
    assert "\n" not in str(error.value)


def test_a_setting_that_is_wrong(database: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAMPAIGN_ZONE", "America/New_Yrok")
    with pytest.raises(SystemExit, match=r"wrong: 'America/New_Yrok' .* 'America/New_York'"):
        main(["progress"])
    assert count(database) == 0


def test_a_wrong_row_in_the_database_stops_nobody_else(database: Settings) -> None:
    """It came by another way, or the zone was known to the machine that has loaded it."""
    campaign = Database(database)
    campaign.create()
    campaign.load([("+15551112222", "Europe/Berln"), ("+15551112223", "UTC")])
    assert campaign.due() == [2]
    assert campaign.progress() == {"failed": 1, "waiting": 1}
    [wrong] = campaign.everything()[1]
    assert (wrong.person_id, wrong.state, wrong.dialed) == (1, "failed", False)
    assert wrong.detail == "'Europe/Berln' is no time zone: did you mean 'Europe/Berlin'?"
    assert campaign.claim(1, "worker") is None
    claim = campaign.claim(2, "worker")
    assert claim is not None
    assert campaign.move(claim.attempt, Attempt.DIALING)
    assert campaign.move(claim.attempt, Attempt.HEARD)
    assert campaign.finished()
    campaign.close()


def test_a_worker_is_given_a_wrong_row(database: Settings) -> None:
    campaign = Database(database)
    campaign.create()
    campaign.load([("+15551112222", "Europe/Berln")])
    assert campaign.claim(1, "worker") is None
    assert campaign.progress() == {"failed": 1}
    assert campaign.finished()
    campaign.close()
