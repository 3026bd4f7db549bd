"""Checks of arguments that only this protocol has: media, devices, numbers, addresses.

Each function takes the name of an argument and its value, and returns the value as it
goes to the server. Media and devices are dicts. They may be nested, as on the wire, or
flat, as some documentation shows them; the result is nested. No argument is modified.
A value that is certainly wrong raises an error with the name of the argument. All
others are left to the server.

Source: docs/protocol.md, section 17.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final

from ..constants import EVENT_AUTHORIZATION_STATE, EVENT_CALL_HOLD
from ..rpc.events import EVENT_CLASS_MAP
from ..rpc.frames import JSONObject
from ..values.checks import (
    MAX_WHOLE,
    any_text,
    is_collection,
    is_list,
    is_mapping,
    json_object,
    known,
    number,
    one_of,
    shown,
    text,
    warn_unknown,
)
from . import forms
from .forms import PHONE_RENAMES, Shape

EVENT_TYPES: Final = frozenset(
    {*EVENT_CLASS_MAP, EVENT_CALL_HOLD, EVENT_AUTHORIZATION_STATE, "calling.call.ai"}
)
NO_RENAMES: Final[Mapping[str, str]] = {}
_STOP: Final[Callable[[str, object], str]] = known({"stop"})
_ALSO_TO: Final[Callable[[str, object], str]] = one_of({"human", "unknown"})
_BACKEND: Final[Callable[[str, object], str]] = one_of({"asyncio", "trio"})
_NESTED_KEYS: Final = frozenset({"type", "params"})

volume_db: Final = number(-40, 40, "dB")
"""Check a volume in dB, from -40 to 40."""


def media_items(argument: str, value: object) -> list[JSONObject]:
    """Check a list of media items. The result is nested."""
    example = '[{"type": "tts", "params": {"text": "Hello"}}]'
    if not is_list(value):
        raise TypeError(
            f"{argument} must be a list of media items, like {example}, not {_type(value)}"
        )
    return [_nested(f"{argument}[{i}]", item, forms.MEDIA) for i, item in enumerate(value)]


def device_plan(argument: str, value: object) -> list[list[JSONObject]]:
    """Check a list of groups of devices. The result is nested.

    The groups are called one after another; the devices of a group ring together.
    """
    example = '[[{"type": "phone", "params": {"to_number": "+1…", "from_number": "+1…"}}]]'
    if not is_list(value):
        raise TypeError(
            f"{argument} must be a list of lists of devices, like {example}, not {_type(value)}"
        )
    if not value:
        raise ValueError(f"{argument} is empty: give at least one device, like {example}")
    plan: list[list[JSONObject]] = []
    for i, group in enumerate(value):
        if is_mapping(group):
            raise ValueError(
                f"{argument}[{i}] is a device, but must be a list of devices that ring together: "
                f"for one device write [[device]], like {example}"
            )
        if not is_list(group):
            raise TypeError(f"{argument}[{i}] must be a list of devices, not {_type(group)}")
        if not group:
            raise ValueError(f"{argument}[{i}] is an empty list: give at least one device")
        plan.append([_device(f"{argument}[{i}][{j}]", device) for j, device in enumerate(group)])
    return plan


def dtmf(argument: str, value: object) -> str:
    """Check digits to send: ``0-9 * # A-D``, and ``w`` and ``W`` for pauses."""
    known = "0-9 * # A-D, and w and W for pauses"
    digits = forms.pressed(argument, value, forms.DTMF | forms.PAUSES, known)
    if not digits:
        raise ValueError(f"{argument} must be DTMF digits ({known}), not an empty text")
    return digits


def _type(value: object) -> str:
    # Not the value itself: a device may hold a password, and an error may be logged.
    return type(value).__name__


def event_type(argument: str, value: object) -> str:
    """Check the type of an event. One that is not known passes with a warning."""
    name = text(argument, value)
    if name not in EVENT_TYPES:
        warn_unknown(argument, "event", name, EVENT_TYPES)
    return name


def as_text(argument: str, value: object) -> str:
    """Return a value that the server wants as text. Numbers and booleans become text."""
    match value:
        case str():
            return any_text(argument, value)
        case bool():
            return "true" if value else "false"
        case int() if abs(value) <= MAX_WHOLE:
            return str(value)
        case float() if math.isfinite(value):
            return repr(value).removesuffix(".0")  # keeps every digit of an amount
        case _:
            raise TypeError(f"{argument} must be a str or a number, not {shown(argument, value)}")


def e164(argument: str, value: object) -> str:
    """Check a telephone number in E.164 form."""
    number = text(argument, value)
    rest = number.removeprefix("+")
    if rest == number or not (rest.isascii() and rest.isdigit()) or not 2 <= len(rest) <= 15:
        raise ValueError(
            f"{argument} must be in E.164 form, like '+15551234567', not {shown(argument, value)}"
        )
    return number


def sip_uri(argument: str, value: object) -> str:
    """Check a SIP URI."""
    uri = text(argument, value)
    if not uri.lower().startswith(("sip:", "sips:")):
        raise ValueError(
            f"{argument} must be a SIP URI, like 'sip:bob@example.com', "
            f"not {shown(argument, value)}"
        )
    return uri


