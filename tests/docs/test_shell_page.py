"""docs/start/shell.md: what is typed there works, and says what the page says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.docs.test_programs import environment

PAGE: Final = (Path(__file__).parents[2] / "docs" / "start" / "shell.md").read_text("utf-8")
TYPED: Final = re.compile(r"^>>> (.*)\n((?:(?!>>>|```).*\n)*)", re.MULTILINE)
VARIES: Final = re.compile(r"^ +\d+\.\d\d|[0-9a-f]{8}-[\w-]*…?|signalwire_\S*", re.MULTILINE)


def shown(statement: str) -> str:
    """The statement, which shows its values as the shell does when somebody types."""
    if statement.startswith(("call =", "action =", "story(", "call_me(")):
        return statement
    return "; ".join(f"print(repr({part}))" for part in statement.split("; "))


def alike(text: str) -> str:
    """The text without what is different each time."""
    return VARIES.sub("-", text)


def test_what_is_typed_on_the_page_gives_what_the_page_shows() -> None:
    session = TYPED.findall(PAGE)
    assert len(session) > 6
    done = subprocess.run(
        [sys.executable, "-m", "relay_anyio", "shell"],
        input="\n".join(shown(statement) for statement, _ in session),
        env=environment({}),
        capture_output=True,
        text=True,
        timeout=60.0,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert alike(done.stdout) == alike("".join(says for _, says in session))
