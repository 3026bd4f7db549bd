"""All that an event tells, and whether each of it has the type that its class declares."""

from __future__ import annotations

import math
from typing import Any, cast, get_type_hints

import msgspec

from relay_proto.rpc.event_base import RelayEvent


def is_of(value: object, declared: object) -> bool:
    """Whether a value has the type that an event's field or property declares."""
    if declared is float:
        return type(value) is float and math.isfinite(value)
    if declared is str or declared is int or declared is bool:
        return type(value) is declared
    if declared == bool | None:
        return value is None or isinstance(value, bool)
    if declared == list[str]:
        return isinstance(value, list) and all(
            isinstance(item, str) for item in cast("list[object]", value)
        )
    if declared == dict[str, Any]:
        return isinstance(value, dict)
    assert declared is msgspec.Raw, f"a field of an unexpected type: {declared}"
    return isinstance(value, msgspec.Raw)


def fields_of(event: RelayEvent) -> dict[str, object]:
    """All that an event tells: its fields and its properties."""
    told: dict[str, object] = {}
    for field in msgspec.structs.fields(event):
        value: object = getattr(event, field.name)
        if field.name == "params":  # the raw body, which hides what a program may have given
            continue
        assert is_of(value, field.type), f"{field.name} is {value!r}"
        if field.name != "raw":
            told[field.name] = value
    for kind in type(event).__mro__:
        for name, member in vars(kind).items():
            if isinstance(member, property):
                value = getattr(event, name)
                declared = get_type_hints(member.fget)["return"]
                assert is_of(value, declared), f"{name} is {value!r}"
                told[name] = value
    return told


def unlike(default: object) -> object:
    """A value of the type of a field's default, and other than it."""
    values = ("told", 7, 1.5, True, {"key": 1}, ["told"])
    alike = [value for value in values if type(value) is type(default)]
    return alike[0] if alike else True
