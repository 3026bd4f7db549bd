"""`RelayClient(record=...)` and ``relay replay``: what happened, on file, and run again."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path
from random import Random

import anyio
import anyio.to_thread
import pytest

from relay_anyio import Limits
from relay_anyio.cli import main
from relay_proto.exchange import Hear, Press, What
from relay_proto.recorder.replay import replay
from tests.adapters.support import (
    CALLER,
    OFFICE,
    PROJECT,
    TOKEN,
    World,
    answered_call,
    state_of,
    tts,
)

pytestmark = pytest.mark.anyio


async def converse(world: World, path: Path, limits: Limits | None = None) -> None:
    """A call through a menu, with a cut in it."""
    client = world.client(record=path, limits=limits)
    async with answered_call(world, client, Hear("press"), Press("1")) as call:
        menu = await call.play_and_collect(tts("Please press a digit"), {"digits": {"max": 1}})
        world.cut()
        await menu.wait()
        assert menu.digits == "1"
        await call.hangup()
        await call.wait_for_ended()


async def test_what_happens_is_recorded_and_replays(world: World, tmp_path: Path) -> None:
    path = tmp_path / "incident.jsonl"
    await converse(world, path)
    lines = path.read_text(encoding="utf-8").splitlines()
    steps = list(replay(lines, Random))
    assert [step.number for step in steps if not step.same] == []
    said = [output[0] for step in steps for output in step.line.get("out", ())]
    assert said.count("connected") == 2
    assert said[-1] == "closed"
    for secret in (TOKEN, PROJECT, OFFICE, CALLER, "Please press"):
        assert secret not in path.read_text(encoding="utf-8")


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such permissions")
async def test_it_is_for_the_owners_eyes_alone(world: World, tmp_path: Path) -> None:
    path = tmp_path / "incident.jsonl"
    async with world.client(record=str(path)):
        pass
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_the_environment_names_the_file_too(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "incident.jsonl"
    monkeypatch.setenv("RELAY_RECORD", str(path))
    async with world.client():
        pass
    assert json.loads(path.read_text(encoding="utf-8").splitlines()[0])["recording"] == 1


async def test_its_size_is_bounded_and_it_rotates(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "incident.jsonl"
    most = 4000
    async with world.client(record=path, limits=Limits(recording_bytes=most)) as client:
        for _ in range(100):
            await client.receive(["office"])
    older = path.with_name("incident.jsonl.1")
    assert set(os.listdir(tmp_path)) == {path.name, older.name}  # noqa: PTH208
    assert max(path.stat().st_size, older.stat().st_size) <= most
    assert main(["replay", str(path)]) == 2
    assert "the beginning is missing" in capsys.readouterr().out


async def test_a_file_that_cannot_be_written_harms_nothing_but_the_recording(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with world.client(record=tmp_path / "nowhere" / "incident.jsonl") as client:
        await client.receive(["sales"])
        assert state_of(client).value == "ready"
    assert caplog.text.count("cannot be written, so nothing more is recorded") == 1


async def test_a_client_that_connects_again_is_recorded_behind_the_first(
    world: World, tmp_path: Path
) -> None:
    path = tmp_path / "incident.jsonl"
    client = world.client(record=path)
    for number in (1, 2):
        async with client:
            pass
        await world.until(What.SESSION_STARTED, times=number)
    lines = path.read_text(encoding="utf-8").splitlines()
    assert sum("recording" in json.loads(line) for line in lines) == 2
    assert all(step.same for step in replay(lines, Random))


# The command


async def test_the_command_shows_what_happened_and_that_it_is_the_same(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "incident.jsonl"
    await converse(world, path)
    assert await anyio.to_thread.run_sync(main, ["replay", str(path)]) == 0
    said = capsys.readouterr().out
    for words in (
        "the program asks: calling.play_and_collect",
        "> calling.answer #",
        "< calling.call.collect #",
        "transport 1 has ended",
        "now waiting_to_reconnect",
        "connected True",
        "lines replayed, no differences",
    ):
        assert words in said
    assert main(["replay", str(path), "--all"]) == 0
    assert len(capsys.readouterr().out) >= len(said)


async def test_the_command_shows_where_a_core_does_something_else(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "incident.jsonl"
    await converse(world, path)
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('["connected",true]', '["connected",false]'), encoding="utf-8")
    assert main(["replay", str(path)]) == 1
    said = capsys.readouterr().out
    assert "differs in 'out'" in said
    assert "1 of " in said


def test_the_command_says_what_is_wrong_with_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "other.txt"
    path.write_text("Dear diary\n", encoding="utf-8")
    assert main(["replay", str(path)]) == 2
    assert "line 1 of the recording: it is not a JSON object" in capsys.readouterr().out
    assert main(["replay", str(tmp_path / "nothing")]) == 1
    assert "nothing" in capsys.readouterr().err
