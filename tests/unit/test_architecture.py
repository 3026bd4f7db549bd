"""The shape of the code: who may import whom, and how long a file may be.

Imports are read from the source, those inside functions too. Under
``if TYPE_CHECKING:`` a module may name any module of its own package, but never
reach a package that it must not.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests import rooms
from tests.rooms import ROOT

PACKAGES: Final = (
    "relay_proto",
    "relay_anyio",
    "relay_sync",
    "relay_run",
    "relay_pace",
    "relay_pytest",
    "relay_otel",
)
MAX_LINES: Final = 500
LISTS_OF_ANY_LENGTH: Final = tuple(
    f"relay_proto/{name}.py" for name in ("api/commands", "api/shapes", "rpc/events")
)

CORE_LIBRARIES: Final = frozenset({"h11", "msgspec", "socksio", "wsproto"})
PURE_STDLIB: Final = frozenset(
    """
    __future__ abc array base64 binascii bisect collections contextlib copy dataclasses difflib
    enum fractions functools hashlib heapq hmac inspect itertools json keyword math numbers operator
    re reprlib statistics string struct textwrap types typing unicodedata urllib.parse warnings
    weakref
    """.split()
)
"""What the core may use of the standard library: neither IO, nor clock, nor chance."""

CHANCE: Final = frozenset({"gc", "random"})
"""What `relay_proto.testing` may use beside: chance from a seed, and a look at what is kept."""
SOAKING: Final = frozenset({"argparse", "sys", "time"})
"""What its command may use: it is a program, with arguments, an output and a clock."""
DRAWING: Final = frozenset({"hypothesis"})
"""An optional package, for these modules alone; the others only name its types."""
DRAWS: Final = (
    *(
        f"relay_proto/testing/{name}.py"
        for name in ("strategies", "frame_strategies", "exploring_strategies", "searching")
    ),
    "relay_proto/adapter/exploring.py",
    "relay_anyio/_exploring.py",
    "relay_sync/_exploring.py",
)
SOAK: Final = ("relay_proto/testing/__main__.py", "relay_proto/testing/soak.py")

FORBIDDEN_IN_CORE: Final = frozenset(
    """
    asyncio concurrent datetime http logging multiprocessing os pathlib random secrets select
    selectors signal socket ssl subprocess threading time urllib.request uuid
    anyio sniffio trio relay_anyio relay_sync relay_proto.testing
    """.split()
)
"""Named for the check of the running interpreter; the sources are held to the lists above."""

LATER: Final = frozenset({"asyncio", "h11", "hypothesis", "socksio", "trio", "wsproto"})
"""What no import loads: the first connection does, or the event loop."""

DECISIONS: Final = tuple(
    f"relay_run/{name}.py" for name in ("exit_codes", "health", "reports", "slots", "supervision")
)
"""What `relay run` decides and says, without processes and clocks."""
OF_RUN: Final = frozenset({"h11", "watchfiles"})

STDLIB: Final = frozenset(sys.stdlib_module_names) - {"asyncio"}
EVENT_LOOPS: Final = frozenset({"asyncio", "sniffio", "trio"})
SHOWS_AND_SERVES: Final = frozenset({"cryptography", "rich", "trustme"})
OF_THE_LAB: Final = frozenset({"msgspec", "starlette", "uvicorn"})


@dataclass(frozen=True, slots=True)
class Import:
    """`target` is dotted and absolute, with the imported name as its last part."""

    target: str
    line: int
    typing_only: bool

    def within(self, names: Iterable[str]) -> bool:
        return any(self.target == name or self.target.startswith(f"{name}.") for name in names)


def find_imports(source: str, path: str) -> Iterator[Import]:
    """Every import in `source`, which is the file `path`, relative to the root."""
    package = path.split("/")[:-1]
    return _walk(ast.parse(source), package, typing_only=False)


def _walk(node: ast.AST, package: list[str], *, typing_only: bool) -> Iterator[Import]:
    match node:
        case ast.Import(names=names):
            yield from (Import(alias.name, node.lineno, typing_only) for alias in names)
        case ast.ImportFrom(module=module, names=names, level=level):
            above = package[: len(package) - level + 1] if level else []
            base = ".".join([*above, *([module] if module else [])])
            yield from (Import(f"{base}.{alias.name}", node.lineno, typing_only) for alias in names)
        case ast.Call(func=ast.Name(id="__import__")):
            yield Import("__import__()", node.lineno, typing_only)
        case ast.If(test=ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING")):
            for guarded in node.body:
                yield from _walk(guarded, package, typing_only=True)
            for alternative in node.orelse:
                yield from _walk(alternative, package, typing_only=typing_only)
            return
        case _:
            pass
    for child in ast.iter_child_nodes(node):
        yield from _walk(child, package, typing_only=typing_only)


def core_violations(source: str, path: str) -> list[str]:
    allowed = CORE_LIBRARIES | PURE_STDLIB | {"relay_proto"}
    if path.startswith("relay_proto/testing/"):
        allowed |= CHANCE
    if path.startswith("relay_proto/adapter/"):
        allowed |= STDLIB
    if path in SOAK:
        allowed |= SOAKING
    if path in DRAWS:
        allowed |= DRAWING
    return [
        f"{path}:{found.line} imports {found.target}: relay_proto is pure; if this is, too, add it"
        for found in find_imports(source, path)
        if not found.within(allowed) and not (found.typing_only and found.within({"random"}))
    ]


def order_violations(source: str, path: str) -> list[str]:
    """Imports that go the wrong way; those for types count like any other."""
    module = path.split("/")[1].removesuffix(".py")
    inside = [found for found in find_imports(source, path) if found.within({"relay_proto"})]
    if module == "__init__":
        apart = [f"relay_proto.{name}" for name in rooms.APART]
        return [
            f"{path}:{found.line} loads {found.target} for everybody"
            for found in inside
            if found.within(apart)
        ]
    try:
        here = rooms.place(module)
    except KeyError:
        return [f"{path} has no place: add {module!r} to ROOMS in tests/rooms.py"]
    in_folder = path.count("/") > 1
    return [
        f"{path}:{found.line} imports {found.target}, which does not come before {module!r}"
        for found in inside
        if not _comes_before(found.target, module, here, in_folder=in_folder)
    ]


def _comes_before(target: str, module: str, here: tuple[int, int], *, in_folder: bool) -> bool:
    name = [*target.split("."), ""][1]
    if name == module:
        return in_folder  # the modules of one folder are held to it by the test of circles
    if name in rooms.ROOMS[here[0]].never:
        return False
    try:
        return rooms.place(name) < here
    except KeyError:
        return False


def anyio_violations(source: str, path: str) -> list[str]:
    allowed = STDLIB | {"anyio", "relay_proto", "relay_anyio"}
    if path in DRAWS:
        allowed |= DRAWING
    if path in (
        "relay_anyio/_background.py",
        "relay_anyio/_registered.py",
        "relay_anyio/_virtual.py",
    ):
        allowed |= EVENT_LOOPS
    if path.startswith(
        (
            "relay_anyio/simulator/",
            "relay_anyio/sim.py",
            "relay_anyio/cli.py",
            "relay_anyio/demo.py",
            "relay_anyio/replay.py",
            "relay_anyio/conform/",
        )
    ):
        allowed |= SHOWS_AND_SERVES
    if path.startswith("relay_anyio/lab/"):
        allowed |= OF_THE_LAB
    if path == "relay_anyio/cli.py":
        allowed |= {"relay_run.arguments"}
    below = path.startswith("relay_anyio/simulator/")
    if below:
        allowed |= {"h11"}  # it serves files on the port of the WebSocket
    return [
        *_outside(allowed, source, path),
        *(
            f"{path}:{found.line} imports {found.target}: the lab is above the simulator"
            for found in find_imports(source, path)
            if below and found.within({"relay_anyio.lab", "relay_anyio.sim"})
        ),
    ]


def sync_violations(source: str, path: str) -> list[str]:
    allowed = STDLIB | {"relay_proto", "relay_sync"}
    return _outside(allowed | DRAWING if path in DRAWS else allowed, source, path)


def plugin_violations(source: str, path: str) -> list[str]:
    clients = {"relay_proto", "relay_anyio", "relay_sync", "relay_pytest"}
    return _outside(STDLIB | {"pytest"} | clients, source, path)


def pace_violations(source: str, path: str) -> list[str]:
    return _outside(STDLIB | {"limits", "redis", "relay_proto", "relay_pace"}, source, path)


def run_violations(source: str, path: str) -> list[str]:
    pure = path in DECISIONS
    clients = {"relay_proto", "relay_run"}
    if path == "relay_run/metrics.py":
        clients |= {"relay_otel"}
    if path == "relay_run/async_service.py":
        clients |= {"anyio", "relay_anyio"}
    if path in ("relay_run/serving.py", "relay_run/worker.py"):
        clients |= {"anyio", "relay_anyio", "relay_sync"}
    return _outside(
        (PURE_STDLIB if pure else STDLIB | OF_RUN) | {"msgspec"} | clients, source, path
    )


def otel_violations(source: str, path: str) -> list[str]:
    libraries = {"opentelemetry", "prometheus_client"}
    return _outside(STDLIB | libraries | {"relay_proto", "relay_otel"}, source, path)


def _outside(allowed: frozenset[str], source: str, path: str) -> list[str]:
    return [
        f"{path}:{found.line} imports {found.target}, which this module must not"
        for found in find_imports(source, path)
        if not found.within(allowed)
    ]


def length_violations(source: str, path: str) -> list[str]:
    lines = len(source.splitlines())
    if lines <= MAX_LINES or path in LISTS_OF_ANY_LENGTH:
        return []
    return [f"{path} has {lines} lines, {MAX_LINES} at most"]


def import_circles(sources: dict[str, str]) -> list[list[str]]:
    """Modules that import each other, be it for types alone; `sources` by path."""
    modules = {
        path.removesuffix(".py").removesuffix("/__init__").replace("/", "."): path
        for path in sources
    }
    known = {name: set[str]() for name in modules}
    for name, path in modules.items():
        for found in find_imports(sources[path], path):
            target = found.target
            while target and target not in modules:
                target = target.rpartition(".")[0]
            if "." in target and target != name:  # a package itself may join what is in it
                known[name].add(target)
    left = set(known)
    while done := {name for name in left if not known[name] & left}:
        left -= done
    while done := {name for name in left if not any(name in known[other] for other in left)}:
        left -= done
    return [sorted(left)] if left else []


def hidden_in_words(source: str, path: str) -> list[str]:
    """Docstrings that say what an underscore should: it is not offered by an editor, then."""
    return [
        f"{path}:{number} says that it is not for applications: let its name begin with _"
        for number, line in enumerate(source.splitlines(), 1)
        if "not for applications" in line.lower()
    ]


Rule = Callable[[str, str], list[str]]


@pytest.mark.parametrize(
    ("rule", "package"),
    [
        (core_violations, "relay_proto"),
        (order_violations, "relay_proto"),
        (anyio_violations, "relay_anyio"),
        (sync_violations, "relay_sync"),
        (pace_violations, "relay_pace"),
        (plugin_violations, "relay_pytest"),
        (run_violations, "relay_run"),
        (otel_violations, "relay_otel"),
        *((length_violations, package) for package in PACKAGES),
        *((hidden_in_words, package) for package in PACKAGES),
    ],
)
def test_the_packages_keep_the_rules(rule: Rule, package: str) -> None:
    files = sorted((ROOT / package).rglob("*.py"))
    assert files, f"{package} has no sources: is this the root of the project?"
    sources = ((file.read_text("utf-8"), file.relative_to(ROOT).as_posix()) for file in files)
    assert [violation for source, path in sources for violation in rule(source, path)] == []


@pytest.mark.parametrize(
    ("rule", "path", "source"),
    [
        (core_violations, "relay_proto/wire/websocket.py", "import socket"),
        (core_violations, "relay_proto/wire/websocket.py", "import json, os.path"),
        (core_violations, "relay_proto/wire/websocket.py", "import logging as math"),
        (core_violations, "relay_proto/wire/websocket.py", "from time import monotonic"),
        (core_violations, "relay_proto/wire/websocket.py", "from urllib import request"),
        (core_violations, "relay_proto/wire/websocket.py", "import urllib.request"),
        (core_violations, "relay_proto/wire/websocket.py", "from importlib import import_module"),
        (core_violations, "relay_proto/wire/websocket.py", "clock = __import__('time')"),
        (core_violations, "relay_proto/wire/websocket.py", "import anyio"),
        (core_violations, "relay_proto/wire/websocket.py", "import relay_proto_extra"),
        (core_violations, "relay_proto/wire/websocket.py", "from relay_anyio import RelayClient"),
        (core_violations, "relay_proto/wire/websocket.py", "def f():\n    import uuid"),
        (
            core_violations,
            "relay_proto/wire/websocket.py",
            "class A:\n  async def f():\n    import ssl",
        ),
        (
            core_violations,
            "relay_proto/wire/websocket.py",
            "try:\n    import select\nexcept E:\n    pass",
        ),
        (core_violations, "relay_proto/wire/websocket.py", "import random"),
        (
            core_violations,
            "relay_proto/wire/websocket.py",
            "if TYPE_CHECKING:\n    import datetime",
        ),
        (
            core_violations,
            "relay_proto/wire/websocket.py",
            "if TYPE_CHECKING:\n  pass\nelse:\n  import random",
        ),
        (
            core_violations,
            "relay_proto/wire/websocket.py",
            "if not TYPE_CHECKING:\n    import random",
        ),
        (order_violations, "relay_proto/wire/websocket.py", "from ..client import ClientCore"),
        (
            order_violations,
            "relay_proto/wire/websocket.py",
            "from relay_proto.client import ClientCore",
        ),
        (order_violations, "relay_proto/wire/websocket.py", "import relay_proto.client"),
        (order_violations, "relay_proto/wire/websocket.py", "from .. import errors, client"),
        (order_violations, "relay_proto/client.py", "from . import client"),
        (order_violations, "relay_proto/wire/websocket.py", "from relay_proto import RelayError"),
        (order_violations, "relay_proto/wire/websocket.py", "import relay_proto"),
        (order_violations, "relay_proto/wire/websocket.py", "from .. import *"),
        (
            order_violations,
            "relay_proto/wire/websocket.py",
            "def f():\n    from ..client import ClientCore",
        ),
        (
            order_violations,
            "relay_proto/wire/websocket.py",
            "if TYPE_CHECKING:\n    from ..client import X",
        ),
        (order_violations, "relay_proto/link/session.py", "from ..calls.calls import Calls"),
        (order_violations, "relay_proto/records.py", "from .outputs import Output"),
        (core_violations, "relay_proto/exchange/legs.py", "from random import Random"),
        (core_violations, "relay_proto/testing/world.py", "import time"),
        (core_violations, "relay_proto/testing/__main__.py", "import socket"),
        (core_violations, "relay_proto/testing/deep/soak.py", "import argparse"),
        (order_violations, "relay_proto/__init__.py", "from .testing import World"),
        (order_violations, "relay_proto/exchange/legs.py", "from ..testing import World"),
        (order_violations, "relay_proto/client.py", "import relay_proto.testing.world"),
        (order_violations, "relay_proto/novelty.py", ""),
        (order_violations, "relay_proto/novelty/wire.py", ""),
        (anyio_violations, "relay_anyio/client.py", "import asyncio"),
        (anyio_violations, "relay_anyio/client.py", "from asyncio.events import get_event_loop"),
        (anyio_violations, "relay_anyio/client.py", "import trio"),
        (anyio_violations, "relay_anyio/client.py", "import rich"),
        (anyio_violations, "relay_anyio/client.py", "from relay_sync import RelayClient"),
        (anyio_violations, "relay_anyio/client.py", "if TYPE_CHECKING:\n    import relay_sync"),
        (anyio_violations, "relay_anyio/_background.py", "import rich"),
        (anyio_violations, "relay_anyio/deep/_background.py", "import asyncio"),
        (anyio_violations, "relay_anyio/testing.py", "import asyncio"),
        (anyio_violations, "relay_anyio/simulator/server.py", "import asyncio"),
        (anyio_violations, "relay_anyio/simulator/server.py", "from ..lab.lab import Lab"),
        (anyio_violations, "relay_anyio/client.py", "import starlette"),
        (sync_violations, "relay_sync/client.py", "import asyncio"),
        (sync_violations, "relay_sync/client.py", "import relay_run"),
        (anyio_violations, "relay_anyio/client.py", "import relay_run"),
        (run_violations, "relay_run/supervision.py", "import time"),
        (run_violations, "relay_run/supervisor.py", "import relay_anyio"),
        (sync_violations, "relay_sync/client.py", "import anyio"),
        (sync_violations, "relay_sync/client.py", "import msgspec"),
        (sync_violations, "relay_sync/client.py", "from relay_anyio.call import Call"),
        (otel_violations, "relay_otel/_spans.py", "from relay_anyio import Call"),
        (otel_violations, "relay_otel/_spans.py", "import asyncio"),
        (length_violations, "relay_anyio/commands.py", "\n" * (MAX_LINES + 1)),
        (hidden_in_words, "relay_anyio/call.py", '"""Tell who listens. Not for applications."""'),
    ],
)
def test_each_rule_can_be_broken(rule: Rule, path: str, source: str) -> None:
    assert len(rule(source, path)) == 1


@pytest.mark.parametrize(
    ("rule", "path", "source"),
    [
        (
            core_violations,
            "relay_proto/wire/websocket.py",
            "import msgspec.json\nfrom wsproto import events",
        ),
        (core_violations, "relay_proto/wire/websocket.py", "from collections.abc import Mapping"),
        (core_violations, "relay_proto/wire/websocket.py", "from urllib.parse import urlsplit"),
        (
            core_violations,
            "relay_proto/wire/websocket.py",
            "if TYPE_CHECKING:\n    from random import Random",
        ),
        (
            core_violations,
            "relay_proto/wire/websocket.py",
            "if typing.TYPE_CHECKING:\n    import random",
        ),
        (
            core_violations,
            "relay_proto/wire/websocket.py",
            "text = 'import socket'  # import socket",
        ),
        (core_violations, "relay_proto/testing/world.py", "import gc\nfrom random import Random"),
        (core_violations, "relay_proto/testing/soak.py", "import argparse, sys, time, random"),
        (
            order_violations,
            "relay_proto/wire/websocket.py",
            "from .. import errors as e\nfrom ..constants import X",
        ),
        (order_violations, "relay_proto/testing/world.py", "from ..client import ClientCore"),
        (order_violations, "relay_proto/testing/world.py", "from .links import Link"),
        (order_violations, "relay_proto/__init__.py", "from .client import ClientCore"),
        (anyio_violations, "relay_anyio/client.py", "import socket, anyio\nfrom .call import Call"),
        (anyio_violations, "relay_anyio/_background.py", "import asyncio, trio"),
        (anyio_violations, "relay_anyio/_virtual.py", "from trio.testing import MockClock"),
        (anyio_violations, "relay_anyio/simulator/server.py", "import trustme"),
        (anyio_violations, "relay_anyio/lab/app.py", "import starlette\nfrom ..simulator import X"),
        (anyio_violations, "relay_anyio/simulator/server.py", "from ..call import Call"),
        (anyio_violations, "relay_anyio/demo.py", "from rich.console import Console"),
        (sync_violations, "relay_sync/client.py", "import threading\nfrom relay_proto import X"),
        (otel_violations, "relay_otel/_spans.py", "import time\nfrom opentelemetry import trace"),
        (length_violations, LISTS_OF_ANY_LENGTH[0], "\n" * (MAX_LINES + 1)),
        (length_violations, "relay_proto/wire/websocket.py", "\n" * MAX_LINES),
    ],
)
def test_each_rule_can_be_kept(rule: Rule, path: str, source: str) -> None:
    assert rule(source, path) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_there_are_no_import_circles(package: str) -> None:
    files = sorted((ROOT / package).rglob("*.py"))
    sources = {file.relative_to(ROOT).as_posix(): file.read_text("utf-8") for file in files}
    assert import_circles(sources) == []


def test_a_circle_of_imports_is_found_for_types_too() -> None:
    circle = {
        "p/a.py": "from .b import B",
        "p/b.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .c import C",
        "p/c.py": "from . import a",
        "p/d.py": "from .a import A",
    }
    assert import_circles(circle) == [["p.a", "p.b", "p.c"]]


PROBE: Final = """
import importlib, pkgutil, sys
root, package, libraries, forbidden = sys.argv[1], *map(str.split, sys.argv[2:])
sys.path.insert(0, root)
for name in libraries:
    importlib.import_module(name)
