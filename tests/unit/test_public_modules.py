"""Public modules: each says so in its docstring, and the documentation lists them all."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGES: Final = (
    "relay_proto",
    "relay_anyio",
    "relay_sync",
    "relay_run",
    "relay_pace",
    "relay_pytest",
    "relay_otel",
)
SECTION: Final = re.compile(r"^## What you may import\n(.*?)^## ", re.MULTILINE | re.DOTALL)
MODULE: Final = re.compile(rf"`((?:{'|'.join(PACKAGES)})(?:\.\w+)*)`")
PUBLIC: Final = re.compile(r"^Public: ", re.MULTILINE)


def public_modules() -> set[str]:
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if PUBLIC.search(ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "")
    }


def listed_modules() -> set[str]:
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    section = SECTION.search(page)
    assert section is not None
    return set(MODULE.findall(section[1]))


def test_the_documentation_lists_the_public_modules() -> None:
    assert listed_modules() == public_modules()


@pytest.mark.parametrize("name", sorted(public_modules()))
def test_no_public_module_has_a_private_name(name: str) -> None:
    assert not any(part.startswith("_") for part in name.split("."))
