"""The pages: their links lead somewhere, and the scripts that they name are there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from docs._site import links
from tests import pages

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*.md")]
FENCE: Final = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
CONTRIBUTING: Final = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
FILE: Final = re.compile(r"`((?:relay_\w+|tests|docs)/[\w/.]+)`")
SCRIPT: Final = re.compile(r"(?<![\w./])scripts/([\w.]+)")

each_page: Final = pytest.mark.parametrize("page", sorted(PAGES), ids=pages.name_of)


def anchors(text: str) -> set[str]:
    """What can stand behind the ``#`` of a link: headings, as they are spelled in links."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


@each_page
def test_a_link_leads_to_a_file_and_to_a_heading_in_it(page: Path) -> None:
    text = page.read_text("utf-8")
    for target in links.targets(text):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = page.parent / path if path else page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file.read_text("utf-8")), target


@each_page
def test_a_script_that_a_page_names_is_there(page: Path) -> None:
    for name in SCRIPT.findall(page.read_text("utf-8")):
        assert (ROOT / "scripts" / name).is_file(), name


def test_contributors_are_sent_to_files_that_are_there() -> None:
    named = FILE.findall(CONTRIBUTING)
    assert len(named) > 40
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_contributors_are_told_of_every_script_and_every_folder_of_tests() -> None:
    scripts = {
        file.name for file in (ROOT / "scripts").iterdir() if file.is_file() and not file.suffix
    }
    assert scripts <= set(SCRIPT.findall(CONTRIBUTING))
    folders = {path.parent.name for path in (ROOT / "tests").glob("*/*.py")}
    assert folders <= set(re.findall(r"^\| `tests/(\w+)`", CONTRIBUTING, re.MULTILINE))
