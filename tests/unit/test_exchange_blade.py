"""Clients of RELAY version 2: the ``blade`` dialect in front of an exchange."""

from __future__ import annotations

from typing import Any

import pytest

from relay_proto.exchange import Account, TextMessage, What, make_jwt
from relay_proto.server import ServerConfig
from tests.unit.exchange_client import (
    AUTHENTICATION,
    CALLER,
    OFFICE,
    PROJECT,
    Client,
    Object,
    World,
    make_config,
    phone,
)

VERSION = {"major": 2, "minor": 3, "revision": 0}


class OldClient:
    """A client of version 2."""

    def __init__(self, world: World) -> None:
        self.client: Client = world.open()
        self.client.acknowledges = False
        self.protocol = ""
        self.signature = ""

    def connect(self, **params: Any) -> Object:
        given: Object = {"version": VERSION, "authentication": AUTHENTICATION, "agent": "old"}
        reply = self.client.ask("blade.connect", **(given | params))
        self.signature = reply.get("result", {}).get("authorization", {}).get("signature", "")
        return reply

    def execute(self, method: str, /, **params: Any) -> Object:
        return self.client.ask(
            "blade.execute", protocol=self.protocol, method=method, params=params
        )

    def result(self, method: str, /, **params: Any) -> Object:
        result: Object = self.execute(method, **params)["result"]["result"]
        return result

    def set_up(self, **params: Any) -> None:
        reply = self.client.ask(
            "blade.execute", protocol="signalwire", method="setup", params=params
        )
        self.protocol = reply["result"]["result"]["protocol"]

    @property
    def subscription(self) -> Object:
        return {"command": "add", "protocol": self.protocol, "channels": ["notifications"]}

    def subscribe(self, **changes: Any) -> Object:
        return self.client.ask("blade.subscription", **(self.subscription | changes))

    def events(self) -> list[tuple[str, str]]:
        """The name and the type of each event that was broadcast."""
        frames = [frame for frame in self.client.frames if frame.get("method") == "blade.broadcast"]
        return [
            (frame["params"]["event"], frame["params"]["params"]["event_type"]) for frame in frames
        ]


def old_client(world: World, *contexts: str, **params: Any) -> OldClient:
    """A client of version 2 with a session."""
    client = OldClient(world)
    assert "result" in client.connect()
    client.set_up(**params)
    assert client.subscribe()["result"]["subscribe_channels"] == ["notifications"]
    if contexts:
        assert client.result("signalwire.receive", contexts=list(contexts))["code"] == "200"
    return client


def test_a_call_is_offered_answered_and_ended() -> None:
    world = World()
    client = old_client(world, "office")
    assert client.protocol.split("_")[1] == client.signature
    call_id = world.place()
    assert client.events()[-1] == ("queuing.relay.events", "calling.call.receive")
    ids = {"node_id": "node-1", "call_id": call_id}
    assert client.result("calling.answer", **ids) == {"code": "200", "message": "Answered"}
    assert client.result("calling.end", **ids)["code"] == "200"
    assert world.story(What.ENDED) == ["program ends the call: hangup"]


def test_a_call_is_begun() -> None:
    world = World()
    client = old_client(world)
    begun = client.result("calling.begin", tag="t", device=phone("+15550003333"))
    assert begun["code"] == "200"
    assert begun["call_id"]
    world.pass_time(3)
    assert client.events().count(("queuing.relay.events", "calling.call.state")) == 3


def test_a_session_that_ends_before_the_client_subscribes() -> None:
    world = World()
    client = OldClient(world)
    client.client.acknowledges = True  # it answers pings, so the connection stays
    client.connect()
    client.set_up()
    world.pass_time(60)
    assert world.story(What.SESSION_FORGOTTEN)
    assert client.subscribe()["error"]["code"] == -32002
    ended = client.protocol
    client.set_up()
    assert client.protocol != ended
    assert "result" in client.subscribe()
    client.client.lose()
    world.pass_time(60)
    assert world.exchange.programs() == ()


def test_a_session_that_ends_while_the_client_is_connected() -> None:
    world = World()
    client = old_client(world, "office")
    world.exchange.say_goodbye(client.client.transport, world.now, restart=True)
    world.deliver()
    assert client.execute("signalwire.receive", contexts=["x"])["error"]["code"] == -32002
    assert client.subscribe()["error"]["code"] == -32002
    client.client.lose()
    world.pass_time(60)
    assert world.exchange.programs() == ()


def test_a_connection_has_one_session_in_all_dialects() -> None:
    world = World()
    client = OldClient(world)
    client.client.connect("office")
    client.connect()
    client.set_up()
    assert client.subscribe()["error"]["code"] == -32602
    client.client.lose()
    world.pass_time(60)
    assert world.exchange.programs() == ()


@pytest.mark.parametrize("subscribes_at", [20, 35])
def test_a_jwt_that_is_renewed_before_the_client_subscribes(subscribes_at: int) -> None:
    account = Account(project=PROJECT, jwt_secret="secret")
    world = World(make_config(accounts=(account,)))
    client = OldClient(world)
    client.client.acknowledges = True
    given = {"jwt_token": make_jwt("secret", expires_at=30)}
    client.connect(authentication=given)
    client.set_up()
    assert "result" in client.client.ask("blade.reauthenticate", authentication=given)
    world.pass_time(subscribes_at)
    assert not client.client.closed
    client.client.send("blade.subscription", client.subscription)
    world.pass_time(max(0, 30 - subscribes_at))
    assert client.client.closed


