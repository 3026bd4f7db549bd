"""``relay demo``: a caller goes through the IVR of the examples.

Three processes, as in production: the service (here the simulator), the program
that answers, and this one, which only watches and says whether the conversation
was the one expected.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import anyio
from anyio.abc import Process
from anyio.streams.text import TextReceiveStream
from rich.console import Console

from relay_proto.config import ENV_RECORD

TIMEOUT: Final = 60.0
"""Seconds for all of it."""
GOODBYE: Final = 10.0
"""Seconds for a process to end when asked to."""

EXPECTED: Final = (
    ("caller", "called", ""),
    ("program", "answered", ""),
    ("program", "played", "Press 1 for sales"),
    ("caller", "pressed", "1"),
    ("program", "collected", "1"),
    ("program", "played", "You have chosen sales"),
    ("program", "ended", "hangup"),
)
"""Who does what, and a word of it, in this order; other things may happen between."""

COLORS: Final = {"caller": "cyan", "program": "green", "exchange": "bright_black"}


def run(program: Path, *, cut: bool = False, record: Path | None = None) -> int:
    """Let a caller go through `program`; return 0 if the expected conversation took place."""
    options = ["--cut"] if cut else []
    variables = {} if record is None else {ENV_RECORD: str(record.absolute())}
    return anyio.run(_run, program, options, variables)


def example(name: str) -> Path:
    """A program of the examples: in the checkout, or as the wheel ships it."""
    packaged = Path(__file__).parent / "_examples" / f"{name}.py"
    checkout = Path(__file__).parent.parent / "examples" / f"{name}.py"
    return packaged if packaged.exists() else checkout


async def _run(path: Path, options: Sequence[str], variables: Mapping[str, str]) -> int:
    console = Console(highlight=False)
    with tempfile.TemporaryDirectory(prefix="relay-demo-") as state:
        try:
            with anyio.fail_after(TIMEOUT):
                return await _watch(console, Path(state), path, options, variables)
        except TimeoutError:
            console.print(f"[red]The conversation did not end within {TIMEOUT:g} s.[/red]")
            return 1


async def _watch(
    console: Console,
    state: Path,
    path: Path,
    more: Sequence[str],
    variables: Mapping[str, str],
) -> int:
    options = ["--port", "0", "--json", "--calls", "1", "--press", "1", "--state", str(state)]
    async with AsyncExitStack() as stack:
        console.print("Starting the simulator …")
        simulator = await _start(
            stack, ["-m", "relay_anyio", "sim", *options, *more], subprocess.PIPE
        )
        events = _events(simulator)
        there = (await anext(events))["ready"]
        console.print(f"It listens at {there['SIGNALWIRE_SPACE']}. Starting {path} …\n")
        program = await _start(stack, [str(path)], None, {**os.environ, **there, **variables})
        missing = await _follow(console, events)
        code = await _stop(program)
        console.print()
        if missing:
            who, what, detail = missing[0]
            console.print(f"[red]This never happened: {who}: {what} {detail}[/red]")
            return 1
        if code != 0:
            console.print(f"[red]The program ended with exit code {code}.[/red]")
            return 1
        console.print("[bold green]The caller got through.[/bold green] This was all of it:")
        console.print(f"  {path}", markup=False, soft_wrap=True)
        return 0


async def _follow(
    console: Console, events: AsyncIterator[Mapping[str, Any]]
) -> list[tuple[str, str, str]]:
    """Print the conversation; return what of the expected one did not happen."""
    expected = list(EXPECTED)
    started: float | None = None
    async for event in events:
        if started is None:
            started = event["at"]
        line = f"{event['at'] - started:7.2f}  {event['text']}"
        console.print(line, style=COLORS[event["who"]], soft_wrap=True, markup=False)
        if expected and _matches(expected[0], event):
            del expected[0]
        if event["what"] == "ended":
            break
    return expected


def _matches(expected: tuple[str, str, str], event: Mapping[str, Any]) -> bool:
    who, what, detail = expected
    return (event["who"], event["what"]) == (who, what) and detail in event["text"]


async def _start(
    stack: AsyncExitStack,
    arguments: list[str],
    stdout: int | None,
    environment: Mapping[str, str] | None = None,
) -> Process:
    process = await anyio.open_process(
        [sys.executable, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=None,
        env=environment,
    )
    stack.push_async_callback(_stop, process)
    return process


async def _stop(process: Process) -> int:
    """Ask a process to end, then make it; return its exit code."""
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
    with anyio.move_on_after(GOODBYE, shield=True) as patience:
        await process.wait()
    if patience.cancelled_caught:
        process.kill()
    with anyio.CancelScope(shield=True):
        await process.wait()
    assert process.returncode is not None, "it has ended"
    return process.returncode


async def _events(simulator: Process) -> AsyncIterator[Mapping[str, Any]]:
    assert simulator.stdout is not None, "its output is a pipe"
    rest = ""
    async for text in TextReceiveStream(simulator.stdout):
        *lines, rest = (rest + text).split("\n")
        for line in lines:
            yield json.loads(line)
