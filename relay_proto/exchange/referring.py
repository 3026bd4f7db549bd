"""``calling.refer``: a SIP REFER asks the far end to call somebody else.

The transfer is accepted at once. Its outcome follows as an event: after a success the
call ends here, otherwise it continues. The `Line` with the new address decides the
outcome.

Source: docs/protocol.md, sections 18 (``calling.call.refer``) and 22 (row 15).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, assert_never

import msgspec

from ..constants import END_REASON_HANGUP, EVENT_CALL_REFER
from ..errors import RelayError
from ..rpc.frames import INVALID_PARAMS
from .config import ExchangeTiming
from .happened import What, Who
from .legs import Leg, Operation
from .requests import OnCall, Request, Verb, call_verb, check_none
from .script import Answers, Behaviour, Busy, ByHand, Declines, NoAnswer, Served, Unreachable
from .shapes import Name, Text

ACCEPTED: Final = "202"
SUCCESS: Final = "success"


class TargetParams(msgspec.Struct, frozen=True, kw_only=True):
    """A SIP URI. A page of the vendor's documentation has `uri` instead of `to`."""

    to: Name | None = None
    uri: Name | None = None
    from_: Text = msgspec.field(name="from", default=None)
    username: Text = None
    password: Text = None


class Target(msgspec.Struct, frozen=True, tag_field="type", tag="sip"):
    """The new address for the far end."""

    params: TargetParams


class ReferParams(OnCall, frozen=True, kw_only=True):
    """``calling.refer``."""

    device: Target
    status_url: Text = None


class Referral(Operation):
    """One REFER in progress."""

    def __init__(self, leg: Leg, to: str, now: float) -> None:
        super().__init__(leg, leg.network.new_id())
        self._network = leg.network
        self._to = to
        timing = leg.network.config.timing
        self._seconds, self._state, self._code = _outcome(leg.network.behaviour(to, now), timing)

    def start(self, now: float) -> None:
        """Send the REFER."""
        self.leg.note(Who.PROGRAM, What.STARTED, now, activity=f"a transfer to {self._to}")
        self._network.at(now + self._network.config.timing.ring_delay, self._proceed)

    def cancel(self, now: float) -> None:  # noqa: ARG002
        """End, because the call has ended."""
        self._network.cancel(self._proceed)
        self._network.cancel(self._conclude)

    def _proceed(self, now: float) -> None:
        self._tell("inProgress", now)
        self._network.at(now + self._seconds, self._conclude)

    def _conclude(self, now: float) -> None:
        self.leave()
        activity = f"the transfer to {self._to}"
        self.leg.note(Who.EXCHANGE, What.FINISHED, now, activity=activity, outcome=self._state)
        self._tell(self._state, now, sip_notify_response_code=self._code)
        if self._state == SUCCESS:
            self.leg.end(END_REASON_HANGUP, Who.CALLER, now)

    def _tell(self, state: str, now: float, **notified: str) -> None:
        self.leg.tell(
            EVENT_CALL_REFER,
            now,
            state=state,
            sip_refer_to=self._to,
            sip_refer_response_code=ACCEPTED,
            **notified,
        )


def refer(request: Request, leg: Leg, params: ReferParams) -> None:
    """``calling.refer``."""
    target = params.device.params
    to = target.to or target.uri
    if to is None:
        raise RelayError(INVALID_PARAMS, "Invalid params: the device has no `to`")
    check_none(leg, Referral, "a transfer")
    request.accept("Starting SIP REFER")
    if target.to is None:
        leg.tolerate("uri", "to", request.now)
    Referral(leg, to, request.now).start(request.now)


def _outcome(behaviour: Behaviour, timing: ExchangeTiming) -> tuple[float, str, str]:
    """Return the seconds until the outcome, its state, and the code of the SIP NOTIFY."""
    match behaviour:
        case Answers(after=after):
            return after, SUCCESS, "200"
        case Served():
            return timing.reaction, SUCCESS, "200"
        case Declines(after=after):
            return after, "decline", "603"
        case NoAnswer() | ByHand():
            return timing.ring_timeout, "noAnswer", "480"
        case Busy():
            return 0.0, "busy", "486"
        case Unreachable():
            return 0.0, "error", "404"
        case _:
            assert_never(behaviour)


VERBS: Final[Mapping[str, Verb]] = {"calling.refer": call_verb(ReferParams, refer)}
