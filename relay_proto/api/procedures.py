"""Procedures: methods of a call that take several requests, and decide between them.

A `Procedure` says what to do next, and hears what happens. It neither waits nor sends, so
an adapter that can do both carries out every procedure by the same loop. The functions
here are methods of the same name in `relay_anyio` and `relay_sync`, as in `commands`.

Public: for authors of adapters.

Source: docs/protocol.md, sections 15, 17 and 18.
"""

# Without `from __future__ import annotations`, as in `commands`.

import abc
import enum
from collections.abc import Collection, Sequence
from typing import Any, Final, Generic, Literal, TypeAlias, TypeVar

import msgspec

from ..errors import RelayError
from ..records import ActionRecord
from ..rpc.event_base import RelayEvent
from ..rpc.events import CallStateEvent, DetectEvent, PlayEvent
from . import builders, commands, shapes
from .answering import TO_SPEAK, Answering, LeftMessage, Phase, WhoAnswered
from .commands import Command
from .parameters import checked

R = TypeVar("R")
AlsoTo: TypeAlias = Literal["human", "unknown"]
"""Who may hear a message besides machines."""

MESSAGE_TIME: Final = 120.0
"""Seconds for which the detector goes on while the message is played."""


class Role(enum.Enum):
    """What an action is for in its procedure."""

    MACHINE_DETECTOR = "the detector of machines"
    FAX_DETECTOR = "the detector of faxes"
    MESSAGE = "the message"


class Start(msgspec.Struct, frozen=True):
    """Start an action. Then call `started`, or `refused` if that fails."""

    role: Role
    command: Command[ActionRecord]

    @classmethod
    def of(cls, role: Role, command: Command[ActionRecord]) -> "Start":
        """Start one that is stopped, too, if this is cancelled before the answer has come."""
        return cls(role, command.as_stopping_unwanted())


class Stop(msgspec.Struct, frozen=True):
    """Stop an action, and do not wait for that."""

    action: ActionRecord


class Listen(msgspec.Struct, frozen=True):
    """Wait for the next event of the call, until the time `until` at most."""

    until: float | None


class Finished(msgspec.Struct, Generic[R], frozen=True):
    """Return `result`."""

    result: R


class Procedure(abc.ABC, Generic[R]):
    """Something that a program does with a call, step by step. `R` is its result.

    After `begin`, do what `next_step` says until it returns `Finished`, and tell the procedure
    what happens. When `deadline` has come, read first. At the end, however it comes, stop all
    `actions`.
    """

    def __init__(self) -> None:
        self.actions: list[ActionRecord] = []
        """What was started. To stop what has ended does no harm."""

    @abc.abstractmethod
    def begin(self, now: float) -> None:
        """Count the time from now on."""

    @abc.abstractmethod
    def deadline(self) -> float | None:
        """Return from when on `next_step` judges that it is too late, or None.

        Read what waits in the socket before that, and tell the procedure of it.
        """

    @abc.abstractmethod
    def next_step(self, now: float) -> Start | Stop | Listen | Finished[R]:
        """Return what to do at the time `now`."""

    @abc.abstractmethod
    def started(self, role: Role, action: ActionRecord) -> None:
        """Take the action that was started."""

    @abc.abstractmethod
    def refused(self, role: Role, error: RelayError, now: float) -> None:
        """Take the failure of a start. Raise it if nothing can be done without."""

    @abc.abstractmethod
    def take(self, event: RelayEvent, now: float) -> None:
        """Take an event of the call."""

    @abc.abstractmethod
    def end_call(self, now: float) -> None:
        """Note that the call has ended."""


class Detection(msgspec.Struct, frozen=True, kw_only=True):
    """How to find out who has answered: see `wait_for_beep`."""

    detector: shapes.MachineDetector
    timeout: float
    quiet_time: float
    fax: bool


