"""``calling.send_digits``: the program sends digits.

Source: docs/protocol.md, sections 15 and 22 (row 16).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

import msgspec

from ..constants import EVENT_CALL_SEND_DIGITS
from .happened import What, Who
from .legs import Leg, Operation
from .requests import OnOperation, Request, Verb, start_verb
from .sounds import Side, SoundKind

PAUSES: Final[Mapping[str, float]] = {"w": 0.5, "W": 1.0}


class SendDigitsParams(OnOperation, frozen=True, kw_only=True):
    """``calling.send_digits``."""

    digits: Annotated[str, msgspec.Meta(pattern=r"\A[0-9*#A-Da-dwW]+\Z", max_length=1000)]


class SendDigits(Operation):
    """Digits that are being sent. The far end hears them at the end, as one text."""

    def __init__(self, leg: Leg, control_id: str, digits: str) -> None:
        super().__init__(leg, control_id)
        self._digits = digits

    def start(self, now: float) -> None:
        """Start to send."""
        each = self.leg.network.config.timing.digit
        seconds = 0.0
        for digit in self._digits:
            if digit not in PAUSES:
                self.leg.sound(Side.NEAR, SoundKind.KEYS, digit, each, now + seconds)
            seconds += PAUSES.get(digit, each)
        self.leg.note(Who.PROGRAM, What.SENT_DIGITS, now, digits=self._digits)
        self.leg.network.at(now + seconds, self._finish)

    def cancel(self, now: float) -> None:  # noqa: ARG002
        """End, because the call has ended."""
        self.leg.network.cancel(self._finish)

    def tell_end(self, now: float) -> None:
        """See `Operation`."""
        self._tell_finished(now)

    def _finish(self, now: float) -> None:
        self.leave()
        keys = "".join(digit for digit in self._digits if digit not in PAUSES)
        self.leg.far.take_digits(keys, now)
        self._tell_finished(now)

    def _tell_finished(self, now: float) -> None:
        self.leg.tell(EVENT_CALL_SEND_DIGITS, now, control_id=self.control_id, state="finished")


def send_digits(request: Request, leg: Leg, params: SendDigitsParams) -> None:
    """``calling.send_digits``."""
    request.accept_start(params, "Sending Digits")
    SendDigits(leg, params.control_id, params.digits).start(request.now)


VERBS: Final[Mapping[str, Verb]] = {
    "calling.send_digits": start_verb(SendDigitsParams, send_digits),
}
