"""`RelayClient(record=...)` and ``relay replay``: recordings in files, and their replay."""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random

import anyio
import anyio.to_thread
import pytest

from relay_anyio import AuthenticationError, Call, Connected, Limits, RelayClient, SessionState
from relay_anyio.cli import main
from relay_proto.exchange import Hear, Press, What
from relay_proto.recorder.replay import replay
from tests.adapters.support import (
    CALLER,
    OFFICE,
    PROJECT,
    TOKEN,
    Heard,
    World,
    answered_call,
    state_of,
    tts,
)

pytestmark = pytest.mark.anyio

FULL_DISK = Path("/dev/full")


async def converse(world: World, path: Path, limits: Limits | None = None) -> None:
    """Take a call through a menu, and lose the connection meanwhile."""
    client = world.client(record=path, limits=limits)
    async with answered_call(world, client, Hear("press"), Press("1")) as call:
        menu = await call.play_and_collect(tts("Please press a digit"), {"digits": {"max": 1}})
        again: Heard[Connected] = Heard()
        client.on_connected(again)
        world.cut()
        await again.next()  # a request that the cut meets would fail
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
    most = 8000
    async with world.client(record=path, limits=Limits(recording_bytes=most)) as client:
        for _ in range(100):
            await client.receive(["office"])
    older = path.with_name("incident.jsonl.1")
    assert set(os.listdir(tmp_path)) == {path.name, older.name}  # noqa: PTH208
    assert max(path.stat().st_size, older.stat().st_size) <= most
    assert main(["replay", str(path)]) == 2
    assert "the beginning is missing" in capsys.readouterr().out


# A recording that fails

IN_WORDS = "cannot be written, so nothing more is recorded"


async def use_and_leave(world: World, client: RelayClient) -> None:
    """Pull a call and handle it, then disconnect, which ends the loop."""
    calls = client.calls()
    served: Heard[Call] = Heard()

    async def serve() -> None:
        async for call in calls:
            await call.answer()
            await call.hangup()
            served(call)

    async with anyio.create_task_group() as tasks, client:
        tasks.start_soon(serve)
        placed = world.place_call()
        assert (await served.next()).call_id == placed
        # The loop has ended, or the task group would wait for it.
    assert state_of(client) is SessionState.CLOSED


def problems(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]


