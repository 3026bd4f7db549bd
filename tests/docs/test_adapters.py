"""docs/adapters.md: its program works, its parts are the program's, and its lists are complete."""

from __future__ import annotations

import ast
import re
import signal
import socket
import subprocess
import textwrap
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, get_args

import anyio
import anyio.to_thread
import pytest

from relay_proto.exchange import ExchangeTiming, What
from relay_proto.outputs import Output
from tests.adapters.peers import Peer, serving
from tests.adapters.support import PROJECT, TOKEN, Certificates, World, open_world
from tests.docs.test_programs import environment, start
from tests.pages import BLOCK, ROOT

TEXT: Final = (ROOT / "docs" / "adapters.md").read_text("utf-8")
PATIENCE: Final = 30.0
SPEAKING: Final = ExchangeTiming(ring_delay=0.01, reaction=0.01)
"""People answer at once, but a text takes as long as it takes to say it."""
CONNECTED: Final = "Connected(resumed={})"
GONE: Final = "Disconnected(error=None, retry_delay=None)\n"
OFFICE: Final = 'contexts=["office"]'
TIMEOUT: Final = 1.0
HELPERS: Final = {path.stem for path in (ROOT / "relay_proto" / "adapter").glob("[a-z]*.py")}
PARTS: Final = BLOCK.findall(TEXT)
PROGRAM: Final[str] = BLOCK.findall(TEXT.partition("<!-- test: adapter -->")[2])[0]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


