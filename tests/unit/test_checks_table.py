"""Checks, one by one: what passes, and in which words the rest is refused."""

from __future__ import annotations

import functools
import inspect
import math
import types
import warnings
from collections import OrderedDict, UserDict, deque
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Final

import pytest

from relay_proto.values import checks
from relay_proto.values.checks import UnknownNameWarning


def generates() -> Iterator[int]:
    yield 1


async def generates_later() -> AsyncIterator[int]:
    yield 1


@types.coroutine
def awaits() -> Iterator[None]:
    yield


async def waits() -> None: ...


class Calls:
    def __call__(self) -> None: ...


class Generates:
    def method(self) -> Iterator[int]:
        yield 1


TABLE: Final[list[tuple[str, Callable[[str, Any], Any], list[Any], list[tuple[Any, str]]]]] = [
    ("anything", checks.anything, [None, 5, []], []),
    (
        "any_text",
        checks.any_text,
        ["", "x", "é", "😀"],
        [
            (5, "must be a str, not 5"),
            (b"x", "must be a str, not a bytes"),
            (None, "must be a str, not None"),
            ("a\ud800", "must be valid Unicode, but contains '\\\\ud800', half of a character"),
            ("\udfff", "must be valid Unicode, but contains '\\\\udfff'"),
        ],
    ),
    (
        "text",
        checks.text,
        ["x", "é"],
        [
            ("", "must not be empty"),
            (b"x", "must be a str, not a bytes"),
            (5, "must be a str, not 5"),
            ("\ud800x", "must be valid Unicode"),
        ],
    ),
    (
        "texts",
        checks.texts,
        [[], ["a", "é"]],
        [
            ("ab", "must be a list of str, not 'ab'"),
            (b"ab", "must be a list of str, not a bytes"),
            (bytearray(b"ab"), "must be a list of str, not a bytearray"),
            ({"a"}, "must be a list of str, not a set"),
            ([5], r"\[0\] must be a str, not 5"),
            (["a", ""], r"\[1\] must not be empty"),
        ],
    ),
    (
        "flag",
        checks.flag,
        [True, False],
        [(1, "must be True or False, not 1"), (None, "must be True or False, not None")],
    ),
    (
        "whole to 5",
        checks.whole(1, 5),
        [1, 2, 5],
        [
            (0, "must be at least 1, not 0"),
            (6, "must be from 1 to 5, not 6"),
            (True, "must be a whole number, not True"),
            (2.0, "must be a whole number, not 2.0"),
            ("2", "must be a whole number, not '2'"),
        ],
    ),
    (
        "whole",
        checks.whole(0),
        [0, 9007199254740992],
        [
            (-1, "must be at least 0, not -1"),
            (9007199254740993, "must be from 0 to 9007199254740992, not 9007199254740993"),
        ],
    ),
    (
        "number to 2.5",
        checks.number(0.5, 2.5, "s"),
        [0.5, 1, 2.5],
        [
            (0.4, "must be from 0.5 to 2.5 s, and finite, not 0.4"),
            (2.6, "must be from 0.5 to 2.5 s, and finite, not 2.6"),
            (True, "must be a number of s, not True"),
            ("1", "must be a number of s, not '1'"),
        ],
    ),
    (
        "number",
        checks.number(-1),
        [-1, 0, 1e308],
        [
            (-1.5, "must be -1 or more, and finite, not -1.5"),
            (math.inf, "must be -1 or more, and finite, not inf"),
            (math.nan, "must be -1 or more, and finite, not nan"),
            (10**309, "must be -1 or more, and finite, not 1000"),
            (10**5000, "must be -1 or more, and finite, not a very large number"),
            (None, "must be a number, not None"),
        ],
    ),
    (
        "seconds",
        checks.seconds,
        [None, 0.0, 0.5, 1e308],
        [
            (-0.1, "must be 0 s or more, and finite, not -0.1"),
            (math.inf, "must be 0 s or more, and finite, not inf"),
            (False, "must be a number of seconds, not False"),
            ("1", "must be a number of seconds, not '1'"),
        ],
    ),
    (
        "positive",
        checks.positive,
        [0.1, 2.0],
        [
            (0, "must be more than 0 s, not 0"),
            (None, "must be more than 0 s, not None"),
            (-1, "must be 0 s or more"),
        ],
    ),
    (
        "callback",
        checks.callback,
        [print, waits, awaits, Calls(), Calls, functools.partial(print), Calls().__call__],
        [
            (None, "must be a function, not None"),
            (Odd := object(), "must be a function, not an object"),
            (generates, "must be a function without 'yield'"),
            (generates_later, "must be a function without 'yield'"),
            (functools.partial(functools.partial(generates)), "must be a function without 'yield'"),
            (Generates().method, "must be a function without 'yield'"),
        ],
    ),
    ("optional", checks.optional(checks.flag), [None, True], [(5, "must be True or False")]),
    ("instance", checks.instance(int), [5], [("5", "must be a int, not '5'")]),
    ("named instance", checks.instance(int, "Size"), [5], [(5.5, "must be a Size, not 5.5")]),
    ("like", checks.like("list", "append"), [[], deque()], [((), "must be a list, not a tuple")]),
    (
        "one_of",
        checks.one_of(["b", "a"]),
        ["a", "b"],
        [("c", "must be one of 'a', 'b', not 'c'"), (None, "must be one of 'a', 'b', not None")],
    ),
    ("known", checks.known(["a"]), ["a"], [("", "must not be empty"), (5, "must be a str")]),
    (
        "each",
        checks.each(checks.flag),
        [[], [True, False]],
        [
            ([True, 5], r"\[1\] must be True or False, not 5"),
            ("ab", "must be a list, not 'ab'"),
            (5, "must be a list, not 5"),
        ],
    ),
    (
        "json_object",
        checks.json_object,
        [{}, {"a": Odd}],
        [
            ([], "must be a dict, not list"),
            ({5: 1}, "must be a dict with str keys, but has the key 5"),
            ({"a": 1, None: 1}, "must be a dict with str keys, but has the key None"),
        ],
    ),
]
ROWS: Final = pytest.mark.parametrize(
    ("check", "right", "wrong"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)


@ROWS
def test_a_check_lets_the_right_values_pass_and_names_the_wrong_ones(
    check: Callable[[str, Any], Any], right: list[Any], wrong: list[tuple[Any, str]]
) -> None:
    for value in right:
        passed = check("n", value)
        assert passed == value
        assert type(passed) is type(value)
    for value, words in wrong:
        with pytest.raises((TypeError, ValueError), match=rf"^n ?{words}"):
            check("n", value)


def test_a_word_of_a_closed_list_has_a_wrong_value_and_another_type_is_a_wrong_type() -> None:
    check = checks.one_of(["a"])
    with pytest.raises(ValueError, match="not 'b'"):
        check("n", "b")
    with pytest.raises(TypeError, match="not 5"):
        check("n", 5)


def test_an_int_to_wait_becomes_a_float_and_a_mapping_a_dict() -> None:
    assert isinstance(checks.seconds("n", 3), float)
    assert isinstance(checks.positive("n", 3), float)
    given = {"a": 1}
    for value in (given, UserDict(given), OrderedDict(given), types.MappingProxyType(given)):
        copy = checks.json_object("n", value)
        assert type(copy) is dict
        assert copy == given
        assert copy is not value


def test_lists_and_collections_are_told_from_texts() -> None:
    lists: list[object] = [[], (), range(2)]
    others: list[object] = ["a", b"a", bytearray(b"a"), {}, 5, None]
    mappings: list[object] = [{}, UserDict[str, int]()]
    assert all(map(checks.is_list, lists))
    assert all(map(checks.is_collection, [*lists, {"a"}]))
    assert all(map(checks.is_mapping, mappings))
    for check in (checks.is_list, checks.is_collection):
        assert not any(map(check, others))
    assert not any(map(checks.is_list, [{"a"}, *mappings]))
    assert not any(map(checks.is_mapping, [*lists, "a", None]))


def test_a_wrong_value_is_shown_short_and_a_secret_by_its_type() -> None:
    assert checks.shown("n", "x" * 78) == f"'{'x' * 78}'"
    assert checks.shown("n", "x" * 79) == f"'{'x' * 78}…"
    assert checks.shown("n", "a\nb") == r"'a\nb'"
    assert [checks.shown("n", value) for value in (1, 2.5, None, True)] == [
        "1",
        "2.5",
        "None",
        "True",
    ]
    assert [checks.shown("token", value) for value in (1, "x")] == ["an int", "a str"]
    assert checks.shown("n", 10**5000) == "a very large number"


# Functions with checks


def test_each_parameter_but_self_and_further_ones_needs_a_check() -> None:
    def verb(self: Any, a: int, b: int = 1, /, *rest: int, c: int, d: int = 2, **more: int) -> None:
        local = self, a, b, rest, c, d, more
        del local

    names = ["a", "b", "c", "d", "rest"]
    checks.checked(dict.fromkeys(names, checks.anything))(verb)
    for number in range(len(names)):
        table = dict.fromkeys(names[:number], checks.anything)
        with pytest.raises(LookupError, match=rf"^verb\(\) .* for {', '.join(names[number:])}$"):
            checks.checked(table)(verb)

    def alone(a: int) -> None:
        local = a
        del local

    checks.checked({"a": checks.anything})(alone)


def test_arguments_arrive_as_the_checks_return_them() -> None:
    def doubled(_name: str, value: Any) -> Any:
        return value * 2

    seen: list[object] = []

    @checks.checked(
        dict.fromkeys(["a", "b", "rest", "c", "d"], doubled), extra={"e": doubled}, free=True
    )
    def verb(a: int, b: int | None = None, *rest: int, c: int, d: int = 5, **more: Any) -> None:
        seen.append((a, b, rest, c, d, more))

    verb(1, c=2)
    verb(1, None, c=2, d=3, e=4, f=5)
    verb(1, 2, 3, 4, c="x", e=None)  # type: ignore[arg-type]
    assert seen == [
        (2, None, (), 4, 10, {}),
        (2, None, (), 4, 6, {"e": 8, "f": 5}),
        (2, 4, (3, 4, 3, 4), "xx", 10, {"e": None}),
    ]


def test_a_further_argument_that_nobody_knows_is_warned_about() -> None:
    table = {"volume": checks.anything}

    @checks.checked(table, extra={"status_url": checks.text}, inner=["audio['beep']"])
    def verb(volume: int = 0, **more: Any) -> dict[str, Any]:
        return more | {"volume": volume}

    assert verb(status_url="u") == {"status_url": "u", "volume": 0}
    with pytest.raises(TypeError, match=r"^status_url must be a str"):
        verb(status_url=5)
    for name, advice in {
        "volum": "did you mean volume?",
        "status_ur": "did you mean status_url?",
        "beep": "did you mean audio['beep']?",
    }.items():
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            assert verb(**{name: 1})[name] == 1
        (warning,) = caught
        assert warning.category is UnknownNameWarning
        assert warning.filename == __file__
        assert advice in str(warning.message)
    with pytest.warns(UnknownNameWarning, match=r"unknown parameter 'zzz'; it is sent"):
        verb(zzz=1)


def test_a_coroutine_function_stays_one() -> None:
    @checks.checked({"a": checks.whole(1)})
    async def verb(a: int) -> int:
        return a + 1

    assert inspect.iscoroutinefunction(verb)
    with pytest.raises(StopIteration, match=r"^4$"):
        verb(3).send(None)
    with pytest.raises(ValueError, match=r"^a must be at least 1"):
        verb(0).send(None)
