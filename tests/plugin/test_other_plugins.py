"""The pytest plugin beside others that run async tests, and what tests share."""

from __future__ import annotations

from typing import Final

import pytest

from tests.plugin.modules import Run

pytest_plugins = ["pytester"]

STAGES: Final = """
import sniffio

@pytest.fixture
def relay_client():
    return async_client()

class TestStage:
    async def test_a_call(self, stage, request):
        await stage.over(stage.call(Caller(ANNA)))
        await anyio.sleep(1000)
        assert "Hello" in stage.story.text
        assert sniffio.current_async_library() in (request.node.name + "[asyncio]")
"""


def test_a_stage_comes_before_all_other_plugins_that_run_async_tests(
    run: Run, pytester: pytest.Pytester
) -> None:
    """pytest-asyncio and pytest-trio put a function that is not async in place of the test."""
    pytester.makeconftest("""
import asyncio, functools, pytest

@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    test = item.obj

    @functools.wraps(test)
    def in_a_loop(**arguments):
        asyncio.run(test(**arguments))

    item.obj = in_a_loop
    return (yield)

@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    raise AssertionError("this comes later")
""")
    pytester.makeini("[pytest]")
    run(STAGES).assert_outcomes(passed=1)


def test_a_stage_is_on_the_backend_of_anyios_plugin(run: Run) -> None:
    """The marker is what `anyio_mode = auto` of AnyIO 4.12 and later gives to each async test."""
    result = run(
        STAGES
        + """
    @pytest.mark.relay("trio")
    async def test_the_marker_counts(self, stage):
        assert sniffio.current_async_library() == "trio"

@pytest.fixture
async def database():
    await anyio.sleep(0)

async def test_with_an_async_fixture(stage, database): ...

pytestmark = pytest.mark.anyio
"""
    )
    result.assert_outcomes(passed=4, failed=2)
    result.stdout.fnmatch_lines(
        ["E *UsageError: a test with `stage` runs in an event loop of its*"]
    )


def test_the_story_of_a_fixture_is_that_of_each_of_its_tests(run: Run) -> None:
    result = run("""
import unittest

@pytest.fixture(scope="module")
def story():
    return relay_anyio.testing.rehearse(async_client(), Caller(ANNA))

def test_first(story): ...

def test_that_fails(rehearse, story):
    rehearse(sync_client(), Caller("+15550003333"))
    assert "plays “Hullo”" in story.text

def test_that_has_none():
    assert False

class TestSetUp(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.story = relay_anyio.testing.rehearse(async_client(), Caller("+15550004444"))

    def test_1(self): ...

    def test_2(self):
        assert "Goodbye" in self.story.text
""")
    result.assert_outcomes(passed=2, failed=3)
    result.stdout.fnmatch_lines(
        [
            "E *assert 'plays ?Hullo?' in the text of this story",
            "*- story of a rehearsal -*",
            "*calls +15550002222 from +15550001111",
            "*- story of a rehearsal -*",
            "*calls +15550002222 from +15550003333",
            "*_ test_that_has_none _*",
            "*_ TestSetUp.test_2 _*",
            "E *assert 'Goodbye' in the text of this story",
            "*calls +15550002222 from +15550004444",
        ]
    )
    assert result.stdout.str().count("- story of a rehearsal -") == 3


def test_a_warning_is_about_the_line_of_the_test(pytester: pytest.Pytester, run: Run) -> None:
    result = run("""
def test_unanswered(rehearse):
    for client in (sync_client(), async_client()):
        with pytest.warns(relay_anyio.testing.NotHeardWarning) as told:
            rehearse(client, Caller(ANNA, (Hear("goodbye"),)))
        assert [one.filename for one in told] == [__file__]
""")
    result.assert_outcomes(passed=1)


