"""The vendor's package as it is installed: what its classes accept is what ours accept.

`tests/contract` compares with a description of it; here nobody has described anything.
The package leaves traces in a process, so it is looked at in another one.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from typing import Any, Final, cast

import pytest

from relay_anyio import constants, event
from relay_proto.rpc.event_base import RelayEvent
from tests.spec.event_fields import unlike

LOOK: Final = """
import dataclasses, inspect, json
from signalwire.relay import constants, event

def default(field):
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return None if field.default is dataclasses.MISSING else field.default

events = {
    name: {field.name: default(field) for field in dataclasses.fields(kind)}
    for name, kind in vars(event).items()
    if inspect.isclass(kind) and issubclass(kind, event.RelayEvent)
}
known = {name: value for name, value in vars(constants).items() if name.isupper()}
types = {name: kind.__name__ for name, kind in event.EVENT_CLASS_MAP.items()}
print(json.dumps({"events": events, "constants": known, "types": types}))
"""
OURS: Final = {"AGENT_STRING"}
"""What is said of the client itself."""

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("signalwire") is None,
    reason="the vendor's client is not installed: pip install 'relay-proto[interop]'",
)


@pytest.fixture(scope="module", name="vendor")
def look_at_the_vendors() -> dict[str, Any]:
    """What the vendor's package has."""
    command = [sys.executable, "-c", LOOK]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    return cast("dict[str, Any]", json.loads(done.stdout.splitlines()[-1]))


def test_every_event_is_made_with_the_same_arguments_and_defaults(vendor: dict[str, Any]) -> None:
    assert len(vendor["events"]) > 20
    for name, fields in vendor["events"].items():
        kind = getattr(event, name)
        made: RelayEvent = kind(event_type="x", params={"state": "y"})
        found = {field: getattr(made, field) for field in fields}
        assert found == fields | {"event_type": "x", "params": {"state": "y"}}, name
        given = {field: unlike(default) for field, default in fields.items()}
        again: RelayEvent = kind(**given)
        assert {field: getattr(again, field) for field in fields} == given, name


def test_every_type_has_the_same_class(vendor: dict[str, Any]) -> None:
    assert {name: kind.__name__ for name, kind in event.EVENT_CLASS_MAP.items()} == vendor["types"]


def test_every_constant_has_the_same_value(vendor: dict[str, Any]) -> None:
    assert vendor["constants"].keys() > OURS
    for name, value in vendor["constants"].items():
        ours: object = getattr(constants, name)
        found = list(cast("tuple[str, ...]", ours)) if isinstance(ours, tuple) else ours
        assert name in OURS or found == value, name
