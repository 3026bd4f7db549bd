"""Texts: those of programs, their reports, and those that come in."""

from __future__ import annotations

from typing import Any

import pytest

from relay_proto.exchange import ExchangeLimits, TextMessage, What
from tests.unit.exchange_client import CALLER, OFFICE, Client, Object, World, make_config

MOBILE, NOWHERE = "+15550003002", "+15550003005"


def make_world(**changes: Any) -> tuple[World, Client]:
    world = World(make_config(**changes))
    return world, world.connect("office")


def send(client: Client, **params: Any) -> Object:
    given = {
        "context": "c",
        "to_number": MOBILE,
        "from_number": OFFICE,
        "body": "Hi",
        "tags": ["v"],
    }
    return client.answer("messaging.send", **(given | params))


def test_a_text_is_delivered_step_by_step() -> None:
    world, client = make_world()
    result = send(client)
    assert (result["code"], result["message"]) == ("200", "Message accepted")
    for state in ("queued", "initiated", "sent", "delivered"):
        assert client.events("messaging.state")[-1]["message_state"] == state
        world.pass_time(0.5)
    assert client.events("messaging.state")[-1] == {
        "message_id": result["message_id"],
        "context": "c",
        "direction": "outbound",
        "from_number": OFFICE,
        "to_number": MOBILE,
        "body": "Hi",
        "media": [],
        "segments": 1,
        "tags": ["v"],
        "message_state": "delivered",
    }
    world.pass_time(10)
    assert len(client.events("messaging.state")) == 4


def test_a_text_that_cannot_be_delivered() -> None:
    world, client = make_world(undeliverable=frozenset({NOWHERE}))
    send(client, to_number=NOWHERE, body="", media=["https://example.com/a.png"])
    world.pass_time(10)
    states = client.values("messaging.state", "message_state")
    assert states == ["queued", "initiated", "sent", "undelivered"]
    assert client.events("messaging.state")[-1]["reason"]


def test_long_texts_have_segments() -> None:
    _, client = make_world()
    send(client, body="x" * 161)
    assert client.values("messaging.state", "segments") == [2]


def test_reports_go_to_who_serves_the_context() -> None:
    world, client = make_world()
    colleague = world.connect("billing", "both")
    client.ask("signalwire.receive", contexts=["both"])
    away = world.connect("away", "away too")
    away.lose()
    colleague.ask("signalwire.receive", contexts=["away too"])
    stranger = world.connect(
        *("billing", "other"), authentication={"project": "project-2", "token": "token-2"}
    )
    expected = {
        "billing": colleague,
        "both": client,
        "other": client,
        "nobody": client,
        "": client,
        client.protocol: client,
        colleague.protocol: colleague,
        "away": away,
        "away too": colleague,
    }
    sent = {context: send(client, context=context)["message_id"] for context in expected}
    world.pass_time(10)
    expected["away"] = world.connect("away", protocol=away.protocol)
    for context, message_id in sent.items():
        for program in (client, colleague, stranger, expected["away"]):
            reports = program.events("messaging.state", message_id=message_id)
            assert len(reports) == 4 * (program is expected[context]), context


def test_a_text_outlives_the_session_that_has_sent_it() -> None:
    world, client = make_world()
    client.ask("signalwire.receive", contexts=["c"])
    message_id = send(client)["message_id"]
    world.exchange.forget_sessions(world.now)
    world.deliver()
    again = world.connect("c")
    world.pass_time(10)
    states = again.values("messaging.state", "message_state", message_id=message_id)
    assert states == ["initiated", "sent", "delivered"]


@pytest.mark.parametrize(
    "params",
    [{"body": ""}, {"to_number": ""}, {"media": "x"}, {"body": 5}, {"context": 5}],
)
def test_bad_texts(params: Object) -> None:
    _, client = make_world()
    assert send(client, **params)["code"] == -32602


def test_texts_have_a_limit() -> None:
    world, client = make_world(limits=ExchangeLimits(texts=1))
    assert send(client)["code"] == "200"
    assert send(client)["code"] == "503"
    world.pass_time(10)
    assert send(client)["code"] == "200"


def test_a_text_from_somebody() -> None:
    world, client = make_world()
    text = TextMessage(CALLER, OFFICE, "Yo", media=("https://example.com/b.png",))
    message_id = world.exchange.receive_text(text, 0.0)
    world.deliver()
    assert client.events("messaging.receive") == [
        {
            "message_id": message_id,
            "context": "office",
            "direction": "inbound",
            "from_number": CALLER,
            "to_number": OFFICE,
            "body": "Yo",
            "media": ["https://example.com/b.png"],
            "segments": 1,
            "tags": [],
            "message_state": "received",
        }
    ]
    assert world.story(What.SENT_TEXT) == [f"caller sends a text from {CALLER} to {OFFICE}: “Yo”"]


def test_a_text_that_nobody_serves() -> None:
    world, client = make_world()
    message_id = world.exchange.receive_text(TextMessage(CALLER, OFFICE, "Yo"), 0.0, context="x")
    world.deliver()
    assert client.events("messaging.receive") == []
    assert world.story(What.TEXT_MOVED) == [f"exchange marks text {message_id} as undelivered"]
