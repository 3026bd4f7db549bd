"""A model of a server that says anything it may say, and of a program that asks for everything.

`Peer` checks on the way: nothing is asked before the session, no request id is
written twice, one transport at a time, `Connected` and `Disconnected` alternate,
every `Pending` settles at most once, and nothing follows `Closed`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from relay_proto import Limits
from relay_proto.api import commands as c
from relay_proto.api.commands import Command
from relay_proto.errors import ClientClosedError, RequestQueueFullError
from relay_proto.outputs import CallEnded, Closed, EventReceived
from relay_proto.pending import Pending
from relay_proto.records import ActionRecord, CallRecord
from relay_proto.rpc import action_kinds as kinds
from relay_proto.rpc.action_kinds import ActionKind
from relay_proto.transitions import CALL_ORDER, CallState, SessionState
from tests.unit.client_peer import DEVICES, PROTOCOL, Peer, starting

LIMITS: Final = Limits(
    active_calls=3,
    queued_requests=4,
    pending_requests=6,
    messages=2,
    early_messages=2,
    tags=2,
    event_ids=4,
)
NO_SESSION_TO_COME: Final = frozenset(
    {SessionState.DISCONNECTED, SessionState.CLOSING, SessionState.CLOSED}
)
CALL_IDS: Final = ["c-1", "c-2", "c-3", "c-4", "c-5"]
MESSAGE_IDS: Final = ["m-1", "m-2", "m-3"]
TAGS: Final = ["t-1", "t-2"]
CONTROLS: Final = ["a-1", "a-2"]

tags = st.sampled_from(TAGS)
call_ids = st.sampled_from(CALL_IDS)
call_states = st.sampled_from([*CallState])
seconds = st.sampled_from([0.0, 0.5, 2.0, 5.0, 10.0, 31.0, 61.0])
codes = st.sampled_from(["200", 200, "404", 410, "409", 500, None])


class ClientMachine(RuleBasedStateMachine):
    """Drives one client from its first start to its close."""

    @initialize(seed=st.integers(0, 1000), how=st.sampled_from(["up", "up", "once", "again"]))
    def begin(self, seed: int, how: str) -> None:
        self.peer = Peer(limits=LIMITS, seed=seed)
        self.handed_out: list[Pending[Any]] = []
        if how == "up":
            self.peer.connect()
        else:
            self.handed_out.append(self.peer.start(retry=how == "again"))
        self.calls: list[CallRecord] = []
        self.ranks: dict[CallRecord, int] = {}
        self.actions: list[ActionRecord] = []
        self.events = 0

    # What the program does

    def command(self, command: Command[Any]) -> None:
        self.hand_out(partial(self.peer.execute, command))

    def command_on(self, target: CallRecord | ActionRecord, command: Command[Any]) -> None:
        self.hand_out(partial(self.peer.execute_on, target, command))

    def hand_out(self, carry_out: Callable[[], Pending[Any]]) -> None:
        refusing = (SessionState.DISCONNECTED, SessionState.CLOSING, SessionState.CLOSED)
        if self.state in refusing:
            with pytest.raises(ClientClosedError):
                carry_out()
        else:
            with suppress(RequestQueueFullError):
                self.handed_out.append(carry_out())

    @precondition(lambda self: self.state is SessionState.DISCONNECTED)
    @rule(retry=st.booleans())
    def start_again(self, retry: bool) -> None:
        self.handed_out.append(self.peer.start(retry=retry))

    @rule(context=st.sampled_from(["office", "sales"]), more=st.booleans())
    def subscribe(self, context: str, more: bool) -> None:
        self.command(c.receive([context]) if more else c.unreceive([context]))

    @rule(timeout=st.sampled_from([None, 1.0]))
    def ask(self, timeout: float | None) -> None:
        self.command(c.execute("calling.what", {}, timeout=timeout))

    @rule(tag=tags, timeout=st.sampled_from([None, 3.0]))
    def dial(self, tag: str, timeout: float | None) -> None:
        try:
            self.command(c.dial(DEVICES, tag=tag, dial_timeout=timeout))
        except ValueError:
            assert any(not pending.settled for pending in self.handed_out), "the tag is in use"

    @rule()
    def send_message(self) -> None:
        self.command(c.send_message(to_number="+1", from_number="+2", body="Hi"))

    @precondition(lambda self: self.calls)
    @rule(
        data=st.data(),
        command=st.sampled_from([c.answer(), c.hangup(), c.pass_(), c.disconnect()]),
    )
    def verb(self, data: st.DataObject, command: Command[Any]) -> None:
        self.command_on(data.draw(st.sampled_from(self.calls)), command)

    @precondition(lambda self: self.calls)
    @rule(
        data=st.data(),
        control_id=st.sampled_from(CONTROLS),
        kind=st.sampled_from([kinds.PLAY, kinds.RECORD, kinds.DETECT, kinds.AI]),
    )
    def start_action(self, data: st.DataObject, control_id: str, kind: ActionKind) -> None:
        call = data.draw(st.sampled_from(self.calls))
        try:
            self.command_on(call, starting(kind, control_id))
        except ValueError:
            return  # the control id is in use
        started = call.actions.get(control_id)
        if started is not None and started not in self.actions:
            self.actions.append(started)
            self.handed_out.append(started.done)

    @precondition(lambda self: self.actions)
    @rule(data=st.data(), command=st.sampled_from([c.stop(), c.pause(), c.start_input_timers()]))
    def control(self, data: st.DataObject, command: Command[Any]) -> None:
        self.command_on(data.draw(st.sampled_from(self.actions)), command)

    @precondition(lambda self: self.calls)
    @rule(data=st.data(), state=call_states)
    def wait_for(self, data: st.DataObject, state: CallState) -> None:
        call = data.draw(st.sampled_from(self.calls))
        self.handed_out.append(self.peer.core.wait_for(call, state, self.peer.now))
        self.peer.pump()

    @precondition(lambda self: self.calls)
    @rule(data=st.data())
    def hang_up(self, data: st.DataObject) -> None:
        self.peer.core.hang_up(data.draw(st.sampled_from(self.calls)), self.peer.now)
        self.peer.pump()

    @precondition(lambda self: self.state not in NO_SESSION_TO_COME)
    @rule()
    def wait_ready(self) -> None:
        self.handed_out.append(self.peer.core.wait_ready(self.peer.now))
        self.peer.pump()

    @precondition(lambda self: self.handed_out)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        self.peer.cancel(data.draw(st.sampled_from(self.handed_out)))

    @rule(accepting=st.booleans())
    def drain(self, accepting: bool) -> None:
        self.peer.core.drain(self.peer.now)
        self.peer.core.accepting_calls = accepting
        self.peer.pump()

    # What the server and the network do

    @precondition(lambda self: self.state is SessionState.WAITING_TO_RECONNECT)
    @rule(restored=st.booleans())
    def come_back(self, restored: bool) -> None:
        self.peer.reconnect(session_restored=restored)

    @precondition(lambda self: self.peer.transport and self.state is SessionState.CONNECTING)
    @rule(opens=st.booleans())
    def open(self, opens: bool) -> None:
        if opens:
            self.peer.open()
        else:
            self.peer.cut("refused")

    @precondition(lambda self: self.state is SessionState.AUTHENTICATING)
    @rule(
        outcome=st.sampled_from(["accept", "restore", "forget", "-32002", "-32003", "-32000"]),
        late=st.booleans(),
    )
    def answer_connect(self, outcome: str, late: bool) -> None:
        connects = self.peer.take_all("signalwire.connect")
        if not connects:
            return
        connect = connects[-1]
        if late:
            self.told("calling.call.state", call_id="c-1", call_state="ringing", tag="t-1")
        match outcome:
            case "accept":
                self.peer.reply(connect, {"protocol": PROTOCOL})
            case "restore" | "forget":
                restored = outcome == "restore"
                self.peer.reply(connect, {"protocol": PROTOCOL, "session_restored": restored})
            case _:
                self.peer.refuse(connect, int(outcome))

    @precondition(lambda self: self.talking and self.peer.requests)
    @rule(data=st.data(), code=codes, error=st.booleans(), message=st.sampled_from(MESSAGE_IDS))
    def reply(self, data: st.DataObject, code: Any, error: bool, message: str) -> None:
        request = data.draw(st.sampled_from(self.peer.requests))
        self.peer.requests.remove(request)  # it may be of a transport that is gone
        if error:
            self.peer.refuse(request, code)
        else:
            self.peer.reply(request, {"code": code, "message": "so", "message_id": message})

    def told(self, event_type: str, **body: Any) -> None:
        self.events += 1
        self.peer.event(event_type, event_id=f"e-{self.events}", **body)

    @precondition(lambda self: self.talking)
    @rule(call_id=call_ids, state=call_states)
    def offer(self, call_id: str, state: str) -> None:
        self.told("calling.call.receive", call_id=call_id, node_id="n-1", call_state=state)

    @precondition(lambda self: self.talking)
    @rule(call_id=call_ids, state=call_states, tag=tags | st.just(""))
    def call_state(self, call_id: str, state: str, tag: str) -> None:
        self.told("calling.call.state", call_id=call_id, call_state=state, tag=tag)

    @precondition(lambda self: self.talking)
    @rule(call_id=call_ids, tag=tags, state=st.sampled_from(["dialing", "answered", "failed"]))
    def dial_state(self, call_id: str, tag: str, state: str) -> None:
        self.told("calling.call.dial", tag=tag, dial_state=state, call={"call_id": call_id})

    @precondition(lambda self: self.talking)
    @rule(
        call_id=call_ids,
        control_id=st.sampled_from(CONTROLS),
        kind=st.sampled_from(["play", "record", "detect"]),
        state=st.sampled_from(["playing", "finished", "error"]),
    )
    def progress(self, call_id: str, control_id: str, kind: str, state: str) -> None:
        heard = {"type": "machine", "params": {"event": "HUMAN"}} if state == "playing" else {}
        body = {"call_id": call_id, "control_id": control_id, "state": state, "detect": heard}
        self.told(f"calling.call.{kind}", **body)

    @precondition(lambda self: self.talking)
    @rule(message=st.sampled_from(MESSAGE_IDS), state=st.sampled_from(["sent", "delivered"]))
    def message_state(self, message: str, state: str) -> None:
        self.told("messaging.state", message_id=message, message_state=state)

    @precondition(lambda self: self.talking)
    @rule(back=st.integers(0, 3))
    def repeat_an_event(self, back: int) -> None:
        seen = len(self.peer.all(EventReceived))
        self.told("calling.conference", conference_id="k-1")
        self.peer.event("calling.conference", event_id=f"e-{self.events}", conference_id="k-1")
        assert len(self.peer.all(EventReceived)) == seen + 1
        self.events += back

    @precondition(lambda self: self.talking)
    @rule(method=st.sampled_from(["signalwire.ping", "signalwire.disconnect", "what"]))
    def server_asks(self, method: str) -> None:
        self.peer.ask(method, {"restart": True} if self.events % 2 else {})

    @precondition(lambda self: self.talking)
    @rule(text=st.sampled_from(["", "[]", "{", '{"id": "", "result": {}}', '{"id": 1}']))
    def server_babbles(self, text: str) -> None:
        self.peer.text(text)

    @precondition(lambda self: self.peer.transport)
    @rule(politely=st.booleans())
    def lose(self, politely: bool) -> None:
        if politely and self.talking:
            self.peer.hang_up()
        else:
            self.peer.cut()

    @rule(seconds=seconds)
    def wait(self, seconds: float) -> None:
        self.peer.advance(seconds)

    @precondition(lambda self: self.state is SessionState.READY)
    @rule(times=st.integers(1, 13))
    def wait_on_a_lively_link(self, times: int) -> None:
        for _ in range(times):
            self.peer.advance(9.5)
            if self.talking:
                self.peer.ask("signalwire.ping")

    # What holds

    @property
    def state(self) -> SessionState:
        return self.peer.core.state

    @property
    def talking(self) -> bool:
        up = (SessionState.AUTHENTICATING, SessionState.READY, SessionState.DRAINING)
        return self.state in up

    @invariant()
    def calls_only_move_forward(self) -> None:
        for output in self.peer.all(EventReceived) + self.peer.all(CallEnded):
            call = output.call
            if call is not None and call not in self.ranks:
                self.calls.append(call)
                self.ranks[call] = -1
        for call, rank in self.ranks.items():
            now = CALL_ORDER.get(call.state, -1)
            assert now >= rank
            self.ranks[call] = now
        self.peer.outputs.clear()

    @invariant()
    def nothing_outgrows_its_limit(self) -> None:
        legs = LIMITS.active_calls * len(TAGS) + len(TAGS)
        assert self.peer.core.active_calls <= LIMITS.active_calls + legs
        for call in self.calls:
            assert not call.ended or not (call.actions or call.waits)

    def teardown(self) -> None:
        if not hasattr(self, "peer"):
            return
        peer = self.peer
        peer.polite = self.events % 2 == 0
        peer.close()
        peer.advance(peer.core.config.timing.close_timeout)
        assert self.state is SessionState.CLOSED
        assert peer.core.deadline() is None
        assert peer.core.active_calls == 0
        if peer.outputs:  # it may have given up before
            assert isinstance(peer.outputs[-1], Closed)
        for pending in self.handed_out:
            assert pending.settled
        assert all(call.ended for call in self.calls if call.state)


TestClientMachine = ClientMachine.TestCase
TestClientMachine.settings = settings(max_examples=200, stateful_step_count=50, deadline=None)
