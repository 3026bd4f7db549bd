"""What `ClientCore` promises whatever its server does: bytes, splits, time, and settling."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from hypothesis import example, given, settings
from hypothesis import strategies as st

from relay_proto import Limits, Timing
from relay_proto.api import commands as c
from relay_proto.api.shapes import Media
from relay_proto.outputs import Closed, OpenTransport, SendData, Settled
from relay_proto.pending import Pending
from relay_proto.transitions import CallState, SessionState
from tests.property.wires import split, whole_frames
from tests.unit.client_peer import DEVICES, PROTOCOL, Frame, Peer

TTS: Final[list[Media]] = [{"type": "tts", "params": {"text": "Hello"}}]
LIMITS: Final = Limits(
    active_calls=3,
    queued_requests=6,
    pending_requests=8,
    messages=2,
    early_messages=2,
    tags=2,
    event_ids=3,
    message_bytes=4096,
)


def new_peer() -> Peer:
    return Peer(limits=LIMITS, trace_frames=True)


def opening() -> Peer:
    peer = new_peer()
    peer.start(retry=True)
    return peer


def upgrading() -> Peer:
    peer = opening()
    peer.core.transport_opened(1, peer.now)
    peer.pump()
    return peer


def authenticating() -> Peer:
    peer = opening()
    peer.execute(c.execute("queued", {}))
    peer.open()
    return peer


def ready() -> Peer:
    peer = new_peer()
    peer.connect()
    return peer


def busy() -> Peer:
    """Ready, with one of everything under way."""
    peer = ready()
    call = peer.offer("c-1")
    peer.execute_on(call, c.play(TTS, control_id="a-1"))
    peer.execute_on(call, c.hangup())
    peer.execute(c.dial(DEVICES, tag="t-1"))
    peer.execute(c.send_message(to_number="+1", from_number="+2", body="Hi"))
    peer.state("c-2", "ringing", tag="t-1")
    peer.reply(peer.take_all("messaging.send")[0], {"code": "200", "message_id": "m-1"})
    peer.advance(9)
    return peer


def pinging() -> Peer:
    peer = ready()
    peer.advance(40)
    return peer


def draining() -> Peer:
    peer = busy()
    peer.ask("signalwire.disconnect")
    return peer


def waiting() -> Peer:
    peer = busy()
    peer.cut()
    return peer


def closing() -> Peer:
    peer = busy()
    peer.polite = False
    peer.close()
    return peer


def closed() -> Peer:
    peer = busy()
    peer.close()
    return peer


STATES: Final[tuple[Callable[[], Peer], ...]] = (
    new_peer,
    opening,
    upgrading,
    authenticating,
    ready,
    busy,
    pinging,
    draining,
    waiting,
    closing,
    closed,
)

KEYS: Final = """
id method params result error code message event_type event_channel timestamp payload restart
protocol session_restored authorization_state call_id node_id control_id tag call call_state state
dial_state device peer connect_state end_reason message_id message_state context contexts detect
type event final fax record url reason jsonrpc
""".split()
WORDS: Final = """
signalwire.event signalwire.ping signalwire.disconnect signalwire.authorization.state unknown
calling.call.receive calling.call.state calling.call.dial calling.call.play calling.call.record
calling.call.detect calling.call.connect calling.call.collect calling.call.fax calling.call.ai
messaging.receive messaging.state c-1 c-2 c-3 a-1 t-1 t-2 m-1 s-1 s-2 n-1 created ringing answered
ending ended finished playing failed dialing connected delivered queued error HUMAN 200 404 500
""".split()

texts = st.sampled_from(["", *WORDS]) | st.text(max_size=4)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5)
    ),
    max_leaves=12,
)


def told(event_type: Any, body: Any, identity: Any) -> Frame:
    params = {"event_type": event_type, "params": body}
    return {"id": identity, "method": "signalwire.event", "params": params}


bodies = st.fixed_dictionaries(
    {},
    optional={
        "call_id": st.sampled_from(["c-1", "c-2", "c-3", ""]) | values,
        "node_id": texts,
        "control_id": st.sampled_from(["a-1", "a-2"]) | values,
        "tag": st.sampled_from(["t-1", "t-2", ""]) | values,
        "call_state": st.sampled_from([*CallState]) | values,
        "dial_state": st.sampled_from(["dialing", "answered", "failed"]) | values,
        "state": st.sampled_from(["playing", "finished", "error"]) | values,
        "message_id": st.sampled_from(["m-1", "m-2", "m-3"]) | values,
        "message_state": st.sampled_from(["sent", "delivered"]) | values,
        "call": st.fixed_dictionaries({"call_id": st.sampled_from(["c-2", "c-4"])}) | values,
        "detect": values,
        "authorization_state": values,
        "reason": values,
    },
)
identities = st.sampled_from(["e-1", "e-2", "e-3", 7]) | values
events = st.builds(told, st.sampled_from(WORDS) | values, bodies | values, identities)
asks = st.fixed_dictionaries(
    {
        "id": identities,
        "method": st.sampled_from(["signalwire.ping", "signalwire.disconnect", "what"]) | values,
    },
    optional={"params": values},
)
frames = events | asks | st.dictionaries(st.sampled_from(KEYS), values, max_size=5)


class TestBytes:
    @given(
        state=st.sampled_from(STATES),
        texts=st.lists(frames.map(json.dumps) | st.text(), max_size=5),
        others=st.lists(st.integers(0, 5), max_size=2),
    )
    @example(state=ready, texts=['{"id": "", "result": {}}'], others=[])
    @example(state=ready, texts=['{"id": "", "error": {}}'], others=[])
    def test_no_message_does_harm_in_any_state(
        self, state: Callable[[], Peer], texts: list[str], others: list[int]
    ) -> None:
        peer = state()
        if peer.core.state in (SessionState.AUTHENTICATING, *UP):
            peer.text(*texts)
        self.check(peer, others)

    @given(
        state=st.sampled_from(STATES),
        reads=st.lists(st.binary(max_size=40), max_size=5),
        others=st.lists(st.integers(0, 5), max_size=2),
    )
    def test_no_byte_does_harm_in_any_state(
        self, state: Callable[[], Peer], reads: list[bytes], others: list[int]
    ) -> None:
        peer = state()
        for data in reads:
            peer.raw(data)
        self.check(peer, others)

    def check(self, peer: Peer, others: list[int]) -> None:
        peer.forget()
        for number in set(others) - {peer.transport}:
            peer.core.transport_opened(number, peer.now)
            peer.core.receive_data(number, b"\x81\x02{}", peer.now)
            peer.core.transport_closed(number, peer.now, "it was another's")
        peer.pump()
        assert peer.outputs == []
        peer.advance(200)
        peer.close()
        peer.advance(3)
        assert isinstance(peer.core.state, SessionState)
        assert peer.core.state is SessionState.CLOSED


UP: Final = (SessionState.READY, SessionState.DRAINING)


PACED: Final = replace(LIMITS, dials_at_once=1, texts_per_second=1.0)
PING_FRAME: Final = b"\x89\x01p"
VIOLATION: Final = b"\xc1\x01a"
SHORT_CLOSE: Final = b"\x88\x02\x03\xe8"
GOODBYE: Final[Frame] = {"id": "s-1", "method": "signalwire.disconnect", "params": {}}
OFFER: Final = told(
    "calling.call.receive",
    {"call_id": "c-9", "node_id": "n-1", "call_state": "created", "context": "office"},
    "e-9",
)
FAILED_DIAL: Final = told("calling.call.dial", {"tag": "t-1", "dial_state": "failed"}, "e-8")


class TestSplits:
    """Rule 4: any split of the same bytes gives the same outputs."""

    @settings(max_examples=150)
    @given(
        told=st.lists(
            frames
            | st.sampled_from([GOODBYE, OFFER, FAILED_DIAL, PING_FRAME, VIOLATION, SHORT_CLOSE]),
            max_size=6,
        ),
        accepted=st.booleans(),
        cuts=st.lists(st.integers(0, 2000), max_size=8),
    )
    @example(told=[SHORT_CLOSE], accepted=True, cuts=[])
    @example(told=[OFFER, VIOLATION], accepted=True, cuts=[])
    @example(told=[OFFER, PING_FRAME, SHORT_CLOSE], accepted=True, cuts=[])
    @example(told=[OFFER, GOODBYE, OFFER, SHORT_CLOSE], accepted=True, cuts=[])
    @example(told=[FAILED_DIAL, OFFER], accepted=True, cuts=[])
    @example(told=[FAILED_DIAL, GOODBYE], accepted=True, cuts=[])
    @example(told=[SHORT_CLOSE], accepted=False, cuts=[])
    @example(told=[GOODBYE, SHORT_CLOSE], accepted=False, cuts=[])
    def test_any_split_of_the_same_bytes_gives_the_same_outputs(
        self, told: list[Frame | bytes], accepted: bool, cuts: list[int]
    ) -> None:
        def read(at: Callable[[list[bytes]], list[bytes]]) -> tuple[object, ...]:
            return self.run(told, at, accepted=accepted)

        expected = read(lambda messages: messages)  # each in its own read
        assert read(lambda messages: [b"".join(messages)]) == expected
        assert read(lambda messages: split(b"".join(messages), cuts)) == expected

    def run(
        self,
        told: list[Frame | bytes],
        cut: Callable[[list[bytes]], list[bytes]],
        *,
        accepted: bool,
    ) -> tuple[object, ...]:
        """What the client writes, frame by frame, what it tells, and how it goes on."""
        peer, rehearsal = self.asking(), self.asking()
        messages = [peer.accepted()]
        rehearsal.open()
        connect = rehearsal.take("signalwire.connect")
        peer.expect(connect)
        if accepted:
            told = [{"id": connect["id"], "result": {"protocol": PROTOCOL}}, *told]
        messages += [one if isinstance(one, bytes) else peer.encoded(one) for one in told]
        peer.forget()
        for data in cut(messages):
            peer.raw(data)
        written = [output.data for output in peer.all(SendData)]
        seen = [str(output) for output in peer.outputs if not isinstance(output, SendData)]
        return whole_frames(b"".join(written)), seen, peer.core.state, peer.core.deadline()

    def asking(self) -> Peer:
        """A client that has asked for a connection, with requests that wait for it."""
        peer = Peer.waiting(limits=PACED, trace_frames=True)
        peer.execute(c.execute("queued", {}))
        for tag in ("t-1", "t-2"):
            peer.execute(c.dial(DEVICES, tag=tag))
        for to_number in ("+1", "+3"):
            peer.execute(c.send_message(to_number=to_number, from_number="+2", body="Hi"))
        return peer


class TestTime:
    @given(state=st.sampled_from(STATES), steps=st.lists(st.floats(0, 100), max_size=12))
    def test_after_a_timer_the_next_deadline_is_later(
        self, state: Callable[[], Peer], steps: list[float]
    ) -> None:
        peer = state()
        for step in steps:
            peer.now += step
            peer.tick()  # looks at the deadline
            seen = len(peer.outputs)
            peer.tick()
            assert len(peer.outputs) == seen, "a spurious call does nothing"

    @given(state=st.sampled_from(STATES), late=st.floats(0, 500))
    def test_draining_late_is_never_wrong(self, state: Callable[[], Peer], late: float) -> None:
        peer = state()
        peer.core.handle_timer(peer.now + late)
        peer.now += late
        peer.core.close(peer.now)
        peer.core.handle_timer(peer.now + 3)
        peer.pump()
        assert peer.core.state is SessionState.CLOSED


class TestSettling:
    @given(
        state=st.sampled_from(STATES),
        told=st.lists(frames, max_size=5),
        patience=st.sampled_from([0.0, 5.0, 11.0, 70.0, 130.0]),
    )
    def test_every_pending_has_settled_once_when_the_client_is_closed(
        self, state: Callable[[], Peer], told: list[Frame], patience: float
    ) -> None:
        peer = state()
        handed_out: list[Pending[Any]] = []
        if peer.core.state is SessionState.DISCONNECTED:
            handed_out.append(peer.start())
        if peer.core.state not in (SessionState.CLOSING, SessionState.CLOSED):
            handed_out += [
                peer.execute(c.execute("what", {})),
                peer.execute(c.dial(DEVICES, tag="t-2")),
                peer.execute(c.receive(["sales"])),
                peer.execute(c.send_message(to_number="+1", from_number="+2", body="Hi")),
            ]
        if peer.core.state in UP:
            peer.feed(*told)
        peer.advance(patience)
        if peer.core.state is SessionState.WAITING_TO_RECONNECT:
            peer.reconnect(session_restored=False)
        peer.close()
        peer.advance(peer.core.config.timing.close_timeout)
        assert isinstance(peer.outputs[-1], Closed)
        assert all(pending.settled for pending in handed_out)
        settled = [output.pending for output in peer.all(Settled)]
        for pending in handed_out:
            assert settled.count(pending) == 1


class TestTimings:
    @given(seed=st.integers(0, 10_000), failures=st.integers(1, 12))
    def test_delays_stay_within_their_bounds_and_grow_at_most_threefold(
        self, seed: int, failures: int
    ) -> None:
        timing = Timing()
        peer = Peer(seed=seed)
        peer.start(retry=True)
        previous = timing.retry_min_delay
        for attempt in range(failures):
            assert peer.last(OpenTransport).transport == attempt + 1
            peer.cut()
            delay = peer.advance_to_deadline()
            most = min(timing.retry_max_delay, 3 * previous)
            assert timing.retry_min_delay - 1e-6 <= delay <= most + 1e-6
            previous = delay
