"""Timeouts: the words of a `TimeoutError`, the same in both adapters."""

from __future__ import annotations


def timed_out(seconds: float | None, subject: object = "", until: object = "") -> TimeoutError:
    """Say how long somebody has waited for `subject`, and `until` what: ``to end``."""
    assert seconds is not None, "who waits for ever is in time"
    return TimeoutError(f"waited {seconds:g} s for {subject!r} {until}")
