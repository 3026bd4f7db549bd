"""Rehearsals of programs on threads: what is particular to them."""

from __future__ import annotations

import logging
import queue
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from time import sleep
from typing import Any, Final

import pytest

import relay_anyio
from relay_sync import (
    Call,
    ClientClosedError,
    Connected,
    DialFailedError,
    Message,
    MessageFailedError,
    RelayClient,
    tts,
)
from relay_sync._virtual import ASIDE_AFTER, TICK
from relay_sync.testing import (
    Answers,
    Busy,
    Caller,
    DeadlockError,
    HangUp,
    Hear,
    Press,
    RehearsalTimeoutError,
    Say,
    Stage,
    Story,
    TextMessage,
    Wait,
    What,
    Who,
    rehearsal,
    rehearse,
)

ANNA, OFFICE, AGENT = "+15550001111", "+15550002222", "+15550003000"
HERE: Final = Path(__file__).name
CHOOSES: Final = Caller(ANNA, (Hear("press one"), Wait(3.0), Press("1")))


@pytest.fixture
def client() -> RelayClient:
    return RelayClient(project="project", token="token", contexts=["office"])


def menu(call: Call) -> None:
    call.answer()
    action = call.play_and_collect(
        [tts("press one")], {"digits": {"max": 1}, "initial_timeout": 600.0}
    )
    digits = getattr(action.wait(), "digits", "")
    call.play([tts(f"you pressed {digits or 'nothing'}")]).wait()
    call.hangup()


def played(story: Story) -> list[str]:
    return [one.details["text"].strip("“”") for one in story.all(What.PLAYED)]


def line_of(function: Callable[..., object], words: str) -> str:
    """Return the place of a line of a function here, as it is shown."""
    code = function.__code__
    source = Path(__file__).read_text(encoding="utf-8").splitlines()
    (found,) = [
        number
        for number, line in enumerate(source, start=1)
        if number > code.co_firstlineno and words in line
    ][:1]
    return f"{HERE}:{found}, in {function.__name__}"


# Conversations


def test_a_caller_waits_for_ten_minutes() -> None:
    began = time.monotonic()
    story = rehearse(menu, Caller(ANNA))
    assert played(story) == ["press one", "you pressed nothing"]
    assert story[-1].at > 600.0
    assert time.monotonic() - began < 60.0


def trouble(stage: Stage, kind: str) -> None:
    call_id = stage.call(Caller(ANNA, (Hear("press"), Wait(120.0), Press("1"))))
    stage.until(What.LISTENED)
    time.sleep(1.0)
    getattr(stage, kind)()
    stage.until(What.SESSION_RESUMED)
    stage.over(call_id)


@pytest.mark.parametrize("kind", ["cut", "silence", "say_goodbye"])
def test_the_link_fails_in_the_menu(kind: str) -> None:
    assert played(rehearse(menu, partial(trouble, kind=kind)))[-1] == "you pressed 1"


@pytest.mark.parametrize("politely", [True, False])
def test_the_server_restarts_without_memory(client: RelayClient, *, politely: bool) -> None:
    resumed: list[bool] = []

    @client.on_connected
    def connected(event: Connected) -> None:
        resumed.append(event.resumed)

    def restart(stage: Stage) -> None:
        if politely:
            stage.say_goodbye(restart=True)
        else:
            stage.restart()
        stage.until(What.SESSION_STARTED, times=2)

    rehearse(client, restart)
    assert resumed == [False, False]


def test_a_program_dials(client: RelayClient) -> None:
    def dial(stage: Stage) -> None:
        assert stage.client is client
        client.dial_phone(AGENT, OFFICE).hangup()

    story = rehearse(client, dial, lines={AGENT: Answers(after=20.0)})
    assert 20.0 < story.all(What.ANSWERED)[0].at < 30.0
    with pytest.raises(DialFailedError, match="busy"):
        rehearse(client, dial, lines={AGENT: Busy()})


