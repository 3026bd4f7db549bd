"""The SBOMs: one for the wheel alone, one for the wheel with each extra for users.

`cyclonedx-py` makes them from an environment in which the wheel is installed. It reads what the
package itself requires from a ``pyproject.toml``: this one is made from the metadata of the
wheel, so that the SBOM is about what users get.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from .packages import metadata_of

FOR_DEVELOPERS: Final = frozenset(
    {"bench", "browser", "deploy", "docs", "fuzz", "interop", "lint", "mutation", "release", "test"}
)
"""Extras for work on this library. All others are for users, and have an SBOM."""


def extras_for_users(extras: Iterable[str]) -> list[str]:
    """Choose the extras that have an SBOM."""
    return sorted(set(extras) - FOR_DEVELOPERS)


def bom_name(version: str, extra: str) -> str:
    """Name the file of an SBOM; `extra` may be empty."""
    return f"relay_proto-{version}{'-' if extra else ''}{extra}.cdx.json"


def requirements_of(wheel: Path, extra: str) -> list[str]:
    """List what the metadata of a wheel requires on this machine, with one extra or without."""
    with zipfile.ZipFile(wheel) as opened:
        metadata = metadata_of(opened)
    lines = [Requirement(line) for line in metadata.get_all("Requires-Dist", [])]
    found = {
        f"{canonicalize_name(line.name)}{line.specifier}"
        for line in lines
        if line.marker is None or line.marker.evaluate({"extra": extra})
    }
    return sorted(found)


def as_pyproject(wheel: Path, extra: str) -> str:
    """Write the description of the package that `cyclonedx-py` reads."""
    with zipfile.ZipFile(wheel) as opened:
        metadata = metadata_of(opened)
    names = {"name": "Name", "version": "Version", "description": "Summary"}
    lines = ["[project]"]
    lines += [f"{key} = {json.dumps(metadata[field])}" for key, field in names.items()]
    lines.append(f"license = {json.dumps(metadata['License-Expression'])}")
    lines.append(f"dependencies = {json.dumps(requirements_of(wheel, extra))}")
    return "\n".join(lines) + "\n"


def check_bom(path: Path, wheel: Path, extra: str) -> list[str]:
    """Say where an SBOM breaks the schema of CycloneDX, or says something else than the wheel."""
    text = path.read_text("utf-8")
    try:
        told: dict[str, Any] = json.loads(text)
    except ValueError as error:
        return [f"{path.name}: this is no JSON: {error}"]
    problems = _against_schema(text, told) or [*_against_wheel(told, wheel, extra)]
    return [f"{path.name}: {problem}" for problem in problems]


def _against_schema(text: str, told: dict[str, Any]) -> list[str]:
    # Only `scripts/release` has this library; tests that need it are skipped without.
    schema = import_module("cyclonedx.schema")
    validation = import_module("cyclonedx.validation.json")
    try:
        version = schema.SchemaVersion.from_version(str(told.get("specVersion")))
    except (KeyError, ValueError):
        return [f"specVersion {told.get('specVersion')!r} is no version of CycloneDX"]
    error = validation.JsonStrictValidator(version).validate_str(text)
    return [] if error is None else [f"against the schema of CycloneDX: {str(error)[:300]}"]


def _against_wheel(told: dict[str, Any], wheel: Path, extra: str) -> Iterator[str]:
    with zipfile.ZipFile(wheel) as opened:
        metadata = metadata_of(opened)
    own = told.get("metadata", {}).get("component", {})
    named = f"{own.get('name')} {own.get('version')}"
    if named != f"{metadata['Name']} {metadata['Version']}":
        yield f"it is about {named}, not about {metadata['Name']} {metadata['Version']}"
    components: dict[str, str] = {
        component["bom-ref"]: canonicalize_name(component["name"])
        for component in told.get("components", ())
    }
    edges = {entry["ref"]: entry.get("dependsOn", []) for entry in told.get("dependencies", ())}
    direct = {components.get(ref) or ref for ref in edges.get(own.get("bom-ref"), ())}
    wanted = {Requirement(line).name for line in requirements_of(wheel, extra)}
    if missing := sorted(wanted - direct):
        yield f"the wheel requires {', '.join(missing)}, the SBOM does not"
    if strange := sorted(direct - wanted):
        yield f"the SBOM requires {', '.join(strange)}, the wheel does not"
    for component in told.get("components", ()):
        if not component.get("version"):
            yield f"{component['name']} has no version"
    if lost := sorted(components[ref] for ref in components.keys() - _reached(edges, own)):
        yield f"nothing requires {', '.join(lost)}"


def _reached(edges: dict[str, list[str]], own: dict[str, Any]) -> set[str]:
    reached: set[str] = set()
    waiting = [str(own.get("bom-ref"))]
    while waiting:
        for ref in edges.get(waiting.pop(), ()):
            if ref not in reached:
                reached.add(ref)
                waiting.append(ref)
    return reached
