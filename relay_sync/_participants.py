"""Participants: the threads that take part in a rehearsal, and where they wait."""

from __future__ import annotations

import math
import signal
import sys
import threading
from collections.abc import Callable, Collection, Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from traceback import walk_stack
from types import CodeType, FrameType
from typing import Any, Final

from relay_proto.adapter.places import innermost, is_debugged

from ._waiting import Seat, current

POOL: Final = ("concurrent.futures.thread", "_worker")
"""The function of a thread of an executor. It is innermost while the thread waits for work."""
REHEARSAL: Final = ("relay_sync._rehearsing", "rehearse")
"""The function of this project in which a scene runs."""


class Participant(Seat):
    """A thread that takes part."""

    def __init__(self, thread: threading.Thread, *, guest: bool = False) -> None:
        super().__init__()
        self.thread = thread
        self.guest = guest
        """Whether it came by itself: then nobody waits for what else it does."""
        self.is_test = False
        """Whether it is the thread of the test."""
        self.gate = threading.Lock()
        """Released when it gets the turn."""
        self.gate.acquire()
        self.waits = False
        self.aside = False
        """Whether it does something that takes real time."""
        self.happened: Callable[[], object] = bool
        self.deadline = math.inf
        self.since = 0.0
        """Who has waited longest is the next."""
        self.turns = 0
        """At this instant."""
        self.error: BaseException | None = None
        """What it raises when it gets the turn."""
        self.is_over = False
        """Whether it may wait for nothing any more."""
        self.computes = False
        """Whether it is known to run Python while it is aside."""
        self._seen: tuple[int, int] | None = None
        self._ran: bytes | None = None

    def wait(self, happened: Callable[[], object], deadline: float, since: float) -> None:
        """Wait from now on, without the turn."""
        self.happened, self.deadline, self.since = happened, deadline, since
        self.waits, self.aside, self.computes, self._seen = True, False, False, None

    def begin_turn(self) -> None:
        """Wait no longer."""
        self.waits = False
        self.turns += 1
        self.gate.release()

    def can_go_on(self, now: float) -> bool:
        """Whether it would do something if it had the turn."""
        return self.waits and bool(self.is_over or self.deadline <= now or self.happened())

    def is_at_rest(self, now: float) -> bool:
        """Whether it waits for somebody else, and for no time."""
        return self.waits and self.deadline == math.inf and not self.can_go_on(now)

    def look(self) -> None:
        """Find out if it runs Python while it is aside."""
        if (frame := self._frame) is not None:
            before, self._seen = self._seen, (id(frame), frame.f_lasti)
            self.computes = self.computes or before not in (None, self._seen)

    def has_run(self) -> bool:
        """Whether it has run since this was asked last, or would if it had a processor.

        So it does not wait, on a busy machine either. Only Linux tells: elsewhere this is false.
        """
        task = Path("/proc/self/task", str(self.thread.native_id))
        try:
            state = (task / "stat").read_bytes().rpartition(b")")[2].split()[0]
            before, self._ran = self._ran, (task / "schedstat").read_bytes()
        except OSError:
            return False
        return state == b"R" or before not in (None, self._ran)

    def is_in(self, codes: Collection[CodeType]) -> bool:
        """Whether it runs one of some functions."""
        return self._frame is not None and any(
            frame.f_code in codes for frame, _ in walk_stack(self._frame)
        )

    @property
    def has_nothing_to_do(self) -> bool:
        """Whether it has ended, or waits for work in the pool of an executor."""
        frame = self._frame
        return frame is None or _is(frame, *POOL)

    @property
    def place(self) -> str | None:
        """The line of the program in which it is."""
        frames: list[FrameType] = []
        for frame, _ in walk_stack(self._frame) if self._frame is not None else ():
            if _is(frame, *REHEARSAL):
                break
            frames.append(frame)
        return innermost((frame, frame.f_lineno) for frame in reversed(frames))

    @property
    def is_debugged(self) -> bool:
        """Whether somebody debugs it."""
        frame = self._frame
        return frame is not None and is_debugged(frame)

    @property
    def _frame(self) -> FrameType | None:
        return sys._current_frames().get(self.thread.ident or 0)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]


def here() -> Participant:
    """This thread, which takes part."""
    seat = current.seat
    assert isinstance(seat, Participant), "it takes part"
    return seat


def described(threads: Iterable[Participant]) -> list[str]:
    """Say where threads are that are in the program's own code."""
    lines: list[str] = []
    for one in threads:
        name = "the scene" if one.is_test else one.thread.name
        waits = "runs, or waits in real time," if one.aside else "waits"
        if (place := one.place) is not None:
            lines.append(f"{name} {waits} at {place}")
    return lines


class Interrupter:
    """Raises `KeyboardInterrupt` in the thread of a test, even while it waits in real time."""

    def __init__(self) -> None:
        self._thread = threading.current_thread()
        self._before: Any = None
        self._wanted = False

    @contextmanager
    def ready(self) -> Generator[None]:
        """Be able to do that in a block."""
        if self._thread is not threading.main_thread():
            yield  # no signal gets there
            return
        self._before = signal.signal(signal.SIGINT, self._receive)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, self._before)

    def interrupt(self, test: Participant) -> None:
        """Do it, from any thread."""
        self._wanted = True
        if self._thread is not threading.main_thread():
            raise_in(test, KeyboardInterrupt)
        elif hasattr(signal, "pthread_kill"):
            signal.pthread_kill(self._thread.ident or 0, signal.SIGINT)
        else:
            signal.raise_signal(signal.SIGINT)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self._wanted:
            self._wanted = False
            raise KeyboardInterrupt
        if callable(self._before):  # else it is ignored, as in the processes of pytest-xdist
            self._before(number, frame)


def raise_in(one: Participant, error: type[BaseException]) -> None:
    """Raise something in a thread that computes.

    Not in one that waits in C: it would not hear of that before it goes on, and until
    then Python 3.11 does not get on in any thread that is traced.
    """
    if one.computes:
        import ctypes  # noqa: PLC0415 - only for a thread that does not go on

        ident = ctypes.c_ulong(one.thread.ident or 0)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ident, ctypes.py_object(error))


def _is(frame: FrameType, module: str, function: str) -> bool:
    return frame.f_globals.get("__name__") == module and frame.f_code.co_name == function
