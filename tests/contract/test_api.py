"""The public API is that of the vendor's client: every name, signature, base and property.

One test an item and package, so that they can be counted. What we add must be a
keyword that may be left out, or come last with a default. In `relay_sync` nothing
is awaited; all else is the same.

Source: ``api`` of tests/spec/relay.json.
"""

from __future__ import annotations

import copy
import dataclasses
import inspect
import json
import pickle
import pprint
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias, cast

import pytest

from relay_proto import errors
from relay_proto.rpc.event_base import RelayEvent
from tests.contract.adapters import ADAPTERS, Adapter, Program
from tests.spec import CONSTANTS, SPEC
from tests.spec.event_fields import unlike

Described: TypeAlias = Mapping[str, Any]

API: Final[Described] = SPEC["api"]
EVENT_CLASSES: Final[Described] = API["events"]["classes"]
ADDED_ERRORS: Final[Described] = API["project_additions"]["errors"]
CLASSES: Final[Mapping[str, Described]] = {
    **{name: API[name] for name in ("RelayClient", "RelayError", "Call", "Message")},
    **API["actions"],
}


@pytest.fixture(params=ADAPTERS, ids=str)
def adapter(request: pytest.FixtureRequest) -> Adapter:
    """The package that is looked at."""
    found: Adapter = request.param
    return found


def each(items: Iterator[tuple[str, ...]]) -> pytest.MarkDecorator:
    """One test for each, named after it."""
    found = list(items)
    return pytest.mark.parametrize("item", found, ids=[".".join(item) for item in found])


def methods() -> Iterator[tuple[str, str]]:
    for name, described in CLASSES.items():
        for method in described.get("methods", ()):
            yield name, method


def properties() -> Iterator[tuple[str, str]]:
    for name, described in CLASSES.items():
        for kind in ("properties", "attributes"):
            for attribute in described.get(kind, ()):
                yield name, attribute


def layout() -> Iterator[tuple[str, str]]:
    for module, found in API["module_layout"].items():
        for name in CONSTANTS["python_names"] if module == "constants" else found:
            yield module, name


def event_fields() -> Iterator[tuple[str, str]]:
    for name, described in EVENT_CLASSES.items():
        for field in described["fields"]:
            yield name, field["name"]


@each(methods())
def test_a_method_can_be_called_as_the_vendors(adapter: Adapter, item: tuple[str, str]) -> None:
    wanted = CLASSES[item[0]]["methods"][item[1]]
    name = item[1].replace("__a", "__") if adapter.blocking else item[1]
    function: Callable[..., Any] = getattr(adapter.owner(item[0]), name)
    assert_compatible(list(inspect.signature(function).parameters.values())[1:], wanted["params"])
    assert inspect.iscoroutinefunction(function) == (wanted["async"] and not adapter.blocking)


@each((name,) for name in CLASSES)
def test_a_class_is_constructed_as_the_vendors(adapter: Adapter, item: tuple[str]) -> None:
    found = inspect.signature(adapter.owner(item[0])).parameters.values()
    assert_compatible(list(found), CLASSES[item[0]]["constructor"])


@each((name,) for name in CLASSES)
def test_a_class_has_the_bases_of_the_vendors(adapter: Adapter, item: tuple[str]) -> None:
    owner = adapter.owner(item[0])
    for base in CLASSES[item[0]]["bases"]:
        assert issubclass(owner, adapter.owner(base) if base in CLASSES else Exception), base


@each(properties())
def test_an_attribute_can_be_read(adapter: Adapter, item: tuple[str, str]) -> None:
    described = CLASSES[item[0]]
    kind = {**described.get("properties", {}), **described.get("attributes", {})}[item[1]]
    value = adapter.run(read(adapter, *item))
    name = kind.partition("[")[0].partition(" ")[0]
    wanted = adapter.owner("Call") if name == "Call" else TYPES[name]
    assert isinstance(value, wanted) or (value is None and kind.endswith("| None"))


@each((name,) for name in API["package_exports"])
def test_a_name_is_exported_by_the_package(adapter: Adapter, item: tuple[str]) -> None:
    assert item[0] in adapter.package.__all__
    assert hasattr(adapter.package, item[0])


@each(layout())
def test_a_name_is_in_the_submodule_where_the_vendor_has_it(
    adapter: Adapter, item: tuple[str, str]
) -> None:
    found = getattr(adapter.module(item[0]), item[1])
    if item[0] == "constants":
        wanted: Any = CONSTANTS["python_names"][item[1]]
        assert found == (tuple(cast("list[str]", wanted)) if isinstance(wanted, list) else wanted)
    if hasattr(adapter.package, item[1]):
        assert getattr(adapter.package, item[1]) is found


