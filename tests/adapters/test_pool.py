"""The threads that run the application's functions: what they promise to whom."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial

import pytest

from relay_proto.adapter.backlog import Bound
from relay_sync._threads import Strand, Threads
from relay_sync._waiting import Mailbox
from tests.adapters.support import PATIENCE


@contextmanager
def pool(limit: int, backlog: int) -> Generator[Threads]:
    threads = Threads("test", limit, Bound(backlog, 0), lambda name, error: None)
    try:
        yield threads
    finally:
        threads.close()
        assert threads.join(time.monotonic() + PATIENCE) == []


def test_jobs_of_one_burst_that_wait_for_each_other_all_run() -> None:
    together = threading.Barrier(21)
    with pool(limit=20, backlog=0) as threads:
        assert all(threads.start(partial(together.wait, PATIENCE)) for _ in range(20))
        together.wait(PATIENCE)


def test_a_job_that_is_left_behind_by_one_that_hangs_is_done() -> None:
    over, done = threading.Event(), threading.Event()
    with pool(limit=2, backlog=10) as threads:
        for _ in range(3):  # threads that rest, that are new, and that have just ended a job
            threads.start(partial(over.wait, PATIENCE))
            threads.start(done.set)
            assert done.wait(PATIENCE)
            done.clear()
            over.set()
            over = threading.Event()


def test_there_are_as_many_places_as_the_limit_and_the_backlog_say() -> None:
    over = threading.Event()
    with pool(limit=2, backlog=3) as threads:
        accepted = [threads.start(partial(over.wait, PATIENCE)) for _ in range(7)]
        assert accepted == [True] * 5 + [False] * 2
        over.set()


def test_a_closed_pool_does_what_it_has_taken_and_takes_no_more() -> None:
    done: list[int] = []
    with pool(limit=3, backlog=50) as threads:
        for number in range(50):
            assert threads.start(partial(done.append, number))
    assert sorted(done) == list(range(50))
    assert not threads.start(partial(done.append, 50))


def test_strands_keep_their_order_whoever_runs_them() -> None:
    heard: dict[int, list[int]] = {number: [] for number in range(10)}
    over = threading.Event()
    with pool(limit=4, backlog=100) as threads:
        hanging = Strand(threads, Bound(10, 0))
        strands = [Strand(threads, Bound(1000, 0)) for _ in heard]
        assert hanging.post(partial(over.wait, PATIENCE))
        for event in range(1000):
            for number, strand in enumerate(strands):
                assert strand.post(partial(heard[number].append, event))
        last = threading.Barrier(3)
        for strand in strands[:2]:  # two at once, while one hangs
            assert strand.post(partial(last.wait, PATIENCE))
        last.wait(PATIENCE)
        over.set()
    assert all(events == list(range(1000)) for events in heard.values())


def refuse_to_start(monkeypatch: pytest.MonkeyPatch, when: Callable[[], None]) -> None:
    """As a system that has no more threads; `when` is called where it says so."""

    def start(self: threading.Thread) -> None:
        when()
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("relay_sync._threads.threading.Thread.start", start)


def test_a_job_is_refused_that_no_thread_will_ever_do(monkeypatch: pytest.MonkeyPatch) -> None:
    done = threading.Event()
    with pool(limit=2, backlog=5) as threads:
        with monkeypatch.context() as patch:
            refuse_to_start(patch, lambda: None)
            assert not threads.start(done.set)
        assert threads.start(done.set)
        assert done.wait(PATIENCE)


def test_a_thread_that_comes_to_rest_does_what_one_that_cannot_be_started_should(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    over, rested, done = threading.Event(), threading.Event(), threading.Event()
    with pool(limit=5, backlog=10) as threads:
        busy = threading.Event()

        def work() -> None:
            busy.set()
            assert over.wait(PATIENCE)

        def come_to_rest() -> None:
            """The busy thread ends its job, does the other, and rests; then comes a third."""
            over.set()
            assert rested.wait(PATIENCE)
            wait_until_idle(threads)
            assert threads.start(done.set)

        threads.start(work)
        assert busy.wait(PATIENCE)
        with monkeypatch.context() as patch:
            refuse_to_start(patch, come_to_rest)
            assert threads.start(rested.set)
        assert done.wait(PATIENCE)


def wait_until_idle(threads: Threads) -> None:
    idle = threads._idle  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    ends_at = time.monotonic() + PATIENCE
    while not idle:
        assert time.monotonic() < ends_at, "it does not come to rest"


def test_a_job_that_comes_as_the_last_thread_ends_its_rest_is_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done = threading.Event()
    monkeypatch.setattr("relay_sync._threads.IDLE_TIME", 0.0)
    right = Threads._sent_for  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    with pool(limit=1, backlog=5) as threads:

        def sent_for(self: Threads, inbox: Mailbox[None]) -> bool:
            found = right(self, inbox)
            if not found and not done.is_set():
                assert threads.start(done.set)
            return found

        monkeypatch.setattr(Threads, "_sent_for", sent_for)
        threads.start(lambda: None)
        assert done.wait(PATIENCE)
