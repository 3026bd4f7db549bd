"""Recordings that are damaged, have rotated, or were written by no recorder."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from relay_proto.api import commands
from relay_proto.recorder.lines import LATEST, MOST_BYTES
from relay_proto.recorder.replay import RecordingError, Step, replay
from tests.unit.test_recording import Recorded, header


def session() -> list[str]:
    """The lines of a client that takes a call."""
    peer = Recorded()
    peer.connect()
    peer.execute_on(peer.offer(), commands.answer())
    peer.reply(peer.take_all("calling.answer")[-1])
    peer.close()
    peer.hang_up()
    assert peer.failures == []
    return peer.lines


def played(lines: list[str]) -> list[Step]:
    steps = list(replay(lines, random.Random))
    assert all(step.same for step in steps)
    return steps


def test_what_stands_before_the_first_beginning_is_left_out() -> None:
    lines = session()
    steps = played([*lines[3:], *lines])
    assert len(steps) == len(lines)
    assert steps[0].number == len(lines) - 2
    assert steps[0].left_out == (f"{len(lines) - 3} lines before the first beginning were left out")
    assert {step.left_out for step in steps[1:]} == {""}
    damaged = played(["half a li", *lines])
    assert damaged[0].left_out == "1 line before the first beginning was left out"


def test_a_beginning_behind_half_a_line_begins_a_recording() -> None:
    lines = session()
    for half in (lines[4][:9], lines[0][:30], lines[4][:1]):
        steps = played([*lines[:4], half + lines[0], *lines[1:]])
        assert len(steps) == len(lines) + 4
        assert [step.number for step in steps if step.left_out] == [5]
        assert "of line 5" in steps[4].left_out
        assert "left out: a line that was not written to its end" in steps[4].left_out
    assert "9 characters of" in played([lines[4][:9] + lines[0]])[0].left_out


def test_without_a_beginning_the_first_line_is_what_is_wrong() -> None:
    for first, why in (("Dear diary", "not a JSON object"), (session()[3], "is missing")):
        with pytest.raises(RecordingError, match=f"line 1 .*{why}") as raised:
            played([first, *session()[3:]])
        assert raised.value.number == 1


def test_half_a_line_without_a_beginning_behind_it_is_refused() -> None:
    for text in ("half", '{"at":1{"recording":', '{"at":1{"recording":1'):
        with pytest.raises(RecordingError, match=r"line 2 .*not a JSON object"):
            played([header(), text])


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


WRONG: list[dict[str, Any]] = [
    {"at": None},
    {"at": []},
    {"at": True},
    {"at": "1"},
    {"at": LATEST * 2},
    {"at": -1e308},
    {"at": 10**18},
    {"in": []},
    {"do": {}},
    {"state": 1},
    {"state": None},
    {"raises": []},
    {"reason": 1},
    {"pending": []},
    {"pending": True},
    {"bytes": MOST_BYTES + 1},
    {"bytes": -1},
    {"bytes": [1, 2]},
    {"on": "c-1"},
    {"on": [1]},
    {"out": None},
    {"out": {}},
    {"out": [[]]},
    {"out": ["text"]},
    {"out": [[[]]]},
    {"out": [["settled", [], "error", "x"]]},
    {"out": [["event", nested(200)]]},
    {"wire": {}},
    {"wire": ["text"]},
    {"wire": [["garbage", 10**10]]},
    {"wire": [["garbage", "1"]]},
    {"wire": [["answer", MOST_BYTES], ["garbage", 1]]},
]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: json.dumps(wrong)[:40])
def test_a_line_with_a_part_that_no_recorder_writes_is_refused(wrong: dict[str, Any]) -> None:
    timer: dict[str, Any] = {"at": 1.0, "in": "timer", "out": [], "state": "connecting"}
    first = [header(), '{"at":1,"do":"start","retry":false}']
    assert len(list(replay([*first, json.dumps(timer)], random.Random))) == 3
    with pytest.raises(RecordingError, match="line 3 of the recording: it cannot be played"):
        list(replay([*first, json.dumps({**timer, **wrong})], random.Random))


@pytest.mark.parametrize("contexts", [None, "office", {"office": 1}, [1]])
def test_a_beginning_that_no_recorder_writes_is_refused(contexts: object) -> None:
    first = json.loads(header())
    first["config"]["contexts"] = contexts
    with pytest.raises(RecordingError, match=r"line 1 .*contexts"):
        list(replay([json.dumps(first)], random.Random))


def test_a_time_at_which_timers_would_never_cease_is_refused() -> None:
    peer = Recorded()
    peer.connect()
    late = '{"at":1e18,"in":"timer","out":[],"state":"ready"}'
    with pytest.raises(RecordingError, match="'at' must be a number of seconds"):
        list(replay([*peer.lines, late], random.Random))


def test_a_line_that_is_longer_than_any_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relay_proto.recorder.replay.LONGEST_LINE", 10)
    with pytest.raises(RecordingError, match=r"line 1 .*longer than 10 characters"):
        list(replay([header()], random.Random))
