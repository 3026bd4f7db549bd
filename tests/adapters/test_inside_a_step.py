"""What an application does from inside a step: it is done behind the step, in order.

On asyncio and trio, plain listeners, predicates and handlers of the log run while a
client performs what one read has brought. They may close streams, change who hears
what, disconnect, or begin something new. On threads only the log and the collection
of garbage get into the thread that does the work.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, Final

import anyio
import anyio.to_thread
import pytest

from relay_anyio import (
    Call,
    LocalProtocolError,
    RelayClient,
    RelayError,
    RelayEvent,
    SessionState,
)
from relay_proto.exchange import TextMessage, What
from tests.adapters.eager import begin
from tests.adapters.peers import Peer, client_of, serving
from tests.adapters.service import Service, in_a_program
from tests.adapters.support import (
    ANSWERING,
    CALLER,
    LONG,
    OFFICE,
    Certificates,
    Heard,
    World,
    no_client_task_is_left,
    open_world,
    phone,
    state_of,
)

pytestmark = pytest.mark.anyio

PLAY: Final = "calling.call.play"
RECEIVE: Final = "calling.call.receive"
SALES: Final = "+15550002001"
NUMBERS: Final = {OFFICE: "office", SALES: "sales"}


class Once:
    """A function of the application that acts when it is called first, and only then."""

    def __init__(self, act: Callable[[], Any], event_type: str = "") -> None:
        self._act = act
        self._event_type = event_type
        self.called = anyio.Event()

    def __call__(self, item: Any) -> Any:
        wanted = self._event_type in ("", getattr(item, "event_type", ""))
        if not wanted or self.called.is_set():
            return None
        self.called.set()
        return self._act()


@pytest.fixture(autouse=True)
def no_errors(caplog: pytest.LogCaptureFixture, package: str) -> Generator[None]:
    """Nothing that these programs do is an error."""
    caplog.set_level(logging.DEBUG, package)
    yield
    logged = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert [record.getMessage() for record in logged] == []


# Where an application gets into a step


async def on_event(client: RelayClient, world: World, act: Callable[[], Any]) -> None:
    client.on_event(Once(act, PLAY))
    await play(client)


async def on(client: RelayClient, world: World, act: Callable[[], Any]) -> None:
    client.on(PLAY, Once(act))
    await play(client)


async def call_on(client: RelayClient, world: World, act: Callable[[], Any]) -> None:
    call = await client.dial([[phone(ANSWERING)]])
    call.on(PLAY, Once(act))
    await call.play(LONG)


async def on_completed(client: RelayClient, world: World, act: Callable[[], Any]) -> None:
    call = await client.dial([[phone(ANSWERING)]])
    playing = await call.play(LONG, on_completed=Once(act))
    await playing.stop()


async def message_on(client: RelayClient, world: World, act: Callable[[], Any]) -> None:
    message = await client.send_message(to_number=CALLER, from_number=OFFICE, body="Hello")
    message.on(Once(act))


async def on_message(client: RelayClient, world: World, act: Callable[[], Any]) -> None:
    client.on_message(Once(act))
    text = TextMessage(from_number=CALLER, to_number=OFFICE, body="Hello")
    world.simulator.command(world.exchange.receive_text, text)


async def on_call(client: RelayClient, world: World, act: Callable[[], Any]) -> None:
    client.on_call(Once(act), contexts=["sales"])
    world.place_call(to=SALES)


async def on_disconnected(client: RelayClient, world: World, act: Callable[[], Any]) -> None:
    client.on_disconnected(Once(act))
    world.cut()


async def on_connected(client: RelayClient, world: World, act: Callable[[], Any]) -> None:
    client.on_connected(Once(act))
    world.cut()


async def in_a_predicate(client: RelayClient, world: World, act: Callable[[], Any]) -> None:
    def is_it(event: RelayEvent) -> bool:
        act()
        return True

    call = await client.dial([[phone(ANSWERING)]])
    async with call.expect(PLAY, is_it) as playing:
        await call.play(LONG)
        await playing.wait()


async def in_the_log(client: RelayClient, world: World, act: Callable[[], Any]) -> None:
    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if not acting and PLAY in record.getMessage():
                acting.append(True)
                act()

    acting: list[bool] = []
    package = "relay_anyio" if type(client) is RelayClient else "relay_sync"
    handler = Handler()
    logging.getLogger(package).addHandler(handler)
    try:
        await play(client)
        await client.receive(["office"])
    finally:
        logging.getLogger(package).removeHandler(handler)


async def play(client: RelayClient) -> None:
    """Let an event come."""
    call = await client.dial([[phone(ANSWERING)]])
    await call.play(LONG)


Provoke = Callable[[RelayClient, World, Callable[[], Any]], Awaitable[None]]

CALLBACKS: Final[tuple[Provoke, ...]] = (
    on_event,
    on,
    call_on,
    on_completed,
    message_on,
    on_message,
    on_call,
    on_disconnected,
    on_connected,
)


async def provoke_until(
    ended: anyio.Event,
    provoke: Provoke,
    client: RelayClient,
    world: World,
    act: Callable[[], Any],
) -> None:
    """Provoke `act`, which ends the client under whatever is going on."""

    async def go() -> None:
        with suppress(RelayError):
            await provoke(client, world, act)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(go)
        await ended.wait()
        tasks.cancel_scope.cancel()


def named(value: object) -> str:
    return getattr(value, "__name__", "")


# What it does there


@pytest.mark.parametrize("provoke", [*CALLBACKS, in_a_predicate, in_the_log], ids=named)
async def test_streams_routes_and_listeners_may_be_changed(
    certificates: Certificates, provoke: Provoke
) -> None:
    rest: Heard[Call] = Heard()
    noise: Heard[RelayEvent] = Heard()
    states: Heard[RelayEvent] = Heard()
    async with open_world(certificates, numbers=NUMBERS) as world:
        client = world.client(contexts=["office", "sales"])
        client.on_event(noise)
        calls = client.calls(contexts=["office"])
        acted = anyio.Event()

        def act() -> None:
            calls.close()
            client.on_call(rest)
            client.off("", noise)
            client.on("calling.call.state", states)
            acted.set()

        async with client:
            unpulled = world.place_call()
            await world.until(What.OFFERED)
            await client.receive(["office"])  # so it has come
            await provoke(client, world, act)
            await acted.wait()
            await world.until(What.PASSED, call_id=unpulled)
            placed = world.place_call()
            taken = await rest.next()
            assert taken.call_id == placed
            await taken.answer()
            await states.next()
            assert client.state is SessionState.READY
            assert [call async for call in calls] == []


@pytest.mark.parametrize("way", ["drain", "disconnect"])
@pytest.mark.parametrize("provoke", CALLBACKS, ids=named)
async def test_a_callback_may_end_the_client(
    certificates: Certificates, provoke: Provoke, way: str
) -> None:
    ended = anyio.Event()
    async with open_world(certificates, numbers=NUMBERS) as world:
        client = world.client(contexts=["office", "sales"])

        async def act() -> None:
            if way == "drain":
                await client.drain(timeout=0)
            else:
                await client.disconnect()
            ended.set()

        await client.connect()
        await provoke_until(ended, provoke, client, world, act)
        assert state_of(client) is SessionState.CLOSED
        await client.disconnect()
        await no_client_task_is_left()


@pytest.mark.parametrize("provoke", [c for c in CALLBACKS if c is not on_disconnected], ids=named)
async def test_a_callback_may_ask_for_something(
    certificates: Certificates, provoke: Provoke
) -> None:
    answered: Heard[dict[str, Any]] = Heard()
    async with open_world(certificates, numbers=NUMBERS) as world:
        client = world.client(contexts=["office", "sales"])

        async def act() -> None:
            answered(await client.execute("signalwire.ping", {}))

        async with client:
            await provoke(client, world, act)
            await answered.next()


# Tasks that begin at once


@pytest.fixture
def eagerly(runtime: str) -> None:
    """Skip what only asyncio can do."""
    if runtime != "asyncio":
        pytest.skip("only asyncio has eager tasks")


@contextmanager
def all_tasks_eager() -> Generator[None]:
    """Let the client's tasks begin at once, too, where asyncio can do that."""
    loop = asyncio.get_running_loop()
    if sys.version_info >= (3, 12):
        loop.set_task_factory(asyncio.eager_task_factory)
    try:
        yield
    finally:
        loop.set_task_factory(None)


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize("provoke", [*CALLBACKS, in_a_predicate, in_the_log], ids=named)
async def test_eager_tasks_may_ask_for_something_and_end_the_client(
    certificates: Certificates, provoke: Provoke
) -> None:
    ended = anyio.Event()
    answered: Heard[dict[str, Any]] = Heard()
    async with open_world(certificates, numbers=NUMBERS) as world:
        client = world.client(contexts=["office", "sales"])

        async def work() -> None:
            answered(await client.execute("signalwire.ping", {}))
            begin(leave())

        async def leave() -> None:
            await client.disconnect()
            ended.set()

        with all_tasks_eager():
            await client.connect()
            await provoke_until(ended, provoke, client, world, lambda: begin(work()))
            assert len(answered.all) == 1
            assert state_of(client) is SessionState.CLOSED
            await no_client_task_is_left()


