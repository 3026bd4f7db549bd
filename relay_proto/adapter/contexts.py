"""Contexts: with which context variables a function of the application starts.

It starts with a copy of the context in which it was registered, as the callbacks of
asyncio do: what was set there is seen, what the function sets is seen by nobody after it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Context, copy_context
from typing import Any, TypeVar

import msgspec

from ..api.commands import Command

R = TypeVar("R")


class InContext:
    """A function, and the context in which it was registered. Equal to the function."""

    __slots__ = ("_context", "_function")

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self._function = function
        self._context = copy_context()

    def __call__(self, argument: Any) -> Any:
        """Call the function, in a context for this call alone."""
        return self.new_context().run(self._function, argument)

    def __eq__(self, other: object) -> bool:
        return self._function == (other._function if isinstance(other, InContext) else other)

    def __hash__(self) -> int:
        return hash(self._function)

    def __repr__(self) -> str:
        return repr(self._function)

    @property
    def name(self) -> str:
        """The name of the function."""
        return function_name(self._function)

    def new_context(self) -> Context:
        """The context for one call of it."""
        return self._context.copy()

    def prepared(self, prepare: Callable[[], object]) -> InContext:
        """Return it with the context variables that `prepare` sets when it is called."""

        def bind() -> InContext:
            prepare()
            return InContext(self._function)

        return self.new_context().run(bind)

    def followed_by(self, function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Return `function` so that it is called with the context variables of this one."""
        context = self.new_context()
        return lambda argument: context.run(function, argument)


def in_context(function: Callable[[Any], Any]) -> InContext:
    """Let a function start with the context variables of now, unless it has others."""
    return function if isinstance(function, InContext) else InContext(function)


def with_context(command: Command[R]) -> Command[R]:
    """Let the callback of a command, if it has one, start with those of now."""
    if not callable(command.callback):
        return command
    return msgspec.structs.replace(command, callback=in_context(command.callback))


def function_name(function: Callable[..., Any]) -> str:
    """The name of a function of the application, for people."""
    if isinstance(function, InContext):
        return function.name
    name = getattr(function, "__qualname__", None)
    return f"{function.__module__}.{name}" if isinstance(name, str) else repr(function)
