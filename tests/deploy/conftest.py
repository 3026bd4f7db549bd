"""What the tests of deployments share: the phone lab, and an environment for its clients."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest

from relay_proto.exchange import ExchangeTiming
from tests.adapters.support import Certificates
from tests.recipes.lab import Lab, open_lab


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def lab(certificates: Certificates, monkeypatch: pytest.MonkeyPatch) -> Generator[Lab]:
    """A lab in which prompts take as long as in life. Its variables are set for processes."""
    for variable in tuple(os.environ):
        if variable.startswith(("SIGNALWIRE_", "RELAY_")):
            monkeypatch.delenv(variable)
    with open_lab(certificates, monkeypatch, timing=ExchangeTiming()) as opened:
        yield opened
