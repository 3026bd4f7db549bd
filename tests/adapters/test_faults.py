"""What a network does to connections: they break off, fall silent, crawl or are refused.

A proxy stands between the client and the service, and counts bytes as they pass: so a
fault comes in the TLS handshake, in the upgrade or in the middle of a frame.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from random import Random
from typing import Final

import anyio
import pytest

from relay_anyio import (
    Call,
    Connected,
    ConnectFailedError,
    ConnectionLostError,
    Disconnected,
    Limits,
    RelayClient,
    RelayEvent,
    RequestTimeoutError,
    SessionState,
)
from relay_proto.exchange import Hear, Press, What
from tests.adapters.proxy import Connection, End, Fault, Pace, Proxy, Way, open_proxy
from tests.adapters.support import (
    ANSWERING,
    LONG,
    OFFICE,
    PATIENCE,
    QUICK,
    Heard,
    World,
    answered_call,
    engine_of,
    no_client_task_is_left,
    phone,
    state_of,
    tts,
)

pytestmark = pytest.mark.anyio

BREAKS: Final = (End.CUT, End.RESET)
TEXT_TO: Final = "+15550007777"

OPENING: Final = (0, 1, 7, 60, 200, 400, 600, 900, 1200, 1500, 1800, 2200, 2600, 3000)
"""Bytes after which an opening breaks off, as far as it goes at all."""

MARGIN: Final = 150
"""From inside of the last frame to its end; an acknowledgement may have followed it already."""

ATTENTIVE: Final = replace(
    QUICK, ping_interval=0.2, ping_watchdog=0.2, ping_timeout=0.2, ping_retry_delay=0.05
)
"""Finds a dead peer in a second."""


@pytest.fixture
async def proxy(world: World) -> AsyncGenerator[Proxy]:
    """A proxy before the service. Nothing of a client may be left at the end of a test."""
    there_before = client_threads()
    async with open_proxy(world.host) as proxy:
        yield proxy
        with anyio.fail_after(PATIENCE):
            await proxy.until_left()
            await no_client_task_is_left()
            while client_threads() - there_before:
                await anyio.lowlevel.checkpoint()


def client_threads() -> set[threading.Thread]:
    """The threads of clients that are running."""
    return {thread for thread in threading.enumerate() if thread.name.startswith("relay_sync")}


class Sessions:
    """What becomes of a client's session."""

    def __init__(self, client: RelayClient) -> None:
        self.begun: Heard[Connected] = Heard()
        self.lost: Heard[Disconnected] = Heard()
        client.on_connected(self.begun)
        client.on_disconnected(self.lost)

    async def resumed(self) -> None:
        """Wait for the next one: it must continue the one before."""
        assert await self.begun.next() == Connected(resumed=True)


async def opening(world: World, proxy: Proxy, way: Way) -> list[int]:
    """Where to break an opening off: numbers of bytes, in this direction."""
    async with world.client(host=proxy.host):
        length = proxy.latest.passed[way] - MARGIN
    return [*(after for after in OPENING if after < length), length]


# The opening


@pytest.mark.parametrize("way", Way)
@pytest.mark.parametrize("end", BREAKS)
async def test_wherever_an_opening_breaks_off_connect_says_so_and_can_be_called_again(
    world: World, proxy: Proxy, way: Way, end: End
) -> None:
    for after in await opening(world, proxy, way):
        client = world.client(host=proxy.host)
        proxy.plan(Fault(end, way, after))
        with pytest.raises(ConnectFailedError) as raised:
            await client.connect()
        assert raised.value.reason
        assert client.state is SessionState.DISCONNECTED
        async with client:
            assert state_of(client) is SessionState.READY


@pytest.mark.parametrize("way", Way)
@pytest.mark.parametrize("end", BREAKS)
async def test_wherever_reconnecting_breaks_off_it_goes_on_until_the_session_is_resumed(
    world: World, proxy: Proxy, way: Way, end: End
) -> None:
    breaks = await opening(world, proxy, way)
    client = world.client(host=proxy.host)
    sessions = Sessions(client)
    async with client:
        await sessions.begun.next()
        first = len(proxy.connections)
        proxy.plan(*(Fault(end, way, after) for after in breaks))
        world.cut()
        await sessions.resumed()
    attempts = proxy.connections[first:]
    assert [attempt.hit.is_set() for attempt in attempts] == [True] * len(breaks) + [False]


@pytest.mark.parametrize("way", Way)
async def test_an_opening_that_stalls_is_given_up(world: World, proxy: Proxy, way: Way) -> None:
    timing = replace(QUICK, connect_timeout=0.1, request_timeout=0.1)
    for after in (await opening(world, proxy, way))[::4]:
        client = world.client(host=proxy.host, timing=timing)
        proxy.fault = Fault(End.STALL, way, after)
        with pytest.raises(ConnectFailedError, match=r"within 0\.1 s|in 0\.1 s"):
            await client.connect()
        assert client.state is SessionState.DISCONNECTED


