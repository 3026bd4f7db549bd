"""Searching: hypothesis looks for the shortest value with which something fails."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from random import Random
from typing import TypeVar, cast

from hypothesis import HealthCheck, Phase, Verbosity, find, settings
from hypothesis.errors import NoSuchExample
from hypothesis.strategies import SearchStrategy

T = TypeVar("T")


def shortest(
    strategy: SearchStrategy[T], fails: Callable[[T], bool], *, runs: int, seed: int
) -> T | None:
    """Try up to `runs` values; return the shortest one that fails, or None if none does.

    To make it shorter takes more runs. The same seed tries the same values. It keeps no
    database, so nothing depends on what was tried before.
    """
    quiet = settings(
        max_examples=runs,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        verbosity=Verbosity.quiet,
        suppress_health_check=list(cast("Iterable[HealthCheck]", HealthCheck)),
    )
    try:
        return find(strategy, fails, settings=quiet, random=Random(seed))
    except NoSuchExample:
        return None
