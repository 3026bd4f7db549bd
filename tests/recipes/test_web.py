"""The services of web frameworks as whole programs: requests, calls and the phone lab."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

from relay_proto.exchange import MAGIC_LINES, Answers, Caller, HangUp, Hear, Line, Wait, What
from tests.recipes.lab import EXAMPLES, Lab

ANNA, ANSWERS = "+15550001111", "+15550003000"
OpenLab = Callable[..., Lab]


def loaded(name: str) -> dict[str, Any]:
    """The names of a service, whose client is made for the lab."""
    return runpy.run_path(str(EXAMPLES / f"{name}.py"))


@pytest.mark.parametrize("service", ["fastapi_service", "fastapi_service_sync"])
def test_fastapi(service: str, lab: OpenLab) -> None:
    pytest.importorskip("fastapi", reason="FastAPI must be installed")
    httpx = pytest.importorskip("httpx", reason="httpx must be installed")
    here = lab(default_line=Answers(after=0.01))
    module = loaded(service)

    async def until(what: What, **details: Any) -> None:
        await anyio.to_thread.run_sync(partial(here.until, what, **details))

    async def requests() -> None:
        app = module["app"]
        transport = httpx.ASGITransport(app)
        async with (
            module["lifespan"](app),
            httpx.AsyncClient(transport=transport, base_url="http://it") as web,
        ):
            assert (await web.get("/health")).json() == {"relay": "ready"}
            started = await web.post("/calls", json={"to": ANSWERS, "text": "Hello."})
            assert started.status_code == 202
            await until(What.ENDED)
            path = f"/calls/{started.json()['id']}"
            while (result := (await web.get(path)).json()["result"]) == "calling":
                await anyio.lowlevel.checkpoint()
            assert result == "heard"
            here.call(Caller(ANNA, (Hear("thank you"),)))
            await until(What.ENDED, times=2)

    anyio.run(requests)


BUSY, LEAVES = "+15550000002", "+15550004000"


@pytest.mark.parametrize(
    ("customer", "expected"), [(BUSY, What.CONNECT_FAILED), (LEAVES, What.CONNECTED)]
)
def test_click_to_call_in_flask(
    customer: str,
    expected: What,
    lab: OpenLab,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CALLS_DATABASE", str(tmp_path / "calls.db"))
    pytest.importorskip("flask", reason="Flask must be installed")
    leaves = Answers(after=0.01, script=(Wait(0.3), HangUp()))
    here = lab(*MAGIC_LINES, Line(LEAVES, leaves), default_line=Answers(after=0.01))
    module = loaded("click_to_call_sync")
    web = module["app"].test_client()
    for to in ("me", "555 0100", "+1555000300٣"):
        assert web.post("/calls", data={"to": to}).status_code == 400
    found = web.post("/calls", data={"to": customer})
    assert (found.status_code, found.json["state"]) == (202, "answered")
    assert web.get("/calls/nobody").status_code == 404
    here.until(What.PLAYED)
    here.until(expected)
    here.until(What.ENDED, times=2)  # the agent is hung up, too
    states: list[str] = []
    while "ended" not in states[-1:]:
        states.append(web.get(f"/calls/{found.json['id']}").json["state"])
    assert ("connected" in states) <= (expected is What.CONNECTED)
    module["client"].disconnect()
