"""The observed core: it is told of everything, and is a core like any other."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from relay_proto.api import commands
from relay_proto.api.builders import phone
from relay_proto.client import ClientCore
from relay_proto.client_interface import ClientInterface
from relay_proto.config import ClientConfig, Credentials, Secret
from relay_proto.observing.observed import LAG_INTERVAL, ObservedCore
from relay_proto.outputs import Closed, OpenTransport, Output
from relay_proto.records import CallRecord
from relay_proto.rpc.action_kinds import PLAY
from relay_proto.transitions import CallState, SessionState

CREDENTIALS = Credentials(project=Secret("p-1"), token=Secret("PT-secret"))


class Noting:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.commands: list[Any] = []
        self.outputs: list[tuple[Output, float]] = []
        self.lateness: list[float] = []

    def commanded(self, command: Any, target: Any, pending: Any, now: float) -> None:
        self.commands.append((command, target, pending, now))

    def put_out(self, output: Output, now: float) -> None:
        self.outputs.append((output, now))

    def late(self, seconds: float) -> None:
        self.lateness.append(seconds)

    def enter(self, record: Any, now: float) -> None: ...
    def left(self, record: Any, failure: BaseException | None, now: float) -> None: ...


@pytest.fixture
def noting() -> Noting:
    return Noting()


@pytest.fixture
def inner() -> ClientCore:
    return ClientCore(ClientConfig(credentials=CREDENTIALS), Random(1))


@pytest.fixture
def core(inner: ClientCore, noting: Noting) -> ObservedCore:
    return ObservedCore(inner, noting, Random(2))


def drained(core: ClientInterface) -> list[Output]:
    outputs: list[Output] = []
    while (output := core.next_output()) is not None:
        outputs.append(output)
    return outputs


def test_an_observed_core_shows_what_its_core_shows(core: ObservedCore, inner: ClientCore) -> None:
    shown: ClientInterface = core
    shown.accepting_calls, shown.accepted_contexts = True, frozenset({"office"})
    names = """config scrubber state protocol contexts live_calls active_calls queued_requests
        draining accepting_calls accepted_contexts"""
    for name in names.split():
        assert getattr(core, name) == getattr(inner, name)
    assert repr(core) == f"<ObservedCore of {inner!r}>"


def test_outputs_have_the_time_of_their_input(core: ObservedCore, noting: Noting) -> None:
    core.start(5.0, retry=True)
    (opened,) = drained(core)
    core.use_contexts(["office"], 5.5)
    core.use_credentials(1, CREDENTIALS, 5.5)
    core.transport_opened(1, 6.0)
    drained(core)
    core.receive_data(1, b"HTTP/1.1 500 No\r\n\r\n", 7.0)
    drained(core)
    core.transport_closed(1, 8.0, "gone")
    core.close(9.0)
    drained(core)
    assert noting.outputs[0] == (opened, 5.0)
    assert isinstance(opened, OpenTransport)
    last, now = noting.outputs[-1]
    assert isinstance(last, Closed)
    assert now == 9.0
    assert {7.0, 9.0} <= {now for _, now in noting.outputs}


def test_there_is_a_timer_each_second(core: ObservedCore, noting: Noting) -> None:
    assert core.deadline() is None
    core.start(10.0)
    drained(core)
    assert core.deadline() == 10.0 + LAG_INTERVAL
    core.handle_timer(10.5)
    assert noting.lateness == []
    core.handle_timer(11.25)
    assert noting.lateness == [0.25]
    assert core.deadline() == 11.25 + LAG_INTERVAL
    core.handle_timer(10.0 + 15.0)  # the time to connect is over
    assert len(noting.lateness) == 2
    core.close(26.0)
    drained(core)
    assert core.state is SessionState.CLOSED
    assert core.deadline() is None


def test_the_sooner_deadline_counts(core: ObservedCore, inner: ClientCore) -> None:
    core.start(0.0)
    drained(core)
    due = inner.deadline()
    assert due is not None
    while (timer := core.deadline()) is not None and timer < due:
        core.handle_timer(timer)
    assert core.deadline() == due


def test_after_a_failed_attempt_the_timer_goes_on(core: ObservedCore, inner: ClientCore) -> None:
    core.start(0.0)
    drained(core)
    core.transport_closed(1, 0.5, "refused")
    drained(core)
    assert inner.deadline() is None
    assert core.deadline() == LAG_INTERVAL


def test_commands_have_ids_that_an_observer_can_know(core: ObservedCore, noting: Noting) -> None:
    core.start(0.0, retry=True)
    call = core.adopt(CallRecord("c-1", "n-1"))
    core.execute_on(call, commands.play([{"type": "silence", "duration": 1}]), 1.0)
    given = commands.play([{"type": "silence", "duration": 1}], control_id="mine")
    pending = core.execute_on(call, given, 2.0)
    core.execute(commands.dial([[phone("+15550001111", from_number="+15550002222")]]), 3.0)
    play, named, dial = noting.commands
    assert play[0].params["control_id"] in call.actions
    assert named == (given, call, pending, 2.0)
    assert len(dial[0].params["tag"]) == len("2c22100d-a725-4fa9-a99d-56edc7d06632")
    assert core.queued_requests == 3
    core.cancel(pending, 4.0)
    assert core.queued_requests == 2


def test_what_is_not_told_is_passed_on(core: ObservedCore, inner: ClientCore) -> None:
    core.start(0.0, retry=True)
    call = core.adopt(CallRecord("c-1", "n-1"))
    assert core.live_calls == (call,)
    assert core.attach(call, PLAY, "a-1") is call.actions["a-1"]
    waited = core.wait_for(call, CallState.ANSWERED, 1.0)
    ready = core.wait_ready(1.0)
    core.hang_up(call, 1.0)
    core.drain(1.0)
    assert inner.draining
    core.close(2.0)
    assert waited.settled
    assert ready.error is not None
