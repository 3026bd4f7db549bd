"""The life of `relay run`: ready, a call, a replacement under it, and the end. On all runtimes."""

from __future__ import annotations

import json
import re
import signal
from importlib.util import find_spec
from pathlib import Path

import anyio
import pytest

from relay_proto.exchange import HangUp, Hear, Press, What, Who
from tests.adapters.programs import ROOT
from tests.adapters.support import World
from tests.running.support import (
    RUNTIMES,
    exists,
    fetch,
    get_json,
    health_address,
    relay_run,
    running,
    thorough,
    worker_pids,
    write_program,
)

pytestmark = pytest.mark.anyio
NAMES_ITS_LOOP = """
import asyncio

@client.on_connected
def name_the_loop(_):
    print("this is", type(asyncio.get_running_loop()).__module__)
"""
OBSERVING = ROOT / "examples" / "observing"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.parametrize("runtime", RUNTIMES)
async def test_a_call_outlives_the_replacement_of_its_worker(
    world: World, tmp_path: Path, runtime: str
) -> None:
    options = ["--health", "127.0.0.1:0", "--log-format", "json", "--observe"]
    async with running(world, tmp_path, runtime, *options) as program:
        health = await health_address(program)
        status, ready = await get_json(health, "/ready")
        assert (status, ready["ready"], ready["workers"][0]["state"]) == (200, True, "ready")
        called = world.place_call(Hear("goodbye"), HangUp())
        await program.says("answered in 1")
        program.send(signal.SIGHUP)
        await program.says("all workers are replaced")
        ended = await world.until(What.ENDED, call_id=called)
        assert (ended.who, ended.details["reason"]) == (Who.CALLER, "hangup")
        status, ready = await get_json(health, "/ready")
        old, new = worker_pids(program)
        assert (status, ready["workers"][0]["process"]) == (200, new)
        assert not exists(old)
        _, metrics = await fetch(health, "GET /metrics")
        assert 'relay_run_worker_ready{worker="1"} 1\n' in metrics
        assert re.search(r'^relay_session_active\{.*worker="1".*\} 1.0$', metrics, re.MULTILINE)
        program.send(signal.SIGTERM)
        assert await program.end() == 0
    assert not exists(new)
    assert world.connected == 0
    lines = [json.loads(line) for line in program.errors.splitlines()]
    [answered] = [line for line in lines if line["message"] == "answered in 1"]
    assert (answered["call_id"], answered["worker"]) == (called, 1)
    assert answered["number"] == "+1555…"
    assert {line["level"] for line in lines} == {"INFO"}


@pytest.mark.skipif(find_spec("uvloop") is None, reason="uvloop is not installed")
async def test_uvloop_runs_a_client(world: World, tmp_path: Path) -> None:
    write_program(tmp_path, "asyncio")
    shop = tmp_path / "shop.py"
    shop.write_text(shop.read_text("utf-8") + NAMES_ITS_LOOP, "utf-8")
    async with relay_run(world, tmp_path, "shop:client", "--loop", "uvloop") as program:
        await program.says("is ready")
        called = world.place_call(Hear("goodbye"), HangUp())
        await program.says("answered in 1")
        program.send(signal.SIGTERM)
        ended = await world.until(What.ENDED, call_id=called)
        assert (ended.who, ended.details["reason"]) == (Who.CALLER, "hangup")
        assert await program.end() == 0
    assert "this is uvloop" in program.output
    assert "Traceback" not in program.errors


async def test_a_function_may_make_the_client_and_ctrl_c_ends_it(
    world: World, tmp_path: Path
) -> None:
    write_program(tmp_path, "asyncio")
    async with relay_run(world, tmp_path, "shop:make") as program:
        await program.says("is ready")
        program.send(signal.SIGINT)
        assert await program.end() == 0
    assert "Traceback" not in program.errors


@thorough
async def test_metrics_of_the_program_have_the_number_of_the_worker(
    world: World, tmp_path: Path
) -> None:
    pytest.importorskip("opentelemetry.exporter.prometheus")
    write_program(tmp_path, "asyncio")
    shop = tmp_path / "shop.py"
    observed = f"{shop.read_text('utf-8')}\nimport relay_otel\nrelay_otel.observe(client)\n"
    shop.write_text(observed, "utf-8")
    options = ["--workers", "2", "--health", "127.0.0.1:0"]
    async with relay_run(world, tmp_path, "shop:client", *options) as program:
        await program.says_again("is ready", 2)
        _, metrics = await fetch(await health_address(program), "GET /metrics")
        program.send(signal.SIGTERM)
        assert await program.end() == 0
    assert metrics.count("# TYPE relay_session_active gauge\n") == 1
    assert 'relay_session_active{worker="1",' in metrics
    assert 'relay_session_active{worker="2",' in metrics


async def test_the_example_of_observing_makes_spans(world: World) -> None:
    pytest.importorskip("opentelemetry.exporter.prometheus")
    variables = {"OTEL_SERVICE_NAME": "front-desk"}
    async with relay_run(world, OBSERVING, "observed:client", "--observe", **variables) as program:
        await program.says("is ready")
        world.place_call(Hear("press one"), Press("2"), Hear("call you back"))
        await world.until(What.ENDED)
        program.send(signal.SIGTERM)
        assert await program.end() == 0
    assert '"name": "menu"' in program.output
    assert '"name": "call inbound"' in program.output
    assert '"service.name": "front-desk"' in program.output
    assert "no spans are made" not in program.errors


async def test_refused_credentials_end_it_with_words(world: World, tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(
        "from relay_anyio import RelayClient, Timing\n"
        "client = RelayClient(timing=Timing(retry_min_delay=0.01, retry_max_delay=0.02))\n",
        "utf-8",
    )
    variables = {"SIGNALWIRE_API_TOKEN": "PT-another-one"}
    async with relay_run(world, tmp_path, "shop:client", **variables) as program:
        assert await program.end() == 77
    assert "ending, because the service refuses the credentials" in program.errors
    assert "PT-another-one" not in program.errors
    assert len(world.all(What.REFUSED)) == 3


async def test_a_module_that_cannot_be_imported_ends_it_with_words(
    world: World, tmp_path: Path
) -> None:
    async with relay_run(world, tmp_path, "no_such_shop:client", "--workers", "2") as program:
        assert await program.end() == 78
    assert "there is no module 'no_such_shop'" in program.errors
    assert "ending, because the program cannot be used" in program.errors


async def test_an_address_that_is_taken_is_refused_before_anything_starts(
    world: World, tmp_path: Path
) -> None:
    async with (
        await anyio.create_tcp_listener(local_host="127.0.0.1") as taken,
        relay_run(
            world,
            tmp_path,
            "shop:client",
            "--health",
            f"127.0.0.1:{taken.extra(anyio.abc.SocketAttribute.local_port)}",
        ) as program,
    ):
        assert await program.end() == 71
    assert "Address already in use): choose another address with --health" in program.errors
