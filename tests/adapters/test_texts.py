"""Text messages: sending, following their delivery, and receiving."""

from __future__ import annotations

import anyio
import pytest

from relay_anyio import (
    ClientClosedError,
    Connected,
    Message,
    MessageFailedError,
    MessageStateEvent,
    RelayError,
    RelayEvent,
)
from relay_proto.exchange import TextMessage, What
from tests.adapters.peers import Peer, client_of, serving
from tests.adapters.support import (
    CALLER,
    OFFICE,
    PATIENT,
    Certificates,
    Heard,
    World,
    open_world,
)

pytestmark = pytest.mark.anyio

TO = "+15550007777"


async def test_a_message_is_delivered(world: World) -> None:
    async with world.client() as client:
        message = await client.send_message(
            to_number=TO, from_number=OFFICE, body="Hi", tags=["vip"], media=["https://x.test/a"]
        )
        assert message.message_id
        assert message.direction == "outbound"
        assert (message.from_number, message.to_number) == (OFFICE, TO)
        assert (message.body, message.tags, message.media) == ("Hi", ["vip"], ["https://x.test/a"])
        assert "Hi" not in repr(message)
        event = await message.wait()
        assert isinstance(event, MessageStateEvent)
        assert (message.state, event.message_state) == ("delivered", "delivered")
        assert message.is_done
        assert message.result is event
        assert message.segments == 1
        assert await message.wait(timeout=0) is event


async def test_a_message_that_reaches_nobody_says_why(certificates: Certificates) -> None:
    async with (
        open_world(certificates, undeliverable=frozenset({TO})) as world,
        world.client() as client,
    ):
        message = await client.send_message(to_number=TO, from_number=OFFICE, body="Hi")
        await message.wait()
        assert (message.state, message.reason) == ("undelivered", "the number cannot be reached")


async def test_each_state_is_heard_in_order(world: World) -> None:
    heard: Heard[RelayEvent] = Heard()
    async with world.client() as client:
        message = await client.send_message(to_number=TO, from_number=OFFICE, body="Hi")
        assert message.on(heard) is heard
        result = await message.wait()
        while await heard.next() != result:
            pass
        states = [e.message_state for e in heard.all if isinstance(e, MessageStateEvent)]
        assert states[-3:] == ["initiated", "sent", "delivered"]


async def test_a_slow_listener_delays_nobody_and_may_use_the_client(world: World) -> None:
    heard: Heard[str] = Heard()
    async with world.client() as client:

        async def react(event: MessageStateEvent) -> None:
            await client.receive(["sales"])
            heard(event.message_state)

        message = await client.send_message(to_number=TO, from_number=OFFICE, body="Hi")
        message.on(react)
        await message.wait()
        while await heard.next() != "delivered":
            pass
        assert message.state == "delivered"


@pytest.mark.parametrize("plain", [True, False])
async def test_on_completed_is_called_once(world: World, plain: bool) -> None:
    heard: Heard[RelayEvent] = Heard()

    async def heard_later(event: RelayEvent) -> None:
        await anyio.lowlevel.checkpoint()
        heard(event)

    async with world.client() as client:
        callback = heard if plain else heard_later
        message = await client.send_message(
            to_number=TO, from_number=OFFICE, body="Hi", on_completed=callback
        )
        assert await heard.next() is await message.wait()
    assert len(heard.all) == 1


async def test_a_state_that_overtakes_the_reply_is_not_lost(certificates: Certificates) -> None:
    async def script(peer: Peer) -> None:
        await peer.welcome("protocol-9")
        request = await peer.request("messaging.send")
        assert request["params"]["context"] == "protocol-9"
        await peer.event("messaging.state", message_id="message-1", message_state="delivered")
        await peer.reply(request, message_id="message-1")
        await peer.gone()

    async with serving(certificates.server_context(), script) as host, client_of(host) as client:
        message = await client.send_message(to_number=TO, from_number=OFFICE, body="Hi")
        await message.wait()
        assert (message.message_id, message.state) == ("message-1", "delivered")


async def test_a_wait_that_times_out_can_be_repeated(certificates: Certificates) -> None:
    go_on = anyio.Event()

    async def script(peer: Peer) -> None:
        await peer.welcome()
        await peer.reply(await peer.request("messaging.send"), message_id="message-1")
        await go_on.wait()
        await peer.event(
            "messaging.state", message_id="message-1", message_state="failed", reason="no credit"
        )
        await peer.gone()

    async with serving(certificates.server_context(), script) as host, client_of(host) as client:
        message = await client.send_message(to_number=TO, from_number=OFFICE, body="Hi")
        for _ in range(2):
            with pytest.raises(TimeoutError):
                await message.wait(0.01)
        with anyio.move_on_after(0.01):
            await message.wait()
        go_on.set()
        await message.wait()
        assert (message.state, message.reason) == ("failed", "no credit")


