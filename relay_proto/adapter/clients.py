"""Clients: what is registered with one, and which engine it has; nothing here waits."""

# ruff: noqa: SLF001 - what streams keep for the adapters
# pyright: reportPrivateUsage=false

from __future__ import annotations

import abc
import os
import threading
import weakref
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from random import Random, SystemRandom
from typing import Any, ClassVar, Generic, TypeVar

from ..api.parameters import checked
from ..api.routes import EVERY, CallRoute, OnError, Routes
from ..client_interface import ClientInterface
from ..config import ENV_RECORD, ClientConfig, Contexts, Provider, given_credential
from ..display import counted, shown_id
from ..errors import (
    ClientClosedError,
    ConnectTimeoutError,
    LocalProtocolError,
    RelayError,
)
from ..observing.observer import Observer
from ..outputs import Closed, Connected, Disconnected
from ..pending import Pending
from ..records import CallRecord, MessageRecord
from ..rpc.event_base import RelayEvent
from ..transitions import SessionState
from ..values.hosts import whole_host
from .attempts import Attempt
from .contexts import function_name, in_context
from .cores import make_core
from .credentials import CredentialSource
from .delivery import Delivery
from .downloads import Access, Download, Progress, Target
from .engines import ClientEngine
from .forks import forks
from .handles import CallBase, Function, MessageBase
from .hearing import Hearing
from .logs import Log, set_log_level
from .network import Network
from .observation import observed_by
from .record_file import Path, record_path
from .running import Runner
from .shared_pace import Pacer, SharedTurns
from .slots import Slots
from .streams import StreamBase
from .vitals import NOT_STARTED, Vitals, vitals_of

EventHandler = TypeVar("EventHandler", bound=Callable[[RelayEvent], Any])
UpHandler = TypeVar("UpHandler", bound=Callable[[Connected], Any])
DownHandler = TypeVar("DownHandler", bound=Callable[[Disconnected], Any])


E = TypeVar("E", bound=ClientEngine)
F = TypeVar("F", bound=Callable[..., Any])
C = TypeVar("C", bound=CallBase[Any, Any])
M = TypeVar("M", bound=MessageBase[Any])


