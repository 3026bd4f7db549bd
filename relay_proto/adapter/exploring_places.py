"""Exploring places: how a test gets at what belongs to the program, such as its handlers."""

from __future__ import annotations

import ast
import sys
from collections.abc import Collection, Iterator
from functools import partial
from inspect import unwrap
from pathlib import Path
from types import MethodType
from typing import Any, Final, NamedTuple, TypeAlias, cast

FILL_IN: Final = "your_program"
"""Stands for a module that nobody knows, such as that of a lambda."""
OWN: Final = ("relay_anyio", "relay_sync", "relay_proto")


class Name(NamedTuple):
    """What a module has by a name."""

    module: str
    name: str


Pieces: TypeAlias = tuple[str | Name, ...]
"""Source, and the names in it that have to be imported."""


class Imports:
    """What a test imports of the program's, and what its reader has to fill in."""

    def __init__(self, reserved: Collection[str]) -> None:
        self._taken: dict[str, Name | None] = dict.fromkeys(reserved)
        self._missing: dict[int, tuple[object, str]] = {}
        """What has no name in a module, and what the test calls it."""

    def reference(self, thing: object, instead: str) -> str:
        """Return an expression for something; `instead` is its name if it has none."""
        pieces = pieces_of(thing)
        if pieces is not None:
            return "".join(one if isinstance(one, str) else self.add(one) for one in pieces)
        if id(thing) not in self._missing:
            self._missing[id(thing)] = thing, self.add(Name(FILL_IN, instead), is_new=True)
        return self._missing[id(thing)][1]

    def add(self, wanted: Name, *, is_new: bool = False) -> str:
        """Import something; return its name in the test, where another may have the same one."""
        name, count = wanted.name, 1
        while name in self._taken and (is_new or self._taken[name] != wanted):
            count += 1
            name = f"{wanted.name}_{count}"
        self._taken[name] = wanted
        return name

    @property
    def notes(self) -> Iterator[str]:
        """Say what is to be filled in, and where."""
        if self._missing:
            yield "# Before you run it, fill in each line that says EDIT. A test imports only what"
            yield "# has a name in a module. If something has none, give it one."

    @property
    def lines(self) -> Iterator[str]:
        """The statements, in the order in which their modules were first used."""
        modules: dict[str, list[str]] = {}
        for name, found in self._taken.items():
            if found is not None and found.module != FILL_IN:
                names = modules.setdefault(found.module, [])
                names.append(name if name == found.name else f"{found.name} as {name}")
        for module, names in modules.items():
            yield f"from {module} import {', '.join(names)}"
        for thing, name in self._missing.values():
            yield f"from {FILL_IN} import {name}  # EDIT: {description_of(thing)}"


def pieces_of(thing: object) -> Pieces | None:
    """Return the source of something, or None if a test cannot get at it."""
    if (place := _place_of(thing)) is not None:
        return place
    match thing:
        case MethodType():
            owner, name = pieces_of(thing.__self__), _name_of(thing)
            is_found = owner is not None and getattr(thing.__self__, name, None) == thing
            return (*(owner or ()), f".{name}") if is_found else None
        case partial():
            return _pieces_of_partial(thing)  # pyright: ignore[reportUnknownArgumentType]
        case _:
            return None


def _pieces_of_partial(made: partial[Any]) -> Pieces | None:
    given = [("", made.func), *(("", one) for one in made.args)]
    given += [(f"{name}=", one) for name, one in made.keywords.items()]
    pieces: list[str | Name] = [Name("functools", "partial"), "("]
    for place, (before, value) in enumerate(given):
        found = (repr(value),) if _is_literal(value) else pieces_of(value)
        if found is None:
            return None
        pieces += [", " * bool(place) + before, *found]
    return (*pieces, ")")


def _is_literal(value: object) -> bool:
    """Whether `repr` is the source of a value."""
    try:
        return bool(ast.literal_eval(repr(value)) == value)
    except Exception:  # noqa: BLE001 - a `repr` of the program's may raise anything
        return False


def _place_of(thing: object) -> Pieces | None:
    """Return the name of something in its module, or in any other module."""
    module = str(getattr(thing, "__module__", "") or "")
    first, *rest = str(getattr(thing, "__qualname__", "")).split(".")
    found = getattr(sys.modules.get(module), first, None)
    for name in rest:
        found = getattr(found, name, None)
    if first and found is thing and (importable := _importable(module)):
        return Name(importable, first), *(f".{name}" for name in rest)
    for module, holder in tuple(sys.modules.items()):
        if module.partition(".")[0] not in OWN and (importable := _importable(module)):
            for name, value in tuple(getattr(holder, "__dict__", {}).items()):
                if value is thing and name.isidentifier():
                    return (Name(importable, name),)
    return None


def _importable(module: str) -> str:
    """Return the name by which a test imports a module: a program that runs has another one.

    What is typed into an interpreter has none.
    """
    if module != "__main__":
        return module
    return Path(str(getattr(sys.modules[module], "__file__", "") or "")).stem


def _name_of(method: MethodType) -> str:
    return str(getattr(method.__func__, "__name__", "__call__"))


def description_of(thing: object) -> str:
    """Say in a few words what something is that has no name in a module."""
    match thing:
        case MethodType():
            kind = type(thing.__self__).__qualname__
            return f"the method {_name_of(thing)} of an object of the class {kind}"
        case partial():
            kind = type(thing.func).__qualname__
            name = getattr(thing.func, "__qualname__", f"an object of the class {kind}")
            return f"a functools.partial of {name}"
        case type():
            return f"the class {thing.__qualname__}"
        case _:
            code: Any = getattr(unwrap(cast("Any", thing)), "__code__", None)
    if code is None:
        return f"an object of the class {type(thing).__qualname__}"
    name = "the lambda" if code.co_name == "<lambda>" else f"the function {code.co_name}"
    return f"{name} in {Path(code.co_filename).name}, line {code.co_firstlineno}"
