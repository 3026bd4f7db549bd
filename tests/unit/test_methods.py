"""Methods: a verb's function and the method made of it look alike."""

import inspect
import typing
from collections.abc import Sequence
from typing import Any

from relay_proto.api import commands
from relay_proto.api.methods import RAISES, named, result_of, signed


def greet(name: str, *, loud: bool = False, **more: Any) -> int:
    """Greet somebody.

    By `name`.
    """
    return len(f"{name}{loud}{more}")


def made() -> Any:
    def method(owner: object, /, *args: Any, **kwargs: Any) -> str:
        return str(greet(*args, **kwargs))

    return signed(method, greet, str, "The greeting.")


@named
class Host:
    welcome = made()

    def leave(self) -> None:
        """Written by hand."""


class Guest(Host):
    pass


def test_the_parameters_are_those_of_the_function_behind_the_owner() -> None:
    parameters = list(inspect.signature(made()).parameters.values())
    assert parameters[0].name == "self"
    assert parameters[0].kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    assert parameters[1:] == list(inspect.signature(greet).parameters.values())


def test_the_result_is_in_the_signature_the_hints_and_the_docstring() -> None:
    assert inspect.signature(made()).return_annotation is str
    assert typing.get_type_hints(made()) == {"name": str, "loud": bool, "more": Any, "return": str}
    assert typing.get_type_hints(greet)["return"] is int
    assert inspect.getdoc(made()) == (
        f"Greet somebody.\n\nBy `name`.{RAISES}\n\nReturns: The greeting."
    )


def test_what_a_function_says_of_errors_is_kept() -> None:
    def leave() -> commands.Command[int]:
        """Leave.

        Raises:
            OSError: there is no door.
        """
        raise NotImplementedError

    said = inspect.getdoc(signed(lambda: None, leave, int, "A number.")) or ""
    assert said == "Leave.\n\nRaises:\n    OSError: there is no door.\n\nReturns: A number."


def test_it_is_named_after_the_function_and_does_not_point_at_it() -> None:
    assert made().__name__ == "greet"
    assert inspect.unwrap(made()) is not greet


def test_a_class_gives_its_name_to_what_it_defines() -> None:
    assert Host.welcome.__qualname__ == Guest.welcome.__qualname__ == "Host.greet"
    assert Host.welcome.__module__ == Host.__module__
    assert Host.leave.__qualname__ == "Host.leave"


def test_the_method_itself_is_returned_and_works_on_an_instance() -> None:
    assert Host().welcome("Ann", loud=True) == str(len("AnnTrue{}"))
    assert list(inspect.signature(Host().welcome).parameters) == ["name", "loud", "more"]


def test_the_result_of_a_command_is_known() -> None:
    def numbers() -> commands.Command[Sequence[int]]:
        raise NotImplementedError

    assert result_of(numbers) == Sequence[int]
