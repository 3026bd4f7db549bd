"""Run all benchmarks: ``python -m benchmarks``.

``benchmarks/run`` makes the environment first. In each round, every client runs in a new
process. The clients take turns, so that other work on the machine affects all of them.
Nothing here passes or fails.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from benchmarks import report

HERE: Final = Path(__file__).resolve().parent
TIMEOUT: Final = 150.0
IMPORTS: Final = 5
IMPORT: Final = """
import sys, time
begin = time.process_time()
__import__(sys.argv[1])
print((time.process_time() - begin) * 1e3)
"""

Figures = dict[str, float]


@dataclass(frozen=True)
class Contender:
    """A client, and how its script is run."""

    name: str
    arguments: tuple[str, ...]
    imports: str = ""

    def command(self, mode: str, host: str, size: str) -> list[str]:
        if self.arguments[0] in ("benchmarks.threads", "benchmarks.hand_over"):
            return [sys.executable, "-m", *self.arguments, mode, host, size]
        return [sys.executable, "-m", "benchmarks.script", *self.arguments, mode, host, size]


CONTENDERS: Final = (
    Contender("vendor", ("signalwire.relay", "asyncio"), "signalwire.relay"),
    Contender("ours, asyncio", ("relay_anyio", "asyncio"), "relay_anyio"),
    Contender("ours, uvloop", ("relay_anyio", "uvloop")),
    Contender("ours, trio", ("relay_anyio", "trio")),
    Contender("ours, threads", ("benchmarks.threads",), "relay_sync"),
    Contender("floor", ("benchmarks.floor", "uvloop")),
    Contender("hand-over, threads", ("benchmarks.hand_over",)),
)


@dataclass
class Results:
    """Every figure of every round, by contender."""

    rounds: dict[str, list[Figures]] = field(default_factory=dict[str, list[Figures]])

    def add(self, name: str, number: int, figures: Figures) -> None:
        rounds = self.rounds.setdefault(name, [])
        while len(rounds) <= number:
            rounds.append({})
        rounds[number] |= figures

    def medians(self) -> dict[str, Figures]:
        found: dict[str, Figures] = {}
        for name, rounds in self.rounds.items():
            keys = dict.fromkeys(key for figures in rounds for key in figures)
            found[name] = {
                key: statistics.median(f[key] for f in rounds if key in f) for key in keys
            }
        return found


@contextmanager
def serving(directory: Path) -> Generator[str]:
    """Run the server, and yield its host and port."""
    command = [sys.executable, "-m", "benchmarks.server", str(directory)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield f"localhost:{int(server.stdout.readline())}"
        finally:
            server.terminate()


def run(command: list[str], environ: dict[str, str]) -> str:
    """Run a process, and return the last line that it prints.

    If it fails, the error has the end of its stderr.
    """
    done = subprocess.run(
        command, env=environ, capture_output=True, text=True, timeout=TIMEOUT, check=False
    )
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        raise RuntimeError(f"{' '.join(command[1:])} failed:\n{done.stderr[-2000:]}")
    return lines[-1]


def measure(names: list[str], rounds: int, size: str) -> Results:
    results = Results()
    contenders = [each for each in CONTENDERS if each.name in names]
    with tempfile.TemporaryDirectory() as directory, serving(Path(directory)) as host:
        environ = {**os.environ, "SIGNALWIRE_RELAY_CA_FILE": f"{directory}/ca.pem"}
        for name in ("SIGNALWIRE_LOG_LEVEL", "PYTHONDONTWRITEBYTECODE"):
            environ.pop(name, None)  # imports must find bytecode, as installed packages do
        for number in range(rounds):
            for contender in contenders:
                take_round(results, contender, number, (host, size), environ)
            take_imports(results, contenders, number, environ)
            alone = run([sys.executable, "-m", "benchmarks.core_alone", size], environ)
            results.add("core alone", number, json.loads(alone))
    return results


def take_imports(
    results: Results, contenders: list[Contender], number: int, environ: dict[str, str]
) -> None:
    """Measure each import several times, in turns, because other work disturbs short runs."""
    taken: dict[str, list[float]] = {one.name: [] for one in contenders if one.imports}
    for _ in range(IMPORTS):
        for contender in contenders:
            if contender.imports:
                said = run([sys.executable, "-c", IMPORT, contender.imports], environ)
                taken[contender.name].append(float(said))
    for name, times in taken.items():
        results.add(name, number, {"import_cpu_ms": statistics.median(times)})


def take_round(
    results: Results,
    contender: Contender,
    number: int,
    where: tuple[str, str],
    environ: dict[str, str],
) -> None:
    host, size = where
    begin = time.monotonic()
    modes = (
        ("speed", "memory") if number < 2 else ("speed",)
    )  # memory hardly changes between rounds
    for mode in modes:
        said = run(contender.command(mode, host, size), environ)
        results.add(contender.name, number, json.loads(said))
    seconds = time.monotonic() - begin
    print(f"round {number + 1}: {contender.name} ({seconds:.0f} s)", flush=True)


def versions() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    found = {"python": platform.python_version(), "cpus": str(os.cpu_count())}
    for name in ("signalwire-sdk", "websockets", "picows", "uvloop", "anyio", "trio", "msgspec"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Measure the vendor's client, ours, and a minimal program (the floor)."
    )
    names = [contender.name for contender in CONTENDERS]
    parser.add_argument("--quick", action="store_true", help="measure less, for a first look")
    parser.add_argument("--rounds", type=int, default=0, help="how many turns each client has")
    parser.add_argument("--only", action="append", choices=names, help="measure only this client")
    parser.add_argument("--output", type=Path, default=HERE, help="where to write the results")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)  # before minutes of work
    rounds = options.rounds or (1 if options.quick else 5)
    begin = time.monotonic()
    results = measure(options.only or names, rounds, "quick" if options.quick else "full")
    document: dict[str, Any] = {
        "versions": versions(),
        "rounds": rounds,
        "quick": options.quick,
        "seconds": round(time.monotonic() - begin),
        "medians": results.medians(),
        "all": results.rounds,
    }
    document["ratios"] = report.ratios(results.rounds)
    report.write(options.output, document)
    print(report.tables(document))
    print(f"Took {document['seconds']} s. The results are in {options.output}.")


if __name__ == "__main__":
    main()
