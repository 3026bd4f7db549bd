"""Mutation testing: ``python tests/mutation.py pending timers`` prints what survives.

cosmic-ray makes the mutants of a module of `relay_proto`; each is run, in a copy of the
sources, against the tests that belong to it. Not by cosmic-ray: half of the time would
go into starting Python. Here each mutant is tested in a fork of one process.
"""

from __future__ import annotations

import argparse
import difflib
import importlib
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
PATIENCE: Final = 60.0
"""Seconds for the tests of one mutant; one that takes longer counts as found."""
SHAPES: Final = "unit/test_shapes.py"
TESTS: Final[Mapping[str, str]] = {
    "errors": "unit/test_errors.py",
    "config": "unit/test_config.py",
    "timers": "unit/test_timers.py property/test_timers_laws.py",
    "pending": "unit/test_pending.py",
    "rpc/frames": "unit/test_frames.py property/test_frames_laws.py",
    "rpc/masking": "unit/test_scrub.py property/test_scrub_laws.py",
    "rpc/names": "unit/test_scrub.py",
    "display": "unit/test_scrub.py property/test_scrub_laws.py",
    "rpc/event_base": "unit/test_event.py unit/test_events.py property/test_events_laws.py",
    "rpc/events": "unit/test_events.py property/test_events_laws.py",
    "api/outcomes": "unit/test_outcomes.py",
    "api/results": "unit/test_results.py",
    "core": "unit/test_core.py",
    "rpc/action_kinds": "unit/test_actions.py",
    "calls/calls": "unit/test_client_calls.py unit/test_client_actions.py"
    " unit/test_session_reconnect.py",
    "calls/messages": "unit/test_client_messages.py",
    "adapter/narration": "unit/test_narration.py",
    "adapter/connection_errors": "unit/test_adapter_edges.py",
    "adapter/logs": "unit/test_adapter_edges.py",
    "adapter/record_file": "unit/test_adapter_edges.py",
    "adapter/slots": "unit/test_adapter_edges.py",
    "adapter/sockets": "unit/test_adapter_edges.py",
    "adapter/tls": "unit/test_adapter_edges.py",
    "api/routes": "unit/test_routes.py",
    "link/backoff": "unit/test_session_reconnect.py unit/test_session_auth.py"
    " unit/test_retry_after.py",
    "link/login": "unit/test_login.py unit/test_session_auth.py",
    "link/pace": "unit/test_pace.py",
    "link/resume": "unit/test_session_resume.py unit/test_session_auth.py",
    "calls/recent": "unit/test_client_events.py unit/test_client_bounds.py",
    "link/requests": "unit/test_client_requests.py unit/test_session_reconnect.py",
    "link/liveness": "unit/test_session_liveness.py",
    "link/session": "unit/test_session_auth.py unit/test_session_liveness.py"
    " unit/test_session_reconnect.py unit/test_session_resume.py unit/test_client_close.py",
    "calls/dials": "unit/test_client_dial.py unit/test_client_legs.py",
    "wire/websocket": "unit/test_wire.py property/test_wire_laws.py",
    "wire/long_path": "unit/test_wire.py property/test_wire_laws.py",
}
"""The tests of each module; those of others would find more, and take longer."""
OPTIONS: Final = (
    "-q -x --tb=no -p no:cacheprovider -W ignore::pytest.PytestAssertRewriteWarning".split()
)
"""The warning is about what was imported before the fork."""
EXCLUDED: Final = re.compile(
    r"core/(ReplaceBinaryOperator_BitOr_.*|ReplaceComparisonOperator_(Is_Eq|IsNot_NotEq)|Variable.*)"
)
"""Unions in annotations, which nothing reads while the code runs but for those of a Struct;
`==` for `is`, which is the same for enums and None; and what needs arguments."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python tests/mutation.py", description=__doc__)
    parser.add_argument("modules", nargs="+", choices=TESTS, metavar="MODULE")
    args = parser.parse_args()
    os.environ["CI"] = "1"  # hypothesis repeats itself
    sys.dont_write_bytecode = True  # a mutant may have the size and the time of another
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in ("relay_proto", "tests"):
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", copy)
        os.chdir(copy)
        sys.path[0] = str(copy)
        for name in ("hypothesis.stateful", "msgspec", "pytest", "wsproto"):
            importlib.import_module(name)  # what every fork would have to load
        for module in args.modules:
            print(run(module, copy), flush=True)
    return 0


def run(module: str, copy: Path) -> str:
    """Run all mutants of one module; returns the score."""
    path = copy / "relay_proto" / f"{module}.py"
    tests = [f"tests/{test}" for test in [SHAPES, *TESTS[module].split()]]
    source = path.read_text()
    if not passes(tests):
        raise SystemExit(f"the tests of {module} fail without any mutation")
    killed = total = 0
    for operator, mutant in mutants(source):
        total += 1
        path.write_text(mutant)
        if passes(tests):
            lines = difflib.unified_diff(source.splitlines(), mutant.splitlines(), n=0, lineterm="")
            print(f"survived: {module} {operator}", *list(lines)[2:], sep="\n", flush=True)
        else:
            killed += 1
    path.write_text(source)
    return f"{module}: {killed} of {total} mutants killed ({killed / total:.1%})"


def mutants(source: str) -> Iterator[tuple[str, str]]:
    """Every mutant of `source`, behind the name of what made it."""
    plugins = importlib.import_module("cosmic_ray.plugins")
    mutating = importlib.import_module("cosmic_ray.mutating")
    for name in sorted(plugins.operator_names()):
        if EXCLUDED.fullmatch(name):
            continue
        occurrence = 0
        operator = plugins.get_operator(name)()
        while (mutant := mutating.mutate_code(source, operator, occurrence)) is not None:
            occurrence += 1
            yield name, mutant


def passes(tests: list[str]) -> bool:
    """Whether the tests pass on what lies in the copy now."""
    child = os.fork()
    if child == 0:
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nowhere, stream)
        pytest = importlib.import_module("pytest")
        os._exit(int(pytest.main([*OPTIONS, *tests])))
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status == 0
        time.sleep(0.02)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


if __name__ == "__main__":
    sys.exit(main())