async def test_disconnect_ends_the_wait(certificates: Certificates) -> None:
    async def script(peer: Peer) -> None:
        await peer.welcome()
        await peer.reply(await peer.request("messaging.send"), message_id="message-1")
        await peer.gone()

    async with serving(certificates.server_context(), script) as host:
        async with client_of(host) as client:
            message = await client.send_message(to_number=TO, from_number=OFFICE, body="Hi")
        with pytest.raises(ClientClosedError):
            await message.wait()


async def test_the_loss_of_the_session_does_not_end_the_wait_but_disconnect_does(
    certificates: Certificates,
) -> None:
    waits: list[str] = []
    connected: Heard[Connected] = Heard()
    sent: Heard[MessageStateEvent] = Heard()
    go_on = anyio.Event()

    async def script(peer: Peer) -> None:
        await peer.welcome()
        await peer.reply(await peer.request("messaging.send"), message_id="message-1")
        await go_on.wait()

    async def another_session(peer: Peer) -> None:
        await peer.welcome("protocol-2")
        await peer.event("messaging.state", message_id="message-1", message_state="sent")
        await peer.gone()

    async def wait(message: Message) -> None:
        waits.append("begun")
        with pytest.raises(ClientClosedError):
            await message.wait()
        waits.append("ended")

    context = certificates.server_context()
    async with (
        serving(context, script, another_session) as host,
        anyio.create_task_group() as tasks,
        client_of(host) as client,
    ):
        client.on_connected(connected)
        message = await client.send_message(to_number=TO, from_number=OFFICE, body="Hi")
        message.on(sent)
        tasks.start_soon(wait, message)
        go_on.set()
        assert not (await connected.next()).resumed
        assert (await sent.next()).message_state == "sent"
        assert (waits, message.is_done) == (["begun"], False)
    assert waits == ["begun", "ended"]


async def test_a_refused_message_raises_the_servers_words(certificates: Certificates) -> None:
    async def script(peer: Peer) -> None:
        await peer.welcome()
        await peer.reply(await peer.request("messaging.send"), code="402", message="Pay first")
        await peer.gone()

    async with serving(certificates.server_context(), script) as host, client_of(host) as client:
        with pytest.raises(RelayError, match="Pay first"):
            await client.send_message(to_number=TO, from_number=OFFICE, body="Hi")


async def test_a_message_without_content_is_refused_before_it_is_sent(world: World) -> None:
    async with world.client() as client:
        with pytest.raises(ValueError, match="body and media"):
            await client.send_message(to_number=TO, from_number=OFFICE)
    assert not world.all(What.SENT_TEXT)


# Messages that come in


@pytest.mark.parametrize("plain", [True, False])
async def test_an_inbound_message_runs_the_handler(world: World, plain: bool) -> None:
    client = world.client()
    heard: Heard[Message] = Heard()

    async def heard_later(message: Message) -> None:
        await client.receive(["sales"])
        heard(message)

    if plain:
        client.on_message(heard)
    else:
        client.on_message(heard_later)
    async with client:
        message_id = receive(world, "yo")
        message = await heard.next()
        assert (message.message_id, message.body) == (message_id, "yo")
        assert (message.from_number, message.to_number) == (CALLER, OFFICE)
        assert (message.context, message.direction, message.state) == (
            "office",
            "inbound",
            "received",
        )


async def test_there_is_nothing_to_wait_for_on_an_inbound_message(world: World) -> None:
    client = world.client()
    heard: Heard[Message] = Heard()
    client.on_message(heard)
    async with client:
        receive(world, "yo")
        message = await heard.next()
        with pytest.raises(ValueError, match="was received"):
            await message.wait()


