"""Tracebacks of a program that cannot be loaded: its own lines, without those around it."""

from __future__ import annotations

import importlib
from pathlib import Path
from traceback import walk_tb
from types import FrameType, TracebackType
from typing import Final

PACKAGES: Final = Path(__file__).resolve().parent.parent
NAMES: Final = ("relay_run", "relay_proto", "relay_anyio", "relay_sync", "relay_otel")
OURS: Final = tuple(f"{PACKAGES / name}/" for name in NAMES)
AROUND: Final = ("<string>", "<frozen importlib", importlib.__file__)
"""What imports a module, and what dataclasses write."""
MOST_ERRORS: Final = 100
"""Of one chain."""


def of_the_program(error: BaseException) -> BaseException:
    """Leave out of the traceback, and of those of its causes, what is not the program."""
    one: BaseException | None = error
    for _ in range(MOST_ERRORS):
        if one is None:
            break
        one.__traceback__ = _own_part(one.__traceback__)
        one = one.__cause__ or one.__context__
    return error


def _own_part(whole: TracebackType | None) -> TracebackType | None:
    part: TracebackType | None = None
    places: list[tuple[FrameType, int]] = list(walk_tb(whole))
    for frame, line in reversed(places):
        file = frame.f_code.co_filename
        if not file.startswith((*OURS, *AROUND)):
            part = TracebackType(part, frame, frame.f_lasti, line)
    return part
