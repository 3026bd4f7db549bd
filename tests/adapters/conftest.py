"""Every async test here runs on asyncio and on trio, and ends within a bound."""

from __future__ import annotations

import functools
import inspect
import os
import socket
from collections.abc import AsyncGenerator, Generator
from typing import Any

import anyio
import pytest

from tests.adapters.support import PATIENCE, Certificates, World, open_world


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, Any, Any]:
    """Let no test wait for ever."""
    test = pyfuncitem.obj
    if inspect.iscoroutinefunction(test):

        @functools.wraps(test)
        async def bounded(**arguments: Any) -> None:
            with anyio.fail_after(PATIENCE):
                await test(**arguments)

        pyfuncitem.obj = bounded
    return (yield)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, certificates: Certificates) -> None:
    """No variable of the machine's counts; the tests' authority is trusted."""
    for variable in tuple(os.environ):
        if variable.startswith(("SIGNALWIRE_", "RELAY_")):
            monkeypatch.delenv(variable)
    monkeypatch.setenv("SIGNALWIRE_RELAY_CA_FILE", str(certificates.ca_file))


@pytest.fixture
async def world(certificates: Certificates) -> AsyncGenerator[World]:
    """The service, with nobody connected yet."""
    async with open_world(certificates) as world:
        yield world


@pytest.fixture
def free_host() -> str:
    """A host where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"localhost:{server.getsockname()[1]}"
