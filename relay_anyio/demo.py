"""``relay demo``: a simulated caller goes through the example IVR.

There are three processes. The simulator takes the place of the service. The example
answers the call. This process starts both, prints the conversation, and checks that
it went as expected.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractContextManager, AsyncExitStack
from pathlib import Path
from typing import Any, Final

import anyio
from anyio import CancelScope
from anyio.abc import Process
from anyio.streams.text import TextReceiveStream
from rich.console import Console

from relay_proto.adapter.private_files import open_private
from relay_proto.config import ENV_JWT, ENV_RECORD
from relay_proto.display import one_line

from ._output import OUTPUT, CommandError, temporary_directory

TIMEOUT: Final = 60.0
"""Seconds for the whole demo."""
EXIT_TIMEOUT: Final = 10.0
"""Seconds that a process has to exit after SIGTERM."""

EXPECTED: Final = (
    ("caller", "called", ""),
    ("program", "answered", ""),
    ("program", "played", "Press 1 for sales"),
    ("caller", "pressed", "1"),
    ("program", "collected", "1"),
    ("program", "played", "You have chosen sales"),
    ("program", "ended", "hangup"),
)
"""The expected steps, in order: who, what, and a part of the printed text.

Other things may happen between two steps.
"""

ENDED: Final = 143
"""The exit code after SIGTERM, as the shell gives it."""
LEADS_AWAY: Final = frozenset(
    {ENV_JWT, "WSS_PROXY", "SOCKS_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"}
)

COLORS: Final = {"caller": "cyan", "program": "green", "exchange": "bright_black"}


def run(program: Path, *, cut: bool = False, record: Path | None = None) -> int:
    """Run `program` with a simulated caller; return 0 if all expected steps happened."""
    options = ["--cut"] if cut else []
    variables = {} if record is None else {ENV_RECORD: _writable(record.absolute())}
    return anyio.run(_run, program, options, variables)


def _writable(path: Path) -> str:
    """Return the name of a file that can be written to.

    Raises:
        OSError: it cannot, so there would be no recording.
    """
    os.close(open_private(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND))
    return str(path)


def example(name: str) -> Path:
    """Return the path of an example, in the wheel or in a checkout."""
    packaged = Path(__file__).parent / "_examples" / f"{name}.py"
    checkout = Path(__file__).parent.parent / "examples" / f"{name}.py"
    return packaged if packaged.exists() else checkout


async def _run(path: Path, options: Sequence[str], variables: Mapping[str, str]) -> int:
    console = Console(file=OUTPUT, highlight=False)
    code = ENDED
    with temporary_directory("relay-demo-") as state, _signals() as signals:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_cancel_on_signal, signals, tasks.cancel_scope)
            try:
                with anyio.fail_after(TIMEOUT):
                    code = await _watch(console, Path(state), path, options, variables)
            except TimeoutError:
                console.print(f"[red]The conversation did not end within {TIMEOUT:g} s.[/red]")
                code = 1
            tasks.cancel_scope.cancel()
    return code


def _signals() -> AbstractContextManager[AsyncIterator[signal.Signals]]:
    return anyio.open_signal_receiver(signal.SIGTERM)


async def _cancel_on_signal(signals: AsyncIterator[signal.Signals], scope: CancelScope) -> None:
    """Stop in order: the processes that were started must not stay behind."""
    await anext(signals)
    scope.cancel()


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
        ready = await anext(events, None)
        if ready is None:
            code = await _stop(simulator)
            raise CommandError(f"the simulator did not start (exit code {code}): see above")
        settings = ready["ready"]
        space = settings["SIGNALWIRE_SPACE"]
        console.print(f"The simulator listens at {space}. Starting {path} …\n", soft_wrap=True)
        program = await _start(
            stack, [str(path)], None, {**_clean_environment(), **settings, **variables}
        )
        missing = await _follow(console, events)
        code = await _stop(program)
        console.print()
        if missing:
            who, what, detail = missing[0]
            console.print(f"[red]This step did not happen: {who} {what} {detail}[/red]")
            return 1
        if code != 0:
            console.print(f"[red]The program ended with exit code {code}.[/red]")
            return 1
        console.print("[bold green]The call went as expected.[/bold green] The program is:")
        console.print(f"  {path}", markup=False, soft_wrap=True)
        return 0


def _clean_environment() -> dict[str, str]:
    """The environment without what would lead the program to somewhere else."""
    return {name: value for name, value in os.environ.items() if name.upper() not in LEADS_AWAY}


async def _follow(
    console: Console, events: AsyncIterator[Mapping[str, Any]]
) -> list[tuple[str, str, str]]:
    """Print the conversation; return the expected steps that did not happen."""
    expected = list(EXPECTED)
    started: float | None = None
    async for event in events:
        if started is None:
            started = event["at"]
        line = f"{event['at'] - started:7.2f}  {one_line(event['text'])}"
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
        [sys.executable, "-P", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=None,
        env=environment,
    )
    stack.push_async_callback(_stop, process)
    return process


async def _stop(process: Process) -> int:
    """Ask a process to exit, then kill it if it does not; return its exit code."""
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
    with anyio.move_on_after(EXIT_TIMEOUT, shield=True) as scope:
        await process.wait()
    if scope.cancelled_caught:
        process.kill()
    with anyio.CancelScope(shield=True):
        await process.wait()
    assert process.returncode is not None, "the process has exited"
    return process.returncode


async def _events(simulator: Process) -> AsyncIterator[Mapping[str, Any]]:
    assert simulator.stdout is not None, "the simulator's output is a pipe"
    rest = ""
    async for text in TextReceiveStream(simulator.stdout):
        *lines, rest = (rest + text).split("\n")
        for line in lines:
            yield json.loads(line)
