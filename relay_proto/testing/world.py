"""The world: virtual time, an exchange, and the programs that connect to it.

Time jumps from one delivery or deadline to the next. All randomness comes from one seed.
The cores, the links, the programs and the faults each have their own stream of it, so a
change to one does not change the others.
"""

from __future__ import annotations

import hashlib
import heapq
import itertools
import math
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any, TypeVar

from ..client import ClientCore
from ..client_interface import ClientInterface
from ..config import ClientConfig, Credentials, Secret
from ..exchange import Account, Caller, Exchange, ExchangeConfig, FileMade, Happened, What
from ..outputs import CloseTransport, SendData
from ..server import ServerConfig
from .links import Link, Style
from .program import Program
from .promises import Promises
from .tap import Frame

PROJECT = "project-of-the-simulation"
PROJECTS = (PROJECT, *(f"project-{number}-of-the-simulation" for number in range(2, 9)))
"""The projects of the exchange. They share one token, and each can be revoked alone."""
TOKEN = "token-of-the-simulation"
OFFICE = "+15550002222"
SALES = "+15550003333"
MOST_STEPS_PER_SECOND = 20_000
MOST_STEPS = 2_000_000
SHOWN_LINES = 250

R = TypeVar("R")
MakeCore = Callable[[ClientConfig, Random], ClientInterface]


class LivelockError(AssertionError):
    """Too much happens in too little virtual time."""


def client_config(*contexts: str, project: str = PROJECT, **changes: Any) -> ClientConfig:
    """Return the configuration of a client, with `changes`."""
    given: dict[str, Any] = {
        "credentials": Credentials(Secret(project), Secret(TOKEN)),
        "host": "exchange.test",
        "contexts": contexts,
        "trace_frames": True,
    }
    return ClientConfig(**(given | changes))


def exchange_config(**changes: Any) -> ExchangeConfig:
    """Return the configuration of an exchange with two numbers, with `changes`."""
    given: dict[str, Any] = {
        "accounts": tuple(Account(project=project, token=TOKEN) for project in PROJECTS),
        "numbers": {OFFICE: "office", SALES: "sales"},
        "server": ServerConfig(),
    }
    return ExchangeConfig(**(given | changes))


