"""``relay conform``: what it prints and writes, and its exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

from relay_anyio.cli import main
from relay_anyio.conform.catalogue import CATALOGUE
from relay_anyio.conform.checks import Level
from relay_anyio.conform.report import as_json, conforms, sums
from relay_anyio.conform.running import Result, Verdict

ROOT: Final = Path(__file__).parents[2]
CLIENT: Final = str(ROOT / "examples" / "conformance" / "asyncio_client.py")


def test_a_client_is_started_and_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("SIGNALWIRE_SPACE", "elsewhere.example.com")
    file = tmp_path / "report.json"
    options = ["--only", "acknowledges", "--only", "echoed-ids", "--only", "unknown-method"]
    code = main(["conform", *options, "--json", str(file), "--", sys.executable, CLIENT])
    shown = capsys.readouterr()
    assert code == 0, shown.out
    assert "must: 2 of 2 hold; should: 1 of 1 hold" in shown.out
    assert "3/3" in shown.err
    report = json.loads(file.read_text("utf-8"))
    assert report["conforms"] is True
    assert report["command"] == [sys.executable, CLIENT]
    assert [(row["name"], row["level"], row["verdict"]) for row in report["checks"]] == [
        ("echoed-ids", "must", "holds"),
        ("unknown-method", "should", "holds"),
        ("acknowledges", "must", "holds"),
    ]
    assert {"section", "expected", "seen", "seconds", "output"} < report["checks"][0].keys()


def test_a_client_that_ends_fails_with_its_last_words(
    capsys: pytest.CaptureFixture[str],
) -> None:
    program = "print('no such SDK'); raise SystemExit(3)"
    code = main(["conform", "--only", "connect", "--", sys.executable, "-c", program])
    shown = capsys.readouterr().out
    assert code == 1
    assert "ended" in shown
    assert "it ended with code 3: no such SDK" in shown
    assert "What was expected:" in shown


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "name the command of your client behind --"),
        (["--"], "name the command of your client behind --"),
        (["--", "no-such-command-here"], "'no-such-command-here' is no command"),
        (["--only", "levitate", "--", "true"], "there is no check 'levitate'"),
        (["--json", "/no/such/folder/report.json", "--", "true"], "no directory"),
    ],
)
def test_wrong_arguments_are_said_in_words(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["conform", *arguments]) == 2
    assert words in capsys.readouterr().err


def test_a_signal_ends_the_clients_with_the_run(tmp_path: Path) -> None:
    """The client writes its number, which belongs to nobody when the run is over."""
    file = tmp_path / "number"
    program = f"import os, time; open({str(file)!r}, 'w').write(str(os.getpid())); time.sleep(99)"
    command = [sys.executable, "-m", "relay_anyio", "conform", "--only", "stops", "--"]
    run = subprocess.Popen([*command, sys.executable, "-c", program], cwd=ROOT)
    try:
        until = time.monotonic() + 60
        while not (file.exists() and file.read_text()) and time.monotonic() < until:
            with suppress(subprocess.TimeoutExpired):
                run.wait(0.05)
        run.terminate()
        assert run.wait(60) == 143
    finally:
        run.kill()
    with pytest.raises(ProcessLookupError):
        os.kill(int(file.read_text()), 0)


@pytest.mark.parametrize("number", ["0", "101", "many"])
def test_a_wrong_number_of_clients_is_refused(number: str) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["conform", "--at-once", number, "--", "true"])


def test_the_catalogue_can_be_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["conform", "--list"]) == 0
    shown = capsys.readouterr().out
    for check in CATALOGUE:
        assert check.name in shown


def test_only_must_checks_decide() -> None:
    by_level = {level: next(c for c in CATALOGUE if c.level is level) for level in Level}
    results = {
        level: Result(check, Verdict.FAILS, "seen", 1.0) for level, check in by_level.items()
    }
    assert conforms([results[Level.SHOULD], results[Level.MAY]])
    assert not conforms([results[Level.MUST]])
    not_tried = Result(by_level[Level.MUST], Verdict.NOT_TRIED, "seen", 1.0)
    assert conforms([not_tried])
    assert sums([results[Level.MAY], not_tried]) == "must: 0 of 1 hold; may: 0 of 1 hold"
    assert json.loads(as_json(["x"], [results[Level.MUST]]))["conforms"] is False


def test_every_check_is_explained_and_names_a_section_of_the_protocol() -> None:
    protocol = (ROOT / "docs" / "protocol.md").read_text("utf-8")
    assert len({check.name for check in CATALOGUE}) == len(CATALOGUE)
    for check in CATALOGUE:
        assert check.expected.endswith("."), check.name
        assert f"# {check.section}" in protocol, check.name
