"""What a `TimeoutError` says: what was waited for, and for how long."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any, Final

import pytest

from relay_anyio import Call
from tests.adapters.peers import Peer, client_of, serving
from tests.adapters.support import CALLER, LONG, OFFICE, Certificates, World, answered_call

pytestmark = pytest.mark.anyio

CALL: Final = r"<Call \S+ inbound answered from=\+1555… to=\+1555…>"


async def expect_a_play(call: Call, seconds: float) -> None:
    async with call.expect("calling.call.play") as playing:
        await playing.wait(seconds)


WAITS: Final[list[tuple[str, Callable[[Call, float], Awaitable[Any]]]]] = [
    (f"for {CALL} to end", lambda call, seconds: call.wait_for_ended(seconds)),
    (f"for {CALL} to be ending", lambda call, seconds: call.wait_for_ending(timeout=seconds)),
    (
        r"for <Expectation of calling.call.tap on \S+> to come true",
        lambda call, seconds: call.wait_for("calling.call.tap", timeout=seconds),
    ),
    (r"for <Expectation of calling.call.play on \S+> to come true", expect_a_play),
]


@pytest.mark.parametrize(("words", "wait"), WAITS)
@pytest.mark.parametrize("seconds", [0, 0.01, -0.5])
async def test_a_wait_on_a_call_says_for_what_and_how_long(
    world: World, words: str, wait: Callable[[Call, float], Awaitable[Any]], seconds: float
) -> None:
    async with answered_call(world, world.client()) as call:
        with pytest.raises(TimeoutError) as raised:
            await wait(call, seconds)
    assert re.fullmatch(f"waited {max(seconds, 0):g} s {words}", str(raised.value))


async def test_the_time_left_may_be_negative(world: World) -> None:
    """As in ``deadline - now``: what is there is returned, as with asyncio's own waits."""
    client = world.client()
    async with answered_call(world, client) as call:
        assert (await call.wait_for_answered(-1)).call_state == "answered"
        playing = await call.play(LONG)
        with pytest.raises(TimeoutError):
            await playing.wait_outcome(-1)
        await client.wait_ready(-1)
        await call.wait_for_disconnected(-1)
        await call.hangup()
        await call.wait_for_ended()
        assert (await playing.wait(-1)).event_type


async def test_a_wait_for_an_action_says_for_what_and_how_long(world: World) -> None:
    async with answered_call(world, world.client()) as call:
        playing = await call.play(LONG, control_id="x-1")
        with pytest.raises(TimeoutError) as raised:
            await playing.wait(0.01)
    words = r"waited 0.01 s for <PlayAction x-1 \w+( playing)? call=\S+> to complete"
    assert re.fullmatch(words, str(raised.value))


async def test_a_wait_for_a_message_says_for_what_and_how_long(certificates: Certificates) -> None:
    async def script(peer: Peer) -> None:
        await peer.welcome()
        await peer.reply(await peer.request("messaging.send"), message_id="m-1")
        await peer.gone()

    async with serving(certificates.server_context(), script) as host, client_of(host) as client:
        sent = await client.send_message(to_number=CALLER, from_number=OFFICE, body="Hi")
        with pytest.raises(TimeoutError) as raised:
            await sent.wait(0.01)
    words = "<Message m-1 outbound queued from=+1555… to=+1555…> to arrive or to fail"
    assert str(raised.value) == f"waited 0.01 s for {words}"
