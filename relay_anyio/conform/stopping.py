"""The checks of the end: what the client does at SIGTERM, with a call and without."""

from __future__ import annotations

from typing import Final

import anyio

from relay_proto.constants import METHOD_SIGNALWIRE_UNRECEIVE

from .calls import accepted
from .checks import may, should
from .stage import HangsError, Stage

STOP: Final = 15.0
"""Seconds in which an idle client has to end."""
STOP_IN_A_CALL: Final = 60.0
WATCHED: Final = 3.0


async def _stop(stage: Stage, within: float) -> int:
    """Wait until the client has ended, and return its exit code."""
    client = stage.client
    assert client is not None
    with anyio.move_on_after(within):
        await stage.until(lambda: None if client.code is None else True, within + 1, "")
    if client.code is None:
        raise HangsError(f"it runs {within:g} s after SIGTERM")
    return client.code


@should("19")
async def stops(stage: Stage) -> str:
    """At SIGTERM, a client without calls ends."""
    await stage.session()
    stage.may_end = True
    started = anyio.current_time()
    assert stage.client is not None
    stage.client.terminate()
    code = await _stop(stage, STOP)
    return f"after {anyio.current_time() - started:.1f} s, with code {code}"


@may("19")
async def stops_in_a_call(stage: Stage) -> str:
    """At SIGTERM, a client with a call ends; the report says what becomes of the call."""
    connection = await stage.session()
    stage.answers["calling.play"] = accepted
    call = await stage.answered(connection)
    played = (await stage.request("calling.play", call=call)).params
    await stage.alive(connection)
    stage.may_end = True
    started = anyio.current_time()
    assert stage.client is not None
    stage.client.terminate()
    with anyio.move_on_after(WATCHED):
        await stage.until(lambda: None if connection.is_open else True, WATCHED + 1, "")
    facts: list[str] = []
    if stage.requests(METHOD_SIGNALWIRE_UNRECEIVE):
        facts.append("it gives up its contexts")
    if stage.requests("calling.end", call):
        facts.append("it hangs up the call")
    elif connection.is_open:
        connection.send(*stage.events_of("calling.play", played))
        await _stop(stage, STOP_IN_A_CALL)
        ended = bool(stage.requests("calling.end", call))
        facts.append("the call goes on to its end" if ended else "the call does not go on")
    else:
        facts.append("it leaves the call to the service")
    code = await _stop(stage, STOP_IN_A_CALL)
    facts.append(f"it ends after {anyio.current_time() - started:.1f} s, with code {code}")
    return ", ".join(facts)


CHECKS: Final = (stops, stops_in_a_call)