def test_texts_come_and_go(client: RelayClient) -> None:
    bodies: list[str] = []

    @client.on_message
    def answer(message: Message) -> None:
        bodies.append(message.body)
        message.reply("We are open until six.").wait_delivered()

    def ask(stage: Stage) -> None:
        stage.text(TextMessage(ANNA, OFFICE, "Are you open?"))

    story = rehearse(client, ask)
    assert bodies == ["Are you open?"]
    assert "We are open until six." in story.text
    assert "delivered" in story.all(What.TEXT_MOVED)[-1].text
    with pytest.raises(MessageFailedError):
        rehearse(client, ask, undeliverable=[ANNA])


def test_a_recording_is_downloaded_without_a_network(client: RelayClient, tmp_path: Path) -> None:
    def keep(call: Call) -> None:
        call.answer()
        recording = call.record({"end_silence_timeout": 1.0})
        recording.wait()
        recording.download(tmp_path / "a.mp3")
        call.hangup()

    rehearse(keep, Caller(ANNA, (Say("Hello"),)))
    assert (tmp_path / "a.mp3").read_bytes() == b"the file of a rehearsal"

    def fetch(stage: Stage) -> None:
        stage.files["https://a.example/b"] = b"words"
        client.download("https://a.example/b", tmp_path / "b")

    rehearse(client, fetch)
    assert (tmp_path / "b").read_bytes() == b"words"


# Programs that have a client of their own


def serve() -> None:
    with RelayClient("project", "token", contexts=["office"]) as client:
        for call in client.calls():
            menu(call)


def test_a_program_that_pulls_its_calls() -> None:
    story = rehearse(serve, CHOOSES, CHOOSES)
    assert played(story) == ["press one", "you pressed 1"] * 2
    assert [one.who for one in story.all(What.ENDED)] == [Who.PROGRAM] * 2


def test_a_program_that_runs(client: RelayClient) -> None:
    client.on_call(menu)
    assert played(rehearse(client.run, CHOOSES)) == ["press one", "you pressed 1"]


def test_a_program_that_dials_and_ends() -> None:
    told: list[str] = []

    def remind() -> None:
        with RelayClient("project", token=lambda: "token") as client:
            call = client.dial_phone(AGENT, OFFICE)
            call.play_tts("Your appointment is tomorrow.").wait()
            time.sleep(10)
            call.hangup()
            told.append(call.end_reason)

    story = rehearse(remind, lines={AGENT: Answers()})
    assert told == ["hangup"]
    assert story.all(What.ENDED)[0].at > 12.0


def test_a_program_that_goes_on_after_its_calls_is_waited_for() -> None:
    done: list[float] = []

    def one_call() -> None:
        with RelayClient("project", "token", contexts=["office"]) as client:
            for call in client.calls():
                menu(call)
                time.sleep(60)
                client.send_message(to_number=ANNA, from_number=OFFICE, body="Bye").wait()
                done.append(time.monotonic())

    story = rehearse(one_call, CHOOSES)
    assert len(done) == 1
    assert "Bye" in story.text


def test_a_program_that_connects_no_client() -> None:
    def scene(stage: Stage) -> None:
        with pytest.raises(LookupError, match="has not connected a client"):
            stage.client.disconnect()

    rehearse(lambda: None, scene)


def test_what_a_program_raises_is_raised() -> None:
    def fails() -> None:
        with RelayClient("project", "token"):
            raise KeyError("no such department")

    with pytest.raises(KeyError, match="no such department"):
        rehearse(fails)


# Time and threads


