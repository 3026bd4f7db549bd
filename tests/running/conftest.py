"""Fixtures: the service, on the runtimes of the clients that are run against it."""

from __future__ import annotations

from tests.adapters.conftest import certificates, environment, pytest_pyfunc_call, world

__all__ = ["certificates", "environment", "pytest_pyfunc_call", "world"]
