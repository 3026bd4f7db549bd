"""The lines with curl in the examples send what the programs take, as curl itself sends it."""

import ast
import json
import re
import shlex
import shutil
import subprocess
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
IN_E164 = re.compile(r"\+[1-9][0-9]{6,14}")


def commands() -> Iterator[tuple[str, str]]:
    """All lines that post something, each with the name of its example."""
    for path in sorted(EXAMPLES.glob("*.py")):
        words = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        for line in words.replace("\\\n", " ").splitlines():
            if line.strip().startswith("curl ") and "calls/ID" not in line:
                yield path.name, line.strip()


@contextmanager
def server() -> Generator[tuple[int, list[tuple[str, str, bytes]]]]:
    """A server that keeps the path, the type and the body of each request."""
    received: list[tuple[str, str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            received.append((self.path, self.headers.get("content-type", ""), body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        try:
            yield http.server_port, received
        finally:
            http.shutdown()
            thread.join()


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize(("example", "command"), list(commands()))
def test_the_number_arrives_as_it_is_written(example: str, command: str) -> None:
    with server() as (port, received):
        here = re.sub(r"http://127\.0\.0\.1:\d+", f"http://127.0.0.1:{port}", command)
        given = shlex.split(here)
        subprocess.run([*given, "--silent", "--noproxy", "*"], check=True)
    ((path, kind, body),) = received
    fields = parse_qs(urlsplit(path).query)
    if kind == "application/json":
        fields = {key: [value] for key, value in json.loads(body).items()}
    elif body:
        fields = parse_qs(body.decode())
    (to,) = fields["to"]
    assert IN_E164.fullmatch(to), f"{example}: {to!r}"


def test_all_web_services_have_such_a_line() -> None:
    assert len(list(commands())) >= 6
