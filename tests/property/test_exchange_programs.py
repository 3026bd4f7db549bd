"""Laws of an exchange with several programs, of today and of version 2, that come and go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st

from relay_proto.exchange import Account, Line, NoAnswer, Say, make_jwt
from tests.unit.exchange_client import (
    AUTHENTICATION,
    OFFICE,
    PROJECT,
    TOKEN,
    VERSION,
    Client,
    Object,
    World,
    make_config,
    phone,
    tts,
)

SILENT: Final = "+1555000301"
CONFIG: Final = make_config(
    accounts=(Account(project=PROJECT, token=TOKEN, jwt_secret="s"),),
    numbers={OFFICE: "office", "+1555000302": "*"},
    lines=(Line(SILENT, NoAnswer()),),
)
CONTEXTS: Final = st.lists(st.sampled_from(["office", "x"]), max_size=2, unique=True)
SECONDS: Final = st.sampled_from([0.0, 0.5, 2.0, 20.0, 61.0])
WAYS_TO_GO: Final = ("lose", "drop", "goodbye", "restart", "forget")
IN_VERSION_2: Final = ("connect", "set up", "reauthenticate", "subscribe")
ON_CALLS: Final[dict[str, Object]] = {
    "answer": {},
    "end": {},
    "pass": {},
    "play": {"control_id": "p", "play": [tts("hello")]},
    "collect": {"control_id": "c", "speech": {}},
    "connect": {"devices": [[phone(OFFICE)]]},
    "queue.enter": {"control_id": "q", "queue_name": "q"},
    "join_conference": {"name": "n", "end_on_exit": True},
}
DESTINATIONS: Final = ("office", "context:x", "nobody", "https://example.com")


@dataclass
class Program:
    """A connection, and the session for which it has authenticated in version 2."""

    client: Client
    protocol: str = ""

    def send(self, method: str, /, **params: Any) -> None:
        """Send a request, wrapped if the session is one of version 2."""
        if self.protocol:
            params = {"protocol": self.protocol, "method": method, "params": params}
            method = "blade.execute"
        self.client.send(method, params)

    def in_version_2(self, what: str, given: Object, protocol: str) -> None:
        """Do one thing of the beginning of a session."""
        match what:
            case "connect":
                self.client.send("blade.connect", {"authentication": given})
            case "set up":
                params: Object = {"protocol": protocol} if protocol else {}
                setup = {"protocol": "signalwire", "method": "setup", "params": params}
                result = self.client.answer("blade.execute", **setup).get("result", {})
                self.protocol = result.get("protocol", "")
            case "subscribe":
                channels = {"command": "add", "channels": ["notifications"]}
                self.client.send("blade.subscription", channels | {"protocol": self.protocol})
            case _:
                self.client.send("blade.reauthenticate", {"authentication": given})

    def call_ids(self) -> list[str]:
        """The calls of which it has heard."""
        told = self.client.events()
        for frame in self.client.frames:
            if frame.get("method") == "blade.broadcast":
                told.append(frame["params"]["params"]["params"])
        return list(dict.fromkeys(event["call_id"] for event in told if "call_id" in event))


def leave(world: World, client: Client, way: str) -> None:
    exchange, transport = world.exchange, client.transport
    match way:
        case "lose":
            client.closed = True
            client.lose()
        case "drop":
            exchange.drop(transport, world.now)
        case "forget":
            exchange.forget_sessions(world.now)
        case _:
            exchange.say_goodbye(transport, world.now, restart=way == "restart")
    world.deliver()


def act(world: World, programs: list[Program], data: st.DataObject) -> None:
    what = data.draw(st.integers(0, 8), "what")
    here = [program for program in programs if not program.client.closed]
    if what == 0 or not here:
        programs.append(Program(world.open()))
        return
    program = data.draw(st.sampled_from(here), "program")
    client = program.client
    known = [one.client.protocol or one.protocol for one in programs]
    protocol = data.draw(st.sampled_from(["", *filter(None, known)]), "protocol")
    lasts = data.draw(st.sampled_from([None, 1.0, 30.0]), "JWT")
    jwt = None if lasts is None else {"jwt_token": make_jwt("s", expires_at=world.now + lasts)}
    match what:
        case 1:
            client.connect(
                *data.draw(CONTEXTS, "contexts"),
                version=VERSION,
                authentication=jwt or AUTHENTICATION,
                protocol=protocol or None,
            )
        case 2 | 3:
            first = data.draw(st.integers(0, 3), "first step")
            for step in IN_VERSION_2[first:]:
                if not client.closed:
                    program.in_version_2(step, jwt or AUTHENTICATION, protocol)
                    world.pass_time(data.draw(SECONDS, "seconds"))
        case 4:
            world.pass_time(data.draw(SECONDS, "seconds"))
        case 5:
            world.place(Say("hello"), patience=10.0)
            number = data.draw(st.sampled_from([OFFICE, SILENT, "+1"]), "number")
            program.send("calling.dial", tag="t", devices=[[phone(number)]])
        case 6:
            leave(world, client, data.draw(st.sampled_from(WAYS_TO_GO), "way"))
        case _:
            contexts = data.draw(CONTEXTS, "contexts")
            for call_id in program.call_ids():
                method = data.draw(st.sampled_from([*ON_CALLS, "transfer"]), "method")
                dest = data.draw(st.sampled_from(DESTINATIONS), "dest")
                params = ON_CALLS.get(method, {"dest": dest})
                ids = {"node_id": "node-1", "call_id": call_id}
                program.send(f"calling.{method}", **ids, **params)
            program.send("signalwire.receive", contexts=contexts)


@given(st.data(), st.integers(5, 40))
def test_programs_come_and_go_and_nothing_raises_or_stays(
    data: st.DataObject, actions: int
) -> None:
    world = World(CONFIG)
    programs: list[Program] = []
    for _ in range(actions):
        act(world, programs, data)
    call_ids = {call_id for program in programs for call_id in program.call_ids()}
    for program in programs:
        if not program.client.closed:
            leave(world, program.client, "lose")
    world.pass_time(1000)
    assert world.exchange.deadline() is None
    assert world.exchange.programs() == ()
    assert all(world.exchange.call(call_id) is None for call_id in call_ids)
