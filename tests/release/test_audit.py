"""`scripts/audit`: it never says "audited" of what no service has looked at."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scripts._release.audit import KNOWN, NOT_AUDITED, Answer, audit, parse

LINES = "anyio==4.16.0\nh11==0.16.0\n"
Ask = Callable[[str, Path], Answer]


def package(name: str, version: str, *vulnerabilities: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "version": version, "vulns": [*vulnerabilities]}


def vulnerability(name: str, *aliases: str) -> dict[str, Any]:
    return {"id": name, "aliases": [*aliases], "fix_versions": ["9.9"], "description": "Bad."}


def answer(*packages: dict[str, Any]) -> Answer:
    return parse(json.dumps({"dependencies": [*packages], "fixes": []}))


KNOWS = answer(package("h11", "0.14.0", vulnerability("PYSEC-1", KNOWN[2])))
KNOWS_NOTHING = answer(package("h11", "0.14.0"))
FINDS_NOTHING = answer(package("anyio", "4.16.0"), package("h11", "0.16.0"))
FINDS = answer(package("anyio", "4.16.0", vulnerability("CVE-1", "GHSA-1")), package("h11", "1"))
SKIPS = answer(package("anyio", "4.16.0"), {"name": "h11", "skip_reason": "not found"})
FINDS_AND_SKIPS = answer(
    package("anyio", "4.16.0", vulnerability("CVE-1")), {"name": "h11", "skip_reason": "-"}
)


def service(**answers: tuple[Answer | str, Answer | str]) -> Ask:
    """Services by name: what each says about the known vulnerability, and about all packages."""

    def ask(name: str, requirements: Path) -> Answer:
        about_known = "0.14.0" in requirements.read_text("utf-8")
        said = answers[name][0 if about_known else 1]
        if isinstance(said, str):
            raise ValueError(said)
        return said

    return ask


AWAY = ("Failed to resolve the name", "")


@pytest.mark.parametrize(
    ("ask", "code", "words"),
    [
        (service(pypi=(KNOWS, FINDS_NOTHING)), 0, "audited: 2 packages"),
        (service(pypi=AWAY, osv=(KNOWS, FINDS_NOTHING)), 0, "no known vulnerability, says osv"),
        (service(pypi=(KNOWS, FINDS)), 1, "anyio 4.16.0: CVE-1 = GHSA-1, fixed in 9.9"),
        (service(pypi=(KNOWS, FINDS_AND_SKIPS)), 1, "CVE-1"),
        (service(pypi=AWAY, osv=AWAY), NOT_AUDITED, "osv: Failed to resolve the name"),
        (service(pypi=(SKIPS, SKIPS), osv=AWAY), NOT_AUDITED, "pypi: h11: not found"),
        (
            service(pypi=(KNOWS_NOTHING, FINDS_NOTHING), osv=AWAY),
            NOT_AUDITED,
            f"pypi: it does not know {KNOWN[2]} of h11",
        ),
        (service(pypi=(KNOWS, SKIPS), osv=AWAY), NOT_AUDITED, "does not know all: h11: not found"),
        (service(pypi=(KNOWS, KNOWS_NOTHING), osv=AWAY), NOT_AUDITED, "1 of 2 packages"),
        (service(pypi=(KNOWS, "reset"), osv=AWAY), NOT_AUDITED, "pypi: reset"),
    ],
)
def test_an_audit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], ask: Ask, code: int, words: str
) -> None:
    requirements = tmp_path / "all.txt"
    requirements.write_text(LINES, "utf-8")
    assert audit(requirements, tmp_path, ask) == code
    told = capsys.readouterr().out
    assert words in told
    assert told.startswith("audited") is (code == 0)
    assert told.startswith("not audited") is (code == NOT_AUDITED)
