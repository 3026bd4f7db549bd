"""The command `relay` where it is hard to live: no home, no disk, no Unicode, no reader."""

from __future__ import annotations

import functools
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import relay_anyio
from relay_anyio.cli import main
from relay_proto import __version__

RELAY = Path(sys.executable).with_name("relay")
DEADLINE = 60.0
UNKNOWN_USER = 54321
"""Nobody has this id, as in a container that runs with any id."""
FULL_DISK = Path("/dev/full")
ASCII = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
SIM = ("sim", "--port", "0")
PACKAGES = os.pathsep.join(
    [
        *(path for path in sys.path if "site-packages" in path),
        str(Path(relay_anyio.__file__).parent.parent),
    ]
)

pytestmark = pytest.mark.skipif(
    not RELAY.exists() or sys.platform == "win32", reason="the command is not installed here"
)
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture(name="home")
def make_home() -> Iterator[Path]:
    """A directory that all users may enter and use."""
    with tempfile.TemporaryDirectory(prefix="relay-test-") as name:
        Path(name).chmod(0o777)
        yield Path(name)


def start(
    *arguments: str | Path, env: dict[str, str] | None = None, **options: Any
) -> subprocess.Popen[str]:
    """Run the command with nothing in its environment but `env`."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    command, env = [str(RELAY)], dict(env or {})
    if "user" in options:
        command = [python_of(options["user"]), "-m", "relay_anyio"]
        env["PYTHONPATH"] = PACKAGES
        options |= {"group": options["user"], "extra_groups": []}
    command += map(str, arguments)
    return subprocess.Popen(command, env=env, cwd="/", text=True, errors="replace", **options)


@functools.cache
def python_of(user: int) -> str:
    """An interpreter of this version that another user can run, with our packages."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for python in (sys.executable, f"/usr/bin/{version}", f"/usr/local/bin/{version}"):
        with suppress(OSError):
            found = subprocess.run(
                [python, "-c", "import relay_anyio.cli"],
                env={"PYTHONPATH": PACKAGES},
                user=user,
                group=user,
                extra_groups=[],
                cwd="/",
                capture_output=True,
                check=False,
                timeout=DEADLINE,
            )
            if found.returncode == 0:
                return python
    pytest.skip("no other user can run an interpreter with our packages here")


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Its exit code, its output, and what it has said on stderr."""
    try:
        out, err = (said or "" for said in process.communicate(timeout=DEADLINE))
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    assert "Traceback" not in err, err
    assert "Exception ignored" not in err, err
    return process.returncode, out, err


def relay(*arguments: str | Path, **options: Any) -> tuple[int, str, str]:
    return finish(start(*arguments, **options))


def first_lines_of_sim(process: subprocess.Popen[str]) -> list[str]:
    """Wait until a simulator listens, and end it; what has it said?"""
    assert process.stdout is not None
    lines = [process.stdout.readline()]
    while "API_TOKEN" not in lines[-1]:
        lines.append(process.stdout.readline())
        assert lines[-1], finish(process)
    process.terminate()
    return lines


HOMELESS: dict[str, dict[str, Any]] = {
    "no variables": {},
    "an unknown user": {"user": UNKNOWN_USER},
    "a home that is not there": {"env": {"HOME": "/dev/null/home"}},
    "a home that is empty": {"env": {"HOME": ""}},
    "an unknown user at /": {"env": {"HOME": "/"}, "user": UNKNOWN_USER},
}


@pytest.fixture(params=HOMELESS)
def homeless(request: pytest.FixtureRequest) -> dict[str, Any]:
    options = HOMELESS[request.param]
    if "user" in options and os.geteuid() != 0:
        pytest.skip("only root can become another user")
    return options


# Homes and disks


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["sim", "--help"]])
def test_it_says_what_it_is_without_a_home(
    homeless: dict[str, Any], arguments: Sequence[str]
) -> None:
    code, out, err = relay(*arguments, **homeless)
    assert (code, err) == (0, "")
    assert __version__ in out or "usage: relay" in out


def test_the_demo_needs_no_home(homeless: dict[str, Any]) -> None:
    code, out, _ = relay("demo", **homeless)
    assert code == 0
    assert "The call went as expected." in out


@as_root
@pytest.mark.parametrize("env", [{}, {"HOME": "/"}])
def test_without_a_place_the_authority_is_not_kept_and_that_is_said(
    home: Path, env: dict[str, str]
) -> None:
    process = start(*SIM, env={**env, "TMPDIR": str(home)}, user=UNKNOWN_USER)
    lines = first_lines_of_sim(process)
    code, _, err = finish(process)
    assert code == 0
    assert "the certificate authority is not kept" in err
    assert "--state" in err
    assert any(f"{home}/relay-sim-" in line for line in lines)
    assert list(home.iterdir()) == []


def test_the_authority_is_kept_where_there_is_a_place(home: Path) -> None:
    for env in ({"XDG_CACHE_HOME": str(home)}, {"HOME": str(home)}):
        process = start(*SIM, env=env)
        first_lines_of_sim(process)
        code, _, err = finish(process)
        assert (code, err) == (0, "")
    assert (home / "relay-sim" / "ca.pem").exists()
    assert (home / ".cache" / "relay-sim" / "ca.pem").exists()


def test_a_state_directory_that_cannot_be_made_is_a_sentence() -> None:
    code, _, err = relay(*SIM, "--state", "/dev/null/state")
    assert code == 1
    assert err.startswith("relay: ")
    assert err.count("\n") == 1
    assert "/dev/null/state" in err


NO_TEMPORARY_FILES = """
import sys, tempfile
tempfile._candidate_tempdir_list = lambda: ["/dev/null/none"]  # as if all were read-only
from relay_anyio.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize(
    ("arguments", "code"), [(["demo"], 1), ([*SIM], 1), ([*SIM, "--state", "HOME"], 0)]
)
def test_without_temporary_files_it_says_which_variable_to_set(
    home: Path, arguments: list[str], code: int
) -> None:
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            NO_TEMPORARY_FILES,
            *(a.replace("HOME", str(home)) for a in arguments),
        ],
        env={"HOME": "/dev/null/home"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    if code == 0:
        first_lines_of_sim(process)
    exit_code, _, err = finish(process)
    assert exit_code == code
    assert ("set TMPDIR" in err) is bool(code)
    assert not list(home.glob("files-*")), "recordings and faxes had no other place than this"


def test_the_demo_says_at_once_that_nothing_can_be_recorded() -> None:
    code, out, err = relay("demo", "--record", "/dev/null/incident.jsonl")
    assert (code, out) == (1, "")
    assert err == "relay: /dev/null/incident.jsonl: Not a directory\n"


# Terminals


@pytest.mark.parametrize("env", [ASCII, {**ASCII, "TERM": "dumb"}, {"PYTHONIOENCODING": "latin-1"}])
def test_the_demo_and_the_replay_are_plain_where_they_must(home: Path, env: dict[str, str]) -> None:
    record = home / "incident.jsonl"
    code, out, err = relay("demo", "--sync", "--record", record, env=env)
    assert code == 0, err
    assert 'plays "Thank you for calling.' in out
    assert "Starting the simulator ..." in out
    record.write_text(record.read_text().replace('"reason":"', '"reason":"Grüße …'))
    code, out, err = relay("replay", record, "--all", env=env)
    assert err == ""
    assert out.isascii() or "latin-1" in env.values()
    assert "Gr" in out


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["--version"], 0), (["--help"], 0), (["demo"], 0), (["replay", "/dev/null"], 2)],
)
def test_nothing_is_needed_to_write_to(arguments: Sequence[str], code: int) -> None:
    def close() -> None:
        for descriptor in (0, 1, 2):
            os.close(descriptor)

    process = start(*arguments, stdout=None, stderr=None, preexec_fn=close)
    assert finish(process)[0] == code


