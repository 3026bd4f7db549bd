"""One blocking client and many threads; and the stream below it."""

from __future__ import annotations

import contextlib
import gc
import json
import queue
import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import anyio
import anyio.to_thread
import pytest

from relay_proto.exchange import What
from relay_proto.wire.websocket import Role, TextReceived, UpgradeRequested, Wire
from relay_sync import (
    Call,
    Limits,
    RelayClient,
    SessionState,
    Timing,
)
from tests.adapters.service import Service, in_a_program, take, threads_of_clients
from tests.adapters.support import (
    ANSWERING,
    OFFICE,
    PATIENCE,
    World,
)

pytestmark = pytest.mark.anyio

T = TypeVar("T")


@pytest.fixture
def runtime() -> str:
    return "threads"


# Many threads


async def test_a_client_per_thread(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELAY_MAX_CONNECTIONS", "4")

    def converse(service: Service) -> str:
        with service.client(contexts=[]) as client:
            call = client.dial_phone(ANSWERING, OFFICE)
            call.play([{"type": "silence", "params": {"duration": 0.01}}]).wait(PATIENCE)
            call.hangup()
            return str(call.wait_for_ended(PATIENCE).params["call_state"])

    ended: list[str] = []

    async def run() -> None:
        ended.append(await anyio.to_thread.run_sync(converse, Service(world)))

    async with anyio.create_task_group() as tasks:
        for _ in range(4):
            tasks.start_soon(run)
    assert ended == ["ended"] * 4
    assert threads_of_clients() == []


async def test_more_clients_than_allowed_are_refused(world: World) -> None:
    def body(service: Service) -> None:
        with service.client(), pytest.raises(RuntimeError, match="RELAY_MAX_CONNECTIONS"):
            service.client().connect()
        with service.client():
            pass

    await in_a_program(world, body)


async def test_threads_that_connect_at_once_share_one_connection(world: World) -> None:
    def body(service: Service) -> None:
        client = service.client()
        with ThreadPoolExecutor(8) as pool:
            for connected in [pool.submit(client.connect) for _ in range(8)]:
                connected.result(PATIENCE)
        client.disconnect()

    await in_a_program(world, body)
    assert len(world.all(What.SESSION_STARTED)) == 1


async def test_threads_whose_connect_fails_all_hear_of_it(world: World, free_host: str) -> None:
    def body(service: Service) -> None:
        client = service.client(host=free_host)
        with ThreadPoolExecutor(8) as pool:
            tried = [pool.submit(client.connect) for _ in range(200)]
            failures = [one.exception(PATIENCE) for one in tried]
        assert {type(failure).__name__ for failure in failures} == {"ConnectFailedError"}
        assert threads_of_clients() == []

    await in_a_program(world, body)


async def test_many_threads_ask_at_once_while_the_link_is_cut(world: World) -> None:
    """Each request has an end, and none is carried out twice."""
    outcomes: list[str] = []

    def ask(client: RelayClient, number: int) -> None:
        try:
            client.receive([f"context-{number % 8}"])
        except ConnectionError as error:
            outcomes.append(type(error).__name__)
        else:
            outcomes.append("done")

    def body(service: Service) -> None:
        with service.client() as client, ThreadPoolExecutor(16) as pool:
            asked = [pool.submit(ask, client, number) for number in range(200)]
            for number in range(1, 6):
                service.do(world.cut)
                service.until(What.SESSION_RESUMED, times=number)
            for one in asked:
                one.result(PATIENCE)
        assert len(outcomes) == 200
        assert set(outcomes) <= {"done", "ConnectionLostError"}

    await in_a_program(world, body)


# Several threads end it


async def test_threads_and_handlers_that_disconnect_at_once_all_come_back(world: World) -> None:
    start, ended = threading.Barrier(6), queue.Queue[str]()

    def body(service: Service) -> None:
        client = service.client()

        def disconnect() -> None:
            start.wait(PATIENCE)
            client.disconnect()
            ended.put(threading.current_thread().name)

        @client.on_call
        def handle(call: Call) -> None:
            disconnect()

        client.connect()
        for _ in range(2):
            service.place_call()
        with ThreadPoolExecutor(3) as pool:
            leaving = [pool.submit(disconnect) for _ in range(3)]
            disconnect()
            for one in leaving:
                one.result(PATIENCE)
        assert len({take(ended) for _ in range(6)}) == 6
        assert threads_of_clients() == []
        client.connect()
        client.disconnect()

    await in_a_program(world, body)


@pytest.mark.parametrize("where", ["threads", "a handler"])
async def test_run_may_be_called_twice(world: World, where: str) -> None:
    """Both serve the same connection, and end with it."""
    ended = queue.Queue[str]()

    def body(service: Service) -> None:
        client = service.client()
        answered = threading.Event()

        def run() -> None:
            client.run()
            ended.put(threading.current_thread().name)

        @client.on_call
        def handle(call: Call) -> None:
            call.answer()
            answered.set()
            if where == "a handler":
                run()

        with ThreadPoolExecutor(2) as pool:
            serving = [pool.submit(run) for _ in range(1 if where == "a handler" else 2)]
            service.until(What.SESSION_STARTED)
            service.place_call()
            assert answered.wait(PATIENCE)
            client.disconnect()
            for one in serving:
                one.result(PATIENCE)
        assert len({take(ended) for _ in range(2)}) == 2
        assert client.state is SessionState.CLOSED
        assert threads_of_clients() == []

    await in_a_program(world, body)
    assert len(world.all(What.SESSION_STARTED)) == 1


# Calls that are pulled


async def test_several_threads_share_the_calls_of_one_iterator(world: World) -> None:
    served: queue.Queue[tuple[int, str]] = queue.Queue()

    def body(service: Service) -> None:
        client = service.client()
        calls = client.calls()

        def work(number: int) -> None:
            for call in calls:
                call.answer()
                call.hangup()
                served.put((number, call.call_id))

        with ThreadPoolExecutor(3) as pool:
            with client:
                workers = [pool.submit(work, number) for number in range(3)]
                placed = {service.place_call() for _ in range(9)}
                assert {take(served)[1] for _ in range(9)} == placed
            for worker in workers:
                worker.result(PATIENCE)  # disconnecting ended the loops

    await in_a_program(world, body)


async def test_an_iterator_that_is_dropped_passes_its_calls_back(world: World) -> None:
    def body(service: Service) -> None:
        with service.client() as client:
            calls = client.calls()
            service.place_call()
            service.until(What.OFFERED)
            client.receive(["office"])  # so it has come
            del calls
            gc.collect()
            service.until(What.PASSED)

    await in_a_program(world, body)


# The stream


def resolve_to(monkeypatch: pytest.MonkeyPatch, found: Sequence[object]) -> None:
    def getaddrinfo(*_: object, **__: object) -> Sequence[object]:
        return found

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


async def test_an_address_that_does_not_answer_or_refuses_gets_a_rival(
    world: World, free_host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = int(world.host.rpartition(":")[2])
    refusing = int(free_host.rpartition(":")[2])

    def body(service: Service) -> None:
        with (
            socket.create_server(("127.0.0.1", 0), backlog=0) as full,
            contextlib.ExitStack() as waiting,
        ):
            for _ in range(4):  # nobody accepts these, so the next one hears nothing
                one = waiting.enter_context(socket.socket())
                one.setblocking(False)
                one.connect_ex(full.getsockname())
            ports = [refusing, full.getsockname()[1], port]
            found = [
                (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", one)) for one in ports
            ]
            resolve_to(monkeypatch, found)
            with service.client() as client:
                assert client.state is SessionState.READY

    await in_a_program(world, body)


def test_a_name_without_an_address_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve_to(monkeypatch, [])
    client = RelayClient(project="p", token="t", host="nowhere.test")
    with pytest.raises(ConnectionError, match="the name has no address"):
        client.connect()


def line_to(handle: Callable[[socket.socket], None]) -> Callable[[str, int], socket.socket]:
    """A connector whose peer is a function with the other end of a pair of sockets."""

    def connect(host: str, port: int) -> socket.socket:
        ours, theirs = socket.socketpair()
        threading.Thread(target=handle, args=(theirs,), daemon=True).start()
        return ours

    return connect


def test_a_connector_that_fails_says_why() -> None:
    def connect(host: str, port: int) -> socket.socket:
        raise OSError(f"no way to {host}:{port}")

    for _ in range(50):  # so fast that connect() may have failed before it waits for that
        client = RelayClient(project="p", token="t", host="nowhere.test", connector=connect)
        with pytest.raises(ConnectionError, match=r"no way to nowhere\.test:443"):
            client.connect()
        assert client.state is SessionState.DISCONNECTED
    assert threads_of_clients() == []


def test_a_peer_that_reads_nothing_is_left() -> None:
    stuck = threading.Event()

    def handle(peer: socket.socket) -> None:
        with peer:
            wire = Wire(Role.SERVER)
            while not any(isinstance(e, UpgradeRequested) for e in wire.receive(peer.recv(65536))):
                pass
            peer.sendall(wire.accept())
            for event in wire.receive(peer.recv(65536)):
                assert isinstance(event, TextReceived)
                identity = json.loads(event.data)["id"]
                reply = {"jsonrpc": "2.0", "id": identity, "result": {"protocol": "x"}}
                peer.sendall(wire.send_text(json.dumps(reply).encode()))
            stuck.wait(PATIENCE)

    client = RelayClient(
        project="p",
        token="t",
        connector=line_to(handle),
        limits=Limits(unsent_bytes=100_000),
        timing=Timing(retry_min_delay=PATIENCE, retry_max_delay=PATIENCE),
    )
    with client:
        with pytest.raises(ConnectionError, match="the server has not read"):
            client.execute("test.echo", {"text": "x" * 5_000_000})
        stuck.set()