@pytest.mark.async_only("a blocking client has no tasks")
async def test_a_plain_listener_is_called_in_a_task(world: World) -> None:
    """So it can use what needs one: scopes, time-outs, and `asyncio.current_task`."""
    heard: Heard[int] = Heard()
    client = world.client()

    def listen(event: RelayEvent) -> None:
        del event
        anyio.current_effective_deadline()
        heard(anyio.get_current_task().id)

    client.on(PLAY, listen)
    async with client:
        call = await client.dial([[phone(ANSWERING)]])
        playing = await call.play(LONG)
        await playing.stop()
        first, second = await heard.take(2)
    assert first == second != anyio.get_current_task().id


@pytest.mark.usefixtures("eagerly")
async def test_a_listener_whose_task_has_ended_at_once_hears_on(world: World) -> None:
    heard: Heard[str] = Heard()
    client = world.client()

    async def listen(event: RelayEvent) -> None:
        heard(event.event_type)

    client.on(PLAY, listen)
    with all_tasks_eager():
        async with client:
            call = await client.dial([[phone(ANSWERING)]])
            playing = await call.play(LONG)
            await playing.stop()
            await playing.wait()
            assert await heard.take(2) == [PLAY, PLAY]


# In order


@asynccontextmanager
async def talking_peer(certificates: Certificates) -> AsyncGenerator[tuple[RelayClient, Peer]]:
    """A client, connected to a peer that says what the test wants."""
    peers: Heard[Peer] = Heard()

    async def script(peer: Peer) -> None:
        await peer.welcome()
        peers(peer)
        while True:
            frame = await peer.receive()
            if "method" in frame:
                await peer.reply(frame)

    async with serving(certificates.server_context(), script) as host:
        client = client_of(host, contexts=["office"])
        yield client, await connected(client, peers)
        await client.disconnect()


