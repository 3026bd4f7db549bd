"""`explore` finds bugs on every runtime, and shows them as tests that fail when pasted."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any, Final, Literal, TypeAlias

import anyio
import pytest
from hypothesis import strategies as st

import relay_anyio
import relay_anyio.testing
import relay_sync
import relay_sync.testing
from relay_anyio.testing import (
    Caller,
    CounterexampleError,
    Exploration,
    HangUp,
    NoSilence,
    Press,
    PromiseFailedError,
    Story,
    TextMessage,
    Trouble,
    Wait,
    What,
)
from relay_proto.adapter.exploring import MOST_LINES
from relay_proto.adapter.stories import TOLD
from tests.exploring.planted import BUGS, IVR, IVR_SYNC, Bug, explore, look_for, module_of, pasted

Runtime: TypeAlias = Literal["asyncio", "trio", "threads"]
ANNA: Final = "+15550001111"


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch, environment: None) -> None:
    monkeypatch.setenv("SIGNALWIRE_PROJECT_ID", "project")
    monkeypatch.setenv("SIGNALWIRE_API_TOKEN", "token")


ON_ONE: Final = pytest.mark.parametrize("runtime", ["asyncio"], indirect=True)
"""For what both adapters share: one runtime will do."""


@pytest.fixture(params=["asyncio", "trio", "threads"], name="runtime")
def runtime_by_name(request: pytest.FixtureRequest) -> Runtime:
    runtime: Runtime = request.param
    return runtime


ASYNC: Final = """
import anyio
from relay_anyio import Call, RelayClient
from relay_anyio.testing import Stage

client = RelayClient("project", "token", contexts=["office"])
"""


@pytest.fixture
def program(runtime: Runtime) -> Iterator[Callable[[str], ModuleType]]:
    """Return a function that makes the module of a program, from its async source."""
    made: list[str] = []

    def make(source: str) -> ModuleType:
        source = ASYNC + source
        if runtime == "threads":
            for old, new in (
                ("anyio.sleep", "time.sleep"),
                ("import anyio", "import time"),
                ("relay_anyio", "relay_sync"),
                ("async ", ""),
                ("await ", ""),
            ):
                source = source.replace(old, new)
        module = ModuleType("a_program")
        module.__file__ = "a_program.py"
        sys.modules["a_program"] = module
        made.append("a_program")
        exec(compile(source, "a_program.py", "exec"), vars(module))
        return module

    yield make
    for name in made:
        sys.modules.pop(name, None)


def tried(runtime: Runtime, program: Any, *scenes: Any, **options: Any) -> Exploration:
    options = {"runs": 30, "troubles": (), **options}
    if runtime == "threads":
        return relay_sync.testing.explore(program, *scenes, **options)
    return relay_anyio.testing.explore(program, *scenes, backend=runtime, **options)


def found(runtime: Runtime, program: Any, *scenes: Any, **options: Any) -> CounterexampleError:
    with pytest.raises(CounterexampleError) as caught:
        tried(runtime, program, *scenes, **options)
    return caught.value


ORDINARY: Final = ("support is asked for twice", "the connection breaks while it dials")
"""Bugs that are looked for in every run of the tests. `scripts/explore` looks for all."""


@pytest.mark.parametrize(
    "bug", [bug for bug in BUGS if bug.name in ORDINARY], ids=lambda bug: bug.name
)
def test_a_planted_bug_is_found_and_the_test_of_it_fails_for_the_same_reason(bug: Bug) -> None:
    with module_of(bug.module, bug.source) as module:
        look_for(bug, module)


@pytest.mark.parametrize("subject", [IVR, IVR_SYNC], ids=["async", "threads"])
def test_an_example_keeps_its_promises(subject: Any) -> None:
    with module_of(subject.example, subject.source) as module:
        exploration = explore(subject, module, runs=30)
    assert 20 <= exploration.runs <= 30
    assert exploration.seconds > 0
    assert exploration.happened[What.COLLECTED]
    assert exploration.happened[What.FAULTED]


KEYS = """
@client.on_call
async def take(call: Call) -> None:
    await call.answer()
    question = await call.prompt_tts("Press 1, or press 2", {"digits": {"max": 1}})
    event = await question.wait()
    await call.hangup()
    if getattr(event, "digits", "") not in ("", "1"):
        raise KeyError("digits")
