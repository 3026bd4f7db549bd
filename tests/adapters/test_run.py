"""`run()`: a program of its own, ended by signals, by `disconnect()` or by a refusal."""

from __future__ import annotations

import asyncio
import signal
import threading
from contextlib import AbstractAsyncContextManager
from contextvars import Context
from functools import partial
from typing import Any

import anyio
import anyio.to_thread
import pytest

from relay_anyio import (
    AuthenticationError,
    Call,
    Connected,
    LocalProtocolError,
    RelayClient,
    SessionState,
)
from relay_proto.adapter.signals import TOGETHER
from relay_proto.exchange import HangUp, Hear, What, Who
from tests.adapters.programs import Program, program
from tests.adapters.service import Service, in_a_program
from tests.adapters.support import (
    PATIENCE,
    World,
)

pytestmark = pytest.mark.anyio

PROGRAM = """
import logging, sys
import anyio
from relay_anyio import AuthenticationError, RelayClient, Timing

logging.basicConfig(level=logging.INFO)
timing = Timing(retry_min_delay=0.01, retry_max_delay=0.05)
client = RelayClient(contexts=["office"], timing=timing)

@client.on_call
async def take(call):
    await call.answer()
    print("answered")
    while client._engine.core.accepting_calls:
        await anyio.sleep(0.01)
    if "exits" in sys.argv:
        sys.exit(3)
    if "polite" in sys.argv:
        await call.play([{"type": "tts", "text": "goodbye"}])
    await call.wait_for_ended()

try:
    client.run(backend=sys.argv[1])
except AuthenticationError as error:
    print("refused", error.code, error.message)
print("returned", client.state.value)
"""

BLOCKING = """
import logging, sys, time
from relay_sync import AuthenticationError, RelayClient, Timing

logging.basicConfig(level=logging.INFO)
timing = Timing(retry_min_delay=0.01, retry_max_delay=0.05)
client = RelayClient(contexts=["office"], timing=timing)

@client.on_call
def take(call):
    call.answer()
    print("answered")
    while client._engine.core.accepting_calls:
        time.sleep(0.01)
    if "exits" in sys.argv:
        sys.exit(3)
    if "polite" in sys.argv:
        call.play([{"type": "tts", "text": "goodbye"}])
    call.wait_for_ended()

try:
    client.run()
except AuthenticationError as error:
    print("refused", error.code, error.message)
print("returned", client.state.value)
"""


def serving(
    world: World, runtime: str, *arguments: str, **variables: str
) -> AbstractAsyncContextManager[Program]:
    """The program, as it is written for this runtime."""
    source = BLOCKING if runtime == "threads" else PROGRAM
    return program(world, source, runtime, *arguments, **variables)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_it_at_once_and_it_returns(
    world: World, runtime: str, number: signal.Signals
) -> None:
    async with serving(world, runtime) as running:
        await running.says("connected to")
        running.send(number)
        assert await running.end() == 0
        await running.says("returned closed")
        await world.until(What.SESSION_AWAY)
        assert "Traceback" not in running.errors
        assert "Warning" not in running.errors


async def test_sigint_ends_it_even_with_a_call_up(world: World, runtime: str) -> None:
    async with serving(world, runtime) as running:
        await running.says("connected to")
        world.place_call()
        await running.says("answered")
        running.send(signal.SIGINT)
        assert await running.end() == 0
        assert "Traceback" not in running.errors


async def test_sigint_ends_it_while_it_waits_to_reconnect(world: World, runtime: str) -> None:
    world.exchange.refuse_upgrades(503)
    async with serving(world, runtime) as running:
        await running.says("attempt 1 to connect")
        running.send(signal.SIGINT)
        assert await running.end() == 0
        await running.says("returned closed")


async def test_sigterm_lets_a_call_finish(world: World, runtime: str) -> None:
    async with serving(world, runtime, "polite") as running:
        await running.says("connected to")
        world.place_call(Hear("goodbye"), HangUp())
        await running.says("answered")
        running.send(signal.SIGTERM)
        assert await running.end() == 0
        await running.says("finishing 1 call")
        await world.until(What.SESSION_AWAY)
    ended = world.all(What.ENDED)
    assert [(h.who, h.details["reason"]) for h in ended] == [(Who.CALLER, "hangup")]
    assert world.happened.index(ended[0]) < world.happened.index(world.all(What.SESSION_AWAY)[0])


async def test_a_handler_that_ends_the_program_while_sigterm_lets_it_finish(
    world: World, runtime: str
) -> None:
    async with serving(world, runtime, "exits") as running:
        await running.says("connected to")
        world.place_call()
        await running.says("answered")
        running.send(signal.SIGTERM)
        assert await running.end() == 3, running.errors
        assert "ends the program" in running.errors
        assert "Traceback" not in running.errors


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal_ends_it_at_once(
    world: World, runtime: str, second: signal.Signals
) -> None:
    async with serving(world, runtime) as running:
        await running.says("connected to")
        world.place_call()
        await running.says("answered")
        running.send(signal.SIGTERM)
        await running.says("finishing 1 call")
        await anyio.sleep(TOGETHER)  # of the program, which has a clock of its own
        running.send(second)
        assert await running.end() == 0
    assert not world.all(What.ENDED)


