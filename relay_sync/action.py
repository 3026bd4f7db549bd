"""Actions: the handles of operations that run on a call.

Public: for applications, which may also import the names from `relay_sync`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self, TypeVar

from relay_proto.api import commands
from relay_proto.api.commands import Command
from relay_proto.api.methods import named
from relay_proto.api.outcomes import Outcome, outcome_of
from relay_proto.api.results import CollectResults, DetectResults, FaxResults, RecordResults
from relay_proto.api.views import ActionView
from relay_proto.records import ActionRecord
from relay_proto.rpc import action_kinds as actions
from relay_proto.rpc.action_kinds import ActionKind, custom_kind
from relay_proto.rpc.event_base import RelayEvent

from ._verbs import control

if TYPE_CHECKING:
    from .call import Call

R = TypeVar("R")


class Action(ActionView):
    """An operation on a call: running until its last event, or the call's end.

    Verbs return handles; one that is made by hand follows an operation that was
    started elsewhere, until an event of type `terminal_event` has one of the
    `terminal_states`.
    """

    def __init__(
        self, call: Call, control_id: str, terminal_event: str, terminal_states: tuple[str, ...]
    ) -> None:
        kind = custom_kind(terminal_event, terminal_states)
        self._bind(call, call.attach(kind, control_id))

    @classmethod
    def of(cls, call: Call, record: ActionRecord) -> Self:
        """The handle of an action that the core knows. Not for applications."""
        handle = cls.__new__(cls)
        handle._bind(call, record)  # noqa: SLF001 - another way to construct it
        return handle

    def _bind(self, call: Call, record: ActionRecord) -> None:
        self.call = call
        self._record = record

    def wait(self, timeout: float | None = None) -> RelayEvent:
        """Wait for the end of the operation, and return the event that told it.

        A call that ends ends its operations: the event is then the call's.

        Raises:
            TimeoutError: it did not end in `timeout` seconds; it goes on, wait again.
            RelayError: it could not be started.
        """
        return self.call.engine.wait(self._record.done, timeout)

    def wait_outcome(self, timeout: float | None = None) -> Outcome:
        """Wait as `wait` does, and return how it ended, as a value to match."""
        return outcome_of(self.wait(timeout))

    def execute(self, command: Command[R]) -> R:
        """Carry out a control of the action."""
        return self.call.engine.execute(command, self._record)


@named
class StoppableAction(Action):
    """An action that can be stopped."""

    stop = control(commands.stop)


@named
class PausableAction(StoppableAction):
    """An action that can also be paused."""

    pause = control(commands.pause)
    resume = control(commands.resume)


@named
class VolumeAction(PausableAction):
    """An action that also has a volume."""

    volume = control(commands.volume)


class _OfKind(Action):
    """What is made by hand with a control id alone: the class says the rest."""

    kind: ClassVar[ActionKind]

    def __init__(self, call: Call, control_id: str) -> None:
        self._bind(call, call.attach(type(self).kind, control_id))


class PlayAction(_OfKind, VolumeAction):
    """A playback. Completes when it has finished or failed."""

    kind = actions.PLAY


class RecordAction(_OfKind, PausableAction, RecordResults):
    """A recording. Completes when it has finished, failed, or heard nothing."""

    kind = actions.RECORD


@named
class CollectAction(_OfKind, VolumeAction, CollectResults):
    """A prompt and the input it asks for. Completes with the input, or without it in time."""

    kind = actions.PLAY_AND_COLLECT
    start_input_timers = control(commands.start_input_timers)


@named
class StandaloneCollectAction(_OfKind, StoppableAction, CollectResults):
    """Input without a prompt. Completes with the input, or without it in time."""

    kind = actions.COLLECT
    start_input_timers = control(commands.start_input_timers)


class DetectAction(_OfKind, StoppableAction, DetectResults):
    """A detector. Completes with the first thing it hears; `stop` works until it is done."""

    kind = actions.DETECT


class FaxAction(StoppableAction, FaxResults):
    """A fax being sent or received. Completes when it is through, or has failed."""

    def __init__(self, call: Call, control_id: str, method_prefix: str) -> None:
        """`method_prefix` is ``send_fax`` or ``receive_fax``, or the whole method."""
        sending = method_prefix.removeprefix("calling.") == "send_fax"
        kind = actions.SEND_FAX if sending else actions.RECEIVE_FAX
        self._bind(call, call.attach(kind, control_id))


class TapAction(_OfKind, StoppableAction):
    """A tap. Completes when it has finished."""

    kind = actions.TAP


class StreamAction(_OfKind, StoppableAction):
    """A media stream. Completes when it has finished."""

    kind = actions.STREAM


class PayAction(_OfKind, StoppableAction):
    """A payment. Completes when it has been made, or has failed."""

    kind = actions.PAY


class TranscribeAction(_OfKind, StoppableAction, RecordResults):
    """A transcription. Completes when it has finished."""

    kind = actions.TRANSCRIBE


class AIAction(_OfKind, StoppableAction):
    """An AI talking to the caller. Completes when it is stopped, or the call ends."""

    kind = actions.AI
