"""Forked children: the connection stays their parent's, and they may have one of their own."""

from __future__ import annotations

import os
import signal
from importlib.util import find_spec

import pytest

from relay_proto.exchange import What
from tests.adapters.programs import program
from tests.adapters.support import World

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here"),
]

START = """
import faulthandler, gc, os, signal, sys, threading, time, warnings
from functools import partial
import anyio, anyio.to_thread

warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
backend, options = sys.argv[1], {}
if backend == "uvloop":
    backend, options = "asyncio", {"use_uvloop": True}

if backend == "threads":
    import relay_sync as package
    def finish(result):
        return result
    def pulled(stream):
        return next(stream)
else:
    import relay_anyio as package
    def finish(awaitable):
        async def wait():
            return await awaitable
        return anyio.run(wait, backend=backend)
    def pulled(stream):
        return stream.__anext__()

RelayClient, RelayError, LocalProtocolError = (
    package.RelayClient, package.RelayError, package.LocalProtocolError
)

def fork(work):
    "Let a child do `work`; returns its exit code. One that hangs is killed."
    child = os.fork()
    if child == 0:
        code = 1
        signal.set_wakeup_fd(-1)  # trio would warn of its parent's
        faulthandler.dump_traceback_later(15, exit=True)
        try:
            work()
            code = 0
        except SystemExit as ending:
            code = ending.code
        except BaseException:
            import traceback
            traceback.print_exc()
        finally:
            faulthandler.cancel_dump_traceback_later()
            sys.stdout.flush()
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

def refused(use):
    try:
        result = use()
        if backend != "threads" and hasattr(result, "__await__"):
            finish(result)
    except LocalProtocolError as error:
        assert f"connected by process {os.getppid()}, of which this one is a fork" in str(error)
        assert "Make a RelayClient here" in str(error)
    else:
        raise AssertionError(f"it was not refused: {use}")

def hear(event):
    raise AssertionError("it was refused")

def main(body, sync_body):
    if backend == "threads":
        sync_body()
    else:
        async def bounded():
            with anyio.fail_after(20):
                await body()
        anyio.run(bounded, backend=backend, backend_options=options)
"""

USES = """
def use_all(client, call, action, stream):
    "What a child can think of."
    client.state, call.state, repr(client)
    assert str(client.state) == "closed"
    for use in (
        lambda: client.connect(),
        lambda: client.run(),
        lambda: client.receive(["sales"]),
        lambda: client.send_message(to_number="+15550003000", from_number="+15550002222", body="x"),
        lambda: client.dial_phone("+15550003000", "+15550002222"),
        lambda: client.on_call(hear),
        lambda: client.on_event(hear),
        lambda: client.calls(),
        lambda: call.hangup(),
        lambda: call.play_tts("x"),
        lambda: call.wait_for("calling.call.play"),
        lambda: call.wait_for_ended(),
        lambda: call.on("calling.call.play", hear),
        lambda: action.stop(),
        lambda: action.wait(),
        lambda: pulled(stream),
    ):
        refused(use)
    # Whatever ends something does nothing: a child leaves `with` blocks, too.
    for end in (client.disconnect, client.drain, partial(client.disconnect, hang_up=True)):
        finish(end())
    stream.close()

def work_of_its_own():
    own = RelayClient(contexts=["sales"])
    if backend == "threads":
        with own:
            own.receive(["more"])
    else:
        async def connect():
            async with own:
                await own.receive(["more"])
        anyio.run(connect, backend=backend)
"""

CHILD = """
def child(client, call, action, stream):
    use_all(client, call, action, stream)
    work_of_its_own()
    {end}
"""

PARENT = """
async def body():
    client = RelayClient(contexts=["office"])
    stream = client.calls()
    async with client:
        call = await anext(stream)
        await call.answer()
        action = await call.play_silence(3600)
        held = client, call, action, stream
        print("child", await anyio.to_thread.run_sync(fork, partial(child, *held)))
        await client.receive(["sales"])
        await action.stop()
        await action.wait()
        await call.hangup()
        await call.wait_for_ended()
    print("parent done")

def sync_body():
    client = RelayClient(contexts=["office"])
    stream = client.calls()
    with client:
        call = next(stream)
        call.answer()
        action = call.play_silence(3600)
        print("child", fork(partial(child, client, call, action, stream)))
        client.receive(["sales"])
        action.stop()
        action.wait()
        call.hangup()
        call.wait_for_ended()
    print("parent done")

main(body, sync_body)
"""


