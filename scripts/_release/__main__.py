"""The steps of `scripts/release` that are Python. Each prints what is wrong, and ends with 1."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .bom import as_pyproject, bom_name, check_bom, extras_for_users
from .packages import Project, check_same, check_sdist, check_wheel
from .source import check_changelog, check_repository, check_version, version_of
from .sums import NAME, check_sums, write_sums

ROOT = Path(__file__).resolve().parents[2]


def check_source(*, rehearsed: bool) -> list[str]:
    """Check the tree; without its tag and its changelog if the release is only rehearsed."""
    version = version_of(ROOT)
    if rehearsed:
        return check_version(version)
    return [
        *check_version(version),
        *check_changelog((ROOT / "CHANGELOG.md").read_text("utf-8"), version),
        *check_repository(ROOT, version),
    ]


def check_release(folder: Path, other: Path, root: Path = ROOT) -> list[str]:
    """Check all files of a release, against the tree and a second build."""
    project, version = Project(root), version_of(root)
    wheel = folder / f"relay_proto-{version}-py3-none-any.whl"
    sdist = folder / f"relay_proto-{version}.tar.gz"
    if missing := [file.name for file in (wheel, sdist) if not file.is_file()]:
        return [f"the build made no {name}" for name in missing]
    wanted = {bom_name(version, extra): extra for extra in ["", *extras_for_users(project.extras)]}
    problems = [
        *check_wheel(wheel, project, version),
        *check_sdist(sdist, project, version),
        *check_same(wheel, other / wheel.name, "built from the sdist and from the tree"),
        *check_same(sdist, other / sdist.name, "built in another folder, under another umask"),
    ]
    for name, extra in wanted.items():
        if (folder / name).is_file():
            problems += check_bom(folder / name, wheel, extra)
        else:
            problems.append(f"{name} is missing")
    expected = {wheel.name, sdist.name, NAME, *wanted}
    if strange := sorted({file.name for file in folder.iterdir()} - expected):
        problems.append(f"these are no files of a release: {', '.join(strange)}")
    return [*problems, *check_sums(folder)]


def main(arguments: list[str]) -> int:
    """Do one step."""
    parser = argparse.ArgumentParser(prog="scripts/release")
    steps = parser.add_subparsers(dest="step", required=True)
    source = steps.add_parser("source")
    source.add_argument("--rehearsed", action="store_true")
    steps.add_parser("extras")
    described = steps.add_parser("pyproject")
    described.add_argument("wheel", type=Path)
    described.add_argument("extra")
    steps.add_parser("sums").add_argument("folder", type=Path)
    release = steps.add_parser("check")
    release.add_argument("folder", type=Path)
    release.add_argument("other", type=Path)
    asked = parser.parse_args(arguments)
    problems: list[str] = []
    match asked.step:
        case "source":
            problems = check_source(rehearsed=asked.rehearsed)
        case "extras":
            print("\n".join(extras_for_users(Project(ROOT).extras)))
        case "pyproject":
            print(as_pyproject(asked.wheel, asked.extra), end="")
        case "sums":
            write_sums(asked.folder)
        case _:
            problems = check_release(asked.folder, asked.other)
    for problem in problems:
        print(f"release: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
