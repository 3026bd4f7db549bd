"""The recipe of django_service_sync.py, against the simulator, because it is a whole web service.

It needs ``pip install django 'relay-proto[sim]'``.
"""

import json
import subprocess
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

BUSY = "+15550000002"  # a number of the simulator


@pytest.fixture
def events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Iterator[dict[str, Any]]]:
    """What happens at a simulator that calls the program once."""
    options = ["--json", "--no-page", "--port", "0", "--calls", "1", "--state", str(tmp_path)]
    command = [sys.executable, "-m", "relay_anyio", "sim", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as simulator:
        assert simulator.stdout is not None
        happened = map(json.loads, simulator.stdout)
        for variable, value in next(happened)["ready"].items():
            monkeypatch.setenv(variable, value)
        try:
            yield happened
        finally:
            simulator.terminate()


def test_requests_and_calls(events: Iterator[dict[str, Any]]) -> None:
    import django_service_sync as service  # after the variables are set

    web = Client(SERVER_NAME="localhost")
    assert web.get("/health").status_code == 503  # nothing has connected yet
    started = web.post("/calls", data={"to": BUSY, "text": "Hello"})
    assert started.status_code == 202
    missing = {("exchange", "dial failed"), ("program", "answered"), ("program", "ended")}
    while missing:
        event = next(events)
        missing.discard((event["who"], event["what"]))
    assert web.get("/health").status_code == 200
    shown = web.get(f"/calls/{started.json()['id']}")
    assert shown.json()["result"] == "not reached: busy"
    for to in ("me", "555 0100", "+1555000300٣"):
        assert web.post("/calls", data={"to": to, "text": "Hello"}).status_code == 400
    assert web.get("/calls/nobody").status_code == 404
    service.client.disconnect()
