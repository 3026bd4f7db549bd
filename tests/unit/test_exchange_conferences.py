"""Where calls meet: conferences, rooms, queues, and streams that a call is connected to."""

from __future__ import annotations

from typing import Any

import pytest

from relay_proto.exchange import Busy, HangUp, Hear, Press, Say, Step, Wait, What
from tests.unit.exchange_client import (
    Client,
    Object,
    World,
    answered_call,
    phone,
    with_lines,
)


def join(client: Client, call_id: str, name: str = "team", **params: Any) -> Object:
    return client.verb("join_conference", call_id, name=name, **params)


def statuses(client: Client) -> list[str]:
    return [event["status"] for event in client.events("calling.conference")]


def another(world: World, client: Client, *script: Step) -> str:
    """One more answered call for the same program."""
    call_id = world.place(*script)
    client.verb("answer", call_id)
    return call_id


# Conferences


def test_a_conference_from_its_start_to_its_end() -> None:
    world, client, first = answered_call()
    second = another(world, client)
    joined = join(client, first)
    assert joined["message"] == "Joining conference"
    assert join(client, second, muted=True)["conference_id"] == joined["conference_id"]
    assert join(client, second)["code"] == "409"
    left = client.verb("leave_conference", first, conference_id=joined["conference_id"])
    assert left == {"code": "200", "message": "Leaving conference", "call_id": first}
    client.verb("end", second)
    assert statuses(client) == [
        "conference-start",
        "participant-join",
        "participant-join",
        "participant-leave",
        "participant-leave",
        "conference-end",
    ]
    events = client.events("calling.conference")
    assert [event.get("call_id") for event in events] == [None, first, second, first, second, None]
    assert [event["size"] for event in events] == [1, 1, 2, 1, 0, 0]
    assert [event["muted"] for event in events[1:5]] == [False, True, False, True]
    assert events[-1]["reason_ended"] == "last_participant_left"
    assert events[-1]["call_id_ending_conf"] == second
    assert {event["name"] for event in events} == {"team"}
    again = another(world, client)
    assert join(client, again)["conference_id"] != joined["conference_id"]


def test_members_hear_each_other_and_beeps() -> None:
    world, client, first = answered_call(Hear("beep"), Hear("hello all"), Press("1"), Hear("beep"))
    join(client, first)
    second = another(world, client, Wait(5), Say("Hello all"), Press("9"), HangUp())
    join(client, second)
    world.pass_time(20)
    assert "caller presses 1" in world.story()
    assert world.story(What.MISSED) == []


def test_who_is_muted_is_not_heard() -> None:
    world, client, first = answered_call(Hear("hello all", 10))
    join(client, first, beep="false")
    second = another(world, client, Wait(5), Say("Hello all"))
    join(client, second, beep="onExit", muted=True)
    world.pass_time(20)
    assert world.story(What.MISSED) == ["caller does not hear “hello all” in time"]


def test_who_waits_for_the_start_hears_music() -> None:
    world, client, first = answered_call(Hear("music"), Press("1"))
    join(client, first, start_on_enter=False, wait_url="https://example.com/music")
    assert statuses(client) == ["participant-join"]
    world.pass_time(5)
    assert world.story(What.PRESSED) == ["caller presses 1"]
    second = another(world, client)
    join(client, second, coach=first)
    assert statuses(client)[1:] == ["conference-start", "participant-join"]
    assert client.events("calling.conference", call_id=second)[0]["coaching"] is True


def test_what_has_not_started_does_not_end() -> None:
    _, client, call_id = answered_call()
    join(client, call_id, start_on_enter=False, record="record-from-start")
    client.verb("end", call_id)
    assert statuses(client) == ["participant-join", "participant-leave"]


def test_with_some_everybody_leaves() -> None:
    world, client, first = answered_call(Wait(10), HangUp())
    join(client, first, end_on_exit=True)
    second = another(world, client)
    join(client, second)
    world.pass_time(20)
    assert statuses(client)[-3:] == ["participant-leave", "participant-leave", "conference-end"]
    end = client.events("calling.conference")[-1]
    assert (end["reason_ended"], end["call_id_ending_conf"]) == ("end_on_exit", first)
    assert client.states(second) == ["answered"]
    assert join(client, second)["code"] == "200"


