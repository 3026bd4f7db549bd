"""Masking by example (laws: `test_scrub_laws`)."""

from __future__ import annotations

import json
from collections.abc import Callable

import msgspec
import pytest

from relay_proto.rpc.masking import DEEPEST, MASK, PERSONAL_KEYS, SECRET_KEYS, Scrubber
from tests.spec import CONSTANTS


def test_the_keys_are_those_of_the_specification() -> None:
    assert sorted(CONSTANTS["secret_keys"]) == sorted(SECRET_KEYS)
    assert sorted(CONSTANTS["personal_data_keys"]) == sorted(PERSONAL_KEYS)


def test_a_connect_frame_is_shown_without_its_credentials() -> None:
    frame = b'{"id":"1","params":{"authentication":{"project":"p","token":"t"},"contexts":["a"]}}'
    assert Scrubber().frame(frame) == (
        '{"id":"1","params":{"authentication":{"project":"***","token":"***"},"contexts":["a"]}}'
    )


def test_a_credential_is_masked_in_an_identity_too() -> None:
    scrubber = Scrubber(["p-12345", ""])
    assert scrubber.frame(b'{"identity":"p-12345@host"}') == '{"identity":"***@host"}'
    assert scrubber.text("no project p-12345 here") == "no project *** here"


@pytest.mark.parametrize("secret", ['quo"tes', "back\\slash", "new\nline", "tab\tulator"])
def test_a_credential_that_json_escapes_is_masked_all_the_same(secret: str) -> None:
    frame = msgspec.json.encode({"identity": f"<{secret}>", secret: [secret]})
    assert Scrubber([secret]).frame(frame) == '{"identity":"<***>","***":["***"]}'


def test_a_credential_that_is_a_number_is_masked_as_one() -> None:
    assert Scrubber(["123456"]).frame(b'{"a":123456}') == '{"a":***}'


def test_the_longer_of_two_credentials_is_masked_first() -> None:
    assert Scrubber(["abcdef", "abcdefgh"]).text("abcdefgh") == "***"


def test_a_short_credential_is_not_looked_for_in_free_text() -> None:
    assert Scrubber(["abcde"]).text("abcde") == "abcde"


def test_what_was_said_typed_and_dialled_is_masked_unless_asked_for() -> None:
    frame = b'{"to_number":"+15550001111","body":"hi","digits":"123","from":"","media":["u"]}'
    assert Scrubber().frame(frame) == (
        '{"to_number":"***","body":"***","digits":"***","from":"","media":["u"]}'
    )
    assert Scrubber(personal=False).frame(frame).encode() == frame


def test_the_shape_of_a_collect_is_shown_though_its_key_is_that_of_digits() -> None:
    frame = b'{"collect":{"digits":{"max":4},"text":null,"to":[]}}'
    assert Scrubber().frame(frame).encode() == frame


def test_what_is_nested_too_deeply_is_masked_whole() -> None:
    shown = Scrubber().frame(b"[" * 50 + b'"deep"' + b"]" * 50)
    assert "deep" not in shown
    assert "***" in shown


def test_what_is_not_json_is_shown_by_its_size() -> None:
    assert Scrubber().frame(b"PT-secret") == "(9 bytes that are not JSON)"


def test_its_repr_shows_how_many_credentials_it_knows_and_none_of_them() -> None:
    assert repr(Scrubber(["p-12345", "short"])) == "<Scrubber of 1 secrets>"


def in_an_object(value: object) -> object:
    return {"a": value}


def in_a_list(value: object) -> object:
    return [value]


@pytest.mark.parametrize(("depth", "shown"), [(DEEPEST, "here"), (DEEPEST + 1, MASK)])
@pytest.mark.parametrize("wrap", [in_an_object, in_a_list])
def test_what_is_nested_deeper_than_the_limit_is_masked_and_nothing_before(
    depth: int, shown: str, wrap: Callable[[object], object]
) -> None:
    value: object = "here"
    for _ in range(depth):
        value = wrap(value)
    text = Scrubber().frame(json.dumps(value).encode())
    assert text.count(shown) == 1
    assert ("here" in text) is (shown == "here")
