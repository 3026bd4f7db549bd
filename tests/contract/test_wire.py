"""Every frame that a program can make the client send, on the wire, is the specified one.

The arguments are drawn, the frame is what a server reads of the bytes: its
method, each key and its type, what must be there, and what was given. The methods
of both adapters send the frames of the commands that they are named after.

Source: ``methods``, ``session`` and ``actions`` of tests/spec/relay.json;
docs/protocol.md, sections 4, 14.6 and 15.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from relay_proto import Credentials, Secret
from relay_proto.api import commands
from relay_proto.api.commands import NEW_ID, Command, Purpose
from relay_proto.api.shapes import Device
from relay_proto.records import CallRecord
from relay_proto.rpc import action_kinds as actions
from relay_proto.rpc.action_kinds import ActionKind
from tests.contract.adapters import ADAPTERS, Adapter, Program
from tests.contract.far_end import FarEnd, far_end
from tests.spec import ACTIONS, METHODS, SESSION_METHODS
from tests.spec.command_arguments import COMMANDS, METHOD_OF, arguments, parameters, wire_values
from tests.spec.json_values import json_objects
from tests.unit.client_peer import CREDENTIALS, PROTOCOL, Frame, Peer, starting

Described: TypeAlias = Mapping[str, Any]

EXAMPLES: Final = 15
EVERYTHING: Final[Described] = {**METHODS, **SESSION_METHODS}
KINDS: Final[Mapping[str, ActionKind]] = {
    kind.method: kind for kind in vars(actions).values() if isinstance(kind, ActionKind)
}
VERBS: Final = sorted(
    api
    for api in METHOD_OF
    if api.partition(".")[0] in ("Call", "RelayClient") and api != "RelayClient.execute"
)
CONTROLS: Final = sorted(
    (f"{handle}.{name}", started, f"{started}.stop" if name == "stop" else control["rpc"])
    for handle, described in ACTIONS.items()
    for started in described["started_by"]
    for name, control in described["controls"].items()
)

pytestmark = pytest.mark.filterwarnings("ignore::relay_proto.errors.UnknownNameWarning")
CONNECT: Final = "signalwire.connect"
NOT_OFFERED: Final = ["calling.begin", "calling.call", "calling.receive"]
"""What only `execute` can send."""

LEAST_DEVICE: Final[Device] = {
    "type": "phone",
    "params": {"to_number": "+1555", "from_number": "+1556"},
}
LEAST: Final[Mapping[str, Any]] = {
    "action": "stop",
    "bind_method": "calling.play",
    "collect": {"speech": {}},
    "conference_id": "k-1",
    "contexts": ["sales"],
    "dest": "context:sales",
    "detect": {"type": "machine"},
    "device": {"type": "sip", "to": "sip:b@example.com"},
    "devices": [[LEAST_DEVICE]],
    "digits": "1",
    "document": "https://example.com/f.pdf",
    "duration": 1,
    "from_number": "+1556",
    "media": [],
    "name": "us",
    "payment_connector_url": "https://example.com/pay",
    "queue_name": "support",
    "tap": {"type": "audio"},
    "text": "Hello",
    "to_number": "+1555",
    "url": "wss://example.com/",
}
"""What a verb must be given, by name."""


def is_list_of(holds: Callable[[Any], bool]) -> Callable[[Any], bool]:
    def holds_for_all(value: Any) -> bool:
        return isinstance(value, list) and all(map(holds, value))  # pyright: ignore[reportUnknownArgumentType]

    return holds_for_all


def is_typed(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("type"), str) and "params" in value  # pyright: ignore[reportUnknownMemberType]


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


TYPES: Final[Mapping[str, Callable[[Any], bool]]] = {
    "string": lambda value: isinstance(value, str),
    "string(url)": lambda value: isinstance(value, str) and ":" in value,
    "boolean": lambda value: isinstance(value, bool),
    "number": is_number,
    "integer": lambda value: is_number(value) and isinstance(value, int),
    "object": lambda value: isinstance(value, dict),
    "any": lambda value: value is not None,
    "array<string>": is_list_of(lambda value: isinstance(value, str)),
    "array<object>": is_list_of(lambda value: isinstance(value, dict)),
    "array<media>": is_list_of(is_typed),
    "array<array<device>>": is_list_of(is_list_of(is_typed)),
    "collect": lambda value: isinstance(value, dict),
    "collect.digits": lambda value: isinstance(value, dict),
    "collect.speech": lambda value: isinstance(value, dict),
    "detect": is_typed,
    "record": lambda value: list(value) == ["audio"] and isinstance(value["audio"], dict),
    "tap": is_typed,
    "tap.device": is_typed,
}


def assert_specified(frame: Frame) -> None:
    """Whether the keys of a request, and the types of its values, are those of its method."""
    assert frame.keys() == {"id", "method", "params"}
    described = EVERYTHING[frame["method"]]["params"]
    params: Mapping[str, Any] = frame["params"]
    needed = {name for name, parameter in described.items() if parameter.get("required")}
    assert needed <= params.keys() <= described.keys()
    for name, value in params.items():
        parameter = described[name]
        assert TYPES[parameter["type"]](value), f"{name} is {value!r}"
        if "enum" in parameter and isinstance(value, str):
            assert value in parameter["enum"]
        if "minimum" in parameter:
            assert parameter["minimum"] <= value
        if "maximum" in parameter:
            assert value <= parameter["maximum"]


def ready() -> tuple[Peer, CallRecord]:
    """A client with a session and one call."""
    peer = Peer()
    peer.connect()
    return peer, peer.offer("c-1")


def requested(peer: Peer) -> Frame:
    """The one request that the client has sent since the last."""
    (frame,) = peer.requests
    peer.requests.clear()
    return frame


def execute(peer: Peer, call: CallRecord, command: Command[Any]) -> None:
    if command.purpose in (Purpose.VERB, Purpose.START):
        peer.execute_on(call, command)
    else:
        peer.execute(command)


@settings(max_examples=EXAMPLES)
@pytest.mark.parametrize("api", VERBS)
@given(data=st.data())
def test_a_verb_sends_what_is_specified(api: str, data: st.DataObject) -> None:
    name = api.partition(".")[2]
    given = data.draw(arguments(name))
    if name in ("receive", "unreceive") and not given["contexts"]:
        given["contexts"] = ["sales"]  # nothing to say of none
    peer, call = ready()
    execute(peer, call, COMMANDS[name](**given))
    frame = requested(peer)
    assert frame["method"] == METHOD_OF[api]
    assert_specified(frame)
    params = frame["params"]
    for key, value in wire_values(name, given).items():
        assert params[key] == value, key
    if EVERYTHING[frame["method"]].get("call_scoped"):
        assert (params["node_id"], params["call_id"]) == ("n-1", "c-1")
    own = {key for key in ("node_id", "call_id", "control_id", "tag", "context") if key in params}
    defaults = {"reason"} if name == "hangup" else set[str]()
    assert params.keys() <= wire_values(name, given).keys() | own | defaults


@pytest.mark.parametrize("api", VERBS)
def test_ids_are_made_unless_they_are_given(api: str) -> None:
    name = api.partition(".")[2]
    described = EVERYTHING[METHOD_OF[api]]["params"]
    made = {"control_id", "tag"} & {key for key in described if described[key].get("required")}
    least = {key: LEAST[key] for key in LEAST if key in required(name)}
    if name == "send_message":
        least["body"] = "Hi"
    if name == "collect":
        least["speech"] = {}
    peer, call = ready()
    frames: list[Frame] = []
    for _ in range(2):
        execute(peer, call, COMMANDS[name](**least))
        frames.append(requested(peer))
    for key in {"id"} | made:
        first, second = (str(({**frame["params"], "id": frame["id"]})[key]) for frame in frames)
        assert str(uuid.UUID(first)) == first
        assert first != second
    for key in made & optional(name):
        execute(peer, call, COMMANDS[name](**least, **{key: "mine"}))
        assert requested(peer)["params"][key] == "mine"


@settings(max_examples=EXAMPLES)
@pytest.mark.parametrize(
    ("handle", "started", "method"), CONTROLS, ids=[f"{item[0]}-{item[2]}" for item in CONTROLS]
)
@given(data=st.data())
def test_a_control_sends_what_is_specified(
    handle: str, started: str, method: str, data: st.DataObject
) -> None:
    name = handle.partition(".")[2]
    given = (
        data.draw(arguments(name)) if method == "calling.record.pause" or name == "volume" else {}
    )
    peer, call = ready()
    starting_it = peer.execute_on(call, starting(KINDS[started], "x-1"))
    peer.reply(requested(peer))
    controlled = peer.execute_on(starting_it.result(), COMMANDS[name](**given))
    frame = requested(peer)
    assert frame["method"] == method
    assert_specified(frame)
    own = {"node_id": "n-1", "call_id": "c-1", "control_id": "x-1"}
    assert frame["params"] == {**own, **wire_values(name, given)}
    peer.reply(frame)
    assert controlled.settled


def test_every_method_that_a_client_may_send_is_sent_by_something() -> None:
    sendable = {name for name, method in METHODS.items() if method["api"]} - set(NOT_OFFERED)
    by_handles = {method for _, _, method in CONTROLS}
    assert sendable == {METHOD_OF[api] for api in VERBS} & METHODS.keys() | by_handles
    offered = {name for name, method in METHODS.items() if method["status"] == "current"}
    assert offered <= sendable


@settings(max_examples=EXAMPLES)
@given(json_objects)
def test_execute_sends_what_it_is_given(params: dict[str, Any]) -> None:
    peer, _ = ready()
    for method in NOT_OFFERED:
        peer.execute(commands.execute(method, params))
        frame = requested(peer)
        assert (frame["method"], frame["params"]) == (method, params)


@pytest.mark.parametrize("contexts", [(), ("office",), ("office", "sales")])
@pytest.mark.parametrize("credentials", [CREDENTIALS, Credentials(jwt_token=Secret("jwt-1"))])
def test_connecting_sends_what_is_specified(
    contexts: tuple[str, ...], credentials: Credentials
) -> None:
    peer = Peer(contexts=contexts, credentials=credentials)
    fresh = peer.connect()
    assert_specified(fresh)
    assert fresh["params"]["version"] == SESSION_METHODS[CONNECT]["params"]["version"]["value"]
    assert fresh["params"]["event_acks"] is True
    forms = SESSION_METHODS[CONNECT]["params"]["authentication"]["one_of"]
    assert fresh["params"]["authentication"].keys() in [form.keys() for form in forms]
    assert fresh["params"].get("contexts", []) == list(contexts)
    assert not {"protocol", "authorization_state"} & fresh["params"].keys()

    peer.event("signalwire.authorization.state", authorization_state="a:b")
    peer.execute(commands.receive(["late"]))
    peer.reply(peer.take("signalwire.receive"))
    peer.cut()
    resumed = peer.reopen()
    assert_specified(resumed)
    assert resumed["params"] == {
        **fresh["params"],
        "protocol": PROTOCOL,
        "authorization_state": "a:b",
        "contexts": [*contexts, "late"],
    }


def test_a_ping_is_what_is_specified() -> None:
    peer, _ = ready()
    peer.advance_to_deadline()
    frame = requested(peer)
    assert frame["method"] == "signalwire.ping"
    assert_specified(frame)


@given(
    st.fixed_dictionaries({}, optional={"timestamp": st.floats(0, 4e9), "payload": st.text()}),
    st.integers() | st.text(),
)
def test_what_the_server_asks_is_answered_as_specified(
    params: dict[str, Any], identity: int | str
) -> None:
    peer, _ = ready()
    peer.replies.clear()
    peer.feed({"id": identity, "method": "signalwire.ping", "params": params})
    peer.feed({"id": "e", "method": "signalwire.event", "params": {"event_type": "new"}})
    peer.feed({"id": "u", "method": "signalwire.unheard_of", "params": {}})
    peer.feed({"id": "d", "method": "signalwire.disconnect", "params": {"restart": False}})
    pong, event, unknown, goodbye = peer.replies
    assert pong == {"id": identity, "result": params}
    assert (event, goodbye) == ({"id": "e", "result": {}}, {"id": "d", "result": {}})
    assert (unknown["id"], unknown["error"]["code"]) == ("u", -32601)


def test_a_leg_that_nobody_wants_is_ended_as_specified() -> None:
    peer, _ = ready()
    dialing = peer.execute(commands.dial([[LEAST_DEVICE]], tag="t-1", dial_timeout=5))
    peer.reply(requested(peer))
    peer.state("c-2", "ringing", tag="t-1")
    peer.advance(5)
    assert dialing.settled
    frame = requested(peer)
    assert_specified(frame)
    assert frame["params"] == {"node_id": "n-1", "call_id": "c-2", "reason": "cancel"}


def test_a_message_goes_to_the_context_of_the_session() -> None:
    peer, _ = ready()
    peer.execute(commands.send_message(to_number="+1", from_number="+2", body="Hi"))
    assert requested(peer)["params"]["context"] == PROTOCOL


@settings(max_examples=5, phases=[Phase.generate])  # each example is a connection
@pytest.mark.parametrize("adapter", ADAPTERS, ids=str)
@given(data=st.data())
def test_every_verb_of_an_adapter_sends_what_its_command_says(
    adapter: Adapter, data: st.DataObject
) -> None:
    order = sorted(VERBS, key=lambda api: api == "Call.pass_")  # after which the call is gone
    drawn = {api: drawn_for_adapters(api, data) for api in order}

    def script(client: Any, call: Any, there: FarEnd) -> Program[None]:
        for api, values in drawn.items():
            owner, _, name = api.partition(".")
            yield getattr(client if owner == "RelayClient" else call, name)(**values)
            assert_sent_as(COMMANDS[name](**values), there.asked())
        yield client.execute("calling.begin", {"tag": "t-1"})
        assert_sent_as(commands.execute("calling.begin", {"tag": "t-1"}), there.asked())

    carry_out(adapter, script)


@pytest.mark.parametrize("adapter", ADAPTERS, ids=str)
def test_every_control_of_an_adapter_sends_what_its_command_says(adapter: Adapter) -> None:
    def script(client: Any, call: Any, there: FarEnd) -> Program[None]:
        for handle, started, method in CONTROLS:
            kind, _, control = handle.partition(".")
            name = started.removeprefix("calling.")
            least = {key: LEAST[key] for key in LEAST if key in required(name)}
            if name == "collect":
                least["speech"] = {}
            action = yield getattr(call, name)(**least)
            assert type(action) is adapter.owner(kind)
            begun = there.asked()
            yield getattr(action, control)(**({"volume": -3.5} if control == "volume" else {}))
            frame = there.asked()
            assert (begun["method"], frame["method"]) == (started, method)
            assert_specified(frame)
            assert frame["params"]["control_id"] == begun["params"]["control_id"]

    carry_out(adapter, script)


def carry_out(adapter: Adapter, script: Callable[[Any, Any, FarEnd], Program[None]]) -> None:
    """Run a script with a connected client, a call of its, and what is at the far end."""

    def program(there: FarEnd) -> Program[None]:
        client = there.client(adapter)
        yield client.connect()
        try:
            call = adapter.owner("Call")(client, "c-1", "n-1", "p-1", "office")
            yield from script(client, call, there)
        finally:
            yield client.disconnect()

    with far_end() as there:
        adapter.run(program(there))


def drawn_for_adapters(api: str, data: st.DataObject) -> dict[str, Any]:
    """Arguments of a verb; the ids are given, so that frames can be compared."""
    name = api.partition(".")[2]
    given = data.draw(arguments(name))
    given |= {key: f"mine-{name}" for key in ("control_id", "tag") if key in optional(name)}
    given |= {"dial_timeout": 60} if name == "dial" else {}
    given |= {"contexts": ["sales"]} if name in ("receive", "unreceive") else {}
    given.pop("on_completed", None)
    return given


def assert_sent_as(command: Command[Any], frame: Frame) -> None:
    """Whether `frame` is that of a command, as the core alone sends it."""
    peer, call = ready()
    execute(peer, call, command)
    expected = requested(peer)
    made = {key: frame["params"][key] for key in command.params if command.params[key] is NEW_ID}
    assert frame["method"] == expected["method"]
    assert frame["params"] == {**expected["params"], **made}


def required(name: str) -> set[str]:
    return {item.name for item in parameters(name) if item.default is item.empty}


def optional(name: str) -> set[str]:
    return {item.name for item in parameters(name)} - required(name)
