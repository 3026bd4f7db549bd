"""Threads for the functions of an application: reused, bounded, and ended together."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Final, TypeAlias

from ._log import logger
from ._waiting import Mailbox

Job: TypeAlias = Callable[[], object]
"""Must not raise."""

IDLE_TIME: Final = 5.0
"""Seconds for which a thread without work is kept."""


class Threads:
    """At most `limit` threads, and at most `backlog` jobs that wait for one.

    To wake a thread costs more than most jobs, so only one at a time is on its way to
    them. It sends for the next before it begins, if it leaves jobs behind: many short
    ones are done by one or two threads, and a long one delays no other.
    """

    def __init__(self, name: str, limit: int, backlog: int, *, patient: bool = True) -> None:
        """With `patient`, a job for which no thread can be started waits for one that runs."""
        self._patient = patient
        self._name = name
        self._limit = limit
        self._backlog = backlog
        self._lock = threading.Lock()
        self._ended = threading.Condition(self._lock)
        self._jobs: deque[Job] = deque()
        self._idle: list[Mailbox[None]] = []
        self._running: set[threading.Thread] = set()
        self._spared: set[threading.Thread] = set()
        self._coming = False
        self._closed = False
        self._count = 0

    def start(self, job: Job) -> bool:
        """Run `job` in a thread; false if there is neither one nor a place in the queue."""
        with self._lock:
            free = self._limit - len(self._running) + len(self._idle) + self._coming
            if self._closed or len(self._jobs) >= free + self._backlog:
                return False
            self._jobs.append(job)
            new = self._send_for_one()
        if not self._begin(new):
            with self._lock:
                if job in self._jobs and not (self._patient and self._running):
                    self._jobs.remove(job)  # nobody would ever do it
                    return False
        return True

    def close(self) -> None:
        """Take no more jobs. What is queued is still done."""
        with self._lock:
            self._closed = True
            for inbox in self._idle:
                inbox.put(None)
            self._idle.clear()

    def join(self, ends_at: float) -> list[str]:
        """Wait until all threads have ended, until `ends_at` at the latest.

        Returns the names of the threads that still run. Nobody waits for a thread that
        itself calls this.
        """
        with self._lock:
            self._spared.add(threading.current_thread())
            self._ended.notify_all()
            self._ended.wait_for(
                lambda: self._running <= self._spared, max(0.0, ends_at - time.monotonic())
            )
            return [thread.name for thread in self._running - self._spared]

    def _send_for_one(self) -> threading.Thread | None:
        """With the lock held: if jobs wait, one thread is on its way, or none is to be had.

        One that is new is returned, to `_begin` when the lock is free.
        """
        if not self._jobs or self._coming:
            return None
        if self._idle:
            self._coming = True
            self._idle.pop().put(None)
            return None
        if len(self._running) >= self._limit:
            return None
        self._coming = True
        self._count += 1
        name = f"relay_sync {self._name} {self._count}"
        thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._running.add(thread)
        return thread

    def _begin(self, thread: threading.Thread | None) -> bool:
        """Start a thread, if there is one to start; false if there is none to be had."""
        if thread is None:
            return True
        try:
            thread.start()
        except RuntimeError as error:  # the system has no more, or the interpreter is ending
            logger.warning("%s cannot be started: %s", thread.name, error)
            with self._lock:
                self._leave(thread)
                self._coming = bool(self._jobs and self._idle)
                if self._coming:  # one came to rest while this one was to come
                    self._idle.pop().put(None)
            return False
        return True

    def _leave(self, thread: threading.Thread) -> None:
        """With the lock held: this thread is not one of them any more."""
        self._running.discard(thread)
        self._ended.notify_all()

    def _run(self) -> None:
        inbox: Mailbox[None] = Mailbox()
        try:
            job = self._next(inbox, arriving=True)
            while job is not None:
                job()
                job = self._next(inbox)
        finally:
            with self._lock:
                self._leave(threading.current_thread())

    def _next(self, inbox: Mailbox[None], *, arriving: bool = False) -> Job | None:
        """What to do now, or after a rest; None to end the thread."""
        while True:
            job = new = None
            with self._lock:
                if arriving:
                    self._coming = False
                if self._jobs:
                    job = self._jobs.popleft()
                    new = self._send_for_one() if arriving else None
                elif self._closed:
                    self._leave(threading.current_thread())
                    return None
                else:
                    self._idle.append(inbox)
            self._begin(new)
            if job is not None:
                return job
            if not self._sent_for(inbox):
                return None
            arriving = True

    def _sent_for(self, inbox: Mailbox[None]) -> bool:
        """Rest until there is work; false if there was none for long."""
        try:
            inbox.take(IDLE_TIME)
        except TimeoutError:
            with self._lock:
                if inbox in self._idle:
                    self._idle.remove(inbox)
                    self._leave(threading.current_thread())  # else a job might wait for it
                    return False
            inbox.take()  # it came at the last moment
        return True


class Strand:
    """Jobs that run one after another, whichever thread runs them."""

    def __init__(self, threads: Threads, limit: int) -> None:
        self._threads = threads
        self.limit = limit
        """How many jobs may wait."""
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
            if len(self._jobs) >= self.limit:
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
