"""What is logged: enough to follow a conversation, and nothing that should not be kept."""

from __future__ import annotations

import logging

import pytest

from relay_anyio import AuthenticationError, Call, CollectEvent, Message, RelayError
from relay_proto.exchange import Hear, Press, Say, TextMessage, What
from tests.adapters.support import (
    ANSWERING,
    CALLER,
    OFFICE,
    PROJECT,
    TOKEN,
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
