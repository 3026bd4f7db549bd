"""What a handler may do: call out, disconnect, connect again, drain; and how it is stopped."""

from __future__ import annotations

import anyio
import pytest

from relay_anyio import Call, ClientClosedError, SessionState
from tests.adapters.support import (
    ANSWERING,
    LONG,
    Heard,
    World,
    client_tasks,
    no_client_task_is_left,
    phone,
)

pytestmark = pytest.mark.anyio


async def test_a_handler_may_dial(world: World) -> None:
    client = world.client()
    dialed: Heard[Call] = Heard()

    @client.on_call
    async def take(call: Call) -> None:
        dialed(await client.dial([[phone(ANSWERING)]]))

    async with client:
        world.place_call()
        assert (await dialed.next()).direction == "outbound"


@pytest.mark.async_only("a thread cannot be cancelled, only released: see test_threads")
async def test_a_handler_that_disconnects_goes_on_and_the_others_are_cancelled(
    world: World,
) -> None:
    client = world.client()
    taken: Heard[Call] = Heard()
    cancelled: Heard[str] = Heard()
    done = anyio.Event()

    @client.on_call
    async def take(call: Call) -> None:
        taken(call)
        if len(taken.all) == 2:
            await client.disconnect()
            assert cancelled.all == [taken.all[0].call_id]
            await anyio.lowlevel.checkpoint()
            with pytest.raises(ClientClosedError):
                await call.answer()
            done.set()
            return
        try:
            await anyio.sleep_forever()
        finally:
            cancelled(call.call_id)

    await client.connect()
    world.place_call()
    world.place_call()
    await done.wait()
    assert client.state is SessionState.CLOSED
    await client.disconnect()
    await no_client_task_is_left()


async def test_a_handler_that_disconnects_may_connect_again(world: World) -> None:
    client = world.client()
    began, done = anyio.Event(), anyio.Event()

    @client.on_call
    async def take(call: Call) -> None:
        if began.is_set():
            return  # it rings on, and so is offered again
        began.set()
        await client.disconnect()
        await client.connect()
        done.set()

    await client.connect()
    world.place_call()
    await done.wait()
    assert client.state is SessionState.READY
    await client.disconnect()
    await no_client_task_is_left()


async def test_a_disconnect_elsewhere_does_not_cancel_a_handler_that_disconnects(
    world: World,
) -> None:
    client = world.client()
    done = anyio.Event()

    @client.on_call
    async def take(call: Call) -> None:
        await client.disconnect()
        for _ in range(20):
            await anyio.lowlevel.checkpoint()
        done.set()

    await client.connect()
    world.place_call()
    while client.state is SessionState.READY:
        await anyio.lowlevel.checkpoint()
    await client.disconnect()
    await done.wait()
    await no_client_task_is_left()


async def test_a_handler_may_drain(world: World) -> None:
    client = world.client()
    drained = anyio.Event()

    @client.on_call
    async def take(call: Call) -> None:
        await call.answer()
        await call.hangup()
        await client.drain()
        drained.set()

    await client.connect()
    world.place_call()
    await drained.wait()
    assert client.state is SessionState.CLOSED
    await no_client_task_is_left()


@pytest.mark.async_only("a thread cannot be cancelled, only released: see test_threads")
async def test_disconnect_cancels_the_handlers_and_leaves_no_task(world: World) -> None:
    client = world.client()
    taken: Heard[Call] = Heard()
    left: Heard[str] = Heard()

    @client.on_call
    async def take(call: Call) -> None:
        await call.answer()
        playing = await call.play(LONG)
        taken(call)
        try:
            await anyio.sleep_forever()
        finally:
            assert playing.is_done
            left(call.state)

    async with client:
        for _ in range(3):
            world.place_call()
        calls = await taken.take(3)
    assert left.all == ["ended"] * 3
    assert {call.end_reason for call in calls} == {"error"}
    assert client_tasks() == []


async def test_calls_of_a_lost_session_end_with_an_error(world: World) -> None:
    client = world.client()
    seen: Heard[str] = Heard()

    @client.on_call
    async def take(call: Call) -> None:
        await call.answer()
        seen("up")
        await call.wait_for_ended()
        seen(call.end_reason)

    async with client:
        world.place_call()
        await seen.next()
        world.forget_sessions()
        assert await seen.next() == "error"
