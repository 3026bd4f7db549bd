"""What an exchange replies to the methods on calls: accepted, refused, or too late."""

from __future__ import annotations

import json

import pytest

from relay_proto.exchange import ExchangeLimits
from tests.spec import METHODS
from tests.unit.exchange_client import Object, World, answered_call, make_config, phone, tts

PLAY: Object = {"play": [tts("x")]}
DIGITS: Object = {"digits": {"max": 1}}
RTP: Object = {"type": "rtp", "params": {"addr": "203.0.113.9", "port": 5000}}
SIP: Object = {"type": "sip", "params": {"to": "sip:bob@example.com"}}
CALL: Object = {"type": "call", "params": {"node_id": "n", "call_id": "c"}}
QUEUE: Object = {"type": "queue", "params": {"queue_name": "support"}}
STREAM: Object = {"type": "stream", "params": {"url": "wss://example.com/s"}}
EN: Object = {"start": {"lang": "en"}}
EN_TO_FR: Object = {"start": {"from_lang": "en", "to_lang": "fr"}}
PAY: Object = {"payment_connector_url": "https://example.com/pay"}
FAX: Object = {"document": "https://example.com/f.pdf"}

STARTS: dict[str, tuple[str, Object]] = {
    "play": ("Playing", PLAY),
    "play_and_collect": ("Playing", PLAY | {"collect": DIGITS}),
    "collect": ("Collecting", DIGITS),
    "send_digits": ("Sending Digits", {"digits": "12"}),
    "record": ("Recording", {"record": {"audio": {}}}),
    "detect": ("Detecting", {"detect": {"type": "machine"}}),
    "tap": ("Tapping", {"tap": {"type": "audio"}, "device": RTP}),
    "stream": ("Streaming", {"url": "wss://example.com/s"}),
    "transcribe": ("Transcribing", {}),
    "send_fax": ("Sending fax", FAX),
    "receive_fax": ("Receiving fax", {}),
    "pay": ("Payment started", PAY),
    "ai": ("AI started", {"prompt": {"text": "Be kind."}}),
    "queue.enter": ("Entering Queue", {"queue_name": "support"}),
}
"""Methods that start an operation with a control id."""
ON_CALLS: dict[str, tuple[str, Object]] = {
    "hold": ("Call on hold", {}),
    "denoise": ("Denoiser on", {}),
    "echo": ("Echo started", {}),
    "user_event": ("Event sent", {"event": "hello"}),
    "amazon_bedrock": ("AI started", {"prompt": "Be kind."}),
    "join_room": ("Joining room", {"name": "lobby"}),
    "join_conference": ("Joining conference", {"name": "team"}),
    "bind_digit": ("Digit binding created", {"digits": "1", "bind_method": "calling.hold"}),
    "clear_digit_bindings": ("Digit bindings cleared", {}),
    "live_transcribe": ("Live transcription started", {"action": EN}),
    "live_translate": ("Live translation started", {"action": EN_TO_FR}),
    "transfer": ("Transferring", {"dest": "https://example.com"}),
}
"""Methods on an answered call without a control id."""
MORE = {
    "record": {"url"},
    "tap": {"source_device"},
    "join_conference": {"conference_id"},
}
"""What a reply says beside the code, the message and the ids."""
ACCEPTED = STARTS | ON_CALLS


def request(method: str, control_id: str = "k") -> Object:
    return {"control_id": control_id} | ACCEPTED[method][1]


@pytest.mark.parametrize("method", ACCEPTED)
def test_a_reply_names_the_call_and_the_operation(method: str) -> None:
    _, client, call_id = answered_call()
    reply = client.verb(method, call_id, **request(method))
    expected = {"code": "200", "message": ACCEPTED[method][0], "call_id": call_id}
    if method in STARTS:
        expected["control_id"] = "k"
    assert {key: reply.get(key) for key in expected} == expected
    assert set(reply) - set(expected) == MORE.get(method, set())


@pytest.mark.parametrize("method", ACCEPTED)
def test_a_call_must_be_answered_and_there(method: str) -> None:
    world = World()
    client = world.connect("office")
    call_id = world.place()
    assert client.codes(call_id, method, **request(method)) == ["409"]
    assert client.codes("unknown", method, **request(method)) == ["404"]
    client.verb("end", call_id)
    assert client.codes(call_id, method, **request(method)) == ["410"]


