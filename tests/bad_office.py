"""Show an evening in a bad office, at the pace of people: ``python -m tests.bad_office``.

It takes as many minutes as you give it, and prints what the program says, what it logs, and
what happens at the service. In the end it checks that every caller was answered once and that
nobody was lost; if not, it fails.
"""

from __future__ import annotations

import argparse
import itertools
import re
import signal
import tempfile
from pathlib import Path
from typing import Final

import anyio

from relay_proto.exchange import ExchangeTiming, Happened, What
from tests.adapters.clerks import FORGETFUL
from tests.adapters.evening import Evening, bad_office

CALL_EVERY: Final = 9.0
CUT_AFTER: Final = (15.0, 75.0)
"""Seconds to the next cut, in turn. In the longer ones, a token expires."""
FORGET_EVERY: Final = 4
"""One in so many callers meets a handler that cancels itself."""
SESSION: Final = re.compile(r"session signalwire_\S+_v2")
DULL: Final = frozenset({What.OFFERED, What.LISTENED, What.PLAY_ENDED})


class Transcript:
    """Prints lines, with the seconds since the beginning."""

    def __init__(self) -> None:
        self._begin = anyio.current_time()
        self._unfinished = ""

    def said(self, text: str) -> None:
        """The program has printed or logged something."""
        *lines, self._unfinished = (self._unfinished + text).split("\n")
        for line in lines:
            if not line.startswith("  "):  # a line of a traceback
                self._print("program", line)

    def happened(self, happened: Happened) -> None:
        """Something has happened at the service."""
        if happened.what not in DULL:
            self._print("service", f"[{happened.call_id[:4] or '----'}] {happened.text}")

    def note(self, words: str) -> None:
        """Something has happened between them."""
        self._print("network", words)

    def _print(self, who: str, words: str) -> None:
        words = SESSION.sub("session", words)
        print(f"{anyio.current_time() - self._begin:7.2f}  {who}  {words}", flush=True)


async def show(runtime: str, minutes: float) -> None:
    """Run the evening, and check it."""
    transcript = Transcript()
    with tempfile.TemporaryDirectory() as directory:
        async with bad_office(
            Path(directory),
            runtime,
            jwt_lifetime=60.0,
            timing=ExchangeTiming(),
        ) as evening:
            evening.program.observe(transcript.said)
            evening.world.observe(transcript.happened)
            await evening.program.says("has a new session")
            with anyio.move_on_after(minutes * 60.0):
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(let_people_call, evening)
                    tasks.start_soon(cut_now_and_then, evening, transcript)
            for call_id in evening.callers:
                await evening.ended(call_id)
            evening.program.send(signal.SIGTERM)
            code = await evening.program.end()
            assert code == 0, code
            evening.check(FORGETFUL)
            callers = len(evening.callers)
        transcript.note(f"{callers} callers were answered once each, and nobody was lost")


async def let_people_call(evening: Evening) -> None:
    """Let somebody call, again and again."""
    for number in itertools.count():
        forgetful = number % FORGET_EVERY == FORGET_EVERY - 1
        caller = FORGETFUL if forgetful else f"+1555000{number:04}"
        evening.call(caller, str(number % 10), thinks=number % 3)
        await anyio.sleep(CALL_EVERY)


async def cut_now_and_then(evening: Evening, transcript: Transcript) -> None:
    """Cut the connection, again and again."""
    for seconds in itertools.cycle(CUT_AFTER):
        await anyio.sleep(seconds)
        transcript.note("cuts the connection")
        evening.world.cut()


def main() -> None:
    """Show an evening."""
    parser = argparse.ArgumentParser(description="Show an evening in a bad office.")
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--runtime", choices=("asyncio", "trio", "threads"), default="asyncio")
    options = parser.parse_args()
    anyio.run(show, options.runtime, options.minutes)


if __name__ == "__main__":
    main()
