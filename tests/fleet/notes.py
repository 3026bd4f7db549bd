"""Notes: what a worker tells the fleet about itself, as lines of JSON on its output."""

from __future__ import annotations

import json
import os


def note(**facts: object) -> None:
    """Write one line, at once and whole, even if several workers share the output."""
    line = json.dumps({"pid": os.getpid(), **facts}) + "\n"
    os.write(1, line.encode())
