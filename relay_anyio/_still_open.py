"""Still open: where tasks wait, and for what, to explain a program that does not go on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import FrameType
from typing import Any, Final

from relay_proto.adapter.places import innermost, is_of_library

IN_THREADS: Final = ("asyncio.threads", "anyio.to_thread", "trio._threads")
"""Modules in which a task waits for a thread."""
ON_SOCKETS: Final = (
    *("asyncio.streams", "asyncio.selector_events", "asyncio.base_events"),
    *("anyio._core._sockets", "trio._socket", "trio._highlevel_socket", "trio._ssl"),
)
"""Modules in which a task waits for the network."""
_ABOUT_SOCKETS: Final = re.compile(r"Socket|wait_(readable|writable)")
MOST_FRAMES: Final = 1000
"""Frames of one task that are looked at: a chain of them may be endless, if it is a ring."""
MOST_TASKS: Final = 20
"""Tasks that are shown."""
REAL_TIME: Final = (
    "Virtual time does not wait for threads and sockets. Replace what uses them with "
    "something that answers at once."
)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A task that waits in the program's own code."""

    task: str
    place: str
    """The innermost line of the program: file, number and function."""
    real: str
    """``a thread`` or ``a socket``, if the task waits for one, which takes real time."""

    def __str__(self) -> str:
        waits = f"waits for {self.real}" if self.real else "waits"
        return f"{self.task} {waits} at {self.place}"


def where(task: str, coroutine: object) -> Waiting | None:
    """Return where a task waits, or None if no code of a program is in it."""
    frames = list(_frames(coroutine))
    place = innermost((frame, frame.f_lineno) for frame in frames)
    return None if place is None else Waiting(task, place, _real(frames))


def described_tasks(waiting: Iterable[Waiting | None]) -> list[str]:
    """Return what to show of tasks, and what to do about those that take real time."""
    found = [one for one in waiting if one is not None]
    shown = [str(one) for one in found[:MOST_TASKS]]
    if len(found) > MOST_TASKS:
        shown.append(f"and {len(found) - MOST_TASKS} more tasks")
    if any(one.real for one in found):
        shown.append(REAL_TIME)
    return shown


def _frames(coroutine: Any) -> Iterator[FrameType]:
    """The frames of what waits, from the outermost to the innermost."""
    for _ in range(MOST_FRAMES):
        for kind, awaited in (("cr", "await"), ("gi", "yieldfrom"), ("ag", "await")):
            frame = getattr(coroutine, f"{kind}_frame", None)
            if frame is not None:
                yield frame
                coroutine = getattr(coroutine, f"{kind}_{awaited}")
                break
        else:
            return


def _real(frames: Iterable[FrameType]) -> str:
    """What of the real world is waited for."""
    real = ""
    for frame in frames:
        module, name = frame.f_globals.get("__name__", ""), frame.f_code.co_qualname
        if module in IN_THREADS:
            real = "a thread"
        elif module in ON_SOCKETS or (is_of_library(frame) and _ABOUT_SOCKETS.search(name)):
            real = "a socket"
    return real