def test_a_full_conference_takes_nobody() -> None:
    world, client, first = answered_call()
    second = another(world, client)
    join(client, first, max_participants=1)
    assert join(client, second)["code"] == "409"


def test_a_conference_is_recorded() -> None:
    world, client, call_id = answered_call()
    join(client, call_id, record="record-from-start")
    world.pass_time(10)
    client.verb("end", call_id)
    assert statuses(client)[2:] == [
        "record-start",
        "participant-leave",
        "record-stop",
        "conference-end",
    ]
    [stopped] = client.events("calling.conference", status="record-stop")
    assert stopped["recording_duration"] == 10
    assert stopped["recording_file_size"] == 20_000
    assert stopped["recording_url"].endswith(".mp3")


def test_all_programs_of_a_project_meet() -> None:
    world, client, first = answered_call()
    other = world.connect("sales")
    second = world.place(context="sales")
    other.verb("answer", second)
    join(client, first, end_on_exit=True)
    join(other, second)
    client.verb("end", first)
    assert statuses(client)[-1] == statuses(other)[-1] == "conference-end"


def test_a_forgotten_program_leaves_its_conferences() -> None:
    world, client, call_id = answered_call()
    join(client, call_id)
    world.exchange.forget_sessions(world.now)
    world.deliver()
    world, client, call_id = answered_call(world=world)
    assert join(client, call_id)["code"] == "200"
    assert statuses(client)[0] == "conference-start"


def test_one_cannot_leave_where_one_is_not() -> None:
    _, client, call_id = answered_call()
    assert client.verb("leave_conference", call_id, conference_id="k")["code"] == "404"
    join(client, call_id)
    assert client.verb("leave_conference", call_id, conference_id="k")["code"] == "404"


@pytest.mark.parametrize("params", [{"beep": True}, {"record": "yes"}, {"max_participants": 0}])
def test_what_no_conference_understands_is_refused(params: Object) -> None:
    _, client, call_id = answered_call()
    assert join(client, call_id, **params)["code"] == -32602


# Rooms


def test_a_room_is_entered_and_left() -> None:
    world, client, call_id = answered_call()
    assert client.verb("leave_room", call_id)["code"] == "409"
    assert client.verb("join_room", call_id, name="lobby")["message"] == "Joining room"
    assert client.verb("join_room", call_id, name="attic")["code"] == "409"
    assert client.verb("leave_room", call_id)["message"] == "Leaving room"
    assert client.verb("join_room", call_id, name="attic")["code"] == "200"
    client.verb("end", call_id)
    assert world.story(What.ENTERED, What.LEFT) == [
        "exchange adds the call to the room lobby",
        "exchange removes the call from the room lobby",
        "exchange adds the call to the room attic",
    ]


# Queues


def enter(client: Client, call_id: str, **params: Any) -> Object:
    return client.verb("queue.enter", call_id, control_id="q", queue_name="support", **params)


def queue_events(client: Client, call_id: str) -> list[Object]:
    ids = ("call_id", "node_id", "control_id", "id", "name")
    events = client.events("call.queue", call_id=call_id)
    return [{key: value for key, value in event.items() if key not in ids} for event in events]


QUEUE = [[{"type": "queue", "params": {"queue_name": "support"}}]]


