"""Who hears what: handlers by context, and listeners of the whole client."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from relay_anyio import Call, Message, RelayEvent, collecting, digits, sip, tts
from relay_proto.exchange import Hear, Press, What
from tests.adapters import support
from tests.adapters.support import (
    ANSWERING,
    CALLER,
    LONG,
    OFFICE,
    Certificates,
    Heard,
    World,
    answered_call,
    open_world,
)

pytestmark = pytest.mark.anyio

SALES = "+15550002001"
NUMBERS = {OFFICE: "office", SALES: "sales"}


async def test_each_context_has_its_handler_and_one_takes_the_rest(
    certificates: Certificates,
) -> None:
    sales: Heard[Call] = Heard()
    rest: Heard[Call] = Heard()
    async with open_world(certificates, numbers=NUMBERS) as world:
        client = world.client(contexts=["office", "sales"])
        client.on_call(contexts=["sales"])(sales)
        client.on_call(rest)
        async with client:
            world.place_call(to=SALES)
            world.place_call(to=OFFICE)
            assert (await sales.next()).context == "sales"
            assert (await rest.next()).context == "office"


async def test_a_call_of_a_context_that_nobody_handles_is_passed_back(
    certificates: Certificates,
) -> None:
    sales: Heard[Call] = Heard()
    async with open_world(certificates, numbers=NUMBERS) as world:
        client = world.client(contexts=["office", "sales"])
        async with client:
            client.on_call(sales, contexts=["sales"])
            world.place_call(to=OFFICE)
            await world.until(What.PASSED)
            world.place_call(to=SALES)
            assert (await sales.next()).context == "sales"


async def test_contexts_of_a_handler_are_checked(world: World) -> None:
    with pytest.raises(TypeError, match="contexts must be a list of str"):
        world.client().on_call(Heard[Call](), contexts="sales")  # type: ignore[call-overload]


async def test_the_client_hears_every_event_and_those_of_one_type(world: World) -> None:
    client = world.client()
    every: Heard[RelayEvent] = Heard()
    plays: Heard[RelayEvent] = Heard()
    client.on_event(every)
    assert client.on("calling.call.play", plays) is plays
    async with answered_call(world, client) as call:
        playing = await call.play(LONG)
        await playing.stop()
        await playing.wait()
        told = await plays.take(2)
        assert [event.params["state"] for event in told] == ["playing", "finished"]
        client.off("calling.call.play", plays)
        again = await call.play(LONG)
        await again.stop()
        await again.wait()
        await call.hangup()
        await call.wait_for_ended()
    types = [event.event_type for event in every.all]
    assert types[0] == "calling.call.receive"
    assert types.count("calling.call.play") == 4
    assert len(plays.all) == 2


async def test_a_coroutine_listener_of_the_client_hears_in_order(world: World) -> None:
    client = world.client()
    heard: Heard[str] = Heard()

    async def listen(event: RelayEvent) -> None:
        await client.execute("signalwire.ping", {})
        heard(event.params["call_state"])

    client.on("calling.call.state", listen)
    async with answered_call(world, client) as call:
        await call.hangup()
        assert await heard.take(3) == ["answered", "ending", "ended"]


async def test_a_listener_need_not_have_a_hash(world: World) -> None:
    @dataclass
    class Log:
        lines: list[str] = field(default_factory=list[str])

        def __call__(self, event: RelayEvent) -> None:
            self.lines.append(event.event_type)

    log = Log()
    client = world.client()
    client.on("calling.call.state", log)
    async with answered_call(world, client) as call:
        assert log.lines == ["calling.call.state"]
        client.off("calling.call.state", log)
        await call.hangup()
        await call.wait_for_ended()
    assert log.lines == ["calling.call.state"]


async def test_messages_are_heard_by_the_client_too(world: World) -> None:
    client = world.client()
    states: Heard[RelayEvent] = Heard()
    client.on("messaging.state", states)
    async with client:
        message = await client.send_message(to_number=CALLER, from_number=OFFICE, body="Hello")
        await message.wait()
        assert (await states.next()).params["message_id"] == message.message_id


@pytest.mark.parametrize("handler", ["text", 5, None])
async def test_a_listener_that_is_no_function_is_refused(world: World, handler: Any) -> None:
    with pytest.raises(TypeError, match="must be a function"):
        world.client().on("calling.call.play", handler)


async def test_one_number_is_dialled_without_ceremony(world: World) -> None:
    async with world.client() as client:
        call = await client.dial_phone(ANSWERING, OFFICE, timeout=5)
        assert (call.state, call.direction) == ("answered", "outbound")
        assert (call.from_number, call.to_number) == (OFFICE, ANSWERING)
        assert call.is_active
        await call.hangup()
        await call.wait_for_ended()
        with pytest.raises(ValueError, match=r"to_number must be in E\.164 form"):
            await client.dial_phone("5551234", OFFICE)


async def test_a_sip_address_is_dialled_without_ceremony(world: World) -> None:
    async with world.client() as client:
        call = await client.dial_sip("sip:bob@example.com", "sip:ivr@example.com")
        assert (call.from_number, call.to_number) == ("sip:ivr@example.com", "sip:bob@example.com")
        assert call.headers == {}


async def test_the_headers_of_a_call_are_a_dict(world: World) -> None:
    headers = [{"name": "X-Id", "value": "7"}, {"value": "nameless"}, "nonsense"]
    device: Any = sip("sip:bob@example.com", "sip:ivr@example.com")
    device["params"]["headers"] = headers
    call = support.make(
        Call, world.client(), "call-9", "node-1", "project", "office", device=device
    )
    assert call.headers == {"X-Id": "7"}


async def test_builders_go_wherever_dicts_do(world: World) -> None:
    client = world.client()
    async with answered_call(world, client, Hear("menu"), Press("4")) as call:
        menu = await call.play_and_collect([tts("The menu")], collecting(digits=digits(1)))
        await menu.wait()
        assert (menu.digits, menu.speech, menu.terminator) == ("4", "", "")


# Handlers that take the place of others


def handle_sales(call: Call) -> None:
    """Handle a call."""


def handle_support(call: Call) -> None:
    """Handle a call."""


def answer_texts(message: Message) -> None:
    """Handle a text."""


def ignore_texts(message: Message) -> None:
    """Handle a text."""


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage().replace(__name__ + ".", "") for record in caplog.records]


async def test_a_second_handler_takes_the_place_of_the_first_and_a_warning_names_both(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    client = world.client()
    client.on_call(handle_sales)
    client.on_call(handle_sales)
    client.on_call(handle_support, contexts=["office", "sales"])
    assert lines(caplog) == []
    client.on_call(handle_support)
    client.on_call(handle_sales, contexts=["sales"])
    replaced = "on_call: handle_support replaces on_call: handle_sales, which gets no more calls"
    of_context = "on_call: handle_sales replaces on_call: handle_support, which gets no more calls"
    assert lines(caplog) == [replaced, f"{of_context} of the context sales"]


async def test_a_second_handler_of_texts_does_so_as_well(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    client = world.client()
    client.on_message(answer_texts)
    client.on_message(answer_texts)
    assert lines(caplog) == []
    client.on_message(ignore_texts)
    words = "on_message: ignore_texts replaces answer_texts, which gets no more messages"
    assert lines(caplog) == [words]


async def test_so_does_a_stream_until_it_is_closed(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    client = world.client()
    client.on_call(handle_sales)
    with client.calls():
        words = "calls() replaces on_call: handle_sales, which gets no more calls"
        assert lines(caplog) == [words]
    client.on_call(handle_sales)
    assert lines(caplog) == [words]


NO_CONTEXT = "the client is subscribed to no context, so its handlers get no calls and no texts"


async def ignore(told: object) -> None:
    """Do nothing with a call, or with a text."""


@pytest.mark.parametrize("texts", [False, True], ids=["calls", "texts"])
async def test_a_client_with_handlers_and_no_context_warns_once(
    world: World, caplog: pytest.LogCaptureFixture, texts: bool
) -> None:
    client = world.client(contexts=[])
    register: Any = client.on_message if texts else client.on_call
    register(ignore)
    async with client:
        assert caplog.text.count(NO_CONTEXT) == 1
        world.cut()
        await world.until(What.SESSION_RESUMED)
        await client.wait_ready()
    assert caplog.text.count(NO_CONTEXT) == 1


@pytest.mark.parametrize("contexts", [[], ["office"]])
async def test_a_client_that_lacks_nothing_does_not_warn(
    world: World, caplog: pytest.LogCaptureFixture, contexts: list[str]
) -> None:
    client = world.client(contexts=contexts)
    if contexts:
        client.on_call(ignore)
        client.on_message(ignore)
    async with client:
        assert NO_CONTEXT not in caplog.text