@pytest.mark.parametrize(
    "end",
    ["pass", "sys.exit(0)", "del client, call, action, stream; gc.collect()"],
    ids=["ends", "exits", "collects garbage"],
)
async def test_a_child_is_refused_and_harms_nothing_and_may_connect_itself(
    world: World, runtime: str, end: str
) -> None:
    source = START + USES + CHILD.replace("{end}", end) + PARENT
    async with program(world, source, runtime) as running:
        await world.until(What.SESSION_STARTED)
        world.place_call()
        assert await running.end() == 0, running.errors + running.output
        assert running.output.splitlines() == ["child 0", "parent done"], running.errors
        assert running.errors == ""
        await world.until(What.ENDED, reason="hangup")
    assert len(world.all(What.SESSION_STARTED)) == 2
    assert world.all(What.SESSION_RESUMED) == []


async def test_children_of_multiprocessing_connect_themselves(world: World, runtime: str) -> None:
    """As the workers of a server that was loaded before it forked."""
    source = """
import multiprocessing

def child(client, call, action, stream):
    signal.set_wakeup_fd(-1)  # trio would warn of its parent's
    work_of_its_own()

def fork(work):
    workers = [multiprocessing.get_context("fork").Process(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return [worker.exitcode for worker in workers]
"""
    async with program(world, START + USES + source + PARENT, runtime) as running:
        await world.until(What.SESSION_STARTED)
        world.place_call()
        assert await running.end() == 0, running.errors + running.output
        assert running.output.splitlines() == ["child [0, 0, 0]", "parent done"]
        assert running.errors == ""
    assert len(world.all(What.SESSION_STARTED)) == 4


async def test_clients_that_were_not_connected_are_the_childs_as_well(
    world: World, runtime: str
) -> None:
    """One never was, one is not any more; both may be connected, with ids of their own."""
    source = """
ids = []

def connect(client):
    if backend == "threads":
        with client:
            return client.dial_phone("+15550003000", "+15550002222").tag
    async def dial():
        async with client:
            return (await client.dial_phone("+15550003000", "+15550002222")).tag
    return anyio.run(dial, backend=backend)

never, before = RelayClient(contexts=["office"]), RelayClient()
stream = never.calls()
try:
    finish(never.execute("test.echo", {}))  # it has an engine all the same
except RelayError:
    pass
connect(before)

def child():
    print(connect(never), connect(before))
    assert "open" in repr(stream)

for _ in range(2):
    assert fork(child) == 0
child()
"""
    async with program(world, START + source, runtime) as running:
        assert await running.end() == 0, running.errors + running.output
        assert running.errors == ""
        tags = running.output.split()
        assert len(set(tags)) == len(tags) == 6
    assert len(world.all(What.SESSION_STARTED)) == 7


ORPHAN = """
def fork_and_die():
    if os.fork() == 0:
        os.kill(os.getppid(), signal.SIGKILL)
        print("child", os.getpid(), flush=True)
        time.sleep(60)
        os._exit(1)
    time.sleep(60)

async def body():
    async with RelayClient():
        await anyio.to_thread.run_sync(fork_and_die)

def sync_body():
    with RelayClient():
        fork_and_die()

main(body, sync_body)
"""


async def test_a_child_does_not_keep_the_connection_of_its_parent_open(
    world: World, runtime: str
) -> None:
    await is_noticed_without_its_parent(world, runtime)


@pytest.mark.parametrize("runtime", ["asyncio"])
@pytest.mark.skipif(find_spec("uvloop") is None, reason="uvloop is not installed")
async def test_a_child_does_not_keep_what_uvloop_holds_open(world: World) -> None:
    await is_noticed_without_its_parent(world, "uvloop")


async def is_noticed_without_its_parent(world: World, backend: str) -> None:
    async with program(world, START + ORPHAN, backend) as running:
        await running.says("\n")
        child = int(running.output.split()[1])
        try:
            # Without that, the service finds out by its pings, much later.
            await world.until(What.SESSION_AWAY, reason="the server closed the connection")
        finally:
            os.kill(child, signal.SIGKILL)


