"""What both adapters share at their edges: sockets, TLS, words, slots, logs, the record file."""

from __future__ import annotations

import logging
import os
import select
import socket
import ssl
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import trustme

from relay_proto.adapter.connection_errors import describe
from relay_proto.adapter.logs import Log
from relay_proto.adapter.record_file import MOST_FILES, RecordFile
from relay_proto.adapter.slots import Slots
from relay_proto.adapter.sockets import (
    READ_SIZE,
    begin_to_connect,
    check_connected,
    interleaved,
    resolve,
)
from relay_proto.adapter.tls import CAFileError, TLSChannel, tls_context

HOST = "relay.example"

# Sockets


def test_families_are_tried_in_turn_beginning_with_the_preferred_one() -> None:
    six, four = socket.AF_INET6, socket.AF_INET
    addresses = [(six, 1), (six, 2), (six, 3), (four, 4)]
    assert interleaved(addresses) == [(six, 1), (four, 4), (six, 2), (six, 3)]
    assert interleaved(addresses[::-1])[0] == (four, 4)
    assert interleaved([]) == []


@pytest.mark.parametrize("host", ["a..b", "a" * 70, "a\udc80", "."])
def test_what_can_be_no_name_has_no_address(host: str) -> None:
    with pytest.raises(socket.gaierror) as found:
        resolve(host, 443)
    assert describe(found.value) == (
        "the name could not be resolved (it is not a valid name of a host)"
    )


def address_of(server: socket.socket) -> tuple[Any, ...]:
    return (socket.AF_INET, socket.SOCK_STREAM, 0, "", server.getsockname())


def connect(address: tuple[Any, ...]) -> None:
    with begin_to_connect(address) as sock:
        select.select([], [sock], [], 10)
        check_connected(sock)


def test_a_connection_begins_without_waiting() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        begin_to_connect(address_of(server)) as sock,
    ):
        assert sock.gettimeout() == 0
        accepted, _ = server.accept()
        accepted.close()
        check_connected(sock)


def test_a_connection_that_was_refused_says_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = address_of(server)
    with pytest.raises(ConnectionRefusedError):
        connect(address)


def test_what_cannot_begin_leaves_no_socket() -> None:
    with pytest.raises((OSError, TypeError)):
        begin_to_connect((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("::1", 1, 0, 0)))


# TLS


@pytest.fixture(scope="module", name="authority")
def make_authority() -> trustme.CA:
    return trustme.CA()


class Talk:
    """A channel and a server, joined in memory."""

    def __init__(self, authority: trustme.CA, name: str = HOST) -> None:
        client = ssl.create_default_context()
        authority.configure_trust(client)  # pyright: ignore[reportUnknownMemberType]
        server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert(name).configure_cert(server)  # pyright: ignore[reportUnknownMemberType]
        self.channel = TLSChannel(client, HOST)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.server = server.wrap_bio(self.incoming, self.outgoing, server_side=True)

    def shake_hands(self) -> None:
        done = False
        while not done:
            done = self.channel.shake_hands()
            self.incoming.write(self.channel.outgoing())
            with suppress(ssl.SSLWantReadError):
                self.server.do_handshake()
            if data := self.outgoing.read():
                self.channel.feed(data)


def test_a_channel_reads_all_records_at_once(authority: trustme.CA) -> None:
    talk = Talk(authority)
    talk.shake_hands()
    assert talk.channel.decrypt() == (b"", None)
    for text in (b"one", b"two"):
        talk.server.write(text)
    talk.channel.feed(talk.outgoing.read())
    assert talk.channel.decrypt() == (b"onetwo", None)
    talk.channel.encrypt(b"answer")
    talk.incoming.write(talk.channel.outgoing())
    assert talk.server.read() == b"answer"


@pytest.mark.parametrize("read_size", [100, 16_384, READ_SIZE])
def test_a_channel_leaves_nothing_of_a_record(
    authority: trustme.CA, monkeypatch: pytest.MonkeyPatch, read_size: int
) -> None:
    monkeypatch.setattr("relay_proto.adapter.tls.READ_SIZE", read_size)
    talk = Talk(authority)
    talk.shake_hands()
    longest = bytes(16_384)
    talk.server.write(longest)
    talk.server.write(b"two")
    talk.channel.feed(talk.outgoing.read())
    assert talk.channel.decrypt() == (longest + b"two", None)


