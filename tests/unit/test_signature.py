"""A signature that is made late is the one that `inspect` would have made at once."""

from __future__ import annotations

import copy
import inspect
import pickle

import pytest

from relay_proto.api.methods import Signature


def greet(name: str, *, loud: bool = False) -> str:
    return f"{name}{loud}"


def wanted() -> inspect.Signature:
    owner = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return inspect.Signature([owner, *inspect.signature(greet).parameters.values()])


def test_it_is_equal_to_the_one_made_at_once_from_either_side() -> None:
    assert Signature.of(greet) == wanted()
    assert wanted() == Signature.of(greet)
    assert hash(Signature.of(greet)) == hash(wanted())


def test_it_is_shown_alike() -> None:
    assert repr(Signature.of(greet)) == repr(wanted())
    assert str(Signature.of(greet)) == "(self, name: 'str', *, loud: 'bool' = False)"


def test_it_binds_arguments() -> None:
    bound = Signature.of(greet).bind(None, "Ann", loud=True)
    assert bound.arguments == {"self": None, "name": "Ann", "loud": True}


def test_it_has_no_result() -> None:
    assert Signature.of(greet).return_annotation is inspect.Signature.empty
    assert Signature.of(greet).replace(return_annotation=int).return_annotation is int


def test_it_can_be_copied_and_pickled() -> None:
    assert copy.copy(Signature.of(greet)) == wanted()
    assert pickle.loads(pickle.dumps(Signature.of(greet))) == wanted()


def test_it_has_no_other_attributes() -> None:
    unknown = "owner"
    with pytest.raises(AttributeError, match="'Signature' object has no attribute 'owner'"):
        getattr(Signature.of(greet), unknown)
