"""`RelayClient`: a program's way to the RELAY service, on asyncio and on trio.

Public: for applications, which may also import the names from `relay_anyio`.
"""

from __future__ import annotations

import os
import signal
import weakref
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final, Self, TypeVar, overload

import anyio

from relay_proto import Limits, Timing, resolve_config
from relay_proto.adapter.cores import make_core
from relay_proto.adapter.logs import set_log_level
from relay_proto.adapter.record_file import Path
from relay_proto.adapter.slots import Slots
from relay_proto.api import arguments as values
from relay_proto.api import builders, commands
from relay_proto.api.commands import Command, OnCompleted
from relay_proto.api.routes import EVERY, CallRoute, Routes
from relay_proto.config import ENV_RECORD
from relay_proto.errors import RelayError
from relay_proto.outputs import Closed, Connected, Disconnected, Output
from relay_proto.pending import Pending
from relay_proto.rpc.frames import JSONObject
from relay_proto.transitions import SessionState

from ._calls import InboundCalls
from ._engine import Engine, current_app_task
from ._handlers import Handlers
from ._log import logger
from ._signals import stop_signals
from .call import Call
from .message import Message
from .transport import Connector, connect_tls

__all__ = ["RelayClient", "RelayError"]

R = TypeVar("R")
CallHandler = TypeVar("CallHandler", bound=Callable[[Call], Any])
MessageHandler = TypeVar("MessageHandler", bound=Callable[[Message], Any])
EventHandler = TypeVar("EventHandler", bound=Callable[[Any], Any])
LinkHandler = TypeVar("LinkHandler", bound=Callable[[Any], Any])

_slots: Final = Slots()


