"""Every action ends by its own rule, and with its call; its handle's core side says how.

One client, one call, one action: each is started as a program starts it, and the
server's side is said by hand.

Source: ``actions`` and ``constants`` of tests/spec/relay.json; docs/protocol.md, section 15.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay_proto import Timing
from relay_proto.api import commands
from relay_proto.api.outcomes import CallOver, Done, Failed, SessionLost, outcome_of
from relay_proto.errors import RelayError
from relay_proto.pending import Pending
from relay_proto.records import ActionRecord, CallRecord
from relay_proto.rpc import action_kinds as actions
from relay_proto.rpc.action_kinds import ActionKind, custom_kind
from relay_proto.rpc.event_base import RelayEvent
from relay_proto.rpc.events import CallStateEvent
from tests.contract.endings import FINAL, PROGRESS, Body, detections
from tests.spec import ACTIONS
from tests.spec.json_values import contains, json_objects
from tests.unit.client_peer import Frame, Peer, error_of

STARTED: Final[Mapping[str, commands.Command[ActionRecord]]] = {
    "ai": commands.ai(control_id="x-1"),
    "collect": commands.collect(speech={}, control_id="x-1"),
    "collect continuously": commands.collect(speech={}, continuous=True, control_id="x-1"),
    "detect": commands.detect({"type": "machine"}, control_id="x-1"),
    "pay": commands.pay("https://example.com/pay", control_id="x-1"),
    "play": commands.play([], control_id="x-1"),
    "play_and_collect": commands.play_and_collect([], {"speech": {}}, control_id="x-1"),
    "play_and_collect continuously": commands.play_and_collect(
        [], {"speech": {}, "continuous": True}, control_id="x-1"
    ),
    "receive_fax": commands.receive_fax(control_id="x-1"),
    "record": commands.record(control_id="x-1"),
    "send_fax": commands.send_fax("https://example.com/f.pdf", control_id="x-1"),
    "stream": commands.stream("wss://example.com/", control_id="x-1"),
    "tap": commands.tap(
        {"type": "audio"}, {"type": "rtp", "addr": "203.0.113.9", "port": 5000}, control_id="x-1"
    ),
    "transcribe": commands.transcribe(control_id="x-1"),
}
LINGERING: Final = frozenset({"record", "transcribe", "send_fax", "receive_fax"})


each = pytest.mark.parametrize("name", sorted(STARTED))
each_final = pytest.mark.parametrize(
    ("name", "body"), [(name, body) for name in sorted(FINAL) for body in FINAL[name]]
)
each_progress = pytest.mark.parametrize(
    ("name", "body"), [(name, body) for name in sorted(PROGRESS) for body in PROGRESS[name]]
)


class Running:
    """An action that the server has accepted, and its peer."""

    def __init__(self, name: str) -> None:
        self.peer = Peer()
        self.peer.connect()
        self.call: CallRecord = self.peer.offer("c-1")
        self.command = STARTED[name]
        self.peer.requests.clear()
        self.started: Pending[ActionRecord] = self.peer.execute_on(self.call, self.command)
        self.request: Frame = self.peer.requests.pop()

    def accept(self) -> ActionRecord:
        self.peer.reply(self.request)
        return self.started.result()

    def tell(self, body: Body, *, control_id: str = "x-1", event_type: str = "") -> None:
        assert self.command.kind is not None
        named = {"call_id": "c-1", "node_id": "n-1", "control_id": control_id}
        params = {
            "event_type": event_type or self.command.kind.event_type,
            "params": {**named, **body},
        }
        self.peer.ask("signalwire.event", params)


def test_all_actions_of_the_specification_are_here() -> None:
    started = {method for item in ACTIONS.values() for method in item["started_by"]}
    assert {command.method for command in STARTED.values()} == started
    for command in STARTED.values():
        assert command.kind is not None
        described = [item for item in ACTIONS.values() if command.method in item["started_by"]]
        assert [command.kind.event_type] == described[0]["events"]


@each_final
def test_it_completes_with_its_last_event(name: str, body: Body) -> None:
    running = Running(name)
    action = running.accept()
    running.tell(body)
    assert action.completed
    assert action.result is not None
    assert action.result is action.done.result()
    assert action.result.event_type == action.kind.event_type
    assert contains(action.result.params, body)
    bad = body.get("state") == "error" or "error" in str(body.get("result", body.get("fax", "")))
    failed = bad or body.get("for") == "payment-failed"
    assert isinstance(outcome_of(action.result), Failed if failed else Done)


@each_progress
def test_it_does_not_complete_with_progress(name: str, body: Body) -> None:
    running = Running(name)
    action = running.accept()
    running.tell(body)
    assert not action.completed
    assert action.result is None
    running.tell(FINAL[name][0])
    assert action.completed


@each
def test_it_completes_once(name: str) -> None:
    running = Running(name)
    action = running.accept()
    first, *others = FINAL[name]
    running.tell(first)
    result = action.result
    for body in others:
        running.tell(body)
    running.peer.state("c-1", "ended")
    assert action.result is result
    assert action.done.result() is result


@each
def test_what_ends_another_does_not_end_it(name: str) -> None:
    running = Running(name)
    action = running.accept()
    assert running.command.kind is not None
    for body in FINAL[name]:
        running.tell(body, control_id="x-2")
        for other in STARTED.values():
            assert other.kind is not None
            if other.kind.event_type != running.command.kind.event_type:
                running.tell(body, event_type=other.kind.event_type)
    assert not action.completed


@settings(max_examples=15)
@each
@given(bodies=st.lists(json_objects | st.fixed_dictionaries({"result": json_objects}), max_size=4))
def test_nothing_that_the_server_says_keeps_it_from_ending(name: str, bodies: list[Body]) -> None:
    running = Running(name)
    action = running.accept()
    for body in bodies:
        running.tell(body)
    running.peer.state("c-1", "ended")
    running.peer.advance(60)
    assert action.completed


@each
def test_an_event_may_overtake_the_answer(name: str) -> None:
    running = Running(name)
    running.tell(FINAL[name][0])
    action = running.accept()
    assert action.completed
    assert action.result is not None
    assert action.result.event_type == action.kind.event_type


@each
def test_it_ends_with_its_call_or_some_seconds_later(name: str) -> None:
    running = Running(name)
    action = running.accept()
    running.peer.state("c-1", "ended", end_reason="hangup")
    assert action.completed == (name not in LINGERING)
    running.peer.advance(Timing().action_grace)
    assert isinstance(action.result, CallStateEvent)
    assert isinstance(outcome_of(action.result), CallOver)
    assert running.peer.core.active_calls == 0


@pytest.mark.parametrize("name", sorted(LINGERING))
def test_a_late_result_is_heard(name: str) -> None:
    running = Running(name)
    action = running.accept()
    running.peer.state("c-1", "ended")
    running.peer.advance(Timing().action_grace - 0.1)
    running.tell(FINAL[name][0])
    assert action.result is not None
    assert action.result.event_type == action.kind.event_type


@each
def test_it_ends_when_its_session_is_lost(name: str) -> None:
    running = Running(name)
    action = running.accept()
    running.peer.cut()
    assert not action.completed
    running.peer.reconnect(protocol="another", session_restored=False)
    running.peer.advance(Timing().action_grace)
    assert action.result is not None
    assert isinstance(outcome_of(action.result), SessionLost)


@each
def test_it_goes_on_when_its_session_is_resumed(name: str) -> None:
    running = Running(name)
    action = running.accept()
    running.peer.cut()
    running.peer.reconnect(session_restored=True)
    assert not action.completed
    running.tell(FINAL[name][0])
    assert action.completed


@pytest.mark.parametrize("code", [404, 410])
@pytest.mark.parametrize("as_error", [True, False])
@each
def test_a_call_that_is_gone_gives_a_handle_that_is_done(
    name: str, code: int, as_error: bool
) -> None:
    running = Running(name)
    if as_error:
        running.peer.refuse(running.request, code, "gone")
    else:
        running.peer.reply(running.request, {"code": str(code), "message": "gone"})
    action = running.started.result()
    assert action.completed
    assert isinstance(action.result, RelayEvent)
    assert (action.result.event_type, action.result.params) == ("", {})
    assert isinstance(outcome_of(action.result), CallOver)
    assert running.call.ended


@each
def test_a_refusal_is_raised_and_fails_the_handle(name: str) -> None:
    running = Running(name)
    running.peer.reply(running.request, {"code": "409", "message": "conflict"})
    error = error_of(running.started, RelayError)
    assert str(error) == "RELAY error 409: conflict"
    again = running.peer.execute_on(running.call, running.command)  # its id is free again
    assert not again.settled


@each
def test_on_an_ended_call_it_is_done_and_nothing_is_sent(name: str) -> None:
    running = Running(name)
    running.accept()
    running.peer.state("c-1", "ended")
    running.peer.advance(60)
    running.peer.requests.clear()
    action = running.peer.execute_on(running.call, running.command).result()
    assert action.completed
    assert action.result is not None
    assert action.result.event_type == ""
    assert running.peer.requests == []


@each
def test_a_control_of_what_is_over_sends_nothing(name: str) -> None:
    running = Running(name)
    action = running.accept()
    running.tell({**FINAL[name][0], "state": "finished"})
    running.peer.requests.clear()
    assert running.peer.execute_on(action, commands.stop()).result() == {}
    assert running.peer.requests == []


def test_a_detector_can_be_stopped_until_it_has_finished() -> None:
    running = Running("detect")
    action = running.accept()
    running.tell(detections()[0])
    assert action.completed
    stopped = running.peer.execute_on(action, commands.stop())
    running.peer.reply(running.peer.take("calling.detect.stop"))
    assert stopped.settled
    running.tell({"detect": {"type": "machine", "params": {"event": "finished"}}})
    assert running.peer.execute_on(action, commands.stop()).result() == {}
    assert running.peer.requests == []


def test_an_ai_session_ends_with_the_answer_to_its_stop() -> None:
    running = Running("ai")
    action = running.accept()
    running.peer.execute_on(action, commands.stop())
    running.peer.reply(running.peer.take("calling.ai.stop"))
    assert action.completed


@pytest.mark.parametrize("name", sorted(STARTED.keys() - {"ai"}))
def test_the_others_end_with_the_event_of_their_stop(name: str) -> None:
    running = Running(name)
    action = running.accept()
    running.peer.execute_on(action, commands.stop())
    assert running.command.kind is not None
    running.peer.reply(running.peer.take(f"{running.command.kind.method}.stop"))
    assert not action.completed
    running.tell({"state": "finished"})
    assert action.completed


def test_the_prompt_never_completes_the_collect() -> None:
    running = Running("play_and_collect")
    action = running.accept()
    running.tell({"state": "finished"}, event_type="calling.call.play")
    assert not action.completed


def test_an_id_in_use_is_refused_and_nothing_is_sent() -> None:
    for name, command in STARTED.items():
        running = Running(name)
        running.accept()
        running.peer.requests.clear()
        with pytest.raises(ValueError, match="control_id 'x-1' is in use on call c-1"):
            running.peer.execute_on(running.call, command)
        assert running.peer.requests == []


def test_a_handle_made_by_hand_follows_what_was_started_elsewhere() -> None:
    running = Running("play")
    running.accept()
    kind: ActionKind = custom_kind("calling.call.new", ("over", "broken"))
    assert kind.method == "calling.new"
    action = running.peer.core.attach(running.call, kind, "y-1")
    running.tell({"state": "finished"}, control_id="y-1", event_type="calling.call.new")
    assert not action.completed
    running.tell({"state": "over"}, control_id="y-1", event_type="calling.call.new")
    assert action.completed


def test_there_is_no_kind_without_a_verb() -> None:
    kinds = [kind for kind in vars(actions).values() if isinstance(kind, ActionKind)]
    assert {id(kind) for kind in kinds} == {id(command.kind) for command in STARTED.values()}
