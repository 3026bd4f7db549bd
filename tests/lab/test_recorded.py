"""A recording in the shapes of the lab: calls, what happened on them, and frames."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import anyio
import pytest

from relay_anyio import Call, Message, RelayClient, phone
from relay_anyio.lab.recorded import MOST_FRAMES, Recorded
from relay_anyio.lab.shapes import Event, Frame
from relay_anyio.replay import run
from relay_anyio.testing import (
    Answers,
    Busy,
    Caller,
    HangUp,
    Hear,
    Press,
    Stage,
    TextMessage,
    Wait,
    What,
    rehearse,
)
from relay_proto.errors import RelayError
from relay_proto.recorder.replay import RecordingError, replay

ANNA, OFFICE, AGENT, NOBODY = "+15550001111", "+15550002222", "+15550003000", "+15550003001"
OLD = Path(__file__).parents[1] / "unit" / "recording_format_1.jsonl"


def read(file: Path) -> Recorded:
    recorded = Recorded(file.name)
    with file.open(encoding="utf-8") as lines:
        recorded.read(replay(lines, Random))
    return recorded


def events(recorded: Recorded) -> list[Event]:
    return [event for _, event in recorded.events.after(0)]


def frames(recorded: Recorded) -> list[Frame]:
    return [frame for _, frame in recorded.frames.after(0)]


def whats(recorded: Recorded) -> list[str]:
    return [event.what for event in events(recorded)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "relay.jsonl"


def a_menu(file: Path, *, show: bool) -> RelayClient:
    client = RelayClient(
        project="any", token="any", contexts=["office"], record=file, show_personal_data=show
    )

    @client.on_call
    async def take(call: Call) -> None:
        await call.answer()
        menu = await call.prompt_tts("Press 1.", {"digits": {"max": 1}, "initial_timeout": 10.0})
        await menu.wait()
        await call.hangup()

    return client


async def a_call_with_a_cut(stage: Stage) -> None:
    call = stage.call(Caller(ANNA, (Hear("press 1"), Wait(4), Press("1"))))
    await stage.until(What.LISTENED)
    await anyio.sleep(1)
    stage.cut()
    await stage.over(call)


@pytest.mark.parametrize("show", [False, True])
def test_a_call_with_a_cut_in_the_middle(file: Path, *, show: bool) -> None:
    rehearse(a_menu(file, show=show), a_call_with_a_cut)
    recorded = read(file)
    (call,) = recorded.calls
    assert (call.direction, call.state, call.reason) == ("inbound", "ended", "hangup")
    assert (call.from_ == ANNA) == show
    assert call.answered_at is not None
    assert call.ended_at is not None
    (menu,) = call.actions
    assert menu.verb == "play_and_collect"
    assert menu.outcome.startswith("digit ")
    assert menu.words == ("Press 1." if show else "***(8)")
    assert whats(recorded) == [
        "session started",
        "called",
        "offered",
        "answered",
        "session away",
        "session resumed",
        "collected",
        "ended",
        "session away",
    ]
    lost = events(recorded)[4]
    assert "loses the connection" in lost.text
    assert "tries again in" in lost.text
    assert recorded.differences == 0
    assert recorded.lines == len(file.read_text().splitlines())


def test_frames_have_the_direction_and_the_kind_of_the_lab(file: Path) -> None:
    rehearse(a_menu(file, show=False), a_call_with_a_cut)
    seen = frames(read(file))
    assert {(frame.direction, frame.kind) for frame in seen} == {
        ("in", "request"),
        ("out", "response"),
        ("out", "event"),
        ("in", "acknowledgement"),
    }
    answer = [frame for frame in seen if frame.method == "calling.answer"]
    assert [frame.direction for frame in answer] == ["in", "out"]
    assert answer[0].call == answer[1].call != ""
    assert all(json.loads(frame.body) for frame in seen)
    assert [frame.id for frame in seen] == sorted({frame.id for frame in seen})


def test_the_state_says_that_it_is_a_recording(file: Path) -> None:
    rehearse(a_menu(file, show=False), a_call_with_a_cut)
    recorded = read(file)
    state = recorded.state()
    about = state.lab.recording
    assert about is not None
    assert about.name == "relay.jsonl"
    assert about.began_at <= recorded.state().calls[0].started_at <= about.ended_at == state.lab.now
    assert (about.differences, about.trouble) == (0, "")
    assert [program.connected for program in state.programs] == [False]
    newest = max(frames(recorded)[-1].id, events(recorded)[-1].id)
    assert state.last_id == recorded.last_id == newest


def test_dials_bridges_and_refusals(file: Path) -> None:
    client = RelayClient(
        project="any", token="any", contexts=["office"], record=file, show_personal_data=True
    )

    @client.on_call
    async def take(call: Call) -> None:
        await call.answer()
        for number in (NOBODY, AGENT):
            try:
                await call.connect_and_wait([[phone(number, OFFICE)]])
            except RelayError:
                continue
            await call.wait_for_disconnected()
        with pytest.raises(RelayError):
            await call.client.execute("calling.no_such_verb", {"call_id": call.call_id})
        await call.hangup()

    agent = Answers(script=(Wait(3), HangUp()))
    story = rehearse(client, Caller(ANNA), lines={NOBODY: Busy(), AGENT: agent})
    recorded = read(file)
    near, *far = recorded.calls
    assert [(call.direction, call.to, call.reason) for call in far] == [
        ("outbound", NOBODY, "busy"),
        ("outbound", AGENT, "hangup"),
    ]
    assert near.peer == far[1].id
    assert far[1].peer == near.id
    said = whats(recorded)
    for what in ("dialed", "rang", "connect failed", "connected", "disconnected", "refused"):
        assert what in said
    (refused,) = [event for event in events(recorded) if event.what == "refused"]
    assert "calling.no_such_verb" in refused.text
    assert [one for one in events(recorded) if one.what == "failed"]
    assert story.all(What.CONNECTED)


def test_a_dial_that_nobody_answers_and_texts(file: Path) -> None:
    client = RelayClient(
        project="any", token="any", contexts=["office"], record=file, show_personal_data=True
    )

    @client.on_message
    async def reply(message: Message) -> None:
        await message.reply("Yes")

    async def scene(stage: Stage) -> None:
        with pytest.raises(RelayError):
            await stage.client.dial_phone(NOBODY, from_number=OFFICE)
        stage.text(TextMessage(ANNA, OFFICE, "Are you open?"))
        await anyio.sleep(5)

    rehearse(client, scene, lines={NOBODY: Busy()})
    recorded = read(file)
    said = whats(recorded)
    assert "dial failed" in said
    assert "sent text" in said
    assert "text moved" in said
    assert "Are you open?" in events(recorded)[said.index("sent text")].text


def test_a_call_that_began_before_the_recording_has_no_lane(file: Path) -> None:
    rehearse(a_menu(file, show=False), a_call_with_a_cut)
    lines = file.read_text().splitlines(keepends=True)
    cut = [line for line in lines if "calling.call.receive" not in line]
    recorded = Recorded("cut")
    with pytest.raises(RecordingError):
        recorded.read(replay(cut, Random))
    assert list(recorded.calls) == []


def test_two_runs_in_one_file_come_one_after_the_other(file: Path) -> None:
    for seed in range(2):
        rehearse(a_menu(file, show=False), a_call_with_a_cut, seed=seed)
    recorded = read(file)
    assert [program.id for program in recorded.programs] == ["p1", "p2"]
    first, second = recorded.calls
    assert first.ended_at is not None
    assert first.ended_at < second.started_at
    assert (first.program, second.program) == ("p1", "p2")
    times = [frame.at for frame in frames(recorded)]
    assert times == sorted(times)


def test_a_line_that_is_different_today_is_marked(file: Path) -> None:
    rehearse(a_menu(file, show=False), a_call_with_a_cut)
    changed = file.read_text().replace('"state":"ready"', '"state":"closing"', 1)
    recorded = Recorded("changed")
    recorded.read(replay(changed.splitlines(keepends=True), Random))
    assert recorded.differences == 1
    assert whats(recorded).count("differs") == 1


def test_a_recording_of_an_earlier_version_is_shown() -> None:
    recorded = read(OLD)
    assert list(recorded.calls)
    assert len(recorded.frames)
    assert "any" not in str(recorded.state().lab.space)


def test_of_a_long_recording_the_oldest_frames_are_forgotten_and_counted() -> None:
    recorded = Recorded("long")
    header = json.loads(OLD.read_text("utf-8").splitlines()[0])
    frame = '{"jsonrpc":"2.0","id":"1","method":"signalwire.ping","params":{}}'

    def steps() -> Iterator[Any]:
        from relay_proto.recorder.replay import Step

        yield Step(1, header)
        for number in range(MOST_FRAMES + 10):
            yield Step(number + 2, {"at": float(number), "out": [["frame", "<", frame]]})

    recorded.read(steps())
    assert len(recorded.frames) == MOST_FRAMES
    assert recorded.frames.forgotten == 10


def test_what_is_left_out_is_in_the_timeline(file: Path) -> None:
    rehearse(a_menu(file, show=False), a_call_with_a_cut)
    lines = file.read_text().splitlines(keepends=True)
    recorded = Recorded("rotated")
    recorded.read(replay([*lines[4:], *lines, lines[3][:9] + lines[0], *lines[1:]], Random))
    said = [event.text for event in events(recorded) if event.what == "left out"]
    assert said[0] == f"{len(lines) - 4} lines before the first beginning were left out"
    assert "the first 9 characters of line" in said[1]
    assert len(recorded.programs) == 2


DAMAGED = ("at", "in", "do", "state", "out", "pending", "on", "command", "wire", "reason", "raises")
NONSENSE: list[Any] = [[], {}, [[]], [{}], "x", ["x"], None, 10**18, [["settled", {}, "error", ""]]]


@pytest.mark.parametrize("name", DAMAGED)
def test_damage_is_refused_in_words_or_shown(tmp_path: Path, name: str) -> None:
    lines = OLD.read_text("utf-8").splitlines(keepends=True)
    number, told = next(
        (number, told) for number, told in enumerate(map(json.loads, lines)) if name in told
    )
    damaged = tmp_path / "damaged.jsonl"
    for value in NONSENSE:
        text = json.dumps({**told, name: value}) + "\n"
        damaged.write_text("".join([*lines[:number], text, *lines[number + 1 :]]))
        assert run(damaged, everything=True) in (1, 2)
        recorded = Recorded("damaged")
        with suppress(RecordingError):
            recorded.read(replay(damaged.read_text().splitlines(), Random))
        assert recorded.state().lab.now >= 0


def test_a_frame_that_is_nested_without_end_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, *_ = OLD.read_text("utf-8").splitlines(keepends=True)
    frame = ["frame", "<", '{"id":' * 100_000]
    line = {"do": "accept", "calls": True, "contexts": None, "out": [frame]}
    damaged = tmp_path / "damaged.jsonl"
    damaged.write_text(first + json.dumps(line) + "\n")
    assert run(damaged) == 1
    assert '< {"id":{"id":' in capsys.readouterr().out
