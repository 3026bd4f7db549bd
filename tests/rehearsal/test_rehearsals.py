"""Rehearsals: whole conversations on both event loops, in virtual time."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from relay_anyio import Call, CallState, CollectEvent, Connected, Message, RelayClient, tts
from relay_anyio.testing import (
    Answers,
    Backend,
    Busy,
    Caller,
    ExchangeTiming,
    HangUp,
    Hear,
    Line,
    Press,
    RehearsalTimeoutError,
    Say,
    Stage,
    Story,
    TextMessage,
    Wait,
    What,
    Who,
    rehearsal,
    rehearse,
)
from relay_proto.api.shapes import Collect

ANNA = "+15550001111"
CHOOSES = Caller(ANNA, (Hear("press one"), Wait(3.0), Press("1")))


async def menu(call: Call) -> None:
    await call.answer()
    wanted: Collect = {"digits": {"max": 1}, "initial_timeout": 600.0}
    action = await call.play_and_collect([tts("press one")], wanted)
    event = await action.wait()
    if isinstance(event, CollectEvent):
        goodbye = await call.play([tts(f"you pressed {event.digits or 'nothing'}")])
        await goodbye.wait()
    await call.hangup()


def played(story: Story) -> list[str]:
    return [one.details["text"].strip("“”") for one in story.all(What.PLAYED)]


def ended_by(story: Story) -> list[Who]:
    return [one.who for one in story.all(What.ENDED)]


def test_a_caller_chooses(backend: Backend) -> None:
    story = rehearse(menu, CHOOSES, backend=backend)
    assert played(story) == ["press one", "you pressed 1"]
    assert ended_by(story) == [Who.PROGRAM]


def test_a_caller_hangs_up(backend: Backend) -> None:
    story = rehearse(menu, Caller(ANNA, (Hear("press"), HangUp())), backend=backend)
    assert played(story) == ["press one"]
    assert ended_by(story) == [Who.CALLER]


def test_a_caller_waits_for_ten_minutes(backend: Backend) -> None:
    story = rehearse(menu, Caller(ANNA), backend=backend)
    assert played(story) == ["press one", "you pressed nothing"]
    assert story[-1].at > 600.0


def test_callers_come_one_after_the_other(backend: Backend) -> None:
    story = rehearse(menu, CHOOSES, CHOOSES, backend=backend)
    assert [one.what for one in story if one.what in (What.CALLED, What.ENDED)] == [
        What.CALLED,
        What.ENDED,
        What.CALLED,
        What.ENDED,
    ]


async def breaks_in_the_menu(stage: Stage) -> None:
    call_id = stage.call(CHOOSES)
    await stage.until(What.LISTENED)
    await anyio.sleep(1.0)
    stage.cut()
    await stage.over(call_id)


def test_the_link_is_cut_in_the_menu(backend: Backend) -> None:
    story = rehearse(menu, breaks_in_the_menu, backend=backend)
    assert any(one.what is What.SESSION_RESUMED for one in story)
    assert played(story) == ["press one", "you pressed 1"]


def test_the_link_falls_silent(backend: Backend) -> None:
    async def silent(stage: Stage) -> None:
        call_id = stage.call(Caller(ANNA, (Hear("press"), Wait(120.0), Press("2"))))
        await stage.until(What.LISTENED)
        await anyio.sleep(1.0)
        stage.silence()
        await stage.until(What.SESSION_RESUMED)
        assert 30.0 < stage.now < 120.0
        await stage.over(call_id)

    assert played(rehearse(menu, silent, backend=backend))[-1] == "you pressed 2"


def test_the_server_asks_for_a_reconnect(backend: Backend) -> None:
    async def deploy(stage: Stage) -> None:
        call_id = stage.call(CHOOSES)
        await stage.until(What.LISTENED)
        await anyio.sleep(1.0)
        stage.say_goodbye()
        await stage.over(call_id)

    assert played(rehearse(menu, deploy, backend=backend))[-1] == "you pressed 1"


@pytest.mark.parametrize("politely", [True, False])
def test_the_server_restarts_without_memory(
    client: RelayClient, backend: Backend, politely: bool
) -> None:
    resumed: list[bool] = []

    @client.on_connected
    def connected(event: Connected) -> None:
        resumed.append(event.resumed)

    async def restart(stage: Stage) -> None:
        if politely:
            stage.say_goodbye(restart=True)
        else:
            stage.restart()
        await stage.until(What.SESSION_STARTED, times=2)
        await anyio.sleep(1.0)

    rehearse(client, restart, backend=backend)
    assert resumed == [False, False]


def test_a_client_is_rehearsed_again_and_again(client: RelayClient) -> None:
    client.on_call(menu)
    backends: list[Backend] = ["asyncio", "trio", "trio", "asyncio"]
    for backend in backends:
        story = rehearse(client, breaks_in_the_menu, backend=backend)
        assert played(story) == ["press one", "you pressed 1"]


def test_a_program_dials(client: RelayClient, backend: Backend) -> None:
    async def dial(stage: Stage) -> None:
        call = await client.dial_phone("+15559", "+15550002222")
        assert call.state == CallState.ANSWERED
        await call.hangup()

    busy, there = Line("+15559", Busy()), Line("+15559", Answers(after=20.0))
    story = rehearse(client, dial, lines=[there], backend=backend)
    assert [one.what for one in story].count(What.ANSWERED) == 1
    with pytest.raises(Exception, match="failed"):
        rehearse(client, dial, lines=[busy], backend=backend)


def test_a_program_gets_a_text(client: RelayClient, backend: Backend) -> None:
    heard: list[str] = []

    @client.on_message
    def message(text: Message) -> None:
        heard.append(text.body)

    async def write(stage: Stage) -> None:
        stage.text(TextMessage(ANNA, "+15550002222", "hello"))
        await anyio.sleep(0.1)

    rehearse(client, write, backend=backend)
    assert heard == ["hello"]


def test_times_can_be_changed(backend: Backend) -> None:
    slow = rehearse(menu, CHOOSES, timing=ExchangeTiming(character=1.0), backend=backend)
    assert slow[-1].at > rehearse(menu, CHOOSES, backend=backend)[-1].at


def test_the_same_seed_gives_the_same_ids() -> None:
    ids = [rehearse(menu, CHOOSES, seed=seed)[1].call_id for seed in (1, 1, 2)]
    assert ids[0] == ids[1] != ids[2]


# What goes wrong


async def fails(call: Call) -> None:
    await call.answer()
    await call.hangup()
    raise KeyError("no such department")


def test_what_a_handler_raises_is_raised(backend: Backend) -> None:
    with pytest.raises(KeyError, match="no such department"):
        rehearse(fails, Caller(ANNA), backend=backend)


def test_a_handler_that_fails_is_to_blame_for_the_rest(backend: Backend) -> None:
    async def scene(stage: Stage) -> None:
        await stage.over(stage.call(Caller(ANNA)))
        assert played(stage.story), "nothing was played"

    with pytest.raises(KeyError) as caught:
        rehearse(fails, scene, backend=backend)
    assert "nothing was played" in caught.value.__notes__[0]


def test_what_a_scene_raises_is_raised(backend: Backend) -> None:
    async def scene(stage: Stage) -> None:
        raise LookupError(stage.client.contexts)

    with pytest.raises(LookupError, match="rehearsal"):
        rehearse(menu, scene, backend=backend)


def test_a_rehearsal_does_not_go_on_for_ever(backend: Backend) -> None:
    async def forgetful(call: Call) -> None:
        await call.answer()

    with pytest.raises(RehearsalTimeoutError, match="not over after 60 virtual seconds") as caught:
        rehearse(forgetful, Caller(ANNA), within=60.0, backend=backend)
    assert caught.value.story[-1].what is What.ANSWERED
    assert "program   answers" in str(caught.value)


def test_a_handler_that_does_not_return_is_noticed(backend: Backend) -> None:
    async def stuck(call: Call) -> None:
        await call.answer()
        await call.hangup()
        await anyio.sleep_forever()

    with pytest.raises(RehearsalTimeoutError):
        rehearse(stuck, Caller(ANNA), within=60.0, backend=backend)


def test_a_handler_that_spins_is_noticed(monkeypatch: pytest.MonkeyPatch, backend: Backend) -> None:
    monkeypatch.setattr("relay_anyio._virtual.MOST_PASSES", 1000)

    async def spins(call: Call) -> None:
        await call.answer()
        while not call.end_reason:
            await anyio.lowlevel.checkpoint()
        await call.hangup()

    with pytest.raises(RehearsalTimeoutError, match="a task runs in a loop") as caught:
        rehearse(spins, Caller(ANNA), backend=backend)
    assert caught.value.within is None


# In tests that are async themselves


@pytest.mark.anyio
async def test_a_rehearsal_within_an_async_test(client: RelayClient) -> None:
    client.on_call(menu)
    before = vars(client)["_connector"]
    async with rehearsal(client) as stage:
        call_id = stage.call(CHOOSES)
        await stage.over(call_id)
        assert len(stage.story.all(What.PRESSED, call_id=call_id)) == 1
    assert vars(client)["_connector"] is before


@pytest.mark.anyio
async def test_a_rehearsal_asks_nobody_for_credentials() -> None:
    def token() -> str:
        raise AssertionError("it would ask somebody in the real network")

    for credentials in ({"project": "p", "token": token}, {"jwt_token": token}):
        arguments: dict[str, Any] = credentials
        client = RelayClient(**arguments, contexts=["office"])
        client.on_call(menu)
        async with rehearsal(client) as stage:
            await stage.over(stage.call(CHOOSES))
        assert token in (client.token, client.jwt_token)


@pytest.mark.anyio
async def test_a_client_with_a_jwt() -> None:
    client = RelayClient(jwt_token="a.b.c", contexts=["office"])
    client.on_call(menu)
    async with rehearsal(client) as stage:
        await stage.over(stage.call(CHOOSES))
        await stage.quiet()
    assert played(stage.story) == ["press one", "you pressed 1"]


async def keeps_a_recording(call: Call, folder: Path) -> None:
    await call.answer()
    recording = await call.record({"end_silence_timeout": 1.0})
    await recording.wait()
    steps: list[tuple[int, int | None]] = []
    size = await recording.download(
        folder / "a.mp3", progress=lambda size, total: steps.append((size, total))
    )
    assert steps == [(size, size)]
    await call.hangup()


def test_a_recording_is_downloaded_without_a_network(backend: Backend, tmp_path: Path) -> None:
    handler = partial(keeps_a_recording, folder=tmp_path)
    rehearse(handler, Caller(ANNA, (Say("Hello"),)), backend=backend)
    assert (tmp_path / "a.mp3").read_bytes() == b"the file of a rehearsal"
    client = RelayClient(project="project", token="token")

    async def fetch(stage: Stage) -> None:
        stage.files["https://a.example/b"] = b"words"
        await stage.client.download("https://a.example/b", tmp_path / "b")

    rehearse(client, fetch, backend=backend)
    assert (tmp_path / "b").read_bytes() == b"words"
