"""JSON values with limits, which many methods take.

The decoder refuses a value outside its limits. Its message says where the value is.

`Text` and those after it are the types of parameters without an effect in this network. They are
declared even so: the service refuses a value of the wrong type, so this network must do so, too.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec

from ..rpc.frames import JSONObject

Name: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
"""An id, a number, an address, a context."""
Seconds: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=86_400)]
Decibels: TypeAlias = Annotated[float, msgspec.Meta(ge=-40, le=40)]

Text: TypeAlias = str | None
Flag: TypeAlias = bool | None
Amount: TypeAlias = Annotated[float, msgspec.Meta(ge=0)] | None
Texts: TypeAlias = tuple[str, ...] | None
Object: TypeAlias = JSONObject | None
Objects: TypeAlias = tuple[JSONObject, ...] | None
Codecs: TypeAlias = (
    tuple[Literal["PCMU", "PCMA", "OPUS", "G729", "G722", "VP8", "H264"], ...] | None
)
HttpMethod: TypeAlias = Literal["GET", "POST"] | None
