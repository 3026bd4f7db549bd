"""Mutation testing: ``python tests/mutation.py pending timers`` prints what survives.

cosmic-ray makes the mutants of a module of `relay_proto`. Each is tested in a fork of
one process, which has loaded everything, and only by tests that run the changed line.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import functools
import gc
import importlib
import importlib.machinery
import itertools
import json
import math
import os
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import pytest

ROOT: Final = Path(__file__).parents[1]
PACKAGE: Final = ROOT / "relay_proto"
GENERATED: Final = ("api/commands", "api/shapes")
"""Tables: the verbs of the protocol, and what their arguments look like."""
TESTS: Final = ("tests/unit", "tests/property")
SHAPES: Final = "tests/unit/test_shapes.py"
PATIENCE: Final = 600.0
CPU: Final = 40
"""Seconds for one mutant, by the clock and of the processor; one that needs more is noticed."""
BUDGET: Final = 4.0
"""Seconds that the tests of one mutant take together; the fastest are taken first."""
FILES: Final = 8
"""How many files of tests are tried for a module: those that run it most."""
SLOW: Final = 0.3
"""Seconds after which a test is slow: such tests are run last, and say nothing of a file."""
OPTIONS: Final = (
    "-q -x -s --tb=no -p no:cacheprovider -W ignore::pytest.PytestAssertRewriteWarning"
).split()
"""The warning is about what was imported before the fork."""
EQUAL: Final = frozenset({"Is_Eq", "IsNot_NotEq"})
"""`==` for `is`: the same for enums and `None`."""
EXCEPTIONS: Final = "core/ExceptionReplacer"
"""Ours: cosmic-ray's own cannot replace ``module.Name``."""
UNSEEN: Final = frozenset({"final", "overload", "override"})
"""Decorators that only type checkers read."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change: the nth place in which `operator` can change `module`."""

    module: str
    operator: str
    occurrence: int
    line: int

    def original(self) -> str:
        return (PACKAGE / f"{self.module}.py").read_text()

    def source(self, original: str) -> str:
        if self.operator == EXCEPTIONS:
            return without_exception(original, self.occurrence)
        plugins = importlib.import_module("cosmic_ray.plugins")
        mutating = importlib.import_module("cosmic_ray.mutating")
        operator = plugins.get_operator(self.operator)()
        return str(mutating.mutate_code(original, operator, self.occurrence))

    def is_program(self) -> bool:
        """Whether it is Python: a changed `*` between parameters is not."""
        try:
            compiled(self, self.source(self.original()))
        except SyntaxError:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Reach:
    """Which tests run which lines, and how long they take."""

    seconds: Mapping[str, float]
    """The ids of all tests, the fastest first, and their times."""
    lines: Mapping[str, Mapping[int, Sequence[int]]]
    """Module, line: numbers of tests. The number -1 stands for the import."""

    def tests(self, module: str, lines: range) -> list[str]:
        """The tests that run one of the lines, as many as the budget allows."""
        reached = self.lines.get(module, {})
        found = sorted({test for line in lines for test in reached.get(line, ()) if test >= 0})
        ids = list(self.seconds)
        return self.affordable(module, map(ids.__getitem__, found))

    def tests_of_import(self, module: str) -> list[str]:
        """Tests for what runs while the module is imported, as many as the budget allows."""
        return self.affordable(module, self.seconds)

    def affordable(self, module: str, tests: Iterable[str]) -> list[str]:
        """As many of the tests as the budget allows, of which the fastest stand first.

        Those of files with the module's name come first, and then the fastest of each file:
        so a file with many tests leaves time for the others.
        """
        own = module.rpartition("/")[2]
        counts = dict.fromkeys(self.files(module), 0)
        ordered: list[tuple[bool, bool, int, float, str]] = []
        for test in tests:
            file, seconds = test.partition("::")[0], self.seconds[test]
            if file in counts:
                counts[file] += 1
                ordered.append((seconds > SLOW, own not in file, counts[file], seconds, test))
        chosen: list[str] = []
        spent = 0.0
        for *_, seconds, test in sorted(ordered):
            spent += seconds
            if spent > BUDGET and chosen:
                break
            chosen.append(test)
        return chosen

    def files(self, module: str) -> list[str]:
        """The test files that have most to do with a module, and only a few.

        A line that few tests run says more about them than one that every test runs. A file
        with the module's name is always among them.
        """
        own = module.rpartition("/")[2]
        ids = list(self.seconds)
        shares: dict[str, float] = defaultdict(float)
        for tests in self.lines.get(module, {}).values():
            quick = [ids[test] for test in tests if test >= 0 and self.seconds[ids[test]] < SLOW]
            for test in quick:
                shares[test.partition("::")[0]] += 1 / len(quick)
        return sorted(shares, key=lambda file: (own not in file, -shares[file]))[:FILES]

    def imported(self, module: str, line: int) -> bool:
        """Whether the line runs while the module is imported."""
        return -1 in self.lines.get(module, {}).get(line, ())


