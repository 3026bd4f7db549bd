"""Requests: what their answers mean, and how many may wait for one."""

from __future__ import annotations

import uuid
from contextlib import suppress
from typing import Any

import pytest

from relay_proto import Limits
from relay_proto.api import commands as c
from relay_proto.api.commands import Command
from relay_proto.errors import (
    ConnectionLostError,
    LocalProtocolError,
    RelayError,
    RequestQueueFullError,
    RequestTimeoutError,
)
from relay_proto.outputs import CallEnded, Dropped, Ignored, OfferRefused, PeerViolation
from relay_proto.rpc import action_kinds as kinds
from tests.unit.client_peer import DEVICES, Frame, Peer, dial, ends, error_of, leg, starting


@pytest.fixture
def peer() -> Peer:
    peer = Peer()
    peer.connect()
    peer.forget()
    return peer


class TestResultCodes:
    @pytest.mark.parametrize(
        "result",
        [
            {},
            {"code": "200"},
            {"code": 200},
            {"code": "202"},
            {"code": 299},
            {"code": "299", "x": 1},
            {"code": None},
            {"x": []},
        ],
    )
    def test_no_code_or_a_2xx_is_a_success(self, peer: Peer, result: Frame) -> None:
        asked = peer.execute(c.execute("what", {"a": 1}))
        request = peer.take("what")
        assert request["params"] == {"a": 1}
        peer.reply(request, result)
        assert asked.result() == result

    @pytest.mark.parametrize("result", [None, [1], "yes", 7, True])
    def test_a_result_that_is_no_object_is_returned_raw(self, peer: Peer, result: Any) -> None:
        asked = peer.execute(c.execute("what", {}))
        peer.reply(peer.take("what"), result)
        assert asked.result() == {"raw": result}

    @pytest.mark.parametrize(
        ("result", "code", "message"),
        [
            ({"code": "409", "message": "busy"}, 409, "busy"),
            ({"code": 402, "message": "pay"}, 402, "pay"),
            ({"code": "404", "message": "gone"}, 404, "gone"),
            ({"code": "300"}, 300, "the server gave no reason"),
            ({"code": 199, "message": "so"}, 199, "so"),
            ({"code": "2xx", "message": "so"}, -1, "so"),
            ({"code": "", "message": "so"}, -1, "so"),
            ({"code": [], "message": "so"}, -1, "so"),
            ({"code": "oops", "message": 5}, -1, "the server gave no reason"),
            ({"code": True, "message": "so"}, -1, "so"),
        ],
    )
    def test_another_code_is_an_error(
        self, peer: Peer, result: Frame, code: int, message: str
    ) -> None:
        asked = peer.execute(c.execute("what", {}))
        peer.reply(peer.take("what"), result)
        error = error_of(asked, RelayError)
        assert (error.code, error.message) == (code, message)
        assert type(error) is RelayError

    @pytest.mark.parametrize(
        ("answer", "text"),
        [
            ({"code": -32602, "message": "Invalid params"}, "-32602: Invalid params"),
            ({"code": "410", "message": "gone"}, "410: gone"),
            ({}, "-1: Unknown error"),
            ("no", "-1: Unknown error"),
        ],
    )
    def test_an_error_object_is_an_error(self, peer: Peer, answer: Any, text: str) -> None:
        asked = peer.execute(c.execute("what", {}))
        peer.feed({"id": peer.take("what")["id"], "error": answer})
        assert str(error_of(asked, RelayError)) == f"RELAY error {text}"

    def test_an_error_goes_before_a_result(self, peer: Peer) -> None:
        asked = peer.execute(c.execute("what", {}))
        peer.feed(
            {"id": peer.take("what")["id"], "result": {}, "error": {"code": 1}, "method": "x"}
        )
        assert error_of(asked, RelayError).code == 1

    def test_replies_may_come_in_any_order_and_to_nothing(self, peer: Peer) -> None:
        first, second = (peer.execute(c.execute("what", {"n": n})) for n in (1, 2))
        one, two = peer.requests
        peer.reply(two, {"n": 2})
        peer.reply(one, {"n": 1})
        peer.reply(one, {"n": 3})
        peer.reply({"id": "unknown"})
        assert [first.result(), second.result()] == [{"n": 1}, {"n": 2}]
        assert [output.reason for output in peer.all(Ignored)] == [
            "a reply to a request that is not waiting"
        ] * 2


