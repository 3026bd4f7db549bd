"""The names that the packages export are written out: type checkers read nothing else."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path
from types import ModuleType
from typing import Final

import pytest

import relay_anyio
import relay_sync
from relay_proto.api import public, public_events

ROOT: Final = Path(__file__).parents[2]
PACKAGES: Final = ("relay_proto", "relay_anyio", "relay_sync")


def written_names(source: str) -> list[str] | None:
    """The one literal list that a module assigns to ``__all__``, if it does so at all."""
    module = ast.parse(source)
    uses = [
        node
        for node in ast.walk(module)
        if isinstance(node, ast.Name) and node.id == "__all__" and isinstance(node.ctx, ast.Store)
    ]
    if not uses:
        return None
    assert len(uses) == 1, "`__all__` is written more than once"
    for node in module.body:
        match node:
            case ast.Assign([ast.Name("__all__")], ast.List(elements)):
                names = [node.value for node in elements if isinstance(node, ast.Constant)]
                assert len(names) == len(elements), "`__all__` has parts that are not literals"
                return [str(name) for name in names]
            case _:
                pass
    raise AssertionError("`__all__` is not a list at the module's top level")


def all_lists() -> dict[str, list[str]]:
    """The written lists of all modules of the packages, by the modules' names."""
    found: dict[str, list[str]] = {}
    for file in sorted(file for package in PACKAGES for file in (ROOT / package).rglob("*.py")):
        names = written_names(file.read_text("utf-8"))
        if names is not None:
            path = file.relative_to(ROOT).with_suffix("").as_posix().removesuffix("/__init__")
            found[path.replace("/", ".")] = names
    return found


LISTS: Final = all_lists()


@pytest.mark.parametrize("module", [*PACKAGES, "relay_anyio.event", "relay_sync.event"])
def test_a_module_that_programs_import_has_a_list(module: str) -> None:
    assert module in LISTS


@pytest.mark.parametrize("module", LISTS)
def test_a_list_names_what_the_module_has(module: str) -> None:
    found = importlib.import_module(module)
    assert vars(found)["__all__"] == LISTS[module]
    assert len(set(LISTS[module])) == len(LISTS[module])
    assert [name for name in LISTS[module] if not hasattr(found, name)] == []


@pytest.mark.parametrize("adapter", [relay_anyio, relay_sync])
def test_an_adapter_exports_its_handles_and_the_public_names(adapter: ModuleType) -> None:
    exported = set(LISTS[adapter.__name__])
    assert exported >= set(public.__all__)
    for name in exported - set(public.__all__):
        assert getattr(adapter, name).__module__.startswith(f"{adapter.__name__}.")


@pytest.mark.parametrize("adapter", [relay_anyio, relay_sync])
def test_the_module_of_events_exports_the_public_events(adapter: ModuleType) -> None:
    assert LISTS[f"{adapter.__name__}.event"] == public_events.__all__


@pytest.mark.parametrize(
    "source",
    [
        "from x import names\n__all__ = names.__all__",
        "__all__ = ['A']\n__all__ += ['B']",
        "__all__: list[str] = ['A']",
        "__all__ = [*names]",
        "__all__ = [name for name in names]",
        "if here:\n    __all__ = ['A']",
    ],
)
def test_a_list_that_is_not_literal_is_noticed(source: str) -> None:
    with pytest.raises(AssertionError):
        written_names(source)
