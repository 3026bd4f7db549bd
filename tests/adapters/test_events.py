"""Events of a call: who hears them, in what order, and how to wait for one."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final, cast

import anyio
import pytest

from relay_anyio import (
    Call,
    CallEndedError,
    CallStateEvent,
    EventType,
    Limits,
    PlayEvent,
    RelayEvent,
    UnknownEvent,
)
from relay_proto.errors import UnknownNameWarning
from relay_proto.exchange import HangUp, Wait
from tests.adapters.peers import Peer, client_of, serving
from tests.adapters.support import LONG, Certificates, Heard, World, answered_call

pytestmark = pytest.mark.anyio

PLAY: Final = "calling.call.play"


class Line:
    """A call, and the peer that tells its events."""

    def __init__(self, call: Call, peer: Peer) -> None:
        self.call = call
        self.peer = peer

    async def tell(self, *states: str) -> None:
        """Tell how a playback goes."""
        for state in states:
            await self.peer.event(PLAY, call_id="call-1", control_id="control-1", state=state)

    async def repeat(self, *states: str) -> None:
        """Tell these states again and again, for whoever begins to listen, until cancelled."""
        while True:
            await self.tell(*states)
            await self.in_step()

    async def in_step(self) -> None:
        """Wait until the client has heard all that was told."""
        await self.call.client.execute("test.echo", {})


@asynccontextmanager
async def line(certificates: Certificates, **arguments: Limits) -> AsyncGenerator[Line]:
    """A call from a peer that tells what the test wants."""
    peers: Heard[Peer] = Heard()
    offered: Heard[Call] = Heard()

    async def script(peer: Peer) -> None:
        await peer.welcome()
        peers(peer)
        await peer.offer_call()
        while True:
            frame = await peer.receive()
            if "method" in frame:
                await peer.reply(frame)

    async with serving(certificates.server_context(), script) as host:
        client = client_of(host, **arguments)
        client.on_call(offered)
        async with client:
            yield Line(await offered.next(), await peers.next())


def states(events: list[RelayEvent]) -> list[str]:
    return [event.params["state"] for event in events]


async def test_a_listener_hears_typed_events_of_its_type_in_order(
    certificates: Certificates,
) -> None:
    heard: Heard[RelayEvent] = Heard()
    async with line(certificates) as told:
        assert told.call.on(PLAY, heard) is heard
        await told.peer.event("calling.call.tap", call_id="call-1", state="tapping")
        await told.tell("playing", "paused", "playing", "finished")
        events = await heard.take(4)
        assert states(events) == ["playing", "paused", "playing", "finished"]
        assert all(isinstance(event, PlayEvent) for event in events)


async def test_several_listeners_hear_the_same_event(certificates: Certificates) -> None:
    one: Heard[RelayEvent] = Heard()
    other: Heard[RelayEvent] = Heard()
    async with line(certificates) as told:
        told.call.on(PLAY, one)
        told.call.on(PLAY, other)
        await told.tell("playing")
        assert await one.next() is await other.next()


async def test_off_stops_hearing(certificates: Certificates) -> None:
    one: Heard[RelayEvent] = Heard()
    other: Heard[RelayEvent] = Heard()
    async with line(certificates) as told:
        told.call.on(PLAY, one)
        told.call.on(PLAY, other)
        await told.tell("playing")
        await other.next()
        told.call.off(PLAY, one)
        told.call.off(PLAY, print)
        told.call.off("calling.call.tap", one)
        await told.tell("finished")
        await other.next()
    assert states(one.all) == ["playing"]


async def test_an_event_of_an_unknown_type_is_heard_too(certificates: Certificates) -> None:
    heard: Heard[RelayEvent] = Heard()
    async with line(certificates) as told:
        with pytest.warns(UnknownNameWarning, match="unknown event 'calling.call.novelty'"):
            told.call.on(cast("EventType", "calling.call.novelty"), heard)
        await told.peer.event("calling.call.novelty", call_id="call-1", size=7)
        event = await heard.next()
        assert isinstance(event, UnknownEvent)
        assert event.params["size"] == 7


async def test_an_async_listener_hears_in_order_however_slow_it_is(
    certificates: Certificates,
) -> None:
    heard: Heard[str] = Heard()
    release = anyio.Event()

    async def slow(event: RelayEvent) -> None:
        heard(f"{event.params['state']}...")
        await release.wait()
        heard(event.params["state"])

    async with line(certificates) as told:
        told.call.on(PLAY, slow)
        await told.tell("playing", "paused", "finished")
        await told.in_step()  # it has delayed nobody
        assert heard.all == ["playing..."]
        release.set()
        begun_and_done = ["playing...", "playing", "paused...", "paused", "finished...", "finished"]
        assert await heard.take(6) == begun_and_done


@pytest.mark.async_only("on threads the listeners of one call hear its events one after another")
async def test_a_slow_listener_delays_no_other(certificates: Certificates) -> None:
    heard: Heard[RelayEvent] = Heard()

    async def stuck(event: RelayEvent) -> None:
        await anyio.sleep_forever()

    async with line(certificates) as told:
        told.call.on(PLAY, stuck)
        told.call.on(PLAY, heard)
        await told.tell("playing", "finished")
        assert states(await heard.take(2)) == ["playing", "finished"]


@pytest.mark.parametrize("plain", [True, False])
async def test_a_failing_listener_is_logged_and_hears_on(
    certificates: Certificates, caplog: pytest.LogCaptureFixture, plain: bool
) -> None:
    heard: Heard[RelayEvent] = Heard()

    def fail(event: RelayEvent) -> None:
        heard(event)
        raise ZeroDivisionError

    async def fail_later(event: RelayEvent) -> None:
        heard(event)
        await anyio.lowlevel.checkpoint()
        raise ZeroDivisionError

    async with line(certificates) as told:
        told.call.on(PLAY, fail if plain else fail_later)
        await told.tell("playing", "finished")
        assert states(await heard.take(2)) == ["playing", "finished"]
        await told.in_step()
    words = "listener of calling.call.play on call call-1 failed"
    logged = [record for record in caplog.records if words in record.getMessage()]
    assert [record.exc_info is not None for record in logged] == [True, False]  # the same again


async def test_the_backlog_of_a_stuck_listener_is_bounded(
    certificates: Certificates, caplog: pytest.LogCaptureFixture
) -> None:
    heard: Heard[RelayEvent] = Heard()
    release = anyio.Event()

    async def stuck(event: RelayEvent) -> None:
        await release.wait()
        heard(event)

    async with line(certificates, limits=Limits(listener_backlog=2)) as told:
        told.call.on(PLAY, stuck)
        await told.tell("a", "b", "c", "d")
        await told.in_step()
        release.set()
        assert states(await heard.take(3)) == ["a", "b", "c"]
        await told.tell("e")
        assert states([await heard.next()]) == ["e"]
    assert "because the backlog has 2 events" in caplog.text


async def test_a_listener_may_use_the_call_and_the_client(certificates: Certificates) -> None:
    done = anyio.Event()
    async with line(certificates) as told:

        async def react(event: RelayEvent) -> None:
            await told.call.answer()
            await told.call.client.receive(["sales"])
            done.set()

        told.call.on(PLAY, react)
        await told.tell("playing")
        await done.wait()


async def test_what_cannot_listen_is_refused(certificates: Certificates) -> None:
    async with line(certificates) as told:
        with pytest.raises(TypeError, match="must be a function"):
            told.call.on(PLAY, "not a function")  # type: ignore[call-overload]


# Waiting for one event


async def test_wait_for_gives_the_next_event(certificates: Certificates) -> None:
    async with line(certificates) as told, anyio.create_task_group() as tasks:
        tasks.start_soon(told.repeat, "playing")
        event = await told.call.wait_for(PLAY)
        assert event.params["state"] == "playing"
        tasks.cancel_scope.cancel()


async def test_wait_for_passes_over_what_the_predicate_does_not_want(
    certificates: Certificates,
) -> None:
    async with line(certificates) as told, anyio.create_task_group() as tasks:
        tasks.start_soon(told.repeat, "playing", "paused", "finished")
        event = await told.call.wait_for(PLAY, lambda event: event.params["state"] == "finished")
        assert event.params["state"] == "finished"
        tasks.cancel_scope.cancel()


async def test_a_predicate_that_raises_makes_wait_for_raise(certificates: Certificates) -> None:
    async with line(certificates) as told, anyio.create_task_group() as tasks:
        tasks.start_soon(told.repeat, "playing")
        with pytest.raises(ZeroDivisionError):
            await told.call.wait_for(PLAY, lambda event: bool(1 / 0))
        await told.in_step()
        tasks.cancel_scope.cancel()


async def test_wait_for_times_out_alone(certificates: Certificates) -> None:
    async with line(certificates) as told, told.call.expect(PLAY) as expected:
        with pytest.raises(TimeoutError):
            await told.call.wait_for(PLAY, timeout=0.01)
        with pytest.raises(TimeoutError):
            await expected.wait(timeout=0.01)
        await told.tell("playing")
        assert (await expected.wait()).params["state"] == "playing"


async def test_expect_hears_what_overtakes_the_answer(world: World) -> None:
    async with answered_call(world, world.client()) as call, call.expect(PLAY) as playing:
        await call.play(LONG)
        assert (await playing.wait()).params["state"] == "playing"
        assert (await playing.wait()).params["state"] == "playing"


async def test_wait_for_is_told_that_the_call_ended(world: World) -> None:
    async with answered_call(world, world.client(), Wait(0.01), HangUp()) as call:
        with pytest.raises(CallEndedError, match="hangup"):
            await call.wait_for(PLAY)
        with pytest.raises(CallEndedError):
            await call.wait_for(PLAY)


async def test_wait_for_the_last_state_event_is_not_told_that_the_call_ended(
    world: World,
) -> None:
    def is_end(event: RelayEvent) -> bool:
        return isinstance(event, CallStateEvent) and event.call_state == "ended"

    async with answered_call(world, world.client(), Wait(0.01), HangUp()) as call:
        event = await call.wait_for("calling.call.state", is_end)
        assert isinstance(event, CallStateEvent)
        assert event.end_reason == "hangup"


async def test_waiting_for_a_state_that_was_passed_ends_at_once(world: World) -> None:
    async with answered_call(world, world.client()) as call:
        await call.wait_for_ringing()
        await call.wait_for_answered()
        with pytest.raises(TimeoutError):
            await call.wait_for_ended(timeout=0.01)
        before = call.ended
        await call.hangup()
        await call.wait_for_ending()
        event = await call.wait_for_ended()
        assert (before, call.ended) == (False, True)
        assert isinstance(event, CallStateEvent)
        assert event.call_state == "ended"
        assert await call.wait_for_ended(timeout=0) is event


async def test_states_are_waited_for_one_after_another(certificates: Certificates) -> None:
    async with line(certificates) as told, anyio.create_task_group() as tasks:
        reached: Heard[str] = Heard()

        async def watch() -> None:
            await told.call.wait_for_ringing()
            reached("ringing")
            await told.call.wait_for_answered()
            reached("answered")
            await told.call.wait_for_ending()
            reached("ending")
            await told.call.wait_for_ended()
            reached("ended")

        tasks.start_soon(watch)
        for state in ("ringing", "answered", "ending", "ended"):
            await told.peer.call_state(state)
            assert await reached.next() == state
            assert told.call.state == state


async def test_a_late_lower_state_is_heard_but_moves_nothing(certificates: Certificates) -> None:
    heard: Heard[RelayEvent] = Heard()
    async with line(certificates) as told:
        told.call.on("calling.call.state", heard)
        await told.peer.call_state("answered")
        await told.peer.call_state("ringing")
        await heard.take(2)
        assert told.call.state == "answered"


async def test_one_of_many_waiters_cancelled_harms_no_other(world: World) -> None:
    async with answered_call(world, world.client()) as call:
        done: Heard[RelayEvent] = Heard()

        async def wait() -> None:
            done(await call.wait_for_ended())

        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(wait)
            with anyio.move_on_after(0.01):
                await call.wait_for_ended()
            await call.hangup()
        assert len(done.all) == 3
