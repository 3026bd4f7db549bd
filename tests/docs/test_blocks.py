"""The counts of code blocks are true: what counts as run is run by a test."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from docs._site import blocks
from docs._site.contents import ROOT
from tests import pages
from tests.docs import test_programs, test_testing
from tests.typing.programs import NOT_INSTALLED, all_programs, dense

FOUND: Final = blocks.blocks()
TESTS: Final = [file for file in (ROOT / "tests").glob("*/*.py") if file != Path(__file__)]


def test_every_block_of_python_is_counted() -> None:
    counted = {block.name: block.code for block in FOUND if block.language == "python"}
    assert pages.programs().items() <= counted.items()


def test_what_counts_as_run_is_run_by_a_test() -> None:
    run = {*test_programs.programs().values(), *test_testing.PROGRAMS.values()}
    run |= set(pages.saved_files().values())
    run |= {file.read_text("utf-8") for file in TESTS}
    files = [*(ROOT / "examples").glob("*.py"), *(ROOT / "examples" / "deploy").glob("*.py")]
    examples = {file.read_text("utf-8"): file.stem for file in files}
    named = "".join(file.read_text("utf-8") for file in TESTS)
    for code in blocks.programs_that_run():
        assert code in run or is_named(examples[code].removesuffix("_sync"), named)


def is_named(example: str, tests: str) -> bool:
    return re.search(rf"\b{example}(?:_sync)?\b", tests) is not None


def test_nothing_is_neither_run_nor_read_without_a_reason() -> None:
    neither = [b for b in FOUND if b.language == "python" and b.how == "neither"]
    for block in neither:
        assert any(f"it needs {package}," in block.reason for package in NOT_INSTALLED), block.name


def test_what_counts_as_type_checked_is_given_to_type_checkers() -> None:
    given = "".join(map(dense, all_programs().values()))
    for block in FOUND:
        if block.how == "type-checked":
            assert dense(block.code) in given


def test_json_that_is_none_is_found() -> None:
    with pytest.raises(ValueError, match="Extra data"):
        blocks.read_json("{} {")
    blocks.read_json('{"a": 1}\n{"b": 2}')


def test_the_summary_has_the_counts_and_the_reasons() -> None:
    text = blocks.summary(FOUND)
    assert text.startswith("code blocks, Python: ")
    assert "migrating.md-1 is neither: it needs signalwire.relay, and is there" in text
