"""``python -m tests.conform.everybody``: five clients, one catalogue, one table.

`scripts/conform` installs what they need, and calls this.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import anyio

from relay_anyio.conform.catalogue import CATALOGUE
from relay_anyio.conform.checks import Level
from relay_anyio.conform.processes import process_starter
from relay_anyio.conform.running import Result, Verdict, run_checks
from relay_anyio.simulator.certificates import Authority

ROOT: Final = Path(__file__).parents[2]
CLIENTS: Final = ROOT / "examples" / "conformance"
PAGE: Final = ROOT / "docs" / "conformance.md"
BEGIN: Final = "<!-- table: written by scripts/conform --write -->"
END: Final = "<!-- end of the table -->"
AT_ONCE: Final = 6
"""Clients of each kind that run at the same time."""

PYTHON: Final = sys.executable
ASYNCIO: Final = str(CLIENTS / "asyncio_client.py")
OURS: Final[Mapping[str, Sequence[str]]] = {
    "`relay_anyio`, asyncio": (PYTHON, ASYNCIO),
    "`relay_anyio`, trio": (PYTHON, ASYNCIO, "trio"),
    "`relay_sync`": (PYTHON, str(CLIENTS / "threads_client.py")),
}
THEIRS: Final[Mapping[str, Sequence[str]]] = {
    "`signalwire-sdk` 3.7.5": (PYTHON, str(CLIENTS / "signalwire_client.py")),
    "`realtime-api` 4.2.1": (shutil.which("node") or "node", str(CLIENTS / "realtime_4.js")),
}
SHOWN: Final = {Verdict.HOLDS: "yes", Verdict.NOT_TRIED: "not tried"}


async def run_everybody() -> Mapping[str, Sequence[Result]]:
    """Take all clients through the catalogue, side by side."""
    found: dict[str, Sequence[Result]] = {}
    with TemporaryDirectory() as directory:
        authority = Authority(Path(directory))

        async def run(name: str, command: Sequence[str]) -> None:
            start = process_starter(command, authority)
            found[name] = await run_checks(CATALOGUE, start, at_once=AT_ONCE)
            print(f"{name}: done", flush=True)

        async with anyio.create_task_group() as tasks:
            for name, command in ({**OURS, **THEIRS}).items():
                tasks.start_soon(run, name, command)
    return {name: found[name] for name in (*OURS, *THEIRS)}


def table(found: Mapping[str, Sequence[Result]]) -> str:
    """The table of the page: a row for each check, a column for each client."""
    rows = [["check", "level", *found], ["---"] * (len(found) + 2)]
    for number, check in enumerate(CATALOGUE):
        verdicts = [results[number].verdict for results in found.values()]
        shown = [SHOWN.get(verdict, f"**{verdict.value}**") for verdict in verdicts]
        rows.append([f"`{check.name}`", check.level.value, *shown])
    for level in Level:
        of_level = [n for n, check in enumerate(CATALOGUE) if check.level is level]
        holds = [
            sum(results[number].verdict is Verdict.HOLDS for number in of_level)
            for results in found.values()
        ]
        sums = [f"{count} of {len(of_level)}" for count in holds]
        rows.append([f"all: {level.value}", "", *sums])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def write(text: str) -> None:
    """Put the table into the page."""
    page = PAGE.read_text("utf-8")
    pattern = re.compile(f"(?<={re.escape(BEGIN)}\n\n).*(?=\n{re.escape(END)})", re.DOTALL)
    PAGE.write_text(pattern.sub(lambda _: text, page), encoding="utf-8")


def main() -> int:
    """Run them, print what is wrong and the table; 1 if one of ours does not hold a check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the table into the page")
    options = parser.parse_args()
    found = anyio.run(run_everybody)
    for name, results in found.items():
        for result in results:
            if result.verdict is not Verdict.HOLDS:
                print(f"{name}: {result.check.name} {result.verdict.value}: {result.seen}")
                if name in OURS:
                    print(*(f"    {line}" for line in result.output), sep="\n")
    text = table(found)
    print(text)
    if options.write:
        write(text)
    ours = [result for name in OURS for result in found[name]]
    return int(any(result.verdict is not Verdict.HOLDS for result in ours))


if __name__ == "__main__":
    raise SystemExit(main())
