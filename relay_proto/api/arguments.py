"""Checks of arguments, such as media, devices, digits and times.

Each function takes the name of an argument and its value, and returns the value as it
goes to the server. Media and devices are dicts. They may be nested, as on the wire, or
flat, as some documentation shows them; the result is nested. No argument is modified.
A value that is certainly wrong raises an error with the name of the argument. All
others are left to the server.

Source: docs/protocol.md, section 17.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeGuard, cast

from ..config import MAX_NUMBER
from ..rpc.frames import JSONObject

DTMF: Final = frozenset("0123456789*#ABCDabcdwW")
VOLUME_RANGE: Final = (-40.0, 40.0)
PHONE_RENAMES: Final[Mapping[str, str]] = {"to": "to_number", "from": "from_number"}


def media_items(argument: str, value: object) -> list[JSONObject]:
    """Check a list of media items. The result is nested."""
    example = '[{"type": "tts", "params": {"text": "Hello"}}]'
    if not _is_list(value):
        raise TypeError(
            f"{argument} must be a list of media items, like {example}, not {_type(value)}"
        )
    return [_nested(f"{argument}[{i}]", item, {}) for i, item in enumerate(value)]


def device_plan(argument: str, value: object) -> list[list[JSONObject]]:
    """Check a list of groups of devices. The result is nested.

    The groups are called one after another; the devices of a group ring together.
    """
    example = '[[{"type": "phone", "params": {"to_number": "+1…", "from_number": "+1…"}}]]'
    if not _is_list(value):
        raise TypeError(
            f"{argument} must be a list of lists of devices, like {example}, not {_type(value)}"
        )
    if not value:
        raise ValueError(f"{argument} is empty: give at least one device, like {example}")
    plan: list[list[JSONObject]] = []
    for i, group in enumerate(value):
        if _is_mapping(group):
            raise ValueError(
                f"{argument}[{i}] is a device, but must be a list of devices that ring together: "
                f"for one device write [[device]], like {example}"
            )
        if not _is_list(group):
            raise TypeError(f"{argument}[{i}] must be a list of devices, not {_type(group)}")
        if not group:
            raise ValueError(f"{argument}[{i}] is an empty list: give at least one device")
        plan.append([_device(f"{argument}[{i}][{j}]", device) for j, device in enumerate(group)])
    return plan


def dtmf(argument: str, value: object) -> str:
    """Check digits: ``0-9 * # A-D``, and ``w`` and ``W`` for pauses."""
    if not isinstance(value, str):
        raise TypeError(f"{argument} must be a str of DTMF digits, like '123#', not {value!r}")
    wrong = next((digit for digit in value if digit not in DTMF), None)
    if wrong is not None or not value:
        found = "an empty text" if wrong is None else repr(wrong)
        known = "0-9 * # A-D, and w and W for pauses"
        raise ValueError(f"{argument} must be DTMF digits ({known}), not {found}")
    return value


def volume_db(argument: str, value: object) -> float:
    """Check a volume in dB, from -40 to 40."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{argument} must be a number of dB, not {value!r}")
    low, high = VOLUME_RANGE
    if not low <= value <= high:
        raise ValueError(f"{argument} must be from {low:g} to {high:g} dB, not {value!r}")
    return value


def json_object(argument: str, value: object) -> JSONObject:
    """Check that a value is a dict with text keys. The result is a copy."""
    if not _is_mapping(value):
        raise TypeError(f"{argument} must be a dict, not {_type(value)}")
    for key in value:
        if not isinstance(key, str):
            raise TypeError(f"{argument} must be a dict with str keys, but has the key {key!r}")
    return dict(cast("Mapping[str, Any]", value))


def text(argument: str, value: object) -> str:
    """Check that a value is a text, and not empty."""
    if not isinstance(value, str):
        raise TypeError(f"{argument} must be a str, not {value!r}")
    if not value:
        raise ValueError(f"{argument} must not be empty")
    return value


def texts(argument: str, value: object) -> list[str]:
    """Check that a value is a list of texts."""
    if not _is_list(value) or not all(isinstance(item, str) for item in value):
        raise TypeError(f"{argument} must be a list of str, not {value!r}")
    return [str(item) for item in value]


def seconds(argument: str, value: object) -> float | None:
    """Check a time to wait: a number of seconds, 0 or more, or None."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{argument} must be a number of seconds, not {value!r}")
    if not 0 <= value <= MAX_NUMBER:
        raise ValueError(f"{argument} must be 0 s or more, and finite, not {value!r}")
    return float(value)