@pytest.mark.parametrize("way", Way)
async def test_reconnecting_gives_up_what_stalls_and_tries_again(
    world: World, proxy: Proxy, way: Way
) -> None:
    stalls = (await opening(world, proxy, way))[::4]
    client = world.client(
        host=proxy.host, timing=replace(QUICK, connect_timeout=0.5, request_timeout=0.5)
    )
    sessions = Sessions(client)
    proxy.plan(None, *(Fault(End.STALL, way, after) for after in stalls))
    async with client:
        await sessions.begun.next()
        world.cut()
        await sessions.resumed()
    assert len(proxy.connections) >= len(stalls) + 3


async def test_nobody_listens_for_a_while(
    world: World, proxy: Proxy, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    client = world.client(host=proxy.host)
    sessions = Sessions(client)
    async with client:
        await sessions.begun.next()
        async with proxy.refusing():
            world.cut()
            while "attempt 1 to connect" not in caplog.text:
                await anyio.lowlevel.checkpoint()
        await sessions.resumed()
    assert "nothing is listening there" in caplog.text


# Connections that break


class Traffic:
    """Requests of all sizes on one call and beside it, and what became of each."""

    def __init__(self, world: World, client: RelayClient, call: Call) -> None:
        self.world = world
        self.client = client
        self.call = call
        self.done: list[str] = []
        self.lost: list[str] = []
        self.not_sent: list[str] = []
        self._events: Heard[RelayEvent] = Heard()
        client.on_event(self._events)

    async def make(self, name: str) -> None:
        """Send texts, play prompts; wait for the answers, or that there will be none."""
        async with anyio.create_task_group() as tasks:
            for index in range(5):
                tasks.start_soon(self._try, f"play {name} {index}", self._play)
                tasks.start_soon(self._try, f"text {name} {index}", self._send_text)

    async def _try(self, name: str, act: Callable[[str], Awaitable[object]]) -> None:
        try:
            await act(name)
        except ConnectionLostError as error:
            (self.lost if error.maybe_delivered else self.not_sent).append(name)
        else:
            self.done.append(name)

    async def _play(self, name: str) -> None:
        playing = await self.call.play(tts(name))
        await playing.wait()

    async def _send_text(self, name: str) -> None:
        body = f"{name} " + "x" * 8000
        message = await self.client.send_message(to_number=TEXT_TO, from_number=OFFICE, body=body)
        await message.wait()

    def check(self) -> None:
        """What was answered was carried out once, and what was lost once at most."""
        happened = self.world.all(What.PLAYED) + self.world.all(What.SENT_TEXT)
        carried_out = Counter(h.details["text"].strip("“”x ") for h in happened)
        assert {carried_out[name] for name in self.done} == {1}
        assert {carried_out[name] for name in self.lost} <= {0, 1}
        assert self.not_sent == []  # what has not been sent waits for the next session
        heard = Counter(map(identity_of, self._events.all))
        assert heard.total()
        assert set(heard.values()) == {1}


def identity_of(event: RelayEvent) -> tuple[str, ...]:
    """What an event tells of what: nothing that the service tells twice."""
    names = ("call_id", "control_id", "message_id", "call_state", "message_state", "state")
    return (event.event_type, *(str(event.params.get(name)) for name in names))


@pytest.mark.parametrize("way", Way)
@pytest.mark.parametrize("end", BREAKS)
async def test_a_break_in_the_middle_of_a_frame_loses_no_call_and_repeats_nothing(
    world: World, proxy: Proxy, way: Way, end: End
) -> None:
    client = world.client(host=proxy.host)
    sessions = Sessions(client)
    async with answered_call(world, client) as call:
        await sessions.begun.next()
        playing = await call.play(LONG)
        traffic = Traffic(world, client, call)
        for after in (0, 1, 4, 30, 1000, 20_000):
            connection = proxy.latest
            connection.befall(Fault(end, way, after))
            await traffic.make(f"after {after}")
            await connection.hit.wait()
            await sessions.resumed()
        await traffic.make("at last")
        await playing.stop()
        assert (await playing.wait()).params["state"] == "finished"
        await call.hangup()
        await call.wait_for_ended()
        traffic.check()
    assert traffic.lost


# Connections that fall silent


@pytest.mark.parametrize(
    "fault",
    [
        Fault(End.STALL, Way.UP),
        Fault(End.HALF_OPEN, Way.UP, 5),
        Fault(End.HALF_OPEN, Way.DOWN),
    ],
)
async def test_a_link_that_falls_silent_is_found_dead_and_its_calls_go_on(
    world: World, proxy: Proxy, fault: Fault
) -> None:
    client = world.client(host=proxy.host, timing=ATTENTIVE)
    sessions = Sessions(client)
    async with answered_call(world, client) as call:
        await sessions.begun.next()
        playing = await call.play(LONG)
        proxy.latest.befall(fault)
        with pytest.raises(ConnectionLostError, match="pings in a row") as raised:
            await call.play(tts("Are you still there?"))
        assert raised.value.maybe_delivered
        await sessions.resumed()
        await playing.stop()
        assert (await playing.wait()).params["state"] == "finished"
        await call.hangup()
        await call.wait_for_ended()
    assert len(world.all(What.PLAYED, text="Are you still there?")) <= 1


# Connections that crawl


@pytest.mark.parametrize("pace", [Pace(piece=1), Pace(piece=150, delay=0.002)])
async def test_a_slow_link_carries_everything_in_order(
    world: World, proxy: Proxy, pace: Pace
) -> None:
    proxy.pace = pace
    client = world.client(host=proxy.host)
    digits = [step for digit in "123" for step in (Hear(digit), Press(digit))]
    async with answered_call(world, client, *digits) as call:
        events: Heard[RelayEvent] = Heard()
        call.on("calling.call.play", events)
        for digit in "123":
            action = await call.play_and_collect(
                tts(digit), {"digits": {"max": 1}, "initial_timeout": 10.0}
            )
            assert (await action.wait()).params["result"]["params"]["digits"] == digit
        message = await client.send_message(to_number=TEXT_TO, from_number=OFFICE, body="x" * 1000)
        await message.wait()
        await call.hangup()
        await call.wait_for_ended()
    assert [event.params["state"] for event in events.all] == ["playing", "finished"] * 3
    assert len(proxy.connections) == 1


# The end


@pytest.mark.parametrize("end", End)
async def test_disconnect_returns_whatever_happens_to_its_farewell(
    world: World, proxy: Proxy, end: End
) -> None:
    timing = replace(QUICK, close_timeout=0.1)
    for way in Way:
        for after in (0, 3):
            client = world.client(host=proxy.host, timing=timing)
            await client.connect()
            call = await client.dial([[phone(ANSWERING)]])
            proxy.latest.befall(Fault(end, way, after))
            await client.disconnect()
            assert client.state is SessionState.CLOSED
            assert call.state == "ended"


# All of it


class Office:
    """Takes calls, says one sentence to each, and hangs up, whatever that takes."""

    def __init__(self, client: RelayClient) -> None:
        self.taken: Counter[str] = Counter()
        self.served: Counter[str] = Counter()
        client.on_call(self.serve)

    async def serve(self, call: Call) -> None:
        self.taken[call.call_id] += 1
        with suppress(ConnectionLostError, RequestTimeoutError):  # perhaps it was carried out
            await self.talk(call)
        while call.state != "ended":
            try:
                await call.hangup()
            except (ConnectionLostError, RequestTimeoutError):
                continue
            await call.wait_for_ended()
        self.served[call.call_id] += 1

    async def talk(self, call: Call) -> None:
        await call.answer()
        playing = await call.play(tts(call.call_id))
        await playing.wait()


async def call_again_and_again(world: World, enough: anyio.Event, placed: list[str]) -> None:
    while not enough.is_set():
        call_id = world.place_call()
        placed.append(call_id)
        await world.until(What.ENDED, call_id=call_id)


def random_fault(random: Random) -> Fault:
    [end] = random.choices(list(End), (3, 3, 1, 1))  # to find a silent one takes its time
    return Fault(end, random.choice(list(Way)), random.randrange(8000))


async def test_after_many_faults_every_call_has_been_served_once(
    world: World, proxy: Proxy
) -> None:
    random = Random(1)
    faults = [random_fault(random) for _ in range(20)]
    timing = replace(
        ATTENTIVE,
        ping_interval=0.1,
        ping_timeout=0.1,
        ping_retry_delay=0.02,
        connect_timeout=0.3,
        request_timeout=0.3,
    )
    client = world.client(host=proxy.host, timing=timing, limits=Limits(ping_failures=2))
    office = Office(client)
    placed: list[str] = []
    enough = anyio.Event()
    async with client:
        proxy.plan(*faults)
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(call_again_and_again, world, enough, placed)
            world.cut()
            for number in range(1, len(faults) + 1):
                await over(await proxy.connection(number))
            enough.set()
        while office.served.total() < len(placed) or engine_of(client).core.active_calls:
            await anyio.lowlevel.checkpoint()
        while engine_of(client).delivery.handlers:
            await anyio.lowlevel.checkpoint()
        await client.receive(["sales"])
        assert client.state is SessionState.READY
    assert office.taken == office.served == Counter(placed)
    for what in (What.ANSWERED, What.PLAYED, What.ENDED):
        times = Counter(happened.call_id for happened in world.all(what))
        assert set(times.values()) == {1}
    assert len(world.all(What.ENDED)) == len(placed)


async def over(connection: Connection) -> None:
    """Wait until a connection has met its fault, or the client has left it before."""
    async with anyio.create_task_group() as tasks:

        async def wait_for(event: anyio.Event) -> None:
            await event.wait()
            tasks.cancel_scope.cancel()

        tasks.start_soon(wait_for, connection.hit)
        tasks.start_soon(wait_for, connection.left)
