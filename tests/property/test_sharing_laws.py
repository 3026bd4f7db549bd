"""Laws of several programs in one context: one has a call at a time, and no caller is stuck."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.unit.exchange_client import Client, World

PATIENT = 600.0
RETENTION = 5.0

ACTS = ("connect", "call", "pass", "answer", "close", "lose", "resume", "leave", "join", "wait")


class Office:
    """Programs that serve one context, in any state, and what each believes of its calls."""

    def __init__(self) -> None:
        self.world = World()
        self.calls: list[str] = []
        self.there: dict[str, Client] = {}
        """The connected programs, by session."""
        self.away: list[str] = []
        self.serving: set[str] = set()
        self.passed: set[tuple[str, str]] = set()
        self.answered: dict[str, str] = {}
        """The session that has answered each call."""

    def act(self, name: str, number: int) -> None:
        """Let something happen to the client or the call of this number, if there is one."""
        clients = list(self.there)
        if name == "connect":
            client = self.world.connect("office")
            self.there[client.protocol] = client
            self.serving.add(client.protocol)
        elif name == "call":
            self.calls.append(self.world.place(patience=PATIENT))
        elif name == "wait":
            self.world.pass_time((0.5, 4.0, RETENTION, 61.0)[number % 4])
        elif name == "resume" and self.away:
            self.resume(self.away.pop(number % len(self.away)))
        elif clients and name != "resume":
            self.let(clients[number % len(clients)], name)

    def let(self, session: str, name: str) -> None:
        """Let a connected program do something."""
        client = self.there[session]
        mine = sorted(self.held(session) - self.answered.keys())
        if name in {"pass", "answer"} and mine:
            assert client.verb(name, mine[0])["code"] == "200", "it is this program's"
            if name == "pass":
                self.passed.add((session, mine[0]))
            else:
                self.answered[mine[0]] = session
        elif name == "leave":
            client.ask("signalwire.unreceive", contexts=["office"])
            self.serving.discard(session)
        elif name == "join":
            client.ask("signalwire.receive", contexts=["office"])
            self.serving.add(session)
        elif name in {"close", "lose"}:
            del self.there[session]
            self.away.append(session)
            if name == "close":
                client.write(client.wire.close(1000))
            else:
                client.lose()

    def resume(self, session: str) -> None:
        client = self.world.open()
        client.connect(protocol=session)
        self.there[client.protocol] = client
        if client.protocol != session:
            self.serving.discard(session)

    def ringing(self) -> Iterator[tuple[str, str]]:
        """The calls that nobody has answered, with the sessions that have them."""
        for call_id in self.calls:
            view = self.world.exchange.call(call_id)
            if view is not None and call_id not in self.answered:
                yield call_id, view.session

    def told(self, session: str, what: str, **wanted: str) -> set[str]:
        """The calls of which a program was told something, over all its connections."""
        clients = [one for one in self.world.clients.values() if one.protocol == session]
        return {event["call_id"] for one in clients for event in one.events(what, **wanted)}

    def held(self, session: str) -> set[str]:
        """The calls that a program believes to have."""
        passed = {call_id for by, call_id in self.passed if by == session}
        ended = self.told(session, "call.state", call_state="ended")
        return self.told(session, "call.receive") - ended - passed

    def check(self) -> None:
        """One program at a time has a call, and believes so."""
        held = {session: self.held(session) for session in self.there}
        for call_id in self.calls:
            holders = [session for session, calls in held.items() if call_id in calls]
            assert len(holders) <= 1, f"{len(holders)} programs have {call_id}"
            view = self.world.exchange.call(call_id)
            assert view is not None or not holders, "the call is over, and nobody has said so"
            if view is not None and view.session in self.there:
                assert holders == [view.session]
            if view is not None and call_id in self.answered:
                assert view.session == self.answered[call_id], "it stays where it was answered"

    def check_nobody_is_stuck(self) -> None:
        """Once programs had the time to come back, a ringing call is where somebody is."""
        for call_id, holder in self.ringing():
            if holder not in self.there:
                free = [
                    session
                    for session in self.serving & self.there.keys()
                    if call_id not in self.told(session, "call.receive")
                ]
                assert not free, f"{call_id} is with a program that is gone, and {free} are there"


@settings(max_examples=60)
@given(st.lists(st.tuples(st.sampled_from(ACTS), st.integers(0, 3)), min_size=4, max_size=25))
@example([("connect", 0), ("call", 0), ("lose", 0), ("connect", 0), ("wait", 2), ("resume", 0)])
@example([("connect", 0), ("connect", 0), ("call", 0), ("close", 0), ("wait", 0), ("answer", 0)])
@example([("connect", 0), ("close", 0), ("call", 0), ("connect", 0), ("pass", 0), ("resume", 0)])
@example(
    [
        ("connect", 0),
        ("connect", 0),
        ("leave", 1),
        ("call", 0),
        ("close", 0),
        ("wait", 0),
        ("join", 0),
    ]
)
@example([("connect", 0), ("connect", 0), ("call", 0), ("answer", 0), ("close", 0), ("wait", 2)])
def test_one_has_a_call_at_a_time_and_no_caller_is_stuck(acts: Sequence[tuple[str, int]]) -> None:
    office = Office()
    for name, number in acts:
        office.act(name, number)
        office.world.deliver()
        office.check()
    office.world.pass_time(RETENTION)
    office.check()
    office.check_nobody_is_stuck()
    office.world.pass_time(PATIENT)
    assert list(office.ringing()) == [], "patience ends"