@pytest.mark.parametrize("package", ["relay_anyio", "relay_sync"])
def test_the_submodules_are_attributes_of_the_package(package: str) -> None:
    """As of the vendor's: ``relay.constants.PLAY_STATE_FINISHED`` after ``import ... as relay``."""
    names = list(API["module_layout"])
    code = f"import {package} as relay\nfor name in {names}: getattr(relay, name)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_types_of_handlers_have_the_names_of_the_vendors(adapter: Adapter) -> None:
    assert adapter.module("call").EventHandler
    assert adapter.module("client").CallHandler
    assert adapter.module("client").MessageHandler


@each((name,) for name in EVENT_CLASSES)
def test_an_event_class_parses_its_own_type(adapter: Adapter, item: tuple[str]) -> None:
    event = adapter.module("event")
    kind: type[RelayEvent] = getattr(event, item[0])
    event_type = EVENT_CLASSES[item[0]]["event_type"]
    payload = {"event_type": event_type or "new", "params": {"call_id": "c-1"}}
    assert isinstance(event.parse_event(payload), kind)
    made = kind.from_payload(payload)
    assert type(made) is kind
    assert (made.event_type, made.call_id) == (payload["event_type"], "c-1")
    assert issubclass(kind, event.RelayEvent)


@each(event_fields())
def test_an_event_has_the_field_with_its_default(adapter: Adapter, item: tuple[str, str]) -> None:
    kind: type[RelayEvent] = getattr(adapter.module("event"), item[0])
    found = {field["name"]: field for field in EVENT_CLASSES[item[0]]["fields"]}
    made = kind.from_payload({"event_type": "x", "params": {}})
    default = {"event_type": "x", "params": {}} | found[item[1]]
    assert getattr(made, item[1]) == default.get("default", default.get(item[1]))


@each((name,) for name in EVENT_CLASSES)
def test_an_event_is_made_by_hand_as_the_vendors(adapter: Adapter, item: tuple[str]) -> None:
    kind: Callable[..., RelayEvent] = getattr(adapter.module("event"), item[0])
    params = {"state": "of the body", "call_id": "of the body"}
    fields = {field["name"]: field for field in EVENT_CLASSES[item[0]]["fields"]}
    bare = kind(event_type="x", params=params)
    for name in fields.keys() - {"event_type", "params"}:
        assert getattr(bare, name) == fields[name]["default"], name
    given = {name: unlike(field.get("default", "")) for name, field in fields.items()}
    del given["params"]
    full = kind(params=params, **given)
    assert {name: getattr(full, name) for name in given} == given
    by_place = kind("x", params, "c-1", 2.0)
    assert (by_place.event_type, by_place.call_id, by_place.timestamp) == ("x", "c-1", 2.0)
    assert bare.params is full.params is by_place.params is params
    assert copy.deepcopy(by_place).params == pickle.loads(pickle.dumps(by_place)).params == params


@each((name,) for name in EVENT_CLASSES)
def test_an_event_is_a_dataclass_as_the_vendors(adapter: Adapter, item: tuple[str]) -> None:
    kind: type[RelayEvent] = getattr(adapter.module("event"), item[0])
    params = {"call_id": "c-1", "control_id": "x-1", "more": [1]}
    event = kind.from_payload({"event_type": "x", "timestamp": 2.0, "params": params})
    names = [field["name"] for field in EVENT_CLASSES[item[0]]["fields"]]
    made = dataclasses.asdict(event)
    assert {name: made[name] for name in names} == {name: getattr(event, name) for name in names}
    assert json.loads(json.dumps(made)) == made
    assert made["params"] == params
    assert list(made)[:4] == ["event_type", "params", "call_id", "timestamp"]
    assert [field.name for field in dataclasses.fields(event)] == list(made)
    other = dataclasses.replace(event, call_id="c-2")
    assert type(other) is kind
    assert dataclasses.asdict(other) == {**made, "call_id": "c-2"}
    assert dataclasses.asdict(kind(event_type="x", params={}))["params"] == {}
    assert item[0] in pprint.pformat([event] * 9)


def test_a_peer_cannot_give_what_only_a_program_may(adapter: Adapter) -> None:
    body = {"(params)": {"call_id": "c-2"}, "(event_type)": "y", "call_id": "c-1"}
    event = adapter.module("event").parse_event({"event_type": "calling.echo", "params": body})
    assert (event.params, event.event_type, event.call_id) == (body, "calling.echo", "c-1")


