"""``relay sim`` as a command: what it prints is true, and whom it lets in."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Generator, Iterable, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from random import Random
from typing import Final

import anyio
import pytest

from relay_anyio._output import CommandError
from relay_anyio.cli import SETUPS
from relay_anyio.sim import PROJECT, TOKEN
from relay_anyio.simulator import Authority, Simulator
from relay_anyio.simulator.handshakes import Handshakes
from relay_anyio.simulator.scenario_file import read_file
from relay_anyio.simulator.setups import TRUST, WITHOUT_TLS, Place
from relay_proto.exchange import Account, Exchange, ExchangeConfig, Happened
from tests.adapters.support import PATIENCE

ROOT: Final = Path(__file__).parents[2]
PLACE: Final = Place(space="localhost:1", ca_file="/a b/ca.pem", project="p", token="t")
PLAIN: Final = Place(space="localhost:1", ca_file="", project="p", token="t")
TOLD: Final = frozenset({"SIGNALWIRE_SPACE", "SIGNALWIRE_PROJECT_ID", "SIGNALWIRE_API_TOKEN"})

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="what is printed is for a POSIX shell"
)


class Running:
    """The command, the lines for a shell that it has printed, and all that it says."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.setup: list[str] = []
        for line in self._lines():
            if line.startswith("  "):
                self.setup.append(line)
            elif line.startswith("For other SDKs"):
                break

    @property
    def variables(self) -> Mapping[str, str]:
        """What a shell makes of the lines."""
        shell = "\n".join([*self.setup, "env"])
        said = subprocess.run(
            ["sh", "-c", shell], env={}, capture_output=True, text=True, check=True
        )
        pairs = (line.partition("=") for line in said.stdout.splitlines())
        return {name: value for name, _, value in pairs if name not in ("PWD", "SHLVL", "_")}

    def descriptors(self) -> int:
        """How many descriptors the process has open."""
        assert self._process.poll() is None, "it has ended"
        return len([*Path(f"/proc/{self._process.pid}/fd").iterdir()])

    def allow_descriptors(self, most: int) -> None:
        """Let it open no more than these."""
        import resource

        resource.prlimit(self._process.pid, resource.RLIMIT_NOFILE, (most, most))

    def until(self, words: str) -> str:
        """Read its output until a line has these words."""
        return next(line for line in self._lines() if words in line)

    def _lines(self) -> Iterable[str]:
        assert self._process.stdout is not None
        return self._process.stdout


@contextmanager
def running(
    directory: Path, *arguments: str, env: Mapping[str, str] | None = None
) -> Generator[Running]:
    """Run ``relay sim`` on a free port, with a directory whose name a shell would split."""
    command = [sys.executable, "-m", "relay_anyio", "sim", "--port", "0", *arguments]
    with subprocess.Popen(
        [*command, "--state", str(directory / "the state")],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=without_an_account() | dict(env or {}),
    ) as process:
        watchdog = threading.Timer(PATIENCE, process.kill)
        watchdog.start()
        try:
            yield Running(process)
            process.send_signal(signal.SIGTERM)
            process.communicate()
            assert process.returncode == 0
        finally:
            watchdog.cancel()
            process.kill()


def without_an_account() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if "SIGNALWIRE" not in name}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}


@contextmanager
def program(
    simulator: Running, source: str, env: Mapping[str, str] | None = None
) -> Generator[None]:
    """Copy the lines into a shell, and run a program there."""
    shell = "\n".join([*simulator.setup, 'exec "$PYTHON" -c "$SOURCE"'])
    given = {"PYTHON": sys.executable, "SOURCE": source}
    with subprocess.Popen(
        ["sh", "-c", shell], env=without_an_account() | dict(env or {}) | given
    ) as process:
        try:
            yield
        finally:
            process.kill()


ANSWER: Final = """
from {package} import RelayClient
client = RelayClient(contexts=["anything"])
@client.on_call
{define} answer(call):
    {wait}call.answer()
client.run()
"""


