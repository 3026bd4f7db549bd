"""Outcomes: how an action ended, as a value to match.

::

    match await action.wait_outcome():
        case Done(event): ...
        case Failed(event): ...
        case CallOver(event): ...      # the call ended first
        case SessionLost(event): ...   # and nobody knows how it went on

Source: docs/protocol.md, sections 8, 9.2, 14.4 and 15.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from ..rpc.event_base import OperationEvent, RelayEvent
from ..rpc.events import CallStateEvent, CollectEvent, FaxEvent, PayEvent


class Done(msgspec.Struct, frozen=True):
    """The operation came to its own end: `event` says with what."""

    event: RelayEvent


class Failed(msgspec.Struct, frozen=True):
    """The operation went wrong: `event` says what the server says."""

    event: RelayEvent


class CallOver(msgspec.Struct, frozen=True):
    """The call ended, or was gone, before the operation did."""

    event: RelayEvent


class SessionLost(msgspec.Struct, frozen=True):
    """The session could not be resumed: how the operation ended is not known."""

    event: RelayEvent


Outcome: TypeAlias = Done | Failed | CallOver | SessionLost


def outcome_of(event: RelayEvent) -> Outcome:
    """What the last event of an action means."""
    match event:
        case CallStateEvent(local=True):
            return SessionLost(event)
        case CallStateEvent() | RelayEvent(event_type=""):
            return CallOver(event)
        case FaxEvent(type="finished", fax={"success": False}):
            return Failed(event)
        case FaxEvent(type="error") | CollectEvent(type="error"):
            return Failed(event)
        case PayEvent(phase="payment-failed") | OperationEvent(state="error"):
            return Failed(event)
        case _:
            return Done(event)
