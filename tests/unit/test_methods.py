"""Methods: a verb's function and the method made of it look alike."""

from __future__ import annotations

import inspect
from typing import Any

from relay_proto.api.methods import signed


def greet(name: str, *, loud: bool = False, **more: Any) -> str:
    """Greet somebody.

    By `name`.
    """
    return f"{name}{loud}{more}"


def made() -> Any:
    def method(owner: object, /, *args: Any, **kwargs: Any) -> str:
        return greet(*args, **kwargs)

    return signed(method, greet, "The greeting.")


def test_the_parameters_are_those_of_the_function_behind_the_owner() -> None:
    parameters = list(inspect.signature(made()).parameters.values())
    assert parameters[0].name == "self"
    assert parameters[0].kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    assert parameters[1:] == list(inspect.signature(greet).parameters.values())


def test_the_result_is_told_by_the_docstring_and_by_no_annotation() -> None:
    assert inspect.signature(made()).return_annotation is inspect.Signature.empty
    assert inspect.getdoc(made()) == "Greet somebody.\n\nBy `name`.\n\nReturns: The greeting."


def test_it_is_named_after_the_function_and_does_not_point_at_it() -> None:
    assert (made().__name__, made().__qualname__) == ("greet", "greet")
    assert inspect.unwrap(made()) is not greet


def test_the_method_itself_is_returned_and_works_on_an_instance() -> None:
    class Host:
        welcome = made()

    assert Host().welcome("Ann", loud=True) == "AnnTrue{}"
    assert list(inspect.signature(Host().welcome).parameters) == ["name", "loud", "more"]