def main() -> int:
    known = sorted(
        name
        for path in PACKAGE.rglob("*.py")
        if (name := path.relative_to(PACKAGE).with_suffix("").as_posix()) not in GENERATED
    )
    parser = argparse.ArgumentParser(prog="python tests/mutation.py", description=__doc__)
    parser.add_argument("modules", nargs="+", choices=known, metavar="MODULE")
    parser.add_argument("--sample", type=int, metavar="N", help="draw N mutants of each module")
    parser.add_argument("--seed", type=int, default=1, help="of the draw")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--reach", type=Path, help="keep there which test runs which line")
    args = parser.parse_args()
    os.environ["CI"] = "1"  # hypothesis repeats itself
    os.chdir(ROOT)
    os.nice(19)
    sys.path[0] = str(ROOT)
    for name in ("coverage", "hypothesis.stateful", "msgspec", "pytest", "wsproto"):
        importlib.import_module(name)  # what every fork would have to load
    reach = reach_of_tests(args.reach)
    planned: list[Mutant] = []
    counts: dict[str, tuple[int, int]] = {}
    for module in args.modules:
        every = mutants(module)
        if args.sample is not None:
            random.Random(f"{args.seed} {module}").shuffle(every)
        drawn = list(itertools.islice(filter(Mutant.is_program, every), args.sample))
        counts[module] = len(drawn), len(every)
        planned += drawn
    with tempfile.TemporaryDirectory() as folder:
        parts = [
            in_fork(functools.partial(work, planned[part :: args.processes], reach, folder))
            for part in range(args.processes)
        ]
        statuses = [ended(part, math.inf) for part in parts]
        if any(statuses):
            raise SystemExit("not all mutants were tested: see above")
        survivors: dict[str, int] = defaultdict(int)
        for path in Path(folder).iterdir():
            survivors[path.read_text()] += 1
    for module, (drawn_count, count) in counts.items():
        noticed = drawn_count - survivors[module]
        print(f"{module}: {noticed} noticed of {drawn_count} drawn from {count} mutants")
    return 0


def mutants(module: str) -> list[Mutant]:
    """All mutants of a module, but for those that nothing could notice."""
    plugins = importlib.import_module("cosmic_ray.plugins")
    trees = importlib.import_module("cosmic_ray.ast")
    source = (PACKAGE / f"{module}.py").read_text()
    nodes = list(trees.ast_nodes(trees.get_ast(source)))
    ignored = list(unread(ast.parse(source)))
    separators = {
        child.start_pos
        for node in nodes
        if node.type == "parameters"
        for child in node.children
        if child.type == "operator"
    }
    found: list[Mutant] = []
    for name in sorted(plugins.operator_names()):
        if name.startswith("core/Variable") or name.partition("Operator_")[2] in EQUAL:
            continue  # those of variables need arguments
        if name == EXCEPTIONS:
            starts = [span(named)[0] for named in exceptions(source)]
        else:
            positions = plugins.get_operator(name)().mutation_positions
            starts = [start for node in nodes for start, _end in positions(node)]
        for occurrence, start in enumerate(starts):
            if start in separators:  # `/` for `*`: an argument may be given by position, too
                continue
            if not any(first <= start < last for first, last in ignored):
                found.append(Mutant(module, name, occurrence, start[0]))
    return found


