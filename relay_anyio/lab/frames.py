"""Frames: what one says, found without knowing the program that sent it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from relay_proto.constants import METHOD_SIGNALWIRE_EVENT, METHOD_SIGNALWIRE_PING
from relay_proto.rpc.frames import JSONObject, decode_any, is_object

Kind: TypeAlias = Literal[
    "request", "response", "error", "event", "acknowledgement", "ping", "malformed"
]
WRAPPED: Final[Mapping[str, str]] = {"blade.execute": "", "blade.broadcast": "event"}
"""The methods of version 2 that carry others."""
PINGS: Final = frozenset({METHOD_SIGNALWIRE_PING, "blade.ping"})
MOST_OPEN: Final = 1000
"""Requests of one side that wait for their responses, and are remembered."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a frame is. `params` are those of the request, or of the event."""

    kind: Kind
    method: str = ""
    call: str = ""
    params: JSONObject = field(default_factory=dict[str, object])
    result: JSONObject = field(default_factory=dict[str, object])
    took: float | None = None
    """The seconds from the request to this response."""


@dataclass(frozen=True, slots=True)
class _Request:
    facts: Facts
    at: float


class Conversation:
    """The frames of one connection: finds the request that belongs to each response."""

    def __init__(self) -> None:
        self._open: dict[tuple[bool, str], _Request] = {}
        """By who has asked, and by the id."""

    def read(self, data: bytes, at: float, *, received: bool) -> Facts:
        """Return what the frame is, which the lab has received or sends."""
        frame = decode_any(data)
        if not is_object(frame):
            return Facts("malformed")
        identity = str(frame.get("id"))
        method = frame.get("method")
        if isinstance(method, str):
            facts = _asked(method, _object(frame.get("params")))
            self._open[received, identity] = _Request(facts, at)
            while len(self._open) > MOST_OPEN:
                del self._open[next(iter(self._open))]
            return facts
        asked = self._open.pop((not received, identity), None)
        result = _object(frame.get("result"))
        result = _object(result.get("result", result))  # of version 2
        return _answered(asked, result, at, refused="error" in frame)


def _asked(method: str, params: JSONObject) -> Facts:
    if method in WRAPPED:
        inner = _object(params.get("params"))
        if method == "blade.broadcast":
            return _event(inner)
        method, params = str(params.get("method")), inner
    if method == METHOD_SIGNALWIRE_EVENT:
        return _event(params)
    return Facts("ping" if method in PINGS else "request", method, _call_of(params), params)


def _event(params: JSONObject) -> Facts:
    inner = _object(params.get("params"))
    return Facts("event", str(params.get("event_type", "")), _call_of(inner), inner)


def _answered(asked: _Request | None, result: JSONObject, at: float, *, refused: bool) -> Facts:
    if asked is None:
        return Facts("error" if refused else "response", result=result)
    facts = asked.facts
    kind: Kind = "response"
    if facts.kind == "event":
        kind = "acknowledgement"
    elif facts.kind == "ping":
        kind = "ping"
    if refused or str(result.get("code", "200")) != "200":
        kind = "error"
    return Facts(kind, facts.method, facts.call, facts.params, result, at - asked.at)


def _call_of(params: JSONObject) -> str:
    call = params.get("call_id")
    return call if isinstance(call, str) else ""


def _object(value: object) -> JSONObject:
    return value if is_object(value) else {}
