"""Keys with consequences: payments, and methods bound to digits."""

from __future__ import annotations

import json
from typing import Any

import pytest

from relay_proto.exchange import ExchangeLimits, HangUp, Hear, Press, Say, Step, Wait, What
from tests.unit.exchange_client import (
    Client,
    Object,
    World,
    answered_call,
    make_config,
    tts,
)

VISA = "4111111111111111"
AMEX = "378282246310005"
CARD = (Hear("card number"), Press(VISA))
DATE = (Hear("expiration"), Press("1229"))
CODE = (Hear("security code"), Press("123#"))
POSTAL = (Hear("postal code"), Press("12345#"))


def pay(client: Client, call_id: str, **params: Any) -> Object:
    url = "https://example.com/pay"
    return client.verb("pay", call_id, control_id="p", payment_connector_url=url, **params)


def paid(*script: Step, **params: Any) -> Client:
    """A payment that has come to its end."""
    world, client, call_id = answered_call(*script)
    assert pay(client, call_id, **params)["control_id"] == "p"
    world.pass_time(300)
    return client


def told(client: Client, *keys: str) -> list[tuple[object, ...]]:
    return [tuple(event.get(key) for key in keys) for event in client.events("call.pay")]


def test_a_payment_asks_for_one_particular_after_another() -> None:
    client = paid(*CARD, *DATE, *CODE, *POSTAL)
    assert told(client, "for", "error_type") == [
        ("payment-card-number", None),
        ("expiration-date", None),
        ("security-code", None),
        ("postal-code", None),
        ("payment-processing", None),
        ("payment-completed", None),
    ]
    final = client.events("call.pay")[-1]
    assert final["payment_method"] == "credit-card"
    assert final["payment_card_number"] == "xxxxxxxxxxxx1111"
    assert final["payment_card_type"] == "visa"
    assert final["expiration_date"] == "1229"
    assert final["security_code"] == "xxx"
    assert final["payment_card_postal_code"] == "12345"
    assert VISA not in json.dumps(client.frames)


def test_a_payment_asks_only_for_what_is_wanted() -> None:
    card = (Hear("card number"), Press(f"{AMEX}#"))
    client = paid(*card, *DATE, security_code="false", postal_code="false")
    assert told(client, "for")[1:] == [
        ("expiration-date",),
        ("payment-processing",),
        ("payment-completed",),
    ]
    assert client.events("call.pay")[-1]["payment_card_type"] == "amex"


def test_a_postal_code_that_is_known_is_not_asked_for() -> None:
    client = paid(*CARD, *DATE, *CODE, postal_code="98765")
    assert {event["payment_card_postal_code"] for event in client.events("call.pay")} == {"98765"}
    assert told(client, "for")[-1] == ("payment-completed",)


def test_what_cannot_be_right_is_asked_for_again() -> None:
    client = paid(
        *(Hear("card number"), Press("4111111111111112")),
        *(Hear("card number"), Press("12*"), Press(VISA)),
        *(Hear("expiration"), Press("1329")),
        *(Hear("expiration"), Press("12#")),
        *DATE,
        *(Hear("security code"), Press("1#")),
        *(Hear("security code"), Press("1234")),
        *(Hear("postal code"), Press("12#")),
        *POSTAL,
        max_attempts="3",
        min_postal_code_length="5",
    )
    assert told(client, "for", "error_type") == [
        ("payment-card-number", None),
        ("payment-card-number", "invalid-card-number"),
        ("expiration-date", None),
        ("expiration-date", "invalid-date"),
        ("expiration-date", "invalid-date"),
        ("security-code", None),
        ("security-code", "invalid-security-code"),
        ("postal-code", None),
        ("postal-code", "invalid-postal-code"),
        ("payment-processing", None),
        ("payment-completed", None),
    ]


def test_a_payment_fails_when_the_attempts_are_used_up() -> None:
    client = paid(Hear("card number"), Press("1#"), max_attempts="2")
    assert told(client, "for", "error_type") == [
        ("payment-card-number", None),
        ("payment-card-number", "invalid-card-number"),
        ("payment-failed", "timeout"),
    ]


@pytest.mark.parametrize(
    "number", ["6011111111111117", "9999999999999995", "4111#", "4A11B11C11111D#"]
)
def test_some_cards_are_not_taken(number: str) -> None:
    client = paid(Hear("card number"), Press(number))
    assert told(client, "for")[-1] == ("payment-failed",)


def test_other_cards_may_be_taken() -> None:
    card = (Hear("card number"), Press("6011111111111117"))
    client = paid(*card, *DATE, *CODE, *POSTAL, valid_card_types="discover")
    assert client.events("call.pay")[-1]["payment_card_type"] == "discover"


def test_a_payment_can_be_stopped() -> None:
    world, client, call_id = answered_call(Hear("card number"), Press("41"))
    pay(client, call_id)
    assert client.verb("pay", call_id, control_id="q", payment_connector_url="u")["code"] == "409"
    world.pass_time(2)
    assert client.verb("pay.stop", call_id, control_id="p")["code"] == "200"
    world.pass_time(60)
    assert told(client, "state", "for") == [(None, "payment-card-number"), ("finished", None)]


