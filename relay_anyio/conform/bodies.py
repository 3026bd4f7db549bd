"""What the service sends: names and numbers, and the bodies of events about calls."""

from __future__ import annotations

from typing import Final

from relay_proto.rpc.frames import JSONObject

PROJECT: Final = "conform-project-4b1d"
TOKEN: Final = "PT-conform-token-9c2e"
CONTEXT: Final = "conform"
OUR_NUMBER: Final = "+15550002222"
CALLER: Final = "+15550001111"
DIALED: Final = "+15550003000"
NODE: Final = "node-1"
SIGNATURE: Final = "4b1d7a"
"""Some clients go on only with a session whose name has the signature of their account."""


def call_body(call: str, state: str) -> JSONObject:
    """The body of an event about an inbound call."""
    numbers = {"from_number": CALLER, "to_number": OUR_NUMBER}
    return {
        "call_id": call,
        "node_id": NODE,
        "segment_id": call,
        "project_id": PROJECT,
        "call_state": state,
        "direction": "inbound",
        "tag": "",
        "device": {"type": "phone", "params": numbers},
    }


def leg_body(call: str, tag: object, state: str) -> JSONObject:
    """The body of a state event of a leg of a dial."""
    numbers = {"from_number": OUR_NUMBER, "to_number": DIALED}
    return {
        "call_id": call,
        "node_id": NODE,
        "segment_id": call,
        "tag": tag,
        "call_state": state,
        "direction": "outbound",
        "device": {"type": "phone", "params": numbers},
    }


def request_frame(identity: object, method: str, params: JSONObject) -> JSONObject:
    """Return a request of the service."""
    return {"jsonrpc": "2.0", "id": identity, "method": method, "params": params}
