"""The event loop itself: what AnyIO lacks, or does slowly. `_here` and `_registered` know it, too.

``connect()`` must work outside a ``with`` block, so its tasks belong to no task
group of the caller's: AnyIO has no such task, asyncio and trio have. What every
request and every read needs is taken from the event loop itself, too: AnyIO finds
out each time which of the two it is, and registers a socket anew for each read.
"""

from __future__ import annotations

import contextvars
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextlib import suppress
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Any, Generic, NoReturn, Protocol, TypeAlias, TypeVar

import anyio

from relay_proto.adapter.sockets import READ_SIZE

from ._here import running_trio
from ._registered import Registered

if TYPE_CHECKING:
    import asyncio
    import socket

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)
Run: TypeAlias = Callable[[T], Coroutine[Any, Any, None]]

_strong: set[object] = set()
"""asyncio keeps only weak references to its tasks."""


Waker: TypeAlias = Awaitable[object]
"""What one task awaits, once, until `EventLoop.wake` is called with it."""


class Arrivals(Protocol):
    """What arrives on a socket."""

    async def wait(self) -> None:
        """Wait until something has arrived, and was taken.

        Raises:
            OSError: the connection is broken.
            ClosedResourceError: `close` was called.
        """

    async def each(self, arrived: Callable[[], object]) -> NoReturn:
        """Call `arrived` in this task whenever something has arrived, and was taken.

        Raises:
            BaseException: what `arrived` or `wait` raises.
        """
        ...

    def close(self) -> None:
        """Stop, before the socket is closed."""


class Siblings(Protocol[T_contra]):
    """Tasks of which none ends another: what one of them raises is its own affair."""

    async def __aenter__(self) -> object: ...
    async def __aexit__(self, *exc: object) -> bool | None:
        """Wait until all have ended, unless this is left because of an error."""
        ...

    def start(self, item: T_contra, context: contextvars.Context, name: str) -> None:
        """Run `item` in `context`, in a task of that name."""


class Block(Protocol):
    """A block of a task's, which an error from elsewhere can end."""

    def was_entered_here(self) -> bool:
        """Whether the current task has entered it."""
        ...

    def end(self, error: BaseException) -> None:
        """Cancel what is done in it, and let it end with `error`."""

    async def leave(self, *exc: Any) -> None:
        """Leave it, with the error that it ends with.

        Raises:
            BaseException: what `end` was called with first.
        """


class EventLoop(Protocol):
    """What is wanted of the event loop that runs: its clock, in seconds, and wakers.

    A task makes a `waker`, and awaits it. The wait ends with the first `wake`, even if that came
    before the wait. `arrivals` reads a non-blocking socket. `take` gets what arrives, and ``b""``
    at the end.
    """

    @property
    def time(self) -> Callable[[], float]: ...
    @property
    def waker(self) -> Callable[[], Waker]: ...
    @property
    def wake(self) -> Callable[[Any], object]: ...
    @property
    def way_in(self) -> str:
        """How another thread can let this event loop do something, in words."""
        ...

    def is_running_here(self) -> bool:
        """Whether it runs what asks, in this thread."""
        ...

    def has_ended(self) -> bool:
        """Whether it will never run again. May be asked in any thread."""
        ...

    def arrivals(self, sock: socket.socket, take: Callable[[bytes], object]) -> Arrivals: ...
    def post(self, function: Callable[[], object]) -> None:
        """Call `function` soon, which must not raise. From any thread, and anywhere in it.

        Raises:
            RuntimeError: the event loop has ended.
        """

    def spawn(
        self, function: Callable[[], Awaitable[None]], ended: Callable[[], object], name: str
    ) -> Callable[[], bool]:
        """Run `function` in a task of its own, which the event loop cancels at its end.

        `ended` is called behind it, even if the task was cancelled before it could begin.
        Both must not raise: nobody is there to catch it. Returns what tells whether
        the task is being cancelled. On trio only the end of the loop can do that, which
        tells each task by itself.
        """
        ...

    def siblings(self, run: Run[T], ended: Callable[[T], object]) -> Siblings[T]:
        """Tasks for items: each runs one, and `ended` is called with the item behind it.

        `run` raises nothing but cancellations.
        """
        ...

    def block(self) -> Block:
        """The block that the current task enters."""
        ...

    def raise_out(self, error: BaseException) -> bool:
        """Let what ends the program out of the event loop; false where that cannot be done."""
        ...


