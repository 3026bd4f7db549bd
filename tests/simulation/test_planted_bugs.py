"""The test of the tests: a core in which one thing is wrong is found out.

Each test changes one behaviour of the core and runs worlds until a promise is
broken. Only the promise that is meant counts; a few seeds have to suffice.
"""

from __future__ import annotations

from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import pytest

from relay_proto.calls import calls as calls_module
from relay_proto.calls.calls import Calls
from relay_proto.calls.dials import Dials, Legs
from relay_proto.calls.messages import Messages
from relay_proto.client import ClientCore
from relay_proto.config import ClientConfig
from relay_proto.core import OutputQueue
from relay_proto.dispatch import Dispatch
from relay_proto.errors import ConnectionLostError
from relay_proto.link import backoff
from relay_proto.link.backoff import Backoff
from relay_proto.link.liveness import Liveness
from relay_proto.link.requests import Requests
from relay_proto.link.resume import Resume
from relay_proto.link.session import Session
from relay_proto.outputs import CallEnded, Closed, Disconnected, Output, PeerViolation, Settled
from relay_proto.records import CallRecord
from relay_proto.rpc.masking import Scrubber
from relay_proto.testing.checks import CHECKS, BrokenPromiseError
from relay_proto.testing.plans import simulate
from relay_proto.testing.world import LivelockError, MakeCore
from relay_proto.timers import Deadlines, Timer
from relay_proto.transitions import SessionState

MOST_SEEDS = 40


def seeds_until(check: str, *, event_ids: int = 1024, make_core: MakeCore = ClientCore) -> int:
    """How many worlds it takes until this check fails."""
    others: list[str] = []
    for seed in range(MOST_SEEDS):
        try:
            simulate(seed, event_ids=event_ids, make_core=make_core)
        except BrokenPromiseError as broken:
            if broken.check == check:
                return seed + 1
            others.append(str(broken))
        except AssertionError as broken:  # the core's own
            others.append(str(broken))
    pytest.fail(f"not found out in {MOST_SEEDS} worlds: {check}; but: {others}")


def test_an_acknowledgement_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    right, sent = Session.send, count(1)

    def forgetful(self: Session, data: bytes) -> None:
        if b'"result"' not in data or next(sent) % 50:
            right(self, data)

    monkeypatch.setattr(Session, "send", forgetful)
    seeds_until("everything is acknowledged")


def test_an_acknowledgement_is_sent_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Session.send

    def stammering(self: Session, data: bytes) -> None:
        right(self, data)
        if b'"result"' in data:
            right(self, data)

    monkeypatch.setattr(Session, "send", stammering)
    seeds_until("acknowledged where it came")


def test_a_request_is_sent_before_the_authentication(monkeypatch: pytest.MonkeyPatch) -> None:
    def eager(self: Any, request: Any, now: float) -> None:
        if self._session.state in (SessionState.READY, SessionState.AUTHENTICATING):
            self._write(request, now)
        else:
            self._requests.enqueue(request, now)

    monkeypatch.setattr(Dispatch, "_dispatch", eager)
    seeds_until("nothing is sent early")


def test_an_unwanted_leg_is_not_hung_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def lazy(*args: object) -> None:
        """Let it ring."""

    monkeypatch.setattr(Dispatch, "hang_up", lazy)
    seeds_until("nobody is left ringing")


def test_a_stray_leg_is_not_recognised(monkeypatch: pytest.MonkeyPatch) -> None:
    def blind(*args: object) -> Legs:
        return ()

    monkeypatch.setattr(Dials, "_check_stray", blind)
    seeds_until("nobody is left ringing")


@pytest.mark.parametrize("forgets", ["resolve", "fail"])
def test_a_pending_is_never_settled(monkeypatch: pytest.MonkeyPatch, forgets: str) -> None:
    right, settled = getattr(OutputQueue, forgets), count(1)

    def forgetful(self: OutputQueue, pending: Any, what: Any) -> None:
        if next(settled) % 20:
            right(self, pending, what)

    monkeypatch.setattr(OutputQueue, forgets, forgetful)
    seeds_until("every wait ends")


