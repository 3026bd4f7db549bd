"""Whether the body of an event is what the specification says of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from tests.spec import EVENTS

Body: TypeAlias = Mapping[str, Any]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_list_of_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)  # pyright: ignore[reportUnknownVariableType]


TYPES: Final[Mapping[str, Callable[[object], bool]]] = {
    "string": lambda value: isinstance(value, str),
    "object": lambda value: isinstance(value, dict),
    "device": lambda value: isinstance(value, dict),
    "boolean": lambda value: isinstance(value, bool),
    "number": _is_number,
    "integer": _is_integer,
    "array<string>": _is_list_of_texts,
}

OF_OUR_OWN: Final = frozenset({"calling.call.live_transcribe", "calling.call.live_translate"})
"""Events that the specification does not name, see `relay_proto.exchange.interpreting`."""

DETECTED: Final[Mapping[str, frozenset[str]]] = {
    "machine": frozenset("MACHINE HUMAN UNKNOWN READY NOT_READY finished error".split()),
    "fax": frozenset("CED CNG finished error".split()),
    "digit": frozenset([*"0123456789*#ABCD", "finished", "error"]),
}
COLLECTED: Final = frozenset("digit speech no_input no_match start_of_input finished error".split())
FAX_FINISHED: Final = frozenset(
    """
    direction identity remote_identity document pages success result result_text format
    """.split()
)


ADDED: Final = frozenset({("calling.call.fax", "state")})
"""Fields that SDKs of other languages read, and the specification does not have."""


def violations(event_type: str, body: Body) -> list[str]:
    """All that is wrong with the body of an event."""
    if event_type in OF_OUR_OWN:
        return []
    if event_type not in EVENTS:
        return [f"{event_type} is unknown"]
    fields = EVENTS[event_type]["fields"]
    found = [
        problem
        for name, value in body.items()
        if (event_type, name) not in ADDED
        for problem in _field_violations(fields.get(name), value, f"{event_type} {name}")
    ]
    return [*found, *_nested_violations(event_type, body)]


def _field_violations(field: Body | None, value: object, named: str) -> Iterator[str]:
    if field is None:
        yield f"{named}: unknown"
    elif not TYPES[field["type"]](value):
        yield f"{named}: {value!r} is not of the type {field['type']}"
    elif "enum" in field and value not in field["enum"]:
        yield f"{named}: {value!r} is none of {field['enum']}"


def _nested_violations(event_type: str, body: Body) -> list[str]:
    match event_type, body:
        case "calling.call.detect", {"detect": {"type": kind, "params": {"event": event}}}:
            return [] if event in DETECTED[kind] else [f"{kind} cannot be {event}"]
        case "calling.call.collect", {"result": {"type": kind}}:
            return [] if kind in COLLECTED else [f"{kind} cannot be collected"]
        case "calling.call.fax", {"fax": {"type": "page", "params": params}}:
            return [] if params.keys() == {"direction", "number"} else [f"a page with {params}"]
        case "calling.call.fax", {"fax": {"type": "finished" | "error", "params": params}}:
            return [] if params.keys() == FAX_FINISHED else [f"a fax with {params}"]
        case (("calling.call.detect" | "calling.call.collect" | "calling.call.fax"), _):
            return [f"{event_type} without its object: {body}"]
        case _:
            return []
