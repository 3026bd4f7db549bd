"""The event loop ends with a client still there: no hang, no warning, no noise."""

from __future__ import annotations

import pytest

from relay_proto.exchange import What
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


@pytest.mark.parametrize("runtime", ["asyncio"])
async def test_nothing_is_waited_for_if_the_client_could_not_even_begin(world: World) -> None:
    source = """
import asyncio
from relay_anyio import RelayClient, Timing
client = RelayClient(timing=Timing(close_timeout=3600))

async def leave_a_task():
    return asyncio.create_task(client.connect())

print(asyncio.run(leave_a_task()).cancelled(), client.state.value)
"""
    async with program(world, source) as running:
        assert await running.end() == 0, running.errors
        assert running.output == "True disconnected\n"
        assert running.errors == ""


async def test_handlers_are_cancelled(world: World, anyio_backend: str) -> None:
    async with program(world, PROGRAM.replace("{body}", HANDLERS), anyio_backend) as running:
        await running.says("connected")
        world.place_call()
        assert await running.end() == 0, running.errors
        await running.says("done")
        assert "handler left" in running.output
        assert running.errors == ""


CLOSED = """
import asyncio, gc, sys, threading
from relay_anyio import ClientClosedError, RelayClient
client = RelayClient(contexts=["office"])
stream = client.calls()
loop = asyncio.new_event_loop()

async def again(client):
    async with client:
        await client.receive(["sales"])
        print(client.state.value)

async def pull():
    async for call in stream:
        print("pulled")

async def hook(event):
    if asyncio.get_running_loop() is loop:
        await asyncio.sleep(3600)

async def begin():
    client.on_connected(hook)
    await client.connect()
    global tasks
    tasks = [
        asyncio.create_task(pull()),
        asyncio.create_task(client.execute("test.silence", {})),
        asyncio.create_task(client.drain(3600)),
    ]
    client.on_call(handle, contexts=["other"])
    await asyncio.sleep(0)

async def handle(call):
    await asyncio.sleep(3600)

async def refused():
    try:
        await client.receive(["sales"])
    except ClientClosedError as error:
        print(type(error).__name__)
    await client.disconnect()

loop.run_until_complete(client.connect() if "idle" in sys.argv else begin())
for task in asyncio.all_tasks(loop):
    if not task.get_name().startswith("relay_anyio"):
        task._log_destroy_pending = False  # the program's own, of which asyncio would complain
loop.close()
"""

AFTER = {
    "nothing": """
""",
    "the same client": """
print(client.state.value)
asyncio.run(refused())
asyncio.run(again(client))
print(client.state.value)
""",
    "disconnecting": """
import time
before = time.monotonic()
asyncio.run(client.disconnect())
print("at once" if time.monotonic() - before < 2 else "late")
asyncio.run(again(client))
""",
    "another client": """
asyncio.run(again(RelayClient(contexts=["office"])))
print(client.state.value)
""",
    "many threads": """
barrier = threading.Barrier(4)
def look():
    barrier.wait()
    assert client.state.value == "closed"
threads = [threading.Thread(target=look) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
asyncio.run(again(client))
""",
    "garbage is collected": """
del client, stream
asyncio.run(again(RelayClient(contexts=["office"])))
""",
}

SAID = {
    "nothing": "",
    "the same client": "closed\nClientClosedError\nready\nclosed\n",
    "disconnecting": "at once\nready\n",
    "another client": "ready\nclosed\n",
    "many threads": "ready\n",
    "garbage is collected": "ready\n",
}


@pytest.mark.parametrize("runtime", ["asyncio"])
@pytest.mark.parametrize("what", ["idle", "busy"])
@pytest.mark.parametrize("after", AFTER)
async def test_a_loop_that_was_closed_without_a_word(world: World, after: str, what: str) -> None:
    """Neither is its client told. It is found closed, with its slot free, and makes no noise."""
    source = CLOSED + AFTER[after] + "gc.collect()\n"
    async with program(world, source, what) as running:
        assert await running.end() == 0, running.errors
        assert running.output == SAID[after]
        assert running.errors == ""


@pytest.mark.parametrize("runtime", ["asyncio"])
async def test_a_connection_whose_loop_was_closed_is_closed_when_that_is_found(
    world: World,
) -> None:
    source = """
print(client.state.value)
sys.stdin.read()
import time
time.sleep(60)
"""
    async with program(world, CLOSED + source, "idle") as running:
        await running.says("closed\n")
        await world.until(What.SESSION_AWAY)


async def test_one_client_in_one_event_loop_after_another(world: World, anyio_backend: str) -> None:
    source = """
import sys
import anyio
from relay_anyio import RelayClient
client = RelayClient(contexts=["office"])

async def leave_connected():
    await client.connect()

for backend in (sys.argv[1], "asyncio", "trio", sys.argv[1]):
    anyio.run(leave_connected, backend=backend)
    print(client.state.value)
    anyio.run(client.disconnect, backend=backend)
"""
    async with program(world, source, anyio_backend) as running:
        assert await running.end() == 0, running.errors
        assert running.output == "closed\n" * 4
        assert running.errors == ""


@pytest.mark.parametrize("runtime", ["trio"])
async def test_a_trio_that_has_crashed(world: World) -> None:
    """Then the tasks are not even cancelled."""
    source = """
import time
import trio
from relay_anyio import RelayClient
client = RelayClient(contexts=["office"])

class Clock(trio.abc.Clock):
    broken = False

    def start_clock(self):
        pass

    def current_time(self):
        return time.monotonic()

    def deadline_to_sleep_time(self, deadline):
        if self.broken:
            raise KeyError("broken")
        return deadline - self.current_time()

async def crash():
    await client.connect()
    Clock.broken = True
    await trio.sleep(1)

try:
    trio.run(crash, clock=Clock())
except trio.TrioInternalError:
    print("crashed", client.state.value)

async def again():
    async with client:
        print(client.state.value)

trio.run(again)
"""
    async with program(world, source) as running:
        assert await running.end() == 0, running.errors
        assert running.output == "crashed closed\nready\n"


def indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())
