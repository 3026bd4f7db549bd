"""Keys with consequences: payments, and methods bound to digits."""

from __future__ import annotations

import json
from typing import Any

import pytest

from relay_proto.exchange import HangUp, Hear, Press, Say, Step, Wait, What
from tests.unit.exchange_client import (
    Ask,
    Object,
    Story,
    answered_call,
    ask,
    hangs_up,
    stories,
    tts,
)

VISA = "4111111111111111"
AMEX = "378282246310005"
DISCOVER = "6011111111111117"
CARD = (Hear("card number"), Press(VISA))
DATE = (Hear("expiration"), Press("1229"))
CODE = (Hear("security code"), Press("123#"))
POSTAL = (Hear("postal code"), Press("12345#"))
ALL = (*CARD, *DATE, *CODE, *POSTAL)
ONLY_TWO: Object = {"security_code": "false", "postal_code": "false"}


def pay(**params: Any) -> Ask:
    return ask("pay", payment_connector_url="https://example.com/pay", **params)


def typed(number: str) -> tuple[Step, ...]:
    return (Hear("card number"), Press(number))


NUMBER = "payment-card-number"
DONE = "payment-processing, payment-completed finished"
TWO, THREE = f"{NUMBER}, expiration-date", f"{NUMBER}, expiration-date, security-code"
FAILED = f"{NUMBER}, payment-failed invalid-card-number finished"
PAYMENTS: dict[str, tuple[tuple[Step, ...], Object, str, Object]] = {
    "one detail after another": (
        *(ALL, {}, f"{THREE}, postal-code, {DONE}"),
        {"payment_method": "credit-card", "payment_card_type": "visa"}
        | {"payment_card_number": "xxxxxxxxxxxx1111", "security_code": "xxx"}
        | {"expiration_date": "1229", "payment_card_postal_code": "12345"},
    ),
    "only what is wanted": (
        *((*typed(f"{AMEX}#"), *DATE), ONLY_TWO, f"{TWO}, {DONE}"),
        {"payment_card_type": "amex"},
    ),
    "a postal code that is known": (
        *((*CARD, *DATE, *CODE), {"postal_code": "98765"}, f"{THREE}, {DONE}"),
        {"payment_card_postal_code": "98765"},
    ),
    "another type of card": (
        *((*typed(DISCOVER), *DATE, *CODE, *POSTAL), {"valid_card_types": "discover"}),
        *(f"{THREE}, postal-code, {DONE}", {"payment_card_type": "discover"}),
    ),
    "types of cards with commas": (
        *((*typed(DISCOVER), *DATE), ONLY_TWO | {"valid_card_types": "visa, discover,amex"}),
        *(f"{TWO}, {DONE}", {"payment_card_type": "discover"}),
    ),
    "the end of what is complete already": (
        *((*typed(f"{VISA}#"), Hear("expiration"), Press("1229#")), ONLY_TWO, f"{TWO}, {DONE}", {}),
    ),
    "keys after the last detail mean nothing": (
        *((*CARD, Hear("expiration"), Press("12299")), ONLY_TWO, f"{TWO}, {DONE}", {}),
    ),
    "invalid details are asked for again": (
        (
            *(*typed("4111111111111112"), *typed("12*"), Press(VISA)),
            *(Hear("expiration"), Press("1329"), Hear("expiration"), Press("12#"), *DATE),
            *(Hear("security code"), Press("1#"), Hear("security code"), Press("1234")),
            *(Hear("postal code"), Press("12#"), *POSTAL),
        ),
        {"max_attempts": "3", "min_postal_code_length": "5"},
        (
            f"{NUMBER}, {NUMBER} invalid-card-number, "
            "expiration-date, expiration-date invalid-date, expiration-date invalid-date, "
            "security-code, security-code invalid-security-code, "
            f"postal-code, postal-code invalid-postal-code, {DONE}"
        ),
        {},
    ),
    "all attempts are used up": (
        *(typed("1#"), {"max_attempts": "2"}),
        *(f"{NUMBER}, {NUMBER} invalid-card-number, payment-failed timeout finished", {}),
    ),
    "a type of card that is not taken": (typed(DISCOVER), {}, FAILED, {}),
    "a number of no type": (typed("9999999999999995"), {}, FAILED, {}),
    "a number that is too short": (typed("4111#"), {}, FAILED, {}),
    "letters": (typed("4A11B11C11111D#"), {}, FAILED, {}),
}


