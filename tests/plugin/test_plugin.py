"""The pytest plugin: its fixtures, its markers, and what it adds to the report."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.plugin.modules import LOADING, Run

pytest_plugins = ["pytester"]


def test_both_kinds_of_clients_are_rehearsed(run: Run) -> None:
    result = run("""
@pytest.mark.parametrize("client", [sync_client(), async_client()], ids=["sync", "async"])
def test_a_client(rehearse, client):
    assert "Hello" in rehearse(client, Caller(ANNA)).text

async def take(call):
    await call.hangup()

class Office:
    async def __call__(self, call):
        await call.hangup()

def test_a_handler(rehearse):
    assert rehearse(take, Caller(ANNA)).all(What.ENDED)
    assert rehearse(Office(), Caller(ANNA)).all(What.ENDED)
    assert rehearse(lambda call: call.hangup(), Caller(ANNA), within=60.0).all(What.ENDED)
""")
    result.assert_outcomes(passed=3)


def test_markers_say_how(run: Run) -> None:
    result = run(
        """
import sniffio

async def library(stage):
    used.append(sniffio.current_async_library())

used = []
pytestmark = pytest.mark.relay(within=100.0)

@pytest.mark.relay(backend="trio")
def test_trio(rehearse):
    rehearse(async_client(), library)
    assert used == ["trio"]
    assert rehearse.options["within"] == 100.0

@pytest.mark.relay(seed=7)
class TestSeeds:
    def test_seed(self, rehearse):
        assert rehearse.options["seed"] == 7

    @pytest.mark.relay(seed=8)
    def test_the_closest_marker_counts(self, rehearse):
        assert rehearse.options["seed"] == 8

def test_the_seed_of_the_command(rehearse):
    assert rehearse.options["seed"] == 5
    one, other = (rehearse(sync_client(), Caller(ANNA), seed=seed) for seed in (5, 6))
    assert rehearse(sync_client(), Caller(ANNA)).text == one.text != other.text
""",
        "--relay-seed",
        "5",
        "--strict-markers",
    )
    result.assert_outcomes(passed=4)


def test_a_marker_takes_what_rehearse_takes(run: Run) -> None:
    result = run("""
import inspect
import relay_pytest._markers as markers

@pytest.mark.relay("trio", 7)
def test_by_place(rehearse, explore):
    assert rehearse.options == {"backend": "trio", "seed": 7}
    assert explore.options == {"backend": "trio", "seed": 7}

def test_all_options():
    testing = inspect.signature(relay_anyio.testing.rehearse).parameters
    assert {*markers.TAKES["relay"].parameters} == {*testing} - {"program", "scenes"}
""")
    result.assert_outcomes(passed=2)


def test_a_marker_that_says_what_cannot_be_is_refused(run: Run) -> None:
    result = run("""
@pytest.mark.relay("trio", 7, 60.0)
def test_one_more(): ...

@pytest.mark.relay(bakend="trio")
def test_unknown(rehearse): ...

@pytest.mark.relay("trio", backend="asyncio")
def test_twice(stage): ...

@pytest.mark.relay("tokio")
def test_no_backend(rehearse):
    rehearse(async_client())

@pytest.mark.relay_lab(scenarios="speed = 20")
def test_lab(lab): ...
""")
    result.assert_outcomes(errors=4, failed=1)
    said = "*UsageError: @pytest.mark.relay"
    takes = "It takes backend, seed, lines, undeliverable, timing, may_raise, within, patience"
    result.stdout.fnmatch_lines_random(
        [
            f"{said}: too many positional arguments. {takes}",
            f"{said}: got an unexpected keyword argument 'bakend'. {takes}",
            f"{said}: multiple values for argument 'backend'. {takes}",
            "*backend must be *'tokio'*",
            f"{said}_lab: got an unexpected keyword argument 'scenarios'. It takes scenario",
        ]
    )


def test_a_test_is_a_scene_on_threads(run: Run) -> None:
    result = run("""
@pytest.fixture
def relay_client():
    return sync_client()

def test_a_call(stage):
    began = time.monotonic()
    stage.over(stage.call(Caller(ANNA)))
    time.sleep(1000)
    assert time.monotonic() - began > 1000
    assert "Hello" in stage.story.text
