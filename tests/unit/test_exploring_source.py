"""The test that `explore` writes: for every kind of situation it is a whole program."""

from __future__ import annotations

import ast
import sys
from functools import partial
from types import MethodType, ModuleType
from typing import Any, Final

import pytest

import relay_anyio
from relay_anyio.testing import (
    AskedOnce,
    Busy,
    Caller,
    ExchangeTiming,
    HangUp,
    NoSilence,
    Story,
    TextMessage,
    Trouble,
    What,
    every_call_ends,
)
from relay_proto.adapter.exploring_source import Reproduction, name_of
from relay_proto.testing.situations import Part, Situation

ANNA: Final = Caller("+1", (HangUp(),))


class OwnError(Exception):
    """An error of a program."""


async def answers(call: object) -> None:
    """A handler."""


async def dials(stage: object) -> None:
    """A scene."""


class IsShort:
    """A promise that is no function."""

    def __repr__(self) -> str:
        return "IsShort()"

    def __call__(self, story: Story) -> None:
        assert len(story) < 5


class NoName(IsShort):
    """A promise that nobody has given a name."""


is_short: Final = IsShort()


class Office:
    """A program whose handlers are methods."""

    def __init__(self, greeting: str = "Hi") -> None:
        self.greeting = greeting

    async def takes(self, call: object) -> None:
        """A handler."""

    @classmethod
    async def takes_any(cls, call: object) -> None:
        """A handler that needs no object."""

    @staticmethod
    async def takes_all(call: object) -> None:
        """A handler that needs nothing."""

    async def __call__(self, call: object) -> None:
        """A handler, too."""


office: Final = Office()


async def greets(greeting: str, call: object, *, times: int = 1, by: object = None) -> None:
    """A handler that needs more than the call."""


def written(
    *parts: Part, promise: Any = None, lines: Any = (), refused: Any = (), **given: Any
) -> str:
    options: dict[str, Any] = {
        "package": "relay_anyio",
        "program": answers,
        "makes_client": False,
        "scenes": (),
        "seed": 0,
        "within": 3600.0,
        "timing": None,
        "may_raise": (),
        **given,
    }
    situation = Situation(parts, lines, refused)
    source = Reproduction(**options).written(situation, "it fails\nat 'once'", promise)
    ast.parse(source)
    assert source.startswith("# Found by explore(): it fails\n")
    return source


MODULE: Final = __name__


def test_one_caller_needs_no_scene() -> None:
    source = written(Part(0.0, ANNA))
    assert f"from {MODULE} import answers\n" in source
    assert 'rehearse(answers, Caller("+1", script=(HangUp(),)))' in source
    assert "Stage" not in source
    assert "import anyio" not in source


def test_nothing_at_all_is_a_rehearsal_without_scenes() -> None:
    assert "    rehearse(answers)\n" in written()


@pytest.mark.parametrize("package", ["relay_anyio", "relay_sync"])
def test_everything_that_befalls_a_program_is_a_statement(package: str) -> None:
    source = written(
        Part(1.5, ANNA),
        Part(0.0, TextMessage("+1", "+2", "Hi")),
        *(Part(2.0, trouble) for trouble in Trouble),
        Part(0.0, Trouble.CUT, What.PLAYED),
        package=package,
    )
    threads = package == "relay_sync"
    sleep = "time.sleep(" if threads else "await anyio.sleep("
    over = "stage.over(call_1)" if threads else "await stage.over(call_1)"
    for statement in (
        f"    {sleep}1.5)",
        '    call_1 = stage.call(Caller("+1", script=(HangUp(),)))',
        '    stage.text(TextMessage("+1", "+2", body="Hi"))',
        f"    {sleep}2)",
        "    stage.cut()",
        "    stage.silence()",
        "    stage.say_goodbye()",
        "    stage.say_goodbye(restart=True)",
        "    stage.restart()",
        "    stage.cut(when=What.PLAYED)",
        f"    {over}",
    ):
        assert f"{statement}\n" in source
    assert (
        f"from {package}.testing import Caller, HangUp, Stage, TextMessage, What, rehearse"
        in source
    )


@pytest.mark.parametrize("package", ["relay_anyio", "relay_sync"])
def test_scenes_go_on_at_the_same_time(package: str) -> None:
    assert "rehearse(answers, dials)" in written(scenes=(dials,), package=package)
    for parts, scenes in (((Part(0.0, ANNA),), (dials,)), ((), (dials, dials))):
        source = written(*parts, scenes=scenes, package=package)
        assert "rehearse(answers, what_happens)" in source
        if package == "relay_sync":
            assert "Thread(target=dials, args=(stage,))" in source
            assert "from threading import Thread\n" in source
        else:
            assert source.count("tasks.start_soon(dials, stage)") == len(scenes)
            assert "import anyio\n" in source


def test_the_options_are_those_of_the_exploration() -> None:
    source = written(
        Part(0.0, ANNA),
        lines=(("+3", Busy()),),
        refused=("+4",),
        makes_client=True,
        seed=7,
        within=50.0,
        backend="trio",
        timing=ExchangeTiming(reaction=1.0),
        may_raise=(ValueError, relay_anyio.RelayError, OwnError),
    )
    for argument in (
        "answers()",
        'lines={"+3": Busy()}',
        'undeliverable=[\n            "+4",\n        ]',
        "timing=ExchangeTiming(reaction=1)",
        "may_raise=[ValueError, RelayError, OwnError]",
        "within=50",
        'backend="trio"',
        "seed=7",
    ):
        assert f"        {argument},\n" in source
    assert "from relay_anyio import RelayError\n" in source
    assert f"from {MODULE} import answers, OwnError\n" in source


