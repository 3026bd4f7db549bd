"""Calls and actions: they only move forward, and every wait about them ends."""

from __future__ import annotations

from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from relay_proto.calls.calls import Calls
from relay_proto.config import Limits, Timing
from relay_proto.core import OutputQueue
from relay_proto.errors import RelayError
from relay_proto.outputs import CallEnded, EventReceived, Output, Settled
from relay_proto.pending import Pending
from relay_proto.records import ActionRecord, CallRecord
from relay_proto.rpc import action_kinds as actions
from relay_proto.rpc.action_kinds import ActionKind
from relay_proto.rpc.event_base import RelayEvent
from relay_proto.rpc.events import CallStateEvent, parse_event
from relay_proto.timers import Deadlines
from relay_proto.transitions import ActionInput, ActionState
from tests.spec import CONSTANTS

STATES: Final[list[str]] = CONSTANTS["call_states"]
KINDS: Final = [kind for kind in vars(actions).values() if isinstance(kind, ActionKind)]


class Table:
    """A table of calls, and what it says."""

    def __init__(self) -> None:
        self.out = OutputQueue()
        self.deadlines: Deadlines[Any] = Deadlines()
        self.calls = Calls(self.out, self.deadlines, Timing(action_grace=5.0), Limits())

    def outputs(self) -> list[Output]:
        outputs: list[Output] = []
        while (output := self.out.next()) is not None:
            outputs.append(output)
        return outputs

    def call(self, call_id: str = "c-1", state: str = "") -> CallRecord:
        call = CallRecord(call_id, "n-1", state=state)
        self.calls.add(call)
        return call

    def start(
        self, call: CallRecord, kind: ActionKind = actions.PLAY, control_id: str = "a-1"
    ) -> ActionRecord:
        action = self.calls.new_action(call, kind, control_id)
        self.calls.begin(action)
        return action

    def event(self, event_type: str, now: float = 0.0, /, **body: Any) -> RelayEvent:
        """Receive an event of the call `c-1`, if the body names no other."""
        params = {"call_id": "c-1", **body}
        event = parse_event({"event_type": event_type, "params": params})
        self.calls.receive(event, now)
        return event

    def state(self, state: str, now: float = 0.0, /, **body: Any) -> RelayEvent:
        return self.event("calling.call.state", now, call_state=state, **body)


# Calls


@given(st.lists(st.sampled_from([*STATES, "", "new"]), max_size=6), st.sampled_from(STATES))
def test_a_wait_for_a_state_ends_with_the_first_event_at_or_past_it(
    reported: list[str], target: str
) -> None:
    table = Table()
    call = table.call()
    pending = table.calls.wait_for(call, target)
    assert table.calls.wait_for(call, target) is pending
    expected = None
    for state in reported:
        event = table.state(state)
        if expected is None and state in STATES[STATES.index(target) :]:
            expected = event
        if call.ended:
            break
    assert pending.settled == (expected is not None)
    if expected is not None:
        assert pending.result() is expected
        late = table.calls.wait_for(call, target)
        assert late.result() is call.last_state_event
        assert call.has_reached(target)
    else:
        assert not call.has_reached(target)


def test_a_call_that_is_where_it_is_by_offer_needs_no_event_to_say_so() -> None:
    table = Table()
    call = table.call(state="ringing")
    pending = table.calls.wait_for(call, "created")
    assert table.outputs() == [Settled(pending)]
    event = pending.result()
    assert isinstance(event, CallStateEvent)
    assert (event.call_id, event.call_state) == ("c-1", "ringing")


def test_a_state_event_fills_in_what_was_not_known() -> None:
    table = Table()
    call = table.call()
    known = {
        "direction": "outbound",
        "device": {"type": "phone"},
        "context": "office",
        "segment_id": "s-1",
        "project_id": "p-1",
    }
    table.state("ringing", node_id="n-other", peer={"call_id": "c-9"}, **known)
    table.state("answered", direction="inbound", context="sales")
    assert {name: getattr(call, name) for name in known} == known
    assert call.node_id == "n-1"
    assert call.peer == {"call_id": "c-9"}
    assert repr(call) == "<CallRecord c-1 answered>"


def test_a_late_lower_state_is_told_but_changes_nothing() -> None:
    table = Table()
    call = table.call()
    table.state("answered")
    event = table.state("ringing")
    assert call.state == "answered"
    assert table.outputs()[-1] == EventReceived(event, call)


