"""Supervision: which workers are started, replaced and ended, and when.

Like all cores of this project it knows no clock, no process and no signal: it takes
what has happened and the time, and returns what to do. `relay_run.supervisor` does it.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from relay_proto.adapter.signals import TOGETHER
from relay_proto.adapter.vitals import MOST_IDS

from .exit_codes import FOR_GOOD, IN_WORDS, ExitCode
from .failures import Failures
from .orders import Exit, Forget, Hurry, Kill, Level, Output, Say, Spawn, Terminate
from .reports import Failure, Report
from .slots import FINISHED, Phase, Slot, Worker, calls_in_words

__all__ = [
    "FINISHED",
    "Exit",
    "Forget",
    "Hurry",
    "Kill",
    "Output",
    "Policy",
    "Say",
    "Spawn",
    "Status",
    "Supervision",
    "Terminate",
]

Replacement: TypeAlias = Literal["none", "running", "ok", "failed"]
"""What has become of the last request to replace the workers."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What a user chooses, and times, in seconds."""

    workers: int = 1
    hang_timeout: float = 30.0
    """After so long without a report, a worker is killed and replaced."""
    start_timeout: float = 60.0
    """For the first report of a worker, and for a replacement to be ready."""
    waits_for_changes: bool = False
    """Whether a program that cannot be used waits until its files change."""
    grace: float = 10.0
    """To end, beyond the time that calls have to finish."""
    least_delay: float = 1.0
    most_delay: float = 30.0
    steady: float = 60.0
    """Who was ready for so long has run well: the next crash is a first one again."""
    most_crashes: int = 5
    """When each of the workers has crashed so often in a row, that is the end."""


@dataclass(frozen=True, slots=True)
class Status:
    """How one worker does, for those who ask."""

    number: int
    state: str
    """``starting``, ``connecting``, ``ready``, ``draining``, ``killed`` or ``waiting``."""
    pid: int
    restarts: int
    report: Report
    generation: int = 0
    """How often the workers had been replaced when it was started."""


LATE: Final = 2.0
"""Seconds. If a timer is so late, the supervisor itself has not run, and may judge nobody."""


