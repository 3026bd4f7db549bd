"""Time zones by their names, with an error that says what is wrong."""

from __future__ import annotations

import difflib
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones


@cache
def zone_named(name: str) -> ZoneInfo:
    """Return a time zone, such as that of ``Europe/Berlin``.

    Raises:
        ValueError: there is none of this name.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: a folder, such as "Europe"
        close = difflib.get_close_matches(name, sorted(available_timezones()), 1, 0.8)
        hint = f"did you mean {close[0]!r}?" if close else "write one such as 'Europe/Berlin'"
        raise ValueError(f"{name!r} is no time zone: {hint}") from None
