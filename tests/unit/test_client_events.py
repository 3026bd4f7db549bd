"""Events: acknowledged once per delivery, before they are reported, whatever they are."""

from __future__ import annotations

import json
from typing import Any

import pytest

from relay_proto.outputs import EventReceived, Ignored, Output, PeerViolation, SendData
from relay_proto.rpc import action_kinds as kinds
from relay_proto.rpc.event_base import UnknownEvent
from relay_proto.transitions import SessionState
from tests.unit.client_peer import Peer, starting


@pytest.fixture
def peer() -> Peer:
    peer = Peer()
    peer.connect()
    peer.forget()
    return peer


class TestAcknowledging:
    def test_one_write_per_read_before_anything_is_reported(self, peer: Peer) -> None:
        told = [peer.told("calling.conference", name=str(n)) for n in range(3)]
        peer.feed(*told, peer.asked("signalwire.ping", {}))
        kinds: list[type[Output]] = [type(output) for output in peer.outputs]
        assert kinds == [SendData, EventReceived, EventReceived, EventReceived]
        assert [reply["id"] for reply in peer.replies] == ["s-1", "s-2", "s-3", "s-4"]
        assert [event.params["name"] for event in peer.events()] == ["0", "1", "2"]

    def test_a_repeated_event_is_acknowledged_again_and_ignored(self, peer: Peer) -> None:
        told = peer.told("calling.conference")
        peer.feed(told, told)
        peer.feed(told)
        assert len(peer.replies) == 3
        assert len(peer.events()) == 1
        assert len(peer.all(Ignored)) == 2

    @pytest.mark.parametrize("identity", ["7", "1.5", '"e"', '"\\u00e9"', '""'])
    def test_ids_are_echoed_unchanged(self, peer: Peer, identity: str) -> None:
        text = f'{{"id":{identity},"method":"signalwire.event","params":{{"event_type":"x"}}}}'
        peer.text(text)
        assert peer.replies == [{"id": json.loads(identity), "result": {}}]
        assert len(peer.events()) == 1

    def test_the_body_has_the_events_fields(self, peer: Peer) -> None:
        params = {"event_type": "calling.error", "timestamp": 5.5, "params": {"code": 500}}
        peer.feed({"id": "e", "method": "signalwire.event", "params": params})
        (event,) = peer.events()
        assert (event.event_type, event.timestamp) == ("calling.error", 5.5)

    @pytest.mark.parametrize("odd", [{"timestamp": "noon"}, {"timestamp": []}])
    def test_an_event_is_heard_whatever_is_odd_about_it(self, peer: Peer, odd: Any) -> None:
        params = {"event_type": "calling.error", "params": {"code": 500}, **odd}
        frame = {"id": "e", "method": "signalwire.event", "params": params}
        peer.feed(frame, frame)
        (event,) = peer.events()
        assert (event.event_type, event.timestamp, event.params) == (
            "calling.error",
            0.0,
            {"code": 500},
        )
        assert len(peer.replies) == 2

    def test_an_unknown_type_is_acknowledged_and_reported(self, peer: Peer) -> None:
        peer.event("calling.call.novelty", call_id="c-9", state="finished")
        assert len(peer.replies) == 1
        output = peer.last(EventReceived)
        assert isinstance(output.event, UnknownEvent)
        assert (output.call, output.action) == (None, None)

    def test_an_event_of_a_call_comes_with_it(self, peer: Peer) -> None:
        call = peer.offer()
        for kind in ("novelty", "echo", "refer"):
            peer.event(f"calling.call.{kind}", call_id="c-1")
            assert peer.last(EventReceived).call is call

    def test_an_event_of_no_operation_comes_with_no_action(self, peer: Peer) -> None:
        call = peer.offer()
        peer.execute_on(call, starting(kinds.PLAY))
        for kind in ("hold", "echo", "refer"):
            peer.event(f"calling.call.{kind}", call_id="c-1")
            assert peer.last(EventReceived).call is call
            assert peer.last(EventReceived).action is None


class TestMalformed:
    @pytest.mark.parametrize(
        "params",
        [{}, {"event_type": ""}, {"event_type": None}, {"event_type": 5}, None, [], "x", 1],
    )
    def test_an_event_without_a_type_is_acknowledged_and_dropped(
        self, peer: Peer, params: Any
    ) -> None:
        peer.feed({"id": "e", "method": "signalwire.event", "params": params})
        assert peer.replies == [{"id": "e", "result": {}}]
        assert peer.last(PeerViolation).reason == "an event without a type"
        assert peer.events() == []

    @pytest.mark.parametrize("body", [None, [], "secret words", 7])
    def test_a_body_that_is_no_object_is_empty(self, peer: Peer, body: Any) -> None:
        params = {"event_type": "calling.call.play", "params": body}
        peer.feed({"id": "e", "method": "signalwire.event", "params": params})
        (event,) = peer.events()
        assert event.params == {}

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "{",
            "[]",
            '[{"id": 1, "method": "signalwire.ping"}]',
            "null",
            "5",
            "{}",
            '{"id": "x"}',
            '{"method": "signalwire.ping"}',
            '{"id": {}, "method": "signalwire.ping"}',
            '{"id": [], "method": "signalwire.event"}',
            '{"id": null, "method": "signalwire.event"}',
            '{"id": "x", "method": 5}',
            '{"id": "x", "method": null}',
            '{"id": "secret words"',
            "[" * 100_000,
        ],
    )
    def test_what_is_no_frame_is_reported_by_its_size_and_survived(
        self, peer: Peer, text: str
    ) -> None:
        peer.text(text)
        (violation,) = peer.all(PeerViolation)
        assert violation.reason.startswith(f"a message of {len(text)} bytes is no frame: ")
        assert "secret" not in violation.reason
        assert peer.replies == []
        assert peer.core.state is SessionState.READY
        peer.event("calling.conference")
        assert len(peer.events()) == 1

    @pytest.mark.parametrize("levels", [1_000, 100_000])
    def test_what_is_nested_deeply_is_survived(self, peer: Peer, levels: int) -> None:
        """How deep is too deep is the matter of Python and its version."""
        ping = '{"id": "p", "method": "signalwire.ping", "params": %s}'
        peer.text(ping % ("[" * levels + "]" * levels))
        answered = [reply["id"] for reply in peer.replies] == ["p"]
        assert answered is not bool(peer.all(PeerViolation))
        assert peer.core.state is SessionState.READY
        peer.event("calling.conference")
        assert len(peer.events()) == 1

    @pytest.mark.parametrize("event_type", ["calling.call.state", "calling.call.dial", "x"])
    @pytest.mark.parametrize("value", [None, 5, [], {}, True])
    def test_fields_of_the_wrong_type_do_no_harm(
        self, peer: Peer, event_type: str, value: Any
    ) -> None:
        names = ("call_id", "node_id", "tag", "call_state", "dial_state", "call", "device", "peer")
        peer.event(event_type, **dict.fromkeys(names, value))
        assert len(peer.events()) == 1
