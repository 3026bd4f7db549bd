"""The campaign as a table: ``scripts/campaign --numbers 1000``."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections import Counter
from functools import partial
from pathlib import Path

from tests.campaign.fleet import Account, account, names, people, running_fleet


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="scripts/campaign")
    parser.add_argument("--numbers", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--kills", type=int, default=2)
    options = parser.parse_args(arguments)
    who = people(options.numbers)
    workers = names(options.workers)
    chance = random.Random(options.numbers)
    with (
        tempfile.TemporaryDirectory() as folder,
        running_fleet(Path(folder), who) as fleet,
    ):
        for name in workers:
            fleet.start_worker(name)
        kills = {
            number / (options.kills + 1): partial(fleet.kill, chance.choice(workers))
            for number in range(1, options.kills + 1)
        }
        seconds = fleet.run(kills, 900.0)
        found = account(fleet)
        print(
            f"{options.numbers} people, {options.workers} workers, {fleet.killed} of them killed:"
        )
        print(f"{seconds:.0f} s\n")
        print(table(who, found))
        return bool(found.over() or found.short() or found.twice() or found.wrong(who))


def table(who: dict[str, str], found: Account) -> str:
    """What became of each kind of person, what they heard, and how often they were dialed."""
    lines = [
        "| who | people | the database says | dialed | got the message |",
        "|---|---|---|---|---|",
    ]
    for kind in dict.fromkeys(who.values()):
        numbers = [number for number in who if who[number] == kind]
        said = Counter(found.results[number] for number in numbers)
        results = ", ".join(f"{count} {result}" for result, count in said.most_common())
        dialed = sum(found.rang[number] for number in numbers)
        heard = sum(bool(found.heard[number]) for number in numbers)
        lines.append(f"| {kind} | {len(numbers)} | {results} | {dialed} | {heard} |")
    return "\n".join(
        [
            *lines,
            "",
            "| | |",
            "|---|---|",
            f"| people who got the message twice | {len(found.twice())} |",
            f"| people dialed more often than the database says | {len(found.over())} |",
            f"| people dialed less often than it says for certain | {len(found.short())} |",
            f"| people of whom it says something wrong | {len(found.wrong(who))} |",
            f"| people of whom it says that it is not known | {_unknown(found)} |",
        ]
    )


def _unknown(found: Account) -> str:
    unknown = [number for number, result in found.results.items() if result == "unknown"]
    reached = sum(bool(found.heard[number]) for number in unknown)
    rang = sum(bool(found.rang[number]) for number in unknown)
    return f"{len(unknown)} (the lab knows: {rang} were dialed, {reached} got the message)"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