def test_the_stories_of_a_fixture_do_not_push_out_those_of_the_test(run: Run) -> None:
    result = run("""
@pytest.fixture(scope="module")
def many():
    for number in range(10):
        relay_anyio.testing.rehearse(async_client(), Caller(f"+1555000111{number}"))

@pytest.fixture
def own(many):
    relay_anyio.testing.rehearse(async_client(), Caller("+15550003333"))

def test_first(own):
    assert False

def test_second(own):
    assert False
""")
    result.assert_outcomes(failed=2)
    shown = result.stdout.str()
    assert shown.count(" from +15550003333") == 2
    assert shown.count(" from +15550001110") == 0
    assert shown.count(" from +15550001119") == 2


def test_a_warning_of_a_stage_is_about_its_test(run: Run) -> None:
    result = run(
        """
@pytest.fixture
def relay_client(request):
    return async_client() if request.node.name == "test_in_a_loop" else sync_client()

IN_VAIN = Caller(ANNA, (Hear("goodbye"),))

def test_on_threads(stage):
    stage.over(stage.call(IN_VAIN))

async def test_in_a_loop(stage):
    await stage.over(stage.call(IN_VAIN))
""",
        *("-W", "always"),
    )
    result.assert_outcomes(passed=2, warnings=2)
    about_it = "*test_a_warning_of_a_stage_is_about_its_test.py:*: NotHeardWarning: *"
    result.stdout.fnmatch_lines([about_it, about_it])


def test_a_stage_on_threads_ends_with_its_test(run: Run) -> None:
    result = run("""
@pytest.fixture
def relay_client():
    client = relay_sync.RelayClient("project", "token", contexts=["office"])

    @client.on_call
    def fails(call):
        call.answer()
        raise KeyError("menu")

    return client

@pytest.fixture
def call_id(stage):
    return stage.call(Caller(ANNA))

def test_that_fails(stage, call_id):
    stage.over(call_id)

@pytest.mark.xfail(raises=KeyError, strict=True)
def test_that_fails_as_expected(stage, call_id):
    stage.over(call_id)
    pytest.fail("the scene fails as well")

def test_that_does_nothing(stage):
    assert stage.now == 0.0
""")
    result.assert_outcomes(passed=1, failed=1, xfailed=1)  # and no errors


def test_a_stage_on_threads_is_not_for_an_async_test(run: Run) -> None:
    result = run("""
@pytest.fixture
def relay_client():
    return sync_client()

async def test_in_an_event_loop(stage):
    stage.over(stage.call(Caller(ANNA)))
""")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["E *UsageError: relay_client is a program on threads, so a test *"]
    )


def test_a_fixture_may_use_the_stage_of_an_async_test_later(run: Run) -> None:
    result = run("""
@pytest.fixture
def relay_client():
    return async_client()

@pytest.fixture
def anna_calls(stage):
    async def call():
        await stage.over(stage.call(Caller(ANNA)))
        return stage.story.text
    return call

@pytest.fixture
def too_early(stage):
    return stage.call(Caller(ANNA))

async def test_both(stage, anna_calls):
    assert await anna_calls() == stage.story.text

async def test_one(anna_calls):
    assert "Hello" in await anna_calls()

async def test_too_early(too_early): ...
""")
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["E *AttributeError: the stage of an async test begins with the *"])


def test_a_lab_that_has_ended_says_so(run: Run) -> None:
    result = run("""
def test_ended(lab):
    lab.process.kill()
    with pytest.raises(TimeoutError, match="'answered' did not happen, and the lab has ended with"):
        lab.until("answered", timeout=60.0)

def test_that_says_why():
    import threading
    from relay_pytest._lab import Lab
    ended = threading.Event()

    class Process:
        def wait(self, timeout):
            ended.set()
            return 3

    def complaints():
        ended.wait()
        yield from 1000 * ["more "]
        yield "the reason"

    lab = Lab(Process(), {"ready": {"SIGNALWIRE_SPACE": "localhost:1"}, "page": ""})
    lab.read([])
    reader = threading.Thread(target=lab.read_complaints, args=(complaints(),))
    reader.start()
    with pytest.raises(TimeoutError, match="exit code 3: .*the reason"):
        lab.until("answered")
    reader.join()

def test_a_typing_error(lab):
    with pytest.raises(ValueError, match="answered, .*, not 'anwsered'"):
        lab.until("anwsered", timeout=60.0)
""")
    result.assert_outcomes(passed=3)
