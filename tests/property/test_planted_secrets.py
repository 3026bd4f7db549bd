"""Secrets, planted anywhere in any frame, are shown nowhere.

A client is recorded while its server says anything at all, and while its program asks
anything at all. Then everything that can be shown is searched: traced frames, the
recording, the lines of the log, and each `repr` and each error.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay_proto import ClientConfig
from relay_proto.adapter.narration import narrate
from relay_proto.api import commands
from relay_proto.errors import CallEndedError, DialFailedError, RelayError
from relay_proto.outputs import (
    CallOffered,
    Connected,
    ConnectFailed,
    Disconnected,
    Dropped,
    EventReceived,
    FrameTraced,
    Ignored,
    OfferRefused,
    Output,
    PeerViolation,
    Settled,
)
from relay_proto.recorder.recording import RecordingCore
from relay_proto.recorder.replay import replay
from relay_proto.rpc.names import KNOWN_NAMES, Kind, kind_of, plain
from tests.spec import EVENTS, METHODS
from tests.spec.json_values import texts
from tests.unit.client_peer import PROJECT, TOKEN, Peer

STATE: Final = "cipher-opaque:tag-opaque"
JWT: Final = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N"
RANDOM: Final = "PT" + "0a1b2c3d4e5f" * 4
SPOKEN: Final = "my number is four seven one one"
PHONE: Final = "+15550001111"

CREDENTIALS: Final = frozenset({TOKEN, PROJECT, STATE})
"""What only the client knows to be secret. A `repr` does not know it, and shows it as an id."""
ANYWHERE: Final = {
    TOKEN: TOKEN,
    PROJECT: PROJECT,
    STATE: STATE,
    JWT: JWT,
    f"Bearer {RANDOM}": RANDOM,
    "https://ada:hunter2@example.com/a?sig=1": "hunter2",
    f"token={RANDOM}": RANDOM,
    PHONE: PHONE,
    f"to {PHONE}, please": PHONE,
}
"""What is known by its shape, or by the client: what is planted, and what must not be shown."""
IN_NO_ID: Final = {RANDOM: RANDOM}
"""What may be shown as an id, because an id looks like that."""
IN_NO_WORDS: Final = {
    SPOKEN: SPOKEN,
    "5550001111": "5550001111",
    "4711": "4711",
    "#": '"#"',
}
"""What may be shown where the server speaks, or as an id or a code."""

NONE: Final[frozenset[str]] = frozenset()
IDS: Final = frozenset(name for name in KNOWN_NAMES if kind_of(plain(name)) is Kind.ID)
SHOWN: Final = frozenset(KNOWN_NAMES) - {
    name for name in KNOWN_NAMES if kind_of(plain(name)) in (Kind.WORD, Kind.PART, Kind.URL)
}
FIELDS: Final = sorted(
    {name for event in EVENTS.values() for name in event["fields"]}
    | {name for method in METHODS.values() for name in method.get("params", {})}
    | set(KNOWN_NAMES)
    | {"web_hook_auth_password", "customParameters", "X-Header", "transcript", "a", "name", "value"}
)


@st.composite
def planted(draw: st.DrawFn) -> tuple[dict[str, Any], str]:
    """A body of any shape, with a secret in it; and what must not be shown of it."""
    kind = draw(st.sampled_from(("anywhere", "in no id", "in no words")))
    secrets = {"anywhere": ANYWHERE, "in no id": IN_NO_ID, "in no words": IN_NO_WORDS}[kind]
    secret, hidden = draw(st.sampled_from(sorted(secrets.items())))
    forbidden: frozenset[str] = {"anywhere": NONE, "in no id": IDS, "in no words": SHOWN}[kind]
    names = st.sampled_from([name for name in FIELDS if name not in forbidden])
    body: dict[str, Any] = {draw(names): secret}
    if len(secret) > 1 and draw(st.booleans()):
        body = {secret: draw(st.sampled_from([True, "x", None]))}
    for _ in range(draw(st.integers(0, 4))):
        match draw(st.integers(0, 2)):
            case 0:
                body = {draw(names): body}
            case 1:
                body = {draw(names): [body, draw(st.none() | texts)]}
            case _:
                body = {"type": draw(names), draw(names): body}
    return body, hidden


def server_frames(body: dict[str, Any], request_id: str) -> st.SearchStrategy[Any]:
    """What a server may say with this body in it."""
    known = {"call_id": "c-1", "node_id": "n-1", "control_id": "x-1", "tag": "t-1"}
    return st.one_of(
        st.sampled_from(sorted(EVENTS)).map(
            lambda event_type: {
                "id": "e-1",
                "method": "signalwire.event",
                "params": {"event_type": event_type, "params": known | body},
            }
        ),
        st.just({"id": "e-2", "method": "signalwire.event", "params": body}),
        st.just({"id": request_id, "result": {"code": "409", "message": "refused"} | body}),
        st.just({"id": request_id, "result": body}),
        st.just({"id": request_id, "error": {"code": -32000, "message": "refused"} | body}),
        st.just({"id": "e-3", "method": "signalwire.ping", "params": body}),
        st.just({"id": "e-4", "method": "novelty", "params": body}),
        st.just({"id": body, "method": "novelty"}),
        st.just(body),
        st.just([body]),
    )


class Watched(Peer):
    """A client that is recorded and traced."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.failures: list[BaseException] = []

        def make(config: ClientConfig, _: random.Random) -> RecordingCore:
            return RecordingCore(
                config,
                random.Random(5),
                self.lines.append,
                seed=5,
                on_failure=self.failures.append,
            )

        super().__init__(make_core=make, trace_frames=True)
        self.connect()
        self.event("signalwire.authorization.state", authorization_state=STATE)
        self.offer()

    def shown(self) -> Iterator[str]:
        """All that a log, a recording or a traceback could show."""
        yield from self.lines
        for output in self.outputs:
            yield from log_line(output)
            match output:
                case Settled(pending) if pending.error is not None:
                    yield from of_error(pending.error)
                case Disconnected(RelayError() as error) | ConnectFailed(error):
                    yield from of_error(error)
                case CallOffered(call):
                    yield from (repr(call), str(CallEndedError(call.call_id, call.end_reason)))
                    yield str(DialFailedError(call.tag, ""))
                case _:
                    pass

    def reprs(self) -> Iterator[str]:
        """All that a `repr` shows."""
        for output in self.outputs:
            yield repr(output)
            if isinstance(output, EventReceived):
                yield repr(output.event)


