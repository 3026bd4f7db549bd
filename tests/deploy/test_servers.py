"""Servers and supervisors as processes: a call that is up when they are stopped is finished.

`scripts/fleet` runs these tests, with what they need. Elsewhere they are skipped.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Final

import pytest

from relay_proto.exchange import Caller, Hear, Press, Step, What, Who
from tests.recipes.lab import EXAMPLES, PATIENCE, Lab

pytestmark = pytest.mark.skipif(
    find_spec("gunicorn") is None, reason="scripts/fleet runs them: gunicorn must be installed"
)
ANNA: Final = "+15550001111"
MENU: Final = (Hear("press 1"), Press("1"))
"""After that, the caller stays on the line."""


@dataclass(frozen=True)
class Command:
    """How a server is started, in the folder of the examples."""

    words: Sequence[str]
    workers: int = 1
    exit_codes: Sequence[int] = (0,)
    """uvicorn ends by the signal itself, once its lifespan is over."""
    script: Sequence[Step] = ()


def uvicorn(app: str, *more: str, workers: int = 1) -> Command:
    words = ("-m", "uvicorn", app, "--port={port}", "--timeout-graceful-shutdown=20", *more)
    return Command(words, workers, (0, -signal.SIGTERM))


def gunicorn(app: str) -> Command:
    words = ("-m", "gunicorn", "--config=deploy/gunicorn.conf.py", "--bind=127.0.0.1:{port}", app)
    return Command(words, 2)


RUN: Final = ("-m", "relay_anyio", "run", "ivr:client", "--workers=2")
COMMANDS: Final = {
    "relay run": Command(RUN, 2, script=MENU),
    "uvicorn": uvicorn("fastapi_service:app"),
    "uvicorn, several workers": uvicorn("fastapi_service:app", "--workers=2", workers=2),
    "uvicorn, threads": uvicorn("fastapi_service_sync:app"),
    "gunicorn, Flask": gunicorn("flask_service_sync:app"),
    "gunicorn, Django": gunicorn("django_service_sync:application"),
    "a supervisor of one's own": Command(
        ("deploy/supervisor.py", "ivr:client", "2"), 2, script=MENU
    ),
}


@contextmanager
def started(command: Command) -> Generator[subprocess.Popen[bytes]]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = [word.format(port=port) for word in command.words]
    process = subprocess.Popen([sys.executable, *words], cwd=EXAMPLES, start_new_session=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.mark.parametrize("command", list(COMMANDS.values()), ids=list(COMMANDS))
def test_a_call_that_is_up_is_finished(command: Command, lab: Lab) -> None:
    with started(command) as process:
        lab.until(What.SESSION_STARTED, times=command.workers)
        lab.call(Caller(ANNA, tuple(command.script)))
        lab.until(What.ANSWERED)
        played = lab.until(What.PLAYED)
        process.send_signal(signal.SIGTERM)
        ended = lab.until(What.ENDED, call_id=played.call_id)
        assert (ended.who, ended.details["reason"]) == (Who.PROGRAM, "hangup")
        assert lab.world.all(What.PLAY_ENDED)[-1].details["outcome"] == "finishes"
        assert process.wait(PATIENCE) in command.exit_codes
    assert len(lab.world.all(What.ANSWERED)) == 1


@pytest.mark.parametrize(
    "name",
    ["relay run", "gunicorn, Flask", "uvicorn, several workers", "a supervisor of one's own"],
)
def test_a_reload_replaces_the_workers_and_loses_no_call(name: str, lab: Lab) -> None:
    command = COMMANDS[name]
    with started(command) as process:
        lab.until(What.SESSION_STARTED, times=command.workers)
        call_id = lab.call(Caller(ANNA, tuple(command.script)))
        lab.until(What.PLAYED)
        process.send_signal(signal.SIGHUP)
        lab.until(What.SESSION_STARTED, times=2 * command.workers)
        ended = lab.until(What.ENDED, call_id=call_id)
        assert ended.who is Who.PROGRAM
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) in command.exit_codes
