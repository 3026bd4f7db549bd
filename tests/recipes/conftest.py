"""What the tests of the recipes share: a clean environment, and the phone lab."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack
from importlib.util import find_spec
from typing import Final

import pytest

from tests.adapters.support import Certificates
from tests.recipes.lab import Lab, open_lab
from tests.recipes.pages import CREDENTIALS

NEEDS: Final[Mapping[str, Sequence[str]]] = {
    "test_fastapi_service.py": ("fastapi", "httpx"),
    "test_click_to_call.py": ("fastapi", "httpx"),
    "test_flask_service.py": ("flask",),
    "test_django_service.py": ("django",),
}
"""Frameworks that a module of tests needs. Without them it is skipped."""


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Let a test module set variables before it imports a recipe, but for itself alone."""
    before = dict(os.environ)
    try:
        report = yield
    finally:
        os.environ.clear()
        os.environ.update(before)
    missing = [name for name in NEEDS.get(collector.path.name, ()) if find_spec(name) is None]
    if missing:
        report.outcome = "skipped"
        reason = f"Skipped: {', '.join(missing)} must be installed"
        report.longrepr = (str(collector.path), 0, reason)
    return report


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No account is needed here: the environment holds the variables of the tests alone."""
    for variable in tuple(os.environ):
        if variable.startswith(("SIGNALWIRE_", "RELAY_")):
            monkeypatch.delenv(variable)
    for variable, value in CREDENTIALS.items():
        monkeypatch.setenv(variable, value)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def lab(
    certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> Generator[Callable[..., Lab]]:
    """A function that opens a lab with the given lines."""
    with ExitStack() as stack:
        yield lambda *lines, **changes: stack.enter_context(
            open_lab(certificates, monkeypatch, lines, **changes)
        )
