"""`relay run`: MODULE:CLIENT, HOST:PORT and log lines; words for what is wrong with them."""

from __future__ import annotations

import json
import logging
import re
import sys
import traceback
import types
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from relay_anyio.cli import main
from relay_proto.adapter.clients import ClientBase
from relay_proto.errors import LocalProtocolError
from relay_run.addresses import cannot_listen, listen, parse_address
from relay_run.exit_codes import ExitCode
from relay_run.logs import JSONFormatter, TextFormatter
from relay_run.target import TargetError, check_target, is_blocking, load
from relay_run.tracebacks import of_the_program
from relay_run.watcher import CannotWatchError, watching

SHOP = """
import relay_anyio, relay_sync
given = dict(project="p", token="t", host="localhost:1")
client = relay_anyio.RelayClient(**given)
blocking = relay_sync.RelayClient(**given)

def make():
    return client

def three():
    return 3

def needs(x):
    return client

async def later():
    return client

class office:
    client = client
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module to load from."""
    (tmp_path / "run_target_shop.py").write_text(SHOP, "utf-8")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.delitem(sys.modules, "run_target_shop", raising=False)
    return "run_target_shop"


@pytest.fixture
def root_logger() -> Generator[None]:
    """Put the handlers back that `relay run` replaces."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)


@pytest.mark.parametrize("name", ["client", "make", "office.client"])
def test_a_client_may_be_made_and_may_be_anywhere(shop: str, name: str) -> None:
    client: ClientBase[Any, Any, Any] = load(f"{shop}:{name}")
    assert not is_blocking(client)
    assert is_blocking(load(f"{shop}:blocking"))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nobody", "did you mean run_target_shop:client?"),
        ("three", "returns 3, which is no RelayClient"),
        ("given", "which is no RelayClient"),
        ("needs", "cannot be called without arguments"),
        ("later", "is an async function"),
    ],
)
def test_what_is_no_client_is_said_in_words(shop: str, name: str, words: str) -> None:
    with pytest.raises(TargetError) as found:
        load(f"{shop}:{name}")
    assert words in str(found.value)


@pytest.mark.parametrize("which", ["relay_anyio", "relay_sync"])
def test_a_module_that_runs_its_client_is_told_where_to_do_that(
    which: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would take calls, and be killed with them because it does not start."""
    source = (
        f"from {which} import RelayClient\n"
        "client = RelayClient(project='p', token='t', host='localhost:1')\n"
        "client.run()\n"
    )
    (tmp_path / f"run_target_{which}.py").write_text(source, "utf-8")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    for _ in range(2):
        with pytest.raises(LocalProtocolError, match="below a line with: if __name__ == '__main"):
            load(f"run_target_{which}:client")


def test_in_another_thread_a_client_may_run_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be another client, in a thread of the program's own."""
    source = (
        "import threading\n"
        "from relay_sync import RelayClient\n"
        "client = RelayClient(project='p', token='t', host='localhost:1')\n"
        "other = RelayClient(project='p', token='t', host='localhost:1')\n"
        "runs = threading.Thread(target=other.run)\n"
        "runs.start()\n"
        "while runs.is_alive():\n"
        "    other.disconnect()\n"
        "    runs.join(0.01)\n"
    )
    (tmp_path / "run_target_threads.py").write_text(source, "utf-8")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    assert is_blocking(load("run_target_threads:client"))


def test_a_name_that_is_taken_by_python_is_said_in_words() -> None:
    with pytest.raises(TargetError, match="it is a module of Python, so give yours another name"):
        load("queue:client")


def test_a_module_that_is_not_there_differs_from_one_that_lacks_another(
    shop: str, tmp_path: Path
) -> None:
    with pytest.raises(TargetError, match="there is no module 'run_target_nowhere'"):
        load("run_target_nowhere.calls:client")
    (tmp_path / "run_target_lacks.py").write_text("import run_target_nowhere", "utf-8")
    with pytest.raises(ModuleNotFoundError, match="run_target_nowhere"):
        load("run_target_lacks:client")


FAILS = """
import json
from relay_anyio import RelayClient

def make():
    return RelayClient(token="t", host="localhost:1")

def breaks():
    try:
        json.loads("{")
    except ValueError as error:
        raise RuntimeError("no settings") from error
"""


def failure(target: str) -> list[str]:
    """The lines of the traceback that is shown."""
    with pytest.raises(Exception) as found:  # noqa: PT011 - whatever the program raises
        load(target)
    here = found.value.__traceback__
    assert here is not None
    return traceback.format_exception(of_the_program(found.value.with_traceback(here.tb_next)))


