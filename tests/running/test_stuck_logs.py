"""A log that nobody reads, is closed, or stops who writes: `relay run` goes on, and ends."""

from __future__ import annotations

import errno
import logging
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import anyio
import pytest

from relay_proto.exchange import What
from relay_run import logs
from relay_run.exit_codes import ExitCode
from tests.adapters.programs import ROOT, python
from tests.adapters.support import PROJECT, TOKEN, World
from tests.running.support import RUNTIMES, exists, loop_of, thorough, until, write_program

PATIENCE: Final = 30.0
CLOSED: Final = """
import os, sys
from relay_run.logs import open_missing_streams

for fd in map(int, sys.argv[1:]):
    os.close(fd)
open_missing_streams()
with open(os.devnull) as next_one:
    assert next_one.fileno() > 2
assert all(map(os.get_inheritable, range(3)))
for fd in map(int, sys.argv[1:]):
    assert os.path.samestat(os.fstat(fd), os.stat(os.devnull))
os._exit(7)
"""


class Pipe:
    """A pipe that can be full."""

    def __init__(self) -> None:
        self.read_end, self.write_end = os.pipe()

    def fill(self) -> None:
        os.set_blocking(self.write_end, False)
        with suppress(BlockingIOError):
            while True:
                os.write(self.write_end, b"x")
        os.set_blocking(self.write_end, True)

    def read(self, wanted: str) -> str:
        """Read until there is what is wanted."""
        found = ""
        while wanted not in found:
            assert select.select([self.read_end], [], [], PATIENCE)[0], f"{wanted!r} is missing"
            found += os.read(self.read_end, 65536).decode("latin-1")
        return found.lstrip("x")


@contextmanager
def logging_to(
    pipe: Pipe, monkeypatch: pytest.MonkeyPatch, encoding: str = "utf-8"
) -> Generator[logging.Logger]:
    """Let stderr be the pipe, and a thread write what a logger says."""
    root = logging.getLogger()
    before = root.handlers[:]
    with os.fdopen(pipe.write_end, "w", encoding=encoding, closefd=False) as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        try:
            with logs.in_a_thread():
                yield root
        finally:
            root.handlers[:] = before
            monkeypatch.undo()


def writers() -> list[threading.Thread]:
    """The threads that write lines."""
    return [one for one in threading.enumerate() if one.name == "relay_run log"]


@pytest.fixture
def pipe() -> Generator[Pipe]:
    made = Pipe()
    yield made
    for fd in (made.read_end, made.write_end):
        with suppress(OSError):
            os.close(fd)


