"""Actions: how they are started, controlled, waited for, and how they end."""

from __future__ import annotations

from typing import Final

import anyio
import pytest

from relay_anyio import (
    Call,
    CollectAction,
    CollectEvent,
    PlayAction,
    RelayError,
    RelayEvent,
    StandaloneCollectAction,
)
from relay_proto.api.shapes import Collect
from relay_proto.exchange import HangUp, Hear, Press, Say, Wait, What
from tests.adapters.peers import Frame, Peer, client_of, serving
from tests.adapters.support import LONG, Certificates, Heard, World, answered_call, tts

pytestmark = pytest.mark.anyio

ONE_DIGIT: Final[Collect] = {"digits": {"max": 1}, "initial_timeout": 3600}


async def test_a_playback_runs_to_its_end(world: World) -> None:
    async with answered_call(world, world.client()) as call:
        playing = await call.play(tts("Hello"), control_id="control-1")
        assert isinstance(playing, PlayAction)
        assert (playing.control_id, playing.call) == ("control-1", call)
        assert (playing.is_done, playing.completed, playing.result) == (False, False, None)
        event = await playing.wait()
        assert (event.event_type, event.params["state"]) == ("calling.call.play", "finished")
        assert (playing.is_done, playing.completed, playing.result) == (True, True, event)
        assert playing.state == "finished"
        assert await playing.wait() is event


async def test_a_playback_can_be_paused_resumed_made_louder_and_stopped(world: World) -> None:
    async with answered_call(world, world.client()) as call:
        async with call.expect("calling.call.play") as begun:
            playing = await call.play(LONG)
            await begun.wait()
        for control, state in ((playing.pause, "paused"), (playing.resume, "playing")):
            async with call.expect("calling.call.play") as told:
                await control()
                await told.wait()
            assert playing.state == state
        await playing.volume(4.0)
        result = await playing.stop()
        assert result["code"] == "200"
        assert (await playing.wait()).params["state"] == "finished"
        assert [h.what for h in world.happened if h.what in (What.PAUSED, What.RESUMED)] == [
            What.PAUSED,
            What.RESUMED,
        ]


@pytest.mark.parametrize("volume", [-40.5, 41, float("nan"), "loud"])
async def test_a_volume_that_is_none_is_refused(world: World, volume: float) -> None:
    async with answered_call(world, world.client()) as call:
        playing = await call.play(LONG)
        with pytest.raises((ValueError, TypeError), match="volume"):
            await playing.volume(volume)


async def test_play_and_collect_gives_the_digits(world: World) -> None:
    script = (Hear("press"), Press("1"))
    async with answered_call(world, world.client(), *script) as call:
        menu = await call.play_and_collect(tts("Please press a key"), ONE_DIGIT)
        assert isinstance(menu, CollectAction)
        event = await menu.wait()
        assert isinstance(event, CollectEvent)
        assert (event.type, event.digits) == ("digit", "1")


async def test_play_and_collect_gives_the_speech(world: World) -> None:
    wanted: Collect = {"speech": {"end_silence_timeout": 0.01}, "initial_timeout": 3600}
    async with answered_call(world, world.client(), Hear("name"), Say("Ada")) as call:
        question = await call.play_and_collect(tts("Your name?"), wanted)
        event = await question.wait()
        assert isinstance(event, CollectEvent)
        assert (event.type, event.text) == ("speech", "Ada")


async def test_the_end_of_the_prompt_is_not_the_end_of_the_collect(world: World) -> None:
    def is_finished(event: RelayEvent) -> bool:
        return bool(event.params["state"] == "finished")

    async with answered_call(world, world.client(), Hear("go on"), Press("7")) as call:
        async with call.expect("calling.call.play", is_finished) as prompted:
            menu = await call.play_and_collect(tts("Wait"), ONE_DIGIT)
            await prompted.wait()
        assert not menu.is_done
        await call.play(tts("go on"))
        event = await menu.wait()
        assert isinstance(event, CollectEvent)
        assert event.digits == "7"


async def test_a_prompt_can_be_paused_resumed_made_louder_and_stopped(world: World) -> None:
    async with answered_call(world, world.client()) as call:
        menu = await call.play_and_collect(LONG, ONE_DIGIT)
        await menu.pause()
        await menu.resume()
        await menu.volume(-3)
        await menu.start_input_timers()
        await menu.stop()
        event = await menu.wait()
        assert isinstance(event, CollectEvent)
        assert event.type == "finished"


async def test_collect_without_a_prompt(world: World) -> None:
    async with answered_call(world, world.client(), Hear("now"), Press("12#")) as call:
        collecting = await call.collect(digits={"max": 4, "terminators": "#"}, initial_timeout=3600)
        assert isinstance(collecting, StandaloneCollectAction)
        await call.play(tts("now"))
        event = await collecting.wait()
        assert isinstance(event, CollectEvent)
        assert (event.digits, event.terminator) == ("12", "#")


async def test_start_input_timers_starts_the_timeout_that_was_held_back(world: World) -> None:
    async with answered_call(world, world.client()) as call:
        collecting = await call.collect(
            digits={"max": 1}, initial_timeout=0.01, start_input_timers=False
        )
        with pytest.raises(TimeoutError):
            await collecting.wait(0.05)
        await collecting.start_input_timers()
        event = await collecting.wait()
        assert isinstance(event, CollectEvent)
        assert event.type == "no_input"


