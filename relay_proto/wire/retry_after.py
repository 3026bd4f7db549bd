"""Retry-After: for how long a server wants to be left alone.

A date is compared with the server's own date: this package has no clock.

Source: RFC 9110, sections 5.6.7 and 10.2.3.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

BUSY: Final = frozenset({429, 503})
"""The statuses with which a server may say when to come again."""
MONTHS: Final = (b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec").split()

_SECONDS: Final = re.compile(rb"[0-9]{1,9}")
_DATE: Final = re.compile(rb"\w{3}, (\d\d) (\w{3}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT")


def retry_after(headers: Iterable[tuple[bytes, bytes]]) -> float | None:
    """Return the seconds for which the server wants no other attempt. None if it says nothing."""
    fields = {name.lower(): value.strip() for name, value in headers}
    wish = fields.get(b"retry-after", b"")
    if _SECONDS.fullmatch(wish):
        return float(wish)
    then, now = _seconds(wish), _seconds(fields.get(b"date", b""))
    return None if then is None or now is None else max(0.0, float(then - now))


def _seconds(date: bytes) -> int | None:
    """Return a date as seconds, to compare with another one."""
    found = _DATE.fullmatch(date)
    if found is None or found[2] not in MONTHS:
        return None
    day, year, hour, minute, second = (int(found[group]) for group in (1, 3, 4, 5, 6))
    # A year begins in March here: so its last day, which there may be, is in its last month.
    month = MONTHS.index(found[2]) - 2
    if month < 0:
        year, month = year - 1, month + 12
    days = 365 * year + year // 4 - year // 100 + year // 400 + (153 * month + 2) // 5 + day
    return ((days * 24 + hour) * 60 + minute) * 60 + second