async def connected(client: RelayClient, peers: Heard[Peer]) -> Peer:
    await client.connect()
    return await peers.next()


async def tell_at_once(peer: Peer, *states: str) -> None:
    """Tell of a playback on call-1, all of it in one write."""
    frames = (
        {
            "jsonrpc": "2.0",
            "id": state,
            "method": "signalwire.event",
            "params": {
                "event_type": PLAY,
                "params": {"call_id": "call-1", "control_id": "control-1", "state": state},
            },
        }
        for state in states
    )
    texts = [peer.wire.send_text(json.dumps(frame).encode()) for frame in frames]
    await peer.send_bytes(b"".join(texts))


def states(events: list[RelayEvent]) -> list[str]:
    return [event.params["state"] for event in events]


async def test_what_is_done_in_a_step_does_not_overtake_what_came_before(
    certificates: Certificates,
) -> None:
    heard: Heard[RelayEvent] = Heard()
    async with talking_peer(certificates) as (client, peer):
        calls = client.calls()
        await peer.offer_call()
        await client.execute("test.echo", {})  # so it has come
        client.on(PLAY, Once(calls.close))  # which passes the call back
        client.on(PLAY, heard)
        await tell_at_once(peer, "playing", "paused", "finished")
        assert states(await heard.take(3)) == ["playing", "paused", "finished"]