""")
    result.assert_outcomes(passed=1)


def test_a_test_is_a_scene_in_an_event_loop(run: Run) -> None:
    result = run("""
@pytest.fixture
def relay_client():
    return async_client()

@pytest.mark.parametrize("seconds", [1000])
@pytest.mark.relay(backend="trio")
async def test_a_call(stage, seconds):
    await stage.over(stage.call(Caller(ANNA)))
    await anyio.sleep(seconds)
    assert "Hello" in stage.story.text

def test_that_is_not_async(stage):
    pass
""")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*relay_client is a client of relay_anyio, so a test*"])


def test_a_stage_needs_a_client(run: Run) -> None:
    result = run("def test_a_call(stage): pass")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*write a fixture `relay_client` that returns a *"])


def test_the_report_of_a_failed_test_has_its_stories(run: Run) -> None:
    result = run("""
def test_that_passes(rehearse):
    rehearse(sync_client(), Caller("+15550009999"))

def test_that_fails(rehearse):
    assert "Goodbye" in rehearse(sync_client(), Caller(ANNA)).text.splitlines()[0]

def fails(call):
    raise KeyError("no such department")

def test_that_raises():
    relay_sync.testing.rehearse(fails, Caller("+15550003333"))

import relay_sync.testing
""")
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(
        ["*- story of a rehearsal -*", "*program   plays ?Hello?", "*- story of a rehearsal -*"]
    )
    result.stdout.fnmatch_lines(["*caller    calls +15550002222 from +15550003333"])
    result.stdout.no_fnmatch_line("*calls +15550002222 from +15550009999")


def test_an_assertion_about_a_story_shows_the_nearest_line(run: Run) -> None:
    result = run("""
def test_in(rehearse):
    assert "plays “Hullo”" in rehearse(async_client(), Caller(ANNA)).text

def test_not_in(rehearse):
    assert "Hello" not in rehearse(async_client(), Caller(ANNA)).text

def test_nothing_at_all():
    from relay_proto.adapter.stories import TOLD, Story
    TOLD.append(Story())
    assert "Hello" in TOLD[-1].text

def test_another_text(rehearse):
    assert "Hello" in rehearse(async_client(), Caller(ANNA)).text.splitlines()[0]
""")
    result.assert_outcomes(failed=4)
    result.stdout.fnmatch_lines(
        [
            "E *assert 'plays ?Hullo?' in the text of this story",
            "E  *    0.00  program   answers",
            "E  *>      0.00  program   plays ?Hello?",
            "E  *  * program   finishes playing",
            "E *assert 'Hello' not in the text of this story",
            "E  *>      0.00  program   plays ?Hello?",
            "E  *nothing has happened in it",
            "E *assert 'Hello' in '* starts session *",
        ]
    )


def test_a_traceback_has_the_lines_of_the_program_alone(run: Run) -> None:
    failing = """
async def look_up(call):
    return {}[call.to_number]

async def fails(call):
    await look_up(call)

def test_that_fails(rehearse):
    rehearse(fails, Caller(ANNA))
"""
    result = run(failing, "--show-capture=no", "--tb=short")
    result.stdout.fnmatch_lines(
        ["*in test_that_fails", "*in fails", "*in look_up", "E *KeyError: '+15550002222'"]
    )
    result.stdout.no_fnmatch_line("*relay_anyio*")
    result.stdout.no_fnmatch_line("*asyncio*")
    result = run(failing, "--show-capture=no", "--tb=short", "--full-trace")
    result.stdout.fnmatch_lines(["*relay_anyio*"])


def test_a_story_has_colours_in_a_terminal(run: Run) -> None:
    failing = """
def test_that_fails(rehearse):
    rehearse(async_client(), Caller(ANNA))
    assert False
"""
    result = run(failing, "--color=yes")
    result.stdout.fnmatch_lines(
        [
            "\x1b[[]2m     0.00  program   starts session *",
            "\x1b[[]32m     0.00  caller    calls * from *",
            "\x1b[[]36m     0.00  program   answers\x1b*",
        ]
    )
    result = run(failing, "--color=no")
    result.stdout.fnmatch_lines(["     0.00  program   answers"])


def test_a_test_that_waits_in_vain_ends_with_one_story(run: Run) -> None:
    result = run("""
@pytest.fixture
def relay_client():
    return async_client()

