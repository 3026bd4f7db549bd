"""Narration: outputs of the core, in words for a log. No secret gets this far unmasked."""

from __future__ import annotations

from typing import Final, TypeAlias

from ..outputs import (
    Connected,
    ConnectFailed,
    Disconnected,
    Dropped,
    FrameTraced,
    Ignored,
    OfferRefused,
    Output,
    PeerViolation,
)

DEBUG: Final = 10
INFO: Final = 20
WARNING: Final = 30
ERROR: Final = 40

Line: TypeAlias = tuple[int, str]
"""A level, as the numbers of the standard library's `logging`, and the words."""


def narrate(host: str, output: Output) -> Line:
    """Say what `output` means; `host` is who it is about."""
    match output:
        case Connected(resumed):
            return INFO, f"connected to {host} ({'resumed' if resumed else 'new'} session)"
        case Disconnected(None, _):
            return INFO, f"disconnected from {host}"
        case Disconnected(error, delay):
            return WARNING, f"lost {host}: {error}{_next(delay)}"
        case ConnectFailed(error, attempt, delay):
            return WARNING, f"attempt {attempt} failed: {error}{_next(delay)}"
        case OfferRefused(call_id, reason):
            return ERROR, f"call {call_id} was passed back: {reason}"
        case PeerViolation(reason):
            return WARNING, f"{host} broke the protocol: {reason}"
        case Dropped(reason):
            return ERROR, reason
        case Ignored(reason):
            return DEBUG, f"ignored: {reason}"
        case FrameTraced(sent, text):
            return DEBUG, f"{'>' if sent else '<'} {text}"
        case _:
            raise AssertionError(f"{output} is not for the log")


def _next(delay: float | None) -> str:
    return "" if delay is None else f"; trying again in {delay:.1f} s"
