"""Nested parameter values: both shapes are taken, one goes out, mistakes are named."""

from __future__ import annotations

import copy
import math
from collections import UserDict, deque
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay_proto.api.arguments import (
    as_text,
    detector,
    device_plan,
    dtmf,
    live_action,
    media_items,
    refer_device,
    tap,
    volume_db,
)
from relay_proto.errors import UnknownNameWarning
from relay_proto.values.checks import (
    callback,
    json_object,
    optional,
    seconds,
    seconds_left,
    text,
    texts,
)
from tests.spec.json_values import json_objects

NESTED = {"type": "tts", "params": {"text": "Hello"}}
FLAT = {"type": "tts", "text": "Hello"}


def test_media_go_out_nested() -> None:
    assert media_items("media", [FLAT, NESTED]) == [NESTED, NESTED]
    assert media_items("media", ()) == []
    assert media_items("media", (FLAT,)) == [NESTED]
    assert media_items("media", [{"type": "silence", "duration": 1}]) == [
        {"type": "silence", "params": {"duration": 1}}
    ]


@pytest.mark.parametrize("params", [{}, None, "text", {"text": "Hello"}])
def test_what_has_params_is_sent_untouched(params: object) -> None:
    item = {"type": "new", "text": "beside", "params": params}
    with pytest.warns(UnknownNameWarning):
        assert media_items("media", [item]) == [item]


def test_any_mapping_is_a_dict_and_any_sequence_a_list() -> None:
    assert media_items("media", deque([UserDict(FLAT)])) == [NESTED]


@given(json_objects)
def test_what_goes_out_is_a_copy(body: dict[str, Any]) -> None:
    before = copy.deepcopy(body)
    sent = json_object("params", body)
    assert sent == body
    sent["new"] = 1
    assert body == before


def test_a_flat_phone_gets_the_names_of_the_wire() -> None:
    flat = {"type": "phone", "to": "+15550003333", "from": "+15550001111", "timeout": 30}
    params = {"to_number": "+15550003333", "from_number": "+15550001111", "timeout": 30}
    nested = [[{"type": "phone", "params": params}]]
    assert device_plan("devices", [[flat]]) == nested
    assert device_plan("devices", nested) == nested


def test_only_a_flat_phone_does() -> None:
    sip = {"type": "sip", "to": "sip:b@example.com", "from": "sip:a@example.com"}
    assert device_plan("devices", [[sip]])[0][0]["params"] == {
        "to": "sip:b@example.com",
        "from": "sip:a@example.com",
    }
    nested = {"type": "phone", "params": {"to": "+1"}}
    with pytest.raises(ValueError, match=r"must have 'to_number'; it has only the keys \['to'\]"):
        device_plan("devices", [[nested]])


def test_groups_keep_their_order() -> None:
    devices = [{"type": "new", "params": {"number": i}} for i in range(3)]
    plan = [[devices[0]], [devices[1], devices[2]]]
    with pytest.warns(UnknownNameWarning, match="unknown type 'new'"):
        assert device_plan("devices", plan) == plan


@pytest.mark.parametrize(
    ("value", "kind", "reason"),
    [
        (FLAT, TypeError, "media must be a list of media items, like .*, not dict"),
        ("Hello", TypeError, "media must be a list of media items, like .*, not str"),
        (None, TypeError, "not NoneType"),
        ([5], TypeError, r"^media\[0\] must be a dict, not int"),
        (
            [NESTED, {"text": "a"}],
            ValueError,
            r"^media\[1\] must have a 'type'; it has only the keys \['text'\]",
        ),
        ([{"type": ""}], ValueError, r"^media\[0\] must have a 'type'"),
        ([{"type": 5}], ValueError, r"^media\[0\] must have a 'type'"),
        ([{5: 5}], TypeError, r"^media\[0\] must be a dict with str keys, but has the key 5"),
    ],
)
def test_media_that_can_only_be_wrong_are_named(
    value: object, kind: type[Exception], reason: str
) -> None:
    with pytest.raises(kind, match=reason):
        media_items("media", value)


@pytest.mark.parametrize(
    ("value", "kind", "reason"),
    [
        ({"type": "sip"}, TypeError, "^devices must be a list of lists of devices, .*, not dict"),
        ((), ValueError, "^devices is empty"),
        ([{"type": "sip"}], ValueError, r"^devices\[0\] is a device, .* write \[\[device\]\]"),
        (["sip"], TypeError, r"^devices\[0\] must be a list of devices, not str"),
        ([()], ValueError, r"^devices\[0\] is an empty list"),
        ([["sip"]], TypeError, r"^devices\[0\]\[0\] must be a dict, not str"),
        ([[dict[str, str]()]], ValueError, r"^devices\[0\]\[0\] must have a 'type'"),
        ([[{"type": "sip"}]], ValueError, r"^devices\[0\]\[0\] must have 'to'"),
    ],
)
def test_a_plan_that_can_only_be_wrong_is_named(
    value: object, kind: type[Exception], reason: str
) -> None:
    with pytest.raises(kind, match=reason):
        device_plan("devices", value)


SIP = {"username": "u", "password": "hush-hush"}


@pytest.mark.parametrize("plan", [SIP, [SIP], [[SIP]], [(SIP.items(),)], [{1: SIP}], [[{1: SIP}]]])
def test_no_error_quotes_a_devices_password(plan: object) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        device_plan("devices", plan)
    assert "hush" not in str(caught.value)


@given(st.text("0123456789*#ABCDabcdwW", min_size=1))
def test_dtmf_digits_pass_unchanged(digits: str) -> None:
    assert dtmf("digits", digits) == digits


