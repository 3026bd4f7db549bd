"""The database of the campaign, while workers are killed or stand still at any instant."""

from __future__ import annotations

from collections import Counter
from datetime import time
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from campaign.database import Claim, Database
from campaign.rules import Attempt, Person
from campaign.settings import Settings

ALWAYS = {"opens": time(0), "closes": time.max}
MEMORY = Settings(database="sqlite://", most_tries=2, lease=60, ask_again=600, **ALWAYS)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
ENDS = [Attempt.BUSY, Attempt.NO_ANSWER, Attempt.DECLINED, Attempt.FAILED, Attempt.NOT_DIALED]
AGAIN = {Attempt.BUSY, Attempt.NO_ANSWER}
PEOPLE = 2


class Work:
    """A worker's way through one attempt. It may be killed, or stand still, between two steps."""

    def __init__(self, claim: Claim, person: int) -> None:
        self.claim = claim
        self.person = person
        self.state = Attempt.CLAIMED
        self.has_rung = False


class Campaign(RuleBasedStateMachine):
    """Workers, telephones and the conductor, in any order."""

    @initialize()
    def begin(self) -> None:
        self.now = 1_000_000.0
        self.database = Database(MEMORY, lambda: self.now)
        self.database.create()
        self.database.load((f"+1555000000{number}", "") for number in range(PEOPLE))
        self.rang: Counter[int] = Counter()
        self.last: dict[int, tuple[int, Attempt | None]] = {}
        """The last dial of each person: its attempt, and how it ended, if somebody has seen it."""
        self.repeated: set[int] = set()
        self.excused: set[int] = set()
        """Attempts that the operator has let repeat: their own dial may still leave."""
        self.works: list[Work] = []

    @rule(person=st.integers(1, PEOPLE))
    def deliver_again(self, person: int) -> None:
        """Two deliveries of one task are two claims: one of them gets nothing."""
        claim = self.database.claim(person, "worker")
        if claim is not None:
            self.works.append(Work(claim, person))

    @precondition(lambda self: self.works)
    @rule(place=st.integers(0, 3), end=st.sampled_from(ENDS), answers=st.booleans())
    def go_on(self, place: int, end: Attempt, answers: bool) -> None:
        """The next step of a worker."""
        work = self.works[place % len(self.works)]
        if not self.step(work, end, answers=answers):
            self.works.remove(work)

    @rule(seconds=st.sampled_from([1.0, 61.0, 2000.0]), lives=st.sampled_from(["on", "not", "?"]))
    def conduct(self, seconds: float, lives: str) -> None:
        """The conductor looks. Before, workers live on, are killed, or stand still."""
        if lives == "not":
            self.works.clear()
        self.now += seconds
        if lives == "on":
            self.database.renew([work.claim.attempt for work in self.works])
        self.database.recover()
        for person in self.database.due():
            self.deliver_again(person)

    def step(self, work: Work, end: Attempt, *, answers: bool) -> bool:
        """As `campaign.calling.reach` does it. False if it was the last one."""
        attempt = work.claim.attempt
        if work.state is Attempt.CLAIMED:
            work.state = Attempt.DIALING
            return self.database.move(attempt, Attempt.DIALING)
        if not work.has_rung and end is not Attempt.NOT_DIALED:
            self.ring(work)
            work.has_rung = True
            return True
        if work.has_rung and end is Attempt.NOT_DIALED:
            end = Attempt.DECLINED
        if work.state is Attempt.DIALING and work.has_rung and answers:
            self.database.move(attempt, Attempt.ANSWERED)
            work.state = Attempt.ANSWERED
            return True
        if work.state is Attempt.ANSWERED:
            end = Attempt.HEARD
        if work.has_rung and attempt not in self.excused and self.last[work.person][0] == attempt:
            self.last[work.person] = (attempt, end)
        self.database.move(attempt, end)
        return False

    def ring(self, work: Work) -> None:
        """The telephone rings: everything before this must allow it."""
        person = work.person
        self.rang[person] += 1
        if work.claim.attempt in self.excused:
            return  # the operator knew that it may ring; the call that was asked for is another
        before = self.last.get(person)
        if before is not None and before[0] != work.claim.attempt:
            assert before[1] in AGAIN | {Attempt.NOT_DIALED} or person in self.repeated, (
                "they were called, or nobody knows, and nobody has asked for more"
            )
        self.repeated.discard(person)
        self.last[person] = (work.claim.attempt, None)

    @rule()
    def repeat(self) -> None:
        people, attempts = self.database.everything()
        unknown = {one.id for one in people if one.state == Person.UNKNOWN.value}
        self.repeated |= unknown
        self.excused |= {one.id for one in attempts if one.person_id in unknown}
        self.database.repeat_unknown()

    @invariant()
    def every_call_is_written_down(self) -> None:
        _, attempts = self.database.everything()
        dialed = Counter(one.person_id for one in attempts if one.dialed)
        assert all(times <= dialed[person] for person, times in self.rang.items())

    def teardown(self) -> None:
        """Nobody is forgotten: without any worker, all come to an end or wait for one."""
        for _ in range(3 * PEOPLE):
            self.now += 100_000.0
            self.database.recover()
            for person in self.database.due():
                claim = self.database.claim(person, "last")
                assert claim is not None, "whoever is due can be called"
                work = Work(claim, person)
                while self.step(work, Attempt.BUSY, answers=False):
                    pass
        people, attempts = self.database.everything()
        for one in people:
            last = [attempt.state for attempt in attempts if attempt.person_id == one.id][-1]
            assert one.state in ("done", "unknown")
            assert (one.state == "unknown") == (last == "unknown")
        assert self.database.finished()
        self.database.close()