def test_lines_wait_while_nobody_reads_and_nobody_waits_for_them(
    pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    with logging_to(pipe, monkeypatch) as log:
        log.warning("first")
        pipe.read("first\n")
        pipe.fill()
        for number in range(1000):
            log.warning("line %d", number)
        lines = pipe.read("line 999\n").splitlines()
    assert [line.rpartition("line ")[2] for line in lines] == [str(n) for n in range(1000)]


def test_what_the_encoding_lacks_is_escaped(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    with logging_to(pipe, monkeypatch, "latin-1") as log:
        log.warning("caf\u00e9 \u20ac")
        pipe.read("\\u20ac\n")


def test_lines_beyond_a_limit_are_left_out_and_counted(
    pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "MOST_LINES", 10)
    with logging_to(pipe, monkeypatch) as log:
        pipe.fill()
        for number in range(30):
            log.warning("line %d", number)
        read = pipe.read("lines are left out: nobody has read those before them for too long\n")
    assert "line 9\n" in read
    assert "line 29\n" not in read
    left_out = int(read.partition(" lines are left out")[0].split()[-1])
    assert left_out + read.count("line ") == 30


def test_the_last_line_says_how_many_are_left_out(
    pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "MOST_LINES", 10)
    monkeypatch.setattr(logs, "LAST_BREATH", 0.01)
    with logging_to(pipe, monkeypatch) as log:
        pipe.fill()
        for number in range(30):
            log.warning("line %d", number)
    [writer] = writers()
    pipe.read(" lines are left out")
    writer.join(PATIENCE)


def test_the_end_waits_not_for_ever(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "LAST_BREATH", 0.01)
    pipe.fill()
    with logging_to(pipe, monkeypatch) as log:
        log.warning("read too late")
    [writer] = writers()  # nobody has waited for it
    pipe.read("read too late\n")
    writer.join(PATIENCE)
    assert not writer.is_alive()


@pytest.mark.parametrize("number", [errno.EPIPE, errno.ENOSPC])
def test_who_cannot_write_goes_on(pipe: Pipe, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    write, failed = os.write, threading.Event()

    def fail_once(fd: int, data: bytes) -> int:
        if failed.is_set():
            return write(fd, data)
        failed.set()
        raise OSError(number, "cannot")

    monkeypatch.setattr(os, "write", fail_once)
    with logging_to(pipe, monkeypatch) as log:
        log.warning("lost")
        log.warning("written")
        assert failed.wait(PATIENCE)
        monkeypatch.undo()
        assert "lost" not in pipe.read("written\n")


@pytest.mark.parametrize("closed", ["0", "1", "2", "0 1 2", "0 2"])
def test_streams_that_are_closed_lead_nowhere(closed: str) -> None:
    run = subprocess.run([sys.executable, "-c", CLOSED, *closed.split()], cwd=ROOT, check=False)
    assert run.returncode == 7


def test_with_a_full_disk_it_ends_as_always(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full here")
    with Path("/dev/full").open("wb") as full:
        run = subprocess.run(
            [sys.executable, "-m", "relay_anyio", "run", "no_such_shop:client"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stderr=full,
            check=False,
        )
    assert run.returncode == ExitCode.NO_CLIENT


SHOP_THAT_TELLS: Final = """
import pathlib

@client.on_connected
def tell_who_it_is(_):
    pathlib.Path(f"worker-{os.getpid()}").touch()
"""


def pids_in(directory: Path) -> list[int]:
    """The workers that have told who they are."""
    return [int(path.name.partition("-")[2]) for path in directory.glob("worker-*")]


@thorough
@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_supervisor_and_workers_end_while_nobody_reads_their_log(
    world: World, tmp_path: Path, pipe: Pipe, runtime: str, number: signal.Signals
) -> None:
    write_program(tmp_path, runtime)
    shop = tmp_path / "shop.py"
    shop.write_text(shop.read_text("utf-8") + SHOP_THAT_TELLS, "utf-8")
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "SIGNALWIRE_SPACE": world.host,
        "SIGNALWIRE_PROJECT_ID": PROJECT,
        "SIGNALWIRE_API_TOKEN": TOKEN,
    }
    command = [sys.executable, "-m", "relay_anyio", "run", "shop:client", *loop_of(runtime)]
    command += ["--drain", "0.5", "--hang-timeout", "1"]
    supervisor = await anyio.open_process(
        command, cwd=tmp_path, env=environment, stdin=subprocess.DEVNULL, stderr=pipe.write_end
    )
    try:
        await until(lambda: pids_in(tmp_path))
        [worker] = pids_in(tmp_path)
        pipe.fill()
        called = world.place_call()
        await world.until(What.ANSWERED, call_id=called)
        supervisor.send_signal(number)
        code = await supervisor.wait()
        assert code == (-number if number is signal.SIGKILL else ExitCode.CALLS_LEFT)
        await until(lambda: not exists(worker))
    finally:
        if supervisor.returncode is None:
            supervisor.kill()
        await supervisor.aclose()


IN_THE_BACKGROUND: Final = """
import fcntl, os, pty, signal, subprocess, sys, termios, threading

if "inside" in sys.argv:  # the leader of a session, whose terminal stops who writes behind it
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    modes = termios.tcgetattr(0)
    modes[3] |= termios.TOSTOP
    termios.tcsetattr(0, termios.TCSANOW, modes)
    command = [sys.executable, "-m", "relay_anyio", "run", "shop:client", "--workers", "2"]
    command += ["--health", "127.0.0.1:0"]
    child = subprocess.Popen(command, process_group=0, stdout=subprocess.DEVNULL)
    print("started", child.pid, flush=True)
    sys.exit(child.wait())
ours, theirs = pty.openpty()
leader = subprocess.Popen(
    [sys.executable, __file__, "inside"], start_new_session=True, stdin=theirs, stdout=theirs,
    stderr=theirs,
)
os.close(theirs)
said, pid = "", None

def give_up(*_):
    if pid is not None:
        os.kill(pid, signal.SIGKILL)
    print("it took too long", said)
    os._exit(1)

signal.signal(signal.SIGALRM, give_up)
signal.alarm(60)
while said.count("is ready") < 2:
    said += os.read(ours, 4096).decode()
    if pid is None and said.endswith("\\n"):
        pid = int(said.partition("started ")[2].split()[0])
threading.Thread(target=lambda: os.read(ours, 65536)).start()
os.kill(pid, signal.SIGTERM)
code = leader.wait()
print(said)
print("ended with", code)
os._exit(0)
"""


@thorough
@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_in_the_background_of_a_terminal_that_stops_who_writes_it_runs(
    world: World, tmp_path: Path
) -> None:
    write_program(tmp_path, "asyncio")
    (tmp_path / "terminal.py").write_text(IN_THE_BACKGROUND, "utf-8")
    async with python(world, "terminal.py", cwd=tmp_path, variables={}) as program:
        assert await program.end() == 0
    assert "ended with 0" in program.output
    assert "one worker less" not in program.output
