"""The wheel and the sdist: what has to be in them, and that both builds are the same."""

from __future__ import annotations

import ast
import base64
import configparser
import csv
import hashlib
import re
import tarfile
import tomllib
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from email.message import Message
from email.parser import Parser
from pathlib import Path
from typing import Any, Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

NOT_FOR_USERS: Final = re.compile(
    r"(^|/)(tests?|conftest\.py|test_[^/]*|__pycache__|\.[^/]*|[^/]*\.pyc)(/|$)"
)
"""What no wheel may have: tests, and what programs leave behind."""


class Project:
    """What `pyproject.toml` says about the package."""

    def __init__(self, root: Path) -> None:
        told = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
        self.root = root
        self.table: Mapping[str, Any] = told["project"]
        wheel = told["tool"]["hatch"]["build"]["targets"]["wheel"]
        self.packages: tuple[str, ...] = tuple(wheel["packages"])
        self.added: Mapping[str, str] = wheel.get("force-include", {})

    @property
    def name(self) -> str:
        """As the project writes it."""
        return str(self.table["name"])

    @property
    def extras(self) -> Mapping[str, list[str]]:
        """The requirements of each extra."""
        return dict(self.table.get("optional-dependencies", {}))

    def entry_points(self) -> dict[str, dict[str, str]]:
        """Every entry point, by its group."""
        points = {
            group: dict(entries) for group, entries in self.table.get("entry-points", {}).items()
        }
        if scripts := self.table.get("scripts"):
            points["console_scripts"] = dict(scripts)
        return points

    def requirements(self) -> set[str]:
        """Every requirement, in one form, with the extra that it belongs to."""
        found = {_in_one_form(line) for line in self.table.get("dependencies", ())}
        for extra in self.extras:
            found |= {_in_one_form(line, canonicalize_name(extra)) for line in self._lines(extra)}
        return found

    def _lines(self, extra: str) -> Iterator[str]:
        """List the requirements of an extra; the build replaces names of other extras by theirs."""
        for line in self.extras[extra]:
            requirement = Requirement(line)
            if canonicalize_name(requirement.name) == canonicalize_name(self.name):
                for other in requirement.extras:
                    yield from self._lines(other)
            else:
                yield line


def _in_one_form(line: str, extra: str = "") -> str:
    requirement = Requirement(line)
    marker = str(requirement.marker) if requirement.marker else ""
    if extra:
        wanted = f'extra == "{extra}"'
        joined = f"({marker})" if " or " in marker else marker
        marker = f"{joined} and {wanted}" if marker else wanted
    parts: list[str] = [canonicalize_name(requirement.name)]
    parts.append(f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else "")
    parts.append(str(requirement.specifier))
    return "".join(parts) + (f"; {marker}" if marker else "")


def metadata_of(wheel: zipfile.ZipFile) -> Message:
    """Parse METADATA.

    Raises:
        ValueError: there is none, or there are several.
    """
    return Parser().parsestr(_text_of(wheel, "METADATA"))


def _text_of(wheel: zipfile.ZipFile, name: str) -> str:
    found = [
        entry for entry in wheel.namelist() if re.fullmatch(rf"[^/]+\.dist-info/{name}", entry)
    ]
    if len(found) != 1:
        raise ValueError(f"the wheel has {len(found) or 'no'} {name}: {', '.join(found)}")
    return wheel.read(found[0]).decode()


def check_wheel(path: Path, project: Project, version: str) -> list[str]:
    """Say everything that is wrong with a wheel."""
    try:
        with zipfile.ZipFile(path) as wheel:
            if broken := wheel.testzip():
                return [f"{path.name}: {broken} is damaged"]
            problems = [
                *_files(wheel, project),
                *_metadata(metadata_of(wheel), project, version),
                *_licence(wheel, project),
                *_entry_points(wheel, project),
                *_record(wheel),
            ]
    except (ValueError, zipfile.BadZipFile) as error:
        return [f"{path.name}: {error}"]
    return [f"{path.name}: {problem}" for problem in problems]


def _files(wheel: zipfile.ZipFile, project: Project) -> Iterable[str]:
    names = set(wheel.namelist())
    modules = {name for name in names if ".dist-info/" not in name}
    for package in project.packages:
        if f"{package}/py.typed" not in names:
            yield f"{package}/py.typed is missing: type checkers would not read the types"
    if unwanted := sorted(filter(NOT_FOR_USERS.search, modules)):
        yield f"these are not for users: {', '.join(unwanted)}"
    wanted = {
        file.relative_to(project.root).as_posix()
        for package in project.packages
        for file in (project.root / package).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    } | set(project.added.values())
    if missing := sorted(wanted - names):
        yield f"files of the project are missing: {', '.join(missing)}"
    if strange := sorted(modules - wanted):
        yield f"these are no files of the project: {', '.join(strange)}"


