"""Times that nobody wants to wait for, by a clock that jumps (on trio, whose clock can)."""

from __future__ import annotations

import logging
from itertools import pairwise

import anyio
import pytest

from relay_anyio import (
    Call,
    Connected,
    ConnectFailedError,
    ConnectionLostError,
    DialTimeoutError,
    Disconnected,
    RelayClient,
    RelayEvent,
    RequestTimeoutError,
    SessionState,
)
from tests.adapters.peers import InMemory, Peer, in_memory, in_virtual_time, oblige, obliging
from tests.adapters.support import ANSWERING, Heard, phone

WORDS = "pings in a row were not answered"


async def silent(peer: Peer) -> None:
    """Half open: everything arrives, and nothing comes back."""
    await peer.welcome()
    await peer.gone()


async def leaving(peer: Peer) -> None:
    """Gone as soon as there is a session."""
    await peer.welcome()


@in_virtual_time
async def test_an_idle_connection_is_kept_up_by_pings() -> None:
    pings: Heard[float] = Heard()

    async def answer_pings(peer: Peer) -> None:
        await peer.welcome()
        while True:
            ping = await peer.request("signalwire.ping")
            pings(anyio.current_time())
            await peer.reply(ping)

    async with in_memory(answer_pings) as (client, connector):
        await client.connect()
        connected_at = anyio.current_time()
        times = await pings.take(5)
        assert [round(at - connected_at) for at in times] == [30, 60, 90, 120, 150]
        assert len(connector.attempts) == 1


@in_virtual_time
async def test_a_silent_peer_is_left_after_three_pings() -> None:
    async with in_memory(silent, obliging) as (client, connector):
        heard: Heard[Connected | Disconnected] = Heard()
        client.on_connected(heard)
        client.on_disconnected(heard)
        await client.connect()
        connected_at = anyio.current_time()
        _, lost, again = await heard.take(3)
        assert isinstance(lost, Disconnected)
        assert WORDS in str(lost.error)
        assert again == Connected(resumed=True)
        # 30 s to the first ping; 10 s for each of three replies, 2 s and 4 s between
        assert lost.retry_delay is not None
        left_at = connector.attempts[1] - lost.retry_delay
        assert left_at - connected_at == pytest.approx(30 + 10 + 2 + 10 + 4 + 10, abs=0.1)


@in_virtual_time
async def test_a_peer_that_stops_pinging_is_probed() -> None:
    probes: Heard[float] = Heard()

    async def ping_once(peer: Peer) -> None:
        await peer.welcome()
        await peer.ask("signalwire.ping", timestamp=1.5)
        await peer.request("signalwire.ping")
        probes(anyio.current_time())
        await oblige(peer)

    async with in_memory(ping_once) as (client, _):
        started_at = anyio.current_time()
        await client.connect()
        assert await probes.next() - started_at == pytest.approx(15, abs=0.1)


@in_virtual_time
async def test_a_request_of_a_peer_that_is_silent_times_out_before_the_connection_does() -> None:
    async with in_memory(silent, obliging) as (client, _):
        await client.connect()
        started_at = anyio.current_time()
        with pytest.raises(RequestTimeoutError):
            await client.execute("test.echo", {})
        assert anyio.current_time() - started_at == pytest.approx(10, abs=0.1)
        assert client.state is SessionState.READY
        with pytest.raises(ConnectionLostError, match=WORDS):
            await client.execute("test.echo", {}, timeout=100)


@in_virtual_time
async def test_a_connect_that_goes_nowhere_ends_after_15_seconds() -> None:
    async def say_nothing(peer: Peer) -> None:
        await anyio.sleep_forever()

    async with in_memory(say_nothing) as (client, connector):
        started_at = anyio.current_time()
        with pytest.raises(ConnectFailedError, match="no connection within 15 s"):
            await client.connect()
        assert anyio.current_time() - started_at == pytest.approx(15, abs=0.1)
        assert len(connector.attempts) == 1


