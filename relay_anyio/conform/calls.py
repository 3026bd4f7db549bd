"""The checks of calls and dials: events that overtake replies, codes, calls that are gone."""

from __future__ import annotations

import json
from typing import Final

from relay_proto.rpc.frames import JSONObject
from relay_proto.server import RequestReceived

from .checks import Group, must, should
from .connection import Connection
from .stage import Answer, BrokenError, Stage, never

LATE: Final = 0.5
"""Seconds by which a reply comes after its events."""
SLOW: Final = 13.0
"""Seconds without a reply: more than the 10 s that clients wait."""


@should("15", group=Group.CALLS)
async def same_write(stage: Stage) -> str:
    """A reply and all events that follow it may come in one write."""
    connection = await stage.session()

    def answer(connection: Connection, request: RequestReceived, params: JSONObject) -> None:
        reply = _reply(request, {"code": "200", "message": "Playing"})
        connection.send(reply, *stage.events_of("calling.play", params))

    stage.answers["calling.play"] = answer
    call, _ = stage.offer(connection)
    await stage.request("calling.end", call=call)
    return "the call went on"


@should("15", group=Group.CALLS)
async def early_events(stage: Stage) -> str:
    """Events of a playback may come before the reply to `calling.play`."""
    connection = await stage.session()
    stage.answers["calling.play"] = _events_first(stage, "calling.play")
    call, _ = stage.offer(connection)
    await stage.request("calling.end", call=call)
    return "the call went on"


@must("13", group=Group.CALLS)
async def dial(stage: Stage) -> str:
    """A dial has a tag and groups of devices, and its events may come before the reply."""
    connection = await stage.session()
    stage.answers["calling.dial"] = _events_first(stage, "calling.dial")
    stage.text(connection)
    dialed = await stage.request("calling.dial")
    devices = dialed.params.get("devices")
    if not isinstance(dialed.params.get("tag"), str) or not dialed.params.get("tag"):
        raise BrokenError("`tag` is missing")
    if not isinstance(devices, list) or not all(isinstance(group, list) for group in devices):  # pyright: ignore[reportUnknownVariableType]
        raise BrokenError("`devices` is not a list of groups")
    await stage.request("calling.end", call=stage.legs[-1])
    return "the leg that answered was hung up, as the contract says"


@should("9.1", group=Group.CALLS)
async def code_forms(stage: Stage) -> str:
    """A result counts as success with `code` as text or number, with any 2xx, and without one."""
    connection = await stage.session()
    results: list[JSONObject] = [{"code": 200}, {"code": "202", "message": "Accepted"}, {}]
    for result in results:
        stage.answers["calling.answer"] = _with(stage, "calling.answer", result)
        call, _ = stage.offer(connection)
        await stage.request("calling.play", call=call)
        await stage.request("calling.end", call=call)
    return f"{len(results)} forms"


@should("9.2", group=Group.CALLS)
async def gone_call(stage: Stage) -> str:
    """A call that is gone (404) harms nothing: the next one is served."""
    connection = await stage.session()

    def gone(connection: Connection, request: RequestReceived, params: JSONObject) -> None:
        del params
        connection.reply(request.id, {"code": "404", "message": "Call does not exist"})

    stage.answers["calling.answer"] = gone
    call, _ = stage.offer(connection)
    await stage.request("calling.answer", call=call)
    await stage.pause(1.0)
    more = [method for method in ("calling.play", "calling.record") if stage.requests(method, call)]
    del stage.answers["calling.answer"]
    await stage.served(connection)
    await stage.alive(connection)
    return f"the next call was served{'; it went on with the lost one' if more else ''}"


@should("14.4", group=Group.CALLS)
async def hang_up_in_prompt(stage: Stage) -> str:
    """When the caller hangs up during a prompt, the handler ends, and the next call is served."""
    connection = await stage.session()
    stage.answers["calling.play"] = accepted
    call = await stage.answered(connection)
    stage.end(connection, call)
    await stage.pause(1.0)
    del stage.answers["calling.play"]
    await stage.served(connection)
    recorded = len(stage.requests("calling.record", call))
    if recorded:
        raise BrokenError("it asked for a recording of the call that had ended")
    return "the next call was served"


@should("9.3")
async def slow_reply(stage: Stage) -> str:
    """A reply that never comes fails its request alone: the connection stays."""
    connection = await stage.session()
    stage.answers["calling.play"] = never
    await stage.answered(connection)
    del stage.answers["calling.play"]
    await stage.pause(SLOW)
    if not connection.is_open:
        raise BrokenError(f"it left the connection: {connection.reason}")
    await stage.served(connection)
    return f"after {SLOW:g} s without a reply, another call was served on the connection"


def _events_first(stage: Stage, method: str) -> Answer:
    """The events come, and the reply some time later."""

    def answer(connection: Connection, request: RequestReceived, params: JSONObject) -> None:
        connection.send(*stage.events_of(method, params))
        stage.later(LATE, lambda: connection.reply(request.id, {"code": "200", "message": "OK"}))

    return answer


def _with(stage: Stage, method: str, result: JSONObject) -> Answer:
    def answer(connection: Connection, request: RequestReceived, params: JSONObject) -> None:
        connection.reply(request.id, result)
        stage.follow_up(connection, method, params)

    return answer


def accepted(connection: Connection, request: RequestReceived, params: JSONObject) -> None:
    """Accept a request, and send none of its events."""
    del params
    connection.reply(request.id, {"code": "200", "message": "OK"})


def _reply(request: RequestReceived, result: JSONObject) -> bytes:
    body = json.dumps(result).encode()
    return b'{"jsonrpc":"2.0","id":%b,"result":%b}' % (request.id, body)


CHECKS: Final = (
    same_write,
    early_events,
    dial,
    code_forms,
    gone_call,
    hang_up_in_prompt,
    slow_reply,
)
