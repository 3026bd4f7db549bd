"""What a forked child does with what it inherits, as far as that can be seen without a fork."""

from __future__ import annotations

import gc
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from random import Random
from typing import Any

import pytest

from relay_proto import resolve_config
from relay_proto.adapter.clients import ClientBase
from relay_proto.adapter.connection_errors import ToldError
from relay_proto.adapter.errands import Errands
from relay_proto.adapter.forks import Forks, forks, lead_nowhere, refusal
from relay_proto.adapter.logs import Lines, Log, mask_lines
from relay_proto.adapter.network import Network
from relay_proto.adapter.signals import HandlersBefore
from relay_proto.adapter.slots import Slots
from relay_proto.adapter.streams import StreamBase
from relay_proto.client import ClientCore
from relay_proto.client_interface import ClientInterface

PATIENCE = 10.0
"""Seconds after which something hangs."""


class Heir:
    def __init__(self, log: list[str], name: str) -> None:
        self._log = log
        self._name = name

    def forked(self) -> None:
        self._log.append(self._name)


def test_who_is_still_there_is_called_once_for_each_fork() -> None:
    log: list[str] = []
    mine = Forks()
    stays, goes = Heir(log, "stays"), Heir(log, "goes")
    mine.call_in_child(stays.forked)
    mine.call_in_child(stays.forked)
    mine.call_in_child(goes.forked)
    del goes
    gc.collect()
    for number in (1, 2):
        mine.become_child()
        assert log == ["stays"] * number
        assert mine.count == number


def test_a_child_closes_its_copy_and_the_peer_notices_nothing() -> None:
    mine = Forks()
    parent, peer = socket.socketpair()
    with parent, peer:
        child = parent.dup()  # as a fork has it
        mine.keep_from_children(child)
        mine.become_child()
        assert child.fileno() == -1
        peer.setblocking(False)
        with pytest.raises(BlockingIOError):
            peer.recv(1)
        parent.sendall(b"still there")
        assert peer.recv(100) == b"still there"


def test_a_child_closes_what_something_holds_open() -> None:
    """As an event loop does that is written in C."""
    mine = Forks()
    child, peer = socket.socketpair()
    with child, peer, child.makefile("rb"):
        mine.keep_from_children(child)
        mine.become_child()
        peer.settimeout(PATIENCE)
        assert peer.recv(1) == b""  # here, this was the only copy


@pytest.mark.parametrize("free_below", [True, False])
def test_who_holds_a_descriptor_that_leads_nowhere_reaches_nobody(*, free_below: bool) -> None:
    lower = os.open(os.devnull, os.O_RDONLY)
    parent, peer = socket.socketpair()
    with parent, peer, parent.dup() as held:
        if free_below:  # then the new socket does not get the number by itself
            os.close(lower)
        number = held.fileno()
        lead_nowhere(number)
        assert held.fileno() == number
        with suppress(OSError):  # be it that it is refused, or that nobody is there
            held.send(b"x")
        peer.setblocking(False)
        with pytest.raises(BlockingIOError):
            peer.recv(1)
    if not free_below:
        os.close(lower)


class Connection:
    alive = True


def test_a_child_has_slots_of_its_own() -> None:
    slots = Slots()
    environ = {"RELAY_MAX_CONNECTIONS": "1"}
    parents = Connection()
    slots.take(parents, environ)
    with pytest.raises(RuntimeError, match="RELAY_MAX_CONNECTIONS"):
        slots.take(Connection(), environ)
    forks.become_child()
    slots.take(Connection(), environ)


def test_who_is_not_alive_any_more_has_no_slot() -> None:
    slots = Slots()
    environ = {"RELAY_MAX_CONNECTIONS": "1"}
    gone = Connection()
    slots.take(gone, environ)
    gone.alive = False
    slots.take(Connection(), environ)


def test_a_child_has_errands_of_its_own() -> None:
    errands = Errands(most=1)
    hangs, is_done = threading.Event(), threading.Event()
    thread = errands.run(hangs.wait, lambda _: None, "hangs")
    with pytest.raises(ToldError, match="hang already"):
        errands.run(bool, lambda _: None, "comes too late")
    forks.become_child()
    errands.run(bool, lambda _: is_done.set(), "is done").join()
    assert is_done.is_set()
    hangs.set()
    thread.join()