def test_calls_wait_in_line_and_may_leave_it() -> None:
    world, client, first = answered_call(Hear("music"), Press("1"))
    second = another(world, client)
    assert enter(client, first, wait_url="https://example.com/music")["control_id"] == "q"
    assert enter(client, first)["code"] == "409"
    world.pass_time(2)
    enter(client, second)
    world.pass_time(3)
    other_id = client.verb("queue.leave", first, control_id="x", queue_name="support")
    assert other_id["message"] == "Leaving Queue"
    assert queue_events(client, first) == [
        {"status": "enqueue", "position": 1, "size": 1, "enqueue_ts": 0},
        {
            "status": "leave",
            "position": 1,
            "size": 1,
            "enqueue_ts": 0,
            "leave_ts": 5_000_000,
        },
    ]
    assert queue_events(client, second) == [
        {"status": "enqueue", "position": 2, "size": 2, "enqueue_ts": 2_000_000}
    ]
    again = client.verb("queue.leave", first, control_id="x", queue_name="support")
    assert again["code"] == "404"
    assert client.verb("queue.leave", second, control_id="q", queue_name="x")["code"] == "404"
    assert world.story(What.PRESSED) == ["caller presses 1"]


def test_who_connects_to_a_queue_gets_whoever_has_waited_longest() -> None:
    world, client, gone = answered_call()
    first, second, agent = (another(world, client) for _ in range(3))
    for call_id in (gone, first, second):
        enter(client, call_id)
    client.verb("end", gone)
    assert client.verb("connect", agent, devices=QUEUE)["code"] == "200"
    [dequeued] = client.events("call.queue", status="dequeue")
    assert dequeued["call_id"] == first
    assert dequeued["dequeue_ts"] == 0
    states = [event["connect_state"] for event in client.events("call.connect", call_id=agent)]
    assert states == ["connecting", "connected"]
    peer = client.events("call.connect", call_id=agent)[-1]["peer"]
    assert peer["call_id"] == first
    assert (peer["queue_id"], peer["queue_name"]) == (dequeued["id"], "support")
    assert "queue_id" not in client.events("call.connect", call_id=first)[-1]["peer"]


def test_nobody_who_is_busy_is_taken_from_a_queue() -> None:
    world, client, agent = answered_call()
    talking, other = another(world, client), another(world, client)
    for call_id in (agent, talking):
        enter(client, call_id)
    existing = {"type": "call", "params": {"node_id": "node-1", "call_id": other}}
    client.verb("connect", talking, devices=[[existing]])
    client.verb("connect", agent, devices=QUEUE)
    failed = client.events("call.connect", call_id=agent)[-1]
    assert (failed["connect_state"], failed["failed_reason"]) == ("failed", "queue_empty")
    assert world.story(What.CONNECT_FAILED) == ["exchange cannot connect the call: queue_empty"]


def test_a_queue_is_there_as_long_as_somebody_waits() -> None:
    _, client, first = answered_call()
    enter(client, first)
    client.verb("queue.leave", first, control_id="q", queue_name="support")
    [left] = client.events("call.queue", status="leave")
    assert (left["position"], left["size"]) == (1, 0)
    client.verb("connect", first, devices=QUEUE)
    assert len(client.events("call.connect", connect_state="failed")) == 1


def test_a_queue_must_be_the_only_device() -> None:
    _, client, call_id = answered_call()
    devices = [[*QUEUE[0], phone("+1")]]
    assert client.verb("connect", call_id, devices=devices)["code"] == -32602


# Streams

STREAM = [[{"type": "stream", "params": {"url": "wss://example.com/s"}}]]


def test_a_call_is_connected_to_a_stream() -> None:
    world, client, call_id = answered_call()
    assert client.verb("connect", call_id, devices=STREAM)["code"] == "200"
    world.pass_time(10)
    peer = client.events("call.connect", connect_state="connected")[0]["peer"]
    assert peer["device"] == STREAM[0][0]


def test_a_stream_may_be_refused_like_any_line() -> None:
    world = World(with_lines(**{"wss://example.com/s": Busy()}))
    world, client, call_id = answered_call(world=world)
    client.verb("connect", call_id, devices=STREAM)
    world.pass_time(10)
    [failed] = client.events("call.connect", connect_state="failed")
    assert failed["failed_reason"] == "busy"


def test_nobody_can_dial_a_stream_or_a_queue() -> None:
    client = World().connect()
    for devices in (STREAM, QUEUE):
        assert client.ask("calling.dial", tag="t", devices=devices)["error"]["code"] == -32602
