"""The logger that everything here writes to."""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from relay_proto.adapter.logs import Log

log: Final = Log(logging.getLogger("relay_anyio"))


@contextmanager
def quiet_log() -> Generator[None]:
    """Without handlers, the standard library shows warnings: here they say what an error says."""
    nobody = logging.NullHandler()
    log.logger.addHandler(nobody)
    try:
        yield
    finally:
        log.logger.removeHandler(nobody)
