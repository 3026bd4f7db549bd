"""The blocking client, awaited: so that one suite can be run on it, too.

Each call of a blocking method is made in a thread of its own, and each function of
a test is run by the test's event loop, called from whatever thread the client
calls it from. What a test holds looks like the objects of `relay_anyio`.
"""

from __future__ import annotations

import functools
import inspect
import queue
import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from typing import Any, Final, Self

import anyio
import anyio.to_thread
from anyio.from_thread import BlockingPortal

import relay_anyio
import relay_sync
import relay_sync.call
from relay_sync._waiting import AppTask, current
from tests.adapters.support import PATIENCE

MOST_THREADS: Final = 1000

HANDLES: Final = (
    relay_sync.RelayClient,
    relay_sync.Call,
    relay_sync.Action,
    relay_sync.Message,
    relay_sync.InboundCalls,
    relay_sync.call.Expectation,
)


class Bridge:
    """Between the threads of the client and the event loop of the test."""

    def __init__(self, portal: BlockingPortal) -> None:
        self._portal = portal
        self._limiter = anyio.CapacityLimiter(MOST_THREADS)
        self._proxies: dict[int, tuple[object, Awaited]] = {}
        self._functions: list[tuple[Callable[..., Any], Callable[..., Any]]] = []

    def make(self, kind: type, *args: Any, **kwargs: Any) -> Any:
        """The blocking namesake of what `kind` would make."""
        module = relay_sync if hasattr(relay_sync, kind.__name__) else relay_sync.call
        blocking: type = getattr(module, kind.__name__)
        return self.call(blocking, *args, **kwargs)

    def call(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a function of the client's with what a test has given."""
        given = (self.unwrap(value) for value in args)
        return self.wrap(function(*given, **{key: self.unwrap(kwargs[key]) for key in kwargs}))

    async def run(self, function: Callable[[], Any]) -> Any:
        """Call what may block: in the thread of the handler that calls, or in one of its own.

        A test that is cancelled interrupts it, as Ctrl+C would.
        """
        handler = running_handler.get()
        if handler is not None and not handler.busy:
            return self.wrap(await handler.run(function))
        task = AppTask()
        ended = threading.Event()
        ended.set()

        def act() -> Any:
            ended.clear()
            current.task = task
            try:
                return function()
            finally:
                current.task = None
                ended.set()

        run_sync = functools.partial(anyio.to_thread.run_sync, limiter=self._limiter)
        try:
            return self.wrap(await run_sync(act, abandon_on_cancel=True))
        except anyio.get_cancelled_exc_class():
            task.cancel(InterruptedTest())
            with anyio.CancelScope(shield=True):
                assert await run_sync(functools.partial(ended.wait, PATIENCE)), "it still waits"
            raise

    def wrap(self, value: Any) -> Any:
        """What a test sees of `value`."""
        known: object = value
        if isinstance(known, HANDLES):
            if id(value) not in self._proxies:
                self._proxies[id(value)] = (value, Awaited(value, self))
            return self._proxies[id(value)][1]
        for original, called in self._functions:
            if called is value:
                return original
        return value

    def unwrap(self, value: Any) -> Any:
        """What the client sees of `value`."""
        if type(value) is Awaited:
            return value.hidden
        return self._function(value) if callable(value) else value

    def _function(self, original: Callable[..., Any]) -> Callable[..., Any]:
        for known, called in self._functions:
            if known is original or (inspect.ismethod(known) and known == original):
                return called

        def called_in_thread(*args: Any) -> Any:
            given = [self.wrap(argument) for argument in args]
            return HandlerThread(self._portal).call(original, *given)

        functools.update_wrapper(called_in_thread, original, updated=())
        self._functions.append((original, called_in_thread))
        return called_in_thread


class HandlerThread:
    """A thread of the client's that runs a function of a test: what that calls, it calls here."""

    def __init__(self, portal: BlockingPortal) -> None:
        self.busy = False
        self._portal = portal
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()

    def call(self, function: Callable[..., Any], *args: Any) -> Any:
        """Let the event loop call `function`, and serve it until it is done."""
        running = self._portal.start_task_soon(self._serve, function, *args)
        running.add_done_callback(lambda _: self._jobs.put(None))
        while (job := self._jobs.get(timeout=PATIENCE * 2)) is not None:
            job()
        result, error = running.result(timeout=PATIENCE)
        if error is not None:
            raise error
        return result

    async def run(self, function: Callable[[], Any]) -> Any:
        """Call what may block, in this thread."""
        done = anyio.Event()
        outcome: list[Any] = []

        def job() -> None:
            try:
                outcome.extend((function(), None))
            except BaseException as error:  # noqa: BLE001 - it is raised where it was called
                outcome.extend((None, error))
            with suppress(RuntimeError):  # the test is over
                self._portal.start_task_soon(self._done, done)

        self.busy = True
        self._jobs.put(job)
        await done.wait()
        result, error = outcome
        if error is not None:
            raise error
        return result

    async def _serve(self, function: Callable[..., Any], *args: Any) -> Any:
        running_handler.set(self)
        try:
            result = function(*args)
            return (await result if inspect.isawaitable(result) else result), None
        except anyio.get_cancelled_exc_class():
            raise
        except BaseException as error:  # noqa: BLE001 - it is raised in the thread
            return None, error

    async def _done(self, done: anyio.Event) -> None:
        self.busy = False
        done.set()


running_handler: ContextVar[HandlerThread | None] = ContextVar("running_handler", default=None)


class InterruptedTest(BaseException):
    """What a blocking call raises when the test that awaits it is cancelled."""


class Awaited:
    """A handle of `relay_sync` that looks like its namesake in `relay_anyio`."""

    def __init__(self, hidden: Any, bridge: Bridge) -> None:
        self.hidden = hidden
        self._bridge = bridge
        name = type(hidden).__name__
        module = relay_anyio if hasattr(relay_anyio, name) else relay_anyio.call
        self._namesake: type = getattr(module, name)

    @property  # type: ignore[misc]
    def __class__(self) -> type:  # pyright: ignore[reportIncompatibleMethodOverride]
        return self._namesake

    def __repr__(self) -> str:
        return repr(self.hidden)

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.hidden, name)
        if not inspect.ismethod(value):
            return self._bridge.wrap(value)
        if name == "expect":
            return functools.partial(self._expect, value)
        there = inspect.getattr_static(self._namesake, name)
        act = functools.partial(self._call, value)
        return self._awaiting(act) if inspect.iscoroutinefunction(there) else act

    def __aiter__(self) -> Awaited:
        return self

    async def __anext__(self) -> Any:
        nothing = object()
        found = await self._bridge.run(lambda: next(self.hidden, nothing))
        if found is nothing:
            raise StopAsyncIteration
        return found

    def __enter__(self) -> Self:
        self.hidden.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        self.hidden.__exit__(*exc)

    async def __aenter__(self) -> Any:
        return await self._bridge.run(self.hidden.__enter__)

    async def __aexit__(self, *exc: object) -> None:
        with anyio.CancelScope(shield=True):
            await self._bridge.run(lambda: self.hidden.__exit__(*exc))

    def _call(self, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        result = self._bridge.call(method, *args, **kwargs)
        if isinstance(result, functools.partial):  # a decorator: it gets a function of the test
            return functools.partial(self._call, result)
        return result

    def _awaiting(self, act: Callable[..., Any]) -> Callable[..., Any]:
        async def method(*args: Any, **kwargs: Any) -> Any:
            return await self._bridge.run(functools.partial(act, *args, **kwargs))

        return method

    @asynccontextmanager
    async def _expect(self, method: Callable[..., Any], *args: Any) -> AsyncGenerator[Any]:
        with method(*(self._bridge.unwrap(value) for value in args)) as expectation:
            yield self._bridge.wrap(expectation)


@asynccontextmanager
async def open_bridge() -> AsyncGenerator[Bridge]:
    """A bridge to the event loop that is running."""
    async with BlockingPortal() as portal:
        yield Bridge(portal)
        await portal.stop(cancel_remaining=True)
