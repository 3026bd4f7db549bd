"""Hypothesis profiles: `ci` repeats itself exactly, `dev` looks for new examples."""

from __future__ import annotations

import gc
import logging
import os
import signal
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("dev", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "dev")

# Where Python may not write bytecode, as in many containers, every process that the tests
# start compiles all modules anew. They share a folder of pytest's instead, which git ignores.
# Each version of Python has its own files there.
if os.environ.pop("PYTHONDONTWRITEBYTECODE", None):
    cache = Path(__file__).parents[1] / ".pytest_cache" / "bytecode"
    os.environ.setdefault("PYTHONPYCACHEPREFIX", str(cache))

# A shell lets what it runs in the background ignore Ctrl+C, and the programs that
# tests start would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep the tests themselves out of garbage collections, which look at all objects again.

    What is made after they have been collected is garbage as ever.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_runtest_setup() -> None:
    """Let the lines of a test show what they would show in a program of its own.

    Clients of earlier tests that have not been collected yet mask their secrets in all lines.
    """
    for package in ("relay_anyio", "relay_sync"):
        logging.getLogger(package).filters.clear()
