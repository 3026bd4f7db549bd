"""`connect(retry=True)` for services that start before the network, and `wait_ready`."""

from __future__ import annotations

from dataclasses import replace

import anyio
import pytest

from relay_anyio import (
    AuthenticationError,
    ClientClosedError,
    ConnectFailedError,
    ConnectTimeoutError,
    Disconnected,
    RemoteProtocolError,
)
from relay_proto.exchange import What
from relay_proto.transitions import SessionState
from tests.adapters.peers import Peer, client_of, obliging, serving
from tests.adapters.support import QUICK, Certificates, Heard, World, client_tasks, state_of

pytestmark = pytest.mark.anyio


async def test_it_tries_until_there_is_a_network(certificates: Certificates) -> None:
    async def leave(peer: Peer) -> None:
        await peer.upgrade()

    async with serving(certificates.server_context(), leave, leave, obliging) as host:
        client = client_of(host, timing=QUICK)
        await client.connect(retry=True)
        assert state_of(client) is SessionState.READY
        await client.connect(retry=True, timeout=0)  # it is connected: nothing to do
        async with client:
            pass
        assert client_tasks() == []


async def test_without_it_the_first_failure_is_the_last(free_host: str) -> None:
    with pytest.raises(ConnectFailedError):
        await client_of(free_host, timing=QUICK).connect()


async def test_it_tries_no_longer_than_it_should(free_host: str, world: World) -> None:
    client = client_of(free_host, timing=QUICK)
    with pytest.raises(ConnectTimeoutError) as raised:
        await client.connect(retry=True, timeout=0.3)
    assert isinstance(raised.value, TimeoutError)
    assert isinstance(raised.value, ConnectFailedError)
    assert (raised.value.host, raised.value.seconds) == (free_host, 0.3)
    assert "no session within 0.3 s; the last attempt: " in str(raised.value)
    assert "nothing is listening there" in str(raised.value)
    assert state_of(client) is SessionState.DISCONNECTED
    assert client_tasks() == []
    async with world.client():  # the connection slot is free again
        pass


async def test_a_single_attempt_has_a_deadline_as_well(certificates: Certificates) -> None:
    async def never_answer(peer: Peer) -> None:
        await peer.upgrade()
        await peer.gone()

    async with serving(certificates.server_context(), never_answer) as host:
        client = client_of(host)
        with pytest.raises(ConnectTimeoutError, match=r"no session within 0\.05 s$"):
            await client.connect(timeout=0.05)
        assert state_of(client) is SessionState.DISCONNECTED
        assert client_tasks() == []


async def test_refused_credentials_end_it(world: World) -> None:
    client = world.client(token="wrong-token")
    with pytest.raises(AuthenticationError):
        await client.connect(retry=True, timeout=20)
    assert len(world.all(What.REFUSED)) == 3
    assert client_tasks() == []


async def test_it_goes_on_after_the_failed_attempt_of_another(certificates: Certificates) -> None:
    arrived, go_on = anyio.Event(), anyio.Event()

    async def refuse_late(peer: Peer) -> None:
        await peer.upgrade_requested()
        arrived.set()
        await go_on.wait()
        await peer.send_bytes(peer.wire.refuse(503, "Busy"))

    async with serving(certificates.server_context(), refuse_late, obliging) as host:
        client = client_of(host, timing=QUICK)
        async with anyio.create_task_group() as tasks:

            async def connect_once() -> None:
                with pytest.raises(RemoteProtocolError):
                    await client.connect()

            tasks.start_soon(connect_once)
            await arrived.wait()

            async def connect() -> None:
                await client.connect(retry=True)

            tasks.start_soon(connect)
            await anyio.wait_all_tasks_blocked()
            go_on.set()
        assert state_of(client) is SessionState.READY
        await client.disconnect()


async def test_disconnect_ends_it(free_host: str) -> None:
    client = client_of(free_host, timing=replace(QUICK, retry_max_delay=60, retry_min_delay=60))
    async with anyio.create_task_group() as tasks:

        async def connect() -> None:
            with pytest.raises(ClientClosedError):
                await client.connect(retry=True)

        tasks.start_soon(connect)
        while state_of(client) is not SessionState.WAITING_TO_RECONNECT:
            await anyio.lowlevel.checkpoint()
        await client.disconnect()


# wait_ready


async def test_a_client_that_is_connected_is_ready(world: World) -> None:
    async with world.client() as client:
        await client.wait_ready()
        await client.wait_ready(timeout=0)


async def test_a_client_is_ready_after_a_cut(world: World) -> None:
    lost: Heard[Disconnected] = Heard()
    async with world.client() as client:
        client.on_disconnected(lost)
        world.cut()
        await lost.next()
        await client.wait_ready(timeout=20)
        assert state_of(client) is SessionState.READY


async def test_all_who_wait_hear_of_it(certificates: Certificates) -> None:
    async def leave(peer: Peer) -> None:
        await peer.upgrade()

    ready: Heard[str] = Heard()
    async with serving(certificates.server_context(), leave, obliging) as host:
        client = client_of(host, timing=QUICK)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: client.connect(retry=True))
            while state_of(client) is SessionState.DISCONNECTED:
                await anyio.lowlevel.checkpoint()

            async def wait() -> None:
                await client.wait_ready()
                ready("ready")

            for _ in range(3):
                tasks.start_soon(wait)
            await ready.take(3)
        await client.disconnect()


async def test_nobody_waits_longer_than_they_want(free_host: str) -> None:
    client = client_of(free_host, timing=QUICK)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: client.connect(retry=True))
        while state_of(client) is SessionState.DISCONNECTED:
            await anyio.lowlevel.checkpoint()
        words = rf"waited 0.02 s for <RelayClient {free_host} \w+> to be ready"
        with pytest.raises(TimeoutError, match=words):
            await client.wait_ready(timeout=0.02)
        tasks.cancel_scope.cancel()


async def test_a_client_that_is_not_connected_says_so(world: World) -> None:
    client = world.client()
    with pytest.raises(ClientClosedError, match=r"call connect\(\) first"):
        await client.wait_ready()
    async with client:
        pass
    with pytest.raises(ClientClosedError):
        await client.wait_ready()


async def test_disconnect_ends_the_wait(world: World) -> None:
    lost: Heard[Disconnected] = Heard()
    async with anyio.create_task_group() as tasks:
        client = world.client(timing=replace(QUICK, retry_max_delay=60, retry_min_delay=60))
        client.on_disconnected(lost)
        await client.connect()
        world.cut()
        await lost.next()

        async def wait() -> None:
            with pytest.raises(ClientClosedError):
                await client.wait_ready()

        tasks.start_soon(wait)
        await anyio.wait_all_tasks_blocked()
        await client.disconnect()


async def test_refused_credentials_are_why_it_will_never_be_ready(world: World) -> None:
    client = world.client()
    await client.connect()
    world.simulator.command(world.exchange.revoke, client.project)
    await world.until(What.REFUSED, times=1)
    with pytest.raises(AuthenticationError):
        await client.wait_ready()
    with pytest.raises(AuthenticationError):
        await client.wait_ready()
    await client.disconnect()