def test_the_reason_of_the_end_is_kept() -> None:
    table = Table()
    call = table.call()
    table.state("answered", end_reason="not yet")
    assert call.end_reason == ""
    table.state("ending", end_reason="busy")
    table.state("ended")
    assert call.end_reason == "busy"


def test_an_ended_call_leaves_the_table_and_its_end_is_told_last() -> None:
    table = Table()
    call = table.call()
    assert len(table.calls) == 1
    assert list(table.calls) == [call]
    event = table.state("ended")
    assert table.outputs() == [EventReceived(event, call), CallEnded(call)]
    assert len(table.calls) == 0
    assert table.calls.get("c-1") is None
    assert call.ended
    assert not table.calls.receive(event, 0.0)


def test_an_event_of_no_known_call_is_nobodys() -> None:
    table = Table()
    table.call()
    for body in ({"call_id": "c-2"}, {"call_id": ""}, {"call_id": "c-2", "control_id": "a-1"}):
        for event_type in ("calling.call.state", "calling.call.play", "calling.call.connect"):
            event = parse_event({"event_type": event_type, "params": body})
            assert not table.calls.receive(event, 0.0)
    assert table.outputs() == []


def test_the_peer_is_there_while_the_bridge_is() -> None:
    table = Table()
    call = table.call()
    table.event("calling.call.connect", connect_state="connected", peer={"call_id": "c-9"})
    assert call.peer == {"call_id": "c-9"}
    event = table.event("calling.call.connect", connect_state="disconnected")
    assert call.peer == {}
    assert table.outputs()[-1] == EventReceived(event, call)


def test_an_event_that_changes_nothing_is_told_with_its_call() -> None:
    table = Table()
    call = table.call()
    event = table.event("calling.call.echo", state="started", control_id="a-1")
    assert table.outputs() == [EventReceived(event, call)]
    assert call.state == ""


def test_calls_without_a_device_do_not_share_one() -> None:
    first, second = CallRecord("c-1", "n-1"), CallRecord("c-2", "n-1")
    first.device["type"] = "phone"
    assert second.device == {}


def test_a_call_that_is_over_without_the_servers_word_ends_all_the_same() -> None:
    table = Table()
    call = table.call()
    pending = table.calls.wait_for(call, "answered")
    table.calls.end_locally(call, 0.0)
    assert (call.state, call.end_reason) == ("ended", "error")
    event = pending.result()
    assert isinstance(event, CallStateEvent)
    assert event.local
    assert table.outputs() == [Settled(pending), EventReceived(event, call), CallEnded(call)]
    table.calls.end_locally(call, 0.0)
    assert table.outputs() == []


# Actions


def ended_action(table: Table, action: ActionRecord) -> RelayEvent:
    event = action.done.result()
    assert action.completed
    assert not action.running
    assert action.result is event
    assert action not in table.deadlines
    return event


def test_an_action_ends_with_its_last_event() -> None:
    table = Table()
    call = table.call()
    action = table.start(call)
    assert repr(action) == "<ActionRecord calling.play a-1 starting>"
    playing = table.event("calling.call.play", control_id="a-1", state="playing")
    assert action.state is ActionState.RUNNING
    assert action.running
    finished = table.event("calling.call.play", control_id="a-1", state="finished")
    assert ended_action(table, action) is finished
    assert action.seen == "finished"
    assert table.outputs() == [
        EventReceived(playing, call, action),
        Settled(action.done),
        EventReceived(finished, call, action),
    ]


def test_an_event_of_another_operation_changes_nothing() -> None:
    table = Table()
    call = table.call()
    action = table.start(call)
    event = table.event("calling.call.play", control_id="a-2", state="finished")
    assert not action.completed
    assert table.outputs() == [EventReceived(event, call)]


def test_the_prompts_events_do_not_end_what_it_prompts_for() -> None:
    table = Table()
    call = table.call()
    action = table.start(call, actions.PLAY_AND_COLLECT)
    event = table.event("calling.call.play", control_id="a-1", state="finished")
    assert not action.completed
    assert action.seen == ""
    assert table.outputs() == [EventReceived(event, call, action)]


def test_the_reply_may_come_behind_the_last_event() -> None:
    table = Table()
    action = table.start(table.call())
    table.event("calling.call.play", control_id="a-1", state="finished")
    action.happened(ActionInput.ACCEPTED)
    assert action.completed


