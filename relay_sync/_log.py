"""The logger that everything here writes to."""

from __future__ import annotations

import logging
from typing import Final

from relay_proto.adapter.logs import Log

log: Final = Log(logging.getLogger("relay_sync"))
