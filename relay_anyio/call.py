"""`Call`: what a program holds of a call, and can do with it.

Public: for applications, which may also import the names from `relay_anyio`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Self, TypeVar

import anyio

from relay_proto.api import commands
from relay_proto.api.commands import Command
from relay_proto.api.methods import named
from relay_proto.api.views import CallView
from relay_proto.errors import CallEndedError
from relay_proto.records import ActionRecord, CallRecord
from relay_proto.rpc.action_kinds import ActionKind
from relay_proto.rpc.event_base import RelayEvent
from relay_proto.rpc.frames import JSONObject
from relay_proto.transitions import CallState

from ._listeners import Listener
from ._verbs import action, verb
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
        self._bind(client, client.engine, client.engine.core.adopt(record))

    @classmethod
    def of(cls, client: RelayClient, engine: Engine, record: CallRecord) -> Self:
        """The handle of a call that the core knows. Not for applications."""
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
        self._listeners: tuple[Listener[RelayEvent], ...] = ()
        self._expected: tuple[Expectation, ...] = ()

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
        """Hear the events of one type on this call, in order.

        A coroutine function is awaited in a task of its own; what it raises is logged.
        """
        limit = self.engine.core.config.limits.listener_backlog
        name = f"listener of {event_type} on call {self.call_id}"
        start = self.engine.start_soon
        listener: Listener[RelayEvent] = Listener(handler, name, start, limit, event_type)
        self._listeners = (*self._listeners, listener)
        return handler

    def off(self, event_type: str, handler: Callable[[Any], Any]) -> None:
        """Stop hearing: `handler` was given to `on`. One that was not is no error."""
        self._listeners = tuple(
            one for one in self._listeners if one.event_type != event_type or one.handler != handler
        )

    @asynccontextmanager
    async def expect(
        self, event_type: str, predicate: Callable[[RelayEvent], bool] | None = None
    ) -> AsyncGenerator[Expectation]:
        """Listen from now on for one event, which may overtake the answer to a request.

        Subscribe, ask, then wait::

        async with call.expect("calling.call.play") as playing:
            await call.play(...)
            await playing.wait(timeout=5)
        """
        expectation = Expectation(self, event_type, predicate)
        self._expected = (*self._expected, expectation)
        if self._record.ended:
            expectation.fail(CallEndedError(self.call_id, self.end_reason))
        try:
            yield expectation
        finally:
            self._expected = tuple(one for one in self._expected if one is not expectation)

    async def wait_for(
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
        async with self.expect(event_type, predicate) as expectation:
            return await expectation.wait(timeout)

    async def wait_for_ringing(self, timeout: float | None = None) -> RelayEvent:
        """Wait until the call rings, or has got further."""
        return await self._wait_for_state(CallState.RINGING, timeout)

    async def wait_for_answered(self, timeout: float | None = None) -> RelayEvent:
        """Wait until the call is answered, or has got further: see `state` then."""
        return await self._wait_for_state(CallState.ANSWERED, timeout)

    async def wait_for_ending(self, timeout: float | None = None) -> RelayEvent:
        """Wait until the call is ending, or over."""
        return await self._wait_for_state(CallState.ENDING, timeout)

    async def wait_for_ended(self, timeout: float | None = None) -> RelayEvent:
        """Wait until the call is over.

        Raises:
            TimeoutError: it was not in `timeout` seconds.
        """
        return await self._wait_for_state(CallState.ENDED, timeout)

    async def execute(self, command: Command[R]) -> R:
        """Carry out a command of the call."""
        engine = self.engine
        return await engine.carry_out(engine.core.execute_on, self._record, command)

    def pass_back(self) -> None:
        """Give the call back to routing, and do not wait for that. Not for applications."""
        if self.engine.alive:
            self.engine.command(self.engine.core.execute_on, self._record, commands.pass_())

    def attach(self, kind: ActionKind, control_id: str) -> ActionRecord:
        """The record of an operation that was started elsewhere. Not for applications."""
        return self.engine.core.attach(self._record, kind, control_id)

    def publish(self, event: RelayEvent) -> None:
        """Tell who listens. Not for applications."""
        event_type = event.event_type
        for expectation in self._expected:
            expectation.consider(event)
        # In a tuple, not by their types in a table: a call has few of them, and each table
        # is one more place to look, in memory that is cold when there are many calls.
        for listener in self._listeners:
            if listener.event_type == event_type:
                listener.deliver(event)

    def ended(self) -> None:
        """Nothing more will come. Not for applications."""
        error = CallEndedError(self.call_id, self.end_reason)
        for expectation in self._expected:
            expectation.fail(error)

    async def _wait_for_state(self, state: CallState, timeout: float | None) -> RelayEvent:
        engine = self.engine
        pending = engine.command(engine.core.wait_for, self._record, state)
        return await engine.wait(pending, timeout)


class Expectation:
    """One event to come: see `Call.expect`."""

    def __init__(
        self, call: Call, event_type: str, predicate: Callable[[RelayEvent], bool] | None
    ) -> None:
        self._call = call
        self._event_type = event_type
        self._predicate = predicate
        self._outcome: RelayEvent | BaseException | None = None
        self._known = anyio.Event()

    def __repr__(self) -> str:
        return f"<Expectation of {self._event_type} on {self._call.call_id}>"

    async def wait(self, timeout: float | None = None) -> RelayEvent:
        """Wait for the event. Raises as `Call.wait_for`."""
        with anyio.fail_after(timeout):
            await self._known.wait()
        if isinstance(self._outcome, BaseException):
            raise self._outcome
        assert self._outcome is not None, "the outcome is set before the event"
        return self._outcome

    def consider(self, event: RelayEvent) -> None:
        """Take `event` if it is the one. Not for applications."""
        if event.event_type != self._event_type:
            return
        try:
            if self._predicate is None or self._predicate(event):
                self._settle(event)
        except Exception as error:  # noqa: BLE001 - it is the waiter's own, and raised there
            self._settle(error)

    def fail(self, error: BaseException) -> None:
        """There will be no such event. Not for applications."""
        self._settle(error)

    def _settle(self, outcome: RelayEvent | BaseException) -> None:
        if self._outcome is None:
            self._outcome = outcome
            self._known.set()
