"""The processes of a fleet, behind the supervisor that starts, watches and replaces them."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import anyio
from anyio.abc import Process, TaskGroup
from anyio.streams.buffered import BufferedByteReceiveStream

LONGEST_NOTE: Final = 4096
ROOT: Final = Path(__file__).parents[2]
RELAY: Final = str(Path(sys.executable).parent / "relay")
SUPERVISORS: Final[Mapping[str, Sequence[str]]] = {
    "relay": (RELAY, "run", "{target}", "--workers", "{workers}", "--log-level", "warning"),
    "own": (sys.executable, "examples/deploy/supervisor.py", "{target}", "{workers}"),
}
"""The commands of supervisors. All know SIGHUP and SIGTERM."""


class Workers:
    """Some worker processes of one program, and what they have noted."""

    def __init__(self, tasks: TaskGroup, target: str, variables: Mapping[str, str]) -> None:
        self._tasks = tasks
        self._target = target
        self._variables = {**os.environ, **variables, "PYTHONPATH": str(ROOT)}
        self._supervisor: Process | None = None
        self.sessions: dict[str, int] = {}
        """The process of each session, in the order of their beginnings."""
        self.answered: dict[str, list[int]] = {}
        """The processes that have answered each call."""
        self._changed = anyio.Event()

    async def start(self, kind: str, count: int) -> None:
        """Start `count` workers under a supervisor, and wait until they are ready."""
        given = {"target": self._target, "workers": count}
        command = [part.format_map(given) for part in SUPERVISORS[kind]]
        self._supervisor = await anyio.open_process(
            command, stdout=-1, stderr=None, env=self._variables, cwd=ROOT
        )
        self._tasks.start_soon(self._read, self._supervisor)
        await self.until_ready(count)

    async def until_ready(self, count: int) -> None:
        """Wait until so many sessions have begun since the start."""
        while len(self.sessions) < count:
            await self._changed.wait()

    def replace(self) -> None:
        """Let all workers be replaced one after the other."""
        assert self._supervisor is not None, "they have been started"
        self._supervisor.send_signal(signal.SIGHUP)

    def kill(self, pid: int) -> None:
        """Kill a worker. The supervisor starts another one."""
        os.kill(pid, signal.SIGKILL)

    async def stop(self) -> int:
        """Drain all workers, wait until they have ended, and return the exit code."""
        assert self._supervisor is not None, "they have been started"
        self._supervisor.terminate()
        return await self._supervisor.wait()

    async def _read(self, process: Process) -> None:
        assert process.stdout is not None, "notes come from there"
        lines = BufferedByteReceiveStream(process.stdout)
        with suppress(anyio.IncompleteRead):
            while True:
                line = await lines.receive_until(b"\n", LONGEST_NOTE)
                if line.startswith(b'{"pid"'):
                    self._take(json.loads(line))

    def _take(self, note: dict[str, Any]) -> None:
        pid = note["pid"]
        if note["what"] == "ready":
            self.sessions[note["session"]] = pid
        else:
            self.answered.setdefault(note["call"], []).append(pid)
        self._changed.set()
        self._changed = anyio.Event()
