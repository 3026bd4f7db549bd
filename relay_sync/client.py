"""`RelayClient`: a program's way to the RELAY service, from any thread.

Public: for applications, which may also import the names from `relay_sync`.
"""

from __future__ import annotations

import os
import signal
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from functools import partial
from typing import Any, Self, TypeVar, overload

from relay_proto import Limits, Timing, resolve_config
from relay_proto.adapter.imports import check_may_run
from relay_proto.adapter.network import Network, proxy_setting
from relay_proto.adapter.record_file import Path, record_path
from relay_proto.adapter.shared_pace import Pacer, pacer
from relay_proto.adapter.signals import Stop, StopSignals
from relay_proto.adapter.slots import Slots
from relay_proto.api.parameters import checked, checked_with
from relay_proto.api.routes import OnError
from relay_proto.client_interface import ClientInterface
from relay_proto.config import Contexts, Provider, WhileReconnecting
from relay_proto.display import counted
from relay_proto.errors import RelayError
from relay_proto.records import CallRecord, MessageRecord
from relay_proto.values.checks import callback, instance, optional

from ._calls import InboundCalls
from ._engine import Engine
from ._guard import plain
from ._handlers import Handlers
from ._log import log
from ._signals import stop_signals
from ._turns import turn_to_dial
from ._waiting import Mailbox, current
from .call import Call, Client
from .message import Message
from .transport import Connector

__all__ = ["RelayClient", "RelayError"]

F = TypeVar("F", bound=Callable[..., Any])
CallHandler = TypeVar("CallHandler", bound=Callable[[Call], Any])
MessageHandler = TypeVar("MessageHandler", bound=Callable[[Message], Any])


