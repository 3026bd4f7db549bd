"""Laws of masking: whatever comes by, no secret gets out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import msgspec
from hypothesis import assume, example, given
from hypothesis import strategies as st

from relay_proto.rpc.masking import (
    DEEPEST,
    MASK,
    PERSONAL_KEYS,
    SECRET_KEYS,
    SHORTEST_SECRET,
    Scrubber,
)
from tests.spec.json_values import json_objects, json_values, lists, texts

# With the mask's own character in it, a secret could be put together by masking another.
secrets = st.text(
    st.characters(codec="utf-8", exclude_characters="*"), min_size=SHORTEST_SECRET, max_size=20
)
MARKER = "this must not be seen"


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
        value = {"inside": value}
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
            st.sampled_from(sorted(SECRET_KEYS)),
            nested(st.just(MARKER)) | st.just({"digits": {"a": MARKER}}),
            min_size=1,
        )
    ),
    st.booleans(),
)
def test_nothing_under_a_secret_key_is_shown_at_any_depth(value: Any, personal: bool) -> None:
    shown = Scrubber(personal=personal).frame(msgspec.json.encode(value))
    assert MARKER not in shown
    assert MASK in shown


@given(nested(st.dictionaries(st.sampled_from(sorted(PERSONAL_KEYS)), st.just(MARKER), min_size=1)))
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
    innermost = around | st.dictionaries(around, json_values, min_size=1, max_size=2)
    value = data.draw(nested(innermost))
    shown = Scrubber(credentials, personal=personal).frame(msgspec.json.encode(value))
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
        shown = scrubber.text(before + secret + after)
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
    except ValueError:
        assert Scrubber().frame(data) == f"({len(data)} bytes that are not JSON)"
    else:
        assume(False)


@given(st.dictionaries(st.sampled_from(["id", "method", "state", "url"]), json_values))
def test_what_is_neither_secret_nor_personal_is_shown(value: dict[str, Any]) -> None:
    assume(not any(key in SECRET_KEYS | PERSONAL_KEYS for key in strings(value)))
    assert msgspec.json.decode(Scrubber().frame(msgspec.json.encode(value))) == value
