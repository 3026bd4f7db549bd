"""Context variables: each function starts with those of its registration, and with no others."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final

import pytest

from relay_anyio import Call, RelayEvent
from relay_proto.exchange import What
from tests.adapters.service import Service, in_a_program
from tests.adapters.support import ANSWERING, LONG, Certificates, Heard, World, open_world, phone
from tests.adapters.test_failures import CALLBACKS, NUMBERS, PLAY, Provoke, named, play

pytestmark = pytest.mark.anyio

VARIABLE: Final[ContextVar[str]] = ContextVar("variable", default="nobody's")


@pytest.mark.parametrize("later", [False, True], ids=["plain", "coroutine"])
@pytest.mark.parametrize("provoke", CALLBACKS, ids=named)
@pytest.mark.async_only("the bridge brings functions to the loop of the test: see below")
async def test_a_function_starts_with_the_variables_of_its_registration(
    certificates: Certificates, provoke: Provoke, later: bool
) -> None:
    seen: Heard[str] = Heard()

    def plain(item: object) -> None:
        seen(VARIABLE.get())
        VARIABLE.set("the one before")

    async def coroutine(item: object) -> None:
        plain(item)

    async with open_world(certificates, numbers=NUMBERS) as world:
        client = world.client(contexts=["office", "sales"])
        token = VARIABLE.set("who connects")
        async with client:
            VARIABLE.reset(token)
            token = VARIABLE.set("who registers")
            function: Callable[[Any], Any] = coroutine if later else plain
            await provoke(client, world, function)
            await provoke(client, world, function)
            VARIABLE.reset(token)
            assert await seen.take(2) == ["who registers"] * 2
    assert VARIABLE.get() == "nobody's"


async def test_on_threads_too(world: World, runtime: str) -> None:
    if runtime != "threads":
        pytest.skip("it is tried above")
    seen: list[str] = []

    def note(item: object) -> None:
        seen.append(VARIABLE.get())
        VARIABLE.set("the one before")

    def take(call: Any) -> None:
        note(call)
        call.answer()
        call.hangup()

    def body(service: Service) -> None:
        client = service.client()
        VARIABLE.set("who registers")
        client.on_call(take)
        client.on(PLAY, note)
        VARIABLE.set("who connects")
        with client:
            for number in (1, 2):  # in one thread, which is reused
                service.place_call()
                service.until(What.ENDED, times=number)
            call = client.dial([[phone(ANSWERING)]])
            VARIABLE.set("who plays")
            playing = call.play(LONG, on_completed=note)
            playing.stop()
            playing.wait()
        assert sorted(seen) == ["who plays"] + ["who registers"] * 4

    await in_a_program(world, body)


@pytest.mark.async_only("the bridge brings functions to the loop of the test")
async def test_what_a_handler_registers_sees_what_the_handler_has_set(world: World) -> None:
    seen: Heard[tuple[str, str]] = Heard()
    client = world.client()

    @client.on_call
    async def take(call: Call) -> None:
        assert VARIABLE.get() == "nobody's"
        VARIABLE.set(call.call_id)

        def listen(event: RelayEvent) -> None:
            seen((event.event_type, VARIABLE.get()))

        def predicate(event: RelayEvent) -> bool:
            seen(("predicate", VARIABLE.get()))
            return True

        call.on(PLAY, listen)
        await call.answer()
        async with call.expect(PLAY, predicate) as playing:
            await call.play(LONG)
            await playing.wait()

    async with client:
        for _ in range(2):
            call_id = world.place_call()
            told = await seen.take(2)
            assert dict(told) == {PLAY: call_id, "predicate": call_id}


async def test_functions_are_found_again_to_be_taken_off(world: World) -> None:
    heard: Heard[RelayEvent] = Heard()
    every: Heard[RelayEvent] = Heard()
    client = world.client()
    client.on(PLAY, heard)
    client.off(PLAY, heard)
    client.on_event(every)
    async with client:
        await play(client)
        while PLAY not in [event.event_type for event in every.all]:
            await every.next()
    assert heard.all == []