class Detecting(Procedure[R]):
    """Start the detectors, and follow what they say. `listen_for` is for how long they run."""

    def __init__(self, detection: Detection, listen_for: float) -> None:
        super().__init__()
        self._to_start = [
            Start.of(Role.MACHINE_DETECTOR, commands.detect(detection.detector, timeout=listen_for))
        ]
        if detection.fax:
            fax = commands.detect_fax(timeout=detection.timeout)
            self._to_start.append(Start.of(Role.FAX_DETECTOR, fax))
        self._roles: dict[str, Role] = {}
        self._answering = Answering(
            timeout=detection.timeout, quiet_time=detection.quiet_time, fax=detection.fax
        )

    def begin(self, now: float) -> None:
        """See `Procedure`."""
        self._answering.begin(now)

    def deadline(self) -> float | None:
        """See `Procedure`."""
        return self._answering.deadline()

    def next_step(self, now: float) -> Start | Stop | Listen | Finished[R]:
        """See `Procedure`."""
        if self._to_start and not self._answering.ended:
            return self._to_start.pop(0)
        self._answering.handle_timer(now)
        return self._next(self._answering)

    @abc.abstractmethod
    def _next(self, answering: Answering) -> Start | Stop | Listen | Finished[R]:
        """Return what to do while the detectors run."""

    def started(self, role: Role, action: ActionRecord) -> None:
        """See `Procedure`."""
        self.actions.append(action)
        self._roles[action.control_id] = role

    def refused(self, role: Role, error: RelayError, now: float) -> None:
        """Do without the detector of faxes: not every server runs two at a time."""
        if role is not Role.FAX_DETECTOR:
            raise error
        self._answering.lose_fax(now)

    def take(self, event: RelayEvent, now: float) -> None:
        """See `Procedure`."""
        match event:
            case DetectEvent(control_id=id) if self._roles.get(id) is Role.MACHINE_DETECTOR:
                self._answering.take(event, now)
            case DetectEvent(control_id=id) if self._roles.get(id) is Role.FAX_DETECTOR:
                self._answering.take_fax(event, now)
            case CallStateEvent(call_state="ending"):
                self.end_call(now)  # what ends from now on ends because of that
            case _:
                pass

    def end_call(self, now: float) -> None:
        """See `Procedure`."""
        self._answering.end_call(now)


class BeepWait(Detecting[WhoAnswered]):
    """`wait_for_beep`: it ends when it is known who has answered, or a machine listens."""

    def _next(self, answering: Answering) -> Start | Stop | Listen | Finished[WhoAnswered]:
        if answering.phase is Phase.OVER or answering.phase in TO_SPEAK:
            return Finished(answering.found())
        return Listen(answering.deadline())


class MessageLeaving(Detecting[LeftMessage]):
    """`leave_message`: it ends when the message was played, or will not be."""

    def __init__(
        self,
        detection: Detection,
        message: Command[ActionRecord],
        also_to: frozenset[str],
        attempts: int,
    ) -> None:
        super().__init__(detection, detection.timeout + MESSAGE_TIME)
        self._message = Start.of(Role.MESSAGE, message)
        self._also_to = also_to
        self._most_attempts = attempts
        self._attempts = 0
        self._began = WhoAnswered(who="unknown")
        """What was known when the message began."""
        self._chance = -1
        """In which phase of the far end the message began."""
        self._playing: ActionRecord | None = None
        self._played: bool | None = None
        """Whether the message was played to its end. None as long as it is not known."""

    def started(self, role: Role, action: ActionRecord) -> None:
        """See `Procedure`."""
        super().started(role, action)
        if role is Role.MESSAGE:
            self._playing = action

    def take(self, event: RelayEvent, now: float) -> None:
        """See `Procedure`."""
        super().take(event, now)
        playing = "" if self._playing is None else self._playing.control_id
        match event:
            case PlayEvent(control_id=id, state="finished" | "error" as state) if id == playing:
                self._played = state == "finished" and not self._answering.ended
            case _:
                pass

    def _next(self, answering: Answering) -> Start | Stop | Listen | Finished[LeftMessage]:
        if answering.ended or self._played is not None:
            return self._finished(answering)
        if self._playing is not None:
            return self._go_on(self._playing, answering)
        over = answering.phase is Phase.OVER
        if answering.phase in TO_SPEAK or (over and answering.who in self._also_to):
            self._attempts += 1
            self._began, self._chance = answering.found(), answering.chance
            return self._message
        return self._finished(answering) if over else Listen(answering.deadline())

    def _go_on(
        self, playing: ActionRecord, answering: Answering
    ) -> Start | Stop | Listen | Finished[LeftMessage]:
        """Return what to do while the message is played."""
        if answering.chance != self._chance:
            if answering.phase is Phase.OVER:
                return self._finished(answering)
            if self._attempts < self._most_attempts:
                self._playing = None
                return Stop(playing)
        return Listen(None)

    def _finished(self, answering: Answering) -> Finished[LeftMessage]:
        began = self._began
        return Finished(
            LeftMessage(
                who=answering.who,
                ready=began.ready,
                beep=began.beep,
                played=self._played is True,
                attempts=self._attempts,
            )
        )


