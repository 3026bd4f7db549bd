"""The fixture with which pytest runs over a module of tests that uses the plugin."""

from __future__ import annotations

import os
from importlib import import_module

import pytest

from tests.plugin.modules import CLIENTS, LOADING, Run

for module in ("relay_anyio.testing", "relay_sync.testing"):
    import_module(module)  # pytester forgets what was imported within it


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run pytest over a module with these tests."""
    for variable in tuple(os.environ):
        if variable.startswith(("SIGNALWIRE_", "RELAY_")):
            monkeypatch.delenv(variable)

    def run(tests: str, *arguments: str) -> pytest.RunResult:
        pytester.makepyfile(CLIENTS + tests)
        options = ("-W", "error", "-p", "no:cacheprovider", "-p", "no:cov", *LOADING)
        return pytester.runpytest_inprocess(*options, *arguments)

    return run
