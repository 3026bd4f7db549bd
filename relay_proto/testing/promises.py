"""The promises of the core, as checks after each step.

The checks see the inputs and outputs of each core, the frames on its links, the time, and
the journal of the exchange. They do not look into a core. `CHECKS` has their names. A
check that fails says which program broke the promise, and how.
"""

from __future__ import annotations

import abc
from collections import Counter
from collections.abc import Sequence
from typing import Any, Protocol

from ..client_interface import ClientInterface
from ..exchange import Happened, What
from ..outputs import Output, PeerViolation
from ..pending import Pending
from ..records import ActionRecord
from .checks import BrokenPromiseError, Checks
from .ledger import Ledger
from .links import Link
from .reach import records_within
from .tap import Frame

FAR_LEG = "+1777"
"""The prefix of numbers that only bridges use. Their legs belong to no program."""


CHECK_ALL = 100
"""After so many steps, all cores are checked."""


class Subject(Protocol):
    """What the checks need to know about one program."""

    name: str
    core: ClientInterface
    lag: float
    tasks: int

    @property
    @abc.abstractmethod
    def clock(self) -> float:
        """The program's own time."""
        ...

    @property
    @abc.abstractmethod
    def ready(self) -> bool:
        """Whether the program has a session."""
        ...

    @property
    @abc.abstractmethod
    def has_outputs(self) -> bool:
        """Whether there may be outputs that were not performed yet."""
        ...


class Scene(Protocol):
    """What the checks need to know about the world."""

    now: float
    trace: list[str]

    @property
    @abc.abstractmethod
    def programs(self) -> Sequence[Subject]:
        """All programs of the world."""
        ...


