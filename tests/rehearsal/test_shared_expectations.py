"""An expectation that several threads wait for: each of them ends, and none takes what is not
its own."""

from __future__ import annotations

import threading
import time
from typing import Any, Final

import pytest

from relay_sync import Call, CallEndedError, PlayAction, RelayClient, RelayEvent
from relay_sync.call import Expectation
from relay_sync.testing import Caller, HangUp, Stage, Wait, rehearse

ANNA, BERT = "+15550001111", "+15550001112"
PLAY: Final = "calling.call.play"


def begin_silence(call: Call) -> PlayAction:
    with call.expect(PLAY) as begun:
        playing = call.play([{"type": "silence", "params": {"duration": 5}}])
        begun.wait()
    return playing


def test_each_thread_times_out_if_an_event_that_nobody_wants_comes_at_the_last_moment() -> None:
    over_after: list[float] = []

    def handle(call: Call) -> None:
        call.answer()
        began = time.monotonic()
        begin_silence(call).wait()
        takes = time.monotonic() - began

        def wait() -> None:
            with pytest.raises(TimeoutError, match=f"waited {takes:g} s for"):
                expected.wait(takes)
            over_after.append(time.monotonic() - began)

        began = time.monotonic()
        playing = begin_silence(call)
        with call.expect(PLAY, lambda event: event.params["state"] == "paused") as expected:
            threads = [threading.Thread(target=wait) for _ in range(2)]
            for thread in threads:
                thread.start()
            # The client's own thread has its turn behind the two: they see that it is too late
            # before it reads that the silence is over.
            call.client.receive(["sales"])
            for thread in threads:
                thread.join()
            playing.wait()
        assert over_after == [takes, takes]
        call.hangup()

    rehearse(handle, Caller(ANNA))
    assert len(over_after) == 2


def test_all_threads_have_the_one_event() -> None:
    found: list[RelayEvent] = []

    def handle(call: Call) -> None:
        call.answer()
        with call.expect(PLAY, lambda event: event.params["state"] == "finished") as expected:
            threads = [
                threading.Thread(target=lambda: found.append(expected.wait(60))) for _ in range(3)
            ]
            for thread in threads:
                thread.start()
            begin_silence(call)
            for thread in threads:
                thread.join()
            assert expected.wait() is found[0]
        call.hangup()

    rehearse(handle, Caller(ANNA))
    assert len(found) == 3
    assert len(set(map(id, found))) == 1


def test_a_handler_that_is_released_disturbs_no_other_that_waits_for_the_same() -> None:
    client = RelayClient(project="project", token="token", contexts=["office"])
    shared: list[Expectation[Any]] = []
    seen: list[object] = []

    def is_end(event: RelayEvent) -> bool:
        seen.append(event)
        return bool(event.params["state"] == "finished")

    @client.on_call(cancel_on_end=True)
    def handle(call: Call) -> None:
        call.answer()
        if shared:
            with pytest.raises(CallEndedError):
                shared[0].wait()
            return
        with call.expect(PLAY, is_end) as expected:
            shared.append(expected)
            with pytest.raises(TimeoutError):
                expected.wait(20)
        call.hangup()

    def place_calls(stage: Stage) -> None:
        first = stage.call(Caller(ANNA, (Wait(60),)))
        time.sleep(0.5)
        stage.over(stage.call(Caller(BERT, (Wait(5), HangUp()))))
        stage.over(first)

    rehearse(client, place_calls)
    assert seen == []
