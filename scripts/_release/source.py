"""The tree of a release: its version, its changelog, its tag, and that nothing is uncommitted."""

from __future__ import annotations

import re
import subprocess
from datetime import date
from pathlib import Path
from typing import Final

VERSION: Final = re.compile(r"\d+\.\d+\.\d+(?:(?:a|b|rc)\d+)?")
_ASSIGNED: Final = re.compile(r'^__version__ = "([^"]*)"$', re.MULTILINE)
_HEADING: Final = re.compile(r"^## (.*)$", re.MULTILINE)
_RELEASED: Final = re.compile(r"\[(?P<version>[^\]]+)\] - (?P<date>\S+)")
UNRELEASED: Final = "[Unreleased]"


def version_of(root: Path) -> str:
    """Read the version from the one place where it is.

    Raises:
        ValueError: it is not there.
    """
    found = _ASSIGNED.search((root / "relay_proto" / "_version.py").read_text("utf-8"))
    if found is None:
        raise ValueError('relay_proto/_version.py has no line `__version__ = "…"`')
    return found[1]


def check_version(version: str) -> list[str]:
    """Say what is wrong with the form of a version."""
    if VERSION.fullmatch(version):
        return []
    wanted = "write 1.2.3, or 1.2.3a1, 1.2.3b1 or 1.2.3rc1 before it"
    return [f"the version {version!r} in relay_proto/_version.py has the wrong form: {wanted}"]


def check_changelog(text: str, version: str) -> list[str]:
    """Say what is wrong with the changelog of the release `version`."""
    parts = _HEADING.split(text)[1:]
    sections = dict(zip(parts[::2], parts[1::2], strict=True))
    headings = [*sections]
    if headings[:1] != [UNRELEASED]:
        return [f"CHANGELOG.md: the first section must be `## {UNRELEASED}`"]
    problems: list[str] = []
    if sections[UNRELEASED].strip():
        problems.append(
            f"CHANGELOG.md: lines are still under {UNRELEASED}: "
            f"move them to `## [{version}] - YYYY-MM-DD`"
        )
    found = _RELEASED.fullmatch(headings[1]) if len(headings) > 1 else None
    if found is None or found["version"] != version:
        newest = headings[1] if len(headings) > 1 else "nothing"
        problems.append(
            f"CHANGELOG.md: the newest release is {newest!r}, "
            f"but the version is {version}: write `## [{version}] - YYYY-MM-DD`"
        )
    elif not _is_date(found["date"]):
        problems.append(f"CHANGELOG.md: {found['date']!r} of {version} is no date (YYYY-MM-DD)")
    elif not sections[headings[1]].strip():
        problems.append(f"CHANGELOG.md: the section of {version} is empty")
    return problems


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def check_repository(root: Path, version: str) -> list[str]:
    """Say what is not committed, and whether the tag of this version is here."""
    problems: list[str] = []
    if changed := _git(root, "status", "--porcelain").splitlines():
        names = ", ".join(line[3:] for line in changed[:5])
        more = f" and {len(changed) - 5} more" if len(changed) > 5 else ""
        problems.append(f"the work tree is not clean: commit or remove {names}{more}")
    wanted = f"v{version}"
    tags = _git(root, "tag", "--points-at", "HEAD").split()
    if wanted not in tags:
        others = f"; it has {', '.join(tags)}" if tags else ""
        problems.append(f"this commit has no tag {wanted}{others}: git tag -a {wanted}")
    elif _git(root, "cat-file", "-t", f"refs/tags/{wanted}").strip() != "tag":
        problems.append(f"the tag {wanted} says neither who made it nor when: use git tag -a")
    return problems


def _git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
