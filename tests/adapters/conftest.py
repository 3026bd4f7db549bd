"""Every async test here runs on asyncio, on trio and on threads, and ends within a bound."""

from __future__ import annotations

import functools
import inspect
import os
import socket
from collections.abc import AsyncGenerator, Generator
from typing import Any

import anyio
import pytest
import sniffio

from tests.adapters import support
from tests.adapters.service import remember_threads
from tests.adapters.support import PATIENCE, Certificates, World, open_world
from tests.adapters.threads import Bridge, open_bridge


@pytest.fixture(params=["asyncio", "trio", "threads"])
def runtime(request: pytest.FixtureRequest) -> str:
    """Where the client runs."""
    reason = request.node.get_closest_marker("async_only")
    if request.param == "threads" and reason is not None:
        pytest.skip(reason.args[0])
    return str(request.param)


@pytest.fixture
def anyio_backend(runtime: str) -> str:
    """Where the service and the test run."""
    return "asyncio" if runtime == "threads" else runtime


@pytest.fixture(autouse=True)
def threads_before() -> None:
    """Know the threads of this test from those that were there."""
    remember_threads()


@pytest.fixture
def package(runtime: str) -> str:
    """The package under test, and the name of its logger."""
    return "relay_sync" if runtime == "threads" else "relay_anyio"


@pytest.fixture
async def bridge(monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Bridge]:
    """To blocking clients, which this makes of all."""
    async with open_bridge() as bridge:
        monkeypatch.setattr(support, "make", bridge.make)
        yield bridge


@pytest.fixture(autouse=True)
def on_threads(request: pytest.FixtureRequest) -> None:
    """Cross the bridge, where a test that awaits is to run on threads."""
    if "anyio_backend" in request.fixturenames and request.getfixturevalue("runtime") == "threads":
        request.getfixturevalue("bridge")


def start_as_asyncio_does() -> None:
    """Forget what `anyio.run` notes, and ``asyncio.run(main())`` does not: which loop runs.

    AnyIO then asks asyncio for the current task, and there is none in callbacks of the loop.
    """
    if sniffio.thread_local.name is None:  # which trio sets
        sniffio.current_async_library_cvar.set(None)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, Any, Any]:
    """Let no test wait for ever."""
    test = pyfuncitem.obj
    if inspect.iscoroutinefunction(test):

        @functools.wraps(test)
        async def bounded(**arguments: Any) -> None:
            start_as_asyncio_does()
            with anyio.fail_after(PATIENCE):
                await test(**arguments)

        pyfuncitem.obj = bounded
    return (yield)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, certificates: Certificates) -> None:
    """No variable of the machine's counts; the tests' authority is trusted, and no other.

    To read the machine's authorities takes longer than all else in a connection.
    """
    for variable in tuple(os.environ):
        if variable.startswith(("SIGNALWIRE_", "RELAY_")) or variable.lower().endswith("_proxy"):
            monkeypatch.delenv(variable)
    monkeypatch.setenv("SIGNALWIRE_RELAY_CA_FILE", str(certificates.ca_file))
    for variable in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.setenv(variable, os.devnull)


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
