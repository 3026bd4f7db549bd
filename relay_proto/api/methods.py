"""Methods: how the function of a verb becomes a method of a handle.

The method keeps the function's parameters, defaults and docstring, for people,
editors and type checkers alike; only the owner is put in front of them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Final, Self, TypeVar

M = TypeVar("M", bound=Callable[..., Any])

OWNER: Final = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)


def signed(method: M, function: Callable[..., Any], returns: str) -> M:
    """Give `method` the name, signature and docstring of `function`; `returns` ends the latter."""
    # functools.wraps would make the signature that of the function, without its
    # first parameter, and would point tools at the wrong source.
    method.__signature__ = Signature.of(function)  # type: ignore[attr-defined]
    method.__name__ = function.__name__
    method.__qualname__ = function.__qualname__
    method.__doc__ = f"{inspect.getdoc(function)}\n\nReturns: {returns}"
    return method


class Signature(inspect.Signature):
    """One that is made when somebody looks at it: most programs never do."""

    __slots__ = ("_function",)
    _function: Callable[..., Any]

    @classmethod
    def of(cls, function: Callable[..., Any]) -> Self:
        """The parameters of `function` behind the owner, and no result."""
        signature = cls.__new__(cls)
        signature._function = function  # noqa: SLF001 - another way to construct it
        return signature

    def __getattr__(self, name: str) -> Any:
        # Reached while the attributes of the class above have no values yet.
        if name not in inspect.Signature.__slots__:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        parameters = inspect.signature(self._function).parameters.values()
        inspect.Signature.__init__(self, [OWNER, *parameters])
        return getattr(self, name)
