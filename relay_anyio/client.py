"""`RelayClient`: a program's way to the RELAY service, on asyncio and on trio.

Public: for applications, which may also import the names from `relay_anyio`.
"""

from __future__ import annotations

import os
import ssl
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from functools import partial
from typing import Any, Final, Self, TypeVar, overload

import anyio

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
from relay_proto.errors import LocalProtocolError, RelayError
from relay_proto.records import CallRecord, MessageRecord
from relay_proto.values.checks import callback, instance, optional

from ._background import Block, running_loop
from ._calls import InboundCalls
from ._engine import Engine
from ._handlers import Handlers
from ._here import check_installed, library_of_running_loop
from ._log import log
from ._signals import stop_signals
from ._turns import turn_to_dial
from .call import Call, Client
from .message import Message
from .transport import Connector, connector_of

__all__ = ["RelayClient", "RelayError"]

RUNS_ALREADY: Final = (
    "run() starts an event loop, but one of {library} runs here already, as in a notebook: use "
    "'async with client:' or 'await client.connect()' instead. Or use relay_sync, which needs no "
    "event loop"
)

CallHandler = TypeVar("CallHandler", bound=Callable[[Call], Any])
MessageHandler = TypeVar("MessageHandler", bound=Callable[[Message], Any])


class RelayClient(Client):
    """A connection to RELAY, its calls and its messages.

    An argument that is not given falls back to its environment variable, then to its
    default. Use it with ``async with``, with `connect` and `disconnect`, or as a program of
    its own with `run`. It reconnects by itself.

    What is assigned to `client.project`, `client.token`, `client.jwt_token` or
    `client.contexts` takes effect at the next connect.

    Args:
        project: the id of the project, from the dashboard of the service. Variable:
            ``SIGNALWIRE_PROJECT_ID``.
        token: the API token of the project, or a function (async or not) that returns it. The
            function is called before each authentication. Variable: ``SIGNALWIRE_API_TOKEN``.
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
        self._connector = connector or connector_of(network)
        self._blocks: list[Block] = []

    @checked
    async def connect(self, *, retry: bool = False, timeout: float | None = None) -> None:
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
        ends_at = None if timeout is None else anyio.current_time() + timeout
        try:
            while not await self._attempt(ends_at, retry=retry):
                pass
        except TimeoutError:
            raise self._connect_timed_out(timeout) from None

    async def _attempt(self, ends_at: float | None, *, retry: bool) -> bool:
        """Connect, or share in an attempt. False if another one has to follow."""
        engine, attempt = self._start(retry=retry), self._started
        attempt.join()
        try:
            left = None if ends_at is None else max(0.0, ends_at - anyio.current_time())
            await engine.wait(attempt.result, left)
        except BaseException as error:
            self._last_attempt = engine.delivery.last_failure
            if attempt.leave() and attempt is self._started:
                try:
                    await engine.shut_down()
                finally:  # asyncio may cancel that as well
                    self._forget(engine)
            if attempt.result.error is not None:  # a connector may have ended the program
                self._let_out()
            if retry and attempt.is_followed(error):
                return False
            raise
        return True

    @checked
    async def wait_ready(self, timeout: float | None = None) -> None:
        """Wait until there is a session, now or after a reconnect. See also `on_connected`.

        Raises:
            TimeoutError: there was none in `timeout` seconds. The client goes on trying.
            AuthenticationError: the credentials were refused, several times.
            ClientClosedError: the client is disconnected, or was not connected at all.
        """
        engine = self._connected_engine()
        pending = engine.command(engine.core.wait_ready)
        await engine.wait(pending, timeout, self, "to be ready")

    async def __aenter__(self) -> Self:
        block = running_loop().block()
        self._blocks.append(block)
        try:
            await self.connect()
        except BaseException:
            self._blocks.remove(block)
            await block.leave(*sys.exc_info())
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        try:
            await self._take_block().leave(*exc)
        finally:
            await self.disconnect()

    @checked
    def run(self, *, backend: str = "asyncio", hang_up: bool = False) -> None:
        """Connect and serve, reconnecting, until a signal or `disconnect` ends it.

        SIGINT (Ctrl+C) ends it at once. SIGTERM lets calls finish, for the time that
        `Timing.drain_timeout` gives them; a second signal ends that at once. `backend`
        is ``asyncio`` or ``trio``. Calls that are up at the end go on at the service, with nobody
        to handle them; with `hang_up` they are hung up.

        Raises:
            AuthenticationError: the credentials were refused, several times.
            LocalProtocolError: an event loop runs here already, as in a notebook; or
                ``relay run`` imports the program now.
        """
        check_may_run()
        running = library_of_running_loop()
        if running is not None:
            raise LocalProtocolError(RUNS_ALREADY.format(library=running))
        self._hangs_up = hang_up
        check_installed(backend)
        with suppress(KeyboardInterrupt):
            anyio.run(self._serve, backend=backend)

    def turn_to_dial(self) -> AbstractAsyncContextManager[None]:
        """Wait for a turn in the `shared_pace`: ``async with client.turn_to_dial():``.

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
        """Register the function that takes inbound calls, each in a task of its own.

        With `contexts`, the function takes only the calls of these contexts. You may register
        several functions, and one without `contexts` takes all other calls. With
        `cancel_on_end`, the task is cancelled when its call ends. If it has to clean up with
        ``await`` then, do that in a shielded scope.

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
        """Iterate over inbound calls: ``async for call in client.calls()``.

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
        """Register the function that takes inbound messages, each in a task of its own."""
        self._add_message(handler)
        return handler

    # How it works

    def _take_block(self) -> Block:
        """The innermost block of the current task; or the last one, if another has entered it."""
        own = [block for block in self._blocks if block.was_entered_here()]
        block = (own or self._blocks)[-1]
        self._blocks.remove(block)
        return block

    def _make_engine(self, core: ClientInterface) -> Engine:
        return Engine(core, self._connector, self._credentials, self._stopped)

    def _make_runner(self, engine: Engine) -> Handlers:
        return Handlers(engine)

    def _call_of(self, engine: Engine, record: CallRecord) -> Call:
        return Call._of(self, engine, record)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]

    def _message_of(self, engine: Engine, record: MessageRecord) -> Message:
        return Message._of(engine, record)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]

    def _leaving(self, error: BaseException) -> None:
        for block in self._blocks:
            block.end(error)
        if not self._blocks:
            super()._leaving(error)

    def _stopped(self) -> None:
        error = self._ends_program
        if error is not None and not self._serving and running_loop().raise_out(error):
            self._ends_program = None

    async def _serve(self, *, obey_signals: bool = True) -> None:
        """Do what `run` says; `relay_run` obeys the signals itself."""
        while not await self._serve_once(obey_signals=obey_signals):
            pass

    async def _serve_once(self, *, obey_signals: bool) -> bool:
        """Serve until the end. False if another task's attempt has failed, and one follows."""
        engine, attempt = self._start(retry=True), self._started
        attempt.join()
        self._serving = True
        try:
            async with anyio.create_task_group() as tasks:
                if obey_signals:
                    tasks.start_soon(self._obey_signals, engine)
                await engine.wait_closed()
                tasks.cancel_scope.cancel()
        finally:
            await engine.shut_down()
            self._serving = False
        self._let_out()
        if attempt.is_followed(attempt.result.error):
            return False
        if engine.delivery.failure is not None:
            raise engine.delivery.failure
        return True

    async def _obey_signals(self, engine: Engine) -> None:
        async with stop_signals() as received, anyio.create_task_group() as tasks:
            signals = StopSignals()
            async for number in received:
                match signals.hear(number, anyio.current_time(), busy=engine.delivery.busy):
                    case Stop.DRAIN:
                        calls = counted(engine.core.active_calls, "call")
                        log.info("%s: finishing %s", number.name, calls)
                        tasks.start_soon(partial(self.drain, hang_up=self._hangs_up))
                    case Stop.CLOSE:
                        log.info("%s: disconnecting", number.name)
                        if self._hangs_up:
                            engine.delivery.hang_up_calls()
                        engine.command(engine.delivery.close)
                    case Stop.NOTHING:
                        pass
