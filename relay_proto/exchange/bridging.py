"""Bridges: ``calling.connect`` joins a call and a second leg, ``calling.disconnect`` parts them.

When the second leg ends, the call continues. When the call ends, the second leg ends
too, because it has nobody to talk to.

Source: docs/protocol.md, section 14.5.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Final, TypeAlias

import msgspec

from ..constants import (
    CONNECT_STATE_CONNECTED,
    CONNECT_STATE_CONNECTING,
    CONNECT_STATE_DISCONNECTED,
    CONNECT_STATE_FAILED,
    END_REASON_HANGUP,
    END_REASON_NO_ANSWER,
    EVENT_CALL_CONNECT,
)
from ..errors import RelayError
from ..rpc.frames import INVALID_PARAMS
from .devices import ExistingCall, Target, WaitingCall
from .dialing import SECONDS_PER_MINUTE, Hunt, check_plan
from .happened import What, Who
from .legs import Bridge, Leg, Operation
from .media import Media
from .playing import FOREVER, Playback
from .queues import waiting_entries
from .requests import OnCall, Request, Verb, call_verb
from .shapes import Amount, Seconds, Text
from .switch import CONFLICT

FAILED_REASONS: Final[Mapping[str, str]] = {END_REASON_NO_ANSWER: "no_answer"}
"""The end reasons that have another name when a connect fails."""
QUEUE_EMPTY: Final = "queue_empty"
"""Why a connect to a queue fails. The protocol does not define these reasons."""


Party: TypeAlias = Target | ExistingCall | WaitingCall
"""What a call can be connected to."""


class ConnectParams(OnCall, frozen=True, kw_only=True):
    """``calling.connect``."""

    devices: Annotated[
        list[Annotated[list[Party], msgspec.Meta(min_length=1)]],
        msgspec.Meta(min_length=1),
    ]
    ringback: tuple[Media, ...] = ()
    tag: str = ""
    max_duration: Seconds = 0.0
    max_price_per_minute: Amount = None
    status_url: Text = None


class Connecting(Operation):
    """A hunt for the second leg. The call can hear ringback meanwhile."""

    def __init__(
        self, request: Request, leg: Leg, params: ConnectParams, plan: Sequence[Sequence[Target]]
    ) -> None:
        super().__init__(leg, leg.network.new_id())
        self._max_duration = params.max_duration * SECONDS_PER_MINUTE
        self._hunt = Hunt(
            request.switch,
            request.session,
            plan,
            tag=params.tag,
            origin=leg,
            won=self._connected,
            lost=self._failed,
        )
        self._ringback: Playback | None = None
        if params.ringback:
            self._ringback = Playback(leg, params.ringback, loop=FOREVER, control_id="")

    def start(self, now: float) -> None:
        """Tell the program, and start to ring."""
        self.leg.tell(EVENT_CALL_CONNECT, now, connect_state=CONNECT_STATE_CONNECTING)
        if self._ringback is not None:
            self._ringback.start(now)
        self._hunt.start(now)

    def cancel(self, now: float) -> None:
        """Stop the hunt, because the call has ended."""
        self._stop_ringback()
        self._hunt.cancel(now)

    def _connected(self, far: Leg, now: float) -> None:
        self._conclude()
        if self._max_duration:
            far.limit(self._max_duration, now)
        join(self.leg, far, now)

    def _failed(self, reason: str, now: float) -> None:
        self._conclude()
        _tell_failure(self.leg, FAILED_REASONS.get(reason, reason), now)

    def _conclude(self) -> None:
        self._stop_ringback()
        self.leave()

    def _stop_ringback(self) -> None:
        if self._ringback is not None:
            self._ringback.cancel()


def join(near: Leg, far: Leg, now: float, **queue: str) -> None:
    """Let two legs hear each other, and tell both programs who the peer is.

    `queue` describes the queue in which `far` has waited.
    """
    near.bridge = far.bridge = Bridge(near, far)
    far.origin = None
    near.note(Who.EXCHANGE, What.CONNECTED, now, to=far.number)
    shown = {**far.shown(), **queue}
    for leg, peer in ((near, shown), (far, near.shown())):
        if _part_at_end not in leg.watchers:
            leg.watchers.append(_part_at_end)
        leg.tell(EVENT_CALL_CONNECT, now, connect_state=CONNECT_STATE_CONNECTED, peer=peer)


def part(bridge: Bridge, now: float) -> None:
    """Remove a bridge. Both legs stay as they are."""
    bridge.near.note(Who.EXCHANGE, What.DISCONNECTED, now, to=bridge.far.number)
    for leg, peer in ((bridge.near, bridge.far), (bridge.far, bridge.near)):
        leg.bridge = None
        if not leg.ended:
            _tell_disconnected(leg, peer, now)


def connect(request: Request, leg: Leg, params: ConnectParams) -> None:
    """``calling.connect``; the reply comes first, the outcome later as an event."""
    _check_free(leg)
    match params.devices:
        case [[ExistingCall(named)]]:
            other = request.switch.find(request.session, named.call_id, named.node_id)
            if other is leg or not other.answered:
                raise RelayError(CONFLICT, "the other call cannot be connected")
            _check_free(other)
            request.accept("connecting")
            join(leg, other, request.now)
        case [[WaitingCall(queue)]]:
            request.accept("connecting")
            leg.tell(EVENT_CALL_CONNECT, request.now, connect_state=CONNECT_STATE_CONNECTING)
            _connect_waiting(request, leg, queue.queue_name)
        case groups:
            check_plan(request, groups)
            plan = [[_check_device(device) for device in group] for group in groups]
            request.accept("connecting")
            Connecting(request, leg, params, plan).start(request.now)


def disconnect(request: Request, leg: Leg, params: OnCall) -> None:  # noqa: ARG001
    """``calling.disconnect``."""
    if leg.bridge is None:
        raise RelayError(CONFLICT, "the call is not connected")
    request.accept("Disconnecting")
    part(leg.bridge, request.now)


def _is_free(leg: Leg) -> bool:
    return leg.bridge is None and leg.running(Connecting) is None


def _check_free(leg: Leg) -> None:
    if not _is_free(leg):
        raise RelayError(CONFLICT, "the call is connected already")


def _connect_waiting(request: Request, leg: Leg, name: str) -> None:
    for entry in waiting_entries(request.switch, (request.session.project, name)):
        if entry.leg is not leg and _is_free(entry.leg):
            entry.quit("dequeue", request.now)
            join(leg, entry.leg, request.now, **entry.shown())
            return
    _tell_failure(leg, QUEUE_EMPTY, request.now)


def _tell_failure(leg: Leg, reason: str, now: float) -> None:
    leg.note(Who.EXCHANGE, What.CONNECT_FAILED, now, reason=reason)
    leg.tell(EVENT_CALL_CONNECT, now, connect_state=CONNECT_STATE_FAILED, failed_reason=reason)


def _check_device(device: Party) -> Target:
    if isinstance(device, ExistingCall | WaitingCall):
        raise RelayError(
            INVALID_PARAMS, "Invalid params: a call or a queue must be the only device"
        )
    return device


def _part_at_end(leg: Leg, now: float) -> None:
    bridge = leg.bridge
    if not leg.ended or bridge is None:
        return
    if leg is bridge.near and not bridge.far.end_reason:
        # Its last events still name the peer. They end the bridge, in a call of this function.
        _tell_disconnected(bridge.far, leg, now)
        bridge.far.end(END_REASON_HANGUP, Who.EXCHANGE, now)
    else:
        part(bridge, now)


def _tell_disconnected(leg: Leg, peer: Leg, now: float) -> None:
    leg.tell(
        EVENT_CALL_CONNECT,
        now,
        connect_state=CONNECT_STATE_DISCONNECTED,
        peer=peer.identity(),
    )


VERBS: Final[Mapping[str, Verb]] = {
    "calling.connect": call_verb(ConnectParams, connect),
    "calling.disconnect": call_verb(OnCall, disconnect),
}
