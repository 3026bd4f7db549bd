"""The logger that everything here writes to."""

from __future__ import annotations

import logging
from typing import Final

logger: Final = logging.getLogger("relay_sync")