def detector(argument: str, value: object) -> JSONObject:
    """Check a detector: an object with a ``type``. It becomes nested."""
    return _nested(argument, value, forms.DETECTORS)


def tap(argument: str, value: object) -> JSONObject:
    """Check what a tap sends. It becomes nested."""
    return _nested(argument, value, forms.TAPS)


def tap_device(argument: str, value: object) -> JSONObject:
    """Check where a tap sends it. It becomes nested."""
    return _nested(argument, value, forms.TAP_DEVICES)


def refer_device(argument: str, value: object) -> JSONObject:
    """Check the device of a REFER. The result is nested.

    Some documentation has ``uri`` for ``to``: it is renamed.
    """
    return _nested(argument, value, forms.REFER_DEVICES, {"uri": "to"}, also_nested=True)


def collect(argument: str, value: object) -> JSONObject:
    """Check what is to be collected: digits, speech, or both."""
    wanted = json_object(argument, value)
    if wanted.get("digits") is None and wanted.get("speech") is None:
        example = '{"digits": {"max": 4}}'
        raise ValueError(
            f"{argument} must have 'digits' or 'speech', like {example}; "
            f"it has only the keys {sorted(wanted)}"
        )
    forms.check_shape(argument, wanted, forms.COLLECT)
    return wanted


def record_audio(argument: str, value: object) -> JSONObject:
    """Check how to record."""
    return forms.shaped(argument, value, forms.AUDIO)


def stream(argument: str, value: object) -> JSONObject:
    """Check the stream of a conference."""
    return forms.shaped(argument, value, forms.STREAM)


def live_action(argument: str, value: object) -> JSONObject | str:
    """Check the `action` of a live transcription or translation."""
    if isinstance(value, str):
        return _STOP(argument, value)
    action = json_object(argument, value)
    if "action" not in action:
        forms.check_shape(argument, action, forms.LIVE)
    return action


def destination(argument: str, value: object) -> JSONObject | str:
    """Check where a call is transferred to: any text, or a script as a dict."""
    return json_object(argument, value) if is_mapping(value) else text(argument, value)


def headers(argument: str, value: object) -> dict[str, str]:
    """Check SIP headers: a dict of names and values."""
    return {
        text(f"a name in {argument}", name): text(f"{argument}[{name!r}]", item)
        for name, item in json_object(argument, value).items()
    }


def device_or_plan(argument: str, value: object) -> list[list[JSONObject]]:
    """Check a device, or a group of them, for a plan."""
    return device_plan(argument, [[value]] if is_mapping(value) else value)


def message(argument: str, value: object) -> str | list[JSONObject]:
    """Check what to say: a text, or media."""
    return text(argument, value) if isinstance(value, str) else media_items(argument, value)


def also_to(argument: str, value: object) -> list[str]:
    """Check to whom else a message is played: one of them, or a collection."""
    if isinstance(value, str):
        return [_ALSO_TO(argument, value)]
    if not is_collection(value):
        raise TypeError(f"{argument} must be a list of str, not {shown(argument, value)}")
    return [_ALSO_TO(argument, item) for item in value]


def file_target(argument: str, value: object) -> object:
    """Check where a file goes: a path, or a file that is open for writing."""
    if isinstance(value, str):
        return text(argument, value)
    if not hasattr(value, "__fspath__") and not hasattr(value, "write"):
        raise TypeError(
            f"{argument} must be a path, or a binary file that is open for writing, "
            f"not {shown(argument, value)}"
        )
    return value


def backend(argument: str, value: object) -> str:
    """Check the name of an event loop."""
    return _BACKEND(argument, value)


def _device(argument: str, value: object) -> JSONObject:
    renames = PHONE_RENAMES if is_mapping(value) and value.get("type") == "phone" else NO_RENAMES
    return _nested(argument, value, forms.DEVICES, renames)


def _nested(
    argument: str,
    value: object,
    kinds: Mapping[str, Shape],
    renames: Mapping[str, str] = NO_RENAMES,
    *,
    also_nested: bool = False,
) -> JSONObject:
    """Return an item as it goes to the server. Keys are renamed if the new name is absent."""
    item = json_object(argument, value)
    kind = item.get("type")
    if not isinstance(kind, str) or not kind:
        raise ValueError(f"{argument} must have a 'type'; it has only the keys {sorted(item)}")
    shape = kinds.get(kind)
    if shape is None:
        warn_unknown(argument, "type", kind, kinds)
    if "params" in item:
        where = f"{argument}['params']"
        params = item["params"] if shape is None else json_object(where, item["params"])
        if also_nested:
            params = _renamed(params, renames)
            item["params"] = params
        for key in item.keys() - _NESTED_KEYS:
            warn_unknown(argument, "key", key, _NESTED_KEYS)
    else:
        where = argument
        params = _renamed({key: part for key, part in item.items() if key != "type"}, renames)
        item = {"type": kind, "params": params}
    if shape is not None:
        forms.check_shape(where, params, shape)
    return item


def _renamed(params: JSONObject, renames: Mapping[str, str]) -> JSONObject:
    if not renames:
        return params
    return {
        key if renames.get(key, key) in params else renames[key]: part
        for key, part in params.items()
    }
