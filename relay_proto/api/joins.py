"""Joins: what connects a call to another party, and waits until they hear each other.

A join is a command and what its events mean. The signature and the docstring of a
function here are those of the method of the same name of a call.

Public: for authors of adapters.

Source: docs/protocol.md, section 14.5.
"""

# Without `from __future__ import annotations`: see `commands`.

from collections.abc import Sequence
from typing import Unpack

import msgspec

from ..constants import (
    CONNECT_STATE_CONNECTED,
    CONNECT_STATE_DISCONNECTED,
    CONNECT_STATE_FAILED,
)
from ..errors import BridgeFailedError
from ..rpc.events import ConnectEvent
from ..rpc.frames import JSONObject
from ..rpc.masking import Scrubber
from . import commands, shapes
from .commands import Command, Purpose
from .parameters import checked, checked_with
from .views import CallView, check_call


class Join(msgspec.Struct, frozen=True):
    """What to ask the server, and how long to wait for what comes of it, in seconds."""

    command: Command[JSONObject]
    timeout: float | None


@checked_with(other=check_call)
def bridge(other: CallView, *, timeout: float | None = None) -> Join:
    """Connect the call to another call that is up, and wait until they hear each other.

    The other call may be an inbound one, or one that `RelayClient.dial` has returned. Both
    have been answered, and neither is connected to anybody. `disconnect` separates them
    again. When this call ends, the other one ends, too. When the other one ends, this call goes
    on: wait for that with `wait_for_disconnected`.

    Args:
        other: the other call, of the same project.
        timeout: how long to wait, in seconds. After that, the server may still connect them.

    Raises:
        BridgeFailedError: the server could not connect them.
        CallEndedError: this call ended first.
        RelayError: the server refused, with 404 or 410 if one of the calls is over, or
            with 409 if one is connected already.
        TimeoutError: they were not connected in time.
    """
    device = {"type": "call", "params": {"node_id": other.node_id, "call_id": other.call_id}}
    return Join(Command("calling.connect", {"devices": [[device]]}, Purpose.JOIN), timeout)


@checked
def connect_and_wait(
    devices: Sequence[Sequence[shapes.ConnectDevice]],
    *,
    ringback: Sequence[shapes.Media] | None = None,
    tag: str | None = None,
    max_duration: int | None = None,
    max_price_per_minute: float | None = None,
    status_url: str | None = None,
    timeout: float | None = None,
    **kwargs: Unpack[shapes.NothingMore],
) -> Join:
    """Bridge the call to another party, as `connect` does, and wait until they hear each other.

    The `peer` of the result is the other call. When this call ends, the other one ends, too.
    When the other one ends, this call goes on: wait for that with `wait_for_disconnected`, then
    hang up. Give each device a ``timeout``, which is for how long it rings. If nobody answers,
    this raises `BridgeFailedError`.

    Args:
        devices: whom to call, in groups: see `connect`, also for all that is not named here.
        ringback: what the caller hears until somebody answers; media as for `play`.
        tag: a name for the new calls, which their events repeat.
        max_duration: sent as it is: see `connect`.
        max_price_per_minute: the highest price at which to call.
        status_url: a URL to which the server also posts the events.
        timeout: how long to wait, in seconds. After that, the server goes on to try, so that
            the parties may still be connected: better give the devices a ``timeout``.

    Raises:
        BridgeFailedError: nobody was connected; its `reason` is ``busy``, ``no_answer``, ….
        CallEndedError: the call ended first.
        RelayError: the server refused.
        TimeoutError: nobody was connected in time.
    """
    command = commands.connect(
        devices,
        ringback=ringback,
        tag=tag,
        max_duration=max_duration,
        max_price_per_minute=max_price_per_minute,
        status_url=status_url,
        **kwargs,
    )
    return Join(command, timeout)


def is_decided(event: ConnectEvent) -> bool:
    """Whether an event says how a join went."""
    return event.connect_state in (CONNECT_STATE_CONNECTED, CONNECT_STATE_FAILED)


def is_parted(event: ConnectEvent) -> bool:
    """Whether an event says that nobody is connected to the call any more."""
    return event.connect_state in (CONNECT_STATE_DISCONNECTED, CONNECT_STATE_FAILED)


def joined(event: ConnectEvent, scrubber: Scrubber) -> ConnectEvent:
    """Return the event that has decided a join, or raise what it says.

    Raises:
        BridgeFailedError: the server could not connect the call.
    """
    if event.connect_state == CONNECT_STATE_FAILED:
        raise BridgeFailedError(event.call_id, scrubber.words(event.failed_reason))
    return event