class TestGoneCalls:
    @pytest.mark.parametrize("code", ["404", 410])
    @pytest.mark.parametrize("as_error", [False, True])
    @pytest.mark.parametrize(
        ("command", "ends"),
        [
            (c.answer(), True),
            (c.hangup(), True),
            (c.pass_(), True),
            (c.connect(DEVICES), True),
            (c.transfer("context:sales"), True),
            (c.disconnect(), False),
            (c.send_digits("1"), False),
        ],
        ids=lambda value: value.method if isinstance(value, Command) else "",
    )
    def test_a_method_of_a_gone_call_answers_nothing(
        self, peer: Peer, code: Any, as_error: bool, command: Command[Frame], ends: bool
    ) -> None:
        call = peer.offer()
        done = peer.execute_on(call, command)
        request = peer.take(command.method)
        assert request["params"] | {"node_id": "n-1", "call_id": "c-1"} == request["params"]
        if as_error:
            peer.refuse(request, code)
        else:
            peer.reply(request, {"code": code, "message": "gone"})
        assert done.result() == {}
        assert call.ended is ends
        assert len(peer.all(CallEnded)) == ends

    def test_the_client_itself_never_swallows(self, peer: Peer) -> None:
        done = peer.execute(c.execute("calling.answer", {"call_id": "c-1"}))
        peer.reply(peer.take("calling.answer"), {"code": "404", "message": "gone"})
        assert error_of(done, RelayError).code == 404

    def test_an_empty_success_is_not_gone(self, peer: Peer) -> None:
        call = peer.offer()
        done = peer.execute_on(call, c.answer())
        peer.reply(peer.take("calling.answer"), {})
        assert done.result() == {}
        assert not call.ended

    def test_other_refusals_of_a_method_are_errors(self, peer: Peer) -> None:
        call = peer.offer()
        done = peer.execute_on(call, c.answer())
        peer.reply(peer.take("calling.answer"), {"code": "409", "message": "conflict"})
        assert error_of(done, RelayError).code == 409
        assert not call.ended

    def test_an_ended_call_is_asked_nothing(self, peer: Peer) -> None:
        call = peer.offer()
        late = peer.execute_on(call, c.hangup())
        request = peer.take("calling.end")
        peer.state("c-1", "ended")
        assert peer.execute_on(call, c.answer()).result() == {}
        assert peer.requests == []
        peer.refuse(request, 404)
        assert late.result() == {}
        assert len(peer.all(CallEnded)) == 1


