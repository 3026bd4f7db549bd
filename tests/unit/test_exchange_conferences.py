"""Where calls meet: conferences, rooms, queues, and streams that a call is connected to."""

from __future__ import annotations

from typing import Any

import pytest

from relay_proto.exchange import Busy, HangUp, Hear, Press, Say, Wait, What
from tests.unit.exchange_client import (
    ENDED,
    Client,
    Object,
    Story,
    another_call,
    answered_call,
    ask,
    stories,
)


def join(client: Client, call_id: str, **params: Any) -> Object:
    return client.verb("join_conference", call_id, name="team", **params)


def statuses(client: Client) -> list[str]:
    return client.values("calling.conference", "status")


# Conferences


def test_a_conference_from_its_start_to_its_end() -> None:
    world, client, first = answered_call()
    second = another_call(world, client)
    identity = join(client, first)["conference_id"]
    assert join(client, second, muted=True)["conference_id"] == identity
    left = client.verb("leave_conference", first, conference_id=identity)
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
    assert join(client, another_call(world, client))["conference_id"] != identity


@pytest.mark.parametrize(
    ("first", "second", "missed"),
    [
        pytest.param({}, {}, [], id="members hear each other and beeps"),
        pytest.param({"beep": "onExit"}, {}, [], id="a member that enters without a beep"),
        pytest.param({}, {"beep": "false"}, ["beep"], id="no beeps"),
        pytest.param({}, {"beep": "onExit", "muted": True}, ["hello all"], id="a beep on exit"),
        pytest.param({}, {"muted": True}, ["hello all"], id="a muted member is not heard"),
    ],
)
def test_what_members_hear(first: Object, second: Object, missed: list[str]) -> None:
    hears = (Hear("beep", 10), Hear("hello all", 10), Press("1"), Hear("beep", 10))
    world, client, call_id = answered_call(*hears)
    join(client, call_id, **first)
    other = another_call(world, client, Wait(5), Say("Hello all"), Press("9"), HangUp())
    join(client, other, **second)
    world.pass_time(30)
    assert world.story(What.MISSED) == [f"caller does not hear “{text}” in time" for text in missed]
    assert ("caller presses 1" in world.story()) == (not missed)


def test_who_waits_for_the_start_hears_music() -> None:
    world, client, first = answered_call(Hear("music"), Press("1"))
    join(client, first, start_on_enter=False, wait_url="https://example.com/music.mp3")
    assert statuses(client) == ["participant-join"]
    world.pass_time(5)
    assert world.story(What.PRESSED) == ["caller presses 1"]
    second = another_call(world, client)
    join(client, second, coach=first)
    assert statuses(client)[1:] == ["conference-start", "participant-join"]
    assert client.values("calling.conference", "coaching", call_id=second) == [True]


def test_with_some_members_everybody_leaves() -> None:
    world, client, first = answered_call(Wait(10), HangUp())
    join(client, first, end_on_exit=True)
    second = another_call(world, client)
    join(client, second)
    world.pass_time(20)
    assert statuses(client)[-3:] == ["participant-leave", "participant-leave", "conference-end"]
    end = client.events("calling.conference")[-1]
    assert (end["reason_ended"], end["call_id_ending_conf"]) == ("end_on_exit", first)
    assert client.states(second) == ["answered"]
    assert join(client, second)["code"] == "200"


def test_a_full_conference_takes_nobody() -> None:
    world, client, first = answered_call()
    second = another_call(world, client)
    join(client, first, max_participants=1)
    assert join(client, second)["code"] == "409"


def test_a_conference_is_recorded() -> None:
    world, client, call_id = answered_call()
    join(client, call_id, record="record-from-start")
    world.pass_time(10)
    client.verb("end", call_id)
    [stopped] = client.events("calling.conference", status="record-stop")
    assert stopped["recording_duration"] == 10
    assert stopped["recording_file_size"] == 20_000
    assert stopped["recording_url"].endswith(".mp3")


def test_all_programs_of_a_project_meet() -> None:
    world, client, first = answered_call()
    other = world.connect("sales")
    second = another_call(world, other, context="sales")
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


