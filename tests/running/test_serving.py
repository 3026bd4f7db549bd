"""`serve` and `serve_sync`: several clients in one process, with pages, draining and errors."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import AsyncGenerator, Callable
from functools import partial
from typing import Any

import anyio
import anyio.to_thread
import pytest

import relay_anyio
import relay_sync
from relay_proto.exchange import HangUp, Hear, What
from relay_run import ExitCode, serve, serve_sync
from tests.adapters.programs import program
from tests.adapters.support import PROJECT, QUICK, TOKEN, World, tts
from tests.running.support import get_json, page_says, thorough

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["asyncio", "trio", "threads"])
def runtime(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def anyio_backend(runtime: str) -> str:
    return "asyncio" if runtime == "threads" else runtime


@pytest.fixture
def address() -> str:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


class Serving:
    """Clients that are served, and what has come of that."""

    def __init__(self, world: World, runtime: str) -> None:
        self._world = world
        self.blocking = runtime == "threads"
        self.code: ExitCode | None = None

    def client(self, **arguments: Any) -> Any:
        """A client of this runtime: a blocking one is not wrapped here."""
        package: Any = relay_sync if self.blocking else relay_anyio
        given = {"project": PROJECT, "token": TOKEN, "host": self._world.host, "timing": QUICK}
        return package.RelayClient(**(given | {"contexts": ["office"]} | arguments))

    async def ask(self, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a method of a client, wherever it has to be called."""
        if self.blocking:
            return await anyio.to_thread.run_sync(partial(method, *args, **kwargs))
        answer: Any = method(*args, **kwargs)
        return await answer

    async def serve(self, clients: Any, **options: Any) -> None:
        if self.blocking:
            served = partial(serve_sync, clients, **options)
            self.code = await anyio.to_thread.run_sync(served, abandon_on_cancel=True)
        else:
            self.code = await serve(clients, **options)


@pytest.fixture
def serving(world: World, runtime: str) -> Serving:
    return Serving(world, runtime)


@contextlib.asynccontextmanager
async def ready(address: str) -> AsyncGenerator[tuple[str, int]]:
    """Wait until what is served there is ready."""
    host, _, port = address.partition(":")
    while True:
        with contextlib.suppress(OSError):
            status, _ = await get_json((host, int(port)), "/ready")
            if status == 200:
                break
        await anyio.sleep(0.02)
    yield host, int(port)


async def test_it_serves_several_clients_and_ends_when_all_have_disconnected(
    world: World, serving: Serving, address: str
) -> None:
    first = serving.client(max_connections=2)
    second = serving.client(max_connections=2, contexts=["support"])
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(partial(serving.serve, [first, second], health=address))
        async with ready(address) as health:
            status, live = await get_json(health, "/live")
            assert (status, live["workers"][0]["state"]) == (200, "ready")
            assert (await get_json(health, "/ready"))[1]["workers"][0]["calls"] == 0
            await serving.ask(first.disconnect)
            await serving.ask(second.disconnect)
    assert serving.code is ExitCode.ENDED
    assert world.connected == 0


async def test_if_one_client_is_refused_the_other_drains_and_the_error_is_raised(
    world: World, serving: Serving
) -> None:
    good = serving.client(max_connections=2)
    bad = serving.client(max_connections=2, token="PT-another-one")
    with pytest.raises(relay_anyio.AuthenticationError, match="authentication failed"):
        await serving.serve([good, bad], drain=5)
    assert world.connected == 0
    assert len(world.all(What.SESSION_STARTED)) == 1


async def test_a_client_that_drains_is_not_ready_and_its_call_is_seen(
    world: World, serving: Serving, address: str
) -> None:
    client = serving.client()
    may_end = threading.Event()

    def take(call: Any) -> None:
        call.answer()
        may_end.wait(30)
        call.play(tts("goodbye"))
        call.wait_for_ended()

    async def take_async(call: Any) -> None:
        await call.answer()
        await anyio.to_thread.run_sync(may_end.wait, 30)
        await call.play(tts("goodbye"))
        await call.wait_for_ended()

    client.on_call(take if serving.blocking else take_async)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(partial(serving.serve, client, health=address))
        async with ready(address) as health:
            world.place_call(Hear("goodbye"), HangUp())
            await page_says(health, "/live", lambda _, page: page["workers"][0]["calls"] == 1)
            tasks.start_soon(partial(serving.ask, client.drain))
            await page_says(health, "/ready", lambda status, _: status == 503)
            may_end.set()
    assert serving.code is ExitCode.ENDED
    assert world.all(What.ENDED, reason="hangup")