def test_clocks_and_sleep_are_virtual_in_all_threads_of_the_program() -> None:
    passed: list[float] = []

    def handle(call: Call) -> None:
        call.answer()
        clocks = time.monotonic, time.time, time.perf_counter
        nanoseconds = time.monotonic_ns, time.time_ns, time.perf_counter_ns
        before = [clock() for clock in (*clocks, *nanoseconds)]
        time.sleep(60)
        sleep(40)  # imported by its name
        after = [clock() for clock in (*clocks, *nanoseconds)]
        passed.extend(late - early for late, early in zip(after, before, strict=True))
        call.hangup()

    began = time.monotonic()
    rehearse(handle, Caller(ANNA))
    assert passed[:3] == pytest.approx([100.0] * 3, abs=1e-5)
    assert passed[3:] == pytest.approx([100e9] * 3, abs=1e4)
    assert time.monotonic() - began < 50.0
    assert time.sleep is sleep
    with pytest.raises(ValueError, match="non-negative"), rehearsal(menu):
        time.sleep(-1)


def test_time_does_not_go_back_from_one_rehearsal_to_the_next() -> None:
    times: list[float] = []

    def handle(call: Call) -> None:
        call.answer()
        times.append(time.monotonic())
        time.sleep(1000)
        times.append(time.monotonic())
        call.hangup()

    rehearse(handle, Caller(ANNA))
    rehearse(handle, Caller(ANNA))
    assert times == sorted(times)


def test_a_loop_with_a_deadline_ends() -> None:
    turns: list[int] = []

    def handle(call: Call) -> None:
        ends_at = time.monotonic() + 30
        while time.monotonic() < ends_at:
            time.sleep(1)
            turns.append(1)
        call.hangup()

    rehearse(handle, Caller(ANNA))
    assert len(turns) == 30


def test_queues_events_conditions_and_threads_wait_in_virtual_time() -> None:
    heard: list[object] = []
    mail: queue.Queue[str] = queue.Queue()
    is_set, go = threading.Event(), threading.Condition()

    def work() -> None:
        time.sleep(5)
        mail.put("done")
        is_set.set()
        time.sleep(5)
        with go:
            go.notify_all()

    def handle(call: Call) -> None:
        worker = threading.Thread(target=work)
        worker.start()
        try:
            mail.get(timeout=1)
        except queue.Empty:
            heard.append("nothing yet")
        heard.append(mail.get())
        heard.append(is_set.wait(1))
        heard.append(threading.Event().wait(1))
        with go:
            heard.append(go.wait_for(lambda: False, timeout=1))
            heard.append(go.wait(60))
        worker.join(60)
        heard.append(worker.is_alive())
        threading.Timer(3, call.hangup).start()

    story = rehearse(handle, Caller(ANNA))
    assert heard == ["nothing yet", "done", True, False, False, True, False]
    assert story.all(What.ENDED)[0].at == pytest.approx(13.0)


def test_a_thread_that_is_not_over_in_time_is_waited_for_no_longer() -> None:
    joined: list[bool] = []

    def handle(call: Call) -> None:
        worker = threading.Thread(target=time.sleep, args=(10,))
        worker.start()
        worker.join(5)
        joined.append(worker.is_alive())
        call.hangup()

    rehearse(handle, Caller(ANNA))
    assert joined == [True]


def nap(seconds: int) -> int:
    time.sleep(seconds)
    return seconds


def test_an_executor_works_in_virtual_time() -> None:
    def handle(call: Call) -> None:
        with ThreadPoolExecutor(2) as pool:
            assert [*pool.map(nap, (3, 1, 2))] == [3, 1, 2]
        call.hangup()

    ended = rehearse(handle, Caller(ANNA)).all(What.ENDED)[0]
    assert ended.at == pytest.approx(3.0)


def test_a_thread_from_before_the_rehearsal_may_use_the_client(client: RelayClient) -> None:
    work: queue.SimpleQueue[Callable[[], object] | None] = queue.SimpleQueue()

    def forever() -> None:
        while (job := work.get()) is not None:
            job()

    def dial() -> None:
        call = client.dial_phone(AGENT, OFFICE)
        call.play_tts("Hello").wait()
        call.hangup()

    def scene(stage: Stage) -> None:
        work.put(dial)
        stage.until(What.ENDED)

    worker = threading.Thread(target=forever)
    worker.start()
    try:
        for _ in range(2):
            story = rehearse(client, scene)
            assert story.all(What.ENDED)[0].at > 2.0
    finally:
        work.put(None)
        worker.join()


