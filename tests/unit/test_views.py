"""Views: what a handle shows of its record, now and after the record has changed."""

from __future__ import annotations

from typing import Any

import pytest

from relay_proto.api import commands
from relay_proto.api.views import ActionView, CallView, MessageView
from relay_proto.records import ActionRecord, CallRecord, MessageRecord
from relay_proto.rpc import action_kinds as actions
from relay_proto.rpc.events import MessageStateEvent, PlayEvent
from tests.unit.client_peer import Peer


class Call(CallView):
    def __init__(self, record: CallRecord) -> None:
        self._record = record


class Playing(ActionView[PlayEvent]):
    def __init__(self, record: ActionRecord) -> None:
        self._record = record


class Message(MessageView):
    @classmethod
    def of(cls, record: MessageRecord) -> Message:
        message = cls()
        message._record = record
        return message


def on_the_line(**params: Any) -> Call:
    return Call(CallRecord("c-1", "n-1", device={"type": "phone", "params": params}))


def connected() -> Peer:
    peer = Peer()
    peer.connect()
    return peer


# Calls


def test_a_call_shows_what_is_known_of_it() -> None:
    record = CallRecord(
        "c-1",
        "n-1",
        project_id="p-1",
        context="office",
        tag="t-1",
        direction="inbound",
        device={"type": "phone"},
        state="created",
        segment_id="s-1",
    )
    call = Call(record)
    assert repr(call) == "<Call c-1 inbound created>"
    assert (call.call_id, call.node_id, call.project_id) == ("c-1", "n-1", "p-1")
    assert (call.context, call.tag, call.segment_id) == ("office", "t-1", "s-1")
    assert (call.direction, call.state, call.end_reason) == ("inbound", "created", "")
    assert (call.device, call.peer) == ({"type": "phone"}, {})


def test_a_call_follows_what_the_server_tells() -> None:
    peer = connected()
    call = Call(peer.offer("c-1"))
    for state, active in [("ringing", True), ("answered", True), ("ending", False)]:
        peer.state("c-1", state)
        assert (call.state, call.is_active) == (state, active)
    peer.state("c-1", "ended", end_reason="busy")
    assert (call.state, call.end_reason, call.is_active) == ("ended", "busy", False)


def test_a_call_of_an_unknown_state_is_active() -> None:
    state: Any = "dreaming"
    assert Call(CallRecord("c-1", "n-1", state=state)).is_active


@pytest.mark.parametrize(
    ("params", "from_number", "to_number"),
    [
        ({"from_number": "+1", "to_number": "+2"}, "+1", "+2"),
        ({"from": "sip:a@b", "to": "sip:c@d"}, "sip:a@b", "sip:c@d"),
        ({"from_number": "+1", "from": "sip:a@b"}, "+1", ""),
        ({"from_number": 1, "from": "sip:a@b", "to_number": None}, "sip:a@b", ""),
        ({}, "", ""),
    ],
)
def test_a_call_says_who_is_calling_whom(
    params: dict[str, Any], from_number: str, to_number: str
) -> None:
    call = on_the_line(**params)
    assert (call.from_number, call.to_number) == (from_number, to_number)


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ([{"name": "X-A", "value": "1"}, {"name": "X-B", "value": "2"}], {"X-A": "1", "X-B": "2"}),
        ([{"name": "X-A", "value": "1"}, {"name": "X-A", "value": "2"}], {"X-A": "2"}),
        ([{"name": "X-A"}, {"value": "2"}, "X-B: 3", None], {"X-A": ""}),
        ([{"name": 1, "value": 2}], {"1": "2"}),
        ({"X-A": "1"}, {}),
        (None, {}),
    ],
)
def test_a_call_shows_its_sip_headers(headers: object, found: dict[str, str]) -> None:
    assert on_the_line(headers=headers).headers == found


@pytest.mark.parametrize("device", [{}, {"params": None}, {"params": ["from_number", "headers"]}])
def test_a_device_without_parameters_has_neither_parties_nor_headers(device: Any) -> None:
    call = Call(CallRecord("c-1", "n-1", device=device))
    assert (call.from_number, call.to_number, call.headers) == ("", "", {})


# Actions


def test_an_action_follows_what_the_server_tells() -> None:
    peer = connected()
    started = peer.execute_on(peer.offer("c-1"), commands.play([], control_id="x-1"))
    peer.reply(peer.requests.pop())
    playing = Playing(started.result())
    assert (playing.control_id, playing.state, playing.result) == ("x-1", "", None)
    assert not playing.completed
    assert not playing.is_done
    named = {"call_id": "c-1", "node_id": "n-1", "control_id": "x-1"}
    peer.event("calling.call.play", **named, state="playing")
    assert (playing.state, playing.is_done) == ("playing", False)
    peer.event("calling.call.play", **named, state="finished")
    assert (playing.state, playing.completed, playing.is_done) == ("finished", True, True)
    assert playing.result is not None
    assert playing.result.params["state"] == "finished"


def test_an_action_is_named_after_its_handle() -> None:
    record = ActionRecord(CallRecord("c-1", "n-1"), "x-1", actions.PLAY)
    assert repr(Playing(record)) == "<Playing x-1 starting call=c-1>"


# Messages


def test_a_message_made_by_hand_shows_what_it_was_given() -> None:
    given: dict[str, Any] = {
        "message_id": "m-1",
        "context": "office",
        "direction": "outbound",
        "from_number": "+1",
        "to_number": "+2",
        "body": "Hi",
        "media": ["https://example.com/cat.png"],
        "segments": 2,
        "state": "queued",
        "reason": "none",
        "tags": ["vip"],
    }
    message = MessageView(**given)
    assert {name: getattr(message, name) for name in given} == given
    assert repr(message) == "<Message m-1 outbound queued from=***(2) to=***(2) reason=none>"
    assert (message.is_done, message.result) == (False, None)


def test_a_message_made_of_nothing_is_empty() -> None:
    message = MessageView()
    assert (message.message_id, message.body, message.segments) == ("", "", 0)
    assert (message.media, message.tags) == ([], [])
    assert repr(message) == "<Message (unsent)>"


def test_a_message_follows_its_delivery() -> None:
    record = MessageRecord(message_id="m-1", direction="outbound", state="queued")
    message = Message.of(record)
    event = MessageStateEvent()
    record.state, record.reason, record.result = "undelivered", "blocked", event
    record.done.resolve(event)
    assert (message.state, message.reason) == ("undelivered", "blocked")
    assert message.is_done
    assert message.result is event
