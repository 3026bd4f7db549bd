"""The server of the pages of health, when the system has nothing left for a connection."""

from __future__ import annotations

import errno
import selectors
import socket
from collections.abc import Generator

import pytest

from relay_proto.adapter.sockets import PAUSE
from relay_run.health import NO_SUCH_PAGE
from relay_run.http import HealthServer, Reply


class Listener(socket.socket):
    """Listens, and accepts nothing as long as there is an error."""

    error: OSError | None = None
    asked = 0

    def accept(self) -> tuple[socket.socket, object]:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return super().accept()


@pytest.fixture
def listener() -> Generator[Listener]:
    with Listener() as made:
        made.bind(("127.0.0.1", 0))
        made.listen()
        made.setblocking(False)
        yield made


def answer(_path: str, reply: Reply, /) -> None:
    reply(NO_SUCH_PAGE)


def select(selector: selectors.BaseSelector, now: float) -> int:
    """Do what is ready; return how much that is."""
    ready = selector.select(0)
    for key, mask in ready:
        key.data(mask, now)
    return len(ready)


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM])
def test_without_descriptors_it_pauses_and_does_not_spin(listener: Listener, number: int) -> None:
    with (
        selectors.DefaultSelector() as selector,
        socket.create_connection(listener.getsockname()) as client,
    ):
        server = HealthServer(selector, listener, answer)
        listener.error = OSError(number, "it is exhausted")
        assert select(selector, 0.0) == 1
        assert select(selector, 0.0) == 0, "the connection still waits, but nothing is ready"
        assert server.deadline() == PAUSE
        server.handle_timer(PAUSE / 2)
        assert select(selector, PAUSE / 2) == 0
        listener.error = None
        server.handle_timer(PAUSE)
        assert server.deadline() is None
        assert select(selector, PAUSE) == 1
        client.sendall(b"GET / HTTP/1.1\r\nhost: test\r\n\r\n")
        client.settimeout(10)
        for _ in range(2):  # it reads, and writes
            [(key, mask)] = selector.select(10)
            key.data(mask, PAUSE)
        assert client.recv(100).startswith(b"HTTP/1.1 404")
        server.close()


def test_it_may_be_closed_in_such_a_pause(listener: Listener) -> None:
    with (
        selectors.DefaultSelector() as selector,
        socket.create_connection(listener.getsockname()),
    ):
        server = HealthServer(selector, listener, answer)
        listener.error = OSError(errno.EMFILE, "it is exhausted")
        select(selector, 0.0)
        server.close()
        assert not selector.get_map()


def test_one_that_has_left_before_it_was_accepted_is_no_reason_to_pause(
    listener: Listener,
) -> None:
    with (
        selectors.DefaultSelector() as selector,
        socket.create_connection(listener.getsockname()),
    ):
        server = HealthServer(selector, listener, answer)
        listener.error = OSError(errno.ECONNABORTED, "it has left")
        select(selector, 0.0)
        assert server.deadline() is None
        server.close()
