"""Actions: each completes on its real event, with its call, or with the news that it is gone."""

from __future__ import annotations

from typing import Any

import pytest

from relay_proto.api import commands as c
from relay_proto.api.outcomes import CallOver, Done, outcome_of
from relay_proto.errors import ConnectionLostError, RelayError, RequestTimeoutError
from relay_proto.outputs import CallEnded, EventReceived, Settled
from relay_proto.records import ActionRecord, CallRecord
from relay_proto.rpc import action_kinds as kinds
from relay_proto.rpc.action_kinds import ActionKind
from tests.unit.client_peer import Frame, Peer, error_of, starting

FINISHED: Frame = {"state": "finished"}
ERROR: Frame = {"state": "error"}


def result(kind: str, **more: Any) -> Frame:
    return {"result": {"type": kind, "params": {}}, **more}


COMPLETIONS: list[tuple[ActionKind, list[Frame], list[Frame]]] = [
    (kinds.PLAY, [{"state": "playing"}, {"state": "paused"}, {}], [FINISHED, ERROR]),
    (kinds.RECORD, [{"state": "recording"}], [FINISHED, ERROR, {"state": "no_input"}]),
    (
        kinds.PLAY_AND_COLLECT,
        [result("start_of_input"), result("speech", final=False), {"state": "collecting"}],
        [result("digit"), result("speech", final=True), result("no_input"), {"state": "no_match"}],
    ),
    (
        kinds.COLLECT,
        [result("start_of_input"), result("digit", final=False)],
        [result("digit"), result("no_match"), result("error"), result("finished"), FINISHED],
    ),
    (
        kinds.COLLECT_CONTINUOUS,
        [result("digit"), result("speech", final=True), result("no_input")],
        [FINISHED, ERROR, result("finished")],
    ),
    (kinds.PLAY_AND_COLLECT_CONTINUOUS, [result("digit")], [FINISHED]),
    (
        kinds.DETECT,
        [{}, {"detect": {}}],
        [{"detect": {"type": "machine", "params": {"event": "HUMAN"}}}, FINISHED, ERROR],
    ),
    (
        kinds.SEND_FAX,
        [{"fax": {"type": "page", "params": {"number": 1}}}],
        [{"fax": {"type": "finished", "params": {"pages": 3}}}, {"fax": {"type": "error"}}],
    ),
    (kinds.RECEIVE_FAX, [{"fax": {"type": "page"}}], [{"fax": {"type": "finished"}}, FINISHED]),
    (kinds.TAP, [{"state": "tapping"}], [FINISHED]),
    (kinds.STREAM, [{"state": "streaming"}], [FINISHED]),
    (kinds.TRANSCRIBE, [{"state": "transcribing"}], [FINISHED]),
    (
        kinds.PAY,
        [{"for": "payment-card-number"}],
        [FINISHED, ERROR, {"for": "payment-completed"}, {"for": "payment-failed"}],
    ),
    (kinds.AI, [{"state": "running"}], [FINISHED, ERROR]),
]


EACH_COMPLETION = [
    pytest.param(kind, progress, final, id=f"{kind.method}-{row}.{number}")
    for row, (kind, progress, finals) in enumerate(COMPLETIONS)
    for number, final in enumerate(finals)
]


@pytest.fixture
def peer() -> Peer:
    peer = Peer()
    peer.connect()
    return peer


@pytest.fixture
def call(peer: Peer) -> CallRecord:
    call = peer.offer()
    peer.forget()
    return call


def begin(peer: Peer, call: CallRecord, kind: ActionKind, control_id: str = "a-1") -> ActionRecord:
    """Start an action, which the server accepts."""
    started = peer.execute_on(call, starting(kind, control_id))
    peer.reply(peer.take(kind.method))
    return started.result()


def tell(peer: Peer, kind: ActionKind, body: Frame, control_id: str = "a-1") -> None:
    peer.event(kind.event_type, **{"call_id": "c-1", "control_id": control_id, **body})


