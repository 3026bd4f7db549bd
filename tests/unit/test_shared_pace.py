"""The line of those who wait for a turn in a pace that processes share: its rare moments."""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Generator

import pytest

from relay_proto.adapter.logs import Log
from relay_proto.adapter.shared_pace import LATEST, Line, Paced, Pacer, Ticket, WhenAway
from relay_proto.config import ClientConfig
from relay_proto.errors import ClientClosedError

PATIENCE = 30.0


class Slow:
    """A pace that answers when the test says so."""

    when_away: WhenAway = "wait"
    renew_interval = 60.0

    def __init__(self) -> None:
        self.asked = threading.Semaphore(0)
        self.answers = threading.Semaphore(0)
        self.returned: list[str] = []
        self.tried = threading.Semaphore(0)
        self.away = False

    def paces(self, kind: Paced) -> bool:
        return True

    def take(self, kind: Paced, place: str) -> float | None:
        self.asked.release()
        assert self.answers.acquire(timeout=PATIENCE)
        return None

    def renew(self, kind: Paced, places: Collection[str]) -> None: ...

    def give_back(self, kind: Paced, places: Collection[str]) -> None:
        self.returned += places
        try:
            if self.away:
                raise OSError("away")
        finally:
            self.tried.release()


@pytest.fixture
def pace() -> Slow:
    return Slow()


@pytest.fixture
def line(pace: Slow) -> Generator[Line]:
    line = line_of(pace)
    yield line
    line.close(ClientClosedError())


def line_of(pace: Pacer) -> Line:
    return Line("dials", pace, ClientConfig(credentials=None), Log(logging.getLogger("relay_test")))


def joined(line: Line, pace: Slow) -> Ticket:
    """Somebody who has a turn."""
    told = threading.Event()
    ticket = line.join(told.set)
    pace.answers.release()
    assert told.wait(PATIENCE)
    assert pace.asked.acquire(timeout=PATIENCE)
    return ticket


def test_who_leaves_while_the_pace_is_asked_has_a_place_all_the_same(
    pace: Slow, line: Line
) -> None:
    told: list[str] = []
    ticket = line.join(lambda: told.append("its turn has come"))
    assert pace.asked.acquire(timeout=PATIENCE)
    line.leave(ticket)
    pace.answers.release()
    assert pace.tried.acquire(timeout=PATIENCE)
    assert pace.returned == [ticket.place], "others need it"
    assert not told


def test_nobody_joins_a_line_that_is_closed(line: Line) -> None:
    line.close(ClientClosedError())
    with pytest.raises(ClientClosedError):
        line.join(lambda: None)


def test_a_pace_that_stays_away_is_told_of_once(
    pace: Slow, line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = joined(line, pace), joined(line, pace)
    pace.away = True
    for ticket in (one, other):
        line.leave(ticket)
        assert pace.tried.acquire(timeout=PATIENCE)
    assert pace.returned == [one.place, other.place]
    joined(line, pace)  # whoever is asked next, the line has seen both failures
    assert [words for words in caplog.messages if "cannot be reached" in words] == [
        "the shared pace cannot be reached: OSError: away. Until it can be, dials wait"
    ]


def test_leaving_twice_gives_one_place_back(pace: Slow, line: Line) -> None:
    ticket = joined(line, pace)
    line.leave(ticket)
    assert pace.tried.acquire(timeout=PATIENCE)
    line.leave(ticket)
    joined(line, pace)
    assert pace.returned == [ticket.place]


class Full:
    """A pace with one place, which tells all others to come back later."""

    renew_interval = 0.01

    def __init__(self, when_away: WhenAway) -> None:
        self.when_away: WhenAway = when_away
        self.asked: list[str] = []
        self.refused = threading.Event()
        self.renewed = threading.Semaphore(0)

    def paces(self, kind: Paced) -> bool:
        return True

    def take(self, kind: Paced, place: str) -> float | None:
        self.asked.append(place)
        if len(self.asked) == 1:
            return None
        self.refused.set()
        return LATEST

    def renew(self, kind: Paced, places: Collection[str]) -> None:
        self.renewed.release()

    def give_back(self, kind: Paced, places: Collection[str]) -> None: ...


@pytest.mark.parametrize("when_away", ["wait", "local"])
def test_who_is_told_to_come_back_later_waits_and_is_not_asked_for_before(
    when_away: WhenAway,
) -> None:
    pace = Full(when_away)
    line = line_of(pace)
    has_turn, told = threading.Event(), threading.Event()
    first = line.join(has_turn.set)
    assert has_turn.wait(PATIENCE)
    second = line.join(told.set)
    assert pace.refused.wait(PATIENCE)
    for _ in range(3):  # the line does other things meanwhile
        assert pace.renewed.acquire(timeout=PATIENCE)
    assert pace.asked == [first.place, second.place]
    assert not told.is_set()
    line.close(ClientClosedError())
