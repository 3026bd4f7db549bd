"""Rehearsal arguments: what `rehearse` and `explore` take, and what is said of anything else."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final

from ..exchange import Behaviour, Caller, ExchangeTiming, InTurn, Line, OverTime, TextMessage
from ..testing.situations import Trouble
from ..values.checks import (
    Check,
    Table,
    instance,
    is_collection,
    is_list,
    is_mapping,
    positive,
    shown,
    whole,
)
from .clients import ClientBase

MOST_SEED: Final = 2**53


def check_arguments(table: Table, **given: object) -> None:
    """Refuse an argument that cannot be used.

    Raises:
        TypeError, ValueError: there is one. The error names it, and says what is allowed.
    """
    for name, value in given.items():
        table[name](name, value)


def takes(function: Callable[..., object], count: int) -> bool:
    """Whether a function can be called with so many arguments."""
    try:
        inspect.signature(function).bind(*[None] * count)
    except TypeError:
        return False
    except ValueError:
        return True  # nobody knows what it takes
    return True


# What is rehearsed


def check_program(program: object, own: str, other: str, *, may_take_nothing: bool) -> None:
    """Refuse what is neither a client of `own` nor a function that takes a call.

    Raises:
        TypeError: it is something else, such as a client of the package `other`.
    """
    kinds = type(program).__mro__
    if any(kind.__module__.partition(".")[0] == other for kind in kinds):
        raise TypeError(
            f"{own}.testing rehearses clients of {own}, and this is one of {other}: use "
            f"{other}.testing"
        )
    if isinstance(program, ClientBase):
        return
    if _is_client_class(program):
        raise TypeError(f"a program is a RelayClient, not its class: make one, {_name(program)}()")
    if not callable(program):
        more = ", or one that takes nothing and returns a new RelayClient" * may_take_nothing
        raise TypeError(
            f"a program is a RelayClient, or a function that takes a Call{more}, not {program!r}"
        )
    if not takes(program, 1) and not (may_take_nothing and takes(program, 0)):
        advice = f": pass what it returns, {_name(program)}()" if takes(program, 0) else ""
        raise TypeError(
            f"the program {_name(program)} must be a RelayClient, or a function that takes one "
            f"argument, the Call{advice}"
        )


def _is_client_class(program: object) -> bool:
    return isinstance(program, type) and issubclass(program, ClientBase)


def check_scenes(scenes: Iterable[object], *, awaited: bool) -> None:
    """Refuse what is no scene. Those of `relay_anyio` are `awaited`.

    Raises:
        TypeError: one of them is neither a caller nor a function that takes the stage.
    """
    kind = "an async function" if awaited else "a function"
    for scene in scenes:
        if isinstance(scene, Caller):
            continue
        if not callable(scene) or isinstance(scene, type):
            raise TypeError(
                f"a scene is a Caller, such as Caller('+15550001111'), or {kind} that takes the "
                f"Stage, not {scene!r}"
            )
        if not takes(scene, 1):
            raise TypeError(f"the scene {_name(scene)} must take one argument, the Stage")
        if not awaited and _is_async(scene):
            raise TypeError(
                f"the scene {_name(scene)} is a coroutine function: leave out its async, or use "
                "relay_anyio.testing"
            )


def check_scene_awaits(scene: object, result: object) -> Awaitable[object]:
    """Return what a scene has returned.

    Raises:
        TypeError: it cannot be awaited.
    """
    if not inspect.isawaitable(result):
        raise TypeError(
            f"the scene {_name(scene)} must be an async function: it has returned {result!r}, "
            "which cannot be awaited"
        )
    return result


# Each of the arguments


def _numbers(argument: str, value: object) -> object:
    """Check a list of telephone numbers."""
    if isinstance(value, str):
        raise TypeError(f"{argument} must be a list of numbers, not one text: [{value!r}]")
    if not is_collection(value):
        raise TypeError(f"{argument} must be a list of numbers, not {shown(argument, value)}")
    for one in value:
        if not isinstance(one, str):
            raise TypeError(f"{argument} must be telephone numbers, as texts, not {one!r}")
    return value


def _lines(argument: str, value: object) -> object:
    """Check what is met by a program that dials."""
    if is_mapping(value):
        for number, behaviour in value.items():
            if not isinstance(number, str):
                raise TypeError(f"{argument} must have telephone numbers as keys, not {number!r}")
            if not isinstance(behaviour, Behaviour | InTurn | OverTime):
                raise TypeError(
                    f"{argument}[{number!r}] must say what the line does, such as Busy() or "
                    f"Answers(), not {behaviour!r}"
                )
        return value
    if not is_list(value):
        raise TypeError(
            f"{argument} must be a dict such as {{'+15559': Busy()}}, or a list of Line, not "
            f"{shown(argument, value)}"
        )
    for one in value:
        if not isinstance(one, Line):
            raise TypeError(
                f"{argument} must be a dict such as {{'+15559': Busy()}}, or a list of "
                f"Line('+15559', Busy()), … with no {one!r} in it"
            )
    return value


def _classes(argument: str, value: object) -> object:
    """Check a list of classes of exceptions."""
    if isinstance(value, type):
        raise TypeError(f"{argument} must be a list of classes: [{value.__name__}]")
    if not is_collection(value):
        raise TypeError(
            f"{argument} must be a list of classes of exceptions, such as [RelayError], not "
            f"{shown(argument, value)}"
        )
    for one in value:
        if not (isinstance(one, type) and issubclass(one, BaseException)):
            raise TypeError(f"{argument} must be classes of exceptions, not {one!r}")
    return value


def _backend(argument: str, value: object) -> object:
    """Check the event loop of a rehearsal."""
    if value not in ("asyncio", "trio"):
        error = ValueError if isinstance(value, str) else TypeError
        raise error(f"{argument} must be 'asyncio' or 'trio', not {shown(argument, value)}")
    return value


def _promises(argument: str, value: object) -> object:
    """Check a list of promises."""
    if callable(value):
        raise TypeError(f"{argument} must be a list, not one promise: [{_name(value)}]")
    if not is_collection(value):
        raise TypeError(
            f"{argument} must be a list, such as [NoSilence(10)], not {shown(argument, value)}"
        )
    for one in value:
        if isinstance(one, type):
            raise TypeError(f"{argument} has the class {one.__name__} in it: call it first")
        if not callable(one) or not takes(one, 1):
            raise TypeError(f"{argument} must be functions that take the story, not {_name(one)}")
    return value


def _who(kind: type, example: str) -> Check:
    """Return the check of a strategy of callers or texts."""

    def check(argument: str, value: object) -> object:
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, kind):
            raise TypeError(
                f"{argument} must be a strategy, not one {kind.__name__}: write "
                f"hypothesis.strategies.just({kind.__name__}(...)), or rehearse it instead"
            )
        if not callable(getattr(value, "example", None)) or isinstance(value, type):
            raise TypeError(
                f"{argument} must be a strategy such as {example}, or True or False, not {value!r}"
            )
        return value

    return check


def _troubles(argument: str, value: object) -> object:
    """Check what may go wrong with the connection."""
    if isinstance(value, Trouble):
        raise TypeError(f"{argument} must be a list: [Trouble.{value.name}]")
    if not is_collection(value):
        raise TypeError(
            f"{argument} must be a list such as [Trouble.CUT], or () for none, not "
            f"{shown(argument, value)}"
        )
    for one in value:
        if not isinstance(one, Trouble):
            names = ", ".join(f"Trouble.{each.name}" for each in Trouble)
            raise TypeError(f"{argument} must be some of {names}, not {one!r}")
    return value


def _is_async(function: object) -> bool:
    while isinstance(function, functools.partial):
        function = function.func
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(type(function), "__call__", None)  # noqa: B004 - not whether it can be called
    )


def _timing(argument: str, value: object) -> object:
    return None if value is None else instance(ExchangeTiming)(argument, value)


def _name(value: Any) -> str:
    return str(getattr(value, "__name__", repr(value)))


OF_REHEARSALS: Final[Table] = {
    "lines": _lines,
    "undeliverable": _numbers,
    "timing": _timing,
    "may_raise": _classes,
    "within": positive,
    "patience": positive,
    "backend": _backend,
    "seed": whole(-MOST_SEED),
}
"""The checks of the arguments of `rehearse` and `rehearsal`."""
OF_EXPLORATIONS: Final[Table] = {
    **OF_REHEARSALS,
    "runs": whole(1),
    "promises": _promises,
    "caller": _who(Caller, "strategies.callers()"),
    "message": _who(TextMessage, "strategies.messages()"),
    "troubles": _troubles,
    "dials": _numbers,
}
"""The checks of the arguments of `explore`."""