@pytest.mark.skipif(not FULL_DISK.exists(), reason="this system has no disk that is always full")
async def test_a_full_disk_harms_nothing_but_the_recording(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    await use_and_leave(world, world.client(record=FULL_DISK))
    [words] = problems(caplog)
    assert f"{FULL_DISK} {IN_WORDS}: [Errno 28]" in words


NONSENSE: list[Callable[[RelayClient], Awaitable[object]]] = [
    lambda client: client.execute("", {}),
    lambda client: client.dial([]),
    lambda client: client.dial_phone("nobody", OFFICE),
    lambda client: client.send_message(to_number="", from_number=OFFICE, body="Hello"),
    lambda client: client.receive([""]),
    lambda client: client.unreceive([""]),
]


@pytest.mark.parametrize("ask", NONSENSE)
async def test_a_client_that_has_not_connected_and_is_asked_for_nonsense_records_nothing(
    world: World, tmp_path: Path, ask: Callable[[RelayClient], Awaitable[object]]
) -> None:
    path = tmp_path / "incident.jsonl"
    client = world.client(record=path)
    with pytest.raises(ValueError):  # noqa: PT011 - each says what is wrong with it
        await ask(client)
    assert not path.exists()


@pytest.mark.skipif(not FULL_DISK.exists(), reason="this system has no disk that is always full")
async def test_a_full_disk_hides_no_refusal(world: World) -> None:
    client = world.client(record=FULL_DISK, token="PT-another-one")
    with pytest.raises(AuthenticationError):
        await client.connect()


async def test_a_file_that_cannot_be_opened_harms_nothing_but_the_recording(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "nowhere" / "incident.jsonl"
    await use_and_leave(world, world.client(record=path))
    [words] = problems(caplog)
    assert f"{path} {IN_WORDS}: [Errno 2]" in words


async def test_a_disk_that_goes_away_harms_nothing_but_the_recording(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "disk" / "incident.jsonl"
    path.parent.mkdir()
    client = world.client(record=path, limits=Limits(recording_bytes=8000))
    async with client:
        assert path.exists()
        shutil.rmtree(path.parent)
        for _ in range(40):  # until a new file is due
            await client.receive(["office"])
    [words] = problems(caplog)
    assert f"{path} {IN_WORDS}" in words
    path.parent.mkdir()
    async with client:
        pass
    assert json.loads(path.read_text(encoding="utf-8").splitlines()[0])["recording"] == 1


async def test_a_working_directory_that_is_gone_harms_nothing_but_the_recording(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    await use_and_leave(world, world.client(record="incident.jsonl"))
    [words] = problems(caplog)
    assert f"incident.jsonl {IN_WORDS}" in words


async def test_a_bug_in_the_recorder_harms_nothing_but_the_recording(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Unprintable:
        def __repr__(self) -> str:
            raise RuntimeError("it has no words")

    path = tmp_path / "incident.jsonl"
    client = world.client(record=path)
    async with client:
        with pytest.raises(TypeError):  # as without a recorder: it is not JSON
            await client.execute("test.echo", {"what": Unprintable()})
        await client.receive(["sales"])
    [words] = problems(caplog)
    assert "the recorder has failed" in words
    assert str(path) in words
    assert "it has no words" in caplog.text


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


# Several clients


def sessions(path: Path) -> int:
    """How many sessions a file has. All of it is replayed without a difference."""
    lines = path.read_text(encoding="utf-8").splitlines()
    assert all(step.same for step in replay(lines, Random))
    return sum("recording" in json.loads(line) for line in lines)


@pytest.mark.skipif(sys.platform == "win32", reason="it has no such locks")
async def test_clients_that_record_to_one_name_have_a_file_each(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RELAY_MAX_CONNECTIONS", "3")
    path = tmp_path / "incident.jsonl"
    clients = [world.client(record=path) for _ in range(3)]
    for _ in range(2):
        for client in clients:
            await client.connect()
        for _ in range(3):
            for client in clients:
                await client.receive(["office"])
        for client in clients:
            await client.disconnect()
    names = {"incident.jsonl", "incident-2.jsonl", "incident-3.jsonl"}
    assert set(os.listdir(tmp_path)) == names  # noqa: PTH208
    assert [sessions(tmp_path / name) for name in names] == [2, 2, 2]


@pytest.mark.skipif(sys.platform == "win32", reason="it has no such locks")
async def test_processes_that_record_to_one_name_have_a_file_each(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "incident.jsonl"
    async with world.client(record=path, limits=Limits(recording_bytes=20_000)) as client:
        command = [sys.executable, "-c", WORKER, world.host, str(path)]
        await anyio.run_process(command, stdout=None, stderr=None)
        for _ in range(100):  # while it rotates, the file is still this client's
            await client.receive(["office"])
    assert sessions(tmp_path / "incident-2.jsonl") == 1
    assert (tmp_path / "incident.jsonl.1").exists()


WORKER = f"""
import sys
from relay_sync import RelayClient
host, record = sys.argv[1:]
with RelayClient({PROJECT!r}, {TOKEN!r}, host=host, record=record) as client:
    for _ in range(10):
        client.receive(["office"])
"""


async def test_a_name_may_have_the_number_of_the_process(world: World, tmp_path: Path) -> None:
    async with world.client(record=tmp_path / "incident-{pid}.jsonl"):
        pass
    assert sessions(tmp_path / f"incident-{os.getpid()}.jsonl") == 1


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


async def test_the_command_shows_nothing_that_controls_a_terminal(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "incident.jsonl"
    await converse(world, path)
    text = path.read_text(encoding="utf-8")
    text = text.replace('"state":"ready"', '"state":"ready\\u001b[2J"')
    text = text.replace('"reason":"', '"reason":"\\u009b2J')
    path.write_text(text + '{"\\u001b[31m":"[bold]"}\n', encoding="utf-8")
    assert main(["replay", str(path)]) == 2  # because of the last line
    said = capsys.readouterr().out
    assert "now ready [2J" in said
    assert all(line.isprintable() for line in said.splitlines())


def test_the_command_says_what_is_wrong_with_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "other.txt"
    path.write_text("Dear diary\n", encoding="utf-8")
    assert main(["replay", str(path)]) == 2
    assert "line 1 of the recording: it is not a JSON object" in capsys.readouterr().out
    assert main(["replay", str(tmp_path / "nothing")]) == 2
    assert "nothing" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "why"),
    [("", "it is empty"), ('{"recording":1', "it has no whole line")],
)
@pytest.mark.parametrize("page", [(), ("--open",)])
def test_a_file_without_a_line_is_no_recording(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    page: tuple[str, ...],
    content: str,
    why: str,
) -> None:
    path = tmp_path / "incident.jsonl"
    path.write_text(content, encoding="utf-8")
    assert main(["replay", str(path), *page]) == 2
    said = capsys.readouterr()
    assert said.err == f"relay: {path} is no recording: {why}\n"
    assert "no differences" not in said.out


async def a_session(world: World, path: Path) -> list[str]:
    """Record a session of one file; return its lines."""
    async with world.client(record=path) as client:
        for _ in range(3):
            await client.receive(["office"])
    return lines_of(path)


def lines_of(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines(keepends=True)


async def test_what_is_left_out_of_a_replay_is_said(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "incident.jsonl"
    lines = await a_session(world, path)
    half = lines[4][:50]
    path.with_name("incident.jsonl.1").write_text("".join(lines[3:]), encoding="utf-8")
    path.write_text("".join([*lines, half, *lines, half]), encoding="utf-8")
    assert main(["replay", str(path)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert f"{len(lines) - 3} lines before the first beginning were left out" in said
    behind = 2 * len(lines) - 2
    assert f"the first 50 characters of line {behind} were left out: a line that was not" in said
    assert "the last line of incident.jsonl is incomplete, and was left out" in said
    assert f"{2 * len(lines)} lines replayed, no differences." in said


@pytest.mark.skipif(sys.platform == "win32", reason="it has no such limits")
async def test_a_recording_behind_one_that_filled_the_disk_is_replayed(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    import resource
    import signal

    path = tmp_path / "incident.jsonl"
    size = len("".join(await a_session(world, path)))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 4000, limits[1]))
    try:
        await a_session(world, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    [words] = problems(caplog)
    assert f"{path} {IN_WORDS}: [Errno 28]" in words
    await a_session(world, path)
    assert sessions(path) == 3
