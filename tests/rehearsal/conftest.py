"""Fixtures: rehearsals need no account, so the environment holds none."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from relay_anyio import RelayClient
from relay_anyio.testing import Backend, virtual_time


@pytest.fixture(params=["asyncio", "trio"], name="backend")
def backend_by_name(request: pytest.FixtureRequest) -> Backend:
    name: Backend = request.param
    return name


@pytest.fixture
def anyio_backend(backend: Backend) -> tuple[str, dict[str, Any]]:
    return backend, virtual_time(backend)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in tuple(os.environ):
        if variable.startswith(("SIGNALWIRE_", "RELAY_")):
            monkeypatch.delenv(variable)


@pytest.fixture
def client() -> RelayClient:
    return RelayClient(project="project", token="token", contexts=["office"])


@pytest.fixture
def ivr(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return the module of the example."""
    monkeypatch.setattr(sys, "path", [str(Path(__file__).parents[2] / "examples"), *sys.path])
    monkeypatch.setenv("SIGNALWIRE_PROJECT_ID", "any")
    monkeypatch.setenv("SIGNALWIRE_API_TOKEN", "any")
    return importlib.import_module("ivr")
