"""The blocking RELAY client: threads and sockets, without an event loop.

What `relay_anyio` does with ``await`` this does without, under the same names;
``docs/migrating.md`` says how the two compare.

Public: for applications.
"""

from relay_proto.api import public
from relay_proto.api.public import *  # noqa: F403 - what is listed there

from ._calls import InboundCalls
from .action import (
    Action,
    AIAction,
    CollectAction,
    DetectAction,
    FaxAction,
    PayAction,
    PlayAction,
    RecordAction,
    StandaloneCollectAction,
    StreamAction,
    TapAction,
    TranscribeAction,
)
from .call import Call
from .client import RelayClient
from .message import Message

__all__ = [
    "AIAction",
    "Action",
    "Call",
    "CollectAction",
    "DetectAction",
    "FaxAction",
    "InboundCalls",
    "Message",
    "PayAction",
    "PlayAction",
    "RecordAction",
    "RelayClient",
    "StandaloneCollectAction",
    "StreamAction",
    "TapAction",
    "TranscribeAction",
]
__all__ += public.__all__
