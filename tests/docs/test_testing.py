"""The programs of testing.md and other pages run; proof.md has complete tables."""

from __future__ import annotations

import os
import re
import string
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from relay_proto.exchange.happened import SENTENCES, What
from relay_proto.testing import CHECKS, PROMISES
from tests import pages
from tests.simulation.test_world import FAULTS_TO_SEE, names

ROOT: Final = Path(__file__).parents[2]
PROOF: Final = (ROOT / "docs" / "proof.md").read_text(encoding="utf-8")
TESTING: Final = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
PAGES: Final = "".join(
    page.read_text(encoding="utf-8") for page in sorted((ROOT / "docs").rglob("*.md"))
)
BLOCK: Final = re.compile(r"^<!-- test: (\w+) -->\n```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
FILES: Final = pages.saved_files()
"""Programs that tests import, by the name under which the page says to save them."""
PROGRAMS: Final[dict[str, str]] = dict(BLOCK.findall(PAGES))
TESTS: Final = {
    "ivr": 4,
    "rehearsal": 1,
    "lost": 2,
    "threads": 3,
    "ivr_async": 1,
    "ivr_threads": 1,
    "explore": 1,
    "fuzzing": 1,
    "answering_machine": 4,
    "front_desk": 5,
    "click_to_call": 4,
    "ringing": 4,
    "first_program": 3,
    "prompts": 4,
    "dialling": 3,
    "texts": 2,
}
"""The programs that are tests, and how many tests each of them has."""


def run(folder: Path, *arguments: str) -> str:
    path = os.pathsep.join((str(ROOT), str(ROOT / "examples"), str(folder)))
    done = subprocess.run(
        [sys.executable, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60.0,
        check=False,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_there_are_programs() -> None:
    assert set(PROGRAMS) == {"world", "adapter", *TESTS}


def test_the_tests_of_the_examples_pass(tmp_path: Path) -> None:
    """In one process: to start one for each takes longer than the tests."""
    for name, code in FILES.items():
        (tmp_path / name).write_text(code, encoding="utf-8")
    for example in TESTS:
        (tmp_path / f"test_{example}.py").write_text(PROGRAMS[example], encoding="utf-8")
    said = run(tmp_path, "-m", "pytest", "-v", "-p", "no:cacheprovider", "-W", "error")
    passed = Counter(re.findall(r"^test_(\w+)\.py::.* PASSED ", said, re.MULTILINE))
    assert passed == TESTS


def test_the_world_runs(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAMS["world"], encoding="utf-8")
    run(tmp_path, "-W", "error", "program.py")


def table(heading: str) -> dict[str, str]:
    """The rows of the table under a heading."""
    _, _, rest = PROOF.partition(f"### {heading}\n")
    lines = [line for line in re.split("\n##+ ", rest)[0].splitlines() if line.startswith("| ")][1:]
    return dict(line.strip("| ").split(" | ") for line in lines)


def test_each_what_has_a_row_with_its_sentence_and_its_details() -> None:
    section = TESTING.partition("### The story\n")[2].partition("\n### ")[0]
    section = section.partition("|---|---|---|\n")[2]
    found = re.findall(r"^\| `(\w+)` \| (.+?) \| ?(.*?) ?\|$", section, re.MULTILINE)
    assert [row[0] for row in found] == [what.name for what in What]
    for name, sentence, details in found:
        assert sentence == SENTENCES[What[name]]
        keys = [key for _, key, _, _ in string.Formatter().parse(sentence) if key]
        assert re.findall(r"`(\w+)`", details) == keys, name


@pytest.mark.parametrize("number", [*PROMISES, 0])
def test_the_table_of_promises_is_complete(number: int) -> None:
    row = f"{number}. {PROMISES[number]}" if number else "the contract of a core"
    checks = {check for check, promise in CHECKS.items() if promise == number}
    assert set(re.findall("`(.*?)`", table("What is promised, and what checks it")[row])) == checks


def test_the_table_of_faults_is_complete() -> None:
    rows = table("What befalls a world").values()
    assert set(re.findall("`(.*?)`", " ".join(rows))) == names(FAULTS_TO_SEE)


def test_the_tests_of_what_does_not_pass_are_there() -> None:
    named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", TESTING)
    assert len(named) > 8
    for file, test in named:
        source = (ROOT / "tests" / "rehearsal" / file).read_text("utf-8")
        assert f"\ndef {test}(" in source, f"{file} has no {test}"
