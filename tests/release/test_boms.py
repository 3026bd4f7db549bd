"""What `scripts/release` says about SBOMs and checksums that are wrong."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scripts._release.__main__ import check_release
from scripts._release.bom import (
    as_pyproject,
    bom_name,
    check_bom,
    extras_for_users,
    requirements_of,
)
from scripts._release.packages import Project
from scripts._release.sums import NAME, check_sums, write_sums
from tests.release.small import (
    VERSION,
    make_bom,
    make_project,
    make_sdist,
    make_wheel,
    write_bom,
)
from tests.rooms import ROOT


def test_extras_for_users_have_an_sbom_each(tmp_path: Path) -> None:
    assert extras_for_users(make_project(tmp_path).extras) == ["all", "trio"]
    assert bom_name("1.2.3", "") == "relay_proto-1.2.3.cdx.json"
    assert bom_name("1.2.3", "trio") == "relay_proto-1.2.3-trio.cdx.json"


def test_every_extra_is_explained_to_those_whom_it_is_for() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    for extra in Project(ROOT).extras:
        assert f"`{extra}`" in readme, f"README.md does not explain the extra {extra}"


def test_what_the_wheel_requires(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path)
    assert requirements_of(wheel, "") == ["anyio>=4.10", "h11>=0.16"]
    trio = ["anyio>=4.10", "h11>=0.16", "trio>=0.26.1"]
    assert requirements_of(wheel, "trio") == trio
    assert requirements_of(wheel, "all") == sorted([*trio, "rich>=13"])
    project = tomllib.loads(as_pyproject(wheel, "trio"))["project"]
    assert (project["name"], project["version"]) == ("relay-proto", VERSION)
    assert project["dependencies"] == trio


def without_h11(bom: dict[str, Any]) -> None:
    bom["dependencies"][0]["dependsOn"].remove("h11")


def with_idna(bom: dict[str, Any]) -> None:
    bom["dependencies"][0]["dependsOn"].append("idna")


def without_versions(bom: dict[str, Any]) -> None:
    del bom["components"][0]["version"]


def of_another_version(bom: dict[str, Any]) -> None:
    bom["metadata"]["component"]["version"] = "1.2.2"


def with_pip(bom: dict[str, Any]) -> None:
    bom["components"].append(dict(bom["components"][0], **{"bom-ref": "pip", "name": "pip"}))


def of_no_schema(bom: dict[str, Any]) -> None:
    bom["specVersion"] = "99"


def against_the_schema(bom: dict[str, Any]) -> None:
    bom["components"][0]["type"] = "a thing"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (without_h11, "the wheel requires h11, the SBOM does not"),
        (with_idna, "the SBOM requires idna, the wheel does not"),
        (without_versions, "anyio has no version"),
        (of_another_version, "it is about relay-proto 1.2.2, not about relay-proto 1.2.3"),
        (with_pip, "nothing requires pip"),
        (of_no_schema, "'99' is no version of CycloneDX"),
        (against_the_schema, "against the schema of CycloneDX"),
    ],
)
def test_the_sbom_is_wrong(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], words: str
) -> None:
    pytest.importorskip("cyclonedx", reason="`scripts/release` has it, and runs this")
    bom = make_bom()
    wheel = make_wheel(tmp_path)
    assert check_bom(write_bom(tmp_path, bom), wheel, "") == []
    change(bom)
    problems = check_bom(write_bom(tmp_path, bom), wheel, "")
    assert any(words in problem for problem in problems), problems


def test_the_sbom_is_no_json(tmp_path: Path) -> None:
    path = tmp_path / "bom.json"
    path.write_text("<bom/>", "utf-8")
    assert "this is no JSON" in check_bom(path, make_wheel(tmp_path), "")[0]


def test_checksums(tmp_path: Path) -> None:
    assert check_sums(tmp_path) == ["SHA256SUMS is missing"]
    one, other, sums = tmp_path / "one", tmp_path / "other", tmp_path / NAME
    one.write_text("1", "utf-8")
    other.write_text("2", "utf-8")
    write_sums(tmp_path)
    written = sums.read_text("utf-8")
    assert written.startswith("6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b  ")
    assert check_sums(tmp_path) == []
    one.write_text("changed", "utf-8")
    assert check_sums(tmp_path) == ["one is another file than the one of SHA256SUMS"]
    one.unlink()
    assert check_sums(tmp_path) == ["SHA256SUMS names one, which is not there"]
    one.write_text("1", "utf-8")
    (tmp_path / "third").touch()
    assert check_sums(tmp_path) == ["SHA256SUMS has no checksum of third"]
    (tmp_path / "third").unlink()
    sums.write_text(written + "nothing\n", "utf-8")
    assert check_sums(tmp_path) == ["SHA256SUMS: line 3 is no checksum and a name"]


def test_every_file_of_a_release_is_there_and_no_other(tmp_path: Path) -> None:
    pytest.importorskip("cyclonedx", reason="`scripts/release` has it, and runs this")
    root, out, other = tmp_path / "root", tmp_path / "out", tmp_path / "other"
    for folder in (root, out, other):
        folder.mkdir()
    make_project(root)
    bom = make_bom()
    for folder in (out, other):
        make_wheel(folder)
        make_sdist(folder)
    write_bom(out, bom)
    bom["components"].append(dict(bom["components"][0], **{"bom-ref": "trio", "name": "trio"}))
    bom["dependencies"][0]["dependsOn"].append("trio")
    write_bom(out, bom, "trio")
    bom["components"].append(dict(bom["components"][0], **{"bom-ref": "rich", "name": "rich"}))
    bom["dependencies"][0]["dependsOn"].append("rich")
    write_bom(out, bom, "all")
    write_sums(out)
    assert check_release(out, other, root) == []
    (out / "notes.txt").touch()
    (out / bom_name(VERSION, "trio")).unlink()
    make_wheel(other, {"relay_proto/cli.py": ""})
    problems = "\n".join(check_release(out, other, root))
    for words in (
        "no files of a release: notes.txt",
        "relay_proto-1.2.3-trio.cdx.json is missing",
        "is not reproducible, built from the sdist and from the tree",
        "SHA256SUMS names relay_proto-1.2.3-trio.cdx.json, which is not there",
    ):
        assert words in problems
    (out / f"relay_proto-{VERSION}.tar.gz").unlink()
    assert check_release(out, other, root) == ["the build made no relay_proto-1.2.3.tar.gz"]
