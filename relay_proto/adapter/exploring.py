"""Exploring: run a program in many situations, and find the shortest one that goes wrong.

Each adapter gives it a function that runs the program in one situation.
"""

# pyright: reportPrivateUsage=false
# ruff: noqa: SLF001 - who takes calls

from __future__ import annotations

import logging
import time
import warnings
from collections import Counter
from collections.abc import Callable, Collection, Generator, Hashable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from traceback import walk_tb
from typing import TYPE_CHECKING, Any, Final, Generic, TypeAlias, TypeVar, assert_never, cast

from ..exchange import Caller, HangUp, TextMessage, Wait, What
from ..testing.situations import Part, Situation, Trouble, shorter
from .clients import ClientBase
from .exploring_source import Reproduction, name_of
from .guard import contains
from .places import innermost
from .rehearsal_arguments import takes
from .scenery import NUMBER
from .stages import StageBase
from .stories import (
    TOLD,
    NotHeardWarning,
    RehearsalTimeoutError,
    Story,
    UnansweredWarning,
)
from .story_promises import Promise

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

C = TypeVar("C", bound=ClientBase[Any, Any, Any])
Run: TypeAlias = Callable[[Situation], Story]

SOMEBODY: Final = "+15550001111"
LEAVES: Final = (Wait(300.0), HangUp())
"""How a script of `strategies.scripts` ends, unless the person hangs up before."""
MOST_SHRINKING_RUNS: Final = 500
"""Runs that make a situation shorter. After these, the shortest one so far is taken."""
MOST_REAL_WAITS: Final = 3
"""The same, of those that block a thread: each takes as many real seconds as `patience` says."""
MOST_LINES: Final = 20
"""Lines of the beginning, and of the end, of a long story that are shown."""
NOT_AGAIN: Final = (
    "It went wrong in one run, but not when the same situation was run again. So the program keeps "
    "something from run to run: give explore() a function that makes a new client, and whatever "
    "belongs to it. The test below may pass."
)


class CounterexampleError(AssertionError):
    """In some situation a handler fails, the program hangs, or a promise is broken.

    `what` says which, `test` is a test to paste, and `story` what happened in the shortest
    situation that was found. `runs` says in which run the first one was found, `more_runs`
    how many it took to make it shorter, and `seconds` how long all of them took. The
    error itself is `__cause__`.
    """

    def __init__(
        self, what: str, story: Story, test: str, *, runs: int, more_runs: int, seconds: float
    ) -> None:
        self.what = what
        self.story = Story(story)
        self.test = test
        self.runs = runs
        self.more_runs = more_runs
        self.seconds = seconds
        super().__init__(
            f"{what}\n\n"
            f"Found in run {runs}, and made shorter in {more_runs} more runs: {seconds:.1f} s.\n\n"
            f"What happened:\n{_shown(story)}\n\nThe same as a test:\n\n{test}"
        )


class PromiseFailedError(RuntimeError):
    """The code of a promise has raised something else than an `AssertionError`.

    This is a mistake in the promise, and says nothing about the program. `story` is what the
    promise was given. The error itself is `__cause__`.
    """

    def __init__(self, promise: str, error: BaseException | None, story: Story) -> None:
        self.promise = promise
        self.story = Story(story)
        super().__init__(
            f"the promise {promise} has failed, which is a mistake in it and not in the program: "
            f"{error!r}\n\nIt was given this story:\n{_shown(story)}"
        )


@dataclass(frozen=True, slots=True)
class Exploration:
    """What `explore` has done without finding anything."""

    runs: int
    seconds: float
    happened: Counter[What] = field(repr=False)
    """How often each kind of thing has happened in all runs together."""


@dataclass(frozen=True, slots=True)
class Failure:
    """How a run went wrong."""

    kind: Hashable
    """What it has in common with others. A situation is only made shorter within one kind."""
    what: str
    error: BaseException
    story: Story
    promise: Promise | None = None
    blames_promise: bool = False

    @property
    def took_real_time(self) -> bool:
        """Whether the run was given up after some real seconds, as any like it would be."""
        return isinstance(self.error, RehearsalTimeoutError) and self.error.within is None


