"""What these tests share: programs for `relay run`, their processes, and the pages of health."""

from __future__ import annotations

import json
import os
import re
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import anyio
import pytest

from tests.adapters.programs import Program, python
from tests.adapters.support import World

RUNTIMES: Final = ("asyncio", "trio", "threads")
ALL: Final = "RELAY_TEST_RUNNING"
thorough = pytest.mark.skipif(not os.environ.get(ALL), reason=f"scripts/running sets {ALL}")
"""For what needs many processes: it is not in the ordinary run."""

ASYNC: Final = """
import os, signal, sys, time
import anyio
from relay_anyio import RelayClient, Timing

timing = Timing(retry_min_delay=0.01, retry_max_delay=0.05)
client = RelayClient(contexts=["office"], timing=timing)

@client.on_call
async def take(call):
    await call.answer()
    call.log.info("answered in %s", os.environ["RELAY_WORKER"])
    if call.from_number == "+15550009999":
        time.sleep(3600)  # hang
    if call.from_number == "+15550008888":
        os._exit(3)
    while client._engine.core.accepting_calls:
        await anyio.sleep(0.02)
    await call.play([{"type": "tts", "text": "goodbye"}])
    await call.wait_for_ended()

def make():
    return client
"""
SYNC: Final = """
import os, sys, time
from relay_sync import RelayClient, Timing

timing = Timing(retry_min_delay=0.01, retry_max_delay=0.05)
client = RelayClient(contexts=["office"], timing=timing)

@client.on_call
def take(call):
    call.answer()
    call.log.info("answered in %s", os.environ["RELAY_WORKER"])
    if call.from_number == "+15550009999":
        client._post(lambda: time.sleep(3600))  # hang
    if call.from_number == "+15550008888":
        os._exit(3)
    while client._engine.core.accepting_calls:
        time.sleep(0.02)
    call.play([{"type": "tts", "text": "goodbye"}])
    call.wait_for_ended()

def make():
    return client
"""
"""Both take a call, and say goodbye when they drain."""
HANGS: Final = "+15550009999"
CRASHES: Final = "+15550008888"


def write_program(directory: Path, runtime: str) -> None:
    """Write ``shop.py``, as it is written for this runtime."""
    (directory / "shop.py").write_text(SYNC if runtime == "threads" else ASYNC, "utf-8")


def loop_of(runtime: str) -> list[str]:
    """The option for this runtime."""
    return [] if runtime == "threads" else ["--loop", runtime]


def relay_run(
    world: World, directory: Path, *arguments: str, **variables: str
) -> AbstractAsyncContextManager[Program]:
    """Run ``relay run`` in `directory`; it is killed at the end."""
    command = ["-u", "-m", "relay_anyio", "run", *arguments]
    return python(world, *command, cwd=directory, variables=variables)


@asynccontextmanager
async def running(
    world: World, directory: Path, runtime: str, *arguments: str, **variables: str
) -> AsyncGenerator[Program]:
    """Run the program of this runtime, and wait until all its workers are ready."""
    write_program(directory, runtime)
    options = [*loop_of(runtime), *arguments]
    async with relay_run(world, directory, "shop:client", *options, **variables) as program:
        workers = arguments[arguments.index("--workers") + 1] if "--workers" in arguments else 1
        await program.says_again("is ready", int(workers))
        yield program


HEALTH_AT: Final = re.compile(r"health is served at http://([\d.]+):(\d+)")


async def health_address(program: Program) -> tuple[str, int]:
    """Where it serves the pages."""
    await program.says("health is served at")
    found = HEALTH_AT.search(program.errors)
    assert found is not None
    return found[1], int(found[2])


async def fetch(address: tuple[str, int], request: str) -> tuple[int, str]:
    """Send a request like ``GET /live``; return the status and the body."""
    async with await anyio.connect_tcp(*address) as stream:
        await stream.send(f"{request} HTTP/1.1\r\nhost: test\r\n\r\n".encode())
        received = b""
        with suppress(anyio.EndOfStream):
            while True:
                received += await stream.receive()
    head, _, body = received.partition(b"\r\n\r\n")
    return int(head.split()[1]), body.decode()


async def get_json(address: tuple[str, int], path: str) -> tuple[int, Any]:
    """The status and the content of a page."""
    status, body = await fetch(address, f"GET {path}")
    return status, json.loads(body)


async def page_says(
    address: tuple[str, int], path: str, wanted: Callable[[int, Any], object]
) -> None:
    """Ask for a page until it says what is `wanted`."""
    while not wanted(*await get_json(address, path)):  # noqa: ASYNC110 - it tells nobody
        await anyio.sleep(0.02)


async def until(happened: Callable[[], object]) -> None:
    """Wait for something that nobody tells of: a process that ends."""
    while not happened():  # noqa: ASYNC110
        await anyio.sleep(0.02)


def exists(pid: int) -> bool:
    """Whether there is such a process, be it a zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


PID: Final = re.compile(r"worker \d+ \(process (\d+)\) is ready")


def worker_pids(program: Program) -> list[int]:
    """The processes of all workers that have been ready."""
    return [int(pid) for pid in PID.findall(program.errors)]
