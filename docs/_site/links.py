"""Links: where those of a page lead, and where they must lead from its place in the site."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

LINK: Final = re.compile(r"(?<=\]\()([^)\s]+)(?=\))")
CODE: Final = re.compile(r"^(`{3,}|~{3,}).*?^\1$|`[^`\n]+`", re.MULTILINE | re.DOTALL)


def is_external(target: str) -> bool:
    """Whether a link leads out of the site."""
    return re.match(r"[a-z][a-z0-9+.-]*:", target) is not None


def outside_code(text: str, change: Callable[[str], str]) -> str:
    """The text, with `change` applied to all of it but code: blocks, and words in a line."""
    parts: list[str] = []
    end = 0
    for code in CODE.finditer(text):
        parts += [change(text[end : code.start()]), code[0]]
        end = code.end()
    return "".join([*parts, change(text[end:])])


def targets(text: str) -> list[str]:
    """Every target of a link or picture on a page."""
    found: list[str] = []

    def collect(part: str) -> str:
        found.extend(LINK.findall(part))
        return part

    outside_code(text, collect)
    return found


def redirected(text: str, new_target: Callable[[str], str]) -> str:
    """The page, with each target of a link replaced by what `new_target` makes of it."""
    return outside_code(text, lambda part: LINK.sub(lambda found: new_target(found[1]), part))


def relative(target: Path, page: Path) -> str:
    """The path from the folder of `page` to `target`."""
    return Path(os.path.relpath(target, page.parent)).as_posix()
