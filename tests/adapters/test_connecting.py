"""Connecting and disconnecting: when, how often, from where, and what is left."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from relay_anyio import (
    ClientClosedError,
    Connected,
    ConnectFailedError,
    Disconnected,
    RelayError,
    SessionState,
)
from relay_proto.exchange import What
from tests.adapters.peers import Peer, client_of, obliging, serving
from tests.adapters.support import Certificates, Heard, World, client_tasks, state_of

pytestmark = pytest.mark.anyio

Link = Connected | Disconnected


async def test_connect_and_disconnect_need_no_with_block(world: World) -> None:
    client = world.client()
    assert state_of(client) is SessionState.DISCONNECTED
    await client.connect()
    assert state_of(client) is SessionState.READY
    await client.disconnect()
    assert state_of(client) is SessionState.CLOSED
    await world.until_nobody_is_connected()
    assert client_tasks() == []


async def test_a_with_block_connects_and_disconnects(world: World) -> None:
    async with world.client() as client:
        assert state_of(client) is SessionState.READY
    assert state_of(client) is SessionState.CLOSED
    await world.until_nobody_is_connected()


async def test_a_with_block_that_fails_disconnects_too(world: World) -> None:
    with pytest.raises(ZeroDivisionError):
        async with world.client():
            raise ZeroDivisionError
    await world.until_nobody_is_connected()


async def test_a_client_connects_again_and_again_with_a_fresh_session_each_time(
    world: World,
) -> None:
    client = world.client()
    protocols: set[str] = set()
    for _ in range(3):
        await client.connect()
        protocols.add(client.relay_protocol)
        await client.disconnect()
        assert client.relay_protocol == ""
    assert len(protocols) == 3
    assert len(world.all(What.SESSION_STARTED)) == 3
    assert client_tasks() == []


async def test_the_relay_protocol_is_the_servers(world: World) -> None:
    client = world.client()
    assert client.relay_protocol == ""
    async with client:
        started = await world.until(What.SESSION_STARTED)
        assert client.relay_protocol == started.details["session"]


async def test_connect_when_connected_does_nothing(world: World) -> None:
    async with world.client() as client:
        await client.connect()
        await client.connect()
    assert len(world.all(What.SESSION_STARTED)) == 1


async def test_disconnect_twice_or_unconnected_does_nothing(world: World) -> None:
    client = world.client()
    await client.disconnect()
    await client.connect()
    await client.disconnect()
    await client.disconnect()
    assert client_tasks() == []


async def test_one_task_may_connect_and_another_disconnect(world: World) -> None:
    client = world.client()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(client.connect)
    assert state_of(client) is SessionState.READY
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(client.disconnect)
    await world.until_nobody_is_connected()


async def test_connects_at_the_same_time_share_one_attempt(world: World) -> None:
    client = world.client()
    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(client.connect)
    assert len(world.all(What.SESSION_STARTED)) == 1
    await client.disconnect()


async def test_a_host_that_is_assigned_meanwhile_is_for_the_next_connection(
    world: World, free_host: str
) -> None:
    client = world.client()
    async with client:
        hidden: Any = getattr(client, "hidden", client)  # of the bridge to threads
        hidden.host = free_host
        await client.connect()
        assert await client.execute("signalwire.ping", {}) is not None
    assert len(world.all(What.SESSION_STARTED)) == 1


async def test_connects_at_the_same_time_share_one_failure(free_host: str) -> None:
    client = client_of(free_host)
    failures: Heard[ConnectFailedError] = Heard()

    async def connect() -> None:
        with pytest.raises(ConnectFailedError) as failure:
            await client.connect()
        failures(failure.value)

    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(connect)
    assert len(failures.all) == 3
    assert client_tasks() == []


async def test_disconnects_at_the_same_time_all_end(world: World) -> None:
    client = world.client()
    await client.connect()
    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(client.disconnect)
    assert client_tasks() == []


async def test_a_cancelled_connect_leaves_nothing_behind(
    certificates: Certificates, world: World
) -> None:
    arrived, left = anyio.Event(), anyio.Event()

    async def never_answer(peer: Peer) -> None:
        await peer.upgrade()
        await peer.request("signalwire.connect")
        arrived.set()
        await peer.gone()
        left.set()

    async with serving(certificates.server_context(), never_answer) as host:
        client = client_of(host)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.connect)
            await arrived.wait()
            tasks.cancel_scope.cancel()
        await left.wait()
    assert state_of(client) is SessionState.DISCONNECTED
    assert client_tasks() == []
    async with world.client():  # the connection slot is free again
        pass


async def test_one_of_two_connects_cancelled_does_not_cancel_the_other(
    certificates: Certificates,
) -> None:
    arrived, go_on = anyio.Event(), anyio.Event()

    async def answer_late(peer: Peer) -> None:
        await peer.upgrade()
        request = await peer.request("signalwire.connect")
        arrived.set()
        await go_on.wait()
        await peer.reply(request, protocol="protocol-1")
        await peer.gone()

    async with serving(certificates.server_context(), answer_late) as host:
        client = client_of(host)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.connect)
            with anyio.CancelScope() as scope:
                async with anyio.create_task_group() as others:
                    others.start_soon(client.connect)
                    await arrived.wait()
                    scope.cancel()
            go_on.set()
        assert state_of(client) is SessionState.READY
        await client.disconnect()


async def test_a_cancelled_connect_of_a_connected_client_leaves_it_connected(
    world: World,
) -> None:
    async with world.client() as client:
        with anyio.CancelScope() as scope:
            scope.cancel()
            await client.connect()
        assert state_of(client) is SessionState.READY


async def test_disconnect_ends_a_connect_that_is_under_way(certificates: Certificates) -> None:
    arrived = anyio.Event()

    async def never_answer(peer: Peer) -> None:
        await peer.upgrade()
        arrived.set()
        await peer.gone()

    async with serving(certificates.server_context(), never_answer) as host:
        client = client_of(host)
        async with anyio.create_task_group() as tasks:

            async def connect() -> None:
                with pytest.raises(ClientClosedError):
                    await client.connect()

            tasks.start_soon(connect)
            await arrived.wait()
            await client.disconnect()
    assert client_tasks() == []


async def test_connect_during_a_disconnect_gets_a_new_connection(world: World) -> None:
    client = world.client()
    await client.connect()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(client.disconnect)
        while state_of(client) is SessionState.READY:
            await anyio.lowlevel.checkpoint()
        await client.connect()
    assert state_of(client) is SessionState.READY
    assert len(world.all(What.SESSION_STARTED)) == 2
    await client.disconnect()


async def test_connect_works_after_it_has_failed(world: World) -> None:
    world.exchange.refuse_upgrades(503)
    client = world.client()
    with pytest.raises(RelayError):
        await client.connect()
    assert state_of(client) is SessionState.DISCONNECTED
    world.exchange.refuse_upgrades(0)
    await client.connect()
    assert state_of(client) is SessionState.READY
    await client.disconnect()


async def test_connect_in_the_moment_of_a_failure_tries_again(
    certificates: Certificates,
) -> None:
    async def leave(peer: Peer) -> None:
        await peer.upgrade()

    async with serving(certificates.server_context(), leave, obliging) as host:
        client = client_of(host)
        async with anyio.create_task_group() as tasks:

            async def fail() -> None:
                with pytest.raises(ConnectFailedError):
                    await client.connect()

            tasks.start_soon(fail)
            while state_of(client) is SessionState.DISCONNECTED:
                await anyio.lowlevel.checkpoint()
            while state_of(client) is not SessionState.DISCONNECTED:
                await anyio.lowlevel.checkpoint()
            await client.connect()
        assert state_of(client) is SessionState.READY
        await client.disconnect()


async def test_a_client_that_was_only_connected_reconnects_after_a_cut(world: World) -> None:
    client = world.client()
    await client.connect()
    world.cut()
    await world.until(What.SESSION_RESUMED)
    result = await client.execute("signalwire.receive", {"contexts": ["sales"]})
    assert result["code"] == "200"
    await client.disconnect()


async def test_connect_from_inside_a_hook_and_a_handler_returns_at_once(world: World) -> None:
    client = world.client()
    done = anyio.Event()

    @client.on_connected
    async def again(event: Connected) -> None:
        await client.connect()
        done.set()

    async with client:
        await done.wait()
    assert len(world.all(What.SESSION_STARTED)) == 1


async def test_hooks_hear_whether_a_session_was_resumed(world: World) -> None:
    client = world.client()
    heard: Heard[Link] = Heard()
    client.on_connected(heard)
    client.on_disconnected(heard)
    async with client:
        assert await heard.next() == Connected(resumed=False)
        world.cut()
        lost = await heard.next()
        assert isinstance(lost, Disconnected)
        assert lost.error is not None
        assert lost.retry_delay is not None
        assert await heard.next() == Connected(resumed=True)
        world.forget_sessions()
        assert isinstance(await heard.next(), Disconnected)
        assert await heard.next() == Connected(resumed=False)
    assert await heard.next() == Disconnected(None, None)


async def test_hooks_alternate_even_when_they_are_slow(world: World) -> None:
    client = world.client()
    heard: Heard[str] = Heard()
    release = anyio.Event()

    @client.on_connected
    async def up(event: Connected) -> None:
        heard("up...")
        await release.wait()
        heard("up")

    @client.on_disconnected
    async def down(event: Disconnected) -> None:
        heard("down...")
        await anyio.lowlevel.checkpoint()
        heard("down")

    async with client:
        for number in range(1, 4):
            world.cut()
            await world.until(What.SESSION_RESUMED, times=number)
            await client.receive(["sales"])  # the client knows that it was resumed
        assert heard.all == ["up..."]
        release.set()
        assert await heard.take(14) == ["up...", "up", "down...", "down"] * 3 + ["up...", "up"]


async def test_the_last_hook_may_take_its_time(world: World) -> None:
    client = world.client()
    heard: Heard[str] = Heard()

    @client.on_disconnected
    async def down(event: Disconnected) -> None:
        heard("down...")
        await world.until_nobody_is_connected()
        for _ in range(20):
            await anyio.lowlevel.checkpoint()
        heard("down")

    async with client:
        pass
    assert heard.all == ["down...", "down"]


async def test_a_failing_hook_is_logged_and_harmless(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    client = world.client()
    heard: Heard[Link] = Heard()

    @client.on_connected
    def fail(event: Connected) -> None:
        raise ZeroDivisionError

    client.on_connected(heard)
    async with client:
        await heard.next()
    assert "Connected hook failed" in caplog.text
    assert "ZeroDivisionError" in caplog.text


async def test_disconnect_in_a_hook_works(world: World) -> None:
    client = world.client()
    done = anyio.Event()

    @client.on_connected
    async def leave(event: Connected) -> None:
        await client.disconnect()
        done.set()

    await client.connect()
    await done.wait()
    await world.until_nobody_is_connected()
    assert state_of(client) is SessionState.CLOSED
