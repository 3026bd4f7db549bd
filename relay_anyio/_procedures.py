"""Procedures as methods of a call: carried out step by step, on an event loop."""

# A procedure is carried out by the engine of its call.
# ruff: noqa: SLF001
# pyright: reportPrivateUsage=false

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, assert_never

import anyio

from relay_proto.adapter.procedures import Watchable, WatchBase, is_late, stop, watched
from relay_proto.api.methods import result_of, signed
from relay_proto.api.procedures import Finished, Listen, Procedure, Start, Stop
from relay_proto.errors import RelayError

from ._engine import Engine
from ._verbs import Coroutine, Target

P = ParamSpec("P")
R = TypeVar("R")


class Call(Target, Watchable, Protocol):
    """What a procedure needs of its call."""


def procedure(
    function: Callable[P, Procedure[R]],
) -> Callable[Concatenate[Call, P], Coroutine[Any, Any, R]]:
    """Make a method of a call that carries out a procedure, and returns its result."""

    async def method(call: Call, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return await _carry_out(call, function(*args, **kwargs))

    result = result_of(function)
    return signed(method, function, result, f"A `{getattr(result, '__name__', result)}`.")


async def _carry_out(call: Call, procedure: Procedure[R]) -> R:
    engine: Engine = call._engine
    watch = Watch(call)
    procedure.begin(anyio.current_time())
    with watched(call, procedure, watch):
        while True:
            now = anyio.current_time()
            if is_late(procedure, now):
                await engine.read_what_waits()
            watch.tell(procedure, now)
            step = procedure.next_step(now)
            match step:
                case Start(role, command):
                    try:
                        procedure.started(role, await call.execute(command))
                    except RelayError as error:
                        procedure.refused(role, error, anyio.current_time())
                case Stop(action):
                    stop(engine, action)
                case Listen(until):
                    await watch.wait(until)
                case Finished(result):
                    return result
                case _:
                    assert_never(step)


class Watch(WatchBase):
    """See `WatchBase`."""

    def __init__(self, call: Call) -> None:
        super().__init__(call)
        self._more = anyio.Event()

    async def wait(self, until: float | None) -> None:
        """Wait until something happens, or until that time."""
        with anyio.move_on_after(None if until is None else until - anyio.current_time()):
            await self._more.wait()
            self._more = anyio.Event()

    def _wake(self) -> None:
        self._more.set()
