"""Clients of `relay_anyio`, served together on one event loop."""

# What clients keep for this package.
# ruff: noqa: SLF001
# pyright: reportPrivateUsage=false

from __future__ import annotations

import logging
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from operator import attrgetter
from typing import Any, Final, TypeVar

import anyio
import anyio.abc

from relay_anyio._signals import stop_signals
from relay_proto.adapter.logs import Log
from relay_proto.display import counted

from .exit_codes import ExitCode
from .reports import INTERVAL, Report, report_of

R = TypeVar("R")

log: Final = Log(logging.getLogger("relay_run"))


class AsyncService:
    """Runs clients until signals, failures or the program end them."""

    def __init__(
        self,
        clients: Iterable[Any],
        *,
        drain: float | None,
        hang_up: bool,
        tell: Callable[[Report], object],
        why: Callable[[signal.Signals], str] = attrgetter("name"),
        hurries: Callable[[], bool] | None = None,
    ) -> None:
        """`tell` gets a report about twice a second, from the event loop.

        `why` says in words why a signal has come. `hurries` says whether it ends all at once.
        Without it, the second one does.
        """
        self._clients = tuple(clients)
        self._drain_timeout = drain
        self._hang_up = hang_up
        self._tell = tell
        self._why = why
        self._hurries = hurries or self._draining_already
        self._tasks: anyio.abc.TaskGroup
        self._obeyed = False
        self._draining = False
        self._left_calls = 0
        self._failure: BaseException | None = None

    @property
    def obeyed(self) -> bool:
        """Whether a signal has asked it to end."""
        return self._obeyed

    async def run(self) -> ExitCode:
        """Serve until the end.

        Raises:
            BaseException: what has ended a client, or what a handler has raised to end all.
        """
        async with stop_signals() as received, anyio.create_task_group() as self._tasks:
            self._tasks.start_soon(self._obey, received)
            self._tasks.start_soon(self._report)
            async with anyio.create_task_group() as serving:
                for client in self._clients:
                    serving.start_soon(self._serve, client)
            self._tasks.cancel_scope.cancel()
        if self._failure is not None:
            raise self._failure
        return ExitCode.CALLS_LEFT if self._left_calls else ExitCode.ENDED

    async def _serve(self, client: Any) -> None:
        client._hangs_up = self._hang_up
        await self._guarded(client._serve(obey_signals=False))

    async def _guarded(self, work: Awaitable[R]) -> R | None:
        """Wait; what ends a client, or is raised by a handler to end all, is raised at the end."""
        try:
            return await work
        except anyio.get_cancelled_exc_class():
            raise
        except BaseException as error:  # noqa: BLE001 - see above
            self._failure = self._failure or error
            self._drain_all()
            return None

    async def _obey(self, received: AsyncIterator[signal.Signals]) -> None:
        async for number in received:
            self._obeyed = True
            why = self._why(signal.Signals(number))
            if self._hurries():
                log.info("%s: ending, with %s", why, self._calls_in_words())
                self._left_calls += self._calls
                for client in self._clients:
                    self._tasks.start_soon(self._disconnect, client)
            else:
                log.info("%s: finishing %s", why, self._calls_in_words())
                self._drain_all()

    def _draining_already(self) -> bool:
        return self._draining

    def _drain_all(self) -> None:
        if not self._draining:
            self._draining = True
            for client in self._clients:
                self._tasks.start_soon(self._drain, client)

    async def _drain(self, client: Any) -> None:
        drained = client.drain(self._drain_timeout, hang_up=self._hang_up)
        left = await self._guarded(drained)
        self._left_calls += left or 0

    async def _disconnect(self, client: Any) -> None:
        await self._guarded(client.disconnect(hang_up=self._hang_up))

    @property
    def _calls(self) -> int:
        return sum(client._vitals().calls for client in self._clients)

    def _calls_in_words(self) -> str:
        return counted(self._calls, "call")

    async def _report(self) -> None:
        due = anyio.current_time()
        while True:
            late = anyio.current_time() - due
            vitals = [client._vitals() for client in self._clients]
            report = report_of(vitals, late, self._drain_timeout, draining=self._draining)
            self._tell(report)
            due = anyio.current_time() + INTERVAL
            await anyio.sleep_until(due)
