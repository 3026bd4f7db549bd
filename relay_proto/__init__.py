"""The RELAY protocol as a pure state machine: bytes and time in, outputs out.

No sockets, no clock, no randomness of its own. The adapters `relay_anyio` and
`relay_sync` stand on it; a program for another kind of I/O can, too: see
``docs/architecture.md``.
"""

from ._version import __version__
from .api import commands
from .client import ClientCore
from .config import ClientConfig, Credentials, Limits, Secret, Timing, resolve_config

__all__ = [
    "ClientConfig",
    "ClientCore",
    "Credentials",
    "Limits",
    "Secret",
    "Timing",
    "__version__",
    "commands",
    "resolve_config",
]