def test_the_traceback_has_the_frames_of_the_program_alone(
    shop: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / f"{shop}.py").write_text(FAILS, "utf-8")
    monkeypatch.delenv("SIGNALWIRE_PROJECT_ID", raising=False)
    text = "".join(failure(f"{shop}:make"))
    assert re.findall(r'File ".*/(\S+)", line (\d+)', text) == [("run_target_shop.py", "6")]
    assert "SIGNALWIRE_PROJECT_ID" in text
    text = "".join(failure(f"{shop}:breaks"))
    files = re.findall(r'File ".*/(\S+)", line', text)
    assert files[0] == files[-1] == "run_target_shop.py"
    assert "decoder.py" in files  # what the program itself has called
    assert "target.py" not in files


def test_a_syntax_error_shows_its_place_and_no_frames(shop: str, tmp_path: Path) -> None:
    (tmp_path / f"{shop}.py").write_text("this is no Python", "utf-8")
    text = "".join(failure(f"{shop}:client"))
    assert "importlib" not in text
    assert "Traceback" not in text
    assert "this is no Python\n" in text


def test_of_a_chain_without_end_only_a_part_is_looked_at() -> None:
    first, second = ValueError("first"), ValueError("second")
    first.__context__, second.__context__ = second, first
    assert of_the_program(first) is first


@pytest.mark.parametrize(
    ("loop", "package"), [("trio", "'relay-proto[trio]'"), ("uvloop", "uvloop")]
)
def test_an_event_loop_that_is_not_installed_is_one_line(
    loop: str, package: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, loop, None)
    assert main(["run", "shop:client", "--loop", loop]) == ExitCode.NO_CLIENT
    assert capsys.readouterr().err == f"relay: --loop {loop} needs {loop}: pip install {package}\n"


@pytest.mark.parametrize(
    ("directory", "words"),
    [(".", "--reload needs watchfiles: pip install"), ("nowhere", "there is no such directory")],
)
def test_what_cannot_be_watched_is_a_wrong_argument(
    directory: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = types.ModuleType("watchfiles") if directory == "nowhere" else None
    monkeypatch.setitem(sys.modules, "watchfiles", found)
    with pytest.raises(CannotWatchError, match=words), watching([directory], lambda: None):
        pass


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("shop", "write it like shop:client"),
        ("shop.py:app", "like shop:app"),
        ("./shop/calls.py", "like shop.calls:client"),
        ("shop calls:client", "is not MODULE:CLIENT"),
        ("shop:", "is not MODULE:CLIENT"),
        ("", "does not say which client"),
    ],
)
def test_a_target_that_can_be_none_is_refused_at_once(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        check_target(text)


@pytest.mark.parametrize(
    ("text", "address"),
    [("127.0.0.1:80", ("127.0.0.1", 80)), ("[::1]:0", ("::1", 0)), ("pod:8", ("pod", 8))],
)
def test_an_address(text: str, address: tuple[str, int]) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["8080", ":8080", "::1:8080", "a:b", "a:99999", ""])
def test_no_address(text: str) -> None:
    with pytest.raises(ValueError, match="write"):
        parse_address(text)


@pytest.mark.parametrize(
    "arguments",
    [
        ["shop"],
        ["shop:client", "--workers", "0"],
        ["shop:client", "--workers", "many"],
        ["shop:client", "--health", "8080"],
        ["shop:client", "--drain", "soon"],
        ["shop:client", "--loop", "curio"],
        ["shop:client", "--app-dir", "nowhere"],
    ],
)
def test_wrong_arguments_end_with_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as found:
        main(["run", *arguments])
    assert found.value.code == 2
    assert "relay run: error" in capsys.readouterr().err


def test_a_current_directory_that_is_gone_is_said_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(SystemExit) as found:
        main(["run", "shop:client"])
    assert found.value.code == 2
    words = "argument --app-dir: the current directory cannot be used: No such file or directory"
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("host", ["a..b", "a" * 70, "a\udc80"])
def test_what_can_be_no_host_is_no_address_to_listen_at(host: str) -> None:
    with pytest.raises(OSError, match="valid name") as found:
        listen(host, 8080)
    words = cannot_listen(f"{host}:8080", found.value)
    assert words.endswith(
        "(it is not a valid name of a host): choose another address with --health"
    )