async def test_a_signal_that_comes_twice_at_once_is_one(world: World, runtime: str) -> None:
    """As ``timeout`` sends it: to the program, and to the group of its processes."""
    async with serving(world, runtime, "polite") as running:
        await running.says("connected to")
        world.place_call(Hear("goodbye"), HangUp())
        await running.says("answered")
        running.send(signal.SIGTERM)
        running.send(signal.SIGTERM)
        assert await running.end() == 0
    assert [happened.who for happened in world.all(What.ENDED)] == [Who.CALLER]


async def test_credentials_refused_three_times_end_it_with_an_error(
    world: World, runtime: str
) -> None:
    variables = {"SIGNALWIRE_API_TOKEN": "PT-another-one"}
    async with serving(world, runtime, **variables) as running:
        assert await running.end() == 0
        await running.says("returned")
        assert "refused -32002 authentication failed" in running.output
        assert "PT-another-one" not in running.errors
    assert len(world.all(What.REFUSED)) == 3


# In a thread, which gets no signals


async def test_it_runs_in_a_thread_and_a_handler_ends_it(world: World, runtime: str) -> None:
    client = world.client()
    threads: set[str] = set()

    @client.on_call
    async def take(call: Call) -> None:
        threads.add(threading.current_thread().name)
        await call.answer()
        await call.hangup()
        await client.disconnect()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run_in_a_thread, client, runtime)
        await world.until(What.SESSION_STARTED)
        world.place_call()
    assert client.state is SessionState.CLOSED
    # The bridge to the client on threads brings handlers back to this thread.
    assert runtime == "threads" or threads != {threading.current_thread().name}
    assert world.all(What.ENDED, reason="hangup")


def run_until_exit(client: Any, codes: list[object]) -> None:
    """Run a client of any package, and add to `codes` what ends the program."""
    try:
        client.run()
    except SystemExit as error:
        codes.append(error.code)


@pytest.mark.parametrize("runtime", ["asyncio"])
async def test_a_task_that_disconnects_does_not_get_what_ends_the_program(world: World) -> None:
    client = world.client()
    codes: list[object] = []
    others: list[asyncio.Task[None]] = []

    @client.on_call
    async def end(call: Call) -> None:
        loop = asyncio.get_running_loop()
        other = loop.create_task(client.disconnect(), context=Context())  # not the handler's
        others.append(other)
        raise SystemExit(3)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(anyio.to_thread.run_sync, run_until_exit, client, codes)
        await world.until(What.SESSION_STARTED)
        world.place_call()
    assert codes == [3]
    assert [other.exception() for other in others] == [None]


@pytest.mark.parametrize("runtime", ["threads"])
async def test_what_ends_the_program_comes_out_of_run_whoever_disconnects(world: World) -> None:
    def body(service: Service) -> None:
        client = service.client()
        connected, ending = threading.Event(), threading.Event()
        codes: list[object] = []

        def end(call: object) -> None:
            ending.set()
            raise SystemExit(3)

        def tell(event: Connected) -> None:
            connected.set()

        client.on_call(end)
        client.on_connected(tell)
        running = threading.Thread(target=run_until_exit, args=(client, codes))
        running.start()
        assert connected.wait(PATIENCE)
        service.place_call()
        assert ending.wait(PATIENCE)
        while running.is_alive():
            client.disconnect()
        assert codes == [3]

    await in_a_program(world, body)


async def test_it_reconnects_and_runs_again_after_it_has_ended(world: World, runtime: str) -> None:
    client = world.client()
    connected = threading.Event()

    @client.on_connected
    async def disconnect_when_resumed(event: Connected) -> None:
        if event.resumed:
            await client.disconnect()
        else:
            connected.set()

    for number in (1, 2):
        connected.clear()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run_in_a_thread, client, runtime)
            await anyio.to_thread.run_sync(connected.wait, PATIENCE)
            world.cut()
        await world.until(What.SESSION_RESUMED, times=number)


async def test_a_refusal_ends_it_in_a_thread_too(world: World, runtime: str) -> None:
    client = world.client(token="PT-another-one")
    with pytest.raises(AuthenticationError, match="authentication failed"):
        await run_in_a_thread(client, runtime)
    async with world.client():  # the connection slot is free again
        pass


async def run_in_a_thread(client: RelayClient, runtime: str) -> None:
    run = client.run if runtime == "threads" else partial(client.run, backend=runtime)
    await anyio.to_thread.run_sync(run, abandon_on_cancel=True)


@pytest.mark.parametrize("runtime", ["asyncio", "trio"])
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
async def test_where_an_event_loop_runs_it_says_what_to_do_instead(
    world: World, anyio_backend: str, backend: str
) -> None:
    client = world.client()
    with pytest.raises(LocalProtocolError, match=f"one of {anyio_backend} runs here") as found:
        client.run(backend=backend)
    assert "'async with client:'" in str(found.value)
    assert "relay_sync" in str(found.value)
    async with client:  # nothing was begun
        assert client.state is SessionState.READY
