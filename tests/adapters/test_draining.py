"""Draining against the real service: no more calls, and those that are up may finish."""

from __future__ import annotations

import anyio
import pytest

from relay_anyio import Call, SessionState
from relay_proto.adapter.vitals import MOST_IDS
from relay_proto.exchange import HangUp, Hear, What
from tests.adapters.support import (
    Heard,
    World,
    answered_call,
    client_tasks,
    engine_of,
    tts,
)

pytestmark = pytest.mark.anyio


async def test_drain_without_calls_disconnects_at_once(world: World) -> None:
    client = world.client()
    await client.connect()
    await client.drain()
    assert client.state is SessionState.CLOSED
    assert client_tasks() == []


async def test_drain_of_a_client_that_is_not_connected_does_nothing(world: World) -> None:
    client = world.client()
    await client.drain()
    await client.connect()
    assert world.connected == 1
    await client.disconnect()
    await client.drain()
    assert client.state is SessionState.CLOSED


async def test_drain_lets_a_call_finish_and_takes_no_other(world: World) -> None:
    client = world.client()
    drained = anyio.Event()

    async def drain() -> None:
        await client.drain()
        drained.set()

    async with (
        anyio.create_task_group() as tasks,
        answered_call(world, client, Hear("goodbye"), HangUp()) as call,
    ):
        tasks.start_soon(drain)
        while engine_of(client).core.accepting_calls:
            await anyio.lowlevel.checkpoint()
        refused = world.place_call()
        assert (await world.until(What.ENDED, reason="not_found")).call_id == refused
        assert not drained.is_set()
        assert call.state == "answered"
        await call.play(tts("Goodbye"))
        await drained.wait()
        assert call.end_reason == "hangup"


@pytest.mark.parametrize("hang_up", [False, True])
async def test_calls_that_outlive_the_drain_are_named(
    world: World, caplog: pytest.LogCaptureFixture, package: str, hang_up: bool
) -> None:
    client = world.client()
    async with answered_call(world, client) as first, client:
        called = [first.call_id]
        offered: Heard[Call] = Heard()
        client.on_call(offered)
        for _ in range(MOST_IDS):
            called.append(world.place_call())
            await (await offered.next()).answer()
        assert await client.drain(0.05, hang_up=hang_up) == MOST_IDS + 1
    lines = [one for one in caplog.records if "the time to drain is over" in one.getMessage()]
    [line] = [
        one.getMessage() for one in lines if (one.name, one.levelname) == (package, "WARNING")
    ]
    what, _, ids = line.partition(": ")
    end = "are hung up" if hang_up else "go on at the service"
    assert what == f"the time to drain is over, and the calls that are still up (21) {end}"
    assert ids == f"{', '.join(called[:MOST_IDS])} and 1 more"


async def test_a_drained_client_can_be_connected_again_and_takes_calls(world: World) -> None:
    client = world.client()
    offered: Heard[Call] = Heard()
    client.on_call(offered)
    await client.connect()
    await client.drain()
    async with client:
        world.place_call()
        await offered.next()
