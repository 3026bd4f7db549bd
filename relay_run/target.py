"""The target: ``MODULE:CLIENT``, and the client that it names."""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from typing import Any, Final

from relay_proto.adapter.clients import ClientBase
from relay_proto.adapter.imports import importing
from relay_proto.display import one_line

TARGET: Final = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")


class TargetError(Exception):
    """What is wrong with the target, and what to do."""


def check_target(text: str) -> str:
    """Return `text`, if it can be a target.

    Raises:
        ValueError: it cannot be one.
    """
    module, _, name = text.partition(":")
    is_file = module.endswith(".py") or "/" in module
    if TARGET.fullmatch(text) and not is_file:
        return text
    if is_file:
        dotted = module.removesuffix(".py").strip("./").replace("/", ".")
        raise ValueError(
            f"{text!r} names a file: write the module as an import statement does, like "
            f"{dotted}:{name or 'client'}"
        )
    if ":" not in text:
        raise ValueError(f"{text!r} does not say which client: write it like {text}:client")
    raise ValueError(f"{text!r} is not MODULE:CLIENT: write it like shop.calls:client")


def load(target: str) -> ClientBase[Any, Any, Any]:
    """Import the module, and return the client, or what the function returns.

    Meanwhile no client may `run`, which would not end.

    Raises:
        TargetError: there is no such module, or nothing like a client in it.
        BaseException: what the module, or the function, raises.
    """
    with importing("relay run"):
        return _load(target)


def _load(target: str) -> ClientBase[Any, Any, Any]:
    module_name, _, path = target.partition(":")
    try:
        found: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise  # the module is there, and lacks another one
        raise TargetError(
            f"there is no module {error.name!r}: relay run looks for it in the current directory, "
            "in that of --app-dir, and in PYTHONPATH"
        ) from None
    for name in path.split("."):
        try:
            found = getattr(found, name)
        except AttributeError:
            raise TargetError(_no_such_name(found, module_name, name)) from None
    return _client_of(found, target)


def _client_of(found: Any, target: str) -> ClientBase[Any, Any, Any]:
    what = "is"
    if not isinstance(found, ClientBase) and callable(found):
        if inspect.iscoroutinefunction(found):
            raise TargetError(
                f"{target} is an async function: relay run needs a client, or a function without "
                "async that returns one"
            )
        try:
            inspect.signature(found).bind()
        except TypeError:
            raise TargetError(
                f"{target} cannot be called without arguments: relay run calls it so to get a "
                "client"
            ) from None
        found, what = found(), "returns"
    if not isinstance(found, ClientBase):
        shown = one_line(repr(found), 60)
        raise TargetError(
            f"{target} {what} {shown}, which is no RelayClient: name a client of relay_anyio or of "
            "relay_sync, or a function that returns one"
        )
    return found  # pyright: ignore[reportUnknownVariableType] - it says of which adapter


def _no_such_name(found: object, module: str, name: str) -> str:
    clients = [known for known, value in vars(found).items() if isinstance(value, ClientBase)]
    hint = f": did you mean {module}:{clients[0]}?" if clients else ""
    if module.partition(".")[0] in sys.stdlib_module_names:
        hint = ": it is a module of Python, so give yours another name"
    return f"{module} has no {name!r}{hint}"


def is_blocking(client: ClientBase[Any, Any, Any]) -> bool:
    """Whether it is one of `relay_sync`."""
    return not inspect.iscoroutinefunction(getattr(client, "drain", None))
