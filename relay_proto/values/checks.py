"""Checks: what a value must be, declared once for each parameter, and tried at the call.

A check takes the name of a parameter and a value, and returns the value as it is to be
used. A value that is certainly wrong raises `TypeError` or `ValueError`; the error names
the parameter, the value and what is allowed. The value of a secret is never shown.
A name that only this package does not know may be known to the server: it passes, with
an `UnknownNameWarning`.
"""

from __future__ import annotations

import functools
import inspect
import re
import warnings
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from types import CodeType
from typing import Any, Final, ParamSpec, TypeAlias, TypeGuard, TypeVar, cast

from ..display import holds_secret, one_line

P = ParamSpec("P")
R = TypeVar("R")
Check: TypeAlias = Callable[[str, Any], Any]
Table: TypeAlias = Mapping[str, Check]
"""The checks of parameters or of keys, by their names."""

MAX_NUMBER: Final = 1e308
"""About the largest float: a larger int cannot be added to a time."""
MAX_WHOLE: Final = 2**53
"""The largest whole number that all JSON parsers read exactly."""
MOST_SHOWN: Final = 80
"""Characters of a wrong value that an error shows."""
MOST_WARNED: Final = 1000
"""Warnings to remember. A program may make names of its data: memory must not grow."""
OURS: Final = frozenset({"relay_proto", "relay_anyio", "relay_sync", "contextlib", "functools"})
"""A warning names the line of the program: the first one outside of these."""

_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_warned: dict[Any, Any] = {}


class UnknownNameWarning(UserWarning):
    """The program uses a name that this library does not know, but the server may.

    It is the name of a parameter, of a key of a dict, of an event, or a word of a list that
    may grow. It passes as it is. The message names the nearest name that is known. Like
    every warning of Python's, it is shown once for each line of the program; to turn it
    into an error, call ``warnings.simplefilter("error", UnknownNameWarning)``.
    """