class Engine:
    """As much of one as a client that registers streams needs; it is connected or not."""

    def __init__(self, core: ClientInterface, *, connected: bool) -> None:
        self.core = core
        self.over = False
        self._connected = connected

    def deliver_by(self, delivery: object) -> None: ...
    def check_belongs_here(self) -> None: ...
    def tell_changed(self) -> None: ...
    def deadline_changed(self) -> None: ...

    def time(self) -> float:
        return 0.0

    def arrange(self, function: Callable[[], object], *, wait: bool) -> None:
        function()

    def forked(self) -> bool:
        return self._connected


class Client(ClientBase[Any, Any, Any]):
    connected = False

    def _make_engine(self, core: ClientInterface) -> Any:
        return Engine(core, connected=self.connected)

    def _make_runner(self, engine: Any) -> Any: ...
    def _call_of(self, engine: Any, record: Any) -> Any: ...
    def _message_of(self, engine: Any, record: Any) -> Any: ...

    def calls(self) -> Stream:
        stream = Stream(self)
        self._add_stream(stream, None)
        return stream


class Stream(StreamBase[Any]):
    def _wake(self) -> None: ...


@pytest.mark.parametrize("connected", [True, False])
def test_the_calls_of_a_client_that_was_connected_are_not_the_childs(*, connected: bool) -> None:
    config = resolve_config({}, project="p", token="t")
    log = Log(logging.getLogger("relay_test.forks"))
    arguments: dict[str, Any] = {"project": "p", "token": "t", "jwt_token": None}
    client = Client(config, None, log, Network(1.0), **arguments)
    client.connected = connected
    engine = client._engine_before_start()  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    stream = client.calls()
    forks.become_child()
    assert ("open" in repr(stream)) is not connected
    after = client._engine_before_start()  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    assert (after is engine) is connected
    stream.close()


@contextmanager
def held_elsewhere(lock: threading.Lock) -> Generator[None]:
    """Let another thread hold `lock`, which would not be there in a child."""
    held, over = threading.Event(), threading.Event()

    def hold() -> None:
        with lock:
            held.set()
            over.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_a_child_can_log_although_another_thread_did_so_when_it_was_forked() -> None:
    logger = logging.getLogger("relay_test.forks")
    config = resolve_config({}, project="p", token="secret-token")
    core = ClientCore(config, Random(1))
    mask_lines(logger, core.scrubber)
    line_filter: Any = logger.filters[0]
    with held_elsewhere(line_filter._lock):  # noqa: SLF001 - nothing else holds it for long
        forks.become_child()
        record = logger.makeRecord("relay_test", logging.INFO, "", 1, "secret-token", (), None)
        assert logger.filter(record)
        assert "secret-token" not in record.getMessage()


def test_a_child_can_count_lines_although_another_thread_did_so_when_it_was_forked(
    caplog: pytest.LogCaptureFixture,
) -> None:
    counting, over = threading.Event(), threading.Event()

    def clock() -> float:
        if threading.current_thread() is parents:
            counting.set()
            over.wait()
        return 0.0

    def write() -> None:
        for _ in range(3):
            lines.write(("failed", ""), logging.WARNING, "it has failed")
        lines.flush()

    lines = Lines(Log(logging.getLogger("relay_test.forks")), clock, lambda: None)
    parents = threading.Thread(target=lines.flush)
    parents.start()
    counting.wait()
    try:
        forks.become_child()
        childs = threading.Thread(target=write, daemon=True)
        childs.start()
        childs.join(PATIENCE)
        assert not childs.is_alive()
        assert [words.partition(" (")[0] for words in caplog.messages] == ["it has failed"] * 2
    finally:
        over.set()
        parents.join()


def test_a_child_handles_signals_as_before() -> None:
    before = signal.getsignal(signal.SIGTERM)
    handlers = HandlersBefore([signal.SIGTERM])
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    forks.become_child()
    assert signal.getsignal(signal.SIGTERM) == before
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    handlers.restore()
    assert signal.getsignal(signal.SIGTERM) == before


def test_the_refusal_names_the_process_and_what_to_do() -> None:
    error = refusal(4711)
    assert "connected by process 4711" in str(error)
    assert "nothing was sent" in str(error)
    assert "Make a RelayClient here" in str(error)