def exceptions(source: str) -> list[ast.expr]:
    """The exceptions that are named in `except`, each one of a tuple, too."""
    caught = [
        node.type for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ExceptHandler)
    ]
    return [
        one
        for named in caught
        if named is not None
        for one in (named.elts if isinstance(named, ast.Tuple) else [named])
    ]


def without_exception(source: str, occurrence: int) -> str:
    """The source with another name, of nothing, in place of one exception."""
    (line, start), (_, end) = span(exceptions(source)[occurrence])
    lines = source.splitlines(keepends=True)
    lines[line - 1] = f"{lines[line - 1][:start]}NoSuchException{lines[line - 1][end:]}"
    return "".join(lines)


def unread(tree: ast.AST) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """What no running code reads: annotations, and what only type checkers see."""
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef(bases=[*_, last]) if ast.unparse(last).startswith("Protocol"):
                yield span(node)  # none of ours has a method that does something
            case ast.AnnAssign(annotation=unseen) | ast.arg(annotation=ast.expr() as unseen):
                yield span(unseen)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                if not isinstance(node, ast.ClassDef) and node.returns is not None:
                    yield span(node.returns)
                for decorator in node.decorator_list:
                    if isinstance(decorator, ast.Name) and decorator.id in UNSEEN:
                        first, end = span(decorator)
                        yield (first[0], 0), end  # with its @
            case ast.If(test=ast.Name(id="TYPE_CHECKING" | "MYPY")):
                yield span(node)
            case _:
                pass


def span(node: ast.expr | ast.stmt) -> tuple[tuple[int, int], tuple[int, int]]:
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    return (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)


def reach_of_tests(kept: Path | None) -> Reach:
    """Run all tests once, to learn which of them runs which line."""
    if kept is None or not kept.exists():
        with tempfile.TemporaryDirectory() as folder:
            path = kept or Path(folder, "reach.json")
            if status := ended(in_fork(Recorder(path).run), math.inf):
                raise SystemExit(f"the tests fail without any mutation: status {status}")
            raw = json.loads(path.read_text())
    else:
        raw = json.loads(kept.read_text())
    lines = {
        module: {int(line): tests for line, tests in found.items()}
        for module, found in raw["lines"].items()
    }
    return Reach(raw["seconds"], lines)


class Recorder:
    """A plugin for pytest, which notes the lines that each test runs."""

    def __init__(self, path: Path) -> None:
        coverage = importlib.import_module("coverage")
        self._path = path
        self._coverage = coverage.Coverage(
            data_file=None, config_file=False, source=[str(PACKAGE)], messages=False
        )
        self._seconds: dict[str, float] = {}

    def run(self) -> int:
        self._coverage.start()
        status = run_pytest(TESTS, self)
        self._coverage.stop()
        seconds = dict(sorted(self._seconds.items(), key=lambda item: item[1]))
        numbers = {"": -1} | {test: number for number, test in enumerate(seconds)}
        data = self._coverage.get_data()
        lines = {
            Path(name).relative_to(PACKAGE).with_suffix("").as_posix(): {
                line: [numbers[context] for context in contexts]
                for line, contexts in data.contexts_by_lineno(name).items()
            }
            for name in data.measured_files()
        }
        self._path.write_text(json.dumps({"seconds": seconds, "lines": lines}))
        return status

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._coverage.switch_context(nodeid)
        self._seconds[nodeid] = -time.process_time()

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self._seconds[nodeid] += time.process_time()