Campaign.TestCase.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
TestCampaign = Campaign.TestCase


@pytest.mark.parametrize(
    ("steps", "attempt", "person"),
    [
        ([], "not dialed", "waiting"),
        ([Attempt.DIALING], "unknown", "unknown"),
        ([Attempt.DIALING, Attempt.ANSWERED], "unknown", "unknown"),
        ([Attempt.DIALING, Attempt.ANSWERED, Attempt.HEARD], "heard", "done"),
        ([Attempt.DIALING, Attempt.BUSY], "busy", "waiting"),
        ([Attempt.NOT_DIALED], "not dialed", "waiting"),
    ],
)
def test_what_a_killed_worker_leaves(steps: list[Attempt], attempt: str, person: str) -> None:
    now = 1_000_000.0
    database = Database(MEMORY, lambda: now)
    database.create()
    database.load([("+15550000001", "")])
    assert database.due() == [1]
    claim = database.claim(1, "worker")
    assert claim is not None
    assert database.claim(1, "another") is None
    assert all(database.move(claim.attempt, step) for step in steps)
    now += 59
    assert database.recover() == 0, "it may still live"
    now += 2
    is_open = attempt not in [str(step) for step in steps]
    assert database.recover() == is_open
    people, attempts = database.everything()
    assert ([one.state for one in attempts], people[0].state) == ([attempt], person)
    now += 3000
    assert database.due() == ([1] if person == "waiting" else [])
    assert not database.move(claim.attempt, Attempt.DIALING), "nobody is dialed by it any more"
    database.close()


@pytest.fixture
def database(tmp_path: Path) -> Database:
    database = Database(
        Settings(database=f"sqlite:///{tmp_path / 'campaign.db'}", most_queued=2, **ALWAYS)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    )
    database.create()
    return database


def test_a_number_is_loaded_once(database: Database) -> None:
    assert database.load([("+15550000001", ""), ("+15550000001", ""), ("+15550000002", "UTC")]) == 2
    assert database.load([("+15550000002", ""), ("+15550000003", "")]) == 1
    assert database.progress() == {"waiting": 3}
    database.close()


def test_the_queue_has_a_bound(database: Database) -> None:
    database.load((f"+1555000000{number}", "") for number in range(5))
    assert database.due() == [1, 2]
    assert database.due() == [], "they are in the queue"
    claim = database.claim(1, "worker")
    assert claim is not None
    assert database.due() == [3]
    assert database.move(claim.attempt, Attempt.DIALING)
    assert database.move(claim.attempt, Attempt.DECLINED, "not now")
    assert database.progress() == {"waiting": 4, "declined": 1}
    database.close()


def test_a_task_that_redis_has_lost_is_asked_for_again() -> None:
    now = 1_000_000.0
    database = Database(MEMORY, lambda: now)
    database.create()
    database.load([("+15550000001", "")])
    assert database.due() == [1]
    now += 601
    assert database.due() == [1]
    database.close()


def test_nobody_is_claimed_in_quiet_hours() -> None:
    now = 1_780_000_000.0  # 20:26 by UTC
    settings = Settings(database="sqlite://", opens=time(9), closes=time(20))
    database = Database(settings, lambda: now)
    database.create()
    database.load([("+15550000001", "UTC"), ("+15550000002", "America/New_York")])
    assert database.due() == [2]
    assert database.claim(1, "worker") is None
    now += 12 * 3600
    assert database.claim(1, "worker") is None, "8:26"
    now += 3600
    assert database.claim(1, "worker") is not None
    assert database.claim(2, "worker") is None, "it is night there now"
    database.close()


def test_late_news_of_a_worker_that_was_taken_for_dead(database: Database) -> None:
    database.load([("+15550000001", "")])
    claim = database.claim(1, "worker")
    assert claim is not None
    assert database.move(claim.attempt, Attempt.DIALING)
    assert database.give_up(claim.attempt, Attempt.DIALING, "the worker was lost")
    assert database.progress() == {"unknown": 1}
    assert database.move(claim.attempt, Attempt.HEARD)
    assert database.progress() == {"heard": 1}
    assert not database.move(claim.attempt, Attempt.BUSY)
    database.close()