async def test_who_has_not_run_lately_is_not_live_and_not_ready(
    world: World, serving: Serving, address: str
) -> None:
    client = serving.client()
    host, _, port = address.partition(":")
    health = host, int(port)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(partial(serving.serve, client, health=address, hang_timeout=0))
        await world.until(What.SESSION_STARTED)
        await page_says(health, "/ready", lambda _, page: page["workers"][0]["state"] == "ready")
        for path in ("/ready", "/live"):
            status, page = await get_json(health, path)
            assert (status, page[path[1:]]) == (503, False)
        await serving.ask(client.disconnect)


async def test_without_clients_and_with_a_wrong_address_it_says_what_is_wrong(
    serving: Serving,
) -> None:
    with pytest.raises(ValueError, match="there is no client to serve"):
        await serving.serve([])
    with pytest.raises(ValueError, match="'8080' is not HOST:PORT"):
        await serving.serve(serving.client(), health="8080")
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as taken:
        port = taken.extra(anyio.abc.SocketAttribute.local_port)
        with pytest.raises(OSError, match="choose another address"):
            await serving.serve(serving.client(), health=f"127.0.0.1:{port}")


@pytest.mark.parametrize("hang_up", [False, True])
async def test_a_handler_may_end_the_program(world: World, serving: Serving, hang_up: bool) -> None:
    client = serving.client()

    def leave(call: Any) -> None:
        call.answer()
        raise SystemExit(3)

    async def leave_async(call: Any) -> None:
        await call.answer()
        raise SystemExit(3)

    async def act() -> None:
        await world.until(What.SESSION_STARTED)
        world.place_call()

    client.on_call(leave if serving.blocking else leave_async)
    raised: list[object] = []
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(act)
        try:
            await serving.serve(client, hang_up=hang_up)
        except SystemExit as error:
            raised.append(error.code)
    assert raised == [3]
    assert bool(world.all(What.ENDED)) is hang_up


PROGRAM = """
import logging, signal, sys
import anyio
from relay_anyio import RelayClient
from relay_run import serve

logging.basicConfig(level=logging.INFO)
client = RelayClient(contexts=["office"])

@client.on_call
async def take(call):
    await call.answer()
    print("answered")
    if sys.argv[3] == "leave":
        while client._engine.core.accepting_calls:
            await anyio.sleep(0.01)
        sys.exit(3)
    await call.wait_for_ended()

async def main():
    return await serve(client, drain=float(sys.argv[2]), hang_up=sys.argv[3] == "hang up")

code = anyio.run(main, backend=sys.argv[1])
assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL, "it obeys signals no longer"
sys.exit(code)
"""
BLOCKING = """
import logging, signal, sys, time
from relay_sync import RelayClient
from relay_run import serve_sync

logging.basicConfig(level=logging.INFO)
client = RelayClient(contexts=["office"])

@client.on_call
def take(call):
    call.answer()
    print("answered")
    if sys.argv[3] == "leave":
        while client._engine.core.accepting_calls:
            time.sleep(0.01)
        sys.exit(3)
    call.wait_for_ended()

code = serve_sync(client, drain=float(sys.argv[2]), hang_up=sys.argv[3] == "hang up")
assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL, "it obeys signals no longer"
sys.exit(code)
"""


@pytest.mark.parametrize("end", ["go on", "hang up"])
async def test_a_call_that_outlives_its_time_is_in_the_exit_code(
    world: World, runtime: str, end: str
) -> None:
    source = BLOCKING if runtime == "threads" else PROGRAM
    async with program(world, source, runtime, "0.1", end) as running:
        await running.says("connected to")
        call_id = world.place_call()
        await running.says("answered")
        running.send(signal.SIGTERM)
        assert await running.end() == ExitCode.CALLS_LEFT
    assert bool(world.all(What.ENDED, call_id=call_id)) is (end == "hang up")
    assert "SIGTERM: finishing 1 call" in running.errors
    assert "Traceback" not in running.errors


@thorough
@pytest.mark.parametrize("end", ["go on", "hang up"])
async def test_a_second_signal_ends_it_at_once(world: World, runtime: str, end: str) -> None:
    source = BLOCKING if runtime == "threads" else PROGRAM
    async with program(world, source, runtime, "60", end) as running:
        await running.says("connected to")
        call_id = world.place_call()
        await running.says("answered")
        running.send(signal.SIGINT)
        await running.says("SIGINT: finishing 1 call")
        running.send(signal.SIGINT)
        assert await running.end() == ExitCode.CALLS_LEFT
    assert bool(world.all(What.ENDED, call_id=call_id)) is (end == "hang up")
    assert "Traceback" not in running.errors


@thorough
async def test_a_handler_may_end_the_program_while_it_drains(world: World, runtime: str) -> None:
    source = BLOCKING if runtime == "threads" else PROGRAM
    async with program(world, source, runtime, "60", "leave") as running:
        await running.says("connected to")
        world.place_call()
        await running.says("answered")
        running.send(signal.SIGTERM)
        assert await running.end() == 3
    assert "Traceback" not in running.errors
