"""What is at the far end: humans, answering machines, faxes; and the faxes themselves."""

from __future__ import annotations

from typing import Any

import pytest

from relay_proto.exchange import Answers, Fax, HangUp, Line, Machine, Press, Say, Wait, What
from tests.unit.exchange_client import (
    CALLER,
    OFFICE,
    Client,
    Object,
    World,
    answered_call,
    make_config,
    phone,
)

GREETING = "I am out. Speak after the tone."
"""31 characters, hence 2.17 s."""


def detect(client: Client, call_id: str, kind: str, **params: Any) -> Object:
    detect = {"type": kind, "params": params}
    return client.verb("detect", call_id, control_id="d", detect=detect)


def detected(client: Client) -> list[Object]:
    return [event["detect"]["params"] for event in client.events("call.detect")]


FINISHED = {"event": "finished"}


def test_a_human() -> None:
    world, client, call_id = answered_call(Say("Hello?"))
    started = client.verb("detect", call_id, control_id="d", detect={"type": "machine"})
    assert started["control_id"] == "d"
    world.pass_time(10)
    assert detected(client) == [{"event": "HUMAN"}, FINISHED]
    assert {event["detect"]["type"] for event in client.events("call.detect")} == {"machine"}
    assert client.verb("detect.stop", call_id, control_id="d")["code"] == "404"
    assert world.story(What.STARTED, What.DETECTED) == [
        "program starts a detector (machine)",
        "exchange detects machine: HUMAN",
    ]


@pytest.mark.parametrize("beep", [True, False])
def test_a_machine_is_ready_when_it_has_said_its_greeting(beep: bool) -> None:
    world = World(make_config(default_line=Answers(nature=Machine(GREETING, beep=beep))))
    client = world.connect()
    client.ask("calling.dial", tag="t", devices=[[phone("+1")]])
    world.pass_time(2.5)
    [dialed] = client.events("call.dial", dial_state="answered")
    detect(client, dialed["call"]["call_id"], "machine")
    world.pass_time(1)
    assert detected(client) == [{"event": "MACHINE"}, {"event": "NOT_READY"}]
    world.pass_time(0.3 + 2.17 - 1 - 0.01)
    assert len(detected(client)) == 2
    world.pass_time(0.02)
    assert detected(client)[2:] == [{"event": "READY", "beep": beep}, FINISHED]


def test_a_machine_that_has_said_its_greeting_is_ready_at_once() -> None:
    world, client, call_id = answered_call(nature=Machine(GREETING))
    world.pass_time(5)
    detect(client, call_id, "machine")
    world.pass_time(1)
    assert detected(client) == [{"event": "MACHINE"}, {"event": "READY", "beep": True}, FINISHED]
    assert "caller says “I am out. Speak after the tone.”" in world.story()


def test_one_need_not_wait_for_the_end_of_the_greeting() -> None:
    world, client, call_id = answered_call(nature=Machine())
    detect(client, call_id, "machine", detect_message_end=False)
    world.pass_time(10)
    assert detected(client) == [{"event": "MACHINE"}, FINISHED]


def test_a_fax_is_neither_human_nor_an_answering_machine() -> None:
    world, client, call_id = answered_call(nature=Fax())
    detect(client, call_id, "machine")
    world.pass_time(10)
    assert detected(client) == [{"event": "UNKNOWN"}, FINISHED]


def test_a_fax_is_known_by_its_tone() -> None:
    world, client, call_id = answered_call(nature=Fax("CNG"))
    detect(client, call_id, "fax", tone="CNG")
    world.pass_time(10)
    assert detected(client) == [{"event": "CNG"}, FINISHED]


@pytest.mark.parametrize("caller", [{}, {"nature": Fax("CNG")}])
def test_without_the_tone_there_is_no_fax(caller: Object) -> None:
    world, client, call_id = answered_call(**caller)
    detect(client, call_id, "fax")
    world.pass_time(29.9)
    assert detected(client) == []
    world.pass_time(0.1)
    assert detected(client) == [FINISHED]


@pytest.mark.parametrize(("digits", "found"), [("", "1"), ("23", "2")])
def test_a_key_is_detected_once(digits: str, found: str) -> None:
    world, client, call_id = answered_call(Press("123"))
    detect(client, call_id, "digit", digits=digits)
    world.pass_time(10)
    assert detected(client) == [{"event": found}, FINISHED]


