"""The supervisor in this process, where the system refuses what it asks for."""

from __future__ import annotations

import errno
import signal
import subprocess
from typing import Any, Final

import pytest

from relay_run import ExitCode
from relay_run.supervision import Policy
from relay_run.supervisor import Supervisor
from relay_run.worker import WorkerOptions

AT_ONCE: Final = Policy(least_delay=0.0, most_delay=0.0)
SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)


def test_when_no_process_can_be_started_that_is_said_and_nothing_is_left(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A socket that was left open would be a warning, and warnings are errors."""

    def refuse(*_args: Any, **_options: Any) -> None:
        raise OSError(errno.EAGAIN, "no more processes")

    before = [signal.getsignal(number) for number in SIGNALS]
    monkeypatch.setattr(subprocess, "Popen", refuse)
    supervisor = Supervisor(AT_ONCE, WorkerOptions("shop:client", 0, 0), None)
    assert supervisor.run() is ExitCode.CANNOT_START
    words = "a worker cannot be started: [Errno 11] no more processes"
    assert caplog.messages.count(words) == AT_ONCE.most_crashes
    assert caplog.messages[-1].endswith("ending, because the system refuses to start a process")
    assert [signal.getsignal(number) for number in SIGNALS] == before
    assert signal.set_wakeup_fd(-1) == -1
