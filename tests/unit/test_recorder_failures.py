"""A recorder that fails: its recording ends, and nothing else."""

from __future__ import annotations

import asyncio
import errno
import gc
import inspect
import json
import random
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from relay_proto import ClientConfig, ClientCore
from relay_proto.api import commands
from relay_proto.client_interface import ClientInterface
from relay_proto.errors import ClientClosedError
from relay_proto.outputs import Closed, OpenTransport
from relay_proto.pending import Pending
from relay_proto.recorder.recording import RecordingCore
from relay_proto.transitions import SessionState
from tests.unit.client_peer import CREDENTIALS, Peer

FULL = OSError(errno.ENOSPC, "No space left on device")
FAILURES = [
    FULL,
    ValueError("I/O operation on closed file"),
    RecursionError("too deep"),
    asyncio.CancelledError(),
    GeneratorExit(),
    pytest.fail.Exception("failed"),
]
"""Errors of every class that must end the recording alone."""


class Recorder:
    """Takes the lines of a recording, and fails when a test wants it to."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.fails_at = 0
        """The number of the line at which it fails, from 1; 0 for none."""
        self.error: BaseException = FULL
        self.attempts = 0
        self.failures: list[BaseException] = []
        self.on_closed: Callable[[], object] = lambda: None
        self.on_failure: Callable[[BaseException], object] = self.failures.append

    def write(self, line: str) -> None:
        self.attempts += 1
        if self.attempts == self.fails_at:
            raise self.error
        self.lines.append(line)

    def core(self, config: ClientConfig, _: random.Random) -> RecordingCore:
        return RecordingCore(
            config,
            random.Random(1),
            self.write,
            seed=1,
            on_failure=self.on_failure,
            on_closed=self.on_closed,
        )


def converse(peer: Peer) -> None:
    """A session with a call, a message, a lost connection and an end."""
    peer.connect()
    call = peer.offer()
    peer.execute_on(call, commands.answer())
    peer.reply(peer.take_all("calling.answer")[-1])
    peer.execute(commands.send_message(to_number="+1555", from_number="+1556", body="Hi"))
    peer.reply(peer.take_all("messaging.send")[-1], {"code": "200", "message_id": "m-1"})
    peer.cut()
    peer.reconnect()
    peer.close()
    peer.hang_up()


def what_happened(peer: Peer) -> list[object]:
    return [[repr(output) for output in peer.outputs], peer.written]


def unrecorded() -> list[object]:
    peer = Peer(seed=1)
    converse(peer)
    return what_happened(peer)


def test_a_line_that_cannot_be_written_ends_the_recording_alone() -> None:
    sound = Recorder()
    converse(Peer(make_core=sound.core))
    assert len(sound.lines) > 10
    for number in range(1, len(sound.lines) + 1):
        recorder = Recorder()
        recorder.fails_at = number
        peer = Peer(make_core=recorder.core)
        converse(peer)
        assert what_happened(peer) == unrecorded()
        assert recorder.failures == [FULL]
        assert recorder.attempts == number
        assert recorder.lines == sound.lines[: number - 1]


@pytest.mark.parametrize("error", FAILURES, ids=lambda error: type(error).__name__)
def test_whatever_is_raised_ends_the_recording_alone(error: BaseException) -> None:
    recorder = Recorder()
    recorder.fails_at, recorder.error = 6, error
    peer = Peer(make_core=recorder.core)
    converse(peer)
    assert what_happened(peer) == unrecorded()
    assert recorder.failures == [error]


@pytest.mark.parametrize("error", FAILURES, ids=lambda error: type(error).__name__)
def test_a_file_that_cannot_be_closed_harms_nothing(error: BaseException) -> None:
    def close() -> None:
        raise error

    recorder = Recorder()
    recorder.on_closed = close
    peer = Peer(make_core=recorder.core)
    converse(peer)
    assert what_happened(peer) == unrecorded()
    assert peer.last(Closed).error is None
    assert recorder.failures == [error]
    assert json.loads(recorder.lines[-1])["state"] == "closed"
    with pytest.raises(ClientClosedError):
        peer.execute(commands.receive(["sales"]))
    assert recorder.failures == [error]


@pytest.mark.parametrize("error", FAILURES, ids=lambda error: type(error).__name__)
def test_a_failure_that_cannot_be_reported_harms_nothing(error: BaseException) -> None:
    def report(_: BaseException) -> None:
        raise error

    recorder = Recorder()
    recorder.fails_at = 4
    recorder.on_failure = report
    peer = Peer(make_core=recorder.core)
    converse(peer)
    assert what_happened(peer) == unrecorded()
    assert recorder.attempts == 4


class Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError("it has no words")


def test_what_cannot_be_described_ends_the_recording_alone() -> None:
    recorder = Recorder()
    peer = Peer(make_core=recorder.core)
    peer.connect()
    with pytest.raises(TypeError):  # as without a recorder: it is not JSON
        peer.execute(commands.execute("test.echo", {"what": Unprintable()}))
    [failure] = recorder.failures
    assert str(failure) == "it has no words"
    lines = len(recorder.lines)
    assert peer.offer().call_id == "c-1"
    assert len(recorder.lines) == lines


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_what_ends_the_program_is_raised_after_a_whole_step(kind: type[BaseException]) -> None:
    recorder = Recorder()
    recorder.fails_at, recorder.error = 3, kind()
    core = recorder.core(Peer().core.config, random.Random())
    core.accepting_calls = True
    with pytest.raises(kind):
        core.start(0.0)
    assert [type(failure) for failure in recorder.failures] == [kind]
    assert core.state is SessionState.CONNECTING
    assert core.next_output() == OpenTransport(1)
    core.close(1.0)
    assert recorder.attempts == 3


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_what_ends_the_program_is_raised_out_of_a_report(kind: type[BaseException]) -> None:
    def report(_: BaseException) -> None:
        raise kind

    recorder = Recorder()
    recorder.fails_at = 1
    recorder.on_failure = report
    with pytest.raises(kind):
        recorder.core(Peer().core.config, random.Random())


# The interface


def public(kind: type) -> set[str]:
    return {name for name in dir(kind) if not name.startswith("_")}


def test_it_offers_all_that_a_client_core_offers() -> None:
    names = public(ClientInterface) - {"config"}  # an attribute of each
    assert public(RecordingCore) >= names
    for name in names:
        original = getattr(ClientCore, name, None)
        if inspect.isfunction(original):
            recorded = getattr(RecordingCore, name)
            assert inspect.signature(recorded) == inspect.signature(original)
            assert inspect.getdoc(recorded)


def test_it_shows_what_the_core_shows() -> None:
    recorder = Recorder()
    peer = Peer(make_core=recorder.core)
    peer.connect()
    peer.offer()
    core = peer.core
    assert core.state is SessionState.READY
    assert core.protocol == "signalwire_ab12_v2"
    assert core.contexts == ("office",)
    assert core.active_calls == len(core.live_calls) == 1
    assert core.queued_requests == 0
    assert not core.draining
    assert core.accepted_contexts is None
    assert core.config.credentials == CREDENTIALS
    assert not core.config.trace_frames
    assert "ready" in repr(core)


def test_it_keeps_no_result_that_nobody_waits_for() -> None:
    core = Recorder().core(Peer().core.config, random.Random())
    core.start(0.0)
    pending: Pending[Any] | None = core.execute(commands.receive(["sales"]), 0.0)
    core.close(0.0)
    while core.next_output() is not None:
        pass
    assert pending is not None
    assert pending.settled
    core.cancel(pending, 0.0)
    alive = weakref.ref(pending)
    pending = None
    gc.collect()
    assert alive() is None
