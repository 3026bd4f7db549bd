"""``relay sim`` with its page, as a process: where it listens, and how it ends."""

from __future__ import annotations

import gc
import http.client
import json
import signal
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import HTTPCookieProcessor, ProxyHandler, build_opener

import pytest

from relay_anyio.cli import SCENARIO, main
from relay_anyio.lab import server
from relay_anyio.lab.server import listen
from relay_anyio.sim import CallsUp
from relay_proto.exchange import Happened, What, Who, read_scenario

SOON: Final = 10.0
"""Seconds in which the process ends, on a machine that does much else."""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are those of POSIX")


class Process:
    """The command, what it has said when it was ready, and how it ends."""

    def __init__(self, popen: subprocess.Popen[str]) -> None:
        self.popen = popen
        assert popen.stdout is not None
        self.ready: Any = json.loads(popen.stdout.readline())

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Send a signal; return the exit code and what is on stderr."""
        self.popen.send_signal(number)
        _, said = self.popen.communicate(timeout=SOON)
        return self.popen.returncode, said


@contextmanager
def sim(state: Path, *arguments: str) -> Generator[Process]:
    command = [sys.executable, "-m", "relay_anyio", "sim", "--json", "--port", "0"]
    command += ["--state", str(state), *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as popen:
        try:
            yield Process(popen)
        finally:
            popen.kill()


def connect(url: str) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(urlsplit(url).netloc, timeout=SOON)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_at_once_although_streams_are_open(tmp_path: Path, number: int) -> None:
    with sim(tmp_path, "--page", "0") as process:
        url = process.ready["page"]
        streams = [connect(url) for _ in range(3)]
        responses: list[http.client.HTTPResponse] = []
        for stream in streams:
            stream.request("GET", "/api/stream?frames=1")
            responses.append(stream.getresponse())
            assert responses[-1].readline().startswith(b":")
        idle = connect(url)
        idle.request("GET", "/api/state")
        assert idle.getresponse().read()
        began_at = time.monotonic()
        code, said = process.end(number)
        assert (code, said) == (0, "")
        assert time.monotonic() - began_at < SOON
        assert [response.read() for response in responses] == [b"\n"] * 3
        for connection in (*streams, idle):
            connection.close()


def test_without_a_page_there_is_no_page(tmp_path: Path) -> None:
    with sim(tmp_path, "--no-page") as process:
        assert process.ready["page"] == ""
        assert process.end() == (0, "")


def test_a_port_that_is_asked_for_and_in_use_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = str(busy.getsockname()[1])
        assert main(["sim", "--port", "0", "--state", str(tmp_path), "--page", port]) == 1
    words = capsys.readouterr().err
    assert words.startswith(f"relay: the page cannot use port {port} (")
    assert words.endswith("choose another with --page\n")


def test_the_usual_port_gives_way_to_the_next_free_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with listen("127.0.0.1", 0) as busy:
        port: int = busy.getsockname()[1]
        monkeypatch.setattr(server, "DEFAULT_PORT", port)
        with listen("127.0.0.1", None) as found:
            assert port < found.getsockname()[1] <= port + server.MOST_TRIES
        monkeypatch.setattr(server, "MOST_TRIES", 1)
        with listen("127.0.0.1", None) as found:
            assert found.getsockname()[1] != port


# AnyIO 4.10 leaves the socket open that it could not bind.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("arguments", [["--no-page"], ["--page", "0"], []])
@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid", "a..b", "\udc80"])
def test_what_is_no_address_of_this_machine_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], host: str, arguments: list[str]
) -> None:
    usual = ["sim", "--port", "0", "--state", str(tmp_path)]
    assert main([*usual, "--host", host, *arguments]) == 1
    words = capsys.readouterr().err
    assert words.startswith(f"relay: {host!r} is no address of this machine (")
    assert words.endswith("choose another with --host\n")
    gc.collect()  # here, where this is expected


@pytest.mark.parametrize(("host", "name"), [("0.0.0.0", "localhost"), ("::1", "[::1]")])
def test_the_address_that_is_printed_opens_the_page(tmp_path: Path, host: str, name: str) -> None:
    if host == "::1" and not has_ipv6():
        pytest.skip("this machine has no IPv6")
    command = [sys.executable, "-m", "relay_anyio", "sim", "--port", "0", "--page", "0"]
    command += ["--state", str(tmp_path), "--host", host]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as popen:
        try:
            assert popen.stdout is not None
            popen.stdout.readline()
            url = popen.stdout.readline().rpartition(" ")[2].strip()
            assert url.startswith(f"http://{name}:")
            with build_opener(ProxyHandler({}), HTTPCookieProcessor()).open(url) as page:
                assert b"<title>" in page.read()
        finally:
            popen.kill()


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


def test_on_all_addresses_it_asks_for_the_token(tmp_path: Path) -> None:
    with sim(tmp_path, "--page", "0", "--host", "0.0.0.0") as process:
        token = process.ready["ready"]["SIGNALWIRE_API_TOKEN"]
        url = process.ready["page"]
        for headers, status in (({}, 401), ({"authorization": f"Bearer {token}"}, 200)):
            connection = connect(url)
            connection.request("GET", "/api/state", headers=headers)
            response = connection.getresponse()
            assert response.status == status
            connection.close()
        assert process.end() == (0, "")


def test_nobody_calls_by_themselves_if_that_is_asked_for(tmp_path: Path) -> None:
    for arguments, scenarios in ((("--no-calls",), 0), ((), 1)):
        with sim(tmp_path, "--page", "0", *arguments) as process:
            connection = connect(process.ready["page"])
            connection.request("GET", "/api/scenarios")
            played = json.loads(connection.getresponse().read())
            connection.close()
            assert len(played["scenarios"]) == scenarios


def test_no_calls_and_a_file_contradict_each_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sim", str(tmp_path / "any.toml"), "--no-calls"]) == 1
    assert "--no-calls does not work with a file" in capsys.readouterr().err


def test_the_scenario_in_the_help_is_valid() -> None:
    _, _, toml = SCENARIO.partition("\n\n")
    scenario = read_scenario(tomllib.loads(toml))
    assert (len(scenario.schedule), len(scenario.lines)) == (1, 1)


def test_calls_that_are_up_together_are_told_apart() -> None:
    up = CallsUp()

    def label(call: str, what: What, **details: str) -> str:
        return up.label(Happened(0.0, call, Who.CALLER, what, details))

    assert label("1", What.CALLED, number="+1555") == ""
    assert label("1", What.OFFERED) == ""
    assert label("2", What.CALLED, number="+1555") == "+1555 #2  "
    assert label("1", What.ANSWERED) == "+1555     "
    assert label("", What.SENT_TEXT) == "          "
    assert label("1", What.ENDED) == "+1555     "
    assert label("2", What.ANSWERED) == ""
    assert label("3", What.DIALED, to="+1666") == "+1666     "
    assert label("4", What.CALLED, number="+1555") == "+1555     "
    assert label("2", What.ENDED) == "+1555 #2  "
