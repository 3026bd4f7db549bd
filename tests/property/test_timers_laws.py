"""Laws of `Deadlines`: it behaves like a dict that is searched from end to end."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from relay_proto.timers import COMPACT_ABOVE, Deadlines

keys = st.integers(0, 9)
times = st.integers(0, 20).map(float)


class DeadlinesMachine(RuleBasedStateMachine):
    """`Deadlines` beside the obvious model of it."""

    def __init__(self) -> None:
        super().__init__()
        self.deadlines: Deadlines[int] = Deadlines()
        self.model: dict[int, tuple[float, int]] = {}
        self.armed = 0

    def arm(self, key: int, at: float) -> None:
        self.deadlines.set(key, at)
        self.armed += 1
        self.model[key] = (at, self.armed)

    @rule(key=keys, at=times)
    def set(self, key: int, at: float) -> None:
        self.arm(key, at)

    @rule(key=keys, at=times)
    def set_again_and_again(self, key: int, at: float) -> None:
        for i in range(COMPACT_ABOVE + 3):  # more than is kept of what has been moved
            self.arm(key, at + i % 2)

    @rule(key=keys)
    def clear(self, key: int) -> None:
        self.deadlines.clear(key)
        self.model.pop(key, None)

    @rule()
    def clear_all(self) -> None:
        self.deadlines.clear_all()
        self.model.clear()

    @rule(now=times)
    def pop_due(self, now: float) -> None:
        due = [(at, order, key) for key, (at, order) in self.model.items() if at <= now]
        expected = min(due)[2] if due else None
        assert self.deadlines.pop_due(now) == expected
        if expected is not None:
            del self.model[expected]

    @rule(now=times)
    def pop_all_due(self, now: float) -> None:
        while self.deadlines.pop_due(now) is not None:
            pass
        self.model = {key: value for key, value in self.model.items() if value[0] > now}
        following = self.deadlines.next()
        assert following is None or following > now

    @invariant()
    def the_earliest_is_next(self) -> None:
        assert self.deadlines.next() == min((at for at, _ in self.model.values()), default=None)

    @invariant()
    def what_is_armed_is_in_it(self) -> None:
        assert len(self.deadlines) == len(self.model)
        assert all((key in self.deadlines) == (key in self.model) for key in range(10))


TestDeadlines = DeadlinesMachine.TestCase
TestDeadlines.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