@pytest.mark.parametrize("method", STARTS)
def test_a_control_id_is_used_once_at_a_time(method: str) -> None:
    _, client, call_id = answered_call()
    assert client.codes(call_id, method, method, **request(method)) == ["200", "409"]


@pytest.mark.parametrize("method", [*STARTS, "bind_digit"])
def test_operations_have_a_limit(method: str) -> None:
    world = World(make_config(limits=ExchangeLimits(operations=1)))
    _, client, call_id = answered_call(world=world)
    assert client.codes(call_id, "play", **request("play", "first")) == ["200"]
    assert client.codes(call_id, method, **request(method, "second")) == ["503"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        *((method, method) for method in ("hold", "denoise", "echo", "join_room")),
        *((method, method) for method in ("join_conference", "live_transcribe", "live_translate")),
        *((method, method) for method in ("transcribe", "pay", "ai", "queue.enter")),
        ("ai", "amazon_bedrock"),
        ("receive_fax", "send_fax"),
    ],
)
def test_a_call_has_one_at_a_time(first: str, second: str) -> None:
    _, client, call_id = answered_call()
    assert client.codes(call_id, first, **request(first, "first")) == ["200"]
    assert client.codes(call_id, second, **request(second, "second")) == ["409"]


@pytest.mark.parametrize(
    ("first", "method", "message"),
    [
        ("join_room", "leave_room", "Leaving room"),
        ("hold", "unhold", "Call off hold"),
        ("denoise", "denoise.stop", "Denoiser off"),
        ("ai", "ai_message", "Message sent"),
        ("ai", "ai_hold", "AI on hold"),
        *(
            (method, f"{method}.stop", "Stopping")
            for method in STARTS
            if method not in {"send_digits", "queue.enter"}
        ),
    ],
)
def test_the_reply_to_a_control_names_the_call(first: str, method: str, message: str) -> None:
    _, client, call_id = answered_call()
    client.verb(first, call_id, **request(first))
    reply = client.verb(method, call_id, control_id="k")
    expected = {"code": "200", "message": message, "call_id": call_id}
    assert reply == expected | ({"control_id": "k"} if message == "Stopping" else {})


UNKNOWN = """
    play.stop play.pause play.resume play_and_collect.stop collect.stop
    collect.start_input_timers record.stop record.pause record.resume detect.stop tap.stop
    stream.stop transcribe.stop send_fax.stop receive_fax.stop pay.stop ai.stop
"""
CONFLICT = "leave_room unhold denoise.stop disconnect ai_hold ai_unhold ai_message"
NOT_RUNNING: list[tuple[str, Object, str]] = [
    *((method, {}, "404") for method in UNKNOWN.split()),
    *((method, {}, "409") for method in CONFLICT.split()),
    ("queue.leave", {"queue_name": "support"}, "404"),
    ("leave_conference", {"conference_id": "x"}, "404"),
    ("live_transcribe", {"action": "stop"}, "409"),
    ("live_transcribe", {"action": {"summarize": {}}}, "409"),
    ("live_translate", {"action": {"stop": {}}}, "409"),
    ("live_translate", {"action": {"inject": {"message": "hi"}}}, "409"),
]


@pytest.mark.parametrize(("method", "params", "code"), NOT_RUNNING)
def test_what_is_not_running_cannot_be_controlled(method: str, params: Object, code: str) -> None:
    _, client, call_id = answered_call()
    params = {"control_id": "k"} | params
    assert client.codes(call_id, method, **params) == [code]
    assert client.codes("unknown", method, **params) == ["404"]


