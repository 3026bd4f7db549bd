"""Requests: written at most once, in order, and forgotten when they are done."""

from __future__ import annotations

import random
import uuid
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from relay_proto.calls.subjects import OwnRequest
from relay_proto.config import Limits, Timing
from relay_proto.errors import RequestQueueFullError
from relay_proto.link.requests import Request, Requests, is_success, new_id
from relay_proto.pending import Pending
from relay_proto.records import DialRecord, Leg
from relay_proto.timers import Deadlines
from relay_proto.transitions import DialState, RequestState

LIMITS = Limits(queued_requests=3, pending_requests=4)
TIMING = Timing(queue_timeout=60.0)


def request_of(identity: str, timeout: float = 10.0) -> Request:
    frame = b"frame " + identity.encode()
    return Request(identity, "calling.play", {"a": 1}, OwnRequest(), timeout, frame)


class RequestsMachine(RuleBasedStateMachine):
    """The tables of requests beside two lists of ids."""

    def __init__(self) -> None:
        super().__init__()
        self.deadlines: Deadlines[Any] = Deadlines()
        self.requests = Requests(self.deadlines, TIMING, LIMITS)
        self.now = 0.0
        self.made = 0
        self.queued: list[Request] = []
        self.sent: list[Request] = []

    def has_room(self, held: list[Request], limit: int, *, writable: bool) -> bool:
        if len(held) < limit:
            self.requests.check_room("calling.play", 1, writable=writable)
            return True
        with pytest.raises(RequestQueueFullError) as caught:
            self.requests.check_room("calling.play", 1, writable=writable)
        assert (caught.value.method, caught.value.limit) == ("calling.play", limit)
        return False

    def make(self) -> Request:
        self.made += 1
        return request_of(str(self.made))

    @rule(seconds=st.integers(0, 3))
    def wait(self, seconds: int) -> None:
        self.now += seconds

    @rule()
    def enqueue(self) -> None:
        if self.has_room(self.queued, LIMITS.queued_requests, writable=False):
            request = self.make()
            self.requests.enqueue(request, self.now)
            self.queued.append(request)

    @rule()
    def write(self) -> None:
        if self.has_room(self.sent, LIMITS.pending_requests, writable=True):
            self.sent.append(self.make())
            self.requests.written(self.sent[-1], self.now)

    @rule()
    def flush(self) -> None:
        taken = self.requests.take_queued()
        assert taken == self.queued
        for request in taken:
            assert request.frame == b"frame " + request.id.encode()
            self.requests.written(request, self.now)
            assert request.frame == b""
        self.sent += taken
        self.queued = []

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        request = data.draw(st.sampled_from(self.sent))
        assert self.requests.answered(request.id) is request
        self.sent.remove(request)
        self.is_forgotten(request)

    @precondition(lambda self: self.queued)
    @rule(data=st.data())
    def give_up(self, data: st.DataObject) -> None:
        request = data.draw(st.sampled_from(self.queued))
        self.requests.finish(request)
        self.queued.remove(request)
        self.is_forgotten(request)

    @rule()
    def lose_sent(self) -> None:
        assert self.requests.lose_sent() == self.sent
        for request in self.sent:
            self.is_forgotten(request)
        self.sent = []

    @rule()
    def lose_queued(self) -> None:
        assert self.requests.lose_queued() == self.queued
        for request in self.queued:
            self.is_forgotten(request)
        self.queued = []

    def is_forgotten(self, request: Request) -> None:
        assert request.state is RequestState.DONE
        assert request not in self.deadlines
        assert self.requests.answered(request.id) is None
        self.requests.finish(request)  # harmless

    @invariant()
    def a_reply_to_what_was_not_sent_is_nobodys(self) -> None:
        assert all(self.requests.answered(request.id) is None for request in self.queued)

    @invariant()
    def each_waits_in_its_state_until_its_deadline(self) -> None:
        assert len(self.deadlines) == len(self.queued) + len(self.sent)
        assert all(request in self.deadlines for request in self.queued + self.sent)
        assert all(request.state is RequestState.QUEUED for request in self.queued)
        assert all(request.state is RequestState.SENT for request in self.sent)


TestRequests = RequestsMachine.TestCase
TestRequests.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


def test_the_time_for_the_reply_counts_from_the_writing() -> None:
    deadlines: Deadlines[Any] = Deadlines()
    requests = Requests(deadlines, TIMING, LIMITS)
    request = request_of("r1", timeout=10.0)
    requests.enqueue(request, 0.0)
    assert deadlines.next() == 60.0
    assert requests.take_queued() == [request]
    requests.written(request, 59.0)
    assert deadlines.next() == 69.0


def test_no_repr_shows_what_is_asked_for() -> None:
    request = request_of("r1")
    assert repr(request) == "<Request calling.play r1 queued>"
    dial = DialRecord("t-1", Pending(), 120.0)
    assert repr(dial) == "<DialRecord t-1 requested>"


def test_a_dial_begins_without_legs() -> None:
    dial = DialRecord("t-1", Pending(), 120.0)
    assert (dial.state, dial.legs, dial.timeout) == (DialState.REQUESTED, {}, 120.0)
    assert Leg("c-1", "n-1", "cancel").attempts == 0


@pytest.mark.parametrize("code", [200, 299, "200", "202"])
def test_every_2xx_is_a_success_as_text_or_number(code: object) -> None:
    assert is_success(code)


@pytest.mark.parametrize("code", [199, 300, "404", "2xx", None, True, [], "", -1])
def test_nothing_else_is(code: object) -> None:
    assert not is_success(code)


@pytest.mark.parametrize("seed", range(20))
def test_ids_are_random_uuids_and_repeat_with_the_seed(seed: int) -> None:
    identity = new_id(random.Random(seed))
    parsed = uuid.UUID(identity)
    assert str(parsed) == identity
    assert (parsed.version, parsed.variant) == (4, uuid.RFC_4122)
    assert new_id(random.Random(seed)) == identity
    assert new_id(random.Random(seed + 1)) != identity


def test_every_bit_of_an_id_but_those_that_say_its_kind_is_random() -> None:
    chance = random.Random(1)
    identities = [uuid.UUID(new_id(chance)).int for _ in range(64)]
    varying = 0
    for identity in identities:
        varying |= identity ^ identities[0]
    kind = (0xF << 76) | (0x3 << 62)
    assert varying == ((1 << 128) - 1) ^ kind
