"""docs/guide/errors.md has every error, its place in the tree, and its facts."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

import relay_anyio
from docs._site.reference import names
from relay_proto import errors
from relay_proto.errors import RelayError

PAGE: Final = (Path(__file__).parents[2] / "docs" / "guide" / "errors.md").read_text("utf-8")
ERRORS: Final = {
    name: kind
    for name, kind in vars(errors).items()
    if inspect.isclass(kind) and issubclass(kind, RelayError) and not name.startswith("_")
}


def facts(kind: type[RelayError]) -> set[str]:
    """What the class and its bases assign to themselves, and `RelayError` does not."""
    assigned: set[str] = set()
    for base in kind.__mro__[: kind.__mro__.index(RelayError)]:
        if base.__module__ == errors.__name__:
            names = re.findall(r"self\.(\w+)(?:: \w+)? = ", inspect.getsource(base))
            assigned.update(names)
    return assigned


def rows() -> dict[str, str]:
    """The rows of the table of all errors: the facts by the name of the error."""
    _, _, section = PAGE.partition("## One by one\n")
    table = section.partition("\n## ")[0]
    return dict(re.findall(r"^\| `(\w+)`[\w ]* \| (.*?) \|", table, re.MULTILINE))


def test_the_tree_has_every_error_and_what_else_it_is() -> None:
    tree = PAGE.partition("```text\n")[2].partition("```")[0]
    lines = {
        found: line for line in tree.splitlines() for found in re.findall(r"\w+Error", line)[:1]
    }
    assert lines.keys() == ERRORS.keys()
    for name, kind in ERRORS.items():
        for other in (ConnectionError, TimeoutError):
            inherited = (
                name == "ConnectTimeoutError" and other is ConnectionError
            )  # from its parent
            if not inherited:
                assert (f"also a {other.__name__}" in lines[name]) is issubclass(kind, other)


def test_the_table_has_the_facts_of_every_error() -> None:
    assert rows().keys() == ERRORS.keys()
    for name, kind in ERRORS.items():
        named = set(re.findall(r"`(\w+)`", rows()[name])) - {"code", "message"}
        if name == "ConnectTimeoutError":  # "also": those of its parent are not repeated
            named |= facts(errors.ConnectFailedError)
        assert named == facts(kind), name


def takes_more(method: Callable[..., object]) -> bool:
    """Whether the method takes any keyword."""
    parameters = inspect.signature(method).parameters.values()
    return any(one.kind is one.VAR_KEYWORD for one in parameters)


def test_the_page_says_which_verbs_send_a_keyword_that_is_not_known() -> None:
    _, _, section = PAGE.partition("| verbs of `Call` | an unknown keyword |\n|---|---|\n")
    sends, refuses = section.splitlines()[:2]
    assert "is sent, with an `UnknownNameWarning`" in sends
    assert "is a `TypeError`" in refuses
    open_, closed = set[str](), set[str]()
    for name in names.members(relay_anyio.Call):
        if names.is_verb_of(name, "Call"):
            (open_ if takes_more(getattr(relay_anyio.Call, name)) else closed).add(name)
    assert set(re.findall(r"`(\w+)`", sends)) - {"UnknownNameWarning"} == open_
    assert set(re.findall(r"`(\w+)`", refuses)) - {"RelayClient", "TypeError"} == closed
    for name in names.members(relay_anyio.RelayClient):
        if names.is_verb_of(name, "RelayClient"):
            assert not takes_more(getattr(relay_anyio.RelayClient, name))


def test_the_facts_are_read_from_the_source() -> None:
    assert facts(errors.DialFailedError) == {"tag", "reason"}
