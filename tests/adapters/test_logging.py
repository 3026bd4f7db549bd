"""What is logged: enough to follow a conversation, and nothing that should not be kept."""

from __future__ import annotations

import logging

import anyio
import pytest

from relay_anyio import AuthenticationError, Call, CollectEvent, Message, RelayError
from relay_proto.exchange import Hear, Press, Say, TextMessage, What
from tests.adapters.peers import Peer, client_of, serving
from tests.adapters.support import (
    ANSWERING,
    CALLER,
    OFFICE,
    PROJECT,
    QUICK,
    TOKEN,
    Certificates,
    Heard,
    World,
    phone,
    tts,
)

pytestmark = pytest.mark.anyio

PROMPT = "please enter your secret number"
DIGITS = "471147114711"
SPEECH = "my name is Ada"
BODY = "the eagle has landed"
TEXT_TO = "+15550009876"
SENT_DIGITS = "987698769876"
SECRETS = (
    *(PROJECT, TOKEN, "PT-another-one", OFFICE, CALLER, ANSWERING, TEXT_TO),
    *(PROMPT, DIGITS, SPEECH, BODY, SENT_DIGITS),
)


async def converse(world: World) -> None:
    """A bit of everything."""
    client = world.client()
    offered: Heard[Call] = Heard()
    received: Heard[Message] = Heard()
    client.on_call(offered)
    client.on_message(received)
    async with client:
        world.place_call(Hear("secret"), Press(DIGITS, 0.001), Hear("name"), Say(SPEECH))
        call = await offered.next()
        call.on("calling.call.play", fail)
        await call.answer()
        menu = await call.play_and_collect(
            tts(PROMPT), {"digits": {"max": len(DIGITS)}, "initial_timeout": 3600}
        )
        event = await menu.wait()
        assert isinstance(event, CollectEvent)
        assert event.digits == DIGITS
        asked = await call.collect(speech={"end_silence_timeout": 0.01}, initial_timeout=3600)
        await call.play(tts("your name?"))
        event = await asked.wait()
        assert isinstance(event, CollectEvent)
        assert event.text == SPEECH
        await call.send_digits(SENT_DIGITS)
        await call.connect([[phone(ANSWERING)]])
        await world.until(What.CONNECTED)
        with pytest.raises(RelayError):
            await call.connect([[phone(ANSWERING)]])
        dialed = await client.dial([[phone(ANSWERING)]])
        await dialed.hangup()
        message = await client.send_message(to_number=TEXT_TO, from_number=OFFICE, body=BODY)
        await message.wait()
        world.simulator.command(world.exchange.receive_text, TextMessage(CALLER, OFFICE, BODY))
        await received.next()
        world.cut()
        await world.until(What.SESSION_RESUMED)
        await client.receive(["sales"])
    with pytest.raises(AuthenticationError):
        await world.client(token="PT-another-one").connect()


def fail(event: object) -> None:
    raise ZeroDivisionError


async def test_no_log_at_any_level_shows_a_secret_or_a_person(
    world: World, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("relay_anyio", "relay_sync", "wsproto", "h11", "asyncio", "anyio"):
        caplog.set_level(logging.DEBUG, name)
    await converse(world)
    formatter = logging.Formatter("%(name)s %(message)s")
    lines = [formatter.format(record) for record in caplog.records]
    for secret in SECRETS:
        assert not [line for line in lines if secret in line]
    assert any("calling.play_and_collect" in line for line in lines)  # it was DEBUG indeed
    assert any("ZeroDivisionError" in line for line in lines)
    assert capfd.readouterr() == ("", "")


PLANTED = {
    TOKEN: TOKEN,
    f"{TOKEN[:9]}\u200b{TOKEN[9:]}": "\u200b",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N": "eyJhbGci",
    "https://ada:hunter2@example.com/": "hunter2",
    "order+15550007777": "5550007777",
    "c\x1b[2J\x07": "\x1b",
    "c\nWARNING all is lost": "\n",
}


@pytest.mark.parametrize("planted", PLANTED)
async def test_no_line_shows_what_a_server_hides_in_ids_and_words(
    certificates: Certificates, caplog: pytest.LogCaptureFixture, package: str, planted: str
) -> None:
    async def server(peer: Peer) -> None:
        await peer.welcome()
        await peer.offer_call(call_id=planted)
        await peer.reply(await peer.request("calling.answer"))
        event = {"call_id": planted, "control_id": planted, "node_id": planted, "tag": planted}
        for event_type in ("calling.call.play", "calling.call.dial", planted):
            await peer.event(event_type, **event, state=planted, reason=planted)
        await peer.event("messaging.receive", message_id=planted, context=planted, body=planted)
        await peer.event("messaging.receive", message_id=planted, context=planted, body=planted)
        await peer.refuse(await peer.request("novelty"), 500, f"refused: {planted}")
        await peer.call_state("ended", call_id=planted, end_reason=planted)
        await peer.send_bytes(peer.wire.close(1011, planted[:100]))

    async def again(peer: Peer) -> None:
        await peer.welcome()
        reconnected.set()
        await peer.gone()

    async def answer(call: Call) -> None:
        call.on("calling.call.play", fail)
        await call.answer()
        with pytest.raises(RelayError) as refused:
            await client.execute("novelty", {})
        lines.extend([str(refused.value), repr(refused.value)])
        raise ZeroDivisionError

    lines: list[str] = []
    reconnected = anyio.Event()
    caplog.set_level(logging.DEBUG, package)
    async with serving(certificates.server_context(), server, again) as host:
        client = client_of(host, timing=QUICK)
        client.on_call(answer)
        async with client:
            await reconnected.wait()
    lines += [record.getMessage() for record in caplog.records if record.name == package]
    assert any("novelty" in line for line in lines)
    for line in lines:
        assert PLANTED[planted] not in line
        assert line.isprintable()


@pytest.mark.parametrize("personal", [None, True])
async def test_personal_data_is_logged_only_if_that_is_asked_for(
    world: World, caplog: pytest.LogCaptureFixture, personal: bool | None
) -> None:
    caplog.set_level(logging.DEBUG)
    async with world.client(show_personal_data=personal) as client:
        await client.send_message(to_number=TEXT_TO, from_number=OFFICE, body=BODY)
    assert (BODY in caplog.text) is (TEXT_TO in caplog.text) is bool(personal)
    assert TOKEN not in caplog.text


async def test_an_ordinary_conversation_says_little(
    world: World, caplog: pytest.LogCaptureFixture, package: str
) -> None:
    caplog.set_level(logging.INFO)
    async with world.client() as client:
        world.cut()
        await world.until(What.SESSION_RESUMED)
        await client.receive(["sales"])
    ours = [(r.levelname, r.getMessage()) for r in caplog.records if r.name == package]
    host = world.host
    assert ours[0] == ("INFO", f"connected to {host} (new session)")
    assert ours[1][0] == "WARNING"
    assert ours[1][1].startswith(f"lost the connection to {host}: ")
    assert ours[2:] == [
        ("INFO", f"connected to {host} (session resumed: its calls go on)"),
        ("INFO", f"disconnected from {host}"),
    ]


async def test_the_environment_sets_the_level(
    world: World, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    logger = logging.getLogger(package)
    before = logger.level
    try:
        monkeypatch.setenv("SIGNALWIRE_LOG_LEVEL", "error")
        world.client()
        assert logger.level == logging.ERROR
        monkeypatch.setenv("SIGNALWIRE_LOG_LEVEL", "noise")
        world.client()
        assert logger.level == logging.ERROR
    finally:
        logger.setLevel(before)