@pytest.mark.parametrize(
    ("promise", "statement", "name"),
    [
        (NoSilence(3.0), "NoSilence(seconds=3)(story)", "NoSilence(seconds=3.0)"),
        (AskedOnce(), "AskedOnce()(story)", "AskedOnce(repeats='')"),
        (every_call_ends, "every_call_ends(story)", "every_call_ends"),
        (is_short, "is_short(story)", "IsShort()"),
    ],
)
def test_the_promise_is_checked(promise: Any, statement: str, name: str) -> None:
    source = written(Part(0.0, ANNA), promise=promise)
    assert "    story = rehearse(" in source
    assert f"    {statement}\n" in source
    assert name_of(promise) == name
    nobody_knows = written(Part(0.0, ANNA), promise=NoName())
    assert "from your_program import promise  # EDIT" in nobody_knows
    assert "    promise(story)\n" in nobody_knows


@pytest.mark.parametrize(
    ("program", "imported", "shown"),
    [
        (office, "office", "office"),
        (office.takes, "office", "office.takes"),
        (Office.takes_any, "Office", "Office.takes_any"),
        (Office.takes_all, "Office", "Office.takes_all"),
        (partial(greets, "Hi", times=2), "greets", "partial(greets, 'Hi', times=2)"),
        (partial(greets, "Hi", by=office), "greets, office", "partial(greets, 'Hi', by=office)"),
        (partial(office.takes), "office", "partial(office.takes)"),
    ],
    ids=["object", "method", "class method", "static", "partial", "with object", "of method"],
)
def test_a_program_of_any_kind_is_imported(program: Any, imported: str, shown: str) -> None:
    source = written(program=program, makes_client=False)
    assert f"from {MODULE} import {imported}\n" in source
    assert f"    rehearse({shown})\n" in source
    assert ("from functools import partial\n" in source) == ("partial" in shown)
    assert "EDIT" not in source
    names: dict[str, Any] = {}
    exec(source, names)
    assert eval(shown, names) == program or isinstance(program, partial)


def local_one() -> Any:
    async def inside(call: object) -> None: ...

    return inside


LINE: Final = local_one.__code__.co_firstlineno


class Wrapped:
    """Something that pretends to have another name."""

    __qualname__ = "nobody.has.this"


class Unshown:
    """Something that cannot be shown."""

    def __call__(self, call: object) -> None: ...

    def __repr__(self) -> str:
        raise ZeroDivisionError


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (local_one(), f"the function inside in test_exploring_source.py, line {LINE + 1}"),
        (eval("lambda call: None"), "the lambda in <string>, line 1"),
        (Office("Ho"), "an object of the class Office"),
        (Office("Ho").takes, "the method takes of an object of the class Office"),
        (partial(greets, "Hi", by=object()), "a functools.partial of greets"),
        (partial(local_one()), "a functools.partial of local_one.<locals>.inside"),
        (Wrapped(), "an object of the class nobody.has.this"),
        (partial(greets, by=Unshown()), "a functools.partial of greets"),
        (partial(Unshown()), "a functools.partial of an object of the class Unshown"),
        (
            MethodType(partial(greets), Office("Ho")),
            "the method __call__ of an object of the class Office",
        ),
    ],
    ids=[
        *("local", "lambda", "object", "method", "partial", "of local", "wrapped"),
        *("unshown", "of unshown", "method of partial"),
    ],
)
def test_what_no_test_can_import_is_to_be_filled_in(program: Any, words: str) -> None:
    source = written(program=program, scenes=(local_one(), program, program))
    head, _, rest = source.partition("import os\n")
    assert "fill in each line that says EDIT" in head
    assert f"from your_program import client  # EDIT: {words}\n" in rest
    assert "from your_program import scene  # EDIT: the function inside in " in rest
    assert "start_soon(scene, stage)" in rest
    assert rest.count("start_soon(client, stage)") == 2


def test_two_things_with_the_same_name_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    other = ModuleType("other")
    monkeypatch.setitem(sys.modules, "other", other)
    monkeypatch.setattr(other, "answers", Office("Ho"), raising=False)
    monkeypatch.setattr(other, "rehearse", Office("Hm"), raising=False)
    scenes = (vars(other)["answers"], vars(other)["rehearse"], local_one(), local_one())
    source = written(scenes=scenes)
    assert "from other import answers as answers_2, rehearse as rehearse_2\n" in source
    assert "from your_program import scene_2  # EDIT" in source
    for name in ("answers_2", "rehearse_2", "scene", "scene_2"):
        assert f"tasks.start_soon({name}, stage)\n" in source


def test_what_is_typed_into_an_interpreter_is_to_be_filled_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    interpreter = ModuleType("__main__")  # it has no file
    monkeypatch.setitem(sys.modules, "__main__", interpreter)
    monkeypatch.setattr(interpreter, "typed", typed := Office("Ho"), raising=False)
    assert "from your_program import client  # EDIT" in written(program=typed)


def test_a_class_of_errors_inside_a_function_is_to_be_filled_in() -> None:
    class LocalError(Exception): ...

    name = LocalError.__qualname__
    source = written(may_raise=(LocalError,))
    assert f"from your_program import error  # EDIT: the class {name}\n" in source


def test_what_a_script_defines_is_imported_by_the_name_of_its_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    main = sys.modules["__main__"]
    monkeypatch.setattr(main, "own_client", answers_for_main := object(), raising=False)
    monkeypatch.setattr(main, "__file__", "/somewhere/my_program.py", raising=False)
    assert "from my_program import own_client\n" in written(program=answers_for_main)
