"""Promises 12, 13 and 15, on evenings that hypothesis draws, with the adapters of all runtimes."""

from __future__ import annotations

from collections import Counter

import pytest

from .checks import CHECKS, check
from .evenings import Does, Elsewhere, Evening, Failure, Freeze, Misuse, Piece, Visit, Way
from .performing import RUNTIMES, Runtime, perform
from .searching import TROUBLES, Search

RUNS = {"failures": 8, "misuses": 4, "freezes": 6}
TALKS = Visit(stays=10.0, does=(Does.SAY, Does.ASK, Does.EXPECT, Does.PAUSE))
OTHER = Visit(at=1.0, stays=5.0, does=(Does.SAY, Does.SAY))
FOUND = (
    # A wait with a timeout was over before what had come in time was read.
    Evening((Visit(stays=1.0, does=(Does.SAY,)),), trouble=Freeze(0.0, 0.6, 6.0, 1.0)),
    Evening((Visit(does=(Does.EXPECT,)),), trouble=Freeze(0.0, 0.6, 8.0, 3.0)),
)
"""Evenings in which a promise was once broken."""


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("trouble", TROUBLES)
def test_the_promises_hold(trouble: str, runtime: Runtime) -> None:
    search = Search(trouble, runtime, seed=1, runs=RUNS[trouble])
    assert search.run() is None, search.words


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("evening", FOUND)
def test_what_was_found_is_mended(evening: Evening, runtime: Runtime) -> None:
    check(evening, runtime)


def test_every_check_is_made() -> None:
    visits = (TALKS, OTHER)
    made = Counter[str]()
    for trouble in (
        Failure(Piece.COMPLETED, Way.CANCELLED, call=1),
        Failure(Piece.LISTENER, Way.INTERRUPT, nth=1),
        Misuse(0.5, Elsewhere.LOOP),
        Freeze(0.5, 1.0, 8.0, 4.0),
    ):
        made += check(Evening(visits, trouble=trouble), "trio")
    assert set(made) == set(CHECKS)


def test_one_evening_is_one_story() -> None:
    evening = Evening((TALKS, OTHER), text_at=0.3, trouble=Freeze(0.5, 1.0, 8.0, 4.0))
    first, second = (perform(evening, "threads") for _ in range(2))
    assert first.story.text == second.story.text
    assert len(first.story) > 20
    assert eval(repr(evening)) == evening
