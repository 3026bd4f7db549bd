"""Strategies: what every function that makes a command may be given, and what becomes of it.

An argument has the type that the specification gives its parameter on the wire;
only what is nested there, or narrower than its type, is named here.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final

from hypothesis import strategies as st

from relay_proto.api import commands
from relay_proto.api.commands import Command
from relay_proto.api.forms import RINGTONES
from tests.spec import METHODS, SESSION_METHODS
from tests.spec.json_values import json_objects, json_values, texts

MakeCommand = Callable[..., Command[Any]]

COMMANDS: Final[Mapping[str, MakeCommand]] = {
    name: function
    for name, function in inspect.getmembers(commands, inspect.isfunction)
    if function.__module__ == commands.__name__ and not name.startswith("_")
}
NEVER_ON_THE_WIRE: Final = frozenset({"on_completed", "dial_timeout"})
ADDED_BY_THE_CORE: Final = frozenset({"node_id", "call_id"})

WITH_ITEM: Final[Mapping[str, tuple[str, str]]] = {
    "play_tts": ("play", "tts"),
    "play_audio": ("play", "audio"),
    "play_silence": ("play", "silence"),
    "play_ringtone": ("play", "ringtone"),
    "prompt_tts": ("play", "tts"),
    "prompt_audio": ("play", "audio"),
    "detect_answering_machine": ("detect", "machine"),
    "detect_digit": ("detect", "digit"),
    "detect_fax": ("detect", "fax"),
    "dial_phone": ("devices", "phone"),
    "dial_sip": ("devices", "sip"),
}
"""Functions that make one item of some of their arguments: its key and its type."""

OUTSIDE_THE_ITEM: Final = frozenset({"volume", "collect", "timeout", "control_id"})

_ON_THE_WIRE: Final[Mapping[tuple[str, str], str]] = {
    ("play", "media"): "play",
    ("play_and_collect", "media"): "play",
    ("record", "audio"): "record",
    ("pay", "input_method"): "input",
    ("join_conference", "stream_obj"): "stream",
    ("ai", "ai_params"): "params",
    ("amazon_bedrock", "ai_params"): "params",
    ("bind_digit", "bind_params"): "params",
    ("dial_phone", "timeout"): "devices",
    ("dial_sip", "timeout"): "devices",
}

names: Final = texts.filter(bool)
new_keys: Final = texts.map("x-{}".format)
"""Keys that no shape of the specification has: their values may be anything."""
unknown: Final = st.dictionaries(new_keys, json_values, max_size=3)
seconds: Final = st.integers(0, 600) | st.floats(0, 600)
media_types: Final = st.sampled_from(["tts", "audio", "silence", "ringtone", "new"])
device_types: Final = st.sampled_from(["phone", "sip", "webrtc", "new"])
as_texts: Final[st.SearchStrategy[Any]] = names | st.integers(0, 100) | st.booleans()


REQUIRED: Final[Mapping[str, dict[str, Any]]] = {
    "tts": {"text": "Hello"},
    "audio": {"url": "https://example.com/a.mp3"},
    "silence": {"duration": 1},
    "ringtone": {"name": "us"},
    "phone": {"to_number": "+15550003333", "from_number": "+15550001111"},
    "sip": {"to": "sip:b@example.com", "from": "sip:a@example.com"},
    "webrtc": {"to": "b", "from": "a"},
    "rtp": {"addr": "203.0.113.9", "port": 5000},
    "ws": {"uri": "wss://example.com"},
}
"""What must be in objects of a type."""


def with_unknown(**given: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with what is given, and what no specification has."""
    return unknown.map(lambda more: {**given, **more})


def nested_item(kind: str, params: dict[str, Any]) -> dict[str, Any]:
    return {"type": kind, "params": {**REQUIRED.get(kind, {}), **params}}


def flat_item(kind: str, params: dict[str, Any]) -> dict[str, Any]:
    return {"type": kind, **REQUIRED.get(kind, {}), **params}