@pytest.mark.parametrize("package", ["relay_anyio", "relay_sync"])
def test_what_is_printed_for_python_connects_a_program(tmp_path: Path, package: str) -> None:
    awaited = package == "relay_anyio"
    source = ANSWER.format(
        package=package,
        define="async def" if awaited else "def",
        wait="await " if awaited else "",
    )
    with running(tmp_path) as simulator, program(simulator, source):
        simulator.until("offers the call to the context anything")
        simulator.until("answers")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits another process")
def test_it_goes_on_after_more_connections_than_there_are_descriptors(tmp_path: Path) -> None:
    source = ANSWER.format(package="relay_sync", define="def", wait="")
    with running(tmp_path) as simulator:
        most = simulator.descriptors() + 10
        simulator.allow_descriptors(most)
        port = int(simulator.variables["SIGNALWIRE_SPACE"].partition(":")[2])
        with ExitStack() as crowd:
            for _ in range(20):
                crowd.enter_context(socket.create_connection(("localhost", port)))
            while simulator.descriptors() < most:
                pass
        with program(simulator, source):
            simulator.until("answers")


@pytest.mark.parametrize(
    ("given", "name", "value"),
    [
        ({"HTTPS_PROXY": "http://localhost:1"}, "NO_PROXY", "localhost"),
        ({"ALL_PROXY": "no proxy at all"}, "NO_PROXY", "localhost"),
        (
            {"HTTPS_PROXY": "http://localhost:1", "NO_PROXY": "intranet.test"},
            "NO_PROXY",
            "intranet.test,localhost",
        ),
        (
            {"https_proxy": "http://localhost:1", "no_proxy": "intranet.test"},
            "no_proxy",
            "intranet.test,localhost",
        ),
        ({"HTTPS_PROXY": "http://localhost:1", "NO_PROXY": "localhost"}, "", ""),
        ({}, "", ""),
    ],
)
def test_a_program_does_not_go_through_the_proxy_of_an_office(
    tmp_path: Path, given: dict[str, str], name: str, value: str
) -> None:
    with running(tmp_path, env=given) as simulator:
        assert simulator.variables.get(name or "NO_PROXY") == (value or None)
        source = ANSWER.format(package="relay_sync", define="def", wait="")
        with program(simulator, source, given):
            simulator.until("answers")


@pytest.mark.parametrize("kind", SETUPS)
def test_each_setup_names_the_place_the_credentials_and_what_to_trust(kind: str) -> None:
    lines = PLACE.setup(kind)
    shell = "\n".join([*lines, "env"])
    said = subprocess.run(["sh", "-c", shell], env={}, capture_output=True, text=True, check=True)
    for name, value in PLACE.variables(kind).items():
        assert f"{name}={value}" in said.stdout.splitlines()
    assert {*PLACE.variables(kind)} == {*TOLD, *TRUST[kind]}


@pytest.mark.parametrize("kind", SETUPS)
def test_without_tls_a_setup_trusts_nothing(kind: str) -> None:
    if kind not in WITHOUT_TLS:
        with pytest.raises(CommandError, match=f"--setup {kind} cannot connect without TLS"):
            PLAIN.setup(kind)
        return
    variables = PLAIN.variables(kind)
    assert not {*variables} & {*TRUST[kind]}
    assert variables["SIGNALWIRE_SPACE"] == (
        "ws://localhost:1" if kind == "node" else "localhost:1"
    )
    said = "\n".join(PLAIN.setup(kind))
    assert "trust" not in said
    assert ("ws://localhost:1" in said) is (kind != "go")


def test_the_command_has_a_setup_for_each_kind() -> None:
    assert tuple(TRUST) == SETUPS


@pytest.mark.skipif(shutil.which("sh") is None, reason="there is no shell")
def test_a_plain_simulator_speaks_without_tls(tmp_path: Path) -> None:
    with running(tmp_path, "--plain", "--setup", "node") as simulator:
        host, _, port = simulator.variables["SIGNALWIRE_SPACE"].rpartition(":")
        assert host == "ws://localhost"
        reply = asyncio.run(ask(int(port), f"Host: localhost:{port}"))
        assert reply.startswith(b"HTTP/1.1 101 ")
        foreign = asyncio.run(ask(int(port), "Host: evil.example"))
        assert foreign.startswith(b"HTTP/1.1 403 ")
    assert not (tmp_path / "the state").exists()