@pytest.mark.usefixtures("eagerly")
async def test_an_eager_task_does_not_overtake_what_came_before(
    certificates: Certificates,
) -> None:
    heard: Heard[RelayEvent] = Heard()
    answered: Heard[bool] = Heard()
    async with talking_peer(certificates) as (client, peer):

        async def ask() -> None:
            await client.execute("test.echo", {})
            answered(True)

        client.on_call(Heard[Call]())
        await peer.offer_call()
        client.on(PLAY, Once(lambda: begin(ask())))
        client.on(PLAY, heard)
        await tell_at_once(peer, "playing", "paused", "finished")
        assert states(await heard.take(3)) == ["playing", "paused", "finished"]
        await answered.next()


async def test_a_stream_that_is_closed_when_its_call_is_told_gives_it_back(
    certificates: Certificates,
) -> None:
    """The event comes first, and then the offer: by then nobody takes the call."""
    rest: Heard[Call] = Heard()
    async with open_world(certificates, numbers=NUMBERS) as world:
        client = world.client(contexts=["office", "sales"])
        calls = client.calls()
        client.on(RECEIVE, Once(calls.close))
        async with client:
            placed = world.place_call()
            await world.until(What.PASSED, call_id=placed)
            client.on_call(rest)
            world.place_call()
            await rest.next()
            assert client.state is SessionState.READY


# The collection of garbage


@pytest.mark.async_only("the bridge holds a reference: see the next test")
async def test_the_last_reference_to_a_stream_may_go_in_a_step(world: World) -> None:
    client = world.client()
    held = [client.calls()]
    client.on(PLAY, Once(held.clear))
    async with client:
        unpulled = world.place_call()
        await world.until(What.OFFERED)
        await play(client)
        await world.until(What.PASSED, call_id=unpulled)


class Knot:
    """Garbage that only the collector finds."""

    def __init__(self, held: object) -> None:
        self.held = held
        self.knot = self


@pytest.fixture
def no_collection() -> Generator[None]:
    """Leave garbage where it is, unless a test collects it."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collection")
@pytest.mark.async_only("the bridge holds a reference: see the next test")
async def test_a_stream_may_be_collected_in_another_thread(world: World) -> None:
    async with world.client() as client:
        knot = Knot(client.calls())
        unpulled = world.place_call()
        await world.until(What.OFFERED)
        await client.receive(["office"])  # so it has come
        del knot
        await anyio.to_thread.run_sync(gc.collect)
        await world.until(What.PASSED, call_id=unpulled)
        assert client.state is SessionState.READY


@pytest.mark.usefixtures("no_collection")
@pytest.mark.parametrize("runtime", ["threads"])
async def test_a_stream_may_be_collected_in_the_thread_that_does_the_work(world: World) -> None:
    def body(service: Service) -> None:
        class Handler(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                if PLAY in record.getMessage():
                    gc.collect()

        with service.client() as client:
            knot = Knot(client.calls())
            service.place_call()
            service.until(What.OFFERED)
            client.receive(["office"])  # so it has come
            del knot
            logger, handler = logging.getLogger("relay_sync"), Handler()
            logger.addHandler(handler)
            client.dial([[phone(ANSWERING)]]).play(LONG)
            service.until(What.PASSED)
            logger.removeHandler(handler)

    await in_a_program(world, body)


@pytest.mark.parametrize("runtime", ["threads"])
async def test_who_would_wait_for_itself_is_told(world: World) -> None:
    """A handler of the log runs in the thread that would have to do what it asks for."""
    raised: list[BaseException] = []
    ended: list[bool] = []

    def body(service: Service) -> None:
        class Handler(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                if PLAY in record.getMessage() and not raised:
                    with pytest.raises(LocalProtocolError, match="I/O thread") as found:
                        client.execute("signalwire.ping", {})
                    raised.append(found.value)
                    with pytest.raises(LocalProtocolError, match="I/O thread") as found:
                        call.hangup()
                    raised.append(found.value)
                    client.disconnect()  # which is begun, and not waited for
                    ended.append(True)

        client = service.client()
        client.connect()
        call = client.dial([[phone(ANSWERING)]])
        logger, handler = logging.getLogger("relay_sync"), Handler()
        logger.addHandler(handler)
        call.play(LONG).wait()  # which ends with the client
        logger.removeHandler(handler)
        client.disconnect()
        assert client.state.value == "closed"

    await in_a_program(world, body)
    assert len(raised) == 2
    assert ended == [True]
