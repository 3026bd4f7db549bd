"""Fuzz with atheris: ``python -m tests.fuzz --seconds 10`` takes one target after another.

What is found stays in ``fuzz-new/``, for ``python -m tests.fuzz.smallest``; an input at
which a target fails in ``fuzz-failures/``, and runs again with ``--replay FILE``.
"""

from __future__ import annotations

import argparse
import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

NAMES: Final = ("wire-client", "wire-server", "frames", "events", "client", "recording")
INSTRUMENTED: Final = ["relay_proto"]
LIBRARIES: Final = ["wsproto", "h11"]
"""Watched as well where the wire itself is the target; else they cost a tenth of the speed."""
WORDS: Final = Path(__file__).with_name("words.dict")
FOUND: Final = Path("fuzz-new")
FAILURES: Final = Path("fuzz-failures")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--target", choices=NAMES, help="this one only; else all in turn")
    parser.add_argument("--seconds", type=int, default=10, help="for each target")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--replay", type=Path, metavar="FILE", help="run one input, and stop")
    args = parser.parse_args()
    if args.replay:
        if not args.target:
            parser.error("--replay needs a --target")
        return replay(args.target, args.replay)
    atheris = find_atheris()
    if atheris is None:
        print("atheris is not installed: pip install -e '.[fuzz]'", file=sys.stderr)
        return 2
    if not args.target:
        return each(sys.argv[1:])
    fuzz(atheris, args.target, args.seconds, args.seed)
    return 0


def find_atheris() -> Any:
    """The module; None where it is not installed."""
    try:
        return importlib.import_module("atheris")
    except ModuleNotFoundError:
        return None


def each(arguments: list[str]) -> int:
    """Every target in a process of its own, for atheris ends the one it runs in."""
    failed = False
    for name in NAMES:
        print(f"--- {name}", flush=True)
        command = [sys.executable, "-m", "tests.fuzz", *arguments, "--target", name]
        failed |= subprocess.run(command, check=False).returncode != 0
    return int(failed)


def fuzz(atheris: Any, name: str, seconds: int, seed: int) -> None:
    """Fuzz one target. Does not return."""
    watched = [*INSTRUMENTED, *LIBRARIES] if name.startswith("wire") else INSTRUMENTED
    with atheris.instrument_imports(include=watched):
        importlib.import_module("relay_proto.wire.long_path")  # else too late
        targets = importlib.import_module("tests.fuzz.targets")
    found, corpus = FOUND / name, targets.CORPUS / name
    for folder in (found, FAILURES):
        folder.mkdir(parents=True, exist_ok=True)
    options = [
        f"-seed={seed}",
        f"-dict={WORDS}",
        f"-artifact_prefix={FAILURES}/{name}-",
        f"-max_len={400 if name == 'client' else 1500}",
        "-timeout=20",  # one input takes a hundredth of a second
        f"-max_total_time={seconds}",
        "-print_final_stats=1",
    ]
    atheris.Setup([sys.argv[0], *options, str(found), str(corpus)], targets.TARGETS[name])
    atheris.Fuzz()


def replay(name: str, path: Path) -> int:
    """Run one input, without atheris. Raises what the target raises."""
    target = importlib.import_module("tests.fuzz.targets").TARGETS[name]
    target(path.read_bytes())
    print(f"{path}: nothing is wrong with it")
    return 0


if __name__ == "__main__":
    sys.exit(main())
