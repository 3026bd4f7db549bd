"""A fleet: Redis, a lab with many telephones, workers of Celery, and the conductor."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from campaign.database import Database
from campaign.settings import Settings
from relay_pytest._lab import Lab, running_lab
from tests.campaign.servers import Redis, running_redis

ROOT: Final = Path(__file__).parents[2]
MESSAGE: Final = "The water is off tomorrow."
KINDS: Final[Mapping[str, tuple[int, str]]] = {
    "a person": (45, 'does = "answers"\nscript = [{ say = "Hello?" }, { wait = 20 }]'),
    "a machine": (28, 'does = "machine"\nbeep = true'),
    "busy, then a person": (
        8,
        'in_turn = [{ does = "busy" }, { does = "answers", script = [{ say = "Hello?" }] }]',
    ),
    "busy": (4, 'does = "busy"'),
    "nobody": (6, 'does = "no answer"'),
    "declines": (4, 'does = "declines"'),
    "hangs up at once": (3, 'does = "answers"\nscript = [{ say = "Hello?" }, "hang up"]'),
    "no such number": (2, 'does = "unreachable"'),
}
"""Who is called, how many of a hundred, and how the lab plays them."""
SPEED: Final = 10


def people(count: int) -> dict[str, str]:
    """Return so many numbers, and who is there."""
    mixed = [kind for kind, (share, _) in KINDS.items() for _ in range(share)]
    # 37 has no factor in common with 100: the kinds are spread over the list.
    return {f"+1555100{place:04}": mixed[place * 37 % 100] for place in range(count)}


def scenario(who: Mapping[str, str]) -> str:
    """Return the lab's file with these people."""
    numbers = (
        f'[[numbers]]\nnumber = "{number}"\n{KINDS[kind][1]}' for number, kind in who.items()
    )
    return "\n".join([f"speed = {SPEED}", *numbers])


@dataclass
class Fleet:
    """All that runs, and how to do harm to it."""

    folder: Path
    redis: Redis
    lab: Lab
    environment: dict[str, str]
    who: dict[str, str]
    workers: dict[str, subprocess.Popen[bytes]] = field(
        default_factory=dict[str, "subprocess.Popen[bytes]"]
    )
    killed: int = 0

    @property
    def database(self) -> Database:
        return Database(Settings(database=self.environment["CAMPAIGN_DATABASE"]))

    def load(self) -> None:
        """Put everybody into the database."""
        database = self.database
        database.create()
        assert database.load((number, "") for number in self.who) == len(self.who)
        database.close()

    def start_worker(self, name: str, *options: str) -> None:
        """Start a worker of Celery."""
        usual = ("--pool", "threads", "--concurrency", "20")
        command = ["celery", "-A", "campaign.worker", "worker", "-n", f"{name}@fleet"]
        command += ["--loglevel", "WARNING", "--without-mingle", "--without-gossip"]
        self.workers[name] = self.start(name, *command, *(options or usual))

    def start(self, name: str, *command: str) -> subprocess.Popen[bytes]:
        """Start a program of the campaign, which writes to a file."""
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", *command],
                env=self.environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self, name: str) -> None:
        """Kill a worker, with all its threads and children, and start it again."""
        worker = self.workers[name]
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
        self.killed += 1
        self.start_worker(name)

    def stop(self) -> None:
        """End the workers in order; those that do not end are killed."""
        for worker in self.workers.values():
            worker.terminate()
        ends_at = time.monotonic() + 20.0
        for worker in self.workers.values():
            try:
                worker.wait(max(0.1, ends_at - time.monotonic()))
            except subprocess.TimeoutExpired:
                os.killpg(worker.pid, signal.SIGKILL)
                worker.wait()

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def run(self, at: Mapping[float, Callable[[], object]], timeout: float) -> float:
        """Run the campaign to its end. When that share of people is done, do something."""
        began = time.monotonic()
        conductor = self.start("conductor", "campaign", "run")
        database = self.database
        left = dict(at)
        try:
            while conductor.poll() is None:
                assert time.monotonic() - began < timeout, self.log("conductor")
                counts = database.progress()
                done = 1 - (counts["waiting"] + counts["calling"]) / len(self.who)
                for share in [share for share in left if share <= done]:
                    left.pop(share)()
                time.sleep(0.2)
        finally:
            if conductor.poll() is None:
                os.killpg(conductor.pid, signal.SIGKILL)
            conductor.wait()
            database.close()
        assert conductor.returncode == 0, self.log("conductor")
        assert not left
        return time.monotonic() - began


