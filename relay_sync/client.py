"""`RelayClient`: a program's way to the RELAY service, from any thread.

Public: for applications, which may also import the names from `relay_sync`.
"""

from __future__ import annotations

import os
import signal
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final, Self, TypeVar, overload

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
from ._engine import Engine
from ._handlers import Handlers
from ._listeners import plain
from ._log import logger
from ._signals import stop_signals
from ._waiting import Mailbox
from .call import Call
from .message import Message
from .transport import Connector

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
    Use it with ``with``, with `connect` and `disconnect`, or as a program of its own
    with `run`. It reconnects by itself. All of it may be used from any thread; who
    waits is released by the result, the timeout, `disconnect` or Ctrl+C.

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
        self._connector = connector
        self._record = record or os.environ.get(ENV_RECORD)
        self._engine: Engine | None = None
        self._started: Pending[None] = Pending()
        self._connecting = 0
        self._failure: BaseException | None = None
        self._routes = Routes()
        self._streams: weakref.WeakSet[InboundCalls] = weakref.WeakSet()
        self._lock = threading.RLock()  # may be held while the I/O thread is asked
        self._routes_lock = threading.RLock()  # never held while waiting
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
        if (engine := self._engine) is None:
            with self._lock:
                engine = self._engine = self._engine or self._new_engine()
        return engine

    def connect(self) -> None:
        """Connect and authenticate. Does nothing when connected; callers share one attempt.

        Once connected, the client reconnects by itself until `disconnect`.

        Raises:
            ConnectFailedError: there is no connection; the message says why.
            RemoteProtocolError: the server refused the upgrade, or speaks something else.
            AuthenticationError: the credentials were refused, in the server's words.
            RuntimeError: this process has as many connections as it may have.
        """
        with self._lock:
            before = self._started
            engine = self._start(retry=False)
            attempt = self._started
            under_way = attempt is not before or not attempt.settled  # it may fail at once
            self._connecting += 1
        try:
            engine.wait(attempt)
        except BaseException:
            with self._lock:
                wanted = attempt.error is None and self._connecting > 1
                mine = under_way and not wanted and attempt is self._started
                if mine:
                    _slots.give_back(engine)  # at once: others may connect while it leaves
                    if self._engine is engine:
                        self._engine = None
            if mine:
                engine.shut_down()
            raise
        finally:
            with self._lock:
                self._connecting -= 1

    def disconnect(self) -> None:
        """Disconnect. What is pending fails, calls are finished locally, who waits is released.

        The calls themselves go on at the server. Handlers are not interrupted in what
        they do, only in what they wait for; they have `Timing.close_timeout` to end.
        Calling it again does nothing; called from a handler, it does not wait for that one.
        """
        if self._engine is not None:
            self._engine.shut_down()

    def __enter__(self) -> Self:
        self.connect()
        return self

    def __exit__(self, *exc: object) -> None:
        self.disconnect()

    def drain(self, timeout: float | None = None) -> None:
        """Take no more calls, let those that are up finish, then disconnect.

        `timeout` is how long they may take, in seconds; None for the configured time.
        """
        engine = self._engine
        if engine is not None and engine.alive:
            limit = self._config.timing.drain_timeout if timeout is None else timeout
            engine.tell(engine.core.drain)
            engine.wait_until(lambda: not engine.busy, limit)
        self.disconnect()

    def run(self) -> None:
        """Connect and serve, reconnecting, until a signal or `disconnect` ends it.

        In the main thread SIGINT (Ctrl+C) ends it at once, and SIGTERM lets calls
        finish, for the time that `Timing.drain_timeout` gives them; a second signal
        ends that at once. In other threads signals are not its affair.

        Raises:
            AuthenticationError: the credentials were refused, several times.
        """
        with suppress(KeyboardInterrupt):
            self._serve()

    def on_connected(self, handler: LinkHandler) -> LinkHandler:
        """Hear of each session: `handler` gets a `Connected`, which says if it was resumed."""
        with self._routes_lock:
            self._routes.add_link(Connected, plain(handler))
        return handler

    def on_disconnected(self, handler: LinkHandler) -> LinkHandler:
        """Hear of each lost session: `handler` gets a `Disconnected`, with why and what next."""
        with self._routes_lock:
            self._routes.add_link(Disconnected, plain(handler))
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
        """Register the function that takes inbound calls, each in a thread of its own.

        With `contexts`, it takes the calls of these; several may be registered, and one
        without takes all others. With `cancel_on_end`, what it waits for when its call
        ends, or waits for after that, raises `CallEndedError`. There are at most
        `max_active_calls` such threads; calls beyond that are passed back to routing.
        """
        if handler is None:
            return partial(self.on_call, contexts=contexts, cancel_on_end=cancel_on_end)
        with self._routes_lock:
            self._routes.add_call(CallRoute(plain(handler), cancel_on_end), contexts)
        self._routes_changed()
        return handler

    def calls(self, *, contexts: Sequence[str] | None = None) -> InboundCalls:
        """Pull inbound calls, instead of being called: ``for call in client.calls()``.

        It takes calls from now on, in the place of an `on_call` with the same `contexts`,
        and stops when the client is disconnected. Callers who hang up before their call
        is pulled are left out.
        """
        stream = InboundCalls(self, partial(self._routes_changed, wait=False))
        with self._routes_lock:
            self._routes.add_call(stream.route, contexts)
            self._streams.add(stream)
        self._routes_changed()
        return stream

    def on_message(self, handler: MessageHandler) -> MessageHandler:
        """Register the function that takes inbound messages, each in a thread of its own.

        There are at most `max_active_calls` such threads; messages beyond that wait.
        """
        with self._routes_lock:
            self._routes.set_message(plain(handler))
        return handler

    def on_event(self, handler: EventHandler) -> EventHandler:
        """Hear every event, of all calls and messages and of none, in order."""
        with self._routes_lock:
            self._routes.add_event(EVERY, plain(handler))
        return handler

    def on(self, event_type: str, handler: EventHandler) -> EventHandler:
        """Hear the events of one type, of all calls and messages and of none, in order."""
        with self._routes_lock:
            self._routes.add_event(values.text("event_type", event_type), plain(handler))
        return handler

    def off(self, event_type: str, handler: Callable[[Any], Any]) -> None:
        """Stop hearing: `handler` was given to `on`. One that was not is no error."""
        with self._routes_lock:
            self._routes.remove_event(event_type, handler)

    def dial(
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
        engine = self.engine
        return Call.of(self, engine, engine.execute(command))

    def dial_phone(
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
        return self.dial([[device]], dial_timeout=dial_timeout)

    def dial_sip(
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
        return self.dial([[device]], dial_timeout=dial_timeout)

    def send_message(
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
        engine = self.engine
        return Message.of(engine, engine.execute(command))

    def execute(
        self, method: str, params: Mapping[str, Any], *, timeout: float | None = None
    ) -> JSONObject:
        """Send any method, and return its result.

        `timeout` is the time for the reply in seconds. A refusal raises `RelayError`,
        whatever its code.
        """
        return self._carry_out(commands.execute(method, params, timeout=timeout))

    def receive(self, contexts: Sequence[str]) -> None:
        """Subscribe to more contexts; they are kept over reconnects."""
        self._carry_out(commands.receive(contexts))

    def unreceive(self, contexts: Sequence[str]) -> None:
        """Unsubscribe from contexts."""
        self._carry_out(commands.unreceive(contexts))

    # How it works

    def _carry_out(self, command: Command[R]) -> R:
        return self.engine.execute(command)

    def _new_engine(self) -> Engine:
        engine = Engine(make_core(self._config, self._record, logger), self._connector)
        handlers = Handlers(self, engine, self._routes)

        def take(output: Output) -> None:
            if isinstance(output, Closed):
                self._failure = output.error
                _slots.give_back(engine)
                engine.tell_changed()
                with self._routes_lock:
                    streams = tuple(self._streams)
                for stream in streams:
                    stream.wake()
            else:
                handlers.publish(output)

        engine.publish = take
        self._prepare(engine)
        return engine

    def _prepare(self, engine: Engine) -> None:
        engine.core.accepting_calls = self._routes.accepting_calls
        engine.core.accepted_contexts = self._routes.accepted_contexts

    def _routes_changed(self, *, wait: bool = True) -> None:
        engine = self._engine
        if engine is None:
            return
        if not engine.running:
            self._prepare(engine)
        elif wait and not engine.in_io_thread:
            engine.ask(lambda: self._prepare(engine))
        else:
            engine.post(lambda: self._prepare(engine))

    def _start(self, *, retry: bool) -> Engine:
        if self._engine is not None:
            self._engine.check_process()
            if not self._engine.alive:
                self._engine = None
        engine = self.engine
        if engine.core.state is SessionState.DISCONNECTED:
            _slots.take(engine, os.environ)
            self._failure = None
            try:
                self._started = engine.command(engine.core.start, retry=retry)
            except BaseException:  # interrupted: it must not go on unobserved
                self._engine = None
                engine.shut_down()
                raise
        return engine

    def _serve(self) -> None:
        with self._lock:
            engine = self._start(retry=True)
        mail: Mailbox[signal.Signals | None] = Mailbox()
        try:
            with stop_signals(mail):
                engine.tell_when_closed(mail)
                self._obey_signals(engine, mail)
        finally:
            engine.shut_down()
        if self._failure is not None:
            raise self._failure

    def _obey_signals(self, engine: Engine, mail: Mailbox[signal.Signals | None]) -> None:
        draining = False
        while (number := engine.await_mail(mail, None)) is not None:
            if number == signal.SIGTERM and engine.busy and not draining:
                logger.info("SIGTERM: finishing %d calls", engine.core.active_calls)
                draining = True
                threading.Thread(target=self.drain, name="relay_sync drain", daemon=True).start()
            else:
                logger.info("signal %d: disconnecting", number)
                engine.tell(engine.core.close)