"""


def test_what_a_handler_raises_is_found_and_made_short(
    runtime: Runtime, program: Callable[[str], ModuleType]
) -> None:
    error = found(runtime, program(KEYS).client)
    assert error.what == "the program raises KeyError('digits') at a_program.py:15, in take"
    assert 'Caller("+15550001111", script=(Press("' in error.test
    assert "presses" in error.story.text
    assert isinstance(error.__cause__, KeyError)
    assert str(error).startswith(error.what)
    assert error.test in str(error)
    with pytest.raises(KeyError):
        pasted(error.test)
    again = found(runtime, program(KEYS).client)  # the same seed tries the same
    assert (error.runs, error.more_runs, error.test) == (again.runs, again.more_runs, again.test)


HANGS = """
@client.on_call
async def take(call: Call) -> None:
    await call.answer()
    while True:
        await anyio.sleep(60)
"""


def test_a_handler_that_hangs_is_told_with_its_place(
    runtime: Runtime, program: Callable[[str], ModuleType]
) -> None:
    made = program(HANGS.replace("while", "while call.call_id and"))
    error = found(runtime, made.take, within=500.0)
    assert "the program is not over after 500 virtual seconds; still open:" in error.what
    assert "a_program.py:12, in take" in error.what
    assert "from a_program import take" in error.test
    assert "within=500" in error.test
    with pytest.raises(TimeoutError):
        pasted(error.test)


CUT = """
@client.on_call
async def take(call: Call) -> None:
    await call.answer()
    await anyio.sleep(3)
    await call.play_tts("Hello")
    await call.hangup()
"""


def test_a_cut_in_the_middle_of_a_request_is_tried(
    runtime: Runtime, program: Callable[[str], ModuleType]
) -> None:
    client = program(CUT).client
    anna = st.just(Caller(ANNA))
    error = found(runtime, client, troubles=[Trouble.CUT], caller=anna, runs=100)
    assert "ConnectionLostError" in error.what
    assert "stage.cut(when=What." in error.test
    with pytest.raises(relay_anyio.ConnectionLostError):
        pasted(error.test)
    errors = [relay_anyio.RelayError]
    assert tried(runtime, client, troubles=[Trouble.CUT], may_raise=errors, runs=20).runs > 10


def never_says_hello(story: Story) -> None:
    assert "Hello" not in story.text, "it says hello"


def fails_itself(story: Story) -> None:
    raise LookupError(len(story))


def returns_something(story: Story) -> bool:
    return "Hello" in story.text


@ON_ONE
def test_a_promise_of_the_users_is_checked(
    runtime: Runtime, program: Callable[[str], ModuleType]
) -> None:
    client = program(CUT).client
    error = found(runtime, client, promises=[NoSilence(5), never_says_hello])
    assert error.what.startswith("the promise never_says_hello is broken: it says hello")
    assert "    never_says_hello(story)\n" in error.test
    error = found(runtime, client, promises=[NoSilence(2)])
    assert "NoSilence(seconds=2)(story)" in error.test
    assert "hears silence for 3.0 s" in error.what


@ON_ONE
@pytest.mark.parametrize(
    ("promise", "said"), [(fails_itself, "LookupError"), (returns_something, "it returned ")]
)
def test_a_promise_that_fails_itself_is_to_blame(
    runtime: Runtime, program: Callable[[str], ModuleType], promise: Any, said: str
) -> None:
    with pytest.raises(PromiseFailedError, match=said) as caught:
        tried(runtime, program(CUT).client, promises=[promise])
    assert caught.value.promise == promise.__name__
    assert caught.value.story.text in str(caught.value)
    assert not isinstance(caught.value, AssertionError)


@ON_ONE
def test_a_program_that_remembers_is_told_to_make_a_new_client(
    runtime: Runtime, program: Callable[[str], ModuleType]
) -> None:
    remembers = """
def new_client() -> RelayClient:
    client = RelayClient("project", "token", contexts=["office"])
    taken = []

    @client.on_call
    async def take(call: Call) -> None:
        taken.append(call)
        await call.hangup()
        assert len(taken) != 2

    return client

