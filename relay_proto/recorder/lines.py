"""Lines: the text of a recording, read and checked before a core plays it.

There may be anything in a file. Whoever shows a line that has been checked need not
doubt the types in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any, Final, cast

from ..rpc.frames import JSONObject, decode_any, is_object

LONGEST_LINE: Final = 64 * 1024 * 1024
"""Characters of a line. A message of the largest default size, recorded twice, is shorter."""
LATEST: Final = 1e12
"""Seconds. With a time that is much later, a deadline in a few seconds is the same number.
The timers of a core would be due again and again, without end."""
MOST_BYTES: Final = 64 * 1024 * 1024
"""What the WebSocket received in one line: a replay makes as many bytes as a line says."""
DEEPEST: Final = 100
"""Levels of a line. A recorder masks what is nested more deeply than a part of that."""
BEGINNING: Final = '{"recording":'
"""How a recorder begins a first line."""


def read_line(text: str) -> tuple[JSONObject, int]:
    """Return the object of a line, and how many characters before it are left out.

    A recorder whose disk is full may leave half a line, and a later one may have written
    its first line behind that. Then the half line is left out.

    Raises:
        ValueError: it is not a JSON object.
    """
    line = decode_any(text.encode(errors="replace"))
    if is_object(line):
        return line, 0
    # No text in a line contains this: its quotation marks are escaped.
    start = text.rfind(BEGINNING)
    line = decode_any(text[start:].encode(errors="replace")) if start > 0 else None
    if is_object(line):
        return line, start
    raise ValueError("it is not a JSON object")


def check_line(line: JSONObject) -> None:
    """Check the types of what is shown of a line, and what it makes a core do.

    Raises:
        ValueError: no recorder has written this line.
    """
    for name, (fits, kind) in SHAPES.items():
        if name in line and not fits(line[name]):
            raise ValueError(f"{name!r} must be {kind}")
    if _is_deep(line):
        raise ValueError("it is nested too deeply")


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_time(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return -LATEST <= value <= LATEST and isfinite(value)


def _is_size(value: object) -> bool:
    return _is_whole(value) and 0 <= cast("int", value) <= MOST_BYTES


def _is_list_of(fits: Callable[[object], bool]) -> Callable[[object], bool]:
    def is_list(value: object) -> bool:
        return isinstance(value, list) and all(map(fits, cast("list[object]", value)))

    return is_list


def _is_named(value: object) -> bool:
    """Whether it is a list that begins with its name, as an output does."""
    parts = cast("list[object]", value) if isinstance(value, list) else []
    return bool(parts) and isinstance(parts[0], str)


def _is_output(value: object) -> bool:
    if not _is_named(value):
        return False
    name, *facts = cast("list[object]", value)
    return name != "settled" or (bool(facts) and _is_whole(facts[0]))


def _is_wire(value: object) -> bool:
    if not _is_list_of(_is_named)(value):
        return False
    sizes = [size for _, size, *_ in filter(_has_size, cast("list[list[Any]]", value))]
    return all(map(_is_size, sizes)) and sum(sizes) <= MOST_BYTES


def _has_size(event: list[Any]) -> bool:
    return event[0] in ("garbage", "binary", "answer") and len(event) > 1


def _is_config(value: object) -> bool:
    return is_object(value) and _is_list_of(_is_text)(value.get("contexts"))


def _is_deep(value: object) -> bool:
    level = [value]
    for _ in range(DEEPEST):
        level = [inner for one in level for inner in _inside(one)]
        if not level:
            return False
    return True


def _inside(value: object) -> list[object]:
    if is_object(value):
        return list(value.values())
    return cast("list[object]", value) if isinstance(value, list) else []


SHAPES: Final[Mapping[str, tuple[Callable[[object], bool], str]]] = {
    "seed": (_is_whole, "a whole number"),
    "config": (_is_config, "an object with a list of contexts"),
    "at": (_is_time, f"a number of seconds, up to {LATEST:g}"),
    "in": (_is_text, "a text"),
    "do": (_is_text, "a text"),
    "state": (_is_text, "a text"),
    "raises": (_is_text, "a text"),
    "reason": (_is_text, "a text"),
    "pending": (_is_whole, "a whole number"),
    "bytes": (_is_size, f"a whole number, up to {MOST_BYTES}"),
    "on": (_is_list_of(_is_text), "a list of texts"),
    "wire": (_is_wire, f"a list of events, of up to {MOST_BYTES} bytes together"),
    "out": (_is_list_of(_is_output), "a list of outputs, each with its name"),
}
"""The parts of a line that are not checked by whoever reads them."""
