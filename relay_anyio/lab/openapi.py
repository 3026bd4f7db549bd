"""The OpenAPI document, made from the table of routes and the types that it names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from inspect import cleandoc
from typing import Any, Final

import msgspec

from relay_proto import __version__

from .asked import Query, Route
from .shapes import Error, Shape

REF: Final = "#/components/schemas/{name}"
WORDS: Final = {
    400: "The query or the body is not valid.",
    401: "The token is missing, of a lab that has one.",
    403: "The Host or the Origin is not allowed.",
    404: "There is no such thing.",
    409: "This cannot be done now.",
    408: "The body has not come in time.",
    413: "The body is too large.",
    415: "The body is of another type.",
    503: "There are too many readers.",
}
FOR_ALL: Final = (401, 403)
TITLES: Final = {
    "id": "the id of a call, or `last`: the newest one that is up, or else the newest one",
    "number": "a telephone number, or another address",
    "name": "the name of a file",
}
STREAM: Final = (
    "Server-sent events. Each has an `event`, an `id` and `data` in JSON: `happened` (Event), "
    "`call`, `phone`, `text`, `program`, `number`, `faults`, `frame` (only with `frames`), "
    "`reset`, and `dropped`, with the number of entries that this reader was too slow for. After "
    "`dropped` and `reset`, get `/api/state` again."
)


def document(routes: Iterable[Route]) -> dict[str, Any]:
    """Return the document as JSON values."""
    routes = tuple(routes)
    types = {kind for route in routes for kind in (route.body, route.answer) if kind is not None}
    _, schemas = msgspec.json.schema_components([*types, Error], ref_template=REF)
    paths: dict[str, Any] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "relay lab",
            "version": __version__,
            "description": "The phone lab of relay-proto: calls, texts and faults for tests.",
        },
        "paths": paths,
        "components": {
            "schemas": {name: _described(schemas[name]) for name in sorted(schemas)},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],
    }


def _described(schema: dict[str, Any]) -> dict[str, Any]:
    words = schema.get("description")
    return {**schema, "description": cleandoc(words)} if words else schema


def _operation(route: Route) -> dict[str, Any]:
    problems = {400, *FOR_ALL, *route.problems}
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.does,
        "parameters": [*_path_parameters(route.path), *_query_parameters(route.query)],
        "responses": {str(route.status): _success(route.answer)},
    }
    if route.body is not None:
        problems |= {408, 413, 415}
        media = ["application/json", *(["application/toml"] if route.toml else [])]
        schema = _ref(route.body)
        operation["requestBody"] = {
            "required": True,
            "content": {kind: {"schema": schema} for kind in media},
        }
    for status in sorted(problems):
        content = {"application/json": {"schema": _ref(Error)}}
        operation["responses"][str(status)] = {"description": WORDS[status], "content": content}
    return operation


def _success(answer: type[Shape] | None) -> dict[str, Any]:
    if answer is None:
        content: dict[str, Any] = {"text/event-stream": {"schema": {"type": "string"}}}
        return {"description": STREAM, "content": content}
    content = {"application/json": {"schema": _ref(answer)}}
    return {"description": cleandoc(answer.__doc__ or ""), "content": content}


def _path_parameters(path: str) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": TITLES[name],
            "schema": {"type": "string", "minLength": 1, "maxLength": 100},
        }
        for name in re.findall(r"\{(\w+)\}", path)
    ]


def _query_parameters(query: type[Query]) -> list[dict[str, Any]]:
    schema = msgspec.json.schema_components([query], ref_template=REF)[1][query.__name__]
    return [
        {"name": name, "in": "query", "required": False, "schema": _without_null(inner)}
        for name, inner in schema["properties"].items()
    ]


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a parameter: what is not given is left out, and never null."""
    kinds = [one for one in schema.get("anyOf", []) if one != {"type": "null"}]
    return kinds[0] if kinds else schema


def _ref(kind: type[msgspec.Struct]) -> dict[str, str]:
    return {"$ref": REF.format(name=kind.__name__)}
