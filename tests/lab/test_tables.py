"""What the lab makes of what it sees: calls, actions, texts, and frames of two dialects."""

from __future__ import annotations

import json
from typing import Any

import pytest

from relay_anyio.lab import calls, frames, texts
from relay_anyio.lab.calls import CallTable
from relay_anyio.lab.frames import Conversation, Facts
from relay_anyio.lab.shapes import Call, Text
from relay_anyio.lab.texts import TextTable
from relay_proto.exchange import CallView, Happened, Heard, What, Who


def nothing(_value: object) -> None:
    """Look for what is not there, or take no notice."""


def call_table() -> CallTable:
    def look(_call_id: str) -> CallView | None:
        return None

    def name(_number: str) -> str | None:
        return None

    return CallTable(look, name, name, nothing)


def happen(table: CallTable, call_id: str, what: What, **details: str) -> None:
    table.observe(Happened(0.0, call_id, Who.CALLER, what, details), 1.0)


def placed(table: CallTable, call_id: str = "c") -> Call:
    happen(table, call_id, What.CALLED, number="+1", to="+2")
    call = table.get(call_id)
    assert call is not None
    return call


def test_ended_calls_are_forgotten_and_counted() -> None:
    table = call_table()
    for number in range(calls.MOST_ENDED + 3):
        placed(table, f"{number}")
        happen(table, f"{number}", What.ENDED, reason="hangup")
    assert (table.forgotten, table.total, len(list(table))) == (3, calls.MOST_ENDED + 3, 200)
    assert table.get("2") is None
    placed(table, "up")
    table.clear()
    assert [call.id for call in table] == ["up"]
    assert (table.forgotten, table.total) == (0, 1)


def test_what_one_call_has_is_bounded() -> None:
    table = call_table()
    call = placed(table)
    for number in range(calls.MOST_HEARD + 5):
        table.hear(Heard(0.0, "c", f"{number}", 1.0), 1.0)
        table.take_frame(started("play", f"{number}"), 1.0, received=True)
    assert len(call.hears) == calls.MOST_HEARD
    assert [call.hears[0].text, call.actions[0].id] == ["5", "5"]
    assert len(call.actions) == calls.MOST_ACTIONS
    table.hear(Heard(0.0, "another", "x", 1.0), 1.0)


def started(verb: str, control_id: str = "1", **params: Any) -> Facts:
    given = {"control_id": control_id, **params}
    return Facts("request", f"calling.{verb}", "c", given)


def event(kind: str, control_id: str = "1", **params: Any) -> Facts:
    return Facts("event", f"calling.call.{kind}", "c", {"control_id": control_id, **params})


@pytest.mark.parametrize(
    ("begin", "then", "outcome", "over"),
    [
        (started("play"), [event("play", state="playing")], "playing", False),
        (started("play"), [event("play", state="finished")], "finished", True),
        (started("play"), [event("record", state="finished")], "", False),
        (started("play"), [event("play", "2", state="finished")], "", False),
        (
            started("collect"),
            [event("collect", result={"type": "digit", "params": {"digits": "1"}})],
            "digit 1",
            True,
        ),
        (
            started("collect", continuous=True),
            [event("collect", result={"type": "digit", "params": {"digits": "1"}}, final=True)],
            "digit 1",
            False,
        ),
        (started("unheard_of"), [event("unheard_of", state="finished")], "finished", True),
        (
            started("play"),
            [Facts("error", "calling.play", "c", {"control_id": "1"})],
            "refused",
            True,
        ),
        (
            started("play"),
            [Facts("error", "calling.play.stop", "c", {"control_id": "1"})],
            "",
            False,
        ),
        (started("play"), [event("play")], "", False),
    ],
)
def test_how_an_action_goes_on(begin: Facts, then: list[Facts], outcome: str, over: bool) -> None:
    table = call_table()
    call = placed(table)
    for facts in (begin, *then):
        table.take_frame(facts, 2.0, received=facts.kind == "request")
    [action] = call.actions
    assert (action.outcome, action.ended_at is not None) == (outcome, over)


@pytest.mark.parametrize(
    ("facts", "received"),
    [
        (started("play.stop"), True),
        (started("play"), False),
        (event("play", state="finished"), False),
        (Facts("request", "calling.play", "another", {"control_id": "1"}), True),
        (Facts("request", "calling.answer", "c"), True),
    ],
)
def test_what_starts_no_action(facts: Facts, received: bool) -> None:
    table = call_table()
    call = placed(table)
    table.take_frame(facts, 2.0, received=received)
    assert call.actions == []


