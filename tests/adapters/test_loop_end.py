"""The event loop ends with a client still there: no hang, no warning, no noise."""

from __future__ import annotations

import pytest

from tests.adapters.programs import program
from tests.adapters.support import World

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.async_only("there is no event loop: see test_interpreter_end"),
]

PROGRAM = """
import gc, sys
import anyio
from relay_anyio import ClientClosedError, RelayClient

async def main():
    client = RelayClient(contexts=["office"])
{body}

async def bounded():
    with anyio.fail_after(20):
        await main()

try:
    anyio.run(bounded, backend=sys.argv[1])
except ZeroDivisionError:
    print("failed as it should")
gc.collect()
print("done")
"""

IDLE = """
    await client.connect()
"""

FAILED = """
    await client.connect()
    1 / 0
"""

NEVER_CONNECTED = """
    try:
        await client.execute("test.echo", {})
    except ClientClosedError:
        pass
"""

CONNECTING = """
    async def connect():
        await client.connect()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(connect)
        await anyio.sleep(0)
        1 / 0
"""

DISCONNECTED = """
    async with client:
        pass
"""

HANDLERS = """
    taken = anyio.Event()

    @client.on_connected
    async def connected(event):
        await anyio.sleep_forever()

    @client.on_call
    async def take(call):
        call.on("calling.call.state", listen)
        await call.answer()
        await call.play([{"type": "silence", "duration": 60}])
        taken.set()
        try:
            await call.wait_for_ended()
        finally:
            print("handler left")

    async def listen(event):
        await anyio.sleep_forever()

    await client.connect()
    print("connected")
    await taken.wait()
"""

IN_A_HANDLER = """
    done = anyio.Event()

    @client.on_connected
    async def connected(event):
        await client.disconnect()
        done.set()
        await anyio.sleep_forever()

    await client.connect()
    await done.wait()
"""


@pytest.mark.parametrize(
    "body",
    [IDLE, FAILED, NEVER_CONNECTED, CONNECTING, DISCONNECTED, IN_A_HANDLER],
    ids=["idle", "failed", "never connected", "connecting", "disconnected", "in a hook"],
)
async def test_nothing_is_said(world: World, anyio_backend: str, body: str) -> None:
    if "1 / 0" in body:
        body = f"    try:\n{indented(body)}\n    except* ZeroDivisionError:\n        pass\n"
    async with program(world, PROGRAM.replace("{body}", body), anyio_backend) as running:
        assert await running.end() == 0, running.errors
        await running.says("done")
        assert running.errors == ""


async def test_handlers_are_cancelled(world: World, anyio_backend: str) -> None:
    async with program(world, PROGRAM.replace("{body}", HANDLERS), anyio_backend) as running:
        await running.says("connected")
        world.place_call()
        assert await running.end() == 0, running.errors
        await running.says("done")
        assert "handler left" in running.output
        assert running.errors == ""


def indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())