@in_virtual_time
async def test_delays_grow_to_30_seconds_and_no_further() -> None:
    async def cut(peer: Peer) -> None:
        await peer.welcome()

    async with in_memory(cut, *[None] * 30, obliging) as (client, connector):
        sessions: Heard[Connected] = Heard()
        client.on_connected(sessions)
        await client.connect()
        await sessions.take(2)
        delays = delays_of(connector)
        assert len(delays) == 31
        assert 1 <= delays[0] <= 3
        assert all(1 <= delay <= 30 for delay in delays)
        assert max(delays) > 10


@in_virtual_time
async def test_delays_begin_anew_only_after_authentication() -> None:
    async def hang_up(peer: Peer) -> None:
        await peer.upgrade()  # an open socket is no success

    async def cut(peer: Peer) -> None:
        await peer.welcome()

    scripts = (cut, *[hang_up] * 20, cut, obliging)
    async with in_memory(*scripts) as (client, connector):
        sessions: Heard[Connected] = Heard()
        client.on_connected(sessions)
        await client.connect()
        await sessions.take(3)
        delays = delays_of(connector)
        assert max(delays[:-1]) > 10
        assert delays[-1] <= 3


def delays_of(connector: InMemory) -> list[float]:
    """The times between the attempts."""
    attempts = connector.attempts
    return [round(b - a, 3) for a, b in pairwise(attempts)]


@in_virtual_time
async def test_disconnect_interrupts_a_delay_at_once() -> None:
    async def cut(peer: Peer) -> None:
        await peer.welcome()

    async with in_memory(cut, None) as (client, connector):
        lost: Heard[Disconnected] = Heard()
        client.on_disconnected(lost)
        await client.connect()
        await lost.next()
        asked_at = anyio.current_time()
        await client.disconnect()
        assert anyio.current_time() == asked_at
        assert len(connector.attempts) == 1


@in_virtual_time
async def test_a_request_waits_a_minute_for_a_session() -> None:
    async with in_memory(leaving, None) as (client, _):
        lost: Heard[Disconnected] = Heard()
        client.on_disconnected(lost)
        await client.connect()
        await lost.next()
        started_at = anyio.current_time()
        with pytest.raises(RequestTimeoutError, match="not sent"):
            await client.execute("test.echo", {})
        assert anyio.current_time() - started_at == pytest.approx(60, abs=0.1)


@in_virtual_time
async def test_nobody_answers_a_dial_for_two_minutes_and_its_leg_is_hung_up() -> None:
    ended: Heard[str] = Heard()

    async def ring(peer: Peer) -> None:
        await peer.welcome()
        dial = await peer.request("calling.dial")
        await peer.reply(dial)
        await peer.call_state("ringing", tag=dial["params"]["tag"])
        while True:
            frame = await peer.receive()
            if "method" in frame:
                await peer.reply(frame)
            if frame.get("method") == "calling.end":
                ended(frame["params"]["reason"])

    async with in_memory(ring) as (client, _):
        await client.connect()
        started_at = anyio.current_time()
        with pytest.raises(DialTimeoutError):
            await client.dial([[phone(ANSWERING)]])
        assert anyio.current_time() - started_at == pytest.approx(120, abs=0.1)
        assert await ended.next() == "cancel"


@in_virtual_time
async def test_a_server_that_says_goodbye_and_stays_is_left_after_5_seconds() -> None:
    async def careless(peer: Peer) -> None:
        await peer.welcome()
        await peer.ask("signalwire.disconnect", restart=False)
        await peer.gone()

    async with in_memory(careless, obliging) as (client, _):
        lost: Heard[Disconnected] = Heard()
        client.on_disconnected(lost)
        await client.connect()
        started_at = anyio.current_time()
        while client.state is not SessionState.DRAINING:
            await anyio.lowlevel.checkpoint()
        await client.execute("test.echo", {})  # waits for the next session
        assert lost.all[0].retry_delay is not None
        expected = 5 + lost.all[0].retry_delay
        assert anyio.current_time() - started_at == pytest.approx(expected, abs=0.1)


