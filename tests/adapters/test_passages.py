"""A program that wraps or replaces `client.execute` sees the verbs of calls pass through it."""

from __future__ import annotations

from typing import Any
from unittest.mock import AsyncMock, Mock

import anyio
import pytest

import relay_anyio
import relay_sync
from relay_anyio import RelayClient
from relay_anyio.call import Client
from relay_proto.adapter.passages import is_replaced
from tests.adapters.programs import program
from tests.adapters.support import ANSWERING, OFFICE, PATIENCE, World

pytestmark = pytest.mark.anyio

PROGRAM = """
import sys
import anyio
from relay_anyio import RelayClient, RelayError, tts

seen = []

class Watched(RelayClient):
    async def execute(self, method, params, **options):
        seen.append(method)
        assert params["call_id"] and params["node_id"]
        if method == "calling.play":
            assert params["control_id"]
            params = {**params, "play": [tts("something else")]}
        if method == "calling.denoise":
            return {"mine": True}
        if method == "calling.record":
            return {}
        if method == "calling.echo":
            raise RelayError(500, "not here")
        if method == "calling.hold":
            raise RelayError(404, "gone")
        if method == "calling.send_digits":
            await super().execute("calling.user_event", {**params, "event": {}})
        return await super().execute(method, params, **options)

async def main():
    async with Watched() as client:
        call = await client.dial_phone(sys.argv[2], sys.argv[3])
        assert seen == [], "only the verbs of calls and actions take this way"
        action = await call.play_tts("Hello")
        print("played:", (await action.wait()).state, action.call is call)
        print(await call.denoise(), await call.hold())
        try:
            await call.echo()
        except RelayError as error:
            print("echo:", error.code)
        recording = await call.record()
        print("recording:", recording.is_done, await recording.stop())
        await call.send_digits("1")
        again = await call.play_silence(60)
        await again.stop()
        print("stopped:", (await again.wait()).state)
        await call.hangup()
        await call.wait_for_ended()
        print("over:", (await call.play_silence(1)).is_done)
        print(*seen)

        async def replacement(method, params):
            return {"replaced": method}

        client.execute = replacement
        print(await call.answer())

anyio.run(main, backend=sys.argv[1])
"""
VERBS = (
    "calling.play calling.denoise calling.hold calling.echo calling.record calling.record.stop "
    "calling.send_digits calling.play calling.play.stop calling.end calling.play"
)
BLOCKING = (
    PROGRAM.replace("async ", "")
    .replace("await ", "")
    .replace("relay_anyio", "relay_sync")
    .replace("anyio.run(main, backend=sys.argv[1])", "main()")
)


async def test_verbs_pass_through_an_execute_of_the_program(world: World, runtime: str) -> None:
    source = BLOCKING if runtime == "threads" else PROGRAM
    async with program(world, source, runtime, ANSWERING, OFFICE) as running:
        with anyio.fail_after(PATIENCE):
            assert await running.end() == 0, running.errors
    assert running.output.splitlines() == [
        "played: finished True",
        "{'mine': True} {}",
        "echo: 500",
        "recording: False {}",
        "stopped: finished",
        "over: True",
        VERBS,
        "{'replaced': 'calling.answer'}",
    ]
    assert "something else" in str(world.happened)
    assert "Hello" not in str(world.happened)


async def test_a_mock_answers_for_a_service_that_is_not_there(runtime: str) -> None:
    package, mocked = (relay_sync, Mock) if runtime == "threads" else (relay_anyio, AsyncMock)
    client: Any = package.RelayClient("p", "t")
    client.execute = mocked(return_value={"code": "200"})
    call: Any = package.Call(client, "c-1", "n-1", "p", "office", state="answered")

    async def of(result: Any) -> Any:
        return result if runtime == "threads" else await result

    assert await of(call.answer()) == {"code": "200"}
    action = await of(call.play_tts("Hello"))
    assert not action.is_done
    await of(action.stop())
    ids = {"node_id": "n-1", "call_id": "c-1"}
    assert client.execute.call_args_list[0].args == ("calling.answer", ids)
    stop = client.execute.call_args_list[2].args
    assert stop == ("calling.play.stop", {**ids, "control_id": action.control_id})
    await of(client.disconnect())


def test_only_an_execute_of_the_program_makes_the_way_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Watched(RelayClient):
        async def execute(self, *args: Any, **kwargs: Any) -> Any: ...

    client = RelayClient("p", "t")
    assert not is_replaced(client, Client.execute)
    assert is_replaced(Watched("p", "t"), Client.execute)
    monkeypatch.setattr(client, "execute", print)
    assert is_replaced(client, Client.execute)
    monkeypatch.undo()
    monkeypatch.setattr(RelayClient, "execute", print)
    assert is_replaced(client, Client.execute)
