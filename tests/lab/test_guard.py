"""Who may use the lab, and what a request must be like."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay_anyio.lab.guard import COOKIE
from relay_anyio.lab.routes import ROUTES
from tests.lab.conftest import Start
from tests.lab.harness import ANN, LabRunner, path_of

TOKEN = "secret-0123"


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8025", "127.0.0.1.evil.example", ""]
)
def test_a_foreign_host_is_refused(lab: LabRunner, host: str) -> None:
    answer = lab.ask("GET", "/api/state", host=host)
    assert answer.status == 403
    assert answer.json["error"].startswith(f"Host {host!r} is not allowed here")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:1", "[::1]:8025", "LOCALHOST:8025"])
def test_this_machine_has_several_names(lab: LabRunner, host: str) -> None:
    assert lab.ask("GET", "/api/state", host=host).status == 200


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost:1", "http://127.0.0.1"]
)
def test_a_foreign_origin_is_refused(lab: LabRunner, origin: str) -> None:
    words = lab.refusal("POST", "/api/phones", {"number": ANN}, origin=origin)
    assert words.startswith(f"403 Origin {origin!r} is not allowed here")
    assert lab.get("/api/phones") == {"phones": []}


def test_the_page_itself_may_change_something(lab: LabRunner) -> None:
    assert lab.ask("POST", "/api/phones", {"number": ANN}, origin=lab.url).status == 201


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_a_body_that_a_foreign_form_could_send_is_refused(lab: LabRunner, kind: str) -> None:
    assert lab.refusal("POST", "/api/reset", {}, content_type=kind) == (
        "415 headers.content-type send the body with the header content-type: application/json"
    )


def test_a_body_has_a_limit(lab: LabRunner) -> None:
    large = {"text": "x" * (1024 * 1024)}
    assert lab.refusal("POST", "/api/calls/last/say", large).startswith(
        "413 body the body is larger"
    )


def test_an_unknown_path_and_a_wrong_method(lab: LabRunner) -> None:
    assert lab.refusal("GET", "/api/nothing").startswith(
        "404 path there is nothing at /api/nothing"
    )
    answer = lab.ask("PUT", "/api/calls", {})
    assert (answer.status, answer.headers["allow"]) == (405, "GET, POST")
    assert answer.json["error"] == "PUT does nothing here: this path takes GET, POST"


def test_a_wrong_query(lab: LabRunner) -> None:
    assert lab.refusal("GET", "/api/events?limit=many").startswith(
        "400 query.limit limit: Expected"
    )
    assert lab.refusal("GET", "/api/events?lmit=1").startswith("400 query unknown key `lmit`: the")


def test_the_page_and_its_parts_have_a_strict_policy(lab: LabRunner) -> None:
    for path in ("/", "/static/app.js"):
        answer = lab.ask("GET", path)
        assert answer.status == 200
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert lab.ask("GET", "/static/../lab.py").status == 404
    assert lab.ask("GET", "/static/%2e%2e/lab.py").status == 404


@settings(max_examples=60, deadline=None)
@given(
    path=st.sampled_from([route.path for route in ROUTES if route.path != "/api/stream"]),
    query=st.text("abc&=1%", max_size=10),
    method=st.sampled_from(["GET", "HEAD"]),
)
def test_nothing_changes_on_get(shared: LabRunner, path: str, query: str, method: str) -> None:
    before = shared.get("/api/state")
    shared.ask(method, f"{path.replace('{', '').replace('}', '')}?{query}")
    after = shared.get("/api/state")
    assert {**before, "lab": {}} == {**after, "lab": {}}


# The token of a lab that others can reach


def test_without_the_token_nothing_is_shown(start: Start) -> None:
    lab = start(token=TOKEN)
    for path in ("/", "/api/state", "/static/app.js", "/?token=wrong"):
        answer = lab.ask("GET", path)
        assert answer.status == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.json["error"].startswith("this lab needs its token")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_the_token_goes_into_a_header(start: Start, scheme: str) -> None:
    lab = start(token=TOKEN)
    assert lab.ask("GET", "/api/state", authorization=f"{scheme} {TOKEN}").status == 200
    assert lab.ask("GET", "/api/state", authorization=f"{scheme} x{TOKEN}").status == 401
    assert lab.ask("GET", "/api/state", authorization=TOKEN).status == 401


def test_the_first_view_of_the_page_takes_the_token_into_a_cookie(start: Start) -> None:
    lab = start(token=TOKEN)
    first = lab.ask("GET", f"/?token={TOKEN}&phone=1")
    assert (first.status, first.headers["location"]) == (303, "/?phone=1")
    cookie = first.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert lab.ask("GET", "/api/state", cookie=cookie.partition(";")[0]).status == 200
    assert lab.ask("GET", "/api/state", cookie=f"{COOKIE}=no").status == 401
    assert lab.ask("GET", "/api/state", cookie="\x7f=;;").status == 401
    assert lab.ask("GET", f"/api/state?token={TOKEN}").status == 401


def test_with_a_token_addresses_are_hosts_but_names_are_not(start: Start) -> None:
    lab = start(token=TOKEN)
    bearer = f"Bearer {TOKEN}"
    assert lab.ask("GET", "/api/state", host="10.0.0.7:8025", authorization=bearer).status == 200
    assert lab.ask("GET", "/api/state", host="lab.example", authorization=bearer).status == 403


def test_without_a_token_an_address_is_no_host(lab: LabRunner) -> None:
    assert lab.ask("GET", "/api/state", host="10.0.0.7:8025").status == 403


def test_a_number_in_a_path_has_a_length_and_may_have_slashes(lab: LabRunner) -> None:
    busy = {"does": "busy"}
    assert lab.send("PUT", "/api/numbers/sip:a%2Fb", busy)["number"] == "sip:a/b"
    for number in ("", "1" * 101):
        assert lab.refusal("PUT", f"/api/numbers/{number}", busy) == (
            "400 path a number has from 1 to 100 characters"
        )


@pytest.mark.parametrize("token", ["two words; and more", 'a"quote', "50%25", "größe"])
def test_any_token_opens_the_page(start: Start, token: str) -> None:
    lab = start(token=token)
    first = lab.ask("GET", f"/?token={path_of(token)}")
    assert first.status == 303
    cookie = first.headers["set-cookie"].partition(";")[0]
    assert lab.ask("GET", first.headers["location"], cookie=cookie).status == 200
