"""A trouble that repeats: its first line, then counts, and never more than a few of them."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay_proto.adapter.guard import report_failure
from relay_proto.adapter.logs import TOO_MANY, Lines, Log
from relay_proto.adapter.repeats import (
    FIRST_INTERVAL,
    LONGEST_INTERVAL,
    MOST_KINDS,
    MOST_NAMED,
    Kind,
    Repeats,
)
from relay_proto.errors import ConnectFailedError
from relay_proto.outputs import Connected, ConnectFailed, FrameTraced, Ignored, OfferRefused

HOST = "relay.example"
FULL = ("backlog", "listener")


class Writer:
    """A log in a test: its lines, its clock, and how often its deadline changed."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self.now = 0.0
        self.changed = 0
        self._caplog = caplog
        self.lines = Lines(
            Log(logging.getLogger("relay_test.repeats")), lambda: self.now, self._deadline_changed
        )

    def _deadline_changed(self) -> None:
        self.changed += 1

    def sleep_until(self, now: float) -> None:
        """Let time pass, as an adapter does."""
        while (due := self.lines.deadline()) is not None and due <= now:
            self.now = due
            self.lines.handle_timer(due)
            assert (after := self.lines.deadline()) is None or after > due
        self.now = now

    def written(self) -> list[str]:
        """The lines since this was asked last."""
        said = list(self._caplog.messages)
        self._caplog.clear()
        return said


@pytest.fixture(name="writer")
def make_writer(caplog: pytest.LogCaptureFixture) -> Writer:
    caplog.set_level(logging.DEBUG, "relay_test.repeats")
    return Writer(caplog)


def test_thousands_are_one_line_and_a_count(writer: Writer) -> None:
    for number in range(5000):
        writer.now = number / 5000
        writer.lines.event_dropped("listener of x", 100, 7000, number)
    words = (
        "listener of x: {} is dropped, because the backlog has 100 events (7000 bytes), or "
        f"{TOO_MANY}"
    )
    assert writer.written() == [words.format(0)]
    assert writer.changed == 1
    writer.sleep_until(60)
    assert writer.written() == [f"{words.format(4999)} (the last of 4,999 like this in 5.0 s)"]
    assert writer.lines.deadline() is None


def test_what_goes_on_is_counted_ever_less_often(writer: Writer) -> None:
    for second in range(4 * 3600):
        writer.sleep_until(float(second))
        writer.lines.write(FULL, logging.WARNING, "full")
    assert len(writer.written()) < 4 * 3600 / LONGEST_INTERVAL + 10


def test_a_trouble_that_comes_again_after_a_while_is_a_new_one(writer: Writer) -> None:
    for number in range(3):
        writer.sleep_until(number * FIRST_INTERVAL)
        writer.lines.write(FULL, logging.WARNING, "full %d", number)
    assert writer.written() == ["full 0", "full 1", "full 2"]
    assert writer.lines.deadline() is None


def test_a_second_one_is_only_late(writer: Writer) -> None:
    for number in range(2):
        writer.lines.write(FULL, logging.WARNING, "full %d", number)
    writer.sleep_until(60)
    assert writer.written() == ["full 0", "full 1"]


def test_a_count_names_some_of_what_it_is_about(writer: Writer) -> None:
    for number in range(100):
        writer.lines.narrate(HOST, OfferRefused(f"c-{number}", "all are busy"))
    writer.lines.flush()
    first, count = writer.written()
    assert "call c-0 was passed back" in first
    assert "call c-99 was passed back" in count
    named = ", ".join(f"c-{number}" for number in range(1, MOST_NAMED + 1))
    assert count.endswith(f"(the last of 99 like this in 0.0 s; among the others: {named})")


def test_the_count_of_attempts_comes_before_the_line_of_the_success(writer: Writer) -> None:
    for attempt in range(1, 5):
        writer.now += 1
        error = ConnectFailedError(HOST, "there is no network")
        writer.lines.narrate(HOST, ConnectFailed(error, attempt, attempt * 1.5))
    writer.lines.narrate(HOST, Connected(resumed=True))
    first, count, connected = writer.written()
    assert first.startswith("attempt 1 to connect")
    assert count.startswith("attempt 4 to connect")
    assert count.endswith("trying again in 6.0 s (the last of 3 like this in 3.0 s)")
    assert connected.startswith("connected to")


def test_failures_are_alike_if_they_were_raised_in_the_same_way(
    writer: Writer, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(error: Exception) -> Exception:
        with pytest.raises(type(error)) as raised:
            raise error
        return raised.value

    for _ in range(10):
        report_failure(writer.lines, "one", "event", fail(ValueError()))
        report_failure(writer.lines, "two", "event", fail(TypeError()))
        report_failure(
            writer.lines, "three", "event", fail(ExceptionGroup("", [fail(ValueError())]))
        )
        report_failure(writer.lines, "four", "event", ExceptionGroup("", [fail(TypeError())]))
    assert all(record.exc_info for record in caplog.records)
    assert [said.split()[0] for said in writer.written()] == ["one", "two", "three", "four"]


def test_frames_are_all_shown(writer: Writer) -> None:
    for _ in range(3):
        writer.lines.narrate(HOST, FrameTraced(True, "{}"))
    assert writer.written() == ["> {}"] * 3


def test_what_nobody_sees_is_not_counted(writer: Writer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "relay_test.repeats")
    for _ in range(3):
        writer.lines.narrate(HOST, Ignored("an event that came before"))
    assert writer.lines.deadline() is None


def test_an_argument_without_words_loses_only_those(writer: Writer) -> None:
    class Wordless:
        def __repr__(self) -> str:
            raise ZeroDivisionError

    writer.lines.write(FULL, logging.ERROR, "%s", "first")
    for _ in range(2):
        writer.lines.write(FULL, logging.ERROR, "%r is lost", Wordless())
    writer.lines.flush()
    assert writer.written() == ["first", "%r is lost (the last of 2 like this in 0.0 s)"]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 300), st.floats(0, 8))))
def test_everything_is_said_or_counted_and_memory_is_bounded(
    steps: list[tuple[str, int, float]],
) -> None:
    repeats, now, said, counted = Repeats(), 0.0, 0, 0

    def count(lines: list[tuple[int, str]]) -> int:
        return sum(
            int(words.partition("last of ")[2].split()[0] or 0) if "last of" in words else 1
            for _, words in lines
        )

    for what, way, delay in steps:
        now += delay
        counted += count(repeats.handle_timer(now))
        kind: Kind = (what, way)
        if repeats.is_first(kind, now):
            said += 1
        else:
            repeats.count(kind, (logging.ERROR, "x"))
            assert repeats.deadline() is not None
        assert len(repeats) <= MOST_KINDS + 3
    counted += count(repeats.flush(now))
    assert repeats.flush(now) == repeats.end("a", now) == []
    assert said + counted == len(steps)
    assert repeats.deadline() is None


def test_ways_beyond_the_bound_are_one() -> None:
    repeats = Repeats()
    firsts = sum(repeats.is_first(("dropped", str(way)), 0.0) for way in range(MOST_KINDS))
    assert firsts == MOST_KINDS
    assert repeats.is_first(("dropped", "another"), 0.0)
    assert not repeats.is_first(("dropped", "yet another"), 0.0)
    assert repeats.is_first(("refused", "another"), 0.0)
    assert repeats.is_first(("dropped", "another"), FIRST_INTERVAL)  # the old ones are over
    assert repeats.is_first(("dropped", "yet another"), FIRST_INTERVAL)