def checked(
    table: Table,
    *,
    extra: Table | None = None,
    inner: Iterable[str] = (),
    free: bool = False,
    at_once: bool = False,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Try the checks of `table` on each argument before the function sees it.

    None passes where it is the default. `extra` has what the function takes as further
    keyword arguments; others pass with a warning, or without if they are `free`.
    `inner` has the paths of keys, such as ``audio['beep']``, that a warning may propose.
    With `at_once`, the checks are compiled now, not at the first call, and nothing stands
    before them: a request and its reply take 0.97 of the time in the core.

    Raises:
        LookupError: the function has a parameter without a check.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        missing = [one for one in _named(function) if one not in table and one != "self"]
        if missing:
            raise LookupError(f"{function.__name__}() has no check for {', '.join(missing)}")

        compiling = functools.partial(
            _compile, function, table, extra or {}, (*(extra or ()), *inner), free=free
        )
        if at_once:
            return functools.update_wrapper(compiling(), function)

        compiled: Callable[P, R] | None = None

        # Compiled at the first call: for all functions, it takes a fifth of the import's time.
        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            nonlocal compiled
            if compiled is None:
                compiled = compiling()
            return compiled(*args, **kwargs)

        if not inspect.iscoroutinefunction(function):
            return call

        @functools.wraps(function)
        async def call_async(*args: P.args, **kwargs: P.kwargs) -> Any:
            awaitable = cast("Awaitable[Any]", call(*args, **kwargs))
            del args, kwargs  # they take memory, and it may wait for hours
            return await awaitable

        return cast("Callable[P, R]", call_async)

    return decorate


def _named(function: Callable[..., Any]) -> tuple[str, ...]:
    """Return the names of all parameters, but for that of further keyword arguments."""
    code = inspect.unwrap(function).__code__
    count = code.co_argcount + code.co_kwonlyargcount + bool(code.co_flags & inspect.CO_VARARGS)
    names: tuple[str, ...] = code.co_varnames[:count]
    return names


def _compile(
    function: Callable[P, R], table: Table, extra: Table, known: Iterable[str], *, free: bool
) -> Callable[P, R]:
    """Return a function that checks its arguments, and passes them on."""
    name = function.__name__
    parameters = [*inspect.signature(function).parameters.values()]
    named = [one for one in parameters if one.kind is not one.VAR_KEYWORD]
    known_names = (*(one.name for one in named), *known)

    def further(kwargs: dict[str, Any]) -> dict[str, Any]:
        for key, value in kwargs.items():
            check = extra.get(key)
            if check is None:
                if not free:
                    warn_unknown(f"{name}()", "parameter", key, known_names)
            elif value is not None:
                kwargs[key] = check(key, value)
        return kwargs

    scope: dict[str, Any] = {"__name__": __name__, "_function": function, "_further": further}
    for one in named:
        scope[f"_check_{one.name}"] = table.get(one.name)
        scope[f"_default_{one.name}"] = one.default
    exec(_source(name, parameters), scope)  # noqa: S102 - names of ours only
    return cast("Callable[P, R]", scope[name])


def _source(name: str, parameters: list[inspect.Parameter]) -> str:
    """Return a function that passes its arguments on through their checks.

    A function that loops over ``*args`` and ``**kwargs`` would do, but takes far longer: with
    it, `execute` takes 2.5 us to make a command, and 0.9 us like this.
    """
    received: list[str] = []
    passed: list[str] = []
    for one in parameters:
        key = one.name
        value = key if key == "self" else f"_check_{key}({key!r}, {key})"
        if one.default is None:
            value = f"None if {key} is None else {value}"
        given = key if one.default is one.empty else f"{key}=_default_{key}"
        match one.kind:
            case one.VAR_KEYWORD:
                given, value = f"**{key}", f"**(_further({key}) if {key} else {key})"
            case one.VAR_POSITIONAL:
                given, value = f"*{key}", f"*{value}"
            case one.KEYWORD_ONLY:
                if not any(text.startswith("*") for text in received):
                    received.append("*")
                value = f"{key}={value}"
            case _:
                pass
        received.append(given)
        passed.append(value)
    return f"def {name}({', '.join(received)}): return _function({', '.join(passed)})"


# What most parameters are


def anything(_argument: str, value: Any) -> Any:
    """Let every value pass."""
    return value


def any_text(argument: str, value: object) -> str:
    """Check that a value is a text, and valid Unicode. It may be empty."""
    if not isinstance(value, str):
        raise TypeError(f"{argument} must be a str, not {shown(argument, value)}")
    if not value.isascii() and (half := _SURROGATE.search(value)):
        raise ValueError(
            f"{argument} must be valid Unicode, but contains {half[0]!r}, half of a character"
        )
    return value


def text(argument: str, value: object) -> str:
    """Check that a value is a text, and not empty."""
    if isinstance(value, str) and value and value.isascii():
        return value  # nearly all are like this
    checked = any_text(argument, value)
    if not checked:
        raise ValueError(f"{argument} must not be empty")
    return checked


def texts(argument: str, value: object) -> list[str]:
    """Check that a value is a list of texts, none of them empty."""
    if not is_list(value):
        raise TypeError(f"{argument} must be a list of str, not {shown(argument, value)}")
    return [text(f"{argument}[{i}]", item) for i, item in enumerate(value)]


def flag(argument: str, value: object) -> bool:
    """Check that a value is a bool."""
    if not isinstance(value, bool):
        raise TypeError(f"{argument} must be True or False, not {shown(argument, value)}")
    return value


def whole(least: int, most: int = MAX_WHOLE) -> Check:
    """Return the check of a whole number, from `least` to `most`."""

    def check(argument: str, value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise TypeError(f"{argument} must be a whole number, not {shown(argument, value)}")
        if not least <= value <= most:
            end = f"from {least} to {most}" if value > most else f"at least {least}"
            raise ValueError(f"{argument} must be {end}, not {shown(argument, value)}")
        return value

    return check


def number(least: float, most: float = MAX_NUMBER, unit: str = "") -> Check:
    """Return the check of a finite number, from `least` to `most`."""

    def check(argument: str, value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            what = f"a number of {unit}" if unit else "a number"
            raise TypeError(f"{argument} must be {what}, not {shown(argument, value)}")
        if not least <= value <= most:
            end = f"{least:g} or more" if most == MAX_NUMBER else f"from {least:g} to {most:g}"
            raise ValueError(
                f"{argument} must be {end}{unit and f' {unit}'}, and finite, "
                f"not {shown(argument, value)}"
            )
        return value

    return check


def seconds(argument: str, value: object) -> float | None:
    """Check a time to wait: a number of seconds, 0 or more, or None."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{argument} must be a number of seconds, not {shown(argument, value)}")
    if not 0 <= value <= MAX_NUMBER:
        raise ValueError(
            f"{argument} must be 0 s or more, and finite, not {shown(argument, value)}"
        )
    return float(value)


def seconds_left(argument: str, value: object) -> float | None:
    """Check the time that a wait may take, as `seconds` does. A negative time is 0.

    Programs compute what is left until a deadline, which may be over: asyncio takes that, too.
    """
    if isinstance(value, (int, float)) and -MAX_NUMBER <= value < 0:
        return 0.0
    return seconds(argument, value)


def positive(argument: str, value: object) -> float:
    """Check a duration: a number of seconds, more than 0."""
    checked = seconds(argument, value)
    if not checked:
        raise ValueError(f"{argument} must be more than 0 s, not {value!r}")
    return checked


def callback(argument: str, value: object) -> Any:
    """Check that a value is a function that does something when it is called."""
    if not callable(value):
        raise TypeError(f"{argument} must be a function, not {shown(argument, value)}")
    if _is_generator(value):
        raise TypeError(
            f"{argument} must be a function without 'yield': one with 'yield' does nothing "
            "when it is called"
        )
    return value


def _is_generator(function: object) -> bool:
    """Whether a call of `function` only makes a generator. What can be awaited is none."""
    while isinstance(function, functools.partial):
        function = function.func
    code = getattr(function, "__code__", None)  # a method has that of its function
    flags = code.co_flags if isinstance(code, CodeType) else 0
    generator = flags & (inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR)
    return bool(generator) and not flags & inspect.CO_ITERABLE_COROUTINE


def optional(check: Check) -> Check:
    """Return a check that lets None pass."""

    def check_unless_none(argument: str, value: object) -> object:
        return None if value is None else check(argument, value)

    return check_unless_none


def instance(kind: type, what: str = "") -> Check:
    """Return the check of an object of one class. `what` is the name of the class for users."""
    what = what or kind.__name__

    def check(argument: str, value: object) -> object:
        if not isinstance(value, kind):
            raise TypeError(f"{argument} must be a {what}, not {shown(argument, value)}")
        return value

    return check


def like(what: str, attribute: str) -> Check:
    """Return the check of an object whose class has an attribute, where that is not imported."""

    def check(argument: str, value: object) -> object:
        if not hasattr(value, attribute):
            raise TypeError(f"{argument} must be a {what}, not {shown(argument, value)}")
        return value

    return check


def one_of(allowed: Collection[str]) -> Check:
    """Return the check of a word that the protocol lists: the server refuses all others."""

    def check(argument: str, value: object) -> str:
        if isinstance(value, str) and value in allowed:
            return value
        words = ", ".join(repr(word) for word in sorted(allowed))
        error = ValueError if isinstance(value, str) else TypeError
        raise error(f"{argument} must be one of {words}, not {shown(argument, value)}")

    return check


def known(words: Collection[str]) -> Check:
    """Return the check of a word of a list that may grow: others pass with a warning."""

    def check(argument: str, value: object) -> str:
        word = text(argument, value)
        if word not in words:
            warn_unknown(argument, "value", word, words)
        return word

    return check


def each(check: Check) -> Check:
    """Return the check of a list, each item of which has the same check."""

    def check_all(argument: str, value: object) -> list[Any]:
        if not is_list(value):
            raise TypeError(f"{argument} must be a list, not {shown(argument, value)}")
        return [check(f"{argument}[{i}]", item) for i, item in enumerate(value)]

    return check_all


def json_object(argument: str, value: object) -> dict[str, Any]:
    """Check that a value is a dict with text keys. The result is a copy."""
    if not is_mapping(value):
        raise TypeError(f"{argument} must be a dict, not {type(value).__name__}")
    copy: dict[Any, Any] = dict(value)
    for key in copy:
        if type(key) is not str and not isinstance(key, str):
            raise TypeError(f"{argument} must be a dict with str keys, but has the key {key!r}")
    return copy


def is_mapping(value: object) -> TypeGuard[Mapping[object, object]]:
    """Return whether a value is a dict, or like one."""
    return type(value) is dict or isinstance(value, Mapping)  # isinstance() takes far longer


def is_list(value: object) -> TypeGuard[Sequence[object]]:
    """Return whether a value is a list, or like one; a text is not."""
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray))


def is_collection(value: object) -> TypeGuard[Collection[object]]:
    """Return whether a value is a list, a tuple, a set, or like one."""
    no_list = (str, bytes, bytearray, Mapping)
    return isinstance(value, Collection) and not isinstance(value, no_list)


def credential(name: str, value: object) -> str:
    """Return a credential without the white space around it, such as the end of a line.

    Raises:
        TypeError, ValueError: it is no text, or has characters that a credential cannot
            have. The error begins with `name`, and does not show the value.
    """
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a str, not {type(value).__name__}")
    stripped = value.strip()
    wrong = next((c for c in stripped if not c.isprintable()), None)
    if wrong is not None:
        raise ValueError(
            f"{name} must not contain the character U+{ord(wrong):04X}: copy it again, without "
            "line breaks and invisible characters"
        )
    return stripped


# What an error or a warning says


def shown(argument: str, value: object) -> str:
    """Return a wrong value as an error shows it: short, on one line; of a secret the type."""
    kind = type(value).__name__
    if holds_secret(argument) or not isinstance(value, (str, int, float, type(None))):
        return f"{'an' if kind[0] in 'aeiouAEIOU' else 'a'} {kind}"
    try:
        return one_line(repr(value), MOST_SHOWN)
    except ValueError:  # a whole number of thousands of digits
        return "a very large number"


def warn_unknown(where: str, what: str, name: str, names: Iterable[str]) -> None:
    """Warn that this package does not know a name, and propose the nearest one that it knows."""
    by_end = {path.rpartition("['")[2].rstrip("']"): path for path in names}
    import difflib  # noqa: PLC0415 - only for a warning

    near = difflib.get_close_matches(name, by_end, n=1)
    advice = f" (did you mean {by_end[near[0]]}?)" if near else ""
    message = f"{where}: unknown {what} {shown('', name)}{advice}; it is sent as it is"
    frame = inspect.currentframe()
    assert frame is not None, "CPython and PyPy have frames"
    while frame.f_back and str(frame.f_globals.get("__name__")).partition(".")[0] in OURS:
        frame = frame.f_back
    if len(_warned) >= MOST_WARNED:
        _warned.clear()
    warnings.warn_explicit(
        message, UnknownNameWarning, frame.f_code.co_filename, frame.f_lineno, registry=_warned
    )
