"""What the interop tests share: a program in a process of its own, and its exchange."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

import anyio
from anyio.abc import Process
from anyio.streams.text import TextReceiveStream

from relay_proto.exchange import (
    Answers,
    Busy,
    Caller,
    ExchangeTiming,
    HangUp,
    Happened,
    Hear,
    Line,
    NoAnswer,
    Press,
    Say,
    TextMessage,
    Wait,
)
from tests.adapters.support import PROJECT, TOKEN, Certificates, World, open_world
from tests.interop.script import BUSY, DESK, HUMAN, IVR, OURS, SILENT, STUDIO

ROOT: Final = Path(__file__).parents[2]
CALLER: Final = "+15550001111"
FRIEND: Final = "+15550003004"
"""Somebody who answers, and soon hangs up."""
PATIENCE: Final = 90.0

TIMING: Final = ExchangeTiming(
    ring_delay=0.05,
    reaction=0.05,
    character=0.005,
    digit=0.02,
    text_step=0.1,
    detection=0.1,
    storing=0.1,
)
"""Quick, but with time for an answer to arrive before the events that follow it."""

IDS: Final = frozenset({"session", "text_id", "conference_id"})

Fact: TypeAlias = tuple[str, str, tuple[tuple[str, str], ...]]


@dataclass
class Conversation:
    """All that happened at the exchange, and all that the program learned."""

    happened: list[Happened] = field(default_factory=list[Happened])
    lines: list[str] = field(default_factory=list[str])
    errors: str = ""
    exit_code: int | None = None

    @property
    def calls(self) -> list[list[Fact]]:
        """By call, in the order in which the calls began; without ids and times."""
        found: dict[str, list[Fact]] = {}
        for happened in self.happened:
            if happened.call_id:
                found.setdefault(happened.call_id, []).append(fact(happened))
        return list(found.values())

    @property
    def rest(self) -> list[Fact]:
        """What concerns no call: sessions and texts."""
        return [fact(happened) for happened in self.happened if not happened.call_id]

    def show(self, module: str) -> None:
        print(f"\n=== {module}: at the exchange")
        for happened in self.happened:
            print(f"    {happened.text}")
        print(f"=== {module}: in the program")
        for line in self.lines:
            print(f"    {line}")


def fact(happened: Happened) -> Fact:
    details = sorted((key, value) for key, value in happened.details.items() if key not in IDS)
    return happened.who.value, happened.what.value, tuple(details)


class Program:
    """The script in a process of its own, and the exchange that it talks to."""

    def __init__(self, world: World, process: Process, conversation: Conversation) -> None:
        self.world = world
        self.process = process
        self.conversation = conversation
        self._more = anyio.Event()

    async def read(self) -> None:
        assert self.process.stdout is not None
        rest = ""
        async for text in TextReceiveStream(self.process.stdout):
            *lines, rest = (rest + text).split("\n")
            self.conversation.lines += [line[2:] for line in lines if line.startswith("> ")]
            self._more.set()
            self._more = anyio.Event()

    async def read_errors(self) -> None:
        assert self.process.stderr is not None
        async for text in TextReceiveStream(self.process.stderr):
            self.conversation.errors += text

    async def more(self) -> None:
        """Wait until the program prints more."""
        await self._more.wait()

    async def learned(self, words: str, times: int = 1) -> None:
        """Wait until the program has printed a line that begins so."""
        while sum(line.startswith(words) for line in self.conversation.lines) < times:
            await self.more()

    def call(self, to: str, *script: Hear | Press | Say | Wait | HangUp) -> None:
        caller = Caller(CALLER, script, patience=60.0)
        self.world.simulator.command(self.world.exchange.place_call, caller, to=to)

    def text(self, body: str) -> None:
        text = TextMessage(from_number=CALLER, to_number=OURS, body=body)
        self.world.simulator.command(self.world.exchange.receive_text, text)


@asynccontextmanager
async def running(
    command: Sequence[str],
    certificates: Certificates,
    conversation: Conversation,
    *,
    variables: Mapping[str, str] | None = None,
    patience: float = PATIENCE,
    texts: str = "office",
) -> AsyncGenerator[Program]:
    """Run a program that serves the numbers, against an exchange of its own."""
    lines = (
        Line(HUMAN, Answers(after=0.1)),
        Line(BUSY, Busy()),
        Line(SILENT, NoAnswer()),
        Line(FRIEND, Answers(after=0.1, script=(Wait(0.5), HangUp()))),
    )
    numbers = dict.fromkeys((IVR, DESK, STUDIO), "office") | {OURS: texts}
    with anyio.fail_after(patience):
        async with (
            open_world(certificates, timing=TIMING, lines=lines, numbers=numbers) as world,
            await anyio.open_process(
                command,
                stdin=subprocess.DEVNULL,
                env={**environment(world, certificates), **(variables or {})},
            ) as process,
        ):
            program = Program(world, process, conversation)
            try:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(program.read)
                    tasks.start_soon(program.read_errors)
                    yield program
            finally:
                if process.returncode is None:
                    process.kill()
                    print(conversation.lines, conversation.errors, file=sys.stderr)


def environment(world: World, certificates: Certificates) -> Mapping[str, str]:
    """What points any RELAY client at the simulator, and nothing of this machine's own."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SIGNALWIRE_", "RELAY_")) and "proxy" not in name.lower()
    }
    return kept | {
        "PYTHONPATH": str(ROOT),
        "SIGNALWIRE_SPACE": world.host,
        "SIGNALWIRE_RELAY_CA_FILE": str(certificates.ca_file),
        "SIGNALWIRE_PROJECT_ID": PROJECT,
        "SIGNALWIRE_API_TOKEN": TOKEN,
    }
