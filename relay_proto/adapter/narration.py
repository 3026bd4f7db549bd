"""Narration: outputs of the core as lines for a log.

The core has masked all secrets in them before.
"""

from __future__ import annotations

from logging import DEBUG, ERROR, INFO, WARNING
from typing import TypeAlias

from ..errors import ConnectFailedError, ConnectionLostError, RelayError
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

Line: TypeAlias = tuple[int, str]
"""The level, as a number of the standard library's `logging`, and the text."""


def narrate(host: str, output: Output) -> Line:
    """Return the line that tells an operator what `output` means.

    `host` is the server to which the client connects.
    """
    match output:
        case Connected(resumed):
            session = "session resumed: its calls go on" if resumed else "new session"
            return INFO, f"connected to {host} ({session})"
        case Disconnected(None, _):
            return INFO, f"disconnected from {host}"
        case Disconnected(RelayError() as error, delay):
            return WARNING, f"lost the connection to {host}: {_reason(error)}{_next(delay)}"
        case ConnectFailed(error, attempt, delay):
            failed = f"attempt {attempt} to connect to {host} failed"
            return WARNING, f"{failed}: {_reason(error)}{_next(delay)}"
        case OfferRefused(call_id, reason):
            return ERROR, f"call {call_id} was passed back, for another client to take: {reason}"
        case PeerViolation(reason):
            return WARNING, f"{host} broke the protocol: {reason}"
        case Dropped(reason):
            return ERROR, f"{host}: {reason}"
        case Ignored(reason):
            return DEBUG, f"ignored: {reason}"
        case FrameTraced(sent, text):
            return DEBUG, f"{'>' if sent else '<'} {text}"
        case _:
            raise AssertionError(f"{output} is not for the log")


def _reason(error: RelayError) -> str:
    """What went wrong, without the words that the line has already."""
    if isinstance(error, ConnectFailedError | ConnectionLostError):
        return error.reason
    return str(error)


def _next(delay: float | None) -> str:
    return "" if delay is None else f"; trying again in {delay:.1f} s"
