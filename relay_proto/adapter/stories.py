"""Stories: what has happened in a rehearsal, and why one does not end."""

from __future__ import annotations

import re
import sys
import warnings
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

from ..constants import END_REASON_CANCEL
from ..display import one_line
from ..exchange import Happened, What, Who
from .places import level_of_caller

MORE_THAN_ONE: Final = 2
LONGEST_LABEL: Final = 24
"""Characters of a SIP address that are shown before each line."""
HANG_UP: Final = (
    "A call that is answered goes on until somebody hangs up: the program, by call.hangup() or "
    "the end of a block 'async with call:' ('with call:' on threads), or the person, by HangUp()."
)
SPINS: Final = "a task runs in a loop without waiting, and no time passes"
_PARTY: Final[Mapping[What, str]] = {What.CALLED: "number", What.DIALED: "to"}
"""Which detail of the first thing that happens on a call names its other side."""
NO_CALL: Final = "no call"
"""The label of what is not about a call, such as texts."""
NOT_IN_OUTLINES: Final = frozenset(
    {
        What.OFFERED,
        What.PLAY_ENDED,
        What.MISSED,
        What.TEXT_MOVED,
        What.SESSION_STARTED,
        What.SESSION_RESUMED,
        What.SESSION_AWAY,
        What.SESSION_FORGOTTEN,
        What.JWT_EXPIRED,
        What.TOLERATED,
        What.FAULTED,
        What.VIOLATED,
    }
)
"""What depends on the connection, has an id in it, or follows from other lines."""
_URL_OF_A_FILE: Final = re.compile(
    r"https?://[^\s\"“”<>]+/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.[a-z0-9]+"
)
"""The URL of a recording or the like: another one in each run, and on each host."""


class Story(list[Happened]):
    """A list of what happened, in order: who did what, when, and on which call."""

    @property
    def text(self) -> str:
        """The whole story as text, one line for each `Happened`.

        If there is more than one call, each line about a call has the other side's number
        behind the time: who calls, or who is dialed.
        """
        labels = self.labels
        if len(labels) < MORE_THAN_ONE:
            return "\n".join(one.line for one in self)
        width = max(map(len, labels.values()))
        return "\n".join(
            f"{one.at:9.2f}  {labels.get(one.call_id, ''):<{width}}  {one.text}" for one in self
        )

    def __repr__(self) -> str:
        """Say how long it is: all of it would hide what an assertion says beside it."""
        return f"<Story of {len(self)} lines>"

    def around(self, one: Happened, before: int = 5, after: int = 1) -> str:
        """Return the lines of the same call around something that happened, which is marked."""
        here = [each for each in self if each.call_id == one.call_id]
        at = next(n for n, each in enumerate(here) if each is one)
        return "\n".join(
            f"{'>' if each is one else ' '} {each.line}"
            for each in here[max(0, at - before) : at + after + 1]
        )

    @property
    def labels(self) -> dict[str, str]:
        """What tells the calls apart, by their ids: the number of the other side."""
        labels: dict[str, str] = {}
        times = Counter[str]()
        for one in self:
            if one.call_id and one.call_id not in labels:
                party = other_side(one)
                times[party] += 1
                labels[one.call_id] = f"{party} #{times[party]}" if times[party] > 1 else party
        return labels

    @property
    def outlines(self) -> dict[str, list[str]]:
        """Who did what, call by call: without times, ids and the state of the connection.

        The keys are the labels that `text` shows, and ``no call`` for texts and the like.
        The URLs of recordings and other files of the service are ``<file 1>``, ``<file 2>``
        and so on, counted under each key. Two rehearsals of the same steps have the same
        outlines.
        """
        labels = self.labels
        outlines: dict[str, list[str]] = {}
        files: dict[str, dict[str, str]] = {}
        for one in self:
            if one.what not in NOT_IN_OUTLINES:
                label = labels.get(one.call_id, NO_CALL)
                sentence = _without_urls(one.sentence, files.setdefault(label, {}))
                outlines.setdefault(label, []).append(f"{one.who.value} {sentence}")
        return outlines

    def all(self, what: What, *, call_id: str = "", who: Who | None = None) -> list[Happened]:
        """Return everything of one kind, on one call or on all calls, by one of them or by all."""
        return [
            one
            for one in self
            if one.what is what and call_id in ("", one.call_id) and who in (None, one.who)
        ]

    def about(self, party: str) -> Story:
        """Return what happened on the calls from or to a number: its label in `text`."""
        labels = self.labels
        return Story(one for one in self if labels.get(one.call_id) == party)