def many(story_of: int) -> str:
    """The story of many calls at once, whose handlers do things at the same instants."""
    taken: list[str] = []
    lock = threading.Lock()

    def handle(call: Call) -> None:
        call.answer()
        for _ in range(5):
            with lock:
                taken.append(call.call_id)
            time.sleep(1)
            call.play_tts("Next").wait()
        call.hangup()

    def scene(stage: Stage) -> None:
        for number in range(12):
            stage.call(Caller(f"+1555000{number:04}"))

    return rehearse(handle, scene, seed=story_of).text + "".join(taken)


def test_the_same_seed_gives_the_same_story() -> None:
    assert len({many(1) for _ in range(5)}) == 1
    assert many(1) != many(2)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing tells that it computes")
def test_a_thread_that_computes_keeps_its_turn(client: RelayClient) -> None:
    """As one does that gets no processor, because the machine is busy."""
    did: list[str] = []

    @client.on_call
    def compute(call: Call) -> None:
        did.append(f"{call.from_number} begins")
        ends_at = time.thread_time() + 1.5 * TICK * ASIDE_AFTER
        while time.thread_time() < ends_at:
            pass
        did.append(f"{call.from_number} ends")
        call.hangup()

    def scene(stage: Stage) -> None:
        for number in (ANNA, AGENT):
            stage.call(Caller(number))

    rehearse(client, scene)
    first, second = (ANNA, AGENT) if did[0].startswith(ANNA) else (AGENT, ANNA)
    assert did == [f"{first} begins", f"{first} ends", f"{second} begins", f"{second} ends"]


def test_hundreds_of_rehearsals_leave_nothing_behind(client: RelayClient) -> None:
    client.on_call(menu)
    before = set(threading.enumerate())
    for _ in range(100):
        rehearse(client, CHOOSES)
        with pytest.raises(RehearsalTimeoutError):
            rehearse(stuck, Caller(ANNA), within=60.0)
    assert set(threading.enumerate()) <= before
    assert time.sleep is sleep
    assert vars(client)["_connector"] is None


# What goes wrong


def plays(call: Call, then: Callable[..., Any]) -> None:
    call.answer()
    call.play_tts("Hi", on_completed=then).wait()
    call.hangup()


def starts(call: Call, function: Callable[..., Any]) -> None:
    call.hangup()
    threading.Thread(target=function, args=(call,)).start()


FAILURES: Final[dict[str, Callable[[RelayClient, Callable[..., Any]], object]]] = {
    "a call handler": lambda client, fails: client.on_call(fails),
    "a text handler": lambda client, fails: client.on_message(fails),
    "a hook": lambda client, fails: client.on_connected(fails),
    "a listener": lambda client, fails: client.on_event(fails),
    "a callback": lambda client, fails: client.on_call(partial(plays, then=fails)),
    "a thread": lambda client, fails: client.on_call(partial(starts, function=fails)),
}


@pytest.mark.parametrize("what", FAILURES)
def test_what_a_function_raises_is_raised_without_any_log(client: RelayClient, what: str) -> None:
    def fails(argument: object) -> None:
        raise ZeroDivisionError(argument)

    FAILURES[what](client, fails)

    def scene(stage: Stage) -> None:
        stage.text(TextMessage(ANNA, OFFICE, "Hello"))
        stage.over(stage.call(Caller(ANNA, (Wait(1), HangUp()))))

    logging.disable()
    try:
        with pytest.raises(ZeroDivisionError):
            rehearse(client, scene)
    finally:
        logging.disable(logging.NOTSET)


