"""The pages about the lab name requests and commands that there are."""

from __future__ import annotations

import re
import ssl
from pathlib import Path

import pytest

from relay_anyio.cli import main
from relay_anyio.lab.routes import ROUTES
from relay_proto.adapter.connection_errors import describe

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "guide" / "lab.md").read_text("utf-8")
EVERY_PAGE = "".join(page.read_text("utf-8") for page in DOCS.rglob("*.md"))
COMMANDS = set(re.findall(r"^.*\brelay lab ([a-z][\w-]*)", EVERY_PAGE, re.MULTILINE))


def test_the_requests_on_the_page_are_those_of_the_lab() -> None:
    named = re.findall(r"`([A-Z]+) (/api/[\w/{}]+)`", PAGE)
    assert len(named) > 10
    assert set(named) <= {(route.method, route.path) for route in ROUTES}


def test_the_words_for_a_certificate_of_nobody_are_those_that_a_program_says() -> None:
    words, _, _ = describe(ssl.SSLCertVerificationError(1, "why")).partition(" (why)")
    assert f"| `{words}` in the program |" in (DOCS / "start" / "lab.md").read_text("utf-8")


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_a_command_on_a_page_is_one_of_the_lab(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["lab", command, "--help"])
    assert ended.value.code == 0
    assert f"relay lab {command}" in capsys.readouterr().out


def test_there_are_commands_on_the_pages() -> None:
    assert len(COMMANDS) > 8