client = new_client()
"""
    module = program(remembers)
    error = found(runtime, module.client)
    assert "keeps something from run to run" in error.what
    error = found(runtime, module.new_client, runs=100)
    assert "keeps something" not in error.what
    assert "rehearse(\n        new_client()," in error.test.replace(
        "rehearse(new_client(),", "rehearse(\n        new_client(),"
    )
    with pytest.raises(AssertionError):
        pasted(error.test)


@ON_ONE
def test_a_function_without_arguments_makes_a_client(runtime: Runtime) -> None:
    with pytest.raises(TypeError, match="must return a new RelayClient, not None"):
        tried(runtime, lambda: None)


DIALS = """
async def dial(stage: Stage) -> None:
    call = await stage.client.dial_phone("+15559", "+15550002222", timeout=20)
    await call.hangup()
"""


def test_who_is_dialed_does_anything_that_lines_do(
    runtime: Runtime, program: Callable[[str], ModuleType]
) -> None:
    module = program(DIALS)
    error = found(runtime, module.client, module.dial, dials=["+15559"])
    assert "DialFailedError" in error.what
    assert 'lines={"+15559": ' in error.test
    with pytest.raises(relay_anyio.DialFailedError):
        pasted(error.test)


def test_a_scene_goes_on_while_people_call(
    runtime: Runtime, program: Callable[[str], ModuleType]
) -> None:
    module = program(CUT + DIALS)
    error = found(runtime, module.client, module.dial, dials=["+15559"], caller=True, seed=1)
    assert "DialFailedError" in error.what
    with pytest.raises(relay_anyio.DialFailedError):
        pasted(error.test)


TEXTS = """
@client.on_message
async def answer(message: object) -> None:
    {"Hello": 1}[message.body]
"""


@ON_ONE
def test_texts_of_every_script_come_in(
    runtime: Runtime, program: Callable[[str], ModuleType]
) -> None:
    error = found(runtime, program(TEXTS).client)
    assert "KeyError" in error.what
    assert "stage.text(" in error.test
    with pytest.raises(KeyError):
        pasted(error.test)


@ON_ONE
def test_the_user_says_who_calls_and_writes(
    runtime: Runtime, program: Callable[[str], ModuleType]
) -> None:
    client = program(KEYS).client
    nobody = tried(runtime, client, caller=False, runs=5)
    assert not nobody.happened[What.CALLED]
    anna = st.just(Caller(ANNA, (Wait(1), Press("2"), Wait(9), HangUp())))
    assert 'Press("2")' in found(runtime, client, caller=anna).test
    text = st.just(TextMessage(ANNA, "+15550002222", "Hi"))
    both = tried(runtime, program(TEXTS + CUT).client, message=False, caller=anna, runs=5)
    assert both.happened[What.CALLED]
    assert "KeyError('Hi')" in found(runtime, program(TEXTS).client, message=text).what


@ON_ONE
def test_a_test_is_not_drowned_in_logs_and_stories(
    runtime: Runtime, program: Callable[[str], ModuleType], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    TOLD.clear()
    error = found(runtime, program(KEYS).client)
    assert not caplog.records
    assert [story.text for story in TOLD] == [error.story.text]
    logging.getLogger("again").info("heard")
    assert len(caplog.records) == 1


@ON_ONE
def test_a_long_story_is_shown_without_its_middle(
    runtime: Runtime, program: Callable[[str], ModuleType]
) -> None:
    talks = """
@client.on_call
async def take(call: Call) -> None:
    await call.answer()
    for _ in range(40):
        await (await call.play_tts("Hello")).wait()
"""
    error = found(runtime, program(talks).client, within=400.0)
    assert len(error.story) > 3 * MOST_LINES
    assert "more lines" in str(error)
    assert str(error).count("plays “Hello”") < 2 * MOST_LINES


def test_a_program_that_ends_the_process_goes_wrong(
    runtime: Runtime, program: Callable[[str], ModuleType]
) -> None:
    ends = """
@client.on_call
async def take(call: Call) -> None:
    raise SystemExit(3)
