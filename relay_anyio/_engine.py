"""The engine: the driver of one client, in the background, and who waits for it."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from contextlib import nullcontext, suppress
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

import anyio
import anyio.lowlevel

from relay_proto.adapter.credentials import CredentialSource, Question
from relay_proto.adapter.delivery import Delivery
from relay_proto.client_interface import ClientInterface
from relay_proto.config import split_host
from relay_proto.outputs import Closed, EventReceived, OpenTransport, Output, Settled
from relay_proto.pending import Pending
from relay_proto.transitions import SessionState

from ._background import EventLoop, Waker, running_loop
from ._driver import Driver
from ._log import logger
from ._tls import in_own_thread
from .transport import Connector, failure_words

if TYPE_CHECKING:
    from anyio.abc import ByteStream, TaskGroup

R = TypeVar("R")

LAST_BREATH: Final = 1.0
"""Seconds beyond the core's own bounds in which everything must have stopped."""


class AppTask:
    """A task of the application's: a handler, or a listener that awaits."""

    __slots__ = ("cancel_on_close", "cancel_on_end", "scope")

    def __init__(self, *, cancel_on_end: bool = False, cancel_on_close: bool = True) -> None:
        self.scope = anyio.CancelScope()
        self.cancel_on_end = cancel_on_end
        self.cancel_on_close = cancel_on_close

    def cancel(self, error: BaseException) -> None:
        """Cancel it: a task needs no reason."""
        del error
        self.scope.cancel()


current_app_task: ContextVar[AppTask | None] = ContextVar("current_app_task", default=None)
"""The handler or listener that is running: its own `disconnect()` must not cancel it."""


