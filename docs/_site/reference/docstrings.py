"""Docstrings as Markdown: paragraphs, arguments, what is raised, and links to other names."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, TypeAlias

Link: TypeAlias = Callable[[str], str | None]
"""Finds the target of a link to a name, or None if it is not public."""

SECTION: Final = re.compile(r"^(Args|Raises|Returns|Yields):\s*(.*)$")
CODE: Final = re.compile(r"``(.+?)``|`([^`]+)`", re.DOTALL)
ITEM: Final = re.compile(r"^([\w*, .]+?): ?(.*)$")
NOT_FOR_USERS: Final = re.compile(r"^(Public|Source): ", re.MULTILINE)


@dataclass(slots=True)
class Docstring:
    """The parts of a docstring, as Markdown."""

    text: str = ""
    arguments: dict[str, str] = field(default_factory=dict[str, str])
    raises: dict[str, str] = field(default_factory=dict[str, str])
    returns: str = ""

    @property
    def first_line(self) -> str:
        """The first paragraph, on one line."""
        return self.text.partition("\n\n")[0]


def read(text: str, link: Link) -> Docstring:
    """Take a docstring to its parts."""
    found = Docstring()
    section, lines = "", list[str]()

    def finish() -> None:
        match section:
            case "Args":
                found.arguments = dict(_items(lines, link))
            case "Raises":
                found.raises = dict(_items(lines, link))
            case "Returns" | "Yields":
                found.returns = markdown("\n".join(lines), link)
            case _:
                found.text = markdown("\n".join(lines), link)

    for line in text.splitlines():
        if begins := SECTION.match(line):
            finish()
            section, lines = begins[1], [begins[2]] if begins[2] else []
        elif section and line and not line.startswith(" ") and section != "Returns":
            # Text behind a section belongs to none.
            finish()
            section, lines = "", [found.text, "", line]
        else:
            lines.append(line)
    finish()
    return found


def _items(lines: list[str], link: Link) -> Iterator[tuple[str, str]]:
    """What a section lists: ``name: text``, with lines that are indented further."""
    indents = [len(line) - len(line.lstrip()) for line in lines if line.strip()]
    if not indents:
        return
    name, text = "", list[str]()
    for line in lines:
        stripped = line[min(indents) :]
        if stripped and not stripped.startswith(" ") and (begins := ITEM.match(stripped)):
            if name:
                yield name, _joined(text, link)
            name, text = begins[1], [begins[2]]
        else:
            text.append(stripped)
    if name:
        yield name, _joined(text, link)


def _joined(lines: list[str], link: Link) -> str:
    return inline(" ".join(" ".join(lines).split()), link)


def markdown(text: str, link: Link) -> str:
    """Paragraphs, lists and code of a docstring."""
    parts: list[str] = []
    code = False
    for block in re.split(r"\n\s*\n", text.strip("\n")):
        if NOT_FOR_USERS.match(block):
            continue
        if code and block.startswith(" "):
            parts.append(_fenced(block))
            continue
        code = False
        stripped = block.strip()
        if stripped.startswith("==="):
            parts.append(_table(stripped.splitlines(), link))
        elif stripped.startswith("- "):
            parts.append(inline(stripped, link))
        elif stripped:
            code = stripped.endswith("::")
            words = " ".join(stripped.split()).removesuffix(" ::").removesuffix("::")
            ending = ":" if code and not stripped.startswith("::") and words else ""
            if words:
                parts.append(inline(words, link) + ending)
    return "\n\n".join(parts)


def _table(lines: list[str], link: Link) -> str:
    """A simple table of reStructuredText: a line that begins a row has text in all columns."""
    edges = [found.span() for found in re.finditer(r"=+", lines[0])]
    starts = [start for start, _ in edges]
    rows: list[list[str]] = []
    for line in lines:
        if line.startswith("==="):
            continue
        cells = [
            line[start:end].strip() for start, end in zip(starts, [*starts[1:], None], strict=True)
        ]
        if cells[0] and not (rows and _goes_on(rows[-1][0])):
            rows.append(cells)
        else:
            rows[-1] = [f"{old} {new}".strip() for old, new in zip(rows[-1], cells, strict=True)]
    shown = [[inline(cell, link).replace("|", "\\|") for cell in row] for row in rows]
    texts = [f"| {' | '.join(row)} |" for row in shown]
    return "\n".join([texts[0], "|" + "---|" * len(starts), *texts[1:]])


def _goes_on(cell: str) -> bool:
    """Whether the first cell of a row is continued on the next line."""
    return cell.endswith((" and", ","))


def _fenced(block: str) -> str:
    lines = block.splitlines()
    indent = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
    code = [line[indent:] for line in lines]
    try:
        ast.parse("\n".join(code))
    except SyntaxError:  # a drawing, or a part of a program
        return "\n".join(["```text", *code, "```"])
    return "\n".join(["```py", *code, "```"])


def inline(text: str, link: Link) -> str:
    """Words in code, and names that lead to where they are explained."""

    def shown(found: re.Match[str]) -> str:
        literal, name = found[1], found[2]
        if literal is not None:
            return f"`{' '.join(literal.split())}`"
        target = link(name)
        return f"[`{name}`]({target})" if target else f"`{' '.join(name.split())}`"

    parts: list[str] = []
    end = 0
    for found in CODE.finditer(text):
        parts += [_escaped(text[end : found.start()]), shown(found)]
        end = found.end()
    return "".join([*parts, _escaped(text[end:])])


def _escaped(text: str) -> str:
    return re.sub(r"([*<>\[\]_])", r"\\\1", text)
