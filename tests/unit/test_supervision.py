"""Supervision, in virtual time: who is started, replaced and ended, and when; and its laws."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from relay_proto.adapter.signals import TOGETHER
from relay_run.exit_codes import ExitCode
from relay_run.orders import (
    Exit,
    Forget,
    Hurry,
    Kill,
    Output,
    Say,
    Spawn,
    Terminate,
)
from relay_run.reports import Failure, Report
from relay_run.supervision import FINISHED, Policy, Supervision

READY: Final = Report(ready=True, drain_timeout=20.0)
BUSY: Final = Report(ready=True, calls=2, call_ids=("c-1", "c-2"))
POLICY: Final = Policy(workers=2)


class Room:
    """A supervision, its time, and all that it has put out."""

    def __init__(self, policy: Policy = POLICY) -> None:
        self.core = Supervision(policy)
        self.now = 0.0
        self.all: list[Output] = []
        self.live: list[int] = []
        """The serials of processes."""
        self.spawned: dict[int, int] = {}
        """The number of each worker, by its serial."""
        self._reports: dict[int, Report] = {}
        self._ready: set[int] = set()
        self._stopped_at = -TOGETHER
        self.core.start(self.now)

    def take(self) -> list[Output]:
        """What it wants since the last time."""
        new: list[Output] = []
        while (wanted := self.core.next_output()) is not None:
            new.append(wanted)
        for output in new:
            if isinstance(output, Spawn):
                self.live.append(output.serial)
                self.spawned[output.serial] = output.number
                self.core.started(output.serial, 100 + output.serial)
            elif isinstance(output, Forget):
                self.live.remove(output.serial)
        self.all += new
        return new

    def last(self) -> Output:
        return self.all[-1]

    def words(self) -> str:
        """What it says now; the other outputs are kept in `all`."""
        return "\n".join(output.words for output in self.take() if isinstance(output, Say))

    def kinds(self) -> list[Output]:
        """What it does now, without words."""
        return [output for output in self.take() if not isinstance(output, Say)]

    def report(self, *serials: int, report: Report = READY) -> None:
        for serial in serials:
            self._reports[serial] = report
            if report.ready:
                self._ready.add(serial)
            self.core.reported(serial, report, self.now)

    def was_ready(self, serial: int) -> bool:
        return serial in self._ready

    def stop(self) -> None:
        """Send a signal, so long after the last one that it counts."""
        self.now = max(self.now, self._stopped_at + TOGETHER)
        self._stopped_at = self.now
        self.core.stop(self.now)

    def exit(self, serial: int, code: int) -> None:
        self.take()
        self.live.remove(serial)
        self.core.exited(serial, code, self.now)

    def wait(self, seconds: float, *, reporting: bool = True) -> None:
        """Let time pass; workers that are up report, unless all hang."""
        end = self.now + seconds
        while self.now < end:
            self.now = min(end, self.now + 0.5)
            if reporting:
                for serial in self.live:
                    if serial in self._reports:
                        self.core.reported(serial, self._reports[serial], self.now)
            self.core.handle_timer(self.now)
            self.take()


@pytest.fixture
def room() -> Room:
    """Two workers, both ready."""
    room = Room()
    assert room.kinds() == [Spawn(1, 1), Spawn(2, 2)]
    room.report(1, 2)
    assert "worker 1 (process 101) is ready" in room.words()
    assert room.core.ready
    return room


def test_it_is_not_ready_before_a_worker_is() -> None:
    room = Room()
    room.report(1, report=Report())
    assert not room.core.ready
    assert [status.state for status in room.core.statuses()] == ["connecting", "starting"]
    room.report(1)
    assert room.core.ready


def test_stop_lets_all_drain_and_ends_with_0(room: Room) -> None:
    room.stop()
    assert room.kinds() == [Terminate(1), Terminate(2)]
    assert not room.core.ready
    room.exit(1, 0)
    assert room.kinds() == []
    room.exit(2, 0)
    assert room.kinds() == [Exit(ExitCode.ENDED)]
    assert room.core.deadline() is None


def test_calls_that_are_left_say_so_at_the_end(room: Room) -> None:
    room.stop()
    room.exit(1, ExitCode.CALLS_LEFT)
    room.exit(2, 0)
    assert room.kinds() == [Exit(ExitCode.CALLS_LEFT)]


def test_a_second_stop_ends_at_once_and_a_third_one_kills(room: Room) -> None:
    room.stop()
    room.stop()
    assert room.kinds() == [Terminate(1), Terminate(2), Hurry(1), Hurry(2)]
    room.stop()
    assert room.take() == [Kill(1), Kill(2)]
    room.stop()
    assert room.take() == []  # more than that cannot be done


def test_who_does_not_end_at_once_is_killed_without_its_time_to_drain(room: Room) -> None:
    room.stop()
    room.stop()
    room.take()
    room.wait(POLICY.grace - 0.5)
    assert not any(isinstance(one, Kill) for one in room.all)
    room.wait(0.5)
    assert [one for one in room.all if isinstance(one, Kill)] == [Kill(1), Kill(2)]


def test_who_is_killed_is_not_asked_to_end(room: Room) -> None:
    room.now = POLICY.hang_timeout
    room.report(2)
    room.core.handle_timer(room.now)
    assert room.kinds() == [Kill(1)]
    room.stop()
    room.stop()
    assert room.kinds() == [Terminate(2), Hurry(2)]


def test_a_stop_while_nobody_runs_ends_at_once() -> None:
    room = Room(Policy(workers=1))
    room.exit(1, 1)
    room.stop()
    assert room.kinds() == [Exit(ExitCode.ENDED)]


def test_a_worker_that_ends_by_itself_has_finished_the_calls_it_told_of(room: Room) -> None:
    room.report(1, 2, report=BUSY)
    room.stop()
    for serial in (1, 2):
        room.exit(serial, 0)
    assert room.last() == Terminate(2)
    assert room.kinds() == [Exit(ExitCode.ENDED)]


def test_calls_that_were_lost_before_do_not_change_the_exit_code(room: Room) -> None:
    room.report(1, report=BUSY)
    room.exit(1, -9)
    room.stop()
    room.exit(2, 0)
    assert room.kinds()[-1] == Exit(ExitCode.ENDED)


def test_signals_that_come_together_are_one(room: Room) -> None:
    room.core.stop(room.now)
    room.core.stop(room.now + TOGETHER / 2)
    assert room.kinds() == [Terminate(1), Terminate(2)]
    room.core.stop(room.now + TOGETHER)
    assert room.kinds() == [Hurry(1), Hurry(2)]


def test_who_does_not_drain_in_time_is_killed(room: Room) -> None:
    room.report(1, report=replace_calls(2))
    room.stop()
    room.take()
    room.wait(29.5)  # 20 to drain, and 10 to end
    assert Kill(1) not in room.all
    room.wait(1)
    assert [one for one in room.all if isinstance(one, Kill)] == [Kill(1), Kill(2)]
    words = "worker 1 (process 101) does not end, and is killed with 2 calls up: c-1 and 1 more"
    assert Say("error", words, 1) in room.all
    room.exit(1, -9)
    room.exit(2, -9)
    assert room.kinds() == [Exit(ExitCode.CALLS_LEFT)]


def test_who_hangs_while_it_drains_is_killed_before_its_time(room: Room) -> None:
    room.report(1, 2, report=Report(calls=1, drain_timeout=3600.0))
    room.stop()
    room.wait(POLICY.hang_timeout, reporting=False)
    assert [one for one in room.all if isinstance(one, Kill)] == [Kill(1), Kill(2)]
    assert any(isinstance(one, Say) and "hangs: " in one.words for one in room.all)


def test_who_has_told_nothing_yet_has_nothing_to_drain(room: Room) -> None:
    room.wait(100)
    room.core.change_workers(+1, room.now)
    room.core.change_workers(-1, room.now)
    room.take()
    assert room.core.deadline() == room.now + POLICY.grace
    room.now += POLICY.grace
    room.report(1, 2)
    room.core.handle_timer(room.now)
    assert room.words() == ("worker 3 (process 103) does not end, and is killed with no calls up")
    assert room.last() == Kill(3)


def test_who_is_ready_when_it_was_told_to_end_takes_nobodys_place(room: Room) -> None:
    room.core.change_workers(+1, room.now)
    room.core.change_workers(-1, room.now)
    room.take()
    room.report(3)
    assert room.take() == []


def replace_calls(calls: int) -> Report:
    return Report(ready=True, calls=calls, call_ids=("c-1",), drain_timeout=20.0)


def test_not_even_a_process_that_cannot_be_killed_holds_it_up(room: Room) -> None:
    for _ in range(3):
        room.stop()
    room.take()
    room.wait(POLICY.grace + 1)
    assert [one for one in room.all if isinstance(one, Forget)] == [Forget(1), Forget(2)]
    assert Say("error", "worker 1 (process 101) does not end, even killed", 1) in room.all
    assert room.last() == Exit(ExitCode.ENDED)
    room.report(1)  # what comes of it now is ignored
    room.core.exited(1, -9, room.now)
    assert room.take() == []


@pytest.mark.parametrize(("silent", "code"), [(0.5, ExitCode.ENDED), (1.5, ExitCode.CALLS_LEFT)])
def test_who_was_silent_when_it_was_killed_may_have_left_calls(
    silent: float, code: ExitCode
) -> None:
    room = Room(Policy(workers=1))
    room.take()
    room.stop()
    room.stop()
    room.report(1)
    room.now += silent
    room.stop()
    room.now += 5
    room.report(1)  # it was written before, and is read now
    room.exit(1, -9)
    assert room.kinds()[-1] == Exit(code)


def test_who_crashes_comes_back_after_a_growing_delay(room: Room) -> None:
    delays: list[float] = []
    serial = 1
    for _ in range(7):
        room.exit(serial, 1)
        crashed_at = room.now
        before = len(room.all)
        while not any(isinstance(one, Spawn) for one in room.all[before:]):
            room.wait(0.5)
        delays.append(room.now - crashed_at)
        serial = room.live[-1]
        room.report(serial)
    assert delays == [1, 2, 4, 8, 16, 30, 30]
    assert room.core.statuses()[0].restarts == 7
    room.wait(POLICY.steady)  # it has run well
    room.exit(serial, 1)
    assert "started again in 1 s" in room.words()


def test_the_delay_is_bounded_however_often_one_crashes(room: Room) -> None:
    for _ in range(1100):  # 2.0**1024 is no float
        room.exit(next(s for s in room.live if s != 2), 1)
        room.now += POLICY.most_delay
        room.report(2)
        room.core.handle_timer(room.now)
        room.take()
    said = [output.words for output in room.all if isinstance(output, Say)]
    assert said[-1].endswith("started again in 30 s")


def test_each_comes_back_when_its_own_delay_is_over(room: Room) -> None:
    room.exit(1, 1)
    room.wait(1)
    room.exit(3, 1)
    room.exit(2, 1)
    room.wait(1)
    assert room.last() == Spawn(4, 2)
    room.wait(1)
    assert room.last() == Spawn(5, 1)


def test_who_crashes_is_named_with_its_calls(room: Room) -> None:
    room.report(1, report=BUSY)
    room.exit(1, -11)
    assert "(signal 11) with 2 calls up: c-1, c-2; it is started again" in room.words()


def test_when_all_crash_again_and_again_that_is_the_end() -> None:
    room = Room(Policy(workers=1))
    room.take()
    for crash in range(1, 6):
        room.exit(room.live[-1], 1)
        if crash < 5:
            room.wait(31)
    assert "crash again and again" in room.words()
    assert room.last() == Exit(ExitCode.WORKERS_CRASH)


def test_when_no_process_can_be_started_that_is_the_end_with_a_code_of_its_own() -> None:
    room = Room(Policy(workers=1))
    for _ in range(5):
        room.take()
        room.exit(room.live[-1], ExitCode.CANNOT_START)
        room.wait(31)
    said = [output.words for output in room.all if isinstance(output, Say)]
    assert said[-1].endswith("ending, because the system refuses to start a process")
    assert room.last() == Exit(ExitCode.CANNOT_START)


def test_one_that_crashes_does_not_end_the_others(room: Room) -> None:
    for _ in range(9):
        room.exit(next(s for s in room.live if s != 2), 1)
        room.wait(31)
    assert not room.core.stopping


def test_who_hangs_is_killed_named_and_replaced(room: Room) -> None:
    room.report(1, report=BUSY)
    room.now = 29.0
    room.report(2)
    room.core.handle_timer(room.now)
    assert room.kinds() == []
    room.now = 30.5
    room.core.handle_timer(room.now)
    words = room.words()
    assert "has not run for 30 s. It is killed with 2 calls up: c-1, c-2" in words
    assert room.last() == Kill(1)
    room.exit(1, -9)
    room.wait(1.5)
    assert room.last() == Spawn(3, 1)


def test_a_supervisor_that_stood_still_judges_nobody(room: Room) -> None:
    room.now = 500.0
    room.core.handle_timer(room.now)
    assert room.kinds() == []
    room.now = 529.0
    room.core.handle_timer(room.now)
    assert room.kinds() == []
    room.now = 530.0
    room.core.handle_timer(room.now)
    assert room.kinds() == [Kill(1), Kill(2)]


def test_who_does_not_start_is_killed_and_tried_again() -> None:
    room = Room(Policy(workers=1))
    room.take()
    room.now = 60.0
    room.core.handle_timer(room.now)
    assert "does its module run the client" in room.words()
    room.exit(1, -9)
    room.wait(1.5)
    assert room.last() == Spawn(2, 1)


FOR_GOOD = pytest.mark.parametrize("code", [ExitCode.REFUSED, ExitCode.NO_CLIENT])


@FOR_GOOD
def test_what_would_be_the_same_again_ends_all_at_the_start(code: ExitCode) -> None:
    room = Room()
    room.take()
    room.report(2, report=Report())
    room.exit(1, code)
    refused = code is ExitCode.REFUSED  # the other one has nothing to finish, and is not asked
    assert room.kinds() == [Kill(2) if refused else Terminate(2)]
    room.exit(2, -9 if refused else 0)
    assert room.kinds() == [Exit(code)]


@FOR_GOOD
def test_while_another_worker_serves_it_is_tried_again(room: Room, code: ExitCode) -> None:
    """A failed deploy, or a token that is no good any more, ends no session that is up."""
    room.core.replace(room.now)
    room.exit(3, ExitCode.NO_CLIENT)
    room.take()
    room.exit(1, -9)
    delays: list[float] = []
    for _ in range(8):
        lost_at, before = room.now, len(room.all)
        while not any(isinstance(one, Spawn) for one in room.all[before:]):
            room.wait(0.5)
        delays.append(room.now - lost_at)
        room.exit(room.live[-1], code)
    assert delays == [1, 2, 4, 8, 16, 30, 30, 30]
    assert "with no calls up; it is started again in 30 s" in room.words()
    assert not room.core.stopping
    assert room.core.ready
    room.wait(30)
    room.report(room.live[-1])  # it has been mended
    assert sum(status.state == "ready" for status in room.core.statuses()) == 2
    assert not any(isinstance(one, Terminate) for one in room.all)


@FOR_GOOD
def test_when_the_last_one_that_served_is_gone_it_ends_with_the_code(
    room: Room, code: ExitCode
) -> None:
    room.exit(1, code)
    assert "started again in 1 s" in room.words()
    room.wait(1)
    assert room.live == [2, 3]
    room.exit(2, -9)
    room.take()
    room.exit(3, code)
    assert "ending, because" in room.words()
    assert room.last() == Exit(code)


@FOR_GOOD
def test_a_lost_connection_is_no_reason_to_end(room: Room, code: ExitCode) -> None:
    """The other one has been ready, and reconnects: it may have calls."""
    room.report(2, report=Report(calls=1))
    room.exit(1, code)
    assert not room.core.stopping
    room.core.change_workers(-1, room.now)  # it drains, and serves nobody new
    room.wait(1)
    room.report(2, report=Report(ready=True))
    room.exit(room.live[-1], code)
    assert room.kinds() == []  # it drains as before
    room.stop()
    assert room.kinds() == [Hurry(2)]
    room.exit(2, 0)
    assert room.kinds() == [Exit(code)]


@FOR_GOOD
def test_it_is_tried_again_though_the_one_that_serves_has_crashed_as_often(code: ExitCode) -> None:
    room = Room(Policy(workers=2, steady=1000.0))
    room.take()
    room.report(1, 2)
    for _ in range(5):
        room.exit(next(s for s in room.live if room.spawned[s] == 2), 1)
        room.wait(31)
    room.report(room.live[-1])
    for _ in range(6):
        room.exit(next(s for s in room.live if room.spawned[s] == 1), code)
        room.wait(31)
    assert not room.core.stopping


def test_who_runs_well_now_is_not_ended_because_it_crashed_before(room: Room) -> None:
    for _ in range(5):
        room.exit(next(s for s in room.live if room.spawned[s] == 2), 1)
        room.wait(31)
    room.report(room.live[-1])
    room.wait(POLICY.steady)
    for _ in range(6):
        room.exit(next(s for s in room.live if room.spawned[s] == 1), 1)
        room.wait(31)
    assert not room.core.stopping


def test_with_reload_it_waits_for_a_change_instead() -> None:
    room = Room(Policy(workers=1, waits_for_changes=True))
    room.exit(1, ExitCode.NO_CLIENT)
    assert "Change a file" in room.words()
    assert room.core.deadline() is None
    room.core.replace(room.now)
    assert Spawn(2, 1) in room.take()


def test_with_reload_who_crashes_comes_back_by_itself() -> None:
    room = Room(Policy(workers=1, waits_for_changes=True))
    room.exit(1, 1)
    assert "it is started again in 1 s" in room.words()


def test_when_all_have_finished_it_ends(room: Room) -> None:
    room.exit(1, FINISHED)
    assert "its client has disconnected" in room.words()
    assert room.core.statuses()[0].state == "waiting"
    room.exit(2, FINISHED)
    assert room.kinds() == [Exit(ExitCode.ENDED)]


@pytest.mark.parametrize("code", [0, 1])
def test_it_ends_when_the_one_that_had_not_finished_is_given_up(room: Room, code: int) -> None:
    room.exit(1, FINISHED)
    room.exit(2, code)
    room.take()
    room.core.change_workers(-1, room.now)
    assert room.kinds() == [Exit(ExitCode.ENDED)]


# Replacing


def test_replacing_goes_one_after_the_other(room: Room) -> None:
    assert (room.core.generation, room.core.replacement) == (0, "none")
    room.core.replace(room.now)
    assert (room.core.generation, room.core.replacement) == (1, "running")
    assert room.kinds() == [Spawn(3, 1)]
    room.wait(5)
    assert room.last() == Spawn(3, 1)  # the old ones go on meanwhile
    room.report(3)
    assert room.kinds() == [Terminate(1)]
    room.exit(1, 0)
    assert room.kinds() == [Spawn(4, 2)]
    room.report(4)
    room.exit(2, 0)
    assert "all workers are replaced" in room.words()
    assert [status.pid for status in room.core.statuses()] == [103, 104]
    assert [status.generation for status in room.core.statuses()] == [1, 1]
    assert room.core.replacement == "ok"


def test_a_worker_that_was_waiting_must_get_ready_before_all_are_replaced(room: Room) -> None:
    room.exit(1, 1)
    room.core.replace(room.now)
    assert room.kinds() == [Spawn(3, 1), Spawn(4, 2)]
    room.report(4)
    room.exit(2, 0)
    assert "all workers are replaced" not in room.words()
    room.report(3)
    assert "all workers are replaced" in room.words()
    assert room.core.replacement == "ok"


def test_a_worker_that_was_waiting_and_fails_again_fails_the_replacement(room: Room) -> None:
    room.exit(1, 1)
    room.core.replace(room.now)
    room.exit(3, ExitCode.NO_CLIENT)
    assert "the replacement has failed: no more workers are replaced" in room.words()
    assert room.core.replacement == "failed"
    room.report(4)  # it was begun before
    assert Terminate(2) in room.take()


def test_a_new_program_is_tried_as_if_nothing_had_been(room: Room) -> None:
    room.exit(1, 1)
    room.wait(1)
    room.exit(3, FINISHED)
    room.exit(2, 1)
    room.wait(1)
    room.exit(4, 1)
    room.core.replace(room.now)
    assert room.kinds() == [Spawn(5, 1), Spawn(6, 2)]
    room.exit(6, 1)
    assert "started again in 1 s" in room.words()
    room.core.replace(room.now)
    room.wait(1)
    room.exit(room.live[-1], FINISHED)
    assert not room.core.stopping  # the other one has not finished any more


def test_a_new_worker_that_has_finished_is_replaced(room: Room) -> None:
    room.exit(1, 1)
    room.core.replace(room.now)
    room.exit(3, FINISHED)
    assert room.core.replacement == "running"
    room.report(4)
    room.exit(2, 0)
    assert "all workers are replaced" in room.words()


def test_a_new_worker_that_was_ready_has_not_failed(room: Room) -> None:
    room.core.replace(room.now)
    room.take()
    room.report(3)
    room.exit(3, 1)
    assert room.core.replacement == "running"


def test_an_old_worker_that_ends_during_a_replacement_comes_back_as_a_new_one() -> None:
    room = Room()
    room.report(1)
    room.core.replace(room.now)
    room.exit(2, 1)  # it was never ready
    assert room.core.replacement == "running"
    room.report(3)
    room.exit(1, 0)
    assert "replaced" not in room.words()
    room.wait(1)
    room.report(4)
    assert "all workers are replaced" in room.words()


def test_a_stop_without_a_replacement_fails_none(room: Room) -> None:
    room.stop()
    assert room.core.replacement == "none"


def test_a_stop_fails_a_replacement(room: Room) -> None:
    room.core.replace(room.now)
    room.stop()
    assert room.core.replacement == "failed"


def test_a_process_that_cannot_be_started_is_named_without_its_id(room: Room) -> None:
    room.core.replace(room.now)
    while room.core.next_output() != Spawn(3, 1):
        pass
    room.core.exited(3, ExitCode.CANNOT_START, room.now)
    words = (
        "the new worker 1 has ended (the system refuses to start a process); the old one goes on"
    )
    assert words in room.words()


def test_who_is_asked_to_end_at_once_names_the_calls(room: Room) -> None:
    room.report(1, report=BUSY)
    room.stop()
    room.stop()
    assert "ending at once: 2 calls up: c-1, c-2" in room.words()


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (0, "exit code 0"),
        (1, "exit code 1"),
        (-9, "signal 9"),
        (FINISHED, "its client has disconnected"),
        (ExitCode.NO_CLIENT, "the program cannot be used: see above"),
        (ExitCode.REFUSED, "the service refuses the credentials"),
    ],
)
def test_if_the_new_one_fails_the_old_one_stays(room: Room, code: int, why: str) -> None:
    room.core.replace(room.now)
    room.exit(3, code)
    words = room.words().splitlines()
    assert words[-2] == f"the new worker 1 (process 103) has ended ({why}); the old one goes on"
    assert words[-1] == "the replacement has failed: no more workers are replaced"
    assert room.core.replacement == "failed"
    room.wait(100)
    assert not any(isinstance(one, Terminate) for one in room.all)
    assert room.core.ready


def test_if_the_new_one_does_not_get_ready_in_time_it_is_ended(room: Room) -> None:
    room.core.replace(room.now)
    room.take()
    room.report(3, report=Report())
    room.wait(61)
    assert [one for one in room.all if isinstance(one, Terminate)] == [Terminate(3)]
    assert (
        Say(
            "error",
            "the new worker 1 (process 103) is not ready after 60 s; the old one goes on",
            1,
        )
        in room.all
    )
    assert room.core.replacement == "failed"
    room.exit(3, 0)
    assert room.words() == ""  # that was said
    room.wait(100)
    assert room.live == [1, 2]


def test_what_keeps_the_new_one_from_the_service_is_said_at_once_and_once(room: Room) -> None:
    room.core.replace(room.now)
    room.take()
    room.report(3, report=Report())
    assert room.words() == ""
    room.now += 1
    refused = Report(trouble="nobody is there")
    room.report(3, report=refused)
    assert room.words() == (
        "the new worker 1 (process 103) cannot connect: nobody is there. It tries again, and the "
        "old one goes on. If it is not ready in 59 s, the replacement has failed"
    )
    assert [status.report.trouble for status in room.core.statuses()] == ["", "nobody is there", ""]
    room.report(3, report=refused)
    assert room.words() == ""
    room.report(3)
    assert "worker 1 (process 103) is ready" in room.words()


def test_trouble_of_others_is_in_their_own_log() -> None:
    room = Room()
    room.take()
    room.report(1, report=Report(trouble="nobody is there"))
    assert room.words() == ""
    room.report(1)
    room.report(1, report=Report(trouble="it is gone again"))
    assert "gone" not in room.words()


def test_trouble_of_a_worker_that_ends_is_not_told() -> None:
    room = Room(Policy(workers=2))
    room.report(1, 2)
    room.core.change_workers(-1, room.now)
    room.take()
    room.report(1, 2, report=Report(trouble="nobody is there"))
    assert "nobody" not in room.words()


def test_trouble_in_the_middle_of_a_replacement_is_not_told_when_it_ends() -> None:
    room = Room()
    room.report(1, 2)
    room.core.replace(room.now)
    room.stop()
    room.take()
    room.report(3, report=Report(trouble="nobody is there"))
    assert "nobody" not in room.words()


BROKEN: Final = Failure("it cannot be loaded", "Traceback: line 1")


def test_an_error_of_several_workers_is_said_once_and_counted() -> None:
    room = Room(Policy(workers=3))
    room.take()
    for serial in (1, 2, 3):
        room.core.failed(serial, BROKEN, room.now)
    assert room.take() == [Say("error", BROKEN.words, 1, BROKEN.traceback)]
    for serial in (1, 2):
        room.exit(serial, ExitCode.NO_CLIENT)
    assert "workers" not in room.words()
    room.exit(3, ExitCode.NO_CLIENT)
    assert room.words() == "3 workers have ended with this: it cannot be loaded"
    assert room.last() == Exit(ExitCode.NO_CLIENT)


def test_an_error_of_one_worker_is_not_counted_and_another_one_is_said() -> None:
    room = Room()
    room.take()
    room.core.failed(1, BROKEN, room.now)
    room.core.failed(2, Failure("there is no such client"), room.now)
    assert room.words() == "it cannot be loaded\nthere is no such client"
    for serial in (1, 2):
        room.exit(serial, ExitCode.NO_CLIENT)
    assert "have ended" not in room.words()


def test_after_a_change_of_the_program_an_error_is_said_again(room: Room) -> None:
    for serial in (3, 4):
        room.core.replace(room.now)
        room.take()
        room.core.failed(serial, BROKEN, room.now)
        room.core.failed(serial, BROKEN, room.now)
        assert room.words() == BROKEN.words
        room.exit(serial, ExitCode.NO_CLIENT)
        assert "have ended" not in room.words()


def test_an_error_that_comes_again_later_is_said_again(room: Room) -> None:
    room.core.failed(1, BROKEN, room.now)
    room.core.failed(2, BROKEN, room.now + 59)
    assert room.words() == BROKEN.words
    room.core.failed(1, BROKEN, room.now + 60)
    assert room.words() == BROKEN.words
    room.core.failed(2, BROKEN, room.now + 119)
    assert room.words() == ""


def test_only_so_many_errors_are_remembered(room: Room) -> None:
    for number in range(100):
        room.core.failed(1, Failure(f"error {number}"), room.now)
    room.core.failed(1, Failure("error 0"), room.now)
    assert len(room.words().splitlines()) == 100
    room.core.failed(1, Failure("error 100"), room.now)
    room.core.failed(1, Failure("error 1"), room.now)
    room.core.failed(1, Failure("error 0"), room.now)
    assert room.words() == "error 100\nerror 0"


def test_the_error_that_is_forgotten_was_written_longest_ago(room: Room) -> None:
    for number in range(100):
        room.core.failed(1, Failure(f"error {number}"), room.now)
    room.now += 60
    room.core.failed(1, Failure("error 0"), room.now)
    room.take()
    for number in (100, 0, 1):
        room.core.failed(1, Failure(f"error {number}"), room.now)
    assert room.words() == "error 100\nerror 1"


def test_who_waits_for_a_change_counts_when_all_have_failed() -> None:
    room = Room(Policy(workers=2, waits_for_changes=True))
    room.take()
    for serial in (1, 2):
        room.core.failed(serial, BROKEN, room.now)
        room.exit(serial, ExitCode.NO_CLIENT)
    assert room.words().splitlines()[-1] == "2 workers have ended with this: it cannot be loaded"
    room.core.failed(1, BROKEN, room.now)  # nobody knows this process any more


def test_a_second_replacement_replaces_the_newest_one_too(room: Room) -> None:
    room.core.replace(room.now)
    room.take()
    room.core.replace(room.now)
    assert room.kinds() == [Terminate(3)]
    room.exit(3, -15)
    assert room.kinds() == [Spawn(4, 1)]


def test_if_the_old_one_crashes_the_new_one_takes_its_place(room: Room) -> None:
    room.core.replace(room.now)
    room.exit(1, -9)
    new = room.take()
    assert Say("error", "worker 1 (process 101) has ended (signal 9)", 1) in new
    assert new[-1] == Spawn(4, 2)  # one after the other, as before
    room.report(3, 4)
    assert Terminate(2) in room.take()
    room.wait(POLICY.most_delay)
    assert room.live == [2, 3, 4]


def test_stop_during_a_replacement_ends_all_three(room: Room) -> None:
    room.core.replace(room.now)
    room.take()
    room.stop()
    assert room.kinds() == [Terminate(1), Terminate(2), Terminate(3)]


def test_who_drains_already_is_not_asked_again(room: Room) -> None:
    room.core.replace(room.now)
    room.take()
    room.report(3)
    room.take()
    ends_at = room.now + READY.drain_timeout + POLICY.grace
    room.now += 5
    room.stop()
    assert room.kinds() == [Terminate(2), Terminate(3)]
    room.report(1, 2, 3)
    assert room.core.deadline() == ends_at


def test_after_the_end_has_begun_nothing_is_replaced(room: Room) -> None:
    room.stop()
    room.take()
    room.core.replace(room.now)
    room.core.change_workers(+1, room.now)
    assert room.take() == []


def test_what_it_is_asked_for_is_in_the_log(room: Room) -> None:
    room.core.change_workers(+1, room.now)
    assert room.words() == "one more worker: 3"
    room.core.change_workers(-1, room.now)
    assert room.words() == "one worker less: 2"
    room.core.replace(room.now)
    assert room.words() == "replacing the workers, one after the other"
    room.stop()
    assert room.words() == "ending: no calls up"


def test_workers_come_and_go(room: Room) -> None:
    room.core.change_workers(+1, room.now)
    assert room.kinds() == [Spawn(3, 3)]
    room.core.change_workers(-1, room.now)
    room.core.change_workers(-1, room.now)
    room.core.change_workers(-1, room.now)
    assert room.kinds() == [Terminate(3), Terminate(2)]
    room.exit(3, 0)
    room.exit(2, 0)
    assert room.kinds() == []
    assert not room.core.stopping


# Laws

ACTS: Final = st.one_of(
    st.tuples(st.just("wait"), st.floats(0.1, 70.0)),
    st.tuples(st.just("report"), st.integers(0, 5), st.booleans(), st.integers(0, 3)),
    st.tuples(
        st.just("exit"),
        st.integers(0, 5),
        st.sampled_from([0, 1, -9, -15, FINISHED, 69, 75, 77, 78]),
    ),
    st.tuples(st.just("stop")),
    st.tuples(st.just("replace")),
    st.tuples(st.just("change"), st.sampled_from([1, -1])),
)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 3),
    st.booleans(),
    st.lists(ACTS, max_size=25),
)
@example(workers=1, reload=False, acts=[("report", 0, True, 1), ("replace",), ("wait", 61.0)])
@example(workers=2, reload=False, acts=[("change", -1)])
def test_whatever_happens_it_keeps_its_promises(
    workers: int, reload: bool, acts: list[tuple[Any, ...]]
) -> None:
    room = Room(Policy(workers=workers, waits_for_changes=reload))
    for act in [*acts, ("stop",), ("stop",), ("stop",)]:
        before = len(room.all)
        _perform(room, act)
        room.take()
        for output in room.all[before:]:
            _check(room, act, output)
        assert not (room.core.ready and room.core.stopping)
        extra = len(room.live) - len(room.core.statuses())
        assert extra <= 0, "each process is known"
        due = room.core.deadline()
        if due is not None and due <= room.now:
            room.core.handle_timer(room.now)
            after = room.core.deadline()
            assert after is None or after > room.now
    room.wait(25, reporting=False)  # whatever does not end is forgotten
    exits = [output for output in room.all if isinstance(output, Exit)]
    assert len(exits) == 1
    assert room.all[-1] is exits[0]
    assert room.core.deadline() is None
    spawned = [output.serial for output in room.all if isinstance(output, Spawn)]
    assert len(spawned) == len(set(spawned))


def _check(room: Room, act: tuple[Any, ...], output: Output) -> None:
    match output:
        case Kill(serial) | Terminate(serial) | Hurry(serial):
            assert serial in room.spawned, "only a process gets a signal"
        case _:
            pass
    others_end = room.core.stopping or act[0] in ("stop", "change", "exit")
    if isinstance(output, Terminate) and not others_end:
        number = room.spawned[output.serial]
        newest = max(serial for serial in room.spawned if room.spawned[serial] == number)
        is_old = output.serial != newest
        assert not is_old or room.was_ready(newest) or not room.was_ready(output.serial), (
            "nobody who takes calls is ended before somebody else does"
        )


def _perform(room: Room, act: tuple[Any, ...]) -> None:
    match act:
        case ("wait", seconds):
            room.wait(seconds)
        case ("report", which, ready, calls):
            for serial in _chosen(room, which):
                room.report(serial, report=Report(ready=ready, calls=calls))
        case ("exit", which, code):
            for serial in _chosen(room, which):
                room.exit(serial, code)
        case ("stop",):
            room.stop()
        case ("replace",):
            room.core.replace(room.now)
        case ("change", by):
            room.core.change_workers(by, room.now)
        case _:
            raise AssertionError(act)


def _chosen(room: Room, which: int) -> Iterator[int]:
    room.take()
    if room.live:
        yield room.live[which % len(room.live)]
