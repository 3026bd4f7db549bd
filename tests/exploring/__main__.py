"""Look for bugs in the examples, with bugs planted in them and without: ``scripts/explore``.

With ``--write`` it writes the tables of `docs/exploring.md`.
"""

from __future__ import annotations

import argparse
import logging
import os
import time
from pathlib import Path
from typing import Final

from relay_anyio.testing import CounterexampleError, Exploration
from tests.exploring.planted import BUGS, UNCHANGED, explore, look_for, module_of
from tests.pages import replace_part

PAGE: Final = Path(__file__).parents[2] / "docs" / "exploring.md"
BEGIN: Final = "<!-- what explore finds: written by `scripts/explore --write` -->"
END: Final = "<!-- end of what explore finds -->"


def main() -> None:
    """Look for everything, and say what was found."""
    parser = argparse.ArgumentParser(prog="scripts/explore", description=__doc__)
    parser.add_argument("--runs", type=int, default=100, help="runs of each unchanged example")
    parser.add_argument("--write", action="store_true", help="write the tables of the page")
    options = parser.parse_args()
    os.environ |= {"SIGNALWIRE_PROJECT_ID": "any", "SIGNALWIRE_API_TOKEN": "any"}
    logging.disable()  # of what is run again, to see that it fails
    began = time.perf_counter()
    shown = [*planted(), "", *unchanged(options.runs)]
    print("\n".join(shown))
    print(f"{time.perf_counter() - began:.0f} s")
    if options.write:
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(replace_part(page, BEGIN, "\n".join(shown), END), encoding="utf-8")


def planted() -> list[str]:
    """Find each planted bug, and see that the test that is shown fails."""
    lines = ["| planted bug | example | found in run | made shorter in | seconds | what it says |"]
    lines.append("|---|---|---|---|---|---|")
    tests: list[str] = []
    for bug in BUGS:
        with module_of(bug.module, bug.source) as module:
            error = look_for(bug, module)
        said = error.what.partition("\n")[0].replace(
            f"{bug.module}.py", f"{bug.subject.example}.py"
        )
        said = said if len(said) < 110 else f"{said[:107]}..."
        lines.append(
            f"| {bug.name} | `{bug.subject.example}` | {error.runs} | {error.more_runs} runs "
            f"| {error.seconds:.1f} | {said.replace('|', ' ')} |"
        )
        end = error.test[error.test.index("\nimport ") :].strip()  # without the comments
        tests += [
            f"“{bug.name}”:",
            "",
            "```text",
            end.replace(bug.module, bug.subject.example),
            "```",
            "",
        ]
    return [*lines, "", *tests[:-1]]


def unchanged(runs: int) -> list[str]:
    """Explore each example as it is.

    Raises:
        CounterexampleError: something was found, which is to be mended.
    """
    lines = ["| unchanged example | runs | seconds | found |", "|---|---|---|---|"]
    for subject in UNCHANGED:
        with module_of(subject.example, subject.source) as module:
            done: Exploration = explore(subject, module, runs=runs)
        lines.append(f"| `{subject.example}` | {done.runs} | {done.seconds:.1f} | nothing |")
    return lines


if __name__ == "__main__":
    try:
        main()
    except CounterexampleError as error:
        raise SystemExit(str(error)) from error