class Given(Generic[C]):
    """A program as `explore` is given it: a client, a handler, or what makes a client."""

    def __init__(self, program: object, kind: type[C]) -> None:
        self._program = program
        self._kind = kind
        self.makes_client = (
            not isinstance(program, kind) and callable(program) and takes(program, 0)
        )
        """Whether it is a function that makes a client."""
        first = self.new()
        is_client = isinstance(first, kind)
        self.takes_calls = not is_client or first._routes.accepting_calls
        self.takes_messages = is_client and first._routes.message is not None

    def new(self) -> Any:
        """Return the client or the handler for one run.

        Raises:
            TypeError: a function that takes nothing has returned something else.
        """
        if not self.makes_client:
            return self._program
        made = cast("Callable[[], object]", self._program)()
        if not isinstance(made, self._kind):
            raise TypeError(
                f"a function that takes nothing must return a new RelayClient, not {made!r}"
            )
        return made


@dataclass(frozen=True, kw_only=True, slots=True)
class Wishes:
    """What is to be tried, and what must hold. See `explore` of the adapters."""

    runs: int
    seed: int
    promises: Sequence[Promise]
    caller: SearchStrategy[Caller] | bool
    message: SearchStrategy[TextMessage] | bool
    troubles: Collection[Trouble]
    dials: Collection[str]

    @property
    def first(self) -> Situation:
        """What the first run is: it shows what the program says."""
        if self.caller is not False:
            return Situation((Part(0.0, Caller(SOMEBODY, LEAVES)),))
        if self.message is not False:
            return Situation((Part(0.0, TextMessage(SOMEBODY, NUMBER, "Hello")),))
        return Situation()


def strike(stage: StageBase[Any], trouble: Trouble, when: What | None) -> None:
    """Let something go wrong with the connection."""
    match trouble:
        case Trouble.CUT:
            stage.cut(when=when)
        case Trouble.SILENCE:
            stage.silence(when=when)
        case Trouble.GOODBYE:
            stage.say_goodbye()
        case Trouble.DEPLOYMENT:
            stage.say_goodbye(restart=True)
        case Trouble.RESTART:
            stage.restart()
        case _:
            assert_never(trouble)


def explore(run: Run, wishes: Wishes, reproduction: Reproduction) -> Exploration:
    """Run a program in many situations.

    Raises:
        CounterexampleError: something goes wrong.
        PromiseFailedError: a promise itself does.
    """
    return _Explorer(run, wishes, reproduction).explore()


class _Explorer:
    """One exploration."""

    def __init__(self, run: Run, wishes: Wishes, reproduction: Reproduction) -> None:
        self._run = run
        self._wishes = wishes
        self._reproduction = reproduction
        self._known: dict[Situation, bool] = {}
        self._found: Failure | None = None
        self._found_in_run = 0
        self._runs = 0
        self._real_waits = 0
        self._repeats = True
        """Whether what was found is there again when the same situation is run again."""
        self._happened = Counter[What]()
        self._began_at = time.perf_counter()

    def explore(self) -> Exploration:
        again: Failure | None = None
        with _quietly():
            situation = self._wrong_situation()
            if situation is not None and self._repeats:
                situation = self._shortest(situation)
                again = self._try(situation)
        if situation is None or self._found is None:
            return Exploration(self._runs, self._seconds, self._happened)
        failure = again or self._found
        raise self._error(situation, failure, repeats=again is not None) from failure.error

    def _wrong_situation(self) -> Situation | None:
        """The first situation, or the simplest one that was drawn, that goes wrong."""
        from ..testing import exploring_strategies as drawing  # noqa: PLC0415 - hypothesis
        from ..testing.searching import shortest  # noqa: PLC0415 - is optional

        wishes = self._wishes
        if self._goes_wrong(wishes.first):
            return wishes.first
        if wishes.runs == 1:
            return None
        strategy = drawing.situations_for(
            TOLD[-1],
            caller=wishes.caller,
            message=wishes.message,
            troubles=wishes.troubles,
            dials=wishes.dials,
        )
        return shortest(strategy, self._goes_wrong, runs=wishes.runs - 1, seed=wishes.seed)

    @property
    def _seconds(self) -> float:
        return time.perf_counter() - self._began_at

    def _goes_wrong(self, situation: Situation) -> bool:
        """Whether a situation goes wrong in the same way as the first one that did."""
        known = self._known.get(situation)
        if known is None:
            known = self._known[situation] = self._goes_wrong_now(situation)
        return known

    def _goes_wrong_now(self, situation: Situation) -> bool:
        if self._found is not None and (
            not self._repeats
            or self._runs >= self._found_in_run + MOST_SHRINKING_RUNS
            or self._real_waits > MOST_REAL_WAITS
        ):
            return False
        self._runs += 1
        failure = self._try(situation)
        self._real_waits += failure is not None and failure.took_real_time
        if failure is not None and self._found is None:
            self._found, self._found_in_run = failure, self._runs
            again = self._try(situation)
            self._repeats = again is not None and again.kind == failure.kind
            return True
        return failure is not None and self._found is not None and failure.kind == self._found.kind

    def _try(self, situation: Situation) -> Failure | None:
        before = _last_told()
        try:
            story = self._run(situation)
        except BaseException as error:
            if contains(error, KeyboardInterrupt):
                raise
            last = _last_told()
            # What makes the client may have failed, before there was anything to tell.
            return _failure_of(_only(error), Story() if last is None or last is before else last)
        self._happened.update(one.what for one in story)
        failures = (_broken(promise, story) for promise in self._wishes.promises)
        return next(filter(None, failures), None)

    def _shortest(self, situation: Situation) -> Situation:
        """Leave out whatever is not needed for it to go wrong."""
        candidates = iter(shorter(situation))
        while (candidate := next(candidates, None)) is not None:
            if self._goes_wrong(candidate):
                situation = candidate
                candidates = iter(shorter(situation))
        return situation

    def _error(self, situation: Situation, failure: Failure, *, repeats: bool) -> Exception:
        if failure.blames_promise and failure.promise is not None:
            return PromiseFailedError(name_of(failure.promise), failure.error, failure.story)
        what = failure.what if repeats else f"{failure.what}\n\n{NOT_AGAIN}"
        test = self._reproduction.written(situation, failure.what, failure.promise)
        return CounterexampleError(
            what,
            failure.story,
            test,
            runs=self._found_in_run,
            more_runs=self._runs - self._found_in_run,
            seconds=self._seconds,
        )


