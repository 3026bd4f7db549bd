"""Several programs in one context: each call is at one of them at a time, and gets on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import pytest

from relay_proto.exchange import ExchangeTiming, What
from tests.unit.exchange_client import Client, World, make_config, phone

Leave: TypeAlias = Callable[[World, Client], None]


def close(world: World, client: Client) -> None:
    """The client closes with a closing handshake."""
    client.write(client.wire.close(1000))


def break_off(world: World, client: Client) -> None:
    """The byte stream ends, as when a process is killed."""
    client.lose()


def cut(world: World, client: Client) -> None:
    """The network cuts the connection."""
    world.exchange.drop(client.transport, world.now)
    world.deliver()


def close_with_an_error(world: World, client: Client) -> None:
    """The client closes because something is wrong."""
    client.write(client.wire.close(1011))


def restart(world: World, client: Client) -> None:
    """The server ends the session."""
    world.exchange.say_goodbye(client.transport, world.now, restart=True)
    world.deliver()


def goodbye(world: World, client: Client) -> None:
    """The server asks the client to come back."""
    world.exchange.say_goodbye(client.transport, world.now, restart=False)
    world.deliver()


def goodbye_by_a_careless_server(world: World, client: Client) -> None:
    """The same; the client is the one that closes."""
    world.exchange.say_goodbye(client.transport, world.now, restart=False, stay=True)
    world.deliver()
    close(world, client)


def offers(client: Client, call_id: str) -> int:
    return len(client.events("call.receive", call_id=call_id))


def holders(world: World, call_id: str) -> list[Client]:
    """The clients that the exchange lets act on the call."""
    return [
        client
        for client in world.clients.values()
        if not client.closed and client.verb("denoise", call_id)["code"] != "404"
    ]


def test_one_client_at_a_time_has_a_call() -> None:
    world = World()
    clients = [world.connect("office") for _ in range(4)]
    call_id = world.place()
    for turn, client in enumerate(clients, start=1):
        assert [offers(one, call_id) for one in clients] == [1] * turn + [0] * (4 - turn)
        assert holders(world, call_id) == [client]
        if client is not clients[-1]:
            client.verb("pass", call_id)
    assert clients[-1].verb("answer", call_id)["code"] == "200"
    for client in clients[:-1]:
        assert client.codes(call_id, "answer", "end", "pass") == ["404"] * 3


@pytest.mark.parametrize(
    ("leave", "seconds"),
    [
        pytest.param(close, 0.0, id="it closes"),
        pytest.param(restart, 0.0, id="its session ends"),
        pytest.param(break_off, 5.0, id="it breaks off"),
        pytest.param(cut, 5.0, id="it is cut off"),
        pytest.param(close_with_an_error, 5.0, id="it closes with an error"),
        pytest.param(goodbye, 5.0, id="it is asked to come back"),
        pytest.param(goodbye_by_a_careless_server, 5.0, id="it is asked and closes itself"),
    ],
)
def test_a_call_is_offered_to_another_when_its_client_is_gone(leave: Leave, seconds: float) -> None:
    world = World()
    first, second = world.connect("office"), world.connect("office")
    call_id = world.place()
    leave(world, first)
    if seconds:
        world.pass_time(seconds - 0.01)
        assert offers(second, call_id) == 0
        world.pass_time(0.01)
    assert offers(second, call_id) == 1
    assert world.story(What.WITHDRAWN, What.ENDED) == [
        "exchange takes the call back from a program that is gone"
    ]
    assert second.verb("answer", call_id)["code"] == "200"


def test_the_time_until_then_is_a_setting() -> None:
    world = World(make_config(timing=ExchangeTiming(offer_retention=20)))
    first, second = world.connect("office"), world.connect("office")
    call_id = world.place()
    first.lose()
    world.pass_time(19.99)
    assert offers(second, call_id) == 0
    world.pass_time(0.01)
    assert offers(second, call_id) == 1


def test_a_client_that_comes_back_in_time_keeps_its_calls() -> None:
    world = World()
    first, second = world.connect("office"), world.connect("office")
    call_id = world.place()
    first.lose()
    world.pass_time(4.9)
    again = world.open()
    again.connect(protocol=first.protocol)
    world.pass_time(20)
    assert offers(second, call_id) == 0
    assert again.verb("answer", call_id)["code"] == "200"


def test_a_client_that_comes_back_late_hears_that_its_call_is_over() -> None:
    world = World()
    first, second = world.connect("office"), world.connect("office")
    call_id = world.place()
    first.lose()
    world.pass_time(5)
    again = world.open()
    again.connect(protocol=first.protocol)
    assert again.states(call_id) == ["ended"]
    assert again.end_reason(call_id=call_id) == "cancel"
    assert again.verb("answer", call_id)["code"] == "404"
    second.verb("pass", call_id)
    assert offers(again, call_id) == 0, "it has been offered the call before"
    assert world.story(What.ENDED) == ["exchange ends the call: not_found"]


def test_an_answered_call_stays_with_its_client() -> None:
    world = World()
    first, second = world.connect("office"), world.connect("office")
    call_id = world.place()
    first.verb("answer", call_id)
    close(world, first)
    world.pass_time(59.9)
    assert world.story(What.WITHDRAWN, What.ENDED) == []
    world.pass_time(0.1)
    assert world.story(What.WITHDRAWN, What.ENDED) == ["exchange ends the call: error"]
    assert offers(second, call_id) == 0


def test_a_dialed_call_is_not_offered_to_anybody() -> None:
    world = World()
    first, second = world.connect("office"), world.connect("office")
    first.ask("calling.dial", tag="t", devices=[[phone("+15550009999")]])
    first.lose()
    world.pass_time(60)
    assert second.events("call.receive") == []


def connect_another(world: World) -> Client:
    return world.connect("office")


def subscribe_another(world: World) -> Client:
    client = world.connect("sales")
    client.ask("signalwire.receive", contexts=["office"])
    return client


def subscribe_an_older_one(world: World) -> Client:
    client = world.connect("sales")
    client.ask("calling.receive", context="office")
    return client


@pytest.mark.parametrize("arrive", [connect_another, subscribe_another, subscribe_an_older_one])
@pytest.mark.parametrize("leave", [close, break_off])
def test_a_call_that_waits_for_somebody_goes_to_the_next_who_comes(
    leave: Leave, arrive: Callable[[World], Client]
) -> None:
    world = World()
    only = world.connect("office")
    waiting = world.place()
    leave(world, only)
    late = world.place()
    world.pass_time(6)
    assert world.story(What.WITHDRAWN, What.ENDED) == []
    client = arrive(world)
    assert [offers(client, call_id) for call_id in (waiting, late)] == [1, 1]


def test_who_is_gone_for_ever_takes_its_callers_with_it_if_nobody_else_comes() -> None:
    world = World()
    client = world.connect("office")
    world.place(patience=1000)
    client.lose()
    world.pass_time(59.9)
    assert world.story(What.ENDED) == []
    world.pass_time(0.1)
    assert world.story(What.ENDED) == ["exchange ends the call: error"]


def forget_sessions(world: World) -> None:
    world.exchange.forget_sessions(world.now)


def revoke(world: World) -> None:
    world.exchange.revoke("project-1", world.now)


@pytest.mark.parametrize("fault", [forget_sessions, revoke])
def test_no_call_wanders_among_sessions_that_end_together(fault: Callable[[World], None]) -> None:
    world = World()
    clients = [world.connect("office") for _ in range(3)]
    call_id = world.place()
    fault(world)
    world.deliver()
    assert [offers(client, call_id) for client in clients] == [1, 0, 0]
    assert world.story(What.WITHDRAWN, What.ENDED) == ["exchange ends the call: error"]


def test_revoked_credentials_leave_the_callers_to_other_projects() -> None:
    world = World()
    first = world.connect("office")
    other = world.connect("office", authentication={"project": "project-2", "token": "token-2"})
    call_id = world.place()
    revoke(world)
    world.deliver()
    assert first.closed
    assert offers(other, call_id) == 1


def test_a_rolling_replacement_loses_nobody() -> None:
    """One after the other closes after a new one has come, with a call at each."""
    world = World()
    old = [world.connect("office") for _ in range(4)]
    calls = [world.place() for _ in range(8)]
    for client in old:
        world.connect("office")
        client.ask("signalwire.unreceive", contexts=["office"])
        calls.append(world.place())
        close(world, client)
        world.pass_time(1)
    answered = {call_id: holders(world, call_id) for call_id in calls}
    assert [len(clients) for clients in answered.values()] == [1] * len(calls)
    assert world.story(What.ENDED) == []
