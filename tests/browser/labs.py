"""A lab in a process of its own, programs that connect to it, and the browser that shows it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.request import Request, urlopen

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Playwright

ROOT: Final = Path(__file__).parents[2]
IVR: Final = str(ROOT / "examples" / "ivr.py")
OFFICE: Final = str(ROOT / "tests" / "browser" / "programs.py")
VOICEMAIL: Final = str(ROOT / "examples" / "voicemail.py")
PATIENCE: Final = 300.0
"""Seconds after which a lab is stopped, whatever a test is doing."""
WAIT: Final = 120.0
"""Seconds in which what a test waits for comes, on a machine that is slow and busy."""
HURRY: Final = re.compile(r'("(?:initial|end_silence)_timeout"): [0-9.]+')
"""What an example waits for the caller."""
BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_browser() -> str:
    """The path of a Chromium; empty if there is none. `RELAY_CHROMIUM` names another one."""
    named = os.environ.get("RELAY_CHROMIUM", "")
    return named or next(filter(None, map(shutil.which, BROWSERS)), "")


def launch(playwright: Playwright) -> Browser:
    """Start the Chromium of this machine."""
    # It refuses to run as root with its sandbox, as in a container.
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    arguments = ["--no-sandbox"] if root else []
    return playwright.chromium.launch(executable_path=find_browser(), args=arguments)


def open_page(browser: Browser, address: str) -> Page:
    """Open a page that has the time that it needs."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(WAIT * 1000)
    page.goto(address)
    return page


def patient(example: str, directory: Path) -> str:
    """Copy an example that waits for its caller however slow the test is; return its path."""
    source, changed = HURRY.subn(rf"\1: {PATIENCE}", Path(example).read_text("utf-8"))
    assert changed == 1, example
    copy = directory / Path(example).name
    copy.write_text(source, "utf-8")
    return str(copy)


class Lab:
    """A running ``relay sim``: its page, and how a program connects to it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            said: dict[str, Any] = json.loads(line)
            if "ready" in said:
                self.page: str = said["page"]
                self.variables: Mapping[str, str] = said["ready"]
                break
        else:
            raise RuntimeError("the lab has ended without a word")
        self._reader = threading.Thread(target=process.stdout.read, daemon=True)
        self._reader.start()  # so that it can go on printing

    def get(self, path: str) -> Any:
        """Ask the HTTP API."""
        with urlopen(f"{self.page}{path}", timeout=WAIT) as answer:
            return json.load(answer)

    def post(self, path: str, body: object) -> Any:
        """Tell the HTTP API to do something."""
        headers = {"content-type": "application/json"}
        asked = Request(f"{self.page}{path}", json.dumps(body).encode(), headers)
        with urlopen(asked, timeout=WAIT) as answer:
            return json.load(answer)

    def delete(self, path: str) -> None:
        """Tell the HTTP API to take something away."""
        headers = {"content-type": "application/json"}
        urlopen(
            Request(f"{self.page}{path}", b"{}", headers, method="DELETE"), timeout=WAIT
        ).close()

    def until(self, so: Callable[[], bool]) -> None:
        """Wait until it is so: look again whenever the lab has news."""
        with urlopen(f"{self.page}/api/stream", timeout=PATIENCE) as news:
            while not so():
                news.readline()

    def until_connected(self) -> None:
        """Wait until a program serves the office."""
        self.until(
            lambda: any(
                program["connected"] and "office" in program["contexts"]
                for program in self.get("/api/programs")["programs"]
            )
        )

    def until_happened(self, what: str) -> None:
        """Wait until something like this has happened."""
        self.until(lambda: what in self.story())

    def story(self) -> list[str]:
        """What has happened, one word or two for each thing."""
        return [event["what"] for event in self.get("/api/events")["events"]]

    @contextmanager
    def program(self, *command: str) -> Generator[None]:
        """Run a program in Python that connects to this lab."""
        with subprocess.Popen(
            [sys.executable, *command], env=_environment(self.variables), stdin=subprocess.DEVNULL
        ) as process:
            try:
                yield
            finally:
                process.kill()  # asked politely, it would let its calls finish first


@contextmanager
def running_lab(directory: Path, port: int = 0) -> Generator[Lab]:
    """Run a lab in which nobody calls by themselves. Its page has a port, or any that is free."""
    scenario = directory / "nobody.toml"
    scenario.write_text("")
    command = [sys.executable, "-m", "relay_anyio", "sim", str(scenario), "--json"]
    command += ["--port", "0", "--page", str(port), "--state", str(directory / "state")]
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        env=_environment({}),
    ) as process:
        watchdog = threading.Timer(PATIENCE, process.kill)
        watchdog.start()
        try:
            yield Lab(process)
        finally:
            watchdog.cancel()
            process.terminate()


def _environment(variables: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if "SIGNALWIRE" not in name}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **variables}
