"""Calling out: who answers, who does not, and that nobody is left ringing."""

from __future__ import annotations

from functools import partial

import anyio
import pytest

from relay_anyio import (
    Call,
    ClientClosedError,
    ConnectionLostError,
    DialFailedError,
    DialTimeoutError,
    Disconnected,
    RelayError,
)
from relay_proto.exchange import Answers, HangUp, Line, Wait, What
from tests.adapters.peers import Peer, client_of, serving
from tests.adapters.support import (
    ANSWERING,
    BUSY,
    DECLINING,
    LONG,
    PROJECT,
    SILENT,
    UNREACHABLE,
    Certificates,
    Heard,
    World,
    phone,
)

pytestmark = pytest.mark.anyio


async def test_the_call_that_was_answered_is_returned(world: World) -> None:
    async with world.client() as client:
        call = await client.dial([[phone(ANSWERING)]], tag="tag-1")
        assert (call.state, call.direction, call.tag) == ("answered", "outbound", "tag-1")
        assert call.project_id == PROJECT
        assert call.device["params"]["to_number"] == ANSWERING
        assert (await world.until(What.ANSWERED)).call_id == call.call_id
        playing = await call.play(LONG)
        await playing.stop()
        await call.hangup()
        await call.wait_for_ended()


async def test_the_first_of_a_group_wins_and_the_others_stop_ringing(world: World) -> None:
    async with world.client() as client:
        call = await client.dial([[phone(SILENT), phone(ANSWERING), phone(SILENT)]])
        assert call.device["params"]["to_number"] == ANSWERING
        await world.until(What.ENDED, reason="cancel", times=2)
        assert call.state == "answered"


async def test_groups_are_tried_one_after_another(world: World) -> None:
    async with world.client() as client:
        call = await client.dial([[phone(BUSY)], [phone(DECLINING)], [phone(ANSWERING)]])
        assert call.device["params"]["to_number"] == ANSWERING
    assert [h.details["to"] for h in world.all(What.DIALED)] == [BUSY, DECLINING, ANSWERING]


@pytest.mark.parametrize(
    ("number", "reason"),
    [(BUSY, "busy"), (DECLINING, "decline"), (UNREACHABLE, "error")],
)
async def test_a_dial_that_failed_says_why(world: World, number: str, reason: str) -> None:
    async with world.client() as client:
        with pytest.raises(DialFailedError) as raised:
            await client.dial([[phone(number)]], tag="tag-1")
        assert (raised.value.tag, raised.value.code) == ("tag-1", -1)
        assert raised.value.reason
        if number != UNREACHABLE:
            assert raised.value.reason == reason


async def test_nobody_answers_before_the_servers_own_timeout(world: World) -> None:
    async with world.client() as client:
        with pytest.raises(DialFailedError, match="noAnswer"):
            await client.dial([[phone(SILENT, timeout=0.01)]])


async def test_a_dial_that_times_out_hangs_its_legs_up(world: World) -> None:
    async with world.client() as client:
        with pytest.raises(DialTimeoutError) as raised:
            await client.dial([[phone(SILENT), phone(SILENT)]], dial_timeout=0.05)
        assert isinstance(raised.value, TimeoutError)
        assert isinstance(raised.value, RelayError)
        await world.until(What.ENDED, reason="cancel", times=2)


async def test_a_cancelled_dial_hangs_its_legs_up(world: World) -> None:
    async with world.client() as client:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.dial, [[phone(SILENT), phone(SILENT)]])
            await world.until(What.RANG, times=2)
            tasks.cancel_scope.cancel()
        await world.until(What.ENDED, reason="cancel", times=2)


async def test_a_dial_cancelled_in_the_moment_of_its_answer_leaves_no_call(
    certificates: Certificates,
) -> None:
    ended: Heard[str] = Heard()
    scope = anyio.CancelScope()

    async def script(peer: Peer) -> None:
        await peer.welcome()
        dial = await peer.request("calling.dial")
        await peer.reply(dial)
        call = {"call_id": "call-1", "node_id": "node-1", "tag": dial["params"]["tag"]}
        await peer.event("calling.call.state", **call, call_state="ringing")
        scope.cancel()
        await peer.event(
            "calling.call.dial", node_id="node-1", tag=call["tag"], dial_state="answered", call=call
        )
        end = await peer.request("calling.end")
        ended(end["params"]["call_id"])
        await peer.reply(end)
        await peer.gone()

    async with serving(certificates.server_context(), script) as host, client_of(host) as client:
        with scope:
            await client.dial([[phone(ANSWERING)]])
        assert await ended.next() == "call-1"


