"""Places: the line of a program in which a task or a thread is, among those of libraries."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from traceback import walk_stack
from types import FrameType
from typing import Final

LIBRARIES: Final = sys.stdlib_module_names | {
    *("relay_anyio", "relay_sync", "relay_proto", "relay_pytest", "relay_run", "relay_otel"),
    *("anyio", "trio", "outcome", "pytest", "_pytest", "pluggy"),
}
"""Packages whose frames do not interest those who look for a line of their own."""
DEBUGGERS: Final = frozenset({"pdb", "bdb", "ipdb", "IPython", "pudb", "pydevd", "debugpy"})
"""Packages in whose code a thread waits for somebody who debugs."""
INSTALLED: Final = ("site-packages", "dist-packages")
"""Parts of the path of a file that was installed, and is not the program's own."""


def innermost(frames: Iterable[tuple[FrameType, int]]) -> str | None:
    """Return the last place in code of the program's own, or else in what it has installed.

    `frames` are those of a task or thread with their lines, from the outermost to the innermost.
    """
    place, is_own = None, False
    for frame, line in frames:
        code = frame.f_code
        own = not any(part in code.co_filename for part in INSTALLED)
        if not is_of_library(frame) and own >= is_own:
            place, is_own = f"{code.co_filename}:{line}, in {code.co_name}", own
    return place


def is_debugged(innermost_frame: FrameType) -> bool:
    """Whether somebody debugs the thread that is in this frame, and takes the time for it."""
    return any(_package_of(frame) in DEBUGGERS for frame, _ in walk_stack(innermost_frame))


def is_of_library(frame: FrameType) -> bool:
    """Whether a frame runs code of the standard library, of this project or of a test runner."""
    return _package_of(frame) in LIBRARIES


def _package_of(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


def level_of_caller(frame: FrameType) -> int:
    """Return how many frames are between this one and the program's own, for a warning in it."""
    level = 1
    caller: FrameType | None = frame
    while caller is not None and is_of_library(caller):
        caller, level = caller.f_back, level + 1
    return level if caller is not None else 1
