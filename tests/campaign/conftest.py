"""Fixtures: a Redis server. Without it or Celery, the tests that need them are skipped."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.campaign.servers import Redis, find_redis, running_redis

WITHOUT_CELERY = "Celery is not installed: scripts/campaign runs these tests"


@pytest.fixture
def redis(tmp_path: Path) -> Generator[Redis]:
    """A Redis server, which keeps nothing."""
    pytest.importorskip("celery", reason=WITHOUT_CELERY)  # else the ordinary run would take long
    if find_redis() is None:
        pytest.skip("there is no redis-server: scripts/campaign installs it")
    with running_redis(tmp_path) as server:
        yield server
