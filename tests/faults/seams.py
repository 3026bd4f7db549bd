"""Seams: the public places of the core where a test may plant a fault.

A seam is one public function or method, with plain words for what happens there. The
tests replace no part of the core at any other place. Modules of the adapters are private,
so there a seam is what such a module has for others. So when a part is renamed, or its
parameters change, this module fails first, and is the only one to mend.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final, TypeAlias

from relay_proto.calls.calls import Calls
from relay_proto.calls.farewells import Farewells
from relay_proto.calls.recent import Recent
from relay_proto.calls.subjects import ActionVerb
from relay_proto.client import ClientCore
from relay_proto.core import OutputQueue
from relay_proto.dispatch import Dispatch
from relay_proto.link.backoff import Backoff
from relay_proto.link.liveness import Liveness
from relay_proto.link.requests import Requests
from relay_proto.link.resume import Resume
from relay_proto.link.session import Session
from relay_proto.recorder.replay import replay
from relay_proto.rpc.event_base import build_event
from relay_proto.rpc.frames import decode_frame, decode_server_frame, encode_reply
from relay_proto.rpc.masking import Scrubber
from relay_proto.timers import Deadlines
from relay_proto.transitions import forward
from relay_proto.wire.long_path import LongPath
from relay_proto.wire.short_path import Splitter, is_utf8
from relay_proto.wire.size_limit import MessageLimit
from relay_proto.wire.websocket import Wire

Function: TypeAlias = Callable[..., Any]

ADAPTERS: Final = ("relay_anyio", "relay_sync")
SEARCHED: Final = ("relay_proto", *ADAPTERS, "tests")
"""The packages whose modules may have imported a function by name."""


@dataclass(frozen=True, slots=True)
class Seam:
    """One public function or method of the core or an adapter, and what happens there.

    Raises:
        ValueError: it is not public, or its module or class does not define it.
    """

    original: Function
    what: str

    def __post_init__(self) -> None:
        of_adapter = self.original.__module__.partition(".")[0] in ADAPTERS
        name = self.original.__qualname__ if of_adapter else str(self)
        if any(part.startswith("_") for part in name.split(".")):
            raise ValueError(f"{self} is not public")
        if vars(self._owner).get(self._name) is not self.original:
            raise ValueError(f"{self._owner} does not define {self._name}")

    def __str__(self) -> str:
        return f"{self.original.__module__}.{self.original.__qualname__}"

    @contextmanager
    def replaced(self, by: Function) -> Generator[None]:
        """Let `by` take the place of the original, until the block ends.

        `by` gets what it replaces as its first argument, and then the arguments of the call.

        Raises:
            TypeError: behind the first one, `by` has other parameters than the original.
        """
        wanted, (_, *found) = _parameters(self.original), _parameters(by)
        if found != wanted:
            raise TypeError(f"{self} takes {wanted}, but what replaces it takes {found}")
        before: Function = vars(self._owner)[self._name]

        def replacement(*args: Any, **kwargs: Any) -> Any:
            return by(before, *args, **kwargs)

        self._exchange(before, replacement)
        try:
            yield
        finally:
            self._exchange(replacement, before)

    def _exchange(self, old: Function, new: Function) -> None:
        """Put `new` where `old` is: a function may have been imported by many modules."""
        owner = self._owner
        for holder in [owner] if isinstance(owner, type) else _modules():
            for name in [name for name, value in vars(holder).items() if value is old]:
                setattr(holder, name, new)

    @property
    def _owner(self) -> type | ModuleType:
        """The class or the module that defines it."""
        owner: type | ModuleType = sys.modules[self.original.__module__]
        for name in self.original.__qualname__.split(".")[:-1]:
            owner = getattr(owner, name)
        return owner

    @property
    def _name(self) -> str:
        return self.original.__name__


def _parameters(function: Function) -> list[str]:
    """The parameters of a function, without their types."""
    empty = inspect.Parameter.empty
    parameters = inspect.signature(function).parameters.values()
    return [f"{one.replace(annotation=empty)} ({one.kind.description})" for one in parameters]


def _modules() -> list[ModuleType]:
    loaded = tuple(sys.modules.items())
    return [module for name, module in loaded if name.partition(".")[0] in SEARCHED]


# The session
SEND: Final = Seam(Session.send, "the session writes a frame")
SESSION_TIMER: Final = Seam(Session.handle_timer, "a deadline of the session has come")
TRANSPORT_CLOSED: Final = Seam(Session.transport_closed, "a byte stream has ended")
NEXT_DELAY: Final = Seam(Backoff.next_delay, "the delay before the next attempt is drawn")
COUNT_REFUSAL: Final = Seam(Backoff.count_refusal, "a refusal of the credentials is counted")
REMEMBER_STATE: Final = Seam(Resume.remember, "the newest authorization state is kept")
PROBE: Final = Seam(Liveness.probe, "a peer that may be dead is asked")
HEARD: Final = Seam(Liveness.heard, "the peer has sent something")

# Requests
CHECK_ROOM: Final = Seam(Requests.check_room, "a new request needs a place")
LOSE_SENT: Final = Seam(Requests.lose_sent, "the requests of a lost session are given up")
LOSE_QUEUED: Final = Seam(Requests.lose_queued, "requests that were never sent are given up")
SAY_FAREWELL: Final = Seam(Dispatch.say_farewell, "legs that nobody wants are hung up")
NEEDLESS: Final = Seam(ActionVerb.settle_if_needless, "a verb has waited for a session")

# Outputs and time
RESOLVE: Final = Seam(OutputQueue.resolve, "a wait ends with a result")
BEGIN_FAREWELLS: Final = Seam(Farewells.begin, "a new session is asked again for what was lost")
PASS_BACK: Final = Seam(Farewells.pass_back, "calls that nobody takes are passed back")
PUSH: Final = Seam(OutputQueue.push, "an output is queued")
CLOSE: Final = Seam(OutputQueue.close, "the end of a transport is queued")
RECEIVE_DATA: Final = Seam(ClientCore.receive_data, "bytes reach the core")
HANDLE_TIMER: Final = Seam(ClientCore.handle_timer, "the core is told the time")
POP_DUE: Final = Seam(Deadlines[Any].pop_due, "the next deadline that has come is taken out")
CLEAR_ALL: Final = Seam(Deadlines[Any].clear_all, "all deadlines are removed")

# Calls and events
FIRST_TIME: Final = Seam(Recent[Any].add, "an event is told from one that came before")
UPDATE: Final = Seam(Calls.update, "a call moves to the state that an event reports")
FORWARD: Final = Seam(forward, "the later one of two states is chosen")
COMPLETE: Final = Seam(Calls.complete, "an action gets its result")
END_ALL: Final = Seam(Calls.end_all, "all calls end with their session")
BUILD_EVENT: Final = Seam(build_event, "the body of an event is decoded")

# Frames
DECODE_SERVER_FRAME: Final = Seam(decode_server_frame, "a message of a server is decoded")
DECODE_FRAME: Final = Seam(decode_frame, "a message is decoded step by step")
ENCODE_REPLY: Final = Seam(encode_reply, "a reply is encoded")
SHOW_FRAME: Final = Seam(Scrubber.frame, "a frame is made fit for a log")

# The WebSocket
WIRE_RECEIVE: Final = Seam(Wire.receive, "bytes reach the WebSocket")
WIRE_END: Final = Seam(Wire.receive_eof, "the byte stream under the WebSocket ends")
RECEIVE_HEAD: Final = Seam(LongPath.receive_head, "the head of the upgrade is read")
LONG_PATH: Final = Seam(LongPath.receive, "wsproto gets a part of the stream")
MESSAGE_LIMIT: Final = Seam(MessageLimit.frame_inbound_header, "the length of a frame is checked")
SPLIT: Final = Seam(Splitter.next, "ordinary frames are separated from others")
CHECK_UTF8: Final = Seam(is_utf8, "a text is checked for UTF-8")

# Recordings
REPLAY: Final = Seam(replay, "a recording is replayed")
