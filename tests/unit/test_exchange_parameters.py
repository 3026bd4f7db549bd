"""Every parameter of the specification has its type in the exchange, also without an effect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest

from tests.spec import METHODS
from tests.unit.exchange_client import OFFICE, Client, Object, World, answered_call, phone, tts

WITHOUT_A_USE: Final = "listed by the server schema"
"""The note of parameters of which only the name is known."""
FREE: Final = {("calling.end", "reason")}
"""Parameters with a list of values that may have others."""
NOT_HERE: Final = {"calling.call"}
GOOD: Final[Mapping[str, Any]] = {
    "string": "x",
    "string(url)": "https://example.com",
    "object": {"a": 1},
    "boolean": True,
    "number": 1.5,
    "integer": 1,
    "any": {},
    "array<string>": ["x"],
    "array<object>": [{"name": "n", "value": "v"}],
    "array<media>": [tts("x")],
    "array<array<device>>": [[phone("+1")]],
    "collect": {"digits": {"max": 1}},
    "collect.digits": {"max": 1},
    "collect.speech": {"language": "en-US"},
    "record": {"audio": {}},
    "detect": {"type": "machine", "params": {}},
    "tap": {"type": "audio", "params": {}},
    "tap.device": {"type": "rtp", "params": {"addr": "203.0.113.9", "port": 5000}},
}
"""A value that a parameter of this type can have."""
GOOD_FOR: Final[Mapping[tuple[str, str], Any]] = {
    ("calling.ai_hold", "timeout"): "5",
    ("calling.begin", "device"): phone("+1"),
    ("calling.bind_digit", "digits"): "1",
    ("calling.bind_digit", "bind_method"): "calling.hold",
    ("calling.join_conference", "stream"): {"url": "wss://example.com"},
    ("calling.live_transcribe", "action"): {"start": {"lang": "en"}},
    ("calling.live_translate", "action"): {"start": {"from_lang": "en", "to_lang": "fr"}},
    ("calling.pay", "timeout"): "5",
    ("calling.pay", "max_attempts"): "1",
    ("calling.pay", "security_code"): "true",
    ("calling.pay", "min_postal_code_length"): "0",
    ("calling.pay", "charge_amount"): "12.50",
    ("calling.refer", "device"): {"type": "sip", "params": {"to": "sip:b@example.com"}},
    ("calling.send_digits", "digits"): "12",
    ("calling.stream", "url"): "wss://example.com",
}
ONE_OF_THEM: Final[Mapping[str, Object]] = {
    "calling.collect": {"digits": {"max": 1}},
    "messaging.send": {"body": "x"},
}
"""A parameter for methods that need one of several."""
WRONG: Final[Mapping[str, tuple[Any, ...]]] = {
    "string": (5, ["x"]),
    "string(url)": (5, {}),
    "object": ("x", [], 5),
    "boolean": ("true", 1),
    "number": ("1", -100),
    "integer": ("1", -100, 1.5),
    "any": (),
    "array<string>": ("x", [5]),
    "array<object>": ("x", {}, ["x"]),
}
"""Values that a parameter of this type cannot have; for others, all that is no object or list."""
NUMBERS_WITH_PARTS: Final = {"max_duration"}
"""Integers of the specification that may be any number here."""


def parameters(method: str) -> Iterator[tuple[str, Object]]:
    for name, param in METHODS[method]["params"].items():
        if name not in {"node_id", "call_id"} and WITHOUT_A_USE not in param.get("note", ""):
            yield name, param


def good(method: str, name: str, param: Object) -> Any:
    if (method, name) in GOOD_FOR:
        return GOOD_FOR[method, name]
    if "enum" in param:
        value = param["enum"][0]
        return [value] if param["type"].startswith("array") else value
    return GOOD[param["type"]]


def request(method: str, *, whole: bool) -> Object:
    """A request with all parameters, or with those that must be there."""
    given = {
        name: good(method, name, param)
        for name, param in parameters(method)
        if whole or param["required"]
    }
    return given | ONE_OF_THEM.get(method, {})


def wrong(method: str, name: str, param: Object) -> Iterator[Any]:
    for value in WRONG.get(param["type"], (5, "x")):
        if not (value == 1.5 and name in NUMBERS_WITH_PARTS):
            yield value
    if "enum" in param and (method, name) not in FREE:
        yield ["other"] if param["type"].startswith("array") else "other"


def answer(client: Client, method: str, call_id: str, params: Object) -> Object:
    ids = {"node_id": "node-1", "call_id": call_id} if METHODS[method]["call_scoped"] else {}
    return client.answer(method, **(params | ids))


OURS: Final = sorted(method for method in METHODS if method not in NOT_HERE)
ROWS: Final = [
    pytest.param(method, name, value, id=f"{method} {name}={value!r}")
    for method in OURS
    for name, param in parameters(method)
    for value in wrong(method, name, param)
]


@pytest.mark.parametrize(("method", "name", "value"), ROWS)
def test_a_parameter_has_its_type(method: str, name: str, value: Any) -> None:
    _, client, call_id = answered_call()
    params = request(method, whole=False) | {name: value}
    refused = answer(client, method, call_id, params)
    assert refused["code"] == -32602
    assert f"$.{name}" in refused["message"]


@pytest.mark.parametrize("method", OURS)
def test_all_parameters_at_once(method: str) -> None:
    _, client, call_id = answered_call()
    for whole in (True, False):
        assert answer(client, method, call_id, request(method, whole=whole))["code"] != -32602


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        ("12", "200"),
        ("12.", "200"),
        (".50", "200"),
        ("0.5", "200"),
        *[(wrong, -32602) for wrong in ("", ".", "$5", "1,5", "-1", "1.2.3", "5\n")],
    ],
)
def test_an_amount_is_a_decimal_number(amount: str, code: object) -> None:
    _, client, call_id = answered_call()
    params = request("calling.pay", whole=False) | {"charge_amount": amount}
    assert answer(client, "calling.pay", call_id, params)["code"] == code


SIP: Final[Object] = {"to": "sip:bob@example.com", "from": "sip:ivr@example.com"}
NESTED: Final[list[tuple[str, str, Object, tuple[Object, ...]]]] = [
    (
        *("calling.dial", "devices", {"type": "sip", "params": SIP}),
        (
            {"headers": {"X-A": "1"}},
            {"headers": [{"X-A": "1"}]},
            {"codecs": "PCMU"},
            {"codecs": ["MP3"]},
            {"webrtc_media": "yes"},
            {"call_state_events": ["busy"]},
            {"from_name": 5},
            {"password": 5},
        ),
    ),
    (
        *("calling.play", "play", tts("x")),
        ({"gender": "f"}, {"voice": 5}, {"language": ["en"]}),
    ),
    (
        *("calling.detect", "detect", {"type": "machine", "params": {}}),
        ({"initial_timeout": "4"}, {"machine_words_threshold": 1.5}),
    ),
    (
        *("calling.refer", "device", {"type": "sip", "params": {"to": "sip:b@example.com"}}),
        ({"username": 5}, {"from": {}}),
    ),
]


@pytest.mark.parametrize(
    ("method", "name", "item", "changes"),
    [
        pytest.param(method, name, item, changes, id=f"{method} {changes}")
        for method, name, item, rows in NESTED
        for changes in rows
    ],
)
def test_a_parameter_of_an_object_has_its_type(
    method: str, name: str, item: Object, changes: Object
) -> None:
    _, client, call_id = answered_call()
    depth = {"devices": 2, "play": 1}.get(name, 0)
    value: Any = {**item, "params": item["params"] | changes}
    for _ in range(depth):
        value = [value]
    params = request(method, whole=False) | {name: value}
    refused = answer(client, method, call_id, params)
    assert refused["code"] == -32602
    [key] = changes
    assert f".params.{key}" in refused["message"]


def test_events_show_how_a_device_is_rung_and_no_password() -> None:
    client = World().connect()
    device: Object = {
        "type": "sip",
        "params": SIP | {"timeout": 5, "headers": [{"name": "a", "value": "b"}], "password": "p"},
    }
    client.ask("calling.dial", tag="t", devices=[[device]])
    assert client.values("call.state", "device") == [
        {"type": "sip", "params": SIP | {"timeout": 5}}
    ]


def test_a_number_to_dial_needs_no_number_of_ours() -> None:
    client = World().connect()
    device = {"type": "phone", "params": {"to_number": OFFICE}}
    assert client.answer("calling.dial", tag="t", devices=[[device]])["code"] == "200"