STREAM = [[{"type": "stream", "params": {"url": "wss://example.com/s"}}]]
QUEUE = [[{"type": "queue", "params": {"queue_name": "support"}}]]
enter = ask("queue.enter", queue_name="support")
leave = ask("queue.leave", queue_name="support")
MEETING = {
    "a conference that has not started does not end": Story(
        ask("join_conference", name="team", start_on_enter=False, record="record-from-start"),
        "conference participant-join",
        *(ask("end"), "conference participant-leave", *ENDED),
    ),
    "a recorded conference": Story(
        ask("join_conference", name="team", record="record-from-start"),
        *("conference conference-start", "conference participant-join", "conference record-start"),
        *(10, ask("end"), "conference participant-leave"),
        *("conference record-stop", "conference conference-end", *ENDED),
    ),
    "a call cannot leave a conference that it is not in": Story(
        ask("join_conference", name="team"),
        *("conference conference-start", "conference participant-join"),
        ask("leave_conference", "404", conference_id="x"),
    ),
    "a room is entered and left": Story(
        *(ask("join_room", name="lobby"), ask("leave_room"), ask("join_room", name="attic")),
        *(ask("end"), *ENDED),
        journal={
            What.ENTERED: [
                "exchange adds the call to the room lobby",
                "exchange adds the call to the room attic",
            ],
            What.LEFT: ["exchange removes the call from the room lobby"],
        },
    ),
    "a queue exists while somebody waits": Story(
        *(enter, "queue enqueue 1 1", leave, "queue leave 1 0"),
        ask("connect", devices=QUEUE),
        *("connect connecting", "connect failed queue_empty"),
        journal={What.CONNECT_FAILED: ["exchange cannot connect the call: queue_empty"]},
    ),
    "a call is in one queue, and leaves that one": Story(
        *(enter, "queue enqueue 1 1"),
        ask("queue.leave", "404", queue_name="x"),
        *(leave, "queue leave 1 0"),
        ask("queue.leave", "404", queue_name="support"),
    ),
    "a stream may be refused like any line": Story(
        *(ask("connect", devices=STREAM), "connect connecting", "state created"),
        *(10, "state ending busy", "state ended busy", "connect failed busy"),
        lines={"wss://example.com/s": Busy()},
    ),
}


@stories(MEETING)
def test_meeting(story: Story) -> None:
    story.check()


# Queues


def wait_in_line(client: Client, call_id: str, **params: Any) -> None:
    client.verb("queue.enter", call_id, control_id="q", queue_name="support", **params)


def queue_events(client: Client, call_id: str) -> list[Object]:
    ids = ("call_id", "node_id", "control_id", "id", "name")
    events = client.events("call.queue", call_id=call_id)
    return [{key: value for key, value in event.items() if key not in ids} for event in events]


def test_calls_wait_in_line_and_may_leave_it() -> None:
    world, client, first = answered_call(Hear("music"), Press("1"))
    second = another_call(world, client)
    wait_in_line(client, first, wait_url="https://example.com/music.mp3")
    world.pass_time(2)
    wait_in_line(client, second)
    world.pass_time(3)
    other_id = client.verb("queue.leave", first, control_id="x", queue_name="support")
    assert other_id["message"] == "Leaving Queue"
    entered: Object = {"position": 1, "size": 1, "enqueue_ts": 0}
    assert queue_events(client, first) == [
        {"status": "enqueue"} | entered,
        {"status": "leave", "leave_ts": 5_000_000} | entered,
    ]
    assert queue_events(client, second) == [
        {"status": "enqueue", "position": 2, "size": 2, "enqueue_ts": 2_000_000}
    ]
    assert world.story(What.PRESSED) == ["caller presses 1"]


def test_who_connects_to_a_queue_gets_the_call_that_has_waited_longest() -> None:
    world, client, gone = answered_call()
    first, second, agent = (another_call(world, client) for _ in range(3))
    for call_id in (gone, first, second):
        wait_in_line(client, call_id)
    client.verb("end", gone)
    assert client.verb("connect", agent, devices=QUEUE)["code"] == "200"
    [dequeued] = client.events("call.queue", status="dequeue")
    assert dequeued["call_id"] == first
    assert dequeued["dequeue_ts"] == 0
    connects = client.events("call.connect", call_id=agent)
    assert [event["connect_state"] for event in connects] == ["connecting", "connected"]
    peer = connects[-1]["peer"]
    assert peer["call_id"] == first
    assert (peer["queue_id"], peer["queue_name"]) == (dequeued["id"], "support")
    assert "queue_id" not in client.events("call.connect", call_id=first)[-1]["peer"]


def test_a_call_that_is_connected_is_not_taken_from_a_queue() -> None:
    world, client, agent = answered_call()
    talking, other = another_call(world, client), another_call(world, client)
    for call_id in (agent, talking):
        wait_in_line(client, call_id)
    existing = {"type": "call", "params": {"node_id": "node-1", "call_id": other}}
    client.verb("connect", talking, devices=[[existing]])
    client.verb("connect", agent, devices=QUEUE)
    failed = client.events("call.connect", call_id=agent)[-1]
    assert (failed["connect_state"], failed["failed_reason"]) == ("failed", "queue_empty")


def test_a_call_is_connected_to_a_stream() -> None:
    world, client, call_id = answered_call()
    assert client.verb("connect", call_id, devices=STREAM)["code"] == "200"
    world.pass_time(10)
    peer = client.events("call.connect", connect_state="connected")[0]["peer"]
    assert peer["device"] == STREAM[0][0]