class RelayClient:
    """A connection to RELAY, its calls and its messages.

    Every argument falls back to its environment variable, then to its default.
    Use it with ``async with``, with `connect` and `disconnect`, or as a program of
    its own with `run`. It reconnects by itself.

    `record` is a file in which the flight recorder writes down all that happens, masked,
    for ``relay replay``.

    Raises:
        ValueError, TypeError: an argument is missing or wrong; the message names it.
    """

    def __init__(
        self,
        project: str | None = None,
        token: str | None = None,
        jwt_token: str | None = None,
        host: str | None = None,
        contexts: list[str] | None = None,
        max_active_calls: int | None = None,
        *,
        timing: Timing | None = None,
        limits: Limits | None = None,
        connector: Connector | None = None,
        record: Path | None = None,
    ) -> None:
        self._config = resolve_config(
            os.environ,
            project=project,
            token=token,
            jwt_token=jwt_token,
            host=host,
            contexts=contexts,
            max_active_calls=max_active_calls,
            timing=timing,
            limits=limits,
        )
        credentials = self._config.credentials
        self.project = credentials.project.reveal()
        self.token = credentials.token.reveal()
        self.jwt_token = credentials.jwt_token.reveal()
        self.host = self._config.host
        self.contexts = list(self._config.contexts)
        self._connector = connector or connect_tls
        self._record = record or os.environ.get(ENV_RECORD)
        self._engine: Engine | None = None
        self._started: Pending[None] = Pending()
        self._connecting = 0
        self._failure: BaseException | None = None
        self._idle = anyio.Event()
        self._routes = Routes()
        self._streams: weakref.WeakSet[InboundCalls] = weakref.WeakSet()
        set_log_level(logger, os.environ)

    def __repr__(self) -> str:
        return f"<RelayClient {self.host} {self.state.value}>"

    # The link

    @property
    def state(self) -> SessionState:
        """Where the client stands: ``ready`` when requests are sent at once."""
        return SessionState.DISCONNECTED if self._engine is None else self._engine.core.state

    @property
    def relay_protocol(self) -> str:
        """The protocol string that the server assigned, ``""`` without a session."""
        return "" if self._engine is None else self._engine.core.protocol

    @property
    def engine(self) -> Engine:
        """What carries out the commands. Not for applications."""
        if self._engine is None:
            self._engine = self._new_engine()
        return self._engine

    async def connect(self) -> None:
        """Connect and authenticate. Does nothing when connected; callers share one attempt.

        Once connected, the client reconnects by itself until `disconnect`.

        Raises:
            ConnectFailedError: there is no connection; the message says why.
            RemoteProtocolError: the server refused the upgrade, or speaks something else.
            AuthenticationError: the credentials were refused, in the server's words.
            RuntimeError: this process has as many connections as it may have.
        """
        engine = self._start(retry=False)
        attempt = self._started
        under_way = not attempt.settled
        self._connecting += 1
        try:
            await engine.wait(attempt)
        except BaseException:
            wanted = attempt.error is None and self._connecting > 1
            if under_way and not wanted and attempt is self._started:
                await self._abandon(engine)
            raise
        finally:
            self._connecting -= 1

    async def disconnect(self) -> None:
        """Disconnect. What is pending fails, calls are finished locally, handlers are cancelled.

        The calls themselves go on at the server. Calling it again does nothing; called
        from a handler, it lets that handler go on.
        """
        if self._engine is not None:
            await self._engine.shut_down()

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.disconnect()

    async def drain(self, timeout: float | None = None) -> None:
        """Take no more calls, let those that are up finish, then disconnect.

        `timeout` is how long they may take, in seconds; None for the configured time.
        """
        engine = self._engine
        if engine is not None and engine.alive:
            limit = self._config.timing.drain_timeout if timeout is None else timeout
            engine.command(engine.core.drain)
            with anyio.move_on_after(limit):
                while self._busy(engine):
                    await self._idle.wait()
        await self.disconnect()

    def run(self, *, backend: str = "asyncio") -> None:
        """Connect and serve, reconnecting, until a signal or `disconnect` ends it.

        SIGINT (Ctrl+C) ends it at once. SIGTERM lets calls finish, for the time that
        `Timing.drain_timeout` gives them; a second signal ends that at once. `backend`
        is ``asyncio`` or ``trio``.

        Raises:
            AuthenticationError: the credentials were refused, several times.
        """
        with suppress(KeyboardInterrupt):
            anyio.run(self._serve, backend=backend)

    def on_connected(self, handler: LinkHandler) -> LinkHandler:
        """Hear of each session: `handler` gets a `Connected`, which says if it was resumed."""
        self._routes.add_link(Connected, handler)
        return handler

    def on_disconnected(self, handler: LinkHandler) -> LinkHandler:
        """Hear of each lost session: `handler` gets a `Disconnected`, with why and what next."""
        self._routes.add_link(Disconnected, handler)
        return handler

    # Calls and messages

    @overload
    def on_call(
        self,
        handler: CallHandler,
        *,
        contexts: Sequence[str] | None = None,
        cancel_on_end: bool = False,
    ) -> CallHandler: ...
    @overload
    def on_call(
        self,
        handler: None = None,
        *,
        contexts: Sequence[str] | None = None,
        cancel_on_end: bool = False,
    ) -> Callable[[CallHandler], CallHandler]: ...
    def on_call(
        self,
        handler: CallHandler | None = None,
        *,
        contexts: Sequence[str] | None = None,
        cancel_on_end: bool = False,
    ) -> CallHandler | Callable[[CallHandler], CallHandler]:
        """Register the function that takes inbound calls, each in a task of its own.

        With `contexts`, it takes the calls of these; several may be registered, and one
        without takes all others. With `cancel_on_end`, the task is cancelled when its
        call ends; what it then has to clean up with ``await`` belongs in a shielded scope.
        """
        if handler is None:
            return partial(self.on_call, contexts=contexts, cancel_on_end=cancel_on_end)
        self._routes.add_call(CallRoute(handler, cancel_on_end), contexts)
        self._routes_changed()
        return handler

    def calls(self, *, contexts: Sequence[str] | None = None) -> InboundCalls:
        """Pull inbound calls, instead of being called: ``async for call in client.calls()``.

        It takes calls from now on, in the place of an `on_call` with the same `contexts`,
        and stops when the client is disconnected. Callers who hang up before their call
        is pulled are left out.
        """
        stream = InboundCalls(self, self._routes_changed)
        self._routes.add_call(stream.route, contexts)
        self._streams.add(stream)
        self._routes_changed()
        return stream

    def on_message(self, handler: MessageHandler) -> MessageHandler:
        """Register the function that takes inbound messages, each in a task of its own."""
        self._routes.set_message(handler)
        return handler

    def on_event(self, handler: EventHandler) -> EventHandler:
        """Hear every event, of all calls and messages and of none, in order."""
        self._routes.add_event(EVERY, handler)
        return handler

    def on(self, event_type: str, handler: EventHandler) -> EventHandler:
        """Hear the events of one type, of all calls and messages and of none, in order."""
        self._routes.add_event(values.text("event_type", event_type), handler)
        return handler

    def off(self, event_type: str, handler: Callable[[Any], Any]) -> None:
        """Stop hearing: `handler` was given to `on`. One that was not is no error."""
        self._routes.remove_event(event_type, handler)

    async def dial(
        self,
        devices: Sequence[Sequence[Mapping[str, Any]]],
        *,
        tag: str | None = None,
        max_duration: int | None = None,
        dial_timeout: float | None = None,
        region: str | None = None,
        max_price_per_minute: float | None = None,
    ) -> Call:
        """Call out, and return the call that was answered.

        `devices` are groups, tried one after another; the devices of one group ring
        together. `dial_timeout` is in seconds. A dial that is cancelled, times out or
        fails leaves nobody ringing.

        Raises:
            DialFailedError: the server could connect none of them.
            DialTimeoutError: nobody answered in time.
            RelayError: the server refused the dial.
        """
        command = commands.dial(
            devices,
            tag=tag,
            max_duration=max_duration,
            dial_timeout=dial_timeout,
            region=region,
            max_price_per_minute=max_price_per_minute,
        )
        return Call.of(self, self.engine, await self._carry_out(command))

    async def dial_phone(
        self,
        to_number: str,
        from_number: str,
        *,
        timeout: int | None = None,
        dial_timeout: float | None = None,
    ) -> Call:
        """Call one telephone number, in E.164 form, and return the call when it is answered.

        It rings for `timeout` seconds at most. Raises as `dial`.
        """
        device = builders.phone(to_number, from_number, timeout=timeout)
        return await self.dial([[device]], dial_timeout=dial_timeout)

    async def dial_sip(
        self,
        to: str,
        from_: str,
        *,
        timeout: int | None = None,
        headers: Mapping[str, str] | None = None,
        dial_timeout: float | None = None,
    ) -> Call:
        """Call one SIP address, and return the call when it is answered. See `dial_phone`."""
        device = builders.sip(to, from_, timeout=timeout, headers=headers)
        return await self.dial([[device]], dial_timeout=dial_timeout)

    async def send_message(
        self,
        *,
        to_number: str,
        from_number: str,
        context: str | None = None,
        body: str | None = None,
        media: Sequence[str] | None = None,
        tags: Sequence[str] | None = None,
        region: str | None = None,
        on_completed: OnCompleted | None = None,
    ) -> Message:
        """Send an SMS, or an MMS with `media` (URLs); returned when the server has it.

        Raises:
            ValueError: there is neither `body` nor `media`.
            RelayError: the server refused it.
        """
        command = commands.send_message(
            to_number=to_number,
            from_number=from_number,
            context=context,
            body=body,
            media=media,
            tags=tags,
            region=region,
            on_completed=on_completed,
        )
        return Message.of(self.engine, await self._carry_out(command))

    async def execute(
        self, method: str, params: Mapping[str, Any], *, timeout: float | None = None
    ) -> JSONObject:
        """Send any method, and return its result.

        `timeout` is the time for the reply in seconds. A refusal raises `RelayError`,
        whatever its code.
        """
        return await self._carry_out(commands.execute(method, params, timeout=timeout))

    async def receive(self, contexts: Sequence[str]) -> None:
        """Subscribe to more contexts; they are kept over reconnects."""
        await self._carry_out(commands.receive(contexts))

    async def unreceive(self, contexts: Sequence[str]) -> None:
        """Unsubscribe from contexts."""
        await self._carry_out(commands.unreceive(contexts))

    # How it works

    def _carry_out(self, command: Command[R]) -> Awaitable[R]:
        engine = self.engine
        return engine.carry_out(engine.core.execute, command)

    def _new_engine(self) -> Engine:
        engine = Engine(make_core(self._config, self._record, logger), self._connector)
        handlers = Handlers(self, engine, self._routes, self._wake_drains)
        self._idle = anyio.Event()  # of this event loop, which may be another than the last

        def take(output: Output) -> None:
            if isinstance(output, Closed):
                self._failure = output.error
                _slots.give_back(engine)
                self._wake_drains()
                for stream in tuple(self._streams):
                    stream.wake()
            else:
                handlers.publish(output)

        engine.publish = take
        self._prepare(engine)
        return engine

    def _prepare(self, engine: Engine) -> None:
        engine.core.accepting_calls = self._routes.accepting_calls
        engine.core.accepted_contexts = self._routes.accepted_contexts

    def _routes_changed(self) -> None:
        if self._engine is not None:
            self._prepare(self._engine)

    def _start(self, *, retry: bool) -> Engine:
        if self._engine is not None and not self._engine.alive:
            self._engine = None
        engine = self.engine
        if engine.core.state is SessionState.DISCONNECTED:
            _slots.take(engine, os.environ)
            self._failure = None
            self._started = engine.command(engine.core.start, retry=retry)
        return engine

    async def _abandon(self, engine: Engine) -> None:
        """An attempt to connect came to nothing: leave nothing of it behind."""
        await engine.shut_down()
        if self._engine is engine:
            self._engine = None

    async def _serve(self) -> None:
        engine = self._start(retry=True)
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._obey_signals, engine)
                await engine.wait_closed()
                tasks.cancel_scope.cancel()
        finally:
            await engine.shut_down()
        if self._failure is not None:
            raise self._failure

    async def _obey_signals(self, engine: Engine) -> None:
        async with stop_signals() as received, anyio.create_task_group() as tasks:
            draining = False
            async for number in received:
                if number == signal.SIGTERM and self._busy(engine) and not draining:
                    logger.info("SIGTERM: finishing %d calls", engine.core.active_calls)
                    draining = True
                    tasks.start_soon(self.drain)
                else:
                    logger.info("signal %d: disconnecting", number)
                    engine.command(engine.core.close)

    def _wake_drains(self) -> None:
        self._idle.set()
        self._idle = anyio.Event()

    def _busy(self, engine: Engine) -> bool:
        """Whether calls are up, or their handlers still run."""
        own = current_app_task.get()
        others = any(task is not own for task in engine.handling.values())
        return engine.alive and (engine.core.active_calls > 0 or others)
