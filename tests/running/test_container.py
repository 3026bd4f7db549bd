"""A start as in a container: as nobody, on a read-only file system, without a home."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Final

import anyio
import pytest

from relay_proto.exchange import HangUp, Hear, What, Who
from tests.adapters.programs import Program
from tests.adapters.support import PROJECT, TOKEN, Certificates, World
from tests.running.support import (
    RUNTIMES,
    exists,
    fetch,
    get_json,
    health_address,
    loop_of,
    thorough,
    worker_pids,
    write_program,
)

pytestmark = [pytest.mark.anyio, thorough]

BOX: Final = Path(__file__).with_name("read_only_box.sh")
ROOT: Final = Path(__file__).resolve().parents[2]
NEEDED: Final = sorted({ROOT, Path(sys.prefix), Path(sys.base_prefix).resolve()})


def closed_above(directory: Path) -> list[Path]:
    """The first directory above this one that nobody may enter, if there is one."""
    above = reversed(directory.parents)
    return [one for one in above if not one.stat().st_mode & stat.S_IXOTH][:1]


CLOSED: Final = {directory: closed_above(directory) for directory in NEEDED}
IN_BOX: Final = ["unshare", "--mount", "--propagation", "private", "sh", str(BOX)]


def in_box(directory: Path) -> dict[str, str]:
    """The variables of the box."""
    return {
        "NEEDED": " ".join(str(one) for one in NEEDED if CLOSED[one]),
        "CLOSED": " ".join(sorted({str(one) for closed in CLOSED.values() for one in closed})),
        "STAGE": str(directory / "stage"),
        "PATH": os.environ["PATH"],
    }


def names_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def app(certificates: Certificates) -> Generator[Path]:
    """A directory that everybody may read."""
    if shutil.which("unshare") is None or shutil.which("setpriv") is None:
        pytest.skip("there is no unshare, or no setpriv")
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o755)
        (directory / "stage").mkdir()
        probe = subprocess.run(
            [*IN_BOX, sys.executable, "-c", ""],
            env=in_box(directory),
            check=False,
            capture_output=True,
        )
        if probe.returncode:
            pytest.skip(f"there can be no read-only box here: {probe.stderr.decode()}")
        shutil.copy(certificates.ca_file, directory / "ca.pem")
        yield directory


def test_the_box_is_what_it_says(app: Path) -> None:
    look = (
        "import os, pathlib\n"
        "print(os.getuid(), os.environ.get('HOME'))\n"
        "try:\n    pathlib.Path('new').touch()\n"
        "except OSError as error:\n    print(error.strerror)\n"
        "print(*(line for line in open('/proc/self/status') if line.startswith('CapEff')))"
    )
    command = [*IN_BOX, "env", "-i", sys.executable, "-c", look]
    shown = subprocess.run(
        command, env=in_box(app), check=True, capture_output=True, text=True, cwd=app
    ).stdout
    assert shown.split("\n")[:2] == ["65534 None", "Read-only file system"]
    assert "CapEff:\t0000000000000000" in shown


@pytest.mark.parametrize("runtime", RUNTIMES)
async def test_it_runs_read_only_as_nobody(world: World, app: Path, runtime: str) -> None:
    write_program(app, runtime)
    variables = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "SIGNALWIRE_RELAY_CA_FILE": str(app / "ca.pem"),
        "SIGNALWIRE_SPACE": world.host,
        "SIGNALWIRE_PROJECT_ID": PROJECT,
        "SIGNALWIRE_API_TOKEN": TOKEN,
    }
    arguments = ["run", "shop:client", *loop_of(runtime), "--workers", "2"]
    arguments += ["--health", "127.0.0.1:0", "--log-format", "json"]
    command = [*IN_BOX, "env", "-i", *(f"{name}={value}" for name, value in variables.items())]
    command += [sys.executable, "-m", "relay_anyio", *arguments]
    process = await anyio.open_process(command, stdin=subprocess.DEVNULL, cwd=app, env=in_box(app))
    program = Program(process)
    async with process, anyio.create_task_group() as tasks:
        tasks.start_soon(program.read_output)
        tasks.start_soon(program.read_errors)
        with contextlib.ExitStack() as stack:
            stack.callback(process.kill)
            await program.says_again("is ready", 2)
            health = await health_address(program)
            status, ready = await get_json(health, "/ready")
            assert (status, ready["ready"]) == (200, True)
            assert (await fetch(health, "GET /metrics"))[0] == 200
            called = world.place_call(Hear("goodbye"), HangUp())
            await program.says("answered in")
            program.send(signal.SIGTERM)
            assert await program.end() == 0
            stack.pop_all()
        ended = await world.until(What.ENDED, call_id=called)
        assert (ended.who, ended.details["reason"]) == (Who.CALLER, "hangup")
        assert not any(map(exists, worker_pids(program)))
    assert names_in(app) == ["ca.pem", "shop.py", "stage"]
    assert "Traceback" not in program.errors