def work(planned: Sequence[Mutant], reach: Reach, folder: str) -> int:
    """Test mutants, and leave a file for each that survives."""
    with tempfile.NamedTemporaryFile("r") as rest:
        patching = Patching(planned, reach, folder, Path(rest.name))
        if status := ended(in_fork(patching.run), math.inf):
            raise SystemExit(f"the tests cannot be loaded: status {status}")
        numbers: list[int] = json.load(rest)
    for module in {planned[number].module for number in numbers}:
        tests = reach.tests_of_import(module)
        if ended(in_fork(functools.partial(run_pytest, tests), quiet=True)):
            raise SystemExit(f"the tests of {module} fail without any mutation")
    for mutant in map(planned.__getitem__, numbers):
        original = mutant.original()
        changed = mutant.source(original)
        test = functools.partial(imported_mutant, mutant, changed, reach)
        if ended(in_fork(test, quiet=True)) == 0:
            report(mutant, original, changed, folder)
    return 0


class Patching:
    """A plugin for pytest, which loads all tests once, and forks for each mutant."""

    def __init__(self, planned: Sequence[Mutant], reach: Reach, folder: str, rest: Path) -> None:
        self._planned = planned
        self._reach = reach
        self._folder = folder
        self._rest = rest

    def run(self) -> int:
        files = {file for mutant in self._planned for file in self._reach.files(mutant.module)}
        return run_pytest(sorted(files), self)

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        items = {item.nodeid: item for item in session.items}
        live = live_functions()
        chosen_ids = {
            test
            for mutant in self._planned
            for test in tests_of(mutant, mutant.original(), self._reach)
        }
        chosen = [items[test] for test in self._reach.seconds if test in chosen_ids]
        whole = functools.partial(patched_mutant, [], chosen, session)
        if ended(in_fork(whole), math.inf):
            raise SystemExit("the tests fail without any mutation")
        rest: list[int] = []
        for number, mutant in enumerate(self._planned):
            original = mutant.original()
            changed = mutant.source(original)
            patches = patches_for(mutant, original, changed, live)
            if patches is None or self._reach.imported(mutant.module, mutant.line):
                rest.append(number)
                continue
            chosen = [items[test] for test in tests_of(mutant, original, self._reach)]
            child = in_fork(functools.partial(patched_mutant, patches, chosen, session), quiet=True)
            if ended(child) == 0:
                report(mutant, original, changed, self._folder)
        self._rest.write_text(json.dumps(rest))
        return True


def tests_of(mutant: Mutant, source: str, reach: Reach) -> list[str]:
    """The tests that run the changed line; if it has no code of its own, its function."""
    if found := reach.tests(mutant.module, range(mutant.line, mutant.line + 1)):
        return found
    around = [
        range(node.lineno, (node.end_lineno or node.lineno) + 1)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.lineno <= mutant.line <= (node.end_lineno or 0)
    ]
    return reach.tests(mutant.module, min(around, key=len)) if around else []


Key = tuple[str, str, int]
"""File, qualified name and first line of a function."""


def key(code: CodeType) -> Key:
    return code.co_filename, code.co_qualname, code.co_firstlineno


def live_functions() -> dict[Key, list[FunctionType]]:
    """All functions of the package that exist."""
    gc.unfreeze()  # `tests/conftest.py` freezes, and what is frozen is not in the list
    found: dict[Key, list[FunctionType]] = defaultdict(list)
    for thing in gc.get_objects():
        if isinstance(thing, FunctionType) and thing.__code__.co_filename.startswith(str(PACKAGE)):
            found[key(thing.__code__)].append(thing)
    return found