def test_a_payment_ends_with_the_call() -> None:
    world, client, call_id = answered_call(Say("no"), HangUp())
    pay(client, call_id)
    world.pass_time(60)
    assert len(client.events("call.pay")) == 1


def test_keys_after_the_last_particular_mean_nothing() -> None:
    only = {"security_code": "false", "postal_code": "false"}
    client = paid(*CARD, Hear("expiration"), Press("12299"), **only)
    assert told(client, "for")[-1] == ("payment-completed",)


@pytest.mark.parametrize("params", [{"max_attempts": 2}, {"timeout": "x"}, {"security_code": 1}])
def test_numbers_and_choices_are_text(params: Object) -> None:
    _, client, call_id = answered_call()
    assert pay(client, call_id, **params)["code"] == -32602


# Bound digits


def bind(client: Client, call_id: str, digits: str, method: str, **params: Any) -> Object:
    bound: Object = {"digits": digits, "bind_method": method} | params
    return client.verb("bind_digit", call_id, **bound)


def test_keys_run_a_method() -> None:
    world, client, call_id = answered_call(Press("1*12*1"), Hear("hello"), Say("thanks"))
    play = {"play": [tts("Hello")], "call_id": "another"}
    bound = bind(client, call_id, "*1", "calling.play", params=play)
    assert bound == {"code": "200", "message": "Digit binding created", "call_id": call_id}
    world.pass_time(60)
    events = client.events("call.play", call_id=call_id)
    assert [event["state"] for event in events].count("finished") == 2
    assert len({event["control_id"] for event in events}) == 2
    assert world.story(What.SAID) == ["caller says “thanks”"]


def test_a_binding_may_wear_out() -> None:
    world, client, call_id = answered_call(Press("111"))
    bind(client, call_id, "1", "calling.play", params={"play": [tts("Hello")]}, max_triggers=2)
    world.pass_time(60)
    assert world.story(What.PLAYED) == ["program plays “Hello”"] * 2


def test_keys_may_end_the_call() -> None:
    world, client, call_id = answered_call(Press("1"))
    bind(client, call_id, "1", "calling.end", params={"reason": "busy"})
    client.verb("collect", call_id, control_id="c", digits={"max": 2})
    world.pass_time(60)
    assert client.states(call_id) == ["answered", "ending", "ended"]
    assert client.events("call.collect") == []


def test_what_keys_cannot_do_is_told_as_an_error() -> None:
    world, client, call_id = answered_call(Press("12"))
    bind(client, call_id, "1", "calling.play", params={"play": []})
    bind(client, call_id, "2", "calling.unhold")
    world.pass_time(10)
    errors = client.events("calling.error", call_id=call_id)
    assert [error["code"] for error in errors] == ["-32602", "409"]
    assert world.story(What.REFUSED)[-1] == (
        "exchange refuses calling.unhold: there is no hold on this call"
    )


def test_parameters_of_any_depth_do_no_harm() -> None:
    world, client, call_id = answered_call(Press("1"))
    deep: list[object] = []
    for _ in range(900):
        deep = [deep]
    bind(client, call_id, "1", "calling.play", params={"play": deep})
    world.pass_time(10)
    assert client.events("calling.error", code="-32602")


def test_bindings_are_cleared_all_or_those_of_a_realm() -> None:
    world, client, call_id = answered_call(Press("123"), Wait(1), Press("12"))
    for digit, realm in (("1", "a"), ("2", "b")):
        play = {"play": [tts(f"this is {realm}")]}
        bind(client, call_id, digit, "calling.play", params=play, realm=realm)
    cleared = client.verb("clear_digit_bindings", call_id, realm="a")
    assert cleared["message"] == "Digit bindings cleared"
    world.pass_time(1)
    client.verb("clear_digit_bindings", call_id)
    world.pass_time(60)
    assert world.story(What.PLAYED) == ["program plays “this is b”"]


@pytest.mark.parametrize("method", ["calling.fly", "signalwire.receive", ""])
def test_only_methods_on_calls_can_be_bound(method: str) -> None:
    _, client, call_id = answered_call()
    assert bind(client, call_id, "1", method)["code"] == -32602


def test_there_are_so_many_bindings_at_most() -> None:
    world = World(make_config(limits=ExchangeLimits(operations=1)))
    _, client, call_id = answered_call(world=world)
    assert bind(client, call_id, "1", "calling.hold")["code"] == "200"
    assert bind(client, call_id, "2", "calling.hold")["code"] == "503"
    assert bind(client, call_id, "w", "calling.hold")["code"] == -32602


def test_words_are_no_keys() -> None:
    world, client, call_id = answered_call(Say("1"))
    bind(client, call_id, "1", "calling.hold")
    world.pass_time(10)
    assert client.events("call.hold") == []
