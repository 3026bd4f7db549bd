"""docs/states.md: it shows all tables, its words are about all of them; two rules are tried."""

from __future__ import annotations

import enum
import importlib
import pkgutil
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, cast

import pytest

import relay_proto
from relay_proto import Timing
from relay_proto.api import commands as c
from relay_proto.pending import Pending
from relay_proto.transitions import CallState, MessageState, PingState, RequestState
from tests import states
from tests.states import MACHINES, ORDERS, PAGE, PING, REQUEST, Machine
from tests.unit.client_peer import DEVICES, Peer

TEXT: Final = PAGE.read_text("utf-8")
EXPLAINED: Final = ("session", "ping", "request", "action", "dial", "answering", "wire", "server")
"""What a program meets. The rest happens in the simulator alone."""


def test_the_page_shows_what_the_tables_say() -> None:
    assert states.page_with_states() == TEXT, "run scripts/draw"


def test_every_table_of_the_package_is_drawn() -> None:
    drawn = [machine.table for machine in MACHINES.values()]
    for name, table in tables():
        assert any(table is known for known in drawn), f"{name} has no diagram"


def test_there_are_tables() -> None:
    assert len(list(tables())) == len(MACHINES) - len(("ping", "request"))


@pytest.mark.parametrize("name", MACHINES)
def test_a_diagram_has_every_state_and_row(name: str) -> None:
    machine, drawing = MACHINES[name], states.drawings()[name]
    arrows = set(re.findall(r"(\w+) --> (\w+) : (.*)", drawing))
    drawn = {(one, to, label) for one, to, labels in arrows for label in labels.split(", ")}
    assert drawn == {
        (spelled(state), spelled(following), happened)
        for state, happened, following in machine.rows
    }
    assert {name for one, to, _ in drawn for name in (one, to)} == set(map(spelled, machine.states))


@pytest.mark.parametrize("name", MACHINES)
def test_an_end_is_no_way_to_anything_else(name: str) -> None:
    machine = MACHINES[name]
    assert all(to is state for state, _, to in machine.rows if state in machine.last)


@pytest.mark.parametrize("name", ORDERS)
def test_an_order_is_drawn_from_rank_to_rank(name: str) -> None:
    order = ORDERS[name]
    arrows = re.findall(r"(\w+) --> (\w+)$", states.drawings()[name], re.MULTILINE)
    assert {state for arrow in arrows for state in arrow} == set(order)
    assert all(order[to] == order[one] + 1 for one, to in arrows)


@pytest.mark.parametrize("name", EXPLAINED)
def test_there_are_words_for_every_state_and_for_all_that_moves_it(name: str) -> None:
    machine = MACHINES[name]
    assert explained(name, "state") == [state.value for state in machine.states]
    assert sorted(explained(name, "what moves it")) == sorted(machine.inputs)


def test_there_are_words_for_every_state_of_calls_and_messages() -> None:
    assert explained("call", "state") == [state.value for state in CallState]
    assert explained("message", "state") == [state.value for state in MessageState]


def test_a_state_of_more_than_one_word_has_a_name_for_the_diagram() -> None:
    drawing = states.draw(Machine(PING, ((PingState.QUIET, "new session"),)))
    assert '    state "awaiting reply" as awaiting_reply\n' in drawing
    assert "    [*] --> quiet : new session\n" in drawing


def tables() -> Iterator[tuple[str, Mapping[Any, Any]]]:
    """Every table of states in the package, once."""
    seen: list[object] = []
    for module in pkgutil.walk_packages(relay_proto.__path__, "relay_proto."):
        if not module.name.endswith("__main__"):
            for name, value in vars(importlib.import_module(module.name)).items():
                if is_table(value) and not any(value is known for known in seen):
                    seen.append(value)
                    yield f"{module.name}.{name}", value


def is_table(value: object) -> bool:
    return isinstance(value, Mapping) and any(is_row(key) for key in cast("list[object]", [*value]))


def is_row(key: object) -> bool:
    match key:
        case (enum.Enum(), enum.Enum()):
            return True
        case _:
            return False


def spelled(state: enum.Enum) -> str:
    return str(state.value).replace(" ", "_")