EMPTY = [FINISHED, ERROR, result("finished"), result("error"), result("no_input")]
DETECTED: Frame = {"detect": {"type": "machine", "params": {"event": "HUMAN"}}}
OVER: Frame = {"detect": {"type": "machine", "params": {"event": "finished"}}}
CUT_OFF = [
    (kinds.PLAY, FINISHED),
    (kinds.PLAY, ERROR),
    *((kinds.COLLECT, body) for body in EMPTY),
    (kinds.PLAY_AND_COLLECT, result("error")),
    (kinds.DETECT, FINISHED),
    (kinds.DETECT, OVER),
    (kinds.PAY, {"for": "payment-failed", **FINISHED}),
    (kinds.TAP, FINISHED),
    (kinds.STREAM, FINISHED),
    (kinds.AI, FINISHED),
]
"""What the server says of an action that ends because its call is ending."""
RESULTS = [
    (kinds.COLLECT, result("digit")),
    (kinds.PLAY_AND_COLLECT, result("speech")),
    (kinds.DETECT, DETECTED),
    (kinds.PAY, {"for": "payment-completed"}),
    (kinds.RECORD, FINISHED),
    (kinds.TRANSCRIBE, FINISHED),
    (kinds.RECEIVE_FAX, {"fax": {"type": "finished"}}),
]
"""What counts, even if the call is ending."""


class TestTheEndOfACall:
    @pytest.mark.parametrize(("kind", "body"), CUT_OFF)
    def test_what_was_cut_off_is_no_success(
        self, peer: Peer, call: CallRecord, kind: ActionKind, body: Frame
    ) -> None:
        action = begin(peer, call, kind)
        peer.state("c-1", "ending", end_reason="hangup")
        tell(peer, kind, body)
        assert not action.completed
        assert peer.last(EventReceived).event.event_type == kind.event_type, "listeners hear of it"
        peer.state("c-1", "ended", end_reason="hangup")
        match outcome_of(action.done.result()):
            case CallOver(event):
                assert event.params["call_state"] == "ended"
            case outcome:
                pytest.fail(f"{outcome} is not the end of the call")

    @pytest.mark.parametrize(("kind", "body"), RESULTS)
    def test_a_result_counts_until_the_call_has_ended(
        self, peer: Peer, call: CallRecord, kind: ActionKind, body: Frame
    ) -> None:
        action = begin(peer, call, kind)
        peer.state("c-1", "ending", end_reason="hangup")
        tell(peer, kind, body)
        assert isinstance(outcome_of(action.done.result()), Done)


class TestCompletion:
    def test_every_kind_is_in_the_table(self) -> None:
        found = {kind for kind in vars(kinds).values() if isinstance(kind, ActionKind)}
        assert found == {kind for kind, _, _ in COMPLETIONS}

    @pytest.mark.parametrize(("kind", "progress", "final"), EACH_COMPLETION)
    def test_on_its_real_event(
        self, peer: Peer, call: CallRecord, kind: ActionKind, progress: list[Frame], final: Frame
    ) -> None:
        action = begin(peer, call, kind)
        for body in progress:
            tell(peer, kind, body)
            assert peer.last(EventReceived).action is action
            assert not action.completed, body
        tell(peer, kind, final, "another")
        peer.event("calling.call.novelty", **{"call_id": "c-1", "control_id": "a-1", **FINISHED})
        assert not action.done.settled
        tell(peer, kind, final)
        event = peer.last(EventReceived).event
        assert action.result is event
        assert action.done.result() is event
        assert [output.pending for output in peer.all(Settled)][-1] is action.done

    @pytest.mark.parametrize("kind", [kind for kind, _, _ in COMPLETIONS])
    def test_on_the_end_of_its_call(self, peer: Peer, call: CallRecord, kind: ActionKind) -> None:
        action = begin(peer, call, kind)
        peer.state("c-1", "ended")
        ended = peer.last(EventReceived).event
        assert action.completed is not kind.lingers
        peer.advance(5)
        assert action.done.result() is ended
        assert action.result is ended
        assert call.actions == {}

    @pytest.mark.parametrize("code", [404, 410])
    def test_on_the_news_that_the_call_is_gone(
        self, peer: Peer, call: CallRecord, code: int
    ) -> None:
        other = begin(peer, call, kinds.PLAY, "a-0")
        started = peer.execute_on(call, starting(kinds.RECORD))
        peer.refuse(peer.take("calling.record"), code)
        action = started.result()
        event = action.done.result()
        assert (event.event_type, event.params) == ("", {})
        assert call.ended
        assert peer.last(CallEnded).call is call
        assert other.done.result().params["local"] is True

    def test_before_its_reply(self, peer: Peer, call: CallRecord) -> None:
        started = peer.execute_on(call, starting(kinds.PLAY))
        action = call.actions["a-1"]
        for body, seen in (({}, ""), ({"state": "playing"}, "playing"), ({}, "playing")):
            tell(peer, kinds.PLAY, body)
            assert action.seen == seen
        tell(peer, kinds.PLAY, FINISHED)
        assert not started.settled
        peer.reply(peer.take("calling.play"))
        assert started.result() is action
        assert action.done.result() is peer.last(EventReceived).event
        assert repr(action) == "<ActionRecord calling.play a-1 completed>"

    def test_a_prompt_does_not_end_the_collecting(self, peer: Peer, call: CallRecord) -> None:
        action = begin(peer, call, kinds.PLAY_AND_COLLECT)
        tell(peer, kinds.PLAY, FINISHED)
        assert peer.last(EventReceived).action is action
        assert (action.completed, action.seen) == (False, "")

    def test_the_callback_comes_with_the_completion(self, peer: Peer, call: CallRecord) -> None:
        started = peer.execute_on(call, c.play([], on_completed=print))
        peer.reply(peer.take("calling.play"))
        assert started.result().done.callback is print
        assert started.callback is None


