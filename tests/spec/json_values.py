"""Strategies: any JSON, and values that are, or are not, of a type of the specification."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias, cast

from hypothesis import strategies as st

from relay_proto.testing import strategies

Json: TypeAlias = Any

texts: Final = st.text(st.characters(codec="utf-8"), max_size=12)
integers: Final = st.integers(-(2**63), 2**64 - 1)
floats: Final = st.floats(allow_nan=False, allow_infinity=False)
no_integers: Final = floats.filter(lambda value: not value.is_integer())
scalars: Final[st.SearchStrategy[Json]] = st.none() | st.booleans() | integers | floats | texts
json_values: Final[st.SearchStrategy[Json]] = strategies.json_values()
json_objects: Final[st.SearchStrategy[dict[str, Json]]] = strategies.json_objects()
lists: Final[st.SearchStrategy[Json]] = st.lists(json_values, max_size=3)
no_numbers: Final = st.sampled_from(["", "x", "nan", "inf", "-Infinity", "1 2"])

RIGHT: Final[Mapping[str, st.SearchStrategy[Json]]] = {
    "string": texts,
    "object": json_objects,
    "device": json_objects,
    "boolean": st.booleans(),
    "number": st.floats(-1e9, 1e9) | st.integers(-(2**31), 2**31),
    "integer": st.integers(-(2**31), 2**31),
    "array<string>": st.lists(texts, max_size=3),
}
WRONG: Final[Mapping[str, st.SearchStrategy[Json]]] = {
    "string": st.none() | st.booleans() | floats | lists | json_objects,
    "object": scalars | lists,
    "device": scalars | lists,
    "boolean": st.none() | floats | st.integers(2) | lists | json_objects,
    "number": st.none() | st.booleans() | no_numbers | lists | json_objects,
    "integer": st.none() | st.booleans() | no_numbers | no_integers | lists | json_objects,
    "array<string>": scalars | json_objects | st.lists(integers, min_size=1, max_size=3),
}
"""Not in it: numbers as text and text as numbers, between which the server wavers."""


def contains(whole: Json, part: Json) -> bool:
    """Whether all that `part` says is in `whole`, at the same place."""
    if isinstance(part, dict) and isinstance(whole, dict):
        outer, inner = cast("dict[str, Json]", whole), cast("dict[str, Json]", part)
        return all(key in outer and contains(outer[key], inner[key]) for key in inner)
    return bool(whole == part)