async def test_a_failing_message_handler_is_logged_and_harmless(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    client = world.client()
    heard: Heard[Message] = Heard()

    @client.on_message
    def fail(message: Message) -> None:
        heard(message)
        raise ZeroDivisionError

    async with client:
        ids = [receive(world, "one"), receive(world, "two")]
        await heard.take(2)
    for message_id in ids:
        assert f"handler of message {message_id} failed" in caplog.text


async def test_a_message_without_a_handler_is_noted(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    async with world.client() as client:
        message_id = receive(world, "yo")
        await client.receive(["sales"])
    assert f"message {message_id} is ignored, because there is no handler" in caplog.text


async def test_a_message_that_comes_before_its_handler_waits_for_it(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    async with world.client(timing=PATIENT) as client:
        ids = [receive(world, "yo"), receive(world, "are you there?")]
        await client.receive(["sales"])  # so they have come
        received: Heard[Message] = Heard()
        client.on_message(received)
        assert {message.message_id for message in await received.take(2)} == set(ids)
    assert "is ignored" not in caplog.text


async def test_a_listener_of_texts_waits_for_no_handler(world: World) -> None:
    client = world.client(timing=PATIENT)
    heard: Heard[RelayEvent] = Heard()
    client.on("messaging.receive", heard)
    async with client:
        message_id = receive(world, "yo")
        event = await heard.next()
        assert event.params["message_id"] == message_id


async def test_a_listener_that_comes_later_hears_what_has_waited(world: World) -> None:
    async with world.client(timing=PATIENT) as client:
        message_id = receive(world, "yo")
        await client.receive(["sales"])  # so it has come
        heard: Heard[RelayEvent] = Heard()
        client.on_event(heard)
        while (event := await heard.next()).event_type != "messaging.receive":
            pass
        assert event.params["message_id"] == message_id


def receive(world: World, body: str) -> str:
    """Let somebody send a text."""
    text = TextMessage(CALLER, OFFICE, body)
    return world.simulator.command(world.exchange.receive_text, text)


# wait_delivered, and replies


async def test_delivery_is_waited_for(world: World) -> None:
    async with world.client() as client:
        message = await client.send_message(to_number=TO, from_number=OFFICE, body="Hi")
        event = await message.wait_delivered(timeout=20)
        assert isinstance(event, MessageStateEvent)
        assert (event.message_state, event) == ("delivered", message.result)
        assert await message.wait_delivered(0) is event


async def test_the_error_says_why_it_was_not_delivered(certificates: Certificates) -> None:
    async with (
        open_world(certificates, undeliverable=frozenset({TO})) as world,
        world.client() as client,
    ):
        message = await client.send_message(to_number=TO, from_number=OFFICE, body="Hi")
        for _ in range(2):
            with pytest.raises(MessageFailedError) as raised:
                await message.wait_delivered()
            error = raised.value
            assert (error.message_id, error.state) == (message.message_id, "undelivered")
            assert error.reason == "the number cannot be reached"


async def test_the_error_shows_no_number(certificates: Certificates) -> None:
    async def script(peer: Peer) -> None:
        await peer.welcome()
        await peer.reply(await peer.request("messaging.send"), message_id="message-1")
        failed = {"message_state": "failed", "reason": f"{TO} has no credit"}
        await peer.event("messaging.state", message_id="message-1", **failed)
        await peer.gone()

    async with serving(certificates.server_context(), script) as host, client_of(host) as client:
        message = await client.send_message(to_number=TO, from_number=OFFICE, body="Hi")
        with pytest.raises(MessageFailedError, match=r"\(failed\): \*\*\*\(12\) has no credit"):
            await message.wait_delivered()
        assert TO in message.reason


async def test_a_reply_goes_back_to_the_sender(world: World) -> None:
    came: Heard[Message] = Heard()
    async with world.client() as client:
        client.on_message(came)
        receive(world, "Are you open?")
        message = await came.next()
        answer = await message.reply("Until six", tags=["hours"], media=["https://x.test/map"])
        assert isinstance(answer, Message)
        assert (answer.from_number, answer.to_number) == (OFFICE, CALLER)
        assert (answer.body, answer.tags, answer.media) == (
            "Until six",
            ["hours"],
            ["https://x.test/map"],
        )
        await answer.wait_delivered()
        await world.until(What.SENT_TEXT, to=CALLER, text="Until six")
        assert answer.context in ("", client.relay_protocol)


async def test_a_reply_in_a_handler_may_be_reported_elsewhere(world: World) -> None:
    replies: Heard[Message] = Heard()
    heard: Heard[RelayEvent] = Heard()
    async with world.client() as client:

        @client.on_message
        async def answer(message: Message) -> None:
            replies(await message.reply(body="Yes", context="office", on_completed=heard))

        receive(world, "Hi")
        reply = await replies.next()
        assert reply.context == "office"
        assert await heard.next() is await reply.wait()


async def test_only_what_came_in_has_somebody_to_reply_to(world: World) -> None:
    came: Heard[Message] = Heard()
    async with world.client() as client:
        client.on_message(came)
        sent = await client.send_message(to_number=TO, from_number=OFFICE, body="Hi")
        with pytest.raises(ValueError, match="this one was sent"):
            await sent.reply("Hi again")
        receive(world, "Hi")
        message = await came.next()
        with pytest.raises(ValueError, match="body and media are both empty"):
            await message.reply()
        with pytest.raises(ValueError, match="no delivery to wait for"):
            await message.wait_delivered()
    with pytest.raises(ValueError, match="not made by a client"):
        await Message(direction="inbound").reply("Hi")
