"""`relay run --observe`: the client of a worker is observed. `tests/running` has whole workers."""

from __future__ import annotations

import sys

import pytest

from relay_otel._providers import OpenTelemetry
from relay_run import metrics
from relay_run.target import TargetError
from tests.otel.observed import Observed


def test_it_observes_the_client(observed: Observed) -> None:
    observed.client.observer = None
    metrics.observe(observed.client)
    assert isinstance(observed.client.observer, OpenTelemetry)


def test_a_program_that_observes_its_client_has_said_how(observed: Observed) -> None:
    before = observed.client.observer
    metrics.observe(observed.client)
    assert observed.client.observer is before


def test_without_the_extra_it_says_what_to_install(
    observed: Observed, monkeypatch: pytest.MonkeyPatch
) -> None:
    observed.client.observer = None
    for name in [name for name in sys.modules if name.startswith("relay_otel")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.prometheus", None)
    with pytest.raises(TargetError, match=r"^--observe: relay_otel needs .*relay-proto\[otel\]"):
        metrics.observe(observed.client)
