"""What a recording contains, what it must not contain, and how it replays."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any, cast

import pytest

from relay_proto import ClientConfig, Limits
from relay_proto.api import commands
from relay_proto.errors import ClientClosedError, RequestQueueFullError
from relay_proto.outputs import CallOffered, FrameTraced, MessageReceived
from relay_proto.recorder.recording import RecordingCore
from relay_proto.recorder.replay import RecordingError, Step, replay
from relay_proto.records import CallRecord
from relay_proto.rpc.action_kinds import PLAY, custom_kind
from relay_proto.transitions import CallState
from tests.unit.client_peer import PROJECT, TOKEN, Peer, starting

Line = dict[str, Any]

OLD_RECORDING = Path(__file__).with_name("recording_format_1.jsonl")
"""A session with every kind of line of format 1. It must not be made again."""


class Recorded(Peer):
    """A client that is recorded."""

    def __init__(self, **arguments: Any) -> None:
        self.lines: list[str] = []

        self.failures: list[BaseException] = []

        def make(config: ClientConfig, _: random.Random) -> RecordingCore:
            return RecordingCore(
                config,
                random.Random(5),
                self.lines.append,
                seed=5,
                on_failure=self.failures.append,
            )

        super().__init__(make_core=make, **arguments)

    @property
    def tape(self) -> list[Line]:
        """The lines so far."""
        return [json.loads(line) for line in self.lines]

    def last_line(self, what: str) -> Line:
        """The last line of this input or command."""
        return [line for line in self.tape if what in (line.get("in"), line.get("do"))][-1]

    def steps(self) -> list[Step]:
        """Replay the recording."""
        assert self.failures == []
        return list(replay(self.lines, random.Random))


def all_same(steps: list[Step]) -> bool:
    return [step.number for step in steps if not step.same] == []


def test_a_conversation_is_written_down_and_replays() -> None:
    peer = Recorded()
    peer.connect()
    call = peer.offer()
    answering = peer.execute_on(call, commands.answer())
    peer.reply(peer.take_all("calling.answer")[-1])
    assert answering.result()
    peer.close()
    peer.hang_up()
    assert [line.get("in") or line.get("do") for line in peer.tape[1:4]] == [
        "accept",
        "start",
        "opened",
    ]
    assert peer.last_line("execute")["on"] == ["c-1"]
    assert peer.last_line("execute")["command"]["method"] == "calling.answer"
    outputs = [output for line in peer.tape for output in line.get("out", ())]
    assert ["settled", 2, "result", {"code": "200", "message": "OK"}] in outputs
    assert peer.tape[-1]["state"] == "closed"
    assert all_same(peer.steps())


def test_secrets_are_nowhere() -> None:
    peer = Recorded()
    peer.connect()
    peer.execute(commands.execute("test.echo", {"token": TOKEN, "note": f"as {PROJECT} said"}))
    peer.cut(f"{TOKEN} was refused")
    text = "\n".join(peer.lines)
    assert TOKEN not in text
    assert PROJECT not in text
    assert "***" in text
    assert all_same(peer.steps())


def test_errors_are_written_as_their_words() -> None:
    peer = Recorded()
    peer.connect()
    peer.execute(commands.execute("what", {}))
    peer.refuse(peer.take("what"), 402, "pay +15550001111")
    peer.cut("reset")
    lost = "ConnectionLostError: connection lost: reset"
    assert peer.last_line("data")["out"][-1][2:] == [
        "error",
        "RelayError: RELAY error 402: pay ***(12)",
    ]
    assert ["disconnected", lost] in [output[:2] for output in peer.last_line("closed")["out"]]
    peer.close()
    assert ["closed", None] in peer.tape[-1]["out"]
    assert all_same(peer.steps())


def test_what_a_program_leaves_out_is_written_with_its_default() -> None:
    peer = Recorded()
    peer.core.start(peer.now)
    peer.pump()
    assert peer.last_line("start")["retry"] is False
    assert all_same(peer.steps())


def test_frames_are_reported_to_the_adapter_only_if_it_wants_them() -> None:
    plain, traced = Recorded(), Recorded(trace_frames=True)
    for peer in (plain, traced):
        peer.connect()
        assert any(output[0] == "frame" for line in peer.tape for output in line.get("out", ()))
    assert not plain.all(FrameTraced)
    assert traced.all(FrameTraced)


def test_calls_and_operations_from_elsewhere_replay() -> None:
    peer = Recorded()
    peer.connect()
    call = peer.core.adopt(CallRecord("c-9", "n-1", state="answered", device={"type": "phone"}))
    kind = custom_kind("calling.call.novelty", ("over",))
    action = peer.core.attach(call, kind, "x-1")
    peer.event("calling.call.novelty", call_id="c-9", control_id="x-1", state="over")
    assert action.completed
    waiting = peer.core.wait_for(call, CallState.ENDED, peer.now)
    peer.core.drain(peer.now)
    peer.cancel(waiting)
    assert peer.last_line("attach")["kind"] == {
        "event_type": "calling.call.novelty",
        "states": ["over"],
    }
    assert peer.last_line("cancel")["what"] == peer.last_line("wait_for")["pending"]
    assert all_same(peer.steps())


def test_one_file_may_have_several_recordings() -> None:
    first, second = Recorded(), Recorded(contexts=("sales",))
    for peer in (first, second):
        peer.connect()
        peer.offer()
    steps = list(replay([*first.lines, *second.lines], random.Random))
    assert len(steps) == len(first.lines) + len(second.lines)
    assert all_same(steps)


def test_waits_for_a_session_and_hang_ups_replay() -> None:
    peer = Recorded()
    peer.connect()
    call = peer.offer()
    assert peer.core.wait_ready(peer.now).settled
    peer.core.hang_up(call, peer.now)
    peer.pump()
    peer.cut()
    peer.core.wait_ready(peer.now)
    peer.reconnect(session_restored=True)
    assert peer.last_line("hang_up")["on"] == ["c-1"]
    assert len(peer.take_all("calling.end")) == 2, "the second one is for the new session"
    assert all_same(peer.steps())


def test_a_control_replays_on_its_action() -> None:
    peer = Recorded()
    peer.connect()
    call = peer.offer()
    playing = peer.execute_on(
        call, commands.play([{"type": "silence", "params": {"duration": 1}}], on_completed=print)
    )
    peer.reply(peer.take_all("calling.play")[-1])
    peer.execute_on(playing.result(), commands.stop())
    assert peer.last_line("execute")["on"] == ["c-1", playing.result().control_id]
    assert all_same(peer.steps())


@pytest.mark.parametrize("wish", ["", "Retry-After: 40\r\n"])
def test_a_refusal_replays_with_the_servers_wish(wish: str) -> None:
    peer = Recorded()
    peer.start(retry=True)
    peer.core.transport_opened(1, peer.now)
    peer.pump()
    peer.raw(f"HTTP/1.1 503 Busy\r\n{wish}Content-Length: 0\r\n\r\n".encode())
    assert peer.last_line("data")["wire"][0][2:] == ([503, 40.0] if wish else [503])
    peer.advance_to_deadline()
    assert all_same(peer.steps())


def test_what_the_wire_reports_beside_texts_replays() -> None:
    peer = Recorded()
    peer.connect()
    peer.raw(b"\x82\x03abc")  # binary
    peer.raw(b"\x89\x02hi")  # a ping
    peer.raw(b"\xff\x00")  # no frame at all
    events = [event for line in peer.tape for event in line.get("wire", ())]
    assert ["binary", 3] in events
    assert [event[0] for event in events[-3:]] == ["answer", "answer", "failed"]
    assert all_same(peer.steps())


def test_a_session_that_begins_and_ends_in_one_read_replays() -> None:
    peer = Recorded()
    peer.start(retry=True)
    peer.execute(commands.execute("asked", {}))
    peer.open()
    connect = peer.take("signalwire.connect")
    event = peer.told("calling.conference")
    peer.raw(peer.encoded({"id": connect["id"], "result": {}}, event) + peer.ended())
    assert peer.take("asked")
    assert len(peer.replies) == 1
    assert all_same(peer.steps())


def test_a_text_that_is_not_json_replays() -> None:
    peer = Recorded()
    peer.connect()
    peer.text("no JSON")
    assert peer.last_line("data")["wire"][0] == ["garbage", 7]
    assert all_same(peer.steps())


def test_a_message_and_an_offer_that_is_refused_replay() -> None:
    peer = Recorded()
    peer.connect()
    sending = peer.execute(
        commands.send_message(to_number="+15550009999", from_number="+15550001111", body="Hello")
    )
    peer.reply(peer.take_all("messaging.send")[-1], {"code": "200", "message_id": "m-1"})
    peer.event("messaging.state", message_id="m-1", message_state="delivered")
    peer.event("messaging.receive", message_id="m-2", message_state="received", body="Hi")
    assert sending.result().message_id == "m-1"
    peer.core.accepting_calls = False
    peer.event("calling.call.receive", call_id="c-2", node_id="n-1", call_state="created")
    kinds = {output[0] for line in peer.tape for output in line.get("out", ())}
    assert {"message changed", "message received", "offer refused"} <= kinds
    assert "+1555" not in "\n".join(peer.lines)
    assert all_same(peer.steps())


def test_what_raises_replays_and_is_marked() -> None:
    peer = Recorded()
    peer.connect()
    peer.close()
    peer.hang_up()
    with pytest.raises(ClientClosedError):
        peer.execute(commands.receive(["sales"]))
    assert peer.last_line("execute")["raises"] == "ClientClosedError"
    assert all_same(peer.steps())


def test_accepted_contexts_are_recorded_when_they_change() -> None:
    peer = Recorded()
    peer.core.accepted_contexts = frozenset({"sales", "office"})
    peer.connect()
    assert peer.last_line("accept") == {
        "do": "accept",
        "calls": True,
        "contexts": ["office", "sales"],
        "texts": True,
    }
    assert all_same(peer.steps())


def test_what_waits_for_its_first_handler_replays() -> None:
    peer = Recorded()
    peer.core.accepting_calls = peer.core.accepting_texts = False
    peer.connect()
    for number in (1, 2):
        peer.event("calling.call.receive", call_id=f"c-{number}", node_id="n-1", context="office")
        peer.event("messaging.receive", message_id=f"m-{number}", message_state="received")
    assert peer.all(CallOffered) == []
    peer.core.accepting_calls = peer.core.accepting_texts = True
    peer.advance_to_deadline()
    assert len(peer.all(CallOffered)) == 2
    assert len(peer.all(MessageReceived)) == 2
    assert peer.last_line("accept")["texts"]
    assert all_same(peer.steps())


def test_an_old_recording_can_still_be_read() -> None:
    lines = OLD_RECORDING.read_text("utf-8").splitlines()
    steps = list(replay(lines, random.Random))
    assert len(steps) == len(lines)
    # The core of today may send something else, but it goes through the same states.
    states = [step.line.get("state") for step in steps]
    assert [step.replayed.get("state") for step in steps] == states


def test_what_an_older_recording_does_not_say_has_its_default() -> None:
    peer = Recorded(limits=Limits(queued_requests=1))
    peer.connect()
    call = peer.offer()
    playing = peer.execute_on(call, starting(PLAY))
    peer.reply(peer.take("calling.play"))
    peer.cancel(playing)
    peer.cut()
    peer.execute_on(call, commands.answer())
    with pytest.raises(RequestQueueFullError):
        peer.execute_on(call, commands.answer())
    lines = [json.dumps(without(line, "patient", "stops_unwanted")) for line in peer.tape]
    assert lines != [json.dumps(line) for line in peer.tape]
    assert all_same(list(replay(lines, random.Random)))


def without(value: Any, *names: str) -> Any:
    """Without what older recordings lack."""
    if isinstance(value, dict):
        pairs = cast("Line", value).items()
        return {key: without(item, *names) for key, item in pairs if key not in names}
    return value


@pytest.mark.parametrize("older", [False, True])
def test_what_an_older_recording_shows_is_masked_when_it_is_replayed(older: bool) -> None:
    planted = "my number is four seven one one"
    outputs: list[list[Any]] = [
        ["frame", "<", json.dumps({"method": "novelty", "params": {"body": planted}})],
        ["frame", "<", "(7 bytes that are not JSON)"],
        ["settled", 1, "result", {"body": planted}],
        ["settled", 1, "error", "RelayError: no +15550001111"],
        ["settled", 1, "event", planted],
        ["settled", 1, "call", planted],
        ["event", planted, None],
        ["event", "calling.call.play", planted],
        ["message changed", planted, planted],
        ["call offered", planted],
        ["offer refused", planted, "no +15550001111"],
        ["dropped", "no +15550001111", None],
    ]
    line = json.dumps({"do": "accept", "calls": True, "contexts": None, "out": outputs})
    first = json.loads(header())
    if older:
        first = without(first, "show_personal_data")
    _, step = replay([json.dumps(first), line], random.Random)
    text = json.dumps(step.line)
    assert "four seven" not in text
    assert "5550001111" not in text
    assert [output[:1] for output in step.line["out"]] == [output[:1] for output in outputs]
    assert step.line["out"][1] == outputs[1]


@pytest.mark.parametrize("marker", ["id", "novelty", 5])
def test_a_program_that_uses_the_recorder_s_own_key_can_be_replayed(marker: object) -> None:
    peer = Recorded()
    peer.connect()
    peer.execute(commands.execute("novelty", {"params": {"$relay": marker}}))
    assert len(peer.steps()) == len(peer.lines)


@pytest.mark.parametrize("personal", [False, True])
def test_personal_data_is_recorded_only_if_that_is_asked_for(personal: bool) -> None:
    peer = Recorded(show_personal_data=personal)
    peer.connect()
    peer.event("calling.call.novelty", body="my name is Ada", token="hunter2")
    peer.execute(commands.execute("novelty", {"body": "my name is Ada"}))
    assert ("my name is Ada" in "".join(peer.lines)) is personal
    assert "hunter2" not in "".join(peer.lines)
    assert all_same(peer.steps())


def test_a_difference_is_found_where_it_is() -> None:
    peer = Recorded()
    peer.connect()
    peer.offer()
    changed = [
        line.replace('"event","calling.call.receive"', '"event","other"') for line in peer.lines
    ]
    steps = list(replay(changed, random.Random))
    assert [step.number for step in steps if not step.same] == [len(steps)]
    assert steps[-1].replayed["out"] != steps[-1].line["out"]


def test_a_line_that_breaks_the_recorder_of_the_replay_is_refused() -> None:
    accept = '{"do":"accept","calls":true,"contexts":["sales",1]}'
    with pytest.raises(RecordingError, match=r"line 2 .*not supported") as raised:
        list(replay([header(), accept], random.Random))
    assert isinstance(raised.value.__cause__, TypeError)


def header() -> str:
    return Recorded().lines[0]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["no JSON"], "line 1 .*not a JSON object"),
        (["[]"], "line 1 .*not a JSON object"),
        (['{"do":"close","at":1}'], "beginning is missing"),
        (['{"recording":99}'], "in format 99"),
        (['{"recording":0}'], "in format 0"),
        ([header(), '{"do":"dance","at":1}'], "line 2 .*unknown input or command 'dance'"),
        ([header(), '{"do":"start"}'], "line 2 .*cannot be played"),
        ([header(), '{"at":1}'], "line 2"),
        (
            [header(), '{"in":"data","transport":1,"bytes":1,"at":1,"wire":[["sings"]]}'],
            "unknown wire event",
        ),
        ([header(), '{"do":"execute","on":["c-1"],"at":1}'], "line 2"),
    ],
)
def test_a_line_that_no_recorder_has_written_is_refused(lines: list[str], words: str) -> None:
    with pytest.raises(RecordingError, match=words) as raised:
        list(replay(lines, random.Random))
    assert raised.value.number == len(lines)
