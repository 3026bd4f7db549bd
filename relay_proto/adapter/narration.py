"""Narration: outputs of the core as lines for a log.

The core has masked all secrets in them before. What the peer wrote is shown without
characters that control a terminal, and a frame within a length.
"""

from __future__ import annotations

from logging import DEBUG, ERROR, INFO, WARNING
from typing import Final, TypeAlias

from ..display import one_line, shown_id
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

MOST_OF_A_FRAME: Final = 8192
"""Characters of a frame that are logged."""

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
            passed = f"call {shown_id(call_id)} was passed back to the service, for another client"
            return ERROR, f"{passed}: {one_line(reason)}"
        case PeerViolation(reason):
            return WARNING, f"{host} broke the protocol: {one_line(reason)}"
        case Dropped(reason):
            return ERROR, f"{host}: {one_line(reason)}"
        case Ignored(reason):
            return DEBUG, f"ignored: {one_line(reason)}"
        case FrameTraced(sent, text):
            return DEBUG, f"{'>' if sent else '<'} {one_line(text, MOST_OF_A_FRAME)}"
        case _:
            raise AssertionError(f"{output} is not for the log")


def _reason(error: RelayError) -> str:
    """What went wrong, without the words that the line has already."""
    if isinstance(error, ConnectFailedError | ConnectionLostError):
        return one_line(error.reason)
    return one_line(str(error))


def _next(delay: float | None) -> str:
    return "" if delay is None else f"; trying again in {delay:.1f} s"
