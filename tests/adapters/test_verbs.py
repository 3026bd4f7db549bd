"""The verbs of a call: what they do at the other end, and what goes over the wire."""

from __future__ import annotations

from typing import Any

import pytest

from relay_anyio import Call, ConnectEvent, RelayError, SendDigitsEvent
from relay_proto.api.shapes import Media
from relay_proto.exchange import Caller, HangUp, Hear, What
from tests.adapters import support
from tests.adapters.peers import Frame, Peer, client_of, oblige, serving
from tests.adapters.support import (
    ANSWERING,
    BUSY,
    CALLER,
    LONG,
    OFFICE,
    Certificates,
    Heard,
    World,
    answered_call,
    phone,
    tts,
)

pytestmark = pytest.mark.anyio


async def test_answer_and_hangup(world: World) -> None:
    client = world.client()
    offered: Heard[Call] = Heard()
    client.on_call(offered)
    async with client:
        world.place_call()
        call = await offered.next()
        result = await call.answer()
        assert result["code"] == "200"
        await call.wait_for_answered()
        assert call.state == "answered"
        await call.answer()  # an answered call may be answered again
        await call.hangup("busy")
        await call.wait_for_ended()
        assert (call.state, call.end_reason) == ("ended", "busy")


async def test_pass_gives_the_call_to_the_next_client(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RELAY_MAX_CONNECTIONS", "2")
    one, other = world.client(), world.client()
    offered: Heard[Call] = Heard()
    taken: Heard[Call] = Heard()
    one.on_call(offered)
    other.on_call(taken)
    async with one:
        world.place_call()
        async with other:
            call = await offered.next()
            await call.pass_()
            assert (await taken.next()).call_id == call.call_id


async def test_send_digits_reaches_the_other_end(world: World) -> None:
    async with answered_call(world, world.client(), Hear("12#"), HangUp()) as call:
        async with call.expect("calling.call.send_digits") as sent:
            await call.send_digits("12#", control_id="digits-1")
            event = await sent.wait()
        assert isinstance(event, SendDigitsEvent)
        assert (event.control_id, event.state) == ("digits-1", "finished")
        await call.wait_for_ended()


@pytest.mark.parametrize("digits", ["", "12x", "1 2", "hello"])
async def test_digits_that_are_none_are_refused_before_they_are_sent(
    world: World, digits: str
) -> None:
    async with answered_call(world, world.client()) as call:
        with pytest.raises(ValueError, match="digits"):
            await call.send_digits(digits)
    assert not world.all(What.SENT_DIGITS)


async def test_connect_bridges_and_disconnect_parts(world: World) -> None:
    async with answered_call(world, world.client()) as call:
        async with call.expect("calling.call.connect", is_connected) as connected:
            await call.connect([[phone(ANSWERING)]], ringback=tts("ring"))
            event = await connected.wait()
        assert isinstance(event, ConnectEvent)
        assert call.peer == event.peer
        assert call.peer["call_id"]
        async with call.expect("calling.call.connect") as parted:
            await call.disconnect()
            await parted.wait()
        assert call.peer == {}
        assert call.state == "answered"


def is_connected(event: object) -> bool:
    return isinstance(event, ConnectEvent) and event.connect_state == "connected"


async def test_connect_tells_why_it_failed(world: World) -> None:
    def is_failed(event: object) -> bool:
        return isinstance(event, ConnectEvent) and event.connect_state == "failed"

    async with answered_call(world, world.client()) as call:
        async with call.expect("calling.call.connect", is_failed) as failed:
            await call.connect([[phone(BUSY)]])
            event = await failed.wait()
        assert event.params["failed_reason"] == "busy"
        assert call.state == "answered"


async def test_transfer_hands_the_call_to_another_context(world: World) -> None:
    client = world.client(contexts=["office", "sales"])
    async with answered_call(world, client) as call:
        transferred: Heard[Call] = Heard()
        client.on_call(transferred)
        await call.transfer("context:sales")
        await call.wait_for_ended()
        assert (await transferred.next()).context == "sales"


async def test_a_refused_verb_raises_the_servers_words_and_the_call_goes_on(world: World) -> None:
    async with answered_call(world, world.client()) as call:
        with pytest.raises(RelayError) as raised:
            await call.disconnect()
        assert raised.value.code == 409
        assert raised.value.message == "the call is not connected"
        assert call.state == "answered"
        await call.hangup()


async def test_verbs_on_an_ended_call_do_nothing(world: World) -> None:
    async with answered_call(world, world.client(), HangUp()) as call:
        await call.wait_for_ended()
        assert await call.hangup() == {}
        assert await call.answer() == {}
        assert await call.send_digits("1") == {}
        playing = await call.play(LONG)
        assert playing.is_done
        event = await playing.wait()
        assert (event.event_type, event.params) == ("", {})
        assert await playing.stop() == {}


async def test_a_call_that_the_server_does_not_know_is_gone(world: World) -> None:
    async with world.client() as client:
        call = support.make(Call, client, "call-x", "node-1", "", "office", state="answered")
        playing = await call.play(LONG)
        assert (await playing.wait()).event_type == ""
        assert await call.hangup() == {}
        assert call.state == "ended"
        await call.wait_for_ended()


async def test_execute_does_not_swallow_a_gone_call(world: World) -> None:
    async with world.client() as client:
        with pytest.raises(RelayError) as raised:
            await client.execute("calling.end", {"node_id": "node-1", "call_id": "call-x"})
        assert raised.value.code == 404


@pytest.mark.parametrize("name", ["node_id", "call_id"])
async def test_the_ids_of_the_call_cannot_be_overwritten(world: World, name: str) -> None:
    async with answered_call(world, world.client()) as call:
        taken: Any = {name: "another"}
        with pytest.raises(ValueError, match=name):
            await call.answer(**taken)


async def test_a_device_list_that_is_not_nested_is_refused(world: World) -> None:
    async with answered_call(world, world.client()) as call:
        with pytest.raises(ValueError, match="devices"):
            await call.connect([phone(ANSWERING)])  # type: ignore[list-item]


async def test_contexts_can_be_changed_and_are_kept_over_a_reconnect(world: World) -> None:
    client = world.client()
    offered: Heard[Call] = Heard()
    client.on_call(offered)
    async with client:
        await client.receive(["sales"])
        await client.unreceive(["office"])
        world.forget_sessions()  # a fresh session must be told
        await world.until(What.SESSION_STARTED, times=2)
        await client.execute("signalwire.receive", {"contexts": []})
        place = world.exchange.place_call
        world.simulator.command(place, Caller(CALLER), to=OFFICE, context="sales")
        assert (await offered.next()).context == "sales"
        world.place_call()
        await world.until(What.ENDED, reason="not_found")
    assert client.contexts == ["office"]


async def test_contexts_that_are_a_text_are_refused(world: World) -> None:
    async with world.client() as client:
        with pytest.raises(TypeError, match="contexts"):
            await client.receive("sales")  # type: ignore[arg-type]


# What goes over the wire


async def test_an_argument_that_was_not_given_is_not_sent(certificates: Certificates) -> None:
    requests: Heard[tuple[str, Frame]] = Heard()

    async def script(peer: Peer) -> None:
        await peer.welcome()
        await peer.offer_call()
        await oblige(peer, requests)

    offered: Heard[Call] = Heard()
    async with serving(certificates.server_context(), script) as host:
        client = client_of(host)
        client.on_call(offered)
        async with client:
            call = await offered.next()
            ids = {"node_id": "node-1", "call_id": "call-1"}

            await call.answer(max_duration=60)
            assert await requests.next() == ("calling.answer", {**ids, "max_duration": 60})

            flat: list[Media] = [{"type": "tts", "text": "Hello"}]
            playing = await call.play(flat, volume=0, control_id="control-1", status_url="x")
            more = {"control_id": "control-1", "play": tts("Hello"), "volume": 0, "status_url": "x"}
            assert await requests.next() == ("calling.play", {**ids, **more})
            assert flat == [{"type": "tts", "text": "Hello"}]

            control = {**ids, "control_id": "control-1"}
            await playing.volume(-3.5)
            assert await requests.next() == ("calling.play.volume", {**control, "volume": -3.5})
            await playing.pause()
            assert await requests.next() == ("calling.play.pause", control)
            await playing.stop()
            assert await requests.next() == ("calling.play.stop", control)

            await call.hangup()
            assert await requests.next() == ("calling.end", {**ids, "reason": "hangup"})
            await call.pass_()
            assert await requests.next() == ("calling.pass", ids)
