"""Every complete program of the documentation runs, against the simulator.

A program is a file of ``examples/``, or a block of Python in the documentation that
runs a client. Whoever is connected is called, as ``relay sim`` calls: the program
has to answer and to hang up, and to end when it is asked to. Examples that call out,
or send texts, do that and say how it went.
"""

from __future__ import annotations

import ast
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest

from tests import pages

ROOT: Final = Path(__file__).parents[2]
PATIENCE: Final = 60.0
Expected: TypeAlias = tuple[tuple[str, str], ...]
"""What happens on a call, in this order; other things may happen between."""

A_MENU: Final[Expected] = (
    ("caller", "called"),
    ("program", "answered"),
    ("program", "played"),
    ("caller", "pressed"),
    ("program", "collected"),
    ("program", "ended"),
)
A_GREETING: Final[Expected] = (
    ("caller", "called"),
    ("program", "answered"),
    ("program", "played"),
    ("program", "play ended"),
    ("program", "ended"),
)
INBOUND: Final = ("answer", "answer_sync", "ivr", "ivr_sync")
"""The examples that answer calls, apart from the recipes: tests/recipes runs those."""
SAME: Final = ("answer", "ivr", "dial_and_play", "send_text", "answering_machine")
"""Examples that there are with and without ``await``."""
CALLED: Final[Mapping[str, Expected]] = {
    **dict.fromkeys(("examples/answer.py", "examples/answer_sync.py"), A_GREETING),
    # Not by its number, which changes with the page.
    **{name: A_GREETING for name, code in pages.programs().items() if "Good morning" in code},
}
"""What happens on the calls of the programs that are no menus."""
TO, FROM = "+15550003000", "+15550002222"
OUTBOUND: Final[Mapping[str, str]] = {
    "dial_and_play": f"{TO} heard the whole text",
    "dial_and_play_sync": f"{TO} heard the whole text",
    "answering_machine": "human: heard the whole text",
    "answering_machine_sync": "human: heard the whole text",
    "send_text": "delivered",
    "send_text_sync": "delivered",
}
"""What the programs that call out say in the end."""


def programs() -> dict[str, str]:
    """What is a program: it makes a client, and runs it."""
    examples = {
        f"examples/{name}.py": (ROOT / "examples" / f"{name}.py").read_text(encoding="utf-8")
        for name in INBOUND
    }
    complete = {name: code for name, code in pages.programs().items() if pages.is_program(code)}
    return examples | complete


@pytest.mark.parametrize("name", pages.programs())
def test_every_block_of_python_is_python_and_imports_what_there_is(name: str) -> None:
    code = pages.programs()[name]
    for node in ast.parse(code).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("relay_"):
            exec(compile(ast.Module([node], []), name, "exec"), {})


@pytest.mark.parametrize("name", pages.programs())
def test_no_program_runs_its_client_when_a_test_imports_it(name: str) -> None:
    for node in ast.parse(pages.programs()[name]).body:
        if isinstance(node, ast.Expr):
            assert "client.run(" not in ast.unparse(node)


def test_the_readme_and_the_examples_have_programs() -> None:
    assert any(name.startswith("README.md") for name in programs())
    assert any(name.startswith("examples/") for name in programs())


def test_the_examples_are_there_in_both_styles() -> None:
    for name in SAME:
        awaited, blocking = (ROOT / "examples" / f"{name}{end}.py" for end in ("", "_sync"))
        assert "relay_anyio" in awaited.read_text(encoding="utf-8")
        assert "relay_sync" in blocking.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", programs())
def test_a_program_serves_a_call_and_ends_when_asked(name: str, tmp_path: Path) -> None:
    path = tmp_path / "program.py"
    path.write_text(programs()[name], encoding="utf-8")
    with (
        simulator(tmp_path) as (events, variables),
        start([str(path)], environment(variables)) as program,
    ):
        assert missing(events, CALLED.get(name, A_MENU)) == []
        # A loop without `run` has no signals to obey: Ctrl+C ends it.
        number = signal.SIGTERM if "run(" in programs()[name] else signal.SIGINT
        program.send_signal(number)
        said, _ = program.communicate(timeout=PATIENCE)
        if number == signal.SIGTERM:
            assert program.returncode == 0, said
        else:
            assert said.rstrip().endswith("KeyboardInterrupt")


@pytest.mark.parametrize("name", OUTBOUND)
def test_a_program_that_calls_out_says_how_it_went(name: str, tmp_path: Path) -> None:
    path = ROOT / "examples" / f"{name}.py"
    with simulator(tmp_path, "--context", "office") as (_, variables):  # nobody calls them
        said = subprocess.run(
            [sys.executable, str(path), TO, FROM, "Hello."],
            env=environment(variables),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=True,
        )
    assert said.stdout == OUTBOUND[name] + "\n"
    assert said.stderr == ""


def test_the_simulator_takes_jwts_that_expire(tmp_path: Path) -> None:
    code = """
import time
from relay_anyio import RelayClient
from relay_proto.exchange import make_jwt

RelayClient(jwt_token=lambda: make_jwt("a-secret", expires_at=time.time() + 1.0)).run()
"""
    wanted = [("program", "session started"), ("exchange", "JWT expired")]
    wanted.append(("program", "session resumed"))
    with simulator(tmp_path, "--jwt-secret", "a-secret") as (events, variables):
        without = environment(variables) | {"SIGNALWIRE_API_TOKEN": ""}
        with start(["-c", code], without) as program:
            assert missing(events, tuple(wanted)) == []
            program.send_signal(signal.SIGTERM)
            program.communicate(timeout=PATIENCE)
            assert program.returncode == 0


@contextmanager
def simulator(
    state: Path, *more: str
) -> Generator[tuple[Iterator[Mapping[str, Any]], Mapping[str, str]]]:
    """What happens at a simulator that calls once, and the variables that lead to it."""
    options = ["--port", "0", "--json", "--calls", "1", "--press", "1", "--state", str(state)]
    options += more
    with start(["-m", "relay_anyio", "sim", *options], environment({})) as process:
        events = told(process)
        yield events, next(events)["ready"]
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE)


def missing(events: Iterator[Mapping[str, Any]], wanted: Expected) -> list[tuple[str, str]]:
    """What of that did not happen before the call ended."""
    expected = list(wanted)
    for event in events:
        if (event["who"], event["what"]) == expected[0]:
            del expected[0]
        if (event["who"], event["what"]) == ("program", "ended") or not expected:
            break
    return expected


def told(simulator: subprocess.Popen[str]) -> Iterator[Mapping[str, Any]]:
    assert simulator.stdout is not None
    for line in simulator.stdout:
        yield json.loads(line)


@contextmanager
def start(arguments: list[str], variables: Mapping[str, str]) -> Generator[subprocess.Popen[str]]:
    """A process that outlives neither its block nor the patience of these tests."""
    with subprocess.Popen(
        [sys.executable, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if len(arguments) == 1 else None,
        text=True,
        env=variables,
        cwd=ROOT,
    ) as process:
        watchdog = threading.Timer(PATIENCE, process.kill)
        watchdog.start()
        try:
            yield process
        finally:
            watchdog.cancel()
            process.kill()


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Nothing of this machine's own account, and the checkout's packages."""
    own = ("SIGNALWIRE_", "RELAY_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    return {**kept, "PYTHONPATH": str(ROOT), **variables}
