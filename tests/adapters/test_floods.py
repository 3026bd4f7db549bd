"""Floods: what comes faster than the application takes it waits, within bounds."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

import anyio
import pytest

from relay_anyio import Call, Limits, Message, RelayClient, RelayEvent
from tests.adapters.peers import Peer, client_of, serving
from tests.adapters.support import Certificates, Heard

pytestmark = pytest.mark.anyio

PLAY: Final = "calling.call.play"
LONG = "x" * 10_000


class Flood:
    """A client, and the peer that tells it more than it can take."""

    def __init__(self, client: RelayClient, peer: Peer) -> None:
        self.client = client
        self.peer = peer

    async def text(self, *bodies: str) -> None:
        """Deliver text messages."""
        for body in bodies:
            await self.peer.event("messaging.receive", message_id=f"m-{body[:9]}", body=body)
        await self.in_step()

    async def tell(self, *states: str, **more: str) -> None:
        """Tell events of the call."""
        for state in states:
            await self.peer.event(PLAY, call_id="call-1", control_id="c-1", state=state, **more)
        await self.in_step()

    async def in_step(self) -> None:
        """Wait until the client has heard all that was told."""
        await self.client.execute("test.echo", {})


@asynccontextmanager
async def flooded(certificates: Certificates, **limits: int) -> AsyncGenerator[Flood]:
    """A client with these limits, connected to a peer that tells what the test wants."""
    peers: Heard[Peer] = Heard()

    async def script(peer: Peer) -> None:
        await peer.welcome()
        peers(peer)
        while True:
            frame = await peer.receive()
            if "method" in frame:
                await peer.reply(frame)

    async with (
        serving(certificates.server_context(), script) as host,
        client_of(host, limits=Limits(**limits)) as client,
    ):
        yield Flood(client, await peers.next())


class Slow:
    """Handlers of messages that wait until they are released."""

    def __init__(self) -> None:
        self.begun: Heard[str] = Heard()
        self.released = anyio.Event()
        self.running = self.most = 0

    async def __call__(self, message: Message) -> None:
        self.running += 1
        self.most = max(self.most, self.running)
        self.begun(message.body)
        await self.released.wait()
        self.running -= 1


async def test_so_many_messages_are_handled_at_once_and_the_others_wait_in_order(
    certificates: Certificates, caplog: pytest.LogCaptureFixture
) -> None:
    slow, ringing = Slow(), Heard[Call]()

    async def handle(message: Message) -> None:
        await slow(message)

    async with flooded(certificates, message_handlers=2, listener_backlog=3) as flood:
        flood.client.on_message(handle)
        flood.client.on_call(ringing)
        await flood.text("a", "b", "c", "d", "e", "f", "g")
        assert await slow.begun.take(2) == ["a", "b"]
        await flood.peer.offer_call()
        assert (await ringing.next()).call_id == "call-1", "a call does not wait for messages"
        assert slow.begun.all == ["a", "b"]
        slow.released.set()
        assert sorted(await slow.begun.take(3)) == ["c", "d", "e"]
        await flood.text("h")
        assert await slow.begun.next() == "h"
    assert slow.most == 2
    dropped = [r.getMessage() for r in caplog.records if "too many messages wait" in r.getMessage()]
    assert [words.partition(" is dropped:")[0] for words in dropped] == [
        "handler of message m-f",
        "handler of message m-g",
    ]


async def test_messages_that_wait_are_bounded_in_bytes(
    certificates: Certificates, caplog: pytest.LogCaptureFixture
) -> None:
    slow = Slow()

    async def handle(message: Message) -> None:
        await slow(message)

    async with flooded(certificates, message_handlers=1, backlog_bytes=25_000) as flood:
        flood.client.on_message(handle)
        await flood.text(*(f"{number}{LONG}" for number in range(5)))
        slow.released.set()
        bodies = await slow.begun.take(3)
        assert [body[0] for body in bodies] == ["0", "1", "2"]
        await flood.text("last")
        assert await slow.begun.next() == "last"
    assert caplog.text.count("too many messages wait") == 2


async def test_messages_that_wait_at_the_end_are_dropped_with_a_word(
    certificates: Certificates, caplog: pytest.LogCaptureFixture
) -> None:
    slow = Slow()

    async def handle(message: Message) -> None:
        await slow(message)

    async with flooded(certificates, message_handlers=1) as flood:
        flood.client.on_message(handle)
        await flood.text("a", "b", "c")
        assert await slow.begun.next() == "a"
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(flood.client.disconnect)
            await anyio.wait_all_tasks_blocked()
            slow.released.set()
    assert slow.begun.all == ["a"]
    assert "disconnected: 2 messages that waited for a handler" in caplog.text


@pytest.mark.parametrize("of_call", [True, False])
async def test_events_that_wait_for_a_listener_are_bounded_in_bytes(
    certificates: Certificates, caplog: pytest.LogCaptureFixture, of_call: bool
) -> None:
    heard: Heard[RelayEvent] = Heard()
    ringing: Heard[Call] = Heard()
    released = anyio.Event()

    async def stuck(event: RelayEvent) -> None:
        await released.wait()
        heard(event)

    async with flooded(certificates, backlog_bytes=25_000) as flood:
        flood.client.on_call(ringing)
        await flood.peer.offer_call()
        (await ringing.next() if of_call else flood.client).on(PLAY, stuck)
        await flood.tell("a", "b", "c", "d", "e", extra=LONG)
        released.set()
        events = await heard.take(3)
        assert [event.params["state"] for event in events] == ["a", "b", "c"]
        await flood.tell("f")
        assert (await heard.next()).params["state"] == "f"
    assert caplog.text.count("because the backlog has 2 events (20") == 2


async def test_listeners_that_hang_are_bounded(
    certificates: Certificates, caplog: pytest.LogCaptureFixture
) -> None:
    begun: Heard[str] = Heard()
    released = anyio.Event()

    async with flooded(certificates, active_calls=1, listener_backlog=2) as flood:
        for name in "abcd":

            async def stuck(event: RelayEvent, name: str = name) -> None:
                await released.wait()
                begun(name)

            flood.client.on(PLAY, stuck)
        await flood.tell("playing")
        assert caplog.text.count("too many listeners run") == 1
        released.set()
        assert sorted(await begun.take(3)) == ["a", "b", "c"]
        await flood.tell("finished")
        await begun.take(3)
