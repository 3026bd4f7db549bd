"""`Leg`: one call, from the exchange's side.

A leg has a program at its near end, which gets events, and a person at its far end. Its
state only moves forward, and its watchers are called after each move. When a leg ends, each
operation on it has its last event between the states ``ending`` and ``ended``; see `Artifact`
for the exception.

Source: docs/protocol.md, sections 12 to 15 and 18.
"""

from __future__ import annotations

import abc
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias, TypeVar

from ..constants import END_REASON_CANCEL, END_REASON_MAX_DURATION, EVENT_CALL_STATE
from ..rpc.frames import JSONObject
from ..transitions import CALL_ORDER, CallState, forward
from .happened import What, Who
from .media import BEEP_SECONDS, speech_seconds
from .network import Network
from .script import Nature
from .sessions import Session
from .sounds import Side, Sounding, SoundKind, Tape

INBOUND: Final = "inbound"
OUTBOUND: Final = "outbound"
RECENT_SOUNDS: Final = 10
"""The sounds among which a tape looks for those that have begun before it."""

Watcher: TypeAlias = "Callable[[Leg, float], None]"
O = TypeVar("O", bound="Operation")  # noqa: E741 - any kind of operation


class FarEnd(abc.ABC):
    """Who or what is at the far end of a leg. `Leg` sets `leg`."""

    leg: Leg
    nature: Nature

    @abc.abstractmethod
    def start(self, now: float) -> None:
        """Start, because the call is answered."""

    @abc.abstractmethod
    def hear(self, text: str, now: float) -> None:
        """Take `text`, which the far end hears."""

    def take_digits(self, digits: str, now: float) -> None:
        """Take keys that the far end hears."""
        self.hear(digits, now)

    def move_to(self, leg: Leg) -> None:  # noqa: B027 - people need nothing more
        """Go on with `leg`, to which the call was transferred. `Leg` has set it already."""

    @property
    def unheard(self) -> str:
        """What the far end waits for just now, and has not heard. ``""`` for nothing."""
        return ""

    @abc.abstractmethod
    def stop(self) -> None:
        """Do nothing more, because the call has ended."""


class Operation(abc.ABC):
    """Something that a program has started on a leg. It has a control id."""

    def __init__(self, leg: Leg, control_id: str) -> None:
        self.leg = leg
        self.control_id = control_id
        leg.operations[control_id] = self

    @abc.abstractmethod
    def cancel(self, now: float) -> None:
        """End with the call: cancel all deadlines, and send no event yet."""

    def tell_end(self, now: float) -> None:  # noqa: B027 - few have nothing to say
        """Tell the program that the operation is over, because the call is ending.

        An `Artifact` does so later, when its file is there. What has no control id of the
        program's has nothing to say.
        """

    def leave(self) -> None:
        """Remove the operation from its leg, so that its control id is free again."""
        self.leg.operations.pop(self.control_id, None)


class Listener(Operation):
    """An operation that hears the person at the far end."""

    @abc.abstractmethod
    def take_digit(self, digit: str, now: float) -> None:
        """Take a key that the far end presses."""

    @abc.abstractmethod
    def take_speech(self, text: str, seconds: float, now: float) -> None:
        """Take `text`, which the far end begins to say. It takes `seconds`."""

    def take_beep(self, now: float) -> None:
        """Take the beep of a machine. Only a detector listens for it."""


@dataclass(frozen=True, slots=True, eq=False)
class Bridge:
    """Two legs that hear each other. ``calling.connect`` was called on `near`."""

    near: Leg
    far: Leg


