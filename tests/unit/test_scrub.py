"""Masking by example (laws: `test_scrub_laws`, `test_planted_secrets`)."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from relay_proto.display import MASK, MOST_WORDS, hidden, looks_random
from relay_proto.rpc.masking import (
    DEEPEST,
    LARGE,
    LARGE_PART,
    LONGEST_LABEL,
    MOST_ADDED,
    MOST_ITEMS,
    MOST_LEARNED,
    Scrubber,
)
from tests.spec import CONSTANTS

TOKEN = "PT" + "0123456789abcdef" * 3
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0"


def shown(value: object, *secrets: str, personal: bool = False) -> Any:
    """What is shown of a JSON value."""
    text = Scrubber(secrets, show_personal=personal).frame(msgspec.json.encode(value))
    return msgspec.json.decode(text)


# Names


@pytest.mark.parametrize("personal", [False, True])
@pytest.mark.parametrize(
    "name",
    [
        *CONSTANTS["secret_keys"],
        *("web_hook_auth_password", "webHookAuthPassword", "Web-Hook-Auth-Password"),
        *("payment_token", "payment_card_number", "security_code", "expiration_date"),
        *("Authorization", "x-api-key", "apiKey", "X-Amz-Signature", "client_secret"),
        *("post_prompt_auth_user", "project_id", "cookie", "pin", "PASSWORD", "cvv"),
    ],
)
def test_what_has_the_name_of_a_credential_is_never_shown(name: str, personal: bool) -> None:
    for value in ("hunter2", 4711, True, ["hunter2"], {"a": "hunter2"}):
        assert shown({"params": {name: value}}, personal=personal) == {"params": {name: MASK}}


@pytest.mark.parametrize("personal", [False, True])
@pytest.mark.parametrize("label", ["name", "key", "header"])
def test_a_pair_with_the_name_of_a_credential_is_never_shown(label: str, personal: bool) -> None:
    pair = {label: "Authorization", "value": "hunter2"}
    for pairs in ([pair], pair, ["Authorization", "hunter2"], [["X-Token", "hunter2"]]):
        assert "hunter2" not in str(shown({"params": {"headers": pairs}}, personal=personal))
        assert "hunter2" not in str(shown({"params": {"device": pairs}}, personal=personal))


@pytest.mark.parametrize("name", CONSTANTS["personal_data_keys"])
def test_what_is_personal_is_not_shown_unless_asked_for(name: str) -> None:
    assert "4711" not in str(shown({"params": {name: "4711"}}))


def test_what_was_said_typed_and_dialled_is_masked_unless_asked_for() -> None:
    frame: dict[str, Any] = {"to_number": "+15550001111", "body": "hi", "digits": "123", "from": ""}
    assert shown(frame) == {
        "to_number": "***(12)",
        "body": "***(2)",
        "digits": "***(3)",
        "from": "",
    }
    assert shown(frame, personal=True) == frame


@pytest.mark.parametrize(
    "params",
    [
        {"custom_parameters": {"city": "hunter2"}},
        {"event": {"state": "hunter2"}},
        {"global_data": {"name": "hunter2"}},
        {"dest": "hunter2"},
        {"transfer": {"headers": [{"name": "X", "value": "hunter2"}]}},
        {"device": {"params": {"headers": [{"name": "X-Customer", "value": "hunter2"}]}}},
        {"transcript": "hunter2"},
        {"message_text": "hunter2"},
        {"prompt": {"text": "hunter2"}},
        {"SWAIG": {"functions": ["hunter2"]}},
        {"result": {"type": "speech", "params": {"text": "hunter2"}}},
        {"message": "hunter2"},
        {"play": [{"type": "tts", "params": {"text": "hunter2"}}]},
        {"state": ["the words of a", "hunter2 in the list"]},
        {"timeout": "hunter2"},
        {"volume": {"state": "hunter2"}},
    ],
)
def test_what_has_not_been_allowed_is_masked(params: object) -> None:
    frame = {"id": "1", "method": "calling.novelty", "params": params}
    assert "hunter2" not in str(shown(frame))
    assert "hunter2" in str(shown(frame, personal=True))


@pytest.mark.parametrize("digit", ["5", "#", "*", "A"])
def test_a_digit_that_was_detected_is_masked_and_a_detected_machine_is_not(digit: str) -> None:
    detected = {"detect": {"type": "digit", "params": {"event": digit}}}
    assert shown(detected) == {"detect": {"type": "digit", "params": {"event": "***(1)"}}}
    machine = {"detect": {"type": "machine", "params": {"event": "MACHINE"}}}
    assert shown(machine) == machine


def test_the_server_s_words_are_shown_beside_their_code_alone() -> None:
    refusal = {"error": {"code": -32602, "message": "no such call"}}
    assert shown(refusal) == refusal
    assert shown({"params": {"message": "no such call"}}) == {"params": {"message": "***(12)"}}


def test_what_the_protocol_needs_is_shown() -> None:
    frame: dict[str, Any] = {
        "jsonrpc": "2.0",
        "id": 7,
        "method": "calling.collect",
        "params": {
            "node_id": "n-1@10.0.0.1",
            "call_id": "0b6f0f5c-92d4-4b3e-8f5e-0123456789ab",
            "contexts": ["office", "customer service"],
            "timestamp": 1700000001.5,
            "collect": {"digits": {"max": 4, "digit_timeout": 2.5}, "text": None, "to": []},
            "code": "200",
            "final": False,
        },
    }
    assert shown(frame) == frame


def test_a_connect_frame_is_shown_without_its_credentials() -> None:
    frame = b'{"id":"1","params":{"authentication":{"project":"p","token":"t"},"contexts":["a"]}}'
    assert Scrubber().frame(frame) == (
        '{"id":"1","params":{"authentication":{"project":"***","token":"***"},"contexts":["a"]}}'
    )


@pytest.mark.parametrize("number", [15550001111, -(10**9), 4711.5])
def test_a_number_is_shown_only_as_a_quantity(number: float) -> None:
    assert shown({"pincode": number, "extension": number}) == {"pincode": MASK, "extension": MASK}
    assert shown({"extension": number}, personal=True) == {"extension": number}
    assert (shown({"duration": number})["duration"] == MASK) == (abs(number) >= 10**9)


def test_a_number_in_place_of_something_else_stays_a_number() -> None:
    assert shown({"event_type": 4711, "url": 4711}) == {"event_type": 0, "url": 0}


@pytest.mark.parametrize("key", ["+15550001111", "my name is Ada", JWT, TOKEN, "4711"])
def test_a_key_that_is_no_name_is_masked(key: str) -> None:
    value = True if len(key) <= LONGEST_LABEL else MASK
    assert shown({"params": {key: True}}) == {"params": {hidden(key): value}}


def test_a_key_is_shown_with_personal_data_unless_it_is_a_credential() -> None:
    assert shown({"+15550001111": True}, personal=True) == {"+15550001111": True}
    assert shown({TOKEN: True}, personal=True) == {MASK: True}
    assert shown({JWT: True}, personal=True) == {MASK: MASK}


# Values


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("https://example.com/a.mp3", "https://example.com/***(6)"),
        ("wss://example.com:8443", "wss://example.com:8443"),
        ("https://[::1]:8443/", "https://[::1]:8443/"),
        ("https://user:pass@example.com/a", "https://***@example.com/***(2)"),
        ("https://user:p/a@s@example.com?sig=x", "https://***@example.com/***(6)"),
        ("https://user:my pass", "https://***"),
        ("https://example.com/?token=a b", "https://example.com/***(11)"),
    ],
)
def test_of_an_address_the_host_is_shown(url: str, masked: str) -> None:
    assert shown({"status_url": url}) == {"status_url": masked}
    assert shown({"media": [url]}) == {"media": [masked]}


def test_an_address_that_is_none_is_masked() -> None:
    assert shown({"url": "sip:ada@example.com"}) == {"url": "***(19)"}
    assert shown({"url": "a 'quoted' https://example.com/"}) == {"url": "***(31)"}


def test_an_address_is_shown_with_personal_data_but_not_what_gives_access() -> None:
    url = "https://user:pass@example.com/a/b?number=1&X-Amz-Signature=abc&x=2"
    assert shown({"url": url}, personal=True) == {
        "url": "https://***@example.com/a/b?number=1&X-Amz-Signature=***&x=2"
    }


@pytest.mark.parametrize("name", ["call_id", "state", "body", "novelty", "reason", "url"])
@pytest.mark.parametrize(
    "secret",
    [JWT, "Bearer abcDEF012345", "user:hunter2@example.com", "https://user:hunter2@example.com/"],
)
def test_a_credential_is_known_by_its_shape(name: str, secret: str) -> None:
    for value in (secret, f"see: {secret}"):
        for personal in (False, True):
            text = str(shown({name: value}, personal=personal))
            assert not [part for part in (JWT, "abcDEF012345", "hunter2") if part in text]


def test_an_id_with_a_telephone_number_is_masked_there() -> None:
    assert shown({"tag": "order-+15550001111"}) == {"tag": "order-***(12)"}
    assert shown({"tag": "order-+15550001111"}, personal=True) == {"tag": "order-+15550001111"}
    assert shown({"tag": "the words of somebody else"}) == {"tag": "***(26)"}


# Words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("no call 0b6f0f5c-92d4-4b3e-8f5e-012345678901", None),
        ("no answer within 5000 ms, 10485760 bytes", None),
        ("invalid token, check your password", None),
        ("to +1 (555) 000-1111 failed", "to ***(17) failed"),
        ("to 15550001111 failed", "to ***(11) failed"),
        ("to 555-000-1111 failed", "to ***(12) failed"),
        ("to 555-1111 failed", "to ***(8) failed"),
        ("to ada@example.com failed", "to ***@example.com failed"),
        ("token=abc, password: hunter2 x", "token=***, password: *** x"),
        ('{"api_key": "abc"}', '{"api_key": "***"}'),
        ("see https://user:pass@example.com/a?b now", "see https://***@example.com/***(4) now"),
        ("Authorization: Basic dXNlcjpwYXNz", "Authorization: *** ***"),
        (f"got {TOKEN}", f"got {MASK}"),
        ("got aB3/" + "xY9+" * 6, f"got {MASK}"),
    ],
)
def test_words_are_shown_without_what_has_the_shape_of_a_secret(
    text: str, words: str | None
) -> None:
    assert Scrubber().words(text) == (text if words is None else words)
    assert Scrubber().words(Scrubber().words(text)) == Scrubber().words(text)


def test_words_are_shown_with_numbers_if_asked_for() -> None:
    scrubber = Scrubber(show_personal=True)
    assert scrubber.words("to +15550001111 with token=abc") == "to +15550001111 with token=***"


def _json(text: str) -> str:
    return json.dumps(text)[1:-1]


def _python(text: str) -> str:
    return repr(text)[1:-1]


def _blanked(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)


def _replaced(text: str) -> str:
    return "".join(c if c.isprintable() else "\ufffd" for c in text)


def _dropped(text: str) -> str:
    return "".join(c for c in text if c.isprintable())


def _percent(text: str) -> str:
    return "".join(f"%{ord(c):02X}" if ord(c) < 33 else c for c in text)


@pytest.mark.parametrize("between", ["\n", "\t", "\0", "\u200b", "\r\n", "\x1b"])
@pytest.mark.parametrize("quoted", [str, _json, _python, _blanked, _replaced, _dropped, _percent])
def test_a_credential_with_a_control_character_is_found_however_it_is_quoted(
    between: str, quoted: Callable[[str], str]
) -> None:
    secret = f"sesame{between}opened"
    words = Scrubber([secret]).words(f"the credentials <{quoted(secret)}> are wrong")
    assert words == "the credentials <***> are wrong"


def test_a_credential_of_blanks_does_not_mask_everything() -> None:
    assert Scrubber(["\n" * 8, " " * 8 + "ab"]).words("a b c") == "a b c"


def test_words_are_on_one_line_and_not_longer_than_the_limit() -> None:
    assert Scrubber().words("a\x1b[31mb\u202ec") == "a [31mb c"
    words = Scrubber().words("no " * 100_000)
    assert len(words) <= MOST_WORDS
    assert words.endswith("…")
    assert Scrubber().words(words) == words


@pytest.mark.parametrize("length", range(MOST_WORDS - 60, MOST_WORDS + 10))
def test_no_part_of_a_credential_is_left_over_at_the_cut(length: int) -> None:
    secret = "sesame opened"
    padding = ("." * 7 + " ") * 500
    assert "sesame" not in Scrubber([secret]).words(padding[:length] + secret * 30 + padding)


# The client's own credentials


def test_a_credential_is_masked_in_an_id_too() -> None:
    scrubber = Scrubber(["p-12345", ""])
    assert scrubber.frame(b'{"protocol":"p-12345@host"}') == '{"protocol":"***@host"}'
    assert scrubber.text("no project p-12345 here") == "no project *** here"


@pytest.mark.parametrize("secret", ['quo"tes', "back\\slash", "new\nline", "tab\tulator"])
def test_a_credential_that_json_escapes_is_masked_all_the_same(secret: str) -> None:
    frame = msgspec.json.encode({"reason": f"<{secret}>", "contexts": [secret], "body": secret})
    masked = Scrubber([secret], show_personal=True).frame(frame)
    assert masked == '{"reason":"<***>","contexts":["***"],"body":"***"}'


def test_a_credential_that_is_a_number_is_masked_as_one() -> None:
    assert Scrubber(["123456"]).frame(b'{"id":123456}') == '{"id":"***"}'


def test_a_credential_without_a_letter_or_digit_is_masked_too() -> None:
    secret = "!$%&/()=?"
    for quoted in (str(secret), _percent(secret), _json(secret)):
        assert Scrubber([secret, TOKEN]).text(f"a {quoted} b") == f"a {MASK} b"


def test_the_longer_of_two_credentials_is_masked_first() -> None:
    assert Scrubber(["abcdef", "abcdefgh"]).text("abcdefgh") == "***"


def test_a_short_credential_is_not_looked_for_in_free_text() -> None:
    scrubber = Scrubber(["abcde"])
    scrubber.learn("edcba")
    assert scrubber.text("abcde edcba") == "abcde edcba"


def test_a_secret_of_the_session_is_masked_once_it_is_known() -> None:
    scrubber = Scrubber()
    assert scrubber.words("state opaque-1") == "state opaque-1"
    for number in range(1, MOST_LEARNED + 2):
        scrubber.learn(f"opaque-{number}")
        scrubber.learn(f"opaque-{number}")
    newest = " ".join(f"opaque-{number}" for number in range(2, MOST_LEARNED + 2))
    assert scrubber.words(newest) == " ".join([MASK] * MOST_LEARNED)
    assert scrubber.words("opaque-1") == "opaque-1"


def test_a_credential_that_comes_later_is_masked_until_newer_ones_come() -> None:
    scrubber = Scrubber(["first-one"])
    for number in range(1, MOST_ADDED + 2):
        scrubber.add(f"later-{number}")
        scrubber.add(f"later-{number}")
    scrubber.add("first-one")
    scrubber.add("short")
    assert scrubber.words(f"later-2 later-{MOST_ADDED + 1} first-one") == "*** *** ***"
    assert scrubber.words("later-1 short") == "later-1 short"


# Bounds


def test_what_is_nested_too_deeply_is_masked_whole() -> None:
    masked = Scrubber().frame(b"[" * 50 + b'"deep"' + b"]" * 50)
    assert "deep" not in masked
    assert "***" in masked


def test_what_is_not_json_is_shown_by_its_size() -> None:
    assert Scrubber().frame(b"PT-secret") == "(9 bytes that are not JSON)"
    assert Scrubber().frame(b"{" * LARGE * 2) == f"({LARGE * 2} bytes that are not JSON)"


def test_its_repr_shows_how_many_credentials_it_knows_and_none_of_them() -> None:
    assert repr(Scrubber(["p-12345", "short"])) == "<Scrubber of 1 secrets>"


def test_no_character_that_controls_a_terminal_is_in_a_frame() -> None:
    frame = {"body": "a\x9bb\u202ec\U000e0001", "\x9b": True}
    text = Scrubber(show_personal=True).frame(msgspec.json.encode(frame))
    assert text.isprintable()
    assert msgspec.json.decode(text) == frame


@pytest.mark.parametrize("personal", [False, True])
def test_of_a_long_list_the_beginning_is_shown(personal: bool) -> None:
    masked = shown({"contexts": ["a"] * (MOST_ITEMS + 1)}, personal=personal)
    assert masked == {"contexts": ["a"] * MOST_ITEMS + [MASK]}


def test_of_a_large_frame_the_known_fields_are_shown() -> None:
    body = {
        "call_id": "c-1",
        "call_state": "ended",
        "reason": "x " * LARGE,
        "device": {"type": "phone", "params": {"filler": "y" * LARGE, "timeout": 3}},
        "contexts": ["office"] * LARGE_PART,
        "call": {"device": "z" * LARGE},
        "novelty": {"state": "y" * LARGE},
    }
    masked = shown({"jsonrpc": "2.0", "id": "1", "params": body})
    params = masked["params"]
    assert masked == {"id": "1", "jsonrpc": "2.0", MASK: MASK, "params": params}
    assert params.pop("reason").endswith("…")
    assert params == {
        "call_id": "c-1",
        "call_state": "ended",
        "device": {"type": "phone", "params": {"timeout": 3, MASK: MASK}, MASK: MASK},
        "contexts": [MASK],
        "call": {"device": hidden("z" * LARGE), MASK: MASK},
        MASK: MASK,
    }


def test_a_large_frame_that_is_deep_is_masked_whole() -> None:
    deep: object = "x" * LARGE
    for _ in range(DEEPEST + 5):
        deep = {"params": deep, "filler": "y" * LARGE}
    assert Scrubber().frame(msgspec.json.encode(deep)).count("params") == DEEPEST + 1


def in_an_object(value: object) -> object:
    return {"params": value}


def in_a_list(value: object) -> object:
    return {"contexts": [value]}


@pytest.mark.parametrize("wrap", [in_an_object, in_a_list])
def test_what_is_nested_deeper_than_the_limit_is_masked_and_nothing_before(
    wrap: Callable[[object], object],
) -> None:
    for depth in range(1, DEEPEST * 2):
        value: object = {"state": "here"}
        for _ in range(depth):
            value = wrap(value)
        text = Scrubber(show_personal=True).frame(json.dumps(value).encode())
        levels = depth * (1 if wrap is in_an_object else 2) + 1
        assert ("here" in text) is (levels <= DEEPEST)


@pytest.mark.parametrize("personal", [False, True])
@pytest.mark.parametrize("name", ["call_id", "url", "control_id"])
def test_a_long_value_costs_no_more_time_than_reading_it(name: str, personal: bool) -> None:
    """A search of the whole text takes time that grows with its square: 20 s for this one."""
    frame = msgspec.json.encode({"params": {name: "https://" + "x" * 4_000_000}})
    before = time.process_time()
    assert len(Scrubber(show_personal=personal).frame(frame)) < 2 * MOST_WORDS
    assert time.process_time() - before < 2


@pytest.mark.parametrize("run", ["x", "1", "xX", "x1"])
def test_a_run_is_searched_once_and_not_from_each_of_its_characters(run: str) -> None:
    """Otherwise each text of some hundred letters costs as much as a thousand frames."""
    before = time.process_time()
    looks_random(run * 20_000)
    assert time.process_time() - before < 0.5
