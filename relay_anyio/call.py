"""`Call`, its actions and its client: what a program holds of a call, and can do with it.

They are in one module because they name each other: an action has a `call`, and a call has a
`client`, which dials new calls. `RelayClient` adds to `Client` how it connects and runs.

Public: for applications, which may also import the names from `relay_anyio`.
"""

# An action asks the engine of its call.
# ruff: noqa: SLF001
# pyright: reportPrivateUsage=false

from __future__ import annotations

import logging
from collections.abc import Awaitable, Mapping
from contextlib import suppress
from typing import Any, ClassVar, Self, TypeVar

import anyio

from relay_proto.adapter.clients import ClientBase
from relay_proto.adapter.contexts import with_context
from relay_proto.adapter.downloads import MAX_BYTES, Progress, Target
from relay_proto.adapter.handles import ActionBase, Function, a_call
from relay_proto.adapter.passages import arriving, is_replaced
from relay_proto.adapter.timeouts import timed_out
from relay_proto.api import commands, joins, procedures
from relay_proto.api.commands import Command
from relay_proto.api.methods import named
from relay_proto.api.outcomes import Outcome, outcome_of
from relay_proto.api.parameters import checked, checked_with
from relay_proto.api.results import CollectResults, DetectResults, FaxResults, RecordResults
from relay_proto.config import Contexts
from relay_proto.constants import EVENT_CALL_CONNECT
from relay_proto.errors import CallEndedError, RelayError
from relay_proto.rpc import action_kinds as actions
from relay_proto.rpc.action_kinds import ActionKind
from relay_proto.rpc.event_base import RelayEvent, UnknownEvent
from relay_proto.rpc.events import (
    CallStateEvent,
    CollectEvent,
    DetectEvent,
    FaxEvent,
    PayEvent,
    PlayEvent,
    RecordEvent,
    StreamEvent,
    TapEvent,
    TranscribeEvent,
)
from relay_proto.rpc.frames import JSONObject
from relay_proto.transitions import CallState

from ._downloads import FileAction, fetch
from ._engine import Engine
from ._expecting import Expectation, ExpectingCall
from ._listeners import EventHandler, Listener
from ._procedures import procedure
from ._tasks import current_app_task
from ._verbs import action, control, dialing, joining, pass_through, sending, verb
from .message import Message

