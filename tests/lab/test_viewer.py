"""``relay replay --open``: the timeline of a recording, for this machine only."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from relay_anyio.lab.viewer import has_browser

OLD = Path(__file__).parents[1] / "unit" / "recording_format_1.jsonl"


def relay(*arguments: object, **environment: str) -> subprocess.Popen[str]:
    kept = {name: value for name, value in os.environ.items() if "DISPLAY" not in name}
    kept.pop("BROWSER", None)
    return subprocess.Popen(
        [sys.executable, "-m", "relay_anyio", "replay", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env=kept | environment,
    )


@contextmanager
def opened(file: Path, **environment: str) -> Generator[str]:
    """Run the command until the end of the block; give the address of its page."""
    with relay(file, "--open", "--page", 0, **environment) as process:
        try:
            assert process.stdout is not None
            said = process.stdout.readline()
            found = re.fullmatch(
                rf"The timeline of {re.escape(file.name)} is at (http://127\.0\.0\.1:\d+)/#timeline\n",
                said,
            )
            assert found, said
            yield found[1]
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 0
        finally:
            process.kill()


def ask(address: str, method: str = "GET", **headers: str) -> tuple[int, Any, Any]:
    request = urllib.request.Request(address, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read(), answer.headers
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(), error.headers


def test_the_page_and_its_recording() -> None:
    with opened(OLD) as address:
        status, page, headers = ask(f"{address}/")
        assert status == 200
        assert b"static/app.js" in page
        assert "default-src 'none'" in headers["content-security-policy"]
        assert ask(f"{address}/static/timeline.js")[0] == 200
        state = json.loads(ask(f"{address}/api/state")[1])
        assert state["lab"]["recording"]["name"] == OLD.name
        assert state["calls"] == json.loads(ask(f"{address}/api/calls")[1])["calls"]
        assert json.loads(ask(f"{address}/api/programs")[1])["programs"] == state["programs"]
        events = json.loads(ask(f"{address}/api/events")[1])["events"]
        assert json.loads(ask(f"{address}/api/events?limit=2")[1])["events"] == events[-2:]
        after = f"{address}/api/events?limit=2&after={events[0]['id']}"
        assert json.loads(ask(after)[1])["events"] == events[1:3]
        call = state["calls"][0]["id"]
        frames = json.loads(ask(f"{address}/api/frames?call={call}")[1])["frames"]
        assert {frame["call"] for frame in frames} == {call}
        assert {"/api/state", "/api/frames"} <= set(
            json.loads(ask(f"{address}/api/openapi.json")[1])["paths"]
        )


def test_nothing_can_be_changed_and_nobody_else_may_look() -> None:
    with opened(OLD) as address:
        status, body, _ = ask(f"{address}/api/state", "POST")
        assert status == 405
        assert "this path takes GET" in json.loads(body)["error"]
        assert ask(f"{address}/api/reset", "POST")[0] == 404
        assert ask(f"{address}/api/calls", "POST")[0] == 405
        assert ask(f"{address}/api/state", host="evil.example")[0] == 403
        assert ask(f"{address}/api/state", origin="http://evil.example")[0] == 403


def test_a_browser_is_opened_if_there_is_one(tmp_path: Path) -> None:
    told = tmp_path / "told"
    os.mkfifo(told)
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {told}\n')
    browser.chmod(0o755)
    with opened(OLD, BROWSER=f"{browser} %s") as address:
        assert told.read_text() == f"{address}/#timeline\n"


@pytest.mark.parametrize(
    ("platform", "environment", "there_is_one"),
    [
        ("linux", {}, False),
        ("linux", {"DISPLAY": ""}, False),
        ("linux", {"DISPLAY": ":0"}, True),
        ("linux", {"WAYLAND_DISPLAY": "wayland-0"}, True),
        ("linux", {"BROWSER": "firefox"}, True),
        ("darwin", {}, True),
        ("win32", {}, True),
    ],
)
def test_a_browser_in_the_terminal_is_none(
    platform: str, environment: dict[str, str], *, there_is_one: bool
) -> None:
    assert has_browser(environment, platform) == there_is_one


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "No such file"),
        ("hello\n", "line 1 of the recording: it is not a JSON object"),
        ('{"at": 1.0}\n', "the beginning is missing"),
        ("", "it is empty"),
    ],
)
def test_what_is_no_recording_is_refused_in_words(
    text: str | None, words: str, tmp_path: Path
) -> None:
    file = tmp_path / "relay.jsonl"
    if text is not None:
        file.write_text(text)
    with relay(file, "--open", "--page", 0) as process:
        out, error = process.communicate(timeout=30)
    assert (process.returncode, out) == (2, "")
    assert words in error


def test_the_part_before_a_broken_line_is_shown(tmp_path: Path) -> None:
    file = tmp_path / "relay.jsonl"
    file.write_text(OLD.read_text("utf-8") + "broken\n")
    with opened(file) as address:
        state = json.loads(ask(f"{address}/api/state")[1])
    assert "it is not a JSON object" in state["lab"]["recording"]["trouble"]
    assert state["calls"]
