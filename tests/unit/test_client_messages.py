"""Text messages: sent, followed to their end, and received once."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from relay_proto import Limits
from relay_proto.api import commands as c
from relay_proto.api.commands import Command
from relay_proto.errors import (
    NO_CODE,
    ClientClosedError,
    ConnectionLostError,
    RelayError,
    RemoteProtocolError,
    RequestTimeoutError,
)
from relay_proto.outputs import (
    Dropped,
    Ignored,
    MessageChanged,
    MessageReceived,
    Settled,
)
from relay_proto.pending import Pending
from relay_proto.records import MessageRecord
from relay_proto.rpc.events import MessageStateEvent
from relay_proto.transitions import MESSAGE_ORDER, MESSAGE_TERMINAL
from tests.unit.client_peer import PROTOCOL, Frame, Peer, error_of


def sms(**more: Any) -> Command[MessageRecord]:
    return c.send_message(to_number="+2", from_number="+1", body="Hi", **more)


def send(peer: Peer, message_id: str = "m-1", **more: Any) -> MessageRecord:
    """Send a message, which the server accepts."""
    sent = peer.execute(sms(**more))
    peer.reply(peer.take("messaging.send"), {"code": "200", "message_id": message_id})
    return sent.result()


def tell(peer: Peer, state: str, message_id: str = "m-1", **body: Any) -> None:
    peer.event("messaging.state", message_id=message_id, message_state=state, **body)


@pytest.fixture
def peer() -> Peer:
    peer = Peer()
    peer.connect()
    peer.forget()
    return peer


class TestSending:
    def test_a_message_says_where_its_delivery_is_reported(self, peer: Peer) -> None:
        assert send(peer, "m-1").context == PROTOCOL
        assert send(peer, "m-2", context="office").context == "office"

    def test_a_message_is_returned_as_queued(self, peer: Peer) -> None:
        sent = peer.execute(sms(media=["https://example.com/a.png"], tags=["vip"]))
        request = peer.take("messaging.send")
        assert request["params"] == {
            "context": PROTOCOL,
            "to_number": "+2",
            "from_number": "+1",
            "body": "Hi",
            "media": ["https://example.com/a.png"],
            "tags": ["vip"],
        }
        assert not sent.settled
        peer.reply(request, {"code": "200", "message_id": "m-1"})
        message = sent.result()
        assert (message.message_id, message.state, message.direction) == (
            "m-1",
            "queued",
            "outbound",
        )
        assert (message.from_number, message.to_number, message.body) == ("+1", "+2", "Hi")
        assert (message.media, message.tags) == (["https://example.com/a.png"], ["vip"])
        assert repr(message) == "<MessageRecord m-1 queued>"
        assert not message.done.settled

    def test_the_default_context_is_that_of_the_session_it_is_written_on(self) -> None:
        peer = Peer.waiting()
        texts = [peer.execute(sms()), peer.execute(sms(context="office"))]
        peer.connect(protocol="later")
        contexts = [request["params"]["context"] for request in peer.requests]
        assert contexts == ["later", "office"]
        for number, request in enumerate(peer.requests):
            peer.reply(request, {"code": "200", "message_id": f"m-{number}"})
        assert [text.result().context for text in texts] == contexts

    def test_without_a_protocol_the_context_is_default(self) -> None:
        peer = Peer()
        peer.connect(protocol=None)
        sent = peer.execute(sms())
        request = peer.take("messaging.send")
        assert request["params"]["context"] == "default"
        peer.reply(request, {"code": "200", "message_id": "m-1"})
        assert sent.result().context == "default"

    def test_a_refusal_is_an_error_for_the_caller_and_the_waiter(self, peer: Peer) -> None:
        sent = peer.execute(sms(on_completed=print))
        peer.reply(peer.take("messaging.send"), {"code": "404", "message": "no such number"})
        assert error_of(sent, RelayError).code == 404
        done = [output.pending for output in peer.all(Settled) if output.pending is not sent]
        assert [(one.callback, one.error) for one in done] == [(print, sent.error)]

    def test_a_send_may_time_out_or_be_lost(self, peer: Peer) -> None:
        slow = peer.execute(sms())
        peer.advance(10)
        assert error_of(slow, RequestTimeoutError)
        lost = peer.execute(sms())
        peer.cut()
        assert error_of(lost, ConnectionLostError).maybe_delivered

    @pytest.mark.parametrize("result", [{}, {"message_id": 5}, {"message_id": ""}, None])
    def test_a_message_without_a_name_cannot_be_followed(self, peer: Peer, result: Any) -> None:
        sent = peer.execute(sms())
        peer.reply(peer.take("messaging.send"), result)
        assert error_of(sent.result().done, RemoteProtocolError)

    def test_nor_can_one_with_the_name_of_another(self, peer: Peer) -> None:
        first = send(peer)
        second = send(peer)
        assert error_of(second.done, RemoteProtocolError)
        tell(peer, "delivered")
        assert first.state == "delivered"
        assert send(peer).done.settled is False, "the name is free again"


class TestFollowing:
    @given(
        states=st.lists(st.sampled_from([*MESSAGE_ORDER, "received", "new", ""]), max_size=5),
        reply_after=st.integers(0, 5),
        last=st.sampled_from(sorted(MESSAGE_TERMINAL)),
    )
    def test_a_message_ends_once_whenever_the_reply_comes(
        self, states: list[str], reply_after: int, last: str
    ) -> None:
        peer = Peer()
        peer.connect()
        sent = peer.execute(sms())
        request = peer.take("messaging.send")
        reports = [*states, last]
        for number, state in enumerate(reports):
            if number == min(reply_after, len(states)):
                peer.reply(request, {"message_id": "m-1"})
            tell(peer, state)
        message = sent.result()
        final = next(state for state in reports if state in MESSAGE_TERMINAL)
        event = message.done.result()
        assert isinstance(event, MessageStateEvent)
        assert message.result is event
        assert message.state == event.message_state == final
        assert peer.all(Settled).count(Settled(message.done)) == 1

    @pytest.mark.parametrize("final", ["delivered", "undelivered", "failed"])
    def test_states_move_forward_to_a_final_one(self, peer: Peer, final: str) -> None:
        message = send(peer)
        seen: list[str] = []
        for state in ("initiated", "sent", "initiated", "unknown", final, "sent"):
            tell(peer, state)
            seen.append(message.state)
        assert seen == ["initiated", "sent", "sent", "sent", final, final]
        changed = peer.all(MessageChanged)
        assert len(changed) == 5, "what is over is not followed"
        assert message.result is changed[-1].event
        assert message.done.result() is message.result

    def test_a_report_updates_what_it_tells(self, peer: Peer) -> None:
        message = send(peer)
        tell(peer, "sent", segments=2, media=["u"], body="Hi!", tags=["x"])
        tell(peer, "failed", reason="carrier")
        assert (message.segments, message.media, message.body) == (2, ["u"], "Hi!")
        assert (message.tags, message.reason) == (["x"], "carrier")

    def test_a_report_in_the_same_read_as_the_reply(self, peer: Peer) -> None:
        sent = peer.execute(sms())
        request = peer.take("messaging.send")
        peer.feed(
            {"id": request["id"], "result": {"code": "200", "message_id": "m-1"}},
            peer.told("messaging.state", message_id="m-1", message_state="delivered"),
        )
        assert sent.result().state == "delivered"
        assert sent.result().done.settled

    def test_reports_before_the_reply_are_kept_in_order(self, peer: Peer) -> None:
        sent = peer.execute(sms())
        tell(peer, "sent")
        tell(peer, "delivered")
        assert peer.all(MessageChanged) == []
        peer.advance(9)
        peer.reply(peer.take("messaging.send"), {"message_id": "m-1"})
        message = sent.result()
        assert [output.message for output in peer.all(MessageChanged)] == [message, message]
        assert message.state == "delivered"
        assert message.done.settled
        peer.advance(61)
        assert peer.all(Ignored) == [], "they were about a known message"

    def test_reports_about_an_unknown_message_are_kept_for_60_seconds(self, peer: Peer) -> None:
        tell(peer, "sent")
        for _ in range(3):
            peer.advance(19.9)
            peer.ask("signalwire.ping")
        assert peer.all(Ignored) == []
        peer.advance(0.3)
        assert peer.all(Ignored) == [Ignored("reports about the unknown message m-1")]
        peer.requests.clear()
        assert send(peer).state == "queued"

    def test_so_many_of_them_are_kept(self) -> None:
        peer = Peer(limits=Limits(early_messages=2))
        peer.connect()
        for message_id in ("m-1", "m-2", "m-3"):
            for _ in range(20):
                tell(peer, "sent", message_id)
        assert peer.all(Ignored) == [Ignored("reports about the unknown message m-1")]
        for message_id in ("m-1", "m-2", "m-3"):
            send(peer, message_id)
        counts = [output.message.message_id for output in peer.all(MessageChanged)]
        assert counts == ["m-2"] * len(MESSAGE_ORDER) + ["m-3"] * len(MESSAGE_ORDER)

    @settings(max_examples=40)
    @given(
        st.lists(st.tuples(st.integers(0, 4), st.none() | st.integers(0, 90)), max_size=14),
        st.integers(-1, 1),
    )
    @example([(0, 0), (1, 0), (2, 0), (3, 0)], 0)
    @example([(0, 50), (0, None), (1, 50), (2, 0)], 0)
    def test_early_reports_are_kept_within_both_bounds(
        self, steps: list[tuple[int, int | None]], spare: int
    ) -> None:
        bodies: list[tuple[str, Frame | None]] = [
            (name, None if length is None else {"message_id": name, "body": "x" * length})
            for name, length in ((f"m-{number}", length) for number, length in steps)
        ]
        sizes = [len(json.dumps(body)) for _, body in bodies if body is not None]
        limits = Limits(early_messages=3, early_bytes=max(1, sum(sizes[:3]) + spare))
        peer = Peer(limits=limits)
        peer.connect()
        early: dict[str, list[int]] = {}
        followed: set[str] = set()
        dropped = changed = 0
        for name, body in bodies:
            if body is not None:
                peer.event("messaging.state", **body)
            elif name not in followed:
                send(peer, name)
                followed.add(name)
                changed += len(early.pop(name, []))
            if body is not None and name in followed:
                changed += 1
            elif body is not None:
                reports = early.setdefault(name, [])
                if len(reports) < len(MESSAGE_ORDER):
                    reports.append(len(json.dumps(body)))
            while len(early) > 3 or sum(map(sum, early.values())) > limits.early_bytes:
                del early[next(iter(early))]
                dropped += 1
            assert (len(peer.all(Ignored)), len(peer.all(MessageChanged))) == (dropped, changed)

    @pytest.mark.parametrize(("length", "usable"), [(1, True), (1024, True), (1025, False)])
    def test_an_id_has_a_longest_length(self, peer: Peer, length: int, usable: bool) -> None:
        tell(peer, "sent", "m" * length)
        assert bool(peer.all(Ignored)) is not usable
        message = send(peer, "m" * length)
        assert message.done.settled is not usable
        assert len(peer.all(MessageChanged)) == usable

    @pytest.mark.parametrize("spare", [-1, 0])
    def test_what_a_report_says_is_kept_up_to_a_length(self, spare: int) -> None:
        report = {"message_id": "m-1", "message_state": "failed", "reason": "carrier"}
        peer = Peer(limits=Limits(kept_event_bytes=len(json.dumps(report)) + spare))
        peer.connect()
        message = send(peer)
        peer.event("messaging.state", **report)
        assert (message.state, message.reason) == ("failed", "" if spare else "carrier")

    def test_reports_that_were_dropped_are_dropped_once(self) -> None:
        peer = Peer(limits=Limits(early_messages=2))
        peer.connect()
        for message_id in ("m-1", "m-2", "m-3"):
            tell(peer, "sent", message_id)
        peer.advance(61)
        dropped = [output.reason.rpartition(" ")[2] for output in peer.all(Ignored)]
        assert dropped == ["m-1", "m-2", "m-3"]

    def test_so_many_messages_are_followed(self) -> None:
        peer = Peer(limits=Limits(messages=2))
        peer.connect()
        first, second, third = (send(peer, f"m-{n}") for n in (1, 2, 3))
        error = error_of(first.done, RelayError)
        assert (error.code, error.message) == (
            NO_CODE,
            "too many messages are being followed (Limits.messages)",
        )
        (dropped,) = peer.all(Dropped)
        assert dropped.reason.startswith("message m-1 is no longer followed, because too many")
        assert not second.done.settled
        assert not third.done.settled

    def test_a_second_final_report_before_the_reply_is_only_told(self, peer: Peer) -> None:
        sent = peer.execute(sms())
        tell(peer, "delivered")
        tell(peer, "failed")
        peer.reply(peer.take("messaging.send"), {"message_id": "m-1"})
        first, second = peer.all(MessageChanged)
        assert sent.result().result is first.event
        assert second.message.state == "delivered"

    def test_a_close_ends_the_waiting(self, peer: Peer) -> None:
        messages = [send(peer, f"m-{n}") for n in (1, 2)]
        unanswered = peer.execute(sms())
        tell(peer, "sent", "m-3")
        peer.close()
        waited: list[Pending[Any]] = [unanswered, *(message.done for message in messages)]
        for pending in waited:
            assert error_of(pending, ClientClosedError)


class TestReceiving:
    def test_a_message_comes_with_its_fields(self, peer: Peer) -> None:
        body: Frame = {
            "message_id": "m-2",
            "context": "office",
            "direction": "inbound",
            "from_number": "+1",
            "to_number": "+2",
            "body": "yo",
            "media": ["u"],
            "segments": 1,
            "message_state": "received",
            "tags": ["x"],
        }
        peer.event("messaging.receive", **body)
        output = peer.last(MessageReceived)
        message = output.message
        assert {name: getattr(message, name) for name in body if name != "message_state"} == {
            name: value for name, value in body.items() if name != "message_state"
        }
        assert message.state == "received"
        assert output.event.params == body

    def test_what_it_leaves_out_has_its_default(self, peer: Peer) -> None:
        peer.event("messaging.receive", message_id="m-2")
        message = peer.last(MessageReceived).message
        assert (message.direction, message.state, message.media) == ("inbound", "received", [])

    def test_a_message_without_an_id_is_never_a_repetition(self, peer: Peer) -> None:
        for _ in range(2):
            peer.event("messaging.receive", body="yo")
        assert len(peer.all(MessageReceived)) == 2

    def test_a_repeated_message_is_heard_once(self) -> None:
        peer = Peer(limits=Limits(event_ids=2))
        peer.connect()
        for message_id in ("m-1", "m-1", "m-2", "m-3", "m-3", "m-1"):
            peer.event("messaging.receive", message_id=message_id)
        heard = [output.message.message_id for output in peer.all(MessageReceived)]
        assert heard == ["m-1", "m-2", "m-3", "m-1"]
        assert peer.all(Ignored)[0].reason == "message m-1 came again"
