"""What arrives on a socket is taken once, in order, and only while somebody waits."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from relay_anyio import _background
from relay_anyio._background import Arrivals, running_loop
from tests.adapters.support import PATIENCE

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.async_only("a blocking client reads in a thread of its own"),
]


@contextmanager
def sockets() -> Generator[tuple[socket.socket, socket.socket]]:
    near, far = socket.socketpair()
    near.setblocking(False)
    with near, far:
        yield near, far


async def turns(count: int) -> None:
    """Let the event loop go round."""
    for _ in range(count):
        await anyio.lowlevel.checkpoint()


async def cancelled_while_waiting(arrivals: Arrivals) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(arrivals.wait)
        await turns(3)
        tasks.cancel_scope.cancel()


async def test_what_arrives_is_taken_and_so_is_the_end() -> None:
    taken: list[bytes] = []
    with sockets() as (near, far):
        arrivals = running_loop().arrivals(near, taken.append)
        with anyio.fail_after(PATIENCE):
            for piece in (b"one", b"two"):
                far.send(piece)
                await arrivals.wait()
            far.close()
            await arrivals.wait()
        assert taken == [b"one", b"two", b""]
        arrivals.close()


async def test_nothing_is_taken_while_nobody_waits() -> None:
    taken: list[bytes] = []
    with sockets() as (near, far):
        arrivals = running_loop().arrivals(near, taken.append)
        far.send(b"one")
        await turns(5)
        assert taken == []
        far.send(b", two")
        with anyio.fail_after(PATIENCE):
            await arrivals.wait()
        assert taken == [b"one, two"]
        arrivals.close()


async def test_a_waiter_that_goes_away_takes_nothing_with_it() -> None:
    taken: list[bytes] = []
    with sockets() as (near, far):
        arrivals = running_loop().arrivals(near, taken.append)
        await cancelled_while_waiting(arrivals)
        far.send(b"one")
        await turns(3)
        with anyio.fail_after(PATIENCE):
            await arrivals.wait()
        assert taken == [b"one"]
        arrivals.close()


async def test_closing_ends_the_wait() -> None:
    with sockets() as (near, _):
        arrivals = running_loop().arrivals(near, lambda data: None)

        async def wait() -> None:
            with pytest.raises(anyio.ClosedResourceError):
                await arrivals.wait()
            ended.set()

        ended = anyio.Event()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait)
            await turns(3)
            arrivals.close()
            with anyio.fail_after(PATIENCE):
                await ended.wait()
        arrivals.close()  # and again: no error


async def test_who_waits_behind_the_close_is_told_so() -> None:
    taken: list[bytes] = []
    with sockets() as (near, far):
        arrivals = running_loop().arrivals(near, taken.append)
        arrivals.close()
        far.send(b"late")
        with anyio.fail_after(PATIENCE), pytest.raises(anyio.ClosedResourceError):
            await arrivals.wait()
    with pytest.raises(anyio.ClosedResourceError):
        await arrivals.wait()
    assert taken == []


async def test_what_goes_wrong_is_raised_where_it_is_waited_for() -> None:
    def refuse(data: bytes) -> None:
        raise ValueError(f"{len(data)} bytes too many")

    with sockets() as (near, far):
        arrivals = running_loop().arrivals(near, refuse)
        far.send(b"one")
        with pytest.raises(ValueError, match="3 bytes too many"), anyio.fail_after(PATIENCE):
            await arrivals.wait()
        arrivals.close()


async def test_each_arrival_is_handed_over_in_the_task_that_waits() -> None:
    tasks: list[int] = []
    taken: list[bytes] = []

    def arrived() -> None:
        anyio.current_effective_deadline()  # which is that of a task
        tasks.append(anyio.get_current_task().id)
        if taken[-1] == b"":
            raise EOFError
        taken.append(b"handed over")
        far.send(b"two") if len(taken) == 2 else far.close()

    with sockets() as (near, far):
        arrivals = running_loop().arrivals(near, taken.append)
        far.send(b"one")
        with anyio.fail_after(PATIENCE), pytest.raises(EOFError):
            await arrivals.each(arrived)
        assert taken == [b"one", b"handed over", b"two", b"handed over", b""]
        assert tasks == [anyio.get_current_task().id] * 3
        arrivals.close()


@pytest.mark.parametrize("error", [StopIteration(), KeyboardInterrupt(), SystemExit(3)], ids=repr)
async def test_whatever_goes_wrong_when_it_is_handed_over_is_raised(error: BaseException) -> None:
    def arrived() -> None:
        raise error

    with sockets() as (near, far):
        arrivals = running_loop().arrivals(near, lambda data: None)
        far.send(b"one")
        with pytest.raises((RuntimeError, type(error))) as raised, anyio.fail_after(PATIENCE):
            await arrivals.each(arrived)
        assert error in (raised.value, raised.value.__cause__)  # no coroutine raises StopIteration
        arrivals.close()


async def test_a_flood_leaves_others_their_turn() -> None:
    done = anyio.Event()
    begun: list[int] = []
    turn = 0

    def arrived() -> None:
        begun.append(turn)
        if len(begun) < 20:
            far.send(b"x")
        else:
            done.set()

    async def go_round() -> None:
        nonlocal turn
        while not done.is_set():
            turn += 1
            await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()

    with sockets() as (near, far):
        arrivals = running_loop().arrivals(near, lambda data: None)
        far.send(b"x")
        with anyio.fail_after(PATIENCE):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(arrivals.each, arrived)
                tasks.start_soon(go_round)
        # trio runs the tasks of a turn in any order, so two reads may come one after the other.
        assert all(begun.count(one) <= 2 for one in begun)
        far.send(b"later")  # it was cancelled, and takes nothing any more
        await turns(3)
        assert len(begun) == 20
        arrivals.close()


@pytest.fixture
def asyncio_only(runtime: str) -> None:
    if runtime != "asyncio":
        pytest.skip("trio has no registration that lasts")


@pytest.mark.usefixtures("asyncio_only")
async def test_a_socket_is_registered_once_for_many_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    right: Callable[..., Any] = loop.add_reader
    added: list[int] = []

    def add_reader(sock: socket.socket, *args: Any) -> None:
        added.append(sock.fileno())
        right(sock, *args)

    monkeypatch.setattr(loop, "add_reader", add_reader)
    with sockets() as (near, far):
        arrivals = running_loop().arrivals(near, lambda data: None)
        with anyio.fail_after(PATIENCE):
            for _ in range(5):
                far.send(b"x")
                await arrivals.wait()
        assert added == [near.fileno()]
        arrivals.close()


@pytest.mark.usefixtures("asyncio_only")
async def test_a_loop_that_cannot_watch_sockets_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the one that Windows has by default; AnyIO has a thread for that."""
    loop = asyncio.get_running_loop()

    def add_reader(*args: Any) -> None:
        raise NotImplementedError

    monkeypatch.setattr(loop, "add_reader", add_reader)
    taken: list[bytes] = []
    with sockets() as (near, far):
        arrivals = running_loop().arrivals(near, taken.append)
        assert isinstance(arrivals, _background._OneByOne)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        far.send(b"one")
        with anyio.fail_after(PATIENCE):
            await arrivals.wait()
        assert taken == [b"one"]
        arrivals.close()
