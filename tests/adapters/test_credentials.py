"""Credentials that expire: functions that are asked for them, and what is assigned later."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from relay_anyio import (
    AuthenticationError,
    ClientClosedError,
    Connected,
    ConnectFailedError,
    DownloadError,
    SessionState,
)
from tests.adapters.peers import Peer, client_of, oblige, serving
from tests.adapters.support import (
    OFFICE,
    PATIENCE,
    PROJECT,
    QUICK,
    TOKEN,
    Certificates,
    Heard,
    World,
    client_tasks,
)

pytestmark = pytest.mark.anyio


class Logins:
    """A server that keeps what it is told at each login, and goes away when it is asked to."""

    def __init__(self) -> None:
        self.heard: Heard[dict[str, Any]] = Heard()
        self.leave = anyio.Event()

    async def __call__(self, peer: Peer) -> None:
        self.leave = anyio.Event()
        self.heard(await peer.welcome())
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(oblige, peer)
            await self.leave.wait()
            tasks.cancel_scope.cancel()


def tokens() -> Any:
    """A function that returns another token each time it is asked."""
    count = 0

    def token() -> str:
        nonlocal count
        count += 1
        return f"token-number-{count}\n"  # as from a file

    return token


@pytest.mark.parametrize("name", ["token", "jwt_token"])
async def test_a_function_is_asked_before_each_authentication(
    certificates: Certificates, name: str, caplog: pytest.LogCaptureFixture, package: str
) -> None:
    caplog.set_level(logging.DEBUG, package)
    logins = Logins()
    async with serving(certificates.server_context(), logins) as host:
        given: dict[str, Any] = {"token": None} | {name: tokens()}
        async with client_of(host, timing=QUICK, **given):
            for number in (1, 2, 3):
                told = (await logins.heard.next())["authentication"]
                assert told[name] == f"token-number-{number}"
                assert set(told) == {name} | ({"project"} if name == "token" else set())
                logins.leave.set()
    assert "signalwire.connect" in caplog.text
    assert "token-number" not in caplog.text


def given_as(kind: str, text: str) -> Any:
    """A credential as a text, as a function, or none."""
    return {"text": text, "function": lambda: text, "none": None}[kind]


@pytest.mark.parametrize("jwt_token", ["text", "function", "none"])
@pytest.mark.parametrize("token", ["text", "function", "none"])
@pytest.mark.parametrize("project", ["text", "none"])
async def test_texts_and_functions_go_together(
    certificates: Certificates, project: str, token: str, jwt_token: str
) -> None:
    given = {
        "project": given_as(project, PROJECT),
        "token": given_as(token, TOKEN),
        "jwt_token": given_as(jwt_token, "a-jwt-token"),
    }
    if jwt_token == "none" and "none" in (project, token):
        with pytest.raises(ValueError, match="is missing"):
            client_of("nowhere.test", **given)
        return
    wanted = {"project": PROJECT, "token": TOKEN}
    if jwt_token != "none":
        wanted = {"jwt_token": "a-jwt-token"}
    logins = Logins()
    async with serving(certificates.server_context(), logins) as host:
        client = client_of(host, **given)
        for _ in range(2):  # as configured, and as asked for
            async with client:
                assert (await logins.heard.next())["authentication"] == wanted


@pytest.mark.parametrize("jwt_token", ["text", "function", "none"])
@pytest.mark.parametrize("token", ["text", "function"])
async def test_a_project_is_a_text(world: World, token: str, jwt_token: str) -> None:
    wrong = {"project": lambda: PROJECT, "token": given_as(token, TOKEN)}
    more = {"jwt_token": given_as(jwt_token, "a-jwt-token")}
    with pytest.raises(TypeError, match="project must be a str"):
        client_of("nowhere.test", **wrong, **more)
    client = world.client(token=wrong["token"], **more)
    hidden: Any = getattr(client, "hidden", client)
    hidden.project = wrong["project"]
    with pytest.raises(ConnectFailedError, match="project must be a str"):
        await client.connect()


@pytest.mark.async_only("on threads, functions are plain")
async def test_a_function_may_be_async(certificates: Certificates) -> None:
    async def token() -> str:
        await anyio.lowlevel.checkpoint()
        return "token-of-an-async-function"

    def plain() -> Any:
        return token()

    logins = Logins()
    for function in (token, plain):
        async with (
            serving(certificates.server_context(), logins) as host,
            client_of(host, token=function),
        ):
            told = (await logins.heard.next())["authentication"]
            assert told["token"] == "token-of-an-async-function"


async def test_a_function_that_blocks_holds_nobody_up(world: World) -> None:
    go_on = threading.Event()
    thread: list[threading.Thread] = []

    def token() -> str:
        thread.append(threading.current_thread())
        assert go_on.wait(PATIENCE)
        return TOKEN

    timing = replace(QUICK, connect_timeout=0.1)
    client = blocking_client(world, token, timing=timing)
    with pytest.raises(ConnectFailedError, match=r"no connection within 0\.1 s"):
        await client.connect()
    assert client_tasks() == []
    assert thread[0].daemon
    go_on.set()
    thread[0].join(PATIENCE)


def blocking_client(world: World, token: Any, **arguments: Any) -> Any:
    """A client whose function is called as it is: the bridge would call it in the event loop."""
    client = world.client(**arguments)
    getattr(client, "hidden", client).token = token
    return client


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (KeyError("no key"), "the function for token failed: 'no key'"),
        (SystemError("odd"), "the function for token failed: odd"),
        ("", "the function for token has returned nothing"),
        (None, "the function for token has returned nothing"),
        (5, "token must be a str, not int"),
        ("token\ud800", "token must not contain the character U+D800"),
    ],
)
async def test_a_function_that_fails_is_a_failed_attempt(
    world: World, result: object, words: str
) -> None:
    results = [TOKEN, result, TOKEN]

    def token() -> object:
        told = results.pop(0)
        if isinstance(told, BaseException):
            raise told
        return told

    connected: Heard[Connected] = Heard()
    client = blocking_client(world, token)
    client.on_connected(connected)
    async with client:
        await connected.next()
        world.cut()
        await connected.next()
    assert results == []
    results[:] = [result]
    with pytest.raises(ConnectFailedError) as raised:
        await client.connect()
    assert words in str(raised.value)


async def test_the_first_connect_with_a_wrong_answer_is_refused_by_the_server(
    world: World,
) -> None:
    client = blocking_client(world, lambda: "another-token")
    with pytest.raises(AuthenticationError):
        await client.connect()


@pytest.mark.parametrize("missing", [{"project": None, "token": tokens()}])
async def test_a_function_for_a_token_needs_a_project(missing: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="project is missing"):
        client_of("nowhere.test", **missing)


# Assigning


async def test_what_is_assigned_takes_effect_at_the_next_connect(
    certificates: Certificates, caplog: pytest.LogCaptureFixture, package: str
) -> None:
    caplog.set_level(logging.DEBUG, package)
    logins = Logins()
    async with serving(certificates.server_context(), logins) as host:
        client = client_of(host, timing=QUICK, contexts=["office"])
        hidden: Any = getattr(client, "hidden", client)
        async with client:
            told = await logins.heard.next()
            assert told["authentication"] == {"project": PROJECT, "token": TOKEN}
            assert told["contexts"] == ["office"]
            hidden.token = "assigned-token"
            hidden.contexts = ["support", "sales"]
            logins.leave.set()
            told = await logins.heard.next()
            assert told["authentication"] == {"project": PROJECT, "token": "assigned-token"}
            assert told["contexts"] == ["support", "sales"]
            hidden.contexts.append("night")
            hidden.jwt_token = "assigned-jwt"
            logins.leave.set()
            told = await logins.heard.next()
            assert told["authentication"] == {"jwt_token": "assigned-jwt"}
            assert told["contexts"] == ["support", "sales", "night"]
            hidden.jwt_token, hidden.token = "", TOKEN
            logins.leave.set()
            told = await logins.heard.next()
            assert told["authentication"] == {"project": PROJECT, "token": TOKEN}
        hidden.token = "assigned-later"
        async with client:
            told = await logins.heard.next()
            assert told["authentication"]["token"] == "assigned-later"
            assert told["contexts"] == ["support", "sales", "night"]
    assert "assigned-" not in caplog.text


async def test_a_host_that_is_assigned_takes_effect_at_the_next_connect(
    certificates: Certificates, tmp_path: Path
) -> None:
    logins = Logins()
    async with serving(certificates.server_context(), logins) as host:
        client = client_of("nowhere.test", timing=QUICK)
        hidden: Any = getattr(client, "hidden", client)
        with pytest.raises(ClientClosedError):
            await client.execute("calling.play", {})
        with pytest.raises(DownloadError):
            await client.download("https://localhost:1/file", tmp_path / "file")
        hidden.host = host
        async with client:
            await logins.heard.next()
            hidden.host = "example"
            logins.leave.set()  # and come back: the connection is still to the same host
            await logins.heard.next()
        for wrong in ("https://example.com", ""):
            hidden.host = wrong
            with pytest.raises(ValueError, match=r"client\.host"):
                await client.connect()
        hidden.host = host
        async with client:
            await logins.heard.next()


async def test_contexts_that_were_received_stay_unless_others_are_assigned(
    certificates: Certificates,
) -> None:
    logins = Logins()
    async with serving(certificates.server_context(), logins) as host:
        client = client_of(host, timing=QUICK, contexts=["office"])
        async with client:
            await logins.heard.next()
            await client.receive(["sales"])
            logins.leave.set()
            assert (await logins.heard.next())["contexts"] == ["office", "sales"]


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("token", "", "token is missing"),
        ("token", 5, "token must be a str"),
        ("contexts", "office", "contexts must be a list"),
        ("contexts", [""], "each of contexts must not be empty"),
        ("contexts", ["sales\ud800"], "each of contexts must be valid Unicode, but contains"),
        ("project", "project\ud800", r"project must not contain the character U\+D800"),
    ],
)
async def test_a_wrong_value_that_is_assigned_is_a_failed_attempt(
    world: World, name: str, value: object, words: str
) -> None:
    client = world.client()
    setattr(getattr(client, "hidden", client), name, value)
    with pytest.raises(ConnectFailedError, match=words):
        await client.connect()
    right: dict[str, object] = {"token": TOKEN, "project": PROJECT, "contexts": [OFFICE]}
    setattr(getattr(client, "hidden", client), name, right[name])
    async with client:
        assert client.state is SessionState.READY
