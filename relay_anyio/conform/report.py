"""The report: a table for people, and JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.table import Table

from relay_proto import __version__
from relay_proto.display import one_line
from relay_proto.rpc.frames import JSONObject

from .checks import Check, Level
from .running import Result, Verdict

STYLES: Final = {Verdict.HOLDS: "green", Verdict.NOT_TRIED: "yellow"}
LONGEST: Final = 200


def print_report(console: Console, results: Sequence[Result]) -> None:
    """Print a table, what was expected where a rule was broken, and the sums."""
    table = Table(box=None, pad_edge=False)
    for title in ("check", "level", "section", "verdict", "what was seen"):
        table.add_column(title, no_wrap=title != "what was seen")
    for result in results:
        check = result.check
        verdict = result.verdict
        style = STYLES.get(verdict, "red")
        seen = one_line(result.seen, LONGEST)
        table.add_row(
            check.name, check.level.value, check.section, verdict.value, seen, style=style
        )
    console.print(table)
    broken = [result for result in results if result.is_bad]
    if broken:
        console.print("\nWhat was expected:", markup=False)
    for result in broken:
        words = f"  {result.check.name}: {result.check.expected}"
        console.print(words, soft_wrap=True, markup=False)
    console.print()
    console.print(sums(results), markup=False)


def sums(results: Sequence[Result]) -> str:
    """Say how many checks of each level hold."""
    parts: list[str] = []
    for level in Level:
        of_level = [result for result in results if result.check.level is level]
        holds = sum(result.verdict is Verdict.HOLDS for result in of_level)
        if of_level:
            parts.append(f"{level.value}: {holds} of {len(of_level)} hold")
    return "; ".join(parts)


def as_json(command: Sequence[str], results: Sequence[Result]) -> str:
    """Return the report for programs."""
    report: JSONObject = {
        "version": __version__,
        "command": list(command),
        "conforms": conforms(results),
        "checks": [_row(result) for result in results],
    }
    return json.dumps(report, indent=2, ensure_ascii=False) + "\n"


def _row(result: Result) -> JSONObject:
    return {
        "name": result.check.name,
        "level": result.check.level.value,
        "section": result.check.section,
        "expected": result.check.expected,
        "verdict": result.verdict.value,
        "seen": one_line(result.seen, LONGEST),
        "seconds": round(result.seconds, 2),
        "output": list(result.output),
    }


def conforms(results: Sequence[Result]) -> bool:
    """Return whether all must-checks hold."""
    return not any(result.is_bad and result.check.level is Level.MUST for result in results)


def print_catalogue(console: Console, checks: Sequence[Check]) -> None:
    """Print what there is to check."""
    table = Table(box=None, pad_edge=False)
    for title in ("check", "level", "section", "what is expected"):
        table.add_column(title, no_wrap=title != "what is expected")
    for check in checks:
        table.add_row(check.name, check.level.value, check.section, check.expected)
    console.print(table)
