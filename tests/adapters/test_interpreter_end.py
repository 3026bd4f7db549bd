"""The interpreter ends with a blocking client still there: no hang, no noise; and forks."""

from __future__ import annotations

import pytest

from relay_proto.exchange import What
from tests.adapters.programs import program
from tests.adapters.support import World

pytestmark = pytest.mark.anyio

PROGRAM = """
import os, threading
from relay_sync import RelayClient, RelayError

client = RelayClient(contexts=["office"])
calls = client.calls()
"""

ENDS = {
    "a call up": """
client.connect()
call = next(calls)
call.answer()
call.play_silence(3600)
""",
    "a handler that waits": """
calls.close()  # the handler takes its place
taken = threading.Event()

@client.on_call
def take(call):
    call.answer()
    taken.set()
    call.play_silence(3600).wait()

client.connect()
taken.wait()
""",
    "a handler that does not stop": """
import time
taken = threading.Event()

@client.on_call
def take(call):
    taken.set()
    while True:
        time.sleep(0.1)

from relay_sync import Timing
client = RelayClient(contexts=["office"], timing=Timing(close_timeout=0.2))
client.on_call(take)
client.connect()
taken.wait()
""",
    "a daemon thread that waits": """
client.connect()
call = next(calls)
waiting = threading.Thread(target=call.wait_for_ended, daemon=True)
waiting.start()
""",
    "an error": """
client.connect()
call = next(calls)
print("failed as it should", file=__import__("sys").stderr)
os.environ["nothing of the kind"]
""",
    "a client that never connected": """
try:
    client.execute("test.echo", {})  # is refused, but starts the I/O thread
except RelayError as error:
    print(type(error).__name__)
""",
    "a client that never gets a connection": """
connecting = threading.Event()

def connector(host, port):
    connecting.set()
    threading.Event().wait()

def connect():
    try:
        client.connect()
    except RelayError:
        pass

from relay_sync import Timing
client = RelayClient(connector=connector, timing=Timing(close_timeout=0.2))
threading.Thread(target=connect, daemon=True).start()
connecting.wait()
""",
}


@pytest.fixture
def runtime() -> str:
    return "threads"


@pytest.mark.parametrize("name", ENDS)
async def test_the_interpreter_ends(world: World, name: str) -> None:
    async with program(world, PROGRAM + ENDS[name] + 'print("done")\n') as running:
        if "never" not in name:
            await world.until(What.SESSION_STARTED)
            world.place_call()
        code = await running.end()
        if name == "an error":
            assert code == 1
            assert running.errors.rstrip().endswith("KeyError: 'nothing of the kind'")
        else:
            assert code == 0
            assert "done\n" in running.output
        if "does not stop" in name:
            assert "still runs" in running.errors
        elif name != "an error":
            assert running.errors == ""
        if "never" not in name:
            await world.until(What.SESSION_AWAY)


async def test_a_thread_that_is_no_daemon_finishes_its_work(world: World) -> None:
    source = """
def work():
    call = next(calls)
    call.answer()
    call.play_tts("Goodbye").wait()
    call.hangup()
    print("worked")

client.connect()
threading.Thread(target=work).start()
"""
    async with program(world, PROGRAM + source) as running:
        await world.until(What.SESSION_STARTED)
        world.place_call()
        assert await running.end() == 0
        assert running.output == "worked\n"
        assert running.errors == ""


FORKS = """
import time
client.connect()
call = next(calls)
child = os.fork()
if child == 0:
    for attempt in (call.answer, client.connect, call.wait_for_ended, lambda: next(calls)):
        try:
            attempt()
        except RelayError as error:
            print(type(error).__name__, error)
    client.disconnect()
    {how}
_, status = os.waitpid(child, 0)
print("child", os.waitstatus_to_exitcode(status))
call.answer()
call.hangup()
client.disconnect()
print("parent done")
"""


@pytest.mark.parametrize("how", ["os._exit(0)", "raise SystemExit"])
async def test_a_fork_of_a_connected_program_is_told_so_and_harms_nothing(
    world: World, how: str
) -> None:
    async with program(world, PROGRAM + FORKS.format(how=how)) as running:
        await world.until(What.SESSION_STARTED)
        world.place_call()
        assert await running.end() == 0
        lines = running.output.splitlines()
        assert lines[-2:] == ["child 0", "parent done"]
        assert len(lines) == 6
        for line in lines[:4]:
            assert line.startswith("LocalProtocolError this RelayClient was connected by process")
            assert "Make a RelayClient here" in line
        assert running.errors == ""
        await world.until(What.ENDED, reason="hangup")


async def test_a_client_made_before_a_fork_may_connect_after_it(world: World) -> None:
    source = """
child = os.fork()
with client:
    client.receive(["sales"])
if child == 0:
    os._exit(0)
_, status = os.waitpid(child, 0)
print("child", os.waitstatus_to_exitcode(status))
"""
    async with program(world, PROGRAM + source) as running:
        assert await running.end() == 0
        assert running.output == "child 0\n"
    assert len(world.all(What.SESSION_STARTED)) == 2