def test_a_channel_reads_what_comes_before_the_end_and_says_how_it_ended(
    authority: trustme.CA,
) -> None:
    talk = Talk(authority)
    talk.shake_hands()
    talk.server.write(b"bye")
    with pytest.raises(ssl.SSLWantReadError):
        talk.server.unwrap()
    talk.channel.feed(talk.outgoing.read())
    text, ended = talk.channel.decrypt()
    assert text == b"bye"
    assert isinstance(ended, ssl.SSLZeroReturnError)


def test_a_channel_that_was_cut_ends_with_an_error(authority: trustme.CA) -> None:
    talk = Talk(authority)
    talk.shake_hands()
    talk.channel.feed(b"")
    assert isinstance(talk.channel.decrypt()[1], ssl.SSLEOFError)


def test_the_certificate_of_another_host_is_refused(authority: trustme.CA) -> None:
    talk = Talk(authority, "elsewhere.example")
    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        talk.shake_hands()
    assert "certificate was refused" in describe(caught.value)
    assert talk.channel.outgoing(), "an alert tells the server why"


def test_the_context_verifies_and_believes_the_file_of_the_environment(
    authority: trustme.CA, tmp_path: Path
) -> None:
    file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(file)
    before = len(tls_context({}).get_ca_certs())
    context = tls_context({"SIGNALWIRE_RELAY_CA_FILE": str(file)})
    assert len(context.get_ca_certs()) == before + 1
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


# Words


def raised_from(error: BaseException, cause: BaseException | None) -> BaseException:
    error.__cause__ = cause
    return error


CLOSED = "the server closed the connection"
LOOP = OSError()
LOOP.__cause__ = LOOP


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ssl.SSLEOFError(), CLOSED),
        (ssl.SSLZeroReturnError(), CLOSED),
        (EOFError(), CLOSED),
        (socket.gaierror(-2, "not known"), "the name could not be resolved (not known)"),
        (ssl.SSLError(1, "wrong"), "TLS failed (wrong)"),
        (ssl.SSLCertVerificationError(1, "old"), "the server's certificate was refused (old)"),
        (ConnectionRefusedError(), "nothing is listening there (connection refused)"),
        (ConnectionResetError(), "the connection was reset"),
        (BrokenPipeError(), "the connection was reset"),
        (ValueError("odd"), "odd"),
        (ValueError(), "ValueError"),
        (raised_from(OSError("all failed"), ConnectionResetError()), "the connection was reset"),
        (
            raised_from(OSError("all failed"), ExceptionGroup("", [OSError(), BrokenPipeError()])),
            "the connection was reset",
        ),
        (raised_from(ValueError("outer"), KeyError("inner")), "'inner'"),
        (
            raised_from(CAFileError("a.pem", OSError(2, "No such file")), ssl.SSLError()),
            "SIGNALWIRE_RELAY_CA_FILE is 'a.pem', which cannot be used: No such file",
        ),
        (CAFileError("a", ssl.SSLError()), "which cannot be used: it holds no certificate"),
        (LOOP, "OSError"),
    ],
)
def test_an_error_is_told_in_words(error: BaseException, words: str) -> None:
    assert describe(error, ends=(EOFError,)).endswith(words)


def test_what_an_error_came_upon_by_chance_is_not_its_cause() -> None:
    error = ValueError("no such proxy")
    error.__context__ = ConnectionRefusedError()
    assert describe(error) == "no such proxy"


# Slots


class Engine:
    alive = True


def test_a_process_has_one_slot_unless_the_environment_gives_more() -> None:
    slots, first, second = Slots(), Engine(), Engine()
    slots.take(first, {})
    slots.take(first, {})
    with pytest.raises(RuntimeError, match=r"1 other RelayClient is .* where 1 may be"):
        slots.take(second, {})
    slots.take(second, {"RELAY_MAX_CONNECTIONS": "2"})


def test_an_argument_comes_before_the_environment() -> None:
    slots, first, second, third = Slots(), Engine(), Engine(), Engine()
    slots.take(first, {})
    slots.take(second, {"RELAY_MAX_CONNECTIONS": "1"}, 2)
    words = r"2 other RelayClients are .* where 1 may be: .* max_connections=3, .*CONNECTIONS=3"
    with pytest.raises(RuntimeError, match=words):
        slots.take(third, {"RELAY_MAX_CONNECTIONS": "5"}, 1)