class Engine:
    """Runs a client's core over real byte streams until it is closed."""

    delivery: Delivery[AppTask, Any, Any]
    """Takes events to the application; set before the first command."""

    def __init__(
        self,
        core: ClientInterface,
        connector: Connector,
        source: CredentialSource,
    ) -> None:
        self.core = core
        self.over = False
        self._connector = connector
        self._source = source
        self._driver: Driver[Output] = Driver(core, self._perform)
        self._driver.hear(Settled, self._settled)
        self.lock = nullcontext()
        self.backlog = core.config.limits.listener_backlog
        self._loop: EventLoop | None = None
        self._io: TaskGroup | None = None
        self._app: TaskGroup | None = None
        self._app_tasks: set[AppTask] = set()
        self._spared: set[AppTask] = set()
        self._timer = anyio.CancelScope()
        self._closed = anyio.Event()
        self._finished = anyio.Event()
        self._changed = anyio.Event()

    @property
    def alive(self) -> bool:
        """Whether the program still wants it."""
        return not self.over and self.core.state not in (SessionState.CLOSING, SessionState.CLOSED)

    def command(self, function: Callable[..., R], *args: Any, **kwargs: Any) -> R:
        """Call a command of the core, with the time as its last argument, and step.

        The first one that succeeds starts the engine: one that raises leaves no trace.
        """
        loop = self._loop or running_loop()
        try:
            result = function(*args, loop.time(), **kwargs)
            if self._loop is None:
                self._loop = loop
                loop.spawn(self._run, "relay_anyio engine")
        finally:
            self._step()
        return result

    def deliver_by(self, delivery: Delivery[AppTask, Any, Any]) -> None:
        """See `ClientEngine`."""
        self.delivery = delivery
        self._driver.hear(EventReceived, delivery.event_received)

    def ask(self, function: Callable[[], R]) -> R:
        """See `relay_proto.adapter.handles.Engine`."""
        return function()

    def arrange(self, function: Callable[[], object], *, wait: bool) -> None:
        """See `ClientEngine`."""
        del wait  # it is done at once
        function()

    def tell(self, function: Callable[..., object], *args: Any) -> None:
        """See `relay_proto.adapter.handles.Engine`."""
        self.command(function, *args)

    def soon(self, function: Callable[[], object]) -> None:
        """Let the event loop call `function` soon. From any thread, and anywhere in it."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the event loop has ended: nobody is there to care
                self._loop.post(function)

    async def wait(self, pending: Pending[R], timeout: float | None = None) -> R:
        """Wait for a result; on timeout or cancellation only this waiter is gone.

        Raises:
            TimeoutError: it did not come in `timeout` seconds.
        """
        if pending.settled:
            await anyio.lowlevel.checkpoint()
            return pending.result()
        woken = self._waker_of(pending)
        try:
            if timeout is None:
                await woken.wait()  # without a scope, which costs as much as the rest
            else:
                with anyio.fail_after(timeout):
                    await woken.wait()
        except BaseException:
            pending.wakers = tuple(waker for waker in pending.wakers if waker is not woken)
            raise
        return pending.result()

    async def carry_out(self, function: Callable[..., Pending[R]], *args: Any) -> R:
        """Call a command as `command` does, and wait; a caller that goes away takes it back."""
        pending = self.command(function, *args)
        try:
            if pending.settled:
                await anyio.lowlevel.checkpoint()
            else:
                await self._waker_of(pending).wait()
        except BaseException:
            pending.wakers = ()
            if pending.error is None:  # cancelled, be it with the result on its way
                self.command(self.core.cancel, pending)
            raise
        return pending.result()

    def _waker_of(self, pending: Pending[Any]) -> Waker:
        waker = (self._loop or running_loop()).waker()
        pending.wakers = (*pending.wakers, waker)
        return waker

    async def shut_down(self) -> None:
        """Close the core, stop the handlers, and see everything off, within a bound.

        A handler that calls this goes on; it is not waited for.
        """
        timing = self.core.config.timing
        own = current_app_task.get()
        if own is not None:
            self._spared.add(own)
        if self._loop is None:
            self._stop()
        elif not self.over:
            self.command(self.core.close)
        with anyio.move_on_after(timing.close_timeout * 2 + LAST_BREATH, shield=True):
            await self._finished.wait()

    async def wait_until(self, happened: Callable[[], bool], timeout: float) -> None:
        """Wait for something that ends with a call, its handler or the client."""
        with anyio.move_on_after(timeout):
            while not happened():
                await self._changed.wait()

    def tell_changed(self) -> None:
        """See `ClientEngine`."""
        self._changed.set()
        self._changed = anyio.Event()

    async def wait_closed(self) -> None:
        """Wait until the core is closed."""
        await self._closed.wait()

    def start_soon(
        self, function: Callable[[], Awaitable[None]], task: AppTask | None = None
    ) -> bool:
        """Run a task of the application's; false when it is too late for that."""
        if self._app is None:
            return False
        self._app.start_soon(self._run_app_task, function, task or AppTask())
        return True

    async def _run_app_task(self, function: Callable[[], Awaitable[None]], task: AppTask) -> None:
        current_app_task.set(task)
        self._app_tasks.add(task)
        try:
            with task.scope:
                await function()
        finally:
            self._app_tasks.discard(task)
            self._check_finished()

    def _step(self) -> None:
        if self._io is not None:  # until then outputs wait: draining late is never wrong
            self._driver.step()

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
        pending = output.pending
        for waker in pending.wakers:
            waker.set()
            self._driver.gathering.count_woken()  # it goes on now, and may have a request
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
        return await self._connector(*split_host(self.core.config.host))

    async def _ask(self, question: Question) -> object:
        """Ask the application for credentials; no more than this attempt waits for them."""
        try:
            if inspect.iscoroutinefunction(question.ask):
                answer: object = question.ask()
            else:  # it may block
                answer = await in_own_thread(question.ask, f"relay_anyio asks for {question.name}")
            return await answer if inspect.isawaitable(answer) else answer
        except BaseException as error:
            failure_words(error)
            raise question.failed(error) from error

    async def _run(self) -> None:
        """All of it: in a task that nobody awaits, so nothing may escape."""
        try:
            async with anyio.create_task_group() as self._app:
                async with anyio.create_task_group() as self._io:
                    self._io.start_soon(self._run_timer)
                    self._step()
                    await self._closed.wait()
                    self._timer.cancel()
                    # The transports end by themselves, within their own bounds.
                self._io = None
                self._stop_app_tasks()
        except Exception:  # noqa: BLE001 - it is logged
            logger.exception("the client has failed: this is a bug in relay_anyio")
        finally:
            self._stop()

    async def _run_timer(self) -> None:
        with self._timer:
            await self._driver.run_timer()

    def _stop_app_tasks(self) -> None:
        for task in self._app_tasks:
            if task not in self._spared and task.cancel_on_close:
                task.scope.cancel()
        self._check_finished()

    def _check_finished(self) -> None:
        # Where no handler is spared, `_stop` tells it: then not even `_run` is left.
        left = self._app_tasks
        if left and left <= self._spared and self._closed.is_set() and self._io is None:
            self._finished.set()

    def _stop(self) -> None:
        """Nothing runs any more: whoever still waits must not wait for ever."""
        self._io = self._app = None
        self.over = True
        self.core.close(anyio.current_time())
        while (output := self.core.next_output()) is not None:
            if isinstance(output, Settled):
                for waker in output.pending.wakers:
                    waker.set()
        self._closed.set()
        self._finished.set()
