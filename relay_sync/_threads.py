"""Threads for the functions of an application: reused, bounded, and ended together."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Final, TypeAlias

from ._waiting import Mailbox

Job: TypeAlias = Callable[[], None]
"""Must not raise."""

IDLE_TIME: Final = 5.0
"""Seconds for which a thread without work is kept."""

logger = logging.getLogger("relay_sync")


class Threads:
    """At most `limit` threads, and at most `backlog` jobs that wait for one."""

    def __init__(self, name: str, limit: int, backlog: int) -> None:
        self._name = name
        self._limit = limit
        self._backlog = backlog
        self._lock = threading.Condition()
        self._jobs: deque[Job] = deque()
        self._idle: list[Mailbox[Job | None]] = []
        self._running: set[threading.Thread] = set()
        self._spared: set[threading.Thread] = set()
        self._closed = False
        self._count = 0

    def start(self, job: Job) -> bool:
        """Run `job` in a thread; false if there is neither one nor a place in the queue."""
        with self._lock:
            if self._closed:
                return False
            if self._idle:
                self._idle.pop().put(job)
                return True
            if len(self._running) < self._limit and self._start_thread(job):
                return True
            if len(self._jobs) >= self._backlog:
                return False
            self._jobs.append(job)
            return True

    def close(self) -> None:
        """Take no more jobs. What is queued is still done."""
        with self._lock:
            self._closed = True
            for inbox in self._idle:
                inbox.put(None)
            self._idle.clear()

    def join(self, ends_at: float) -> list[str]:
        """Wait until all threads have ended; returns the names of those that have not by then.

        A thread that calls this itself is not waited for, by nobody.
        """
        with self._lock:
            self._spared.add(threading.current_thread())
            self._lock.notify_all()
            self._lock.wait_for(
                lambda: self._running <= self._spared, max(0.0, ends_at - time.monotonic())
            )
            return [thread.name for thread in self._running - self._spared]

    def _start_thread(self, job: Job) -> bool:
        self._count += 1
        name = f"relay_sync {self._name} {self._count}"
        thread = threading.Thread(target=self._run, args=(job,), name=name, daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # the system has no more, or the interpreter is ending
            logger.warning("%s cannot be started: %s", name, error)
            return False
        self._running.add(thread)
        return True

    def _run(self, job: Job | None) -> None:
        inbox: Mailbox[Job | None] = Mailbox()
        try:
            while job is not None:
                job()
                job = self._next(inbox)
        finally:
            with self._lock:
                self._running.discard(threading.current_thread())
                self._lock.notify_all()

    def _next(self, inbox: Mailbox[Job | None]) -> Job | None:
        with self._lock:
            if self._jobs:
                return self._jobs.popleft()
            if self._closed:
                return None
            self._idle.append(inbox)
        try:
            return inbox.take(IDLE_TIME)
        except TimeoutError:
            with self._lock:
                if inbox in self._idle:
                    self._idle.remove(inbox)
                    return None
        return inbox.take()  # it came at the last moment


class Strand:
    """Jobs that run one after another, whichever thread runs them."""

    def __init__(self, threads: Threads, limit: int) -> None:
        self._threads = threads
        self._limit = limit
        self._lock = threading.Lock()
        self._jobs: deque[Job] | None = None  # an empty one takes 760 bytes
        self._busy = False

    def post(self, job: Job) -> bool:
        """Run `job` after the earlier ones; false if too many of them wait."""
        with self._lock:
            if not self._busy:
                self._busy = self._threads.start(partial(self._work, job))
                return self._busy
            if self._jobs is None:
                self._jobs = deque()
            if len(self._jobs) >= self._limit:
                return False
            self._jobs.append(job)
            return True

    def _work(self, job: Job) -> None:
        while True:
            job()
            with self._lock:
                if not self._jobs:
                    self._busy = False
                    return
                job = self._jobs.popleft()
