"""Each test on the page of `explore` is a whole program, and fails as the page says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from tests.exploring.planted import BUGS, Bug, module_of, pasted

PAGE: Final = Path(__file__).parents[2] / "docs" / "exploring.md"
SHOWN: Final = dict(
    re.findall(
        r"^“([^”]*)”:\n\n```text\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
)


def test_every_planted_bug_has_a_test_on_the_page() -> None:
    assert [*SHOWN] == [bug.name for bug in BUGS]


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_the_test_can_be_pasted_as_it_is_shown(bug: Bug, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("SIGNALWIRE_PROJECT_ID", "SIGNALWIRE_API_TOKEN"):
        monkeypatch.setenv(variable, "any")
    with module_of(bug.subject.example, bug.source), pytest.raises(Exception) as caught:  # noqa: PT011 - see below
        pasted(SHOWN[bug.name])
    assert caught.type is AssertionError or caught.type.__name__ == bug.told
