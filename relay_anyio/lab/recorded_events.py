"""The events of the service in a recording, as the journal of the simulator tells of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeAlias

from relay_proto.exchange import Happened, What, Who
from relay_proto.rpc.frames import JSONObject, is_object

from .frames import Facts

Told: TypeAlias = tuple[Who, What, dict[str, object]]

OF_CONNECTING: Final[Mapping[object, What]] = {
    "connected": What.CONNECTED,
    "disconnected": What.DISCONNECTED,
    "failed": What.CONNECT_FAILED,
}


def happened_in(facts: Facts, at: float) -> Iterator[Happened]:
    """Yield what an event says: nothing if the timeline shows it in another way."""
    tell = TELLS.get(facts.method)
    for who, what, details in () if tell is None else tell(facts.params):
        shown = {key: str(value) for key, value in details.items()}
        yield Happened(at, facts.call, who, what, shown)


def object_or_empty(value: object) -> JSONObject:
    """Return a JSON object, or an empty one in place of anything else."""
    return value if is_object(value) else {}


def _receive(params: JSONObject) -> Iterator[Told]:
    number, to = _numbers(params)
    yield Who.CALLER, What.CALLED, {"number": number, "to": to}
    yield Who.EXCHANGE, What.OFFERED, {"context": params.get("context", "")}


def _state(params: JSONObject) -> Iterator[Told]:
    number, to = _numbers(params)
    outbound = params.get("direction") == "outbound"
    match params.get("call_state"):
        case "created" if outbound:
            yield Who.PROGRAM, What.DIALED, {"to": to, "number": number}
        case "ringing" if outbound:
            yield Who.EXCHANGE, What.RANG, {"to": to}
        case "answered":
            yield Who.CALLER if outbound else Who.PROGRAM, What.ANSWERED, {}
        case "ended":
            yield Who.EXCHANGE, What.ENDED, {"reason": params.get("end_reason", "")}
        case _:
            pass


def _connect(params: JSONObject) -> Iterator[Told]:
    what = OF_CONNECTING.get(params.get("connect_state"))
    if what is not None:
        peer = object_or_empty(params.get("peer"))
        to = _numbers(peer)[1] or "the other call"
        reason = params.get("failed_reason", "")
        yield Who.EXCHANGE, what, {"to": to, "peer": peer.get("call_id", ""), "reason": reason}


def _collect(params: JSONObject) -> Iterator[Told]:
    result = object_or_empty(params.get("result"))
    kind = result.get("type", "")
    if kind in ("no_input", "no_match"):
        yield Who.PROGRAM, What.HEARD_NOTHING, {}
    elif kind:
        said = object_or_empty(result.get("params"))
        value = said.get("digits", said.get("text", ""))
        yield Who.PROGRAM, What.COLLECTED, {"input": kind, "value": value}


def _dial(params: JSONObject) -> Iterator[Told]:
    if params.get("dial_state") == "failed":
        yield Who.EXCHANGE, What.DIAL_FAILED, {"reason": params.get("reason", "")}


def _text(params: JSONObject) -> Iterator[Told]:
    number, to = params.get("from_number", ""), params.get("to_number", "")
    yield Who.CALLER, What.SENT_TEXT, {"number": number, "to": to, "text": params.get("body", "")}


def _text_state(params: JSONObject) -> Iterator[Told]:
    identity, state = params.get("message_id", ""), params.get("message_state", "")
    yield Who.EXCHANGE, What.TEXT_MOVED, {"text_id": identity, "state": state}


def _numbers(params: JSONObject) -> tuple[object, object]:
    """Return who calls and who is called."""
    device = object_or_empty(object_or_empty(params.get("device")).get("params"))
    number = device.get("from_number", device.get("from", ""))
    return number, device.get("to_number", device.get("to", ""))


TELLS: Final[Mapping[str, Callable[[JSONObject], Iterator[Told]]]] = {
    "calling.call.receive": _receive,
    "calling.call.state": _state,
    "calling.call.connect": _connect,
    "calling.call.collect": _collect,
    "calling.call.dial": _dial,
    "messaging.receive": _text,
    "messaging.state": _text_state,
}
