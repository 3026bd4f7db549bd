"""The markers: which options they take, and what is said of any other."""

from __future__ import annotations

from inspect import Parameter, Signature
from typing import Any, Final

import pytest

MARKER: Final = "relay"
LAB_MARKER: Final = "relay_lab"
OF_REHEARSALS: Final = ("lines", "undeliverable", "timing", "may_raise", "within", "patience")
"""Options of `rehearse`, which are given by name."""


def _signature(*by_place: str, by_name: tuple[str, ...] = ()) -> Signature:
    places = [Parameter(name, Parameter.POSITIONAL_OR_KEYWORD, default=None) for name in by_place]
    names = [Parameter(name, Parameter.KEYWORD_ONLY, default=None) for name in by_name]
    return Signature([*places, *names])


TAKES: Final = {
    MARKER: _signature("backend", "seed", by_name=OF_REHEARSALS),
    LAB_MARKER: _signature("scenario"),
}


def options_of(marker: pytest.Mark) -> dict[str, Any]:
    """Return what a marker says, by name.

    Raises:
        pytest.UsageError: the marker has an unknown argument.
    """
    takes = TAKES[marker.name]
    try:
        return takes.bind(*marker.args, **marker.kwargs).arguments
    except TypeError as error:
        names = ", ".join(takes.parameters)
        words = f"@pytest.mark.{marker.name}: {error}. It takes {names}"
        raise pytest.UsageError(words) from None
