"""The events, under the name that the compatible API gives this module.

Public: for applications, which may also import the names from `relay_anyio`.
"""

from relay_proto.api import public_events
from relay_proto.api.public_events import *  # noqa: F403 - what is listed there

__all__: list[str] = []
__all__ += public_events.__all__
