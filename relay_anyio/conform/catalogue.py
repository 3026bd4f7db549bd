"""The catalogue: all checks, in the order of the report."""

from __future__ import annotations

from typing import Final

from . import calls, events, frames, handshake, links, liveness, stopping
from .checks import Check

CATALOGUE: Final[tuple[Check, ...]] = (
    *handshake.CHECKS,
    *frames.CHECKS,
    *events.CHECKS,
    *calls.CHECKS,
    *liveness.CHECKS,
    *links.CHECKS,
    *stopping.CHECKS,
)
