"""What `scripts/release` says about a wheel and an sdist in which one thing is wrong."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from scripts._release.packages import Project, check_same, check_sdist, check_wheel
from tests.release.small import (
    INFO,
    METADATA,
    VERSION,
    WHEEL_FILES,
    make_project,
    make_sdist,
    make_wheel,
)


@pytest.fixture(name="project")
def a_project(tmp_path: Path) -> Project:
    root = tmp_path / "project"
    root.mkdir()
    return make_project(root)


def test_a_good_wheel_and_a_good_sdist(tmp_path: Path, project: Project) -> None:
    assert check_wheel(make_wheel(tmp_path), project, VERSION) == []
    assert check_sdist(make_sdist(tmp_path), project, VERSION) == []


def test_what_python_leaves_behind_is_no_file_of_the_project(
    tmp_path: Path, project: Project
) -> None:
    cache = project.root / "relay_proto" / "__pycache__"
    cache.mkdir()
    (cache / "cli.cpython-311.pyc").touch()
    assert check_wheel(make_wheel(tmp_path), project, VERSION) == []


ENTRY_POINTS = WHEEL_FILES[f"{INFO}/entry_points.txt"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"relay_proto/py.typed": None}, "relay_proto/py.typed is missing"),
        ({"relay_proto/cli.py": None}, "files of the project are missing: relay_proto/cli.py"),
        ({"relay_proto/_examples/ivr.py": None}, "missing: relay_proto/_examples/ivr.py"),
        ({"tests/unit/test_x.py": ""}, "not for users: tests/unit/test_x.py"),
        ({"relay_proto/test_x.py": ""}, "not for users: relay_proto/test_x.py"),
        ({"relay_proto/conftest.py": ""}, "not for users: relay_proto/conftest.py"),
        ({"relay_proto/x.pyc": ""}, "not for users: relay_proto/x.pyc"),
        ({"relay_proto/.env": ""}, "not for users: relay_proto/.env"),
        ({"relay_proto/secret.py": ""}, "no files of the project: relay_proto/secret.py"),
        ({"other/__init__.py": ""}, "no files of the project: other/__init__.py"),
        ({f"{INFO}/METADATA": None}, "the wheel has no METADATA"),
        ({"other-1.0.dist-info/METADATA": METADATA}, "the wheel has 2 METADATA"),
        ({f"{INFO}/entry_points.txt": None}, r"the wheel has no entry_points"),
        ({f"{INFO}/licenses/LICENSE": None}, "the licence LICENSE is missing"),
        ({f"{INFO}/licenses/LICENSE": "GPL"}, "has another text than LICENSE"),
        (
            {f"{INFO}/entry_points.txt": ENTRY_POINTS.replace("[pytest11]", "[pytest12]")},
            "the entry points are",
        ),
        ({"relay_proto/cli.py": "def run(): ..."}, "relay_proto.cli:main, which is not in"),
    ],
)
def test_a_file_is_wrong(
    tmp_path: Path, project: Project, changes: dict[str, str | None], words: str
) -> None:
    problems = check_wheel(make_wheel(tmp_path, changes), project, VERSION)
    assert any(words in problem for problem in problems), problems


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("Name: relay-proto", "Name: relay", "Name is relay, but"),
        ("Version: 1.2.3", "Version: 1.2.4", "Version is 1.2.4, but has to be 1.2.3"),
        (">=3.11", ">=3.8", "Requires-Python is >=3.8"),
        ("Expression: MIT", "Expression: GPL-2.0", "License-Expression is GPL-2.0"),
        ("Requires-Dist: h11>=0.16\n", "", "Requires-Dist lacks h11>=0.16"),
        ("h11>=0.16", "h11>=0.15", "pyproject.toml does not require h11>=0.15"),
        ("extra == 'trio'", "extra == 'all'", 'lacks anyio[trio]>=4.10; extra == "trio"'),
    ],
)
def test_the_metadata_say_something_else(
    tmp_path: Path, project: Project, old: str, new: str, words: str
) -> None:
    changed = {f"{INFO}/METADATA": METADATA.replace(old, new)}
    problems = check_wheel(make_wheel(tmp_path, changed), project, VERSION)
    assert any(words in problem for problem in problems), problems


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"relay_proto/cli.py": "def main(): return 1"}, "another checksum of relay_proto/cli.py"),
        ({"relay_proto/py.typed": None}, "RECORD and the files differ: relay_proto/py.typed"),
    ],
)
def test_the_record_is_of_another_wheel(
    tmp_path: Path, project: Project, changes: dict[str, str | None], words: str
) -> None:
    problems = check_wheel(make_wheel(tmp_path, changes, record=False), project, VERSION)
    assert any(words in problem for problem in problems), problems


def test_a_wheel_that_is_damaged(tmp_path: Path, project: Project) -> None:
    path = make_wheel(tmp_path)
    data = path.read_bytes()
    path.write_bytes(data.replace(b"MIT, in full", b"MIT, in part"))
    assert check_wheel(path, project, VERSION) == [
        f"{path.name}: {INFO}/licenses/LICENSE is damaged"
    ]
    path.write_bytes(data[:100])
    assert "not a zip file" in check_wheel(path, project, VERSION)[0]


PREFIX = f"relay_proto-{VERSION}/"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({f"{PREFIX}CHANGELOG.md": None}, "files are missing: CHANGELOG.md"),
        ({f"{PREFIX}PKG-INFO": None}, "files are missing: PKG-INFO"),
        ({"/etc/passwd": "x"}, "files are outside relay_proto-1.2.3/: /etc/passwd"),
        ({f"{PREFIX}link": "a link"}, "no plain files: relay_proto-1.2.3/link"),
        ({f"{PREFIX}tests/__pycache__/x.pyc": "x"}, "left these behind"),
        ({f"{PREFIX}.venv-check/bin/python": "x"}, "left these behind"),
    ],
)
def test_the_sdist_is_wrong(
    tmp_path: Path, project: Project, changes: dict[str, str | None], words: str
) -> None:
    problems = check_sdist(make_sdist(tmp_path, changes), project, VERSION)
    assert len(problems) == 1
    assert words in problems[0]


def test_an_sdist_that_is_damaged(tmp_path: Path, project: Project) -> None:
    path = tmp_path / f"relay_proto-{VERSION}.tar.gz"
    path.write_bytes(b"nothing of the kind")
    assert check_sdist(path, project, VERSION)[0].startswith(path.name)


def test_two_builds_differ(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    assert check_same(make_wheel(one), make_wheel(other), "twice") == []
    changed = make_wheel(other, {"relay_proto/cli.py": "import time\n"})
    assert (
        "is not reproducible, twice: the difference is in relay_proto"
        in (check_same(make_wheel(one), changed, "twice")[0])
    )
    assert (
        "PKG-INFO"
        in (check_same(make_sdist(one), make_sdist(other, {f"{PREFIX}PKG-INFO": "x"}), "twice")[0])
    )
    with zipfile.ZipFile(changed, "w") as wheel, zipfile.ZipFile(make_wheel(one)) as same:
        for name in reversed(same.namelist()):
            wheel.writestr(name, same.read(name))
    problems = check_same(make_wheel(one), changed, "twice")
    assert "the order, the times or the modes of the files" in problems[0]
