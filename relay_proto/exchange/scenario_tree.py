"""The tree of a scenario, as a TOML file has it, and words for what is wrong in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from types import UnionType
from typing import Annotated, Any, Final, Literal, TypeAlias, Union, get_args, get_origin

import msgspec

OFFICE: Final = "+15550002222"
"""The number that is called if nothing else is said."""
SOMEBODY: Final = "+15550001111"
ACTS: Final = ("hear", "press", "say", "wait")
"""The keys of a step, of which each step has one."""

Seconds: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=1_000_000)]
Interval: TypeAlias = Annotated[float, msgspec.Meta(ge=0.1, le=1_000_000)]
Text: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=10_000)]
KEYS: Final = "^[0-9*#A-D]+$"
"""The keys of a telephone, one or more."""
Digits: TypeAlias = Annotated[str, msgspec.Meta(pattern=KEYS, max_length=100)]
Count: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]


class ScenarioError(ValueError):
    """A scenario is not valid. The message names the key, and what is allowed."""


class _Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file."""


class StepEntry(_Entry, frozen=True, kw_only=True):
    """One step of a script."""

    hear: Text | None = None
    timeout: Seconds | None = None
    whole: bool | None = None
    press: Digits | None = None
    interval: Seconds | None = None
    say: Text | None = None
    wait: Seconds | None = None


ScriptEntry: TypeAlias = list[StepEntry | Literal["hang up"]]
Does: TypeAlias = Literal[
    "answers", "machine", "voicemail full", "fax", "declines", "busy", "no answer", "unreachable"
]
TAKES: Final[Mapping[Does, tuple[str, ...]]] = {
    "answers": ("after", "script"),
    "machine": ("after", "greeting", "beep", "script"),
    "voicemail full": ("after", "greeting"),
    "fax": ("after", "pages"),
    "declines": ("after",),
    "busy": (),
    "no answer": (),
    "unreachable": (),
}
"""The keys that go with each behaviour."""


class BehaviourEntry(_Entry, frozen=True, kw_only=True):
    """How a number behaves."""

    does: Does | None = None
    after: Seconds | None = None
    script: ScriptEntry | None = None
    greeting: Text | None = None
    beep: bool | None = None
    pages: Count | None = None


class LaterEntry(BehaviourEntry, frozen=True, kw_only=True):
    """How a number behaves from some time on."""

    from_: Seconds = msgspec.field(name="from", default=0.0)


class NumberEntry(BehaviourEntry, frozen=True, kw_only=True):
    """A number that programs can dial."""

    number: Text
    in_turn: list[BehaviourEntry] | None = None
    over_time: list[LaterEntry] | None = None
    context: Text | None = None
    texts: Literal["delivered", "undelivered"] = "delivered"


class TimedEntry(_Entry, frozen=True, kw_only=True):
    """Something that happens at a time, or again and again."""

    at: Seconds = 1.0
    every: Interval | None = None
    times: Count | None = None


class CallerEntry(TimedEntry, frozen=True, kw_only=True):
    """Somebody who calls."""

    number: Text = SOMEBODY
    to: Text = OFFICE
    context: str = ""
    script: ScriptEntry = []
    patience: Seconds = 60.0


class TextEntry(TimedEntry, frozen=True, kw_only=True):
    """Somebody who sends a text."""

    from_: Text = msgspec.field(name="from", default=SOMEBODY)
    to: Text = OFFICE
    context: str = ""
    body: str = ""
    media: tuple[Text, ...] = ()


class FaultEntry(TimedEntry, frozen=True, kw_only=True):
    """Something that goes wrong."""

    do: Literal[
        "cut", "silence", "goodbye", "restart", "forget sessions", "refuse upgrades", "delay"
    ]
    lasts: Seconds | None = None
    by: Seconds | None = None


class Tree(_Entry, frozen=True, kw_only=True):
    """The whole file."""

    speed: Annotated[float, msgspec.Meta(ge=0.01, le=1000)] = 1.0
    numbers: list[NumberEntry] = []
    callers: list[CallerEntry] = []
    texts: list[TextEntry] = []
    faults: list[FaultEntry] = []


def decode_tree(tree: Mapping[str, object]) -> Tree:
    """Return what is in the tree, whose values have the right types.

    Raises:
        ScenarioError: it is not valid.
    """
    try:
        return msgspec.convert(tree, Tree)
    except msgspec.ValidationError as error:
        raise ScenarioError(explained(str(error), Tree)) from None


def explained(words: str, root: type[msgspec.Struct]) -> str:
    """Return what is wrong, where, and what is allowed there.

    `words` are those of a `msgspec.ValidationError`, about what should be a `root`.
    """
    wrong, _, path = words.partition(" - at `$")
    tokens = [name or int(index) for name, index in _TOKEN.findall(path)]
    where = "".join(
        f" (entry {token + 1})" if isinstance(token, int) else f", {token}" for token in tokens
    ).removeprefix(", ")
    kinds: list[Any] = [root]
    for token in tokens:
        kinds = [part for kind in kinds for part in _parts(kind, token)]
    if wrong.startswith("Object contains unknown field"):
        names = [field.encode_name for kind in kinds for field in _fields(kind)]
        wrong = f"unknown key {wrong.split()[-1]}: the keys are {', '.join(names)}"
    elif wrong.startswith("Object missing required field"):
        wrong = f"the key {wrong.split()[-1]} is missing"
    elif wrong.startswith("Invalid enum value"):
        named = [str(value) for kind in kinds for value in get_args(kind)]
        wrong = f"{wrong.split(' ', 3)[-1]} is not one of {listed(named)}"
    elif wrong.endswith(f"matching regex {KEYS!r}"):
        wrong = "write keys of a telephone: 0 to 9, *, # and A to D"
    return f"{where}: {wrong}" if where else wrong


_TOKEN: Final = re.compile(r"\.(\w+)|\[(\d+)\]")


def _parts(kind: Any, token: str | int) -> Iterator[Any]:
    """Return the types that a key or an entry of `kind` may have."""
    if isinstance(token, int):
        found: Iterable[Any] = get_args(kind)[:1]
    else:
        found = (field.type for field in _fields(kind) if field.encode_name == token)
    for one in found:
        yield from _members(one)


def _members(kind: Any) -> Iterator[Any]:
    """Return the members of a union, or the type itself."""
    if get_origin(kind) in (Union, UnionType):
        for member in get_args(kind):
            yield from _members(member)
    else:
        yield kind


def _fields(kind: Any) -> tuple[msgspec.structs.FieldInfo, ...]:
    if not isinstance(kind, type) or not issubclass(kind, msgspec.Struct):
        return ()
    return msgspec.structs.fields(kind)


def listed(names: Iterable[str]) -> str:
    """Return texts in quotes."""
    return ", ".join(repr(name) for name in names)