def test_a_handler_that_fails_is_to_blame_for_the_rest() -> None:
    def fails(call: Call) -> None:
        call.answer()
        call.hangup()
        raise KeyError("no such department")

    def scene(stage: Stage) -> None:
        stage.over(stage.call(Caller(ANNA)))
        assert played(stage.story), "nothing was played"

    with pytest.raises(KeyError) as caught:
        rehearse(fails, scene)
    assert "nothing was played" in caught.value.__notes__[0]


def test_what_a_scene_raises_is_raised() -> None:
    def scene(stage: Stage) -> None:
        raise LookupError(stage.client.contexts)

    with pytest.raises(LookupError, match="rehearsal"):
        rehearse(menu, scene)


def forgetful(call: Call) -> None:
    call.answer()


def stuck(call: Call) -> None:
    call.answer()
    threading.Event().wait()


def naps(call: Call) -> None:
    call.answer()
    while call.is_active:
        try:
            time.sleep(50)
        except ValueError:
            continue


def waits_in_vain(stage: Stage) -> None:
    stage.call(Caller(ANNA))
    stage.until(What.DETECTED)


@pytest.mark.parametrize(
    ("handler", "scene", "place"),
    [
        (stuck, Caller(ANNA), ("relay_sync call handler 1 waits at ", line_of(stuck, "wait("))),
        (naps, Caller(ANNA), ("relay_sync call handler 1 waits at ", line_of(naps, "sleep("))),
        (forgetful, waits_in_vain, ("the scene waits at ", line_of(waits_in_vain, "until("))),
    ],
)
def test_a_rehearsal_that_takes_too_long_is_explained(
    handler: Any, scene: Any, place: tuple[str, str]
) -> None:
    with pytest.raises(RehearsalTimeoutError, match="not over after 60 virtual seconds") as caught:
        rehearse(handler, scene, within=60.0)
    call, *awaited, thread = caught.value.still_open
    waits = ["until(What.DETECTED): it has happened 0 of 1 times"] if scene is waits_in_vain else []
    assert awaited == waits
    assert call.endswith(f" from {ANNA} is answered")
    assert thread.startswith(place[0])
    assert thread.endswith(place[1])
    assert caught.value.story[-1].what is What.ANSWERED


def spins(call: Call) -> None:
    call.answer()
    while call.is_active:
        time.sleep(0)


def test_a_thread_that_spins_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relay_sync._virtual.MOST_TURNS", 500)
    with pytest.raises(RehearsalTimeoutError, match="a thread runs in a loop") as caught:
        rehearse(spins, Caller(ANNA))
    assert caught.value.within is None
    assert caught.value.still_open[-1].endswith(line_of(spins, "sleep("))


class Peer:
    """Somebody in the real world, who says nothing until the test is over."""

    def __init__(self) -> None:
        self.near, self.far = socket.socketpair()

    def handle(self, call: Call) -> None:
        call.answer()
        self.near.recv(1)
        call.hangup()

    def scene(self, stage: Stage) -> None:
        stage.call(Caller(ANNA))
        self.near.recv(1)


def computes(call: Call) -> None:
    call.answer()
    while not call.ended:
        pass


@pytest.fixture
def peer() -> Generator[Peer]:
    peer = Peer()
    with peer.near, peer.far:
        yield peer


def stuck_for_real(handler: Any, scene: Any) -> tuple[str, ...]:
    """Rehearse what waits for something real, and return what is said about it."""
    with pytest.raises(RehearsalTimeoutError, match=r"for 0\.3 real seconds") as caught:
        rehearse(handler, scene, patience=0.3)
    assert caught.value.within is None
    return caught.value.still_open


def test_a_handler_that_waits_for_a_socket_is_named(peer: Peer) -> None:
    _, thread = stuck_for_real(peer.handle, Caller(ANNA))
    assert thread.startswith("relay_sync call handler 1 runs, or waits in real time, at ")
    assert thread.endswith(line_of(Peer.handle, "recv("))


