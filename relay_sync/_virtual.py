"""Virtual time for threads: one runs at a time, and when all of them wait, the clock jumps.

A thread that takes part runs until it waits. Then it hands the turn to the one that has
waited longest of those that can go on, so nothing depends on the system's scheduler. If
none can go on, the clock moves to the nearest deadline.

A thread may also wait for something that nothing here knows, such as a socket or a
lock. It is set aside then, and the others go on; but the clock waits for it.
"""

from __future__ import annotations

import enum
import math
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any, Final, Protocol

from relay_proto.adapter.guard import RehearsalOverError

from ._participants import Interrupter, Participant, here, raise_in
from ._stdlib import PATCHES, REAL
from ._waiting import current

QUANTUM: Final = 2**20
"""Parts of a second. The clock shows multiples, so that sums and differences of times are exact."""
MOST_TURNS: Final = 50_000
"""Turns of threads at one instant. After more, one of them must be in a busy loop."""
TICK: Final = 0.05
"""Real seconds between two looks at the thread whose turn it is."""
ASIDE_AFTER: Final = 4
"""Ticks after which a thread that waits in real time is set aside."""
DEADLOCK_AFTER: Final = 10
"""Ticks for which somebody else may wake a thread, when nothing is due."""
LAST_BREATH: Final = 1.0
"""Real seconds for the threads that are left at the end."""


class Reason(enum.Enum):
    """Why a rehearsal does not go on."""

    TOO_LATE = "it takes too long"
    SPINS = "a thread runs in a loop without waiting, and no time passes"
    STUCK = "a thread does not go on in real time"
    DEADLOCK = "all threads wait, and no timer is set"


class World(Protocol):
    """What is around the threads: the exchange, and the connections to it."""

    def pump(self, now: float) -> None:
        """Carry bytes, and do what is due."""

    def deadline(self) -> float | None:
        """When something is due next."""
        ...

    def adopt(self, client: Any) -> None:
        """Lead a client to the exchange."""

    def explain(self, reason: Reason, threads: Sequence[Participant]) -> BaseException:
        """What to raise in the thread of the test: the rehearsal does not go on."""
        ...

    def thread_failed(self, error: BaseException) -> None:
        """A thread of the program has raised something."""