@each((name,) for name in ADDED_ERRORS)
def test_an_error_that_we_add_can_be_caught_as_the_vendors(
    adapter: Adapter, item: tuple[str]
) -> None:
    kind: type[BaseException] = getattr(adapter.package, item[0])
    known = {
        "TimeoutError": TimeoutError,
        "ConnectionError": ConnectionError,
        "RelayError": adapter.package.RelayError,
    }
    for base in ADDED_ERRORS[item[0]]:
        assert issubclass(kind, known[base]), base
    assert kind is getattr(errors, item[0])


@each((name,) for name in API["project_additions"]["constants"])
def test_a_constant_that_we_add_is_exported(adapter: Adapter, item: tuple[str]) -> None:
    assert isinstance(getattr(adapter.package, item[0]), str)


@each(
    (name, attribute)
    for name, attributes in API["project_additions"]["events"].items()
    for attribute in attributes
)
def test_a_property_that_we_add_to_an_event_is_there(
    adapter: Adapter, item: tuple[str, str]
) -> None:
    made = getattr(adapter.module("event"), item[0]).from_payload({})
    assert getattr(made, item[1]) in ("", 0, 0.0, False)


def test_an_error_reads_as_the_vendors(adapter: Adapter) -> None:
    error = adapter.package.RelayError(404, "gone")
    assert (error.code, error.message) == (404, "gone")
    assert str(error) == "RELAY error 404: gone"


@pytest.mark.parametrize("name", ["Call", *API["actions"]])
def test_every_public_method_says_what_it_does(adapter: Adapter, name: str) -> None:
    for method, function in inspect.getmembers(adapter.owner(name), inspect.isfunction):
        if not method.startswith("_"):
            assert inspect.getdoc(function), method
            assert function.__name__ == method


TYPES: Final[Mapping[str, type]] = {
    kind.__name__: kind for kind in (str, int, float, bool, dict, list, RelayEvent)
}
ARGUMENTS: Final[Mapping[str, Any]] = {
    "call_id": "c-1",
    "code": 404,
    "context": "office",
    "control_id": "x-1",
    "message": "gone",
    "method_prefix": "send_fax",
    "node_id": "n-1",
    "project": "p-1",
    "project_id": "p-1",
    "terminal_event": "calling.call.play",
    "terminal_states": ("finished",),
    "token": "t-1",
}


def read(adapter: Adapter, name: str, attribute: str) -> Program[object]:
    """An attribute of an instance, without a connection."""
    client = make(adapter, "RelayClient", {})
    owner = client if name == "RelayClient" else make(adapter, name, {"client": client})
    value = getattr(owner, attribute)
    yield client.disconnect()
    return value


def make(adapter: Adapter, name: str, made: Mapping[str, Any]) -> Any:
    """An instance of a class, with what its constructor needs."""
    owner = adapter.owner(name)
    given = {**ARGUMENTS, **made}
    parameters = inspect.signature(owner).parameters.values()
    if "call" in (parameter.name for parameter in parameters):
        given["call"] = make(adapter, "Call", made)
    return owner(
        **{
            parameter.name: given[parameter.name]
            for parameter in parameters
            if parameter.default is parameter.empty
            or (name == "RelayClient" and parameter.name in given)
        }
    )


def assert_compatible(
    found: Sequence[inspect.Parameter], wanted: Sequence[Mapping[str, Any]]
) -> None:
    """Whether whatever calls `wanted` can call `found`."""
    names = {parameter["name"] for parameter in wanted}
    common = [parameter for parameter in found if parameter.name in names]
    assert [(parameter.name, parameter.kind.name.lower()) for parameter in common] == [
        (parameter["name"], parameter["kind"]) for parameter in wanted
    ]
    for ours, theirs in zip(common, wanted, strict=True):
        if theirs["required"]:
            assert ours.default is ours.empty or may_be_left_out_here(ours.name)
        elif ours.kind not in (ours.VAR_KEYWORD, ours.VAR_POSITIONAL):
            assert ours.default == theirs["default"]
            assert type(ours.default) is type(theirs["default"])
    last = max((found.index(parameter) for parameter in common), default=-1)
    for addition in (parameter for parameter in found if parameter.name not in names):
        assert addition.default is not addition.empty
        assert addition.kind is addition.KEYWORD_ONLY or found.index(addition) > last


def may_be_left_out_here(name: str) -> bool:
    """``@client.on_call(...)`` with arguments of ours is called without the handler."""
    return name == "handler"