def test_a_scene_that_waits_for_a_socket_is_named(peer: Peer) -> None:
    _, scene = stuck_for_real(forgetful, peer.scene)
    assert scene.startswith("the scene runs, or waits in real time, at ")
    assert scene.endswith(line_of(Peer.scene, "recv("))


def test_a_handler_that_computes_is_named_and_ended() -> None:
    before = set(threading.enumerate())
    _, thread = stuck_for_real(computes, Caller(ANNA))
    assert thread.endswith("in computes")
    assert not set(threading.enumerate()) - before


def test_what_takes_a_little_real_time_is_waited_for(peer: Peer) -> None:
    peer.far.send(b"x")
    story = rehearse(peer.handle, Caller(ANNA))
    assert story.all(What.ENDED)[0].who is Who.PROGRAM


def test_two_threads_that_share_a_lock_go_on() -> None:
    lock, order = threading.Lock(), list[str]()

    def handle(call: Call) -> None:
        with lock:
            order.append("in")
            call.answer()  # waits for the I/O thread with the lock held
            order.append("out")
        call.hangup()

    def scene(stage: Stage) -> None:
        stage.call(Caller(ANNA))
        stage.call(Caller(AGENT))

    rehearse(handle, scene)
    assert order == ["in", "out"] * 2


def test_a_deadlock_is_named() -> None:
    def waits() -> None:
        threading.Event().wait()

    with pytest.raises(DeadlockError, match=r"would wait forever: .*the program") as e:
        rehearse(waits)
    assert f"the program waits at {Path(__file__)}" in str(e.value)
    assert str(e.value).endswith(line_of(waits, "wait("))


def interrupt_this_test(_: object) -> None:
    ident = threading.main_thread().ident
    assert ident is not None
    signal.pthread_kill(ident, signal.SIGINT)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals for threads")
def test_the_scene_may_be_interrupted(client: RelayClient) -> None:
    def scene(stage: Stage) -> None:
        client.on_connected(interrupt_this_test)
        stage.cut()
        stage.until(What.DETECTED)

    before = set(threading.enumerate())
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            rehearse(client, scene)
    finally:
        assert signal.signal(signal.SIGINT, handler) is signal.default_int_handler
    assert not set(threading.enumerate()) - before


def test_one_rehearsal_at_a_time(client: RelayClient) -> None:
    def scene(_: Stage) -> None:
        with pytest.raises(RuntimeError, match="takes part in a rehearsal already"):
            rehearse(menu, Caller(ANNA))

    rehearse(client, scene)


def test_rehearsals_in_several_threads_do_not_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELAY_MAX_CONNECTIONS", "4")
    with ThreadPoolExecutor(4) as pool:
        stories = [pool.submit(rehearse, menu, CHOOSES) for _ in range(8)]
        assert [played(one.result()) for one in stories] == [["press one", "you pressed 1"]] * 8


def test_what_cannot_be_rehearsed_is_refused() -> None:
    program: Any = relay_anyio.RelayClient("project", "token")
    with pytest.raises(TypeError, match=r"this is one of relay_anyio: use relay_anyio\.testing"):
        rehearse(program)
    wrong: Any = "a program"
    with pytest.raises(TypeError, match=r"a program is a RelayClient, .* not 'a program'"):
        rehearse(wrong)
    scene: Any = ANNA
    with pytest.raises(TypeError, match=r"or a function that takes the Stage, not '\+1555"):
        rehearse(menu, scene)


def test_a_block_is_a_scene(client: RelayClient) -> None:
    client.on_call(menu)
    with rehearsal(client) as stage:
        call_id = stage.call(CHOOSES)
        stage.over(call_id)
        assert len(stage.story.all(What.PRESSED, call_id=call_id)) == 1
    with pytest.raises(ClientClosedError):
        client.wait_ready(0)
    assert "relay_sync._stdlib" in sys.modules
