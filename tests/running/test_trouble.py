"""Trouble under `relay run`: crashes, hangs, signals at any instant, and a supervisor that dies."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import anyio
import pytest

from relay_proto.adapter.signals import TOGETHER
from relay_proto.exchange import Caller, HangUp, Hear, What, Who
from relay_run.exit_codes import ExitCode
from tests.adapters.programs import python
from tests.adapters.support import OFFICE, World
from tests.running.support import (
    CRASHES,
    HANGS,
    RUNTIMES,
    exists,
    fetch,
    get_json,
    health_address,
    page_says,
    relay_run,
    running,
    thorough,
    until,
    worker_pids,
    write_program,
)

pytestmark = [pytest.mark.anyio, thorough]
WAITS = """
import os
import anyio
from relay_anyio import RelayClient

client = RelayClient(contexts=["office"])

@client.on_call
async def take(call):
    await call.answer()
    call.log.info("answered in %s", os.environ["RELAY_WORKER"])
    while not os.path.exists("go"):
        await anyio.sleep(0.02)
    await call.hangup()
"""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def call_from(world: World, number: str) -> str:
    caller = Caller(number, (), 3600.0)
    return world.simulator.command(world.exchange.place_call, caller, to=OFFICE)


@pytest.mark.parametrize("runtime", RUNTIMES)
async def test_a_crashed_worker_is_started_again(
    world: World, tmp_path: Path, runtime: str
) -> None:
    async with running(world, tmp_path, runtime) as program:
        call_from(world, CRASHES)
        await program.says("has ended (exit code 3)")
        await program.says("it is started again in 1 s")
        await program.says_again("is ready", 2)
        program.send(signal.SIGTERM)
        assert await program.end() == 0


@pytest.mark.parametrize("runtime", RUNTIMES)
async def test_a_worker_that_hangs_is_named_killed_and_replaced_while_the_pages_answer(
    world: World, tmp_path: Path, runtime: str
) -> None:
    options = ["--hang-timeout", "2", "--health", "127.0.0.1:0"]
    async with running(world, tmp_path, runtime, *options) as program:
        health = await health_address(program)
        call = call_from(world, HANGS)
        await program.says("answered in 1")
        status, _ = await fetch(health, "GET /metrics")  # waits a second for it, and no longer
        assert status == 200
        await program.says("hangs: its event loop, or its main thread, has not run for 2 s")
        assert f"with 1 call up: {call}" in program.errors or "with no calls up" in program.errors
        await program.says_again("is ready", 2)
        _, metrics = await fetch(health, "GET /metrics")
        assert 'relay_run_worker_restarts_total{worker="1"} 1\n' in metrics
        program.send(signal.SIGTERM)
        assert await program.end() == 0


@pytest.mark.parametrize("runtime", RUNTIMES)
async def test_workers_of_a_killed_supervisor_drain_and_end(
    world: World, tmp_path: Path, runtime: str
) -> None:
    async with running(world, tmp_path, runtime, "--workers", "2") as program:
        called = world.place_call(Hear("goodbye"), HangUp())
        await program.says("answered in")
        pids = worker_pids(program)
        program.send(signal.SIGKILL)
        ended = await world.until(What.ENDED, call_id=called)
        assert (ended.who, ended.details["reason"]) == (Who.CALLER, "hangup")
        await until(lambda: not any(map(exists, pids)))
        await program.says("the supervisor is gone: this worker drains, and ends")
        assert "the supervisor is gone: finishing 1 call" in program.errors
        assert "SIGTERM" not in program.errors


async def test_one_that_drains_already_goes_on_when_its_supervisor_is_killed(
    world: World, tmp_path: Path
) -> None:
    (tmp_path / "shop.py").write_text(WAITS, "utf-8")
    async with relay_run(world, tmp_path, "shop:client") as program:
        await program.says("is ready")
        called = world.place_call()
        await program.says("answered in 1")
        program.send(signal.SIGHUP)
        await program.says("SIGTERM: finishing 1 call")
        program.send(signal.SIGKILL)
        await program.says_again("the supervisor is gone: finishing", 2)
        (tmp_path / "go").touch()
        await world.until(What.ENDED, call_id=called)
        await until(lambda: not any(map(exists, worker_pids(program))))
    assert "go on at the service" not in program.errors
    assert ": ending, with" not in program.errors


@pytest.mark.parametrize("runtime", RUNTIMES)
async def test_who_sends_sigterm_to_all_processes_cuts_no_call(
    world: World, tmp_path: Path, runtime: str
) -> None:
    """As systemd does by default."""
    async with running(world, tmp_path, runtime) as program:
        called = world.place_call(Hear("goodbye"), HangUp())
        await program.says("answered in 1")
        for pid in [*worker_pids(program), program.pid]:
            os.kill(pid, signal.SIGTERM)
        ended = await world.until(What.ENDED, call_id=called)
        assert (ended.who, ended.details["reason"]) == (Who.CALLER, "hangup")
        assert await program.end() == 0
    assert ": ending, with" not in program.errors


async def test_who_sends_sighup_to_all_processes_replaces_the_workers_and_cuts_no_call(
    world: World, tmp_path: Path
) -> None:
    async with running(world, tmp_path, "asyncio") as program:
        called = world.place_call(Hear("goodbye"), HangUp())
        await program.says("answered in 1")
        for pid in [*worker_pids(program), program.pid]:
            os.kill(pid, signal.SIGHUP)
        await program.says("all workers are replaced")
        ended = await world.until(What.ENDED, call_id=called)
        assert (ended.who, ended.details["reason"]) == (Who.CALLER, "hangup")
        program.send(signal.SIGTERM)
        assert await program.end() == 0


@pytest.mark.parametrize("error", ["KeyboardInterrupt", "GeneratorExit"])
async def test_what_ends_an_import_shows_no_lines_of_the_library(
    world: World, tmp_path: Path, error: str
) -> None:
    (tmp_path / "shop.py").write_text(f"raise {error}\n", "utf-8")
    async with relay_run(world, tmp_path, "shop:client") as program:
        await program.says("has ended (exit code 130)" if error[0] == "K" else "cannot be loaded")
        program.send(signal.SIGTERM)
        await program.end()
    assert "relay_run/" not in program.errors


async def test_a_worker_that_hangs_ends_with_its_supervisor_too(
    world: World, tmp_path: Path
) -> None:
    async with running(world, tmp_path, "asyncio", "--drain", "0.5") as program:
        [pid] = worker_pids(program)
        call_from(world, HANGS)
        await program.says("answered in 1")
        program.send(signal.SIGKILL)
        await until(lambda: not exists(pid))


@pytest.mark.parametrize("runtime", RUNTIMES)
async def test_calls_that_are_left_are_in_the_exit_code(
    world: World, tmp_path: Path, runtime: str
) -> None:
    async with running(world, tmp_path, runtime, "--drain", "0.3") as program:
        called = world.place_call()
        await program.says("answered in 1")
        program.send(signal.SIGTERM)
        assert await program.end() == 75
    assert f"the calls that are still up (1) go on at the service: {called}" in program.errors
    assert not world.all(What.ENDED, reason="hangup")


async def test_with_hang_up_they_are_hung_up(world: World, tmp_path: Path) -> None:
    async with running(world, tmp_path, "asyncio", "--drain", "0.3", "--hang-up") as program:
        called = world.place_call()
        await program.says("answered in 1")
        program.send(signal.SIGTERM)
        assert await program.end() == 75
    assert f"the calls that are still up (1) are hung up: {called}" in program.errors
    assert world.all(What.ENDED, reason="hangup", call_id=called)


@pytest.mark.parametrize("runtime", RUNTIMES)
async def test_a_second_signal_ends_it_at_once(world: World, tmp_path: Path, runtime: str) -> None:
    async with running(world, tmp_path, runtime, "--drain", "60") as program:
        world.place_call()
        await program.says("answered in 1")
        program.send(signal.SIGINT)
        await program.says("ending: ")
        await anyio.sleep(TOGETHER)
        program.send(signal.SIGINT)
        assert await program.end() == 75
    assert "ending at once" in program.errors
    assert "SIGTERM: ending, with 1 call" in program.errors  # else it was killed


async def test_workers_come_and_go_by_signals(world: World, tmp_path: Path) -> None:
    async with running(world, tmp_path, "asyncio", "--health", "127.0.0.1:0") as program:
        health = await health_address(program)
        program.send(signal.SIGTTIN)
        await program.says_again("is ready", 2)
        assert len((await get_json(health, "/ready"))[1]["workers"]) == 2
        program.send(signal.SIGTTOU)
        await page_says(health, "/ready", lambda _, page: len(page["workers"]) == 1)
        program.send(signal.SIGTERM)
        assert await program.end() == 0


async def test_a_replacement_that_fails_leaves_the_old_worker(world: World, tmp_path: Path) -> None:
    async with running(world, tmp_path, "asyncio", "--health", "127.0.0.1:0") as program:
        health = await health_address(program)
        (tmp_path / "shop.py").write_text("this is no Python", "utf-8")
        program.send(signal.SIGHUP)
        await program.says("the replacement has failed: no more workers are replaced")
        status, page = await get_json(health, "/ready")
        assert (status, page["generation"], page["replacement"]) == (200, 1, "failed")
        _, metrics = await fetch(health, "GET /metrics")
        assert "\nrelay_run_last_replacement_ok 0\n" in metrics
        world.place_call(Hear("goodbye"), HangUp())
        await program.says("answered in 1")
        write_program(tmp_path, "asyncio")
        program.send(signal.SIGHUP)
        await program.says("all workers are replaced")
        program.send(signal.SIGTERM)
        assert await program.end() == 0


@pytest.mark.parametrize("runtime", RUNTIMES)
async def test_a_replacement_that_cannot_reach_the_service_says_so_at_once(
    world: World, tmp_path: Path, runtime: str
) -> None:
    async with running(world, tmp_path, runtime, "--health", "127.0.0.1:0") as program:
        health = await health_address(program)
        shop = tmp_path / "shop.py"
        good = shop.read_text("utf-8")
        shop.write_text(good.replace("RelayClient(", 'RelayClient(host="localhost:9", '), "utf-8")
        program.send(signal.SIGHUP)
        await program.says("cannot connect: ")
        await program.says("It tries again, and the old one goes on")
        status, page = await get_json(health, "/ready")
        assert (status, page["replacement"]) == (200, "running")
        old, new = page["workers"]
        assert (old["state"], old["trouble"]) == ("ready", "")
        assert new["state"] == "connecting"
        assert "localhost:9" in new["trouble"]
        shop.write_text(good, "utf-8")
        program.send(signal.SIGHUP)
        await program.says("all workers are replaced")
        program.send(signal.SIGTERM)
        assert await program.end() == 0


async def test_the_directory_may_have_a_name_that_is_no_utf_8(world: World, tmp_path: Path) -> None:
    directory = tmp_path / os.fsdecode(b"caf\xe9")
    try:
        directory.mkdir()
    except OSError:
        pytest.skip("this file system has no such names")
    async with running(world, directory, "asyncio") as program:
        program.send(signal.SIGTERM)
        assert await program.end() == 0


async def test_a_module_with_a_name_of_python_does_not_stand_in_for_it(
    world: World, tmp_path: Path
) -> None:
    write_program(tmp_path, "asyncio")
    (tmp_path / "queue.py").write_text("raise ValueError('this is the queue of calls')", "utf-8")
    command = ["-P", "-u", "-m", "relay_anyio", "run", "shop:client"]
    async with python(world, *command, cwd=tmp_path, variables={}) as program:
        await program.says("is ready")
        program.send(signal.SIGTERM)
        assert await program.end() == 0
    assert "queue of calls" not in program.errors


async def test_an_error_with_half_a_character_is_written(world: World, tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text("raise ValueError('caf\\udce9')\n", "utf-8")
    async with relay_run(world, tmp_path, "shop:client") as program:
        assert await program.end() == ExitCode.NO_CLIENT
    assert "shop:client cannot be loaded: ValueError: caf" in program.errors
    assert program.errors.count("Traceback") == 1


async def test_an_error_of_all_workers_is_written_once(world: World, tmp_path: Path) -> None:
    """They wait for each other, so that all of them have it."""
    (tmp_path / "shop.py").write_text(
        "import os, pathlib, time\n"
        "pathlib.Path(os.environ['RELAY_WORKER']).touch()\n"
        "while not all(os.path.exists(name) for name in '123'):\n"
        "    time.sleep(0.01)\n"
        "import nothing_there\n",
        "utf-8",
    )
    async with relay_run(world, tmp_path, "shop:client", "--workers", "3", "--reload") as program:
        await program.says("3 workers have ended with this: shop:client cannot be loaded")
        program.send(signal.SIGTERM)
        assert await program.end() == 0
    assert program.errors.count("Traceback") == 1
    assert program.errors.count("    import nothing_there\n") == 1
    assert program.errors.count("Change a file") == 3


async def test_a_crash_after_a_failed_replacement_does_not_end_the_others(
    world: World, tmp_path: Path
) -> None:
    async with running(world, tmp_path, "asyncio", "--workers", "2") as program:
        (tmp_path / "shop.py").write_text("this is no Python", "utf-8")
        os.kill(worker_pids(program)[0], signal.SIGKILL)
        await program.says("(the program cannot be used: see above) with no calls up")
        world.place_call(Hear("goodbye"), HangUp())
        await program.says("answered in")
        write_program(tmp_path, "asyncio")
        await program.says_again("is ready", 3)
        program.send(signal.SIGTERM)
        assert await program.end() == 0


async def test_with_reload_a_change_replaces_the_worker(world: World, tmp_path: Path) -> None:
    pytest.importorskip("watchfiles")
    shop = tmp_path / "shop.py"
    async with running(world, tmp_path, "asyncio", "--reload") as program:
        for number in (1, 2):
            shop.write_text(f"{shop.read_text('utf-8')}\n# {number}", "utf-8")
            await program.says_again("all workers are replaced", number)
        program.send(signal.SIGTERM)
        assert await program.end() == 0


async def test_with_reload_a_mistake_waits_for_the_next_change(
    world: World, tmp_path: Path
) -> None:
    pytest.importorskip("watchfiles")
    (tmp_path / "shop.py").write_text("import nothing_like_this", "utf-8")
    async with relay_run(world, tmp_path, "shop:client", "--reload") as program:
        await program.says("Change a file")
        write_program(tmp_path, "asyncio")
        await program.says("is ready")
        program.send(signal.SIGINT)
        assert await program.end() == 0


@pytest.mark.parametrize("runtime", ["asyncio", "threads"])
async def test_ctrl_c_at_any_instant_ends_it_in_order(
    world: World, tmp_path: Path, runtime: str
) -> None:
    write_program(tmp_path, runtime)
    for instant in range(8):  # each takes seconds, on a machine with much to do
        async with relay_run(world, tmp_path, "shop:client", "--health", "127.0.0.1:0") as program:
            await program.says("health is served")  # before that, Python imports this library
            await anyio.sleep(instant * 0.2)
            program.send(signal.SIGINT)
            assert await program.end() in (0, 130)  # 130: before there is a worker
        assert "Traceback" not in program.errors
        assert not any(map(exists, worker_pids(program)))
    await world.until_nobody_is_connected()


async def test_a_supervisor_that_stood_still_kills_nobody(world: World, tmp_path: Path) -> None:
    async with running(world, tmp_path, "asyncio", "--hang-timeout", "1") as program:
        [pid] = worker_pids(program)
        for number in (signal.SIGSTOP, signal.SIGCONT):
            os.kill(program.pid, number)
            os.kill(pid, number)
            await anyio.sleep(4)
        assert "hangs" not in program.errors
        program.send(signal.SIGTERM)
        assert await program.end() == 0


async def test_slow_clients_hold_up_no_page(world: World, tmp_path: Path) -> None:
    async with running(world, tmp_path, "asyncio", "--health", "127.0.0.1:0") as program:
        health = await health_address(program)
        slow = [await anyio.connect_tcp(*health) for _ in range(40)]
        for stream in slow[:30]:
            await stream.send(b"GET /live HTTP")
        assert slow
        for stream in slow[30:]:
            await stream.aclose()
        assert (await fetch(health, "GET /live"))[0] == 200
        assert (await fetch(health, "POST /live"))[0] == 405
        assert await fetch(health, "HEAD /live") == (200, "")
        assert (await fetch(health, "GET /"))[0] == 404
        for stream in slow:
            await stream.aclose()
        program.send(signal.SIGTERM)
        assert await program.end() == 0
