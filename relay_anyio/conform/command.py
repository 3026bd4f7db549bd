"""``relay conform``: start a client, take it through the catalogue, and report."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import anyio
from rich.console import Console

from .._output import OUTPUT, CommandError, temporary_directory
from .._signals import stop_signals
from ..simulator.certificates import Authority
from .catalogue import CATALOGUE
from .checks import Check
from .processes import process_starter
from .report import as_json, conforms, print_catalogue, print_report
from .running import Result, run_checks

USAGE: Final = 2
WIDTH: Final = 120
"""Columns of the table where nobody says how wide the output is."""


def run(options: argparse.Namespace) -> int:
    """Run the checks; return 0 if all must-checks hold, and otherwise 1."""
    console = Console(file=OUTPUT, highlight=False, width=None if OUTPUT.isatty() else WIDTH)
    checks = _chosen(options.only)
    if options.list:
        print_catalogue(console, checks)
        return 0
    command = _command(options.program)
    if options.json is not None and not options.json.parent.is_dir():
        words = f"--json: there is no directory {options.json.parent}"
        raise CommandError(words, code=USAGE)
    with temporary_directory("relay-conform-") as directory:
        starter = process_starter(command, Authority(Path(directory)))
        progress = _Progress(len(checks))
        work = partial(
            run_checks,
            checks,
            starter,
            progress.tell,
            at_once=options.at_once,
            warned=progress.say,
        )
        done = anyio.run(_unless_stopped, work)
    if isinstance(done, int):
        return done
    results = done
    print_report(console, results)
    if options.json is not None:
        options.json.write_text(as_json(command, results), encoding="utf-8")
    return 0 if conforms(results) else 1


async def _unless_stopped(work: Callable[[], Awaitable[list[Result]]]) -> list[Result] | int:
    """Do the work; at a signal, end all clients, and return the exit code."""
    done: list[Result] | int = []
    async with stop_signals() as signals, anyio.create_task_group() as tasks:

        async def stop() -> None:
            nonlocal done
            done = 128 + await anext(signals)
            tasks.cancel_scope.cancel()

        tasks.start_soon(stop)
        done = await work()
        tasks.cancel_scope.cancel()
    return done


class _Progress:
    """Says on stderr which check is over, because all of them take a minute or two."""

    def __init__(self, all_checks: int) -> None:
        self._all = all_checks
        self._done = 0

    def tell(self, result: Result) -> None:
        self._done += 1
        self.say(f"{self._done}/{self._all} {result.check.name}: {result.verdict.value}")

    def say(self, words: str) -> None:
        sys.stderr.write(f"{words}\n")
        sys.stderr.flush()


def _chosen(names: Sequence[str]) -> list[Check]:
    unknown = sorted({*names} - {check.name for check in CATALOGUE})
    if unknown:
        words = f"there is no check {unknown[0]!r}: relay conform --list shows all of them"
        raise CommandError(words, code=USAGE)
    return [check for check in CATALOGUE if not names or check.name in names]


def _command(given: Sequence[str]) -> Sequence[str]:
    command = given[1:] if given[:1] == ["--"] else given
    if not command:
        raise CommandError("name the command of your client behind --", code=USAGE)
    found = shutil.which(command[0])
    if found is None:
        raise CommandError(f"{command[0]!r} is no command that can be started", code=USAGE)
    return [found, *command[1:]]
