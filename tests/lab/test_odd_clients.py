"""Clients that leave in the middle, never finish, or send something else than HTTP."""

from __future__ import annotations

import logging
import socket

import pytest
import trio
import trio.testing
from starlette.types import Message

from relay_anyio.lab.app import BODY_TIMEOUT, make_view
from relay_anyio.lab.asked import Asked, Query, Route
from relay_anyio.lab.guard import Guard
from relay_anyio.lab.shapes import Done, Nothing
from relay_anyio.simulator import Authority
from tests.lab.harness import PATIENCE, LabRunner, running

HALF = (
    b"POST /api/reset HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
    b"content-length: 100\r\n\r\n{"
)
UPGRADE = (
    b"GET /api/state HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
ODD = [b"\x16\x03\x01\x00\xa5", b"GARBAGE\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", UPGRADE]


def opened(port: int, data: bytes) -> socket.socket:
    """A connection on which this has been sent."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
    connection.sendall(data)
    return connection


def close_after_all_was_read(lab: LabRunner, connection: socket.socket) -> None:
    lab.get("/api/state")
    connection.close()
    lab.get("/api/state")


@pytest.mark.parametrize("data", [*ODD, HALF])
def test_what_clients_do_is_no_trouble_of_the_lab(
    lab: LabRunner, caplog: pytest.LogCaptureFixture, data: bytes
) -> None:
    close_after_all_was_read(lab, opened(lab.port, data))
    assert lab.get("/api/calls") == {"calls": []}
    assert caplog.records == []


def test_a_lab_ends_quietly_while_bodies_and_streams_are_open(
    authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    stream = b"GET /api/stream HTTP/1.1\r\nhost: localhost\r\n\r\n"
    with running(authority) as lab:
        connections = [opened(lab.port, data) for data in (HALF, stream, b"", b"GET /")]
        lab.get("/api/state")
    for connection in connections:
        connection.close()
    assert [record for record in caplog.records if record.levelno > logging.INFO] == []


def test_an_error_of_the_lab_itself_is_reported(
    lab: LabRunner, caplog: pytest.LogCaptureFixture
) -> None:
    del lab.lab.about
    assert lab.ask("GET", "/api/state").status == 500
    lab.get("/api/calls")  # the answer comes first
    [record] = caplog.records
    assert record.name == "relay_anyio.lab"
    assert record.exc_info is not None


def test_a_body_that_never_ends_is_given_up() -> None:
    def handle(asked: Asked[Query, Nothing]) -> Done:
        raise AssertionError(f"{asked} is not complete")

    sent: list[Message] = []
    waiting: list[Message] = [{"type": "http.request", "body": b"{", "more_body": True}]

    async def receive() -> Message:
        if not waiting:
            await trio.sleep_forever()
        return waiting.pop()

    async def send(message: Message) -> None:
        sent.append(message)

    async def main() -> None:
        route = Route(method="POST", path="/x", handle=handle, answer=Done, body=Nothing)
        app = make_view([route], Guard(["localhost"]))
        headers = [(b"host", b"localhost"), (b"content-type", b"application/json")]
        scope = {"type": "http", "method": "POST", "path": "/x", "root_path": ""}
        before = trio.current_time()
        await app({**scope, "query_string": b"", "headers": headers}, receive, send)
        assert trio.current_time() - before == BODY_TIMEOUT

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    assert sent[0]["status"] == 408
    assert b"the body has not come within 30 s" in sent[1]["body"]