def test_a_text_comes_in_under_its_own_name() -> None:
    world = World()
    client = old_client(world, "office")
    world.exchange.receive_text(TextMessage(CALLER, OFFICE, "Hi"), world.now)
    world.deliver()
    assert client.events()[-1] == ("queuing.relay.messaging", "messaging.receive")
    assert client.client.frames[-1]["params"]["params"]["context"] == "office"


def test_refusals_are_wrapped_and_errors_are_not() -> None:
    world = World()
    client = old_client(world)
    ids = {"node_id": "node-1", "call_id": "nobody"}
    assert client.result("calling.answer", **ids)["code"] == "404"
    assert client.execute("calling.unheard_of")["error"]["code"] == -32601
    assert client.execute("calling.answer")["error"]["code"] == -32602
    assert client.client.ask("blade.unheard_of")["error"]["code"] == -32601


def test_pings_are_answered() -> None:
    client = OldClient(World())
    assert "timestamp" in client.client.ask("blade.ping")["result"]


def test_credentials_are_checked() -> None:
    client = OldClient(World())
    wrong = {"project": PROJECT, "token": "wrong"}
    assert client.connect(authentication=wrong)["error"]["code"] == -32002
    assert "result" in client.connect()
    assert client.connect()["error"]["code"] == -32602


@pytest.mark.parametrize("steps", [0, 1])
def test_nothing_is_carried_out_before_the_setup(steps: int) -> None:
    client = OldClient(World())
    if steps:
        client.connect()
    assert client.execute("signalwire.receive", contexts=["a"])["error"]["code"] == -32002
    assert client.subscribe()["error"]["code"] == -32002
    renewed = client.client.ask("blade.reauthenticate", authentication=AUTHENTICATION)
    assert renewed["error"]["code"] == -32002
    setup = client.client.ask("blade.execute", protocol="signalwire", method="setup")
    assert ("result" in setup) is bool(steps)


def test_nothing_is_carried_out_before_the_subscription() -> None:
    client = OldClient(World())
    client.connect()
    client.set_up()
    first = client.protocol
    client.set_up()
    assert client.protocol == first
    assert client.execute("signalwire.receive", contexts=["a"])["error"]["code"] == -32002
    other = client.subscribe(channels=["other"])
    assert other["result"]["subscribe_channels"] == ["other"]
    assert client.execute("signalwire.receive", contexts=["a"])["error"]["code"] == -32002
    assert client.subscribe(protocol="signalwire_other_v2")["error"]["code"] == -32002
    assert "result" in client.subscribe()
    assert client.result("signalwire.receive", contexts=["a"])["code"] == "200"


def test_a_session_goes_on_and_its_missed_events_come_after_the_subscription() -> None:
    world = World()
    first = old_client(world, "office")
    first.client.lose()
    call_id = world.place()
    again = OldClient(world)
    again.connect(sessionid="of the connection before")
    assert again.signature == first.signature
    again.set_up(protocol=first.protocol)
    assert again.protocol == first.protocol
    assert again.events() == []
    again.subscribe()
    assert ("queuing.relay.events", "calling.call.receive") in again.events()
    assert again.result("calling.answer", node_id="node-1", call_id=call_id)["code"] == "200"


def test_a_second_connection_displaces_the_first() -> None:
    world = World()
    first = old_client(world)
    second = old_client(world, protocol=first.protocol)
    assert first.client.closed
    assert not second.client.closed


def test_a_session_that_is_never_subscribed_is_forgotten() -> None:
    world = World(make_config(server=ServerConfig(ping_interval=0.0)))
    client = OldClient(world)
    client.connect()
    client.set_up()
    world.pass_time(100)
    assert len(world.story(What.SESSION_FORGOTTEN)) == 1
    assert client.execute("signalwire.receive", contexts=["a"])["error"]["code"] == -32002


def jwt(expires_at: float, secret: str = "s") -> Object:
    return {"jwt_token": make_jwt(secret, expires_at=expires_at)}


@pytest.mark.parametrize("old", [False, True])
def test_a_jwt_is_renewed_before_it_expires(old: bool) -> None:
    accounts = (Account(project="p", jwt_secret="s"), Account(project="q", jwt_secret="t"))
    world = World(make_config(accounts=accounts, server=ServerConfig(ping_interval=0.0)))
    if old:
        v2 = OldClient(world)
        v2.connect(authentication=jwt(60.0))
        v2.set_up()
        v2.subscribe()
        client, method = v2.client, "blade.reauthenticate"
    else:
        client, method = world.connect(authentication=jwt(60.0)), "signalwire.reauthenticate"
    world.pass_time(50)
    other = client.ask(method, authentication=jwt(100.0, "t"))
    assert other["error"]["code"] == -32002
    renewed = client.ask(method, authentication=jwt(120.0))["result"]["authorization"]
    assert renewed["expires_at"] == 120
    world.pass_time(50)
    assert not client.closed
    world.pass_time(30)
    assert client.closed


def test_subscriptions_of_newer_clients_are_accepted() -> None:
    client = World().connect()
    for method in ("signalwire.subscribe", "signalwire.unsubscribe"):
        answer = client.answer(method, event_channel="c", events=["calling.call.state"])
        assert answer == {"code": "200", "message": "OK"}
