"""``relay lab``: each command does in the running lab what it says."""

from __future__ import annotations

import io
import json
import re
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

import relay_sync
from relay_anyio.cli import main
from relay_anyio.lab import commands
from relay_anyio.lab.arguments import FAULTS
from relay_anyio.lab.commands import COMMANDS
from tests.lab.conftest import Start
from tests.lab.harness import ANN, OFFICE, PATIENCE, LabRunner

SCENARIO: Final = '[[callers]]\nat = 3600\n[[faults]]\ndo = "cut"\nat = 3600\n'


class Shell:
    """Runs commands against a lab."""

    def __init__(self, lab: LabRunner, captured: pytest.CaptureFixture[str]) -> None:
        self.lab = lab
        self._captured = captured

    def run(self, *arguments: str, code: int = 0) -> str:
        """Run a command; return what it prints, or the error if it has another code."""
        assert main(["lab", "--lab", self.lab.url, *arguments]) == code
        printed = self._captured.readouterr()
        return printed.err if code else printed.out


@pytest.fixture
def shell(lab: LabRunner, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(lab, capsys)


def listen(call: relay_sync.Call) -> None:
    call.answer()
    call.wait_for_ended()


def reply(message: relay_sync.Message) -> None:
    message.reply("Hello")


@contextmanager
def program(lab: LabRunner) -> Generator[relay_sync.RelayClient]:
    client = lab.client()
    client.on_call(listen)
    client.on_message(reply)
    with client:
        yield client


def test_somebody_calls_presses_speaks_and_hangs_up(shell: Shell) -> None:
    lab = shell.lab
    with program(lab):
        line = shell.run("call", "--from", ANN)
        assert f"{ANN} to {OFFICE}  ringing" in line
        call_id = lab.call("last")["id"]
        lab.until_call(call_id, lambda now: now["state"] == "answered")
        assert "can press, say, hangup" in shell.run("press", "12")
        assert shell.run("say", call_id[:6], "Hello there").startswith(call_id[:8])
        lab.until("/api/events?what=said", lambda now: bool(now["events"]))
        assert "ended (hangup)" in shell.run("hangup", "last")
    events = shell.run("events", "--call", call_id)
    assert [line.split("  ")[-1] for line in events.splitlines() if "  caller " in line] == [
        f"calls {OFFICE} from {ANN}",
        "presses 1",
        "presses 2",
        "says “Hello there”",
        "ends the call: hangup",
    ]
    assert shell.run("calls").count("\n") == 1
    assert json.loads(shell.run("calls", "--json"))[0]["id"] == call_id


def test_a_script_comes_from_a_file(shell: Shell, tmp_path: Path) -> None:
    script = tmp_path / "script.toml"
    script.write_text('script = [{wait = 0.1}, {press = "5"}, "hang up"]')
    with program(shell.lab):
        call = json.loads(shell.run("call", "--json", "--script", str(script)))
        shell.lab.until_call(call["id"], lambda now: now["state"] == "ended")
    [pressed] = shell.lab.get("/api/events?what=pressed")["events"]
    assert pressed["details"] == {"digit": "5"}


@pytest.mark.parametrize(
    ("text", "words"), [("script = [", "is not TOML"), ("steps = []", "has no script")]
)
def test_a_wrong_script(shell: Shell, tmp_path: Path, text: str, words: str) -> None:
    script = tmp_path / "script.toml"
    script.write_text(text)
    assert words in shell.run("call", "--script", str(script), code=1)


def test_a_call_that_nobody_serves(shell: Shell) -> None:
    assert shell.run("call", code=1) == (
        "relay: the call has ended at once: the lab reaches no program: no program is connected\n"
    )


def test_a_text_that_nobody_gets(shell: Shell) -> None:
    said = shell.run("text", "--from", ANN, "Hi", code=1)
    assert f"{ANN} to {OFFICE}  undelivered" in said
    assert said.endswith(": the lab reaches no program: no program is connected\n")
    shown = json.loads(shell.run("--json", "text", "--from", ANN, "Hi"))
    assert shown["state"] == "undelivered"


def test_which_call_is_meant(shell: Shell) -> None:
    assert shell.run("hangup", code=1).startswith("relay: there is no call for hangup now")
    with program(shell.lab):
        shell.run("call")
        shell.run("call")
        words = shell.run("hangup", code=1)
        assert words.startswith("relay: there is more than one such call: name one of them.\n  ")
        assert words.count("\n") == 3
        assert shell.run("hangup", "zz", code=1).startswith("relay: there is no call zz")
        shell.run("hangup", "last")
        shell.run("hangup")


def test_the_call_that_was_placed_by_hand_is_meant(shell: Shell, tmp_path: Path) -> None:
    script = tmp_path / "script.toml"
    script.write_text("script = [{wait = 600}]")
    with program(shell.lab):
        shell.run("call", "--script", str(script))
        by_hand = shell.run("--json", "call")
        shell.run("call", "--script", str(script))
        call_id = json.loads(by_hand)["id"]
        assert shell.run("hangup").startswith(call_id[:8])
        assert "there is more than one such call" in shell.run("hangup", code=1)


def test_without_a_call_the_end_of_the_last_one_is_told(shell: Shell) -> None:
    with program(shell.lab):
        call = json.loads(shell.run("--json", "call", "--from", ANN))
        shell.lab.until_call(call["id"], lambda now: now["state"] == "answered")
        shell.run("hangup")
        words = shell.run("press", "1", code=1)
    assert words.startswith(
        f"relay: there is no call for press now: the last one, {ANN} to {OFFICE}, ended at "
    )
    assert words.endswith("; the person ended it (hangup)\n")


def test_json_may_stand_before_the_command(shell: Shell) -> None:
    assert shell.run("--json", "calls") == "[]\n"
    assert shell.run("--json", "save", code=1).startswith("relay: --json is for commands that list")


def test_a_call_to_any_context_has_the_one_that_was_used(shell: Shell) -> None:
    with program(shell.lab) as client:
        call = json.loads(shell.run("--json", "call"))
        shown = shell.lab.call(call["id"])
        assert shown["context"] in client.contexts


@pytest.mark.parametrize("act", ["answer", "decline"])
def test_a_phone_rings_and_is_answered_or_not(shell: Shell, act: str) -> None:
    lab = shell.lab
    assert shell.run("phones") == "no phones\n"
    assert shell.run("phone", ANN, "--name", "Ann").startswith(f"calls to {ANN} ring now")
    assert shell.run("phones") == f"{ANN}  Ann\n"
    with program(lab) as client:
        client.send_message(to_number=ANN, from_number=OFFICE, body="I call you")
        device = relay_sync.phone(ANN, OFFICE, timeout=30)
        with relay_sync_dial(client, device):
            lab.until("/api/calls", lambda now: any("answer" in c["can"] for c in now["calls"]))
            assert "  1 ring\n" in shell.run("phones")
            assert ("answered" if act == "answer" else "decline") in shell.run(act)
    assert shell.run("phone", ANN, "--remove") == f"{ANN} is no phone any more\n"


@contextmanager
def relay_sync_dial(client: relay_sync.RelayClient, device: relay_sync.Device) -> Generator[None]:
    """Dial in a thread of its own, whatever comes of it."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        dialed = pool.submit(client.dial, [[device]])
        yield
        dialed.exception(30)


def test_texts_numbers_and_programs_are_listed(shell: Shell) -> None:
    with program(shell.lab):
        assert f"{ANN} to {OFFICE}  received  “Hi”" in shell.run("text", "--from", ANN, "Hi")
        shell.lab.until("/api/texts", lambda now: len(now["texts"]) == 2)
        assert f"{OFFICE} to {ANN}" in shell.run("texts")
        assert "connected  office" in shell.run("programs")
    assert shell.run("number", ANN, "busy") == f"{ANN}  is busy\n"
    assert f"{ANN}  is busy\n" in shell.run("numbers")
    assert shell.run("number", ANN, "--reset").startswith(ANN)
    assert shell.run("number", ANN, code=1).startswith("relay: say what the number does")
    assert "'buzy' is not one of" in shell.run("number", ANN, "buzy", code=1)


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_a_command(shell: Shell, fault: str) -> None:
    arguments = ["--lasts", "0.01"] if fault in ("delay", "refuse-upgrades") else []
    assert shell.run(fault, *arguments) == f"{fault.replace('-', ' ')}: done\n"
    [event] = shell.lab.get("/api/events?what=faulted")["events"]
    assert event["details"]["fault"] == fault.replace("-", " ")


def test_a_scenario_is_played_and_stopped(shell: Shell, tmp_path: Path) -> None:
    scenario = tmp_path / "scenario.toml"
    scenario.write_text(SCENARIO)
    assert shell.run("play", str(scenario)) == "the scenario runs: 1 caller, 0 texts, 1 fault\n"
    assert shell.run("stop") == "stopped: a scenario that was sent\n"
    assert shell.run("stop", code=1) == ("relay: no scenario is played: relay lab play plays one\n")
    missing = tmp_path / "missing.toml"
    assert shell.run("play", str(missing), code=1) == (
        f"relay: {missing}: No such file or directory\n"
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"x", " is not TOML: Expected '='"),
        (b"\xff", " is not TOML: "),
        (b"[[callers]]\nscript = [{pres = '1'}]", ": callers (entry 1), script (entry 1): unknown"),
        (b"[[callers]]\nscript = [{}]", ": callers (entry 1), script (step 1): give one of hear"),
    ],
)
def test_a_wrong_scenario_is_named(shell: Shell, tmp_path: Path, text: bytes, words: str) -> None:
    scenario = tmp_path / "wrong.toml"
    scenario.write_bytes(text)
    assert shell.run("play", str(scenario), code=1).startswith(f"relay: {scenario}{words}")


def test_an_error_says_which_command_to_use_and_no_request(shell: Shell) -> None:
    refused = [
        (("phone", ANN, "--remove"), f"there is no phone {ANN}: relay lab phone adds one"),
        (("number", ANN, "--reset"), f"nobody has set {ANN}: relay lab number {ANN} does"),
        (("press", "last", "1"), "there is no call last: relay lab calls lists those"),
    ]
    for arguments, words in refused:
        assert words in shell.run(*arguments, code=1)
    shell.run("phone", ANN)
    said = shell.run("number", ANN, "busy", code=1)
    assert f"{ANN} is a phone: relay lab phone {ANN} --remove first" in said
    with program(shell.lab) as client:
        dialing = threading.Thread(target=client.dial_phone, args=(ANN, OFFICE))
        dialing.start()
        shell.lab.until(
            "/api/calls", lambda now: any("answer" in one["can"] for one in now["calls"])
        )
        said = shell.run("press", "last", "1", code=1)
        assert "relay lab calls says what `can` be done" in said
        shell.run("answer")
        dialing.join()


def test_every_request_in_an_error_is_told_as_a_command() -> None:
    folder = Path(commands.__file__).parent
    sources = (path.read_text("utf-8") for path in folder.glob("*.py"))
    told = re.compile(r"LabError\((?:[^()]|\([^()]*\))*?((?:GET|POST|PUT|DELETE) /api/[^\s\"]+)")
    requests = {found for source in sources for found in told.findall(source)}
    assert len(requests) > 3
    for request in requests:
        assert any(re.fullmatch(known, request) for known in commands.AS_COMMANDS), request


def test_what_was_done_is_saved_and_forgotten(shell: Shell) -> None:
    with program(shell.lab):
        shell.run("call")
        shell.run("hangup")
        source = shell.run("save", "--client", "app:client", "--call", "last")
        compile(source, "saved", "exec")
        shell.run("reset")
    assert shell.run("calls") == "no calls\n"


class Printed(io.StringIO):
    """Standard output of a thread. `capsys` loses what is written while it is read."""

    def __init__(self) -> None:
        super().__init__()
        self._grown = threading.Condition()

    def write(self, text: str, /) -> int:
        with self._grown:
            self._grown.notify_all()
            return super().write(text)

    def until(self, words: str) -> None:
        with self._grown:
            assert self._grown.wait_for(lambda: words in self.getvalue(), PATIENCE), self.getvalue()


def test_events_are_followed_until_the_lab_ends(
    lab: LabRunner, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    codes: list[int] = []
    printed = Printed()
    monkeypatch.setattr("sys.stdout", printed)
    with program(lab):
        lab.post("/api/texts", {"from": ANN, "body": "before"})
        arguments = ["lab", "--lab", lab.url, "events", "--follow", "--json", "--number", ANN]
        follower = threading.Thread(target=lambda: codes.append(main(arguments)))
        follower.start()
        printed.until("before")
        lab.post("/api/texts", {"from": "+1777", "body": "other"})
        lab.post("/api/texts", {"from": ANN, "body": "after"})
        printed.until("after")
        lab.do(lab.lab.hub.close)
        follower.join(PATIENCE)
    assert codes == [1]
    assert "other" not in printed.getvalue()
    assert capsys.readouterr().err.endswith("relay: the lab has ended\n")


def test_the_lab_is_found_by_the_environment_and_a_token_is_sent(
    start: Start, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = start(token="secret-0123")
    monkeypatch.setenv("RELAY_LAB", f"{lab.url}/")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    assert main(["lab", "calls"]) == 1
    assert capsys.readouterr().err.startswith("relay: this lab needs its token")
    monkeypatch.setenv("RELAY_LAB_TOKEN", "secret-0123")
    assert main(["lab", "calls"]) == 0
    assert main(["lab", "--token", "wrong", "calls"]) == 1


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://127.0.0.1:1", "relay: no lab answers at http://127.0.0.1:1 ("),
        ("localhost:8025", "relay: 'localhost:8025' is no URL of a lab"),
        ("http://a b", "relay: no lab answers at http://a b ("),
    ],
)
def test_no_lab(capsys: pytest.CaptureFixture[str], url: str, words: str) -> None:
    assert main(["lab", "--lab", url, "reset"]) == 1
    assert capsys.readouterr().err.startswith(words)


def test_something_else_answers(shell: Shell) -> None:
    shell.lab.url += "/static"
    words = shell.run("calls", code=1)
    assert words.startswith("relay: ")
    assert "404" in words or "nothing" in words


def test_every_command_has_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["lab", "--help"])
    shown = capsys.readouterr().out
    for name in {*COMMANDS, *FAULTS} - {"fault"}:
        assert f"\n    {name} " in shown or f"\n    {name}\n" in shown, name
        with pytest.raises(SystemExit, match="0"):
            main(["lab", name, "--help"])
        assert "usage: relay lab" in capsys.readouterr().out