"""
    assert "SystemExit(3)" in found(runtime, program(ends).client).what


@ON_ONE
def test_several_failures_at_once_are_told_together(runtime: Runtime) -> None:
    async def fails(stage: object) -> None:
        raise ExceptionGroup("both", [LookupError(), KeyError()])

    error = found(runtime, waits, fails, runs=2, caller=False)
    assert "ExceptionGroup('both', [LookupError(), KeyError()])" in error.what


def test_who_wants_to_stop_is_not_held_up() -> None:
    async def interrupts(call: relay_anyio.Call) -> None:
        raise KeyboardInterrupt

    with pytest.raises((KeyboardInterrupt, BaseExceptionGroup)) as caught:
        relay_anyio.testing.explore(interrupts, runs=2, backend="trio")
    assert not isinstance(caught.value, ExceptionGroup)


def test_the_clients_of_the_other_adapter_are_refused() -> None:
    client: Any = relay_sync.RelayClient("project", "token")
    with pytest.raises(TypeError, match=r"use relay_sync\.testing"):
        relay_anyio.testing.explore(client)


async def waits(call: relay_anyio.Call) -> None:
    await call.answer()
    await anyio.sleep(20)
    await call.hangup()


def test_a_program_without_a_name_is_marked_in_the_test() -> None:
    def local(call: relay_anyio.Call) -> Any:
        return waits(call)

    error = found("asyncio", local, timing=relay_anyio.testing.ExchangeTiming(reaction=0.1))
    assert "from your_program import client  # EDIT" in error.test
    assert "timing=ExchangeTiming(reaction=0.1)" in error.test


def test_a_method_is_shown_as_a_test_to_paste(
    runtime: Runtime, program: Callable[[str], ModuleType]
) -> None:
    module = program("""
class Office:
    async def takes(self, call: Call) -> None:
        await call.answer()
        raise KeyError("office")

office = Office()
""")
    error = found(runtime, vars(module)["office"].takes, runs=1)
    assert "rehearse(office.takes, " in error.test
    with pytest.raises(KeyError, match="office"):
        pasted(error.test)


def test_what_is_no_program_is_refused() -> None:
    wrong: Any = 5
    for function in (relay_anyio.testing.explore, relay_sync.testing.explore):
        with pytest.raises(TypeError, match="returns a new RelayClient, not 5"):
            function(wrong)
        with pytest.raises(TypeError, match="a scene is a Caller"):
            function(lambda: wrong, wrong)


def test_in_an_event_loop_it_says_what_to_do() -> None:
    async def explores() -> None:
        relay_anyio.testing.explore(waits)

    with pytest.raises(RuntimeError, match="one of asyncio runs here already"):
        anyio.run(explores)


def test_in_a_rehearsal_it_says_so() -> None:
    def scene(stage: relay_sync.testing.Stage) -> None:
        relay_sync.testing.explore(stage.client)

    with pytest.raises(RuntimeError, match="takes part in a rehearsal already"):
        relay_sync.testing.rehearse(relay_sync.RelayClient("project", "token"), scene)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"runs": 0}, "runs must be "),
        ({"dials": "+15559"}, "dials must be a list of numbers, not one text"),
        ({"dials": [5]}, "dials must be telephone numbers, as texts, not 5"),
        ({"troubles": ["bogus"]}, "troubles must be some of .*, not 'bogus'"),
    ],
)
def test_wrong_wishes_are_named(options: dict[str, Any], words: str) -> None:
    with pytest.raises((TypeError, ValueError), match=words):
        tried("asyncio", relay_anyio.RelayClient(contexts=["office"]), **options)


def hangs_up_late() -> relay_anyio.RelayClient:
    client = relay_anyio.RelayClient(contexts=["office"])

    @client.on_call
    async def take(call: relay_anyio.Call) -> None:
        await call.answer()
        await anyio.sleep(60)
        await call.hangup()

    return client


def test_one_run_is_one_run() -> None:
    with module_of(IVR_SYNC.example, IVR_SYNC.source) as module:
        assert tried("threads", module.client, runs=1).runs == 1


def test_a_promise_cannot_change_the_story_of_the_next_one() -> None:
    def spoils(story: Story) -> None:
        story.clear()

    error = found("asyncio", hangs_up_late, promises=[spoils, NoSilence(10)])
    assert "NoSilence" in str(error)


def test_a_promise_may_fail_as_tests_of_pytest_do() -> None:
    def fails(story: Story) -> None:
        if story.all(What.ANSWERED):
            pytest.fail("somebody was answered")

    error = found("asyncio", hangs_up_late, promises=[fails])
    assert "fails is broken: somebody was answered" in str(error)


def test_a_promise_may_end_the_process() -> None:
    def ends(story: Story) -> None:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        tried("asyncio", hangs_up_late, promises=[ends])
