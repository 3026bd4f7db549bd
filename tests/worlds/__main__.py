"""Let evenings pass until the time is up, or those of one seed again. See `docs/proof.md`."""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections import Counter
from collections.abc import Iterator

from .performing import RUNTIMES, Runtime
from .searching import TROUBLES, Search

RUNS: int = 50


def main() -> int:
    """Run the command and return its exit code: 1 if a promise was broken."""
    options = _parser().parse_args()
    if options.command == "replay":
        search = Search(options.trouble, options.runtime, options.seed, options.runs)
        search.run()
        print("every promise was kept" if search.broken is None else search.words)
        return int(search.broken is not None)
    ends_at = time.monotonic() + options.minutes * 60
    made, failed = Counter[str](), 0
    seed = options.seed
    for seed, trouble, runtime in _searches(options.seed):
        search = Search(trouble, runtime, seed, RUNS)
        search.run()
        made += search.made
        if search.broken is not None:
            failed += 1
            print(search.words, end="\n\n", flush=True)
        if time.monotonic() >= ends_at:
            break
    for check, count in sorted(made.items()):
        print(f"{count:>12}  {check}")
    print(f"seeds {options.seed} to {seed}: {failed} searches failed")
    return int(bool(failed))


def _searches(first_seed: int) -> Iterator[tuple[int, str, Runtime]]:
    """Yield seeds, troubles and runtimes without end."""
    for seed in itertools.count(first_seed):
        for trouble, runtime in itertools.product(TROUBLES, RUNTIMES):
            yield seed, trouble, runtime


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.worlds", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    many = commands.add_parser("soak", help="search until the time is up")
    many.add_argument("--minutes", type=float, default=1.0, help="minutes of real time (1)")
    many.add_argument("--seed", type=int, default=0, help="the first seed (0)")
    one = commands.add_parser("replay", help="search once more, and print the shortest failure")
    one.add_argument("trouble", choices=TROUBLES)
    one.add_argument("runtime", choices=RUNTIMES)
    one.add_argument("seed", type=int)
    one.add_argument("--runs", type=int, default=RUNS)
    return parser


if __name__ == "__main__":
    sys.exit(main())