class TestStarting:
    def test_ids_are_made_where_none_is_given(self, peer: Peer, call: CallRecord) -> None:
        for _ in range(2):
            peer.execute_on(call, c.play([{"type": "silence", "duration": 1}]))
        params = [request["params"] for request in peer.requests]
        assert params[0].keys() == {"node_id", "call_id", "control_id", "play"}
        assert set(call.actions) == {one["control_id"] for one in params}
        assert len(call.actions) == 2

    def test_a_control_id_is_used_once_at_a_time(self, peer: Peer, call: CallRecord) -> None:
        begin(peer, call, kinds.RECORD)
        with pytest.raises(ValueError, match="'a-1' is in use on call c-1"):
            peer.execute_on(call, starting(kinds.PLAY))
        assert peer.requests == []
        begin(peer, peer.offer("c-2"), kinds.PLAY)
        tell(peer, kinds.RECORD, FINISHED)
        begin(peer, call, kinds.PLAY)

    def test_a_refusal_reaches_the_caller_and_the_waiter(
        self, peer: Peer, call: CallRecord
    ) -> None:
        started = peer.execute_on(call, starting(kinds.PLAY))
        done = call.actions["a-1"].done
        peer.reply(peer.take("calling.play"), {"code": "409", "message": "conflict"})
        assert error_of(started, RelayError).code == 409
        assert done.error is started.error
        assert call.actions == {}
        assert not call.ended

    def test_a_refusal_behind_the_result_changes_nothing(
        self, peer: Peer, call: CallRecord
    ) -> None:
        started = peer.execute_on(call, starting(kinds.PLAY))
        done = call.actions["a-1"].done
        tell(peer, kinds.PLAY, FINISHED)
        peer.reply(peer.take("calling.play"), {"code": "500"})
        assert error_of(started, RelayError).code == 500
        assert done.error is None

    def test_a_start_may_time_out_or_be_lost(self, peer: Peer, call: CallRecord) -> None:
        slow = peer.execute_on(call, starting(kinds.PLAY))
        done = call.actions["a-1"].done
        peer.advance(10)
        assert error_of(slow, RequestTimeoutError) is done.error
        lost = peer.execute_on(call, starting(kinds.PLAY, "a-2"))
        done = call.actions["a-2"].done
        peer.cut()
        assert error_of(lost, ConnectionLostError) is done.error

    def test_on_an_ended_call_nothing_is_sent(self, peer: Peer, call: CallRecord) -> None:
        peer.state("c-1", "ended")
        action = peer.execute_on(call, starting(kinds.RECORD)).result()
        assert peer.requests == []
        assert action.done.result().params == {}
        assert peer.execute_on(action, c.stop()).result() == {}


