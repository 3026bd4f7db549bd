"""The module that a rehearsal is saved as: people, scene and test, as source."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Final, TypeAlias

from relay_proto.adapter.source import (
    WIDTH,
    Expression,
    call,
    laid_out,
    list_of_texts,
    literal,
    names_in,
    number,
    value_of,
)
from relay_proto.exchange import (
    Behaviour,
    Caller,
    ExchangeTiming,
    InTurn,
    OverTime,
    TextMessage,
)

from .reconstruction import rounded

AnyBehaviour: TypeAlias = Behaviour | InTurn | OverTime

USUAL_NUMBER: Final = "+15550002222"
"""The number that callers of a rehearsal call if they are not told another one."""
USUAL_LIMIT: Final = 3600.0
"""`rehearse(within=)` by default."""
USUAL_CREDENTIALS: Final = ("SIGNALWIRE_PROJECT_ID", "SIGNALWIRE_API_TOKEN")
FAULTS: Final[Mapping[str, str]] = {
    "cut": "stage.cut()",
    "silence": "stage.silence()",
    "goodbye": "stage.say_goodbye()",
    "restart": "stage.say_goodbye(restart=True)",
    "forget sessions": "stage.restart()",
}
"""The faults of the lab that a rehearsal has as well."""
SLEEPS: Final = {False: "    await anyio.sleep(", True: "    time.sleep("}
NO_CODE: Final = re.compile(r"[^A-Za-z0-9+ ]")
"""What is not written into a comment."""


@dataclass(frozen=True, slots=True)
class Part:
    """Something that was done from outside, or None for what the program did of its own."""

    at: float
    what: Caller | TextMessage | str | None
    """A string is the name of a fault."""
    to: str = ""
    context: str = ""
    end: float | None = None
    """When the call was over."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """Everything that the module says."""

    module: str
    """The module of the program; empty if nobody knows it."""
    client: str
    parts: Sequence[Part]
    left_at: float
    """When everybody had left who was still there."""
    lines: Mapping[str, AnyBehaviour]
    undeliverable: Sequence[str]
    timing: ExchangeTiming
    first_context: str
    outlines: Mapping[str, Sequence[str]]
    """What followed, as `Story.outlines` has it."""
    unfinished: frozenset[str]
    """The labels of the calls that were not over."""
    threads: bool = False
    """Whether the program is on `relay_sync`."""

    @property
    def name(self) -> str:
        """The name of the test."""
        whats = [part.what for part in self.parts]
        match whats:
            case [Caller() as caller]:
                return f"test_a_call_from_{_words(caller.number)}"
            case [TextMessage() as text]:
                return f"test_a_text_from_{_words(text.from_number)}"
            case _:
                return "test_what_was_done_in_the_lab"

    @property
    def callers(self) -> list[Caller] | None:
        """The callers, if nothing matters but that they call one after the other."""
        callers: list[Caller] = []
        free_at = float("-inf")
        for part in self.parts:
            usual = part.to == USUAL_NUMBER and not self.context(part)
            if not isinstance(part.what, Caller) or not usual or part.at < free_at:
                return None
            callers.append(part.what)
            free_at = float("inf") if part.end is None else part.end
        return callers

    def context(self, part: Part) -> str:
        """Return the context to ask for, or nothing if it is the one that calls get anyway."""
        seen = {part.context for part in self.parts} - {""}
        usual = self.first_context or (next(iter(seen)) if len(seen) == 1 else "")
        return "" if part.context == usual else part.context


def written(plan: Plan) -> str:
    """Return the source of the module."""
    callers = plan.callers
    scene = [] if callers is not None else list(_scene(plan))
    body = [] if callers is None else list(_callers(callers))
    names = _names(plan) | {"rehearse"} | ({"Stage"} if scene else set[str]())
    head = ['"""What was done in the phone lab, as a test that does it again."""', "", "import os"]
    if any(line.startswith(SLEEPS[plan.threads]) for line in scene):
        head += ["import time"] if plan.threads else ["", "import anyio"]
    head += ["", "# The program needs no account here, but some credentials to start with."]
    head += [f'os.environ.setdefault("{name}", "any")' for name in USUAL_CREDENTIALS]
    lines = [
        *head,
        "",
        *_about_the_client(plan),
        _import_of_client(plan),
        _import_of_testing(names, plan),
        "",
        "",
    ]
    if scene:
        kind = "def" if plan.threads else "async def"
        lines += [f"{kind} scene(stage: Stage) -> None:", *scene, "", ""]
    lines += [f"def {plan.name}() -> None:", *body, _rehearse(plan, callers), *_asserts(plan)]
    return "\n".join(lines) + "\n"


def _about_the_client(plan: Plan) -> list[str]:
    here, other = ("relay_sync", "relay_anyio") if plan.threads else ("relay_anyio", "relay_sync")
    how = "without" if plan.threads else "with"
    return [
        f"# This test is for a program on {here}. For one on {other}, save it {how} --threads.",
        "# The module must not run the client when it is imported: put client.run() behind",
        '# if __name__ == "__main__":',
    ]


def _import_of_client(plan: Plan) -> str:
    renamed = "" if plan.client == "client" else " as client"
    if plan.module:
        return f"from {plan.module} import {plan.client}{renamed}"
    return "from your_program import client  # EDIT: the module of your RelayClient"


def _import_of_testing(names: set[str], plan: Plan) -> str:
    package = "relay_sync" if plan.threads else "relay_anyio"
    ordered = sorted(names, key=lambda name: (name[0].islower(), name))
    flat = f"from {package}.testing import {', '.join(ordered)}"
    if len(flat) <= WIDTH:
        return flat
    inside = "".join(f"    {name},\n" for name in ordered)
    return f"from {package}.testing import (\n{inside})"


def _names(plan: Plan) -> set[str]:
    values: list[object] = [
        part.what for part in plan.parts if isinstance(part.what, Caller | TextMessage)
    ]
    values += plan.lines.values()
    names = set[str]().union(*(names_in(value_of(value)) for value in values))
    return names | ({"ExchangeTiming"} if plan.timing != ExchangeTiming() else set[str]())


def _callers(callers: Sequence[Caller]) -> Iterator[str]:
    for name, caller in zip(_caller_names(len(callers)), callers, strict=True):
        yield laid_out(f"{name} = ", value_of(caller), 1)


def _caller_names(count: int) -> list[str]:
    return ["caller"] if count == 1 else [f"caller_{place}" for place in range(1, count + 1)]


def _scene(plan: Plan) -> Iterator[str]:
    """Yield the statements of the scene."""
    wait = "" if plan.threads else "await "
    now = plan.parts[0].at
    up: dict[str, float | None] = {}
    calls = 0
    for part in plan.parts:
        for name, end in tuple(up.items()):
            # A fault may be what has ended the call in that moment.
            if end is not None and (
                end < part.at or (end == part.at and isinstance(part.what, Caller))
            ):
                yield f"    {wait}stage.over({name})"
                now = max(now, end)
                del up[name]
        yield from _sleep(part.at - now, plan)
        now = part.at
        match part.what:
            case Caller() as caller:
                calls += 1
                name = f"call_{calls}"
                up[name] = part.end
                yield laid_out(f"{name} = ", _place(plan, part, caller), 1)
            case TextMessage() as text:
                yield laid_out("", call("stage.text", value_of(text)), 1)
            case None:
                yield from _own_act(part.to, wait)
            case fault:
                missing = f"# The lab had the fault {NO_CODE.sub('', fault)} here."
                yield f"    {FAULTS.get(fault, missing)}"
    if any(not isinstance(part.what, Caller) for part in plan.parts):
        yield from _sleep(plan.left_at - now, plan)
    for name in up:
        yield f"    {wait}stage.over({name})"


def _place(plan: Plan, part: Part, caller: Caller) -> Expression:
    named: dict[str, Expression] = {}
    if part.to != USUAL_NUMBER:
        named["to"] = literal(part.to)
    if context := plan.context(part):
        named["context"] = literal(context)
    return call("stage.call", value_of(caller), **named)


def _sleep(seconds: float, plan: Plan) -> Iterator[str]:
    if rounded(seconds) > 0:
        yield f"{SLEEPS[plan.threads]}{number(rounded(seconds))})"


def _own_act(to: str, wait: str) -> Iterator[str]:
    shown = NO_CODE.sub("", to)
    yield f"    # EDIT: here the program called or texted {shown} of its own, for example with"
    yield f"    # {wait}your_function(stage.client)"
    yield f'    raise NotImplementedError("start here what calls or texts {shown}")'


def _rehearse(plan: Plan, callers: Sequence[Caller] | None) -> str:
    scenes = ["scene"] if callers is None else _caller_names(len(callers))
    named: dict[str, Expression] = {}
    if plan.lines:
        named["lines"] = value_of(dict(plan.lines))
    if plan.undeliverable:
        named["undeliverable"] = list_of_texts(plan.undeliverable)
    if plan.timing != ExchangeTiming():
        named["timing"] = _timing(plan.timing)
    took = plan.left_at - plan.parts[0].at
    if took > USUAL_LIMIT / 2:
        named["within"] = number(float(round(took * 2)))
    return laid_out("story = ", call("rehearse", "client", *scenes, **named), 1)


def _timing(timing: ExchangeTiming) -> Expression:
    usual = ExchangeTiming()
    names = [field.name for field in fields(timing)]
    changed = {name: getattr(timing, name) for name in names}
    return call(
        "ExchangeTiming",
        **{name: number(value) for name, value in changed.items() if value != getattr(usual, name)},
    )


def _asserts(plan: Plan) -> Iterator[str]:
    for label, lines in plan.outlines.items():
        part = f"[:{len(lines)}]" if label in plan.unfinished else ""
        before = f"assert story.outlines[{literal(label)}]{part} == "
        yield laid_out(before, list_of_texts(lines), 1)


def _words(text: str) -> str:
    return "_".join(re.findall(r"[a-z0-9]+", text.lower())) or "somebody"
