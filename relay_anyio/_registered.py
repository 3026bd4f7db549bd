"""A socket that is registered with asyncio's event loop, which calls the client by itself."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

import anyio

from relay_proto.adapter.sockets import READ_SIZE

if TYPE_CHECKING:
    import asyncio
    import socket


class _Watch(enum.Enum):
    """Whether a socket is registered with the event loop, or will not be again."""

    RESTING = "resting"
    REGISTERED = "registered"
    CLOSED = "closed"


class Registered:
    """Is registered for all reads, while somebody waits for them.

    The socket is read where the loop says that it can be: a task that did it would run
    a turn later, and in between the loop would say it again.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, sock: socket.socket, take: Callable[[bytes], object]
    ) -> None:
        from asyncio import tasks  # noqa: PLC0415 - it runs

        self._tasks = tasks
        self._loop = loop
        self._sock = sock
        self._take = take
        self._waiter: asyncio.Future[None] | None = None
        self._arrived: Callable[[], object] | None = None
        self._task: asyncio.Task[Any] | None = None
        self._error: BaseException | None = None
        self._watch = _Watch.RESTING
        self._begin()

    def _begin(self) -> None:
        if self._watch is _Watch.RESTING:
            self._loop.add_reader(self._sock, self._readable)
            self._watch = _Watch.REGISTERED

    def _end(self, watch: _Watch) -> None:
        if self._watch is _Watch.REGISTERED:
            self._loop.remove_reader(self._sock)
        self._watch = watch

    def _readable(self) -> None:
        waiter = self._waiter
        if waiter is None or waiter.done():
            self._end(_Watch.RESTING)  # nobody waits: let the peer wait, too
            return
        try:
            self._take(self._sock.recv(READ_SIZE))
        except (BlockingIOError, InterruptedError):
            return  # it was not readable after all
        except Exception as error:  # noqa: BLE001 - it is raised where it is waited for
            waiter.set_exception(error)
            return
        if self._task is None:
            waiter.set_result(None)
        else:
            self._call(self._task, waiter)

    def _call(self, task: asyncio.Task[Any], waiter: asyncio.Future[None]) -> None:
        """Call `arrived` here, as if the task that waits for it ran.

        To wake the task takes a turn of the event loop, and a future for each read: one request
        after the other takes 0.87 of the CPU time that it takes so, and an event that comes alone
        0.82 (`benchmarks/README.md`). Functions of the application run in here, and some need a
        task, for scopes and time-outs. asyncio documents the two functions that tell it which
        task runs, for libraries that extend it.
        """
        assert self._arrived is not None, "there is one while a task waits for it"
        self._tasks._enter_task(self._loop, task)  # noqa: SLF001
        try:
            self._arrived()
        except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
            self._error = error
            if not waiter.done():
                waiter.set_result(None)
        finally:
            self._tasks._leave_task(self._loop, task)  # noqa: SLF001

    async def wait(self) -> None:
        if self._watch is _Watch.CLOSED:
            raise anyio.ClosedResourceError
        self._waiter = self._loop.create_future()
        self._begin()
        try:
            await self._waiter
        finally:
            self._waiter = None

    async def each(self, arrived: Callable[[], object]) -> NoReturn:
        self._arrived, self._task = arrived, self._tasks.current_task()
        try:
            await self.wait()
        finally:
            self._arrived = self._task = None
            if self._error is not None:
                raise self._error
        raise AssertionError("it ends with an error")

    def close(self) -> None:
        self._end(_Watch.CLOSED)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(anyio.ClosedResourceError())
