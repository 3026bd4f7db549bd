"""``relay doctor``: why a client can, or cannot, reach the service from this machine."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import ssl
import sys
import textwrap
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import anyio

from relay_proto import __version__
from relay_proto.adapter.private_files import open_private

from ._examination import Asked, Examination, Result, Step
from ._output import OUTPUT, CommandError

EXIT_CODES: Final[Mapping[str, int]] = {
    "settings": 10,
    "proxy": 11,
    "names": 12,
    "TCP": 13,
    "tunnel": 14,
    "TLS": 15,
    "upgrade": 16,
    "clock": 17,
    "credentials": 18,
    "contexts": 19,
    "round trip": 20,
}
"""The exit code of the first step that has failed."""
SIGNS: Final[Mapping[Result, str]] = {
    Result.OK: "ok  ",
    Result.WARNING: "note",
    Result.FAILED: "FAIL",
}
INDENT: Final = 22
"""Columns before the words of a step."""
LEAST_COLUMNS: Final = 40
MOST_COLUMNS: Final = 110
PACKAGES: Final = ("anyio", "h11", "msgspec", "wsproto", "socksio", "trio", "uvloop")
VARIABLES: Final = ("SIGNALWIRE_", "RELAY_", "SSL_CERT_")
"""How the variables begin of which a bundle says whether they are set."""


def run(options: argparse.Namespace) -> int:
    """Examine the way to the service; return the exit code."""
    asked = Asked(
        host=options.host,
        proxy=False if options.no_proxy else options.proxy or True,
        contexts=tuple(dict.fromkeys(options.context or ())),
        timeout=options.timeout,
    )
    examination = Examination(asked, _nothing if options.json else _print)
    anyio.run(examination.run)
    steps = examination.steps
    code, words = verdict(steps)
    report = {"steps": [_as_json(step) for step in steps], "exit_code": code}
    OUTPUT.write(f"{json.dumps(report, indent=2)}\n" if options.json else f"\n{words}\n")
    if options.bundle is not None:
        _write_bundle(options.bundle, report)
    return code


def _nothing(step: Step) -> None:
    del step  # all of them are printed at the end


def verdict(steps: Sequence[Step]) -> tuple[int, str]:
    """Return the exit code, and the last sentence."""
    for step in steps:
        if step.result is Result.FAILED:
            code = EXIT_CODES[step.name]
            return code, f"The step {step.name} has failed: exit code {code}."
    return 0, "A client can connect from this machine."


def _print(step: Step) -> None:
    columns = shutil.get_terminal_size((MOST_COLUMNS, 24)).columns
    OUTPUT.write(as_text(step, min(columns, MOST_COLUMNS)) + "\n")
    OUTPUT.flush()


def as_text(step: Step, columns: int) -> str:
    """Write a step for people, in lines of so many columns."""
    lines = [step.words, *step.details]
    if step.advice:
        lines.append(f"What to do: {step.advice}")
    wrapper = textwrap.TextWrapper(
        max(LEAST_COLUMNS, columns - INDENT), break_long_words=False, break_on_hyphens=False
    )
    wrapped = [part for line in lines for part in wrapper.wrap(line)]
    text = f"\n{'':<{INDENT}}".join(wrapped)
    return f"  {SIGNS[step.result]}  {step.name:<12}  {text}"


def _as_json(step: Step) -> dict[str, object]:
    return {
        "name": step.name,
        "result": step.result.value,
        "words": step.words,
        "what_to_do": step.advice,
        "details": step.details,
        "seconds": round(step.seconds, 4),
    }


def _write_bundle(path: Path, report: Mapping[str, object]) -> None:
    """Write what the support needs: no credentials, and nothing about people.

    Raises:
        CommandError: the file cannot be written.
    """
    bundle = {
        "written_at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "versions": _versions(),
        "variables_that_are_set": sorted(filter(_is_named, os.environ)),
        **report,
    }
    text = _without_home(json.dumps(bundle, indent=2)) + "\n"
    try:
        file = open_private(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        with os.fdopen(file, "w", encoding="utf-8") as opened:
            opened.write(text)
    except OSError as error:
        raise CommandError(f"the bundle cannot be written to {path}: {error.strerror}") from error
    print(
        f"relay: the bundle is in {path}. It has no credentials; read it before you send it",
        file=sys.stderr,
    )


def _is_named(variable: str) -> bool:
    return variable.startswith(VARIABLES) or variable.upper().endswith("_PROXY")


def _versions() -> dict[str, str]:
    versions = {
        "relay-proto": __version__,
        "python": platform.python_version(),
        "openssl": ssl.OPENSSL_VERSION,
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
    }
    for package in PACKAGES:
        with suppress(PackageNotFoundError):
            versions[package] = version(package)
    return versions


def _without_home(text: str) -> str:
    """Replace the home, which has the name of a user in most cases."""
    with suppress(RuntimeError):
        home = json.dumps(str(Path.home()))[1:-1]
        if len(home) > 1:
            text = text.replace(home, "~")
    return text