class ClientBase(Hearing, Generic[E, C, M]):
    """A connection to RELAY: its configuration, its engine, and its handlers."""

    _slots: ClassVar[Slots]
    """Of all clients of the adapter in this process."""

    _file_source: Callable[[str], bytes] | None = None
    """In a rehearsal: what is at a URL."""
    _on_failure: Callable[[BaseException], object] | None = None
    """In a rehearsal: gets all that functions of the application raise."""
    _seeds: Random = SystemRandom()
    """Seeds of the ids and delays of its cores. A rehearsal gives its own."""

    project: str
    """Assigning to this, `token`, `jwt_token` or `contexts` takes effect at the next connect.

    Assigning to `host` takes effect at the next `connect`, and not at a reconnect before.
    """
    token: str | Provider
    """A text, or a function that returns one. It is called before each authentication."""
    jwt_token: str | Provider
    """A JWT, or a function that returns one. It is used in place of `project` and `token`."""
    contexts: list[str]
    """The contexts whose calls and texts the client gets."""
    _observer: Observer | None = None
    _current_observer: Observer | None = None
    """Of `_current`."""

    def __init__(
        self,
        config: ClientConfig,
        record: Path | None,
        log: Log,
        network: Network,
        *,
        project: str | None,
        token: str | Provider | None,
        jwt_token: str | Provider | None,
        max_connections: int | None = None,
        shared_pace: Pacer | None = None,
    ) -> None:
        self.project = given_credential(os.environ, "project", project)
        self.token = given_credential(os.environ, "token", token)
        self.jwt_token = given_credential(os.environ, "jwt_token", jwt_token)
        self.host = config.host
        self.contexts = list(config.contexts)
        self._config = config
        self._max_connections = max_connections
        self._shared_pace = shared_pace
        self._network = network
        recorded = os.environ.get(ENV_RECORD)
        self._record = record or (record_path(ENV_RECORD, recorded) if recorded else None)
        self._log = log
        self._current: E | None = None
        self._started = Attempt(Pending(), persists=False)
        self._last_attempt: RelayError | None = None  # why it failed, while somebody waited
        self._ends_program: BaseException | None = None
        self._serving = False  # by `run`
        self._hangs_up = False  # at the end of `run()`
        self._lock = threading.RLock()  # may be held while the core is asked
        self._routes_lock = threading.RLock()  # never held while waiting
        self._routes = Routes()
        self._streams: weakref.WeakSet[StreamBase[C]] = weakref.WeakSet()
        set_log_level(log, os.environ)
        forks.call_in_child(self._forked)

    def __repr__(self) -> str:
        engine = self._current
        up = 0 if engine is None else engine.core.active_calls
        calls = f" {counted(up, 'call')} up" if up else ""
        return f"<RelayClient {self.host} {self.state.value}{calls}>"

    @property
    def state(self) -> SessionState:
        """The state of the connection. In the state ``ready``, requests are sent at once."""
        engine = self._current
        if engine is None:
            return SessionState.DISCONNECTED
        return SessionState.CLOSED if engine.over else engine.core.state

    @property
    def relay_protocol(self) -> str:
        """The name that the server has given to the session, or ``""`` without a session."""
        return "" if self._current is None else self._current.core.protocol

    @property
    def observer(self) -> Observer | None:
        """Who is told what the client does. To be set before it connects.

        Raises:
            LocalProtocolError: the client connects, or is connected.
        """
        return self._observer

    @observer.setter
    def observer(self, observer: Observer | None) -> None:
        with self._lock:
            engine = self._engine_to_stop
            if engine is not None and engine.alive and observer is not self._observer:
                raise LocalProtocolError(
                    "the client is in use already, so what observes it cannot change: set the "
                    "observer before connect(), or after disconnect()"
                )
            self._observer = observer

    def _vitals(self) -> Vitals:
        """How it does. On threads, to be asked where the core is: see `_post`."""
        engine = self._current
        if engine is None:
            return NOT_STARTED
        return vitals_of(engine, self._config.timing.drain_timeout)

    # Registration

    @checked
    def on_connected(self, handler: UpHandler) -> UpHandler:
        """Call `handler` each time the client has connected.

        It gets a `Connected`. Its `resumed` says whether the session before goes on, with its
        calls.
        """
        with self._changing_routes():
            self._routes.add_link(Connected, self._bound(handler))
        return handler

    @checked
    def on_disconnected(self, handler: DownHandler) -> DownHandler:
        """Call `handler` each time the client has lost its connection, or has disconnected.

        It gets a `Disconnected`. Its `error` says why, or is None if the program has
        disconnected. `retry_delay` is the time until the next attempt to connect, in seconds.
        """
        with self._changing_routes():
            self._routes.add_link(Disconnected, self._bound(handler))
        return handler

    @checked
    def on_event(self, handler: EventHandler) -> EventHandler:
        """Call `handler` for every event, in order.

        These are the events of all calls and messages, and the events about neither of them.
        """
        with self._changing_routes():
            self._routes.add_event(EVERY, self._bound(handler))
        self._listeners_changed()
        return handler

    def _hear(self, event_type: str, handler: Function) -> None:
        with self._changing_routes():
            self._routes.add_event(event_type, self._bound(handler))
        self._listeners_changed()

    @checked
    def off(self, event_type: str, handler: Function) -> None:
        """Stop calling `handler`, which you have given to `on`.

        If you have not, this does nothing.
        """
        with self._changing_routes():
            self._routes.remove_event(event_type, handler)
        self._listeners_changed()

    def _add_call(
        self,
        handler: Function,
        contexts: Contexts | None,
        *,
        cancel_on_end: bool,
        on_error: OnError,
    ) -> None:
        with self._changing_routes():
            if callable(on_error):
                self._accepted(on_error)
            route = CallRoute(self._bound(handler), cancel_on_end=cancel_on_end, on_error=on_error)
            replaced = self._routes.add_call(route, contexts)
        self._tell_replaced(route, replaced)
        self._routes_changed()

    def _add_stream(self, stream: StreamBase[C], contexts: Contexts | None) -> None:
        with self._changing_routes():
            replaced = self._routes.add_call(stream._route, contexts)
            self._streams.add(stream)
        self._tell_replaced(stream._route, replaced)
        self._routes_changed()

    def _add_message(self, handler: Function) -> None:
        with self._changing_routes():
            replaced = self._routes.set_message(self._bound(handler))
        if replaced is not None:
            words = "on_message: %s replaces %s, which gets no more messages"
            self._log.warning(words, function_name(handler), function_name(replaced))
        self._routes_changed()

    def _tell_replaced(self, route: CallRoute, replaced: Mapping[str | None, CallRoute]) -> None:
        for context, before in replaced.items():
            which = "" if context is None else f" of the context {shown_id(context)}"
            words = "%s replaces %s, which gets no more calls%s"
            self._log.warning(words, _taker(route), _taker(before), which)

    def _changing_routes(self) -> AbstractContextManager[object]:
        """Hold the lock of the registrations, where it is allowed to change them."""
        self._check_belongs_here()
        return self._routes_lock

    def _bound(self, function: Function) -> Function:
        """Return `function` with the context variables of now; what is no function, as it is."""
        accepted = self._accepted(function)
        unchecked: object = accepted
        return in_context(accepted) if callable(unchecked) else accepted

    def _accepted(self, function: F) -> F:
        """Return `function` if the adapter can run functions of its kind."""
        return function

    def _listeners_changed(self) -> None:
        """Let the core know if somebody hears text messages now, and nobody did, or the reverse."""
        engine = self._current
        if engine is not None and engine.core.accepting_texts is not self._routes.accepting_texts:
            self._routes_changed(wait=False)

    def _routes_changed(self, *, wait: bool = True) -> None:
        """Let the core know which calls are taken."""
        engine = self._current
        if engine is not None:
            engine.arrange(partial(self._prepare, engine), wait=wait)

    def _prepare(self, engine: E) -> None:
        engine.core.accepted_contexts = self._routes.accepted_contexts
        engine.core.accepting_calls = self._routes.accepting_calls
        engine.core.accepting_texts = self._routes.accepting_texts

    def _new_download(
        self, url: str, to: Target, timeout: float, max_bytes: int, progress: Progress | None
    ) -> Download:
        access = Access.of(self._network, self._config.host, self.project, self.token)
        return Download(access, url, to, timeout=timeout, max_bytes=max_bytes, progress=progress)

    # The engine

    @property
    def _engine(self) -> E:
        """What carries out the commands.

        Raises:
            ClientClosedError: nobody has connected the client.
        """
        if (engine := self._current) is None:
            raise ClientClosedError
        return engine

    def _engine_before_start(self) -> E:
        """The engine, also of a client that nobody has connected yet."""
        with self._lock:
            if (engine := self._current) is None:
                engine = self._current = self._new_engine()
                self._routes_changed(wait=False)  # who registers from now on tells it, too
        return engine

    def _new_engine(self) -> E:
        self.host = whole_host("client.host", self.host)
        self._config = config = replace(self._config, host=self.host)
        self._credentials = CredentialSource(self, config)
        core = make_core(config, self._record, self._log, self._seeds)
        self._current_observer = self._observer
        core, observation = observed_by(self._observer, core, self._log, self._seeds)
        engine = self._make_engine(core)
        turns = SharedTurns(self._shared_pace, engine.core, self._log)
        delivery = Delivery(
            engine,
            self._routes,
            self._make_runner(engine),
            self._log,
            call_of=partial(self._call_of, engine),
            message_of=partial(self._message_of, engine),
            changed=engine.tell_changed,
            connected=self._network.proved,
            closed=partial(self._closed, engine),
            turns=turns,
            leaving=self._leaving,
            observation=observation,
        )
        delivery.lines.on_failure = self._failed
        engine.deliver_by(delivery)
        return engine

    def _failed(self, error: BaseException) -> None:
        if self._on_failure is not None:
            self._on_failure(error)

    @abc.abstractmethod
    def _make_engine(self, core: ClientInterface) -> E: ...

    @abc.abstractmethod
    def _make_runner(self, engine: E) -> Runner[Any]: ...

    @abc.abstractmethod
    def _call_of(self, engine: E, record: CallRecord) -> C: ...

    @abc.abstractmethod
    def _message_of(self, engine: E, record: MessageRecord) -> M: ...

    def _check_belongs_here(self) -> None:
        """Before the client is connected, it belongs nowhere: see `Engine`."""
        if self._current is not None:
            self._current.check_belongs_here()

    def _forked(self) -> None:
        """In a forked child: the locks may belong to threads that are not there."""
        self._lock = threading.RLock()
        self._routes_lock = threading.RLock()
        inherited = self._current is not None and self._current.forked()
        if not inherited:  # the child may connect this client, with randomness of its own
            self._current = None
        for stream in tuple(self._streams):
            stream._forked(inherited=inherited)

    def _start(self, *, retry: bool) -> E:
        """Begin to connect, unless that has begun: see `_started`."""
        with self._lock:
            self._check_belongs_here()
            return self._start_here(retry=retry)

    def _start_here(self, *, retry: bool) -> E:
        with self._lock:
            if self._current is not None and not self._fits(self._current):
                self._discard(self._current)
            engine = self._engine_before_start()
            if engine.core.state is SessionState.DISCONNECTED:
                self._slots.take(engine, os.environ, self._max_connections)
                try:
                    result = engine.start(partial(engine.core.start, retry=retry))
                    self._started = Attempt(result, persists=retry)
                except BaseException:  # the system may have no descriptors or threads left
                    self._forget(engine)
                    engine.abandon()
                    raise
        return engine

    def _fits(self, engine: E) -> bool:
        """Whether `connect` goes on with an engine that is there."""
        if engine.alive and engine.core.state is SessionState.DISCONNECTED:
            same_host = self._config.host == whole_host("client.host", self.host)
            return same_host and self._current_observer is self._observer
        return engine.alive

    @property
    def _engine_to_stop(self) -> E | None:
        """The engine, if it has begun to connect.

        So a `disconnect` in another thread comes before a `connect` that has just been called,
        or ends it, and is never in between.
        """
        engine = self._current
        begun = engine is not None and engine.core.state is not SessionState.DISCONNECTED
        return engine if begun else None

    def _connected_engine(self) -> E:
        """The engine, if there is a session, or there may be one.

        Raises:
            RelayError: the client is not connected; the error says why.
        """
        engine = self._current
        if engine is None or not engine.alive:
            failure = None if engine is None else engine.delivery.failure
            raise ClientClosedError if failure is None else failure
        return engine

    def _connect_timed_out(self, seconds: float | None) -> ConnectTimeoutError:
        assert seconds is not None, "who waits for ever is in time"
        return ConnectTimeoutError(self._config.host, seconds, self._last_attempt)

    def _discard(self, engine: E) -> None:
        """Another engine takes the place of one that has ended, or never began."""
        self._current = None
        if engine.alive:
            engine.abandon()  # a handle that was made by hand may wait for it

    def _forget(self, engine: E) -> None:
        """An attempt to connect came to nothing: others may connect while it leaves."""
        self._slots.give_back(engine)
        if self._current is engine:
            self._current = None

    def _closed(self, engine: E, output: Closed) -> None:
        engine.delivery.turns.close(output.error)
        self._slots.give_back(engine)
        engine.tell_changed()
        with self._routes_lock:
            streams = tuple(self._streams)
        for stream in streams:
            stream._wake()

    def _leaving(self, error: BaseException) -> None:
        """The application has raised what ends the program: the first such error is let out."""
        self._ends_program = self._ends_program or error
        if self._hangs_up and self._current is not None:
            self._current.delivery.hang_up_calls()

    def _let_out(self, *, of_run: bool = False) -> None:
        """Raise, once, what the application has raised to end the program, if it has.

        While `run` serves, that comes out of `run`, whoever disconnects meanwhile.
        """
        if self._serving and not of_run:
            return
        error, self._ends_program = self._ends_program, None
        if error is not None:
            raise error

    def _post(self, function: Callable[[], object]) -> None:
        """Call `function` where the core is, if it runs."""
        if self._current is not None:
            self._current.soon(function)


def _taker(route: CallRoute) -> str:
    """Who takes the calls of a route, in words."""
    return "calls()" if route.at_once else f"on_call: {function_name(route.handler)}"
