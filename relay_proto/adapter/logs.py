"""Logs: what the core reports goes to the logger of an adapter; the environment sets its level."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from ..config import ENV_LOG_LEVEL
from ..outputs import Output
from .narration import narrate


def log_output(logger: logging.Logger, host: str, output: Output) -> None:
    """Write down what the core reports about `host`."""
    level, words = narrate(host, output)
    logger.log(level, "%s", words)


def set_log_level(logger: logging.Logger, environ: Mapping[str, str]) -> None:
    """Obey `SIGNALWIRE_LOG_LEVEL`. Without it, logging is up to the application."""
    level = logging.getLevelNamesMapping().get(environ.get(ENV_LOG_LEVEL, "").upper())
    if level is not None:
        logger.setLevel(level)
        if not logger.hasHandlers():
            logging.basicConfig(level=level)