class TestTimeouts:
    def test_a_timeout_of_its_own(self, peer: Peer) -> None:
        asked = peer.execute(c.execute("what", {}, timeout=2.5))
        peer.advance(2.4)
        assert not asked.settled
        peer.advance(0.1)
        assert (
            str(error_of(asked, RequestTimeoutError))
            == "what: no answer within 2.5 s; the server may still carry it out"
        )
        assert isinstance(asked.error, TimeoutError)

    def test_an_answered_request_has_no_timeout(self, peer: Peer) -> None:
        asked = peer.execute(c.execute("what", {}))
        peer.reply(peer.take("what"))
        peer.advance(29)
        assert peer.requests == []
        assert asked.result()

    def test_each_reply_is_due_in_its_own_time(self, peer: Peer) -> None:
        first = peer.execute(c.execute("first", {}))
        asked = peer.take("first")
        peer.advance(4.0)
        own = peer.execute(c.execute("own", {}, timeout=1.0))
        second = peer.execute(c.execute("second", {}))
        peer.reply(asked)
        peer.advance(0.75)
        assert first.result()
        assert not own.settled
        peer.advance(0.25)
        assert error_of(own, RequestTimeoutError).seconds == 1.0
        peer.advance(8.75)
        assert not second.settled
        peer.advance(0.25)
        assert error_of(second, RequestTimeoutError).seconds == 10.0

    def test_an_answered_request_with_its_own_timeout_leaves_no_deadline(self, peer: Peer) -> None:
        deadline = peer.core.deadline()
        peer.execute(c.execute("what", {}, timeout=2.5))
        assert peer.core.deadline() == peer.now + 2.5
        peer.reply(peer.take("what"))
        assert peer.core.deadline() == deadline

    def test_a_later_request_does_not_put_off_an_earlier_one(self, peer: Peer) -> None:
        first = peer.execute(c.execute("first", {}))
        peer.advance(4.0)
        second = peer.execute(c.execute("second", {}))
        peer.advance(5.75)
        assert not first.settled
        peer.advance(0.25)
        assert error_of(first, RequestTimeoutError)
        peer.advance(3.75)
        assert not second.settled
        peer.advance(0.25)
        assert error_of(second, RequestTimeoutError)

    @pytest.mark.parametrize("timeouts", [(3.0, 1.0), (40.0, 20.0), (40.0, 10.0, 1.0)])
    def test_what_is_written_later_may_be_due_earlier(
        self, peer: Peer, timeouts: tuple[float, ...]
    ) -> None:
        asked = [peer.execute(c.execute("what", {}, timeout=timeout)) for timeout in timeouts]
        for pending, timeout in reversed(list(zip(asked, timeouts, strict=True))):
            peer.advance(1000.0 + timeout - peer.now - 0.25)
            assert not pending.settled
            peer.ask("signalwire.ping")
            peer.advance(0.25)
            assert error_of(pending, RequestTimeoutError).seconds == timeout

    def test_what_is_written_later_is_watched_after_all_have_been_answered(
        self, peer: Peer
    ) -> None:
        patient = peer.execute(c.execute("patient", {}, timeout=40.0))
        peer.take("patient")
        peer.execute(c.execute("first", {}))
        peer.reply(peer.take("first"))
        peer.advance(15.0)
        later = peer.execute(c.execute("later", {}))
        peer.advance(9.75)
        assert not later.settled
        peer.advance(0.25)
        assert error_of(later, RequestTimeoutError)
        assert not patient.settled


class TestLimits:
    def test_the_501st_request_that_would_wait_for_a_session_fails(self) -> None:
        peer = Peer.waiting()
        waiting = [peer.execute(c.execute("what", {"n": n})) for n in range(500)]
        with pytest.raises(RequestQueueFullError) as caught:
            peer.execute(c.execute("more", {}))
        assert (caught.value.limit, caught.value.method) == (500, "more")
        peer.cancel(waiting[7])
        peer.execute(c.execute("again", {}))
        with pytest.raises(RequestQueueFullError):
            peer.execute(c.send_message(to_number="+1", from_number="+2", body="Hi"))
        with pytest.raises(RequestQueueFullError):
            peer.execute(c.dial(DEVICES, tag="t-1"))
        peer.connect()
        numbers = [frame["params"].get("n") for frame in peer.requests]
        assert numbers == [n for n in range(500) if n != 7] + [None]
        peer.execute(c.dial(DEVICES, tag="t-1"))
        assert peer.requests[-1]["method"] == "calling.dial", "a refused dial leaves no tag behind"

    def test_expired_requests_make_room(self) -> None:
        peer = Peer.waiting(limits=Limits(queued_requests=1))
        peer.execute(c.execute("what", {}))
        peer.advance(60)
        peer.execute(c.execute("what", {}))

    def test_so_many_may_wait_for_a_reply(self) -> None:
        peer = Peer(limits=Limits(pending_requests=2))
        peer.connect()
        call = peer.offer()
        for _ in range(2):
            peer.execute(c.execute("what", {}))
        with pytest.raises(RequestQueueFullError):
            peer.execute_on(call, starting(kinds.PLAY))
        assert call.actions == {}
        peer.reply(peer.requests.pop())
        peer.execute_on(call, starting(kinds.PLAY))

    def test_the_end_of_unwanted_legs_counts_but_is_never_refused(self) -> None:
        peer = Peer(limits=Limits(pending_requests=2))
        peer.connect()
        dialled = dial(peer)
        for call_id in ("c-1", "c-2", "c-3"):
            leg(peer, call_id, "ringing")
        peer.cancel(dialled)
        assert len(ends(peer)) == 3
        with pytest.raises(RequestQueueFullError):
            peer.execute(c.execute("what", {}))

    def test_a_call_that_cannot_be_passed_back_is_reported(self) -> None:
        peer = Peer(limits=Limits(pending_requests=1, active_calls=1, tags=1))
        peer.connect()
        peer.core.accepting_calls = False
        peer.execute(c.execute("what", {}))
        for call_id in ("c-1", "c-2", "c-3"):
            peer.event("calling.call.receive", call_id=call_id, node_id="n-1")
            assert peer.last(OfferRefused).call_id == call_id
        passed = [
            one["params"]["call_id"] for one in peer.requests if one["method"] == "calling.pass"
        ]
        assert passed == ["c-1", "c-2", "c-3"], "what the program has filled does not matter"
        words = "call c-1 could not be passed back: too many wait for it"
        assert peer.last(Dropped).reason == words, "if no answer comes, nobody asks again"


