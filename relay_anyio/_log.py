"""What the log says: outputs of the core, in words. No secret gets this far unmasked."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final

from relay_proto.outputs import (
    Connected,
    ConnectFailed,
    Disconnected,
    Dropped,
    FrameTraced,
    Ignored,
    OfferRefused,
    Output,
    PeerViolation,
)

ENV_LOG_LEVEL: Final = "SIGNALWIRE_LOG_LEVEL"

logger = logging.getLogger("relay_anyio")


def log_link(host: str, output: Connected | Disconnected) -> None:
    match output:
        case Connected(resumed):
            logger.info("connected to %s (%s session)", host, "resumed" if resumed else "new")
        case Disconnected(None, _):
            logger.info("disconnected from %s", host)
        case Disconnected(error, delay):
            logger.warning("lost %s: %s; trying again in %.1f s", host, error, delay)


def log_output(host: str, output: Output) -> None:
    match output:
        case ConnectFailed(error, attempt, None):
            logger.warning("attempt %d failed: %s", attempt, error)
        case ConnectFailed(error, attempt, delay):
            logger.warning("attempt %d failed: %s; trying again in %.1f s", attempt, error, delay)
        case OfferRefused(call_id, reason):
            logger.error("call %s was passed back: %s", call_id, reason)
        case PeerViolation(reason):
            logger.warning("%s broke the protocol: %s", host, reason)
        case Dropped(reason):
            logger.error("%s", reason)
        case Ignored(reason):
            logger.debug("ignored: %s", reason)
        case FrameTraced(sent, text):
            logger.debug("%s %s", ">" if sent else "<", text)
        case _:
            raise AssertionError(f"{output} is not for the log")


def set_log_level(environ: Mapping[str, str]) -> None:
    """Obey `SIGNALWIRE_LOG_LEVEL`; without it, logging is the application's affair."""
    level = logging.getLevelNamesMapping().get(environ.get(ENV_LOG_LEVEL, "").upper())
    if level is not None:
        logger.setLevel(level)
        if not logger.hasHandlers():
            logging.basicConfig(level=level)
