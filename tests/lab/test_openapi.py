"""The OpenAPI document: what it says of each route is true, whatever it is asked."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote, urlencode

import msgspec
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from relay_anyio.lab.asked import Route
from relay_anyio.lab.openapi import document
from relay_anyio.lab.routes import ROUTES
from relay_anyio.lab.shapes import Error
from tests.lab.harness import LabRunner

Object = dict[str, Any]
DOCUMENT: Final = document(ROUTES)
NUMBERS: Final = st.sampled_from(["+15550002222", "+15550003333", "+15550000002", "sip:a@b"])


def test_the_document_is_served_and_names_every_route(lab: LabRunner) -> None:
    found = lab.get("/api/openapi.json")
    assert found == msgspec.json.decode(msgspec.json.encode(DOCUMENT))
    named = {(m.upper(), path) for path, item in found["paths"].items() for m in item}
    assert named == {(route.method, route.path) for route in ROUTES}
    assert len({route.name for route in ROUTES}) == len(ROUTES)
    assert all(route.does for route in ROUTES)


def test_every_reference_leads_somewhere_and_nothing_is_left_over() -> None:
    text = msgspec.json.encode(DOCUMENT).decode()
    named = set(re.findall(r'"#/components/schemas/(\w+)"', text))
    assert named == set(DOCUMENT["components"]["schemas"])


def values(schema: Object) -> st.SearchStrategy[Any]:
    """Values that a schema allows."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return st.deferred(lambda: values(DOCUMENT["components"]["schemas"][name]))
    if "anyOf" in schema:
        return st.one_of([values(one) for one in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    return SIMPLE[schema["type"]](schema)


def _objects(schema: Object) -> st.SearchStrategy[Any]:
    required = set(schema.get("required", ()))
    fields = {name: values(inner) for name, inner in schema.get("properties", {}).items()}
    return st.fixed_dictionaries(
        {name: fields[name] for name in fields if name in required},
        optional={name: fields[name] for name in fields if name not in required},
    )


def _texts(schema: Object) -> st.SearchStrategy[str]:
    if "pattern" in schema:
        pattern = re.compile(str(schema["pattern"]))
        return st.from_regex(pattern, fullmatch=True).filter(lambda text: len(text) <= 20)
    shortest = schema.get("minLength", 0)
    text = st.text(st.characters(codec="utf-8"), min_size=shortest, max_size=shortest + 10)
    return NUMBERS | text if "examples" in schema else text


SIMPLE: Final[dict[str, Callable[[Object], st.SearchStrategy[Any]]]] = {
    "object": _objects,
    "string": _texts,
    "array": lambda schema: st.lists(values(schema["items"]), max_size=3),
    "boolean": lambda schema: st.booleans(),
    "null": lambda schema: st.none(),
    "integer": lambda schema: st.integers(schema.get("minimum"), schema.get("maximum")),
    "number": lambda schema: st.floats(
        schema.get("minimum"), schema.get("maximum"), allow_nan=False, allow_infinity=False
    ),
}


@st.composite
def requests(draw: st.DrawFn, routes: list[Route]) -> tuple[Route, str, Any]:
    """A request that the document allows: what it is about may not exist."""
    route = draw(st.sampled_from(routes))
    operation = DOCUMENT["paths"][route.path][route.method.lower()]
    path = route.path
    query: Object = {}
    for parameter in operation["parameters"]:
        if parameter["in"] == "path":
            value = draw(NUMBERS | st.just("last") | values(parameter["schema"]))
            path = path.replace(f"{{{parameter['name']}}}", quote(value, safe="") or "x")
        elif draw(st.booleans()):
            value = draw(values(parameter["schema"]))
            query[parameter["name"]] = str(value).lower() if isinstance(value, bool) else value
    body = None
    if route.body is not None:
        content = operation["requestBody"]["content"]["application/json"]
        body = draw(values(content["schema"]))
    return route, f"{path}?{urlencode(query)}" if query else path, body


ORDINARY: Final = [route for route in ROUTES if route.answer is not None]
PUT_NUMBER: Final = next(
    route for route in ROUTES if (route.method, route.path) == ("PUT", "/api/numbers/{number}")
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(request=requests(ORDINARY))
@example(request=(PUT_NUMBER, "/api/numbers/%0A0", {}))
def test_every_answer_is_one_that_the_document_has(
    shared: LabRunner, request: tuple[Route, str, Any]
) -> None:
    route, path, body = request
    answer = shared.ask(route.method, path, body)
    operation = DOCUMENT["paths"][route.path][route.method.lower()]
    assert str(answer.status) in operation["responses"], answer.body
    if answer.status == route.status:
        assert route.answer is not None
        msgspec.json.decode(answer.body, type=route.answer)
    else:
        found = msgspec.json.decode(answer.body, type=Error)
        assert len(found.error) > 10
    shared.post("/api/reset")  # a scenario may place calls without end


@settings(max_examples=50, deadline=None)
@given(
    route=st.sampled_from([route for route in ROUTES if route.body is not None]),
    body=st.one_of(
        st.dictionaries(st.text(), st.none() | st.integers() | st.text(), min_size=1),
        st.lists(st.none()),
        st.none(),
    ),
)
def test_a_body_that_is_not_allowed_is_refused_in_words(
    shared: LabRunner, route: Route, body: object
) -> None:
    path = route.path.replace("{id}", "last").replace("{number}", "%2B1")
    answer = shared.ask(route.method, path, body)
    assert answer.status in (400, 404, 409), answer.body
    assert answer.json["error"]
