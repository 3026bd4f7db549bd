"""The pages of the recipes show the programs, their tests and their stories as they are."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.pages import ROOT
from tests.recipes.pages import FOLDER, INCLUDED, STORY, story_of, written

PAGES = sorted(FOLDER.glob("*.md"))
INDEX = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_is_up_to_date(page: object) -> None:
    path = FOLDER / str(page)
    text = path.read_text(encoding="utf-8")
    assert text == written(text), "run python -m tests.recipes.pages"


STORIES = [name for page in PAGES for _, name in STORY.findall(page.read_text("utf-8"))]


@pytest.mark.parametrize("name", STORIES)
def test_a_story_is_the_same_on_trio(name: str) -> None:
    # trio decides by chance what comes first at one instant.
    assert sorted(story_of(name, "trio").splitlines()) == sorted(story_of(name).splitlines())


def test_the_index_has_every_recipe() -> None:
    linked = set(re.findall(r"\]\(recipes/([\w]+)\.md\)", INDEX))
    assert linked == {page.stem for page in PAGES}


def test_the_pages_show_every_test_of_a_recipe() -> None:
    texts = [page.read_text(encoding="utf-8") for page in PAGES]
    shown = {(FOLDER / path).resolve() for text in texts for path in INCLUDED.findall(text)}
    assert all(path.is_file() for path in shown)
    ours = {"test_main.py", "test_pages.py", "test_web.py"}
    tests = (ROOT / "tests" / "recipes").glob("test_*.py")
    assert {test for test in tests if test.name not in ours} <= shown


FIRST_STEPS = {"answer", "dial_and_play", "ivr", "send_text"}
"""Examples that other pages explain."""
NO_RECIPES = {"call_states", "fuzz_a_server"}
"""A module that examples import, and a program without telephones: docs/fuzzing.md shows it."""
NAMES = sorted({path.stem for path in (ROOT / "examples").glob("*.py")} - NO_RECIPES)


@pytest.mark.parametrize("name", NAMES)
def test_an_example_says_what_it_needs_and_how_it_is_run(name: str) -> None:
    code = (ROOT / "examples" / f"{name}.py").read_text(encoding="utf-8")
    described = ast.get_docstring(ast.parse(code)) or ""
    for part in ("\nNeeds: ", "\nRun: ", "\nWithout an account: "):
        assert part in described
    assert re.search(rf"\nRun: .*\b{name}\b", described)


def test_every_example_is_there_in_both_styles_and_on_a_page() -> None:
    pairs = {name.removesuffix("_sync") for name in NAMES}
    blocking_alone = {"django_service", "flask_service"}  # these frameworks block
    assert {*NAMES} == {*pairs - blocking_alone, *(f"{name}_sync" for name in pairs)}
    shown = {
        Path(path).stem for page in PAGES for path in INCLUDED.findall(page.read_text("utf-8"))
    }
    assert {name for name in NAMES if name.removesuffix("_sync") not in FIRST_STEPS} <= shown
