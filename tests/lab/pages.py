"""The tables of docs/lab-api.md, from the tables of the code.

``python -m tests.lab.pages`` writes them. A test fails if that has not been done.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Final, cast

from relay_anyio.lab.arguments import add_lab
from relay_anyio.lab.asked import Route
from relay_anyio.lab.routes import ROUTES
from tests.pages import replace_part

PAGE: Final = Path(__file__).parents[2] / "docs" / "lab-api.md"
WRITTEN: Final = "written by `python -m tests.lab.pages` -->"
HIDDEN: Final = frozenset({"-h", "--help"})


def routes() -> str:
    """The table of routes."""
    lines = ["| request | what it does | takes | returns |", "|---|---|---|---|"]
    lines += [_route(route) for route in ROUTES]
    return "\n".join(lines)


def _route(route: Route) -> str:
    query = [f"`?{name}`" for name in route.query.__struct_encode_fields__]
    fields = () if route.body is None else route.body.__struct_encode_fields__
    takes = " ".join([*query, *(f"`{name}`" for name in fields)])
    returns = "a stream" if route.answer is None else f"`{route.answer.__name__}`"
    does = route.does.removesuffix(".")
    return f"| `{route.method} {route.path}` | {does} | {takes} | {returns} |"


def commands() -> str:
    """The table of commands."""
    lines = ["| command | what it does |", "|---|---|"]
    for name, parser in _parsers():
        taken = [_argument(action) for action in parser._actions if not _is_hidden(action)]  # noqa: SLF001
        usage = " ".join(["relay lab", name, *taken])
        lines.append(f"| `{usage}` | {(parser.description or '').removesuffix('.')} |")
    return "\n".join(lines)


def _parsers() -> Iterator[tuple[str, argparse.ArgumentParser]]:
    lab = argparse.ArgumentParser()
    add_lab(lab.add_subparsers().add_parser)
    inner = _choices(_choices(lab)["lab"])
    yield from inner.items()


def _choices(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The commands of a parser."""
    choices: list[object] = [one.choices for one in parser._actions]  # noqa: SLF001
    [found] = [
        cast("dict[str, argparse.ArgumentParser]", one) for one in choices if isinstance(one, dict)
    ]
    return found


def _is_hidden(action: argparse.Action) -> bool:
    return bool(HIDDEN.intersection(action.option_strings))


def _argument(action: argparse.Action) -> str:
    if not action.option_strings:
        name = str(action.metavar or action.dest)
        return f"[{name}]" if action.nargs == "?" else name
    flag = action.option_strings[-1]
    value = "" if action.nargs == 0 else f" {action.metavar or action.dest.upper()}"
    return f"[{flag}{value}]"


def page_with_tables() -> str:
    """The page as it should be."""
    page = PAGE.read_text("utf-8")
    for name, table in (("commands", commands()), ("routes", routes())):
        page = replace_part(page, f"<!-- {name}: {WRITTEN}", table, f"<!-- end of {name} -->")
    return page


if __name__ == "__main__":
    PAGE.write_text(page_with_tables(), "utf-8")
