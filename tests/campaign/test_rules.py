"""The rules of the campaign: quiet hours in every time zone, retries, and what may follow what."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from campaign.rules import AFTER_A_CRASH, NEXT, OPEN, Attempt, before, delay_after, next_allowed
from campaign.settings import Settings

ZONES = ("America/New_York", "Europe/Berlin", "Asia/Kolkata", "Pacific/Kiritimati", "UTC")
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
NINE, EIGHT = time(9), time(20)
SETTINGS = Settings(most_tries=3, busy_delay=300, no_answer_delay=1800, not_dialed_delay=30)


def is_allowed(at: datetime, zone: ZoneInfo, opens: time, closes: time) -> bool:
    return opens <= at.astimezone(zone).time() < closes


@given(
    now=st.integers(0, 365 * 24 * 60).map(lambda minutes: NEW_YEAR + timedelta(minutes=minutes)),
    zone=st.sampled_from(ZONES).map(ZoneInfo),
    hours=st.lists(st.integers(0, 23), min_size=2, max_size=2, unique=True).map(sorted),
)
@example(datetime(2026, 3, 8, 6, 30, tzinfo=UTC), ZoneInfo("America/New_York"), [2, 4])
@example(datetime(2026, 11, 1, 5, 30, tzinfo=UTC), ZoneInfo("America/New_York"), [1, 2])
def test_nobody_is_called_in_quiet_hours(now: datetime, zone: ZoneInfo, hours: list[int]) -> None:
    opens, closes = time(hours[0]), time(hours[1])
    at = next_allowed(now, zone, opens, closes)
    assert at >= now
    assert at - now < timedelta(days=2)
    if is_allowed(now, zone, opens, closes) and zone.key != "America/New_York":
        assert at == now
    if at != now and zone.key != "America/New_York":  # the others do not change their clocks then
        assert at.astimezone(zone).time() == opens
        assert not is_allowed(at - timedelta(minutes=1), zone, opens, closes)


@pytest.mark.parametrize(
    ("now", "zone", "allowed"),
    [
        ("2026-06-01T12:00", "America/New_York", "2026-06-01T13:00"),  # 8 in the morning there
        ("2026-06-01T15:00", "America/New_York", "2026-06-01T15:00"),
        ("2026-06-01T15:00", "Asia/Kolkata", "2026-06-02T03:30"),  # 20:30 there
        ("2026-06-01T17:59", "Europe/Berlin", "2026-06-01T17:59"),  # 19:59 there
        ("2026-06-01T18:00", "Europe/Berlin", "2026-06-02T07:00"),  # 20:00 there: too late
        ("2026-03-08T12:59", "America/New_York", "2026-03-08T13:00"),  # summer time began at night
        ("2026-03-07T13:59", "America/New_York", "2026-03-07T14:00"),  # not yet
        ("2026-06-01T00:00", "Pacific/Kiritimati", "2026-06-01T00:00"),  # 14:00 there
    ],
)
def test_the_clock_on_the_wall_counts(now: str, zone: str, allowed: str) -> None:
    instant = datetime.fromisoformat(now).replace(tzinfo=UTC)
    expected = datetime.fromisoformat(allowed).replace(tzinfo=UTC)
    assert next_allowed(instant, ZoneInfo(zone), NINE, EIGHT) == expected


def test_who_is_called_again() -> None:
    assert delay_after(Attempt.BUSY, 1, SETTINGS) == 300
    assert delay_after(Attempt.NO_ANSWER, 2, SETTINGS) == 1800
    assert delay_after(Attempt.BUSY, 3, SETTINGS) is None, "three times are enough"
    assert delay_after(Attempt.NOT_DIALED, 3, SETTINGS) == 30, "it was not a try"
    for ended in set(Attempt) - OPEN - {Attempt.BUSY, Attempt.NO_ANSWER, Attempt.NOT_DIALED}:
        assert delay_after(ended, 1, SETTINGS) is None


def test_what_a_crash_means() -> None:
    assert set(AFTER_A_CRASH) == OPEN
    for state, after in AFTER_A_CRASH.items():
        assert after in NEXT[state]
        assert after not in OPEN
    assert AFTER_A_CRASH[Attempt.CLAIMED] is Attempt.NOT_DIALED
    assert AFTER_A_CRASH[Attempt.DIALING] is Attempt.UNKNOWN


def test_what_has_ended_stays_so_but_for_what_was_unknown() -> None:
    assert set(NEXT) == OPEN | {Attempt.UNKNOWN}
    assert before(Attempt.DIALING) == {Attempt.CLAIMED}, "nobody is dialed twice by one attempt"
    assert not before(Attempt.CLAIMED)
    assert not NEXT[Attempt.UNKNOWN] & (OPEN | {Attempt.UNKNOWN})
