"""docs/guide/lab.md names requests that the lab has."""

from __future__ import annotations

import re
from pathlib import Path

from relay_anyio.lab.routes import ROUTES

PAGE = (Path(__file__).parents[2] / "docs" / "guide" / "lab.md").read_text("utf-8")


def test_the_requests_on_the_page_are_those_of_the_lab() -> None:
    named = re.findall(r"`([A-Z]+) (/api/[\w/{}]+)`", PAGE)
    assert len(named) > 10
    assert set(named) <= {(route.method, route.path) for route in ROUTES}
