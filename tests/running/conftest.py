"""Fixtures: the service, on the runtimes of the clients that are run against it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Generator
from typing import Any

import anyio
import pytest

from tests.adapters.conftest import certificates, environment, world

__all__ = ["certificates", "environment", "world"]

PATIENCE = 120.0
"""Seconds. Each process takes one to start, or several if others use the machine as well."""


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