def explained(name: str, heading: str) -> list[str]:
    """What the table under a diagram is about, line by line."""
    _, _, rest = TEXT.partition(states.BEGIN.format(name))
    _, _, rest = rest.partition(f"\n| {heading} |")
    return re.findall(r"^\| `(.*?)` \|", rest.partition("\n\n")[0], re.MULTILINE)


# Requests and pings have no table in the package: what the diagrams say of them is tried.

DIAL: Final = "calling.dial"
PATIENT: Final = Timing(request_timeout=5.0, ping_interval=10_000.0)


def draining() -> Peer:
    """A client with a connection on which no request is written."""
    peer = Peer()
    peer.connect()
    peer.ask("signalwire.disconnect")
    return peer


def ready(timing: Timing | None = None) -> Peer:
    peer = Peer(timing=timing)
    peer.connect()
    return peer


def be_written(peer: Peer, _: Pending[Any]) -> None:
    peer.cut()
    peer.reconnect()


def be_decided(peer: Peer, _: Pending[Any]) -> None:
    call = {"call_id": "c-1", "node_id": "n-1"}
    peer.event("calling.call.dial", tag="t-1", dial_state="answered", call=call)


ON_REQUESTS: Final[Mapping[str, Callable[[Peer, Pending[Any]], None]]] = {
    "written": be_written,
    "cancelled": Peer.cancel,
    "timed out": lambda peer, _: peer.advance(60.0),
    "decided": be_decided,
    "closed": lambda peer, _: peer.close(),
    "answered": lambda peer, _: peer.refuse(peer.take(DIAL), 400),
    "connection lost": lambda peer, _: peer.cut(),
}


def request_state(peer: Peer, pending: Pending[Any]) -> RequestState:
    """The state of the one request, as far as anybody outside can tell."""
    if pending.settled:
        return RequestState.DONE
    written = any(frame.get("method") == DIAL for frame in peer.written)
    return RequestState.SENT if written else RequestState.QUEUED


@pytest.mark.parametrize(("state", "happened"), REQUEST)
def test_a_request_does_what_the_diagram_says(state: RequestState, happened: str) -> None:
    peer = draining() if state is RequestState.QUEUED else ready()
    pending = peer.execute(c.dial(DEVICES, tag="t-1"))
    assert request_state(peer, pending) is state
    ON_REQUESTS[happened](peer, pending)
    assert request_state(peer, pending) is REQUEST[state, happened]
    if (state, REQUEST[state, happened]) == (RequestState.QUEUED, RequestState.DONE):
        assert not any(frame.get("method") == DIAL for frame in peer.written)


def doubt(peer: Peer) -> None:
    peer.execute(c.execute("signalwire.unknown", {}))
    peer.advance(PATIENT.request_timeout)


ON_PINGS: Final[Mapping[str, Callable[[Peer], None]]] = {
    "doubt": doubt,
    "sign of life": lambda peer: peer.event("calling.unknown"),
    "no reply": lambda peer: peer.advance(PATIENT.ping_timeout),
    "delay over": lambda peer: peer.advance(PATIENT.ping_retry_delay),
}
TO_BE: Final[Mapping[PingState, tuple[str, ...]]] = {
    PingState.QUIET: (),
    PingState.AWAITING_REPLY: ("doubt",),
    PingState.BACKING_OFF: ("doubt", "no reply"),
}


def ping_state(peer: Peer) -> PingState:
    """The state of the pings, by the time that passes until the next one."""
    since = peer.now
    peer.take_all("signalwire.ping")
    while not peer.take_all("signalwire.ping"):
        peer.advance_to_deadline()
    if peer.now - since > PATIENT.ping_interval / 2:
        return PingState.QUIET
    waited = peer.now - since >= PATIENT.ping_timeout
    return PingState.AWAITING_REPLY if waited else PingState.BACKING_OFF


@pytest.mark.parametrize("state", TO_BE)
def test_the_state_of_the_pings_can_be_told(state: PingState) -> None:
    peer = ready(PATIENT)
    for happened in TO_BE[state]:
        ON_PINGS[happened](peer)
    assert ping_state(peer) is state


@pytest.mark.parametrize(("state", "happened"), PING)
def test_pings_do_what_the_diagram_says(state: PingState, happened: str) -> None:
    peer = ready(PATIENT)
    for earlier in (*TO_BE[state], happened):
        ON_PINGS[earlier](peer)
    assert ping_state(peer) is PING[state, happened]
