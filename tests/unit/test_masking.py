"""Masking: where exactly each rule begins and ends."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final

import pytest

from relay_proto.display import MASK, hidden
from relay_proto.rpc.masking import LARGE_PART, MOST_ITEMS, Scrubber

PERSONAL: Final = pytest.mark.parametrize("personal", [False, True])
MOST_WORDS, LARGE, DEEPEST = 1000, 64 * 1024, 32
"""As docs/protocol.md, section 20, says."""
RANDOM: Final = "PT" + "0123456789abcdef" * 3


def shown(value: object, *secrets: str, personal: bool = False) -> Any:
    """What is shown of a JSON value."""
    scrubber = Scrubber(secrets, show_personal=personal)
    return json.loads(scrubber.frame(json.dumps(value).encode()))


# Values by the kind of their name


@pytest.mark.parametrize(
    ("params", "masked"),
    [
        ({"duration": 999_999_999}, None),
        ({"duration": -999_999_999}, None),
        ({"duration": 10**9}, {"duration": MASK}),
        ({"duration": "30", "timestamp": "-12.5", "timeout": "123456.123456"}, None),
        ({"duration": "1234567"}, {"duration": "***(7)"}),
        ({"duration": "ended"}, {"duration": "***(5)"}),
        ({"id": 10**9, "timestamp": 10**9 + 0.5}, None),
        ({"state": 30, "url": 30, "device": 30}, {"state": 0, "url": 0, "device": 0}),
        ({"state": "ended", "event_type": "calling.call/x:y-1"}, None),
        ({"state": "30"}, {"state": "***(2)"}),
        ({"state": "token:abcdef"}, {"state": "***(12)"}),
        ({"id": {"method": "yes"}, "device": {"state": "ended"}}, None),
        ({"state": {"method": "yes"}}, {"state": {MASK: MASK}}),
        ({"url": {"method": "yes"}}, {"url": {MASK: MASK}}),
        ({"novelty": "ended"}, {"novelty": "***(5)"}),
        ({"novelty": [1, 2]}, {"novelty": [MASK]}),
        ({"novelty": {"state": "yes"}}, {"novelty": {MASK: MASK}}),
        ({"novelty": 5}, {"novelty": MASK}),
        ({"novelty": "", "a": [], "b": {}, "c": None, "d": True, "e": False}, None),
        ({"call_id": "c\x1b1"}, {"call_id": "***(3)"}),
        ({"call_id": "four words of somebody's"}, {"call_id": "***(24)"}),
        ({"url": "no address"}, {"url": "***(10)"}),
    ],
)
def test_a_value_is_shown_if_it_fits_its_name(params: object, masked: object) -> None:
    assert shown({"params": params}) == {"params": params if masked is None else masked}


def test_a_number_that_is_a_credential_is_masked_as_its_name_demands() -> None:
    names = ("id", "timestamp", "duration", "novelty", "state", "url", "device", "reason")
    masked = shown(dict.fromkeys(names, 1234567), "123456", personal=True)
    assert masked == dict.fromkeys(names[:4], MASK) | dict.fromkeys(names[4:], 0)


def test_personal_data_is_shown_and_cleaned_of_what_controls_a_terminal() -> None:
    params = {
        "call_id": "c\x1b1",
        "state": "Anything 1",
        "novelty": [1, {"a": 2.5}],
        "extension": 5,
    }
    assert shown(params, personal=True) == params | {"call_id": "c 1"}
    assert Scrubber(show_personal=True).shows_personal is True
    assert Scrubber().shows_personal is False


def test_a_word_is_masked_where_it_has_a_credential() -> None:
    for personal in (False, True):
        scrubber = Scrubber(["sesame"], show_personal=personal)
        assert scrubber.word("sesame.opened") == "***.opened"
        assert scrubber.id("sesame-opened") == "***-opened"
        assert scrubber.word("***(5)") == scrubber.id("***(5)") == "***(5)"
    assert Scrubber(["sesame"]).word("sesame:1") == "***(8)"


# Names


@PERSONAL
def test_a_list_of_two_hides_what_a_credential_s_name_stands_for(personal: bool) -> None:
    def contexts(*items: object) -> Any:
        return shown({"contexts": [*items]}, personal=personal)["contexts"]

    assert contexts("token", "abc") == ["token", MASK]
    assert contexts("X-Token", "abc") == ["X-Token", MASK]
    assert contexts("token") == ["token"]
    assert contexts("token", "abc", "def") == ["token", "abc", "def"]
    assert contexts("office", "token") == ["office", "token"]
    assert contexts(1, "abc") == [1, "abc"]
    assert contexts("my token", "abc") == ["my token", "abc"]


@PERSONAL
def test_a_pair_with_a_harmless_name_is_shown(personal: bool) -> None:
    for name in ("X-Customer", "no token here", 5, None):
        pair = shown({"name": name, "state": "ended"}, personal=personal)
        assert pair["state"] == "ended"
    assert shown({"value": "token", "state": "ended"}, personal=personal)["state"] == "ended"


@PERSONAL
def test_a_name_of_more_than_64_characters_is_nobodys(personal: bool) -> None:
    longest, longer = "k" + "a" * 62 + "z", "k" + "a" * 63 + "z"
    masked = shown({longest: "abc", longer: "abc"}, personal=personal)
    assert masked.pop(longest) == ("abc" if personal else "***(3)")
    assert masked == {longer if personal else hidden(longer): MASK}


def test_a_key_is_shown_if_it_looks_like_a_name() -> None:
    for key in ("X-Customer", "$relay", "@type", "call_id", "***(12)"):
        assert list(shown({key: True})) == [key]
    for key in (RANDOM, "two words", "1a", "user:hush1@example.com", "token=abc"):
        assert list(shown({key: True})) == [hidden(key)]
    assert list(shown({"sesame_1": True, "X-sesame": True}, "sesame")) == ["***_1", "X-***"]


# Limits


@PERSONAL
def test_of_a_list_the_first_items_are_shown(personal: bool) -> None:
    items = ["a"] * MOST_ITEMS
    assert shown({"contexts": items}, personal=personal) == {"contexts": items}


def test_a_long_id_is_searched_as_a_text() -> None:
    for size in (MOST_WORDS, MOST_WORDS + 1):
        text = f"{RANDOM} ".ljust(size, "x")
        assert Scrubber(show_personal=True).id(text).startswith(MASK) is (size > MOST_WORDS)
        assert Scrubber().id(text) == hidden(text)


def test_of_a_long_address_nothing_is_shown() -> None:
    for size in (MOST_WORDS, MOST_WORDS + 1):
        url = "https://example.com/".ljust(size, "x")
        masked = f"https://example.com/***({size - 19})" if size == MOST_WORDS else hidden(url)
        assert shown({"url": url}) == {"url": masked}


def padded(value: dict[str, object], size: int) -> bytes:
    """JSON of exactly this length."""
    frame = json.dumps(value | {"body": ""}).encode()
    return frame[:-2] + b"x" * (size - len(frame)) + frame[-2:]


def test_a_large_frame_is_shown_without_the_names_that_are_unknown() -> None:
    masked = json.loads(Scrubber().frame(padded({"state": "ended", "novelty": 1}, LARGE)))
    assert masked.keys() == {"state", "novelty", "body"}
    large = padded({"state": "ended", "novelty": 1}, LARGE + 1)
    for space in (0, 1, 99):
        frame = Scrubber().frame(b" " * space + large)
        assert json.loads(frame) == {"state": "ended", MASK: MASK}
    assert Scrubber().frame(b" " * 100 + large) == f'"{MASK}"'
    assert Scrubber().frame(b"[" + b"1," * LARGE + b"1]") == f'["{MASK}"]'


def test_a_large_part_of_a_large_frame_is_masked_whole() -> None:
    for size in (LARGE_PART, LARGE_PART + 1):
        part = b'["office"' + b" " * (size - 10) + b"]"
        frame = b'{"contexts":' + part + b',"state":"ended","body":"' + b"x" * LARGE + b'"}'
        masked = json.loads(Scrubber().frame(frame))
        assert masked["contexts"] == (["office"] if size == LARGE_PART else [MASK])


def test_a_large_frame_may_be_as_deep_as_it_likes() -> None:
    inside = b'{"state":"ended","reason":"' + b"x" * LARGE + b'"}'
    for depth in (DEEPEST - 1, DEEPEST, 700):
        frame = Scrubber().frame(b'{"params":' * depth + inside + b"}" * depth)
        assert frame.count("params") == min(depth, DEEPEST + 1)
        assert ("ended" in frame) is (depth < DEEPEST)


# The client's own credentials

QUOTED: Final[list[Callable[[str], str]]] = [
    str,
    lambda text: json.dumps(text)[1:-1],
    lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    lambda text: repr(text)[1:-1],
    lambda text: _each(text, lambda c: f"\\x{ord(c):02x}"),
    lambda text: _each(text, lambda c: f"\\u{ord(c):04X}"),
    lambda text: _each(text, lambda c: "".join(f"%{byte:02X}" for byte in c.encode())),
    lambda text: _each(text, lambda c: "".join(f"%{byte:02x}" for byte in c.encode())),
]


def _each(text: str, quote: Callable[[str], str]) -> str:
    """The text with all but letters and digits of ASCII quoted."""
    return re.sub(r"[^A-Za-z0-9]", lambda found: quote(found[0]), text)


@pytest.mark.parametrize("special", ["é", "€", "😀", '"', "'", "\\", "/", "&", " ", "\n", "\x7f"])
@pytest.mark.parametrize("number", range(len(QUOTED)))
def test_a_credential_is_found_in_whatever_way_it_is_quoted(special: str, number: int) -> None:
    scrubber = Scrubber([f"se{special}same", "another"])
    quoted = QUOTED[number](f"se{special}same")
    assert scrubber.text(f"the <{quoted}> is wrong") == f"the <{MASK}> is wrong"
    assert "same" not in scrubber.words(f"the <{quoted}> is wrong")


def test_a_blank_in_a_credential_may_be_a_plus_and_nothing_else_may() -> None:
    assert Scrubber(["open sesame"]).text("open+sesame") == MASK
    assert Scrubber(["open-sesame"]).text("open+sesame") == "open+sesame"


def test_what_is_invisible_may_be_left_out_of_a_credential_of_six_visible_characters() -> None:
    for between in ("\n", "\u200b", " "):
        for blank in ("", " ", "?", "_", "\ufffd"):
            assert Scrubber([f"abc{between}def"]).text(f"abc{blank}def") == MASK
        assert Scrubber([f"abc{between}de"]).text("abcde") == "abcde"
    assert Scrubber(["abc-def"]).text("abcdef") == "abcdef"


def test_six_characters_are_enough_for_a_credential() -> None:
    scrubber = Scrubber(["abcdef", "ghijk"])
    scrubber.add("lmnopq")
    scrubber.learn("rstuvw")
    assert scrubber.text("abcdef ghijk lmnopq rstuvw") == "*** ghijk *** ***"
    assert repr(scrubber) == "<Scrubber of 1 secrets>"


@pytest.mark.parametrize("quoted", QUOTED[:2])
def test_no_part_of_a_quoted_credential_is_left_over_at_the_cut(
    quoted: Callable[[str], str],
) -> None:
    secret = "😀" * 50
    words = quoted(secret)
    scrubber = Scrubber([secret])
    for start in range(MOST_WORDS - len(words) - 5, MOST_WORDS + 5, len(words) // 12):
        text = ("ab " * MOST_WORDS)[:start] + words + " ab" * MOST_WORDS
        assert not set("😀\\") & set(scrubber.words(text))