def test_a_settled_pending_is_not_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(self: OutputQueue, pending: Any, error: BaseException) -> None:
        if not pending.settled:
            pending.fail(error)

    monkeypatch.setattr(OutputQueue, "fail", silent)
    seeds_until("every wait ends")


def test_an_event_is_heard_twice() -> None:
    seeds_until("nothing is heard twice", event_ids=1)


def test_a_message_is_reported_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Messages.receive_state

    def stammering(self: Messages, event: Any, now: float) -> None:
        right(self, event, now)
        right(self, event, now)

    monkeypatch.setattr(Messages, "receive_state", stammering)
    seeds_until("nothing is heard twice")


def test_a_lost_session_leaves_its_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    def forgetful(*args: object) -> None:
        """Keep them."""

    monkeypatch.setattr(Calls, "end_all", forgetful)
    seeds_until("an ended call leaves no memory")


def test_a_call_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def obedient(order: dict[str, int], state: str, reported: str) -> str:
        return reported or state

    monkeypatch.setattr(calls_module, "forward", obedient)
    seeds_until("calls only move forward")


def test_an_ended_call_does_not_complete_its_actions(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Calls.complete

    def unwilling(self: Calls, action: Any, event: Any) -> None:
        if event.event_type != "calling.call.state":
            right(self, action, event)

    monkeypatch.setattr(Calls, "complete", unwilling)
    seeds_until("an ended call completes its actions")


def test_an_ended_call_does_not_wake_its_waiters(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Calls.update

    def quiet(self: Calls, call: Any, event: Any, state: str) -> None:
        waits, call.waits = call.waits, {}
        right(self, call, event, state)
        call.waits = waits

    monkeypatch.setattr(Calls, "update", quiet)
    seeds_until("an ended call wakes its waiters")


def test_a_transport_is_not_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(self: OutputQueue, transport: int, *, flush: bool) -> None:
        """Leave it open."""

    monkeypatch.setattr(OutputQueue, "close", careless)
    seeds_until("at most one transport")


@pytest.mark.parametrize(
    ("timer", "promise"),
    [
        (Timer.CLOSE, "Closed within the close timeout"),
        (Timer.CONNECT, "a silent peer is a dead peer"),
        (Timer.AUTHENTICATE, "a silent peer is a dead peer"),
        (Timer.PROBE, "a silent peer is a dead peer"),
        (Timer.RETRY, "a core comes back"),
    ],
)
def test_a_timer_is_ignored(monkeypatch: pytest.MonkeyPatch, timer: Timer, promise: str) -> None:
    right = Session.handle_timer

    def deaf(self: Session, due: Timer, now: float) -> None:
        if due is not timer:
            right(self, due, now)

    monkeypatch.setattr(Session, "handle_timer", deaf)
    seeds_until(promise)


def test_a_closed_core_keeps_deadlines(monkeypatch: pytest.MonkeyPatch) -> None:
    def lazy(*args: object) -> None:
        """Keep them."""

    monkeypatch.setattr(Deadlines, "clear_all", lazy)
    monkeypatch.setattr(Messages, "fail_all", lazy)
    seeds_until("silence after Closed")


class Hoarder(ClientCore):
    """It never lets go of a call."""

    def __init__(self, config: ClientConfig, random: Random) -> None:
        super().__init__(config, random)
        self.hoard: list[CallRecord] = []

    def next_output(self) -> Output | None:
        output = super().next_output()
        if isinstance(output, CallEnded):
            self.hoard.append(output.call)
        return output


def test_a_closed_core_keeps_calls() -> None:
    seeds_until("a closed core leaves no memory", make_core=Hoarder)


def test_a_silent_peer_is_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    def trusting(*args: object) -> None:
        """Never ask."""

    monkeypatch.setattr(Liveness, "probe", trusting)
    seeds_until("a silent peer is a dead peer")


def test_delays_grow_too_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "JITTER", 30.0)
    seeds_until("a crowd does not stampede")


def test_a_disconnect_is_not_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    right = OutputQueue.push

    def silent(self: OutputQueue, output: Any) -> None:
        if type(output).__name__ != "Disconnected":
            right(self, output)

    monkeypatch.setattr(OutputQueue, "push", silent)
    seeds_until("Connected and Disconnected alternate")


def test_a_frame_is_traced_unmasked(monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(self: Scrubber, data: bytes) -> str:
        return data.decode()

    monkeypatch.setattr(Scrubber, "frame", careless)
    seeds_until("secrets stay secret")


def test_a_deadline_is_not_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    def stuck(self: Deadlines[Any], now: float) -> None:
        """Leave it there."""

    monkeypatch.setattr(Deadlines, "pop_due", stuck)
    seeds_until("after handle_timer(t), deadline() > t")


def test_time_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relay_proto.testing.world.MOST_STEPS_PER_SECOND", 20)
    with pytest.raises(LivelockError):
        simulate(1)


def test_a_slow_request_takes_the_link_down(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Dispatch.expired

    def drastic(self: Any, request: Any, now: float) -> None:
        right(self, request, now)
        if self._session.state is SessionState.READY:
            drop = getattr(self._session, "_drop")  # noqa: B009 - ours to misuse
            drop(ConnectionLostError("slow", maybe_delivered=False), now, flush=True)

    monkeypatch.setattr(Dispatch, "expired", drastic)
    seeds_until("a peer that talks is not left")


def test_refused_credentials_are_tried_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Backoff, "refuse", lambda self, code: False)
    seeds_until("refused credentials end it")


def test_the_authorization_state_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def forgetful(*args: object) -> None:
        """Keep nothing."""

    monkeypatch.setattr(Resume, "remember", forgetful)
    seeds_until("a resumed session is the same session")


def test_the_calls_of_a_lost_session_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def forgetful(*args: object) -> None:
        """Keep them."""

    monkeypatch.setattr(Calls, "end_all", forgetful)
    seeds_until("a lost session ends its calls")


def test_a_queue_has_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    def generous(*args: object, **kwargs: object) -> None:
        """There is always room."""

    monkeypatch.setattr(Requests, "check_room", generous)
    seeds_until("growth has a bound")


def test_a_timer_is_wound_up_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    right = ClientCore.handle_timer

    def winding(self: Any, now: float) -> None:
        right(self, now)
        if self.state is SessionState.READY:
            self._deadlines.set(Timer.PING, now + 1.0)

    monkeypatch.setattr(ClientCore, "handle_timer", winding)
    seeds_until("a needless handle_timer does nothing")


def test_an_empty_message_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    right, sent = Session.send, count(1)

    def careless(self: Session, data: bytes) -> None:
        right(self, data if next(sent) % 50 else b"")

    monkeypatch.setattr(Session, "send", careless)
    seeds_until("a core keeps to the protocol")


def test_a_fair_server_is_accused(monkeypatch: pytest.MonkeyPatch) -> None:
    right, heard = vars(ClientCore)["_receive_event"], count(1)

    def deaf(self: ClientCore, frame: Any, now: float) -> None:
        if next(heard) % 50:
            right(self, frame, now)
        else:
            out: OutputQueue = self._out  # pyright: ignore[reportPrivateUsage]
            out.push(PeerViolation("an event without a type"))

    monkeypatch.setattr(ClientCore, "_receive_event", deaf)
    seeds_until("the exchange keeps to the protocol")


def test_a_core_closes_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    right = OutputQueue.push

    def tired(self: OutputQueue, output: Any) -> None:
        right(self, output)
        if isinstance(output, Disconnected) and output.error is not None:
            right(self, Closed(None))

    monkeypatch.setattr(OutputQueue, "push", tired)
    seeds_until("Closed when asked to")


def test_a_pending_is_settled_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    right = OutputQueue.resolve

    def stammering(self: OutputQueue, pending: Any, result: Any) -> None:
        right(self, pending, result)
        self.push(Settled(pending))

    monkeypatch.setattr(OutputQueue, "resolve", stammering)
    seeds_until("every Pending settles once")


def test_every_check_is_seen_to_fail() -> None:
    """By a test of this module, or by one of the three of `plants`."""
    here = Path(__file__).read_text("utf-8") + (Path(__file__).parent / "test_soak.py").read_text()
    assert [check for check in CHECKS if f'{check}"' not in here] == []