def _metadata(metadata: Message, project: Project, version: str) -> Iterable[str]:
    expected = {
        "Name": project.name,
        "Version": version,
        "Requires-Python": project.table["requires-python"],
        "License-Expression": project.table["license"],
    }
    for field, wanted in expected.items():
        if metadata[field] != wanted:
            yield f"{field} is {metadata[field]}, but has to be {wanted}"
    found = {_in_one_form(line) for line in metadata.get_all("Requires-Dist", [])}
    wanted_ones = project.requirements()
    if missing := sorted(wanted_ones - found):
        yield f"Requires-Dist lacks {', '.join(missing)}"
    if strange := sorted(found - wanted_ones):
        yield f"pyproject.toml does not require {', '.join(strange)}"


def _licence(wheel: zipfile.ZipFile, project: Project) -> Iterable[str]:
    for name in project.table["license-files"]:
        text = (project.root / name).read_bytes()
        found = [entry for entry in wheel.namelist() if entry.endswith(f"/licenses/{name}")]
        if not found:
            yield f"the licence {name} is missing"
        elif wheel.read(found[0]) != text:
            yield f"the licence {found[0]} has another text than {name}"


def _entry_points(wheel: zipfile.ZipFile, project: Project) -> Iterable[str]:
    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None)
    parser.read_string(_text_of(wheel, r"entry_points\.txt"))
    found = {group: dict(parser[group]) for group in parser.sections()}
    if found != project.entry_points():
        yield f"the entry points are {found}, but have to be {project.entry_points()}"
    for entries in found.values():
        for name, target in entries.items():
            if not _leads_somewhere(wheel, target):
                yield f"the entry point {name} leads to {target}, which is not in the wheel"


def _leads_somewhere(wheel: zipfile.ZipFile, target: str) -> bool:
    module, _, name = target.partition(":")
    file = module.replace(".", "/")
    for candidate in (f"{file}.py", f"{file}/__init__.py"):
        if candidate in wheel.namelist():
            tree = ast.parse(wheel.read(candidate))
            return not name or name in {
                node.name
                for node in tree.body
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            }
    return False


def _record(wheel: zipfile.ZipFile) -> Iterable[str]:
    rows = csv.reader(_text_of(wheel, "RECORD").splitlines())
    recorded = {name: digest for name, digest, _ in rows}
    names = {name for name in wheel.namelist() if not name.endswith("/")}
    if different := sorted(recorded.keys() ^ names):
        yield f"RECORD and the files differ: {', '.join(different)}"
    for name in sorted(names & recorded.keys()):
        if name.endswith(".dist-info/RECORD"):
            continue
        computed = base64.urlsafe_b64encode(hashlib.sha256(wheel.read(name)).digest())
        if recorded[name] != f"sha256={computed.rstrip(b'=').decode()}":
            yield f"RECORD has another checksum of {name}"


def check_sdist(path: Path, project: Project, version: str) -> list[str]:
    """Say what the sdist lacks, and what in it may not be there."""
    prefix = f"{project.name.replace('-', '_')}-{version}/"
    try:
        with tarfile.open(path) as sdist:
            members = sdist.getmembers()
    except tarfile.TarError as error:
        return [f"{path.name}: {error}"]
    names = {member.name for member in members}
    problems: list[str] = []
    if outside := sorted(name for name in names if not name.startswith(prefix)):
        problems.append(f"files are outside {prefix}: {', '.join(outside)}")
    wanted = ("PKG-INFO", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "SECURITY.md")
    if missing := [name for name in wanted if prefix + name not in names]:
        problems.append(f"files are missing: {', '.join(missing)}")
    if links := [member.name for member in members if not member.isfile()]:
        problems.append(f"these are no plain files: {', '.join(links)}")
    left = re.compile(r"/(__pycache__|\.venv[^/]*|\.git|\.hypothesis|[^/]*\.pyc)(/|$)")
    if unwanted := sorted(filter(left.search, names)):
        problems.append(f"programs have left these behind: {', '.join(unwanted[:5])}")
    return [f"{path.name}: {problem}" for problem in problems]


def check_same(one: Path, other: Path, what: str) -> list[str]:
    """Say which files differ between two builds that have to give the same bytes."""
    if one.read_bytes() == other.read_bytes():
        return []
    first, second = _digests(one), _digests(other)
    different = sorted(
        name for name in first.keys() | second.keys() if first.get(name) != second.get(name)
    )
    where = ", ".join(different[:5]) or "the order, the times or the modes of the files"
    return [f"{one.name} is not reproducible, {what}: the difference is in {where}"]


def _digests(path: Path) -> dict[str, bytes]:
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as wheel:
            return {name: wheel.read(name) for name in wheel.namelist()}
    with tarfile.open(path) as sdist:
        return {
            member.name: file.read()
            for member in sdist.getmembers()
            if (file := sdist.extractfile(member)) is not None
        }
