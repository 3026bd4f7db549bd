"""The protocol as data, ``relay.json``: what docs/protocol.md, sections 1 to 22, says in words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

SPEC: Final[dict[str, Any]] = json.loads(
    Path(__file__).with_name("relay.json").read_text(encoding="utf-8")
)
EVENTS: Final[dict[str, Any]] = SPEC["events"]
METHODS: Final[dict[str, Any]] = SPEC["methods"]
SESSION_METHODS: Final[dict[str, Any]] = SPEC["session"]["methods"]
ACTIONS: Final[dict[str, Any]] = SPEC["actions"]["classes"]
CONSTANTS: Final[dict[str, Any]] = SPEC["constants"]
