"""Introspection: what `help`, `inspect` and `typing` say of everything that is public."""

from __future__ import annotations

import inspect
import pydoc
import re
import typing
from collections.abc import Iterator
from types import ModuleType
from typing import Any, Final, Unpack, get_args, get_origin, get_type_hints, is_typeddict

import pytest

import relay_anyio
import relay_proto
import relay_sync
from relay_proto import config
from relay_proto.api import commands

PACKAGES: Final = (relay_proto, relay_anyio, relay_sync)
CLIENTS: Final = (relay_anyio.RelayClient, relay_sync.RelayClient)
VARIABLES: Final = {value for name, value in vars(config).items() if name.startswith("ENV_")}
NOT_OF_A_CLIENT: Final = {"SIGNALWIRE_LOG_LEVEL"}
"""It is about the whole process, and no argument."""


def public() -> Iterator[tuple[str, Any]]:
    """Every public function and class, and every public method and property of one."""
    for package in PACKAGES:
        for name in vars(package)["__all__"]:
            value = vars(package)[name]
            if inspect.isfunction(value) or inspect.isclass(value):
                yield f"{package.__name__}.{name}", value
            if inspect.isclass(value):
                yield from members(package, value)


def members(package: ModuleType, owner: type) -> Iterator[tuple[str, Any]]:
    for name, value in inspect.getmembers(owner):
        function = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
        known = not name.startswith("_") or name == "__init__"
        if known and inspect.isfunction(function) and function.__module__.startswith("relay"):
            yield f"{package.__name__}.{owner.__name__}.{name}", function


PUBLIC: Final = dict(public())


@pytest.mark.parametrize("name", PUBLIC)
def test_everything_public_says_its_types_and_what_it_is(name: str) -> None:
    value = PUBLIC[name]
    hints = get_type_hints(value)
    assert not any(isinstance(hint, str) for hint in hints.values())
    if name.endswith("__init__"):
        return  # the class says it
    assert inspect.getdoc(value)
    if inspect.isfunction(value):
        assert "return" in hints
        module = value.__module__
        page = pydoc.plain(pydoc.render_doc(value))
        assert f"in module {module}" in page
        assert value.__qualname__.endswith(name.rpartition(".")[2])


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.__module__)
def test_help_on_a_client_describes_each_argument(client: type) -> None:
    page = pydoc.plain(pydoc.render_doc(client))
    # Around it are signatures, which newer versions of Python show on many lines.
    arguments = page.partition("Args:")[2].partition("Methods defined here:")[0]
    one = r"(?ms)^ \|\s{6}(\w+): (.*?)(?=^ \|\s{6}\w+: |^ \|\s*$)"
    described = dict(re.findall(one, arguments))
    parameters = list(inspect.signature(client).parameters)
    assert [name for name in described if name in parameters] == [*parameters]
    for name in parameters[2:]:
        words = described[name]
        assert "Default: " in words or "Variable: " in words or "Variable:\n" in words, name
    assert {variable for variable in VARIABLES if variable in page} == VARIABLES - NOT_OF_A_CLIENT


def keys_of(hint: Any) -> set[str]:
    """The keys of all typed dicts in the type of a parameter, at any depth."""
    if is_typeddict(hint):
        inner = get_type_hints(hint)
        return {*inner}.union(*(keys_of(value) for value in inner.values()))
    return set[str]().union(*(keys_of(part) for part in get_args(hint)))


def docstrings(*verbs: str) -> str:
    """Their docstrings, and those of the verbs that these name."""
    texts = [inspect.getdoc(vars(commands)[verb]) or "" for verb in verbs]
    named = {
        name
        for name in re.findall(r"`(\w+)`", "".join(texts))
        if inspect.isfunction(vars(commands).get(name)) and name not in verbs
    }
    return docstrings(*verbs, *named) if named else "".join(texts)


TAKE_DICTS: Final = {
    (name, parameter): keys
    for name, function in vars(commands).items()
    if inspect.isfunction(function) and not name.startswith("_")
    for parameter, hint in get_type_hints(function).items()
    if parameter != "return" and (keys := keys_of(hint))
}


@pytest.mark.parametrize(("verb", "parameter"), TAKE_DICTS)
def test_the_docstring_of_a_verb_lists_the_keys_of_its_dicts(verb: str, parameter: str) -> None:
    words = set(re.findall(r"\w+", docstrings(verb)))
    assert TAKE_DICTS[verb, parameter] <= words, sorted(TAKE_DICTS[verb, parameter] - words)


def test_the_dicts_of_the_verbs_are_known() -> None:
    takers = {verb for verb, _ in TAKE_DICTS}
    assert {"play", "record", "collect", "detect", "dial", "connect", "tap", "refer"} <= takers


@pytest.mark.parametrize("package", [relay_anyio, relay_sync])
def test_a_signature_has_types_and_no_texts(package: Any) -> None:
    signature = inspect.signature(package.Call.play)
    assert signature.return_annotation is package.PlayAction
    annotations = [item.annotation for item in signature.parameters.values()][1:]
    assert not any(isinstance(annotation, str) for annotation in annotations)
    assert get_origin(signature.parameters["kwargs"].annotation) is Unpack
    assert typing.get_type_hints(package.Call.play)["return"] is package.PlayAction
