"""The lab for a test: a real one, with its API on loopback, and a certificate authority."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Protocol

import pytest

from relay_anyio.simulator import Authority
from tests.lab.harness import LabRunner, running


class Start(Protocol):
    """Starts a lab, with a token or without one."""

    def __call__(self, *, token: str = "") -> LabRunner: ...


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def start(authority: Authority) -> Iterator[Start]:
    """Starts labs that end with the test."""
    with ExitStack() as stack:

        def start(*, token: str = "") -> LabRunner:
            return stack.enter_context(running(authority, token=token))

        yield start


@pytest.fixture
def lab(start: Start) -> LabRunner:
    """A lab without a program."""
    return start()


@pytest.fixture(scope="module")
def shared(authority: Authority) -> Iterator[LabRunner]:
    """One lab for all examples of a test."""
    with running(authority) as runner:
        yield runner
