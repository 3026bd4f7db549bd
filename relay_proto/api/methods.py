"""Methods: how the function of a verb becomes a method of a handle.

The method keeps the function's parameters, defaults and docstring, for people,
editors and type checkers alike. What it has beside is what a method written by
hand would have: `self`, the type of its result, its module and its class.

Public: for authors of adapters.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import FunctionType
from typing import Any, Final, TypeVar

M = TypeVar("M", bound=Callable[..., Any])
T = TypeVar("T", bound=type)

RAISES: Final = """

Raises:
    RelayError: the server refuses it, or its answer does not come: as for `RelayClient.execute`.
    ValueError, TypeError: an argument is wrong. Nothing is sent."""
"""What the docstring of a method says of errors, if that of its function says nothing."""
OWNER: Final = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)


def signed(method: M, function: Callable[..., Any], result: object, returns: str) -> M:
    """Let `method` look like a method with the parameters of `function`.

    `result` is the type of its result, and `returns` the end of its docstring.
    The class that it is a method of must be `named`.
    """
    # functools.wraps would make the signature that of the function, without its
    # first parameter, and would point tools at the wrong source.
    signature = inspect.signature(function)
    parameters = [OWNER, *signature.parameters.values()]
    signed = signature.replace(parameters=parameters, return_annotation=result)
    method.__signature__ = signed  # type: ignore[attr-defined]
    method.__annotations__ = {**function.__annotations__, "return": result}
    method.__name__ = method.__qualname__ = function.__name__
    said = inspect.getdoc(function) or ""
    raises = "" if "Raises:" in said else RAISES
    method.__doc__ = f"{said}{raises}\n\nReturns: {returns}"
    return method


def named(owner: T) -> T:
    """Tell the methods that `signed` has made which class is theirs. A decorator of it."""
    for value in vars(owner).values():
        if isinstance(value, FunctionType) and hasattr(value, "__signature__"):
            value.__module__ = owner.__module__
            value.__qualname__ = f"{owner.__qualname__}.{value.__name__}"
    return owner


def result_of(function: Callable[..., Any]) -> object:
    """The R of the `Command[R]` that `function` returns."""
    (result,) = function.__annotations__["return"].__args__
    return result
