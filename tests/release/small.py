"""A small project, and its release made by hand, for tests that break one thing at a time."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from scripts._release.bom import bom_name
from scripts._release.packages import Project

VERSION: Final = "1.2.3"
PYPROJECT: Final = """\
[project]
name = "relay-proto"
requires-python = ">=3.11"
license = "MIT"
license-files = ["LICENSE"]
dependencies = ["anyio>=4.10", "h11>=0.16"]
[project.optional-dependencies]
trio = ["anyio[trio]>=4.10", "trio>=0.26.1"]
all = ["relay-proto[trio]", "rich>=13; python_version >= '3'"]
test = ["pytest>=8"]
[project.scripts]
relay = "relay_proto.cli:main"
[project.entry-points.pytest11]
relay = "relay_proto"
[tool.hatch.build.targets.wheel]
packages = ["relay_proto"]
force-include = {"examples/ivr.py" = "relay_proto/_examples/ivr.py"}
"""
METADATA: Final = """\
Metadata-Version: 2.4
Name: relay-proto
Version: 1.2.3
Summary: A project
License-Expression: MIT
License-File: LICENSE
Requires-Python: >=3.11
Requires-Dist: anyio>=4.10
Requires-Dist: h11>=0.16
Provides-Extra: all
Requires-Dist: anyio[trio]>=4.10; extra == 'all'
Requires-Dist: trio>=0.26.1; extra == 'all'
Requires-Dist: rich>=13; (python_version >= '3') and extra == 'all'
Provides-Extra: test
Requires-Dist: pytest>=8; extra == 'test'
Provides-Extra: trio
Requires-Dist: anyio[trio]>=4.10; extra == 'trio'
Requires-Dist: trio>=0.26.1; extra == 'trio'
"""
INFO: Final = f"relay_proto-{VERSION}.dist-info"
WHEEL_FILES: Final[Mapping[str, str]] = {
    "relay_proto/__init__.py": "",
    "relay_proto/_version.py": f'__version__ = "{VERSION}"\n',
    "relay_proto/cli.py": "def main() -> int:\n    return 0\n",
    "relay_proto/py.typed": "",
    "relay_proto/_examples/ivr.py": "# an example\n",
    f"{INFO}/METADATA": METADATA,
    f"{INFO}/WHEEL": "Wheel-Version: 1.0\n",
    f"{INFO}/entry_points.txt": (
        "[console_scripts]\nrelay = relay_proto.cli:main\n\n[pytest11]\nrelay = relay_proto\n"
    ),
    f"{INFO}/licenses/LICENSE": "MIT, in full\n",
}


def make_project(root: Path) -> Project:
    """Write the project into a folder."""
    files = {name: text for name, text in WHEEL_FILES.items() if not name.startswith(INFO)}
    files["examples/ivr.py"] = files.pop("relay_proto/_examples/ivr.py")
    files |= {"pyproject.toml": PYPROJECT, "LICENSE": WHEEL_FILES[f"{INFO}/licenses/LICENSE"]}
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, "utf-8")
    return Project(root)


def make_wheel(
    folder: Path, changes: Mapping[str, str | None] | None = None, *, record: bool = True
) -> Path:
    """Write the wheel with some files changed, added, or left out if they are None."""
    files = {
        name: text for name, text in {**WHEEL_FILES, **(changes or {})}.items() if text is not None
    }
    told = WHEEL_FILES if not record else files
    lines = [f"{name},sha256={_digest(text)},{len(text)}\n" for name, text in told.items()]
    files[f"{INFO}/RECORD"] = "".join(lines) + f"{INFO}/RECORD,,\n"
    path = folder / f"relay_proto-{VERSION}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for name, text in files.items():
            wheel.writestr(zipfile.ZipInfo(name), text)
    return path


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def make_sdist(folder: Path, changes: Mapping[str, str | None] | None = None) -> Path:
    """Write the sdist with some files changed, added, or left out if they are None."""
    prefix = f"relay_proto-{VERSION}/"
    names = ("PKG-INFO", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "SECURITY.md")
    files: dict[str, str | None] = {prefix + name: name for name in names}
    path = folder / f"relay_proto-{VERSION}.tar.gz"
    with tarfile.open(path, "w:gz") as sdist:
        for name, text in (files | dict(changes or {})).items():
            member = tarfile.TarInfo(name)
            if text is None:
                continue
            if text == "a link":
                member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
                sdist.addfile(member)
                continue
            member.size = len(text)
            sdist.addfile(member, io.BytesIO(text.encode()))
    return path


def make_bom() -> dict[str, Any]:
    """Build the SBOM of the wheel alone."""
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "bom-ref": "root",
                "name": "relay-proto",
                "type": "library",
                "version": VERSION,
            }
        },
        "components": [
            _component("anyio", "4.16.0"),
            _component("h11", "0.16.0"),
            _component("idna", "3.20"),
        ],
        "dependencies": [
            {"ref": "root", "dependsOn": ["anyio", "h11"]},
            {"ref": "anyio", "dependsOn": ["idna"]},
            {"ref": "h11"},
            {"ref": "idna"},
        ],
    }


def _component(name: str, version: str) -> dict[str, str]:
    return {
        "bom-ref": name,
        "name": name,
        "version": version,
        "type": "library",
        "purl": f"pkg:pypi/{name}@{version}",
    }


def write_bom(folder: Path, bom: object, extra: str = "") -> Path:
    """Write an SBOM as the release names it."""
    path = folder / bom_name(VERSION, extra)
    path.write_text(json.dumps(bom), "utf-8")
    return path
