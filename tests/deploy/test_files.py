"""The files of ``examples/deploy``: their times fit together, and the tools of each accept them."""

from __future__ import annotations

import argparse
import json
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import pytest

from relay_proto.config import Timing
from relay_run import ExitCode
from relay_run.arguments import add_run
from relay_run.exit_codes import FOR_GOOD

DEPLOY: Final = Path(__file__).parents[2] / "examples" / "deploy"
SERVICE, DOCKERFILE = DEPLOY / "relay-ivr.service", DEPLOY / "Dockerfile"
KUBERNETES, GUNICORN = DEPLOY / "kubernetes.yaml", DEPLOY / "gunicorn.conf.py"
MARGIN: Final = 15
"""Seconds for a new worker to give up, and for the end after the drain."""
BIN: Final = Path(sys.executable).parent
HERE: Final = find_spec("gunicorn") is not None
"""Whether scripts/fleet has installed the tools."""
needs_tools = pytest.mark.skipif(not HERE, reason="scripts/fleet runs it, with the tools")


def settings() -> dict[str, list[str]]:
    """The settings of the unit, by name."""
    found: dict[str, list[str]] = {}
    for line in SERVICE.read_text().splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


def instructions() -> list[tuple[str, str]]:
    """The instructions of the Dockerfile, with their arguments on one line."""
    text = re.sub(r"\\\n\s*", "", DOCKERFILE.read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in lines]


def number(pattern: str, text: str) -> int:
    """The only number that a pattern finds."""
    [found] = re.findall(pattern, text)
    return int(found)


def options_of(words: Sequence[str]) -> argparse.Namespace:
    """The options as `relay run` reads them."""
    parser = argparse.ArgumentParser()
    add_run(parser.add_subparsers().add_parser)
    return parser.parse_args(words[1:])


def commands() -> dict[str, list[str]]:
    """The command of each file, without the folder of the program."""
    container = {name: json.loads(rest) for name, rest in instructions() if rest.startswith("[")}
    pod = re.findall(r"^ +- (--\S+)$", KUBERNETES.read_text(), re.MULTILINE)
    [started] = settings()["ExecStart"]
    return {
        "systemd": ["relay", *shlex.split(started)[1:]],
        "Docker": [*container["ENTRYPOINT"], *container["CMD"]],
        "Kubernetes": [*container["ENTRYPOINT"], *(part for o in pod for part in o.split("=", 1))],
    }


def test_each_grace_period_is_longer_than_the_drain_time() -> None:
    grace = {
        "systemd": int(settings()["TimeoutStopSec"][0]),
        "Docker": number(r"--stop-timeout (\d+)", DOCKERFILE.read_text()),
        "Kubernetes": number(r"terminationGracePeriodSeconds: (\d+)", KUBERNETES.read_text()),
    }
    options = {name: options_of(words) for name, words in commands().items()}
    drain = {name: given.drain for name, given in options.items()}
    assert drain == dict.fromkeys(grace, round(Timing().drain_timeout))
    assert grace == {name: seconds + MARGIN for name, seconds in drain.items()}
    assert 10 + Timing().close_timeout <= MARGIN


def test_a_worker_of_gunicorn_has_longer_than_its_drain_time() -> None:
    conf = runpy.run_path(str(GUNICORN))
    assert conf["graceful_timeout"] >= conf["DRAIN"] + 10


def test_the_numbers_in_comments_are_those_of_the_files() -> None:
    for path in (SERVICE, DOCKERFILE, KUBERNETES):
        assert number(r"drain time \((\d+) s\)", path.read_text()) == 30, path
        assert number(r"and (\d+) s for", path.read_text()) == MARGIN, path


def test_health_is_where_the_probes_look() -> None:
    text = KUBERNETES.read_text()
    port = number(r"containerPort: (\d+)", text)
    assert f"--health=0.0.0.0:{port}" in text
    assert re.findall(r"path: (\S+)", text) == ["/live", "/live", "/ready"]
    assert dict(instructions())["EXPOSE"] == str(port)


def test_programs_are_unprivileged() -> None:
    unit = settings()
    assert unit["DynamicUser"] == unit["NoNewPrivileges"] == ["yes"]
    user = dict(instructions())["USER"]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user), "a number: Kubernetes cannot check a name"
    text = KUBERNETES.read_text()
    assert f"runAsUser: {user.partition(':')[0]}" in text
    for setting in ("runAsNonRoot: true", "readOnlyRootFilesystem: true", "drop: [ALL]"):
        assert setting in text


def test_what_is_wrong_for_good_is_not_started_again() -> None:
    [codes] = settings()["RestartPreventExitStatus"]
    assert {int(code) for code in codes.split()} == FOR_GOOD | {ExitCode.WRONG_ARGUMENTS}


def test_signals_reach_the_supervisor() -> None:
    unit = settings()
    assert unit["KillMode"] == ["mixed"], "workers get no SIGTERM of their own"
    assert unit["KillSignal"] == ["SIGTERM"]
    assert unit["ExecReload"] == ["/bin/kill -HUP $MAINPID"]
    assert unit["Type"] == ["exec"], "relay run does not notify systemd"
    assert "WatchdogSec" not in unit
    assert dict(instructions())["STOPSIGNAL"] == "SIGTERM"


def run(*command: object) -> None:
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""


@needs_tools
def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    assert shutil.which("systemd-analyze"), "scripts/fleet installs systemd"
    program, text = "/srv/ivr/.venv/bin/relay", SERVICE.read_text()
    assert program in text
    unit = tmp_path / SERVICE.name
    unit.write_text(text.replace(program, "/bin/true"))  # systemd looks whether it is there
    run("systemd-analyze", "verify", unit)
    run("systemd-analyze", "security", "--offline=true", "--threshold=20", unit)


@needs_tools
def test_hadolint_accepts_the_dockerfile() -> None:
    run(BIN / "hadolint", DOCKERFILE)


@needs_tools
def test_kubernetes_accepts_the_manifests() -> None:
    run(BIN / "kubernetes-validate", "--quiet", "--strict", KUBERNETES)
