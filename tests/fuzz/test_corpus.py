"""The corpus through its targets, without a fuzzer; and faults that the targets must find."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from tests.faults.registry import FAULTS, Fault, PlantedError
from tests.fuzz.__main__ import NAMES, find_atheris
from tests.fuzz.source import Source
from tests.fuzz.targets import CORPUS, TARGETS, inputs

MOST_BYTES: Final = 200 * 1024
ROOT: Final = Path(__file__).parents[2]
FILES: Final = [(name, path) for name in TARGETS for path in inputs(name)]


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_of_the_corpus_does_harm(name: str) -> None:
    for path in inputs(name):
        try:
            TARGETS[name](path.read_bytes())
        except Exception as error:
            error.add_note(f"input: {path}")
            raise


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("data", [b"", b"\x00", b"\xff", b"\x01" * 300, bytes(range(256)) * 5])
def test_a_target_takes_any_bytes(name: str, data: bytes) -> None:
    TARGETS[name](data)


def test_the_corpus_is_small_and_belongs_to_the_targets() -> None:
    assert {folder.name for folder in CORPUS.iterdir()} == set(TARGETS) == set(NAMES)
    assert all(inputs(name) for name in TARGETS)
    assert sum(path.stat().st_size for _, path in FILES) <= MOST_BYTES


def test_a_source_gives_the_first_choice_behind_its_end() -> None:
    source = Source(b"\x02\x02ab\x05c")
    assert source
    assert source.choice("xyz") == "z"
    assert source.blob() == b"ab"
    assert source.blob() == b"c"
    assert not source
    assert (source.byte(), source.below(7), source.blob(), source.rest()) == (0, 0, b"", b"")


def test_every_target_has_faults_to_find() -> None:
    assert {name for fault in FAULTS for name in fault.targets} == set(TARGETS)


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        pytest.param(name, fault, id=f"{name}-{fault.name}")
        for fault in FAULTS
        for name in fault.targets
    ],
)
def test_the_corpus_finds_a_planted_fault(name: str, fault: Fault) -> None:
    instead = Counter[str]()
    with fault.planted():
        for path in inputs(name):
            try:
                TARGETS[name](path.read_bytes())
            except (AssertionError, PlantedError):
                return
            except Exception as error:  # noqa: BLE001 - it crashes the target: no check has failed
                instead[repr(error)] += 1
    words = f"no input of {name!r} made a check fail"
    pytest.fail(f"{fault} But {words}; what was raised instead: {dict(instead) or 'nothing'}.")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.fuzz", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_one_input_can_be_run_again_without_atheris(tmp_path: Path) -> None:
    name, path = FILES[0]
    again = shutil.copy(path, tmp_path)
    result = run("--target", name, "--replay", str(again))
    assert result.returncode == 0, result.stderr
    assert "nothing is wrong" in result.stdout


def test_without_atheris_fuzzing_fails_and_says_why() -> None:
    if find_atheris() is not None:
        pytest.skip("atheris is installed")
    result = run("--seconds", "1")
    assert result.returncode == 2
    assert "atheris is not installed" in result.stderr
