"""``relay replay``: show what a recording contains, and check it against a fresh core."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from relay_proto.display import one_line
from relay_proto.recorder.lines import LONGEST_LINE
from relay_proto.recorder.replay import COMPARED, RecordingError, Step, replay
from relay_proto.rpc.frames import decode_any, is_object

from ._output import OUTPUT, os_words

DIFFERENT: Final = 1
UNREADABLE: Final = 2

STYLES: Final = {"frame": "", "event": "cyan", "settled": "green"}


def run(path: Path, *, everything: bool = False) -> int:
    """Show and check a recording; return the exit code."""
    console = Console(file=OUTPUT, highlight=False)
    shown = _Shown(console, everything=everything)
    lines = _Lines(path)
    try:
        for step in replay(lines, Random):
            shown.show(step)
    except OSError as error:
        print(f"relay: {os_words(error)}", file=sys.stderr)
        return UNREADABLE
    except RecordingError as error:
        console.print(Text(one_line(str(error)), "red"))
        return UNREADABLE
    if lines.why_nothing:
        print(f"relay: {lines.why_nothing}", file=sys.stderr)
        return UNREADABLE
    for words in lines.left_out:
        shown.tell(words)
    return shown.conclude()


def open_page(path: Path, port: int | None) -> int:
    """Show a recording in a browser, until Ctrl+C; return the exit code."""
    from .lab.recorded import Recorded
    from .lab.viewer import show

    recorded = Recorded(path.name)
    lines = _Lines(path)
    try:
        recorded.read(replay(lines, Random))
    except OSError as error:
        print(f"relay: {os_words(error)}", file=sys.stderr)
        return UNREADABLE
    except RecordingError as error:
        recorded.trouble = one_line(str(error))
        print(f"relay: {recorded.trouble}", file=sys.stderr)
    if not recorded.programs:
        if not recorded.trouble:
            print(f"relay: {lines.why_nothing}", file=sys.stderr)
        return UNREADABLE
    for words in lines.left_out:
        recorded.tell_left_out(words)
    show(recorded, port)
    return 0


class _Lines:
    """The whole lines of a recording, those first that have rotated away.

    After they were read, it also says what was not a whole line.
    """

    def __init__(self, path: Path) -> None:
        older = path.with_name(path.name + ".1")
        self._path = path
        self._files = [older, path] if older.exists() else [path]
        self._count = 0
        self.left_out: list[str] = []
        """In words: the last line of each file whose last line is incomplete."""

    def __iter__(self) -> Iterator[str]:
        for path in self._files:
            with path.open(encoding="utf-8", errors="replace") as file:
                while line := file.readline(LONGEST_LINE + 1):
                    if line.endswith("\n") or len(line) > LONGEST_LINE:
                        self._count += 1
                        yield line  # the replay refuses one that is too long
                    else:
                        self.left_out.append(
                            f"the last line of {path.name} is incomplete, and was left out"
                        )

    @property
    def why_nothing(self) -> str:
        """Why there is nothing to replay, or an empty text."""
        if self._count:
            return ""
        why = "it has no whole line" if self.left_out else "it is empty"
        return f"{self._path} is no recording: {why}"


class _Shown:
    def __init__(self, console: Console, *, everything: bool) -> None:
        self._console = console
        self._everything = everything
        self._began: float | None = None
        self._state = ""
        self._lines = 0
        self._different: list[int] = []

    def show(self, step: Step) -> None:
        """Print one line of the recording and its outputs."""
        line = step.line
        self._lines += 1
        if step.left_out:
            self.tell(step.left_out)
        if "recording" in line:
            self._began, self._state = None, ""
            self._print("", f"recording of a client of {line['config']['host']}", "bold")
            return
        if self._began is None:
            self._began = line.get("at")
        said = [(_say(output), STYLES.get(output[0], "")) for output in line.get("out", ())]
        said = [(text, style) for text, style in said if text]
        if said or "raises" in line or self._everything or not step.same or self._moved(line):
            self._print(self._time(line), _headline(line), "bold")
            for text, style in said:
                self._print("", text, style)
            if self._moved(line):
                self._print("", f"now {line['state']}", "yellow")
        self._state = line.get("state", self._state)
        if not step.same:
            self._different.append(step.number)
            self._show_difference(step)

    def tell(self, words: str) -> None:
        """Print what of the recording is not replayed."""
        self._console.print(Text(one_line(words), "yellow"))

    def conclude(self) -> int:
        """Print the result; return the exit code."""
        if not self._different:
            self._console.print(
                f"[bold green]{self._lines} lines replayed, no differences.[/bold green]"
            )
            return 0
        first = self._different[0]
        self._console.print(
            f"[bold red]{len(self._different)} of {self._lines} lines differ. "
            f"The first is line {first}.[/bold red]"
        )
        return DIFFERENT

    def _show_difference(self, step: Step) -> None:
        for name in COMPARED:
            before, now = step.line.get(name), step.replayed.get(name)
            if before != now:
                self._print("", f"line {step.number} differs in {name!r}", "bold red")
                self._print("", f"  recorded: {json.dumps(before)}", "red")
                self._print("", f"  now:      {json.dumps(now)}", "red")

    def _moved(self, line: Mapping[str, Any]) -> bool:
        return bool(line.get("state", self._state) != self._state)

    def _time(self, line: Mapping[str, Any]) -> str:
        at = line.get("at")
        return "" if at is None or self._began is None else f"{at - self._began:.3f}"

    def _print(self, time: str, text: str, style: str) -> None:
        room = max(40, self._console.width - 12)
        self._console.print(Text(f"{time:>10}  {one_line(text, room)}", style), soft_wrap=True)


def _headline(line: Mapping[str, Any]) -> str:
    """Say what was done to the core."""
    raised = f": {line['raises']}" if "raises" in line else ""
    match line.get("in") or line["do"]:
        case "opened":
            return f"transport {line['transport']} is open"
        case "closed":
            return f"transport {line['transport']} has ended: {line['reason']}"
        case "data":
            return f"transport {line['transport']} received {line['bytes']} bytes{_wire(line)}"
        case "timer":
            return "a timer fires"
        case "execute":
            on = f" on {' '.join(line['on'])}" if "on" in line else ""
            return f"the program asks: {line['command']['method']}{on}{raised}"
        case "accept":
            return f"the program accepts calls: {line['calls']}"
        case "wait_for":
            return f"the program waits until {line['on'][0]} is {line['state_wanted']}"
        case done:
            return f"the program calls: {done}{raised}"


def _wire(line: Mapping[str, Any]) -> str:
    """Say what else the WebSocket received: texts are shown as frames, below the line."""
    said = [" ".join(map(str, event)) for event in line.get("wire", ()) if event[0] != "text"]
    return f": {', '.join(said)}" if said else ""


def _say(output: list[Any]) -> str:
    """Say what an output is. Bytes are left out, because their frames are shown."""
    match output:
        case ["frame", sign, str(text)]:
            return f"{sign} {_frame(text)}"
        case ["send", *_]:
            return ""
        case ["settled", number, *rest]:
            what = f"request {number}" if number else "wait"
            return f"  {what} done: {' '.join(map(str, rest))}"
        case _:
            return "  " + " ".join(str(part) for part in output if part is not None)


def _frame(text: str) -> str:
    """Show a frame: its method or kind, the beginning of its id, and its content."""
    frame = decode_any(text.encode(errors="replace"))
    if not is_object(frame) or "id" not in frame:
        return text
    name = f"#{str(frame['id'])[:6]}"
    match frame:
        case {"method": "signalwire.event", "params": {"event_type": event_type, "params": said}}:
            return f"{event_type} {name} {json.dumps(said)}"
        case {"method": method, "params": said}:
            return f"{method} {name} {json.dumps(said)}"
        case {"result": said}:
            return f"reply {name} {json.dumps(said)}"
        case {"error": said}:
            return f"error {name} {json.dumps(said)}"
        case _:
            return text