BAD_PLANS: list[object] = [
    *([], [[]], None),
    [phone("+1")],
    [[{"type": "phone", "params": {"to": "+1"}}]],
    [[{"type": "pigeon", "params": {}}]],
    *([[device]] for device in (CALL, QUEUE, STREAM)),
    [[phone("+1")] * 101],
]
REFUSED: dict[str, list[Object]] = {
    "play": [
        {"control_id": None} | PLAY,
        {},
        {"play": []},
        {"control_id": ""} | PLAY,
        {"control_id": 5} | PLAY,
        {"play": [{"type": "tts", "text": "flat"}]},
        {"play": [{"type": "opera", "params": {}}]},
        PLAY | {"volume": 41},
        PLAY | {"loop": -1},
    ],
    "collect": [{}, {"digits": {}}, {"digits": {"max": 0}}],
    "play_and_collect": [PLAY | {"collect": {}}],
    "send_digits": [{"digits": "12X"}, {"digits": ""}],
    "transfer": [{"dest": 5}],
    "end": [{"reason": 5}],
    "record": [
        *({"record": {"audio": audio}} for audio in ({"format": "ogg"}, {"direction": "in"}, 1)),
        *({"record": record} for record in ("audio", None)),
    ],
    "stream": [{"url": url} for url in ("https://example.com", "", "ws://example.com")],
    "detect": [
        *({"detect": {"type": "dog"}}, {"detect": {}}, {"detect": None}),
        {"detect": {"type": "fax", "params": 1}},
    ],
    "join_conference": [
        {"name": "team"} | params
        for params in ({"beep": True}, {"record": "yes"}, {"max_participants": 0})
    ],
    "refer": [{"device": {"type": "phone", "params": {"to": "+1"}}}],
    "connect": [{"devices": [[QUEUE, phone("+1")]]}, {"devices": [[CALL, phone("+1")]]}],
    "ai_hold": [{"timeout": 10}, {"timeout": "soon"}, {"timeout": ""}],
    "pay": [
        PAY | params for params in ({"max_attempts": 2}, {"timeout": "x"}, {"security_code": 1})
    ],
    "bind_digit": [
        {"digits": "w", "bind_method": "calling.hold"},
        *(
            {"digits": "1", "bind_method": method}
            for method in ("calling.fly", "signalwire.receive", "")
        ),
    ],
    "live_transcribe": [{"action": "start"}, {"action": {"start": {}}}],
    "live_translate": [{"action": EN}, {"action": None}],
    "dial": [{"tag": "t", "devices": plan} for plan in BAD_PLANS],
    "begin": [{"device": {"type": "phone"}}],
}
"""Parameters that a method does not take, for an answered call and the control id "k"."""


@pytest.mark.parametrize(
    ("method", "params"),
    [
        pytest.param(method, params, id=f"{method} {json.dumps(params)[:60]}")
        for method, rows in REFUSED.items()
        for params in rows
    ],
)
def test_bad_parameters_are_refused_and_change_nothing(method: str, params: Object) -> None:
    world, client, call_id = answered_call()
    told = len(world.told)
    assert client.verb(method, call_id, **{"control_id": "k"} | params)["code"] == -32602
    assert world.told[told:] == []


@pytest.mark.parametrize("method", ["play", "collect"])
def test_a_start_needs_a_control_id(method: str) -> None:
    _, client, call_id = answered_call()
    assert client.codes(call_id, method, **ACCEPTED[method][1]) == [-32602]


@pytest.mark.parametrize("method", sorted(name for name in METHODS if name.startswith("calling.")))
def test_every_method_of_the_specification_is_carried_out(method: str) -> None:
    client = World().connect()
    unknown: Object = {"node_id": "node-1", "call_id": "unknown"}
    assert client.ask(method, **unknown).get("error", {}).get("code") in {None, -32602}
    client.send(method, [])
    assert client.frames[-1]["error"]["code"] == -32602


def test_calls_of_others_are_unknown() -> None:
    world, client, call_id = answered_call()
    assert world.connect().codes(call_id, "end") == ["404"]
    elsewhere = client.answer("calling.end", node_id="node-2", call_id=call_id)
    assert elsewhere["code"] == "404"


def test_ended_calls_are_gone_and_later_unknown() -> None:
    world = World(make_config(limits=ExchangeLimits(ended_calls=1)))
    _, client, first = answered_call(world=world)
    assert client.codes(first, "end", "end") == ["200", "410"]
    client.verb("end", world.place())
    assert client.codes(first, "end") == ["404"]
