"""A client belongs to where it was started: other threads, event loops and processes are told."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final

import anyio
import anyio.from_thread
import anyio.to_thread
import pytest

import relay_anyio
from relay_anyio import Call, InboundCalls, LocalProtocolError, RelayClient, SessionState
from relay_anyio.call import Expectation
from relay_proto.exchange import What
from tests.adapters.support import (
    ANSWERING,
    LONG,
    OFFICE,
    PATIENCE,
    Heard,
    World,
    answered_call,
    state_of,
)

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.async_only("its client belongs to no thread: see test_sharing and test_forks"),
]


class Held:
    """All that a program holds of a client, and may carry to another thread."""

    client: RelayClient
    call: Call
    action: relay_anyio.PlayAction
    message: relay_anyio.Message
    stream: InboundCalls
    expectation: Expectation[Any]

    def must_not_hear(self, event: object) -> None:
        raise AssertionError(f"it was refused, and hears {event!r}")


ASYNC_USES: Final[dict[str, Callable[[Held], Awaitable[object]]]] = {
    "connect": lambda held: held.client.connect(),
    "execute": lambda held: held.client.execute("test.echo", {}),
    "receive": lambda held: held.client.receive(["sales"]),
    "unreceive": lambda held: held.client.unreceive(["office"]),
    "dial": lambda held: held.client.dial_phone(ANSWERING, OFFICE),
    "send_message": lambda held: held.client.send_message(
        to_number=ANSWERING, from_number=OFFICE, body="It was sent!"
    ),
    "disconnect": lambda held: held.client.disconnect(),
    "disconnect and hang up": lambda held: held.client.disconnect(hang_up=True),
    "drain": lambda held: held.client.drain(0),
    "with": lambda held: held.client.__aenter__(),
    "verb": lambda held: held.call.hangup(),
    "action verb": lambda held: held.call.play(LONG),
    "wait_for": lambda held: held.call.wait_for("calling.call.play"),
    "wait_for_ended": lambda held: held.call.wait_for_ended(),
    "expectation": lambda held: held.expectation.wait(),
    "control": lambda held: held.action.stop(),
    "action.wait": lambda held: held.action.wait(),
    "message.wait": lambda held: held.message.wait(),
    "pull": lambda held: held.stream.__anext__(),
}

PLAIN_USES: Final[dict[str, Callable[[Held], object]]] = {
    "on_call": lambda held: held.client.on_call(held.must_not_hear),
    "calls": lambda held: held.client.calls(),
    "on_message": lambda held: held.client.on_message(held.must_not_hear),
    "on_event": lambda held: held.client.on_event(held.must_not_hear),
    "on": lambda held: held.client.on("calling.call.play", held.must_not_hear),
    "off": lambda held: held.client.off("calling.call.play", held.must_not_hear),
    "on_connected": lambda held: held.client.on_connected(held.must_not_hear),
    "on_disconnected": lambda held: held.client.on_disconnected(held.must_not_hear),
    "call.on": lambda held: held.call.on("calling.call.play", held.must_not_hear),
    "message.on": lambda held: held.message.on(held.must_not_hear),
    "a call by hand": lambda held: Call(held.client, "c", "n", "p", "office"),
    "an action by hand": lambda held: relay_anyio.PlayAction(held.call, "control"),
    "stream.close": lambda held: held.stream.close(),
}


def refused(use: Callable[[], object]) -> str:
    """What a use is told; it must fail."""
    with pytest.raises(LocalProtocolError) as caught:
        use()
    return str(caught.value)


async def hold(world: World, call: Call) -> Held:
    held = Held()
    held.client = call.client  # type: ignore[assignment]
    held.call = call
    held.action = await call.play(LONG)
    held.message = await held.client.send_message(
        to_number=ANSWERING, from_number=OFFICE, body="before"
    )
    held.stream = held.client.calls(contexts=["elsewhere"])
    await held.message.wait(PATIENCE)
    await held.client.receive(["office"])  # so all acknowledgements have come as well
    return held


@pytest.mark.parametrize("other", ["asyncio", "trio"])
async def test_another_event_loop_is_refused_before_anything_is_sent(
    world: World, other: str, anyio_backend: str
) -> None:
    client = world.client()
    async with answered_call(world, client) as call, call.expect("calling.call.record") as expected:
        held = await hold(world, call)
        held.expectation = expected
        received, happened = world.exchange.received, len(world.happened)

        def elsewhere() -> dict[str, str]:
            async def use(name: str) -> None:
                await ASYNC_USES[name](held)

            def run(name: str) -> None:
                anyio.run(use, name, backend=other)

            told = {name: refused(partial(run, name)) for name in ASYNC_USES}

            async def use_all() -> None:
                told.update({name: refused(partial(use, held)) for name, use in PLAIN_USES.items()})

            anyio.run(use_all, backend=other)
            told["run"] = refused(partial(client.run, backend=other))
            return told

        told = await anyio.to_thread.run_sync(elsewhere)
        assert set(told) == {*ASYNC_USES, *PLAIN_USES, "run"}
        way = "asyncio.run_coroutine_threadsafe" if anyio_backend == "asyncio" else "trio.from_"
        for words in told.values():
            assert "belongs to the event loop in which it connected" in words
            assert "nothing was sent" in words
            assert way in words
            assert "anyio.from_thread.run" in words
            assert "relay_sync" in words
        assert (world.exchange.received, len(world.happened)) == (received, happened)
        # And here all goes on: the call, the stream, and who was registered before.
        assert state_of(client) is SessionState.READY
        await held.action.stop()
        await held.action.wait(PATIENCE)
        assert "open" in repr(held.stream)
        await client.receive(["sales"])
        world.cut()
        await world.until(What.SESSION_RESUMED)
        await client.receive(["more"])
    assert len(world.all(What.SESSION_STARTED)) == 1


async def test_a_thread_without_an_event_loop_is_refused(world: World) -> None:
    client = world.client()
    async with answered_call(world, client) as call:
        held = await hold(world, call)

        def elsewhere() -> dict[str, str]:
            told = {name: refused(partial(use, held)) for name, use in PLAIN_USES.items()}
            told["await"] = refused(lambda: held.call.hangup().send(None))
            return told

        received = world.exchange.received
        told = await anyio.to_thread.run_sync(elsewhere)
        assert all("cannot be used from another thread" in words for words in told.values())
        assert world.exchange.received == received
        assert client.state is SessionState.READY


async def test_what_only_reads_may_be_anywhere(world: World) -> None:
    client = world.client()
    async with answered_call(world, client) as call:
        action = await call.play(LONG)

        def elsewhere() -> list[object]:
            assert client.relay_protocol
            return [client.state, call.state, call.is_active, action.is_done, repr(client)]

        found = await anyio.to_thread.run_sync(elsewhere)
        assert found[:4] == [SessionState.READY, "answered", True, False]
        assert "ready" in str(found[4])


async def test_a_stream_that_garbage_collection_ends_in_another_thread_is_no_use(
    world: World,
) -> None:
    async with world.client() as client:
        held = [client.calls()]
        world.place_call()
        await world.until(What.OFFERED)
        await client.receive(["office"])  # so it has come

        def forget() -> None:
            held.clear()
            gc.collect()

        await anyio.to_thread.run_sync(forget)
        await world.until(What.PASSED)


async def test_the_ways_in_that_the_error_names(world: World, anyio_backend: str) -> None:
    async with world.client() as client:
        loop = asyncio.get_running_loop() if anyio_backend == "asyncio" else None

        def elsewhere() -> None:
            anyio.from_thread.run(client.receive, ["sales"])
            if loop is not None:
                asyncio.run_coroutine_threadsafe(client.receive(["more"]), loop).result(PATIENCE)
            else:
                import trio

                trio.from_thread.run(client.receive, ["more"])

        await anyio.to_thread.run_sync(elsewhere)
        assert client.state is SessionState.READY


async def test_before_and_after_it_is_connected_it_belongs_nowhere(
    world: World, anyio_backend: str
) -> None:
    client = world.client()
    offered: Heard[Call] = Heard()
    await anyio.to_thread.run_sync(client.on_call, offered)
    async with client:
        world.place_call()
        await offered.next()

    async def use() -> None:
        with pytest.raises(relay_anyio.ClientClosedError):
            await client.receive(["sales"])
        await client.disconnect()

    await anyio.to_thread.run_sync(partial(anyio.run, use, backend=anyio_backend))
    await anyio.to_thread.run_sync(client.on_event, Heard[Any]())


async def test_threads_that_connect_it_at_once_agree_on_where_it_belongs(
    world: World, anyio_backend: str
) -> None:
    """One of them connects it, and all others are refused."""
    client = world.client()
    ready, over = threading.Barrier(4), threading.Event()
    outcomes: list[str] = []

    def connect() -> None:
        async def use() -> None:
            ready.wait(PATIENCE)
            try:
                await client.connect()
            except LocalProtocolError:
                outcomes.append("refused")
            else:
                outcomes.append("connected")
                await anyio.to_thread.run_sync(over.wait, PATIENCE)
                await client.disconnect()

        anyio.run(use, backend=anyio_backend)

    def all_at_once() -> None:
        with ThreadPoolExecutor(4) as pool:
            attempts = [pool.submit(connect) for _ in range(4)]
            while len(outcomes) < 4:
                ended = [attempt for attempt in attempts if attempt.done()]
                assert all(attempt.exception() is None for attempt in ended)
            over.set()

    await anyio.to_thread.run_sync(all_at_once)
    assert sorted(outcomes) == ["connected", "refused", "refused", "refused"]
    assert len(world.all(What.SESSION_STARTED)) == 1