class TestLingering:
    @pytest.mark.parametrize(
        ("kind", "final"), [(kind, finals[0]) for kind, _, finals in COMPLETIONS if kind.lingers]
    )
    def test_a_recording_or_a_fax_may_be_reported_behind_the_end(
        self, peer: Peer, call: CallRecord, kind: ActionKind, final: Frame
    ) -> None:
        action = begin(peer, call, kind)
        peer.state("c-1", "ended")
        ended = peer.last(EventReceived).event
        tell(peer, kind, final)
        event = peer.last(EventReceived).event
        assert event is not ended
        assert action.done.result() is event
        peer.advance(6)
        assert action.result is event

    def test_a_recording_may_be_reported_late(self, peer: Peer, call: CallRecord) -> None:
        action = begin(peer, call, kinds.RECORD)
        peer.state("c-1", "ended")
        peer.advance(4.9)
        tell(peer, kinds.RECORD, {"state": "recording"})
        assert peer.last(EventReceived).call is call
        assert not action.completed
        with pytest.raises(ValueError, match="in use"):
            peer.execute_on(call, starting(kinds.PLAY))
        tell(peer, kinds.RECORD, {"state": "finished", "url": "https://example.com/r.mp3"})
        assert action.done.result().params["url"] == "https://example.com/r.mp3"
        assert peer.last(EventReceived).action is action
        peer.advance(1)
        tell(peer, kinds.RECORD, FINISHED)
        assert peer.last(EventReceived).action is None

    def test_a_recording_whose_start_is_not_answered_lingers_too(
        self, peer: Peer, call: CallRecord
    ) -> None:
        started = peer.execute_on(call, starting(kinds.RECORD))
        peer.state("c-1", "ended")
        peer.reply(peer.take("calling.record"))
        assert not started.result().completed
        peer.advance(5)
        assert started.result().completed

    def test_other_events_behind_the_end_belong_to_nobody(
        self, peer: Peer, call: CallRecord
    ) -> None:
        begin(peer, call, kinds.PLAY)
        peer.state("c-1", "ended")
        tell(peer, kinds.PLAY, FINISHED)
        peer.event("calling.call.echo", call_id="c-1")
        assert [output.call for output in peer.all(EventReceived)[-2:]] == [None, None]

    def test_a_close_does_not_wait_for_them(self, peer: Peer, call: CallRecord) -> None:
        action = begin(peer, call, kinds.RECORD)
        peer.state("c-1", "ended")
        peer.close()
        assert action.done.result() is call.last_state_event


