"""Sessions of an exchange: who gets in, what survives a connection, what does not."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from relay_proto.exchange import (
    Account,
    Exchange,
    ExchangeConfig,
    ExchangeLimits,
    ExchangeTiming,
    Wait,
    What,
    make_jwt,
)
from relay_proto.outputs import CloseTransport
from relay_proto.server import ServerConfig
from tests.unit.exchange_client import (
    AUTHENTICATION,
    JWT,
    VERSION,
    Client,
    World,
    answered_call,
    make_config,
    tts,
)


def strict_world() -> World:
    """A world that refuses clients which name an unknown session."""
    world = World()
    world.exchange.refuse_unknown_sessions(True)
    return world


def test_a_fresh_connect_gets_a_protocol_and_a_secret() -> None:
    world = World()
    client = world.open()
    result = client.connect("office")["result"]
    assert result["protocol"].startswith("signalwire_")
    assert result["protocol"].endswith("_v2")
    assert result["session_restored"] is False
    assert result["identity"]
    [state] = client.events("authorization.state")
    assert ":" in state["authorization_state"]
    assert list(map(type, client.frames)) == [dict, dict]


def test_a_reply_has_the_signature_by_which_clients_check_the_protocol() -> None:
    world = World()
    result = world.open().connect()["result"]
    authorization = result["authorization"]
    assert authorization["signature"] == result["protocol"].split("_")[1]
    assert authorization["project_id"] == authorization["project"] == "project-1"


@pytest.mark.parametrize("major", [2, 3, 4])
def test_clients_of_all_generations_are_served(major: int) -> None:
    result = World().open().connect(version=VERSION | {"major": major})["result"]
    assert result["session_restored"] is False


def test_an_unknown_session_is_replaced_by_a_new_one() -> None:
    world = World()
    gone = "signalwire_unknown_v2"
    client = world.open()
    result = client.connect("office", protocol=gone, authorization_state="stale:state")["result"]
    assert result["session_restored"] is False
    assert result["protocol"] != gone
    world.place()
    assert len(client.events("call.receive")) == 1


def test_the_session_of_another_project_is_replaced_by_a_new_one() -> None:
    world = World()
    owner = world.connect("office")
    other = {"project": "project-2", "token": "token-2"}
    thief = world.open()
    result = thief.connect(protocol=owner.protocol, authentication=other)["result"]
    assert result["session_restored"] is False
    assert result["protocol"] != owner.protocol
    assert not owner.closed
    world.place()
    assert len(owner.events("call.receive")) == 1


def test_nothing_is_repeated_to_a_client_that_does_not_acknowledge() -> None:
    world = World(make_config(server=ServerConfig(unacknowledged=1)))
    client = world.open()
    client.acknowledges = False
    client.connect("office", event_acks=False)
    answered = world.place()
    assert client.verb("answer", answered)["code"] == "200"
    for _ in range(5):
        world.place()
    assert not client.closed
    client.lose()
    missed = world.place()
    again = world.open()
    again.acknowledges = False
    assert again.connect(protocol=client.protocol, event_acks=False)["result"]["session_restored"]
    assert [event["call_id"] for event in again.events("call.receive")] == [missed]
    again.lose()
    third = world.open()
    third.connect(protocol=client.protocol, event_acks=False)
    assert third.events("call.receive") == []


def test_a_jwt_will_do() -> None:
    world = World()
    assert "result" in world.open().connect(authentication={"jwt_token": JWT})


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"authentication": {"project": "project-1", "token": "wrong"}}, -32002),
        ({"authentication": {"project": "nobody", "token": "token-1"}}, -32002),
        ({"authentication": {"project": "project-1"}}, -32002),
        ({"authentication": {"jwt_token": "wrong"} | AUTHENTICATION}, -32002),
        ({"authentication": {}}, -32002),
        ({"authentication": None}, -32602),
        ({"version": VERSION | {"major": 1}}, -32602),
        ({"version": VERSION | {"major": 5}}, -32602),
        ({"version": None}, -32602),
        ({"version": VERSION | {"minor": "0"}}, -32602),
        ({"agent": 5}, -32602),
        ({"contexts": "office"}, -32602),
        ({"contexts": ["x" * 201]}, -32602),
        ({"protocol": "signalwire_unknown_v2"}, -32003),
        ({"contexts": [f"context-{number}" for number in range(101)]}, -32602),
    ],
)
def test_a_connect_can_be_refused(params: dict[str, Any], code: int) -> None:
    world = strict_world()
    client = world.open()
    assert client.connect(**params)["error"]["code"] == code
    assert client.events() == []
    assert "result" in client.connect()


def test_an_account_without_a_token_takes_jwts_only() -> None:
    account = Account(project="p", jwt_tokens=("j",))
    world = World(make_config(accounts=(account,)))
    without = {"project": "p", "token": ""}
    assert world.open().connect(authentication=without)["error"]["code"] == -32002
    assert "result" in world.open().connect(authentication={"jwt_token": "j"})


SECRET = "secret-of-the-office"
EXPIRING = make_config(accounts=(Account(project="p", jwt_secret=SECRET),), epoch=1000.0)
"""A network that believes what is signed, and whose clock is at 1000 when it starts."""


def jwt(expires_at: float, secret: str = SECRET) -> dict[str, str]:
    return {"jwt_token": make_jwt(secret, expires_at=expires_at)}


def encoded(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def signed(claims: bytes) -> str:
    """A JWT with these claims, made without `make_jwt`."""
    content = b".".join((encoded(b'{"alg":"HS256"}'), claims))
    return b".".join((content, encoded(hmac.digest(SECRET.encode(), content, "sha256")))).decode()


def test_a_jwt_that_expires_ends_the_connection_and_a_new_one_resumes_the_session() -> None:
    world = World(EXPIRING)
    client = world.open()
    assert "result" in client.connect("office", authentication=jwt(1060.0))
    call_id = world.place(Wait(100))
    client.codes(call_id, "answer")
    world.pass_time(59.9)
    assert not client.closed
    world.pass_time(0.2)
    assert (client.closed, client.close_code) == (True, 1000)
    assert world.story(What.JWT_EXPIRED) == [
        f"exchange closes the connection of session {client.protocol}: the JWT has expired"
    ]
    late = world.open()
    error = late.connect(protocol=client.protocol, authentication=jwt(1060.0))["error"]
    assert error == {"code": -32002, "message": "the JWT has expired"}
    again = world.open()
    result = again.connect(protocol=client.protocol, authentication=jwt(1120.0))["result"]
    assert result["session_restored"] is True
    assert again.codes(call_id, "play", control_id="p", play=[tts("still here")]) == ["200"]
    # A newer JWT counts from the moment of its connection, and the older one no longer does.
    newest = world.open()
    assert "result" in newest.connect(protocol=client.protocol, authentication=jwt(1300.0))
    world.pass_time(100)
    assert not newest.closed
    assert len(world.story(What.JWT_EXPIRED)) == 1


def test_a_jwt_that_nobody_uses_any_more_ends_nothing() -> None:
    world = World(EXPIRING)
    lost, forgotten = world.open(), world.open()
    for client in (lost, forgotten):
        assert "result" in client.connect(authentication=jwt(1010.0))
    world.exchange.say_goodbye(forgotten.transport, world.now, restart=True)
    world.deliver()
    lost.lose()
    world.pass_time(100)
    assert world.story(What.JWT_EXPIRED) == []


@pytest.mark.parametrize(
    ("token", "words"),
    [
        (signed(encoded(b'{"exp": 1000.0}')), "the JWT has expired"),
        (make_jwt("another", expires_at=2000.0), "authentication failed"),
        (make_jwt(SECRET, expires_at=2000.0)[:-1], "authentication failed"),
        (signed(encoded(b'{"sub": "clerk"}')), "authentication failed"),
        (signed(encoded(b'{"exp": "tomorrow"}')), "authentication failed"),
        (signed(encoded(b"[" * 100_000)), "authentication failed"),
        (signed(b"x"), "authentication failed"),
        ("a", "authentication failed"),
        ("\u20ac.\u20ac.x", "authentication failed"),
    ],
    ids=range(9),
)
def test_a_jwt_that_is_not_right_is_refused(token: str, words: str) -> None:
    error = World(EXPIRING).open().connect(authentication={"jwt_token": token})["error"]
    assert error == {"code": -32002, "message": words}


def test_a_jwt_of_another_library_will_do() -> None:
    token = signed(encoded(b'{"sub": "clerk", "iat": 1000, "exp": 2000}'))
    assert "result" in World(EXPIRING).open().connect(authentication={"jwt_token": token})


def test_secrets_do_not_show() -> None:
    assert SECRET not in repr(EXPIRING)
    shown = repr(make_config())
    assert "token-1" not in shown
    assert JWT not in shown


def test_nothing_is_carried_out_before_a_connect() -> None:
    client = World().open()
    assert client.ask("signalwire.receive", contexts=["office"])["error"]["code"] == -32002
    assert client.ask("signalwire.ping", timestamp=1.0)["result"] == {"timestamp": 1.0}


def test_a_connection_has_one_session() -> None:
    client = World().connect()
    protocol = client.protocol
    assert client.connect()["error"]["code"] == -32000
    assert protocol


def test_an_unknown_method_is_no_method() -> None:
    client = World().connect()
    for method in ("calling.unheard_of", "signalwire.execute", ""):
        assert client.ask(method)["error"] == {"code": -32601, "message": "Method not found"}


@pytest.mark.parametrize("params", [None, [], "x", 1, {"contexts": [1]}, {"contexts": [""]}, {}])
def test_malformed_parameters_are_refused(params: object) -> None:
    client = World().connect()
    client.send("signalwire.receive", params)
    assert client.frames[-1]["error"]["code"] == -32602


@pytest.mark.parametrize("depth", [10, *range(800, 1000, 5), 100_000])
def test_parameters_nested_deeply_harm_nobody(depth: int) -> None:
    world = World()
    client = world.connect()
    deep = b"[" * depth + b"]" * depth
    request = b'{"id":"deep","method":"calling.transfer","params":{"dest":{"a":%s}}}' % deep
    client.write(client.wire.send_text(request))
    refused = "error" in client.frames[-1]
    assert refused or world.story(What.VIOLATED)


def test_contexts_come_and_go() -> None:
    world = World()
    client = world.connect()
    world.place()
    assert client.events("call.receive") == []
    subscribed = client.ask("signalwire.receive", contexts=["office", "sales"])
    assert subscribed["result"] == {"code": "200", "message": "Receiving events"}
    world.place()
    assert len(client.events("call.receive")) == 1
    unsubscribed = client.ask("signalwire.unreceive", contexts=["office", "unknown"])
    assert unsubscribed["result"] == {"code": "200", "message": "Unreceiving events"}
    world.place()
    assert len(client.events("call.receive")) == 1
    world.place(context="sales")
    assert len(client.events("call.receive", context="sales")) == 1


def test_sessions_that_serve_a_context_take_turns() -> None:
    world = World()
    clients = [world.connect("office") for _ in range(3)]
    for _ in range(6):
        world.place()
    assert [len(client.events("call.receive")) for client in clients] == [2, 2, 2]


def test_a_connected_session_is_preferred_to_one_that_is_away() -> None:
    world = World()
    away, present = world.connect("office"), world.connect("office")
    away.lose()
    world.place()
    world.place()
    assert len(present.events("call.receive")) == 2


def test_a_session_is_resumed_and_hears_what_it_missed() -> None:
    world = World()
    first = world.connect("office")
    first.lose()
    call_id = world.place()
    second = world.open()
    reply = second.connect(protocol=first.protocol, authorization_state="stale:stale")
    assert reply["result"]["protocol"] == first.protocol
    assert reply["result"]["session_restored"] is True
    assert second.frames[0] is reply
    assert [event["call_id"] for event in second.events("call.receive")] == [call_id]
    assert second.verb("answer", call_id)["code"] == "200"


def test_what_was_not_acknowledged_is_repeated_under_the_same_id() -> None:
    world = World()
    first = world.connect("office")
    first.acknowledges = False
    world.place()
    world.place()
    unheard = first.event_ids()[1:]
    first.lose()
    second = world.connect(protocol=first.protocol)
    assert second.event_ids()[:2] == unheard
    second.lose()
    third = world.connect(protocol=first.protocol)
    assert set(third.event_ids()).isdisjoint(second.event_ids())


def test_an_event_that_the_client_refuses_is_not_repeated() -> None:
    world = World()
    first = world.connect("office")
    first.acknowledges = False
    world.place()
    error = {"code": -32601, "message": "no"}
    first.send_frame({"id": first.event_ids()[-1], "error": error})
    first.lose()
    assert world.connect(protocol=first.protocol).events("call.receive") == []


def test_a_session_is_forgotten_in_the_end_and_its_calls_with_it() -> None:
    world = World()
    client = world.connect("office")
    call_id = world.place(patience=1000)
    client.verb("answer", call_id)
    client.ask(
        "calling.dial", tag="t", devices=[[{"type": "sip", "params": {"to": "a", "from": "b"}}]]
    )
    client.lose()
    world.pass_time(59.9)
    assert world.story(What.SESSION_FORGOTTEN) == []
    world.pass_time(0.1)
    assert len(world.story(What.SESSION_FORGOTTEN)) == 1
    assert "exchange ends the call: error" in world.story(What.ENDED)
    late = world.open().connect(protocol=client.protocol)["result"]
    assert late["session_restored"] is False
    assert world.exchange.deadline() is None or world.story(What.ENDED)


def test_a_resume_in_time_stops_the_clock() -> None:
    world = World()
    client = world.connect("office")
    client.lose()
    world.pass_time(59)
    again = world.connect(protocol=client.protocol)
    world.pass_time(100)
    assert not again.closed or world.story(What.SESSION_AWAY)
    assert again.protocol == client.protocol


def test_only_the_project_itself_can_resume_its_session() -> None:
    world = strict_world()
    client = world.connect()
    thief = world.open()
    stolen = thief.connect(
        protocol=client.protocol, authentication={"project": "project-2", "token": "token-2"}
    )
    assert stolen["error"]["code"] == -32003


def test_a_second_resume_displaces_the_first_connection() -> None:
    world = World()
    first = world.connect("office")
    second = world.connect(protocol=first.protocol)
    assert first.closed
    assert first.close_code == 1000
    world.place()
    assert len(second.events("call.receive")) == 1
    assert first.events("call.receive") == []
    assert world.story(What.SESSION_AWAY) == []


def test_kept_events_have_a_limit_and_can_all_be_repeated() -> None:
    limits = ExchangeLimits(events=5)
    world = World(make_config(limits=limits, server=ServerConfig(unacknowledged=1)))
    first = world.connect("office")
    first.lose()
    calls = [world.place() for _ in range(8)]
    second = world.open()
    second.acknowledges = False
    second.connect(protocol=first.protocol)
    assert [event["call_id"] for event in second.events("call.receive")] == calls[-5:]
    assert not second.closed


def test_a_client_that_acknowledges_nothing_is_left() -> None:
    limits = ExchangeLimits(events=2)
    world = World(make_config(limits=limits, server=ServerConfig(unacknowledged=1)))
    client = world.connect("office")
    client.acknowledges = False
    for _ in range(5):
        world.place()
    assert client.closed
    assert len(world.story(What.SESSION_AWAY)) == 1


def test_sessions_and_connections_have_limits() -> None:
    world = World(make_config(limits=ExchangeLimits(sessions=2, connections=3)))
    clients = [world.connect() for _ in range(2)]
    third = world.open()
    assert third.connect()["error"]["code"] == -32000
    world.exchange.transport_opened(9, 0.0)
    assert world.exchange.next_output() == CloseTransport(9, flush=False)
    assert all(client.upgraded for client in clients)


@pytest.mark.parametrize("name", ["sessions", "heard", "events"])
def test_a_limit_of_nothing_is_misuse(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        ExchangeLimits(**{name: 0})


def cut(world: World, client: Client) -> None:
    world.exchange.drop(client.transport, world.now)
    world.exchange.drop(99, world.now)


def say_goodbye(world: World, client: Client, *, restart: bool = False) -> None:
    world.exchange.say_goodbye(client.transport, world.now, restart=restart)
    world.exchange.say_goodbye(99, world.now, restart=restart)


def forget(world: World, client: Client) -> None:
    world.exchange.forget_sessions(world.now)


def revoke(world: World, client: Client) -> None:
    world.exchange.revoke("project-1", world.now)


@pytest.mark.parametrize(
    ("fault", "close_code", "refused"),
    [
        pytest.param(cut, 0, 0, id="cut"),
        pytest.param(say_goodbye, 1000, 0, id="goodbye"),
        pytest.param(partial(say_goodbye, restart=True), 1000, -32003, id="goodbye with restart"),
        pytest.param(forget, 0, -32003, id="restart"),
        pytest.param(revoke, 1000, -32002, id="revoked credentials"),
    ],
)
def test_what_a_fault_leaves_of_a_session(
    fault: Callable[[World, Client], None], close_code: int, refused: int
) -> None:
    world, client, call_id = answered_call()
    world.exchange.refuse_unknown_sessions(True)
    fault(world, client)
    world.deliver()
    assert client.closed
    assert client.close_code == close_code
    again = world.open()
    reply = again.connect(protocol=client.protocol)
    if refused:
        assert reply["error"]["code"] == refused
        assert world.story(What.ENDED) == ["exchange ends the call: error"]
    else:
        assert reply["result"]["session_restored"] is True
        assert again.codes(call_id, "play", control_id="p", play=[tts("still here")]) == ["200"]
        assert world.story(What.ENDED) == []


def test_requests_on_their_way_when_the_session_ends_find_no_call() -> None:
    world, client, call_id = answered_call()
    client.acknowledges = False
    say_goodbye(world, client, restart=True)
    assert client.codes(call_id, "play", control_id="p", play=[tts("hello")]) == ["404"]
    assert client.answer("signalwire.receive", contexts=["x"])["code"] == "404"
    assert client.connect("office")["result"]["session_restored"] is False
    assert client.answer("signalwire.receive", contexts=["x"])["code"] == "200"


@pytest.mark.parametrize("fault", [cut, partial(say_goodbye, restart=True), forget, revoke])
def test_a_fault_before_a_session(fault: Callable[[World, Client], None]) -> None:
    world = World()
    client = world.open()
    fault(world, client)
    world.deliver()
    assert client.closed == (fault is not revoke), "only who has used credentials loses them"


def test_revoked_credentials_end_the_sessions_of_the_project() -> None:
    world = World()
    away, client = world.connect("office"), world.connect("office")
    other = world.connect(authentication={"project": "project-2", "token": "token-2"})
    away.lose()
    world.exchange.revoke("project-1", 0.0)
    world.deliver()
    assert client.closed
    assert not other.closed
    assert world.open().connect()["error"]["code"] == -32002
    assert world.open().connect(protocol=away.protocol)["error"]["code"] == -32002


def test_upgrades_can_be_refused_for_a_while() -> None:
    world = World()
    world.exchange.refuse_upgrades(503, "later")
    refused = world.open()
    assert "503" in refused.failure
    assert refused.closed
    world.exchange.refuse_upgrades(0)
    assert world.open().upgraded
    with pytest.raises(ValueError, match="status"):
        world.exchange.refuse_upgrades(302)


def test_a_dead_client_is_noticed_and_its_session_kept_for_a_while() -> None:
    world = World(make_config(server=ServerConfig(ping_interval=10, ping_failures=2)))
    client = world.connect("office")
    client.acknowledges = False
    world.pass_time(31)
    assert client.closed
    assert "2 pings" in world.story(What.SESSION_AWAY)[0]
    assert world.open().connect(protocol=client.protocol)["result"]["session_restored"] is True


def test_violations_are_told() -> None:
    world = World()
    client = world.connect()
    client.write(client.wire.send_text(b"not json"))
    assert world.story(What.VIOLATED) == [
        "program breaks the protocol: a message of 8 bytes is not a frame: it is not JSON"
    ]


def test_unknown_and_repeated_transports_are_ignored() -> None:
    world = World()
    client = world.connect("office")
    world.exchange.transport_opened(client.transport, 0.0)
    world.exchange.receive_data(99, b"x", 0.0)
    world.exchange.transport_closed(99, 0.0, "x")
    assert world.exchange.next_output() is None
    world.place()
    assert len(client.events("call.receive")) == 1


def test_events_carry_their_envelope() -> None:
    timing = ExchangeTiming(session_retention=1)
    config: ExchangeConfig = replace(make_config(), epoch=1000.0, timing=timing)
    world = World(config)
    client = world.connect("office")
    world.pass_time(5)
    world.place(Wait(1))
    outer = client.frames[-1]["params"]
    assert outer["event_type"] == "calling.call.receive"
    assert outer["timestamp"] == 1005.0
    assert outer["event_channel"] == client.protocol
    assert outer["project_id"] == "project-1"


def test_an_exchange_is_its_seed() -> None:
    first, second, other = World(seed=5), World(seed=5), World(seed=6)
    protocols = [world.connect().protocol for world in (first, second, other)]
    assert protocols[0] == protocols[1] != protocols[2]
    assert isinstance(first.exchange, Exchange)
