"""The checks of events: acknowledgements, repetitions, order."""

from __future__ import annotations

from typing import Final

from relay_proto.constants import METHOD_SIGNALWIRE_EVENT
from relay_proto.rpc.frames import JSONObject

from .bodies import request_frame
from .checks import Group, must, should
from .connection import as_object
from .stage import BrokenError, Stage, never

AT_ONCE: Final = 5.0
"""Seconds for an acknowledgement that waits for no handler."""
SETTLED: Final = 2.0
"""Seconds in which a client would do what it has to leave."""
BURST: Final = 30


@must("10", group=Group.CALLS)
async def acknowledges(stage: Stage) -> str:
    """Every event of a whole call is acknowledged once, with a result."""
    connection = await stage.session()
    await stage.served(connection)
    await stage.alive(connection)
    await stage.pause(1.0)
    events = [seen.id for seen in connection.fresh if seen.method == METHOD_SIGNALWIRE_EVENT]
    for identity in events:
        await stage.acknowledged(connection, identity)
        answers = len(connection.answers(identity))
        if answers > 1:
            raise BrokenError(f"event {identity} was answered {answers} times")
    return f"{len(events)} events, {len(events)} acknowledgements"


@should("10", group=Group.CALLS)
async def acknowledges_at_once(stage: Stage) -> str:
    """Events are acknowledged while a handler waits for the service."""
    connection = await stage.session()
    stage.answers["calling.answer"] = never
    call, event = stage.offer(connection)
    await stage.request("calling.answer", call=call)
    await stage.acknowledged(connection, event, AT_ONCE)
    another = stage.event(connection, "conform.event", {})
    await stage.acknowledged(connection, another, AT_ONCE)
    return "while `calling.answer` has no reply"


@must("10", group=Group.CALLS)
async def unknown_events(stage: Stage) -> str:
    """Events of unknown types and of unknown calls are acknowledged."""
    connection = await stage.session()
    events = [
        stage.event(connection, "calling.call.levitate", {"call_id": "call-nobody"}),
        stage.event(connection, "future.thing", {"a": [1, {"b": None}]}),
        stage.event(connection, "calling.call.state", {"call_id": "x", "call_state": "answered"}),
        stage.event(connection, "calling.call.play", {"call_id": "x", "state": "finished"}),
        stage.event(connection, "messaging.state", {"message_id": "x", "message_state": "sent"}),
    ]
    for event in events:
        await stage.acknowledged(connection, event)
    return f"{len(events)} kinds"


@should("10", group=Group.CALLS)
async def event_without_type(stage: Stage) -> str:
    """An event without a type is acknowledged."""
    connection = await stage.session()
    frame = stage.frame("", {})
    connection.send(frame)
    await stage.acknowledged(connection, frame["id"])
    bare = request_frame(stage.new_id(), METHOD_SIGNALWIRE_EVENT, {})
    connection.send(bare)
    await stage.acknowledged(connection, bare["id"])
    return "acknowledged"


@should("10", group=Group.CALLS)
async def repeated_offer(stage: Stage) -> str:
    """An offer that comes again with its id is acknowledged again, and handled once."""
    connection = await stage.session()
    call, event = stage.offer(connection)
    await stage.request("calling.play", call=call)
    stage.offer(connection, call=call, identity=event)
    await stage.request("calling.end", call=call)
    await stage.pause(SETTLED)
    if len(connection.answers(event)) != 2:
        raise BrokenError(f"{len(connection.answers(event))} acknowledgements of two deliveries")
    return _once(stage, "calling.answer", call)


@should("12", group=Group.CALLS)
async def second_offer(stage: Stage) -> str:
    """A second offer of a known call, with another id, runs no second handler."""
    connection = await stage.session()
    call, _ = stage.offer(connection)
    await stage.request("calling.answer", call=call)
    stage.offer(connection, call=call)
    await stage.request("calling.end", call=call)
    await stage.pause(SETTLED)
    return _once(stage, "calling.answer", call)


@should("10", group=Group.CALLS)
async def repeated_event(stage: Stage) -> str:
    """Events that come twice with their ids, as after a resume, are taken once."""
    connection = await stage.session()
    call, _ = stage.offer(connection)
    await stage.request("calling.end", call=call)
    repeated = [
        seen.frame
        for seen in connection.fresh
        if seen.method == METHOD_SIGNALWIRE_EVENT and _is_about(seen.params, call)
    ]
    connection.send(*repeated)
    await stage.pause(SETTLED)
    for frame in repeated:
        if len(connection.answers(frame["id"])) != 2:
            answers = len(connection.answers(frame["id"]))
            raise BrokenError(f"{answers} acknowledgements of two deliveries of one event")
    _once(stage, "calling.answer", call)
    _once(stage, "calling.play", call)
    return _once(stage, "calling.record", call)


@should("10", group=Group.CALLS)
async def order(stage: Stage) -> str:
    """Events that come in one write are each acknowledged once, in their order."""
    connection = await stage.session()
    frames = [stage.frame("conform.event", {"number": number}) for number in range(BURST)]
    connection.send(*frames)
    wanted = [frame["id"] for frame in frames]
    for identity in wanted:
        await stage.acknowledged(connection, identity)
    found = [seen.id for seen in connection.received() if not seen.method and seen.id in wanted]
    if found != wanted:
        raise BrokenError("the acknowledgements came in another order, or more than once")
    return f"{BURST} events in order"


def _is_about(params: JSONObject, call: str) -> bool:
    return as_object(params.get("params")).get("call_id") == call


def _once(stage: Stage, method: str, call: str) -> str:
    count = len(stage.requests(method, call))
    if count != 1:
        raise BrokenError(f"{method} came {count} times for one call")
    return f"one {method}"


CHECKS: Final = (
    acknowledges,
    acknowledges_at_once,
    unknown_events,
    event_without_type,
    repeated_offer,
    second_offer,
    repeated_event,
    order,
)
