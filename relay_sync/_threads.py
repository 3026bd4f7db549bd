"""Threads for the functions of an application: reused, bounded, and ended together."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Final, TypeAlias

from relay_proto.adapter.backlog import Backlog, Bound
from relay_proto.adapter.forks import forks
from relay_proto.adapter.logs import Lines
from relay_proto.config import Limits

from ._waiting import Mailbox

Job: TypeAlias = Callable[[], object]
"""Must not raise."""
Failed: TypeAlias = Callable[[str, BaseException], object]
"""Is told the name of a thread that cannot be started, and why."""

IDLE_TIME: Final = 5.0
"""Seconds for which a thread without work is kept."""


class Threads:
    """At most `limit` threads. The jobs that wait for one are within a bound.

    To wake a thread costs more than most jobs, so only one at a time is on its way to
    them. It sends for the next before it begins, if it leaves jobs behind: many short
    ones are done by one or two threads, and a long one delays no other.
    """

    def __init__(
        self, name: str, limit: int, bound: Bound, failed: Failed, *, patient: bool = True
    ) -> None:
        """`failed` hears of each thread that cannot be started.

        With `patient`, a job for which there is none waits for one that runs.
        """
        self._failed = failed
        self._patient = patient
        self._name = name
        self._limit = limit
        self._bound = bound
        self._closed = False
        self._count = 0
        self._begin_empty()
        forks.call_in_child(self._forked)

    def _begin_empty(self) -> None:
        self._lock = threading.RLock()  # garbage may start a job while it is held
        self._ended = threading.Condition(self._lock)
        self._jobs: Backlog[Job] = Backlog(self._bound)
        self._idle: list[Mailbox[None]] = []
        self._running: set[threading.Thread] = set()
        self._spared: set[threading.Thread] = set()
        self._coming = False

    def _forked(self) -> None:
        """In a forked child, there is at most the thread that forked."""
        self._begin_empty()
        self._closed = True

    def start(self, job: Job, size: int = 0) -> bool:
        """Run `job` in a thread; false if there is neither one nor a place in the queue.

        `size` is the bytes of what it holds.
        """
        with self._lock:
            free = self._limit - len(self._running) + len(self._idle) + self._coming
            if self._closed or not self._jobs.has_room(size, places=free):
                return False
            self._jobs.put(job, size)
            new = self._send_for_one()
        if not self._begin(new):
            with self._lock:
                if not (self._patient and self._running) and self._jobs.remove(job):
                    return False  # nobody would ever do it
        return True

    @property
    def busy(self) -> bool:
        """Whether there is a job that runs, or waits for a thread."""
        return bool(self._jobs) or len(self._running) > len(self._idle)

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
            self._failed(thread.name, error)
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
                    job = self._jobs.take()
                    new = self._send_for_one() if arriving else None
                elif self._closed:
                    self._leave(threading.current_thread())
                    return None
                else:
                    self._idle.append(inbox)
                    new = self._send_for_one()  # for what garbage has started meanwhile
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


def threads_of(limits: Limits, failed: Failed) -> tuple[Threads, Threads, Threads]:
    """Return the threads for the handlers of calls, those of messages, and for listeners.

    Each kind has its own, so that none takes the threads of another.
    """
    calls, texts = limits.active_calls, limits.message_handlers
    return (
        # Of these, `Delivery` starts no more than there are threads.
        Threads("call handler", calls, Bound(calls, 0), failed, patient=False),
        Threads("message handler", texts, Bound(texts, 0), failed),
        Threads("listener", calls, Bound.of(limits), failed),
    )


def close_all(pools: Iterable[Threads], patience: float, lines: Lines) -> None:
    """Let the threads of all pools end, and wait for that. Say which ones do not."""
    ends_at = time.monotonic() + patience
    for pool in pools:
        pool.close()
        for name in pool.join(ends_at):
            lines.thread_still_runs(name)
    lines.flush()


class Strand:
    """Jobs that run one after another, whichever thread runs them."""

    def __init__(self, threads: Threads, bound: Bound) -> None:
        self._threads = threads
        self._lock = threading.RLock()  # the line that no thread can be started may post another
        self._jobs: Backlog[Job] = Backlog(bound)
        self._busy = False

    @property
    def waiting(self) -> tuple[int, int]:
        """How many jobs wait, and how many bytes they hold."""
        with self._lock:
            return len(self._jobs), self._jobs.bytes

    def post(self, job: Job, size: int = 0) -> bool:
        """Run `job` after the earlier ones; false if too many of them wait."""
        with self._lock:
            if not self._busy:
                self._busy = True
                started = self._busy = self._threads.start(partial(self._work, job), size)
                # The log says that there is no thread. Who reads it there may have posted jobs,
                # which were accepted: the first for which there is a thread now does the rest.
                for _ in range(0 if started else len(self._jobs)):
                    if self._threads.start(partial(self._work, self._jobs.take())):
                        self._busy = True
                        break
                return started
            if not self._jobs.has_room(size):
                return False
            self._jobs.put(job, size)
            return True

    def _work(self, job: Job) -> None:
        while True:
            job()
            with self._lock:
                if not self._jobs:
                    self._busy = False
                    if not self._jobs:  # what garbage posts from now on begins by itself
                        return
                    self._busy = True
                job = self._jobs.take()