class Promises:
    """The checks of all cores of one world."""

    def __init__(self, world: Scene) -> None:
        self._world = world
        self._checks = Checks()
        self._ledgers: dict[str, Ledger] = {}
        self._watched: list[tuple[Subject, Ledger]] = []
        self._steps = 0
        self._legs: dict[str, str] = {}
        self.injected = 0
        """How many messages that break the protocol were sent and not reported yet."""

    @property
    def made(self) -> Counter[str]:
        """How often each check was made."""
        return self._checks.made

    @property
    def broken(self) -> BrokenPromiseError | None:
        """The first failure. Later ones may only be its consequences."""
        return self._checks.broken

    def ledger(self, program: Subject) -> Ledger:
        """Return the ledger of a program."""
        ledger = self._ledgers.get(program.name)
        if ledger is None:
            that = self._checks.about(program.name)
            ledger = self._ledgers[program.name] = Ledger(program.core.config, that)
            self._watched.append((program, ledger))
        return ledger

    def moved(self, program: Subject) -> Ledger:
        """Note that something happens to a core, and return its ledger."""
        ledger = self.ledger(program)
        ledger.moved = True
        return ledger

    # What programs do, and what their cores do

    def asked(
        self, program: Subject, pending: Pending[Any], what: str, within: float | None
    ) -> None:
        """Somebody waits for `pending`, which must settle `within` so many seconds."""
        due = None if within is None else program.clock + within + program.lag
        self.moved(program).asked(pending, what, program.clock, due)

    def action_started(self, program: Subject, action: ActionRecord) -> None:
        """Somebody waits for the end of an action."""
        ledger = self.moved(program)
        ledger.asked(action.done, f"{action.kind.method} done", program.clock, None)
        ledger.actions.setdefault(action.call, []).append(action)

    def closing(self, program: Subject) -> None:
        """The program disconnects."""
        self.moved(program).closing(program.clock)

    def slept(self, program: Subject) -> None:
        """The program's clock jumps."""
        self.moved(program).slept()

    def link_opened(self, program: Subject, link: Link) -> None:
        """The core is told that a byte stream is open."""
        self.moved(program).link_opened(link.transport)

    def link_closed(self, program: Subject, link: Link) -> None:
        """The core is told that a byte stream is gone."""
        self.moved(program).link_gone(link.transport)

    def frame_arrived(
        self, program: Subject, link: Link, frame: Frame, *, waited: bool = False
    ) -> None:
        """A frame is about to reach the core. It may have `waited` while the program slept."""
        ledger = self.moved(program)
        ledger.session.unclear = program.has_outputs
        ledger.frame_arrived(link.transport, frame, program.clock, waited=waited)

    def frame_sent(
        self,
        program: Subject,
        link: Link,
        frame: Frame,
        asking: tuple[str, Pending[Any]] | None = None,
    ) -> None:
        """The core has sent a frame. `asking` is the command that is carried out."""
        ledger = self.moved(program)
        ledger.frame_sent(link.transport, frame)
        if asking is not None and frame.is_request and frame.method == asking[0]:
            ledger.answers.expect(frame, asking[1])

    def output(self, program: Subject, output: Output) -> None:
        """The core has made an output."""
        ledger = self.moved(program)
        if isinstance(output, PeerViolation):
            self.injected -= 1
            fair = self.injected >= 0
            ledger.that(fair, "the exchange keeps to the protocol", output.reason)
        ledger.session.accepts_calls = program.core.accepting_calls
        ledger.output(output, program.clock, program.lag)

    def drained(self, program: Subject) -> None:
        """All outputs of the core were performed."""
        self.moved(program).drained(program.core.deadline(), program.clock - program.lag)

    def timer_handled(self, who: str, deadline: float | None) -> None:
        """`handle_timer` was called, so everything that was due must be done."""
        later = deadline is None or deadline > self._world.now
        self._checks.that(later, "after handle_timer(t), deadline() > t", who, deadline)

    def timer_touched(self, who: str, before: float | None, after: float | None) -> None:
        """`handle_timer` was called although nothing was due."""
        same = before == after
        self._checks.that(same, "a needless handle_timer does nothing", who, before, after)

    def happened(self, happened: Happened) -> None:
        """Something happened at the exchange."""
        match happened.what:
            case What.CALLED:
                self._legs[happened.call_id] = "a caller"
            case What.DIALED:
                self._legs[happened.call_id] = happened.details["to"]
            case What.ENDED:
                self._legs.pop(happened.call_id, None)
            case _:
                pass
        fair = happened.what is not What.VIOLATED
        details = "" if fair else happened.text
        self._checks.that(fair, "a core keeps to the protocol", "exchange", details)

    # Always

    def check(self) -> None:
        """Check the cores that have moved in a step, and those that should have.

        Now and then, all cores are checked.
        """
        self._steps += 1
        every = self._steps % CHECK_ALL == 0
        for program, ledger in self._watched:
            # A late timer may set the next one, and outputs may be performed late.
            slack, now = 8 * program.lag + 0.1, program.clock
            if every or ledger.moved or now - slack > ledger.due:
                ledger.check(now, slack)

    # When everything has come to rest

    def check_quiet(self) -> None:
        """Check, long after the last fault, that all are connected and nothing is left."""
        owned: set[str] = set()
        for program in self._world.programs:
            ledger = self.ledger(program)
            if ledger.closed_at is None:
                ledger.that(program.ready, "a core comes back", program.core.state.value)
                owned |= ledger.owned
                ledger.check_passed_back()  # a session that has ended has no offers any more
            ledger.check_waits(but=("delivery",))
            idle = program.tasks <= ledger.waits.count("delivery")
            ledger.that(idle, "every wait ends", program.tasks, "tasks still run")
            gone = [call_id for call_id in ledger.held if call_id not in self._legs]
            ledger.that(not gone, "an ended call leaves no memory", *gone)
            counted = program.core.active_calls
            right = counted == len(ledger.held)
            ledger.that(right, "an ended call leaves no memory", counted, "calls are counted")
        self._check_legs(owned, bridged=True)

    def check_end(self) -> None:
        """Check, after all programs have disconnected, that no trace of them is left."""
        trace = "\n".join(self._world.trace)
        for program in self._world.programs:
            ledger = self.ledger(program)
            ledger.check_waits(but=())
            ledger.check_closed(program.core.deadline())
            left = records_within(program.core)
            ledger.that(not left, "a closed core leaves no memory", *left)
            for thing in (program.core, program.core.config):
                ledger.check_secrets(repr(thing))
            ledger.check_secrets(trace)
        self._check_legs(set(), bridged=False)

    def _check_legs(self, owned: set[str], *, bridged: bool) -> None:
        left = [
            f"{call_id} {number}"
            for call_id, number in self._legs.items()
            if call_id not in owned and not (bridged and number.startswith(FAR_LEG))
        ]
        self._checks.that(not left, "nobody is left ringing", "exchange", *left)
