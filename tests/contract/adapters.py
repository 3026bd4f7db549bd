"""The two packages that a program may import, which are to be one API.

A `Program` is written once for both: a generator that yields what it would await.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Coroutine, Generator
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Any, Final, TypeAlias, TypeVar

import anyio

T = TypeVar("T")
Program: TypeAlias = Generator[Any, Any, T]

MODULES: Final = {"RelayClient": "client", "RelayError": "client", "Message": "message"}
"""Where a class is; all others are in ``call``."""


@dataclass(frozen=True)
class Adapter:
    """One of them, by its name."""

    name: str
    blocking: bool

    def __str__(self) -> str:
        return self.name

    @property
    def package(self) -> ModuleType:
        """What a program imports."""
        return importlib.import_module(self.name)

    def module(self, name: str) -> ModuleType:
        """One of its submodules."""
        return importlib.import_module(f"{self.name}.{name}")

    def owner(self, name: str) -> Any:
        """One of its classes."""
        return getattr(self.module(MODULES.get(name, "call")), name)

    def run(self, program: Program[T]) -> T:
        """Run a program, in an event loop unless the package blocks."""
        running = drive(program)
        return at_once(running) if self.blocking else anyio.run(lambda: running)


async def drive(program: Program[T]) -> T:
    """Give a program what it asks for: what can be awaited, awaited."""
    resume = partial(program.send, None)
    while True:
        try:
            value = resume()
        except StopIteration as end:
            result: T = end.value
            return result
        try:
            resume = partial(program.send, await value if inspect.isawaitable(value) else value)
        except Exception as error:  # noqa: BLE001 - it is the program's
            resume = partial(program.throw, error)


def at_once(running: Coroutine[Any, Any, T]) -> T:
    """The result of what never awaits."""
    try:
        running.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    raise AssertionError("the blocking client gave something to await")


ANYIO: Final = Adapter("relay_anyio", blocking=False)
SYNC: Final = Adapter("relay_sync", blocking=True)
ADAPTERS: Final = (ANYIO, SYNC)