def test_a_detector_that_is_stopped_or_ends_with_the_call() -> None:
    world, client, call_id = answered_call(Wait(5), HangUp())
    detect(client, call_id, "digit")
    assert client.verb("detect.stop", call_id, control_id="d")["code"] == "200"
    assert detected(client) == [FINISHED]
    detect(client, call_id, "digit")
    world.pass_time(60)
    assert detected(client) == [FINISHED]


@pytest.mark.parametrize("wanted", [{"type": "dog"}, {}, None, {"type": "fax", "params": 1}])
def test_what_cannot_be_detected_is_refused(wanted: object) -> None:
    _, client, call_id = answered_call()
    assert client.verb("detect", call_id, control_id="d", detect=wanted)["code"] == -32602


# Faxes

DOCUMENT = "https://example.com/f.pdf"


def faxes(client: Client) -> list[Object]:
    return [event["fax"] for event in client.events("call.fax")]


def page(direction: str, number: int) -> Object:
    return {"type": "page", "params": {"direction": direction, "number": number}}


def test_a_fax_is_sent_page_by_page() -> None:
    world = World(make_config(default_line=Answers(nature=Fax(pages=2))))
    client = world.connect()
    client.ask("calling.dial", tag="t", devices=[[phone("+1")]])
    world.pass_time(2.5)
    call_id = client.events("call.dial", dial_state="answered")[0]["call"]["call_id"]
    client.verb("send_fax", call_id, control_id="f", document=DOCUMENT)
    world.pass_time(20)
    *pages, final = faxes(client)
    assert pages == [page("send", 1), page("send", 2)]
    assert final == {
        "type": "finished",
        "params": {
            "direction": "send",
            "identity": OFFICE,
            "remote_identity": "+1",
            "document": DOCUMENT,
            "pages": 2,
            "success": True,
            "result": 0,
            "result_text": "OK",
            "format": "pdf",
        },
    }


def test_a_fax_is_received() -> None:
    world, client, call_id = answered_call(nature=Fax("CNG", pages=1))
    started = client.verb("receive_fax", call_id, control_id="f")
    assert started["control_id"] == "f"
    assert client.verb("send_fax", call_id, control_id="g", document=DOCUMENT)["code"] == "409"
    world.pass_time(60)
    first, final = faxes(client)
    assert first == page("receive", 1)
    assert final["params"]["document"].endswith(".pdf")
    assert final["params"]["remote_identity"] == CALLER


def test_humans_cannot_fax() -> None:
    world, client, call_id = answered_call(Press("1"), Say("What is that noise?"))
    client.verb("send_fax", call_id, control_id="f", document=DOCUMENT, identity="me")
    world.pass_time(60)
    [final] = faxes(client)
    assert final["type"] == "error"
    assert final["params"]["success"] is False
    assert final["params"]["identity"] == "me"


def test_a_fax_that_is_stopped_is_finished_without_success() -> None:
    world, client, call_id = answered_call(nature=Fax(pages=9))
    client.verb("receive_fax", call_id, control_id="f")
    world.pass_time(15)
    assert client.verb("send_fax.stop", call_id, control_id="f")["code"] == "404"
    assert client.verb("receive_fax.stop", call_id, control_id="f")["code"] == "200"
    world.pass_time(60)
    assert [fax["type"] for fax in faxes(client)] == ["page", "finished"]
    assert faxes(client)[-1]["params"]["success"] is False


def test_the_end_of_the_call_is_the_end_of_a_fax() -> None:
    world, client, call_id = answered_call(Wait(15), HangUp(), nature=Fax(pages=9))
    client.verb("receive_fax", call_id, control_id="f")
    world.pass_time(60)
    assert [fax["type"] for fax in faxes(client)] == ["page", "finished"]
    assert faxes(client)[-1]["params"]["pages"] == 1


def test_a_fax_to_a_sip_uri_has_uris_for_identities() -> None:
    line = Line("sip:fax@example.com", Answers(after=0, nature=Fax()))
    world = World(make_config(lines=(line,)))
    client = world.connect()
    params = {"to": "sip:fax@example.com", "from": "sip:me@example.com"}
    client.ask("calling.dial", tag="t", devices=[[{"type": "sip", "params": params}]])
    world.pass_time(1)
    call_id = client.events("call.dial", dial_state="answered")[0]["call"]["call_id"]
    client.verb("send_fax", call_id, control_id="f", document=DOCUMENT)
    world.pass_time(20)
    assert faxes(client)[-1]["params"]["identity"] == "sip:me@example.com"
