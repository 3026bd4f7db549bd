"""Inbound calls: who takes them, at the same time, and what a handler may do."""

from __future__ import annotations

from dataclasses import replace

import anyio
import pytest

from relay_anyio import Call, CallEndedError
from relay_proto.exchange import HangUp, Wait, What
from tests.adapters.support import (
    CALLER,
    OFFICE,
    PATIENT,
    QUICK,
    Heard,
    World,
)

pytestmark = pytest.mark.anyio


async def test_an_async_handler_takes_a_call(world: World) -> None:
    client = world.client()
    ended = anyio.Event()

    @client.on_call
    async def take(call: Call) -> None:
        await call.answer()
        await call.hangup()
        ended.set()

    async with client:
        call_id = world.place_call()
        await ended.wait()
        happened = await world.until(What.ENDED, reason="hangup")
        assert happened.call_id == call_id


async def test_a_plain_handler_takes_a_call(world: World) -> None:
    client = world.client()
    offered: Heard[Call] = Heard()
    client.on_call(offered)
    async with client:
        call_id = world.place_call()
        call = await offered.next()
        assert call.call_id == call_id


async def test_a_handler_sees_who_calls(world: World) -> None:
    client = world.client()
    offered: Heard[Call] = Heard()
    client.on_call(offered)
    async with client:
        call_id = world.place_call()
        call = await offered.next()
        assert (call.call_id, call.node_id, call.segment_id) == (call_id, "node-1", call_id)
        assert (call.context, call.direction, call.state) == ("office", "inbound", "created")
        numbers = {"from_number": CALLER, "to_number": OFFICE}
        assert call.device == {"type": "phone", "params": numbers}
        assert (call.tag, call.end_reason, call.peer) == ("", "", {})
        assert call.client is client
        assert CALLER not in repr(call)


async def test_handlers_run_at_the_same_time_and_a_slow_one_delays_nobody(world: World) -> None:
    client = world.client()
    taken: Heard[Call] = Heard()
    release = anyio.Event()

    @client.on_call
    async def take(call: Call) -> None:
        first = not taken.all
        taken(call)
        if first:
            await release.wait()
        await call.answer()

    async with client:
        slow_id = world.place_call()
        await taken.next()
        others = [world.place_call() for _ in range(5)]
        await world.until(What.ANSWERED, times=5)
        assert {call.call_id for call in taken.all} == {slow_id, *others}
        release.set()
        await world.until(What.ANSWERED, times=6)


@pytest.mark.parametrize("plain", [True, False])
async def test_a_failing_handler_is_logged_with_the_call_id_and_harmless(
    world: World, caplog: pytest.LogCaptureFixture, plain: bool
) -> None:
    client = world.client()
    offered: Heard[Call] = Heard()

    def fail(call: Call) -> None:
        offered(call)
        raise ZeroDivisionError

    async def fail_later(call: Call) -> None:
        offered(call)
        await anyio.lowlevel.checkpoint()
        raise ZeroDivisionError

    if plain:
        client.on_call(fail)
    else:
        client.on_call(fail_later)
    async with client:
        calls = [world.place_call(), world.place_call()]
        first, second = await offered.take(2)
        assert {first.call_id, second.call_id} == set(calls)
        await first.answer()  # the call is left as it is
        await client.receive(["sales"])
    for call_id in calls:
        assert f"handler of call {call_id} failed" in caplog.text
    assert "ZeroDivisionError" in caplog.text


async def test_a_call_that_comes_before_its_handler_waits_for_it(world: World) -> None:
    async with world.client(timing=PATIENT, contexts=["office", "sales"]) as client:
        call_id = world.place_call()
        await world.until(What.OFFERED)
        await client.receive(["office"])  # so it has come
        others: Heard[Call] = Heard()
        client.on_call(contexts=["sales"])(others)
        offered: Heard[Call] = Heard()
        client.on_call(offered)
        call = await offered.next()
        assert call.call_id == call_id
        await call.answer()
        await world.until(What.ANSWERED)
        assert others.all == []
        assert world.all(What.PASSED) == []