class TestCommands:
    def test_a_queued_request_is_written_as_it_was_asked(self) -> None:
        peer = Peer.waiting()
        tags: list[object] = ["vip"]
        peer.execute(c.execute("what", {"deep": {"tags": tags}}))
        tags.append(object())
        peer.connect()
        assert peer.take("what")["params"] == {"deep": {"tags": ["vip"]}}

    @pytest.mark.parametrize("value", [object(), "\ud800"])
    def test_what_is_no_json_is_refused_at_once(self, peer: Peer, value: object) -> None:
        call = peer.offer()
        with pytest.raises((TypeError, ValueError)):
            peer.execute(c.execute("what", {"a": value}))
        with pytest.raises((TypeError, ValueError)):
            peer.execute_on(call, c.play([], direction=value))  # type: ignore[arg-type]
        assert call.actions == {}
        assert peer.requests == []

    def test_an_empty_list_of_contexts_sends_nothing(self, peer: Peer) -> None:
        assert peer.execute(c.receive([])).result() == {}
        assert peer.execute(c.unreceive([])).result() == {}
        assert peer.requests == []

    def test_commands_need_the_right_target(self, peer: Peer) -> None:
        call = peer.offer()
        with pytest.raises(LocalProtocolError, match=r"calling\.answer needs a call"):
            peer.execute(c.answer())
        with pytest.raises(LocalProtocolError, match=r"what is no command of"):
            peer.execute_on(call, c.execute("what", {}))
        with pytest.raises(LocalProtocolError, match=r"\.stop is no command of"):
            peer.execute_on(call, c.stop())

    @pytest.mark.parametrize("method", ["signalwire.surprise", "calling.answer", ""])
    def test_a_request_of_an_unknown_method_is_refused(self, peer: Peer, method: str) -> None:
        identity = peer.ask(method)
        error = {"code": -32601, "message": "Method not found"}
        assert peer.replies == [{"id": identity, "error": error}]
        assert peer.last(PeerViolation).reason == "a request with an unknown method"


class TestIds:
    def ids(self, seed: int, count: int) -> list[uuid.UUID]:
        peer = Peer(seed=seed)
        peer.connect()
        for _ in range(count):
            peer.execute(c.execute("what", {}))
        texts = [frame["id"] for frame in peer.take_all("what")]
        parsed = [uuid.UUID(text) for text in texts]
        assert [str(identity) for identity in parsed] == texts
        return parsed

    def test_they_are_random_uuids_and_repeat_with_the_seed(self) -> None:
        ids = [identity for seed in range(4) for identity in self.ids(seed, 5)]
        assert len(set(ids)) == len(ids)
        assert {(identity.version, identity.variant) for identity in ids} == {(4, uuid.RFC_4122)}
        assert self.ids(1, 5) == self.ids(1, 5)

    def test_every_bit_that_does_not_say_their_kind_is_random(self) -> None:
        numbers = [identity.int for identity in self.ids(1, 64)]
        varying = 0
        for number in numbers:
            varying |= number ^ numbers[0]
        kind = (0xF << 76) | (0x3 << 62)
        assert varying == ((1 << 128) - 1) ^ kind


