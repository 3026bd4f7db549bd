"""The viewer: the page of the lab for a recording. Nothing can be changed in it."""

from __future__ import annotations

import os
import sys
import threading
import webbrowser
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import islice
from typing import Final, TypeVar

import anyio

from .._output import OUTPUT
from .._signals import stop_signals
from .app import make_view
from .asked import Asked, Query, Route
from .guard import Guard
from .handlers import EventsQuery, FramesQuery, Since, StreamQuery
from .recorded import Recorded
from .server import listen, serve
from .shapes import Calls, Event, Events, Frame, Frames, Programs, State
from .stream import Hub, Reader, Stream

HOST: Final = "127.0.0.1"
NAMES: Final = ("127.0.0.1", "localhost")
DISPLAYS: Final = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")

T = TypeVar("T", Event, Frame)


def routes_of(recorded: Recorded, hub: Hub) -> tuple[Route, ...]:
    """Return the routes that a page needs to show a recording."""

    def get_state(_asked: Asked[Query, None]) -> State:
        """Return everything but events and frames at once, for a page that opens."""
        return recorded.state()

    def get_calls(_asked: Asked[Query, None]) -> Calls:
        """Return all calls of the recording."""
        return Calls(calls=list(recorded.calls))

    def get_programs(_asked: Asked[Query, None]) -> Programs:
        """Return the runs of the client that are recorded."""
        return Programs(programs=recorded.programs)

    def get_events(asked: Asked[EventsQuery, None]) -> Events:
        """Return what happened, the oldest events first."""
        query = asked.query

        def fits(event: Event) -> bool:
            return (
                query.call in ("", event.call)
                and query.who in ("", event.who)
                and query.what in ("", event.what)
                and (not query.number or query.number in event.details.values())
            )

        found = (event for _, event in recorded.events.after(query.after or 0) if fits(event))
        events = _part(found, query)
        return Events(events=events, last_id=recorded.last_id, forgotten=recorded.events.forgotten)

    def get_frames(asked: Asked[FramesQuery, None]) -> Frames:
        """Return the frames between the client and the service, the oldest ones first."""
        query = asked.query
        found = (
            frame
            for _, frame in recorded.frames.after(query.after or 0)
            if query.call in ("", frame.call) and query.program in ("", frame.program)
        )
        frames = _part(found, query)
        return Frames(frames=frames, last_id=recorded.last_id, forgotten=recorded.frames.forgotten)

    def get_stream(_asked: Asked[StreamQuery, None]) -> Stream:
        """Stay open, and send nothing: a recording does not change."""
        return Stream(hub, Reader(frames=False), lambda: None)

    return (
        Route(method="GET", path="/api/state", handle=get_state, answer=State),
        Route(method="GET", path="/api/calls", handle=get_calls, answer=Calls),
        Route(method="GET", path="/api/programs", handle=get_programs, answer=Programs),
        Route(
            method="GET", path="/api/events", handle=get_events, answer=Events, query=EventsQuery
        ),
        Route(
            method="GET", path="/api/frames", handle=get_frames, answer=Frames, query=FramesQuery
        ),
        Route(method="GET", path="/api/stream", handle=get_stream, answer=None, query=StreamQuery),
    )


def show(recorded: Recorded, port: int | None) -> None:
    """Serve the page until Ctrl+C or SIGTERM, and open a browser if there is one.

    Raises:
        OSError: the port cannot be used.
    """
    listener = listen(HOST, port)
    address = f"http://{HOST}:{listener.getsockname()[1]}/#timeline"

    async def run() -> None:
        hub = Hub()
        app = make_view(routes_of(recorded, hub), Guard(NAMES))
        async with stop_signals() as stopped, anyio.create_task_group() as tasks:
            await tasks.start(serve, app, hub, listener)
            print(f"The timeline of {recorded.name} is at {address}", file=OUTPUT)
            print("Ctrl+C ends it.", file=OUTPUT, flush=True)
            if has_browser(os.environ, sys.platform):
                # Some browsers keep whoever opens them waiting.
                threading.Thread(target=_open, args=(address,), daemon=True).start()
            async for _ in stopped:
                break
            tasks.cancel_scope.cancel()

    anyio.run(run)


def has_browser(environment: Mapping[str, str], platform: str) -> bool:
    """Whether a browser with a window can be opened. One in the terminal would take it over."""
    return platform in ("darwin", "win32") or any(map(environment.get, DISPLAYS))


def _open(address: str) -> None:
    with suppress(Exception):  # the address is printed, so nothing is lost
        webbrowser.open(address)


def _part(entries: Iterator[T], query: Since) -> list[T]:
    """Return the entries that are asked for: the newest ones, or those after an id."""
    if query.after is None:
        return list(deque(entries, maxlen=query.limit))
    return list(islice(entries, query.limit))
