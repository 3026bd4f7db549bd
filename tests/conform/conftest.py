"""Bad clients fail on purpose, hundreds of times: their logs would be all that one sees."""

from __future__ import annotations

import logging

import pytest


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL + 1, logger="relay_anyio")