@given(st.text("0123", max_size=3), st.characters(exclude_characters="0123456789*#ABCDabcdwW"))
def test_what_is_no_dtmf_is_named_without_the_digits_around_it(before: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=r"^digits must be DTMF digits") as caught:
        dtmf("digits", before + wrong + "4711")
    assert str(caught.value).endswith(f", not {wrong!r}")
    assert "4711" not in str(caught.value)


def test_no_digits_are_no_dtmf() -> None:
    with pytest.raises(ValueError, match="not an empty text"):
        dtmf("digits", "")
    with pytest.raises(TypeError, match="digits must be a str of DTMF digits"):
        dtmf("digits", 123)


@given(st.integers(-40, 40) | st.floats(-40, 40))
def test_a_volume_within_its_range_passes_unchanged(volume: float) -> None:
    assert volume_db("volume", volume) is volume


@pytest.mark.parametrize("volume", [-40.1, 41, math.nan, math.inf, -math.inf, 10**400])
def test_a_volume_out_of_its_range_is_refused(volume: float) -> None:
    with pytest.raises(ValueError, match="volume must be from -40 to 40 dB"):
        volume_db("volume", volume)


@pytest.mark.parametrize("value", ["5", True, None])
def test_what_is_no_number_is_no_volume_and_no_time(value: object) -> None:
    with pytest.raises(TypeError, match="volume must be a number of dB"):
        volume_db("volume", value)
    if value is not None:
        with pytest.raises(TypeError, match="timeout must be a number of seconds"):
            seconds("timeout", value)


@given(st.floats(0, 1e308) | st.integers(0, 10**300))
def test_a_time_is_a_float(value: float) -> None:
    result = seconds("timeout", value)
    assert type(result) is float
    assert result == float(value)


@pytest.mark.parametrize("value", [-1, -0.1, math.nan, math.inf, -math.inf, 10**400])
def test_a_time_that_never_comes_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="timeout must be 0 s or more, and finite"):
        seconds("timeout", value)


def test_no_time_is_none() -> None:
    assert seconds("timeout", None) is None
    assert seconds_left("timeout", None) is None


@pytest.mark.parametrize(("value", "left"), [(-1, 0.0), (-1e9, 0.0), (-0.0, 0.0), (2, 2.0)])
def test_of_a_time_that_is_over_nothing_is_left(value: float, left: float) -> None:
    assert seconds_left("timeout", value) == left


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -(10**400), True, "1"])
def test_what_is_no_time_leaves_nothing_either(value: float) -> None:
    with pytest.raises((ValueError, TypeError), match="timeout must be"):
        seconds_left("timeout", value)


def test_a_text_is_there_and_a_text() -> None:
    assert text("tag", "t") == "t"
    with pytest.raises(ValueError, match="tag must not be empty"):
        text("tag", "")
    with pytest.raises(TypeError, match="tag must be a str"):
        text("tag", 5)


def test_texts_are_a_list() -> None:
    assert texts("tags", ("a", "b")) == ["a", "b"]
    for value in ("ab", 5, ["a", 5], {"a": 1}):
        with pytest.raises(TypeError, match=r"tags(\[1\])? must be a (list of )?str"):
            texts("tags", value)


def test_a_callback_is_a_function_or_not_there() -> None:
    assert callback("on_completed", print) is print
    assert optional(callback)("on_completed", None) is None
    with pytest.raises(TypeError, match="on_completed must be a function, not 5"):
        callback("on_completed", 5)


@pytest.mark.parametrize("value", [[("a", 1)], "a", None])
def test_an_object_is_a_dict(value: object) -> None:
    with pytest.raises(TypeError, match=r"^params must be a dict, not \w+$"):
        json_object("params", value)


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ("", ""),
        ("5", "5"),
        (True, "true"),
        (False, "false"),
        (5, "5"),
        (0, "0"),
        (2.5, "2.5"),
        (5.0, "5"),
        (19999999.99, "19999999.99"),
        (12345.67, "12345.67"),
    ],
)
def test_what_the_server_wants_as_text_is_sent_as_text(value: object, sent: str | None) -> None:
    assert as_text("charge_amount", value) == sent


@pytest.mark.parametrize("value", [[], {}, math.nan, math.inf])
def test_what_cannot_be_text_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match=r"^timeout must be a str or a number, not "):
        as_text("timeout", value)


def test_a_refer_takes_the_uri_of_some_documentation() -> None:
    wanted = {"type": "sip", "params": {"to": "sip:b@example.com", "username": "b"}}
    params = {"uri": "sip:b@example.com", "username": "b"}
    assert refer_device("device", {"type": "sip", "params": params}) == wanted
    assert refer_device("device", {"type": "sip", **params}) == wanted
    assert refer_device("device", wanted) == wanted
    both = {"type": "sip", "params": {"to": "sip:b@example.com", "uri": "sip:c@example.com"}}
    assert refer_device("device", both) == both
    with pytest.raises(TypeError, match=r"device\['params'\] must be a dict"):
        refer_device("device", {"type": "sip", "params": None})


def test_one_object_with_a_type_goes_out_nested() -> None:
    assert detector("detect", {"type": "machine"}) == {"type": "machine", "params": {}}
    assert tap("tap", {"type": "audio", "direction": "both"}) == {
        "type": "audio",
        "params": {"direction": "both"},
    }
    with pytest.raises(
        ValueError, match=r"^detect must have a 'type'; it has only the keys \['params'\]"
    ):
        detector("detect", {"params": {}})


def test_a_live_action_is_a_text_or_an_object() -> None:
    assert live_action("action", "stop") == "stop"
    assert live_action("action", {"start": {"lang": "en"}}) == {"start": {"lang": "en"}}
    with pytest.raises(TypeError, match=r"^action must be a dict, not list"):
        live_action("action", [])
