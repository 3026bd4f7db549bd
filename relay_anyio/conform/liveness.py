"""The checks of liveness: pings of both sides, and silence."""

from __future__ import annotations

import json
from typing import Final

import anyio

from relay_proto.constants import METHOD_SIGNALWIRE_PING
from relay_proto.rpc.frames import JSONObject
from relay_proto.server import RequestReceived

from .bodies import request_frame
from .checks import Group, may, must, should
from .connection import Connection, Seen
from .stage import BrokenError, NotTriedError, Stage

AT_ONCE: Final = 5.0
TIMESTAMP: Final = 1_700_000_123.25
OWN_PING: Final = 45.0
"""Seconds until the first ping of a client: 30 s, and some."""
SILENCE: Final = 95.0
"""Seconds after which a client has to have left a silent service.

The slowest that the page about the protocol allows is 15 s until the probe, and three pings of 10 s
with delays between them.
"""
AFTER_ONE: Final = 25.0
"""Seconds in which a client would leave that gives up after one lost ping."""


async def _pinged(stage: Stage, connection: Connection) -> Seen:
    identity = stage.new_id("ping")
    connection.send(request_frame(identity, METHOD_SIGNALWIRE_PING, {"timestamp": TIMESTAMP}))
    return await stage.until(
        lambda: next(iter(connection.answers(identity)), None), AT_ONCE, "no answer to a ping"
    )


@must("6", group=Group.CALLS)
async def answers_pings(stage: Stage) -> str:
    """A ping of the service is answered with a result, also during a call."""
    connection = await stage.session()
    call, _ = stage.offer(connection)
    answer = await _pinged(stage, connection)
    if not answer.is_result:
        raise BrokenError("a ping was answered with an error")
    await stage.request("calling.end", call=call)
    return "with a result"


@may("6", group=Group.CALLS)
async def echoes_timestamp(stage: Stage) -> str:
    """The answer to a ping repeats its `timestamp`."""
    answer = await _pinged(stage, await stage.session())
    result = answer.frame.get("result")
    if not isinstance(result, dict) or answer.frame["result"].get("timestamp") != TIMESTAMP:
        raise BrokenError(f"the result is {json.dumps(result)}")
    return "it does"


@should("6")
async def pings(stage: Stage) -> str:
    """On a quiet connection, the client pings every 30 s or so."""
    connection = await stage.session()
    started = anyio.current_time()
    await stage.until(
        lambda: next(connection.received(METHOD_SIGNALWIRE_PING), None), OWN_PING, "no ping"
    )
    return f"after {anyio.current_time() - started:.0f} s"


@should("6")
async def one_lost_ping(stage: Stage) -> str:
    """One ping without an answer does not end the connection, if others are answered."""
    connection = await stage.session()
    lost: list[float] = []

    def lose_one(connection: Connection, request: RequestReceived, params: JSONObject) -> None:
        if lost:
            connection.reply(request.id, params)
        else:
            lost.append(anyio.current_time())
            stage.changed()

    stage.answers[METHOD_SIGNALWIRE_PING] = lose_one
    try:
        await stage.until(lambda: lost or None, OWN_PING, "no ping")
    except BrokenError as error:
        raise NotTriedError(str(error)) from None
    await stage.pause(AFTER_ONE)
    if not connection.is_open:
        waited = (connection.ended_at or 0) - lost[0]
        raise BrokenError(f"it left the connection {waited:.0f} s after the lost ping")
    await stage.alive(connection)
    return "it stays"


@should("6")
async def silence(stage: Stage) -> str:
    """A service that falls silent is left after some time, and the client comes back."""
    connection = await stage.session()
    await _pinged(stage, connection)
    connection.deaf = True
    started = anyio.current_time()
    await stage.after(connection, SILENCE)
    return f"back after {anyio.current_time() - started:.0f} s"


CHECKS: Final = (answers_pings, echoes_timestamp, pings, one_lost_ping, silence)