@pytest.mark.usefixtures("root_logger")
def test_such_a_host_ends_relay_run_as_every_wrong_address_does(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["run", "shop:client", "--health", "a..b:8080"]) == ExitCode.CANNOT_START
    assert "cannot serve health at a..b:8080 (it is not a valid name" in capsys.readouterr().err


def record(**extra: object) -> logging.LogRecord:
    made = logging.LogRecord("shop", logging.INFO, "shop.py", 1, "hello %s", ("…",), None)
    made.__dict__.update(extra)
    return made


def test_a_json_line_has_what_the_line_was_given() -> None:
    line = json.loads(JSONFormatter(3).format(record(call_id="c-1", order={1, 2}, created=0.5)))
    assert line["time"].startswith("1970-01-01T00:00:00")
    assert line | {"time": ""} == {
        "time": "",
        "level": "INFO",
        "logger": "shop",
        "message": "hello …",
        "worker": 3,
        "call_id": "c-1",
        "order": "{1, 2}",
    }


def test_a_json_line_is_one_line_with_its_traceback() -> None:
    error = RuntimeError("first\nsecond")
    failed = record(exc_info=(type(error), error, None), stack_info="here")
    text = JSONFormatter(0).format(failed)
    assert "\n" not in text
    assert "RuntimeError: first\nsecond" in json.loads(text)["traceback"]
    assert json.loads(text)["stack"] == "here"
    assert "worker" not in json.loads(text)


class Wordless:
    def __repr__(self) -> str:
        raise ZeroDivisionError("it has no words")


CYCLE: list[object] = []
CYCLE.append(CYCLE)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({(1, 2): 3}, "{(1, 2): 3}"),
        (CYCLE, "[[...]]"),
        (float("nan"), "nan"),
        ([float("-inf")], "[-inf]"),
        (Wordless(), "<a Wordless, whose repr has failed>"),
        ({"nested": [Wordless()]}, {"nested": ["<a Wordless, whose repr has failed>"]}),
        ({1: Wordless(), (): 1}, "<a dict, whose repr has failed>"),
        ("\n", "\n"),
    ],
)
def test_no_value_of_the_program_loses_a_json_line(value: object, shown: object) -> None:
    text = JSONFormatter(3).format(record(given=value, call_id="c-1", **{"a\nb": 1}))
    assert "\n" not in text

    def refuse(constant: str) -> object:
        raise ValueError(f"{constant} is not JSON")

    line = json.loads(text, parse_constant=refuse)
    assert line["given"] == shown
    assert (line["message"], line["worker"], line["call_id"]) == ("hello …", 3, "c-1")
    assert line["a\nb"] == 1


def test_a_field_of_the_program_does_not_replace_one_of_ours() -> None:
    ours = ("time", "level", "logger", "worker", "stack", "traceback")
    error = RuntimeError("ours")
    theirs: dict[Any, Any] = dict.fromkeys((*ours, "extra_level", "else"), "theirs")
    made = record(exc_info=(type(error), error, None), stack_info="ours", **theirs)
    made.__dict__.update({5: "a number"})  # type: ignore[dict-item]
    line = json.loads(JSONFormatter(3).format(made))
    assert [name for name in ours if line[name] == "theirs"] == []
    assert [line[f"extra_{name}"] for name in (*ours, "extra_level")] == ["theirs"] * 7
    assert line["else"] == "theirs"
    assert line["5"] == "a number"
    of_the_supervisor = json.loads(JSONFormatter(0).format(record(worker=2, traceback="…")))
    assert (of_the_supervisor["worker"], of_the_supervisor["traceback"]) == (2, "…")


@pytest.mark.parametrize("argument", [3, Wordless()])
def test_a_message_that_cannot_be_filled_in_is_a_json_line(argument: object) -> None:
    made = logging.LogRecord("shop", logging.INFO, "shop.py", 1, "hello %s %r", (argument,), None)
    line = json.loads(JSONFormatter(0).format(made))
    assert line["message"].startswith("'hello %s %r' (which cannot be filled in: ")


def test_a_line_for_people_may_have_any_id_of_a_call() -> None:
    assert TextFormatter(0).format(record(call_id=5)).endswith("shop: hello … [call 5]")
    assert TextFormatter(0).format(record(call_id=None)).endswith("shop: hello …")


def test_a_line_for_people_says_of_which_worker_and_call_it_is() -> None:
    assert (
        TextFormatter(3)
        .format(record(call_id="c-1"))
        .endswith("INFO [worker 3] shop: hello … [call c-1]")
    )
    assert TextFormatter(0).format(record()).endswith("INFO shop: hello …")