def test_a_slot_is_free_again_when_it_is_given_back_or_its_holder_is_dead() -> None:
    slots, first, second, third = Slots(), Engine(), Engine(), Engine()
    slots.take(first, {})
    slots.give_back(first)
    slots.give_back(first)
    slots.take(second, {})
    second.alive = False
    slots.take(third, {})


# The record file


def test_a_record_is_bounded_and_continued(tmp_path: Path) -> None:
    path = tmp_path / "record"
    for line in ("one", "two", "half \ud83d"):
        file = RecordFile(path, 12, Log(logging.getLogger("relay_test")))
        file.write(line)
        file.close()
        file.close()
    assert (tmp_path / "record.1").read_bytes() == b"one\ntwo\n"
    assert path.read_bytes() == b"half ?\n"
    assert sorted(os.listdir(tmp_path)) == ["record", "record.1"]  # noqa: PTH208


def test_a_line_that_is_too_long_for_a_file_has_one_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "record"
    file = RecordFile(path, 4, Log(logging.getLogger("relay_test")))
    file.write("long enough")
    file.write("a")
    file.close()
    assert path.read_bytes() == b"a\n"


@pytest.mark.skipif(sys.platform != "linux", reason="it has a file that is always full")
def test_a_record_that_cannot_be_written_says_so(caplog: pytest.LogCaptureFixture) -> None:
    file = RecordFile("/dev/full", 100, Log(logging.getLogger("relay_test")))
    with pytest.raises(OSError, match="No space left") as raised:
        file.write("one")
    file.give_up(raised.value)
    assert len(caplog.messages) == 1
    assert "/dev/full cannot be written, so nothing more is recorded: " in caplog.text
    assert "No space left" in caplog.text


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
def test_a_forked_child_neither_writes_to_the_record_nor_frees_it(tmp_path: Path) -> None:
    path = tmp_path / "record"
    log = Log(logging.getLogger("relay_test"))
    file = RecordFile(path, 100, log)
    file.write("parent")
    child = os.fork()
    if child == 0:  # pragma: no cover
        try:
            file.write("child")
            file.close()
            own = RecordFile(path, 100, log)
            own.write("own")
            own.close()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    other = RecordFile(path, 100, log)
    other.write("other")
    file.close()
    again = RecordFile(path, 100, log)
    again.write("again")
    assert path.read_bytes() == b"parent\nagain\n"
    assert (tmp_path / "record-2").read_bytes() == b"own\nother\n"
    for one in (other, again):
        one.close()


@pytest.mark.skipif(sys.platform == "win32", reason="it has no such locks")
def test_there_is_a_bound_for_the_files_of_one_name(
    tmp_path: Path,
) -> None:
    log = Log(logging.getLogger("relay_test"))
    files = [RecordFile(tmp_path / "record", 100, log) for _ in range(MOST_FILES + 1)]
    for file in files[:-1]:
        file.write("line")
    with pytest.raises(OSError, match="too many clients record to it"):
        files[-1].write("line")
    for file in files:
        file.close()


@pytest.mark.parametrize("renamed", [True, False])
def test_a_file_that_is_renamed_before_it_is_locked_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, renamed: bool
) -> None:
    path, another = tmp_path / "record", tmp_path / "another"
    another.touch()
    opened: list[int] = []
    system_open = os.open

    def slow(*arguments: Any) -> int:
        """Another client, which has that file, is quicker and rotates it."""
        opened.append(system_open(*arguments))
        if len(opened) == 1:
            path.rename(tmp_path / "record.1")
            if renamed:
                another.rename(path)
        return opened[-1]

    monkeypatch.setattr(os, "open", slow)
    file = RecordFile(path, 100, Log(logging.getLogger("relay_test")))
    file.write("line")
    file.close()
    assert len(opened) == 2
    assert path.read_bytes() == b"line\n"
    assert (tmp_path / "record.1").read_bytes() == b""


def test_another_process_neither_writes_nor_unlocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "record"
    file = RecordFile(path, 100, Log(logging.getLogger("relay_test")))
    file.write("parent")
    monkeypatch.setattr(os, "getpid", lambda: -1)  # what the system tells a forked child
    file.write("child")
    file.close()
    assert path.read_bytes() == b"parent\n"
