"""``relay lab`` against what is no lab, or a lab of another version."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Final

import pytest

from relay_anyio.cli import main
from relay_anyio.lab.commands import COMMANDS

ANSWERS: Final = [
    b"",
    b"<html>",
    b"\xff",
    b"null",
    b"[]",
    b'"a text"',
    b"{}",
    b'{"calls": 5, "events": null, "state": []}',
    b'{"calls": [{"id": 5, "can": 5}], "error": 5}',
    b"[" * 100_000,
]
ARGUMENTS: Final = {
    "press": ["1"],
    "say": ["Hello"],
    "text": ["Hello"],
    "phone": ["+15550003333"],
    "number": ["+15550003333", "busy"],
}


@contextmanager
def serving(status: int, body: bytes) -> Generator[str]:
    """A server that has one answer to everything."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    for method in ("GET", "POST", "PUT", "DELETE"):
        setattr(Handler, f"do_{method}", Handler.answer)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def scenario(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("scenario") / "empty.toml"
    path.write_text("")
    return str(path)


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("status", [200, 404])
def test_another_server_is_named_in_one_line(
    capsys: pytest.CaptureFixture[str], scenario: str, status: int, answer: bytes
) -> None:
    with serving(status, answer) as url:
        for command in sorted(set(COMMANDS) - {"fault"} | {"cut"}):
            arguments = [scenario] if command == "play" else ARGUMENTS.get(command, [])
            assert main(["lab", "--lab", url, command, *arguments]) == 1, command
            printed = capsys.readouterr()
            assert printed.out == ""
            assert printed.err.count("\n") == 1, command


def test_a_lab_that_lacks_a_field_is_of_another_version(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with serving(200, json.dumps({"number": "+15550003333"}).encode()) as url:
        assert main(["lab", "--lab", url, "number", "+15550003333", "busy"]) == 1
    assert f"{url} does not answer like a lab of this version" in capsys.readouterr().err


@pytest.mark.parametrize("url", ["http://[::1", "ftp://localhost", "localhost:8025", "http:"])
def test_what_is_no_url_of_a_lab(capsys: pytest.CaptureFixture[str], url: str) -> None:
    assert main(["lab", "--lab", url, "calls"]) == 1
    assert capsys.readouterr().err.count("\n") == 1
