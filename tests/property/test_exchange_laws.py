"""Laws of an exchange: it never raises, chunks change nothing, and time moves forward."""

from __future__ import annotations

import json
from dataclasses import replace
from random import Random
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from relay_proto.exchange import (
    Answers,
    Busy,
    Declines,
    Exchange,
    ExchangeConfig,
    Fax,
    HangUp,
    Hear,
    Human,
    Line,
    Machine,
    NoAnswer,
    Press,
    Say,
    Step,
    Unclear,
    Wait,
)
from relay_proto.exchange.verbs import VERBS
from relay_proto.outputs import SendData
from relay_proto.wire.websocket import Role
from tests.property.wires import frame, split, whole_frames
from tests.unit.exchange_client import Client, Object, World, make_config, phone, tts

BUSY, SILENT, SHY = "+1555000300", "+1555000301", "+1555000302"
CONFIG = make_config(
    lines=(
        Line(BUSY, Busy()),
        Line(SILENT, NoAnswer()),
        Line(SHY, Declines()),
    ),
    default_line=Answers(
        after=1,
        script=(Hear("hello", timeout=5), Press("12"), HangUp()),
        nature=Machine("hello"),
    ),
)
OBSERVED = replace(CONFIG, observed=True)

# Parameters that are almost right get further than junk: known keys, sometimes with junk.

JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda values: (
        st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=5), values, max_size=3)
    ),
    max_leaves=5,
)
NUMBERS = st.sampled_from([0, 0.5, 1, 3, 10.5])
MEDIA = st.lists(
    st.sampled_from(
        [
            tts("hello"),
            tts(""),
            {"type": "silence", "params": {"duration": 0}},
            {"type": "ringtone", "params": {"name": "us"}},
            {"type": "audio", "params": {"url": "u"}},
        ]
    ),
    max_size=3,
)
DEVICES = st.lists(
    st.lists(st.sampled_from([phone(BUSY), phone(SILENT, timeout=2), phone(SHY), phone("+1")])),
    max_size=3,
) | st.sampled_from(
    [
        [[{"type": "queue", "params": {"queue_name": "n"}}]],
        [[{"type": "stream", "params": {"url": "wss://x"}}]],
    ]
)
COLLECT = st.fixed_dictionaries(
    {},
    optional={
        "digits": st.just({"max": 2, "terminators": "#", "digit_timeout": 1}),
        "speech": st.just({"end_silence_timeout": 0, "speech_timeout": 2}),
        "initial_timeout": NUMBERS,
        "continuous": st.booleans(),
        "partial_results": st.booleans(),
        "send_start_of_input": st.booleans(),
        "start_input_timers": st.booleans(),
    },
)
RECORD = st.fixed_dictionaries(
    {},
    optional={
        "beep": st.booleans(),
        "direction": st.sampled_from(["listen", "speak", "both"]),
        "initial_timeout": NUMBERS,
        "end_silence_timeout": NUMBERS,
        "max_length": NUMBERS,
        "terminators": st.sampled_from(["", "1"]),
    },
)
DETECT = st.fixed_dictionaries(
    {"type": st.sampled_from(["machine", "fax", "digit"])},
    optional={
        "params": st.sampled_from([{}, {"detect_message_end": False}, {"digits": "1"}]),
    },
)
LIVE = st.sampled_from(
    [
        {"start": {"lang": "en", "from_lang": "en", "to_lang": "fr"}},
        {"summarize": {}},
        {"inject": {"message": "hello"}},
        {"stop": {}},
        "stop",
        {},
    ]
)
TARGETS = st.sampled_from(
    [
        phone("+1"),
        phone(BUSY),
        {"type": "sip", "params": {"to": "+1"}},
        {"type": "sip", "params": {"to": SILENT}},
        {"type": "rtp", "params": {"addr": "a", "port": 1}},
    ]
)
BOUND = st.sampled_from(
    [
        {},
        {"play": [tts("hello")]},
        {"control_id": "a"},
        {"digits": "1", "bind_method": "calling.end"},
    ]
)
PARAMS: dict[str, st.SearchStrategy[Any]] = {
    "control_id": st.sampled_from(["a", "b", "c"]),
    "tag": st.sampled_from(["t", "u"]),
    "play": MEDIA,
    "ringback": MEDIA,
    "collect": COLLECT,
    "record": st.fixed_dictionaries({"audio": RECORD})
    | st.sampled_from(["do-not-record", "record-from-start"]),
    "behavior": st.sampled_from(["skip", "silence"]),
    "detect": DETECT,
    "timeout": NUMBERS | st.sampled_from(["0", "3"]),
    "tap": st.just({"type": "audio"}),
    "device": TARGETS,
    "url": st.just("wss://x"),
    "document": st.just("d"),
    "payment_connector_url": st.just("u"),
    "max_attempts": st.sampled_from(["1", "2"]),
    "name": st.sampled_from(["n", "m"]),
    "max_participants": st.integers(1, 2),
    "start_on_enter": st.booleans(),
    "end_on_exit": st.booleans(),
    "queue_name": st.sampled_from(["n", "m"]),
    "message_text": st.just("hello"),
    "role": st.sampled_from(["user", "assistant"]),
    "action": LIVE,
    "bind_method": st.sampled_from(sorted(VERBS)),
    "params": BOUND,
    "max_triggers": st.integers(0, 2),
    "digits": st.sampled_from(["12w#", "1", "12", {"max": 1}]),
    "speech": st.just({}),
    "devices": DEVICES,
    "loop": st.integers(0, 3),
    "volume": NUMBERS,
    "max_duration": NUMBERS,
    "initial_timeout": NUMBERS,
    "dest": st.sampled_from(["context:office", "context:x", "https://example.com"]),
    "reason": st.sampled_from(["busy", ""]),
    "contexts": st.lists(st.sampled_from(["office", "x", ""]), max_size=3),
    "to_number": st.just("+1"),
    "from_number": st.just("+2"),
    "body": st.text(max_size=3),
}
METHODS = st.sampled_from(sorted(VERBS))
ALMOST_RIGHT = st.fixed_dictionaries(PARAMS) | st.fixed_dictionaries(
    {}, optional={name: values | JUNK for name, values in PARAMS.items()}
)
STEPS = st.lists(
    st.one_of(
        st.builds(Wait, NUMBERS),
        st.builds(Hear, st.sampled_from(["hello", "nothing"]), NUMBERS),
        st.builds(Press, st.sampled_from(["", "1", "12#"]), NUMBERS),
        st.builds(Say, st.sampled_from(["", "hello you"])),
        st.just(HangUp()),
    ),
    max_size=5,
)


