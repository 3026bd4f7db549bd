"""The pytest plugin: fixtures for rehearsals and for the lab, and stories of failed tests.

pytest loads it by itself where relay-proto is installed. It imports neither AnyIO nor
the clients before a test uses a fixture.

Public: for tests of applications.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final

import pytest

from ._lab import Lab, running_lab
from ._markers import LAB_MARKER, MARKER, options_of
from ._report import (
    in_colours,
    is_among,
    keep_stories,
    nearest,
    own_lines,
    stories_of_fixtures,
)

if TYPE_CHECKING:
    from pathlib import Path

    from relay_proto.adapter.exploring import Exploration
    from relay_proto.adapter.stories import Story
    from relay_proto.exchange import Happened

__all__ = ["Explore", "Lab", "Rehearse"]

EXPLORED: Final = ("backend", "seed", "timing", "may_raise", "within")
"""Options of `rehearse` that `explore` has as well."""
STORIES: Final = "relay_proto.adapter.stories"
NO_CLIENT: Final = (
    "the fixture `stage` needs a client: write a fixture `relay_client` that returns a "
    "RelayClient, or a function that takes a Call"
)
NOT_ASYNC: Final = "relay_client is a client of relay_anyio, so a test with `stage` is an async def"
NOT_PLAIN: Final = (
    "relay_client is a program on threads, so a test with `stage` is a plain def: inside an event "
    "loop, a stage on threads has no virtual time"
)
LOOP_RUNS: Final = (
    "a test with `stage` runs in an event loop of its own, in virtual time, but the async fixtures "
    "of this test keep another one running: make them plain functions, or use "
    "`async with rehearsal(client) as stage:` in place of the fixture"
)
TOO_EARLY: Final = (
    "the stage of an async test begins with the test: a fixture that uses `stage` can return a "
    "function, which the test calls"
)
OPEN: Final = pytest.StashKey[ExitStack]()
LABS: Final = pytest.StashKey[Lab]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--relay-seed``."""
    parser.getgroup("relay", "rehearsals of telephone programs").addoption(
        "--relay-seed",
        type=int,
        default=0,
        metavar="N",
        help="the seed of rehearsals whose test names none (default: 0)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Describe the markers, and register what has to come before other plugins."""
    config.pluginmanager.register(_Outermost(), "relay-outermost")
    config.addinivalue_line(
        "markers",
        f"{MARKER}(backend='asyncio', seed=0, **options): how `rehearse` and `stage` rehearse; the "
        "options are those of rehearse(), such as lines and within",
    )
    config.addinivalue_line(
        "markers", f"{LAB_MARKER}(scenario): the scenario of `lab`, as TOML (docs/simulator.md)"
    )


class Rehearse:
    """Rehearses clients and handlers of either package: see `relay_anyio.testing.rehearse`."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options
        """Those of the test; arguments of a call take precedence."""

    def __repr__(self) -> str:
        return f"<rehearse with {self.options}>"

    def __call__(self, program: Any, *scenes: Any, **options: Any) -> Story:
        """Rehearse `program` through `scenes`, and return the story."""
        options = self.options | options
        if _is_async(program):
            from relay_anyio.testing import rehearse  # noqa: PLC0415 - only who needs it

            return rehearse(program, *scenes, **options)
        from relay_sync.testing import rehearse as rehearse_threads  # noqa: PLC0415

        options.pop("backend", None)
        return rehearse_threads(program, *scenes, **options)


@pytest.fixture
def rehearse(request: pytest.FixtureRequest) -> Rehearse:
    """Rehearse a client or a handler with the backend and the seed of the test."""
    return Rehearse(_options_of(request.node))


class Explore:
    """Explores clients and handlers of either package: see `relay_anyio.testing.explore`."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.options = {name: options[name] for name in EXPLORED if name in options}
        """Those of the test; arguments of a call take precedence."""

    def __call__(self, program: Any, *scenes: Any, **options: Any) -> Exploration:
        """Try `program` in many situations."""
        options = self.options | options
        from relay_proto.adapter.rehearsal_arguments import takes  # noqa: PLC0415 - only who needs it

        makes = callable(program) and takes(program, 0)
        made = program() if makes else program
        if _is_async(made):
            from relay_anyio.testing import explore  # noqa: PLC0415 - only who needs it

            return explore(program, *scenes, **options)
        from relay_sync.testing import explore as explore_threads  # noqa: PLC0415

        options.pop("backend", None)
        return explore_threads(program, *scenes, **options)


@pytest.fixture
def explore(request: pytest.FixtureRequest) -> Explore:
    """Explore a client or a handler with the backend and the seed of the test."""
    return Explore(_options_of(request.node))


@pytest.fixture
def relay_client() -> Any:
    """Say that the test has no client: an application has a fixture of this name."""
    raise pytest.UsageError(NO_CLIENT)


class _Later:
    """Stands for the stage of an async test, until its event loop runs."""

    def __init__(self, program: Any, options: dict[str, Any], test: Callable[..., Any]) -> None:
        self.program = program
        self.options = options
        self.test = test
        """The function as it was written: other plugins put one that runs it in its place."""
        self.here: Any = None
        """The stage, as soon as there is one: fixtures may have kept this object."""

    def __getattr__(self, name: str) -> Any:
        if self.here is None:
            raise AttributeError(TOO_EARLY)
        return getattr(self.here, name)


@pytest.fixture
def stage(request: pytest.FixtureRequest, relay_client: Any) -> Iterator[Any]:
    """Connect `relay_client` to an exchange in memory: the test is the scene."""
    options = _options_of(request.node)
    if _is_async(relay_client):
        if not inspect.iscoroutinefunction(request.function):
            from relay_anyio._here import library_of_running_loop  # noqa: PLC0415 - only who needs it

            raise pytest.UsageError(LOOP_RUNS if library_of_running_loop() else NOT_ASYNC)
        yield _Later(relay_client, options, request.function)
        return
    if inspect.iscoroutinefunction(request.function):
        raise pytest.UsageError(NOT_PLAIN)
    from relay_sync.testing import rehearsal  # noqa: PLC0415 - only who needs it

    options.pop("backend", None)
    with ExitStack() as rehearsals:
        here: Any = rehearsals.enter_context(rehearsal(relay_client, **options))
        here._warn = request.node.warn  # noqa: SLF001 - about the test, not about pytest
        request.node.stash[OPEN] = rehearsals
        yield here


@pytest.fixture
def lab(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Run `relay sim` in the background, for the end-to-end test of any program."""
    marker = request.node.get_closest_marker(LAB_MARKER)
    folder: Path = tmp_path_factory.mktemp("relay-lab")
    with running_lab(folder, **({} if marker is None else options_of(marker))) as running:
        request.node.stash[LABS] = running
        yield running


class _Outermost:
    """Hooks around those of all other plugins: they are registered last."""

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None]:
        """Forget the stories of other tests, but not those of fixtures that tests share."""
        __tracebackhide__ = True
        _told().clear()
        try:
            return (yield)
        finally:
            told = _told()
            shared = [story for story in stories_of_fixtures(item) if not is_among(story, told)]
            if shared:  # else what tells stories may not even be imported
                # The test's own come last: if there are too many, the first ones are left out.
                own = tuple(told)
                told.clear()
                told.extend((*shared, *own))

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> bool | None:
        """Run an async test with a stage in virtual time."""
        later = pyfuncitem.funcargs.get("stage")
        if not isinstance(later, _Later):
            return None
        from relay_anyio.testing import rehearsal, run_in_virtual_time  # noqa: PLC0415

        # With AnyIO's plugin, the name of the test says on which backend it runs.
        given: Any = pyfuncitem.funcargs.get("anyio_backend", "asyncio")
        options = later.options
        backend = options.pop("backend", given if isinstance(given, str) else given[0])
        names = pyfuncitem._fixtureinfo.argnames  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        arguments = {name: pyfuncitem.funcargs[name] for name in names}

        began = False

        async def run() -> None:
            nonlocal began
            began = True
            async with rehearsal(later.program, **options) as here:
                later.here = here
                later.here._warn = pyfuncitem.warn  # noqa: SLF001 - about the test, not about pytest
                await later.test(**{**arguments, **({"stage": here} if "stage" in names else {})})

        try:
            run_in_virtual_time(run, backend)
        except RuntimeError as error:
            if began:
                raise
            raise pytest.UsageError(LOOP_RUNS) from error
        return True


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Refuse markers with wrong arguments."""
    for name in (MARKER, LAB_MARKER):
        for marker in item.iter_markers(name):
            options_of(marker)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, Any, Any]:
    """End a rehearsal on threads with its test, which fails if a handler has raised."""
    __tracebackhide__ = True
    rehearsals = pyfuncitem.stash.get(OPEN, None)
    if rehearsals is None:
        return (yield)
    with rehearsals.pop_all():
        return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any]) -> Generator[None, Any, Any]:
    """Keep the stories of a fixture that several tests share."""
    __tracebackhide__ = True
    before = tuple(_told())
    try:
        return (yield)
    finally:
        keep_stories(fixturedef, [story for story in _told() if not is_among(story, before)])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the stories of a test that has failed, and its own lines alone."""
    if call.excinfo is not None and _told() and not item.config.getoption("fulltrace"):
        raised = call.excinfo.value
        own = own_lines(raised.__traceback__)
        if own is not None:
            shorter = pytest.ExceptionInfo[BaseException].from_exception(raised.with_traceback(own))
            call.excinfo = shorter
    report = yield
    if report.failed:
        error = None if call.excinfo is None else call.excinfo.value
        # A RehearsalTimeoutError has told its story already.
        shown: list[Happened] | None = getattr(error, "story", None)
        writer = item.config.get_terminal_writer()
        report.sections += [
            ("story of a rehearsal", in_colours(story, writer))
            for story in _told()
            if shown is None or story[: len(shown)] != shown
        ]
        if (running := item.stash.get(LABS, None)) is not None:
            report.sections.append(("events of the lab", running.text))
    return report


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """Show the lines of a story that are nearest to what is not in it, or that have it."""
    if op not in ("in", "not in") or not isinstance(left, str):
        return None
    for story in _told():
        if story.text == right:
            return [f"{left!r} {op} the text of this story", *nearest(story, left)]
    return None


def _told() -> Any:
    """The stories of rehearsals; none if nobody has imported what rehearses."""
    module = sys.modules.get(STORIES)
    return [] if module is None else module.TOLD


def _options_of(item: pytest.Item) -> dict[str, Any]:
    options: dict[str, Any] = {"seed": item.config.getoption("--relay-seed")}
    for marker in reversed([*item.iter_markers(MARKER)]):  # the closest one comes last
        options |= options_of(marker)
    return options


def _is_async(program: Any) -> bool:
    """Whether a program is for `relay_anyio`."""
    kinds = {kind.__module__.partition(".")[0] for kind in type(program).__mro__}
    function: Any = inspect.unwrap(getattr(program, "func", program))
    its_call = getattr(function, "__call__", None)  # noqa: B004 - not whether it has one
    is_async = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(its_call)
    return "relay_anyio" in kinds or is_async
