"""Stories: what has happened in a rehearsal, and why one does not end."""

from __future__ import annotations

from collections.abc import Sequence

from relay_proto.exchange import Happened, What


class Story(list[Happened]):
    """A list of what happened, in order: who did what, when, and on which call."""

    @property
    def text(self) -> str:
        """The whole story as text, one line for each `Happened`."""
        return "\n".join(one.line for one in self)

    def all(self, what: What, *, call_id: str = "") -> list[Happened]:
        """Return everything of one kind, on one call or on all calls."""
        return [one for one in self if one.what is what and call_id in ("", one.call_id)]


class RehearsalTimeoutError(TimeoutError):
    """A rehearsal does not end: a call is still active, or a handler has not returned.

    `story` is what happened until then. `within` is the limit in virtual seconds, or
    None if a task runs in a loop without waiting, so that no time passes. `still_open`
    says which calls are up, and where tasks wait.
    """

    def __init__(self, within: float | None, story: Story, still_open: Sequence[str] = ()) -> None:
        self.within = within
        self.story = Story(story)
        self.still_open = tuple(still_open)
        what = (
            "a task runs in a loop without waiting, and no time passes"
            if within is None
            else f"the rehearsal is not over after {within:g} virtual seconds"
        )
        still = "".join(f"\n  {line}" for line in self.still_open)
        still = f"; this is still open:{still}\nThis" if still else "; this"
        super().__init__(f"{what}{still} happened until then:\n{story.text}")
