"""Clients in this process, in virtual time: the good one, and the stream on which others are bent.

A bad client is the good one, and something between it and the stage changes what it sends, or
what it learns.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, cast

import anyio
from anyio.abc import ByteStream, TaskGroup

from relay_anyio import Call, Message, RelayClient, RelayError, Timing
from relay_anyio._memory_links import Link
from relay_anyio._virtual import run_in_virtual_time
from relay_anyio.conform.bodies import CONTEXT, DIALED, OUR_NUMBER, PROJECT, TOKEN
from relay_anyio.conform.catalogue import CATALOGUE
from relay_anyio.conform.checks import Check
from relay_anyio.conform.running import Result, run_checks
from relay_anyio.conform.stage import Accept, Client
from relay_proto.testing.tap import Tap
from relay_proto.wire.short_path import text_frame

Frame = dict[str, Any]

NO_MASK = 0


class InProcess:
    """A client as a task. It "ends" when its task does."""

    timing = Timing()
    contexts: Sequence[str] = (CONTEXT,)

    def __init__(self, accept: Accept, ended: Callable[[], None], tasks: TaskGroup) -> None:
        self.code: int | None = None
        self.streams: list[Bent] = []
        self.reads = 0
        """How many times it has read."""
        self.tasks = tasks
        self._accept = accept
        self._ended = ended
        self._stopping = anyio.Event()
        self.client = RelayClient(
            project=PROJECT,
            token=TOKEN,
            host="conform.test",
            contexts=list(self.contexts),
            connector=self._connect,
            timing=self.timing,
            max_connections=1000,
        )
        self.client.on_call(self.take_call)
        self.client.on_message(self.take_text)

    async def _connect(self, host: str, port: int) -> ByteStream:
        link = Link()
        self.tasks.start_soon(self._accept, link.far)
        self.streams.append(Bent(link.near, self))
        return self.streams[-1]

    async def take_call(self, call: Call) -> None:
        """Do what the contract says."""
        await call.answer()
        prompt = await call.play_tts("Please speak.")
        await prompt.wait()
        recording = await call.record()
        await recording.wait()
        await call.hangup()

    async def take_text(self, message: Message) -> None:
        """Do what the contract says."""
        call = await self.client.dial_phone(DIALED, OUR_NUMBER)
        await call.hangup()

    async def run(self) -> None:
        """Serve until the end, as a command does."""
        try:
            await self.client.connect(retry=True)
            await self._stopping.wait()
            await self.client.disconnect()
        except RelayError:
            self.end(1)
        else:
            self.end(0)

    def end(self, code: int) -> None:
        """End as a process does."""
        self.code = code
        self._ended()

    def terminate(self) -> None:
        """Stop, as at SIGTERM."""
        self._stopping.set()

    def last_words(self) -> Sequence[str]:
        """What it says at its end."""
        return ("last words",)

    # What is bent

    def outgoing(self, frame: Frame) -> Iterable[Frame]:
        """Return what leaves in place of a frame of the client."""
        return (frame,)

    def incoming(self, frame: Frame) -> bool:
        """Return whether the client learns of a frame of the service."""
        return True

    def opened(self) -> None:
        """The service has accepted a WebSocket."""


class Bent(ByteStream):
    """The stream of a client: all frames pass the client's `outgoing` and `incoming`."""

    def __init__(self, stream: ByteStream, owner: InProcess) -> None:
        self.stream = stream
        self._owner = owner
        self._sent, self._read = Tap(), Tap()

    async def send(self, item: bytes) -> None:
        data = b""
        for frame, raw in self._sent.split(item):
            value = as_frame(frame.text)
            if value is None:
                data += raw
            else:
                bent = self._owner.outgoing(value)
                data += b"".join(text_frame(json.dumps(one).encode(), NO_MASK) for one in bent)
        if data:
            await self.stream.send(data)

    async def receive(self, max_bytes: int = 65_536) -> bytes:
        while True:
            data = b""
            read = await self.stream.receive(max_bytes)
            self._owner.reads += 1
            for frame, raw in self._read.split(read):
                if frame.method == "(upgrade)":
                    self._owner.opened()
                value = as_frame(frame.text)
                if value is None or self._owner.incoming(value):
                    data += raw
            if data:
                return data

    async def send_eof(self) -> None:
        await self.stream.send_eof()

    async def aclose(self) -> None:
        await self.stream.aclose()


def as_frame(text: bytes) -> Frame | None:
    """A frame of the text, or None if it is none."""
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return cast("Frame", value) if isinstance(value, dict) else {"value": value}


Make = Callable[[Accept, Callable[[], None], TaskGroup], InProcess]


@asynccontextmanager
async def started(make: Make, accept: Accept, ended: Callable[[], None]) -> AsyncGenerator[Client]:
    """Run a client in this process."""
    async with anyio.create_task_group() as tasks:
        client = make(accept, ended, tasks)
        tasks.start_soon(client.run)
        try:
            yield client
        finally:
            with anyio.CancelScope(shield=True):
                await client.client.disconnect()
            tasks.cancel_scope.cancel()


def results_of(
    make: Make = InProcess,
    checks: Sequence[Check] = CATALOGUE,
    *,
    backend: str = "asyncio",
    at_once: int = 100,
    warned: Callable[[str], object] = lambda _words: None,
) -> list[Result]:
    """Take clients of a kind through checks."""
    start = partial(started, make)
    work = partial(run_checks, checks, start, at_once=at_once, warned=warned)
    return run_in_virtual_time(work, backend)
