"""Every test that takes `runtime` or `observed` runs on asyncio, on trio and on threads."""

from __future__ import annotations

import pytest

from tests.otel.observed import Observed


@pytest.fixture(params=["asyncio", "trio", "threads"])
def runtime(request: pytest.FixtureRequest) -> str:
    """Where the client runs."""
    return str(request.param)


@pytest.fixture
def observed(runtime: str) -> Observed:
    """An observed client."""
    return Observed(runtime)