def test_a_control_id_is_in_use_until_its_action_is_done() -> None:
    table = Table()
    call = table.call()
    table.start(call)
    with pytest.raises(ValueError, match="control_id 'a-1' is in use on call c-1"):
        table.start(call)
    table.start(table.call("c-2"))
    table.event("calling.call.play", control_id="a-1", state="error")
    assert not table.start(call).completed


def test_an_action_on_an_ended_call_is_done_with_an_empty_event() -> None:
    table = Table()
    call = table.call()
    table.state("ended")
    table.outputs()
    action = table.start(call)
    assert ended_action(table, action).event_type == ""
    assert table.outputs() == [Settled(action.done)]


def test_an_action_that_could_not_be_started_fails_once() -> None:
    table = Table()
    call = table.call()
    action = table.start(call)
    error = RelayError(500, "no")
    table.calls.fail(action, error)
    table.calls.fail(action, RelayError(501, "no"))
    table.calls.complete(action, RelayEvent())
    assert action.done.error is error
    assert action.result is None
    assert not action.running
    assert table.outputs() == [Settled(action.done)]
    assert not table.start(call).completed


def test_an_action_completes_once() -> None:
    table = Table()
    action = table.start(table.call())
    event = RelayEvent()
    table.calls.complete(action, event)
    table.calls.complete(action, RelayEvent())
    table.calls.fail(action, RelayError(500, "no"))
    assert ended_action(table, action) is event


@pytest.mark.parametrize("kind", [kind for kind in KINDS if not kind.lingers])
def test_the_end_of_the_call_is_the_end_of_its_actions(kind: ActionKind) -> None:
    table = Table()
    call = table.call()
    action = table.start(call, kind)
    event = table.state("ended")
    assert ended_action(table, action) is event
    assert table.outputs() == [
        Settled(action.done),
        EventReceived(event, call),
        CallEnded(call),
    ]


FINAL: Final[dict[str, dict[str, Any]]] = {
    "calling.call.record": {"state": "finished", "url": "u"},
    "calling.call.transcribe": {"state": "finished", "url": "u"},
    "calling.call.fax": {"fax": {"type": "finished"}},
}


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.lingers])
def test_a_recording_or_fax_may_report_a_while_after_its_call(kind: ActionKind) -> None:
    table = Table()
    call = table.call()
    action = table.start(call, kind)
    ended = table.state("ended", 10.0)
    assert table.outputs() == [EventReceived(ended, call), CallEnded(call)]
    assert action.state is ActionState.LINGERING
    assert not action.running
    assert table.deadlines.next() == 15.0
    with pytest.raises(ValueError, match="in use"):
        table.start(call, kind)
    action.happened(ActionInput.ACCEPTED)
    progress = table.event(kind.event_type, 11.0, control_id="a-1", state="new")
    final = table.event(kind.event_type, 12.0, control_id="a-1", **FINAL[kind.event_type])
    assert ended_action(table, action) is final
    assert table.outputs() == [
        EventReceived(progress, call, action),
        Settled(action.done),
        EventReceived(final, call, action),
    ]
    assert not table.calls.receive(final, 13.0)


def test_what_does_not_report_in_time_has_the_calls_end_as_its_result() -> None:
    table = Table()
    action = table.start(table.call(), actions.RECORD)
    ended = table.state("ended", 10.0)
    assert table.deadlines.pop_due(15.0) is action
    table.calls.complete_lingering(action)
    assert ended_action(table, action) is ended


def test_a_lost_session_ends_every_call_and_every_action_at_once() -> None:
    table = Table()
    early = table.start(table.call("c-0"), actions.RECORD)
    table.event("calling.call.state", call_id="c-0", call_state="ended")
    call = table.call()
    record, play = table.start(call, actions.RECORD), table.start(call, control_id="a-2")
    other = table.start(table.call("c-2"))
    pending = table.calls.wait_for(call, "answered")
    table.calls.end_all(0.0)
    for action in (early, record, play, other):
        event = ended_action(table, action)
        assert isinstance(event, CallStateEvent)
        assert event.call_state == "ended"
    assert pending.settled
    assert len(table.calls) == 0
    assert table.deadlines.next() is None


# Detectors


def detected(table: Table, event: str, **body: Any) -> RelayEvent:
    params = {"type": "machine", "params": {"event": event}}
    return table.event("calling.call.detect", control_id="a-1", detect=params, **body)