__all__ = [
    "AIAction",
    "Action",
    "Call",
    "Client",
    "CollectAction",
    "DetectAction",
    "EventHandler",
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
E = TypeVar("E", bound=RelayEvent)


class Action(ActionBase[E, "Call"]):
    """An operation on a call, such as a prompt or a recording.

    Methods of `Call` start actions, and return them. An action ends with its last event, or
    with its call. You can also make one yourself, to follow an operation that was started
    elsewhere: it ends when an event of the type `terminal_event` has one of the
    `terminal_states`.
    """

    @checked
    async def wait(self, timeout: float | None = None) -> E | CallStateEvent:
        """Wait until the action has ended, and return its last event.

        If the call ends first, the action ends with it. The result is then the
        `CallStateEvent` of the call.

        Raises:
            TimeoutError: it did not end in `timeout` seconds. It goes on: you may wait again.
            RelayError: it could not be started.
        """
        return await self.call._engine.wait(self._done, timeout, self, "to complete")

    @checked
    async def wait_outcome(self, timeout: float | None = None) -> Outcome[E]:
        """Wait as `wait` does. Return a `Done`, `Failed`, `CallOver` or `SessionLost`."""
        return outcome_of(await self.wait(timeout))

    async def execute(self, command: Command[R]) -> R:
        """Carry out a control of the action."""
        call = self.call
        if is_replaced(call.client, Client.execute):
            return await pass_through(call.client, self._record, command)
        engine = call._engine
        return await engine.carry_out(engine.core.execute_on, self._record, command)


@named
class StoppableAction(Action[E]):
    """An action that can be stopped."""

    stop = control(commands.stop)


@named
class PausableAction(StoppableAction[E]):
    """An action that can also be paused."""

    pause = control(commands.pause)
    resume = control(commands.resume)


@named
class VolumeAction(PausableAction[E]):
    """An action that also has a volume."""

    volume = control(commands.volume)


class _OfKind(Action[E]):
    """What is made by hand with a control id alone: the class says the rest."""

    kind: ClassVar[ActionKind]

    @checked_with(call=a_call)
    def __init__(self, call: Call, control_id: str) -> None:
        self._follow(call, type(self).kind, control_id)


class PlayAction(_OfKind[PlayEvent], VolumeAction[PlayEvent]):
    """A playback. It ends when everything was played, or when it was stopped or failed."""

    kind = actions.PLAY


class RecordAction(
    _OfKind[RecordEvent], PausableAction[RecordEvent], RecordResults[RecordEvent], FileAction
):
    """A recording. It ends when it was stopped, when nobody speaks, or when it failed."""

    kind = actions.RECORD


@named
class CollectAction(_OfKind[CollectEvent], VolumeAction[CollectEvent], CollectResults):
    """A prompt that asks for input. It ends with the input, or when the time for it is over."""

    kind = actions.PLAY_AND_COLLECT
    start_input_timers = control(commands.start_input_timers)


@named
class StandaloneCollectAction(_OfKind[CollectEvent], StoppableAction[CollectEvent], CollectResults):
    """Input without a prompt. It ends with the input, or when the time for it is over."""

    kind = actions.COLLECT
    start_input_timers = control(commands.start_input_timers)


class DetectAction(_OfKind[DetectEvent], StoppableAction[DetectEvent], DetectResults):
    """A detector. It ends with its first result. You may stop it until it has finished."""

    kind = actions.DETECT


class FaxAction(StoppableAction[FaxEvent], FaxResults, FileAction):
    """A fax that is sent or received. It ends when all pages are there, or it has failed."""

    @checked_with(call=a_call)
    def __init__(self, call: Call, control_id: str, method_prefix: str) -> None:
        """`method_prefix` is ``send_fax`` or ``receive_fax``, or the whole method."""
        self._follow(call, actions.fax_kind(method_prefix), control_id)


class TapAction(_OfKind[TapEvent], StoppableAction[TapEvent]):
    """A tap: a copy of the sound, sent to another machine. It ends when it is stopped."""

    kind = actions.TAP


class StreamAction(_OfKind[StreamEvent], StoppableAction[StreamEvent]):
    """A stream of the sound to a WebSocket of yours. It ends when it is stopped."""

    kind = actions.STREAM


class PayAction(_OfKind[PayEvent], StoppableAction[PayEvent]):
    """A payment by card. It ends when the payment was made, or has failed."""

    kind = actions.PAY


class TranscribeAction(
    _OfKind[TranscribeEvent],
    StoppableAction[TranscribeEvent],
    RecordResults[TranscribeEvent],
    FileAction,
):
    """A transcription. It ends when it is stopped."""

    kind = actions.TRANSCRIBE


class AIAction(_OfKind[UnknownEvent], StoppableAction[UnknownEvent]):
    """An AI agent that talks to the caller. It ends when it is stopped."""

    kind = actions.AI


@named
class Call(ExpectingCall["Client"]):
    """A call. Its attributes follow the events of the server; its methods send requests.

    `state` only moves forward: ``created``, ``ringing``, ``answered``, ``ending``,
    ``ended``. Times are in seconds.
    """

    __slots__ = ()

    _logger = logging.getLogger(__name__)

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
    wait_for_beep = procedure(procedures.wait_for_beep)
    leave_message = procedure(procedures.leave_message)
    send_digits = verb(commands.send_digits)
    connect = verb(commands.connect)
    connect_and_wait = joining(joins.connect_and_wait)
    bridge = joining(joins.bridge)
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

    async def __aenter__(self) -> Self:
        """Hang up the call at the end of the block, however the block ends.

        ``async with call:`` answers nothing. At its end the call is hung up unless it is over,
        and the block waits until it is over, for `Timing.close_timeout` at most. Without a
        session, it waits for nothing, and the call is hung up in the next session.
        """
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._hang_up_at_exit():
            patience = self._engine.core.config.timing.close_timeout
            with anyio.CancelScope(shield=True), suppress(RelayError, TimeoutError):
                await self.wait_for_ended(patience)

    @checked
    async def wait_for_ringing(self, timeout: float | None = None) -> CallStateEvent:
        """Wait until the call rings. Return at once if it is in a later state already."""
        return await self._wait_for_state(CallState.RINGING, timeout, "to ring")

    @checked
    async def wait_for_answered(self, timeout: float | None = None) -> CallStateEvent:
        """Wait until the call is answered, or in a later state: see `state` afterwards."""
        return await self._wait_for_state(CallState.ANSWERED, timeout, "to be answered")

    @checked
    async def wait_for_ending(self, timeout: float | None = None) -> CallStateEvent:
        """Wait until the call is ending or has ended."""
        return await self._wait_for_state(CallState.ENDING, timeout, "to be ending")

    @checked
    async def wait_for_ended(self, timeout: float | None = None) -> CallStateEvent:
        """Wait until the call is over.

        Raises:
            TimeoutError: it was not in `timeout` seconds.
        """
        return await self._wait_for_state(CallState.ENDED, timeout, "to end")

    @checked
    async def wait_for_disconnected(self, timeout: float | None = None) -> None:
        """Wait until no other party is connected to the call, or the call has ended.

        The call goes on if the other party has hung up, or `disconnect` was called; see
        `ended`. If nobody is connected now, this returns at once: so connect first, with
        `connect_and_wait` or `bridge`.

        Raises:
            TimeoutError: somebody was still connected after `timeout` seconds.
        """
        async with self.expect(EVENT_CALL_CONNECT, joins.is_parted) as parted:
            if self._record.connected:
                try:
                    with suppress(CallEndedError):
                        await parted.wait(timeout)
                except TimeoutError:
                    raise timed_out(timeout, self, "to be disconnected") from None
            else:
                await anyio.lowlevel.checkpoint()

    async def execute(self, command: Command[R]) -> R:
        """Carry out a command of the call."""
        engine = self._engine
        bound = with_context(command)
        if is_replaced(self.client, Client.execute):
            return await pass_through(self.client, self._record, bound)
        return await engine.carry_out(engine.core.execute_on, self._record, bound)

    def _wait_for_state(
        self, state: CallState, timeout: float | None, until: str
    ) -> Awaitable[CallStateEvent]:
        engine = self._engine
        pending = engine.command(engine.core.wait_for, self._record, state)
        return engine.wait(pending, timeout, self, until)

    def _new_listener(self, name: str, handler: Function, event_type: str) -> Listener:
        engine = self._engine
        return Listener(name, handler, engine, event_type)


@named
class Client(ClientBase[Engine, Call, Message]):
    """A `RelayClient`, as its calls know it: what it can be asked for."""

    dial = dialing(commands.dial, Call)
    dial_phone = dialing(commands.dial_phone, Call)
    dial_sip = dialing(commands.dial_sip, Call)
    send_message = sending(commands.send_message, Message)

    async def execute(
        self, method: str, params: Mapping[str, Any], *, timeout: float | None = None
    ) -> JSONObject:
        """Send any method, and return its result.

        The verbs of a call return ``{}`` if the call is gone. This raises a `RelayError`.

        Args:
            method: the name of the method, such as ``calling.play``.
            params: its parameters, sent as they are.
            timeout: seconds for the answer, counted from when the request is sent; without
                it, `Timing.request_timeout`.

        Raises:
            RelayError: the server refuses the request. `code` says why.
            RequestTimeoutError: there is no answer in time, or no session to send it.
            ConnectionLostError: the connection is lost before the answer comes.
            RequestQueueFullError: too many requests are waiting.
            ClientClosedError: the client is disconnected.
            ValueError, TypeError: an argument is wrong, or is not JSON.
        """
        if (passage := arriving(method, params)) is not None:
            engine, command = self._engine, passage.command(params)
            return passage.arrive(
                await engine.carry_out(engine.core.execute_on, passage.target, command)
            )
        return await self._carry_out(commands.execute(method, params, timeout=timeout))

    @checked
    async def download(
        self,
        url: str,
        to: Target,
        *,
        timeout: float = 60.0,
        max_bytes: int = MAX_BYTES,
        progress: Progress | None = None,
    ) -> int:
        """Fetch the file at `url`, such as a recording; `RecordEvent.url` has one.

        It goes through the proxy and the TLS of this client. The account's credentials are
        sent to the client's `host` alone, over https, and to no other host that a redirect
        leads to. See `RecordAction.download` for the rest.
        """
        download = self._new_download(url, to, timeout, max_bytes, progress)
        if self._file_source is not None:
            return download.rehearse(self._file_source(url))
        return await fetch(download)

    async def receive(self, contexts: Contexts) -> None:
        """Subscribe to more contexts. The client keeps them when it reconnects.

        `contexts` is a list of names, such as ``["sales"]``.
        """
        await self._carry_out(commands.receive(contexts))

    async def unreceive(self, contexts: Contexts) -> None:
        """Unsubscribe from contexts.

        `contexts` is a list of names, such as ``["sales"]``.
        """
        await self._carry_out(commands.unreceive(contexts))

    @checked
    async def disconnect(self, *, hang_up: bool = False) -> None:
        """Disconnect. Handlers are cancelled, and waits raise `ClientClosedError`.

        The calls go on at the service, unless `hang_up` ends them first. `hang_up` needs a
        session: while the client reconnects, the calls go on all the same. A handler that calls
        this is not cancelled. If the client is disconnected already, this does nothing.
        """
        if (engine := self._engine_to_stop) is not None:
            if hang_up and engine.alive:
                engine.delivery.hang_up_calls()
            await engine.shut_down()
        if current_app_task.get() is None:
            self._let_out()

    @checked
    async def drain(self, timeout: float | None = None, *, hang_up: bool = False) -> int:
        """Take no more calls, wait until those that are up have ended, then disconnect.

        This waits for `timeout` seconds at most, by default for `Timing.drain_timeout`. With
        `hang_up`, calls that are still up then are hung up. Returns how many were still up.
        """
        engine, left = self._engine_to_stop, 0
        if engine is not None and engine.alive:
            limit = self._config.timing.drain_timeout if timeout is None else timeout
            engine.command(engine.core.drain)
            await engine.wait_until(lambda: not engine.delivery.busy, limit)
            left = engine.delivery.leave_calls(hang_up=hang_up)
        await self.disconnect(hang_up=hang_up)
        return left

    def _carry_out(self, command: Command[R]) -> Awaitable[R]:
        engine = self._current or self._engine  # a property takes longer
        return engine.carry_out(engine.core.execute, command)
