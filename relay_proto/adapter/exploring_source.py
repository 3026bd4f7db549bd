"""The source of a test that does again what `explore` has found."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, is_dataclass
from typing import Final

from ..exchange import Caller, ExchangeTiming, TextMessage
from ..testing.situations import Part, Situation, Trouble
from . import story_promises
from .exploring_places import Imports, Name
from .source import (
    Expression,
    Group,
    call,
    laid_out,
    list_of_texts,
    literal,
    names_in,
    number,
    value_of,
)
from .source import Part as Argument

STATEMENTS: Final = {
    Trouble.CUT: "stage.cut({})",
    Trouble.SILENCE: "stage.silence({})",
    Trouble.GOODBYE: "stage.say_goodbye()",
    Trouble.DEPLOYMENT: "stage.say_goodbye(restart=True)",
    Trouble.RESTART: "stage.restart()",
}
CREDENTIALS: Final = ("SIGNALWIRE_PROJECT_ID", "SIGNALWIRE_API_TOKEN")
USUAL_WITHIN: Final = 3600.0
USUAL_PATIENCE: Final = 5.0
SCENE: Final = "what_happens"
TEST: Final = "test_what_explore_has_found"
USED: Final = ("os", "time", "anyio", "Thread", "stage", "story", "tasks", "threads", "thread")
"""Names that tests have already."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reproduction:
    """What a test needs to know of an exploration, beside the situation."""

    package: str
    """``relay_anyio`` or ``relay_sync``."""
    program: object
    makes_client: bool
    """Whether the program is a function that makes a client."""
    scenes: Sequence[object]
    seed: int
    within: float
    timing: ExchangeTiming | None
    may_raise: Collection[type[BaseException]]
    patience: float = USUAL_PATIENCE
    backend: str = "asyncio"

    def written(self, situation: Situation, what: str, promise: object | None) -> str:
        """Return the source of a test that fails because of `what`."""
        return _Test(self, situation).written(what, promise)


def name_of(promise: object) -> str:
    """Return what a promise is called."""
    if is_dataclass(promise):
        return repr(promise)
    return str(getattr(promise, "__qualname__", promise))


