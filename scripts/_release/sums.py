"""SHA256SUMS: the checksums of all other files of a release, as `sha256sum --check` reads them."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Final

NAME: Final = "SHA256SUMS"
_LINE: Final = re.compile(r"([0-9a-f]{64})  (\S+)")


def write_sums(folder: Path) -> None:
    """Write the checksums of the files of a folder."""
    lines = [f"{_sum_of(file)}  {file.name}\n" for file in _files(folder)]
    (folder / NAME).write_text("".join(lines), "utf-8")


def check_sums(folder: Path) -> list[str]:
    """Say which files are not those whose checksums are written there."""
    if not (folder / NAME).is_file():
        return [f"{NAME} is missing"]
    problems: list[str] = []
    written: dict[str, str] = {}
    for number, line in enumerate((folder / NAME).read_text("utf-8").splitlines(), 1):
        if found := _LINE.fullmatch(line):
            written[found[2]] = found[1]
        else:
            problems.append(f"{NAME}: line {number} is no checksum and a name")
    files = {file.name: file for file in _files(folder)}
    problems += [f"{NAME} has no checksum of {name}" for name in sorted(files.keys() - written)]
    for name, wanted in written.items():
        if name not in files:
            problems.append(f"{NAME} names {name}, which is not there")
        elif _sum_of(files[name]) != wanted:
            problems.append(f"{name} is another file than the one of {NAME}")
    return problems


def _files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.iterdir() if file.is_file() and file.name != NAME)


def _sum_of(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
