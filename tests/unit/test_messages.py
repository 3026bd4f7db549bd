"""Messages: each delivery is followed to its end, in whatever order its news comes."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay_proto.calls.messages import EarlyReports, Messages
from relay_proto.config import Limits, Timing
from relay_proto.core import OutputQueue
from relay_proto.errors import ClientClosedError, RelayError, RemoteProtocolError
from relay_proto.outputs import (
    Dropped,
    Ignored,
    MessageChanged,
    MessageReceived,
    Output,
    Settled,
)
from relay_proto.records import MessageRecord
from relay_proto.rpc.events import MessageReceiveEvent, MessageStateEvent
from relay_proto.timers import Deadlines
from relay_proto.transitions import MESSAGE_ORDER, MESSAGE_TERMINAL

LIMITS = Limits(messages=2, early_messages=2, event_ids=2)


class Table:
    """A table of messages, and what it says."""

    def __init__(self) -> None:
        self.out = OutputQueue()
        self.deadlines: Deadlines[Any] = Deadlines()
        self.messages = Messages(self.out, self.deadlines, Timing(message_grace=60.0), LIMITS)

    def outputs(self) -> list[Output]:
        outputs: list[Output] = []
        while (output := self.out.next()) is not None:
            outputs.append(output)
        return outputs

    def accepted(self, message_id: str = "m-1") -> MessageRecord:
        message = MessageRecord(direction="outbound", body="Hi")
        self.messages.accepted(message, message_id)
        return message

    def report(self, state: str, message_id: str = "m-1", now: float = 0.0, **body: Any) -> None:
        params = {"message_id": message_id, "message_state": state, **body}
        event = MessageStateEvent.from_payload({"event_type": "messaging.state", "params": params})
        self.messages.receive_state(event, now)

    def receive(self, message_id: str, **body: Any) -> None:
        params = {"message_id": message_id, **body}
        payload = {"event_type": "messaging.receive", "params": params}
        self.messages.receive(MessageReceiveEvent.from_payload(payload))


@given(
    st.lists(st.sampled_from([*MESSAGE_ORDER, "received", "new", ""]), max_size=5),
    st.integers(0, 5),
    st.sampled_from(sorted(MESSAGE_TERMINAL)),
)
def test_a_message_ends_once_whenever_the_reply_comes(
    states: list[str], reply_after: int, last: str
) -> None:
    table = Table()
    message = MessageRecord()
    reports = [*states, last]
    for i, state in enumerate(reports):
        if i == min(reply_after, len(states)):
            table.messages.accepted(message, "m-1")
        table.report(state)
    terminal = next(state for state in reports if state in MESSAGE_TERMINAL)
    assert message.state == terminal
    assert message.result is message.done.result()
    assert isinstance(message.result, MessageStateEvent)
    assert message.result.message_state == terminal
    assert [o for o in table.outputs() if isinstance(o, Settled)] == [Settled(message.done)]
    table.report("sent")
    assert table.outputs() == [], "its end is the last that is told about it"


def test_what_is_accepted_is_queued_until_a_report_says_more() -> None:
    table = Table()
    message = table.accepted()
    assert (message.message_id, message.state, message.result) == ("m-1", "queued", None)
    assert not message.done.settled
    table.report("sent", segments=2, tags=["a"], media=["u"], body="Hi!")
    assert (message.state, message.segments, message.body) == ("sent", 2, "Hi!")
    assert (message.tags, message.media) == (["a"], ["u"])
    (output,) = table.outputs()
    assert isinstance(output, MessageChanged)
    assert output.message is message
    assert "m-1 sent" in repr(message)


def test_a_failure_has_its_reason_and_keeps_what_is_known() -> None:
    table = Table()
    message = table.accepted()
    table.report("undelivered", reason="carrier")
    assert (message.state, message.reason, message.body) == ("undelivered", "carrier", "Hi")
    settled, changed = table.outputs()
    assert settled == Settled(message.done)
    assert isinstance(changed, MessageChanged)


@pytest.mark.parametrize("states", [*permutations(["initiated", "sent", "delivered"])])
def test_reports_in_any_order_end_in_the_same_state(states: tuple[str, ...]) -> None:
    table = Table()
    message = table.accepted()
    for state in states:
        table.report(state)
    assert message.state == "delivered"


def test_an_outbound_message_is_never_received() -> None:
    table = Table()
    message = table.accepted()
    table.report("received")
    table.report("delivered")
    assert message.state == "delivered"
    assert message.done.settled


def test_reports_before_the_reply_are_kept_for_a_while() -> None:
    table = Table()
    table.report("sent", now=5.0)
    table.report("delivered", now=6.0)
    assert table.outputs() == []
    assert table.deadlines.next() == 66.0
    message = table.accepted()
    assert table.deadlines.next() is None
    assert message.state == "delivered"
    kinds = [type(output) for output in table.outputs()]
    assert kinds == [MessageChanged, Settled, MessageChanged]


def test_reports_about_a_message_that_nobody_sent_are_dropped_in_time() -> None:
    table = Table()
    table.report("delivered", "m-9")
    due = table.deadlines.pop_due(60.0)
    assert due == EarlyReports("m-9")
    table.messages.forget_early(EarlyReports("m-9"))
    assert table.outputs() == [Ignored("reports about the unknown message m-9")]
    assert table.accepted("m-9").state == "queued"


def test_the_number_of_unknown_messages_with_reports_is_bounded() -> None:
    table = Table()
    for i in range(5):
        table.report("sent", f"m-{i}")
    assert len(table.deadlines) == LIMITS.early_messages
    assert len(table.outputs()) == 3
    assert table.accepted("m-4").state == "sent"
    assert table.accepted("m-0").state == "queued"


def test_the_number_of_reports_kept_for_one_message_is_bounded() -> None:
    table = Table()
    for _ in range(1000):
        table.report("sent")
    table.accepted()
    assert len(table.outputs()) == len(MESSAGE_ORDER)


def test_the_oldest_message_is_given_up_when_too_many_are_followed() -> None:
    table = Table()
    first, second, third = (table.accepted(f"m-{i}") for i in range(3))
    assert isinstance(first.done.error, RelayError)
    assert table.outputs() == [Settled(first.done), Dropped("message m-0 is no longer followed")]
    table.report("delivered", "m-1")
    table.report("delivered", "m-2")
    assert second.done.settled
    assert third.done.settled


@pytest.mark.parametrize("message_id", ["", "m-1"])
def test_a_message_without_a_name_of_its_own_cannot_be_followed(message_id: str) -> None:
    table = Table()
    known = table.accepted("m-1")
    nameless = table.accepted(message_id)
    assert isinstance(nameless.done.error, RemoteProtocolError)
    table.report("delivered")
    assert known.done.settled


def test_when_no_more_reports_can_come_every_wait_ends() -> None:
    table = Table()
    messages = [table.accepted("m-1"), table.accepted("m-2")]
    table.report("sent", "m-3")
    table.outputs()
    error = ClientClosedError()
    table.messages.fail_all(error)
    assert [message.done.error for message in messages] == [error, error]
    assert table.outputs() == [Settled(message.done) for message in messages]
    table.report("delivered", "m-1")
    assert table.outputs() == []
    assert table.accepted("m-3").state == "queued"


def test_an_inbound_message_is_told_once_with_all_that_it_says() -> None:
    table = Table()
    body: dict[str, Any] = {
        "context": "office",
        "direction": "inbound",
        "from_number": "+15550009999",
        "to_number": "+15550001111",
        "body": "yo",
        "media": ["u"],
        "segments": 1,
        "message_state": "received",
        "tags": ["a"],
    }
    table.receive("m-2", **body)
    table.receive("m-2", **body)
    received, repeated = table.outputs()
    assert isinstance(received, MessageReceived)
    message = received.message
    assert message.state == body.pop("message_state")
    assert {name: getattr(message, name) for name in body} == body
    assert message.message_id == "m-2"
    assert not message.done.settled
    assert repeated == Ignored("message m-2 came again")


def test_an_inbound_message_that_says_little_is_received_all_the_same() -> None:
    table = Table()
    table.receive("m-2")
    (received,) = table.outputs()
    assert isinstance(received, MessageReceived)
    assert (received.message.direction, received.message.state) == ("inbound", "received")


def test_messages_without_an_id_are_not_taken_for_each_other() -> None:
    table = Table()
    table.receive("", body="one")
    table.receive("", body="two")
    bodies = [o.message.body for o in table.outputs() if isinstance(o, MessageReceived)]
    assert bodies == ["one", "two"]


def test_only_the_latest_ids_are_remembered() -> None:
    table = Table()
    for message_id in ("m-1", "m-2", "m-3", "m-3", "m-1"):
        table.receive(message_id)
    kinds = [type(output) for output in table.outputs()]
    assert kinds == [MessageReceived, MessageReceived, MessageReceived, Ignored, MessageReceived]


def test_records_do_not_share_their_lists() -> None:
    first, second = MessageRecord(), MessageRecord()
    first.media.append("u")
    first.tags.append("a")
    assert (second.media, second.tags) == ([], [])