class RelayClient(Client):
    """A connection to RELAY, its calls and its messages.

    An argument that is not given falls back to its environment variable, then to its
    default. Use it with ``with``, with `connect` and `disconnect`, or as a program of its own
    with `run`. It reconnects by itself. You may use it from any thread. A wait
    ends with its result, its timeout, `disconnect` or Ctrl+C.

    What is assigned to `client.project`, `client.token`, `client.jwt_token` or
    `client.contexts` takes effect at the next connect.

    Args:
        project: the id of the project, from the dashboard of the service. Variable:
            ``SIGNALWIRE_PROJECT_ID``.
        token: the API token of the project, or a function that returns it. The function is
            called before each authentication. Variable: ``SIGNALWIRE_API_TOKEN``.
        jwt_token: a JWT in place of `project` and `token`, or a function that returns one.
            Variable: ``SIGNALWIRE_JWT_TOKEN``.
        host: the host of the service, as ``name`` or ``name:port``. Variable:
            ``SIGNALWIRE_SPACE``. Default: ``relay.signalwire.com``.
        contexts: the contexts whose calls and texts the client takes. A context is a name that
            you give to a number in the dashboard of the service. Default: none.
        max_active_calls: how many calls may be up. Further calls are passed back to the
            service. Variable: ``RELAY_MAX_ACTIVE_CALLS``. Default: 1000.
        timing: all times, in seconds. Default: those of `Timing`, such as 10 s for the
            answer to a request, and 120 s for a dial.
        limits: all limits. Default: those of `Limits`.
        while_reconnecting: what a request does without a session. ``queue``: it waits for
            the next one, for ``timing.queue_timeout`` (60 s) at most. ``fail``: it raises
            `ConnectionLostError` at once. Default: ``queue``.
        connector: a function that opens the connections, in place of `proxy` and
            `ssl_context`. Default: none.
        record: a file to which the flight recorder writes everything that happens, masked.
            ``relay replay`` shows it. Variable: ``RELAY_RECORD``. Default: none.
        proxy: the URL of a proxy, like ``http://user:password@proxy:8080`` or
            ``socks5h://proxy:1080``; False or None for no proxy; True for the one of the
            environment. Variables: ``HTTPS_PROXY``, ``ALL_PROXY``, ``NO_PROXY``. Default: True.
        ssl_context: an `ssl.SSLContext`, which says what certificates are accepted. Default: the
            authorities of the system, and those in the file of ``SIGNALWIRE_RELAY_CA_FILE``.
        show_personal_data: whether logs and recordings show everything but credentials:
            numbers, texts, digits and parameters of the program. Variable:
            ``RELAY_SHOW_PERSONAL_DATA`` (``1``, ``true``, ``yes`` or ``on``). Default: False.
        max_connections: how many clients of this process may be connected at the same time. To
            connect several, give each of them the same number. Variable:
            ``RELAY_MAX_CONNECTIONS``. Default: 1.
        shared_pace: a pace that several processes share, such as `relay_pace.SharedPace`. Dials
            and texts wait for their turn in it. Default: none.

    Raises:
        ValueError, TypeError: an argument is missing or wrong; the message names it.
    """

    _slots = Slots()

    @checked_with(
        connector=callback,
        record=record_path,
        proxy=optional(proxy_setting),
        ssl_context=instance(ssl.SSLContext),
        shared_pace=pacer,
    )
    def __init__(
        self,
        project: str | None = None,
        token: str | Provider | None = None,
        jwt_token: str | Provider | None = None,
        host: str | None = None,
        contexts: Contexts | None = None,
        max_active_calls: int | None = None,
        *,
        timing: Timing | None = None,
        limits: Limits | None = None,
        while_reconnecting: WhileReconnecting = "queue",
        connector: Connector | None = None,
        record: Path | None = None,
        proxy: str | bool | None = True,
        ssl_context: ssl.SSLContext | None = None,
        show_personal_data: bool | None = None,
        max_connections: int | None = None,
        shared_pace: Pacer | None = None,
    ) -> None:
        config = resolve_config(
            os.environ,
            project=project,
            token=token,
            jwt_token=jwt_token,
            host=host,
            contexts=contexts,
            max_active_calls=max_active_calls,
            timing=timing,
            limits=limits,
            while_reconnecting=while_reconnecting,
            show_personal_data=show_personal_data,
        )
        network = Network(config.timing.connect_timeout, proxy=proxy, ssl_context=ssl_context)
        super().__init__(
            config,
            record,
            log,
            network,
            project=project,
            token=token,
            jwt_token=jwt_token,
            max_connections=max_connections,
            shared_pace=shared_pace,
        )
        self._connector = connector

    @checked
    def connect(self, *, retry: bool = False, timeout: float | None = None) -> None:
        """Connect and authenticate. If the client is connected, this does nothing.

        Once connected, the client reconnects by itself until `disconnect`. With `retry`, it
        also tries again if the first attempt fails, so a service may start before the network
        does. It gives up only if the credentials are refused several times, or after `timeout`
        seconds.

        Raises:
            ConnectTimeoutError: there was no session in `timeout` seconds.
            ConnectFailedError: there is no connection; the message says why.
            RemoteProtocolError: the server refused the upgrade, or speaks something else.
            AuthenticationError: the credentials were refused, in the server's words.
            RuntimeError: this process has as many connected clients as it may have: see
                `max_connections`.
        """
        ends_at = None if timeout is None else time.monotonic() + timeout
        try:
            while not self._attempt(ends_at, retry=retry):
                pass
        except TimeoutError:
            raise self._connect_timed_out(timeout) from None

    def _attempt(self, ends_at: float | None, *, retry: bool) -> bool:
        """Connect, or share in an attempt. False if another one has to follow."""
        with self._lock:
            engine, attempt = self._start(retry=retry), self._started
            attempt.join()
        try:
            left = None if ends_at is None else max(0.0, ends_at - time.monotonic())
            engine.wait(attempt.result, left)
        except BaseException as error:
            with self._lock:
                self._last_attempt = engine.delivery.last_failure
                mine = attempt.leave() and attempt is self._started
                if mine:
                    self._forget(engine)
            if mine:
                engine.shut_down()
            if attempt.result.error is not None:  # a connector may have ended the program
                self._let_out()
            if retry and attempt.is_followed(error):
                return False
            raise
        return True

    @checked
    def wait_ready(self, timeout: float | None = None) -> None:
        """Wait until there is a session, now or after a reconnect. See also `on_connected`.

        Raises:
            TimeoutError: there was none in `timeout` seconds. The client goes on trying.
            AuthenticationError: the credentials were refused, several times.
            ClientClosedError: the client is disconnected, or was not connected at all.
        """
        engine = self._connected_engine()
        pending = engine.command(engine.core.wait_ready)
        engine.wait(pending, timeout, self, "to be ready")

    def __enter__(self) -> Self:
        self.connect()
        return self

    def __exit__(self, *exc: object) -> None:
        self.disconnect()

    @checked
    def run(self, *, hang_up: bool = False) -> None:
        """Connect and serve, reconnecting, until a signal or `disconnect` ends it.

        In the main thread SIGINT (Ctrl+C) ends it at once, and SIGTERM lets calls
        finish, for the time that `Timing.drain_timeout` gives them; a second signal
        ends that at once. In other threads, it does not handle signals. Calls that are
        up at the end go on at the service, with nobody to handle them; with `hang_up` they are
        hung up.

        Raises:
            AuthenticationError: the credentials were refused, several times.
            LocalProtocolError: ``relay run`` imports the program now.
        """
        check_may_run()
        self._hangs_up = hang_up
        with suppress(KeyboardInterrupt):
            self._serve()

    def turn_to_dial(self) -> AbstractContextManager[None]:
        """Wait for a turn in the `shared_pace`: ``with client.turn_to_dial():``.

        The first dial in the block has this turn, and leaves at once. So a program can write down
        that it dials, after it has waited and before anybody's telephone rings. Without a
        `shared_pace`, this does not wait. The place is free for others when the block ends.

        Raises:
            RequestTimeoutError: the turn did not come within `Timing.pace_timeout`.
            RequestQueueFullError: too many dials wait for their turn.
            ClientClosedError: the client is disconnected.
        """
        return turn_to_dial(self._engine)

    # Calls and messages

    @overload
    def on_call(
        self,
        handler: CallHandler,
        *,
        contexts: Contexts | None = None,
        cancel_on_end: bool = False,
        on_error: OnError = "hangup",
    ) -> CallHandler: ...
    @overload
    def on_call(
        self,
        handler: None = None,
        *,
        contexts: Contexts | None = None,
        cancel_on_end: bool = False,
        on_error: OnError = "hangup",
    ) -> Callable[[CallHandler], CallHandler]: ...
    @checked
    def on_call(
        self,
        handler: CallHandler | None = None,
        *,
        contexts: Contexts | None = None,
        cancel_on_end: bool = False,
        on_error: OnError = "hangup",
    ) -> CallHandler | Callable[[CallHandler], CallHandler]:
        """Register the function that takes inbound calls, each in a thread of its own.

        With `contexts`, the function takes only the calls of these contexts. You may register
        several functions, and one without `contexts` takes all other calls. With
        `cancel_on_end`, its waits raise `CallEndedError` when its call ends, and so do those
        that begin later. At most `max_active_calls` such threads run; further calls are passed
        back to the service.

        If another handler has these calls already, the new one replaces it. A warning in the
        log names both.

        If the function raises anything, its call is hung up, so that nobody is left in
        silence. With ``on_error="leave"`` the call goes on. If `on_error` is a function, it is
        called with the call and the error instead; if it raises as well, the call is hung up.
        When a handler returns, its call goes on.
        """
        if handler is None:
            return partial(
                self.on_call, contexts=contexts, cancel_on_end=cancel_on_end, on_error=on_error
            )
        self._add_call(handler, contexts, cancel_on_end=cancel_on_end, on_error=on_error)
        return handler

    @checked
    def calls(self, *, contexts: Contexts | None = None) -> InboundCalls:
        """Iterate over inbound calls: ``for call in client.calls()``.

        This takes the place of a handler that was registered with `on_call` and the same
        `contexts`. The iteration ends when the client is disconnected. It leaves out callers
        who hang up before their turn.

        Call this before the client connects, or soon after that: a call that comes before the
        first handler waits for one for ``Timing.handler_grace``, and is then passed back.
        """
        stream = InboundCalls(self)
        self._add_stream(stream, contexts)
        return stream

    @checked
    def on_message(self, handler: MessageHandler) -> MessageHandler:
        """Register the function that takes inbound messages, each in a thread of its own.

        At most `Limits.message_handlers` such threads run; further messages wait.
        """
        self._add_message(handler)
        return handler

    # How it works

    def _accepted(self, function: F) -> F:
        return plain(function)

    def _make_engine(self, core: ClientInterface) -> Engine:
        if current.virtual is not None:
            current.virtual.adopt(self)
        return Engine(core, self._connector, self._network, self._credentials)

    def _make_runner(self, engine: Engine) -> Handlers:
        return Handlers(engine)

    def _call_of(self, engine: Engine, record: CallRecord) -> Call:
        return Call._of(self, engine, record)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]

    def _message_of(self, engine: Engine, record: MessageRecord) -> Message:
        return Message._of(engine, record)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]

    def _start_here(self, *, retry: bool) -> Engine:
        try:
            return super()._start_here(retry=retry)
        except BaseException:  # interrupted: it must not go on unobserved
            engine, self._current = self._current, None
            if engine is not None:
                engine.shut_down()
            raise

    def _serve(self) -> None:
        while not self._serve_once():
            pass

    def _serve_once(self) -> bool:
        """Serve until the end. False if another thread's attempt has failed, and one follows."""
        with self._lock:
            engine, attempt = self._start(retry=True), self._started
            attempt.join()
        mail: Mailbox[signal.Signals | None] = Mailbox()
        self._serving = True
        try:
            try:
                with stop_signals(mail):
                    engine.tell_when_closed(mail)
                    self._obey_signals(engine, mail)
            finally:
                engine.shut_down()
            self._let_out(of_run=True)  # another thread may disconnect as well right now
        finally:
            self._serving = False
        if attempt.is_followed(attempt.result.error):
            return False
        if engine.delivery.failure is not None:
            raise engine.delivery.failure
        return True

    def _obey_signals(self, engine: Engine, mail: Mailbox[signal.Signals | None]) -> None:
        signals = StopSignals()
        while (number := engine.await_mail(mail, None)) is not None:
            match signals.hear(number, time.monotonic(), busy=engine.delivery.busy):
                case Stop.DRAIN:
                    calls = counted(engine.core.active_calls, "call")
                    log.info("%s: finishing %s", number.name, calls)
                    drain = partial(self.drain, hang_up=self._hangs_up)
                    threading.Thread(target=drain, name="relay_sync drain", daemon=True).start()
                case Stop.CLOSE:
                    log.info("%s: disconnecting", number.name)
                    if self._hangs_up:
                        engine.delivery.hang_up_calls()
                    engine.tell(engine.delivery.close)
                case Stop.NOTHING:
                    pass