PAUSING = Machine((Say("hi"), Wait(2.0), Say("hello")))
NATURES = st.sampled_from(
    [Human(), Machine("hello", beep=False), PAUSING, Fax("CNG", pages=2), Unclear()]
)


def call_ids(client: Client) -> list[str]:
    ids = [event["call_id"] for event in client.events() if "call_id" in event]
    return list(dict.fromkeys(ids))


def act(world: World, client: Client, data: st.DataObject) -> None:
    """Do one thing that a program, a caller or the network may do."""
    match data.draw(st.integers(0, 9), "what"):
        case 0:
            script: list[Step] = data.draw(STEPS, "script")
            patience, nature = data.draw(NUMBERS, "patience"), data.draw(NATURES, "nature")
            world.place(*script, patience=patience, nature=nature)
        case 1:
            for call_id in call_ids(client):
                client.verb("answer", call_id)
        case 2:
            client.send(data.draw(METHODS, "method"), data.draw(JUNK, "params"))
        case 3:
            world.pass_time(data.draw(st.sampled_from([0, 0.1, 1, 7, 50]), "seconds"))
        case _:
            known = call_ids(client) or ["unknown"]
            call_id = data.draw(st.sampled_from(known), "call")
            params = data.draw(ALMOST_RIGHT, "params")
            named = {"node_id": "node-1", "call_id": call_id}
            client.send(data.draw(METHODS, "method"), params | named)


@given(st.data(), st.integers(5, 30))
def test_whatever_programs_ask_nothing_raises_and_everything_is_answered(
    data: st.DataObject, actions: int
) -> None:
    world = World(CONFIG)
    client = world.connect("office")
    for _ in range(actions):
        act(world, client, data)
    asked = len([frame for frame in client.frames if "method" not in frame])
    assert asked == client.requests
    for call_id in call_ids(client):
        states = client.states(call_id)
        order = ["created", "ringing", "answered", "ending", "ended"]
        assert states == sorted(states, key=order.index)
        assert len(set(states)) == len(states)
    world.exchange.forget_sessions(world.now)
    world.deliver()
    world.pass_time(10_000)
    assert world.exchange.deadline() is None


@given(JUNK, st.sampled_from(["signalwire.connect", "signalwire.ping", "x"]))
@example({"version": {"major": 2}, "authentication": {"project": [1]}}, "signalwire.connect")
def test_whatever_a_stranger_asks_is_answered(params: object, method: str) -> None:
    client = World(CONFIG).open()
    client.send(method, params)
    [answer] = client.frames
    assert ("result" in answer) == (method == "signalwire.ping")


