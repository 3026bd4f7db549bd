"""Records: what they show of themselves, and that each has data of its own."""

from __future__ import annotations

from relay_proto.pending import Pending
from relay_proto.records import ActionRecord, CallRecord, DialRecord, MessageRecord
from relay_proto.rpc import action_kinds as kinds


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
