"""The errors: one tree, with codes, words and facts as attributes."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from relay_proto.errors import (
    GONE_CODES,
    AuthenticationError,
    BridgeFailedError,
    CallEndedError,
    ClientClosedError,
    ConnectFailedError,
    ConnectionLostError,
    ConnectTimeoutError,
    DialFailedError,
    DialTimeoutError,
    DownloadError,
    LocalProtocolError,
    MessageFailedError,
    RelayError,
    RemoteProtocolError,
    RequestQueueFullError,
    RequestTimeoutError,
)
from relay_proto.transitions import EndReason

EXAMPLES = [
    (RelayError(404, "gone"), 404, "RELAY error 404: gone"),
    (AuthenticationError(-32002, "bad token"), -32002, "RELAY error -32002: bad token"),
    (
        CallEndedError("c-1", "busy"),
        410,
        "RELAY error 410: call c-1 has ended (busy)",
    ),
    (
        CallEndedError("c-1", ""),
        410,
        "RELAY error 410: call c-1 has ended (no reason given)",
    ),
    (LocalProtocolError("misused"), -1, "misused"),
    (RemoteProtocolError("no frame", status=502), -1, "no frame"),
    (ConnectFailedError("h", "refused"), -1, "cannot connect to h: refused"),
    (ConnectTimeoutError("h", 2.5, None), -1, "cannot connect to h: no session within 2.5 s"),
    (
        ConnectTimeoutError("h", 5, ConnectFailedError("h", "refused")),
        -1,
        "cannot connect to h: no session within 5 s; the last attempt: refused",
    ),
    (
        ConnectTimeoutError("h", 5, RemoteProtocolError("no upgrade")),
        -1,
        "cannot connect to h: no session within 5 s; the last attempt: no upgrade",
    ),
    (BridgeFailedError("c-1", "busy"), -1, "call c-1 could not be connected: busy"),
    (
        BridgeFailedError("c-1", ""),
        -1,
        "call c-1 could not be connected: the server gave no reason",
    ),
    (
        MessageFailedError("m-1", "undelivered", "no such number"),
        -1,
        "message m-1 was not delivered (undelivered): no such number",
    ),
    (
        MessageFailedError("m-1", "failed", ""),
        -1,
        "message m-1 was not delivered (failed): the server gave no reason",
    ),
    (
        ConnectionLostError("cut", maybe_delivered=True),
        -1,
        (
            "connection lost: cut; the server may have carried out the request: "
            "check before you repeat it"
        ),
    ),
    (ConnectionLostError("cut", maybe_delivered=False), -1, "connection lost: cut"),
    (
        RequestTimeoutError("calling.play", 10.0, sent=True),
        -1,
        "calling.play: no answer within 10 s; the server may still carry it out",
    ),
    (
        RequestTimeoutError("calling.play", 0.5, sent=False),
        -1,
        "calling.play: not sent within 0.5 s, because there was no session",
    ),
    (
        RequestQueueFullError("calling.play", 500),
        -1,
        (
            "calling.play: not sent, because the limit of 500 queued requests is reached; "
            "wait until some are done, or raise Limits.queued_requests"
        ),
    ),
    (DialFailedError("t", "busy"), -1, "dial t failed: busy"),
    (DialFailedError("t", ""), -1, "dial t failed: the server gave no reason"),
    (DialTimeoutError("t", 120.0), -1, "dial t: nobody answered within 120 s"),
    (
        DownloadError("a.example", "no such file", status=404),
        -1,
        "cannot download the file from a.example: no such file",
    ),
    (DownloadError("", "there is no URL"), -1, "cannot download the file: there is no URL"),
    (ClientClosedError(), -1, "the client is disconnected: call connect() first"),
    (ClientClosedError("gone away"), -1, "gone away"),
]
IDS = [f"{type(error).__name__}-{i}" for i, (error, _, _) in enumerate(EXAMPLES)]


@pytest.mark.parametrize(("error", "code", "words"), EXAMPLES, ids=IDS)
def test_every_error_is_a_relay_error_with_a_code_and_words(
    error: RelayError, code: int, words: str
) -> None:
    assert isinstance(error, RelayError)
    assert error.code == code
    assert str(error) == words
    assert error.message in words
    assert repr(error) == f"{type(error).__name__}({words!r})"


@pytest.mark.parametrize("error", [example[0] for example in EXAMPLES], ids=IDS)
def test_errors_survive_copying_and_pickling_with_all_their_facts(error: RelayError) -> None:
    copied = copy.copy(error)
    pickled: object = pickle.loads(pickle.dumps(error))
    for again in (copied, pickled):
        assert isinstance(again, RelayError)
        assert type(again) is type(error)
        assert str(again) == str(error)
        assert vars(again) == vars(error)


def test_every_error_of_the_module_has_an_example() -> None:
    def below(kind: type[RelayError]) -> set[type[RelayError]]:
        return {kind}.union(*(below(child) for child in kind.__subclasses__()))

    public = {kind for kind in below(RelayError) if not kind.__name__.startswith("_")}
    assert public == {type(error) for error, _, _ in EXAMPLES}


@pytest.mark.parametrize(
    ("kind", "base"),
    [
        (ConnectFailedError, ConnectionError),
        (ConnectionLostError, ConnectionError),
        (RequestTimeoutError, TimeoutError),
        (DialTimeoutError, TimeoutError),
        (ConnectTimeoutError, TimeoutError),
        (ConnectTimeoutError, ConnectFailedError),
    ],
)
def test_programs_can_catch_what_python_has_a_name_for(
    kind: type[Exception], base: type[Exception]
) -> None:
    assert issubclass(kind, base)


def test_what_a_program_branches_on_is_an_attribute() -> None:
    assert RemoteProtocolError("x").status == 0
    assert RemoteProtocolError("x", status=403).status == 403
    assert (ConnectFailedError("h", "r").host, ConnectFailedError("h", "r").reason) == ("h", "r")
    lost = ConnectionLostError("cut", maybe_delivered=True)
    assert (lost.reason, lost.maybe_delivered) == ("cut", True)
    late = RequestTimeoutError("m", 1.5, sent=True)
    assert (late.method, late.seconds, late.sent) == ("m", 1.5, True)
    full = RequestQueueFullError("m", 5, "dials")
    assert (full.method, full.limit, full.name) == ("m", 5, "dials")
    assert (DialFailedError("t", "r").tag, DialFailedError("t", "r").reason) == ("t", "r")
    assert (DialTimeoutError("t", 2.0).tag, DialTimeoutError("t", 2.0).seconds) == ("t", 2.0)
    assert EndReason(DialTimeoutError("t", 2.0).reason) is EndReason.NO_ANSWER
    ended = CallEndedError("c", "busy")
    assert (ended.call_id, ended.end_reason) == ("c", "busy")
    refused = AuthenticationError(401, "no", host="h", origin="o")
    assert (refused.host, refused.origin) == ("h", "o")
    assert vars(AuthenticationError(401, "no")) == vars(refused) | {"host": "", "origin": ""}
    busy = RemoteProtocolError("x", status=503, retry_after=2.0)
    assert (busy.retry_after, RemoteProtocolError("x").retry_after) == (2.0, None)
    missing = DownloadError("h", "r", status=404)
    assert (missing.host, missing.reason, missing.status) == ("h", "r", 404)
    assert DownloadError("h", "r").status == 0
    assert ConnectTimeoutError("h", 2.5, None).seconds == 2.5
    apart = BridgeFailedError("c", "busy")
    assert (apart.call_id, apart.reason) == ("c", "busy")
    undelivered = MessageFailedError("m", "failed", "r")
    assert (undelivered.message_id, undelivered.state) == ("m", "failed")
    assert undelivered.reason == "r"
    assert RequestQueueFullError("m", 5).name == "queued_requests"
    paced = RequestTimeoutError("m", 1.5, sent=False, paced=True, away="refused")
    assert str(paced) == (
        "m: not sent within 1.5 s, because its turn did not come: "
        "the shared pace cannot be reached (refused)"
    )


@pytest.mark.parametrize(
    ("kind", "first"),
    [
        (RemoteProtocolError, ("x",)),
        (AuthenticationError, (401, "no")),
        (ConnectionLostError, ("cut",)),
        (RequestTimeoutError, ("m", 1.5)),
        (DownloadError, ("h", "r")),
    ],
)
def test_facts_that_a_reader_could_not_guess_are_given_by_name(
    kind: Any, first: tuple[object, ...]
) -> None:
    with pytest.raises(TypeError, match="positional"):
        kind(*first, True)


def test_an_ended_call_has_one_of_the_codes_for_what_is_gone() -> None:
    assert {404, 410} == GONE_CODES
    assert CallEndedError("c", "").code in GONE_CODES