@pytest.mark.parametrize("runtime", ["asyncio"])  # trio cannot be left and entered again
async def test_an_event_loop_that_a_child_goes_on_with_has_no_client(
    world: World, anyio_backend: str
) -> None:
    """Its tasks are still there, and would reconnect and resume the session of the parent."""
    source = """
import asyncio
from relay_anyio import Timing

loop = asyncio.new_event_loop()
client = RelayClient(contexts=["office"], timing=Timing(ping_interval=0.05))
loop.run_until_complete(client.connect())

async def use():
    for _ in range(3):
        try:
            await client.receive(["sales"])
        except LocalProtocolError:
            await asyncio.sleep(0.1)  # pings would be due
            await client.disconnect()
        else:
            raise AssertionError("it was not refused")

def child():
    loop.run_until_complete(use())

print("child", fork(child))
loop.run_until_complete(client.receive(["sales"]))
loop.run_until_complete(client.disconnect())
loop.close()
"""
    async with program(world, START + source, anyio_backend) as running:
        assert await running.end() == 0, running.errors + running.output
        assert running.output == "child 0\n"
        assert running.errors == ""
    assert len(world.all(What.SESSION_STARTED)) == 1
    assert world.all(What.SESSION_RESUMED) == []


async def test_what_a_connector_has_opened_is_the_parents_as_well(
    world: World, runtime: str
) -> None:
    """It may write on its own account, as TLS does when it says good-bye."""
    source = """
import socket, ssl
context = ssl.create_default_context(cafile=os.environ["SIGNALWIRE_RELAY_CA_FILE"])
opened = []

def blocking(host, port):
    opened.append(context.wrap_socket(socket.create_connection((host, port)), server_hostname=host))
    return opened[-1]

async def waiting(host, port):
    stream = await anyio.connect_tcp(host, port, tls=True, ssl_context=context)
    opened.append(stream)
    return stream

RelayClient = partial(RelayClient, connector=blocking if backend == "threads" else waiting)

def child(client, call, action, stream):
    use_all(client, call, action, stream)
    if backend == "threads":
        opened[0].close()
    else:
        raw = opened[0].extra(anyio.abc.SocketAttribute.raw_socket)
        number = raw.fileno()
        try:
            os.write(number, b"this is nobody's")
        except OSError:
            pass
        else:
            raise AssertionError("it reached somebody")
    opened.clear()
    gc.collect()
    work_of_its_own()
"""
    async with program(world, START + USES + source + PARENT, runtime) as running:
        await world.until(What.SESSION_STARTED)
        world.place_call()
        assert await running.end() == 0, running.errors + running.output
        assert running.output.splitlines() == ["child 0", "parent done"], running.errors
    assert len(world.all(What.SESSION_STARTED)) == 2
    assert world.all(What.SESSION_RESUMED) == []


# Locks and threads that are not there


on_threads_alone = pytest.mark.parametrize("runtime", ["threads"])


@on_threads_alone
async def test_a_fork_while_other_threads_hold_locks_hangs_nowhere(world: World) -> None:
    """The log keeps the I/O thread busy, so a thread that connects holds what it needs."""
    source = """
import logging
busy, go_on = threading.Event(), threading.Event()

class SlowLog(logging.Handler):
    def emit(self, record):
        if threading.current_thread().name.startswith("relay_sync I/O"):
            busy.set()
            go_on.wait()

client = RelayClient(contexts=["office"])
client.connect()
stream = client.calls()
logger = logging.getLogger("relay_sync")
logger.addHandler(SlowLog())
logger.setLevel("DEBUG")
connecting = threading.Event()

class SlowPath:
    def __fspath__(self):
        if threading.current_thread() is not threading.main_thread():  # which connects
            connecting.set()
            go_on.wait()
        return os.devnull

unused = RelayClient(record=SlowPath())

def quietly(function, *args):
    try:
        function(*args)
    except RelayError:
        pass

threads = [
    threading.Thread(target=quietly, args=(client.receive, ["sales"])),
    threading.Thread(target=client.on_call, args=(hear,)),
    threading.Thread(target=client.disconnect),
    threading.Thread(target=quietly, args=(unused.connect,)),
]
for thread in threads:
    thread.start()
busy.wait()
connecting.wait()

def child():
    logger.handlers.clear()
    refused(lambda: client.receive(["more"]))
    refused(lambda: client.connect())
    refused(lambda: client.on_call(hear))
    refused(lambda: next(stream))
    client.disconnect()
    stream.close()
    work_of_its_own()
    unused.on_call(hear)
    try:
        unused.receive(["sales"])
    except package.ClientClosedError:
        pass
    sys.exit(0)

print("child", fork(child))
go_on.set()
for thread in threads:
    thread.join()
"""
    async with program(world, START + USES + source, "threads") as running:
        assert await running.end() == 0, running.errors + running.output
        assert running.output == "child 0\n"
        assert running.errors == ""


