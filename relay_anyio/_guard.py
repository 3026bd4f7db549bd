"""The guard: the one place in which functions of the application are run."""

from __future__ import annotations

import inspect
import logging
import math
from collections.abc import Awaitable
from typing import Protocol, cast

import anyio

from relay_proto.adapter.guard import (
    Surroundings,
    end_of_program,
    id_of_call,
    report_failure,
    without,
)
from relay_proto.adapter.handles import Function, ListenerBase

from ._here import forget_cancellation
from ._tasks import AppTask, current_app_task


class LoopSurroundings(Surroundings, Protocol):
    """What a guard of tasks needs to know beside that."""

    @property
    def ends_with_loop(self) -> bool:
        """Whether the engine itself is cancelled, by the program or the end of the loop."""
        ...


class Guard:
    """Runs functions of the application, so that each fails alone."""

    def __init__(self, surroundings: LoopSurroundings) -> None:
        self._surroundings = surroundings

    def call(self, listener: ListenerBase, argument: object) -> Awaitable[object] | None:
        """Call the function of a listener; returns what is to be awaited of it, in a task."""
        try:
            result = listener.handler(argument)
        except BaseException as error:  # noqa: BLE001 - see `_failed`
            self._failed(listener.name, argument, error)
            return None
        if result is None:
            return None  # as of nearly every plain function
        return cast("Awaitable[object]", result) if inspect.isawaitable(result) else None

    async def run_task(self, task: AppTask) -> None:
        """Run a task of the application's: `AppTasks` calls this in the task.

        This is one coroutine, and calls no other: each coroutine that waits takes memory.
        """
        task.began = True
        current_app_task.set(task)
        with task.scope:
            try:
                awaitable = task.begin()
            except BaseException as error:  # noqa: BLE001 - see `_failed`
                task.failure = self._failed(task.name, task.argument, error)
            else:
                if inspect.isawaitable(awaitable):
                    try:
                        await awaitable
                    except BaseException as error:  # noqa: BLE001 - see `_caught`
                        task.failure = self._caught(task.name, task.argument, error, task)
            if task.failure is not None:
                await task.recover(self.run)

    async def run(self, name: str, function: Function, argument: object) -> BaseException | None:
        """Run a function, in a task of the application's, and return what it has raised."""
        own = current_app_task.get()
        try:
            awaitable = function(argument)
        except BaseException as error:  # noqa: BLE001 - see `_failed`
            return self._failed(name, argument, error)
        if inspect.isawaitable(awaitable):
            try:
                await awaitable
            except BaseException as error:  # noqa: BLE001 - see `_caught`
                return self._caught(name, argument, error, own)
        return None

    def _caught(
        self, name: str, argument: object, error: BaseException, own: AppTask | None
    ) -> BaseException | None:
        """Return what a function has raised while it was awaited in its `own` task.

        A cancellation goes on only if it is meant for that task: by the client, which
        cancels the scope of the task, or by the end of the event loop.
        """
        if isinstance(error, GeneratorExit):
            if current_app_task.get() is not own:  # the collection of garbage ends the task
                raise error
            return self._failed(name, argument, error)
        if not self.is_cancelled:
            forget_cancellation()
            return self._failed(name, argument, error)
        failure = without(error, (anyio.get_cancelled_exc_class(),))
        if failure is error:
            return self._failed(name, argument, error)
        if failure is not None:
            self._failed(name, argument, failure)
        raise error

    @property
    def is_cancelled(self) -> bool:
        """Whether the task that asks is cancelled by the client, or with it."""
        return self._surroundings.ends_with_loop or anyio.current_effective_deadline() == -math.inf

    def lost(self, name: str, argument: object) -> None:
        """Report that a task was cancelled from outside before it could begin."""
        if not self._surroundings.ends_with_loop:
            words = "%s: its task was cancelled before it began, on %r"
            call_id = id_of_call(argument)
            self._surroundings.lines.write(
                (words, ""), logging.ERROR, words, *(name, argument), call_id=call_id
            )

    def _failed(self, name: str, argument: object, error: BaseException) -> BaseException | None:
        ending = end_of_program(error)
        if ending is None:
            report_failure(self._surroundings.lines, name, argument, error)
            return error
        self._surroundings.end_program(name, ending)
        return None
