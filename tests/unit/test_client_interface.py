"""`ClientInterface`: a client's core has all of it, and so has whatever wraps one."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Final, cast

import pytest

from relay_proto.client import ClientCore
from relay_proto.client_interface import ClientInterface
from relay_proto.core import Core
from relay_proto.observing.observed import ObservedCore
from relay_proto.recorder.recording import RecordingCore

MEMBERS: Final = {
    name: member
    for name, member in (vars(Core) | vars(ClientInterface)).items()
    if not name.startswith("_") and name not in ("config", "scrubber")
}
"""All but what may be an attribute of the instance."""


def parameters(method: object) -> list[tuple[str, object, object]]:
    """The names, kinds and defaults of a method's parameters."""
    signature = inspect.signature(cast("Callable[..., object]", method))
    return [(one.name, one.kind, one.default) for one in signature.parameters.values()]


@pytest.mark.parametrize("core", [ClientCore, RecordingCore, ObservedCore])
@pytest.mark.parametrize("name", MEMBERS)
def test_a_core_has_each_member_with_the_same_parameters(core: type, name: str) -> None:
    wanted, found = MEMBERS[name], getattr(core, name)
    if isinstance(wanted, property):
        assert isinstance(found, property)
        assert (found.fset is None) == (wanted.fset is None)
    else:
        assert parameters(found) == parameters(wanted)