def patches_for(
    mutant: Mutant, original: str, changed: str, live: Mapping[Key, list[FunctionType]]
) -> list[tuple[FunctionType, CodeType]] | None:
    """The functions that get new code; None if more than that changes."""
    patches: list[tuple[FunctionType, CodeType]] = []

    def compare(before: CodeType, after: CodeType, inside: bool) -> bool:
        functions = live.get(key(before), [])
        if functions and before.co_freevars != after.co_freevars:
            return False
        if not (inside or functions or alone(before) == alone(after)):
            return False
        patches.extend((function, after) for function in functions if before != after)
        parts = nested(before), nested(after)
        return len(parts[0]) == len(parts[1]) and all(
            compare(one, other, inside or bool(functions))
            for one, other in zip(*parts, strict=True)
        )

    same_shape = compare(compiled(mutant, original), compiled(mutant, changed), False)
    return patches if same_shape and patches else None


def nested(code: CodeType) -> list[CodeType]:
    return [const for const in code.co_consts if isinstance(const, CodeType)]


def alone(code: CodeType) -> CodeType:
    """The code without that of the functions and classes in it."""
    consts = tuple(const for const in code.co_consts if not isinstance(const, CodeType))
    return code.replace(co_consts=consts, co_linetable=b"")


def compiled(mutant: Mutant, source: str) -> CodeType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        return compile(source, str(PACKAGE / f"{mutant.module}.py"), "exec", dont_inherit=True)


def patched_mutant(
    patches: Sequence[tuple[FunctionType, CodeType]],
    chosen: Sequence[pytest.Item],
    session: pytest.Session,
) -> int:
    """In a fork: change the functions, and run the tests that are loaded."""
    for function, code in patches:
        function.__code__ = code
    for item, following in zip(chosen, [*chosen, None][1:], strict=True):
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if session.testsfailed:
            return 1
    return 0


def imported_mutant(mutant: Mutant, changed: str, reach: Reach) -> int:
    """In a fork that has not loaded the package: load it with the mutant, and run tests."""
    path, code = str(PACKAGE / f"{mutant.module}.py"), compiled(mutant, changed)
    get_code = importlib.machinery.SourceFileLoader.get_code

    def mutated(loader: importlib.machinery.SourceFileLoader, fullname: str) -> CodeType | None:
        return code if loader.path == path else get_code(loader, fullname)

    importlib.machinery.SourceFileLoader.get_code = mutated  # type: ignore[method-assign,assignment]
    return run_pytest([*reach.tests_of_import(mutant.module), SHAPES])


def run_pytest(tests: Sequence[str], *plugins: object) -> int:
    main = importlib.import_module("pytest").main
    return int(main([*OPTIONS, *tests], plugins=list(plugins)))


def report(mutant: Mutant, original: str, changed: str, folder: str) -> None:
    """Leave a file that says what survived."""
    lines = difflib.unified_diff(original.splitlines(), changed.splitlines(), n=0, lineterm="")
    text = "\n".join([f"survived: {mutant.module} {mutant.operator}", *list(lines)[2:]])
    with tempfile.NamedTemporaryFile("w", dir=folder, delete=False) as file:
        file.write(mutant.module)
    print(text, flush=True)


def in_fork(function: Callable[[], int], *, quiet: bool = False) -> int:
    """Run a function in a fork, which ends with what the function returns."""
    child = os.fork()
    if child == 0:
        status = 3
        try:
            if quiet:
                nowhere = os.open(os.devnull, os.O_RDWR)
                for stream in (0, 1, 2):
                    os.dup2(nowhere, stream)
            if quiet:
                resource.setrlimit(resource.RLIMIT_CPU, (CPU, CPU))
            status = function()
        except BaseException:  # noqa: BLE001 - `_exit` would hide it
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            os._exit(status)
    return child


def ended(child: int, patience: float = PATIENCE) -> int:
    """Wait for a fork, and end it when it takes too long; returns its status."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return -signal.SIGKILL


if __name__ == "__main__":
    sys.exit(main())
