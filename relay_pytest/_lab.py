"""The lab of a test: `relay sim` in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, Final
from urllib.error import HTTPError

if TYPE_CHECKING:
    from pathlib import Path

PATIENCE: Final = 10.0
"""Seconds for what should happen at once."""
STOPPING: Final = 5.0
MOST_COMPLAINTS: Final = 10_000
"""Characters that are kept of its standard error: the last ones."""


class Lab:
    """A simulated service that runs, and its people."""

    def __init__(self, process: subprocess.Popen[str], ready: Mapping[str, Any]) -> None:
        self.process = process
        self.environment: dict[str, str] = dict(ready["ready"])
        """The variables that lead a program to it, to be added to those of its process."""
        self.host, _, port = self.environment["SIGNALWIRE_SPACE"].rpartition(":")
        self.port = int(port)
        self.url: str = ready["page"]
        """The address of its page and its HTTP API."""
        self.events: list[dict[str, Any]] = []
        """What has happened: see `relay sim --json`."""
        self.complaints = ""
        """What it has written to its standard error, when it has ended."""
        self._changed = threading.Condition()
        self._is_over = False
        self._has_complained = threading.Event()

    @property
    def text(self) -> str:
        """What has happened, one line for each event."""
        return "\n".join(f"{one['at']:9.2f}  {one['text']}" for one in tuple(self.events))

    def call(
        self,
        number: str = "+15550001111",
        script: Sequence[Mapping[str, Any]] = (),
        **more: Any,
    ) -> str:
        """Let somebody call; return the id of the call.

        Steps are dicts as in a scenario: ``{"hear": "press"}``, ``{"press": "1"}``.
        """
        asked = {"from": number, "script": list(script), **more}
        call_id: str = self.ask("POST", "/api/calls", asked)["id"]
        return call_id

    def text_to(self, to: str, body: str, *, number: str = "+15550001111", **more: Any) -> None:
        """Let somebody send a text."""
        self.ask("POST", "/api/texts", {"from": number, "to": to, "body": body, **more})

    def until(
        self, what: str, *, times: int = 1, timeout: float = PATIENCE, **details: Any
    ) -> dict[str, Any]:
        """Wait for an event, such as ``answered``, with these details; return it.

        What happened before counts, too. `details` may have the `call_id` and `who` as well.

        Raises:
            TimeoutError: it did not happen `times` times in `timeout` seconds, or the lab
                has ended before that.
            ValueError: nothing of that name ever happens.
        """
        from relay_proto.exchange import What  # noqa: PLC0415 - only who needs it

        if what not in {one.value for one in What}:
            names = ", ".join(sorted(one.value for one in What))
            raise ValueError(f"what must be one of {names}, not {what!r}")
        ends_at = time.monotonic() + timeout
        with self._changed:
            while len(found := self._found(what, details)) < times:
                left = ends_at - time.monotonic()
                if self._is_over or left <= 0:
                    asked = ", ".join(f"{name}={value!r}" for name, value in details.items())
                    raise TimeoutError(
                        " ".join(filter(None, (repr(what), asked, self._why(timeout))))
                        + f". This happened:\n{self.text}"
                    )
                self._changed.wait(left)
        return found[times - 1]

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Use the HTTP API of the lab: see docs/guide/lab.md.

        Raises:
            ValueError: it refuses that; the error says why.
        """
        request = urllib.request.Request(  # noqa: S310 - the lab's own address
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"content-type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310
                return json.load(answer)
        except HTTPError as error:
            with error:
                raise ValueError(f"{method} {path}: {error.read().decode()}") from None

    def read_complaints(self, lines: IO[str]) -> None:
        """Take in what it writes to its standard error, in a thread of its own."""
        for line in lines:
            self.complaints = (self.complaints + line)[-MOST_COMPLAINTS:]
        self._has_complained.set()

    def read(self, lines: IO[str]) -> None:
        """Take in the events, in a thread of its own."""
        for line in lines:
            with self._changed:
                self.events.append(json.loads(line))
                self._changed.notify_all()
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    def _why(self, timeout: float) -> str:
        if not self._is_over:
            return f"did not happen in {timeout:g} s"
        code = self.process.wait(STOPPING)
        self._has_complained.wait(STOPPING)  # another thread reads it
        said = self.complaints.strip()
        said = f": {said}" if said else ""
        return f"did not happen, and the lab has ended with exit code {code}{said}"

    def _found(self, what: str, details: Mapping[str, Any]) -> list[dict[str, Any]]:
        return [
            one
            for one in self.events
            if one["what"] == what and details.items() <= {**one, **one["details"]}.items()
        ]


@contextmanager
def running_lab(folder: Path, scenario: str = "") -> Generator[Lab]:
    """Run a lab, whose files are in `folder`.

    Raises:
        RuntimeError: it does not start; the error says why.
    """
    file = folder / "scenario.toml"
    file.write_text(scenario, encoding="utf-8")
    options = ["--json", "--port", "0", "--page", "0", "--state", str(folder)]
    process = subprocess.Popen(  # noqa: S603 - this interpreter
        [sys.executable, "-m", "relay_anyio", "sim", *options, str(file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    with process:
        assert process.stdout is not None, "it is a pipe"
        assert process.stderr is not None, "it is a pipe"
        ready = process.stdout.readline()
        if not ready:
            raise RuntimeError(f"relay sim does not start: {process.stderr.read().strip()}")
        lab = Lab(process, json.loads(ready))
        readers = [
            threading.Thread(target=lab.read, args=(process.stdout,), daemon=True),
            threading.Thread(target=lab.read_complaints, args=(process.stderr,), daemon=True),
        ]
        for reader in readers:
            reader.start()
        try:
            yield lab
        finally:
            process.terminate()
            try:
                process.wait(STOPPING)
            except subprocess.TimeoutExpired:
                process.kill()
            for reader in readers:
                reader.join()
