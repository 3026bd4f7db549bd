"""The application: the routes, the page, and what a request must be, over ASGI."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import anyio
import msgspec
from starlette.applications import Starlette
from starlette.convertors import Convertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount
from starlette.routing import Route as ServedRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from relay_proto.exchange import explained

from ..simulator.files import FileMissingError, type_of
from .asked import Asked, Query, Route
from .errors import LabError
from .guard import Guard
from .lab import Lab
from .openapi import document
from .routes import ROUTES
from .shapes import Error
from .stream import Stream

PAGE: Final = Path(__file__).parent / "page"
MOST_NUMBER: Final = 100
MOST_BODY: Final = 1024 * 1024
BODY_TIMEOUT: Final = 30.0
"""Seconds until a body must have come."""
JSON: Final = "application/json"
TOML: Final = "application/toml"
NUMBER: Final = re.compile(r"[0-9]{1,15}")


class _Number(Convertor[str]):
    """A number in a path. It may be an address with slashes in it, and any text in a mistake."""

    regex = "(?s:.*)"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("number", _Number())


def make_app(lab: Lab, guard: Guard) -> ASGIApp:
    """Return the whole application."""
    files = ServedRoute("/api/files/{name}", _File(lab), methods=["GET"])
    return guard.protect(_application(ROUTES, lab, [files]))


def make_view(routes: Iterable[Route], guard: Guard) -> ASGIApp:
    """Return the page with other routes, which need no lab."""
    return guard.protect(_application(routes, None, []))


def _application(
    routes: Iterable[Route], lab: Lab | None, others: Sequence[ServedRoute]
) -> Starlette:
    async def openapi(_request: Request) -> Response:
        return Response(msgspec.json.encode(document(table)), media_type=JSON)

    table = tuple(routes)
    served: list[ServedRoute | Mount] = [
        ServedRoute("/", _page, methods=["GET"]),
        Mount("/static", StaticFiles(directory=PAGE)),
        ServedRoute("/api/openapi.json", openapi, methods=["GET"]),
        *others,
    ]
    by_path: dict[str, dict[str, Route]] = {}
    for route in table:
        by_path.setdefault(route.path, {})[route.method] = route
    served += [
        ServedRoute(path.replace("{number}", "{number:number}"), _Served(lab, rows))
        for path, rows in by_path.items()
    ]
    app = Starlette(routes=served, exception_handlers={HTTPException: _not_found})
    app.router.redirect_slashes = False
    return app


class _Served:
    """The routes of one path."""

    def __init__(self, lab: Any, routes: dict[str, Route]) -> None:
        """`lab` is what the handlers of these routes ask: None if they ask none."""
        self._lab = lab
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            response = await self._answer(Request(scope, receive))
        except LabError as error:
            response = error_response(error.status, str(error), error.where)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> ASGIApp:
        method = "GET" if request.method == "HEAD" else request.method
        route = self._routes.get(method)
        if route is None:
            allowed = ", ".join(self._routes)
            return error_response(
                405,
                f"{request.method} does nothing here: this path takes {allowed}",
                headers={"allow": allowed},
            )
        if len(request.path_params.get("number", "1")) not in range(1, MOST_NUMBER + 1):
            raise LabError(400, f"a number has from 1 to {MOST_NUMBER} characters", "path")
        query = _query(request, route)
        body = None if route.body is None else await _body(request, route.body, toml=route.toml)
        last = request.headers.get("last-event-id", "")
        last_id = int(last) if NUMBER.fullmatch(last) else None
        result = route.handle(Asked(self._lab, request.path_params, query, body, last_id))
        if isinstance(result, Stream):
            return _EventStream(result)
        return Response(msgspec.json.encode(result), route.status, media_type=JSON)


class _File:
    """The route of recordings, faxes and voicemails: the same as on the port for programs."""

    def __init__(self, lab: Lab) -> None:
        self._files = lab.simulator.files

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        name = scope["path_params"]["name"]
        await (await self._answer(name))(scope, receive, send)

    async def _answer(self, name: str) -> Response:
        if self._files is None:
            return error_response(404, "this lab keeps no files", "path.name")
        try:
            path = await self._files.path(name)
            return FileResponse(path, media_type=type_of(name), stat_result=path.stat())
        except (FileMissingError, OSError) as error:
            return error_response(404, str(error), "path.name")


class _EventStream:
    """The response that is a stream. It ends when the reader goes or the lab closes."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        headers = [
            (b"content-type", b"text/event-stream; charset=utf-8"),
            (b"cache-control", b"no-store"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})

        async def send_part(data: bytes) -> None:
            await send({"type": "http.response.body", "body": data, "more_body": True})

        async def leave() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            tasks.cancel_scope.cancel()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(leave)
            await self._stream.send_all(send_part)
            await send({"type": "http.response.body", "body": b""})
            tasks.cancel_scope.cancel()


def error_response(
    status: int, words: str, where: str = "", headers: dict[str, str] | None = None
) -> Response:
    """Return a response that says what was wrong."""
    body = msgspec.json.encode(Error(error=words, where=where))
    return Response(body, status, headers, media_type=JSON)


async def _page(_request: Request) -> Response:
    return FileResponse(PAGE / "index.html")


async def _not_found(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        words = f"there is nothing at {request.url.path}: GET /api/openapi.json lists all paths"
        return error_response(404, words, "path")
    return error_response(error.status_code, error.detail)


def _query(request: Request, route: Route) -> Query:
    given = dict(request.query_params)
    try:
        return msgspec.convert(given, route.query, strict=False)
    except msgspec.ValidationError as error:
        where, words = _explained(error, route.query, "query")
        raise LabError(400, words, where) from None


async def _body(request: Request, kind: type[msgspec.Struct], *, toml: bool) -> msgspec.Struct:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    allowed = (JSON, TOML) if toml else (JSON,)
    if media_type not in allowed:
        words = f"send the body with the header content-type: {' or '.join(allowed)}"
        raise LabError(415, words, "headers.content-type")
    data = await _read(request)
    try:
        if media_type == TOML:
            return msgspec.convert(tomllib.loads(data.decode()), kind)
        return msgspec.json.decode(data or b"{}", type=kind)
    except msgspec.ValidationError as error:
        where, words = _explained(error, kind, "body")
        raise LabError(400, words, where) from None
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise LabError(400, f"the body is not {media_type}: {error}", "body") from None


async def _read(request: Request) -> bytes:
    parts: list[bytes] = []
    size = 0
    try:
        with anyio.fail_after(BODY_TIMEOUT):
            async for part in request.stream():
                size += len(part)
                if size > MOST_BODY:
                    words = f"the body is larger than {MOST_BODY} bytes: send less"
                    raise LabError(413, words, "body")
                parts.append(part)
    except TimeoutError:
        words = f"the body has not come within {BODY_TIMEOUT:g} s: send all of it"
        raise LabError(408, words, "body") from None
    return b"".join(parts)


def _explained(
    error: msgspec.ValidationError, kind: type[msgspec.Struct], part: str
) -> tuple[str, str]:
    """Return where something is wrong, and what."""
    words = str(error)
    path = words.partition(" - at `$")[2].rstrip("`")
    return f"{part}{path}", explained(words, kind)
