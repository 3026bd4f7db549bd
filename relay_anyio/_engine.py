"""The engine: the driver of one client, in the background, and who waits for it."""

from __future__ import annotations

import inspect
import os
import threading
from collections.abc import Awaitable, Callable
from contextlib import nullcontext, suppress
from contextvars import Context
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

import anyio
import anyio.lowlevel

from relay_proto.adapter.backlog import Bound, Places
from relay_proto.adapter.connection_errors import ToldError
from relay_proto.adapter.cores import close_for_good, failure_of
from relay_proto.adapter.credentials import CredentialSource, Question
from relay_proto.adapter.delivery import Delivery
from relay_proto.adapter.forks import forks, refusal
from relay_proto.adapter.freezes import notice_freeze
from relay_proto.adapter.guard import contains, end_of_program
from relay_proto.adapter.logs import Lines
from relay_proto.adapter.timeouts import timed_out
from relay_proto.client_interface import ClientInterface
from relay_proto.errors import ClientClosedError, LocalProtocolError, RelayError
from relay_proto.outputs import Closed, EventReceived, OpenTransport, Output, Settled
from relay_proto.pending import Pending
from relay_proto.transitions import SessionState
from relay_proto.values.hosts import split_host

from ._background import EventLoop, Waker, running_loop
from ._driver import Driver
from ._guard import Guard
from ._here import anywhere, forget_cancellation, nowhere
from ._log import log
from ._tasks import AppTask, AppTasks, CallTask, current_app_task
from ._tls import in_own_thread
from ._waiting import Waiting
from .transport import CANCELLED_BY_OTHERS, Connector, failure_words

if TYPE_CHECKING:
    from anyio.abc import ByteStream, TaskGroup

R = TypeVar("R")

CANCELLED: Final = (
    "the client is disconnected, because its task was cancelled by the program or the event loop"
)
LOOP_ENDED: Final = (
    "the client is disconnected, because its event loop was closed: call disconnect() before that"
)
ELSEWHERE: Final = (
    "this RelayClient belongs to the event loop in which it connected, and cannot be used from "
    "another thread or event loop: nothing was sent. From another thread, call {way_in}. Or use "
    "relay_sync, whose client may be used from any thread"
)
STOOD_STILL: Final = (
    "the event loop has not run for %.0f s, or longer. Meanwhile the client received no events "
    "and answered no pings. Something has blocked it, or it runs only while a statement runs, "
    "as in IPython: use relay_sync or `relay shell` there"
)
LAST_BREATH: Final = 1.0
"""Seconds beyond the core's own bounds in which everything must have stopped."""


