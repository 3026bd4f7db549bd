"""The async RELAY client, on asyncio and on trio.

A program written for ``signalwire.relay`` runs on it after its import is changed;
``docs/migrating.md`` says what behaves better.

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
