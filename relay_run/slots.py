"""Slots: the places of workers, and the workers in them."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from relay_proto.display import counted

from .reports import INTERVAL, Report


def calls_in_words(calls: int, ids: Sequence[str]) -> str:
    """How many calls are up, and which; not all ids need to be known."""
    if not calls:
        return "no calls up"
    more = f" and {calls - len(ids)} more" if calls > len(ids) else ""
    return f"{counted(calls, 'call')} up: {', '.join(ids)}{more}"


FINISHED: Final = 190
"""The exit code of a worker whose clients have disconnected by themselves. Nobody else sees it.

No number of ``sysexits.h``: a program that ends with one of those has not finished.
"""


SILENT: Final = 2 * INTERVAL
"""Seconds without a report after which nobody knows what a worker does."""


class Phase(enum.Enum):
    """Where the process of a worker stands."""

    STARTING = "starting"
    """It has not told anything yet."""
    UP = "up"
    ENDING = "ending"
    """It was told to end."""
    KILLED = "killed"


@dataclass(slots=True, eq=False)
class Worker:
    """A process."""

    serial: int
    number: int
    epoch: int
    spawned_at: float
    pid: int = 0
    phase: Phase = Phase.STARTING
    report: Report = field(default_factory=Report)
    reported_at: float = 0.0
    has_reported: bool = False
    ready_at: float | None = None
    """When it was ready for the first time."""
    trouble_told: bool = False
    """Whether it was said why it cannot connect."""
    ends_at: float = 0.0
    """When it must have ended, once it was told to."""
    killed_at: float | None = None

    def __str__(self) -> str:
        process = f" (process {self.pid})" if self.pid else ""  # else it could not be started
        return f"worker {self.number}{process}"

    @property
    def is_ready(self) -> bool:
        """Whether it takes calls."""
        return self.phase is Phase.UP and self.report.ready

    @property
    def has_served(self) -> bool:
        """Whether it goes on, and has been ready."""
        return self.phase is Phase.UP and self.ready_at is not None

    def has_run_well(self, now: float, steady: float) -> bool:
        """Whether it was ready `steady` seconds ago, or before."""
        return self.ready_at is not None and now - self.ready_at >= steady

    def has_left_calls(self, now: float) -> bool:
        """Whether it may have had calls when it was killed. Without reports, nobody knows."""
        silent = (now if self.killed_at is None else self.killed_at) - self.reported_at
        return self.report.calls > 0 or (self.has_reported and silent > SILENT)

    @property
    def state(self) -> str:
        """Its state in one word."""
        if self.phase is Phase.ENDING or (self.phase is Phase.UP and self.report.draining):
            return "draining"
        if self.phase is Phase.UP:
            return "ready" if self.report.ready else "connecting"
        return "starting" if self.phase is Phase.STARTING else "killed"

    @property
    def calls_in_words(self) -> str:
        """How many calls it has told of last, and which."""
        return calls_in_words(self.report.calls, self.report.call_ids)

    def forgive(self, now: float) -> None:
        """Let all its times begin now: nobody has looked after it."""
        self.reported_at = max(self.reported_at, now)
        if self.phase is Phase.STARTING:
            self.spawned_at = now


@dataclass(slots=True, eq=False)
class Slot:
    """The place of one worker, which has the number of it."""

    number: int
    worker: Worker | None = None
    successor: Worker | None = None
    """Takes the place of `worker` when it is ready."""
    restart_at: float | None = None
    crashes: int = 0
    """In a row, until a worker has run well. A program that cannot be used counts, too."""
    restarts: int = 0
    finished: bool = False

    def crashes_in_a_row(self, now: float, steady: float) -> int:
        """How often it has crashed since a worker has run well."""
        well = self.worker is not None and self.worker.has_run_well(now, steady)
        return 0 if well else self.crashes

    def begin_afresh(self) -> None:
        """Forget what was: a new program may do better."""
        self.crashes, self.finished = 0, False
