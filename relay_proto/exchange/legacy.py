"""Methods of older programs: ``calling.begin``, ``calling.call`` and ``calling.receive``.

Source: docs/protocol.md, section 14.6.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from ..errors import RelayError
from .devices import Device, Ringing
from .dialing import SECONDS_PER_MINUTE
from .happened import What, Who
from .legs import Leg
from .requests import Request, Verb, verb
from .routing import serve
from .shapes import Name, Seconds, Text
from .switch import FULL


class BeginParams(msgspec.Struct, frozen=True, kw_only=True):
    """``calling.begin``."""

    device: Device
    tag: str = ""
    region: Text = None
    max_duration: Seconds = 0.0


class CallParams(msgspec.Struct, frozen=True):
    """``calling.call``; its parameters are not documented."""


class ReceiveParams(msgspec.Struct, frozen=True, kw_only=True):
    """``calling.receive``: one context, or several."""

    context: Name | None = None
    contexts: tuple[Name, ...] = ()


def begin(request: Request, params: BeginParams) -> None:
    """``calling.begin``: ring one device. The reply has the id of the call."""
    if not request.switch.has_room(1):
        raise RelayError(FULL, "too many calls")
    ringing = Ringing(request.switch, request.session, params.device, params.tag, request.now)
    leg, now = ringing.leg, request.now
    request.switch.add(leg)
    request.accept("Call started", **leg.identity())
    leg.note(Who.PROGRAM, What.DIALED, now, to=leg.number)
    ringing.start(now)
    if params.max_duration:

        def limit(answered: Leg, then: float) -> None:
            if answered.answered:
                answered.limit(params.max_duration * SECONDS_PER_MINUTE, then)

        leg.watchers.append(limit)


def call(request: Request, params: CallParams) -> None:  # noqa: ARG001
    """``calling.call``; only its name is documented, so it does nothing."""
    request.accept("OK")


def receive(request: Request, params: ReceiveParams) -> None:
    """``calling.receive``: the older form of ``signalwire.receive``."""
    one = () if params.context is None else (params.context,)
    serve(request, (*one, *params.contexts))


VERBS: Final[Mapping[str, Verb]] = {
    "calling.begin": verb(BeginParams, begin),
    "calling.call": verb(CallParams, call),
    "calling.receive": verb(ReceiveParams, receive),
}