async def ask(port: int, host: str, context: ssl.SSLContext | None = None) -> bytes:
    """Ask for a WebSocket; return the first line of the reply."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13"
    key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
    writer.write(f"GET / HTTP/1.1\r\n{host}\r\n{upgrade}\r\n{key}\r\n\r\n".encode())
    try:
        return await asyncio.wait_for(reader.readline(), PATIENCE)
    finally:
        await end(writer)


async def end(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()
    with suppress(OSError):
        await writer.wait_closed()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--plain", "--host", "0.0.0.0"], "--plain is for this machine alone: 0.0.0.0"),
        (["--plain", "--host", "box"], "--plain is for this machine alone: box"),
        (["--host", "0.0.0.0", "--token", TOKEN], "everybody knows the token demo-token"),
        (["--plain", "--setup", "python"], "--setup python cannot connect without TLS"),
        (["--name", "a b"], "'a b' is not a name or an address"),
        (["--name", "box:8443"], "'box:8443' is not a name or an address"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, arguments: list[str], words: str) -> None:
    command = [sys.executable, "-m", "relay_anyio", "sim", "--port", "0", *arguments]
    ended = subprocess.run(
        [*command, "--state", str(tmp_path)],
        env=without_an_account(),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ended.returncode in (1, 2)
    assert words in ended.stderr


def test_others_need_a_token_of_their_own_and_a_name_in_the_certificate(tmp_path: Path) -> None:
    arguments = ("--host", "0.0.0.0", "--name", "Lab.example", "--name", "10.0.0.7")
    with running(tmp_path, *arguments) as simulator:
        first = simulator.variables
    with running(tmp_path, *arguments) as simulator:
        second = simulator.variables
        assert second["SIGNALWIRE_PROJECT_ID"] == PROJECT
        host, _, port = second["SIGNALWIRE_SPACE"].rpartition(":")
        assert host == "lab.example"
        context = ssl.create_default_context(cafile=second["SIGNALWIRE_RELAY_CA_FILE"])
        for name in ("lab.example", "10.0.0.7", "localhost"):
            asyncio.run(handshake(int(port), context, name))
        assert asyncio.run(upgrade_as(int(port), context, "lab.example")).startswith(
            b"HTTP/1.1 101"
        )
    assert first["SIGNALWIRE_RELAY_CA_FILE"] == second["SIGNALWIRE_RELAY_CA_FILE"]
    tokens = {first["SIGNALWIRE_API_TOKEN"], second["SIGNALWIRE_API_TOKEN"], TOKEN}
    assert len(tokens) == 3
    with running(tmp_path, "--token", "my-own") as simulator:
        assert simulator.variables["SIGNALWIRE_API_TOKEN"] == "my-own"
        assert simulator.variables["SIGNALWIRE_RELAY_CA_FILE"] != first["SIGNALWIRE_RELAY_CA_FILE"]


async def handshake(port: int, context: ssl.SSLContext, name: str) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=name)
    await end(writer)


async def upgrade_as(port: int, context: ssl.SSLContext, name: str) -> bytes:
    context.check_hostname = False
    return await ask(port, f"Host: {name}:{port}", context)


# Scenarios


def blocks() -> list[str]:
    """The scenarios of the documentation."""
    page = (ROOT / "docs" / "simulator.md").read_text(encoding="utf-8")
    return re.findall(r"```toml\n(.*?)```", page, re.DOTALL)


@pytest.mark.parametrize("block", blocks(), ids=range(len(blocks())))
def test_the_scenarios_of_the_documentation_are_valid(block: str, tmp_path: Path) -> None:
    path = tmp_path / "scenario.toml"
    path.write_text(block, encoding="utf-8")
    assert read_file(path).schedule or read_file(path).lines


def test_a_scenario_of_the_documentation_runs_with_an_example(tmp_path: Path) -> None:
    path = tmp_path / "scenario.toml"
    path.write_text(blocks()[0], encoding="utf-8")
    source = (ROOT / "examples" / "ivr.py").read_text(encoding="utf-8")
    with running(tmp_path, str(path)) as simulator, program(simulator, source):
        simulator.until("calls +15550002222 from +15551230001")
        simulator.until("presses 1")
        simulator.until("plays “You have chosen sales")
        simulator.until("simulates a fault: cut")
        simulator.until("resumes session")


@pytest.mark.parametrize(
    ("text", "arguments", "words"),
    [
        (b"speed = 0", [], "/scenario.toml: speed: Expected `float` >= 0.01\n"),
        (b"speed =", [], "/scenario.toml: Invalid value (at end of document)\n"),
        (b"\xff", [], "/scenario.toml is not in UTF-8: invalid start byte\n"),
        (b"", ["--press", "3"], "relay: --press does not work with a file: "),
        (None, [], "No such file or directory"),
    ],
)
def test_a_scenario_that_is_not_valid_is_a_sentence(
    tmp_path: Path, text: bytes | None, arguments: list[str], words: str
) -> None:
    path = tmp_path / "scenario.toml"
    if text is not None:
        path.write_bytes(text)
    command = [sys.executable, "-m", "relay_anyio", "sim", "--port", "0", str(path)]
    ended = subprocess.run(
        [*command, *arguments, "--state", str(tmp_path)],
        env=without_an_account(),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("relay: ")
    assert words in ended.stderr


# Handshakes that fail


def refuse(port: int, *, says_why: bool) -> None:
    """Refuse the certificate, and say so or not. Clients on asyncio close without a word."""
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(back, there, server_hostname="localhost")
    with socket.create_connection(("127.0.0.1", port)) as connection:
        while True:
            try:
                client.do_handshake()
            except ssl.SSLWantReadError:
                connection.sendall(there.read())
                back.write(connection.recv(65536))
            except ssl.SSLCertVerificationError:
                break
        if says_why:
            connection.sendall(there.read())


@pytest.mark.parametrize(
    ("says_why", "words"),
    [
        (True, "a client refuses the simulator's certificate"),
        (False, "a client left the TLS handshake, and may refuse"),
    ],
)
def test_a_client_that_does_not_trust_is_told_what_to_trust_once(
    tmp_path: Path, says_why: bool, words: str
) -> None:
    with running(tmp_path) as simulator:
        port = int(simulator.variables["SIGNALWIRE_SPACE"].rpartition(":")[2])
        for _ in range(20):
            refuse(port, says_why=says_why)
        told = simulator.until("relay: ")
        assert told.startswith(f"relay: {words}")
        assert simulator.variables["SIGNALWIRE_RELAY_CA_FILE"] in told
        assert "localhost, 127.0.0.1, ::1" in told
        assert "(the last of 19 like this in " in simulator.until("relay: ")


@pytest.mark.anyio
async def test_each_kind_of_failure_has_its_own_words(tmp_path: Path) -> None:
    told: list[str] = []
    exchange = Exchange(ExchangeConfig(accounts=(Account(project="p"),)), Random(1))
    authority = Authority(tmp_path)
    handshakes = Handshakes(exchange, told.append)
    simulator = Simulator(exchange, authority.server_context(), ignore, handshakes)
    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as tasks:
            port: int = await tasks.start(simulator.serve)
            for sent in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x80\x00\x00 no TLS at all"):
                async with await anyio.connect_tcp("127.0.0.1", port) as stream:
                    await stream.send(sent)
                    async for _ in stream:
                        pass  # until the simulator closes it
            async with await anyio.connect_tcp("127.0.0.1", port):
                pass  # a check of the port is no failure
            tasks.cancel_scope.cancel()
    assert len(told) == 2
    assert told[0].startswith("a client speaks without TLS: let it connect to wss://")
    assert told[1].startswith("a TLS handshake failed: ")


def ignore(happened: Happened) -> None:
    """Nobody wants to know."""