def _type(value: object) -> str:
    # Not the value itself: a device may hold a password, and an error may be logged.
    return type(value).__name__


def callback(argument: str, value: object) -> object:
    """Check that a value is a function, or None."""
    if value is not None and not callable(value):
        raise TypeError(f"{argument} must be a function, not {value!r}")
    return value


def optional_text(argument: str, value: object) -> str | None:
    """Check that a value is a text, and not empty; or None."""
    return None if value is None else text(argument, value)


def as_text(argument: str, value: object) -> str | None:
    """Return a value that the server wants as text. Numbers and booleans become text."""
    match value:
        case None | str():
            return value
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float() if math.isfinite(value):
            return repr(value).removesuffix(".0")  # keeps every digit of an amount
        case _:
            raise TypeError(f"{argument} must be a str or a number, not {value!r}")


def flag(argument: str, value: object) -> bool | None:
    """Check that a value is a bool, or None."""
    if value is not None and not isinstance(value, bool):
        raise TypeError(f"{argument} must be True or False, not {value!r}")
    return value


def whole(argument: str, value: object, *, least: int) -> int | None:
    """Check that a value is a whole number of at least `least`, or None."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{argument} must be a whole number, not {value!r}")
    if value < least:
        raise ValueError(f"{argument} must be at least {least}, not {value!r}")
    return value


def positive(argument: str, value: object) -> float:
    """Check a duration: a number of seconds, more than 0."""
    checked = seconds(argument, value)
    if not checked:
        raise ValueError(f"{argument} must be more than 0 s, not {value!r}")
    return checked


def e164(argument: str, value: object) -> str:
    """Check a telephone number in E.164 form."""
    number = text(argument, value)
    rest = number.removeprefix("+")
    if rest == number or not (rest.isascii() and rest.isdigit()) or not 2 <= len(rest) <= 15:
        raise ValueError(f"{argument} must be in E.164 form, like '+15551234567', not {value!r}")
    return number


def sip_uri(argument: str, value: object) -> str:
    """Check a SIP URI."""
    uri = text(argument, value)
    if not uri.lower().startswith(("sip:", "sips:")):
        raise ValueError(f"{argument} must be a SIP URI, like 'sip:bob@example.com', not {value!r}")
    return uri


def typed_object(argument: str, value: object) -> JSONObject:
    """Check an object with a ``type``, such as a detector or a tap. It becomes nested."""
    return _nested(argument, value, {})


def refer_device(argument: str, value: object) -> JSONObject:
    """Check the device of a REFER. The result is nested.

    Some documentation has ``uri`` for ``to``: it is renamed.
    """
    device = _nested(argument, value, {})
    params = device["params"]
    if _is_mapping(params) and "uri" in params and "to" not in params:
        renamed = {"to" if key == "uri" else str(key): item for key, item in params.items()}
        return {**device, "params": renamed}
    return device


def live_action(value: object) -> JSONObject | str:
    """Check the `action` of a live transcription or translation."""
    return value if isinstance(value, str) else json_object("action", value)


def _is_list(value: object) -> TypeGuard[Sequence[object]]:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray))


def _is_mapping(value: object) -> TypeGuard[Mapping[object, object]]:
    return type(value) is dict or isinstance(value, Mapping)  # isinstance() takes far longer


def _device(argument: str, value: object) -> JSONObject:
    renames = PHONE_RENAMES if _is_mapping(value) and value.get("type") == "phone" else {}
    return _nested(argument, value, renames)


def _nested(argument: str, value: object, renames: Mapping[str, str]) -> JSONObject:
    item = json_object(argument, value)
    kind = item.get("type")
    if not isinstance(kind, str) or not kind:
        raise ValueError(f"{argument} must have a 'type'; it has only the keys {sorted(item)}")
    if "params" in item:
        return item
    params = {renames.get(key, key): part for key, part in item.items() if key != "type"}
    return {"type": kind, "params": params}