class Engine:
    """Runs a client's core over real byte streams until it is closed."""

    delivery: Delivery[CallTask, Any, Any]
    """Takes events to the application; set before the first command."""

    def __init__(
        self,
        core: ClientInterface,
        connector: Connector,
        source: CredentialSource,
        stopped: Callable[[], object],
    ) -> None:
        """`stopped` is called when nothing of it runs any more."""
        self._stopped = stopped
        self.core = core
        self._over = False
        self._connector = connector
        self._source = source
        self._driver: Driver[Output] = Driver(core, self._perform)
        self._driver.hear(Settled, self._settled)
        self.read_what_waits = self._driver.read_what_waits
        self.wait_at_most = self._driver.wait_at_most
        self.lock = nullcontext()
        limits = core.config.limits
        self.backlog = Bound.of(limits)
        self.listener_places = Places(limits.active_calls + limits.listener_backlog)
        self._loop: EventLoop | None = None
        self._is_here: Callable[[], bool] = anywhere
        self._process = os.getpid()
        self._inherited = False
        self._buried = False
        self._burying = threading.Lock()
        self._io: TaskGroup | None = None
        self._app: AppTasks | None = None
        self.guard = Guard(self)
        self.failure: RelayError | None = None
        """Why it has ended, if nobody has disconnected."""
        self._wakers: set[Waker] = set()
        self._count_woken = self._driver.gathering.count_woken
        self._is_cancelled: Callable[[], bool] = bool
        self._timer = anyio.CancelScope()
        self._closed = anyio.Event()
        self._finished = anyio.Event()
        self._changed = anyio.Event()
        forks.call_in_child(self.forked)

    @property
    def over(self) -> bool:
        """See `ClientEngine`. An event loop that was closed tells nobody: here it is noticed."""
        if not self._over and not self._is_here():
            assert self._loop is not None, "one that was not started is here wherever it is asked"
            if self._loop.has_ended():
                self._bury(self._loop)
        return self._over

    @property
    def alive(self) -> bool:
        """Whether the program still wants it."""
        return not self.over and self.core.state not in (SessionState.CLOSING, SessionState.CLOSED)

    def check_belongs_here(self) -> None:
        """See `relay_proto.adapter.handles.Engine`."""
        if not self._is_here():
            self._refuse()

    def start(self, function: Callable[..., R]) -> R:
        """See `ClientEngine`."""
        return self.command(function)

    def command(self, function: Callable[..., R], *args: Any) -> R:
        """Call a command of the core, with the time as its last argument, and step.

        The first one that succeeds starts the engine: one that raises leaves no trace.
        """
        return self._command(self._driver.step, function, args)

    def _command(
        self, step: Callable[[], None], function: Callable[..., R], args: tuple[Any, ...]
    ) -> R:
        self.check_belongs_here()
        loop = self._loop or running_loop()
        try:
            result = function(*args, loop.time())
            if self._loop is None:
                self._loop, self._is_here = loop, loop.is_running_here
                self._app = AppTasks(loop, self.guard, self._check_finished)
                self._is_cancelled = loop.spawn(self._run, self._stop, "relay_anyio engine")
        finally:
            if self._io is not None:  # until then outputs wait: draining late is never wrong
                step()
        return result

    def deliver_by(self, delivery: Delivery[CallTask, Any, Any]) -> None:
        """See `ClientEngine`."""
        self.delivery = delivery
        self._driver.hear(EventReceived, delivery.event_received)
        self._driver.timers = delivery
        self._driver.woken_late = partial(notice_freeze, delivery.lines, STOOD_STILL)

    @property
    def lines(self) -> Lines:
        """See `Surroundings`."""
        return self.delivery.lines

    def time(self) -> float:
        """See `DeliveryEngine`."""
        return (self._loop or running_loop()).time()

    def deadline_changed(self) -> None:
        """See `DeliveryEngine`."""
        self.soon(self._driver.look_at_deadline)

    def abandon(self) -> None:
        """See `ClientEngine`."""
        self._stop()

    def ask(self, function: Callable[[], R]) -> R:
        """See `relay_proto.adapter.handles.Engine`."""
        self.check_belongs_here()
        return function()

    def arrange(self, function: Callable[[], object], *, wait: bool) -> None:
        """See `ClientEngine`."""
        del wait  # it is done at once
        self.ask(function)
        self._driver.look_at_deadline()

    def tell(self, function: Callable[..., object], *args: Any) -> None:
        """See `relay_proto.adapter.handles.Engine`."""
        self.command(function, *args)

    def soon(self, function: Callable[[], object]) -> None:
        """Let the event loop call `function` soon. From any thread, and anywhere in it."""
        if self._loop is not None and not self._inherited:
            with suppress(RuntimeError):  # the event loop has ended: nobody is there to care
                self._loop.post(function)

    def wait(
        self, pending: Pending[R], timeout: float | None = None, *what: object
    ) -> Awaitable[R]:
        """Wait for a result; on timeout or cancellation only this waiter is gone."""
        self.check_belongs_here()
        if timeout is None and not pending.settled:
            return Waiting(self, pending)  # without a scope, which costs as much as the rest
        return self._wait_for(pending, timeout, *what)

    async def _wait_for(self, pending: Pending[R], timeout: float | None, *what: object) -> R:
        if pending.settled:
            await anyio.lowlevel.checkpoint()
            return pending.result()
        await self.wait_at_most(timeout, lambda: Waiting(self, pending))
        if not bool(pending.settled):  # it may be by now
            raise timed_out(timeout, *what)
        return self.result(pending)

    async def carry_out(self, function: Callable[..., Pending[R]], *args: Any) -> R:
        """Call a command as `command` does, and wait; a caller that goes away takes it back.

        Others run meanwhile in any case: a program may try again whatever is refused at once.
        """
        try:
            pending = self._command(self._driver.step_soon, function, args)
        except LocalProtocolError:
            raise  # there may be no event loop here
        except Exception:
            await anyio.lowlevel.checkpoint()
            raise
        del function, args  # they may be large, and the wait for the result long
        waker = None if pending.settled else self.waker_of(pending)
        try:
            await (waker or anyio.lowlevel.checkpoint())
        except BaseException:
            pending.wakers = ()
            if pending.error is None:  # cancelled, be it with the result on its way
                self.command(self.core.cancel, pending)
            raise
        finally:
            if waker is not None:
                self._wakers.discard(waker)
        return pending.result() if self.failure is None else self.result(pending)

    def waker_of(self, pending: Pending[Any]) -> Waker:
        """Return what is woken when `pending` settles, or nothing runs any more."""
        loop = self._loop or running_loop()
        waker = loop.waker()
        pending.wakers = (*pending.wakers, waker)
        self._wakers.add(waker)
        if self._over:  # a core that cannot even be closed still takes commands
            loop.wake(waker)
        return waker

    def forget(self, waker: Waker) -> None:
        """Nobody waits for this one any more."""
        self._wakers.discard(waker)

    def result(self, pending: Pending[R]) -> R:
        """Return the result of what has settled, or raise why nothing runs any more."""
        if self.failure is not None and (not pending.settled or pending.error is not None):
            raise self.failure.with_traceback(None)
        return pending.result()

    async def shut_down(self) -> None:
        """Close the core, stop the handlers, and see everything off, within a bound.

        A handler that calls this goes on: nobody waits for its end.
        """
        over = self.over  # asked first: an event loop that was closed is noticed so
        if self._inherited or self._buried:
            return  # the connection is the parent's, or there is nothing left to see off
        self.check_belongs_here()
        timing = self.core.config.timing
        own = current_app_task.get()
        if own is not None and self._app is not None:
            self._app.spare(own)
        if self._loop is None:
            self._stop()
        elif not over:
            self.command(self.delivery.close)
        with anyio.CancelScope(shield=True):
            await self.wait_at_most(timing.close_timeout * 2 + LAST_BREATH, self._finished.wait)

    async def wait_until(self, happened: Callable[[], bool], timeout: float) -> None:
        """Wait for something that ends with a call, its handler or the client."""

        async def wait() -> None:
            while not happened():
                await self._changed.wait()

        await self.wait_at_most(timeout, wait)

    def tell_changed(self) -> None:
        """See `ClientEngine`."""
        changed, self._changed = self._changed, anyio.Event()
        with suppress(RuntimeError):  # who waits for it did so in an event loop that has ended
            changed.set()

    async def wait_closed(self) -> None:
        """Wait until the core is closed."""
        await self._closed.wait()

    def start_soon(self, task: AppTask, context: Context | None = None) -> bool:
        """Run a task of the application's; false when it is too late for that."""
        if self._app is None or not self.takes_tasks(cancel_on_close=task.cancel_on_close):
            return False
        self._app.start(task, context)
        return True

    @property
    def runs_application(self) -> bool:
        """Whether a handler, a listener or a hook of the application runs."""
        return self._app is not None and self._app.run

    def takes_tasks(self, *, cancel_on_close: bool = True) -> bool:
        """Whether `start_soon` would start one that is, or is not, cancelled at the end."""
        app = None if self.over else self._app
        return app is not None and app.takes(cancel_on_close=cancel_on_close)

    @property
    def ends_with_loop(self) -> bool:
        """See `Surroundings`."""
        return self._is_cancelled()

    def end_program(self, name: str, error: BaseException) -> None:
        """See `Surroundings`."""
        self.delivery.end_program(name, error)

    def _perform(self, output: Output) -> None:
        match output:
            case OpenTransport(number):
                self._open(number)
            case Closed():
                self.delivery.publish(output)
                self._closed.set()
            case _:
                self.delivery.publish(output)

    def _settled(self, output: Settled) -> None:
        pending, loop = output.pending, self._loop or running_loop()
        for waker in pending.wakers:
            loop.wake(waker)
            self._count_woken()  # its task goes on now, and may have a request
        if pending.callback is not None:
            self.delivery.publish(output)

    def _open(self, number: int) -> None:
        assert self._io is not None, "outputs are performed by a running engine"
        config = self.core.config
        transport = self._driver.new_transport(
            number,
            flush_timeout=config.timing.close_timeout,
            most_unsent=config.limits.unsent_bytes,
        )
        self._io.start_soon(
            self._driver.run_transport, number, transport, partial(self._connect, number)
        )

    async def _connect(self, number: int) -> ByteStream:
        question = self._source.question()
        answer = None if question is None else await self._ask(question)
        self._source.update(self, number, question, answer)
        try:
            return await self._connector(*split_host(self.core.config.host))
        except BaseException as error:
            told = self._contained("the connector", error)
            if told is error:
                raise
            raise told from error

    def _contained(self, name: str, error: BaseException) -> BaseException:
        """Return what a function of the application's fails with, in place of what it raised.

        What ends the program must not leave the task, because asyncio ends the loop at once. A
        cancellation that is not the client's is a failure of the function.
        """
        if (ending := end_of_program(error)) is not None:
            self.delivery.end_program(name, ending)
            return ToldError(f"{name} ends the program")
        if contains(error, anyio.get_cancelled_exc_class()) and not self.guard.is_cancelled:
            forget_cancellation()
            return ToldError(f"{name} {CANCELLED_BY_OTHERS}")
        return error

    async def _ask(self, question: Question) -> object:
        """Ask the application for credentials; no more than this attempt waits for them."""
        try:
            if inspect.iscoroutinefunction(question.ask):
                answer: object = question.ask()
            else:  # it may block
                answer = await in_own_thread(question.ask, f"relay_anyio asks for {question.name}")
            return await answer if inspect.isawaitable(answer) else answer
        except BaseException as error:
            told = self._contained("it", error)
            failure_words(told)
            raise question.failed(told) from error

    async def _run(self) -> None:
        """All of it: in a task that nobody awaits, so nothing may escape."""
        assert self._app is not None, "it is made before this begins"
        failure: RelayError | None = ClientClosedError(CANCELLED)
        try:
            async with self._app:
                failure = await self._run_io()
                if failure is not None:
                    self._stop(failure)
                self._app.cancel(hooks=failure is not None)
                self._check_finished()
        finally:
            self._stop(failure)
        self._stopped()

    async def _run_io(self) -> RelayError | None:
        """The core, its transports and its timer. Returns why it failed, if it did."""
        try:
            async with anyio.create_task_group() as self._io:
                self._io.start_soon(self._run_timer)
                self._driver.step()
                await self._closed.wait()
                self._timer.cancel()
                # The transports end by themselves, within their own bounds.
        except Exception as error:  # noqa: BLE001 - it is logged
            self.delivery.lines.on_failure(error)
            log.failure(error, "the client has failed: this is a bug in relay_anyio")
            return failure_of(error)
        except BaseException as error:
            ending = end_of_program(error)
            if ending is None:
                log.info(CANCELLED)
                raise
            self.delivery.end_program("a function", ending)
            return failure_of(ending)
        finally:
            self._io = None
        return None

    async def _run_timer(self) -> None:
        with self._timer:
            await self._driver.run_timer()

    def _check_finished(self) -> None:
        # With no handler left, `_stop` tells it: then not even `_run` is left.
        spared = self._app is not None and self._app.only_spared_ones_run
        if spared and self._closed.is_set() and self._io is None:
            self._finished.set()

    def _stop(self, failure: RelayError | None = None) -> None:
        """Nothing runs any more: whoever still waits must not wait for ever."""
        if self._app is not None:
            self._app.cancel(hooks=True)
        if not self._over:
            self._over = True
            self.failure = failure
            closed = close_for_good(self.core, self.time(), log, self.delivery.publish)
            for waker in self._wakers:
                (self._loop or running_loop()).wake(waker)
            if not self._closed.is_set():
                self.delivery.publish(closed if failure is None else Closed(failure))
            self.lines.flush()
        self._closed.set()
        self._finished.set()

    def _refuse(self) -> None:
        """Say why it cannot be used here, unless it is over: then the core says that."""
        if self._inherited:
            raise refusal(self._process)
        if not self.over:
            assert self._loop is not None, "it was started"
            raise LocalProtocolError(ELSEWHERE.format(way_in=self._loop.way_in))

    def _bury(self, loop: EventLoop) -> None:
        """Do what `_run` would have done, had its event loop not ended without a word.

        Its tasks are there for good: nothing can run them any more, and asyncio complains
        of those that it cannot run when they are collected.
        """
        with self._burying:
            if self._over:
                return
            self._over = self._buried = True
        self.failure = ClientClosedError(LOOP_ENDED)
        close_for_good(self.core, loop.time(), log)
        self._driver.abandon()
        self.delivery.publish(Closed(self.failure))
        self.lines.flush()

    def forked(self) -> bool:
        """See `ClientEngine`. What the child may still run of it performs nothing."""
        if self._loop is not None and not self._over:
            self._over = self._inherited = True
            self._is_here = nowhere
            self._driver.abandon()
        return self._inherited