def items(kinds: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with a type, in the nested shape or the flat one."""
    return st.builds(nested_item, kinds, unknown) | st.builds(flat_item, kinds, unknown)


media_lists: Final = st.lists(items(media_types), max_size=3)
device_plans: Final = st.lists(
    st.lists(items(device_types), min_size=1, max_size=2), min_size=1, max_size=2
)

BY_TYPE: Final[Mapping[str, st.SearchStrategy[Any]]] = {
    "string": names,
    "string(url)": names.map("https://example.com/{}".format),
    "boolean": st.booleans(),
    "integer": st.integers(0, 600),
    "number": seconds,
    "object": json_objects,
    "any": json_values.filter(lambda value: value is not None),
    "array<string>": st.lists(names, max_size=3),
    "array<object>": st.lists(json_objects, max_size=2),
    "array<media>": media_lists,
    "array<array<device>>": device_plans,
    "collect": with_unknown(speech={}) | with_unknown(digits={"max": 1}, continuous=True),
    "collect.digits": with_unknown(max=1),
    "collect.speech": unknown,
    "detect": items(st.sampled_from(["machine", "fax", "digit", "new"])),
    "record": unknown,
    "tap": items(st.just("audio")),
    "tap.device": items(st.sampled_from(["rtp", "ws"])),
}

volumes: Final = st.integers(-40, 40) | st.floats(-40, 40)
BY_NAME: Final[Mapping[str, st.SearchStrategy[Any]]] = {
    "on_completed": st.just(print),
    "dial_timeout": seconds,
    "volume": volumes,
}
sip_addresses: Final = st.from_regex(r"sips?:[a-z]{1,8}@[a-z]{1,8}\.example", fullmatch=True)
phone_numbers: Final = st.from_regex(r"\+[1-9][0-9]{6,13}", fullmatch=True)
BY_COMMAND: Final[Mapping[tuple[str, str], st.SearchStrategy[Any]]] = {
    ("ai_hold", "timeout"): as_texts,
    ("detect_digit", "digits"): st.text("0123456789*#ABCD", min_size=1),
    ("detect_fax", "tone"): st.sampled_from(["CED", "CNG"]),
    ("dial", "max_duration"): st.integers(1, 600),
    ("dial_phone", "from_number"): phone_numbers,
    ("dial_phone", "timeout"): st.integers(1, 600),
    ("dial_phone", "to_number"): phone_numbers,
    ("dial_sip", "from_"): sip_addresses,
    ("dial_sip", "headers"): st.dictionaries(names, names, max_size=2),
    ("dial_sip", "timeout"): st.integers(1, 600),
    ("dial_sip", "to"): sip_addresses,
    ("execute", "method"): names,
    ("execute", "params"): json_objects,
    ("execute", "timeout"): seconds,
    ("live_transcribe", "action"): with_unknown(start={}) | st.just("stop"),
    ("live_translate", "action"): with_unknown(start={}) | st.just("stop"),
    ("play_ringtone", "name"): st.sampled_from(sorted(RINGTONES)),
    **dict.fromkeys(
        [("receive", "contexts"), ("unreceive", "contexts")],
        st.lists(names, max_size=3, unique=True) | st.tuples(names),
    ),
    ("join_conference", "stream_obj"): with_unknown(url="wss://example.com"),
    ("refer", "device"): items(st.just("sip")),
    ("send_digits", "digits"): st.text("0123456789*#ABCDwW", min_size=1),
    ("send_message", "media"): st.lists(names, min_size=1, max_size=3),
    ("send_message", "tags"): st.lists(names, min_size=1, max_size=3),
    ("user_event", "event"): names,
    **{
        ("pay", name): as_texts
        for name in """
        timeout max_attempts security_code postal_code min_postal_code_length charge_amount
        """.split()
    },
}
_IN_ITEMS: Final[Mapping[str, st.SearchStrategy[Any]]] = {
    "duration": st.floats(0.001, 600) | st.integers(1, 600),
    "machine_words_threshold": st.integers(1, 20),
    "detect_interruptions": st.booleans(),
    "detect_message_end": st.booleans(),
    **dict.fromkeys(
        ["initial_timeout", "end_silence_timeout", "machine_voice_threshold"],
        st.floats(0, 60),
    ),
}


def api_name(name: str) -> str:
    """The method of the API that takes the arguments of a function."""
    owner = "RelayClient" if name in ("dial", "receive", "send_message", "unreceive") else "Call"
    return f"{owner}.{name}"


METHOD_OF: Final[Mapping[str, str]] = {
    api: method
    for method, described in {**METHODS, **SESSION_METHODS}.items()
    for api in described.get("api", ())
}
"""By method of the API, what it sends. Those that send several things are not asked for."""


def wire_parameters(name: str) -> Mapping[str, Any]:
    """What the specification says of the parameters that a function's request may have."""
    if name == "execute" or api_name(name) not in METHOD_OF:
        return {}
    method = METHOD_OF[api_name(name)]
    parameters: Mapping[str, Any] = (METHODS.get(method) or SESSION_METHODS[method])["params"]
    return parameters


def parameters(name: str) -> list[inspect.Parameter]:
    """The parameters of a function that have names."""
    return [
        parameter
        for parameter in inspect.signature(COMMANDS[name]).parameters.values()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    ]


def takes_more(name: str) -> bool:
    """Whether it passes on arguments that it does not know."""
    return len(parameters(name)) < len(inspect.signature(COMMANDS[name]).parameters)


def in_item(name: str, parameter: str) -> bool:
    """Whether an argument is a part of the one item that the function makes."""
    return name in WITH_ITEM and parameter not in OUTSIDE_THE_ITEM | NEVER_ON_THE_WIRE


def wire_name(name: str, parameter: str) -> str:
    """What an argument is called on the wire, or what it is a part of there."""
    if in_item(name, parameter):
        return WITH_ITEM[name][0]
    return _ON_THE_WIRE.get((name, parameter), parameter)


def strategy(name: str, parameter: str) -> st.SearchStrategy[Any]:
    """What an argument may be."""
    here = (name, parameter)
    if here in BY_COMMAND:
        return BY_COMMAND[here]
    if parameter in BY_NAME:
        return BY_NAME[parameter]
    if in_item(name, parameter):
        return _IN_ITEMS.get(parameter, names)
    if name == "pause":
        return st.sampled_from(["skip", "silence"])
    described = wire_parameters(name)[wire_name(name, parameter)]
    if "enum" in described:
        return st.sampled_from(described["enum"])
    return BY_TYPE[described["type"]]


@st.composite
def arguments(draw: st.DrawFn, name: str) -> dict[str, Any]:
    """What a function must be given, and some of what it may be given."""
    given: dict[str, Any] = {}
    for parameter in parameters(name):
        if parameter.default is inspect.Parameter.empty or draw(st.booleans()):
            given[parameter.name] = draw(strategy(name, parameter.name))
    if name == "collect" and not {"digits", "speech"} & set(given):
        given["speech"] = {}
    if name == "send_message" and not {"body", "media"} & set(given):
        given["body"] = draw(names)
    return given


def wire_values(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """What of the arguments has to stand on the wire, under which keys."""
    expected: dict[str, Any] = {}
    item: dict[str, Any] = {}
    for parameter, value in given.items():
        if parameter in NEVER_ON_THE_WIRE or value is None:
            continue
        if in_item(name, parameter):
            item[parameter] = value
        else:
            expected[wire_name(name, parameter)] = _wire_value(name, parameter, value)
    if name in WITH_ITEM:
        key, kind = WITH_ITEM[name]
        whole = nested_item(kind, item)
        expected[key] = [whole] if key == "play" else whole
    if name == "record":
        expected.setdefault("record", {"audio": {}})
    return expected


def _wire_value(name: str, parameter: str, value: Any) -> Any:
    if (name, parameter) == ("record", "audio"):
        return {"audio": value}
    if (name, parameter) == ("refer", "device"):
        return _referred(nested(value, {}))
    if BY_COMMAND.get((name, parameter)) is as_texts:
        return _text(value)
    described = wire_parameters(name).get(wire_name(name, parameter), {})
    convert = _CONVERTED.get(described.get("type", ""))
    return value if convert is None else convert(value)


_CONVERTED: Final[Mapping[str, Callable[[Any], Any]]] = {
    "array<string>": list,
    "array<media>": lambda value: [nested(item, {}) for item in value],
    "array<array<device>>": lambda value: [
        [nested(device, PHONE) for device in group] for group in value
    ],
    "detect": lambda value: nested(value, {}),
    "tap": lambda value: nested(value, {}),
    "tap.device": lambda value: nested(value, {}),
}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _referred(device: dict[str, Any]) -> dict[str, Any]:
    params = device["params"]
    if "uri" not in params or "to" in params:
        return device
    return {**device, "params": {("to" if key == "uri" else key): params[key] for key in params}}


PHONE: Final[Mapping[str, str]] = {"to": "to_number", "from": "from_number"}


def nested(item: Mapping[str, Any], renames: Mapping[str, str]) -> dict[str, Any]:
    """The nested shape of an object with a type; `renames` are for phones."""
    if "params" in item:
        return dict(item)
    if item["type"] != "phone" and renames is PHONE:
        renames = {}
    params = {renames.get(key, key): value for key, value in item.items() if key != "type"}
    return {"type": item["type"], "params": params}
