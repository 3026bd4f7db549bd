"""Retry-After: seconds and dates, and what is neither."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay_proto.wire.retry_after import retry_after

NOON: Final = b"Sun, 06 Nov 1994 12:00:00 GMT"
SINCE, UNTIL = (datetime(year, 1, 1, tzinfo=UTC) for year in (1970, 2200))


def test_seconds_are_taken_as_they_are() -> None:
    assert retry_after([(b"Server", b"x"), (b"Retry-After", b" 120 ")]) == 120.0
    assert retry_after([(b"retry-after", b"0")]) == 0.0


def test_a_date_is_compared_with_the_servers_own() -> None:
    later = b"Sun, 06 Nov 1994 12:00:30 GMT"
    assert retry_after([(b"Date", NOON), (b"Retry-After", later)]) == 30.0
    assert retry_after([(b"Date", later), (b"Retry-After", NOON)]) == 0.0


@pytest.mark.parametrize(
    "wish",
    [b"", b"soon", b"-5", b"1.5", b"9" * 10, b"Sun, 06 Foo 1994 12:00:30 GMT", b"Sun, 06 Nov 94"],
)
def test_anything_else_says_nothing(wish: bytes) -> None:
    assert retry_after([(b"Date", NOON), (b"Retry-After", wish)]) is None


def test_a_date_alone_says_nothing() -> None:
    assert retry_after([(b"Retry-After", NOON)]) is None
    assert retry_after([(b"Date", NOON)]) is None


@given(st.integers(0, int((UNTIL - SINCE).total_seconds())), st.integers(0, 10**8))
def test_every_date_is_understood(begin: int, seconds: int) -> None:
    now = SINCE + timedelta(seconds=begin)
    headers = [(b"Date", http(now)), (b"Retry-After", http(now + timedelta(seconds=seconds)))]
    assert retry_after(headers) == seconds


def test_every_month_is_as_long_as_it_is() -> None:
    years = [*range(1970, 2110), *range(2190, 2210), *range(2390, 2410)]
    for year in years:
        firsts = [
            datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC) for month in range(13)
        ]
        for now, then in itertools.pairwise(firsts):
            headers = [(b"Date", http(now)), (b"Retry-After", http(then))]
            assert retry_after(headers) == (then - now).total_seconds()


def http(moment: datetime) -> bytes:
    return format_datetime(moment, usegmt=True).encode()
