"""One long session of either client: the vendor's and ours say and hear the same in it.

Beside ``test_interop.py``: here one program serves it all, the connection is lost in
the middle of a call, and the known differences are named.

The vendor's package is used as it comes: only its environment variables say where
to connect and what to trust. It is asyncio's alone, and leaves traces in a
process, so each client runs in one of its own. ``pytest -s`` shows what was said.

Where the clients differ, they do so for a reason that ``docs/migrating.md`` gives;
the script keeps clear of that, except in the last test.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

import anyio
import pytest
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
    What,
    Who,
)
from tests.adapters.support import PROJECT, TOKEN, Certificates, World, open_world
from tests.interop.script import BUSY, DESK, HUMAN, IVR, OURS, SHORT, SILENT, STUDIO

VENDOR: Final = "signalwire.relay"
OUR_OWN: Final = "relay_anyio"
SCRIPT: Final = Path(__file__).with_name("script.py")
CALLER: Final = "+15550001111"
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

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("signalwire") is None,
    reason="the vendor's client is not installed: pip install 'relay-proto[interop]'",
)


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

    async def learned(self, words: str, times: int = 1) -> None:
        """Wait until the program has printed a line that begins so."""
        while sum(line.startswith(words) for line in self.conversation.lines) < times:
            await self._more.wait()

    def call(self, to: str, *script: Hear | Press | Say | Wait | HangUp) -> None:
        caller = Caller(CALLER, script, patience=60.0)
        self.world.simulator.command(self.world.exchange.place_call, caller, to=to)

    def text(self, body: str) -> None:
        text = TextMessage(from_number=CALLER, to_number=OURS, body=body)
        self.world.simulator.command(self.world.exchange.receive_text, text)


async def converse(module: str, certificates: Certificates) -> Conversation:
    """Let a client go through all of it."""
    conversation = Conversation()
    async with running(module, certificates, conversation) as program:
        world = program.world
        await world.until(What.SESSION_STARTED)

        program.call(IVR, Hear("press 1"), Press("1"))
        await program.learned("over")

        program.call(DESK, Wait(0.3), Press("12#"))
        await program.learned("over", 2)

        program.call(STUDIO, Say("Hello?"), Hear("please speak"), Say("I am here."))
        await program.learned("over", 3)

        program.text(f"dial {HUMAN} 20")
        await program.learned("over", 4)
        program.text(f"dial {SILENT} {SHORT}")
        await program.learned(f"nobody {SILENT}")
        program.text(f"dial {BUSY} 20")
        await program.learned(f"nobody {BUSY}")
        program.text(f"text {HUMAN}")
        await program.learned("text delivered")

        program.call(IVR, Hear("press 1"), Wait(1.0), Press("2"))
        await program.learned("asked", 2)
        world.cut()
        await world.until(What.SESSION_RESUMED)
        await program.learned("over", 5)

        program.text(f"impatiently {SILENT}")
        await program.learned(f"nobody {SILENT}", 2)
        program.process.send_signal(signal.SIGINT)
        conversation.exit_code = await program.process.wait()
    conversation.happened = world.happened
    return conversation


@asynccontextmanager
async def running(
    module: str, certificates: Certificates, conversation: Conversation
) -> AsyncGenerator[Program]:
    lines = (
        Line(HUMAN, Answers(after=0.1)),
        Line(BUSY, Busy()),
        Line(SILENT, NoAnswer()),
    )
    numbers = dict.fromkeys((IVR, DESK, STUDIO, OURS), "office")
    with anyio.fail_after(PATIENCE):
        async with (
            open_world(certificates, timing=TIMING, lines=lines, numbers=numbers) as world,
            await anyio.open_process(
                [sys.executable, str(SCRIPT), module],
                stdin=subprocess.DEVNULL,
                env=environment(world, certificates),
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
        "PYTHONPATH": str(SCRIPT.parents[2]),
        "SIGNALWIRE_SPACE": world.host,
        "SIGNALWIRE_RELAY_CA_FILE": str(certificates.ca_file),
        "SIGNALWIRE_PROJECT_ID": PROJECT,
        "SIGNALWIRE_API_TOKEN": TOKEN,
    }


@pytest.fixture(scope="module")
def conversations(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Conversation]:
    """What both clients have said, each in a world of its own."""
    certificates = Certificates(tmp_path_factory.mktemp("certificates"))
    found: dict[str, Conversation] = {}
    for module in (VENDOR, OUR_OWN):
        found[module] = anyio.run(partial(converse, module, certificates))
        found[module].show(module)
    return found


def test_both_clients_end_well(conversations: Mapping[str, Conversation]) -> None:
    for conversation in conversations.values():
        assert conversation.exit_code == 0
        assert conversation.lines[-1] == "stopped"


def test_both_clients_learn_the_same(conversations: Mapping[str, Conversation]) -> None:
    vendor, ours = conversations[VENDOR], conversations[OUR_OWN]
    assert vendor.lines == ours.lines
    assert "bridge connected" in ours.lines
    assert "detected HUMAN" in ours.lines
    assert "recorded finished True" in ours.lines


def test_both_clients_have_the_same_calls(conversations: Mapping[str, Conversation]) -> None:
    vendor, ours = conversations[VENDOR], conversations[OUR_OWN]
    assert vendor.calls[:-1] == ours.calls[:-1]
    assert len(vendor.calls) == len(ours.calls)


def test_both_clients_come_go_and_text_alike(conversations: Mapping[str, Conversation]) -> None:
    vendor, ours = conversations[VENDOR], conversations[OUR_OWN]
    assert before_the_last_text(vendor) == before_the_last_text(ours)
    whats = [what for _, what, _ in ours.rest]
    assert whats.count(What.SESSION_RESUMED.value) == 1


def before_the_last_text(conversation: Conversation) -> list[Fact]:
    """What concerns no call, up to the text about the dial in which the clients differ."""
    facts = conversation.rest
    texts = [i for i, (_, what, _) in enumerate(facts) if what == What.SENT_TEXT.value]
    return facts[: texts[-1]]


def test_neither_client_breaks_the_protocol(conversations: Mapping[str, Conversation]) -> None:
    for conversation in conversations.values():
        assert not [h for h in conversation.happened if h.what is What.VIOLATED]
        assert not [h for h in conversation.happened if h.what is What.REFUSED]


def test_only_ours_ends_the_leg_of_a_dial_that_timed_out(
    conversations: Mapping[str, Conversation],
) -> None:
    # docs/migrating.md: "its legs go on ringing, and cost money".
    def ended_by_program(conversation: Conversation) -> bool:
        return any(
            (who, what) == (Who.PROGRAM.value, What.ENDED.value)
            for who, what, _ in conversation.calls[-1]
        )

    assert not ended_by_program(conversations[VENDOR])
    assert ended_by_program(conversations[OUR_OWN])
