"""What is decoded at one go means what it means step by step, and a fault in it is found."""

from __future__ import annotations

import json
from operator import attrgetter

import msgspec
import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from relay_proto.rpc.event_base import RelayEvent
from relay_proto.rpc.events import decode_event, event_of
from relay_proto.rpc.frames import (
    EventFrame,
    Frame,
    ReplyFrame,
    RequestFrame,
    decode_frame,
    decode_server_frame,
)
from tests.faults import seams
from tests.faults.registry import FAULTS, Fault, Law, PlantedError
from tests.faults.seams import Function
from tests.spec.json_values import json_objects, json_values

ids = st.sampled_from(['"1"', '"é"', r'"\u0061"', "7", "-0", "1.5", "null", "[]", "{}", "true"])
types = st.sampled_from(
    ["calling.call.play", "calling.call.state", "signalwire.authorization.state", "news", ""]
).map(json.dumps)
odd = json_values.map(json.dumps) | st.sampled_from(["1e999", r'"\ud83d"', "null", '""', "[[{}]]"])
bodies = json_objects.map(json.dumps) | st.sampled_from(
    ['{"call_id":"c","control_id":"p","state":"playing"}', '{"call_id":7}', '{"timestamp":3}']
)
times = st.sampled_from(["1700000000.25", "0", "-1", "1e300", '"12.5"'])


def objects(members: dict[str, st.SearchStrategy[str]]) -> st.SearchStrategy[str]:
    """JSON objects that have some of these members: in any order, spaced, or twice."""
    pairs = [st.tuples(st.just(json.dumps(name)), value) for name, value in members.items()]
    chosen = st.lists(st.one_of(pairs), max_size=len(members) + 1)
    whole = st.tuples(*pairs).map(list)
    return st.one_of(whole, chosen).flatmap(
        lambda found: st.permutations(found).map(
            lambda order: "{" + ", ".join(f"{name}: {value}" for name, value in order) + "}"
        )
    )


params = objects({"event_type": types, "timestamp": times, "params": bodies}) | objects(
    {"event_type": types | odd, "timestamp": times | odd, "params": bodies | odd, "node_id": odd}
)
events = st.builds(
    '{{"jsonrpc":"2.0","id":{},"method":"signalwire.event","params":{}{}}}'.format,
    ids,
    params,
    st.sampled_from(["", "", "", ',"result":{}', ',"error":null', ',"error":{"code":1}']),
)
methods = st.sampled_from(["signalwire.event", "signalwire.ping"]).map(json.dumps) | odd
others = objects(
    {"id": ids, "method": methods, "params": params | odd, "result": odd, "error": odd}
) | objects({"id": ids, "result": bodies})
messages = (events | others | st.text(max_size=20)).map(lambda text: text.encode(errors="replace"))


def told(event: RelayEvent | None) -> object:
    """All that an event says."""
    if event is None:
        return None
    fields = {name: getattr(event, name) for name in event.__struct_fields__}
    return type(event), fields | {"raw": bytes(event.raw)}


def check_equal(data: bytes) -> None:
    quick, slow = decode_server_frame(data), decode_frame(data)
    if not isinstance(quick, EventFrame):
        assert quick == slow
        return
    assert isinstance(slow, RequestFrame)
    assert (quick.id, "signalwire.event") == (slow.id, slow.method)
    assert told(event_of(quick)) == told(decode_event(slow.params))


@given(messages)
@settings(max_examples=600)
@example(b'{"id":"1","method":"signalwire.event","params":{"event_type":"x"},"error":null}')
@example(b'{"id":"1","method":"signalwire.event","params":' + b"[" * 100_000)
@example(b'{"id":"1","method":"signalwire.event","params":{"event_type":"x","timestamp":"1"}}')
def test_at_one_go_means_what_it_means_step_by_step(data: bytes) -> None:
    check_equal(data)


def test_an_event_and_a_reply_are_decoded_at_one_go() -> None:
    """Else both sides of the comparison were the same."""

    def decode_frame(original: Function, data: bytes) -> Frame:
        raise PlantedError

    with seams.DECODE_FRAME.replaced(decode_frame):
        event = decode_server_frame(
            b'{"id":"1","method":"signalwire.event","params":{"event_type":"x","params":{"a":1}}}'
        )
        reply = decode_server_frame(b'{"id":"1","result":{}}')
        with pytest.raises(PlantedError):
            decode_server_frame(b"{}")
    assert event == EventFrame(
        id=b'"1"', event_type="x", body=msgspec.Raw(b'{"a":1}'), timestamp=None
    )
    assert reply == ReplyFrame(id="1", result=msgspec.Raw(b"{}"))


@pytest.mark.parametrize(
    "fault",
    [fault for fault in FAULTS if Law.SERVER_FRAME in fault.laws],
    ids=attrgetter("name"),
)
def test_a_planted_fault_is_found(fault: Fault) -> None:
    @given(messages)
    @settings(max_examples=4_000, database=None, phases=[Phase.generate], derandomize=True)
    def law(data: bytes) -> None:
        check_equal(data)

    with fault.planted(), pytest.raises(AssertionError):
        law()
