"""Servers for these tests: Redis and PostgreSQL, each on a port of its own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

PATIENCE: Final = 20.0


def find_redis() -> str | None:
    """The program ``redis-server``, if it is installed."""
    return shutil.which("redis-server")


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until a server listens."""
    ends_at = time.monotonic() + PATIENCE
    while True:
        assert process.poll() is None, f"{process.args!r} has ended"
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0):
            return
        assert time.monotonic() < ends_at, f"nobody listens on port {port}"
        time.sleep(0.02)


class Redis:
    """A Redis server that keeps nothing on the disk. It may be stopped, frozen and killed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, on the same port each time."""
        program = find_redis()
        assert program is not None
        words = f"--port {self.port} --bind 127.0.0.1 --appendonly no --save".split()
        with (self._folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(
                [program, *words, ""], stdout=log, stderr=log, cwd=self._folder
            )
        wait_for_port(self.port, self._process)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def stop(self) -> None:
        """End it, and wait for that."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.kill()
            self._process.wait(PATIENCE)
            self._process = None


def find_postgres() -> Path | None:
    """The folder of PostgreSQL's programs, if it is installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


@contextmanager
def running_postgres(folder: Path) -> Generator[str]:
    """Run a database server until the block ends; return the URL of its database."""
    programs = find_postgres()
    assert programs is not None
    # It refuses to run as root, and its files must be its own.
    user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory() as home:
        if user:
            shutil.chown(home, "postgres")
        data, port = f"{home}/data", free_port()

        def run(*command: str) -> None:
            with (folder / "postgres.log").open("ab") as log:
                whole = [*user, *command]
                subprocess.run(whole, check=True, cwd="/", stdout=log, stderr=log, timeout=60)

        control = str(programs / "pg_ctl")
        run(str(programs / "initdb"), "-D", data, "-A", "trust", "-U", "campaign", "--no-sync")
        options = f"-p {port} -k {home} -c listen_addresses=127.0.0.1 -c max_connections=200"
        run(control, "-D", data, "-o", options, "-l", f"{home}/log", "-w", "start")
        try:
            yield f"postgresql+psycopg://campaign@127.0.0.1:{port}/postgres"
        finally:
            run(control, "-D", data, "-m", "immediate", "-w", "stop")


@contextmanager
def running_redis(folder: Path) -> Generator[Redis]:
    """Run a server until the block ends."""
    redis = Redis(folder)
    redis.start()
    try:
        yield redis
    finally:
        redis.stop()
