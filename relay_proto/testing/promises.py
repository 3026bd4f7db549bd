"""The promises of the core, as checks.

They see what goes in and out of each core and what happens at the exchange:
bytes by way of taps, outputs, time. They know nothing of how a core works.
Each is named; a broken one says who broke it, and how.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..actions import ActionKind
from ..calls import ActionRecord
from ..exchange import Happened, What
from ..outputs import PeerViolation
from ..pending import Pending
from .ledger import Ledger
from .links import Link
from .reach import records_within
from .tap import Frame

if TYPE_CHECKING:
    from ..outputs import Output
    from .program import Program
    from .world import World

FAR_LEG = "+1777"
"""How numbers begin that only bridges are built to: their legs belong to no program."""


class BrokenPromiseError(AssertionError):
    """What must never happen."""

    def __init__(self, promise: str, who: str, details: str) -> None:
        super().__init__(f"{promise}: {who}: {details}")
        self.promise = promise


class Promises:
    """All that is promised, about all cores of one world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._ledgers: dict[str, Ledger] = {}
        self._legs: dict[str, str] = {}
        self.injected = 0
        """Messages that break the protocol; as many may be reported."""

    def ledger(self, program: Program) -> Ledger:
        """What is known of one program."""
        ledger = self._ledgers.get(program.name)
        if ledger is None:

            def broken(promise: str, details: str) -> None:
                raise BrokenPromiseError(promise, program.name, details)

            ledger = self._ledgers[program.name] = Ledger(program.core.config, broken)
        return ledger

    # What programs do, and what comes of it

    def asked(
        self, program: Program, pending: Pending[Any], what: str, within: float | None
    ) -> None:
        """Somebody may wait for `pending`, and for so long at most."""
        now = self._world.now
        due = None if within is None else now + within + program.lag
        self.ledger(program).asked(pending, what, now, due)

    def action_started(self, program: Program, action: ActionRecord) -> None:
        """Somebody may wait for an action."""
        kind: ActionKind = action.kind
        ledger = self.ledger(program)
        ledger.asked(action.done, f"{kind.method} done", self._world.now, None)
        ledger.actions.setdefault(action.call, []).append(action)

    def closing(self, program: Program) -> None:
        """The program disconnects."""
        self.ledger(program).closing(self._world.now)

    def link_opened(self, program: Program, link: Link) -> None:
        """The core is told that a byte stream is there."""
        self.ledger(program).link_opened(link.transport)

    def link_closed(self, program: Program, link: Link) -> None:
        """The core is told that a byte stream is gone."""
        self.ledger(program).link_gone(link.transport)

    def frame_arrived(self, program: Program, link: Link, frame: Frame) -> None:
        """A frame is about to reach the core."""
        self.ledger(program).frame_arrived(link.transport, frame, self._world.now)

    def frame_sent(self, program: Program, link: Link, frame: Frame) -> None:
        """The core has sent a frame."""
        self.ledger(program).frame_sent(link.transport, frame)

    def output(self, program: Program, output: Output) -> None:
        """The core has said something."""
        ledger = self.ledger(program)
        if isinstance(output, PeerViolation) and "the server refused" not in output.reason:
            self.injected -= 1
            if self.injected < 0:
                ledger.broken("the exchange keeps to the protocol", output.reason)
        ledger.output(output, self._world.now, program.lag)

    def drained(self, program: Program) -> None:
        """There are no more outputs for now."""
        self.ledger(program).drained(program.core.deadline())

    def timer_handled(self, who: str, deadline: float | None) -> None:
        """`handle_timer` was called: what is due has been done."""
        if deadline is not None and deadline <= self._world.now:
            raise BrokenPromiseError(
                "after handle_timer(t), deadline() > t", who, f"{deadline:.6f}"
            )

    def happened(self, happened: Happened) -> None:
        """Something happened at the exchange."""
        match happened.what:
            case What.CALLED:
                self._legs[happened.call_id] = "a caller"
            case What.DIALED:
                self._legs[happened.call_id] = happened.details["to"]
            case What.ENDED:
                self._legs.pop(happened.call_id, None)
            case What.VIOLATED:
                raise BrokenPromiseError("a core keeps to the protocol", "exchange", happened.text)
            case _:
                pass

    # Always

    def check(self) -> None:
        """After each step."""
        for program in self._world.programs:
            slack = 8 * program.lag + 0.1  # one timer sets the next; outputs are drained late
            self.ledger(program).check(self._world.now, slack)

    # When everything has come to rest

    def check_quiet(self) -> None:
        """No fault has struck for long: everybody is connected, and nothing is left over."""
        owned: set[str] = set()
        for program in self._world.programs:
            ledger = self.ledger(program)
            if ledger.closed_at is not None:
                continue
            if not program.ready:
                ledger.broken("a core comes back", f"it is {program.core.state.value}")
            ledger.check_waits(but=("delivery",))
            if program.tasks > ledger.waits.count("delivery"):
                ledger.broken("every wait ends", f"{program.tasks} tasks still run")
            owned |= ledger.owned
            for call_id in ledger.held:
                if call_id not in self._legs:
                    ledger.broken("an ended call leaves no memory", f"call {call_id[:6]} is kept")
            if len(ledger.held) != program.core.active_calls:
                count = program.core.active_calls
                ledger.broken("an ended call leaves no memory", f"{count} calls are counted")
        for call_id, number in self._legs.items():
            if call_id not in owned and not number.startswith(FAR_LEG):
                raise BrokenPromiseError(
                    "nobody is left ringing", "exchange", f"{call_id[:6]} {number}"
                )

    def check_end(self) -> None:
        """Every program has disconnected, and its sessions are long forgotten."""
        for program in self._world.programs:
            ledger = self.ledger(program)
            ledger.check_waits(but=())
            ledger.check_closed(program.core.deadline())
            left = records_within(program.core)
            if left:
                ledger.broken("a closed core leaves no memory", ", ".join(left))
            for thing in (program.core, program.core.config):
                ledger.check_secrets(repr(thing))
            for line in self._world.trace:
                ledger.check_secrets(line)
        for call_id, number in self._legs.items():
            raise BrokenPromiseError(
                "nobody is left ringing", "exchange", f"{call_id[:6]} {number}"
            )
