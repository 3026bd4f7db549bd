"""`client.calls()`: inbound calls for programs that would rather pull than be called."""

from __future__ import annotations

import gc

import anyio
import pytest

from relay_anyio import Call, ClientClosedError, Disconnected, Timing
from relay_proto.exchange import HangUp, What
from tests.adapters.support import (
    OFFICE,
    PATIENT,
    Heard,
    World,
    engine_of,
)

pytestmark = pytest.mark.anyio


async def test_each_call_is_pulled_and_disconnecting_ends_the_loop(world: World) -> None:
    client = world.client()
    served: Heard[Call] = Heard()
    calls = client.calls()
    async with anyio.create_task_group() as tasks:

        async def work() -> None:
            async for call in calls:
                await call.answer()
                await call.hangup()
                served(call)

        async with client:
            tasks.start_soon(work)
            placed = [world.place_call() for _ in range(3)]
            assert [call.call_id for call in await served.take(3)] == placed
    # The loop has ended, or the task group would still wait for it.


async def test_calls_that_came_before_anyone_pulled_wait_in_order(world: World) -> None:
    async with world.client() as client:
        calls = client.calls()
        placed = [world.place_call() for _ in range(3)]
        await world.until(What.OFFERED, times=3)
        pulled = [await anext(calls) for _ in range(3)]
        assert [call.call_id for call in pulled] == placed
        assert "open, 0 waiting" in repr(calls)


async def test_a_call_that_came_before_the_stream_waits_for_it(world: World) -> None:
    """A program connects, and asks for its calls afterwards."""
    async with world.client(timing=PATIENT) as client:
        placed = [world.place_call() for _ in range(3)]
        await world.until(What.OFFERED, times=3)
        await client.receive(["office"])  # so they have come
        calls = client.calls()
        assert [(await anext(calls)).call_id for _ in placed] == placed
        assert world.all(What.PASSED) == []
        calls.close()  # and from now on, calls are passed back at once
        refused = world.place_call()
        assert (await world.until(What.PASSED)).call_id == refused


async def test_a_caller_who_hung_up_before_is_left_out(world: World) -> None:
    async with world.client() as client:
        calls = client.calls()
        impatient = world.place_call(patience=0.01)
        await world.until(What.ENDED)
        await client.receive(["office"])  # so the client knows
        patient = world.place_call()
        call = await anext(calls)
        assert call.call_id == patient != impatient


async def test_several_may_pull_from_one(world: World) -> None:
    async with world.client() as client:
        calls = client.calls()
        taken: Heard[str] = Heard()

        async def work() -> None:
            call = await anext(calls)
            taken(call.call_id)

        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(work)
            placed = {world.place_call() for _ in range(3)}
            assert set(await taken.take(3)) == placed


async def test_a_client_that_nobody_connected_has_no_calls(world: World) -> None:
    with pytest.raises(ClientClosedError, match="connect"):
        await anext(world.client().calls())


async def test_after_a_disconnect_the_loop_is_over_and_after_a_connect_it_goes_on(
    world: World,
) -> None:
    client = world.client()
    calls = client.calls()
    async with client:
        pass
    assert [call async for call in calls] == []
    async with client:
        call_id = world.place_call()
        assert (await anext(calls)).call_id == call_id


async def test_one_takes_the_calls_of_its_contexts(world: World) -> None:
    taken: Heard[Call] = Heard()
    client = world.client(contexts=["office", "sales"])
    client.on_call(taken)
    async with client:
        calls = client.calls(contexts=["office"])
        call_id = world.place_call(to=OFFICE)
        assert (await anext(calls)).call_id == call_id
        assert taken.all == []


async def test_closing_passes_back_what_nobody_has_pulled(world: World) -> None:
    async with world.client() as client:
        with client.calls() as calls:
            pulled = world.place_call()
            assert (await anext(calls)).call_id == pulled
            world.place_call()
            await world.until(What.OFFERED, times=2)
            await client.receive(["office"])  # so it has come
        await world.until(What.PASSED)
        assert [call async for call in calls] == []
        world.place_call()  # and no more are taken
        await world.until(What.PASSED, times=2)
        calls.close()
    assert len(world.all(What.PASSED)) == 2


@pytest.mark.async_only("the bridge holds a reference: see test_sharing")
async def test_a_loop_that_is_left_gives_calls_back(world: World) -> None:
    async with world.client() as client:
        world.place_call(HangUp())
        async with anyio.create_task_group() as tasks:

            async def leave_after_one() -> None:
                async for _ in client.calls():
                    break
                gc.collect()

            tasks.start_soon(leave_after_one)
            while not engine_of(client).core.accepting_calls:
                await anyio.lowlevel.checkpoint()
            world.place_call()
        world.place_call()
        await world.until(What.PASSED, times=2)


async def test_cancelling_loses_no_call(world: World) -> None:
    async with world.client() as client:
        calls = client.calls()
        with anyio.move_on_after(0.01):
            await anext(calls)
        call_id = world.place_call()
        assert (await anext(calls)).call_id == call_id


async def test_without_a_session_a_call_is_passed_back_in_the_next(world: World) -> None:
    """Also if requests fail at once without a session: nobody waits for this one."""
    late = Timing(retry_min_delay=0.1, retry_max_delay=0.1)
    client = world.client(timing=late, while_reconnecting="fail")
    lost: Heard[Disconnected] = Heard()
    client.on_disconnected(lost)
    async with client:
        calls = client.calls()
        call_id = world.place_call()
        await world.until(What.OFFERED)
        await client.receive(["office"])  # so it has come
        world.cut()
        await lost.next()
        calls.close()
        await world.until(What.PASSED, call_id=call_id)
        assert len(world.all(What.SESSION_RESUMED)) == 1
