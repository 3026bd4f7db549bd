"""The audit: does a service know vulnerabilities of what users install?

`pip-audit` asks the service. What it cannot find it leaves out, and a service that knows nothing
at all looks like one that has found nothing. So each service first has to name a vulnerability
that is long known: without that, nothing is audited, and this says so.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

KNOWN: Final = ("h11", "0.14.0", "CVE-2025-43859")
"""A package, a version, and what every service knows about it."""
SERVICES: Final = ("pypi", "osv")
NOT_AUDITED: Final = 3
"""The exit code if no service could be asked."""


@dataclass(slots=True)
class Answer:
    """What a service has said about some packages."""

    vulnerabilities: list[str] = field(default_factory=list[str])
    """One line each."""
    names: set[str] = field(default_factory=set[str])
    """The ids and aliases of all of them."""
    left_out: list[str] = field(default_factory=list[str])
    """Packages that it could not audit, with the reason."""
    audited: int = 0


Ask = Callable[[str, Path], Answer]
"""Ask a service about the lines of a file, such as ``h11==0.16.0``.

It raises ValueError if the service gives no answer.
"""


def parse(text: str) -> Answer:
    """Read what `pip-audit --format json` prints.

    Raises:
        ValueError: it is something else.
    """
    told: dict[str, Any] = json.loads(text)
    answer = Answer()
    for package in told["dependencies"]:
        if "skip_reason" in package:
            answer.left_out.append(f"{package['name']}: {package['skip_reason']}")
            continue
        answer.audited += 1
        for found in package["vulns"]:
            names = [found["id"], *found["aliases"]]
            fixed = ", ".join(found["fix_versions"]) or "no version"
            answer.names.update(names)
            answer.vulnerabilities.append(
                f"{package['name']} {package['version']}: {' = '.join(names)}, fixed in {fixed}"
            )
    return answer


def pip_audit(service: str, requirements: Path) -> Answer:
    """Ask a service by `pip-audit`.

    Raises:
        ValueError: the service gave no answer.
    """
    command = [sys.executable, "-m", "pip_audit", "--vulnerability-service", service]
    command += ["--format", "json", "--progress-spinner", "off", "--disable-pip", "--no-deps"]
    command += ["--requirement", str(requirements)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    try:
        return parse(done.stdout)
    except (ValueError, KeyError) as error:
        words = done.stderr.strip().splitlines() or ["it printed nothing"]
        raise ValueError(words[-1][:200]) from error


def audit(requirements: Path, scratch: Path, ask: Ask) -> int:
    """Ask the first service that answers about all lines; return the exit code."""
    package, version, known = KNOWN
    probe = scratch / "known.txt"
    probe.write_text(f"{package}=={version}\n", "utf-8")
    wanted = len(requirements.read_text("utf-8").split())
    reasons: list[str] = []
    for service in SERVICES:
        try:
            probed = ask(service, probe)
            if known not in probed.names:
                why = "; ".join(probed.left_out) or f"it does not know {known} of {package}"
                reasons.append(f"{service}: {why}")
                continue
            answer = ask(service, requirements)
        except ValueError as error:
            reasons.append(f"{service}: {error}")
            continue
        if answer.left_out or answer.audited != wanted:
            lost = "; ".join(answer.left_out) or f"{answer.audited} of {wanted} packages"
            reasons.append(f"{service}: it does not know all: {lost}")
        if answer.vulnerabilities:
            print(*answer.vulnerabilities, sep="\n")
            return 1
        if answer.left_out or answer.audited != wanted:
            continue
        print(f"audited: {wanted} packages, no known vulnerability, says {service}")
        return 0
    print("not audited:", *reasons, sep="\n  ")
    return NOT_AUDITED


if __name__ == "__main__":
    _parser = argparse.ArgumentParser(prog="scripts/audit")
    _parser.add_argument("requirements", type=Path)
    _parser.add_argument("scratch", type=Path)
    _asked = _parser.parse_args()
    raise SystemExit(audit(_asked.requirements, _asked.scratch, pip_audit))