before = set(sys.modules)
def load(name):
    loaded = importlib.import_module(name)
    for module in pkgutil.iter_modules(getattr(loaded, "__path__", ()), name + "."):
        if module.name not in ("relay_proto.testing", "relay_proto.adapter"):
            load(module.name)
for name in package:
    load(name)
print(*sorted((set(sys.modules) - before).intersection(forbidden)))
"""


def loaded_by(
    package: str,
    root: Path,
    forbidden: frozenset[str] = FORBIDDEN_IN_CORE,
    libraries: frozenset[str] = CORE_LIBRARIES | PURE_STDLIB,
) -> list[str]:
    """What of `forbidden` `package` loads, all modules of it, that `libraries` do not."""
    arguments = (package, " ".join(sorted(libraries)), " ".join(sorted(forbidden)))
    command = [sys.executable, "-c", PROBE, str(root), *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split()


def test_the_page_shows_the_rooms() -> None:
    assert rooms.PAGE.read_text("utf-8") == rooms.page_with_rooms()


def test_importing_the_core_loads_nothing_impure() -> None:
    assert loaded_by("relay_proto", ROOT) == []


def test_importing_the_blocking_client_loads_no_event_loop() -> None:
    assert loaded_by("relay_sync", ROOT, EVENT_LOOPS | {"anyio"}, frozenset()) == []


@pytest.mark.parametrize("package", [name for name in PACKAGES if name != "relay_pace"])
def test_what_an_import_need_not_load_is_loaded_later(package: str) -> None:
    # What its own libraries load, old ones of them more, is not ours to choose.
    libraries = "opentelemetry.exporter.prometheus, opentelemetry.sdk.metrics, opentelemetry.trace"
    needed = f"import {libraries}\n" if package == "relay_otel" else ""
    program = f"{needed}import sys; before = set(sys.modules); import {package}\n"
    program += "print(*(set(sys.modules) - before))"
    command = [sys.executable, "-c", program]
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    loaded = printed.stdout.split()
    assert package in loaded
    assert LATER.intersection(loaded) == set()


def test_loading_something_impure_is_noticed(tmp_path: Path) -> None:
    package = tmp_path / "relay_fake"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "wire.py").write_text("exec('import asyncio')")
    assert "asyncio" in loaded_by("relay_fake", tmp_path)
    assert loaded_by("relay_fake", tmp_path, EVENT_LOOPS, frozenset()) == ["asyncio"]
