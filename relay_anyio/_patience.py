"""Patience: a rehearsal ends, even if a handler blocks the thread of its event loop.

A thread watches in real time whether the event loop turns. If it does not, the thread of
the loop is interrupted: by a signal if it is the main thread, else as soon as it runs Python.
"""

from __future__ import annotations

import ctypes
import dis
import signal
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from traceback import walk_stack
from types import FrameType
from typing import Any, Final

from relay_proto.adapter.guard import RehearsalOverError
from relay_proto.adapter.places import innermost, is_debugged

from ._virtual import Guard

TICK: Final = 0.1
"""Real seconds between two looks. Ticks are counted: a process that was stopped was not slow."""
SIGNAL: Final[Any] = getattr(signal, "SIGURG", None)
"""Interrupts the main thread. By default it is ignored, and hardly any program uses it."""
WAITS: Final = ("CALL", "PRECALL", "BEFORE_WITH", "LOAD_ATTR", "SEND", "FOR_ITER")
"""Instructions that may be in C: a function, a lock, an attribute, an iterator."""
AROUND: Final = frozenset(
    {
        ("relay_anyio._rehearsing", "rehearse"),
        ("asyncio.base_events", "run_forever"),
        ("trio._core._run", "unrolled_run"),
    }
)
"""Functions in which a rehearsal or its event loop runs. What is around them blocks nothing."""
CANNOT_END: Final = (
    "relay_anyio: a rehearsal does not end, because something blocks a thread that is not the "
    "main thread, and nothing can interrupt it there: {}\n"
)


class Patience:
    """Interrupts this thread if an event loop does not turn for some real seconds."""

    def __init__(
        self, guard: Guard, seconds: float, post: Callable[[Callable[[], object]], None] | None
    ) -> None:
        """`post` runs a function in an event loop of real time. In virtual time, it is None."""
        self._guard = guard
        self._post = post
        self._most_ticks = max(2.0, seconds / TICK)  # the loop has a whole tick to turn
        self._thread = threading.current_thread()
        self._is_main = self._thread is threading.main_thread() and SIGNAL is not None
        self._is_over = threading.Event()
        self._seen = 0
        self._ticks = 0
        self._before: Any = None
        self._has_told = False

    @contextmanager
    def watching(self) -> Generator[None]:
        """Watch while a block runs the event loop."""
        watch = threading.Thread(target=self._watch, name="relay_anyio rehearsal", daemon=True)
        if self._is_main:
            self._before = signal.signal(SIGNAL, self._interrupted)
        watch.start()
        try:
            yield
        finally:
            self._is_over.set()
            watch.join()
            if self._is_main:
                signal.signal(SIGNAL, self._before)

    # In the thread that watches

    def _watch(self) -> None:
        while not self._is_over.wait(TICK):
            frame = self._frame
            if self._post is not None:
                with suppress(RuntimeError):  # the event loop has ended
                    self._post(self._guard.turned)
            # Once it is given up, it has to end: it may only wait for a thread.
            turned, self._seen = self._guard.all_passes != self._seen, self._guard.all_passes
            if (turned and not self._guard.still_open) or frame is None or is_debugged(frame):
                self._ticks = 0
                continue
            self._ticks += 1
            if self._ticks >= self._most_ticks:
                self._ticks = 0
                self._guard.blocked_at = _place(frame)
                self._interrupt(frame)

    def _interrupt(self, frame: FrameType) -> None:
        ident = self._thread.ident or 0
        if self._is_main:
            signal.pthread_kill(ident, SIGNAL)
            return
        if _computes(frame):  # one that waits in C would not hear of it before it goes on
            wanted = ctypes.py_object(RehearsalOverError)
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident), wanted)
        elif not self._has_told:
            self._has_told = True
            sys.stderr.write(CANNOT_END.format(self._guard.blocked_at))

    @property
    def _frame(self) -> FrameType | None:
        return sys._current_frames().get(self._thread.ident or 0)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]

    # In the thread of the event loop

    def _interrupted(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        if not self._is_over.is_set():
            raise RehearsalOverError


def _computes(innermost_frame: FrameType) -> bool:
    """Whether a thread runs Python, and does not wait in a function that is written in C."""
    operation = dis.opname[innermost_frame.f_code.co_code[innermost_frame.f_lasti]]
    return not operation.startswith(WAITS)


def _place(innermost_frame: FrameType) -> str:
    """Return the line of the program in which the thread is."""
    frames = [frame for frame, _ in walk_stack(innermost_frame)]
    for place, frame in enumerate(frames):
        # What is around the rehearsal, such as the test, does not block it.
        if (frame.f_globals.get("__name__"), frame.f_code.co_name) in AROUND:
            frames = frames[:place]
            break
    return innermost((frame, frame.f_lineno) for frame in reversed(frames)) or "an unknown place"
