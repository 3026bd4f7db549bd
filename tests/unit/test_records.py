"""Records: what they show of themselves, and that each has data of its own."""

from __future__ import annotations

from typing import cast

from relay_proto.pending import Pending
from relay_proto.records import ActionRecord, CallRecord, DialRecord, MessageRecord
from relay_proto.rpc import action_kinds as kinds
from relay_proto.transitions import CALL_ORDER
from relay_proto.values.literals import CallStateText


def test_no_repr_shows_more_than_ids_and_states() -> None:
    call = CallRecord("c-1", "n-1", tag="t-1", device={"type": "phone"}, state="ringing")
    records = [
        call,
        ActionRecord(call, "a-1", kinds.PLAY),
        DialRecord("t-1", Pending(), 120.0),
        MessageRecord(message_id="m-1", to_number="+1", body="Hi", state="queued"),
    ]
    assert [repr(record) for record in records] == [
        "<CallRecord c-1 ringing>",
        "<ActionRecord calling.play a-1 starting>",
        "<DialRecord t-1 requested>",
        "<MessageRecord m-1 queued>",
    ]


def test_calls_do_not_share_a_device() -> None:
    first, second = CallRecord("c-1", "n-1"), CallRecord("c-2", "n-1")
    first.device["type"] = "phone"
    assert second.device == {}


def test_a_device_that_is_json_is_decoded_once() -> None:
    call = CallRecord("c-1", "n-1", device=b'{"type":"phone"}')
    assert call.has_device
    call.device["type"] = "sip"
    assert call.device == {"type": "sip"}


def test_calls_do_not_share_a_peer() -> None:
    first, second = CallRecord("c-1", "n-1"), CallRecord("c-2", "n-1")
    first.peer["call_id"] = "c-3"
    assert (first.peer, second.peer) == ({"call_id": "c-3"}, {})


def test_messages_do_not_share_their_lists() -> None:
    first, second = MessageRecord(), MessageRecord()
    first.media.append("u")
    first.tags.append("a")
    assert (second.media, second.tags) == ([], [])


def test_a_message_begins_empty() -> None:
    message = MessageRecord()
    fields = {name: getattr(message, name) for name in MessageRecord.__slots__ if name != "done"}
    empty = dict.fromkeys(fields, "")
    assert fields == empty | {
        "media": [],
        "tags": [],
        "segments": 0,
        "result": None,
        "handle": None,
    }
    assert not message.done.settled


def test_a_call_begins_empty() -> None:
    call = CallRecord("c-1", "n-1")
    assert (call.connected, call.end_reason, call.has_device) == (False, "", False)
    assert (call.actions, call.waits, call.last_state_event) == ({}, {}, None)
    assert (call.ended, call.has_reached("created")) == (False, False)


def test_how_far_a_call_is_follows_the_order_of_states() -> None:
    for rank, state in enumerate(CALL_ORDER):
        call = CallRecord("c-1", "n-1")
        call.state = cast("CallStateText", state)
        reached = [call.has_reached(other) for other in CALL_ORDER]
        assert reached == [True] * (rank + 1) + [False] * (len(CALL_ORDER) - rank - 1)
