"""Procedures as methods of a call: carried out step by step, by the thread that waits."""

# A procedure is carried out by the engine of its call.
# ruff: noqa: SLF001
# pyright: reportPrivateUsage=false

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Concatenate, ParamSpec, Protocol, TypeVar, assert_never

from relay_proto.adapter.procedures import Watchable, WatchBase, is_late, stop, watched
from relay_proto.api.methods import result_of, signed
from relay_proto.api.procedures import Finished, Listen, Procedure, Start, Stop
from relay_proto.errors import RelayError

from ._engine import Engine
from ._verbs import Target
from ._waiting import Mailbox

P = ParamSpec("P")
R = TypeVar("R")


class Call(Target, Watchable, Protocol):
    """What a procedure needs of its call."""


def procedure(
    function: Callable[P, Procedure[R]],
) -> Callable[Concatenate[Call, P], R]:
    """Make a method of a call that carries out a procedure, and returns its result."""

    def method(call: Call, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return _carry_out(call, function(*args, **kwargs))

    result = result_of(function)
    return signed(method, function, result, f"A `{getattr(result, '__name__', result)}`.")


def _carry_out(call: Call, procedure: Procedure[R]) -> R:
    engine: Engine = call._engine
    watch = Watch(call)
    procedure.begin(time.monotonic())
    with watched(call, procedure, watch):
        while True:
            now = time.monotonic()
            if is_late(procedure, now):
                engine.read_what_waits()
            watch.tell(procedure, now)
            step = procedure.next_step(now)
            match step:
                case Start(role, command):
                    try:
                        procedure.started(role, call.execute(command))
                    except RelayError as error:
                        procedure.refused(role, error, time.monotonic())
                case Stop(action):
                    stop(engine, action)
                case Listen(until):
                    watch.wait(until)
                case Finished(result):
                    return result
                case _:
                    assert_never(step)


class Watch(WatchBase):
    """See `WatchBase`."""

    def __init__(self, call: Call) -> None:
        super().__init__(call)
        self._engine: Engine = call._engine
        self._mail: Mailbox[None] = Mailbox()

    def wait(self, until: float | None) -> None:
        """Wait until something happens, or until that time."""
        left = None if until is None else max(0.0, until - time.monotonic())
        with suppress(TimeoutError):
            self._engine.await_mail(self._mail, left)

    def _wake(self) -> None:
        self._mail.put(None)
