"""`relay_anyio` and `relay_sync` are one API: what the one has, the other has, blocking.

What differs is named here, and is all that does.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any, Final, get_type_hints

import pytest

import relay_anyio
import relay_sync
from tests.contract.adapters import ADAPTERS, ANYIO, SYNC, Adapter
from tests.spec.command_arguments import COMMANDS

CLASSES: Final = sorted(
    {
        name
        for adapter in ADAPTERS
        for module in (adapter.package, adapter.module("call"))
        for name in module.__all__
        if inspect.isclass(found := getattr(module, name))
        if found.__module__.startswith(f"{adapter.name}.")
    }
)

pytestmark = pytest.mark.filterwarnings("ignore::relay_proto.errors.UnknownNameWarning")
ONLY_AWAITED: Final = {("RelayClient", "run"): {"backend"}}
"""Parameters that make sense with event loops alone."""
TOGETHER: Final[Mapping[str, str]] = {
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "__aiter__": "__iter__",
    "__anext__": "__next__",
}
"""What stands for what: ``async with`` for ``with``, ``async for`` for ``for``."""


def class_of(adapter: Adapter, name: str) -> type:
    in_package: type | None = getattr(adapter.package, name, None)
    return in_package or adapter.owner(name)


def public(owner: type) -> set[str]:
    return {name for name in dir(owner) if not name.startswith("_")}


def methods() -> Iterator[tuple[str, str]]:
    for name in CLASSES:
        yield name, "__init__"
        for method in sorted(public(class_of(ANYIO, name)) | public(class_of(SYNC, name))):
            if any(
                callable(getattr(class_of(adapter, name), method, None)) for adapter in ADAPTERS
            ):
                yield name, method


METHODS: Final = list(methods())


def parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    return list(inspect.signature(function).parameters.values())


def shape(function: Callable[..., Any]) -> list[tuple[str, object, object]]:
    return [(item.name, item.kind, item.default) for item in parameters(function)]


def result_of(function: Callable[..., Any]) -> str:
    """What it gives, once that was awaited."""
    result = inspect.signature(function).return_annotation
    return result.__name__ if inspect.isclass(result) else str(result)


def exported(package: ModuleType) -> list[str]:
    """What ``from package import *`` would bring."""
    names: list[str] = vars(package)["__all__"]
    return names


def test_the_packages_export_the_same_names() -> None:
    assert exported(relay_sync) == exported(relay_anyio)
    for module in ("client", "call", "event"):
        assert SYNC.module(module).__all__ == ANYIO.module(module).__all__


def test_what_needs_no_adapter_is_the_same_object() -> None:
    for name in sorted(set(exported(relay_anyio)) - set(CLASSES)):
        assert getattr(relay_sync, name) is getattr(relay_anyio, name), name


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_has_the_same_public_names_in_both(name: str) -> None:
    awaited, blocking = class_of(ANYIO, name), class_of(SYNC, name)
    assert public(blocking) == public(awaited)
    assert [base.__name__ for base in blocking.__mro__] == [
        base.__name__ for base in awaited.__mro__
    ]


@pytest.mark.parametrize(("name", "method"), METHODS, ids=[".".join(item) for item in METHODS])
def test_a_method_has_the_same_parameters_in_both(name: str, method: str) -> None:
    awaited = getattr(class_of(ANYIO, name), method)
    blocking = getattr(class_of(SYNC, name), method)
    only_awaited = ONLY_AWAITED.get((name, method), set[str]())
    assert [item for item in shape(awaited) if item[0] not in only_awaited] == shape(blocking)
    types = {item.name: item.annotation for item in parameters(blocking)}
    assert types.items() <= {item.name: item.annotation for item in parameters(awaited)}.items()
    assert result_of(blocking) == result_of(awaited).replace("Async", "")


@pytest.mark.parametrize("name", CLASSES)
def test_nothing_is_awaited_in_the_blocking_client(name: str) -> None:
    awaited, blocking = class_of(ANYIO, name), class_of(SYNC, name)
    for member in public(blocking):
        function = inspect.unwrap(getattr(blocking, member))
        assert not inspect.iscoroutinefunction(function), member
        assert not inspect.isasyncgenfunction(function), member
    for special, ours in TOGETHER.items():
        assert not hasattr(blocking, special)
        if hasattr(awaited, special):
            assert hasattr(blocking, ours)


def test_calls_are_pulled_and_clients_are_entered_in_both() -> None:
    assert issubclass(relay_sync.InboundCalls, Iterator)
    for special in ("__aiter__", "__anext__", "__enter__", "__exit__"):
        assert hasattr(relay_anyio.InboundCalls, special)
    for special in ("__aenter__", "__aexit__"):
        assert hasattr(relay_anyio.RelayClient, special)


@pytest.mark.parametrize("adapter", ADAPTERS, ids=str)
@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_is_a_method(adapter: Adapter, name: str) -> None:
    owners = [
        class_of(adapter, "RelayClient"),
        class_of(adapter, "Call"),
        class_of(adapter, "CollectAction"),
    ]
    if name == "execute":  # a call and an action carry out commands, and have another one
        owners = owners[:1]
    methods = [getattr(owner, name) for owner in owners if hasattr(owner, name)]
    assert shape(COMMANDS[name]) in [shape(method)[1:] for method in methods]


@pytest.mark.parametrize("adapter", ADAPTERS, ids=str)
def test_the_hints_of_a_client_can_be_evaluated(adapter: Adapter) -> None:
    """As by what injects dependencies."""
    client = class_of(adapter, "RelayClient")
    hints = get_type_hints(vars(client)["__init__"])
    assert set(hints) >= {"project", "contexts", "timing", "limits", "connector", "record"}
    assert inspect.signature(client, eval_str=True).parameters["project"].annotation == str | None
