"""Streams: inbound calls that wait until they are pulled."""

# ruff: noqa: SLF001 - what handles keep for the adapters
# pyright: reportPrivateUsage=false

from __future__ import annotations

import abc
import threading
import weakref
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, Generic, Protocol, Self, TypeVar

from ..api.routes import CallRoute
from ..errors import ClientClosedError
from ..transitions import SessionState
from .engines import ClientEngine
from .handles import CallBase

C = TypeVar("C", bound=CallBase[Any, Any])


class Source(Protocol):
    """What a stream needs of the client whose calls it takes."""

    @property
    def _current(self) -> ClientEngine | None:
        """Its engine, if it has one."""
        ...

    def _check_belongs_here(self) -> None: ...
    def _routes_changed(self, *, wait: bool = True) -> None: ...
    def _post(self, function: Callable[[], object]) -> None: ...


class StreamBase(abc.ABC, Generic[C]):
    """Inbound calls, one after another.

    The collection of garbage may end one in any thread, and while the core is at work.
    """

    _open = False

    def __init__(self, client: Source) -> None:
        self._client = client
        self._closing = _Flag()
        self._route = CallRoute(
            _offer_to(weakref.ref(self)), at_once=True, is_closed=self._closing.is_set
        )
        self._offered: deque[C] = deque()
        self._lock = threading.RLock()
        self._open = True

    def __repr__(self) -> str:
        return f"<InboundCalls {'open' if self._open else 'closed'}, {len(self._offered)} waiting>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __del__(self) -> None:
        if self._open:
            self._closing.set()
            self._client._post(partial(_give_back, self._client, self._offered))

    def close(self) -> None:
        """Take no more calls, and pass back those that nobody has pulled."""
        if not self._open:
            return
        self._check_belongs_here()
        with self._lock:
            self._open = False
            self._closing.set()
            left = self._offered
            self._offered = deque()
        _give_back(self._client, left)
        self._wake()

    def _offer(self, call: C) -> None:
        """Keep a call until it is pulled."""
        with self._lock:
            is_open = self._open
            if is_open:
                self._offered = self._active()  # so there are never more than may be up
                self._offered.append(call)
                call._unpulled = True
        if is_open:
            self._wake()
        else:
            call._pass_back()

    def _check_belongs_here(self) -> None:
        self._client._check_belongs_here()

    def _forked(self, *, inherited: bool) -> None:
        """In a forked child: the calls of one that is `inherited` are the parent's."""
        self._lock = threading.RLock()
        self._open = self._open and not inherited

    @property
    def _engine(self) -> ClientEngine | None:
        """The engine that the client has now."""
        return self._client._current

    @abc.abstractmethod
    def _wake(self) -> None:
        """Let who waits for a call look again."""

    def _is_over(self, engine: ClientEngine | None) -> bool:
        """Whether no more calls come from `engine`, which the client had when somebody asked.

        By now the client may have connected again, with another one.
        """
        return not self._open or (engine is not None and not engine.alive)

    def _say_why(self, engine: ClientEngine | None) -> None:
        """Raise why the client has ended, if nobody has disconnected it."""
        failure = None if engine is None else engine.delivery.failure
        if self._open and failure is not None:
            raise failure.with_traceback(None)

    def _take(self, engine: ClientEngine | None) -> C | None:
        """The next call, or None while there is none.

        Raises:
            ClientClosedError: nobody has connected the client.
        """
        with self._lock:
            self._offered = self._active()
            if self._offered:
                call = self._offered.popleft()
                call._unpulled = False
                return call
        if engine is None or engine.core.state is SessionState.DISCONNECTED:
            raise ClientClosedError
        return None

    def _active(self) -> deque[C]:
        return deque(call for call in self._offered if call.is_active)


class _Flag:
    """A flag that takes no lock: the collection of garbage may set it, anywhere."""

    __slots__ = ("_set",)

    def __init__(self) -> None:
        self._set = False

    def set(self) -> None:
        self._set = True

    def is_set(self) -> bool:
        return self._set


def _give_back(client: Source, calls: deque[C]) -> None:
    client._routes_changed(wait=False)
    for call in calls:
        if call.is_active:
            call._pass_back()


def _offer_to(stream: weakref.ref[StreamBase[C]]) -> Callable[[C], None]:
    def offer(call: C) -> None:
        alive = stream()
        if alive is None:
            call._pass_back()
        else:
            alive._offer(call)

    return offer