class _Test:
    """One test, and what it imports."""

    def __init__(self, made_for: Reproduction, situation: Situation) -> None:
        self._for = made_for
        self._situation = situation
        self._testing = {"rehearse"}
        """Names of the module for tests."""
        testing = sys.modules.get(f"{made_for.package}.testing")
        self._own = Imports({*USED, SCENE, TEST, *getattr(testing, "__all__", ())})
        """What is imported from the program's own modules, and from the package."""
        self._threads = made_for.package == "relay_sync"

    def written(self, what: str, promise: object | None) -> str:
        rehearse = self._rehearse()
        scene = list(self._scene())
        if promise is None:
            test = [laid_out("", rehearse, 1)]
        else:
            test = [laid_out("story = ", rehearse, 1), self._check(promise)]
        head = [
            f"# Found by explore(): {literal(what.partition(chr(10))[0])[1:-1]}",
            *self._own.notes,
            *self._imports(scene),
            "",
            "",
        ]
        shown = [*scene, "", ""] if scene else []
        lines = [*head, *shown, f"def {TEST}() -> None:", *test]
        return "\n".join(lines) + "\n"

    # The test

    def _rehearse(self) -> Group:
        given, situation = self._for, self._situation
        program = self._own.reference(given.program, "client")
        arguments: list[Expression] = [f"{program}()" if given.makes_client else program]
        if (caller := self._only_caller()) is not None:
            arguments.append(self._value(caller))
        elif self._only_scene:
            arguments.append(self._own.reference(given.scenes[0], "scene"))
        elif situation.parts or given.scenes:
            arguments.append(SCENE)
        return call("rehearse", *arguments, **self._options())

    def _options(self) -> dict[str, Expression]:
        given, situation = self._for, self._situation
        named: dict[str, Expression] = {}
        if situation.lines:
            named["lines"] = self._value(dict(situation.lines))
        if situation.undeliverable:
            named["undeliverable"] = list_of_texts(situation.undeliverable)
        if given.timing is not None:
            named["timing"] = self._value(given.timing)
        if given.may_raise:
            classes = (Argument("", self._class(kind)) for kind in given.may_raise)
            named["may_raise"] = Group("[", tuple(classes), "]")
        if given.within != USUAL_WITHIN:
            named["within"] = number(given.within)
        if given.patience != USUAL_PATIENCE:
            named["patience"] = number(given.patience)
        if given.backend != "asyncio":
            named["backend"] = literal(given.backend)
        if given.seed:
            named["seed"] = number(given.seed)
        return named

    def _check(self, promise: object) -> str:
        """Return the statement that checks a promise."""
        kind = type(promise)
        if is_dataclass(promise) and not isinstance(promise, type):
            name = self._promise(kind)
            made = value_of(promise)
            assert isinstance(made, Group), "a dataclass is made by a call"
            return laid_out("", Group(f"{name}(", made.parts, ")"), 1) + "(story)"
        return f"    {self._promise(promise)}(story)"

    def _promise(self, promise: object) -> str:
        if getattr(promise, "__module__", "") == story_promises.__name__:
            name = str(getattr(promise, "__name__", ""))
            self._testing.add(name)
            return name
        return self._own.reference(promise, "promise")

    # The scene

    def _only_caller(self) -> Caller | None:
        """Return the caller, if there is nothing else."""
        match self._situation.parts:
            case [part] if isinstance(part.what, Caller) and not part.after:
                return None if self._for.scenes else part.what
            case _:
                return None

    @property
    def _only_scene(self) -> bool:
        return len(self._for.scenes) == 1 and not self._situation.parts

    def _scene(self) -> Iterator[str]:
        """Yield the function that does everything, if it takes one."""
        scenes = self._for.scenes
        if self._only_caller() or self._only_scene or not (self._situation.parts or scenes):
            return
        self._testing.add("Stage")
        yield f"{'' if self._threads else 'async '}def {SCENE}(stage: Stage) -> None:"
        if not scenes:
            yield from self._parts(1)
            return
        names = [self._own.reference(scene, "scene") for scene in scenes]
        if self._threads:
            targets = ", ".join(f"Thread(target={name}, args=(stage,))" for name in names)
            yield f"    threads = [{targets}]"
            yield "    for thread in threads:"
            yield "        thread.start()"
            yield from self._parts(1)
            yield "    for thread in threads:"
            yield "        thread.join()"
        else:
            yield "    async with anyio.create_task_group() as tasks:"
            for name in names:
                yield f"        tasks.start_soon({name}, stage)"
            yield from self._parts(2)

    def _parts(self, indent: int) -> Iterator[str]:
        before, wait = "    " * indent, "" if self._threads else "await "
        calls = 0
        for part in self._situation.parts:
            if part.after:
                sleep = "time.sleep" if self._threads else "await anyio.sleep"
                yield f"{before}{sleep}({number(part.after)})"
            match part.what:
                case Caller() as caller:
                    calls += 1
                    placed = call("stage.call", self._value(caller))
                    yield laid_out(f"call_{calls} = ", placed, indent)
                case TextMessage() as text:
                    yield laid_out("", call("stage.text", self._value(text)), indent)
                case trouble:
                    yield before + STATEMENTS[trouble].format(self._when(part))
        for place in range(1, calls + 1):
            yield f"{before}{wait}stage.over(call_{place})"

    def _when(self, part: Part) -> str:
        if part.when is None:
            return ""
        self._testing.add("What")
        return f"when=What.{part.when.name}"

    # Imports

    def _imports(self, scene: Sequence[str]) -> list[str]:
        uses = "\n".join(scene)
        standard = ["import os"]
        if "time.sleep" in uses:
            standard.append("import time")
        if "Thread(" in uses:
            standard.append("from threading import Thread")
        if "anyio." in uses:
            standard += ["", "import anyio"]
        names = ", ".join(sorted(self._testing, key=lambda name: (name[0].islower(), name)))
        return [
            *("", *standard, ""),
            "# The program needs no account here, but some credentials to start with.",
            *(f'os.environ.setdefault("{name}", "any")' for name in CREDENTIALS),
            *("", *self._own.lines),
            f"from {self._for.package}.testing import {names}",
        ]

    def _value(self, value: object) -> Expression:
        expression = value_of(value)
        self._testing |= names_in(expression) - {"{", "[", "("}
        return expression

    def _class(self, kind: type) -> str:
        """Return the name of a class of exceptions, and import it if need be."""
        name = kind.__name__
        if getattr(builtins, name, None) is kind:
            return name
        if getattr(sys.modules.get(self._for.package), name, None) is kind:
            return self._own.add(Name(self._for.package, name))
        return self._own.reference(kind, "error")