def running_loop() -> EventLoop:
    """The event loop that runs the current task."""
    trio = running_trio()
    if trio is not None:
        return _OnTrio(trio)
    import asyncio  # noqa: PLC0415 - of the two loops, only the one that runs is loaded

    return _OnAsyncio(asyncio.get_running_loop())


class _OnAsyncio:
    way_in = "asyncio.run_coroutine_threadsafe() or anyio.from_thread.run()"

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        from asyncio import get_running_loop  # noqa: PLC0415 - it runs

        self._loop, self._get_running_loop, self.time = loop, get_running_loop, loop.time
        self.waker: Callable[[], Waker] = loop.create_future

    @staticmethod
    def wake(waker: asyncio.Future[None]) -> None:
        if not waker.done():
            waker.set_result(None)

    def is_running_here(self) -> bool:
        try:
            return self._get_running_loop() is self._loop
        except RuntimeError:  # none runs here
            return False

    def has_ended(self) -> bool:
        return self._loop.is_closed()

    def arrivals(self, sock: socket.socket, take: Callable[[bytes], object]) -> Arrivals:
        try:
            return Registered(self._loop, sock, take)
        except NotImplementedError:  # as with Windows' default: AnyIO has a thread for it
            return _OneByOne(sock, take)

    def post(self, function: Callable[[], object]) -> None:
        self._loop.call_soon_threadsafe(function)

    def spawn(
        self, function: Callable[[], Awaitable[None]], ended: Callable[[], object], name: str
    ) -> Callable[[], bool]:
        task = self._loop.create_task(_run(function), name=name)
        _strong.add(task)
        task.add_done_callback(_strong.discard)
        task.add_done_callback(lambda _: ended())
        return lambda: task.cancelling() > 0

    def siblings(self, run: Run[T], ended: Callable[[T], object]) -> Siblings[T]:
        return _OnTheirOwn(self._loop, run, ended)

    def block(self) -> Block:
        return _TaskBlock()

    def raise_out(self, error: BaseException) -> bool:
        self._loop.call_soon(_raise, error)
        return True


class _OnTrio:
    way_in = "trio.from_thread.run() or anyio.from_thread.run()"

    def __init__(self, trio: ModuleType) -> None:
        self._trio = trio
        self._get_running_token = trio.lowlevel.current_trio_token
        self._token = trio.lowlevel.current_trio_token()
        self.time: Callable[[], float] = (
            trio.lowlevel.current_clock().current_time
        )  # afterwards, too
        self.wake = _EventWaker.set

    def waker(self) -> Waker:
        return _EventWaker(self._trio.Event())

    def is_running_here(self) -> bool:
        try:
            return self._get_running_token() is self._token
        except RuntimeError:  # none runs here
            return False

    def has_ended(self) -> bool:
        try:
            self.post(bool)  # a token tells by nothing else whether it is of use
        except RuntimeError:
            return True
        return False

    def arrivals(self, sock: socket.socket, take: Callable[[bytes], object]) -> Arrivals:
        return _OneByOne(sock, take)

    def post(self, function: Callable[[], object]) -> None:
        try:
            self._token.run_sync_soon(function)
        except OSError as error:
            raise RuntimeError("the run has crashed") from error

    def spawn(
        self, function: Callable[[], Awaitable[None]], ended: Callable[[], object], name: str
    ) -> Callable[[], bool]:
        async def run() -> None:
            try:
                await function()
            finally:
                ended()

        context = contextvars.copy_context()
        self._trio.lowlevel.spawn_system_task(run, name=name, context=context)
        return lambda: False

    def siblings(self, run: Run[T], ended: Callable[[T], object]) -> Siblings[T]:
        return _InNursery(self._trio, run, ended)

    def block(self) -> Block:
        return _ScopeBlock(self._trio)

    def raise_out(self, error: BaseException) -> bool:
        del error  # what a task of nobody's raises is an error of trio's
        return False


async def _run(function: Callable[[], Awaitable[None]]) -> None:
    await function()


