"""Variables: the environment variables that a client reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

ENV_PROJECT: Final = "SIGNALWIRE_PROJECT_ID"
ENV_TOKEN: Final = "SIGNALWIRE_API_TOKEN"  # the name of a variable, not a token
ENV_JWT: Final = "SIGNALWIRE_JWT_TOKEN"
ENV_HOST: Final = "SIGNALWIRE_SPACE"
ENV_CA_FILE: Final = "SIGNALWIRE_RELAY_CA_FILE"
ENV_MAX_CALLS: Final = "RELAY_MAX_ACTIVE_CALLS"
ENV_MAX_CONNECTIONS: Final = "RELAY_MAX_CONNECTIONS"
ENV_LOG_LEVEL: Final = "SIGNALWIRE_LOG_LEVEL"
ENV_RECORD: Final = "RELAY_RECORD"
ENV_SHOW_PERSONAL: Final = "RELAY_SHOW_PERSONAL_DATA"
_YES: Final = frozenset({"1", "true", "yes", "on"})


def positive_from(environ: Mapping[str, str], variable: str, default: int) -> int:
    """Return the whole number in a variable, at least 1; `default` if there is none."""
    try:
        return max(1, int(environ.get(variable) or default))
    except ValueError:
        return default


def is_on(environ: Mapping[str, str], variable: str) -> bool:
    """Return whether a variable switches something on: ``1``, ``true``, ``yes`` or ``on``."""
    return environ.get(variable, "").strip().lower() in _YES
