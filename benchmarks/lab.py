"""The lab with many calls at once, and readers of its stream: memory, pace, what is dropped.

    python -m benchmarks.lab [--calls 200] [--seconds 30] [--readers 2]

A lab runs in this process, with a program that answers and plays prompts without end.
The readers, in threads, take everything with frames, and one more reads nothing. Each second
as many calls end as begin. The last printed line is the result, as JSON.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Final

from relay_anyio.simulator import Authority
from relay_sync import Call, RelayClient, tts
from tests.lab.harness import LabRunner, running

TICK: Final = 1.0
PART: Final = 20
"""One call of so many ends each second, and another one takes its place."""


class Reading(threading.Thread):
    """One reader of the stream, and how late it is."""

    def __init__(self, lab: LabRunner) -> None:
        super().__init__(daemon=True)
        self._lab = lab
        self.entries = self.dropped = 0
        self.late: list[float] = []

    def run(self) -> None:
        try:
            with self._lab.stream("?frames=1") as events:
                events.patience = float("inf")
                for kind, _, value in events:
                    self.entries += 1
                    if kind == "dropped":
                        self.dropped += value["dropped"]
                    elif kind == "happened":
                        self.late.append(time.time() - value["at"])
        except OSError:
            pass  # the lab has ended


def take_call(call: Call) -> None:
    call.answer()
    while call.state == "answered":
        call.play([tts("Your call is important to us. Please hold the line.")]).wait()


def measure(lab: LabRunner, options: argparse.Namespace) -> dict[str, Any]:
    """Keep so many calls up for so many seconds."""
    readers = [Reading(lab) for _ in range(options.readers)]
    asleep = lab.stream("?frames=1")
    asleep.__enter__()
    for reader in readers:
        reader.start()
    before = memory()
    up: list[str] = []
    answers: list[float] = []
    ends_at = time.monotonic() + options.seconds
    sizes: list[float] = []
    while time.monotonic() < ends_at:
        tick_ends_at = time.monotonic() + TICK
        for call_id in up[: options.calls // PART]:
            lab.ask("POST", f"/api/calls/{call_id}/hangup", {})
        del up[: options.calls // PART]
        while len(up) < options.calls:
            up.append(lab.post("/api/calls", {"live": True})["id"])
        began_at = time.perf_counter()
        lab.get("/api/state")
        answers.append(time.perf_counter() - began_at)
        sizes.append(memory())
        time.sleep(max(0.0, tick_ends_at - time.monotonic()))
    counts = lab.get("/api/state")["counts"]
    late = sorted(second for reader in readers for second in reader.late)
    return {
        "calls": counts["calls"],
        "events": counts["events"],
        "frames": counts["frames"],
        "MB before": round(before, 1),
        "MB in the middle": round(sizes[len(sizes) // 2], 1),
        "MB at the end": round(sizes[-1], 1),
        "seconds for /api/state (median)": round(statistics.median(answers), 3),
        "seconds late (median)": round(statistics.median(late), 3),
        "seconds late (99 of 100)": round(late[len(late) * 99 // 100], 3),
        "entries of each reader": [reader.entries for reader in readers],
        "dropped of each reader": [reader.dropped for reader in readers],
        "dropped of all, with the one that is asleep": counts["dropped"],
    }


def memory() -> float:
    """The megabytes of this process now, or the most so far where that is not known."""
    status = Path("/proc/self/status")
    if status.exists():
        [line] = [one for one in status.read_text().splitlines() if one.startswith("VmRSS")]
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the lab with many calls at once.")
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--readers", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory, running(Authority(Path(directory))) as lab:
        client: RelayClient = lab.client()
        client.on_call(take_call)
        with client:
            print(json.dumps(measure(lab, options)))


if __name__ == "__main__":
    main()
