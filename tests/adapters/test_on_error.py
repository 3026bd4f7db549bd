"""What becomes of a call whose handler fails, and of calls that are up at the end."""

from __future__ import annotations

import signal
import sys
from typing import Any

import anyio
import anyio.to_thread
import pytest

from relay_anyio import Call, Disconnected, Timing
from relay_proto.exchange import HangUp, What
from tests.adapters.programs import program
from tests.adapters.support import ANSWERING, Heard, World, phone

pytestmark = pytest.mark.anyio


async def answer_and_fail(call: Call) -> None:
    await call.answer()
    raise ZeroDivisionError


async def test_a_call_whose_handler_fails_is_hung_up(world: World) -> None:
    client = world.client()
    client.on_call(answer_and_fail)
    async with client:
        call_id = world.place_call()
        await world.until(What.ENDED, call_id=call_id, reason="hangup")


async def test_so_is_one_that_was_not_answered(world: World) -> None:
    client = world.client()

    @client.on_call
    def fail(call: Call) -> None:
        raise ZeroDivisionError

    async with client:
        await world.until(What.ENDED, call_id=world.place_call())


async def test_and_one_whose_handler_lost_another_call(world: World) -> None:
    client = world.client()

    @client.on_call
    async def fail(call: Call) -> None:
        await call.answer()
        other = await client.dial([[phone(ANSWERING)]])
        await other.hangup()
        await other.wait_for("calling.call.play")

    async with client:
        await world.until(What.ENDED, call_id=world.place_call())


async def test_it_can_be_left_as_it_is(world: World) -> None:
    client = world.client()
    client.on_call(on_error="leave")(answer_and_fail)
    async with client:
        call_id = world.place_call()
        await world.until(What.ANSWERED, call_id=call_id)
        await client.receive(["sales"])  # so the handler has ended
        await client.receive(["orders"])
        assert not world.all(What.ENDED)


@pytest.mark.parametrize("fails", [False, True])
async def test_a_function_may_care_for_it(world: World, fails: bool) -> None:
    client = world.client()
    told: Heard[tuple[Any, BaseException]] = Heard()

    async def apologize(call: Call, error: BaseException) -> None:
        await call.send_digits("1")
        told((call, error))
        if fails:
            raise ZeroDivisionError("again")

    client.on_call(answer_and_fail, on_error=apologize)
    async with client:
        call_id = world.place_call()
        call, error = await told.next()
        assert (call.call_id, type(error)) == (call_id, ZeroDivisionError)
        if fails:
            await world.until(What.ENDED, call_id=call_id)
        else:
            await client.receive(["sales"])
            await client.receive(["orders"])
            assert not world.all(What.ENDED)


async def test_nothing_is_asked_for_a_call_that_is_over(
    world: World, caplog: pytest.LogCaptureFixture, package: str
) -> None:
    caplog.set_level("INFO", package)
    client = world.client()
    done = anyio.Event()

    @client.on_call
    async def fail(call: Call) -> None:
        await call.answer()
        await call.wait_for_ended()
        done.set()
        raise ZeroDivisionError

    async with client:
        world.place_call(HangUp())
        await done.wait()
        await client.receive(["sales"])
    assert "is hung up" not in caplog.text


async def test_a_handler_that_returns_changes_nothing(world: World) -> None:
    client = world.client()
    taken: Heard[Call] = Heard()
    client.on_call(taken)
    async with client:
        world.place_call()
        await (await taken.next()).answer()
        assert not world.all(What.ENDED)


@pytest.mark.parametrize("hang_up", [False, True])
@pytest.mark.parametrize("way", ["disconnect", "drain"])
async def test_calls_that_are_up_are_hung_up_at_the_end_if_asked_for(
    world: World, way: str, hang_up: bool
) -> None:
    client = world.client()
    taken: Heard[Call] = Heard()
    client.on_call(taken)
    await client.connect()
    ids = [world.place_call(), world.place_call()]
    for call in await taken.take(2):
        await call.answer()
    if way == "drain":
        await client.drain(0.01, hang_up=hang_up)
    else:
        await client.disconnect(hang_up=hang_up)
    await world.until(What.SESSION_AWAY)
    ended = [h.call_id for h in world.all(What.ENDED)]
    assert sorted(ended) == (sorted(ids) if hang_up else [])


@pytest.mark.parametrize("way", ["disconnect", "drain"])
async def test_calls_are_not_hung_up_while_the_client_reconnects(
    world: World, way: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = world.client(timing=Timing(retry_min_delay=3600, retry_max_delay=3600))
    taken: Heard[Call] = Heard()
    lost: Heard[Disconnected] = Heard()
    client.on_call(taken)
    client.on_disconnected(lost)
    await client.connect()
    world.place_call()
    call = await taken.next()
    await call.answer()
    world.cut()
    await lost.next()
    if way == "drain":
        await client.drain(0.01, hang_up=True)
    else:
        await client.disconnect(hang_up=True)
    assert call.state == "ended"
    assert not world.all(What.ENDED), "it goes on at the server"
    assert "nothing can be hung up without a connection: 1 call may go on" in caplog.text


async def test_a_handler_that_ends_the_program_may_have_the_calls_hung_up(
    world: World, runtime: str
) -> None:
    client = world.client()
    exits: list[object] = []

    @client.on_call
    async def take(call: Call) -> None:
        await call.answer()
        sys.exit(3)

    def run() -> None:
        try:
            if runtime == "threads":
                client.run(hang_up=True)
            else:
                client.run(hang_up=True, backend=runtime)
        except SystemExit as error:
            exits.append(error.code)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(anyio.to_thread.run_sync, run)
        await world.until(What.SESSION_STARTED)
        world.place_call()
    await world.until(What.SESSION_AWAY)
    assert exits == [3]
    assert len(world.all(What.ENDED)) == 1


PROGRAM = """
import sys
from {package} import RelayClient

client = RelayClient(contexts=["office"])

@client.on_call
{define} take(call):
    {wait}call.answer()
    print("answered")
    {wait}call.wait_for_ended()

client.run({arguments})
"""


@pytest.mark.parametrize("hang_up", [False, True])
async def test_ctrl_c_hangs_up_if_asked_for(world: World, runtime: str, hang_up: bool) -> None:
    threads = runtime == "threads"
    source = PROGRAM.format(
        package="relay_sync" if threads else "relay_anyio",
        define="def" if threads else "async def",
        wait="" if threads else "await ",
        arguments=f"hang_up={hang_up}" + ("" if threads else f", backend={runtime!r}"),
    )
    async with program(world, source) as running:
        await world.until(What.SESSION_STARTED)
        world.place_call()
        await running.says("answered")
        running.send(signal.SIGINT)
        assert await running.end() == 0
        await world.until(What.SESSION_AWAY)
    assert len(world.all(What.ENDED)) == hang_up
