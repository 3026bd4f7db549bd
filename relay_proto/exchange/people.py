"""`Person`: somebody at the far end of a leg, who follows a script.

A person never acts while they hear something. Each step waits on the agenda until the
reaction time has passed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, assert_never

from ..constants import END_REASON_HANGUP
from .happened import Heard, What, Who
from .legs import FarEnd, Leg
from .media import speech_seconds
from .network import Network
from .script import HangUp, Hear, Human, Machine, Nature, Press, Say, Step, Wait
from .sounds import AudioFile, Side, Tape

HUMAN: Final = Human()
MESSAGE: Final = "recording a message"


@dataclass(frozen=True, slots=True)
class TakeMessage:
    """Record from now on, after a beep or without one. A machine does so after its greeting."""

    beep: bool


def greeting_of(machine: Machine) -> tuple[Step | TakeMessage, ...]:
    """Return what a machine does before it follows its script."""
    said = machine.greeting
    steps: tuple[Step, ...] = (Say(said),) if isinstance(said, str) else said
    return (*steps, HangUp() if machine.full else TakeMessage(machine.beep))


class Person(FarEnd):
    """Do the steps of a script in order, then stay on the line and listen.

    An answering machine is a person whose first steps are the greeting.
    """

    def __init__(self, network: Network, script: Sequence[Step], nature: Nature = HUMAN) -> None:
        self._network = network
        self.nature = nature
        first = greeting_of(nature) if isinstance(nature, Machine) else ()
        self._steps: deque[Step | TakeMessage] = deque((*first, *script))
        self._awaited: Hear | None = None
        self._heard: deque[tuple[str, float]] = deque(maxlen=network.config.limits.heard)
        self._digits = ""
        self._interval = 0.0
        self._has_more = True
        """Whether the person is doing something, or will, or waits to hear something."""
        self._acts_by_hand = False

    def start(self, now: float) -> None:
        """Begin with the script, or continue it after a transfer."""
        self._react(now)

    @property
    def unheard(self) -> str:
        """See `FarEnd`."""
        return "" if self._awaited is None else self._awaited.text

    def stop(self) -> None:
        """Do nothing more on this call."""
        if self._awaited is not None:
            self._steps.appendleft(self._awaited)
            self._awaited = None
        for duty in (self._do_next_step, self._press, self._give_up):
            self._network.cancel(duty)

    def act(self, step: Press | Say, now: float) -> None:
        """Do a step by hand, after the earlier ones. What is left of the script is forgotten."""
        if not self._acts_by_hand:
            self._acts_by_hand = True
            self.stop()
            self._steps.clear()
            self._has_more = False
        self._steps.append(step)
        if not self._has_more:
            self._has_more = True
            self._do_next_step(now)

    def hear(self, text: str, now: float) -> None:
        """Remember `text`, and react if the current step waits for it."""
        seconds = speech_seconds(text, self._network.config.timing)
        if self._network.config.observed:
            self._network.report(Heard(now, self.leg.call_id, text, seconds))
        self._heard.append((text, now + seconds))
        if self._awaited is not None:
            heard_at = self._has_heard(self._awaited, now)
            if heard_at is not None:
                self._awaited = None
                self._network.cancel(self._give_up)
                self._react(heard_at)

    def _do_next_step(self, now: float) -> None:
        step = self._steps.popleft() if self._steps else None
        match step:
            case Wait(seconds):
                self._do_next_step_after(seconds, now)
            case Hear(timeout=timeout):
                heard_at = self._has_heard(step, now)
                if heard_at is not None:
                    self._react(heard_at)
                else:
                    self._awaited = step
                    self._network.at(now + timeout, self._give_up)
            case Press(digits, interval):
                self._digits, self._interval = digits, interval
                self._press(now)
            case Say(text):
                seconds = speech_seconds(text, self._network.config.timing)
                self._do_next_step_after(seconds, now)
                self.leg.say(text, seconds, now)
            case TakeMessage(beep):
                if beep:
                    self.leg.beep(now)
                self.leg.note(Who.CALLER, What.STARTED, now, activity=MESSAGE)
                self._take_message(now)
                self._react(now)
            case HangUp():
                self.leg.end(END_REASON_HANGUP, Who.CALLER, now)
            case None:
                self._has_more = False
            case _:
                assert_never(step)

    def _take_message(self, now: float) -> None:
        """Record what the program says from now on, until the call ends."""
        network = self._network
        tape = Tape(network.config.limits.sounds)
        self.leg.record(tape, now)

        def keep(leg: Leg, ended_at: float) -> None:
            if not leg.ended:
                return
            tape.stop(ended_at)
            sounds = tuple(sound for sound in tape.sounds if sound.side is Side.NEAR)
            if sounds:
                name = f"{network.new_id()}.wav"
                network.keep(name, AudioFile("wav", tape.seconds(ended_at), 1, sounds))
                leg.note(
                    Who.CALLER,
                    What.FINISHED,
                    ended_at,
                    activity=MESSAGE,
                    outcome=f"{tape.seconds(ended_at):.1f} s",
                    file=name,
                )

        self.leg.watchers.append(keep)

    def _react(self, now: float) -> None:
        self._do_next_step_after(self._network.config.timing.reaction, now)

    def _do_next_step_after(self, seconds: float, now: float) -> None:
        self._network.at(now + seconds, self._do_next_step)

    def _has_heard(self, step: Hear, now: float) -> float | None:
        """When the person has heard it, if they have. Forget it then and everything before it."""
        while self._heard:
            text, ends_at = self._heard.popleft()
            if step.text.casefold() in text.casefold():
                return max(now, ends_at) if step.whole else now
        return None

    def _press(self, now: float) -> None:
        digit, self._digits = self._digits[:1], self._digits[1:]
        if self._digits:
            self._network.at(now + self._interval, self._press)
        else:
            self._do_next_step_after(self._interval, now)
        if digit:
            self.leg.press(digit, now)

    def _give_up(self, now: float) -> None:
        assert self._awaited is not None, "only a Hear step can time out"
        self.leg.note(Who.CALLER, What.MISSED, now, text=self._awaited.text)
        self.leg.end(END_REASON_HANGUP, Who.CALLER, now)
