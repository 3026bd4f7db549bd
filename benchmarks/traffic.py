"""The frames of the server, encoded before the measurement starts."""

from __future__ import annotations

import json
import struct
from typing import Any, Final

NODE: Final = "c8a0d5f4-5a6b-4f2e-9d5e-1f8d3a1b7c90@us-east"
PROJECT: Final = "8f0a119a-cda7-4497-a47d-c81493b824d4"
PLAY: Final = "calling.call.play"


def identity(kind: int, number: int) -> str:
    """Return an id of the usual length. `kind` keeps ids of calls and of events apart."""
    return f"{kind:08x}-5d2f-4e6b-8b1a-{number:012x}"


def call_id(number: int) -> str:
    return identity(0xCA11, number)


def control_id(number: int) -> str:
    return identity(0xC0, number)


def framed(payload: bytes) -> bytes:
    """Return a whole text frame as a server sends it, without a mask."""
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    if size < 65_536:
        return b"\x81\x7e" + struct.pack("!H", size) + payload
    return b"\x81\x7f" + struct.pack("!Q", size) + payload


def encoded(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def reply(raw_id: bytes, result: dict[str, Any]) -> bytes:
    head = b'{"jsonrpc":"2.0","id":"' + raw_id + b'","result":'
    return framed(head + encoded(result) + b"}")


def event(number: int, event_type: str, params: dict[str, Any]) -> bytes:
    frame = {
        "jsonrpc": "2.0",
        "id": identity(0xE7, number),
        "method": "signalwire.event",
        "params": {
            "event_type": event_type,
            "event_channel": f"signalwire_{PROJECT}",
            "timestamp": 1_700_000_000.25,
            "project_id": PROJECT,
            "node_id": NODE,
            "params": params,
        },
    }
    return framed(encoded(frame))


def offer(number: int, call: int) -> bytes:
    """An inbound call."""
    device: dict[str, Any] = {
        "type": "phone",
        "params": {"from_number": f"+1555{call:07d}", "to_number": "+15550002222", "headers": []},
    }
    params = {
        "call_id": call_id(call),
        "node_id": NODE,
        "project_id": PROJECT,
        "segment_id": call_id(call),
        "context": "bench",
        "call_state": "created",
        "direction": "inbound",
        "tag": "",
        "device": device,
    }
    return event(number, "calling.call.receive", params)


def play(number: int, call: int) -> bytes:
    """An event of a call: its playback has started."""
    params = {
        "call_id": call_id(call),
        "node_id": NODE,
        "control_id": control_id(call),
        "state": "playing",
    }
    return event(number, PLAY, params)


def plays(first: int, count: int, calls: int) -> list[bytes]:
    """Return `count` events of `calls` calls in turn. Each event has its own id."""
    sample = play(0, 0)
    if len(sample) != len(play(2**40, 2**40)):
        raise AssertionError("the frames of all events have one length")
    event_id, of_call = identity(0xE7, 0).encode(), call_id(0).encode()
    control = control_id(0).encode()
    # There are 10^5 frames. Replacing is about 20 times cheaper than encoding.
    templates = [
        sample.replace(of_call, call_id(call).encode()).replace(control, control_id(call).encode())
        for call in range(min(calls, count))
    ]
    position = sample.index(event_id)
    before = [template[:position] for template in templates]
    behind = [template[position + len(event_id) :] for template in templates]
    return [
        before[n % calls] + identity(0xE7, first + n).encode() + behind[n % calls]
        for n in range(count)
    ]