class _OnTheirOwn(Generic[T]):
    """Tasks of asyncio's. A task group ends with the first that is cancelled from outside."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, run: Run[T], ended: Callable[[T], object]
    ) -> None:
        from asyncio import tasks  # noqa: PLC0415 - it runs

        self._tasks = tasks
        self._loop = loop
        self._run = run
        self._ended = ended
        self._running: dict[asyncio.Task[None], T] = {}
        self._changed: asyncio.Future[None] | None = None
        self._when_done = self._done  # one for all tasks

    async def __aenter__(self) -> None: ...

    async def __aexit__(self, *exc: object) -> bool | None:
        while self._running and exc[0] is None:
            self._changed = self._loop.create_future()
            await self._changed
        return None

    def start(self, item: T, context: contextvars.Context, name: str) -> None:
        task = self._loop.create_task(self._run(item), name=name, context=context)
        self._running[task] = item
        task.add_done_callback(self._when_done)

    def _done(self, task: asyncio.Task[None]) -> None:
        item = self._running.pop(task)
        if self._changed is not None and not self._changed.done():
            self._changed.set_result(None)
        # As if the task still ran: what `ended` starts has scopes, and AnyIO asks for the current
        # task to know which event loop they are for, unless it has started the loop itself.
        self._tasks._enter_task(self._loop, task)  # noqa: SLF001
        try:
            self._ended(item)
        finally:
            self._tasks._leave_task(self._loop, task)  # noqa: SLF001


class _InNursery(Generic[T]):
    """Tasks of trio's, which nobody can cancel from outside."""

    def __init__(self, trio: ModuleType, run: Run[T], ended: Callable[[T], object]) -> None:
        self._manager = trio.open_nursery()
        self._nursery: Any = None
        self._run = run
        self._ended = ended

    async def __aenter__(self) -> None:
        self._nursery = await self._manager.__aenter__()

    async def __aexit__(self, *exc: object) -> bool | None:
        left: bool | None = await self._manager.__aexit__(*exc)
        return left

    def start(self, item: T, context: contextvars.Context, name: str) -> None:
        context.run(partial(self._nursery.start_soon, self._run_one, item, name=name))

    async def _run_one(self, item: T) -> None:
        try:
            await self._run(item)
        finally:
            self._ended(item)


def _raise(error: BaseException) -> None:
    raise error


class _TaskBlock:
    """A block of a task of asyncio's. Unlike a scope, it may be left in another task.

    Fixtures of tests do that: pytest-asyncio has a task for each half of them.
    """

    def __init__(self) -> None:
        import asyncio  # noqa: PLC0415 - it runs

        self._asyncio = asyncio
        self._task = asyncio.current_task()
        self._error: BaseException | None = None

    def was_entered_here(self) -> bool:
        return self._task is self._asyncio.current_task()

    def end(self, error: BaseException) -> None:
        if self._error is None:
            self._error = error
            if self._task is not None:
                self._task.cancel()

    async def leave(self, *exc: Any) -> None:
        if self._error is None:
            self._task = None
            return
        if self._task is not None and self._task is self._asyncio.current_task():
            if not isinstance(exc[1], self._asyncio.CancelledError):
                with suppress(self._asyncio.CancelledError):  # it is still to come
                    await self._asyncio.sleep(0)
            self._task.uncancel()
        raise self._error


class _ScopeBlock:
    """A block of a task of trio's."""

    def __init__(self, trio: ModuleType) -> None:
        self._current_task = trio.lowlevel.current_task
        self._task = self._current_task()
        self._scope = trio.CancelScope()
        self._scope.__enter__()
        self._error: BaseException | None = None

    def was_entered_here(self) -> bool:
        return self._task is self._current_task()

    def end(self, error: BaseException) -> None:
        if self._error is None:
            self._error = error
            self._scope.cancel()

    async def leave(self, *exc: Any) -> None:
        self._scope.__exit__(*exc)
        if self._error is not None:
            raise self._error


class _EventWaker:
    __slots__ = ("_event",)

    def __init__(self, event: Any) -> None:
        self._event = event  # of trio's

    def set(self) -> None:
        self._event.set()

    def __await__(self) -> Generator[Any, Any, None]:
        steps: Generator[Any, Any, None] = self._event.wait().__await__()
        return steps


class _OneByOne:
    """Asks for each read anew."""

    def __init__(self, sock: socket.socket, take: Callable[[bytes], object]) -> None:
        self._sock = sock
        self._take = take
        self._closed = False

    async def wait(self) -> None:
        while not self._closed:
            await anyio.wait_readable(self._sock)
            try:
                data = self._sock.recv(READ_SIZE)
            except BlockingIOError:
                continue  # it was not readable after all
            self._take(data)
            return
        raise anyio.ClosedResourceError

    async def each(self, arrived: Callable[[], object]) -> NoReturn:
        while True:
            await self.wait()
            arrived()

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            anyio.notify_closing(self._sock)