@in_virtual_time
async def test_disconnect_from_a_silent_server_takes_3_seconds_at_most() -> None:
    async def deaf(peer: Peer) -> None:
        await peer.welcome()
        await anyio.sleep_forever()

    async with in_memory(deaf) as (client, _):
        await client.connect()
        started_at = anyio.current_time()
        await client.disconnect()
        assert anyio.current_time() - started_at <= 3.1
        assert client.state is SessionState.CLOSED


# Draining


async def offer(peer: Peer) -> None:
    """Offer a call, and carry out everything."""
    await peer.welcome()
    await peer.offer_call()
    await oblige(peer)


async def up(client: RelayClient) -> Call:
    """Connect, and take the call that is offered."""
    offered: Heard[Call] = Heard()
    client.on_call(offered)
    await client.connect()
    return await offered.next()


@in_virtual_time
async def test_drain_lets_a_call_go_on_for_30_seconds() -> None:
    async with in_memory(offer) as (client, _):
        call = await up(client)
        started_at = anyio.current_time()
        await client.drain()
        assert anyio.current_time() - started_at == pytest.approx(30, abs=0.1)
        assert (call.state, call.end_reason) == ("ended", "error")
        assert client.state is SessionState.CLOSED


@in_virtual_time
async def test_drain_takes_the_time_that_it_is_given() -> None:
    async with in_memory(offer) as (client, _):
        await up(client)
        started_at = anyio.current_time()
        await client.drain(timeout=7)
        assert anyio.current_time() - started_at == pytest.approx(7, abs=0.1)


@in_virtual_time
async def test_drain_ends_as_soon_as_the_last_call_does() -> None:
    async def hang_up_later(peer: Peer) -> None:
        await peer.welcome()
        await peer.offer_call()
        await peer.reply(await peer.request("calling.answer"))
        await anyio.sleep(12)
        await peer.call_state("ended", end_reason="hangup")
        await oblige(peer)

    async with in_memory(hang_up_later) as (client, _):
        call = await up(client)
        await call.answer()
        started_at = anyio.current_time()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.drain)
            tasks.start_soon(client.drain)  # twice, and both notice
        assert anyio.current_time() - started_at == pytest.approx(12, abs=0.1)
        assert call.end_reason == "hangup"


@in_virtual_time
async def test_drain_waits_for_handlers_too() -> None:
    async with in_memory(offer) as (client, _):
        taken = anyio.Event()
        done: Heard[str] = Heard()

        @client.on_call
        async def take(call: Call) -> None:
            await call.answer()
            await call.pass_()
            taken.set()
            await anyio.sleep(5)
            done(call.state)

        await client.connect()
        await taken.wait()
        await client.drain(timeout=10)
        assert len(done.all) == 1


@in_virtual_time
async def test_a_count_of_failures_is_written_when_it_is_due() -> None:
    said: list[tuple[float, str]] = []

    class Log(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append((anyio.current_time(), record.getMessage()))

    async def play(peer: Peer) -> None:
        await peer.welcome()
        for number in range(3):
            await peer.event("calling.call.play", call_id="c-1", control_id=f"a-{number}")
        await oblige(peer)

    async def fail(_event: RelayEvent) -> None:
        await anyio.sleep(1)  # so it fails while nothing else happens
        raise ZeroDivisionError

    log, handler = logging.getLogger("relay_anyio"), Log(logging.ERROR)
    async with in_memory(play) as (client, _):
        client.on("calling.call.play", fail)
        began_at = anyio.current_time()
        await client.connect()
        log.addHandler(handler)
        await anyio.sleep(10)
        log.removeHandler(handler)
    assert [round(at - began_at) for at, _ in said] == [1, 6]
    assert "(the last of 2 like this in 5.0 s" in said[1][1]
