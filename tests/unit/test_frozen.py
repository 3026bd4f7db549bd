"""A `Frozen` dataclass is compared, hashed and shown as `dataclass` itself would do it."""

from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError, dataclass, replace

import pytest

from relay_proto.config import Timing
from relay_proto.frozen import Frozen


@dataclass(frozen=True, slots=True)
class Compiled:
    name: str
    size: float = 1.0


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Shared(Frozen):
    name: str
    size: float = 1.0


def test_values_are_equal_if_all_of_their_fields_are() -> None:
    assert Shared("a") == Shared("a", 1)
    assert Shared("a") != Shared("a", 2.0)
    assert Shared("a") != Shared("b")


def test_values_of_different_classes_are_not_equal() -> None:
    assert Shared("a") != Compiled("a")


def test_equal_values_have_one_hash_and_it_is_that_of_a_dataclass() -> None:
    assert hash(Shared("a")) == hash(Shared("a", 1)) == hash(Compiled("a"))


def test_it_is_shown_like_a_dataclass() -> None:
    assert repr(Shared("a")) == repr(Compiled("a")).replace("Compiled", "Shared")


def test_it_is_still_a_dataclass() -> None:
    assert replace(Timing(), ping_interval=3) == Timing(ping_interval=3)
    assert pickle.loads(pickle.dumps(Timing(ping_timeout=1.5))) == Timing(ping_timeout=1.5)
    with pytest.raises(FrozenInstanceError):
        Timing().ping_interval = 1.0  # type: ignore[misc] # pyright: ignore[reportAttributeAccessIssue]