class Supervision:
    """The workers of one ``relay run``, and what becomes of them."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._slots = {number: Slot(number) for number in range(1, policy.workers + 1)}
        self._workers: dict[int, Worker] = {}
        self._out: deque[Output] = deque()
        self._serials = 0
        self._epoch = 0
        """A worker that was started in an earlier one is out of date."""
        self._replacement: Replacement = "none"
        self._stop_signals = 0
        self._stopped_at = -math.inf
        """When the last signal came that counted."""
        self._exit_code: ExitCode | None = None
        """Why it ends. None: it goes on."""
        self._left_calls = False
        self._exited = False
        self._failures = Failures()

    # What others want to know

    @property
    def stopping(self) -> bool:
        """Whether it will end."""
        return self._exit_code is not None

    @property
    def ready(self) -> bool:
        """Whether at least one worker takes calls."""
        return any(worker.is_ready for worker in self._workers.values())

    @property
    def generation(self) -> int:
        """How often the workers were to be replaced."""
        return self._epoch

    @property
    def replacement(self) -> Replacement:
        """What has become of the last replacement."""
        return self._replacement

    def statuses(self) -> list[Status]:
        """How each worker does, those too that are only there to end: by number, then by age."""
        found: list[Status] = []
        for number in sorted(self._slots.keys() | {one.number for one in self._workers.values()}):
            slot = self._slots.get(number)
            restarts = 0 if slot is None else slot.restarts
            workers = [one for one in self._workers.values() if one.number == number]
            found += [
                Status(number, one.state, one.pid, restarts, one.report, one.epoch)
                for one in workers
            ]
            if not workers:
                found.append(Status(number, "waiting", 0, restarts, Report(), self._epoch))
        return found

    def next_output(self) -> Output | None:
        """Return what to do next, if there is anything."""
        return self._out.popleft() if self._out else None

    def deadline(self) -> float | None:
        """When `handle_timer` has something to do."""
        due = [self._due(worker) for worker in self._workers.values()]
        due += [slot.restart_at for slot in self._slots.values() if slot.restart_at is not None]
        return min(due, default=None)

    def _due(self, worker: Worker) -> float:
        policy = self._policy
        match worker.phase:
            case Phase.STARTING:
                return worker.spawned_at + policy.start_timeout
            case Phase.UP:
                hangs_at = worker.reported_at + policy.hang_timeout
                if self._slots[worker.number].successor is worker:
                    return min(hangs_at, worker.spawned_at + policy.start_timeout)
                return hangs_at
            case Phase.ENDING:
                if not worker.has_reported:
                    return worker.ends_at
                return min(worker.ends_at, worker.reported_at + policy.hang_timeout)
            case Phase.KILLED:
                return worker.ends_at

    # Inputs

    def start(self, now: float) -> None:
        """Start all workers."""
        for slot in self._slots.values():
            self._spawn(slot, now)

    def started(self, serial: int, pid: int) -> None:
        """A worker has a process."""
        self._workers[serial].pid = pid

    def reported(self, serial: int, report: Report, now: float) -> None:
        """A worker has told how it does."""
        worker = self._workers.get(serial)
        if worker is None or worker.phase is Phase.KILLED:
            return
        worker.report, worker.reported_at, worker.has_reported = report, now, True
        if worker.phase is Phase.STARTING:
            worker.phase = Phase.UP
        if worker.phase is Phase.UP and report.ready and worker.ready_at is None:
            worker.ready_at = now
            self._say("info", f"{worker} is ready", worker.number)
            self._is_ready(worker, now)
        elif worker.phase is Phase.UP and report.trouble and not worker.trouble_told:
            self._tell_trouble(worker, report.trouble, now)

    def failed(self, serial: int, failure: Failure, now: float) -> None:
        """A worker has told why it ends, which it is about to do."""
        worker = self._workers.get(serial)
        if worker is not None and self._failures.add(worker.number, failure, now):
            self._out.append(Say("error", failure.words, worker.number, failure.traceback))

    def _tell_trouble(self, new: Worker, trouble: str, now: float) -> None:
        """Say what keeps a new worker from taking the place of the old one, and what follows."""
        if self._slots[new.number].successor is new:
            new.trouble_told = True
            left = new.spawned_at + self._policy.start_timeout - now
            words = (
                f"the new {new} cannot connect: {trouble}. It tries again, and the old one goes "
                f"on. If it is not ready in {left:.0f} s, the replacement has failed"
            )
            self._say("error", words, new.number)

    def _is_ready(self, worker: Worker, now: float) -> None:
        slot = self._slots[worker.number]
        if slot.successor is worker:
            old, slot.worker, slot.successor = slot.worker, worker, None
            assert old is not None, "without one, a successor is the worker"
            self._end(old, now)
        self._go_on(now)

    def exited(self, serial: int, code: int, now: float) -> None:
        """A worker has ended; a negative code is that of the signal that has killed it."""
        worker = self._workers.pop(serial, None)
        if worker is None:
            return
        if self.stopping:
            killed = code < 0 and worker.has_left_calls(now)
            self._left_calls = self._left_calls or killed or code == ExitCode.CALLS_LEFT
        slot = self._slots.get(worker.number)
        if slot is None or self.stopping:
            pass
        elif slot.successor is worker:
            slot.successor = None
            self._keep_old_one(worker, f"has ended ({_why(code)})")
        elif slot.worker is worker:
            slot.worker, slot.successor = slot.successor, None
            self._lost(slot, worker, code, now)
        self._go_on(now)

    def stop(self, now: float) -> None:
        """Let all workers drain, and end. The second time, end at once; then, kill.

        A signal within `TOGETHER` after one that counts does not count.
        """
        if self._exited or now < self._stopped_at + TOGETHER:
            return
        self._stopped_at = now
        self._stop_signals += 1
        if not self.stopping:
            self._say("info", f"ending: {self._calls_in_words()}")
            self._stop(ExitCode.ENDED, now)
        elif self._stop_signals <= 2:
            self._say("warning", f"ending at once: {self._calls_in_words()}")
            for worker in self._workers.values():
                if worker.phase is not Phase.KILLED:
                    worker.phase, worker.ends_at = Phase.ENDING, now + self._policy.grace
                    self._out.append(Hurry(worker.serial))
        else:
            for worker in self._workers.values():
                self._kill(worker, now)
        self._go_on(now)

    def replace(self, now: float) -> None:
        """Replace all workers, one after the other: start one, let the old one drain."""
        if self.stopping:
            return
        self._epoch += 1
        self._replacement = "running"
        self._failures = Failures()
        for slot in self._slots.values():
            slot.begin_afresh()
            if slot.successor is not None:  # it is out of date itself
                self._end(slot.successor, now)
                slot.successor = None
            if slot.worker is None:
                self._spawn(slot, now)
        self._say("info", "replacing the workers, one after the other")
        self._go_on(now)

    def change_workers(self, by: int, now: float) -> None:
        """Have one worker more, or one less, but one at least."""
        if self.stopping or len(self._slots) + by < 1:
            return
        if by > 0:
            slot = self._slots[len(self._slots) + 1] = Slot(len(self._slots) + 1)
            self._say("info", f"one more worker: {len(self._slots)}")
            self._spawn(slot, now)
        else:
            slot = self._slots.pop(len(self._slots))
            self._say("info", f"one worker less: {len(self._slots)}")
            for worker in (slot.worker, slot.successor):
                if worker is not None:
                    self._end(worker, now)
        self._go_on(now)

    def handle_timer(self, now: float) -> None:
        """Do all that is due. What the workers have written must be read before this."""
        due = self.deadline()
        if due is None or due > now:
            return
        if now - due > LATE:
            for worker in self._workers.values():
                worker.forgive(now)
        for worker in tuple(self._workers.values()):
            if self._due(worker) <= now:
                self._overdue(worker, now)
        for slot in self._slots.values():
            if slot.restart_at is not None and slot.restart_at <= now:
                self._spawn(slot, now)

    def _overdue(self, worker: Worker, now: float) -> None:
        policy = self._policy
        hangs = worker.has_reported and worker.reported_at + policy.hang_timeout <= now
        match worker.phase:
            case Phase.KILLED:
                self._say("error", f"{worker} does not end, even killed", worker.number)
                self._out.append(Forget(worker.serial))
                self.exited(worker.serial, -9, now)
            case Phase.STARTING:
                words = (
                    f"{worker} has not started in {policy.start_timeout:g} s, and is killed: does "
                    "its module run the client, or wait for something, when it is imported?"
                )
                self._kill(worker, now, words)
            case Phase.UP if not hangs:  # a successor
                self._slots[worker.number].successor = None
                self._keep_old_one(worker, f"is not ready after {policy.start_timeout:g} s")
                self._end(worker, now)
            case _ if hangs:
                words = (
                    f"{worker} hangs: its event loop, or its main thread, has not run for "
                    f"{policy.hang_timeout:g} s. It is killed with {worker.calls_in_words}"
                )
                self._kill(worker, now, words)
            case _:
                words = f"{worker} does not end, and is killed with {worker.calls_in_words}"
                self._kill(worker, now, words)

    # What follows

    def _spawn(self, slot: Slot, now: float) -> None:
        """Start a worker: the first one of the slot, or the successor of the one it has."""
        self._serials += 1
        worker = Worker(self._serials, slot.number, self._epoch, spawned_at=now)
        self._workers[worker.serial] = worker
        slot.restart_at = None
        if slot.worker is None:
            slot.worker = worker
        else:
            slot.successor = worker
        self._out.append(Spawn(worker.serial, slot.number))

    def _lost(self, slot: Slot, worker: Worker, code: int, now: float) -> None:
        """A worker has ended that was to go on."""
        is_new = worker.epoch == self._epoch and worker.ready_at is None
        if slot.worker is not None:  # its successor, which is there before its time
            self._say("error", f"{worker} has ended ({_why(code)})", worker.number)
        elif code == FINISHED:
            slot.finished = True
            self._say("info", f"{worker} has ended: its client has disconnected", worker.number)
        elif code in FOR_GOOD and self._policy.waits_for_changes:
            words = f"{worker} has ended ({_why(code)}). Change a file"
            self._say("error", words, worker.number)
        elif code in FOR_GOOD and not self._others_serve:
            self._say("error", f"ending, because {_why(code)}")
            self._stop(ExitCode(code), now)
        else:
            ran_well = worker.has_run_well(now, self._policy.steady)
            slot.crashes = 1 if ran_well else slot.crashes + 1
            self._restart(slot, worker, code, now)
        if is_new and not slot.finished:
            self._fail_replacement()

    @property
    def _others_serve(self) -> bool:
        """Whether a worker goes on that was ready once: then nothing ends for good."""
        return any(worker.has_served for worker in self._workers.values())

    def _restart(self, slot: Slot, worker: Worker, code: int, now: float) -> None:
        policy = self._policy
        words = f"{worker} has ended ({_why(code)}) with {worker.calls_in_words}"
        crashes = [one.crashes_in_a_row(now, policy.steady) for one in self._slots.values()]
        if code not in FOR_GOOD and min(crashes) >= policy.most_crashes:
            refused = code == ExitCode.CANNOT_START
            why = _why(code) if refused else "workers crash again and again"
            self._say("error", f"{words}; ending, because {why}")
            self._stop(ExitCode.CANNOT_START if refused else ExitCode.WORKERS_CRASH, now)
            return
        exponent = min(slot.crashes - 1, 16)  # of a float
        delay = min(policy.most_delay, policy.least_delay * 2.0**exponent)
        self._say("error", f"{words}; it is started again in {delay:g} s", worker.number)
        slot.restarts += 1
        slot.restart_at = now + delay

    def _keep_old_one(self, new: Worker, what: str) -> None:
        self._say("error", f"the new {new} {what}; the old one goes on", new.number)
        self._fail_replacement()

    def _fail_replacement(self) -> None:
        """End the replacement, if one goes on."""
        if self._rolling:
            self._replacement = "failed"
            self._say("error", "the replacement has failed: no more workers are replaced")

    def _stop(self, code: ExitCode, now: float) -> None:
        self._exit_code = code
        if self._rolling:
            self._replacement = "failed"
        for slot in self._slots.values():
            slot.restart_at = None
        for worker in self._workers.values():
            if code is ExitCode.REFUSED and worker.ready_at is None and not worker.report.calls:
                self._kill(worker, now)  # it has nothing to finish, and would only be refused, too
            else:
                self._end(worker, now)

    def _end(self, worker: Worker, now: float) -> None:
        """Let a worker drain and end, unless it does already."""
        if worker.phase in (Phase.STARTING, Phase.UP):
            patience = worker.report.drain_timeout if worker.has_reported else 0.0
            worker.phase, worker.ends_at = Phase.ENDING, now + patience + self._policy.grace
            self._out.append(Terminate(worker.serial))

    def _kill(self, worker: Worker, now: float, words: str = "") -> None:
        if words:
            self._say("error", words, worker.number)
        if worker.phase is not Phase.KILLED:
            worker.phase, worker.ends_at = Phase.KILLED, now + self._policy.grace
            worker.killed_at = now
            self._out.append(Kill(worker.serial))

    def _go_on(self, now: float) -> None:
        """Take the next step of a replacement, or of the end."""
        if all(worker.ready_at is not None for worker in self._workers.values()):
            for words in self._failures.counts():
                self._say("error", words)
        if self._exit_code is None and all(slot.finished for slot in self._slots.values()):
            self._exit_code = ExitCode.ENDED
        if self._exit_code is not None:
            if not self._workers and not self._exited:
                self._exited = True
                clean = self._exit_code is not ExitCode.ENDED or not self._left_calls
                self._out.append(Exit(self._exit_code if clean else ExitCode.CALLS_LEFT))
        elif self._rolling and not self._has_extra_workers:
            self._replace_next(now)

    @property
    def _rolling(self) -> bool:
        return self._replacement == "running"

    @property
    def _has_extra_workers(self) -> bool:
        regular = sum(slot.worker is not None for slot in self._slots.values())
        return len(self._workers) > regular

    def _replace_next(self, now: float) -> None:
        for slot in self._slots.values():
            if slot.worker is not None and slot.worker.epoch < self._epoch:
                self._spawn(slot, now)
                return
        for slot in self._slots.values():
            if not slot.finished and (slot.worker is None or slot.worker.ready_at is None):
                return  # one that had no worker to replace
        self._replacement = "ok"
        self._say("info", "all workers are replaced")

    def _calls_in_words(self) -> str:
        calls = sum(worker.report.calls for worker in self._workers.values())
        ids = [name for worker in self._workers.values() for name in worker.report.call_ids]
        return calls_in_words(calls, ids[:MOST_IDS])

    def _say(self, level: Level, words: str, number: int = 0) -> None:
        self._out.append(Say(level, words, number))


def _why(code: int) -> str:
    """Why a worker has ended, in words."""
    if code in IN_WORDS:
        return IN_WORDS[ExitCode(code)]
    if code == FINISHED:
        return "its client has disconnected"
    return f"signal {-code}" if code < 0 else f"exit code {code}"
