"""Ids: version 4 UUIDs, most of which are combined of halves that were drawn before."""

from __future__ import annotations

import random
import uuid
from itertools import islice

import pytest

from relay_proto.link.ids import DRAWN, MakeIds, combined_ids, drawn_ids

TWO_BLOCKS = 2 * DRAWN * DRAWN
KINDS = pytest.mark.parametrize("make", [combined_ids, drawn_ids])


@KINDS
def test_no_id_comes_twice(make: MakeIds) -> None:
    ids = list(islice(make(random.Random(1)), TWO_BLOCKS))
    assert len(set(ids)) == TWO_BLOCKS


@KINDS
def test_each_is_a_random_uuid_as_it_is_written(make: MakeIds) -> None:
    for identity in islice(make(random.Random(1)), 2 * DRAWN):
        parsed = uuid.UUID(identity)
        assert (str(parsed), parsed.version, parsed.variant) == (identity, 4, uuid.RFC_4122)


@KINDS
def test_a_seed_decides_on_all_of_them(make: MakeIds) -> None:
    first, again, other = (list(islice(make(random.Random(n)), TWO_BLOCKS)) for n in (1, 1, 2))
    assert first == again
    assert not set(first) & set(other)


def test_most_are_combined_of_two_that_were_drawn() -> None:
    ids = list(islice(combined_ids(random.Random(1)), DRAWN * DRAWN))
    drawn = list(islice(drawn_ids(random.Random(1)), DRAWN))
    assert ids[:DRAWN] == drawn
    assert {one[:18] for one in ids} == {one[:18] for one in drawn}
    assert {one[18:] for one in ids} == {one[18:] for one in drawn}


def test_so_many_are_drawn_at_once_as_recordings_expect() -> None:
    ids = list(islice(combined_ids(random.Random(1)), 66))
    drawn = list(islice(drawn_ids(random.Random(1)), 66))
    assert ids[:64] == drawn[:64]
    assert ids[64] == drawn[0][:18] + drawn[1][18:]


def test_a_seed_makes_the_ids_that_recordings_expect() -> None:
    """Otherwise no recording of an earlier version could be replayed."""
    assert next(drawn_ids(random.Random(1))) == "cd613e30-d8f1-4adf-91b7-584a2265b1f5"
    variants = [one[19] for one in islice(drawn_ids(random.Random(1)), 12)]
    assert "".join(variants) == "998aba8899aa"
