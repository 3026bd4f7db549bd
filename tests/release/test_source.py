"""What `scripts/release` says about a tree that is not ready for a release."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

import pytest

from scripts._release.source import (
    check_changelog,
    check_repository,
    check_version,
    version_of,
)
from tests.release.small import VERSION, make_project

CHANGELOG: Final = """\
# Changelog

## [Unreleased]

## [1.2.3] - 2026-11-29

### Fixed

- A thing.

## [1.2.2] - 2026-10-01

- Another.
"""


def test_the_version_is_read_where_it_is_written(tmp_path: Path) -> None:
    make_project(tmp_path)
    assert version_of(tmp_path) == VERSION
    (tmp_path / "relay_proto" / "_version.py").write_text("version = 3\n", "utf-8")
    with pytest.raises(ValueError, match="has no line"):
        version_of(tmp_path)


@pytest.mark.parametrize("version", ["1.2.3", "0.1.0", "1.0.0rc1", "10.20.30b2"])
def test_a_version_of_the_right_form(version: str) -> None:
    assert check_version(version) == []


@pytest.mark.parametrize("version", ["1.2", "v1.2.3", "1.2.3.dev1", "1.2.3-1", "1.2.3 ", ""])
def test_a_version_of_another_form(version: str) -> None:
    assert "has the wrong form" in check_version(version)[0]


def test_the_changelog_of_a_release() -> None:
    assert check_changelog(CHANGELOG, VERSION) == []


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("## [Unreleased]\n", "", "the first section must be `## [Unreleased]`"),
        ("## [Unreleased]\n", "## [Unreleased]\n\n- New.\n", "lines are still under [Unreleased]"),
        ("[1.2.3] - 2026-11-29", "[1.2.4] - 2026-11-29", "but the version is 1.2.3"),
        ("[1.2.3] - 2026-11-29", "[1.2.3]", "the newest release is '[1.2.3]'"),
        ("2026-11-29", "2026-11-31", "is no date"),
        ("2026-11-29", "20261129", "is no date"),
        ("\n### Fixed\n\n- A thing.\n", "", "the section of 1.2.3 is empty"),
    ],
)
def test_the_changelog_says_something_else(old: str, new: str, words: str) -> None:
    problems = check_changelog(CHANGELOG.replace(old, new), VERSION)
    assert len(problems) == 1
    assert words in problems[0]


def test_a_changelog_without_releases() -> None:
    problems = check_changelog("# Changelog\n\n## [Unreleased]\n\n- New.\n", VERSION)
    assert "lines are still under" in problems[0]
    assert "the newest release is 'nothing'" in problems[1]


def test_the_tree_and_the_tag(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        settings = ("-c", "user.name=Anna", "-c", "user.email=anna@example.test")
        command = ["git", "-C", str(tmp_path), *settings, *arguments]
        subprocess.run(command, check=True, capture_output=True)

    file = tmp_path / "file"
    file.write_text("one", "utf-8")
    git("init")
    git("add", "file")
    git("commit", "-m", "Add a file")
    assert check_repository(tmp_path, VERSION) == [
        "this commit has no tag v1.2.3: git tag -a v1.2.3"
    ]
    git("tag", "1.2.3")
    assert "it has 1.2.3" in check_repository(tmp_path, VERSION)[0]
    git("tag", "v1.2.3")
    assert check_repository(tmp_path, VERSION) == [
        "the tag v1.2.3 says neither who made it nor when: use git tag -a"
    ]
    git("tag", "-f", "-a", "v1.2.3", "-m", "1.2.3")
    assert check_repository(tmp_path, VERSION) == []
    file.write_text("two", "utf-8")
    for number in range(5):
        (tmp_path / f"new-{number}").touch()
    assert check_repository(tmp_path, VERSION) == [
        "the work tree is not clean: commit or remove file, new-0, new-1, new-2, new-3 and 1 more"
    ]
