"""Verbs as methods: a pure function of `relay_proto.commands`, made awaitable.

A method keeps the function's parameters, defaults and docstring, for people,
editors and type checkers alike; only the owner is put in front of them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from relay_proto.calls import ActionRecord
from relay_proto.commands import Command

if TYPE_CHECKING:
    from .action import Action
    from .call import Call

P = ParamSpec("P")
R = TypeVar("R")
A = TypeVar("A", bound="Action")


def verb(
    function: Callable[P, Command[R]],
) -> Callable[Concatenate[Call, P], Coroutine[Any, Any, R]]:
    """Make a method of `Call` that returns the result of the request."""

    async def method(call: Call, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return await call.execute(function(*args, **kwargs))

    return _signed(method, function, "The server's answer, ``{}`` if the call is gone.")


def action(
    function: Callable[P, Command[ActionRecord]], handle: type[A]
) -> Callable[Concatenate[Call, P], Coroutine[Any, Any, A]]:
    """Make a method of `Call` that starts an action and returns its handle."""

    async def method(call: Call, /, *args: P.args, **kwargs: P.kwargs) -> A:
        return handle.of(call, await call.execute(function(*args, **kwargs)))

    return _signed(method, function, f"The `{handle.__name__}`, once the server has accepted it.")


def control(
    function: Callable[P, Command[R]],
) -> Callable[Concatenate[Action, P], Coroutine[Any, Any, R]]:
    """Make a method of an action that controls it."""

    async def method(action: Action, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return await action.execute(function(*args, **kwargs))

    return _signed(method, function, "The server's answer, ``{}`` if the action is over.")


M = TypeVar("M", bound=Callable[..., Any])


def _signed(method: M, function: Callable[..., Any], returns: str) -> M:
    # functools.wraps would make the signature that of the function, without its
    # first parameter, and would point tools at the wrong source.
    signature = inspect.signature(function)
    owner = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    positional = [owner.replace(kind=inspect.Parameter.POSITIONAL_OR_KEYWORD)]
    method.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[*positional, *signature.parameters.values()],
        return_annotation=inspect.Signature.empty,
    )
    method.__name__ = function.__name__
    method.__qualname__ = function.__qualname__
    method.__doc__ = f"{inspect.getdoc(function)}\n\nReturns: {returns}"
    return method