class Leg:
    """One call. Events show its address as `device`, the journal shows `number`."""

    def __init__(
        self,
        network: Network,
        far: FarEnd,
        *,
        direction: str,
        device: JSONObject,
        number: str,
        session: Session | None = None,
        context: str = "",
        tag: str = "",
    ) -> None:
        self.network = network
        self.call_id = network.new_id()
        self.session = session
        self.direction = direction
        self.device = device
        self.number = number
        self.context = context
        self.tag = tag
        self.state: str = CallState.CREATED.value
        self.end_reason = ""
        self.transferred = False
        """Whether the far end goes on with another call, in this network."""
        self.operations: dict[str, Operation] = {}
        self.watchers: list[Watcher] = []
        self.bridge: Bridge | None = None
        self.origin: Leg | None = None
        """The leg for which this one was dialed, by ``calling.connect``."""
        self.refused_by: set[Session] = set()
        self.quiet_at = 0.0
        """When the far end finishes what it is saying."""
        self.beeped = False
        """Whether the far end has beeped, and said nothing since."""
        self.tapes: set[Tape] = set()
        """Who records the call."""
        self._soundings: deque[Sounding] = deque(maxlen=RECENT_SOUNDS)
        self._unanswered = (END_REASON_CANCEL, Who.CALLER)
        self.far = far
        far.leg = self

    @property
    def answered(self) -> bool:
        """Whether the call is answered and has not ended."""
        return self.state == CallState.ANSWERED.value

    @property
    def ended(self) -> bool:
        """Whether the call has ended."""
        return self.state == CallState.ENDED.value

    @property
    def peer(self) -> Leg | None:
        """The leg that this one is bridged to."""
        if self.bridge is None:
            return None
        return self.bridge.far if self.bridge.near is self else self.bridge.near

    def identity(self) -> JSONObject:
        """The keys by which events name this call."""
        named: JSONObject = {"call_id": self.call_id, "node_id": self.network.config.node_id}
        if self.tag:
            named["tag"] = self.tag
        return named

    def shown(self) -> JSONObject:
        """The call as events show a peer or the winner of a dial."""
        return {**self.identity(), "device": self.device}

    def tell(self, event_type: str, now: float, **params: object) -> None:
        """Tell the program at the near end, if there is one, about this call."""
        if self.session is not None:
            self.session.tell(event_type, {**self.identity(), **params}, now)

    def note(self, who: Who, what: What, now: float, **details: str) -> None:
        """Report what happened on this call."""
        self.network.note(now, self.call_id, who, what, **details)

    def tolerate(self, given: str, usual: str, now: float) -> None:
        """Report that the program writes `given`, where most documents have `usual`."""
        self.note(Who.EXCHANGE, What.TOLERATED, now, given=given, usual=usual)

    def move(self, state: CallState, now: float) -> None:
        """Move forward to `state`, tell the program, and call the watchers."""
        self.state = forward(CALL_ORDER, self.state, state.value)
        self.tell_state(now)
        for watcher in tuple(self.watchers):
            watcher(self, now)

    def tell_state(self, now: float) -> None:
        """Send an event with the state of the call."""
        params: JSONObject = {
            "call_state": self.state,
            "direction": self.direction,
            "device": self.device,
        }
        if self.end_reason:
            params["end_reason"] = self.end_reason
        peer = self.peer or self.origin
        if peer is not None:
            params["peer"] = peer.identity()
        self.tell(EVENT_CALL_STATE, now, **params)

    def wait_for_answer(self, seconds: float, reason: str, who: Who, now: float) -> None:
        """Let `who` end the call with `reason` if nobody answers within `seconds`."""
        self._unanswered = (reason, who)
        self.network.at(now + seconds, self._end_unanswered)

    def answer(self, who: Who, now: float) -> None:
        """Let `who` answer the call."""
        self.network.cancel(self._end_unanswered)
        self.note(who, What.ANSWERED, now)
        self.move(CallState.ANSWERED, now)
        self.far.start(now)

    def limit(self, seconds: float, now: float) -> None:
        """End the call `seconds` from now."""
        self.network.at(now + seconds, self._end_at_limit)

    def end(self, reason: str, who: Who, now: float, *, listens_on: bool = False) -> None:
        """End the call. Do nothing if it has ended already.

        With `listens_on`, whoever is at the far end goes on with their script on another call.
        """
        if self.end_reason:
            return
        self.end_reason = reason
        unheard = self.far.unheard
        if unheard and who is Who.PROGRAM and not listens_on:
            self.note(Who.CALLER, What.MISSED, now, text=unheard)
        self.far.stop()
        self.network.cancel(self._end_at_limit)
        self.network.cancel(self._end_unanswered)
        ending = tuple(self.operations.values())
        for operation in ending:
            operation.cancel(now)
        self.operations.clear()
        self.note(who, What.ENDED, now, reason=reason)
        self.move(CallState.ENDING, now)
        for operation in ending:
            operation.tell_end(now)
        self.move(CallState.ENDED, now)

    def press(self, digit: str, now: float) -> None:
        """Let the person at the far end press a key."""
        self.note(Who.CALLER, What.PRESSED, now, digit=digit)
        self.sound(Side.FAR, SoundKind.KEYS, digit, self.network.config.timing.digit, now)
        for listener in self._listeners():
            listener.take_digit(digit, now)
        if self.peer is not None:
            self.peer.hear_digits(digit, now)

    def say(self, text: str, seconds: float, now: float) -> None:
        """Let the person at the far end begin to speak."""
        self.quiet_at = now + seconds
        self.beeped = False
        self.note(Who.CALLER, What.SAID, now, text=text)
        self.sound(Side.FAR, SoundKind.SPEECH, text, seconds, now)
        for listener in self._listeners():
            listener.take_speech(text, seconds, now)
        if self.peer is not None:
            self.peer.hear(text, now)

    def beep(self, now: float) -> None:
        """Let the machine at the far end beep."""
        self.beeped = True
        self.note(Who.CALLER, What.BEEPED, now)
        self.sound(Side.FAR, SoundKind.BEEP, "", BEEP_SECONDS, now)
        for listener in self._listeners():
            listener.take_beep(now)

    def hear(self, text: str, now: float, kind: SoundKind = SoundKind.SPEECH) -> None:
        """Let the person at the far end hear `text`."""
        timing = self.network.config.timing
        match kind:
            case SoundKind.BEEP:
                seconds = BEEP_SECONDS
            case SoundKind.FILE:
                seconds = timing.audio
            case _:
                seconds = speech_seconds(text, timing)
        self.sound(Side.NEAR, kind, text, seconds, now)
        self.far.hear(text, now)

    def hear_digits(self, digits: str, now: float) -> None:
        """Let the person at the far end hear keys."""
        each = self.network.config.timing.digit
        self.sound(Side.NEAR, SoundKind.KEYS, digits, len(digits) * each, now)
        self.far.take_digits(digits, now)

    def sound(
        self,
        side: Side,
        kind: SoundKind,
        text: str,
        seconds: float,
        now: float,
        *,
        skipped: float = 0.0,
    ) -> Sounding:
        """Let whoever records the call have a sound. Nobody else hears it by this."""
        sounding = Sounding(side, kind, text, now, seconds, skipped=skipped)
        self._soundings.append(sounding)
        for tape in self.tapes:
            tape.take(sounding)
        return sounding

    def record(self, tape: Tape, now: float) -> None:
        """Start a tape. It also gets the rest of what sounds now."""
        self.tapes.add(tape)
        tape.start(now, (sounding for sounding in self._soundings if sounding.ends_at > now))

    def operation(self, kind: type[O], control_id: str) -> O | None:
        """Return the running operation of this kind and id, if there is one."""
        found = self.operations.get(control_id)
        return found if isinstance(found, kind) else None

    def running(self, kind: type[O]) -> O | None:
        """Return the first running operation of this kind, if there is one."""
        return next(self.all_running(kind), None)

    def all_running(self, kind: type[O]) -> Iterator[O]:
        """Return the running operations of this kind, even if some end meanwhile."""
        operations = tuple(self.operations.values())
        return (operation for operation in operations if isinstance(operation, kind))

    def _listeners(self) -> Iterator[Listener]:
        operations = tuple(self.operations.values())
        return (operation for operation in operations if isinstance(operation, Listener))

    def _end_at_limit(self, now: float) -> None:
        self.end(END_REASON_MAX_DURATION, Who.EXCHANGE, now)

    def _end_unanswered(self, now: float) -> None:
        reason, who = self._unanswered
        self.end(reason, who, now)