@on_threads_alone
async def test_a_busy_program_may_fork_at_any_moment(world: World) -> None:
    source = """
client = RelayClient(contexts=["office"])
client.connect()
over = threading.Event()

def ask():
    while not over.is_set():
        client.receive(["sales"])
        call = client.dial_phone("+15550003000", "+15550002222")
        call.on("calling.call.state", lambda event: None)
        call.hangup()

threads = [threading.Thread(target=ask) for _ in range(4)]
for thread in threads:
    thread.start()

def child():
    refused(lambda: client.receive(["more"]))
    client.disconnect()
    work_of_its_own()

for _ in range(10):
    assert fork(child) == 0
over.set()
for thread in threads:
    thread.join()
client.disconnect()
print("done")
"""
    async with program(world, START + USES + source, "threads") as running:
        assert await running.end() == 0, running.errors + running.output
        assert running.output == "done\n"
        assert running.errors == ""
    assert len(world.all(What.SESSION_STARTED)) == 11


@on_threads_alone
@pytest.mark.parametrize("where", ["on_call", "listener", "on_connected"])
@pytest.mark.parametrize("how", ["return", "raise SystemExit(3)"])
async def test_a_function_that_forks_and_returns_in_the_child_ends_it(
    world: World, where: str, how: str
) -> None:
    source = """
client = RelayClient(contexts=["office"])
forked = threading.Event()
children = []

def handle(*_):
    child = os.fork()
    if child == 0:
        {how}
    children.append(child)
    forked.set()

stream = client.calls() if "{where}" != "on_call" else client.on_call(handle)
if "{where}" == "on_connected":
    client.on_connected(handle)
client.connect()
if "{where}" == "listener":
    call = next(stream)
    call.on("calling.call.state", handle)
    call.answer()
forked.wait(10)
print("child", os.waitstatus_to_exitcode(os.waitpid(children[0], 0)[1]))
client.receive(["sales"])
client.disconnect()
"""
    source = source.replace("{where}", where).replace("{how}", how)
    async with program(world, START + source, "threads") as running:
        await world.until(What.SESSION_STARTED)
        world.place_call()
        assert await running.end() == 0, running.errors + running.output
        assert running.output == "child 0\n"
        assert running.errors == ""


# Signals


async def test_a_child_can_be_terminated_and_its_parent_does_not_hear_of_it(
    world: World, runtime: str
) -> None:
    """`run()` handles SIGTERM: a child that did so, too, could only be killed."""
    handler = """
import multiprocessing

def sleep(ready):
    ready.set()
    time.sleep(60)

def end_a_child():
    context = multiprocessing.get_context("fork")
    ready = context.Event()
    child = context.Process(target=sleep, args=(ready,))
    child.start()
    assert ready.wait(10)
    child.terminate()
    child.join(10)
    print("child", child.exitcode)

client = RelayClient(contexts=["office"])

@client.on_call
{async}def handle(call):
    {await}call.answer()
    {end}
    {await}call.hangup()
    {await}client.receive(["sales"])
    print("parent", client.state.value)

client.run() if backend == "threads" else client.run(backend=backend)
"""
    waits = runtime != "threads"
    source = (
        handler.replace("{async}", "async " if waits else "")
        .replace("{await}", "await " if waits else "")
        .replace(
            "{end}", "await anyio.to_thread.run_sync(end_a_child)" if waits else "end_a_child()"
        )
    )
    async with program(world, START + source, runtime) as running:
        await world.until(What.SESSION_STARTED)
        world.place_call()
        await running.says("parent ready\n")
        assert running.output == f"child {-signal.SIGTERM}\nparent ready\n"
        running.send(signal.SIGTERM)
        assert await running.end() == 0, running.errors
        assert running.errors == ""