@contextmanager
def running_fleet(
    folder: Path, who: dict[str, str], *, database: str = "", **settings: Any
) -> Generator[Fleet]:
    """Run Redis and a lab with these people; the workers are to be started."""
    with ExitStack() as stack:
        redis = stack.enter_context(running_redis(folder))
        lab = stack.enter_context(running_lab(folder, scenario(who)))
        usual = {
            "CAMPAIGN_DATABASE": database or f"sqlite:///{folder / 'campaign.db'}",
            "CAMPAIGN_REDIS": redis.url,
            "CAMPAIGN_MESSAGE": MESSAGE,
            "CAMPAIGN_OPENS": "00:00",
            "CAMPAIGN_CLOSES": "23:59:59.999999",
            "CAMPAIGN_DIALS_PER_SECOND": "40",
            "CAMPAIGN_DIALS_AT_ONCE": "40",
            "CAMPAIGN_RING_TIME": "2",
            "CAMPAIGN_BUSY_DELAY": "2",
            "CAMPAIGN_NO_ANSWER_DELAY": "3",
            "CAMPAIGN_NOT_DIALED_DELAY": "1",
            "CAMPAIGN_LEASE": "5",
            "CAMPAIGN_ASK_AGAIN": "10",
            "CAMPAIGN_QUEUED": "200",
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "examples")]),
            "PYTHONUNBUFFERED": "1",
        }
        given = {f"CAMPAIGN_{name.upper()}": str(value) for name, value in settings.items()}
        environment = {**os.environ, **lab.environment, **usual, **given}
        fleet = Fleet(folder, redis, lab, environment, who)
        stack.callback(fleet.stop)
        fleet.load()
        yield fleet


@dataclass
class Account:
    """What the database says and what the lab has seen, side by side."""

    results: dict[str, str]
    """What the database says of each person."""
    rang: Counter[str]
    """How often each person was dialed, as the lab has seen it."""
    dialed: Counter[str]
    """How often, as the database says; and how often it says that it is not known."""
    unknown: Counter[str]
    heard: Counter[str]
    """How often the message came to its end at each person or their machine."""

    def over(self) -> list[str]:
        """Return those who were dialed more often than the database says."""
        return [number for number, times in self.rang.items() if times > self.dialed[number]]

    def short(self) -> list[str]:
        """Return those who were dialed less often, though no attempt of theirs is unknown."""
        return [
            number
            for number, times in self.dialed.items()
            if self.rang[number] < times and not self.unknown[number]
        ]

    def twice(self) -> list[str]:
        """Return those who got the message more than once."""
        return [number for number, times in self.heard.items() if times > 1]

    def wrong(self, who: Mapping[str, str]) -> list[str]:
        """Return those of whom the database says something else than the lab."""
        return [
            f"{number} ({who[number]}): {result}, heard {self.heard[number]} times"
            for number, result in self.results.items()
            if (result in ("heard", "left")) != bool(self.heard[number]) and result != "unknown"
        ]


def account(fleet: Fleet) -> Account:
    """Compare the database with what the lab has seen."""
    number_of: dict[str, str] = {}
    rang: Counter[str] = Counter()
    heard: Counter[str] = Counter()
    for event in tuple(fleet.lab.events):
        details, call_id = event["details"], event["call_id"]
        if event["what"] == "dialed":
            rang[details["to"]] += 1
            number_of[call_id] = details["to"]
        elif event["what"] == "play ended" and details["outcome"] == "finishes":
            heard[number_of[call_id]] += 1
    with closing(fleet.database) as database:
        people, attempts = database.everything()
    numbers = {person.id: person.number for person in people}
    return Account(
        results={
            person.number: person.result if person.state == "done" else person.state
            for person in people
        },
        rang=rang,
        dialed=Counter(numbers[one.person_id] for one in attempts if one.dialed),
        unknown=Counter(numbers[one.person_id] for one in attempts if one.state == "unknown"),
        heard=heard,
    )


def names(count: int) -> Sequence[str]:
    """Names of workers."""
    return [f"worker{number}" for number in range(1, count + 1)]