def _last_told() -> Story | None:
    return TOLD[-1] if TOLD else None


def _shown(story: Story) -> str:
    """Return the text of a story, without the middle of a long one."""
    lines = story.text.splitlines()
    left_out = len(lines) - 2 * MOST_LINES
    if left_out <= 1:
        return "\n".join(lines)
    more = f"           ... {left_out} more lines"
    return "\n".join((*lines[:MOST_LINES], more, *lines[-MOST_LINES:]))


def _only(error: BaseException) -> BaseException:
    """Return what is in a group of one error."""
    while isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        errors = list(group.exceptions)
        if len(errors) > 1:
            return group
        error = errors[0]
    return error


def _failure_of(error: BaseException, story: Story) -> Failure:
    """Say what a rehearsal has raised."""
    kind = type(error).__name__
    if isinstance(error, RehearsalTimeoutError):
        lines = "".join(f"\n  {line}" for line in error.still_open)
        why = f"the program does not go on: {error.why}"
        if error.within is not None:
            why = f"the program is not over after {error.within:g} virtual seconds"
        return Failure((kind, error.within), f"{why}; still open:{lines}", error, story)
    place = innermost(walk_tb(error.__traceback__)) or "an unknown place"
    raised = repr(error)
    if not raised.startswith(kind):  # as that of what pytest.skip raises
        raised = f"{kind}({raised})"
    return Failure((kind, place), f"the program raises {raised} at {place}", error, story)


def _says_failed(error: BaseException) -> bool:
    """Whether it is what `pytest.fail` raises: no `Exception`, and it calls itself a builtin."""
    kind = type(error)
    return kind.__name__ == "Failed" and kind.__module__ in ("builtins", "_pytest.outcomes")


def _broken(promise: Promise, story: Story) -> Failure | None:
    """Say how a story breaks a promise, or how the promise fails."""
    name = name_of(promise)
    try:
        result = promise(Story(story))  # of its own: what it changes is not for the next one
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001 - whatever a promise raises
        if isinstance(error, AssertionError) or _says_failed(error):
            what = f"the promise {name} is broken: {error}"
            return Failure(("broken", name), what, error, story, promise)
        return Failure(("failed", name), "", error, story, promise, blames_promise=True)
    if result is None:
        return None
    wrong = TypeError(f"it returned {result!r}, but a promise asserts something and returns None")
    return Failure(("failed", name), "", wrong, story, promise, blames_promise=True)


@contextmanager
def _quietly() -> Generator[None]:
    """Let no log and no report of a test tell of hundreds of runs, but of the last one."""
    told = tuple(TOLD)
    disabled = logging.root.manager.disable
    logging.disable()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotHeardWarning)
            warnings.simplefilter("ignore", UnansweredWarning)
            yield
    finally:
        logging.disable(disabled)
        last = tuple(TOLD)[-1:]
        TOLD.clear()
        TOLD.extend((*told, *last))
