"""Click to call under two workers of gunicorn: any of them knows what has become of a call."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from relay_pytest._lab import Lab, running_lab
from tests.campaign.servers import PATIENCE, free_port, wait_for_port

ROOT = Path(__file__).parents[2]
AGENT, CUSTOMER = "+15550003000", "+15550004000"
CALLS = 6
REQUESTS = 60
SCENARIO = f"""
speed = 5
[[numbers]]
number = "{CUSTOMER}"
does = "answers"
script = [{{ wait = 10 }}, "hang up"]
"""
HOOKS = """
def post_worker_init(worker):
    from click_to_call_sync import client
    client.connect(retry=True, timeout=60)

def worker_exit(server, worker):
    from click_to_call_sync import client
    client.disconnect()
"""


@contextmanager
def running_gunicorn(folder: Path, lab: Lab) -> Generator[str]:
    """Run two workers; return their address."""
    (folder / "gunicorn.conf.py").write_text(HOOKS)
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "--workers", "2", "--worker-class", "gthread"]
    command += ["--threads", "8", "--bind", f"127.0.0.1:{port}", "click_to_call_sync:app"]
    environment = {
        **os.environ,
        **lab.environment,
        "AGENT_NUMBER": AGENT,
        "CALLS_DATABASE": str(folder / "calls.db"),
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "examples")]),
    }
    with (folder / "gunicorn.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log)
        try:
            wait_for_port(port, process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def ask(url: str, body: bytes | None = None) -> tuple[int, dict[str, Any]]:
    try:
        with urlopen(Request(url, body, {"Connection": "close"}), timeout=PATIENCE) as answer:
            return answer.status, json.load(answer)
    except HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_every_worker_knows_every_call(tmp_path: Path) -> None:
    pytest.importorskip("gunicorn", reason="gunicorn is not installed: scripts/campaign runs this")
    with running_lab(tmp_path, SCENARIO) as lab, running_gunicorn(tmp_path, lab) as url:
        lab.until("session started", times=2)
        ids: list[str] = []
        for _ in range(CALLS):
            status, found = ask(f"{url}/calls", f"to=%2B{CUSTOMER[1:]}".encode())
            assert status == 202, found
            ids.append(found["id"])
        answers = [ask(f"{url}/calls/{ids[number % CALLS]}") for number in range(REQUESTS)]
        assert Counter(status for status, _ in answers) == {200: REQUESTS}
        ends_at = time.monotonic() + PATIENCE
        while {ask(f"{url}/calls/{one}")[1]["state"] for one in ids} != {"ended"}:
            assert time.monotonic() < ends_at
            time.sleep(0.1)
        assert ask(f"{url}/calls/another")[0] == 404
        assert len(lab._found("connected", {})) == CALLS  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
