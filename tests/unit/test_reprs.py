"""What a `repr` shows: what one looks for, and nothing that is personal."""

from __future__ import annotations

from typing import Any, Final

import pytest

from relay_proto.api.outcomes import CallOver, Done, Failed, SessionLost
from relay_proto.api.views import ActionView, CallView, MessageView
from relay_proto.config import Limits, Timing
from relay_proto.display import shown_id, shown_number
from relay_proto.records import ActionRecord, CallRecord
from relay_proto.rpc import action_kinds as kinds
from relay_proto.rpc.events import EVENT_CLASS_MAP, PlayEvent, local_ended_event, parse_event
from tests.unit.client_peer import Peer

ANNA: Final = "+15550001111"
BOB: Final = "+442079460000"


def event_repr(event_type: str, **params: object) -> str:
    return repr(parse_event({"event_type": event_type, "params": params}))


@pytest.mark.parametrize(
    ("event_type", "params", "shown"),
    [
        (
            "messaging.state",
            {"message_id": "m-1", "message_state": "delivered", "to_number": ANNA},
            "<MessageStateEvent delivered to=+1555… id=m-1>",
        ),
        (
            "messaging.state",
            {"message_id": "m-1", "message_state": "failed", "reason": "not a mobile number"},
            "<MessageStateEvent failed reason='not a mobile number' id=m-1>",
        ),
        (
            "messaging.receive",
            {"message_id": "m-2", "from_number": ANNA, "to_number": BOB, "body": "my pin is 1"},
            "<MessageReceiveEvent from=+1555… to=+4420… id=m-2>",
        ),
        (
            "calling.call.state",
            {"call_id": "c-1", "call_state": "ended", "end_reason": "hangup"},
            "<CallStateEvent ended hangup call=c-1>",
        ),
        (
            "calling.call.play",
            {"call_id": "c-1", "control_id": "x-1", "state": "playing"},
            "<PlayEvent playing control=x-1 call=c-1>",
        ),
        (
            "calling.call.connect",
            {"call_id": "c-1", "connect_state": "failed", "failed_reason": "no_answer"},
            "<ConnectEvent failed no_answer call=c-1>",
        ),
        (
            "calling.call.dial",
            {"tag": "t-1", "dial_state": "failed", "reason": "busy"},
            "<DialEvent failed reason=busy tag=t-1>",
        ),
        (
            "calling.call.collect",
            {"call_id": "c-1", "result": {"type": "digit", "params": {"digits": "4711"}}},
            "<CollectEvent digit call=c-1>",
        ),
        (
            "calling.call.detect",
            {"call_id": "c-1", "detect": {"type": "machine", "params": {"event": "HUMAN"}}},
            "<DetectEvent machine HUMAN call=c-1>",
        ),
        (
            "calling.call.detect",
            {"call_id": "c-1", "detect": {"type": "digit", "params": {"event": "7"}}},
            "<DetectEvent digit call=c-1>",
        ),
        (
            "calling.conference",
            {"conference_id": "k-1", "status": "participant-join", "name": "team"},
            "<ConferenceEvent participant-join conference=k-1>",
        ),
        (
            "calling.call.queue",
            {"call_id": "c-1", "status": "enqueue", "name": "support"},
            "<QueueEvent enqueue queue=support call=c-1>",
        ),
        (
            "calling.call.novelty",
            {"call_id": "c-1"},
            "<UnknownEvent calling.call.novelty call=c-1>",
        ),
    ],
)
def test_an_event_shows_what_has_happened_to_what(
    event_type: str, params: dict[str, Any], shown: str
) -> None:
    assert event_repr(event_type, **params) == shown


@pytest.mark.parametrize("event_type", sorted(EVENT_CLASS_MAP))
def test_no_event_shows_a_number_or_what_was_said(event_type: str) -> None:
    said = {"body": "hush", "digits": "4711", "text": "hush", "document": "https://x.test/hush"}
    numbers = {"from_number": ANNA, "to_number": ANNA, "reason": f"{ANNA} is busy"}
    shown = event_repr(event_type, **said, **numbers, device={"params": numbers}, result=said)
    for secret in ("hush", "4711", ANNA[5:]):
        assert secret not in shown


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (ANNA, "+1555…"),
        ("5550001111", "5550…"),
        ("+1 (555) 000-1111", "+1 (555…"),
        ("72345", "***(5)"),
        ("sip:anna@example.com", "***(20)"),
        ("", ""),
    ],
)
def test_a_number_is_shortened(number: str, shown: str) -> None:
    assert shown_number(number) == shown


@pytest.mark.parametrize("spare", [0, 1])
def test_of_a_long_id_the_beginning_is_shown(spare: int) -> None:
    identity = "a" * (128 + spare)
    assert shown_id(identity) == (f"{identity[:127]}…" if spare else identity)


class Call(CallView):
    def __init__(self, record: CallRecord) -> None:
        self._record = record


class Playing(ActionView[PlayEvent]):
    def __init__(self, record: ActionRecord) -> None:
        self._record = record


def test_a_call_shows_both_parties_and_why_it_has_ended() -> None:
    peer = Peer()
    peer.connect()
    numbers = {"from_number": ANNA, "to_number": BOB}
    call = Call(peer.offer(device={"type": "phone", "params": numbers}))
    assert repr(call) == "<Call c-1 inbound created from=+1555… to=+4420…>"
    peer.event("calling.call.state", call_id="c-1", call_state="ended", end_reason="busy")
    assert repr(call) == "<Call c-1 inbound ended busy from=+1555… to=+4420…>"


def test_an_action_shows_how_far_it_is_and_how_it_failed() -> None:
    peer = Peer()
    peer.connect()
    call = peer.offer()
    playing = Playing(peer.core.attach(call, kinds.PLAY, "x-1"))
    peer.event("calling.call.play", call_id="c-1", control_id="x-1", state="playing")
    assert repr(playing) == "<Playing x-1 running playing call=c-1>"
    peer.event("calling.call.state", call_id="c-1", call_state="ended")
    assert repr(playing) == "<Playing x-1 completed playing outcome=CallOver call=c-1>"


def test_an_action_that_is_done_shows_its_last_state() -> None:
    peer = Peer()
    peer.connect()
    playing = Playing(peer.core.attach(peer.offer(), kinds.PLAY, "x-1"))
    peer.event("calling.call.play", call_id="c-1", control_id="x-1", state="finished")
    assert repr(playing) == "<Playing x-1 completed finished call=c-1>"


def test_a_message_shows_its_delivery() -> None:
    message = MessageView(
        message_id="m-1",
        direction="outbound",
        from_number=ANNA,
        to_number=BOB,
        body="hush",
        state="undelivered",
        reason="no such number",
    )
    assert repr(message) == (
        "<Message m-1 outbound undelivered from=+1555… to=+4420… reason='no such number'>"
    )


def test_an_outcome_shows_its_event() -> None:
    ended = local_ended_event("c-1", "n-1", "error")
    shown = "CallStateEvent ended error call=c-1"
    done, failed = Done(ended), Failed(ended)
    for outcome in (done, failed, CallOver(ended), SessionLost(ended)):
        assert repr(outcome) == f"<{type(outcome).__name__} {shown}>"


def test_times_and_limits_show_what_is_not_the_default() -> None:
    assert repr(Timing()) == "Timing()"
    assert repr(Timing(drain_timeout=5.0)) == "Timing(drain_timeout=5.0)"
    assert repr(Limits(messages=7, tags=8)) == "Limits(messages=7, tags=8)"
    assert eval(repr(Limits(dials=3))) == Limits(dials=3)