@checked
def wait_for_beep(
    timeout: float = 60.0,
    *,
    quiet_time: float = 1.5,
    fax: bool = True,
    initial_timeout: float | None = None,
    end_silence_timeout: float | None = None,
    machine_ready_timeout: float | None = None,
    machine_voice_threshold: float | None = None,
    machine_words_threshold: int | None = None,
) -> Procedure[WhoAnswered]:
    """Find out who has answered. If it is a machine, wait until it listens.

    A person, a fax and no verdict are reported at once. A machine listens when it has beeped,
    or when its greeting is over and it is silent. See `leave_message`, which also speaks.

    Args:
        timeout: seconds for the greeting. After that, the result is a machine that is not
            `ready`, or ``unknown``.
        quiet_time: seconds for which a machine must be silent, after the server has found its
            greeting to be over, if no beep was heard. A greeting with a pause goes on
            meanwhile, and a beep that comes late does not hit the first words.
        fax: whether to listen for a fax as well. This is a second detector.
        initial_timeout: seconds to wait for a voice; the server's default is 4.5.
        end_silence_timeout: seconds of silence that end the listening; default 1.
        machine_ready_timeout: seconds of silence that end a greeting.
        machine_voice_threshold: seconds of voice that mean a machine; default 1.25.
        machine_words_threshold: words that mean a machine; default 6.

    Raises:
        ValueError, TypeError: an argument is wrong.
        RelayError: the server refuses the detector, or the connection is lost meanwhile. A
            refused detector of faxes is no error: then no fax is recognized.
    """
    detection = _detection(
        timeout,
        quiet_time,
        fax=fax,
        initial_timeout=initial_timeout,
        end_silence_timeout=end_silence_timeout,
        machine_ready_timeout=machine_ready_timeout,
        machine_voice_threshold=machine_voice_threshold,
        machine_words_threshold=machine_words_threshold,
    )
    return BeepWait(detection, detection.timeout)


@checked
def leave_message(
    message: str | Sequence[shapes.Media],
    timeout: float = 60.0,
    *,
    also_to: AlsoTo | Collection[AlsoTo] = (),
    attempts: int = 3,
    volume: float | None = None,
    quiet_time: float = 1.5,
    fax: bool = True,
    initial_timeout: float | None = None,
    end_silence_timeout: float | None = None,
    machine_ready_timeout: float | None = None,
    machine_voice_threshold: float | None = None,
    machine_words_threshold: int | None = None,
) -> Procedure[LeftMessage]:
    """Play a message to an answering machine, after its beep, and say who has answered.

    - A person or no verdict: nothing is played, unless `also_to` says so. Then it is played
      at once, and the result comes after it.
    - A machine: the message begins after the beep, or when the machine is silent. If the
      machine speaks or beeps again, the message stops, and begins again when it listens.
    - A machine that never listens: the message is played after `timeout` all the same. The
      result is then not `ready`.
    - A fax: nothing is played.
    - The call ends: so does this. `played` is false, and `who` says what was known.

    If this is cancelled or fails, the message and the detectors are stopped. The call goes on
    in every case: hang up when you are done.

    Args:
        message: a text to speak, or media as for `play`.
        timeout: seconds for the greeting.
        also_to: to whom else it is played: ``human``, ``unknown``, or a list of both.
        attempts: how often it begins. The last time, it is played to its end, whatever is
            heard.
        volume: in dB, from -40 to 40.
        quiet_time: seconds for which a machine must be silent: see `wait_for_beep`.
        fax: whether to listen for a fax as well. This is a second detector.
        initial_timeout: seconds to wait for a voice; the server's default is 4.5.
        end_silence_timeout: seconds of silence that end the listening; default 1.
        machine_ready_timeout: seconds of silence that end a greeting.
        machine_voice_threshold: seconds of voice that mean a machine; default 1.25.
        machine_words_threshold: words that mean a machine; default 6.

    Raises:
        ValueError, TypeError: an argument is wrong.
        RelayError: as for `wait_for_beep`, or the server refuses the message.
    """
    detection = _detection(
        timeout,
        quiet_time,
        fax=fax,
        initial_timeout=initial_timeout,
        end_silence_timeout=end_silence_timeout,
        machine_ready_timeout=machine_ready_timeout,
        machine_voice_threshold=machine_voice_threshold,
        machine_words_threshold=machine_words_threshold,
    )
    media: Sequence[shapes.Media]
    media = [builders.tts(message)] if isinstance(message, str) else message
    others = frozenset([also_to] if isinstance(also_to, str) else also_to)
    return MessageLeaving(detection, commands.play(media, volume=volume), others, attempts)


def _detection(timeout: float, quiet_time: float, *, fax: bool, **tuning: Any) -> Detection:
    detector = builders.machine_detector(
        detect_message_end=True, detect_interruptions=True, **tuning
    )
    return Detection(
        detector=detector,
        timeout=timeout,
        quiet_time=quiet_time,
        fax=fax,
    )
