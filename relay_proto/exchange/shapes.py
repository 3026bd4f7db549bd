"""JSON values with limits, which many methods take.

The decoder refuses a value outside its limits. Its message says where the value is.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

import msgspec

Name: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
"""An id, a number, an address, a context."""
Seconds: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=86_400)]
Decibels: TypeAlias = Annotated[float, msgspec.Meta(ge=-40, le=40)]