@pytest.mark.relay(within=60)
async def test_that_waits(stage):
    stage.call(Caller(ANNA))
    await stage.until(What.BEEPED)
""")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*RehearsalTimeoutError: the rehearsal is not over after 60 virtual seconds*",
            "E *until(What.BEEPED): it has happened 0 of 1 times",
            "E *the scene waits at *, in test_that_waits",
            "E *This happened until then:",
            "E * program   plays ?Hello?",
        ]
    )
    result.stdout.no_fnmatch_line("*relay_pytest*waits at*")
    result.stdout.no_fnmatch_line("*story of a rehearsal*")


def test_a_lab_is_there_for_any_process(run: Run) -> None:
    result = run('''
import os, subprocess, sys

PROGRAM = """
from relay_sync import RelayClient

client = RelayClient(contexts=["office"])
calls = client.calls()  # before it connects: a call that comes at once is not passed back
with client:
    for call in calls:
        call.answer()
        call.play_tts("Hello").wait()
        call.hangup()
"""

@pytest.mark.relay_lab("speed = 20")
def test_a_program(lab):
    assert lab.port == int(lab.environment["SIGNALWIRE_SPACE"].split(":")[1])
    program = subprocess.Popen([sys.executable, "-c", PROGRAM], env=os.environ | lab.environment)
    with program:
        try:
            lab.until("session started")
            call_id = lab.call(ANNA, [{"hear": "hello"}])
            ended = lab.until("ended", call_id=call_id, who="program")
            assert ended["details"] == {"reason": "hangup"}
            lab.text_to("+15550002222", "Are you open?")
            assert lab.events[0]["what"] == "session started"
        finally:
            program.terminate()
    with pytest.raises(ValueError, match="POST /api/nothing"):
        lab.ask("POST", "/api/nothing", {})
    with pytest.raises(TimeoutError, match=r"'answered' call_id='x' did not happen"):
        lab.until("answered", timeout=0.01, call_id="x")
    assert "Goodbye" in lab.text

@pytest.mark.relay_lab("speed = fast")
def test_a_scenario_that_is_wrong(lab):
    pass
''')
    result.assert_outcomes(failed=1, errors=1)
    result.stdout.fnmatch_lines(
        ["*RuntimeError: relay sim does not start: *", "*- events of the lab -*", "*plays ?Hello?"]
    )


def test_the_plugin_loads_nothing_until_it_is_used() -> None:
    program = "import sys, pytest, relay_pytest; print(*sys.modules)"
    command = [sys.executable, "-c", program]
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    loaded = {name.partition(".")[0] for name in printed.split()}
    assert "relay_pytest" in loaded
    assert loaded.isdisjoint({"anyio", "asyncio", "trio", "msgspec", "relay_proto", "relay_anyio"})


def test_a_project_that_does_not_use_the_plugin_is_left_alone(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
import sys, pytest

@pytest.fixture(scope="module")
def shared():
    return 1

def test_it(shared, tmp_path):
    assert "relay_proto" not in sys.modules

def test_that_fails(shared):
    assert "a" in "b"

def test_whose_fixture_fails(broken): ...
""")
    pytester.makeconftest("""
import pytest

@pytest.fixture
def broken():
    raise LookupError
""")
    options = ("-W", "error", "-p", "no:cacheprovider", "-p", "no:cov", *LOADING)
    result = pytester.runpytest_subprocess(*options)
    result.assert_outcomes(passed=1, failed=1, errors=1)
    result.stdout.fnmatch_lines(["conftest.py:*: LookupError"])
    result.stdout.no_fnmatch_line("*relay_pytest/*")


def test_explore_takes_clients_of_both_packages_with_the_options_of_the_test(run: Run) -> None:
    result = run(
        """
from relay_anyio.testing import CounterexampleError

@pytest.mark.relay(backend="trio", seed=3, lines={})
@pytest.mark.parametrize("make", [sync_client, async_client])
def test_both(explore, make):
    for program in (make, make()):
        assert explore(program, runs=3).happened[What.ANSWERED]
    with pytest.raises(CounterexampleError) as caught:
        explore(make, runs=3, promises=[never])
    assert ('backend="trio"' in caught.value.test) == (make is async_client)
    assert "seed=3" in caught.value.test

def never(story):
    assert not story
"""
    )
    result.assert_outcomes(passed=2)