async def test_a_wait_that_times_out_can_be_repeated(world: World) -> None:
    async with answered_call(world, world.client()) as call:
        playing = await call.play(LONG)
        for _ in range(3):
            with pytest.raises(TimeoutError):
                await playing.wait(timeout=0.01)
        assert not playing.is_done
        await playing.stop()
        assert (await playing.wait(timeout=30)).params["state"] == "finished"
        await playing.wait(timeout=0)  # it is known: nothing is waited for


async def test_a_cancelled_waiter_harms_nobody(world: World) -> None:
    async with answered_call(world, world.client()) as call:
        playing = await call.play(LONG)
        results: Heard[RelayEvent] = Heard()

        async def wait() -> None:
            results(await playing.wait())

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait)
            tasks.start_soon(wait)
            with anyio.move_on_after(0.01):
                await playing.wait()
            await playing.stop()
        first, second = results.all
        assert first is second
        assert await playing.wait() is first


async def test_a_cancelled_start_sends_nothing_twice_and_harms_nothing(world: World) -> None:
    async with answered_call(world, world.client()) as call:
        with anyio.CancelScope() as scope:
            scope.cancel()
            await call.play(LONG)
        playing = await call.play(LONG)
        await playing.stop()
        await playing.wait()
        assert len(world.all(What.PLAYED)) <= 2


@pytest.mark.parametrize("plain", [True, False])
async def test_on_completed_is_called_once(world: World, plain: bool) -> None:
    heard: Heard[RelayEvent] = Heard()

    async def heard_later(event: RelayEvent) -> None:
        await anyio.lowlevel.checkpoint()
        heard(event)

    async with answered_call(world, world.client()) as call:
        callback = heard if plain else heard_later
        playing = await call.play(LONG, on_completed=callback)
        await playing.stop()
        event = await heard.next()
        assert event is await playing.wait()
        await call.hangup()
        await call.wait_for_ended()
        stopped = await call.play(LONG, on_completed=callback)  # on a call that is gone
        assert (await heard.next()) is await stopped.wait()
    assert len(heard.all) == 2


async def test_on_completed_may_use_the_call(world: World) -> None:
    async with answered_call(world, world.client()) as call:

        async def hang_up(event: RelayEvent) -> None:
            await call.hangup()

        await call.play(tts("Goodbye"), on_completed=hang_up)
        await call.wait_for_ended()


async def test_a_failing_on_completed_is_logged_and_harmless(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(event: RelayEvent) -> None:
        raise ZeroDivisionError

    async with answered_call(world, world.client()) as call:
        playing = await call.play(LONG, on_completed=fail)
        await playing.stop()
        await playing.wait()
        await call.hangup()
    assert "on_completed failed" in caplog.text


async def test_the_end_of_the_call_ends_its_actions(world: World) -> None:
    heard: Heard[RelayEvent] = Heard()
    async with answered_call(world, world.client(), Hear("bye"), HangUp()) as call:
        playing = await call.play(LONG, on_completed=heard)
        menu = await call.play_and_collect(tts("bye"), ONE_DIGIT, on_completed=heard)
        event = await menu.wait()
        assert (event.event_type, event.params["call_state"]) == ("calling.call.state", "ended")
        assert await playing.wait() is event
        assert await heard.take(2) == [event, event]


async def test_disconnect_ends_the_actions(world: World) -> None:
    client = world.client()
    async with answered_call(world, client) as call:
        playing = await call.play(LONG)
        ended: Heard[RelayEvent] = Heard()

        async def wait() -> None:
            ended(await playing.wait())

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait)
            await client.disconnect()
        event = ended.all[0]
        assert (event.params["call_state"], event.params["end_reason"]) == ("ended", "error")


async def test_a_control_id_in_use_is_refused(world: World) -> None:
    async with answered_call(world, world.client()) as call:
        await call.play(LONG, control_id="control-1")
        with pytest.raises(ValueError, match="control-1"):
            await call.play(LONG, control_id="control-1")
    assert len(world.all(What.PLAYED)) == 1


async def test_a_refused_start_raises_the_servers_words(world: World) -> None:
    client = world.client()
    offered: Heard[Call] = Heard()
    heard: Heard[RelayEvent] = Heard()
    client.on_call(offered)
    async with client:
        world.place_call(Wait(0))
        call = await offered.next()
        with pytest.raises(RelayError, match="the call is not answered") as raised:
            await call.play(LONG, on_completed=heard)
        assert raised.value.code == 409
        assert heard.all == []


async def test_controls_of_a_finished_action_send_nothing(certificates: Certificates) -> None:
    requests: Heard[str] = Heard()

    async def script(peer: Peer) -> None:
        await peer.welcome()
        await peer.offer_call()
        while True:
            frame = await peer.receive()
            if "method" not in frame:
                continue
            requests(frame["method"])
            await peer.reply(frame)
            if frame["method"] == "calling.play":
                await finish(peer, frame)

    async def finish(peer: Peer, frame: Frame) -> None:
        await peer.event("calling.call.play", **frame["params"] | {"state": "finished"})

    offered: Heard[Call] = Heard()
    async with serving(certificates.server_context(), script) as host:
        client = client_of(host)
        client.on_call(offered)
        async with client:
            call = await offered.next()
            playing = await call.play(LONG)
            await playing.wait()
            assert await playing.stop() == {}
            assert await playing.pause() == {}
            assert await playing.resume() == {}
            assert await playing.volume(1) == {}
            await call.answer()
    assert requests.all == ["calling.play", "calling.answer"]