@pytest.mark.parametrize(("script", "params", "told", "final"), PAYMENTS.values(), ids=PAYMENTS)
def test_a_payment(script: tuple[Step, ...], params: Object, told: str, final: Object) -> None:
    world, client, call_id = answered_call(*script)
    client.verb("pay", call_id, **pay(**params).params)
    world.pass_time(300)
    lines = [line.removeprefix("pay ") for line in world.told if line.startswith("pay ")]
    assert ", ".join(lines) == told
    assert final.items() <= client.events("call.pay")[-1].items()
    assert VISA not in json.dumps(client.frames)


def test_a_postal_code_that_is_known_is_in_all_events() -> None:
    _, client, call_id = answered_call()
    client.verb("pay", call_id, **pay(postal_code="98765").params)
    assert client.values("call.pay", "payment_card_postal_code") == ["98765"]


PAYING = {
    "a payment can be stopped": Story(
        *(pay(), "pay payment-card-number", 0.5, 0.5, "caller presses 4", "caller presses 1"),
        *(ask("pay.stop"), "pay finished"),
        60,
        script=(Hear("card number"), Press("41")),
    ),
    "a payment ends with the call": Story(
        *(pay(), "pay payment-card-number"),
        60,
        "caller says “no”",
        *hangs_up("pay payment-failed finished"),
        script=(Say("no"), HangUp()),
    ),
}


@stories(PAYING)
def test_paying(story: Story) -> None:
    story.check()


# Bound digits


def bind(digits: str, method: str, **params: Any) -> Ask:
    return ask("bind_digit", digits=digits, bind_method=f"calling.{method}", **params)


def says(text: str, **more: Any) -> Object:
    return {"play": [tts(text)]} | more


deep: list[object] = []
for _ in range(900):
    deep = [deep]
BOUND = {
    "a binding may wear out": Story(
        bind("1", "play", params=says("Hello"), max_triggers=2),
        *(0.3, "caller presses 1", "play playing"),
        *(60, "caller presses 1", "play playing", "play finished"),
        *("caller presses 1", "play finished"),
        script=(Press("111"),),
        journal={What.PLAYED: ["program plays “Hello”"] * 2},
    ),
    "keys may end the call": Story(
        *(bind("1", "end", params={"reason": "busy"}), ask("collect", digits={"max": 2})),
        *(60, "caller presses 1", "state ending busy", "collect error", "state ended busy"),
        script=(Press("1"),),
    ),
    "a refusal becomes an error": Story(
        *(bind("1", "play", params={"play": []}), bind("2", "unhold")),
        *(0.3, "caller presses 1", "error -32602"),
        *(10, "caller presses 2", "error 409"),
        script=(Press("12"),),
    ),
    "parameters of any depth do no harm": Story(
        bind("1", "play", params={"play": deep}),
        *(10, "caller presses 1", "error -32602"),
        script=(Press("1"),),
    ),
    "bindings are cleared, those of a realm or all": Story(
        *(bind("1", "play", params=says("this is a"), realm="a"),),
        *(bind("2", "play", params=says("this is b"), realm="b"),),
        ask("clear_digit_bindings", realm="a"),
        *(1, "caller presses 1", "caller presses 2", "play playing", "caller presses 3"),
        ask("clear_digit_bindings"),
        *(60, "play finished", "caller presses 1", "caller presses 2"),
        script=(Press("123"), Wait(1), Press("12")),
        journal={What.PLAYED: ["program plays “this is b”"]},
    ),
    "words are no keys": Story(
        *(bind("1", "hold"), 10, "caller says “1”"),
        script=(Say("1"),),
    ),
}


@stories(BOUND)
def test_keys_run_a_method(story: Story) -> None:
    story.check()


def test_a_method_that_keys_run_is_about_their_call() -> None:
    world, client, call_id = answered_call(Press("1*12*1"), Hear("hello"), Say("thanks"))
    client.verb(
        "bind_digit", call_id, **bind("*1", "play", params=says("Hello", call_id="x")).params
    )
    world.pass_time(60)
    assert client.values("call.play", "state", call_id=call_id).count("finished") == 2
    assert len(set(client.values("call.play", "control_id"))) == 2
    assert world.story(What.SAID) == ["caller says “thanks”"]


def test_a_refusal_of_what_keys_run_is_in_the_journal() -> None:
    world, client, call_id = answered_call(Press("2"))
    client.verb("bind_digit", call_id, **bind("2", "unhold").params)
    world.pass_time(10)
    assert client.values("calling.error", "call_id") == [call_id]
    assert world.story(What.REFUSED) == [
        "exchange refuses calling.unhold: there is no hold on this call"
    ]