async def test_disconnect_ends_a_dial_and_hangs_its_legs_up(world: World) -> None:
    client = world.client()
    await client.connect()

    async def dial() -> None:
        with pytest.raises(ClientClosedError):
            await client.dial([[phone(SILENT)]])

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(dial)
        await world.until(What.RANG)
        await client.disconnect()
    await world.until(What.ENDED, reason="cancel")


async def test_a_tag_in_use_is_refused_and_free_afterwards(world: World) -> None:
    async with world.client() as client:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(partial(client.dial, [[phone(SILENT)]], tag="tag-1"))
            await world.until(What.RANG)
            with pytest.raises(ValueError, match="tag-1"):
                await client.dial([[phone(ANSWERING)]], tag="tag-1")
            assert len(world.all(What.DIALED)) == 1
            tasks.cancel_scope.cancel()
        await world.until(What.DIAL_FAILED)  # the server is done with the tag
        await client.receive(["sales"])
        assert (await client.dial([[phone(ANSWERING)]], tag="tag-1")).tag == "tag-1"


async def test_a_refused_dial_raises_the_servers_words(certificates: Certificates) -> None:
    async def script(peer: Peer) -> None:
        await peer.welcome()
        await peer.reply(await peer.request("calling.dial"), code="402", message="Pay first")
        await peer.refuse(await peer.request("calling.dial"), -32602, "Invalid params")
        await peer.gone()

    async with serving(certificates.server_context(), script) as host, client_of(host) as client:
        for code, words in ((402, "Pay first"), (-32602, "Invalid params")):
            with pytest.raises(RelayError, match=words) as raised:
                await client.dial([[phone(ANSWERING)]])
            assert raised.value.code == code


async def test_an_acknowledged_dial_survives_a_reconnect(world: World) -> None:
    world.exchange.set_line(Line(ANSWERING, Answers(after=0.2)))
    async with world.client() as client:
        call: Heard[Call] = Heard()

        async def dial() -> None:
            call(await client.dial([[phone(ANSWERING)]]))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(dial)
            await world.until(What.RANG)
            await client.receive(["sales"])  # the dial's reply has come
            world.cut()
            assert (await call.next()).state == "answered"


async def test_a_dial_fails_when_its_session_is_lost(world: World) -> None:
    async with world.client() as client:

        async def dial() -> None:
            with pytest.raises(ConnectionLostError) as raised:
                await client.dial([[phone(SILENT)]])
            assert raised.value.maybe_delivered

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(dial)
            await world.until(What.RANG)
            world.forget_sessions()


async def test_the_other_end_of_an_outbound_call_hangs_up(world: World) -> None:
    world.exchange.set_line(Line(ANSWERING, Answers(0.01, (Wait(0.01), HangUp()))))
    async with world.client() as client:
        call = await client.dial([[phone(ANSWERING)]])
        await call.wait_for_ended()
        assert call.end_reason == "hangup"


@pytest.mark.parametrize("devices", [[phone(ANSWERING)], [], [[]], phone(ANSWERING), "x"])
async def test_devices_that_are_no_plan_are_refused(world: World, devices: object) -> None:
    async with world.client() as client:
        with pytest.raises((ValueError, TypeError), match="devices"):
            await client.dial(devices)  # type: ignore[arg-type]


async def test_a_dial_without_a_session_waits_for_the_next_one(world: World) -> None:
    async with world.client() as client:
        lost: Heard[Disconnected] = Heard()
        client.on_disconnected(lost)
        world.exchange.refuse_upgrades(503)
        world.cut()
        await lost.next()
        call: Heard[Call] = Heard()

        async def dial() -> None:
            call(await client.dial([[phone(ANSWERING)]]))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(dial)
            await anyio.lowlevel.checkpoint()
            world.exchange.refuse_upgrades(0)
            assert (await call.next()).state == "answered"