class TestCancelling:
    def test_what_is_queued_is_never_written(self) -> None:
        peer = Peer.waiting()
        waiting = peer.execute(c.execute("what", {}))
        peer.cancel(waiting)
        assert error_of(waiting, LocalProtocolError)
        peer.connect()
        assert peer.requests == []

    def test_a_pending_names_its_request_for_people(self, peer: Peer) -> None:
        asked = peer.execute(c.execute("what", {}))
        dialled = peer.execute(c.dial(DEVICES, tag="t-1"))
        assert repr(asked.source).startswith("<Request what ")
        assert repr(dialled.source).startswith("<Request calling.dial ")
        assert repr(asked) == "<Pending waiting>"

    def test_what_is_written_goes_on(self, peer: Peer) -> None:
        asked = peer.execute(c.execute("what", {}))
        peer.cancel(asked)
        assert not asked.settled
        peer.reply(peer.take("what"))
        assert asked.result()
        peer.cancel(asked)

    def test_a_queued_start_takes_its_action_along(self) -> None:
        peer = Peer()
        peer.connect()
        call = peer.offer()
        peer.cut()
        started = peer.execute_on(call, starting(kinds.PLAY))
        done = call.actions["a-1"].done
        peer.cancel(started)
        assert started.error is done.error
        assert call.actions == {}

    def test_what_nobody_asked_cannot_be_cancelled(self) -> None:
        peer = Peer()
        started = peer.start()
        peer.cancel(started)
        assert not started.settled


class TestWithoutASession:
    def test_a_request_may_fail_at_once_instead_of_waiting(self) -> None:
        peer = Peer.waiting(while_reconnecting="fail")
        with pytest.raises(ConnectionLostError) as caught:
            peer.execute(c.execute("what", {}))
        assert not caught.value.maybe_delivered
        peer.connect()
        assert peer.requests == []
        peer.execute(c.execute("what", {}))
        peer.take("what")
        peer.cut()
        with pytest.raises(ConnectionLostError):
            peer.execute(c.dial(DEVICES, tag="t-1"))
        peer.connect()
        peer.execute(c.dial(DEVICES, tag="t-1"))

    def test_what_nobody_waits_for_does_not_fail_at_once(self) -> None:
        """A call that is offered while the server says good-bye is passed back all the same."""
        peer = Peer.waiting(while_reconnecting="fail")
        peer.connect()
        peer.core.accepting_calls = False
        peer.ask("signalwire.disconnect")
        peer.event("calling.call.receive", call_id="c-1", node_id="n-1")
        assert peer.requests == []
        peer.cut()
        peer.reconnect()
        assert peer.take("calling.pass")["params"]["call_id"] == "c-1"

    @pytest.mark.parametrize(
        "changes", [{"while_reconnecting": "fail"}, {"limits": Limits(queued_requests=1)}]
    )
    def test_a_patient_command_neither_fails_at_once_nor_minds_a_full_queue(
        self, changes: Any
    ) -> None:
        peer = Peer.waiting(**changes)
        peer.connect()
        call = peer.offer()
        started = peer.execute_on(call, c.play_silence(5))
        peer.reply(peer.take("calling.play"))
        action = started.result()
        peer.cut()
        with suppress(ConnectionLostError):
            peer.execute(c.execute("what", {}))
        with pytest.raises((ConnectionLostError, RequestQueueFullError)):
            peer.execute(c.execute("what", {}))
        peer.execute_on(action, c.stop().as_patient())
        peer.execute_on(call, c.pass_().as_patient())
        peer.reconnect()
        (stop,) = peer.take_all("calling.play.stop")
        assert stop["params"]["control_id"] == action.control_id
        (passed,) = peer.take_all("calling.pass")
        assert passed["params"]["call_id"] == call.call_id

    @pytest.mark.parametrize("choice", ["", "wait", None])
    def test_any_other_choice_is_refused(self, choice: Any) -> None:
        with pytest.raises((TypeError, ValueError), match="while_reconnecting must be"):
            Peer(while_reconnecting=choice)
