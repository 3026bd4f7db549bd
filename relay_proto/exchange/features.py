"""Features of a call: hold, noise reduction, echo, and custom events.

The program gives them no control id, so a call has at most one of each. The protocol
does not define the values of ``state``, so this network has its own.

Source: docs/protocol.md, sections 14.2, 18 and 22 (row 31).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ..constants import EVENT_CALL_DENOISE, EVENT_CALL_ECHO, EVENT_CALL_HOLD
from .happened import What, Who
from .legs import Leg, Listener, Operation
from .requests import OnCall, Request, Verb, call_verb, check_none, running_one
from .shapes import Seconds, Text


class EchoParams(OnCall, frozen=True, kw_only=True):
    """``calling.echo``; with a `timeout` of 0 it lasts until the call ends."""

    timeout: Seconds = 0.0
    status_url: Text = None


class _Feature(Operation):
    """A feature that is on while its operation exists."""

    def __init__(self, leg: Leg) -> None:
        super().__init__(leg, leg.network.new_id())

    def cancel(self, now: float) -> None:
        """End, because the call has ended."""


class Hold(_Feature):
    """The call is on hold."""


class Denoise(_Feature):
    """Noise is removed from the call."""


class Echo(Listener):
    """The far end hears its own words and keys."""

    def __init__(self, leg: Leg) -> None:
        super().__init__(leg, leg.network.new_id())

    def start(self, timeout: float, now: float) -> None:
        """Start the echo."""
        _note(self.leg, "echo", "on", now)
        self.leg.tell(EVENT_CALL_ECHO, now, state="echoing")
        if timeout:
            self.leg.network.at(now + timeout, self._finish)

    def cancel(self, now: float) -> None:  # noqa: ARG002
        """End, because the call has ended."""
        self.leg.network.cancel(self._finish)

    def tell_end(self, now: float) -> None:
        """See `Operation`."""
        self.leg.tell(EVENT_CALL_ECHO, now, state="finished")

    def take_digit(self, digit: str, now: float) -> None:
        """Take a key that the far end presses."""
        self.leg.hear_digits(digit, now)

    def take_speech(self, text: str, seconds: float, now: float) -> None:  # noqa: ARG002
        """Take words that the far end begins to say."""
        self.leg.hear(text, now)

    def _finish(self, now: float) -> None:
        self.leave()
        _note(self.leg, "echo", "off", now)
        self.tell_end(now)


def hold(request: Request, leg: Leg, params: OnCall) -> None:  # noqa: ARG001
    """``calling.hold``."""
    check_none(leg, Hold, "a hold")
    request.accept("Call on hold", call_id=leg.call_id)
    Hold(leg)
    _note(leg, "hold", "on", request.now)
    leg.tell(EVENT_CALL_HOLD, request.now, state="hold")


def unhold(request: Request, leg: Leg, params: OnCall) -> None:  # noqa: ARG001
    """``calling.unhold``."""
    held = running_one(leg, Hold, "hold")
    request.accept("Call off hold", call_id=leg.call_id)
    held.leave()
    _note(leg, "hold", "off", request.now)
    leg.tell(EVENT_CALL_HOLD, request.now, state="unhold")


def denoise(request: Request, leg: Leg, params: OnCall) -> None:  # noqa: ARG001
    """``calling.denoise``."""
    check_none(leg, Denoise, "a denoiser")
    request.accept("Denoiser on", call_id=leg.call_id)
    Denoise(leg)
    _note(leg, "the denoiser", "on", request.now)
    leg.tell(EVENT_CALL_DENOISE, request.now, denoised=True)


def denoise_stop(request: Request, leg: Leg, params: OnCall) -> None:  # noqa: ARG001
    """``calling.denoise.stop``."""
    running = running_one(leg, Denoise, "denoiser")
    request.accept("Denoiser off", call_id=leg.call_id)
    running.leave()
    _note(leg, "the denoiser", "off", request.now)
    leg.tell(EVENT_CALL_DENOISE, request.now, denoised=False)


def echo(request: Request, leg: Leg, params: EchoParams) -> None:
    """``calling.echo``."""
    check_none(leg, Echo, "an echo")
    request.accept("Echo started", call_id=leg.call_id)
    Echo(leg).start(params.timeout, request.now)


def user_event(request: Request, leg: Leg, params: OnCall) -> None:  # noqa: ARG001
    """``calling.user_event``; the event goes only to the journal."""
    request.accept("Event sent", call_id=leg.call_id)
    leg.note(Who.PROGRAM, What.SENT_EVENT, request.now)


def _note(leg: Leg, feature: str, state: str, now: float) -> None:
    leg.note(Who.PROGRAM, What.SWITCHED, now, feature=feature, state=state)


VERBS: Final[Mapping[str, Verb]] = {
    "calling.hold": call_verb(OnCall, hold),
    "calling.unhold": call_verb(OnCall, unhold),
    "calling.denoise": call_verb(OnCall, denoise),
    "calling.denoise.stop": call_verb(OnCall, denoise_stop),
    "calling.echo": call_verb(EchoParams, echo),
    "calling.user_event": call_verb(OnCall, user_event),
}
