"""The page of `relay doctor` shows what the command prints in set-ups that are broken."""

from __future__ import annotations

import pytest

from tests.adapters import setups


@pytest.mark.parametrize("make", setups.SETUPS, ids=lambda make: make.__name__)
def test_the_page_shows_what_the_command_prints(make: setups.SetUpMaker) -> None:
    shown = setups.text_of(make, whole=make is setups.SETUPS[0])
    title = (make.__doc__ or "").strip()
    assert f"\n{title}\n\n```text\n{shown}\n```\n" in setups.PAGE.read_text("utf-8")


def test_the_page_shows_nothing_else() -> None:
    text = setups.PAGE.read_text("utf-8")
    written = text.partition(setups.BEGIN)[2].partition(setups.END)[0]
    assert written.count("```text") == len(setups.SETUPS)
