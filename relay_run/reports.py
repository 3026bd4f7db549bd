"""Reports: what a worker tells its supervisor, as lines of JSON.

A worker writes one about twice a second, in the thread or the event loop of its clients.
So a report says as well that this thread, or loop, still runs.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeAlias

import msgspec

from relay_proto.adapter.vitals import MOST_IDS, Vitals

INTERVAL: Final = 0.5
"""Seconds between two reports."""
MOST_BYTES: Final = 4 * 1024 * 1024
"""Of one line. A worker that writes more is not understood any more."""


class Report(msgspec.Struct, frozen=True, tag="report"):
    """How the clients of one worker do, all together."""

    ready: bool = False
    """Whether each of them has a session, and none of them drains."""
    draining: bool = False
    calls: int = 0
    queued: int = 0
    """Requests that wait for a session, or for their turn."""
    lag: float = 0.0
    """By how many seconds this report is late: for so long something else has run."""
    call_ids: tuple[str, ...] = ()
    drain_timeout: float = 30.0
    """Seconds that calls get to finish after SIGTERM."""
    trouble: str = ""
    """Why a client has no session, as its last attempt to connect has told."""


class Failure(msgspec.Struct, frozen=True, tag="failure"):
    """Why the worker ends by itself, as the log shows it."""

    words: str
    traceback: str = ""


class Exposition(msgspec.Struct, frozen=True, tag="exposition"):
    """The metrics that the worker itself has, as Prometheus reads them."""

    text: str


Line: TypeAlias = Report | Failure | Exposition

ASK_FOR_METRICS: Final = b"m"
"""What the supervisor writes to have an `Exposition`."""
END_AT_ONCE: Final = b"e"
"""What it writes to end a worker that may have calls up. No signal says this, because others
send signals, too: systemd sends SIGTERM to all processes of a service.
"""

_decoder: Final = msgspec.json.Decoder[Line](Line)


def report_of(
    clients: Iterable[Vitals], lag: float, drain_timeout: float | None, *, draining: bool
) -> Report:
    """Return what a worker tells of its clients."""
    all_of_them = tuple(clients)
    longest = max((one.drain_timeout for one in all_of_them), default=0.0)
    return Report(
        ready=not draining and all(one.ready for one in all_of_them),
        draining=draining or any(one.draining for one in all_of_them),
        calls=sum(one.calls for one in all_of_them),
        queued=sum(one.queued for one in all_of_them),
        lag=round(max(0.0, lag), 6),
        call_ids=tuple(name for one in all_of_them for name in one.call_ids)[:MOST_IDS],
        drain_timeout=longest if drain_timeout is None else drain_timeout,
        trouble=next((one.trouble for one in all_of_them if one.trouble), ""),
    )


def encode(line: Line) -> bytes:
    """Return a line, with its end."""
    return msgspec.json.encode(line) + b"\n"


class Lines:
    """Lines out of the bytes of a stream, however they are split."""

    def __init__(self) -> None:
        self._begun = bytearray()

    def receive(self, data: bytes) -> list[Line]:
        """Take bytes; return the lines that they complete. What is no line is left out."""
        *whole, rest = data.split(b"\n")
        if whole:
            whole[0] = bytes(self._begun) + whole[0]
            self._begun.clear()
        self._begun += rest
        if len(self._begun) > MOST_BYTES:
            self._begun.clear()
        return [line for line in map(_decoded, whole) if line is not None]


def _decoded(data: bytes) -> Line | None:
    try:
        line: Line = _decoder.decode(data)
    except (msgspec.DecodeError, RecursionError, ValueError):
        return None
    return line
