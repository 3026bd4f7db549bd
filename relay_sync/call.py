"""`Call`: what a program holds of a call, and can do with it.

Public: for applications, which may also import the names from `relay_sync`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self, TypeVar

from relay_proto.api import commands
from relay_proto.api.commands import Command
from relay_proto.api.methods import named
from relay_proto.api.routes import check_function
from relay_proto.api.views import CallView
from relay_proto.errors import CallEndedError
from relay_proto.records import ActionRecord, CallRecord
from relay_proto.rpc.action_kinds import ActionKind
from relay_proto.rpc.event_base import RelayEvent
from relay_proto.rpc.frames import JSONObject
from relay_proto.transitions import CallState

from ._listeners import Listeners, plain
from ._log import logger
from ._verbs import action, verb
from ._waiting import Mailbox
from .action import (
    Action,
    AIAction,
    CollectAction,
    DetectAction,
    FaxAction,
    PausableAction,
    PayAction,
    PlayAction,
    RecordAction,
    StandaloneCollectAction,
    StoppableAction,
    StreamAction,
    TapAction,
    TranscribeAction,
    VolumeAction,
)

if TYPE_CHECKING:
    from ._engine import Engine
    from .client import RelayClient

__all__ = [
    "AIAction",
    "Action",
    "Call",
    "CollectAction",
    "DetectAction",
    "Expectation",
    "FaxAction",
    "PausableAction",
    "PayAction",
    "PlayAction",
    "RecordAction",
    "StandaloneCollectAction",
    "StoppableAction",
    "StreamAction",
    "TapAction",
    "TranscribeAction",
    "VolumeAction",
]

R = TypeVar("R")
H = TypeVar("H", bound=Callable[[Any], Any])


@named
class Call(CallView):
    """A call. Its attributes follow what the server tells; its verbs ask for more.

    `state` only moves forward: ``created``, ``ringing``, ``answered``, ``ending``,
    ``ended``. Times are in seconds.
    """

    # There may be many calls: what they all have is kept close together. A program may
    # still add what it likes.
    __slots__ = (
        "__dict__",
        "__weakref__",
        "_expected",
        "_heard_by",
        "_listeners",
        "_record",
        "client",
        "engine",
    )

    def __init__(
        self,
        client: RelayClient,
        call_id: str,
        node_id: str,
        project_id: str,
        context: str,
        *,
        tag: str = "",
        direction: str = "",
        device: JSONObject | None = None,
        state: str = "",
        segment_id: str = "",
    ) -> None:
        record = CallRecord(
            call_id,
            node_id,
            project_id=project_id,
            context=context,
            tag=tag,
            direction=direction,
            device=device,
            state=state,
            segment_id=segment_id,
        )
        self._bind(client, client.engine, _adopt(client.engine, record))

    @classmethod
    def of(cls, client: RelayClient, engine: Engine, record: CallRecord) -> Self:
        """The handle of a call that the core knows. Not for applications."""
        with engine.lock:
            if record.handle is None:
                call = cls.__new__(cls)
                call._bind(client, engine, record)  # noqa: SLF001 - another way to construct it
                record.handle = call
        handle = record.handle
        assert isinstance(handle, cls), "a record has one handle"
        return handle

    def _bind(self, client: RelayClient, engine: Engine, record: CallRecord) -> None:
        self.client = client
        self.engine = engine
        self._record = record
        # Replaced, never changed: the I/O thread reads them.
        self._heard_by: Mapping[str, tuple[Callable[[Any], Any], ...]] = {}
        self._expected: tuple[Expectation, ...] = ()
        self._listeners: Listeners | None = None

    answer = verb(commands.answer)
    hangup = verb(commands.hangup)
    pass_ = verb(commands.pass_)
    play = action(commands.play, PlayAction)
    play_tts = action(commands.play_tts, PlayAction)
    play_audio = action(commands.play_audio, PlayAction)
    play_silence = action(commands.play_silence, PlayAction)
    play_ringtone = action(commands.play_ringtone, PlayAction)
    record = action(commands.record, RecordAction)
    play_and_collect = action(commands.play_and_collect, CollectAction)
    prompt_tts = action(commands.prompt_tts, CollectAction)
    prompt_audio = action(commands.prompt_audio, CollectAction)
    collect = action(commands.collect, StandaloneCollectAction)
    detect = action(commands.detect, DetectAction)
    detect_digit = action(commands.detect_digit, DetectAction)
    detect_answering_machine = action(commands.detect_answering_machine, DetectAction)
    detect_fax = action(commands.detect_fax, DetectAction)
    send_digits = verb(commands.send_digits)
    connect = verb(commands.connect)
    disconnect = verb(commands.disconnect)
    transfer = verb(commands.transfer)
    refer = verb(commands.refer)
    hold = verb(commands.hold)
    unhold = verb(commands.unhold)
    denoise = verb(commands.denoise)
    denoise_stop = verb(commands.denoise_stop)
    echo = verb(commands.echo)
    pay = action(commands.pay, PayAction)
    send_fax = action(commands.send_fax, FaxAction)
    receive_fax = action(commands.receive_fax, FaxAction)
    tap = action(commands.tap, TapAction)
    stream = action(commands.stream, StreamAction)
    transcribe = action(commands.transcribe, TranscribeAction)
    live_transcribe = verb(commands.live_transcribe)
    live_translate = verb(commands.live_translate)
    bind_digit = verb(commands.bind_digit)
    clear_digit_bindings = verb(commands.clear_digit_bindings)
    join_conference = verb(commands.join_conference)
    leave_conference = verb(commands.leave_conference)
    join_room = verb(commands.join_room)
    leave_room = verb(commands.leave_room)
    queue_enter = verb(commands.queue_enter)
    queue_leave = verb(commands.queue_leave)
    ai = action(commands.ai, AIAction)
    ai_message = verb(commands.ai_message)
    ai_hold = verb(commands.ai_hold)
    ai_unhold = verb(commands.ai_unhold)
    amazon_bedrock = verb(commands.amazon_bedrock)
    user_event = verb(commands.user_event)

    def on(self, event_type: str, handler: H) -> H:
        """Hear the events of one type on this call.

        The listeners of one call run one after another, in a thread that is not the
        one that reads: they may wait for whatever they like. What they raise is logged.
        """
        check_function("listener", plain(handler))
        with self.engine.lock:
            if self._listeners is None:
                limit = self.engine.core.config.limits.listener_backlog
                self._listeners = Listeners(self.engine.listeners, limit)
            known = self._heard_by.get(event_type, ())
            self._heard_by = {**self._heard_by, event_type: (*known, handler)}
        return handler

    def off(self, event_type: str, handler: Callable[[Any], Any]) -> None:
        """Stop hearing: `handler` was given to `on`. One that was not is no error."""
        with self.engine.lock:
            known = self._heard_by.get(event_type, ())
            kept = tuple(one for one in known if one != handler)
            self._heard_by = {**self._heard_by, event_type: kept}

    @contextmanager
    def expect(
        self, event_type: str, predicate: Callable[[RelayEvent], bool] | None = None
    ) -> Generator[Expectation]:
        """Listen from now on for one event, which may overtake the answer to a request.

        Subscribe, ask, then wait::

        with call.expect("calling.call.play") as playing:
            call.play(...)
            playing.wait(timeout=5)
        """
        expectation = Expectation(self, event_type, predicate)
        with self.engine.lock:
            self._expected = (*self._expected, expectation)
        if self._record.ended:
            expectation.fail(CallEndedError(self.call_id, self.end_reason))
        try:
            yield expectation
        finally:
            with self.engine.lock:
                self._expected = tuple(one for one in self._expected if one is not expectation)

    def wait_for(
        self,
        event_type: str,
        predicate: Callable[[RelayEvent], bool] | None = None,
        timeout: float | None = None,
    ) -> RelayEvent:
        """Wait for the next event of a type for which `predicate` is true.

        Raises:
            TimeoutError: it did not come in `timeout` seconds.
            CallEndedError: the call ended first.
        """
        with self.expect(event_type, predicate) as expectation:
            return expectation.wait(timeout)

    def wait_for_ringing(self, timeout: float | None = None) -> RelayEvent:
        """Wait until the call rings, or has got further."""
        return self._wait_for_state(CallState.RINGING, timeout)

    def wait_for_answered(self, timeout: float | None = None) -> RelayEvent:
        """Wait until the call is answered, or has got further: see `state` then."""
        return self._wait_for_state(CallState.ANSWERED, timeout)

    def wait_for_ending(self, timeout: float | None = None) -> RelayEvent:
        """Wait until the call is ending, or over."""
        return self._wait_for_state(CallState.ENDING, timeout)

    def wait_for_ended(self, timeout: float | None = None) -> RelayEvent:
        """Wait until the call is over.

        Raises:
            TimeoutError: it was not in `timeout` seconds.
        """
        return self._wait_for_state(CallState.ENDED, timeout)

    def execute(self, command: Command[R]) -> R:
        """Carry out a command of the call."""
        return self.engine.execute(command, self._record)

    def pass_back(self) -> None:
        """Give the call back to routing, and do not wait for that. Not for applications."""
        if self.engine.alive:
            self.engine.tell(self.engine.core.execute_on, self._record, commands.pass_())

    def attach(self, kind: ActionKind, control_id: str) -> ActionRecord:
        """The record of an operation that was started elsewhere. Not for applications."""
        core = self.engine.core
        return self.engine.ask(lambda: core.attach(self._record, kind, control_id))

    def publish(self, event: RelayEvent) -> None:
        """Tell who listens. Not for applications."""
        for expectation in self._expected:
            expectation.consider(event)
        heard_by = self._heard_by.get(event.event_type)
        if heard_by and self._listeners is not None:
            name = f"listener of {event.event_type} on call {self.call_id}"
            self._listeners.tell(name, heard_by, event)

    def ended(self) -> None:
        """Nothing more will come. Not for applications."""
        for expectation in self._expected:
            expectation.fail(CallEndedError(self.call_id, self.end_reason))

    def _wait_for_state(self, state: CallState, timeout: float | None) -> RelayEvent:
        engine = self.engine
        pending = engine.command(engine.core.wait_for, self._record, state)
        return engine.wait(pending, timeout)


class Expectation:
    """One event to come: see `Call.expect`."""

    def __init__(
        self, call: Call, event_type: str, predicate: Callable[[RelayEvent], bool] | None
    ) -> None:
        self._call = call
        self._event_type = event_type
        self._predicate = predicate
        self._limit = call.engine.core.config.limits.listener_backlog
        self._mail: Mailbox[RelayEvent | Exception] = Mailbox()

    def __repr__(self) -> str:
        return f"<Expectation of {self._event_type} on {self._call.call_id}>"

    def wait(self, timeout: float | None = None) -> RelayEvent:
        """Wait for the event. Raises as `Call.wait_for`."""
        ends_at = None if timeout is None else time.monotonic() + timeout
        while True:
            left = None if ends_at is None else ends_at - time.monotonic()
            found = self._call.engine.await_mail(self._mail, left)
            outcome = self._judge(found)
            if outcome is not None:
                self._mail.put(outcome)  # for whoever waits again
                if isinstance(outcome, Exception):
                    raise outcome.with_traceback(None)
                return outcome

    def _judge(self, found: RelayEvent | Exception) -> RelayEvent | Exception | None:
        """What ends the wait, if this does; here, in the thread that waits for it."""
        if isinstance(found, Exception) or self._predicate is None:
            return found
        try:
            return found if self._predicate(found) else None
        except Exception as error:  # noqa: BLE001 - it is the waiter's own, and raised there
            return error

    def consider(self, event: RelayEvent) -> None:
        """Keep `event` if it may be the one. Not for applications."""
        if event.event_type != self._event_type:
            return
        if len(self._mail) < self._limit:
            self._mail.put(event)
        else:
            logger.error("%r: %d events wait for it, %r is dropped", self, self._limit, event)

    def fail(self, error: CallEndedError) -> None:
        """There will be no such event. Not for applications."""
        self._mail.put(error)


def _adopt(engine: Engine, record: CallRecord) -> CallRecord:
    return engine.ask(lambda: engine.core.adopt(record))
