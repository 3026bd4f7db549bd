"""The ordered output queue: what is sent together leaves together, nothing overtakes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay_proto.core import Core, OutputQueue, SendBuffer
from relay_proto.outputs import CloseTransport, Ignored, Output, SendData, Settled
from relay_proto.pending import Pending


def drained(queue: OutputQueue) -> Iterator[Output]:
    while (output := queue.next()) is not None:
        yield output


steps = st.one_of(
    st.tuples(st.just("send"), st.integers(1, 2), st.binary(max_size=3)),
    st.tuples(st.just("push"), st.just(0), st.binary(max_size=1)),
    st.tuples(st.just("next"), st.just(0), st.just(b"")),
)


@given(st.lists(steps))
def test_no_byte_is_lost_or_overtakes_another_of_its_transport(
    script: list[tuple[str, int, bytes]],
) -> None:
    queue = OutputQueue()
    sent = {1: b"", 2: b""}
    pushed: list[Output] = []
    outputs: list[Output] = []
    for what, transport, data in script:
        match what:
            case "send":
                queue.send(transport, data)
                sent[transport] += data
            case "push":
                pushed.append(Ignored(repr(data)))
                queue.push(pushed[-1])
            case _:
                output = queue.next()
                outputs += [] if output is None else [output]
    outputs += drained(queue)
    writes = [output for output in outputs if isinstance(output, SendData)]
    assert all(write.data for write in writes)
    for transport, data in sent.items():
        assert b"".join(w.data for w in writes if w.transport == transport) == data
    assert [output for output in outputs if not isinstance(output, SendData)] == pushed


def test_neighbouring_sends_leave_in_one_write_placed_where_the_first_was() -> None:
    queue = OutputQueue()
    queue.send(1, b"ack")
    queue.push(Ignored("an event"))
    queue.send(1, b"request")
    assert list(drained(queue)) == [SendData(1, b"ackrequest"), Ignored("an event")]


def test_what_is_sent_after_a_write_was_taken_out_is_another_write() -> None:
    queue = OutputQueue()
    queue.send(1, b"a")
    assert queue.next() == SendData(1, b"a")
    queue.send(1, b"b")
    assert list(drained(queue)) == [SendData(1, b"b")]


def test_a_write_to_another_transport_ends_the_first() -> None:
    queue = OutputQueue()
    queue.send(1, b"a")
    queue.send(2, b"b")
    queue.send(1, b"c")
    assert list(drained(queue)) == [SendData(1, b"a"), SendData(2, b"b"), SendData(1, b"c")]


def test_taking_out_one_write_leaves_a_later_one_open() -> None:
    queue = OutputQueue()
    queue.send(1, b"a")
    queue.send(2, b"b")
    assert queue.next() == SendData(1, b"a")
    queue.send(2, b"c")
    assert list(drained(queue)) == [SendData(2, b"bc")]


def test_nothing_is_written_when_nothing_is_sent() -> None:
    queue = OutputQueue()
    queue.send(1, b"")
    assert queue.next() is None


@pytest.mark.parametrize("flush", [False, True])
def test_a_transport_is_closed_behind_what_was_sent_on_it(flush: bool) -> None:
    queue = OutputQueue()
    queue.send(1, b"bye")
    queue.close(1, flush=flush)
    queue.send(1, b"late")
    queue.send(2, b"hello")
    assert list(drained(queue)) == [
        SendData(1, b"bye"),
        CloseTransport(1, flush),
        SendData(1, b"late"),
        SendData(2, b"hello"),
    ]


def test_a_result_is_reported_once() -> None:
    queue = OutputQueue()
    pending: Pending[int] = Pending()
    queue.resolve(pending, 1)
    queue.resolve(pending, 2)
    queue.fail(pending, ValueError())
    assert list(drained(queue)) == [Settled(pending)]
    assert pending.result() == 1


def test_an_error_is_reported_once() -> None:
    queue = OutputQueue()
    pending: Pending[int] = Pending()
    error = ValueError()
    queue.fail(pending, error)
    queue.fail(pending, KeyError())
    queue.resolve(pending, 1)
    assert list(drained(queue)) == [Settled(pending)]
    assert pending.error is error


def test_a_core_has_all_inputs_and_outputs() -> None:
    members = vars(Core).items()
    abstract = {name for name, member in members if getattr(member, "__isabstractmethod__", False)}
    assert abstract == {
        "transport_opened",
        "receive_data",
        "transport_closed",
        "handle_timer",
        "deadline",
        "next_output",
    }


def test_what_waits_to_be_sent_is_not_shown() -> None:
    waiting = SendBuffer(transport=1, chunks=[b"secret"])
    assert repr(waiting) == "SendBuffer(transport=1)"