def test_a_detector_has_its_first_result_and_runs_until_it_says_that_it_is_over() -> None:
    table = Table()
    call = table.call()
    action = table.start(call, actions.DETECT)
    first = detected(table, "MACHINE")
    assert action.done.result() is first
    assert action.running
    table.outputs()
    second = detected(table, "READY")
    assert table.outputs() == [EventReceived(second, call, action)]
    assert action.result is first
    assert action.running
    detected(table, "finished")
    assert ended_action(table, action) is first


@pytest.mark.parametrize("state", ["finished", "error"])
def test_a_detector_that_heard_nothing_is_over(state: str) -> None:
    table = Table()
    action = table.start(table.call(), actions.DETECT)
    event = table.event("calling.call.detect", control_id="a-1", state=state)
    assert ended_action(table, action) is event


def test_a_detector_that_still_runs_ends_with_its_call() -> None:
    table = Table()
    call = table.call()
    action = table.start(call, actions.DETECT)
    first = detected(table, "HUMAN")
    table.outputs()
    ended = table.state("ended")
    assert ended_action(table, action) is first
    assert table.outputs() == [EventReceived(ended, call), CallEnded(call)]


class CallsMachine(RuleBasedStateMachine):
    """Any order of events, starts, refusals and ends: all that waits is told once."""

    control_ids = st.sampled_from(["a-1", "a-2"])
    call_ids = st.sampled_from(["c-1", "c-2"])

    def __init__(self) -> None:
        super().__init__()
        self.table = Table()
        self.now = 0.0
        self.records: dict[str, CallRecord] = {}
        self.started: list[ActionRecord] = []
        self.waits: list[Pending[RelayEvent]] = []
        self.settled: list[Pending[Any]] = []

    @rule(call_id=call_ids)
    def add(self, call_id: str) -> None:
        if self.table.calls.get(call_id) is None:
            self.records[call_id] = self.table.call(call_id)

    @rule(call_id=call_ids, control_id=control_ids, kind=st.sampled_from(KINDS))
    def start(self, call_id: str, control_id: str, kind: ActionKind) -> None:
        call = self.records.get(call_id)
        if call is not None:
            in_use = [a for a in self.started if a.call.call_id == call_id and a.running]
            in_use += [a for a in self.started if a.state is ActionState.LINGERING]
            if any(a.control_id == control_id for a in in_use):
                return
            self.started.append(self.table.start(call, kind, control_id))

    @rule(call_id=call_ids, state=st.sampled_from(STATES))
    def wait_for(self, call_id: str, state: str) -> None:
        if call_id in self.records:
            self.waits.append(self.table.calls.wait_for(self.records[call_id], state))

    @rule(call_id=call_ids, state=st.sampled_from(STATES))
    def state(self, call_id: str, state: str) -> None:
        self.table.event("calling.call.state", self.now, call_id=call_id, call_state=state)

    @rule(
        call_id=call_ids,
        control_id=control_ids,
        kind=st.sampled_from(KINDS),
        state=st.sampled_from(["new", "finished", "error"]),
    )
    def event(self, call_id: str, control_id: str, kind: ActionKind, state: str) -> None:
        body = {"call_id": call_id, "control_id": control_id, "state": state}
        self.table.event(kind.event_type, self.now, **body)

    @rule(data=st.data())
    def refuse(self, data: st.DataObject) -> None:
        if self.started:
            action = data.draw(st.sampled_from(self.started))
            self.table.calls.fail(action, RelayError(500, "no"))

    @rule(seconds=st.integers(1, 6))
    def wait(self, seconds: int) -> None:
        self.now += seconds
        while (action := self.table.deadlines.pop_due(self.now)) is not None:
            self.table.calls.complete_lingering(action)

    @rule()
    def end_all(self) -> None:
        self.table.calls.end_all(self.now)
        assert all(action.done.settled for action in self.started)
        assert all(pending.settled for pending in self.waits)
        assert self.table.deadlines.next() is None

    @invariant()
    def what_settles_is_told_once(self) -> None:
        self.settled += [o.pending for o in self.table.outputs() if isinstance(o, Settled)]
        assert len(set(map(id, self.settled))) == len(self.settled)
        for action in self.started:
            assert action.done.settled == action.completed == (action.done in self.settled)

    @invariant()
    def nothing_runs_on_an_ended_call(self) -> None:
        for action in self.started:
            if action.call.ended:
                assert action.completed or action.state is ActionState.LINGERING
                assert (action in self.table.deadlines) == (not action.completed)


TestCalls = CallsMachine.TestCase
TestCalls.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
