"""Bounds: all times and limits of a client."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

from .values.checks import MAX_NUMBER

_MIN_INTERVAL: Final = 0.001
"""The shortest time, in seconds, after which a timer may fire again: time must pass."""


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Timing:
    """All times of a client, in seconds.

    Raises:
        TypeError, ValueError: a time is not a number, is negative, or is too short.
    Source: docs/protocol.md, sections 4, 6 to 9, 13 and 14.
    """

    connect_timeout: float = 15.0
    """Time to connect: the socket, TLS and the WebSocket upgrade together."""
    request_timeout: float = 10.0
    """Time for the answer to a request, counted from when the request is sent."""
    queue_timeout: float = 60.0
    """Time that a request waits for a session before it fails without being sent."""
    pace_timeout: float = 300.0
    """Time that a dial or a text waits for its turn before it fails without being sent.

    See `Limits.dials_per_second`. It includes the time without a session.
    """
    dial_timeout: float = 120.0
    """Time for somebody to answer a dial, counted from when the dial is sent."""
    ping_interval: float = 30.0
    """Time between two pings of the client."""
    ping_watchdog: float = 15.0
    """Time for the server's next ping; if it is late, the client sends one of its own."""
    ping_timeout: float = 10.0
    """Time for the answer to a ping."""
    ping_retry_delay: float = 2.0
    """Delay before the ping after the first failed one; it doubles with each failure."""
    retry_min_delay: float = 1.0
    """Shortest delay before the client tries to connect again."""
    retry_max_delay: float = 30.0
    """Longest delay before the client tries to connect again."""
    goodbye_timeout: float = 5.0
    """Time for the server to close the connection after ``signalwire.disconnect``."""
    close_timeout: float = 3.0
    """Time that ``disconnect()`` waits for the server to close its side."""
    action_grace: float = 5.0
    """Time for the result of a recording or fax to arrive after its call has ended."""
    handler_grace: float = 5.0
    """Time after the connection in which calls and text messages wait for their first handler."""
    message_grace: float = 60.0
    """Time that a delivery report is kept if it arrives before its message has an id."""
    drain_timeout: float = 30.0
    """Time that ``run()`` gives calls to finish after SIGTERM."""

    def __repr__(self) -> str:
        return _differences(self)

    def __post_init__(self) -> None:
        _check_numbers(self, least=0.0)
        if self.retry_min_delay > self.retry_max_delay:
            raise ValueError(
                f"Timing.retry_min_delay ({self.retry_min_delay:g} s) must not be longer than "
                f"retry_max_delay ({self.retry_max_delay:g} s)"
            )
        for name in ("ping_interval", "retry_min_delay"):
            value = getattr(self, name)
            if value < _MIN_INTERVAL:
                raise ValueError(
                    f"Timing.{name} must be at least {_MIN_INTERVAL:g} s, not {value!r}"
                )


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Limits:
    """All limits of a client: on what the server or the application can make grow.

    Raises:
        TypeError, ValueError: a limit is not a whole number, or is less than 1.
    """

    active_calls: int = 1000
    """Calls at the same time. Further calls are passed back to the service."""
    queued_requests: int = 500
    """Requests that may wait for a session, or for their turn."""
    queued_bytes: int = 16 * 1024 * 1024
    """Bytes of these requests."""
    pending_requests: int = 10_000
    """Requests that may wait for their answers."""
    message_bytes: int = 10 * 1024 * 1024
    """Bytes in one incoming WebSocket message. A longer one ends the connection."""
    kept_event_bytes: int = 64 * 1024
    """Bytes of an event whose contents the client keeps. Of a longer one it keeps the state."""
    event_ids: int = 1024
    """Ids of past events to remember, so that a repeated event is reported only once."""
    messages: int = 10_000
    """Sent text messages whose delivery the client follows."""
    early_messages: int = 1000
    """Text messages without an id yet for which delivery reports are kept."""
    early_bytes: int = 8 * 1024 * 1024
    """Bytes of these delivery reports."""
    early_arrivals: int = 100
    """Calls, and as many text messages, that may wait for their first handler."""
    dials: int = 1000
    """Dials that may be under way at the same time. More are refused."""
    dials_per_second: float | None = None
    """Dials that may be sent in a second. More wait for their turn. None: no limit."""
    dials_at_once: int | None = None
    """Dials that may be sent and not decided at the same time. More wait. None: no limit."""
    texts_per_second: float | None = None
    """Text messages that may be sent in a second. More wait for their turn. None: no limit."""
    actions_per_call: int = 1000
    """Actions that may run on one call at the same time."""
    contexts: int = 10_000
    """Contexts that the client may subscribe to."""
    tags: int = 1000
    """Finished dials to remember, so that a late answer to one of them is hung up."""
    listener_backlog: int = 1000
    """Events that may wait for one slow listener, and text messages that may wait for a handler.

    Further ones are lost to it.
    """
    backlog_bytes: int = 16 * 1024 * 1024
    """Bytes of the events, or text messages, that may wait in one such backlog."""
    message_handlers: int = 1000
    """Handlers of text messages that may run at the same time. Further messages wait."""
    recording_bytes: int = 64 * 1024 * 1024
    """Bytes in one file of the flight recorder, which keeps two files at most."""
    unsent_bytes: int = 64 * 1024 * 1024
    """Bytes that may wait for a server that does not read. More ends the connection."""
    auth_attempts: int = 3
    """Refusals of the credentials, in a row, after which the client gives up."""
    ping_failures: int = 3
    """Unanswered pings, in a row, after which the client gives up the connection."""

    def __repr__(self) -> str:
        return _differences(self)

    def __post_init__(self) -> None:
        _check_numbers(self, least=1)


def _differences(values: Timing | Limits) -> str:
    """A `repr` with what differs from the defaults."""
    found = {item.name: getattr(values, item.name) for item in fields(values)}
    changed = [
        f"{item.name}={found[item.name]!r}"
        for item in fields(values)
        if found[item.name] != item.default
    ]
    return f"{type(values).__name__}({', '.join(changed)})"


_RATES: Final = frozenset({"dials_per_second", "texts_per_second"})
"""The limits that need not be whole numbers."""
_SLOWEST: Final = 0.001
"""The lowest rate: one in 1000 seconds."""


def _check_numbers(values: Timing | Limits, *, least: float) -> None:
    for item in fields(values):
        value = getattr(values, item.name)
        if value is None and item.default is None:
            continue
        rate = item.name in _RATES
        whole = isinstance(values, Limits) and not rate
        types, kind = ((int,), "whole number") if whole else ((int, float), "number")
        lowest = _SLOWEST if rate else least
        name = f"{type(values).__name__}.{item.name}"
        if isinstance(value, bool) or not isinstance(value, types):
            raise TypeError(f"{name} must be a {kind}, not {value!r}")
        if not lowest <= value <= MAX_NUMBER:
            raise ValueError(f"{name} must be at least {lowest:g} and finite, not {value!r}")