async def test_a_call_that_waits_for_a_handler_in_vain_is_passed_back(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    async with world.client(timing=replace(QUICK, handler_grace=0.1)):
        call_id = world.place_call()
        assert (await world.until(What.PASSED)).call_id == call_id
    assert "no call handler" in caplog.text


async def test_without_a_handler_a_call_is_passed_back(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    async with world.client():
        call_id = world.place_call()
        assert (await world.until(What.PASSED)).call_id == call_id
    assert f"call {call_id} was passed back" in caplog.text


async def test_a_handler_can_be_registered_when_connected_and_replaced(world: World) -> None:
    client = world.client()
    first: Heard[Call] = Heard()
    second: Heard[Call] = Heard()
    async with client:
        client.on_call(first)
        world.place_call()
        await first.next()
        client.on_call(second)
        world.place_call()
        await second.next()
    assert len(first.all) == 1


async def test_calls_beyond_the_limit_are_passed_back_loudly(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    client = world.client(max_active_calls=3)
    offered: Heard[Call] = Heard()
    client.on_call(offered)
    async with client:
        for _ in range(3):
            world.place_call()
            await offered.next()
        call = offered.all[0]
        refused = world.place_call()
        assert (await world.until(What.PASSED)).call_id == refused
        await call.hangup()
        await call.wait_for_ended()
        world.place_call()  # there is room again, unless all three handlers are still returning
        await offered.next()
    errors = [r.getMessage() for r in caplog.records if r.levelname == "ERROR"]
    assert len(errors) == 1
    assert refused in errors[0]


async def test_a_call_that_nobody_has_answered_goes_to_another_client(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RELAY_MAX_CONNECTIONS", "2")
    leaves, stays = world.client(), world.client()
    offered: Heard[Call] = Heard()
    taken: Heard[Call] = Heard()
    leaves.on_call(offered)
    stays.on_call(taken)
    async with stays:
        await stays.unreceive(["office"])
        await leaves.connect()
        call_id = world.place_call()
        first = await offered.next()
        await stays.receive(["office"])
        await leaves.disconnect()
        second = await taken.next()
        assert second.call_id == call_id
        assert first.state == "ended"
        await second.answer()
        await world.until(What.ANSWERED)


async def test_the_environment_limits_calls_too(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RELAY_MAX_ACTIVE_CALLS", "1")
    client = world.client()
    client.on_call(Heard[Call]())
    async with client:
        world.place_call()
        second = world.place_call()
        assert (await world.until(What.PASSED)).call_id == second


async def test_a_handler_is_not_cancelled_when_its_call_ends(world: World) -> None:
    client = world.client()
    seen: Heard[str] = Heard()

    @client.on_call
    async def take(call: Call) -> None:
        await call.answer()
        await call.wait_for_ended()
        await anyio.lowlevel.checkpoint()
        seen(call.end_reason)

    async with client:
        world.place_call(HangUp())
        assert await seen.next() == "hangup"


@pytest.mark.async_only("a thread cannot be cancelled, only released: see test_threads")
@pytest.mark.parametrize("decorated", [True, False])
async def test_cancel_on_end_cancels_the_handler_and_lets_it_clean_up(
    world: World, decorated: bool
) -> None:
    client = world.client()
    seen: Heard[str] = Heard()

    async def take(call: Call) -> None:
        await call.answer()
        try:
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                await client.receive(["sales"])
                seen(call.state)

    if decorated:
        client.on_call(cancel_on_end=True)(take)
    else:
        client.on_call(take, cancel_on_end=True)
    async with client:
        world.place_call(Wait(0.01), HangUp())
        assert await seen.next() == "ended"
        world.place_call(HangUp())  # and nothing else was cancelled with it
        assert await seen.next() == "ended"


@pytest.mark.async_only("a thread cannot be cancelled, only released: see test_threads")
async def test_cancel_on_end_cancels_the_handler_of_that_call_only(world: World) -> None:
    client = world.client()
    left: Heard[str] = Heard()
    taken: Heard[Call] = Heard()

    @client.on_call(cancel_on_end=True)
    async def take(call: Call) -> None:
        taken(call)
        try:
            await anyio.sleep_forever()
        finally:
            left(call.call_id)

    async with client:
        world.place_call()
        world.place_call()
        first, second = await taken.take(2)
        await first.hangup()
        assert await left.next() == first.call_id
        assert left.all == [first.call_id]
    assert await left.next() == second.call_id


async def test_a_handler_that_waits_on_its_ended_call_is_told(world: World) -> None:
    client = world.client()
    seen: Heard[CallEndedError] = Heard()

    @client.on_call
    async def take(call: Call) -> None:
        await call.answer()
        with pytest.raises(CallEndedError) as raised:
            await call.wait_for("calling.call.tap")
        seen(raised.value)

    async with client:
        call_id = world.place_call(HangUp())
        error = await seen.next()
        assert (error.call_id, error.end_reason, error.code) == (call_id, "hangup", 410)


async def test_handlers_that_outlive_their_calls_count(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    taken: Heard[Call] = Heard()
    over = anyio.Event()
    client = world.client(max_active_calls=1)

    @client.on_call
    async def take(call: Call) -> None:
        await call.answer()
        taken(call)
        await over.wait()

    async with client:
        world.place_call(HangUp())
        await (await taken.next()).wait_for_ended()
        second = world.place_call()
        await world.until(What.PASSED, call_id=second)
        assert (
            f"call {second} was passed back to the service: all call handlers are busy"
            in caplog.text
        )
        over.set()


async def test_a_caller_who_hangs_up_is_no_error_of_the_handler(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    done = anyio.Event()
    client = world.client()

    @client.on_call
    async def take(call: Call) -> None:
        await call.answer()
        try:
            await call.wait_for("calling.call.play")
        finally:
            done.set()

    async with client:
        world.place_call(Wait(0.01), HangUp())
        await done.wait()
        await client.receive(["office"])  # so the handler has ended
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []


async def test_the_text_of_a_handler_that_fails_names_its_call(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    taken: Heard[Call] = Heard()
    client = world.client()

    @client.on_call
    async def take(call: Call) -> None:
        taken(call)
        raise ZeroDivisionError

    async with client:
        call_id = world.place_call()
        await taken.next()
        await client.receive(["office"])  # so the handler has ended
    (logged,) = [record for record in caplog.records if record.exc_info]
    assert logged.getMessage().startswith(f"handler of call {call_id} failed on <Call {call_id}")
