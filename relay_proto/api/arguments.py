"""Nested parameter values: media, devices, digits, collect.

Plain dicts come in, in the nested shape of the wire or in the flat one of the
documentation's overview; the nested shape goes out. Nothing given is modified.
What can only be wrong is refused here, by the argument's name; what the server
may know better is left to the server.

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
    """Check and nest a list of media items."""
    example = '[{"type": "tts", "params": {"text": "Hello"}}]'
    if not _is_list(value):
        raise TypeError(
            f"{argument} must be a list of media items, like {example}, not {_type(value)}"
        )
    return [_nested(f"{argument}[{i}]", item, {}) for i, item in enumerate(value)]


def device_plan(argument: str, value: object) -> list[list[JSONObject]]:
    """Check and nest a plan of devices: groups in order, each rung together."""
    example = '[[{"type": "phone", "params": {"to_number": "+1…", "from_number": "+1…"}}]]'
    if not _is_list(value):
        raise TypeError(
            f"{argument} must be a list of lists of devices, like {example}, not {_type(value)}"
        )
    if not value:
        raise ValueError(f"{argument} is empty: at least one device is needed, like {example}")
    plan: list[list[JSONObject]] = []
    for i, group in enumerate(value):
        if _is_mapping(group):
            raise ValueError(
                f"{argument}[{i}] is a device, but must be a list of devices that ring together: "
                f"write [[device]] for one device, like {example}"
            )
        if not _is_list(group):
            raise TypeError(f"{argument}[{i}] must be a list of devices, not {_type(group)}")
        if not group:
            raise ValueError(f"{argument}[{i}] is an empty group: at least one device is needed")
        plan.append([_device(f"{argument}[{i}][{j}]", device) for j, device in enumerate(group)])
    return plan


def dtmf(argument: str, value: object) -> str:
    """Check digits to be sent: ``0-9 * # A-D``, ``w`` and ``W`` for pauses."""
    if not isinstance(value, str):
        raise TypeError(f"{argument} must be a str of DTMF digits, like '123#', not {value!r}")
    wrong = next((digit for digit in value if digit not in DTMF), None)
    if wrong is not None or not value:
        found = "it is empty" if wrong is None else f"{wrong!r} is none"
        known = "0-9 * # A-D, w and W for pauses"
        raise ValueError(f"{argument} must be DTMF digits ({known}): {found}")
    return value


def volume_db(argument: str, value: object) -> float:
    """Check a volume in dB."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{argument} must be a number of dB, not {value!r}")
    low, high = VOLUME_RANGE
    if not low <= value <= high:
        raise ValueError(f"{argument} must be from {low:g} to {high:g} dB, not {value!r}")
    return value


def json_object(argument: str, value: object) -> JSONObject:
    """Check that a value is a dict with text keys, and copy it."""
    if not _is_mapping(value):
        raise TypeError(f"{argument} must be a dict, not {_type(value)}")
    for key in value:
        if not isinstance(key, str):
            raise TypeError(f"{argument} must have text keys only, not {key!r}")
    return dict(cast("Mapping[str, Any]", value))


def text(argument: str, value: object) -> str:
    """Check that a value is a text that is not empty."""
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
    """Check a time to wait: a number of seconds that is not negative, or None."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{argument} must be a number of seconds, not {value!r}")
    if not 0 <= value <= MAX_NUMBER:
        raise ValueError(f"{argument} must be finite and not negative, not {value!r}")
    return float(value)


def _type(value: object) -> str:
    # Not the value: devices hold passwords, and an exception ends in a log.
    return type(value).__name__


def callback(argument: str, value: object) -> object:
    """Check that a value can be called, or is None."""
    if value is not None and not callable(value):
        raise TypeError(f"{argument} must be a function, not {value!r}")
    return value


def optional_text(argument: str, value: object) -> str | None:
    """Check that a value is a text that is not empty, or None."""
    return None if value is None else text(argument, value)


def as_text(argument: str, value: object) -> str | None:
    """A value that the server wants as text: numbers and booleans become text."""
    match value:
        case None | str():
            return value
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float() if math.isfinite(value):
            return repr(value).removesuffix(".0")  # an amount keeps every digit
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
    """Check a time that must pass: a number of seconds above 0."""
    checked = seconds(argument, value)
    if not checked:
        raise ValueError(f"{argument} must be a number of seconds above 0, not {value!r}")
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
    """Check and nest one object with a ``type``: a detector, a tap, its device."""
    return _nested(argument, value, {})


def refer_device(argument: str, value: object) -> JSONObject:
    """Check and nest the device of a REFER; the ``uri`` of some documentation is ``to``."""
    device = _nested(argument, value, {})
    params = device["params"]
    if _is_mapping(params) and "uri" in params and "to" not in params:
        renamed = {"to" if key == "uri" else str(key): item for key, item in params.items()}
        return {**device, "params": renamed}
    return device


def live_action(value: object) -> JSONObject | str:
    """Check what a live transcription or translation is to do."""
    return value if isinstance(value, str) else json_object("action", value)


def _is_list(value: object) -> TypeGuard[Sequence[object]]:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray))


def _is_mapping(value: object) -> TypeGuard[Mapping[object, object]]:
    return type(value) is dict or isinstance(value, Mapping)  # the latter takes far longer


def _device(argument: str, value: object) -> JSONObject:
    renames = PHONE_RENAMES if _is_mapping(value) and value.get("type") == "phone" else {}
    return _nested(argument, value, renames)


def _nested(argument: str, value: object, renames: Mapping[str, str]) -> JSONObject:
    item = json_object(argument, value)
    kind = item.get("type")
    if not isinstance(kind, str) or not kind:
        raise ValueError(f"{argument} has no type: it has only {sorted(item)}")
    if "params" in item:
        return item
    params = {renames.get(key, key): part for key, part in item.items() if key != "type"}
    return {"type": kind, "params": params}
