"""Exit codes of ``relay run`` and of its workers: they say why it has ended.

Public: for whoever reads the exit code of ``relay run``, or of a program with `serve`.

The numbers are those of ``sysexits.h``, so that systemd and others know them by name.
"""

from __future__ import annotations

import enum


class ExitCode(enum.IntEnum):
    """Why ``relay run`` has ended."""

    ENDED = 0
    """It was asked to end, or its clients have disconnected, and no call was up any more."""
    WRONG_ARGUMENTS = 2
    WORKERS_CRASH = 69
    """The workers crashed again and again, and none of them ran for long."""
    CANNOT_START = 71
    """The system refused something: the address of ``--health``, or a new process."""
    CALLS_LEFT = 75
    """It has ended, but calls were still up: the time was over, or a worker was killed."""
    REFUSED = 77
    """The service refused the credentials."""
    NO_CLIENT = 78
    """The module cannot be imported, or has no such client, or something is not installed."""


FOR_GOOD = frozenset({ExitCode.REFUSED, ExitCode.NO_CLIENT})
"""It would end in the same way if it was started again."""

IN_WORDS = {
    ExitCode.REFUSED: "the service refuses the credentials",
    ExitCode.NO_CLIENT: "the program cannot be used: see above",
    ExitCode.CANNOT_START: "the system refuses to start a process",
}
