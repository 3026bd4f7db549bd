"""No call is lost between two hands: it is handled, still offered, or passed back."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from random import Random
from typing import Any

import anyio
import pytest

from relay_anyio import Call, ClientClosedError, SessionState
from relay_proto.exchange import TextMessage, What
from tests.adapters.programs import program
from tests.adapters.service import Service, in_a_program
from tests.adapters.support import (
    CALLER,
    OFFICE,
    Heard,
    World,
    client_tasks,
    engine_of,
    no_client_task_is_left,
    state_of,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
def on_asyncio(runtime: str) -> None:
    """Skip what only asyncio can do."""
    if runtime != "asyncio":
        pytest.skip("only asyncio can cancel a task from outside")


# Pulling


@pytest.mark.usefixtures("on_asyncio")
@pytest.mark.parametrize("way", ["cancel", "timeout", "wait_for"])
async def test_a_puller_that_is_cancelled_natively_has_taken_no_call(
    world: World, way: str
) -> None:
    chance = Random(7)
    pulled: list[str] = []
    async with world.client() as client:
        calls = client.calls()

        async def pull() -> None:
            pulled.append((await anext(calls)).call_id)

        async def pull_for(seconds: float) -> None:
            if way == "timeout":
                async with asyncio.timeout(seconds):
                    await pull()
            else:
                call = await asyncio.wait_for(anext(calls), seconds)
                pulled.append(call.call_id)

        async def pull_once() -> None:
            if way != "cancel":
                with suppress(TimeoutError):
                    await pull_for(chance.random() * 0.004)
                return
            task = asyncio.ensure_future(pull())
            for _ in range(chance.randrange(6)):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])

        placed: list[str] = []
        for _ in range(60):
            placed.append(world.place_call())
            await pull_once()
        with anyio.move_on_after(10):
            while len(pulled) < len(placed):
                await pull()
        assert pulled == placed


@pytest.mark.usefixtures("on_asyncio")
async def test_a_connect_that_is_cancelled_twice_leaves_no_client_behind(
    free_host: str, world: World
) -> None:
    world.exchange.refuse_upgrades(503)
    client = world.client()
    task = asyncio.ensure_future(client.connect())
    while not client_tasks():  # noqa: ASYNC110 - nothing tells
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert state_of(client) is SessionState.DISCONNECTED
    await no_client_task_is_left()


# Disconnecting


async def test_calls_that_nobody_has_pulled_are_passed_back_at_the_end(world: World) -> None:
    client = world.client()
    async with client:
        calls = client.calls()
        world.place_call()
        call = await anext(calls)
        await call.answer()
        left = world.place_call()
        await world.until(What.OFFERED, call_id=left)
        await client.execute("signalwire.ping", {})  # the offer has come before the answer
    await world.until(What.PASSED, call_id=left)
    assert not world.all(What.PASSED, call_id=call.call_id)


# Threads and descriptors that are not to be had


async def test_a_call_is_passed_back_while_others_run_if_its_thread_cannot_be_started(
    world: World, runtime: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    if runtime != "threads":
        pytest.skip("tasks can always be started")
    start = threading.Thread.start
    over = threading.Event()
    taken = threading.Semaphore(0)

    def refuse(self: threading.Thread) -> None:
        if "handler" in self.name:
            raise RuntimeError("can't start new thread")
        start(self)

    def take(call: object) -> None:
        taken.release()
        over.wait(20)

    def body(service: Service) -> None:
        client = service.client()
        client.on_call(take)
        client.on_message(take)
        with client:
            service.place_call()
            assert taken.acquire(timeout=20)
            with monkeypatch.context() as patch:
                patch.setattr(threading.Thread, "start", refuse)
                refused = service.place_call()
                assert service.until(What.PASSED).call_id == refused
                text = TextMessage(from_number=CALLER, to_number=OFFICE, body="Hello")
                service.do(lambda: world.simulator.command(world.exchange.receive_text, text))
                client.execute("signalwire.ping", {})
                client.execute("signalwire.ping", {})
            over.set()
        lines = [one.getMessage() for one in caplog.records if refused in one.getMessage()]
        assert lines == [
            f"call {refused} is passed back to the service: its handler cannot be started"
        ]
        assert "the message is dropped" in caplog.text
        assert "can't start new thread" in caplog.text

    await in_a_program(world, body)


async def test_after_a_connect_without_a_thread_another_one_works(
    world: World, runtime: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if runtime != "threads":
        pytest.skip("only relay_sync has a thread for its input and output")

    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    def body(service: Service) -> None:
        client = service.client()
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", refuse)
            with pytest.raises(RuntimeError, match="can't start new thread"):
                client.connect()
        assert client.state.value == "disconnected"
        with client:
            assert client.state.value == "ready"

    await in_a_program(world, body)


NO_DESCRIPTORS = """
import asyncio, os, resource, sys
from {package} import RelayClient

