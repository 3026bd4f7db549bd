"""Orders: what a `Supervision` lets the supervisor do, and say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from .exit_codes import ExitCode

Level: TypeAlias = Literal["info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Spawn:
    """Start a worker. Call `started` then, or `exited` if it cannot be started."""

    serial: int
    number: int


@dataclass(frozen=True, slots=True)
class Terminate:
    """Send SIGTERM to a worker: it drains. Further ones change nothing."""

    serial: int


@dataclass(frozen=True, slots=True)
class Hurry:
    """Tell a worker to end at once, without waiting for its calls."""

    serial: int


@dataclass(frozen=True, slots=True)
class Kill:
    """Send SIGKILL to a worker."""

    serial: int


@dataclass(frozen=True, slots=True)
class Forget:
    """Wait for this worker no longer: not even SIGKILL has ended it."""

    serial: int


@dataclass(frozen=True, slots=True)
class Say:
    """Write a line to the log, which is about worker `number` if that is not 0."""

    level: Level
    words: str
    number: int = 0
    traceback: str = ""


@dataclass(frozen=True, slots=True)
class Exit:
    """It is over, and no worker is left. Comes once, as the last output."""

    code: ExitCode


Output: TypeAlias = Spawn | Terminate | Hurry | Kill | Forget | Say | Exit
