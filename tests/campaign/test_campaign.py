"""The campaign with real servers: workers are killed, and Redis goes away."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.campaign.fleet import Account, Fleet, account, names, people, running_fleet
from tests.campaign.servers import find_postgres, find_redis, running_postgres


@pytest.fixture(autouse=True)
def servers() -> None:
    """Redis and Celery must be there."""
    pytest.importorskip("celery", reason="Celery is not installed: scripts/campaign runs this")
    if find_redis() is None:
        pytest.skip("there is no redis-server: scripts/campaign installs it")


def check(fleet: Fleet, found: Account) -> None:
    """Nobody is called twice, nobody is forgotten, and what is not known is said to be so."""
    assert not found.over(), "dialed more often than the database says"
    assert not found.short(), "dialed less often than the database says for certain"
    assert not found.twice(), "somebody got the message twice"
    assert not found.wrong(fleet.who)
    assert set(found.results) == set(fleet.who)
    states = Counter(found.results.values())
    assert not states["waiting"] + states["calling"], "somebody is forgotten"


def test_workers_are_killed(tmp_path: Path) -> None:
    with running_fleet(tmp_path, people(80)) as fleet:
        workers = names(3)
        for name in workers:
            fleet.start_worker(name)
        fleet.run(
            {
                0.2: partial(fleet.kill, workers[0]),
                0.4: partial(fleet.kill, workers[1]),
                0.6: partial(fleet.kill, workers[2]),
            },
            150.0,
        )
        found = account(fleet)
        check(fleet, found)
        states = Counter(found.results.values())
        assert states["unknown"], "workers with calls that are up were killed"
        assert states["heard"] > 20
        assert all(
            result in ("busy", "unknown")
            for number, result in found.results.items()
            if fleet.who[number] == "busy"
        )


def test_children_of_a_worker_are_killed(tmp_path: Path) -> None:
    """With the pool prefork, each child has a client of its own."""
    who = dict.fromkeys(people(16), "a person")
    with running_fleet(tmp_path, who) as fleet:
        fleet.start_worker("forking", "--pool", "prefork", "--concurrency", "4")

        def kill_a_child() -> None:
            children = Path(f"/proc/{fleet.workers['forking'].pid}/task")
            mine = [
                int(child)
                for task in children.iterdir()
                for child in (task / "children").read_text().split()
            ]
            os.kill(mine[0], signal.SIGKILL)

        fleet.run({0.3: kill_a_child}, 100.0)
        found = account(fleet)
        check(fleet, found)
        assert Counter(found.results.values())["heard"] >= 15


def test_the_database_is_postgresql(tmp_path: Path) -> None:
    pytest.importorskip("psycopg", reason="psycopg is not installed: scripts/campaign runs this")
    if find_postgres() is None:
        pytest.skip("there is no PostgreSQL: scripts/campaign installs it")
    with (
        running_postgres(tmp_path) as url,
        running_fleet(tmp_path, people(40), database=url) as fleet,
    ):
        for name in names(2):
            fleet.start_worker(name)
        fleet.run({0.4: partial(fleet.kill, "worker1")}, 120.0)
        found = account(fleet)
        check(fleet, found)
        assert Counter(found.results.values())["heard"] > 10


def test_redis_goes_away(tmp_path: Path) -> None:
    """The queue is lost, the pace is away: all wait, and the conductor asks again."""
    who = dict.fromkeys(people(30), "a person")
    with running_fleet(tmp_path, who, ask_again=5) as fleet:
        fleet.start_worker("worker")

        def restart(*_: Any) -> None:
            fleet.redis.stop()
            time.sleep(4)
            fleet.redis.start()

        fleet.run({0.3: restart}, 150.0)
        found = account(fleet)
        check(fleet, found)
        assert Counter(found.results.values()) == {"heard": 30}
