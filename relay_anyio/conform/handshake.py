"""The checks of the handshake: the first frame, its reply, and refused credentials."""

from __future__ import annotations

import json
from typing import Final

from relay_proto.constants import METHOD_SIGNALWIRE_CONNECT
from relay_proto.rpc.frames import JSONObject
from relay_proto.server import RequestReceived

from .bodies import PROJECT, TOKEN
from .checks import Group, must, should
from .connection import Connection, Seen, as_object
from .hopes import START_PATIENCE
from .stage import BrokenError, Stage, never

VERSIONS: Final = (2, 3, 4)
"""The major versions of the protocol that the vendor's clients ask for."""
WATCHED: Final = 3.0
"""Seconds in which nothing may be written before the reply to connect."""
ATTEMPTS: Final = 5
"""Refused attempts after which a client has to have given up."""
GIVEN_UP: Final = 30.0


async def _first(stage: Stage) -> Seen:
    def look() -> Seen | None:
        return next((seen for one in stage.connections for seen in one.received()), None)

    return await stage.until(look, START_PATIENCE, "nothing was sent")


@must("4", group=Group.CALLS)
async def connect(stage: Stage) -> str:
    """The first frame is `signalwire.connect`, with a version and the credentials."""
    first = await _first(stage)
    if first.method != METHOD_SIGNALWIRE_CONNECT:
        raise BrokenError(f"the first frame is {first.method or 'no request'}")
    if first.frame.get("jsonrpc") != "2.0":
        raise BrokenError('the frame lacks "jsonrpc": "2.0"')
    major = as_object(first.params.get("version")).get("major")
    if major not in VERSIONS:
        raise BrokenError(f"the version is {json.dumps(first.params.get('version'))}")
    given = as_object(first.params.get("authentication"))
    if (given.get("project"), given.get("token")) != (PROJECT, TOKEN):
        raise BrokenError("`authentication` lacks the project and the token that it was given")
    await stage.session()
    return f"version {major}, agent {json.dumps(first.params.get('agent'))}"


@should("4", group=Group.CALLS)
async def credentials_inside(stage: Stage) -> str:
    """The token stands in `authentication` and nowhere else."""
    connection = await stage.session()
    request = next(connection.received(METHOD_SIGNALWIRE_CONNECT))
    rest = {key: value for key, value in request.params.items() if key != "authentication"}
    if TOKEN in json.dumps(rest):
        found = [key for key, value in rest.items() if TOKEN in json.dumps(value)]
        raise BrokenError(f"the token stands in {', '.join(found)}, too")
    return "only in `authentication`"


@must("11", group=Group.CALLS)
async def contexts(stage: Stage) -> str:
    """It asks for its context, in `signalwire.connect` or with `signalwire.receive`."""
    connection = await stage.session()
    asked = next(connection.received(METHOD_SIGNALWIRE_CONNECT)).params.get("contexts")
    return "in signalwire.connect" if asked else "with signalwire.receive"


@must("4", group=Group.CALLS)
async def event_acks(stage: Stage) -> str:
    """It promises to acknowledge events: `event_acks` is true."""
    connection = await stage.session()
    given = next(connection.received(METHOD_SIGNALWIRE_CONNECT)).params.get("event_acks")
    if given is not True:
        raise BrokenError(f"`event_acks` is {json.dumps(given)}")
    return "`event_acks` is true"


@should("4")
async def connect_alone(stage: Stage) -> str:
    """Nothing else is written before the reply to `signalwire.connect`."""
    stage.answers[METHOD_SIGNALWIRE_CONNECT] = never
    await _first(stage)
    await stage.pause(WATCHED)
    early = [seen.method for one in stage.connections for seen in one.received() if seen.method]
    early.remove(METHOD_SIGNALWIRE_CONNECT)
    if early:
        raise BrokenError(f"{', '.join(early)} came before the reply")
    return f"nothing in {WATCHED:g} s"


@should("4")
async def refused_credentials(stage: Stage) -> str:
    """It gives up when its credentials are refused, after a few attempts at most."""
    stage.may_end = True
    attempts: list[Connection] = []

    def refuse(connection: Connection, request: RequestReceived, params: JSONObject) -> None:
        del params
        attempts.append(connection)
        connection.refuse(request.id, -32002, "Authentication failed")

    stage.answers[METHOD_SIGNALWIRE_CONNECT] = refuse
    await _first(stage)
    last = -1
    while len(attempts) != last and len(attempts) <= ATTEMPTS:
        last = len(attempts)
        if stage.client is not None and stage.client.code is not None:
            return f"{_attempts(last)}, and it ended with code {stage.client.code}"
        await stage.pause(GIVEN_UP / 2)
    if len(attempts) > ATTEMPTS:
        raise BrokenError(f"{_attempts(len(attempts))}, and no end")
    return f"{_attempts(len(attempts))}, and no more"


def _attempts(count: int) -> str:
    return f"{count} attempt{'s' * (count != 1)}"


CHECKS: Final = (
    connect,
    credentials_inside,
    event_acks,
    contexts,
    connect_alone,
    refused_credentials,
)
