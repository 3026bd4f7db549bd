"""Requests that have waited for a session: what nobody needs any more is not sent."""

from __future__ import annotations

from typing import Any, Final

import pytest

from relay_proto.api import commands as c
from relay_proto.api.commands import Command
from relay_proto.config import Limits
from relay_proto.records import ActionRecord, CallRecord
from tests.unit.client_peer import DEVICES, Peer

PLAY: Final = c.play([{"type": "silence", "params": {"duration": 9.0}}])


def methods(peer: Peer) -> list[str]:
    return [frame["method"] for frame in peer.requests if frame["method"].startswith("calling.")]


@pytest.fixture
def peer() -> Peer:
    """One with a session, whose connection breaks and comes again."""
    peer = Peer()
    peer.connect()
    return peer


def started(peer: Peer, call: CallRecord) -> ActionRecord:
    pending = peer.execute_on(call, PLAY)
    peer.reply(peer.take("calling.play"))
    return pending.result()


@pytest.mark.parametrize(
    "command",
    [c.answer(), c.denoise(), c.join_room("room"), c.transfer("https://example.com/a.swml")],
    ids=lambda command: command.method,
)
def test_a_verb_of_a_call_that_was_lost_is_not_sent(peer: Peer, command: Command[object]) -> None:
    call = peer.offer()
    peer.cut()
    pending = peer.execute_on(call, command)
    peer.reconnect(session_restored=False)
    assert call.ended
    assert pending.result() == {}
    assert methods(peer) == []


@pytest.mark.parametrize("command", [PLAY, c.record()], ids=lambda command: command.method)
def test_nothing_is_started_on_it(peer: Peer, command: Command[ActionRecord]) -> None:
    call = peer.offer()
    peer.cut()
    pending = peer.execute_on(call, command)
    peer.reconnect(session_restored=False)
    action = pending.result()
    assert action.completed
    assert methods(peer) == []


def test_an_action_that_is_over_is_not_stopped(peer: Peer) -> None:
    call = peer.offer()
    action = started(peer, call)
    peer.ask("signalwire.disconnect")
    pending = peer.execute_on(action, c.stop())
    body = {"call_id": "c-1", "control_id": action.control_id, "state": "finished"}
    peer.event("calling.call.play", **body)
    peer.cut()
    peer.reconnect(session_restored=True)
    assert pending.result() == {}
    assert methods(peer) == []


def test_one_that_still_plays_is_stopped(peer: Peer) -> None:
    call = peer.offer()
    action = started(peer, call)
    peer.cut()
    pending = peer.execute_on(action, c.stop())
    verb = peer.execute_on(call, c.denoise())
    peer.reconnect(session_restored=True)
    assert methods(peer) == ["calling.play.stop", "calling.denoise"]
    assert [pending.settled, verb.settled] == [False, False]


def test_a_lost_call_is_hung_up_even_so(peer: Peer) -> None:
    call = peer.offer()
    peer.cut()
    pending = peer.execute_on(call, c.hangup())
    peer.reconnect(session_restored=False)
    peer.refuse(peer.take("calling.end"), 404)
    assert pending.result() == {}


def test_a_dial_that_was_not_sent_is_no_part_of_a_lost_session(peer: Peer) -> None:
    peer.ask("signalwire.disconnect")
    pending = peer.execute(c.dial(DEVICES, tag="t-1"))
    peer.state("c-1", "ringing", tag="t-1")  # of an earlier dial with this tag
    peer.cut()
    peer.reconnect(session_restored=False)
    assert not pending.settled
    assert methods(peer) == ["calling.dial"]


def test_a_dial_that_an_event_has_decided_is_not_sent(peer: Peer) -> None:
    peer.ask("signalwire.disconnect")
    pending = peer.execute(c.dial(DEVICES, tag="t-1"))
    call = {"call_id": "c-1", "node_id": "n-1"}
    peer.event("calling.call.dial", tag="t-1", dial_state="answered", call=call)
    assert pending.result().call_id == "c-1"
    assert peer.core.queued_requests == 0, "at once: what waits has a bound"
    peer.cut()
    peer.forget()
    peer.reconnect(session_restored=True)
    assert methods(peer) == []


@pytest.mark.parametrize("dial_state", ["answered", "failed", "dialing"])
def test_a_dial_that_an_event_decides_before_its_turn_leaves_the_queue(dial_state: str) -> None:
    peer = Peer(limits=Limits(dials_at_once=1, queued_requests=1))
    peer.connect()
    peer.execute(c.dial(DEVICES, tag="t-1"))
    assert peer.take("calling.dial")
    pending = peer.execute(c.dial(DEVICES, tag="t-2"))
    call = {"call_id": "c-2", "node_id": "n-2"}
    peer.event("calling.call.dial", tag="t-2", dial_state=dial_state, call=call)
    if dial_state == "dialing":
        assert (pending.settled, peer.core.queued_requests) == (False, 1)
        return
    assert (pending.settled, peer.core.queued_requests) == (True, 0)
    peer.execute(c.dial(DEVICES, tag="t-3"))
    peer.event("calling.call.dial", tag="t-1", dial_state="failed")
    assert peer.take("calling.dial")["params"]["tag"] == "t-3"


@pytest.mark.parametrize("params", [None, [1], {"from": 7}, {"from_number": None}])
def test_a_device_may_look_like_anything(peer: Peer, params: object) -> None:
    devices: Any = [[{"type": "new", "params": params}]]
    with pytest.warns(UserWarning, match="unknown type"):
        command = c.dial(devices, tag="t-1")
    pending = peer.execute(command)
    assert peer.take("calling.dial")["params"]["devices"] == devices
    peer.cancel(pending)


@pytest.mark.parametrize("over", [True, False])
def test_an_action_that_nobody_has_taken_is_stopped_while_it_plays(peer: Peer, over: bool) -> None:
    call = peer.offer()
    pending = peer.execute_on(call, PLAY.as_stopping_unwanted())
    assert peer.take("calling.play")
    peer.ask("signalwire.disconnect")
    peer.cancel(pending)
    if over:
        peer.state("c-1", "ended")
    peer.cut()
    peer.reconnect(session_restored=True)
    assert methods(peer) == ([] if over else ["calling.play.stop"])