@pytest.mark.parametrize(
    ("media", "words"),
    [
        (
            [{"type": "tts", "params": {"text": "Hi"}}, {"type": "audio", "params": {"url": "u"}}],
            "Hi u",
        ),
        ([{"type": "silence", "params": {"duration": 1}}], "silence"),
        (["x", {"type": "tts"}], ""),
        ("x", ""),
    ],
)
def test_the_words_of_an_action(media: object, words: str) -> None:
    table = call_table()
    call = placed(table)
    table.take_frame(started("play", play=media), 1.0, received=True)
    assert call.actions[0].words == words


def test_texts_are_forgotten_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "MOST_TEXTS", 2)
    told: list[Text] = []
    table = TextTable(told.append)
    for number in range(3):
        details = {"text_id": f"{number}", "number": "+1", "to": "+2", "text": "Hi"}
        table.observe(Happened(0.0, "", Who.PROGRAM, What.SENT_TEXT, details), 1.0)
    moved = {"text_id": "unknown", "state": "received"}
    table.observe(Happened(0.0, "", Who.EXCHANGE, What.TEXT_MOVED, moved), 1.0)
    assert ([text.id for text in table], table.forgotten, table.total) == (["1", "2"], 1, 3)
    assert len(told) == 3


# Frames


def read(*sent: tuple[bool, object]) -> list[Facts]:
    """Read frames, a second apart: whether the lab receives them, and what they are."""
    conversation = Conversation()
    return [
        conversation.read(
            frame if isinstance(frame, bytes) else json.dumps(frame).encode(),
            float(at),
            received=received,
        )
        for at, (received, frame) in enumerate(sent)
    ]


def kinds(found: list[Facts]) -> list[tuple[str, str, str]]:
    return [(facts.kind, facts.method, facts.call) for facts in found]


def test_frames_of_today() -> None:
    inner = {"event_type": "calling.call.play", "params": {"call_id": "c", "state": "playing"}}
    found = read(
        (True, {"id": 1, "method": "calling.play", "params": {"call_id": "c"}}),
        (False, {"id": 1, "result": {"code": "200"}}),
        (False, {"id": "s-1", "method": "signalwire.event", "params": inner}),
        (True, {"id": "s-1", "result": {}}),
        (False, {"id": "s-2", "method": "signalwire.ping", "params": {}}),
        (True, {"id": "s-2", "result": {}}),
        (True, {"id": 2, "method": "calling.end", "params": {"call_id": "c"}}),
        (False, {"id": 2, "result": {"code": "404"}}),
        (True, {"id": 3, "method": "x"}),
        (False, {"id": 3, "error": {"code": 1}}),
    )
    assert kinds(found) == [
        ("request", "calling.play", "c"),
        ("response", "calling.play", "c"),
        ("event", "calling.call.play", "c"),
        ("acknowledgement", "calling.call.play", "c"),
        ("ping", "signalwire.ping", ""),
        ("ping", "signalwire.ping", ""),
        ("request", "calling.end", "c"),
        ("error", "calling.end", "c"),
        ("request", "x", ""),
        ("error", "x", ""),
    ]
    assert [facts.took for facts in found[:4]] == [None, 1.0, None, 1.0]


def test_frames_of_version_2() -> None:
    wrapped = {"protocol": "p", "method": "calling.play", "params": {"call_id": "c"}}
    told = {"event_type": "calling.call.state", "params": {"call_id": "c"}}
    found = read(
        (True, {"id": 1, "method": "blade.execute", "params": wrapped}),
        (False, {"id": 1, "result": {"result": {"code": "200"}}}),
        (True, {"id": 2, "method": "blade.execute", "params": wrapped}),
        (False, {"id": 2, "result": {"result": {"code": "409"}}}),
        (False, {"id": 3, "method": "blade.broadcast", "params": {"params": told}}),
    )
    assert kinds(found) == [
        ("request", "calling.play", "c"),
        ("response", "calling.play", "c"),
        ("request", "calling.play", "c"),
        ("error", "calling.play", "c"),
        ("event", "calling.call.state", "c"),
    ]


@pytest.mark.parametrize("data", [b"", b"[]", b"\xff", b"1"])
def test_what_is_no_frame(data: bytes) -> None:
    assert kinds(read((True, data))) == [("malformed", "", "")]


def test_answers_without_a_question() -> None:
    found = read((True, {"id": 1, "result": []}), (True, {"id": 1, "error": {}}))
    assert kinds(found) == [("response", "", ""), ("error", "", "")]


def test_requests_without_an_answer_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "MOST_OPEN", 1)
    found = read(
        (True, {"id": 1, "method": "a"}),
        (True, {"id": 2, "method": "b"}),
        (False, {"id": 1, "result": {}}),
        (False, {"id": 2, "result": {}}),
    )
    assert [facts.method for facts in found] == ["a", "b", "", "b"]
