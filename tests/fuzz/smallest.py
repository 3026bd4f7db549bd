"""Makes the corpus small: of all inputs, the few that go every way that any of them goes.

A way is a step from one line of `relay_proto` to another, and roughly how often it
was taken. ``python -m tests.fuzz.smallest`` takes the corpus and what the fuzzers
have found, and leaves the corpus; files named ``seed-…`` stay.
"""

from __future__ import annotations

import hashlib
import sys
from collections import Counter
from types import CodeType, FrameType
from typing import Any, Final, TypeAlias

from tests.fuzz.__main__ import FOUND
from tests.fuzz.targets import CORPUS, TARGETS, Target, inputs

Step: TypeAlias = tuple[CodeType, int, int]
BY_HAND: Final = "seed-"
PACKAGE: Final = "/relay_proto/"


def main() -> None:
    for name, target in TARGETS.items():
        found = FOUND / name
        paths = [*inputs(name), *(found.iterdir() if found.is_dir() else ())]
        datas = {path.read_bytes() for path in paths}
        kept = smallest({data: ways(target, data) for data in datas})
        for path in inputs(name):
            if not path.name.startswith(BY_HAND):
                path.unlink()
        for data in kept:
            path = CORPUS / name / hashlib.sha256(data).hexdigest()[:16]
            path.write_bytes(data)
        print(f"{name}: {len(kept)} of {len(datas)} inputs, {sum(map(len, kept))} bytes")


def smallest(taken: dict[bytes, set[object]]) -> list[bytes]:
    """The inputs to keep, chosen greedily: most new ways for a byte."""
    kept: list[bytes] = []
    missing = set[object]().union(*taken.values())
    while missing:
        best = max(taken, key=lambda data: (len(taken[data] & missing) / (len(data) + 20), data))
        kept.append(best)
        missing -= taken[best]
    return kept


def ways(target: Target, data: bytes) -> set[object]:
    """The ways that one input goes."""
    steps = Counter[Step]()

    def called(frame: FrameType, event: str, argument: object) -> Any:
        if PACKAGE not in frame.f_code.co_filename:
            return None
        last = 0

        def went_on(frame: FrameType, event: str, argument: object) -> Any:
            nonlocal last
            if event == "line":
                steps[frame.f_code, last, frame.f_lineno] += 1
                last = frame.f_lineno
            return went_on

        return went_on

    sys.settrace(called)
    try:
        target(data)
    finally:
        sys.settrace(None)
    return {(step, min(count.bit_length(), 4)) for step, count in steps.items()}


if __name__ == "__main__":
    main()
