"""What comes before its first handler: kept for a while, then handed over or given up."""

from __future__ import annotations

from typing import Any

import pytest

from relay_proto.config import Limits, Timing
from relay_proto.outputs import (
    CallEnded,
    CallOffered,
    EventReceived,
    Ignored,
    MessageReceived,
    OfferRefused,
)
from relay_proto.records import CallRecord
from relay_proto.transitions import CallState, SessionState
from tests.unit.client_peer import Peer

RECEIVE = "calling.call.receive"
TEXT = "messaging.receive"
GRACE = Timing().handler_grace


class Late(Peer):
    """A client whose program has said nothing yet about its calls and texts."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.core.accepting_calls = False
        self.core.accepted_contexts = frozenset()
        self.core.accepting_texts = False
        self.connect()

    def call(self, call_id: str = "c-1", **fields: Any) -> None:
        """Let a call come."""
        self.event(RECEIVE, call_id=call_id, node_id="n-1", **{"context": "office", **fields})

    def message(self, message_id: str = "m-1", **fields: Any) -> None:
        """Let a text come."""
        self.event(TEXT, message_id=message_id, context="office", **fields)

    def take_calls(self, contexts: frozenset[str] | None = None) -> None:
        """Let the program take calls from now on."""
        self.core.accepted_contexts = contexts
        self.core.accepting_calls = True
        self.tick()

    def take_texts(self) -> None:
        """Let the program take texts from now on."""
        self.core.accepting_texts = True
        self.tick()

    @property
    def offered(self) -> list[str]:
        """The ids of the calls that have come to the program."""
        return [output.call.call_id for output in self.all(CallOffered)]

    @property
    def refused(self) -> list[str]:
        """The ids of the calls that have not."""
        return [output.call_id for output in self.all(OfferRefused)]

    @property
    def passed_back(self) -> list[str]:
        """The ids of the calls that the service has been given back."""
        return [
            frame["params"]["call_id"]
            for frame in self.written
            if frame.get("method") == "calling.pass"
        ]

    @property
    def texts(self) -> list[str]:
        """The ids of the texts that have come to the program."""
        return [output.message.message_id for output in self.all(MessageReceived)]


class TestCalls:
    def test_a_call_waits_for_the_first_handler(self) -> None:
        peer = Late()
        peer.advance(1.0)
        peer.call("c-1")
        peer.call("c-2")
        assert peer.offered == peer.refused == []
        assert peer.core.active_calls == 0
        peer.advance(GRACE - 1.5)
        peer.take_calls()
        assert peer.offered == ["c-1", "c-2"]
        assert peer.core.active_calls == 2
        assert [output.event.call_id for output in peer.all(EventReceived)] == ["c-1", "c-2"]
        peer.advance(2 * GRACE)
        assert peer.refused == peer.passed_back == []

    def test_it_is_passed_back_when_its_time_is_over(self) -> None:
        peer = Late()
        peer.advance(1.0)
        peer.call()
        peer.advance(GRACE - 1.1)
        assert peer.refused == []
        peer.advance(0.2)
        assert peer.refused == peer.passed_back == ["c-1"]
        peer.take_calls()
        assert peer.offered == []

    def test_then_calls_without_a_handler_are_passed_back_at_once(self) -> None:
        peer = Late()
        peer.advance(GRACE)
        peer.call()
        assert peer.refused == peer.passed_back == ["c-1"]

    def test_it_waits_for_a_handler_of_its_context(self) -> None:
        peer = Late()
        peer.call("c-1", context="office")
        peer.call("c-2", context="sales")
        peer.take_calls(frozenset({"sales"}))
        assert peer.offered == ["c-2"]
        peer.call("c-3", context="office")
        peer.call("c-4", context="sales")
        assert peer.offered == ["c-2", "c-4"]
        peer.take_calls(frozenset({"sales", "office"}))
        assert peer.offered == ["c-2", "c-4", "c-1", "c-3"]
        peer.advance(GRACE)
        assert peer.refused == []

    def test_those_of_other_contexts_are_passed_back_in_the_end(self) -> None:
        peer = Late()
        peer.call("c-1", context="office")
        peer.take_calls(frozenset({"sales"}))
        assert peer.passed_back == []
        peer.advance(GRACE)
        assert peer.passed_back == ["c-1"]

    def test_what_comes_behind_it_does_not_overtake_it(self) -> None:
        peer = Late()
        peer.call("c-1")
        peer.core.accepted_contexts = None
        peer.core.accepting_calls = True
        peer.call("c-2")
        assert peer.offered == ["c-1", "c-2"]

    def test_once_all_calls_have_had_a_handler_none_waits_any_more(self) -> None:
        peer = Late()
        peer.take_calls()
        peer.call("c-1")
        peer.core.accepting_calls = False
        peer.call("c-2")
        assert peer.offered == ["c-1"]
        assert peer.passed_back == ["c-2"]

    def test_a_handler_that_comes_and_goes_takes_none(self) -> None:
        peer = Late()
        peer.call("c-1")
        peer.core.accepted_contexts = None
        peer.core.accepting_calls = True
        peer.core.accepting_calls = False
        assert peer.core.deadline() == peer.now
        peer.tick()
        assert peer.core.deadline() == peer.now + GRACE
        assert peer.offered == peer.passed_back == []

    def test_a_client_that_has_connected_with_a_handler_keeps_none(self) -> None:
        peer = Peer()
        peer.core.accepted_contexts = frozenset({"sales"})
        peer.connect()
        peer.event(RECEIVE, call_id="c-1", context="office")
        assert [output.call_id for output in peer.all(OfferRefused)] == ["c-1"]

    def test_there_is_a_bound(self) -> None:
        peer = Late(limits=Limits(early_arrivals=2))
        for number in range(4):
            peer.call(f"c-{number}")
        assert peer.passed_back == ["c-2", "c-3"]
        peer.take_calls()
        assert peer.offered == ["c-0", "c-1"]

    def test_no_more_are_handed_over_than_may_be_up(self) -> None:
        peer = Late(limits=Limits(active_calls=1))
        peer.call("c-1")
        peer.call("c-2")
        peer.take_calls()
        assert peer.offered == ["c-1"]
        assert peer.passed_back == ["c-2"]

    def test_one_with_too_much_data_is_not_kept(self) -> None:
        peer = Late(limits=Limits(kept_event_bytes=300))
        peer.call("c-1", tag="x" * 300)
        assert peer.passed_back == ["c-1"]

    def test_without_grace_none_is_kept(self) -> None:
        peer = Late(timing=Timing(handler_grace=0.0))
        peer.call()
        assert peer.passed_back == ["c-1"]

    def test_one_that_ends_meanwhile_is_forgotten(self) -> None:
        peer = Late()
        peer.call("c-1")
        peer.call("c-2")
        peer.state("c-1", "ended")
        peer.take_calls()
        assert peer.offered == ["c-2"]
        peer.advance(GRACE)
        assert peer.passed_back == []
        assert peer.all(CallEnded) == []

    def test_the_last_one_that_ends_leaves_nothing_to_do(self) -> None:
        peer = Late()
        before = peer.core.deadline()
        peer.call()
        assert peer.core.deadline() == peer.now + GRACE
        peer.state("c-1", "ended")
        assert peer.core.deadline() == before

    def test_a_second_offer_of_one_that_waits_is_ignored(self) -> None:
        peer = Late()
        peer.call()
        peer.call()
        assert "waits for a handler" in peer.last(Ignored).reason
        peer.take_calls()
        assert peer.offered == ["c-1"]
        assert peer.refused == []

    def test_one_that_the_program_knows_from_elsewhere_is_its_own(self) -> None:
        peer = Late()
        peer.call("c-1")
        record = CallRecord("c-1", "n-1")
        assert peer.core.adopt(record) is record
        peer.call("c-1", call_state="ringing")
        assert record.state == "ringing"
        peer.advance(GRACE)
        assert peer.passed_back == peer.offered == []

    def test_it_survives_a_cut(self) -> None:
        peer = Late()
        peer.call()
        peer.cut()
        peer.take_calls()
        assert peer.offered == ["c-1"]

    def test_one_whose_time_is_over_without_a_session_is_passed_back_in_the_next(self) -> None:
        peer = Late(timing=Timing(retry_min_delay=60.0, retry_max_delay=60.0))
        peer.call()
        peer.cut()
        peer.advance(GRACE)
        assert peer.refused == ["c-1"]
        assert peer.passed_back == []
        peer.reconnect(session_restored=True)
        assert peer.passed_back == ["c-1"]

    def test_it_is_lost_with_its_session(self) -> None:
        peer = Late(timing=Timing(handler_grace=100.0))
        peer.call("c-1")
        peer.cut()
        peer.reconnect(session_restored=False)
        peer.call("c-2")
        peer.take_calls()
        assert peer.offered == ["c-2"]
        assert peer.refused == []

    def test_a_later_session_gives_no_new_time(self) -> None:
        peer = Late(timing=Timing(retry_min_delay=10.0, retry_max_delay=10.0))
        peer.cut()
        peer.reconnect(session_restored=True)
        peer.call()
        assert peer.passed_back == ["c-1"]

    def test_it_has_the_state_that_it_has_reached_meanwhile(self) -> None:
        peer = Late()
        peer.call("c-1")
        peer.call("c-2")
        peer.event("calling.call.state", call_id="c-1", call_state="ringing")
        peer.take_calls()
        calls = {output.call.call_id: output.call for output in peer.all(CallOffered)}
        assert {call_id: call.state for call_id, call in calls.items()} == {
            "c-1": "ringing",
            "c-2": "created",
        }
        assert peer.core.wait_for(calls["c-1"], CallState.RINGING, peer.now).settled

    def test_a_disconnect_passes_it_back(self) -> None:
        peer = Late()
        peer.call()
        peer.close()
        assert peer.passed_back == ["c-1"]
        assert peer.offered == []

    def test_a_drain_passes_it_back(self) -> None:
        peer = Late()
        peer.call("c-1")
        peer.core.drain(peer.now)
        peer.pump()
        assert peer.passed_back == ["c-1"]
        peer.call("c-2")
        assert peer.passed_back == ["c-1", "c-2"]
        peer.take_calls()
        assert peer.offered == []

    def test_a_close_forgets_it(self) -> None:
        peer = Late()
        peer.call()
        peer.close()
        assert peer.core.state is SessionState.CLOSED
        peer.core.accepting_calls = True
        assert peer.core.deadline() is None
        assert peer.offered == []


class TestTexts:
    def test_a_text_waits_for_the_first_handler(self) -> None:
        peer = Late()
        peer.message("m-1")
        peer.message("m-2")
        assert peer.texts == []
        peer.advance(GRACE / 2)
        peer.take_texts()
        assert peer.texts == ["m-1", "m-2"]

    def test_it_is_reported_when_its_time_is_over(self) -> None:
        peer = Late()
        peer.message()
        peer.advance(GRACE - 0.1)
        assert peer.texts == []
        peer.advance(0.1)
        assert peer.texts == ["m-1"]
        peer.message("m-2")
        assert peer.texts == ["m-1", "m-2"]

    def test_what_comes_behind_it_does_not_overtake_it(self) -> None:
        peer = Late()
        peer.message("m-1")
        peer.core.accepting_texts = True
        peer.message("m-2")
        assert peer.texts == ["m-1", "m-2"]

    def test_handlers_of_calls_do_not_take_it(self) -> None:
        peer = Late()
        peer.message()
        peer.call()
        peer.take_calls()
        assert peer.texts == []
        assert peer.offered == ["c-1"]

    def test_one_that_comes_again_is_told_once(self) -> None:
        peer = Late()
        peer.message()
        peer.message()
        peer.take_texts()
        assert peer.texts == ["m-1"]

    @pytest.mark.parametrize(
        "limits", [Limits(early_arrivals=1), Limits(kept_event_bytes=300)], ids=["count", "bytes"]
    )
    def test_there_is_a_bound(self, limits: Limits) -> None:
        peer = Late(limits=limits)
        peer.message("m-1")
        peer.message("m-2", body="x" * 300)
        assert peer.texts == ["m-2"], "it is reported at once, as ever"
        peer.take_texts()
        assert peer.texts == ["m-2", "m-1"]

    def test_an_end_reports_it(self) -> None:
        peer = Late()
        peer.message()
        peer.close()
        assert peer.texts == ["m-1"]

    def test_it_outlives_its_session(self) -> None:
        peer = Late()
        peer.message()
        peer.cut()
        peer.reconnect(session_restored=False)
        peer.take_texts()
        assert peer.texts == ["m-1"]

    def test_who_takes_texts_from_the_start_never_waits(self) -> None:
        peer = Peer()
        peer.connect()
        assert peer.core.accepting_texts
        peer.event(TEXT, message_id="m-1", context="office")
        assert len(peer.all(MessageReceived)) == 1
