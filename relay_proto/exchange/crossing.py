"""Calls from program to program: one has dialed a number that a program serves.

Such a call has two legs, an outbound and an inbound one. Each is at the far end of the
other: what one program plays, the other one can collect, detect and record.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Final

from ..constants import (
    END_REASON_BUSY,
    END_REASON_CANCEL,
    END_REASON_DECLINE,
    END_REASON_HANGUP,
)
from .happened import Who
from .legs import INBOUND, OUTBOUND, FarEnd, Leg
from .media import speech_seconds
from .network import Network
from .people import HUMAN
from .routing import offer
from .switch import Switch

DELAY: Final = 0.05
"""Seconds until the other program hears a sound."""
REFUSALS: Final[Mapping[str, str]] = {END_REASON_HANGUP: END_REASON_DECLINE}
"""The end reasons that have another name for whoever called."""


class OtherProgram(FarEnd):
    """The program at the other leg. It sets nothing in motion by itself."""

    other: Leg

    def __init__(self, network: Network) -> None:
        self._network = network
        self.nature = HUMAN
        self._sounds: deque[tuple[str, bool]] = deque(maxlen=network.config.limits.heard)

    def start(self, now: float) -> None:
        """Do nothing, because the program itself decides what it does."""

    def stop(self) -> None:
        """Let the other program hear nothing more."""
        self._sounds.clear()
        self._network.cancel(self._deliver)

    def move_to(self, leg: Leg) -> None:
        """Join `leg` and the call of the other program, which goes on."""
        far = self.other.far
        assert isinstance(far, OtherProgram), "both legs end at a program"
        far.other = leg
        leg.watchers.append(_follow_called)

    def hear(self, text: str, now: float) -> None:
        """Let the other program hear `text`, a little later."""
        self._carry(text, keys=False, now=now)

    def take_digits(self, digits: str, now: float) -> None:
        """Let the other program hear these keys, a little later."""
        self._carry(digits, keys=True, now=now)

    def _carry(self, sound: str, *, keys: bool, now: float) -> None:
        if not self._sounds:
            self._network.at(now + DELAY, self._deliver)
        self._sounds.append((sound, keys))

    def _deliver(self, now: float) -> None:
        sounds = tuple(self._sounds)
        self._sounds.clear()  # what they set in motion may make new ones
        for sound, keys in sounds:
            if keys:
                for digit in sound:
                    self.other.press(digit, now)
            else:
                seconds = speech_seconds(sound, self._network.config.timing)
                self.other.say(sound, seconds, now)


def cross(switch: Switch, near: Leg, far: OtherProgram, context: str, now: float) -> None:
    """Offer the call of `near`, at whose end is `far`, to a program that serves `context`."""
    network = switch.network
    if not switch.has_room(1):
        near.end(END_REASON_BUSY, Who.EXCHANGE, now)
        return
    back = OtherProgram(network)
    params = near.device["params"]
    number = params.get("from_number") or params.get("from", "")
    leg = Leg(network, back, direction=INBOUND, device=near.device, number=number, context=context)
    far.other, back.other = leg, near
    near.watchers.append(_follow_caller)
    leg.watchers.append(_follow_called)
    switch.add(leg)
    offer(switch, leg, now)


def _follow_called(leg: Leg, now: float) -> None:
    """Answer or end the other leg, because `leg` was answered or has ended.

    After a transfer, the other one can be up already, or wait for a program of its own.
    """
    near = _other(leg)
    if leg.answered:
        if near.direction == OUTBOUND and not near.answered:
            near.answer(Who.CALLER, now)
    elif leg.ended and not leg.transferred:
        near.end(_reason_for(near, leg.end_reason), Who.CALLER, now)


def _reason_for(near: Leg, reason: str) -> str:
    if near.answered:  # whatever the other one says, as after a transfer that nobody took
        return END_REASON_HANGUP
    # An inbound one waits for its program, after a transfer: who called has given up.
    return END_REASON_CANCEL if near.direction == INBOUND else REFUSALS.get(reason, reason)


def _follow_caller(near: Leg, now: float) -> None:
    """End the inbound leg, because `near` has ended."""
    if near.ended and not near.transferred:
        leg = _other(near)
        leg.end(END_REASON_HANGUP if leg.answered else END_REASON_CANCEL, Who.CALLER, now)


def _other(leg: Leg) -> Leg:
    assert isinstance(leg.far, OtherProgram), "both legs end at a program"
    return leg.far.other
