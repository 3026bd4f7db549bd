"""The phone lab of a test: `relay sim` in a thread of this process, with quick people.

A program runs in the main thread, unchanged, as ``python examples/NAME.py`` runs it. Meanwhile
a scene in another thread calls it, and ends it with SIGTERM.
"""

from __future__ import annotations

import functools
import os
import runpy
import signal
import sys
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import anyio
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from relay_proto.exchange import (
    Caller,
    ExchangeTiming,
    Happened,
    Line,
    TextMessage,
    What,
    faster,
    faster_timing,
)
from relay_proto.exchange.pace import faster_step
from tests.adapters.support import PROJECT, TOKEN, Certificates, World, open_world

EXAMPLES: Final = Path(__file__).parents[2] / "examples"
SPEED: Final = 50.0
"""How many times as fast as usual the people and the network are."""
OURS: Final = "+15550002222"
PATIENCE: Final = 20.0
"""Seconds after which a test has failed: nothing here takes two."""


class Lab:
    """People for a program that connects over TLS, in real time. For the test's own threads."""

    def __init__(self, world: World, portal: BlockingPortal) -> None:
        self.world = world
        self._portal = portal

    def call(self, caller: Caller, *, to: str = OURS, context: str = "office") -> str:
        """Let somebody call; return the id of the call."""
        script = tuple(faster_step(step, SPEED) for step in caller.script)
        quick = Caller(caller.number, script, caller.patience, caller.nature)
        return self._do(self.world.exchange.place_call, quick, to=to, context=context)

    def text(self, message: TextMessage, *, context: str = "office") -> str:
        """Let somebody send a text; return the id of the message."""
        return self._do(self.world.exchange.receive_text, message, context=context)

    def until(self, what: What, **details: Any) -> Happened:
        """Wait until something has happened."""

        async def wait() -> Happened:
            with anyio.fail_after(PATIENCE):
                return await self.world.until(what, **details)

        return self._portal.call(wait)

    @property
    def text_of_the_story(self) -> str:
        """All that has happened, one line for each thing."""
        return "\n".join(one.line for one in self.world.happened)

    def _do(self, function: Callable[..., str], *args: Any, **kwargs: Any) -> str:
        command = functools.partial(self.world.simulator.command, function, *args, **kwargs)
        return self._portal.call(command)


@contextmanager
def open_lab(
    certificates: Certificates,
    monkeypatch: pytest.MonkeyPatch,
    lines: Sequence[Line] = (),
    **changes: Any,
) -> Generator[Lab]:
    """Run the lab, and set the variables that `relay sim` prints."""
    given: dict[str, Any] = {
        "lines": tuple(Line(line.address, faster(line.behaviour, SPEED)) for line in lines),
        "timing": faster_timing(ExchangeTiming(), SPEED),
        **changes,
    }
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(open_world(certificates, **given)) as world,
    ):
        monkeypatch.setenv("SIGNALWIRE_PROJECT_ID", PROJECT)
        monkeypatch.setenv("SIGNALWIRE_API_TOKEN", TOKEN)
        monkeypatch.setenv("SIGNALWIRE_SPACE", world.host)
        monkeypatch.setenv("SIGNALWIRE_RELAY_CA_FILE", str(certificates.ca_file))
        yield Lab(world, portal)


def run_program(name: str, *arguments: str, scene: Callable[[], object] | None = None) -> None:
    """Run a file of ``examples/`` as the main program, until it ends or its scene does.

    Raises:
        BaseException: the program or the scene raised it.
    """
    failures: list[BaseException] = []

    def act() -> None:
        try:
            if scene is not None:
                scene()
        except BaseException as error:  # noqa: BLE001 - raised below
            failures.append(error)
        finally:
            if scene is not None:
                os.kill(os.getpid(), signal.SIGTERM)

    actor = threading.Thread(target=act, name="scene")
    before = signal.signal(signal.SIGTERM, _ignore)  # if it comes too late
    arguments_before, sys.argv = sys.argv, [name, *arguments]
    try:
        actor.start()
        runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
    finally:
        actor.join(PATIENCE)
        sys.argv = arguments_before
        signal.signal(signal.SIGTERM, before)
    if failures:
        raise failures[0]


def _ignore(number: int, frame: object) -> None:
    """Do nothing about a signal."""
