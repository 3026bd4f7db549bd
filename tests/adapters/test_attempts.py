"""Attempts to connect: several share one, and who wants the session keeps it."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import anyio
import anyio.to_thread
import pytest

import relay_sync
from relay_anyio import (
    AuthenticationError,
    Call,
    Connected,
    ConnectFailedError,
    ConnectTimeoutError,
    RelayClient,
    SessionState,
)
from relay_proto.exchange import What
from relay_proto.observing.observer import Observation, Observer
from relay_proto.outputs import Closed, Output
from tests.adapters import support
from tests.adapters.peers import Peer, client_of, obliging, serving
from tests.adapters.service import Service, in_a_program, threads_of_clients
from tests.adapters.support import (
    OFFICE,
    PATIENCE,
    QUICK,
    TOKEN,
    Certificates,
    Heard,
    World,
    engine_of,
    state_of,
)

pytestmark = pytest.mark.anyio


class Watching(Observer, Observation):
    """Tells a function of all that the cores put out, where they are."""

    def __init__(self, tell: Callable[[Output], object]) -> None:
        self._tell = tell

    def observe(self, core: object) -> Observation:
        return self

    def put_out(self, output: Output, now: float) -> None:
        self._tell(output)

    def commanded(self, command: object, target: object, pending: object, now: float) -> None: ...
    def late(self, seconds: float) -> None: ...
    def enter(self, record: object, now: float) -> None: ...
    def left(self, record: object, failure: object, now: float) -> None: ...


def disconnect_when_connected(client: RelayClient) -> Heard[Connected]:
    connected: Heard[Connected] = Heard()

    @client.on_connected
    async def disconnect(event: Connected) -> None:
        connected(event)
        await client.disconnect()

    return connected


async def run_in_a_thread(client: RelayClient, runtime: str) -> None:
    run = client.run if runtime == "threads" else partial(client.run, backend=runtime)
    await anyio.to_thread.run_sync(run, abandon_on_cancel=True)


async def run(client: Any, runtime: str) -> None:
    """Run it beside other tasks: `relay run` does so with async clients."""
    if runtime == "threads":
        await run_in_a_thread(client, runtime)
    else:
        await client._serve(obey_signals=False)  # noqa: SLF001


async def test_a_connect_that_is_too_late_does_not_end_a_run(world: World, runtime: str) -> None:
    async def token() -> str:
        with pytest.raises(ConnectTimeoutError):
            await client.connect(timeout=0.01)
        return TOKEN

    client = world.client(token=token)
    disconnect_when_connected(client)
    await run_in_a_thread(client, runtime)
    assert len(world.all(What.SESSION_STARTED)) == 1


async def test_a_run_goes_on_when_a_connect_that_it_shares_has_failed(
    certificates: Certificates, runtime: str
) -> None:
    arrived, shared = anyio.Event(), anyio.Event()

    async def leave(peer: Peer) -> None:
        await peer.upgrade_requested()
        arrived.set()
        await shared.wait()

    async with serving(certificates.server_context(), leave, obliging) as host:
        client = client_of(host, timing=QUICK)
        hidden: Any = getattr(client, "hidden", client)
        connected = disconnect_when_connected(client)

        async def fail() -> None:
            with pytest.raises(ConnectFailedError):
                await client.connect()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(fail)
            await arrived.wait()
            tasks.start_soon(run, client, runtime)
            while not hidden._serving:  # noqa: SLF001
                await anyio.lowlevel.checkpoint()
            shared.set()
        assert len(connected.all) == 1


async def test_a_run_says_why_it_has_ended_if_a_handler_connects_again(
    world: World, runtime: str
) -> None:
    client = world.client()
    hidden: Any = getattr(client, "hidden", client)
    running: Heard[Call] = Heard()

    @client.on_call
    async def connect_again(call: Call) -> None:
        running(call)
        try:
            await call.wait_for_ended()
        finally:
            with anyio.CancelScope(shield=True):
                while state_of(client) is not SessionState.CLOSED:
                    await anyio.lowlevel.checkpoint()
                hidden.token = TOKEN
                await client.connect()
                await client.disconnect()

    async def refuse() -> None:
        await world.until(What.SESSION_STARTED)
        world.place_call()
        while not running.all:
            await anyio.lowlevel.checkpoint()  # it is in another event loop, or in a thread
        hidden.token = "PT-another-one"
        world.forget_sessions()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(refuse)
        with pytest.raises(AuthenticationError):
            await run_in_a_thread(client, runtime)
    assert len(world.all(What.SESSION_STARTED)) == 2


@pytest.mark.parametrize("runtime", ["asyncio"])
async def test_a_connect_that_is_cancelled_too_late_takes_the_session_from_nobody(
    world: World,
) -> None:
    client = world.client()
    loop = asyncio.get_running_loop()
    tasks = [loop.create_task(client.connect()) for _ in range(2)]

    @client.on_connected
    def cancel(event: Connected) -> None:
        tasks[1].cancel()  # both have their results already

    await tasks[0]
    with pytest.raises(asyncio.CancelledError):
        await tasks[1]
    assert state_of(client) is SessionState.READY
    await client.disconnect()


@pytest.mark.parametrize("runtime", ["asyncio", "trio"])
async def test_who_still_leaves_an_attempt_does_not_count_for_the_next(world: World) -> None:
    leaving, left = anyio.Event(), anyio.Event()

    async def connector(host: str, port: int) -> Any:
        with anyio.CancelScope(shield=not leaving.is_set()):
            leaving.set()
            await left.wait()
        raise OSError("it was in no hurry")

    client = world.client(connector=connector)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(client.connect)
        await leaving.wait()
        tasks.cancel_scope.cancel()
        with anyio.CancelScope(shield=True):
            while state_of(client) is SessionState.CONNECTING:
                await anyio.lowlevel.checkpoint()
            with pytest.raises(ConnectTimeoutError):
                await client.connect(timeout=0.01)
            assert state_of(client) is SessionState.DISCONNECTED
            left.set()


@pytest.mark.parametrize("runtime", ["threads"])
async def test_a_thread_that_leaves_an_attempt_does_not_count_for_the_next() -> None:
    leaving, left = threading.Event(), threading.Event()

    def hold(output: Output) -> None:
        if isinstance(output, Closed) and not leaving.is_set():
            leaving.set()
            left.wait(PATIENCE)

    def fail(client: relay_sync.RelayClient) -> None:
        with pytest.raises(ConnectTimeoutError):
            client.connect(timeout=0.0)

    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"localhost:{silent.getsockname()[1]}"
        client = relay_sync.RelayClient(project="p", token="t", host=host)
        client.observer = Watching(hold)
        slow = threading.Thread(target=fail, args=(client,))
        slow.start()
        assert leaving.wait(PATIENCE)
        fail(client)
        assert client.state is SessionState.DISCONNECTED
        left.set()
        slow.join(PATIENCE)


@pytest.mark.parametrize("runtime", ["threads"])
async def test_connects_that_are_too_late_at_the_same_time_leave_nothing_behind() -> None:
    def fail(client: relay_sync.RelayClient, together: threading.Barrier) -> None:
        together.wait(PATIENCE)
        with pytest.raises(ConnectTimeoutError):
            client.connect(timeout=0.0)

    def connect_at_once(host: str) -> None:
        client = relay_sync.RelayClient(project="p", token="t", host=host)
        together = threading.Barrier(8)
        threads = [threading.Thread(target=fail, args=(client, together)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        assert client.state is SessionState.DISCONNECTED

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            for _ in range(50):  # the lock of the client does not cover all that they do
                connect_at_once(f"localhost:{silent.getsockname()[1]}")
    finally:
        sys.setswitchinterval(interval)
    assert not [name for name in threads_of_clients() if "I/O" in name]


@pytest.mark.parametrize("changed", ["host", "observer"])
async def test_who_waits_for_a_call_is_told_when_its_client_connects_otherwise(
    world: World, changed: str
) -> None:
    client = world.client(host="nowhere.test" if changed == "host" else world.host)
    hidden: Any = getattr(client, "hidden", client)
    call = support.make(Call, client, "call-1", "node-1", "p", OFFICE, state="answered")
    ended: Heard[str] = Heard()

    async def wait() -> None:
        await call.wait_for_ended()
        ended(call.end_reason)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(wait)
        await anyio.wait_all_tasks_blocked()
        setattr(hidden, changed, world.host if changed == "host" else Watching(print))
        await client.connect()
    assert ended.all == ["error"]
    await client.disconnect()


@pytest.mark.parametrize("runtime", ["threads"])
async def test_who_waits_for_a_call_is_told_when_its_client_may_not_connect(world: World) -> None:
    def body(service: Service) -> None:
        client = service.client()
        call = relay_sync.Call(client, "call-1", "node-1", "p", OFFICE, state="answered")
        waiting = threading.Thread(target=call.wait_for_ended)
        waiting.start()
        with service.client(), pytest.raises(RuntimeError, match="1 other RelayClient"):
            client.connect()
        waiting.join(PATIENCE)
        assert not waiting.is_alive()
        assert (call.state, call.end_reason) == ("ended", "error")

    await in_a_program(world, body)


@pytest.mark.parametrize("runtime", ["threads"])
async def test_a_handler_that_comes_while_another_thread_connects_gets_calls() -> None:
    def make_one_that_registers_at(step: int) -> bool:
        """Register a handler when so many functions have returned; false if that is too late."""
        client = relay_sync.RelayClient(project="p", token="t", host="nowhere.test")
        registering = threading.Thread(target=client.on_call, args=(print,))
        returned = 0

        def count(frame: object, event: str, _argument: object) -> None:
            nonlocal returned
            returned += event == "return"
            if returned == step and registering.ident is None:
                registering.start()
                registering.join(0.01)  # it may wait for this one

        sys.setprofile(count)
        try:
            relay_sync.Call(client, "call-1", "node-1", "p", OFFICE)
        finally:
            sys.setprofile(None)
        if registering.ident is None:
            return False
        registering.join(PATIENCE)
        assert engine_of(client).core.accepting_calls, step
        return True

    step = 1
    while make_one_that_registers_at(step):
        step += 1
    assert step > 100