@pytest.mark.skipif(not FULL_DISK.exists(), reason="this system has no disk that is always full")
@pytest.mark.parametrize(
    "arguments", [["--version"], ["--help"], ["demo"], ["demo", "--help"], [*SIM], [*SIM, "--json"]]
)
def test_a_full_disk_is_a_sentence(arguments: Sequence[str], home: Path) -> None:
    with FULL_DISK.open("w") as disk:
        code, _, err = relay(*arguments, stdout=disk, env={"HOME": str(home)})
    assert code == 1
    assert err == "relay: the output cannot be written: [Errno 28] No space left on device\n"


@pytest.mark.parametrize("arguments", [["--help"], ["demo"], [*SIM], [*SIM, "--json"]])
def test_it_ends_quietly_when_nobody_reads(arguments: Sequence[str], home: Path) -> None:
    process = start(*arguments, env={"HOME": str(home)})
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    code, _, err = finish(process)
    assert (code, err) == (141, "")


# Signals, ports and files


def test_a_port_in_use_is_a_sentence(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, out, err = relay("sim", "--port", str(port), env={"HOME": str(home)})
    assert (code, out) == (1, "")
    assert err.startswith(f"relay: port {port} cannot be used (")
    assert err.endswith("choose another with --port\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_simulator_runs_until_it_is_told_to_end(home: Path, number: int) -> None:
    process = start(*SIM, env={"HOME": str(home)})
    assert process.stdout is not None
    while "API_TOKEN" not in process.stdout.readline():
        pass
    process.send_signal(number)
    assert finish(process)[0] == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_demo_leaves_no_process_behind(home: Path, number: int, code: int) -> None:
    process = start("demo", env={"TMPDIR": str(home)})
    assert process.stdout is not None
    while "starts session" not in process.stdout.readline():
        pass
    process.send_signal(number)
    # The pipes end when the last process that has them is gone.
    assert finish(process)[0] == code
    assert list(home.iterdir()) == []


FILES = {"nothing": None, "text": b"Dear diary\n", "bytes": b"\xff\xfe\x00\n", "empty": b"{}\n"}


@pytest.mark.parametrize("name", [*FILES, "directory"])
def test_what_cannot_be_replayed_has_a_code_of_its_own(home: Path, name: str) -> None:
    path = home if name == "directory" else home / name
    if FILES.get(name):
        path.write_bytes(FILES[name] or b"")
    code, out, err = relay("replay", path)
    assert code == 2
    assert (out + err).count("\n") == 1


def test_the_exit_codes_are_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    said = capsys.readouterr().out
    for code in (0, 1, 2, 130, 141, 143):
        assert f"\n  {code} " in said
