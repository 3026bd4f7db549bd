"""The checks of connections that end: goodbyes, cuts, resumes, delays."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from typing import Final

import anyio

from relay_proto.constants import (
    METHOD_SIGNALWIRE_CONNECT,
    METHOD_SIGNALWIRE_DISCONNECT,
    METHOD_SIGNALWIRE_RECEIVE,
)
from relay_proto.rpc.frames import JSONObject
from relay_proto.server import RequestReceived

from .bodies import CONTEXT, leg_body
from .calls import accepted
from .checks import Group, must, should
from .connection import Connection, Seen
from .stage import PATIENCE, BrokenError, NotTriedError, Stage, never

SHORTEST_DELAY: Final = 0.8
"""Seconds that a client has to wait at least: it is one second, and clocks are coarse."""
OWN_CLOSE: Final = 15.0
"""Seconds in which a client has to leave a connection that the service does not close."""
GROWN: Final = 4.0
"""Seconds that a delay has to reach when attempts go on failing."""
GROWTH_TIME: Final = 75.0
MOST_ATTEMPTS: Final = 40
CUTS: Final = 6
LEAST_SPREAD: Final = 0.1
"""Seconds between the shortest and the longest of the first delays."""
UNAVAILABLE: Final = 503
SETTLED: Final = 4.0


def _connect(connection: Connection) -> JSONObject:
    """The parameters of the latest ``signalwire.connect`` on a connection."""
    return list(connection.received(METHOD_SIGNALWIRE_CONNECT))[-1].params


async def _goodbye(stage: Stage, *, restart: bool, stay: bool = False) -> Connection:
    connection = await stage.session()
    connection.say_goodbye(restart=restart, stay=stay)
    return connection


def _goodbye_frame(connection: Connection) -> Seen:
    return next(seen for seen in connection.fresh if seen.method == METHOD_SIGNALWIRE_DISCONNECT)


@must("7", group=Group.LINKS)
async def goodbye(stage: Stage) -> str:
    """`signalwire.disconnect` is acknowledged, nothing is asked after it, and it comes back."""
    connection = await _goodbye(stage, restart=False, stay=True)
    said = _goodbye_frame(connection)
    answer = await stage.until(
        lambda: next(iter(connection.answers(said.id)), None), PATIENCE, "no answer to the goodbye"
    )
    if not answer.is_result:
        raise BrokenError("the goodbye was answered with an error")
    await stage.pause(1.0)  # a connection that closes at once would hide what comes
    connection.close()
    await stage.after(connection)
    behind = connection.frames[connection.frames.index(answer) :]
    asked = [seen.method for seen in behind if seen.received and seen.method]
    if asked:
        raise BrokenError(f"{', '.join(asked)} was asked on a connection that ends")
    return "acknowledged, and back"


@should("7", group=Group.LINKS)
async def goodbye_resume(stage: Stage) -> str:
    """After a goodbye without `restart`, it goes on with its session, a second later or more."""
    connection = await _goodbye(stage, restart=False)
    later = await stage.after(connection)
    if not _connect(later).get("protocol"):
        raise BrokenError("it asked for a new session")
    return _delay(connection, later)


@should("7", group=Group.LINKS)
async def goodbye_restart(stage: Stage) -> str:
    """After a goodbye with `restart`, it asks for a new session, without the old `protocol`."""
    connection = await _goodbye(stage, restart=True)
    stage.restores = False
    later = await stage.after(connection)
    if _connect(later).get("protocol"):
        raise BrokenError("it asked for the session that is over")
    return "a new session"


@should("7", group=Group.LINKS)
async def goodbye_lingering(stage: Stage) -> str:
    """If the service does not close after its goodbye, the client does, and comes back."""
    connection = await _goodbye(stage, restart=False, stay=True)
    started = anyio.current_time()
    await stage.until(
        lambda: None if connection.is_open else True, OWN_CLOSE, "it did not leave the connection"
    )
    left = anyio.current_time() - started
    await stage.after(connection)
    return f"it left after {left:.1f} s, and came back"


@should("8", group=Group.LINKS)
async def comes_back(stage: Stage) -> str:
    """After a cut, it comes back by itself, a second later or more, and serves calls."""
    connection = await stage.session()
    connection.cut()
    later = await stage.after(connection)
    await stage.calm(later)
    await stage.served(later)
    return _delay(connection, later)


@should("4", group=Group.LINKS)
async def resume(stage: Stage) -> str:
    """After a cut, connect carries the `protocol` of the session."""
    connection = await stage.session()
    connection.cut()
    protocol = stage.protocols[-1]
    asked = _connect(await stage.after(connection))
    if asked.get("protocol") != protocol:
        raise BrokenError(f"`protocol` is {json.dumps(asked.get('protocol'))}, not that of before")
    return "it asks for its session"


@should("10", group=Group.LINKS)
async def authorization_state(stage: Stage) -> str:
    """After a cut, connect carries the latest `authorization_state`, beside `protocol`."""
    connection = await stage.session()
    await stage.alive(connection)
    state = stage.states[-1]
    connection.cut()
    asked = _connect(await stage.after(connection))
    if asked.get("authorization_state") != state:
        given = "missing" if not asked.get("authorization_state") else "not the latest one"
        raise BrokenError(f"`authorization_state` is {given}")
    if not asked.get("protocol"):
        raise BrokenError("`authorization_state` came without `protocol`")
    return "the latest one"


@should("11", group=Group.LINKS)
async def contexts_again(stage: Stage) -> str:
    """With a new session in place of its own, it asks for its contexts again."""
    connection = await stage.session()
    stage.restores = False
    connection.cut()
    later = await stage.after(connection)
    await stage.pause(SETTLED)
    asked = [_connect(later), *(seen.params for seen in later.received(METHOD_SIGNALWIRE_RECEIVE))]
    if not any(CONTEXT in (params.get("contexts") or []) for params in asked):
        raise BrokenError("it asked for none")
    return "it did"


@should("8", group=Group.LINKS)
async def resumed_call(stage: Stage) -> str:
    """A call goes on after a cut in the middle of a prompt, when the session is resumed."""
    connection = await stage.session()
    stage.answers["calling.play"] = accepted
    call = await stage.answered(connection)
    await stage.alive(connection)
    played = (await stage.request("calling.play", call=call)).params
    connection.cut()
    later = await stage.after(connection)
    later.send(*stage.events_of("calling.play", played))
    await stage.request("calling.end", call=call)
    return "the prompt ended, and the recording followed"


@should("10", group=Group.LINKS)
async def redelivery(stage: Stage) -> str:
    """An event whose acknowledgement was lost comes again after the resume, and is taken once."""
    connection = await stage.session()
    stage.answers["calling.play"] = accepted
    call, event = stage.offer(connection)
    played = (await stage.request("calling.play", call=call)).params
    await stage.alive(connection)
    frames = list(stage.events_of("calling.play", played))
    connection.cut()
    later = await stage.after(connection)
    stage.offer(later, call=call, identity=event)
    await stage.acknowledged(later, event)
    await stage.pause(1.0)
    if len(stage.requests("calling.answer", call)) != 1:
        raise BrokenError("the call was answered again")
    later.send(*frames)
    later.send(*frames)
    await stage.request("calling.end", call=call)
    await stage.pause(1.0)
    if len(stage.requests("calling.record", call)) != 1:
        raise BrokenError("the recording was asked for again")
    return "acknowledged again, and taken once"


@should("4", group=Group.LINKS)
async def refused_resume(stage: Stage) -> str:
    """If the session is refused (-32003), it asks for a new one, and serves calls."""
    connection = await stage.session()

    def refuse(connection: Connection, request: RequestReceived, params: JSONObject) -> None:
        if params.get("protocol"):
            connection.refuse(request.id, -32003, "no such session")
        else:
            stage.accept_session(connection, request, params)

    stage.answers[METHOD_SIGNALWIRE_CONNECT] = refuse
    connection.cut()
    later = await stage.after(connection)
    if len(stage.requests(METHOD_SIGNALWIRE_CONNECT)) < 2:
        raise NotTriedError("it asked for no session")
    await stage.calm(later)
    await stage.served(later)
    same = "on the same connection" if _asked_twice(later) else "on another connection"
    return f"a new session {same}"


def _asked_twice(connection: Connection) -> bool:
    return len(list(connection.received(METHOD_SIGNALWIRE_CONNECT))) > 1


@should("8", group=Group.LINKS)
async def lost_session(stage: Stage) -> str:
    """If it gets a new session in place of its own, it goes on with the new one from then on."""
    connection = await stage.session()
    stage.restores = False
    connection.cut()
    later = await stage.after(connection)
    await stage.alive(later)
    stage.restores = True
    wanted = stage.protocols[-1]
    later.cut()
    asked = _connect(await stage.after(later)).get("protocol")
    if asked != wanted:
        raise BrokenError("the next connect named another session than the latest")
    return "the next connect named the new session"


@should("8", group=Group.LINKS)
async def sent_once(stage: Stage) -> str:
    """A dial whose reply was lost in a cut is not sent again."""
    connection = await stage.session()
    stage.answers["calling.dial"] = never
    stage.text(connection)
    await stage.request("calling.dial")
    connection.cut()
    await stage.after(connection)
    await stage.pause(SETTLED)
    count = len(stage.requests("calling.dial"))
    if count > 1:
        raise BrokenError(f"it was sent {count} times: somebody is called twice")
    return "once"


@should("13", group=Group.LINKS)
async def orphan_leg(stage: Stage) -> str:
    """A leg that answers after its dial was lost in a cut is hung up: it costs money."""
    connection = await stage.session()
    stage.answers["calling.dial"] = never
    stage.text(connection)
    tag = (await stage.request("calling.dial")).params.get("tag")
    connection.cut()
    later = await stage.after(connection)
    await stage.alive(later)
    leg = stage.new_id("leg")
    for state in ("created", "answered"):
        stage.event(later, "calling.call.state", leg_body(leg, tag, state))
    await stage.request("calling.end", call=leg)
    return "hung up"


# Delays


def _delay(before: Connection, after: Connection) -> str:
    """Say how long a client waited.

    Raises:
        BrokenError: it did not wait.
    """
    assert before.ended_at is not None
    waited = after.opened_at - before.ended_at
    if waited < SHORTEST_DELAY:
        raise BrokenError(f"it came back after {waited:.2f} s: a crowd of clients would, too")
    return f"back after {waited:.1f} s"


@should("8")
async def jitter(stage: Stage) -> str:
    """Delays before the first attempt differ, so that a crowd does not come back at once."""
    connection = await stage.session()
    delays: list[float] = []
    for _ in range(CUTS):
        await stage.alive(connection)
        connection.cut()
        later = await stage.after(connection)
        assert connection.ended_at is not None
        delays.append(later.opened_at - connection.ended_at)
        connection = later
    shown = ", ".join(f"{delay:.2f}" for delay in delays)
    if max(delays) - min(delays) < LEAST_SPREAD:
        raise BrokenError(f"the delays hardly differ: {shown} s")
    return f"{shown} s"


@should("8")
async def back_off(stage: Stage) -> str:
    """Delays grow while the service refuses connections."""
    connection = await stage.session()
    stage.config = replace(stage.config, refuse_status=UNAVAILABLE, refuse_reason="out of order")
    connection.cut()
    return await _grows(stage, connection)


@should("8")
async def back_off_without_session(stage: Stage) -> str:
    """Delays grow while connections open, and no session follows."""
    connection = await stage.session()

    def cut(connection: Connection, request: RequestReceived, params: JSONObject) -> None:
        del request, params
        connection.cut()

    stage.answers[METHOD_SIGNALWIRE_CONNECT] = cut
    connection.cut()
    return await _grows(stage, connection)


async def _grows(stage: Stage, connection: Connection) -> str:
    """Wait until a delay has grown, and say how.

    Raises:
        BrokenError: it never does, or a delay is too short.
    """
    first = stage.connections.index(connection)

    def delays() -> list[float]:
        known = stage.connections[first:]
        return [b.opened_at - a.ended_at for a, b in pairwise(known) if a.ended_at is not None]

    def look() -> list[float] | None:
        found = delays()
        over = max(found, default=0) >= GROWN or len(found) > MOST_ATTEMPTS
        return found if over or min(found, default=1.0) < SHORTEST_DELAY else None

    try:
        found = await stage.until(look, GROWTH_TIME, "")
    except BrokenError:
        found = delays()
    shown = ", ".join(f"{delay:.1f}" for delay in found[:8])
    if not found:
        raise BrokenError(f"it did not try again within {GROWTH_TIME:g} s")
    if min(found) < SHORTEST_DELAY:
        raise BrokenError(f"a delay is too short: {shown} s")
    if max(found) < GROWN:
        raise BrokenError(f"no delay reached {GROWN:g} s in {GROWTH_TIME:g} s: {shown} s")
    return f"{shown} s"


CHECKS: Final = (
    goodbye,
    goodbye_resume,
    goodbye_restart,
    goodbye_lingering,
    comes_back,
    resume,
    authorization_state,
    contexts_again,
    resumed_call,
    redelivery,
    refused_resume,
    lost_session,
    sent_once,
    orphan_leg,
    jitter,
    back_off,
    back_off_without_session,
)
