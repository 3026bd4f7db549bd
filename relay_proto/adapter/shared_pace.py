"""A shared pace: dials and texts of several processes, which take their turns together.

Somebody else keeps count for all of them, such as Redis. Asking may block, so a thread of
our own asks, for one dial after another.
"""

from __future__ import annotations

import enum
import random
import threading
import time
from collections.abc import Callable, Collection
from typing import Any, Final, Literal, Protocol, TypeAlias, cast

from ..api.commands import Command, Purpose
from ..client_interface import ClientInterface
from ..config import ClientConfig
from ..errors import ClientClosedError, RelayError, RequestQueueFullError, RequestTimeoutError
from ..link.pace import Pace
from ..transitions import SessionState
from ..values.checks import number, one_of
from .logs import Log

Paced: TypeAlias = Literal["dials", "texts"]
WhenAway: TypeAlias = Literal["wait", "local"]

PACED: Final[dict[Purpose, Paced]] = {Purpose.DIAL: "dials", Purpose.SEND_MESSAGE: "texts"}
METHODS: Final[dict[Paced, str]] = {"dials": "calling.dial", "texts": "messaging.send"}
_CLOSED: Final = (SessionState.DISCONNECTED, SessionState.CLOSING, SessionState.CLOSED)
SOONEST: Final = 0.02
"""Seconds before the same process asks again: a pace that says "now" must not be a loop."""
LATEST: Final = 5.0
"""Seconds after which it asks again in any case."""
LEAST_INTERVAL: Final = 0.01
MOST_INTERVAL: Final = 86_400.0
"""Seconds between renewals: neither a loop, nor longer than a thread can wait."""
AWAY: Final = 1.0
"""Seconds for which a pace that cannot be reached is left alone."""


class Pacer(Protocol):
    """Says whose turn it is, for several processes. Any thread may ask. It may block, in a bound.

    Whatever it raises means that it cannot be reached.
    """

    when_away: WhenAway
    """What becomes of dials and texts while it cannot be reached: they wait, or they do not."""
    renew_interval: float
    """Seconds after which places that are still taken must be renewed."""

    def paces(self, kind: Paced) -> bool:
        """Whether it has a limit for them."""
        ...

    def take(self, kind: Paced, place: str) -> float | None:
        """Take a place. None if it is taken; otherwise the seconds after which to ask again."""
        ...

    def renew(self, kind: Paced, places: Collection[str]) -> None:
        """Keep these places: whoever has them is still there."""

    def give_back(self, kind: Paced, places: Collection[str]) -> None:
        """These places are free for others."""


def pacer(argument: str, value: object) -> object:
    """Check that an argument is a `Pacer`."""
    names = ("paces", "take", "renew", "give_back")
    if not all(callable(getattr(value, name, None)) for name in names):
        raise TypeError(
            f"{argument} must be a relay_pace.SharedPace, or have its methods, not "
            f"{type(value).__name__}"
        )
    interval = getattr(value, "renew_interval", None)
    number(LEAST_INTERVAL, MOST_INTERVAL, "seconds")(f"{argument}.renew_interval", interval)
    one_of({"wait", "local"})(f"{argument}.when_away", getattr(value, "when_away", None))
    return value


class Turn(enum.Enum):
    """What has become of somebody who waits for a turn."""

    WAITS = "waits"
    TAKEN = "taken"
    """With a place, which must be given back."""
    UNPACED = "unpaced"
    """Without a place: the pace could not be reached."""


class Ticket:
    """Somebody who waits for a turn, or has one. `told` is called once, from any thread."""

    def __init__(self, place: str, told: Callable[[], object]) -> None:
        self.place = place
        self.told = told
        self.error: RelayError | None = None


