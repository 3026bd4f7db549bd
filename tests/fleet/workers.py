"""The processes of a fleet: started, replaced one after the other, killed, stopped.

The supervisor is either `relay run`, or one of our own that is as small as can be: it
shows what any other process manager has to do.
"""

from __future__ import annotations

import abc
import json
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

import anyio
from anyio.abc import Process, TaskGroup
from anyio.streams.buffered import BufferedByteReceiveStream

LONGEST_NOTE: Final = 4096
LOG_OF: Final = "FLEET_LOG"


class Workers(abc.ABC):
    """Some worker processes of one program, and what they have noted."""

    def __init__(self, tasks: TaskGroup, program: str, variables: Mapping[str, str]) -> None:
        self._tasks = tasks
        self.program = program
        self._variables = {**os.environ, **variables}
        self.sessions: dict[str, int] = {}
        """The process of each session, in the order of their beginnings."""
        self.answered: dict[str, list[int]] = {}
        """The processes that have answered each call."""
        self._changed = anyio.Event()

    @abc.abstractmethod
    async def start(self, count: int) -> None:
        """Start `count` workers, and wait until they are ready."""

    @abc.abstractmethod
    async def replace(self) -> None:
        """Replace all workers one after the other: a new one is ready, then an old one drains."""

    @abc.abstractmethod
    async def stop(self) -> None:
        """Drain all workers, and wait until they have ended."""

    def kill(self, pid: int) -> None:
        """Kill a worker. The supervisor starts another one."""
        os.kill(pid, signal.SIGKILL)

    async def until_ready(self, count: int) -> None:
        """Wait until so many sessions have begun since the start."""
        while len(self.sessions) < count:
            await self._changed.wait()

    async def _launch(self, *command: str) -> Process:
        process = await anyio.open_process(
            [sys.executable, *command], stdout=-1, stderr=None, env=self._variables
        )
        self._tasks.start_soon(self._read, process)
        return process

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


class OwnWorkers(Workers):
    """Plain processes, and the least that a supervisor of one's own has to do."""

    def __init__(self, tasks: TaskGroup, program: str, variables: Mapping[str, str]) -> None:
        super().__init__(tasks, program, variables)
        self._processes: list[Process] = []
        self._stopping = False

    async def start(self, count: int) -> None:
        for _ in range(count):
            await self._add()
        await self.until_ready(count)

    async def replace(self) -> None:
        for old in tuple(self._processes):
            if old.returncode is None:
                ready = len(self.sessions)
                await self._add()
                await self.until_ready(ready + 1)
                self._processes.remove(old)
                old.terminate()
                await old.wait()

    async def stop(self) -> None:
        self._stopping = True
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            await process.wait()

    async def _add(self) -> None:
        process = await self._launch("-m", self.program)
        self._processes.append(process)
        self._tasks.start_soon(self._watch, process)

    async def _watch(self, process: Process) -> None:
        await process.wait()
        if process in self._processes and not self._stopping:
            self._processes.remove(process)
            await self._add()