class World:
    """One exchange, its programs, and the time they share."""

    def __init__(
        self,
        seed: int = 0,
        *,
        config: ExchangeConfig | None = None,
        make_core: MakeCore = ClientCore,
        start: float = 0.0,
    ) -> None:
        self.seed = seed
        self.now = self.start = start
        self.exchange = Exchange(config or exchange_config(), self.stream("exchange"))
        self.exchange.refuse_unknown_sessions(self.stream("sessions").random() < 0.5)
        self.programs: list[Program] = []
        self.links: dict[int, Link] = {}
        self.happened: list[Happened] = []
        self.trace: list[str] = []
        self.faults: Counter[str] = Counter()
        """How often each kind of fault has happened."""
        self.counts: Counter[str] = Counter()
        """How often programs and people have done each kind of thing."""
        self.style: Callable[[], Style] = Style
        """Returns the style of the next link."""
        self.opening: Callable[[Link], None] = Link.open
        """Opens a link, or lets it fail."""
        self.promises = Promises(self)
        self._make_core = make_core
        self._link_chance = self.stream("links")
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._steps = 0
        self._second = (0, 0)
        self._frames = hashlib.sha256()

    def stream(self, name: str) -> Random:
        """Return the source of randomness for one part of the world."""
        return Random(f"{self.seed} {name}")

    # Making and doing

    def program(self, *contexts: str, **changes: Any) -> Program:
        """Return a new program. It is not connected yet."""
        name = f"p{len(self.programs) + 1}"
        core = self._make_core(client_config(*contexts, **changes), self.stream(f"core {name}"))
        program = Program(self, name, core)
        self.programs.append(program)
        return program

    def connected(self, *contexts: str, **changes: Any) -> Program:
        """Return a new program that has a session."""
        program = self.program(*contexts, **changes)
        program.start()
        self.run_until(lambda: program.ready, "a session")
        return program

    def place_call(self, caller: Caller, to: str = OFFICE, *, context: str = "") -> str:
        """Let somebody call a number; return the id of the call."""
        place = self.exchange.place_call
        return self.on_exchange(lambda now: place(caller, to=to, now=now, context=context))

    def all(self, what: What) -> list[Happened]:
        """Return everything of one kind from the exchange's journal."""
        return [one for one in self.happened if one.what is what]

    def struck(self, fault: str) -> None:
        """Count a fault, and add it to the trace."""
        self.faults[fault] += 1
        self.note("!", fault)

    def on_exchange(self, act: Callable[[float], R]) -> R:
        """Call `act` with the time, and perform the outputs of the exchange."""
        result = act(self.now)
        self._drain_exchange()
        return result

    def at(self, when: float, action: Callable[[], None]) -> None:
        """Call `action` at `when`."""
        heapq.heappush(self._agenda, (max(when, self.now), next(self._order), action))

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        """Call `action` after some seconds."""
        self.at(self.now + seconds, action)

    def note(self, who: str, what: str) -> None:
        """Add a line to the trace."""
        self.trace.append(f"{self.now - self.start:10.4f} {who:<6} {what}")

    def recorded(self, who: str, transport: int, direction: bytes, frame: Frame) -> None:
        """Add a frame to the fingerprint."""
        mark = f"{self.now!r} {who} {transport} {frame.method} ".encode()
        self._frames.update(mark + direction + frame.text + b"\n")

    @property
    def fingerprint(self) -> str:
        """A hash of all frames that programs have sent or received, and of their times."""
        return self._frames.hexdigest()[:16]

    def report(self) -> str:
        """Return the seed, the fingerprint and the end of the trace as text."""
        lines = self.trace[-SHOWN_LINES:]
        left_out = len(self.trace) - len(lines)
        head = f"seed {self.seed}, frames {self.fingerprint}, after {left_out} more lines:"
        return "\n".join((head, *lines))

    # Time

    def run(self, seconds: float) -> None:
        """Let some seconds pass."""
        until = self.now + seconds
        while self.step(until):
            pass
        self.now = until

    def run_until(self, condition: Callable[[], bool], what: str, within: float = 120.0) -> None:
        """Let time pass until `condition` is true. `what` names it in the error.

        Raises:
            AssertionError: it is not true `within` so many seconds.
        """
        until = self.now + within
        while not condition():
            assert self.step(until), f"{what} did not come within {within:g} s\n{self.report()}"

    def step(self, until: float = math.inf) -> bool:
        """Do the next thing, if it is due by `until`, and check every promise.

        Return False if nothing is due by then.
        """
        when = math.inf
        action: Callable[[], None] | None = None
        if self._agenda:
            when, action = self._agenda[0][0], self._do_agenda
        # What was looked at first comes first, if several things are due at the same time.
        deadline = self.exchange.deadline()
        if deadline is not None and deadline < when:
            when, action = deadline, self._run_exchange
        for program in self.programs:
            wakes_at = program.wakes_at
            if wakes_at is not None and wakes_at < when:
                when, action = wakes_at, program.keep_time
        if action is None or when > until:
            return False
        self.now = max(self.now, when)
        self._count_step()
        action()
        self.promises.check()
        return True

    def _count_step(self) -> None:
        second, count = self._second
        self._second = (int(self.now), count + 1 if int(self.now) == second else 1)
        self._steps += 1
        if self._second[1] > MOST_STEPS_PER_SECOND or self._steps > MOST_STEPS:
            raise LivelockError(f"{self._steps} steps, {self._second[1]} in second {self.now:.0f}")

    def _do_agenda(self) -> None:
        heapq.heappop(self._agenda)[2]()

    # The exchange

    def _run_exchange(self) -> None:
        self.exchange.handle_timer(self.now)
        self.promises.timer_handled("exchange", self.exchange.deadline())
        self._drain_exchange()

    def _drain_exchange(self) -> None:
        while (output := self.exchange.next_output()) is not None:
            match output:
                case SendData(transport, data):
                    self.links[transport].write_down(data)
                case CloseTransport(transport, flush):
                    self.links[transport].leave_up(flush=flush)
                case FileMade():
                    pass
                case _:
                    assert isinstance(output, Happened), "this exchange is not observed"
                    self.happened.append(output)
                    self.note("*", f"{output.call_id[:6]:<6} {output.who} {output.what}")
                    self.promises.happened(output)

    def open_link(self, program: Program, transport: int) -> Link:
        """Open a byte stream for a program."""
        link = Link(
            self,
            self.style(),
            self._link_chance,
            program,
            self,
            transport=transport,
            number=len(self.links) + 1,
        )
        self.links[link.number] = link
        self.opening(link)
        return link

    def accept(self, link: Link) -> None:
        """A byte stream reaches the exchange."""
        self.on_exchange(lambda now: self.exchange.transport_opened(link.number, now))

    def take(self, link: Link, data: bytes) -> None:
        """Bytes reach the exchange."""
        self.on_exchange(lambda now: self.exchange.receive_data(link.number, data, now))

    def lose(self, link: Link, reason: str) -> None:
        """The end of a byte stream reaches the exchange."""
        self.on_exchange(lambda now: self.exchange.transport_closed(link.number, now, reason))

    # Its end

    def settle_down(self) -> None:
        """Check that everything is at rest, close all programs, and check again.

        Raises:
            BrokenPromiseError: something is left that should be gone.
        """
        self.promises.check_quiet()
        for program in self.programs:
            program.close()
        self.run(100.0)
        self.promises.check_end()
