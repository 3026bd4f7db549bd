"""Verbs as methods: a pure function of `relay_proto.commands`, made blocking."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from relay_proto.api.commands import Command
from relay_proto.api.methods import result_of, signed
from relay_proto.records import ActionRecord

if TYPE_CHECKING:
    from .action import Action
    from .call import Call

P = ParamSpec("P")
R = TypeVar("R")
A = TypeVar("A", bound="Action")


def verb(function: Callable[P, Command[R]]) -> Callable[Concatenate[Call, P], R]:
    """Make a method of `Call` that returns the result of the request."""

    def method(call: Call, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return call.execute(function(*args, **kwargs))

    words = "The server's answer, ``{}`` if the call is gone."
    return signed(method, function, result_of(function), words)


def action(
    function: Callable[P, Command[ActionRecord]], handle: type[A]
) -> Callable[Concatenate[Call, P], A]:
    """Make a method of `Call` that starts an action and returns its handle."""

    def method(call: Call, /, *args: P.args, **kwargs: P.kwargs) -> A:
        return handle.of(call, call.execute(function(*args, **kwargs)))

    words = f"The `{handle.__name__}`, once the server has accepted it."
    return signed(method, function, handle, words)


def control(function: Callable[P, Command[R]]) -> Callable[Concatenate[Action, P], R]:
    """Make a method of an action that controls it."""

    def method(action: Action, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return action.execute(function(*args, **kwargs))

    words = "The server's answer, ``{}`` if the action is over."
    return signed(method, function, result_of(function), words)