class Program:
    """The program of the page, while it runs."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    async def says(self) -> str:
        """The next line that it prints; nothing more comes when it has ended."""
        assert self._process.stdout is not None
        return (await anyio.to_thread.run_sync(self._process.stdout.readline)).rstrip("\n")

    def tell(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    async def asked_to_end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """How it ends then, and what else it prints."""
        self.tell(number)
        said, _ = await anyio.to_thread.run_sync(self._process.communicate)
        return self._process.returncode, said


@asynccontextmanager
async def running(
    folder: Path, certificates: Certificates, host: str, code: str = PROGRAM
) -> AsyncGenerator[Program]:
    path = folder / "program.py"
    path.write_text(code, "utf-8")
    variables: Mapping[str, str] = {
        "SIGNALWIRE_SPACE": host,
        "SIGNALWIRE_PROJECT_ID": PROJECT,
        "SIGNALWIRE_API_TOKEN": TOKEN,
        "SIGNALWIRE_RELAY_CA_FILE": str(certificates.ca_file),
        "PYTHONWARNINGS": "error",
    }
    with start([str(path)], environment(variables)) as process:
        yield Program(process)


@asynccontextmanager
async def connected(
    folder: Path, certificates: Certificates
) -> AsyncGenerator[tuple[World, Program]]:
    async with (
        open_world(certificates, timing=SPEAKING) as world,
        running(folder, certificates, world.host) as program,
    ):
        await world.until(What.SESSION_STARTED)
        assert await program.says() == CONNECTED.format(False)
        yield world, program


@pytest.mark.anyio
async def test_it_greets_a_caller_and_ends_when_asked(
    tmp_path: Path, certificates: Certificates
) -> None:
    async with connected(tmp_path, certificates) as (world, program):
        call_id = world.place_call()
        assert [await program.says() for _ in range(2)] == ["playing", "hung up"]
        await world.until(What.ENDED, call_id=call_id, reason="hangup")
        assert await program.asked_to_end() == (0, GONE)
        away = await world.until(What.SESSION_AWAY)
        assert away.details["reason"] == "the client closed the connection with code 1000"


@pytest.mark.anyio
async def test_a_call_goes_on_when_the_connection_is_cut(
    tmp_path: Path, certificates: Certificates
) -> None:
    async with connected(tmp_path, certificates) as (world, program):
        call_id = world.place_call()
        assert await program.says() == "playing"
        world.cut()
        assert (await program.says()).startswith("Disconnected(error=ConnectionLostError(")
        assert await program.says() == CONNECTED.format(True)
        assert await program.says() == "hung up"
        await world.until(What.ENDED, call_id=call_id, reason="hangup")
        assert len(world.all(What.PLAYED)) == 1
        assert await program.asked_to_end() == (0, GONE)


@pytest.mark.anyio
async def test_what_a_script_raises_ends_the_script_alone(
    tmp_path: Path, certificates: Certificates
) -> None:
    async with connected(tmp_path, certificates) as (world, program):
        world.place_call()
        assert await program.says() == "playing"
        status, said = await program.asked_to_end()  # so that it cannot hang up any more
        assert status == 0
        assert said.startswith(GONE + "Traceback")
        assert "ClientClosedError" in said.splitlines()[-1]


@pytest.mark.anyio
async def test_it_tries_again_where_nobody_listens_and_can_be_interrupted(
    tmp_path: Path, certificates: Certificates
) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{reserved.getsockname()[1]}"
        async with running(tmp_path, certificates, host) as program:
            for attempt in (1, 2):
                said = await program.says()
                assert "nothing is listening there" in said
                assert f"attempt={attempt}" in said
            assert await program.asked_to_end(signal.SIGINT) == (0, "")


@pytest.mark.anyio
async def test_it_ends_while_a_connection_is_being_opened(
    tmp_path: Path, certificates: Certificates
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:  # which will not shake hands
        host = f"127.0.0.1:{server.getsockname()[1]}"
        async with running(tmp_path, certificates, host) as program:
            accepted, _ = await anyio.to_thread.run_sync(server.accept)
            with accepted:
                assert await anyio.to_thread.run_sync(accepted.recv, 1), "it shakes hands"
                assert await program.asked_to_end() == (0, "")


@pytest.mark.anyio
async def test_a_reply_that_waits_in_the_socket_is_not_late(
    tmp_path: Path, certificates: Certificates
) -> None:
    asked, frozen, answered, taken = (anyio.Event() for _ in range(4))

    async def script(peer: Peer) -> None:
        await peer.welcome()
        await peer.offer_call()
        request = await peer.request("calling.answer")
        asked.set()
        await frozen.wait()
        await peer.reply(request)
        answered.set()
        await peer.request("calling.play")  # as the program does only when its call is answered
        taken.set()

    code = PROGRAM.replace(OFFICE, f"{OFFICE}, timing=Timing(request_timeout={TIMEOUT})")
    code = code.replace("ClientCore, ", "ClientCore, Timing, ", 1)
    async with (
        serving(certificates.server_context(), script) as host,
        running(tmp_path, certificates, host, code) as program,
    ):
        with anyio.fail_after(PATIENCE):
            await asked.wait()
            program.tell(signal.SIGSTOP)
            frozen.set()
            await answered.wait()
            await anyio.sleep(1.5 * TIMEOUT)  # nothing happens but that time passes
            program.tell(signal.SIGCONT)
            await taken.wait()


@pytest.mark.parametrize("number", range(len(PARTS)))
def test_the_parts_of_the_page_are_those_of_the_program(number: int) -> None:
    parts = (textwrap.indent(PARTS[number], " " * depth) for depth in (0, 4, 8))
    assert any(dense(part) in dense(PROGRAM) for part in parts)


def dense(code: str) -> str:
    """Without empty lines: functions have more between them than methods have."""
    return re.sub(r"\n+", "\n", code)


def test_what_may_be_imported_is_what_is_public() -> None:
    listed = re.findall(r"^\| `(relay_proto[\w.]*)` \|", TEXT, re.MULTILINE)
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    row = page.partition("\n| authors of adapters |")[2].partition("\n")[0]
    assert sorted(listed) == sorted(re.findall(r"`(relay_proto[\w.]*)`", row))
    for node in ast.walk(ast.parse(PROGRAM)):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("relay_"):
            assert str(node.module).replace("relay_proto.adapter.", "") in {*listed, *HELPERS}


def test_there_is_a_row_for_every_output() -> None:
    _, _, table = TEXT.partition("| output | what to do |")
    rows = re.findall(r"^\| (`.*?`) \|", table.partition("\n\n")[0], re.MULTILINE)
    named = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert sorted(named) == sorted(kind.__name__ for kind in get_args(Output))


def test_the_checklist_names_every_file_of_the_suite() -> None:
    _, _, checklist = TEXT.partition("## What the tests would ask")
    files = {path.stem for path in (ROOT / "tests" / "adapters").glob("test_*.py")}
    assert set(re.findall(r"`(test_\w+)`", checklist)) == files
