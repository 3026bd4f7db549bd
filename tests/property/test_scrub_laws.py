"""Laws of masking: whatever comes by, no secret gets out, and masking twice changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import msgspec
from hypothesis import assume, example, given
from hypothesis import strategies as st

from relay_proto.display import MOST_WORDS, shown_id, words
from relay_proto.rpc.masking import DEEPEST, SHORTEST_SECRET, Scrubber
from relay_proto.rpc.names import KNOWN_NAMES
from tests.spec import CONSTANTS
from tests.spec.json_values import json_objects, json_values, lists, texts

# With the mask's own character in it, a secret could be put together by masking another.
secrets = st.text(
    st.characters(codec="utf-8", exclude_characters="*"), min_size=SHORTEST_SECRET, max_size=20
)
names = st.sampled_from(KNOWN_NAMES) | texts
MARKER = "this must not be seen"
SNIPPETS = (
    *("+1555", "0001111", "https://", "user:pass@", "Bearer ", "eyJ0eXAiOiJKV1Qi", ".", "=", " "),
    *(
        "token",
        "0123456789ab",
        "cdefABCD",
        "***",
        "(12)",
        "@example.com",
        "/path?",
        "-",
        "c-1",
        "…",
    ),
    *("0b6f0f5c-92d4-4b3e-8f5e-012345678901", "\n", "\x1b", "\u200b"),
)
composed = st.lists(st.sampled_from(SNIPPETS), max_size=10).map("".join) | texts
values = st.recursive(
    composed | st.none() | st.booleans() | st.integers(-(10**12), 10**12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=8,
)


@st.composite
def nested(draw: st.DrawFn, innermost: st.SearchStrategy[Any]) -> Any:
    """JSON with the given thing somewhere in it."""
    value: Any = draw(innermost)
    match draw(st.sampled_from(["alone", "in a list", "in an object"])):
        case "in a list":
            value = [*draw(lists), value]
        case "in an object":
            value = {**draw(json_objects), draw(texts): value}
        case _:
            pass
    for _ in range(draw(st.integers(0, DEEPEST + 3))):
        value = {"params": value}
    return value


def strings(value: object) -> Iterator[str]:
    """Every text in a JSON value, the keys of objects too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in cast("dict[str, object]", value).items():
            yield key
            yield from strings(item)
    elif isinstance(value, list):
        for item in cast("list[object]", value):
            yield from strings(item)


@given(
    nested(
        st.dictionaries(
            st.sampled_from(sorted(CONSTANTS["secret_keys"])),
            nested(st.just(MARKER)) | st.just({"digits": {"a": MARKER}}),
            min_size=1,
        )
    ),
    st.booleans(),
)
def test_nothing_under_a_secret_key_is_shown_at_any_depth(value: Any, personal: bool) -> None:
    assert MARKER not in Scrubber(show_personal=personal).frame(msgspec.json.encode(value))


@given(
    nested(
        st.dictionaries(
            st.sampled_from(sorted(CONSTANTS["personal_data_keys"])), st.just(MARKER), min_size=1
        )
    )
)
def test_what_callers_say_type_and_dial_is_not_shown_unless_asked_for(value: Any) -> None:
    assert MARKER not in Scrubber().frame(msgspec.json.encode(value))


@given(
    st.data(),
    st.lists(secrets, min_size=1, max_size=3),
    st.booleans(),
)
def test_no_credential_is_shown_wherever_it_stands(
    data: st.DataObject, credentials: list[str], personal: bool
) -> None:
    around = st.sampled_from(credentials).flatmap(
        lambda secret: st.tuples(texts, texts).map(lambda ends: ends[0] + secret + ends[1])
    )
    innermost = (
        around
        | st.dictionaries(around, json_values, min_size=1, max_size=2)
        | st.dictionaries(names, around, min_size=1, max_size=2)
    )
    value = data.draw(nested(innermost))
    scrubber = Scrubber(credentials, show_personal=personal)
    shown = scrubber.frame(msgspec.json.encode(value))
    assert not any(secret in shown for secret in credentials)
    try:
        seen: object = msgspec.json.decode(shown)
    except msgspec.DecodeError:
        return  # a credential that looks like JSON was cut out of it
    assert not any(secret in text for text in strings(seen) for secret in credentials)


@given(texts, texts, st.lists(secrets, min_size=1, max_size=3))
@example("", "", ['quote"s', "back\\slash"])
@example("", "", ["abcdef", "abcdefgh", "cdefgh"])
def test_no_credential_is_shown_in_free_text(
    before: str, after: str, credentials: list[str]
) -> None:
    scrubber = Scrubber(credentials)
    for secret in credentials:
        for clean in (scrubber.text, scrubber.words, scrubber.id):
            shown = clean(before + secret + after)
            assert not any(secret in shown for secret in credentials)


@given(st.binary(max_size=100))
@example(b"[" * 100_000)
@example(b"1e999")
def test_masking_never_raises(data: bytes) -> None:
    assert isinstance(Scrubber(["secret"]).frame(data), str)


@given(st.binary(min_size=4, max_size=100))
def test_what_is_not_json_is_never_quoted(data: bytes) -> None:
    try:
        msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        assert Scrubber().frame(data) == f"({len(data)} bytes that are not JSON)"
    else:
        assume(False)


@given(values, st.booleans())
@example({":ID": "+1555"}, False)
@example(["+1555+1555Bearer +15550b6f0f5c-92d4-4b3e-8f5e-012345678901Bearer ", ""], True)
def test_to_mask_a_frame_twice_is_to_mask_it_once(value: Any, personal: bool) -> None:
    scrubber = Scrubber(["p-12345"], show_personal=personal)
    once = scrubber.value({"params": value})
    assert scrubber.value(once) == once
    frame = scrubber.frame(msgspec.json.encode({"params": value}))
    assert scrubber.frame(frame.encode()) == frame
    assert frame.isprintable()


@given(composed, st.booleans())
@example("." * (MOST_WORDS - 4) + "+1555 0001111", False)
@example("." * MOST_WORDS * 3, False)
def test_to_mask_a_text_twice_is_to_mask_it_once(text: str, personal: bool) -> None:
    scrubber = Scrubber(["p-12345"], show_personal=personal)
    for clean in (scrubber.words, scrubber.id, shown_id, words):
        once = clean(text)
        assert clean(once) == once


@given(st.dictionaries(st.sampled_from(["id", "method", "state", "duration"]), st.none()))
def test_what_is_empty_is_shown(value: dict[str, Any]) -> None:
    assert msgspec.json.decode(Scrubber().frame(msgspec.json.encode(value))) == value
