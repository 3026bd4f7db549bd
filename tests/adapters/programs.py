"""Programs that run in a process of their own, against the service of a test."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import anyio
from anyio.abc import ByteReceiveStream, Process

from tests.adapters.support import PROJECT, TOKEN, World

ROOT: Final = Path(__file__).resolve().parents[2]
LAST_BREATH: Final = 1.0
"""Seconds for what a program that has ended has written."""


class Program:
    """A running program, and what it has said so far."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.output = ""
        self.errors = ""
        self._observers: list[Callable[[str], object]] = []
        self._open = 2
        self._more = anyio.Event()

    async def says(self, words: str) -> None:
        """Wait until it has said this, on either stream."""
        while words not in self.output + self.errors:
            assert self._open, f"it never said {words!r}, but {self.output + self.errors!r}"
            await self._more.wait()

    def observe(self, observer: Callable[[str], object]) -> None:
        """Call `observer` with all that it says from now on, on either stream."""
        self._observers.append(observer)

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    async def says_again(self, words: str, times: int) -> None:
        """Wait until it has said this so many times, on either stream."""
        while (self.output + self.errors).count(words) < times:
            assert self._open, f"it never said {words!r} {times} times: {self.output}{self.errors}"
            await self._more.wait()

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    async def end(self) -> int:
        """Wait for the end, and for all that was said; returns the exit code."""
        while self._open:
            await self._more.wait()
        return await self._process.wait()

    async def read_output(self) -> None:
        """Keep what it prints."""
        async for text in _texts(self._process.stdout):
            self.output += text
            self._told(text)
        self._ended()

    async def read_errors(self) -> None:
        """Keep what it logs."""
        async for text in _texts(self._process.stderr):
            self.errors += text
            self._told(text)
        self._ended()

    def _ended(self) -> None:
        self._open -= 1
        self._told()

    def _told(self, text: str = "") -> None:
        for observer in self._observers:
            observer(text)
        self._more.set()
        self._more = anyio.Event()


async def _texts(stream: ByteReceiveStream | None) -> AsyncGenerator[str]:
    assert stream is not None, "both streams are pipes"
    async for data in stream:
        yield data.decode()


@asynccontextmanager
async def program(
    world: World, source: str, *arguments: str, **variables: str
) -> AsyncGenerator[Program]:
    """Run `source`, with any warning as an error; it is killed at the end."""
    command = ["-u", "-W", "error", "-c", source, *arguments]
    async with python(world, *command, variables=variables) as running:
        yield running


@asynccontextmanager
async def python(
    world: World, *arguments: str, variables: Mapping[str, str], cwd: Path | None = None
) -> AsyncGenerator[Program]:
    """Run Python with these arguments; it is killed at the end."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "SIGNALWIRE_SPACE": world.host,
        "SIGNALWIRE_PROJECT_ID": PROJECT,
        "SIGNALWIRE_API_TOKEN": TOKEN,
        **variables,
    }
    process = await anyio.open_process(
        [sys.executable, *arguments], stdin=subprocess.DEVNULL, env=environment, cwd=cwd
    )
    async with process, anyio.create_task_group() as tasks:
        running = Program(process)
        tasks.start_soon(running.read_output)
        tasks.start_soon(running.read_errors)
        try:
            yield running
        finally:
            if process.returncode is None:
                process.kill()
            # asyncio closes a pipe when it has been read to its end, unless a child has it.
            tasks.cancel_scope.deadline = anyio.current_time() + LAST_BREATH
