"""The routes of the API: the one table of them. The OpenAPI document is made from it."""

from __future__ import annotations

from typing import Final

from . import handlers as do
from . import shapes
from .asked import Route

ROUTES: Final = (
    Route(method="GET", path="/api/state", handle=do.get_state, answer=shapes.State),
    Route(
        method="GET",
        path="/api/events",
        handle=do.get_events,
        answer=shapes.Events,
        query=do.EventsQuery,
    ),
    Route(
        method="GET",
        path="/api/stream",
        handle=do.get_stream,
        answer=None,
        query=do.StreamQuery,
        problems=(503,),
    ),
    Route(
        method="GET",
        path="/api/frames",
        handle=do.get_frames,
        answer=shapes.Frames,
        query=do.FramesQuery,
    ),
    Route(method="GET", path="/api/calls", handle=do.get_calls, answer=shapes.Calls),
    Route(
        method="POST",
        path="/api/calls",
        handle=do.place_call,
        answer=shapes.Call,
        body=shapes.NewCall,
        status=201,
    ),
    Route(
        method="GET",
        path="/api/calls/{id}",
        handle=do.get_call,
        answer=shapes.Call,
        query=do.CallQuery,
        problems=(404,),
    ),
    Route(
        method="POST",
        path="/api/calls/{id}/answer",
        handle=do.answer,
        answer=shapes.Call,
        body=shapes.Nothing,
        problems=(404, 409),
    ),
    Route(
        method="POST",
        path="/api/calls/{id}/decline",
        handle=do.decline,
        answer=shapes.Call,
        body=shapes.Nothing,
        problems=(404, 409),
    ),
    Route(
        method="POST",
        path="/api/calls/{id}/hangup",
        handle=do.hang_up,
        answer=shapes.Call,
        body=shapes.Nothing,
        problems=(404, 409),
    ),
    Route(
        method="POST",
        path="/api/calls/{id}/press",
        handle=do.press,
        answer=shapes.Call,
        body=shapes.Press,
        problems=(404, 409),
    ),
    Route(
        method="POST",
        path="/api/calls/{id}/say",
        handle=do.say,
        answer=shapes.Call,
        body=shapes.Say,
        problems=(404, 409),
    ),
    Route(method="GET", path="/api/phones", handle=do.get_phones, answer=shapes.Phones),
    Route(
        method="POST",
        path="/api/phones",
        handle=do.add_phone,
        answer=shapes.Phone,
        body=shapes.NewPhone,
        status=201,
        problems=(409,),
    ),
    Route(
        method="DELETE",
        path="/api/phones/{number}",
        handle=do.remove_phone,
        answer=shapes.Phone,
        problems=(404,),
    ),
    Route(method="GET", path="/api/texts", handle=do.get_texts, answer=shapes.Texts),
    Route(
        method="POST",
        path="/api/texts",
        handle=do.send_text,
        answer=shapes.Text,
        body=shapes.NewText,
        status=201,
    ),
    Route(method="GET", path="/api/programs", handle=do.get_programs, answer=shapes.Programs),
)