client = RelayClient()
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
{define}
    resource.setrlimit(resource.RLIMIT_NOFILE, (10, hard))
    held = []
    try:
        while True:
            held.append(os.dup(0))
    except OSError:
        pass
    try:
        {wait}client.connect()
    except Exception as error:
        failed = type(error).__name__
    for one in held:
        os.close(one)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    print(failed, client.state.value)
    {wait}client.connect()
    print(client.state.value)
    {wait}client.disconnect()
{start}
"""


async def test_after_a_connect_without_descriptors_another_one_works(
    world: World, runtime: str
) -> None:
    if runtime == "threads":
        source = NO_DESCRIPTORS.format(
            package="relay_sync", define="def main():", wait="", start="main()"
        )
    else:
        source = NO_DESCRIPTORS.format(
            package="relay_anyio",
            define="async def main():",
            wait="await ",
            start="import anyio; anyio.run(main, backend=sys.argv[1])",
        )
    async with program(world, source, runtime) as running:
        assert await running.end() == 0, running.errors
        first, second = running.output.splitlines()
        assert first.endswith(" disconnected")
        assert second == "ready"


# An engine that dies


@pytest.mark.parametrize("way", ["core", "task"])
async def test_when_an_engine_dies_those_who_wait_are_told_why(
    world: World, runtime: str, way: str
) -> None:
    patch = pytest.MonkeyPatch()
    why = "cancelled" if way == "task" else "ZeroDivisionError"
    if way == "task" and runtime != "asyncio":
        pytest.skip("only asyncio can cancel a task from outside")
    client = world.client()
    taken: Heard[Call] = Heard()
    errors: Heard[BaseException] = Heard()
    client.on_call(taken)
    calls = client.calls(contexts=["sales"])
    async with client:
        world.place_call()
        call = await taken.next()
        await call.answer()

        async def wait_for_call() -> None:
            with pytest.raises(ClientClosedError) as raised:
                await anext(calls)
            errors(raised.value)

        async def wait_for_play() -> None:
            playing = await call.play([{"type": "silence", "params": {"duration": 3600}}])
            errors(ZeroDivisionError())  # it plays
            await playing.wait()
            errors(ZeroDivisionError())  # the call has ended

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait_for_call)
            tasks.start_soon(wait_for_play)
            await errors.next()
            if way == "task":
                (engine,) = (t for t in asyncio.all_tasks() if t.get_name() == "relay_anyio engine")
                engine.cancel()
            else:
                core: Any = engine_of(client).core.__class__

                def fail(*args: object) -> None:
                    raise ZeroDivisionError("a bug")

                patch.setattr(core, "receive_data", fail)
                world.place_call()
            await errors.take(2)
        told = [one for one in errors.all if isinstance(one, ClientClosedError)]
        assert why in str(told[0])
        patch.undo()
        assert state_of(client) is SessionState.CLOSED
        await client.connect()  # and another one works
        assert state_of(client) is SessionState.READY
