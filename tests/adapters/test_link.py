"""The link is cut, falls silent or misbehaves: what goes on, and what is told to whom."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import anyio
import pytest

from relay_anyio import (
    Call,
    ClientClosedError,
    Connected,
    ConnectionLostError,
    Disconnected,
    Limits,
    RelayClient,
    RelayError,
    RequestQueueFullError,
    RequestTimeoutError,
    SessionState,
)
from relay_proto.exchange import HangUp, Hear, Wait, What
from tests.adapters.peers import Frame, Peer, client_of, oblige, obliging, serving
from tests.adapters.support import (
    ANSWERING,
    LONG,
    QUICK,
    Certificates,
    Heard,
    World,
    answered_call,
    phone,
    tts,
)

pytestmark = pytest.mark.anyio

NOTHING: Frame = {}


async def test_a_call_goes_on_after_a_cut(world: World) -> None:
    client = world.client()
    sessions: Heard[Connected] = Heard()
    client.on_connected(sessions)
    async with answered_call(world, client, Hear("still"), HangUp()) as call:
        playing = await call.play(LONG)
        world.cut()
        await sessions.take(2)
        await playing.stop()
        assert (await playing.wait()).params["state"] == "finished"
        await call.play(tts("Are you still there?"))
        await call.wait_for_ended()
        assert call.end_reason == "hangup"
    assert sessions.all == [Connected(resumed=False), Connected(resumed=True)]


async def test_what_happens_while_the_link_is_down_is_told_afterwards(world: World) -> None:
    client = world.client()
    async with answered_call(world, client, Wait(0.02), HangUp()) as call:
        world.exchange.refuse_upgrades(503)
        world.cut()
        await world.until(What.ENDED)
        world.exchange.refuse_upgrades(0)
        await call.wait_for_ended()
        assert call.end_reason == "hangup"


async def test_requests_made_offline_are_sent_in_order_after_the_reconnect(
    certificates: Certificates,
) -> None:
    requests: Heard[str] = Heard()

    async def cut(peer: Peer) -> None:
        await peer.welcome()

    async def again(peer: Peer) -> None:
        await peer.welcome()
        await oblige(peer, lambda request: requests(request[0]))

    async with serving(certificates.server_context(), cut, again) as host:
        client = client_of(host, timing=QUICK)
        lost: Heard[Disconnected] = Heard()
        client.on_disconnected(lost)
        async with client:
            await lost.next()
            async with anyio.create_task_group() as tasks:
                for number in range(5):
                    tasks.start_soon(client.execute, f"test.{number}", NOTHING)
                    await anyio.lowlevel.checkpoint()
            # A scheduler may start tasks in any order: what counts is that all came once.
            assert sorted(requests.all) == [f"test.{number}" for number in range(5)]


async def test_a_request_that_was_sent_is_lost_with_the_link_and_never_repeated(
    certificates: Certificates,
) -> None:
    requests: Heard[str] = Heard()

    async def cut(peer: Peer) -> None:
        await peer.welcome()
        await peer.request("test.pay")

    async def again(peer: Peer) -> None:
        await peer.welcome()
        await oblige(peer, lambda request: requests(request[0]))

    async with (
        serving(certificates.server_context(), cut, again) as host,
        client_of(host, timing=QUICK) as client,
    ):
        with pytest.raises(ConnectionLostError) as raised:
            await client.execute("test.pay", {})
        assert raised.value.maybe_delivered
        assert isinstance(raised.value, ConnectionError)
        assert raised.value.code == -1
        await client.execute("test.ask", {})
    assert requests.all == ["test.ask"]


async def test_reconnecting_under_load_loses_no_answer(world: World) -> None:
    outcomes: Heard[str] = Heard()

    async def ask(context: str) -> None:
        try:
            await client.receive([context])
        except ConnectionLostError as error:
            outcomes("lost, but perhaps carried out" if error.maybe_delivered else "lost")
        else:
            outcomes("answered")

    async with world.client() as client:
        for number in range(1, 6):
            async with anyio.create_task_group() as tasks:
                for index in range(10):
                    tasks.start_soon(ask, f"context-{index}")
                await anyio.lowlevel.checkpoint()
                world.cut()
            await world.until(What.SESSION_RESUMED, times=number)
            await client.receive(["office"])
    assert len(outcomes.all) == 50
    assert "lost" not in outcomes.all


async def test_a_cut_in_the_middle_of_a_frame_is_a_cut(certificates: Certificates) -> None:
    async def cut(peer: Peer) -> None:
        await peer.welcome("protocol-1")
        frame = peer.wire.send_text(b'{"jsonrpc":"2.0","id":"s-1","method":"signalwire.ping"}')
        await peer.send_bytes(frame[:20])

    async def again(peer: Peer) -> None:
        params = await peer.welcome("protocol-1")
        assert params["protocol"] == "protocol-1"
        await oblige(peer)

    async with serving(certificates.server_context(), cut, again) as host:
        client = client_of(host, timing=QUICK)
        heard: Heard[Connected | Disconnected] = Heard()
        client.on_connected(heard)
        client.on_disconnected(heard)
        async with client:
            _, lost, resumed = await heard.take(3)
            assert isinstance(lost, Disconnected)
            assert isinstance(lost.error, ConnectionLostError)
            assert resumed == Connected(resumed=True)


@pytest.mark.parametrize(
    "nonsense",
    [
        b"not json",
        b"[]",
        b'{"jsonrpc":"2.0","id":{},"method":7}',
        b'{"jsonrpc":"2.0","id":"s-1","method":"signalwire.event","params":null}',
        b'{"jsonrpc":"2.0","id":"s-1","method":"signalwire.event","params":{"event_type":[]}}',
        b'{"jsonrpc":"2.0","id":"nobodys","result":{}}',
        b"[" * 100_000,
    ],
)
async def test_nonsense_is_survived(certificates: Certificates, nonsense: bytes) -> None:
    async def script(peer: Peer) -> None:
        await peer.welcome()
        await peer.send_text(nonsense)
        await oblige(peer)

    async with (
        serving(certificates.server_context(), script, refuse) as host,
        client_of(host) as client,
    ):
        await client.execute("test.echo", {})
        assert client.state is SessionState.READY


async def refuse(peer: Peer) -> None:
    raise AssertionError("nobody needs a second connection")


async def test_a_frame_that_breaks_the_websocket_ends_the_connection(
    certificates: Certificates,
) -> None:
    async def script(peer: Peer) -> None:
        await peer.welcome()
        await peer.send_bytes(b"\xff\xff\xff\xff")
        await peer.gone()

    async with serving(certificates.server_context(), script, obliging) as host:
        client = client_of(host, timing=QUICK)
        lost: Heard[Disconnected] = Heard()
        client.on_disconnected(lost)
        async with client:
            assert (await lost.next()).error is not None
            await client.execute("test.echo", {})


async def test_a_message_beyond_the_limit_ends_the_connection(certificates: Certificates) -> None:
    async def script(peer: Peer) -> None:
        await peer.welcome()
        await peer.send_text(b'"%s"' % (b"x" * 5000))
        await peer.gone()

    async with serving(certificates.server_context(), script, obliging) as host:
        client = client_of(host, timing=QUICK, limits=Limits(message_bytes=4096))
        lost: Heard[Disconnected] = Heard()
        client.on_disconnected(lost)
        async with client:
            assert (await lost.next()).error is not None


@pytest.mark.parametrize("restart", [False, True])
async def test_a_goodbye_of_the_servers_is_a_reconnect(world: World, restart: bool) -> None:
    client = world.client()
    sessions: Heard[Connected] = Heard()
    client.on_connected(sessions)
    async with client:
        await sessions.next()
        protocol = client.relay_protocol
        world.say_goodbye(restart=restart)
        assert await sessions.next() == Connected(resumed=not restart)
        assert (client.relay_protocol == protocol) is not restart


async def test_a_close_of_the_servers_is_a_reconnect(certificates: Certificates) -> None:
    async def close(peer: Peer) -> None:
        await peer.welcome()
        await peer.send_bytes(peer.wire.close(1001, "going away"))
        await peer.gone()

    async with serving(certificates.server_context(), close, obliging) as host:
        client = client_of(host, timing=QUICK)
        lost: Heard[Disconnected] = Heard()
        client.on_disconnected(lost)
        async with client:
            assert "1001" in str((await lost.next()).error)
            await client.execute("test.echo", {})


async def test_one_slow_request_times_out_alone(certificates: Certificates) -> None:
    async def script(peer: Peer) -> None:
        await peer.welcome()
        slow = None
        while True:
            frame = await peer.receive()
            if frame.get("method") == "test.slow":
                slow = frame
            elif "method" in frame:
                await peer.reply(frame)
                if slow is not None and frame["method"] == "test.last":
                    await peer.reply(slow)  # too late

    async with (
        serving(certificates.server_context(), script, refuse) as host,
        client_of(host) as client,
    ):
        with pytest.raises(RequestTimeoutError) as raised:
            await client.execute("test.slow", {}, timeout=0.02)
        assert isinstance(raised.value, TimeoutError)
        assert (raised.value.method, raised.value.sent) == ("test.slow", True)
        await client.execute("test.last", {})
        await client.execute("test.echo", {})
        assert client.state is SessionState.READY


async def test_a_cancelled_request_harms_no_other(certificates: Certificates) -> None:
    async def script(peer: Peer) -> None:
        await peer.welcome()
        slow = await peer.request("test.slow")
        await peer.reply(await peer.request("test.echo"))
        await peer.reply(slow)
        await oblige(peer)

    async with (
        serving(certificates.server_context(), script, refuse) as host,
        client_of(host) as client,
    ):
        with anyio.move_on_after(0.02) as patience:
            await client.execute("test.slow", {})
        assert patience.cancelled_caught
        await client.execute("test.echo", {})
        await client.execute("test.echo", {})


LATE = replace(QUICK, retry_min_delay=3600.0, retry_max_delay=3600.0)
"""Whoever loses the link stays without it."""


async def cut(world: World, client: RelayClient) -> None:
    """Cut the link of a connected client, and wait until it knows."""
    lost: Heard[Disconnected] = Heard()
    client.on_disconnected(lost)
    world.cut()
    await lost.next()


async def test_a_request_that_is_never_sent_times_out(world: World) -> None:
    async with world.client(timing=replace(LATE, queue_timeout=0.02)) as client:
        await cut(world, client)
        with pytest.raises(RequestTimeoutError) as raised:
            await client.execute("test.echo", {})
        assert not raised.value.sent


async def test_too_many_requests_offline_are_refused_at_once(world: World) -> None:
    limits = Limits(queued_requests=1)
    async with world.client(timing=LATE, limits=limits) as client:
        await cut(world, client)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.receive, ["sales"])
            await anyio.lowlevel.checkpoint()
            await anyio.wait_all_tasks_blocked()
            with pytest.raises(RequestQueueFullError):
                await client.receive(["billing"])
            tasks.cancel_scope.cancel()


async def test_a_client_may_fail_at_once_while_it_reconnects(world: World) -> None:
    async with world.client(timing=LATE, while_reconnecting="fail") as client:
        await client.receive(["sales"])
        await cut(world, client)
        with pytest.raises(ConnectionLostError) as raised:
            await client.receive(["billing"])
        assert not raised.value.maybe_delivered


async def test_requests_before_connect_are_refused_at_once(world: World) -> None:
    client = world.client()
    for request in (
        partial(client.execute, "test.echo", {}),
        partial(client.receive, ["sales"]),
        partial(client.dial, [[phone(ANSWERING)]]),
        partial(client.send_message, to_number="+1555000222", from_number="+1555000111", body="x"),
    ):
        with pytest.raises(ClientClosedError, match=r"connect\(\)"):
            await request()
    assert not world.happened
    await client.connect()
    await client.receive(["sales"])
    await client.disconnect()


async def test_requests_after_disconnect_are_refused_at_once(world: World) -> None:
    async with world.client() as client:
        pass
    with pytest.raises(ClientClosedError, match="connect"):
        await client.execute("test.echo", {})
    with pytest.raises(ClientClosedError):
        await client.dial([[{"type": "phone", "to": "+1", "from": "+2"}]])


async def test_disconnect_fails_what_is_pending(certificates: Certificates) -> None:
    arrived = anyio.Event()

    async def script(peer: Peer) -> None:
        await peer.welcome()
        await peer.request("test.slow")
        arrived.set()
        await peer.gone()

    async with serving(certificates.server_context(), script) as host, client_of(host) as client:

        async def ask() -> None:
            with pytest.raises(ClientClosedError):
                await client.execute("test.slow", {})

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask)
            await arrived.wait()
            await client.disconnect()


async def test_refused_credentials_end_the_reconnecting(world: World) -> None:
    client = world.client()
    await client.connect()
    world.simulator.command(world.exchange.revoke, client.project)
    await world.until(What.REFUSED, times=3)
    while client.state is not SessionState.CLOSED:
        await anyio.lowlevel.checkpoint()
    with pytest.raises(RelayError):
        await client.execute("test.echo", {})
    await client.disconnect()


async def test_an_event_that_is_repeated_is_heard_once(certificates: Certificates) -> None:
    heard: Heard[Call] = Heard()
    acknowledged: Heard[Frame] = Heard()

    async def script(peer: Peer) -> None:
        await peer.welcome()
        params = {"event_type": "calling.call.receive", "params": {"call_id": "call-1"}}
        frame = {"jsonrpc": "2.0", "id": "e-1", "method": "signalwire.event", "params": params}
        for _ in range(3):
            await peer.send(frame)
        while True:
            acknowledged(await peer.receive())

    async with serving(certificates.server_context(), script, refuse) as host:
        client = client_of(host)
        client.on_call(heard)
        async with client:
            await heard.next()
            ack = {"jsonrpc": "2.0", "id": "e-1", "result": NOTHING}
            assert await acknowledged.take(3) == [ack] * 3
    assert len(heard.all) == 1