@given(st.binary(max_size=100), st.booleans(), st.booleans())
def test_no_bytes_raise(data: bytes, upgraded: bool, framed: bool) -> None:
    world = World(CONFIG)
    client = world.open()
    if not upgraded:
        client.world.exchange.transport_closed(client.transport, 0.0, "again")
        world.exchange.transport_opened(client.transport, 0.0)
    if framed and upgraded:
        wire = b"\x81" + bytes([0x80 | len(data)]) + b"\0\0\0\0" + data
        client.world.exchange.receive_data(client.transport, wire, 0.0)
    else:
        client.world.exchange.receive_data(client.transport, data, 0.0)
    while world.exchange.next_output() is not None:
        pass


# Chunks


def record_session(config: ExchangeConfig) -> bytes:
    """Return what a client sends in a short conversation, with its acknowledgements."""
    world = World(config)
    client = world.connect("office")
    client.ask("calling.dial", tag="t", devices=[[phone(BUSY)]])
    client.ask("messaging.send", to_number="+1", from_number="+2", body="Hi")
    client.send_frame([])
    client.write(client.wire.send_text(b"not json"))
    client.write(b"\x89\x80\0\0\0\0")
    client.verb("end", "unknown")
    return bytes(client.sent)


RECORDED = record_session(CONFIG)
LAST_WORDS = [
    frame(Role.SERVER, 0x81, json.dumps({"id": number, "method": method, "params": {}}).encode())
    for number, method in enumerate(["signalwire.ping", "calling.echo", "messaging.send"])
]
LAST = {
    "nothing": b"",
    "a close": frame(Role.SERVER, 0x88, b"\x03\xe8"),
    "a violation": frame(Role.SERVER, 0xC1, b""),
}


def replay(chunks: list[bytes]) -> tuple[bytes, list[object]]:
    """Return the bytes and the other outputs that follow from these chunks."""
    exchange = Exchange(OBSERVED, Random(1))
    exchange.transport_opened(1, 0.0)
    written = bytearray()
    others: list[object] = []
    for chunk in chunks:
        exchange.receive_data(1, chunk, 0.0)
        while (output := exchange.next_output()) is not None:
            match output:
                case SendData(data=data):
                    written.extend(data)
                case _:
                    others.append(output)
    return bytes(written), others


def written_frames(written: bytes) -> list[tuple[int, bytes]]:
    """Return the frames that a server wrote."""
    head, _, frames = written.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101")
    return whole_frames(frames)


@given(
    words=st.lists(st.sampled_from(LAST_WORDS), max_size=3),
    last=st.sampled_from(sorted(LAST)),
    cuts=st.lists(st.integers(0, len(RECORDED) + 400), max_size=30),
)
@example(words=[], last="nothing", cuts=list(range(len(RECORDED))))
@example(words=LAST_WORDS, last="a close", cuts=[len(RECORDED)])
@example(words=LAST_WORDS, last="a violation", cuts=[len(RECORDED)])
def test_chunks_change_nothing(words: list[bytes], last: str, cuts: list[int]) -> None:
    stream = b"".join([RECORDED, *words, LAST[last]])
    expected_written, expected_others = replay(split(stream, range(len(stream))))
    for chunks in ([stream], split(stream, cuts)):
        written, others = replay(chunks)
        assert written_frames(written) == written_frames(expected_written)
        assert others == expected_others


# Time

RUNNING: dict[str, Object] = {
    "play": {"play": [tts("hello")], "loop": 0},
    "collect": {"digits": {"max": 9}, "continuous": True},
    "record": {"record": {}},
    "detect": {"detect": {"type": "machine"}},
    "receive_fax": {},
    "pay": {"payment_connector_url": "u"},
    "live_transcribe": {"action": {"start": {"lang": "en"}}},
    "bind_digit": {"digits": "1", "bind_method": "calling.echo"},
}
"""Operations that have deadlines, all on one call."""


@given(st.data(), st.lists(st.floats(0, 100), max_size=30), st.integers(0, 3))
def test_after_the_timer_the_deadline_lies_ahead(
    data: st.DataObject, jumps: list[float], calls: int
) -> None:
    world = World(CONFIG)
    client = world.connect("office")
    for _ in range(calls):
        script: list[Step] = data.draw(STEPS)
        call_id = world.place(*script)
        client.verb("answer", call_id)
        for control_id, (method, params) in enumerate(RUNNING.items()):
            client.verb(method, call_id, **{"control_id": str(control_id)} | params)
    client.ask("calling.dial", tag="t", devices=[[phone(SILENT)], [phone("+1")]])
    now = 0.0
    for jump in jumps:
        now += jump
        world.exchange.handle_timer(now)
        deadline = world.exchange.deadline()
        assert deadline is None or deadline > now
        while world.exchange.next_output() is not None:
            pass
        world.exchange.handle_timer(now)
        assert world.exchange.next_output() is None
