"""Methods: how the function of a verb becomes a method of a handle.

The method keeps the function's parameters, defaults and docstring, for people,
editors and type checkers alike; only the owner is put in front of them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

M = TypeVar("M", bound=Callable[..., Any])


def signed(method: M, function: Callable[..., Any], returns: str) -> M:
    """Give `method` the name, signature and docstring of `function`; `returns` ends the latter."""
    # functools.wraps would make the signature that of the function, without its
    # first parameter, and would point tools at the wrong source.
    signature = inspect.signature(function)
    owner = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    method.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[owner, *signature.parameters.values()],
        return_annotation=inspect.Signature.empty,
    )
    method.__name__ = function.__name__
    method.__qualname__ = function.__qualname__
    method.__doc__ = f"{inspect.getdoc(function)}\n\nReturns: {returns}"
    return method