def other_side(first: Happened) -> str:
    """Return the number of the other side, by the first thing that happened on a call."""
    return one_line(first.details.get(_PARTY.get(first.what, ""), "a call"), LONGEST_LABEL)


def _without_urls(sentence: str, known: dict[str, str]) -> str:
    """Return the sentence with names in place of the URLs of files; add new ones to `known`."""
    return _URL_OF_A_FILE.sub(
        lambda match: known.setdefault(match[0], f"<file {len(known) + 1}>"), sentence
    )


class UnansweredWarning(UserWarning):
    """In a rehearsal, a call or a text reached no program, or nobody answered a call."""


class NotHeardWarning(UserWarning):
    """In a rehearsal, somebody did not hear what their script waits for.

    They hung up because it took too long, or the call was over before. So the rest of the
    script did not happen. If the test is about that, expect it:
    ``with pytest.warns(NotHeardWarning):``.
    """


def warn_of_misses(story: Story, warn: Callable[[Warning], object] | None = None) -> None:
    """Warn of what should not pass unseen: nobody answered, or somebody did not hear something.

    The warning is about the line of the test, which may have called through a fixture of pytest.
    Where no test has called, as at the end of a fixture, `warn` knows what it is about.
    """
    if warn is None:
        level = level_of_caller(sys._getframe())  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        warn = partial(warnings.warn, stacklevel=level)
    for one in story.all(What.MISSED):
        what = "somebody did not hear the words that they waited for"
        message = f"in this rehearsal, {what}: {one.line.strip()}\n{story.around(one)}"
        warn(NotHeardWarning(message))
    answered = {one.call_id for one in story.all(What.ANSWERED)}
    passed = {one.call_id for one in story.all(What.PASSED)}
    for one in story:
        gave_up = (
            one.what is What.ENDED
            and one.who is Who.CALLER  # as neither a program does that refuses, nor a network
            and one.details["reason"] == END_REASON_CANCEL
            and one.call_id not in answered
        )
        if (gave_up or one.what is What.UNSERVED) and one.call_id not in passed:
            what = "nobody answered a call" if one.call_id else "nobody got a text"
            message = f"{what} in this rehearsal: {one.line.strip()}\n{story.around(one)}"
            warn(UnansweredWarning(message))


TOLD: Final[deque[Story]] = deque(maxlen=10)
"""The stories of the last rehearsals, for the report of a test that has failed."""


class RehearsalTimeoutError(TimeoutError):
    """A rehearsal does not end: a call is still active, or a handler has not returned.

    `story` is what happened until then. `within` is the limit in virtual seconds, or
    None if no time passes: a task or thread runs in a loop without waiting, or a thread
    waits in real time: `why` says which. `still_open` says which calls are up, and where
    tasks or threads wait.
    """

    def __init__(
        self,
        within: float | None,
        story: Story,
        still_open: Sequence[str] = (),
        *,
        why: str = SPINS,
    ) -> None:
        self.within = within
        self.story = Story(story)
        self.still_open = tuple(still_open)
        self.why = why
        what = (
            why if within is None else f"the rehearsal is not over after {within:g} virtual seconds"
        )
        still = "".join(f"\n  {line}" for line in self.still_open)
        if still and within is not None and _is_answered(self.story):
            still = f"{still}\n{HANG_UP}"
        still = f"; this is still open:{still}\nThis" if still else "; this"
        super().__init__(f"{what}{still} happened until then:\n{story.text}")


def _is_answered(story: Story) -> bool:
    """Whether a call is up that was answered."""
    ended = {one.call_id for one in story.all(What.ENDED)}
    return any(one.call_id not in ended for one in story.all(What.ANSWERED))


class DeadlockError(RuntimeError):
    """Every task or thread waits for another one, and no timer is set."""

    def __init__(
        self, tasks: Sequence[str], places: Sequence[str] = (), kind: str = "tasks"
    ) -> None:
        self.tasks = sorted(tasks)
        """The names of the tasks or threads that wait."""
        names = ", ".join(self.tasks)
        lines = "".join(f"\n  {place}" for place in places)
        super().__init__(f"no timer is set, so these {kind} would wait forever: {names}{lines}")
