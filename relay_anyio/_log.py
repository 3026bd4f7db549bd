"""The log of this package, and the variable that sets its level.

`logging` is loaded with the first client, not with the package.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from relay_proto.adapter.narration import narrate
from relay_proto.config import ENV_LOG_LEVEL
from relay_proto.outputs import Output

if TYPE_CHECKING:
    from logging import Logger

DEBUG: Final = 10
"""As in `logging`."""


@functools.cache
def log() -> Logger:
    """The logger that everything here writes to."""
    import logging  # noqa: PLC0415 - a program that is only imported does without it

    return logging.getLogger("relay_anyio")


def log_output(host: str, output: Output) -> None:
    """Write down what the core reports."""
    level, words = narrate(host, output)
    log().log(level, "%s", words)


def set_log_level(environ: Mapping[str, str]) -> None:
    """Obey `SIGNALWIRE_LOG_LEVEL`; without it, logging is the application's affair."""
    import logging  # noqa: PLC0415 - as above

    level = logging.getLevelNamesMapping().get(environ.get(ENV_LOG_LEVEL, "").upper())
    if level is not None:
        log().setLevel(level)
        if not log().hasHandlers():
            logging.basicConfig(level=level)
