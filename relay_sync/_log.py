"""The log of this package, and the variable that sets its level."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from relay_proto.config import ENV_LOG_LEVEL
from relay_proto.narration import narrate
from relay_proto.outputs import Output

logger = logging.getLogger("relay_sync")


def log_output(host: str, output: Output) -> None:
    """Write down what the core reports."""
    level, words = narrate(host, output)
    logger.log(level, "%s", words)


def set_log_level(environ: Mapping[str, str]) -> None:
    """Obey `SIGNALWIRE_LOG_LEVEL`; without it, logging is the application's affair."""
    level = logging.getLevelNamesMapping().get(environ.get(ENV_LOG_LEVEL, "").upper())
    if level is not None:
        logger.setLevel(level)
        if not logger.hasHandlers():
            logging.basicConfig(level=level)
