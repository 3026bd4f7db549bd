"""A fault of this library's own: it ends the client with words, and nobody waits for ever."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

import anyio
import pytest

from relay_anyio import ClientClosedError, RelayClient
from relay_proto.client import ClientCore
from relay_proto.exchange import TextMessage
from tests.adapters.support import (
    ANSWERING,
    CALLER,
    LONG,
    OFFICE,
    World,
    engine_of,
    no_client_task_is_left,
    phone,
)

pytestmark = pytest.mark.anyio

WORDS: Final = r"the client has failed \(ZeroDivisionError\('planted'\)\), and is disconnected"


def break_down(*_args: Any) -> None:
    raise ZeroDivisionError("planted")


async def ask(client: RelayClient) -> None:
    with pytest.raises(ClientClosedError, match=WORDS):
        await client.execute("signalwire.ping", {})


@pytest.mark.parametrize("broken", [("receive_data",), ("receive_data", "close")], ids="-".join)
async def test_whoever_waits_is_told_and_the_client_can_connect_again(
    world: World,
    package: str,
    broken: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = world.client()
    ended: list[str] = []

    async def wait(what: str, function: Callable[[], Awaitable[object]]) -> None:
        with pytest.raises(ClientClosedError, match=WORDS):
            await function()
        ended.append(what)

    await client.connect()
    call = await client.dial([[phone(ANSWERING)]])
    playing = await call.play(LONG)
    async with anyio.create_task_group() as tasks:
        if "close" in broken:  # else these hear how the call has ended
            tasks.start_soon(wait, "action", playing.wait)
            tasks.start_soon(wait, "call", call.wait_for_ended)
        with monkeypatch.context() as planted:
            for method in broken:
                planted.setattr(ClientCore, method, break_down)
            await ask(client)  # the reply is what breaks it
            while not engine_of(client).over:
                await anyio.lowlevel.checkpoint()
    said = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert said[0].getMessage() == f"the client has failed: this is a bug in {package}"
    assert said[0].exc_info is not None
    assert len(said) == len(broken)
    with pytest.raises(ClientClosedError):
        await client.execute("signalwire.ping", {})
    await client.disconnect()
    await no_client_task_is_left()
    with pytest.raises(ClientClosedError, match=WORDS):
        await client.wait_ready()
    async with client:
        assert await client.execute("signalwire.ping", {}) is not None


async def test_what_was_counted_is_written(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """By the engine itself: nobody has called `disconnect` yet."""
    client = world.client()
    await client.connect()
    text = TextMessage(from_number=CALLER, to_number=OFFICE, body="Hello")
    for _ in range(3):
        world.simulator.command(world.exchange.receive_text, text)
    await client.execute("signalwire.ping", {})  # so they have come, and there is no handler
    with monkeypatch.context() as planted:
        planted.setattr(ClientCore, "receive_data", break_down)
        await ask(client)
    while "(the last of 2 like this in" not in caplog.text:
        await anyio.lowlevel.checkpoint()
    await client.disconnect()