def log_line(output: Output) -> Iterator[str]:
    match output:
        case (
            Connected()
            | ConnectFailed()
            | Disconnected()
            | Dropped()
            | FrameTraced()
            | Ignored()
            | OfferRefused()
            | PeerViolation()
        ):
            yield narrate("relay.example.com", output)[1]
        case _:
            pass


def of_error(error: BaseException) -> Iterator[str]:
    yield from (str(error), repr(error), *map(repr, error.args))


def check(peer: Watched, hidden: str) -> None:
    assert peer.failures == []
    escaped = json.dumps(hidden)[1:-1]
    texts_shown = [*peer.shown(), *(() if hidden in CREDENTIALS else peer.reprs())]
    for text in texts_shown:
        assert hidden not in text
        assert escaped not in text
        assert text.isprintable()
    for step in replay(peer.lines, random.Random):
        # A report of what is no frame has its size, and a mask has another size.
        assert step.same or "is no frame" in str(step.line["out"])


@given(planted(), st.data())
def test_nothing_secret_that_the_server_says_is_shown(
    what: tuple[dict[str, Any], str], data: st.DataObject
) -> None:
    body, hidden = what
    peer = Watched()
    peer.execute(commands.execute("novelty", {}))
    request_id = peer.take_all("novelty")[-1]["id"]
    frame = data.draw(server_frames(body, request_id))
    text = json.dumps(frame).encode()
    match data.draw(st.sampled_from(["whole", "broken", "cut off"])):
        case "broken":
            text = text.replace(b"{", b"{,", 1)
        case "cut off":
            text = text[: -data.draw(st.integers(1, 5))]
        case _:
            pass
    peer.text(text)
    peer.cut(f"reset, they say {hidden}" if hidden in (TOKEN, PROJECT, STATE) else "reset")
    check(peer, hidden)


@given(planted(), st.sampled_from(sorted(METHODS)) | st.just("novelty"))
def test_nothing_secret_that_the_program_asks_is_shown(
    what: tuple[dict[str, Any], str], method: str
) -> None:
    body, hidden = what
    peer = Watched()
    command = commands.execute(method, body)
    peer.execute(command)
    peer.advance(120)
    assert hidden not in repr(command)
    check(peer, hidden)


@pytest.mark.parametrize(("planted", "hidden"), sorted(ANYWHERE.items()))
def test_nothing_secret_that_the_server_says_at_the_end_is_shown(planted: str, hidden: str) -> None:
    peer = Watched()
    peer.hang_up(1011, planted[:100])
    check(peer, hidden)
    peer = Watched()
    device: Any = {"type": "sip", "from": "sip:ada@example.com", "to": "sip:bob@example.com"}
    dialing = peer.execute(commands.dial([[device]], tag="t-1"))
    peer.reply(peer.take_all("calling.dial")[-1])
    peer.event("calling.call.dial", tag="t-1", dial_state="failed", reason=planted)
    assert isinstance(dialing.error, DialFailedError)
    check(peer, hidden)