class VirtualTime:
    """A clock, and the threads that take part."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.lock = threading.RLock()
        """Held while the turn changes, and by who uses the world."""
        self._now = 0.0
        self._base = 0.0
        self._wall = REAL.time()
        self._order = count()
        self._threads: list[Participant] = []
        self._holder: Participant | None = None
        self._test: Participant | None = None
        self._limit = math.inf
        self._patience = math.inf
        self._failure: BaseException | None = None
        self._has_failed = False
        self._interrupter = Interrupter()
        self._abandoned: list[Participant] = []
        self._turns = 0
        self._hand_overs = 0
        self._seen = 0
        self._ticks = 0
        self._stopped = threading.Event()
        self._begun: list[threading.Thread] = []

    @property
    def now(self) -> float:
        """Virtual seconds since the beginning."""
        return self._now

    def monotonic(self) -> float:
        """See `Virtual`."""
        return self._base + self._now

    def time(self) -> float:
        """See `Virtual`."""
        return self._wall + self._now

    @contextmanager
    def running(self, within: float, patience: float) -> Generator[None]:
        """Let this thread take part, as that of the test, and with it all that it starts.

        It fails after `within` virtual seconds, and after `patience` real ones in which
        nothing goes on. At the end, no thread is left that takes part.
        """
        self._limit, self._patience = within, patience
        watch = threading.Thread(target=self._watch, name="relay_sync rehearsal", daemon=True)
        with PATCHES.applied(), _bases.taken(self), self._interrupter.ready():
            REAL.start(watch)  # before this thread takes part: it waits in real time for that
            try:
                self._test = self._join(guest=False)
                self._test.is_test = True
                yield
            finally:
                self._end()
                REAL.join(watch, None)

    def failure(self) -> BaseException | None:
        """Why it does not go on, if it does not. This is said to be so once."""
        with self.lock:
            failure, self._failure = self._failure, None
            if self._test is not None:
                self._test.error = None
            return failure

    # From a thread that takes part

    def wait(self, happened: Callable[[], object], timeout: float | None = None) -> bool:
        """Let others run until `happened` is true, for `timeout` virtual seconds at most.

        Returns whether it has happened.

        Raises:
            RehearsalOverError: the rehearsal has ended, and this thread has not.
            Exception: in the thread of the test: the rehearsal does not go on.
        """
        me = here()
        if me.is_over:
            raise RehearsalOverError
        with self.lock:
            self._line_up(me, happened, timeout)
        self._take_turn(me)
        return bool(happened())

    def jump(self, seconds: float) -> None:
        """With the lock held, by who has the turn: let time pass in which nothing runs."""
        self._advance(self._now + seconds)

    def settle(self) -> None:
        """Let all others do what they can at this instant."""
        me = here()
        with self.lock:
            self._line_up(me, _always, None, last=True)
        self._take_turn(me)

    def come_back(self) -> None:
        """Have the turn again, if this thread was set aside."""
        if here().aside:
            self.wait(_always)

    def join(self) -> None:
        """See `Virtual`."""
        if current.virtual is None and not self._stopped.is_set():
            self._join(guest=True)

    def adopt(self, client: Any) -> None:
        """See `Virtual`."""
        self._world.adopt(client)

    def start(self, thread: threading.Thread) -> None:
        """See `Virtual`."""
        one = Participant(thread)
        function = thread.run
        thread.run = lambda: self._run(one, function)  # type: ignore[method-assign]
        with self.lock:
            one.wait(_always, math.inf, next(self._order))
            self._threads.append(one)
        me = here()
        me.virtual = None  # the start of a thread waits for it in real time
        try:
            REAL.start(thread)
        except BaseException:
            del thread.run
            with self.lock:
                self._threads.remove(one)
            raise
        finally:
            me.virtual = self
        with self.lock:
            self._begun.append(thread)
            if self._holder is None:
                self._hand_over()

    def has_left(self, thread: threading.Thread) -> bool:
        """See `Virtual`."""
        return self.participant(thread) is None

    def participant(self, thread: threading.Thread) -> Participant | None:
        """A thread that takes part."""
        return next((one for one in tuple(self._threads) if one.thread is thread), None)

    # How it works

    def _join(self, *, guest: bool) -> Participant:
        me = Participant(threading.current_thread(), guest=guest)
        me.virtual, current.seat = self, me
        with self.lock:
            self._line_up(me, _always, None)
        self._take_turn(me)
        return me

    def _run(self, me: Participant, function: Callable[[], object]) -> None:
        del me.thread.run
        me.virtual, current.seat = self, me
        try:
            self._take_turn(me)
            function()
        except (RehearsalOverError, SystemExit):
            pass
        except BaseException as error:  # noqa: BLE001 - it is raised in the thread of the test
            self._world.thread_failed(error)
        finally:
            self._leave(me)

    def _line_up(
        self,
        me: Participant,
        happened: Callable[[], object],
        timeout: float | None,
        *,
        last: bool = False,
    ) -> None:
        """With the lock held: wait from now on, and hand over the turn.

        With `last`, it comes after all others that can go on.
        """
        if me not in self._threads:
            self._threads.append(me)
        deadline = math.inf if timeout is None else self._now + max(0.0, timeout)
        me.wait(happened, deadline, math.inf if last else next(self._order))
        if self._holder is me or self._holder is None:
            self._hand_over()

    def _take_turn(self, me: Participant) -> None:
        try:
            me.gate.acquire()
        except BaseException:  # Ctrl+C, which may come when it has the turn already
            self._hurry(me)
            raise
        error, me.error = me.error, None
        if error is not None:
            raise error
        if me.is_over:
            raise RehearsalOverError

    def _hurry(self, me: Participant) -> None:
        """Get the turn as soon as can be, if it is not had already."""
        while True:
            with self.lock:
                me.happened = _always
                if self._holder is None:
                    self._hand_over()
                if self._holder is me:
                    me.gate.acquire(blocking=False)
                    return
            me.gate.acquire()

    def _leave(self, me: Participant) -> None:
        with self.lock:
            if me in self._threads:
                self._threads.remove(me)
            if self._holder is me or self._holder is None:
                self._hand_over()
        me.virtual = None

    def _hand_over(self) -> None:
        """With the lock held: let the next thread run, if one can."""
        self._holder = one = self._next()
        if one is None:
            return
        self._hand_overs += 1
        self._turns += 1
        one.begin_turn()
        if self._turns > MOST_TURNS:
            self._stop_spinning()

    def _next(self) -> Participant | None:
        """Whose turn it is, after as much time as all of them wait."""
        while True:
            self._world.pump(self._now)
            ready = [one for one in self._threads if one.can_go_on(self._now)]
            if ready:
                return min(ready, key=lambda one: one.since)
            if any(not one.waits for one in self._threads):
                return None  # one is aside: nobody knows for how long
            due = self._world.deadline()
            nearest = min((one.deadline for one in self._threads), default=math.inf)
            nearest = min(nearest, math.inf if due is None else due)
            if nearest == math.inf or not self._threads:
                return None  # somebody else may still wake one: see `_tick`
            if nearest > self._limit:
                self._advance(self._limit)
                self._give_up(Reason.TOO_LATE)
            else:
                self._advance(nearest)

    def _advance(self, to: float) -> None:
        self._now = max(self._now, math.ceil(to * QUANTUM) / QUANTUM)
        self._turns = 0
        for one in self._threads:
            one.turns = 0

    def _give_up(self, reason: Reason) -> None:
        """With the lock held: let the thread of the test fail, once."""
        self._limit = self._patience = math.inf
        test = self._test
        if test is None or self._has_failed:
            return
        self._has_failed = True
        self._failure = test.error = self._world.explain(reason, self._threads)
        test.deadline = self._now
        if test.aside:
            self._interrupter.interrupt(test)

    def _stop_spinning(self) -> None:
        """With the lock held: threads wait again and again, and no time passes."""
        self._turns = 0
        self._give_up(Reason.SPINS)
        busiest = max(self._threads, key=lambda one: one.turns)
        busiest.is_over = busiest is not self._test

    # In the thread that watches, in real time

    def _watch(self) -> None:
        while not self._stopped.wait(TICK):
            with self.lock:
                self._tick()

    def _tick(self) -> None:
        self._ticks = self._ticks + 1 if self._hand_overs == self._seen else 0
        self._seen = self._hand_overs
        for one in self._threads:
            if one.aside:
                one.look()
        if self._holder is not None and self._keeps_turn_too_long(self._holder):
            self._set_aside(self._holder)
        if self._holder is None:  # what has been waited for may have come from elsewhere
            self._hand_over()
        if self._holder is not None:
            return
        if all(one.waits for one in self._threads):
            if self._ticks >= DEADLOCK_AFTER:
                self._give_up(Reason.DEADLOCK)
        elif self._ticks * TICK > self._patience:
            if any(one.is_debugged for one in self._threads if one.aside):
                self._ticks = 0  # somebody debugs it, and takes the time for it
                return
            self._give_up(Reason.STUCK)
            self._abandon_those_aside()

    def _keeps_turn_too_long(self, holder: Participant) -> bool:
        """Whether it waits in real time. One that computes, or gets no processor, goes on."""
        has_run = holder.has_run()
        has_time = self._ticks * TICK < self._patience / 2
        return self._ticks >= ASIDE_AFTER and not (has_run and has_time)

    def _set_aside(self, holder: Participant) -> None:
        """With the lock held: let others run beside this thread."""
        self._holder = None
        holder.aside = True
        if holder.guest:
            self._threads.remove(holder)
            holder.virtual = None  # it joins again when it uses the client again
        elif holder.has_nothing_to_do:
            self._threads.remove(holder)
            self._abandoned.append(holder)

    def _abandon_those_aside(self) -> None:
        """With the lock held: the clock waits for them no longer."""
        stuck = [one for one in self._threads if not one.waits and one is not self._test]
        self._abandoned += stuck
        self._threads = [one for one in self._threads if one not in stuck]
        self._hand_over()

    # The end

    def _end(self) -> None:
        """Let all other threads end."""
        with self.lock:
            me, self._test, self._limit = self._test, None, math.inf
            left = [one for one in (*self._threads, *self._abandoned) if one is not me]
            for one in left:
                one.is_over = True
        if me is not None:
            self._leave(me)
        for one in left:
            if one.guest:
                one.virtual = None
            elif one.aside:
                raise_in(one, RehearsalOverError)
        ends_at = REAL.monotonic() + LAST_BREATH
        for thread in self._begun:
            REAL.join(thread, max(0.0, ends_at - REAL.monotonic()))
        self._stopped.set()


class _Bases:
    """What `time.monotonic` says when a rehearsal begins: it never goes back.

    It is a whole number, so that the times in a rehearsal do not depend on it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next = 0

    @contextmanager
    def taken(self, virtual: VirtualTime) -> Generator[None]:
        """Give one to a rehearsal."""
        with self._lock:
            self._next = max(self._next, math.ceil(REAL.monotonic()))
            virtual._base = float(self._next)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        try:
            yield
        finally:
            with self._lock:
                self._next = max(self._next, math.ceil(virtual.monotonic()))


_bases = _Bases()


def _always() -> bool:
    return True