class Line:
    """Those of one client who wait for a turn, and those who have one."""

    def __init__(self, kind: Paced, pacer: Pacer, config: ClientConfig, log: Log) -> None:
        self._kind: Final[Paced] = kind
        self._pacer = pacer
        self._most = config.limits.queued_requests
        self.patience = config.timing.pace_timeout
        self._log = log
        self._chance = random.Random()  # noqa: S311 - so that processes do not ask in step
        self._changed = threading.Condition()  # garbage may leave while its lock is held
        self._waiting: Pace[Ticket] = Pace(None)
        self._next: Ticket | None = None
        """Who is first in the line: the pace is asked for this one."""
        self._tickets: dict[Ticket, Turn] = {}
        self._returned: list[str] = []
        self._ask_at = self._renew_at = self._away_until = 0.0
        self._away: BaseException | None = None
        self._closed = False
        self._thread: threading.Thread | None = None

    def join(self, told: Callable[[], object], party: str = "") -> Ticket:
        """Wait for a turn. `told` is called when it has come, or will never come.

        Raises:
            RequestQueueFullError: too many wait already.
            ClientClosedError: the client is disconnected.
        """
        ticket = Ticket(f"{self._chance.getrandbits(128):032x}", told)
        with self._changed:
            if self._closed:
                raise ClientClosedError
            if len(self._with(Turn.WAITS)) >= self._most:
                raise RequestQueueFullError(METHODS[self._kind], self._most)
            self._start()
            self._tickets[ticket] = Turn.WAITS
            self._waiting.wait(ticket, party)
            self._changed.notify()
        return ticket

    def leave(self, ticket: Ticket) -> None:
        """The turn is over, or nobody waits for it any more."""
        with self._changed:
            turn = self._tickets.pop(ticket, None)
            if turn is Turn.TAKEN:
                self._returned.append(ticket.place)
                self._ask_at = 0.0  # there is room, for one of our own as well
                self._changed.notify()
            elif turn is Turn.WAITS and ticket is not self._next:
                self._waiting.forget(ticket)

    def too_late(self) -> RequestTimeoutError:
        """Return the error of somebody whose turn did not come in time."""
        away = "" if self._away is None else words(self._away)
        return RequestTimeoutError(
            METHODS[self._kind], self.patience, sent=False, paced=True, away=away
        )

    def close(self, error: RelayError) -> None:
        """The client is disconnected: nobody's turn will come, and all places are free."""
        with self._changed:
            self._closed = True
            waiting = self._with(Turn.WAITS)
            self._returned += [ticket.place for ticket in self._with(Turn.TAKEN)]
            self._tickets.clear()
            self._changed.notify()
        for ticket in waiting:
            ticket.error = error
            ticket.told()

    def _with(self, turn: Turn) -> list[Ticket]:
        return [ticket for ticket, has in self._tickets.items() if has is turn]

    def _start(self) -> None:
        if self._thread is None:
            name = f"relay pace of {self._kind}"
            thread = threading.Thread(target=self._run, name=name, daemon=True)
            thread.start()
            self._thread = thread

    # In the thread

    def _run(self) -> None:
        while self._act():
            pass

    def _act(self) -> bool:
        """Do what is due, or wait until something is. False when there is nothing left to do."""
        now = time.monotonic()
        with self._changed:
            returned, self._returned = self._returned, []
            kept = [ticket.place for ticket in self._with(Turn.TAKEN)]
            renews = bool(kept) and self._renew_at <= now
            ticket = self._first(now)
            asks = ticket is not None and (self._goes_on or self._asks_at <= now)
            if not (returned or renews or asks):
                if self._closed:
                    return False
                due = [self._renew_at] if kept else []
                due += [self._asks_at] if ticket is not None else []
                self._changed.wait(min(due) - now if due else None)
                return True
        if returned:
            self._reach(self._pacer.give_back, self._kind, returned)
        if renews:
            self._reach(self._pacer.renew, self._kind, kept)
            self._renew_at = time.monotonic() + self._pacer.renew_interval
        if ticket is not None and asks:
            self._ask(ticket)
        return True

    @property
    def _goes_on(self) -> bool:
        """Whether dials go on without the pace, which cannot be reached."""
        return self._away is not None and self._pacer.when_away == "local"

    @property
    def _asks_at(self) -> float:
        return max(self._ask_at, self._away_until)

    def _first(self, now: float) -> Ticket | None:
        while self._next not in self._tickets:  # it has left, or there was none
            self._next = self._waiting.take(0, now)
            if self._next is None:
                break
        return self._next

    def _ask(self, ticket: Ticket) -> None:
        answer = None
        if self._away_until <= time.monotonic():
            answer = self._reach(self._take, self._kind, ticket.place)
        if self._goes_on:
            self._begin(ticket, Turn.UNPACED)
        elif self._away is None and answer is None:
            self._begin(ticket, Turn.TAKEN)
        elif answer is not None:
            wait = min(max(answer, SOONEST), LATEST) * self._chance.uniform(1.0, 1.25)
            self._ask_at = time.monotonic() + wait

    def _take(self, kind: Paced, place: str) -> float | None:
        """Take a place. An answer that is neither None nor seconds is none."""
        answer = cast("object", self._pacer.take(kind, place))  # it may be anybody's
        if answer is None:
            return None
        if not isinstance(answer, (int, float)) or answer != answer:  # noqa: PLR0124 - not a number
            raise TypeError(f"take() must return None or seconds, not {type(answer).__name__}")
        return answer

    def _begin(self, ticket: Ticket, turn: Turn) -> None:
        with self._changed:
            self._next = None
            waits = ticket in self._tickets
            if turn is Turn.TAKEN:
                if not waits:
                    self._returned.append(ticket.place)
                elif not self._with(Turn.TAKEN):
                    self._renew_at = time.monotonic() + self._pacer.renew_interval
            if waits:
                self._tickets[ticket] = turn
        if waits:
            ticket.told()

    def _reach(self, function: Callable[..., Any], *args: Any) -> Any:
        """Ask the pace, and notice whether it can be reached."""
        try:
            answer = function(*args)
        except BaseException as error:  # noqa: BLE001 - nothing was counted; this thread goes on
            self._away_until = time.monotonic() + AWAY * self._chance.uniform(1.0, 1.5)
            if self._away is None:
                goes_on = "go on without it" if self._pacer.when_away == "local" else "wait"
                self._log.warning(
                    "the shared pace cannot be reached: %s. Until it can be, %s %s",
                    words(error),
                    self._kind,
                    goes_on,
                )
            self._away = error
            return None
        if self._away is not None:
            self._away = None
            self._log.info("the shared pace can be reached again: %s take their turns", self._kind)
        return answer


