"""Every complete program of the documentation runs, against the simulator.

A program is a file of ``examples/``, or a block of Python in the documentation that
runs a client. Whoever is connected is called, as ``relay sim`` calls: the program
has to answer and to hang up, and to end when it is asked to.
"""

from __future__ import annotations

import ast
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).parents[2]
PATIENCE: Final = 60.0
BLOCK: Final = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
EXPECTED: Final = (
    ("caller", "called"),
    ("program", "answered"),
    ("program", "played"),
    ("caller", "pressed"),
    ("program", "collected"),
    ("program", "ended"),
)
"""What happens on a call, in this order; other things may happen between."""


def documents() -> list[Path]:
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks() -> dict[str, str]:
    """Every block of Python in the documentation, by document and number."""
    return {
        f"{path.name}-{number}": code
        for path in documents()
        for number, code in enumerate(BLOCK.findall(path.read_text(encoding="utf-8")), 1)
    }


def programs() -> dict[str, str]:
    """What is a program: it makes a client, and runs it."""
    examples = {
        f"examples/{path.name}": path.read_text(encoding="utf-8")
        for path in sorted((ROOT / "examples").glob("*.py"))
    }
    complete = {name: code for name, code in blocks().items() if is_program(code)}
    return examples | complete


def is_program(code: str) -> bool:
    return "RelayClient(" in code and "run(" in code


@pytest.mark.parametrize("name", blocks())
def test_every_block_of_python_is_python_and_imports_what_there_is(name: str) -> None:
    code = blocks()[name]
    for node in ast.parse(code).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("relay_"):
            exec(compile(ast.Module([node], []), name, "exec"), {})


def test_the_readme_and_the_examples_have_programs() -> None:
    assert any(name.startswith("README.md") for name in programs())
    assert any(name.startswith("examples/") for name in programs())


@pytest.mark.parametrize("name", programs())
def test_a_program_serves_a_call_and_ends_when_asked(name: str, tmp_path: Path) -> None:
    path = tmp_path / "program.py"
    path.write_text(programs()[name], encoding="utf-8")
    options = ["--port", "0", "--json", "--calls", "1", "--press", "1", "--state", str(tmp_path)]
    with start(["-m", "relay_anyio", "sim", *options], environment({})) as simulator:
        events = told(simulator)
        variables = next(events)["ready"]
        with start([str(path)], environment(variables)) as program:
            assert missing(events) == []
            program.send_signal(signal.SIGTERM)
            said, _ = program.communicate(timeout=PATIENCE)
            assert program.returncode == 0, said
        simulator.send_signal(signal.SIGTERM)
        simulator.communicate(timeout=PATIENCE)


def missing(events: Iterator[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """What of the expected call did not happen before it ended."""
    expected = list(EXPECTED)
    for event in events:
        if expected and (event["who"], event["what"]) == expected[0]:
            del expected[0]
        if event["what"] == "ended":
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


def environment(variables: Mapping[str, str]) -> Mapping[str, str]:
    """Nothing of this machine's own account, and the checkout's packages."""
    own = ("SIGNALWIRE_", "RELAY_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    return {**kept, "PYTHONPATH": str(ROOT), **variables}
