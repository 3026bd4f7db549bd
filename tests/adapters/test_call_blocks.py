"""``async with call:`` and ``with call:``: the call is hung up at the end of the block."""

from __future__ import annotations

from typing import Final

import anyio
import pytest

from relay_anyio import Call, Disconnected, Timing
from relay_proto.exchange import HangUp, Hear, Wait, What
from tests.adapters.peers import Peer, client_of, serving
from tests.adapters.support import QUICK, Certificates, Heard, World, answered_call, tts

pytestmark = pytest.mark.anyio

IMPATIENT: Final = Timing(retry_min_delay=0.01, retry_max_delay=0.05, close_timeout=0.02)


async def test_the_call_is_over_behind_the_block(world: World) -> None:
    async with answered_call(world, world.client()) as call:
        async with call as entered:
            assert entered is call
            assert call.state == "answered"
            assert repr(call.client).endswith(" ready 1 call up>")
        assert repr(call.client).endswith(" ready>")
        assert (call.state, call.end_reason) == ("ended", "hangup")


async def test_it_answers_nothing_and_ends_a_call_that_was_not_answered(world: World) -> None:
    offered: Heard[Call] = Heard()
    async with world.client() as client:
        client.on_call(offered)
        world.place_call()
        call = await offered.next()
        async with call:
            assert call.state == "created"
        assert call.ended
        assert not world.all(What.ANSWERED)


async def test_an_error_hangs_up_and_goes_on(world: World) -> None:
    async with answered_call(world, world.client()) as call:
        with pytest.raises(ZeroDivisionError):
            async with call:
                raise ZeroDivisionError
        assert call.ended


async def test_a_cancelled_block_hangs_up(world: World) -> None:
    async with answered_call(world, world.client()) as call:
        with anyio.move_on_after(0.05) as limit:
            async with call:
                await call.wait_for_ended()
        assert limit.cancelled_caught
        await call.wait_for_ended()
        assert call.end_reason == "hangup"


async def test_a_caller_who_has_hung_up_is_not_hung_up_again(world: World) -> None:
    async with answered_call(world, world.client(), Hear("bye"), HangUp()) as call:
        async with call:
            await (await call.play(tts("bye"))).wait()
            await call.wait_for_ended()
        assert len(world.all(What.ENDED)) == 1


async def test_a_hangup_in_the_block_is_enough(world: World) -> None:
    async with answered_call(world, world.client()) as call:
        async with call:
            await call.hangup("busy")
        assert call.end_reason == "busy"


async def test_a_handler_of_one_block_hangs_up(world: World) -> None:
    client = world.client()
    told: Heard[Call] = Heard()

    @client.on_call
    async def handle(call: Call) -> None:
        async with call:
            await call.answer()
        told(call)

    async with client:
        world.place_call(Wait(3600))
        assert (await told.next()).ended


@pytest.mark.parametrize("patient", [True, False])
async def test_without_a_session_the_next_one_hangs_up(world: World, patient: bool) -> None:
    way = "queue" if patient else "fail"
    lost: Heard[Disconnected] = Heard()
    client = world.client(while_reconnecting=way)
    client.on_disconnected(lost)
    async with answered_call(world, client) as call:
        with anyio.fail_after(5):
            async with call:
                world.cut()
                await lost.next()
        await world.until(What.ENDED, call_id=call.call_id, reason="hangup")


async def test_a_server_that_never_tells_the_end_is_not_waited_for_long(
    certificates: Certificates,
) -> None:
    asked: Heard[str] = Heard()

    async def script(peer: Peer) -> None:
        await peer.welcome()
        await peer.offer_call()
        request = await peer.request("calling.end")
        asked(request["params"]["reason"])
        await peer.reply(request)
        await peer.gone()

    offered: Heard[Call] = Heard()
    async with serving(certificates.server_context(), script) as host:
        client = client_of(host, timing=IMPATIENT)
        client.on_call(offered)
        async with client:
            async with await offered.next():
                pass
            assert await asked.next() == "hangup"


async def test_a_refusal_to_hang_up_raises_nothing(certificates: Certificates) -> None:
    async def script(peer: Peer) -> None:
        await peer.welcome()
        await peer.offer_call()
        await peer.refuse(await peer.request("calling.end"), 409, "not now")
        await peer.gone()

    offered: Heard[Call] = Heard()
    async with serving(certificates.server_context(), script) as host:
        client = client_of(host, timing=IMPATIENT)
        client.on_call(offered)
        async with client, await offered.next() as call:
            assert not call.ended


async def test_a_disconnect_in_the_block_is_quiet(world: World) -> None:
    client = world.client(timing=QUICK)
    async with answered_call(world, client) as call:
        async with call:
            await client.disconnect()
        assert call.ended