def words(error: BaseException) -> str:
    """Say what was raised, in one line."""
    try:
        said = " ".join(str(error).split())
    except Exception:  # noqa: BLE001 - somebody else's `__str__`
        said = ""
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


class TurnToDial:
    """A turn that the program has waited for by itself. It is for one dial, within its block.

    Tasks that begin in the block see it, too: so it says by itself whether it is used.
    """

    def __init__(self, line: Line) -> None:
        self._line = line
        self._unused = True

    def use(self, line: Line) -> bool:
        """Use it for something of this line. False if it is another one's, used, or over."""
        if line is not self._line:
            return False
        unused, self._unused = self._unused, False
        return unused

    def end(self) -> None:
        """The block is over."""
        self._unused = False


class SharedTurns:
    """The lines of one client: one for dials, and one for texts."""

    def __init__(self, pacer: Pacer | None, core: ClientInterface, log: Log) -> None:
        self._core = core
        self._lines = {
            kind: Line(kind, pacer, core.config, log)
            for kind in METHODS
            if pacer is not None and pacer.paces(kind)
        }

    def line_of(self, command: Command[Any]) -> Line | None:
        """Return the line for a command, or None if it needs no turn."""
        return self._line(PACED.get(command.purpose)) if self._lines else None

    @property
    def dials(self) -> Line | None:
        """The line for dials, or None if they need no turn."""
        return self._line("dials")

    def _line(self, kind: Paced | None) -> Line | None:
        # Without a connection, the core refuses the command: nobody waits in order to hear that.
        return None if kind is None or self._core.state in _CLOSED else self._lines.get(kind)

    def close(self, error: RelayError | None) -> None:
        """The client is disconnected. `error` says why, unless the program wanted it."""
        for line in self._lines.values():
            line.close(ClientClosedError() if error is None else error)
