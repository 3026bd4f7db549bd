"""Calls that are connected: `bridge` and `connect_and_wait`, and why they fail."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from relay_anyio import (
    BridgeFailedError,
    Call,
    CallEndedError,
    ConnectEvent,
    RelayError,
    UnknownNameWarning,
)
from relay_proto.exchange import HangUp, Hear, Wait, What
from tests.adapters.peers import Peer, client_of, serving
from tests.adapters.support import (
    ANSWERING,
    BUSY,
    DECLINING,
    LEAVING,
    SILENT,
    UNREACHABLE,
    Certificates,
    Heard,
    World,
    answered_call,
    phone,
    tts,
)

pytestmark = pytest.mark.anyio


async def test_two_calls_hear_each_other(world: World) -> None:
    async with answered_call(world, world.client()) as near:
        far = await near.client.dial([[phone(ANSWERING)]])
        event = await near.bridge(far, timeout=5)
        assert isinstance(event, ConnectEvent)
        assert (event.connect_state, event.call_id) == ("connected", near.call_id)
        assert (near.peer["call_id"], event.peer["call_id"]) == (far.call_id, far.call_id)
        while not far.peer:
            await far.wait_for("calling.call.connect", timeout=5)
        assert far.peer["call_id"] == near.call_id
        await near.disconnect()
        await near.bridge(far)
        assert len(world.all(What.CONNECTED)) == 2


async def test_a_call_that_is_connected_already_is_refused(world: World) -> None:
    async with answered_call(world, world.client()) as near:
        far = await near.client.dial([[phone(ANSWERING)]])
        await near.bridge(far)
        with pytest.raises(RelayError) as raised:
            await near.bridge(far)
        assert raised.value.code == 409
        assert not near.ended


async def test_a_call_is_not_connected_with_itself(world: World) -> None:
    async with answered_call(world, world.client()) as call:
        with pytest.raises(RelayError):
            await call.bridge(call)
        assert not call.ended


async def test_a_second_call_that_is_over_does_not_end_the_first(world: World) -> None:
    async with answered_call(world, world.client()) as near:
        far = await near.client.dial([[phone(ANSWERING)]])
        await far.hangup()
        await far.wait_for_ended()
        with pytest.raises(RelayError) as raised:
            await near.bridge(far)
        assert raised.value.code in (404, 410)
        assert near.state == "answered"
        await (await near.play(tts("Sorry"))).wait()


async def test_a_call_that_is_over_itself_says_so(world: World) -> None:
    async with answered_call(world, world.client()) as near:
        far = await near.client.dial([[phone(ANSWERING)]])
        await near.hangup()
        await near.wait_for_ended()
        with pytest.raises(CallEndedError):
            await near.bridge(far)
        with pytest.raises(CallEndedError):
            await near.connect_and_wait([[phone(ANSWERING)]])


async def test_a_call_is_connected_and_the_peer_is_known(world: World) -> None:
    async with answered_call(world, world.client()) as call:
        devices = [[phone(BUSY)], [phone(ANSWERING)]]
        event = await call.connect_and_wait(devices, ringback=tts("One moment"), tag="sales")
        assert (event.connect_state, event.peer) == ("connected", call.peer)
        assert call.peer["device"]["params"]["to_number"] == ANSWERING


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (BUSY, "busy"),
        (DECLINING, "decline"),
        (SILENT, "no_answer"),
        (UNREACHABLE, "not_found"),
    ],
)
async def test_the_error_says_why_nobody_was_connected(
    world: World, number: str, reason: str
) -> None:
    async with answered_call(world, world.client()) as call:
        with pytest.raises(BridgeFailedError) as raised:
            await call.connect_and_wait([[phone(number, timeout=0.05)]])
        assert (raised.value.reason, raised.value.call_id) == (reason, call.call_id)
        assert str(raised.value).endswith(f"could not be connected: {reason}")
        assert call.state == "answered"
        await call.connect_and_wait([[phone(ANSWERING)]])


async def test_nobody_is_waited_for_longer_than_is_said(world: World) -> None:
    async with answered_call(world, world.client()) as call:
        with pytest.raises(TimeoutError, match=r"waited 0.02 s for <Call .*> to be connected"):
            await call.connect_and_wait([[phone(SILENT)]], timeout=0.02)
        assert call.state == "answered"


async def test_a_caller_who_hangs_up_meanwhile_ends_the_wait(world: World) -> None:
    async with answered_call(world, world.client(), Hear("moment"), HangUp()) as call:
        await call.play(tts("One moment"))
        with pytest.raises(CallEndedError):
            await call.connect_and_wait([[phone(SILENT)]])


async def test_a_party_who_hangs_up_ends_the_wait_and_the_call_goes_on(world: World) -> None:
    async with answered_call(world, world.client()) as call:
        await call.connect_and_wait([[phone(LEAVING)]])
        await call.wait_for_disconnected(timeout=5)
        assert (call.state, call.peer) == ("answered", {})
        await (await call.play(tts("They have left"))).wait()


async def test_both_calls_of_a_bridge_learn_that_it_is_gone(world: World) -> None:
    async with answered_call(world, world.client()) as near:
        far = await near.client.dial([[phone(ANSWERING)]])
        await near.bridge(far)
        while not far.peer:
            await far.wait_for("calling.call.connect", timeout=5)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(far.wait_for_disconnected)
            tasks.start_soon(near.wait_for_disconnected, 5)
            await near.disconnect()
        assert (near.state, far.state) == ("answered", "answered")


async def test_a_call_that_is_over_is_connected_to_nobody(world: World) -> None:
    async with answered_call(world, world.client(), Wait(0.1), HangUp()) as call:
        await call.connect_and_wait([[phone(ANSWERING)]])
        await call.wait_for_disconnected()
        await call.wait_for_ended()
        await call.wait_for_disconnected()


async def test_nobody_is_waited_for_who_is_not_connected(world: World) -> None:
    async with answered_call(world, world.client()) as call:
        await call.wait_for_disconnected()
        with pytest.raises(BridgeFailedError):
            await call.connect_and_wait([[phone(BUSY)]])
        await call.wait_for_disconnected()
        assert call.state == "answered"


async def test_a_connection_that_lasts_is_a_timeout(world: World) -> None:
    async with answered_call(world, world.client()) as call:
        await call.connect_and_wait([[phone(ANSWERING)]])
        with pytest.raises(TimeoutError, match=r"waited 0.02 s for <Call .*> to be disconnected"):
            await call.wait_for_disconnected(0.02)
        assert call.peer


async def test_the_end_of_the_client_ends_the_wait(world: World) -> None:
    async with answered_call(world, world.client()) as call:
        await call.connect_and_wait([[phone(ANSWERING)]])
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(call.wait_for_disconnected)
            await anyio.wait_all_tasks_blocked()
            await call.client.disconnect()
        assert call.ended


async def test_a_refusal_is_raised_at_once(world: World) -> None:
    async with answered_call(world, world.client()) as call:
        unknown: Any = {"type": "pigeon"}  # the server may know it, but does not
        with pytest.warns(UnknownNameWarning), pytest.raises(RelayError):
            await call.connect_and_wait([[unknown]])


async def test_an_event_that_overtakes_the_reply_is_heard(certificates: Certificates) -> None:
    async def script(peer: Peer) -> None:
        await peer.welcome()
        await peer.offer_call()
        request = await peer.request("calling.connect")
        told: dict[str, Any] = {"call_id": "call-1", "node_id": "node-1"}
        await peer.event("calling.call.connect", **told, connect_state="connecting")
        await peer.event("calling.call.connect", **told, connect_state="connected")
        await peer.reply(request)
        await peer.gone()

    offered: Heard[Call] = Heard()
    async with serving(certificates.server_context(), script) as host:
        client = client_of(host)
        client.on_call(offered)
        async with client:
            call = await offered.next()
            with anyio.fail_after(5):
                assert (await call.connect_and_wait([[phone(ANSWERING)]])).connect_state


async def test_what_the_server_says_is_masked(certificates: Certificates) -> None:
    async def script(peer: Peer) -> None:
        await peer.welcome()
        await peer.offer_call()
        await peer.reply(await peer.request("calling.connect"))
        reason = f"no way to {ANSWERING}"
        state = {"connect_state": "failed", "failed_reason": reason}
        await peer.event("calling.call.connect", call_id="call-1", node_id="node-1", **state)
        await peer.gone()

    offered: Heard[Call] = Heard()
    async with serving(certificates.server_context(), script) as host:
        client = client_of(host)
        client.on_call(offered)
        async with client:
            call = await offered.next()
            with pytest.raises(BridgeFailedError, match=r"no way to \*\*\*\(12\)"):
                await call.connect_and_wait([[phone(ANSWERING)]])
