"""``python -m tests.fleet``: people call a fleet of workers that changes meanwhile.

See ``scripts/fleet --help``.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import anyio

from tests.fleet.burst import OneCall, Plan, Result, percentile, run, waits
from tests.fleet.timeline import draw
from tests.fleet.workers import SUPERVISORS

PROGRAMS: Final = {"async": "tests.fleet.office:client", "sync": "tests.fleet.office_sync:client"}


def main() -> int:
    """Run, print the table, and say by the exit code whether everybody was answered once."""
    parser = argparse.ArgumentParser(prog="scripts/fleet", description=__doc__)
    parser.add_argument("--calls", type=int, default=200, help="people who call (%(default)s)")
    parser.add_argument(
        "--seconds",
        type=float,
        default=40,
        help="how long they call: a third at once, the others meanwhile (%(default)s)",
    )
    parser.add_argument("--workers", type=int, default=4, help="(%(default)s)")
    parser.add_argument("--program", choices=tuple(PROGRAMS), default="async")
    parser.add_argument("--supervisor", choices=tuple(SUPERVISORS), default=next(iter(SUPERVISORS)))
    parser.add_argument("--picture", type=Path, help="draw the calls of each worker as an SVG")
    given = parser.parse_args()
    plan = Plan(given.calls, given.seconds, given.workers)
    with tempfile.TemporaryDirectory() as folder:
        target = PROGRAMS[given.program]
        result = anyio.run(run, plan, target, given.supervisor, Path(folder))
    print(table(result))
    if given.picture is not None:
        given.picture.write_text(draw(result))
    wrong = complaints(result)
    for words in wrong:
        print(f"fleet: {words}", file=sys.stderr)
    return 1 if wrong else 0


def complaints(result: Result) -> list[str]:
    """What must not happen, in words."""
    calls = result.calls.values()
    found: dict[str, Sequence[object]] = {
        "callers were not answered": [call for call in calls if not call.answers],
        "calls were answered twice": result.answered_twice,
        "calls of workers that nobody has killed were cut short": result.cut_short,
        "calls have no worker that says that it has answered": [
            call_id
            for call_id, call in result.calls.items()
            if call.session != result.killed and call_id not in result.notes
        ],
    }
    wrong = [f"{len(those)} {words}" for words, those in found.items() if those]
    if len(result.calls) < result.plan.calls:
        wrong.append(f"only {len(result.calls)} people have called")
    # One that is killed before its turn is replaced by the one that is started again.
    killed_later = result.killed_at > result.replaced_until
    if len(result.lives) < 2 * result.plan.workers + killed_later:
        wrong.append(f"there were only {len(result.lives)} workers")
    if result.exit_code:
        wrong.append(f"the supervisor has ended with {result.exit_code}")
    return wrong


def table(result: Result) -> str:
    """The table of the documentation."""
    calls = list(result.calls.values())
    start, end = result.replaced_from, result.replaced_until
    at_once = [call for call in result.answered if call.called_at < start]
    meanwhile = [
        call for call in result.answered if start <= call.called_at <= end and not call.withdrawn
    ]
    rows = [
        ("callers", str(len(calls))),
        ("answered", str(len(result.answered))),
        ("answered twice", str(len(result.answered_twice))),
        ("heard everything", str(sum(call.complete for call in calls))),
        ("up at the killed worker, and lost", str(len(result.lost))),
        ("cut short at other workers", str(len(result.cut_short))),
        ("passed back by a worker, and answered by another", str(len(result.passed))),
        ("ringing at the killed worker, and answered by another", str(len(result.moved))),
        ("time to answer, in the burst", _times(at_once)),
        ("time to answer, while workers are replaced", _times(meanwhile)),
        ("time to answer, ringing at the killed worker before", _times(result.moved)),
        ("the replacement of all workers takes", f"{end - start:.1f} s"),
        ("another worker in place of the killed one", _back(result)),
    ]
    width = max(len(name) for name, _ in rows)
    lines = [f"| {name:<{width}} | {value} |" for name, value in rows]
    heading = f"| {'what':<{width}} | how many, how long |\n|{'-' * (width + 2)}|---|"
    return "\n".join((heading, *lines))


def _times(calls: Sequence[OneCall]) -> str:
    ordered = waits(calls)
    if not ordered:
        return "nobody"
    middle, most = percentile(ordered, 0.5), percentile(ordered, 0.99)
    return f"p50 {middle:.2f} s, p99 {most:.2f} s, longest {ordered[-1]:.2f} s"


def _back(result: Result) -> str:
    began = [life.began_at for life in result.lives.values()]
    later = [at - result.killed_at for at in began if at > result.killed_at]
    return f"after {min(later):.1f} s" if later else "none"


if __name__ == "__main__":
    sys.exit(main())