class TestControls:
    def test_they_name_the_call_and_the_operation(self, peer: Peer, call: CallRecord) -> None:
        action = begin(peer, call, kinds.PLAY_AND_COLLECT)
        where = {"node_id": "n-1", "call_id": "c-1", "control_id": "a-1"}
        for command, method, params in (
            (c.stop(), "calling.play_and_collect.stop", {}),
            (c.pause("skip"), "calling.play_and_collect.pause", {"behavior": "skip"}),
            (c.resume(), "calling.play_and_collect.resume", {}),
            (c.volume(-3.5), "calling.play_and_collect.volume", {"volume": -3.5}),
            (c.start_input_timers(), "calling.collect.start_input_timers", {}),
        ):
            done = peer.execute_on(action, command)
            request = peer.take(method)
            assert request["params"] == {**where, **params}
            peer.reply(request, {"code": "200", "message": method})
            assert done.result()["message"] == method

    def test_a_gone_operation_is_no_error_and_no_end_of_the_call(
        self, peer: Peer, call: CallRecord
    ) -> None:
        action = begin(peer, call, kinds.PLAY)
        done = peer.execute_on(action, c.stop())
        peer.refuse(peer.take("calling.play.stop"), 404)
        assert done.result() == {}
        assert not call.ended
        assert not action.completed

    def test_a_refused_control_is_an_error_of_its_own(self, peer: Peer, call: CallRecord) -> None:
        action = begin(peer, call, kinds.PLAY)
        done = peer.execute_on(action, c.stop())
        peer.refuse(peer.take("calling.play.stop"), 409)
        assert error_of(done, RelayError).code == 409
        assert not action.completed

    def test_on_a_finished_action_nothing_is_sent(self, peer: Peer, call: CallRecord) -> None:
        action = begin(peer, call, kinds.PLAY)
        tell(peer, kinds.PLAY, FINISHED)
        assert peer.execute_on(action, c.stop()).result() == {}
        assert peer.requests == []

    def test_a_detector_is_stopped_until_it_has_finished(
        self, peer: Peer, call: CallRecord
    ) -> None:
        for number, over in enumerate(
            (
                FINISHED,
                ERROR,
                {"detect": {"type": "machine", "params": {"event": "finished"}}},
            )
        ):
            control_id = f"a-{number}"
            action = begin(peer, call, kinds.DETECT, control_id)
            heard = {"detect": {"type": "machine", "params": {"event": "MACHINE"}}}
            tell(peer, kinds.DETECT, heard, control_id)
            first = action.done.result()
            peer.execute_on(action, c.stop())
            peer.reply(peer.take("calling.detect.stop"))
            tell(peer, kinds.DETECT, heard, control_id)
            assert peer.last(EventReceived).action is action
            with pytest.raises(ValueError, match="in use"):
                peer.execute_on(call, starting(kinds.DETECT, control_id))
            tell(peer, kinds.DETECT, over, control_id)
            assert action.done.result() is first
            assert peer.execute_on(action, c.stop()).result() == {}
            assert peer.requests == []
        assert call.actions == {}

    def test_a_detector_ends_with_its_call(self, peer: Peer, call: CallRecord) -> None:
        action = begin(peer, call, kinds.DETECT)
        tell(peer, kinds.DETECT, {"detect": {"type": "fax", "params": {"event": "CED"}}})
        peer.state("c-1", "ended")
        assert peer.execute_on(action, c.stop()).result() == {}
        assert call.actions == {}
        assert peer.requests == []

    def test_an_ai_ends_when_it_was_stopped(self, peer: Peer, call: CallRecord) -> None:
        action = begin(peer, call, kinds.AI)
        refused = peer.execute_on(action, c.stop())
        peer.refuse(peer.take("calling.ai.stop"), 500)
        assert error_of(refused, RelayError)
        assert not action.completed
        done = peer.execute_on(action, c.stop())
        peer.reply(peer.take("calling.ai.stop"))
        assert done.result() == {"code": "200", "message": "OK"}
        assert action.done.result().params == {}


class TestUnwanted:
    """An action of which only this library knows is stopped if its start is cancelled."""

    COMMAND = c.detect_answering_machine().as_stopping_unwanted()

    def test_it_is_stopped_while_the_answer_is_on_its_way(
        self, peer: Peer, call: CallRecord
    ) -> None:
        pending = peer.execute_on(call, self.COMMAND)
        started = peer.take("calling.detect")["params"]
        peer.cancel(pending)
        stop = peer.take("calling.detect.stop")["params"]
        assert stop == {key: started[key] for key in ("node_id", "call_id", "control_id")}

    def test_it_is_stopped_when_the_answer_has_come(self, peer: Peer, call: CallRecord) -> None:
        pending = peer.execute_on(call, self.COMMAND)
        peer.reply(peer.take("calling.detect"))
        peer.cancel(pending)
        assert peer.take("calling.detect.stop")["params"]["control_id"] == (
            pending.result().control_id
        )

    def test_there_is_nothing_to_stop_before_it_is_sent(self, peer: Peer, call: CallRecord) -> None:
        peer.cut()
        peer.cancel(peer.execute_on(call, self.COMMAND))
        peer.reconnect()
        assert peer.requests == []

    def test_any_other_goes_on(self, peer: Peer, call: CallRecord) -> None:
        peer.cancel(peer.execute_on(call, c.detect_answering_machine()))
        peer.take("calling.detect")
