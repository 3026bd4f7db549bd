"""The checks of frames: ids, unknown methods, and what is no frame at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from .bodies import request_frame
from .checks import Group, must, should
from .connection import Connection
from .stage import BrokenError, Stage

IDS: Final = ("text", "", 'with "quotes"', "größer", 7, 0, 123456789012)
"""Ids as a service may choose them. They fit into the numbers of every language."""
MALFORMED: Final[Mapping[str, bytes]] = {
    "what is no JSON": b"{not json",
    "an empty message": b"",
    "a text": b'"hello"',
    "a number": b"17",
    "null": b"null",
    "a batch": b'[{"jsonrpc":"2.0","id":"b","method":"signalwire.ping","params":{}}]',
    "an empty object": b"{}",
    "an id that is an object": b'{"jsonrpc":"2.0","id":{"a":1},"method":"signalwire.event"}',
    "an event with null params": b'{"jsonrpc":"2.0","id":"m1","method":"signalwire.event",'
    b'"params":null}',
    "an event with a list": b'{"jsonrpc":"2.0","id":"m2","method":"signalwire.event","params":[]}',
    "an event without a body": b'{"jsonrpc":"2.0","id":"m3","method":"signalwire.event",'
    b'"params":{"event_type":"calling.call.state"}}',
    "an event whose body is a text": b'{"jsonrpc":"2.0","id":"m4","method":"signalwire.event",'
    b'"params":{"event_type":"calling.call.receive","params":"text"}}',
    "a method that is a number": b'{"jsonrpc":"2.0","id":"m5","method":5}',
    "a call without an id": b'{"jsonrpc":"2.0","id":"m6","method":"signalwire.event",'
    b'"params":{"event_type":"calling.call.receive","params":{"context":"conform"}}}',
}


@must("3", group=Group.CALLS)
async def unique_ids(stage: Stage) -> str:
    """Every request has an id of its own, which is a text."""
    connection = await stage.session()
    for _ in range(2):
        await stage.served(connection)
    requests = [seen for one in stage.connections for seen in one.received() if seen.method]
    ids = [seen.id for seen in requests]
    for identity in ids:
        if not isinstance(identity, str) or not identity:
            raise BrokenError(f"an id is {json.dumps(identity)}")
    repeated = {identity for identity in ids if ids.count(identity) > 1}
    if repeated:
        raise BrokenError(f"the id {json.dumps(min(map(str, repeated)))} came more than once")
    return f"{len(ids)} requests, {len(ids)} ids"


@must("3", group=Group.CALLS)
async def echoed_ids(stage: Stage) -> str:
    """An answer repeats the id of its request as it came: any text, or a number."""
    connection = await stage.session()
    for identity in IDS:
        stage.event(connection, "conform.event", {}, identity=identity)
        await stage.acknowledged(connection, identity)
    return f"{len(IDS)} ids came back"


@should("3", group=Group.CALLS)
async def unknown_method(stage: Stage) -> str:
    """A request with an unknown method is answered with the error -32601."""
    connection = await stage.session()
    identity = stage.new_id("unknown")
    connection.send(request_frame(identity, "conform.new", {"any": "thing"}))
    answer = await stage.until(
        lambda: next(iter(connection.answers(identity)), None), 5.0, "no answer"
    )
    error = answer.frame.get("error")
    if not isinstance(error, dict):
        raise BrokenError("it was answered with a result")
    code: object = answer.frame["error"].get("code")
    if code != -32601:
        raise BrokenError(f"the code is {json.dumps(code)}")
    return "the error -32601"


@should("3", group=Group.CALLS)
async def unknown_reply(stage: Stage) -> str:
    """A reply that nobody waits for is ignored."""
    connection = await stage.session()
    connection.send(
        {"jsonrpc": "2.0", "id": "nobody-asked", "result": {"code": "200"}},
        {"jsonrpc": "2.0", "id": "nobody-asked", "error": {"code": -32000, "message": "no"}},
    )
    await _goes_on(stage, connection)
    return "ignored"


@should("3", group=Group.CALLS)
async def malformed_frames(stage: Stage) -> str:
    """What is no frame changes nothing: the client reads on, and serves the next call."""
    connection = await stage.session()
    for what, text in MALFORMED.items():
        connection.send(text)
        try:
            await stage.alive(connection)
        except BrokenError as error:
            raise BrokenError(f"after {what}: {error}") from None
    await _goes_on(stage, connection)
    return f"{len(MALFORMED)} kinds were survived"


async def _goes_on(stage: Stage, connection: Connection) -> None:
    """Check that the client stays on the connection, and serves a call."""
    await stage.alive(connection)
    await stage.served(connection)


CHECKS: Final = (unique_ids, echoed_ids, unknown_method, unknown_reply, malformed_frames)
