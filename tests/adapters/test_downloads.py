"""Downloads: recordings and faxes become files, and credentials stay where they belong."""

from __future__ import annotations

import base64
import io
import os
import socket
import ssl
import stat
import tempfile
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio
import pytest

from relay_anyio import DownloadError, RelayClient
from relay_proto.adapter import downloads
from relay_proto.adapter.downloads import Access, Download
from relay_proto.adapter.errands import Errands
from relay_proto.adapter.http_get import Get
from relay_proto.adapter.network import Network
from tests.adapters import support
from tests.adapters.file_server import SOUND, WHOLE, FileServer, answer, file_server
from tests.adapters.proxies import office_proxy
from tests.adapters.support import PATIENCE, PROJECT, TOKEN, Certificates, World, answered_call

pytestmark = pytest.mark.anyio

CREDENTIALS = "Basic " + base64.b64encode(f"{PROJECT}:{TOKEN}".encode()).decode()


@pytest.fixture
async def files(certificates: Certificates) -> AsyncGenerator[FileServer]:
    async with file_server(certificates) as files:
        files.answers["/a.mp3"] = WHOLE
        yield files


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def client_of(host: str = "relay.example.com", **arguments: Any) -> RelayClient:
    given: dict[str, Any] = {"project": PROJECT, "token": TOKEN, "host": host, **arguments}
    client: RelayClient = support.make(RelayClient, **given)
    return client


async def failure(client: RelayClient, url: str, tmp_path: Path, **more: Any) -> DownloadError:
    """The error of a download, which leaves nothing behind, and shows no credentials."""
    with pytest.raises(DownloadError) as raised:
        await client.download(url, tmp_path / "a.mp3", **more)
    assert names(tmp_path) == []
    assert TOKEN not in str(raised.value) + repr(raised.value)
    return raised.value


# What arrives


async def test_a_file_is_written_to_a_path(files: FileServer, tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    path.write_text("what was there before")
    steps: list[tuple[int, int | None]] = []
    size = await client_of().download(
        files.url("/a.mp3"), path, progress=lambda size, total: steps.append((size, total))
    )
    assert (size, path.read_bytes()) == (len(SOUND), SOUND)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 or os.name == "nt"
    assert names(tmp_path) == [path.name]
    assert steps == sorted(steps)
    assert steps[-1] == (len(SOUND), len(SOUND))


async def test_a_file_is_written_to_an_open_file(files: FileServer) -> None:
    file = io.BytesIO()
    assert await client_of().download(files.url("/a.mp3"), file) == len(SOUND)
    assert file.getvalue() == SOUND


async def test_the_length_need_not_be_known(files: FileServer, tmp_path: Path) -> None:
    files.answers["/?a=b"] = b"HTTP/1.1 200 OK\r\n\r\n" + SOUND
    steps: list[tuple[int, int | None]] = []
    await client_of().download(
        files.url("?a=b"),
        str(tmp_path / "a"),
        progress=lambda size, total: steps.append((size, total)),
    )
    assert (tmp_path / "a").read_bytes() == SOUND
    assert steps[-1] == (len(SOUND), None)


async def test_a_recording_that_has_no_url_yet(world: World, tmp_path: Path) -> None:
    async with answered_call(world, world.client()) as call:
        recording = await call.record({"direction": "both"})
        with pytest.raises(DownloadError, match="no URL yet: wait until the action has ended"):
            await recording.download(tmp_path / "a.mp3")
        fax = await call.send_fax("https://example.com/a.pdf")
        with pytest.raises(DownloadError, match="no URL yet"):
            await fax.download(tmp_path / "a.pdf")
        words = await call.transcribe()
        with pytest.raises(DownloadError, match="no URL yet"):
            await words.download(tmp_path / "a.txt")


async def test_a_server_may_say_first_that_it_goes_on(files: FileServer) -> None:
    files.answers["/a.mp3"] = b"HTTP/1.1 103 Early Hints\r\n\r\n" + WHOLE
    assert await client_of().download(files.url("/a.mp3"), io.BytesIO()) == len(SOUND)


# Credentials


async def test_credentials_go_to_the_host_of_the_client(files: FileServer) -> None:
    await client_of(files.host).download(files.url("/a.mp3"), io.BytesIO())
    assert files.asked == [("/a.mp3", CREDENTIALS)]


async def test_credentials_do_not_go_to_a_host_before_the_client_does(files: FileServer) -> None:
    clients = [client_of(files.host), client_of()]
    for client, assigned in zip(clients, ("example.com", files.host), strict=True):
        hidden: Any = getattr(client, "hidden", client)
        hidden.host = assigned  # which takes effect at the next connect
        await client.download(files.url("/a.mp3"), io.BytesIO())
    assert files.asked == [("/a.mp3", CREDENTIALS), ("/a.mp3", "")]


@pytest.mark.parametrize(
    ("host", "arguments"),
    [
        ("relay.example.com", {}),
        ("localhost", {}),  # another port
        ("127.0.0.1:{port}", {}),
        ("localhost:{port}", {"project": None, "token": None, "jwt_token": "a.b.c"}),
        ("localhost:{port}", {"token": lambda: TOKEN}),
    ],
)
async def test_credentials_go_nowhere_else(
    files: FileServer, host: str, arguments: dict[str, Any]
) -> None:
    client = client_of(host.format(port=files.port), **arguments)
    await client.download(files.url("/a.mp3"), io.BytesIO())
    assert files.asked == [("/a.mp3", "")]


async def test_a_redirect_takes_no_credentials_along(
    files: FileServer, certificates: Certificates
) -> None:
    async with file_server(certificates) as other:
        other.answers["/b.mp3"] = WHOLE
        files.answers["/far"] = answer("302 Found", f"Location: {other.url('/b.mp3')}")
        files.answers["/near"] = answer("307 Temporary Redirect", "Location: /a.mp3")
        for path in ("/far", "/near"):
            await client_of(files.host).download(files.url(path), io.BytesIO())
    assert other.asked == [("/b.mp3", "")]
    assert files.asked == [(path, CREDENTIALS) for path in ("/far", "/near", "/a.mp3")]


@pytest.mark.parametrize(
    "location", ["http://localhost/", "file:///etc/passwd", "//[", "https://a..b/"]
)
async def test_a_redirect_leads_to_https_alone(
    files: FileServer, tmp_path: Path, location: str
) -> None:
    files.answers["/r"] = answer("302 Found", f"Location: {location}")
    assert "the URL" in (await failure(client_of(), files.url("/r"), tmp_path)).reason


async def test_redirects_come_to_an_end(files: FileServer, tmp_path: Path) -> None:
    files.answers["/r"] = answer("301 Moved Permanently", "Location: /r")
    assert "more than 5 redirects" in str(await failure(client_of(), files.url("/r"), tmp_path))
    assert len(files.asked) == 6


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://a.example/b", "a.example"),
        ("http:///b", ""),
        ("https://u:p@a.example/b", "a.example"),
        ("a", ""),
        ("https://[", ""),
        ("https://ä.example/", "ä.example"),
        ("https://a..example/", "a..example"),
        ("https://a.example/\x01", "a.example"),
    ],
)
async def test_a_url_that_is_none_of_a_file(url: str, host: str, tmp_path: Path) -> None:
    error = await failure(client_of(), url, tmp_path)
    assert error.reason.startswith("the URL ")
    assert error.host == host


# What goes wrong


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("404 Not Found", "not stored yet"),
        ("401 Unauthorized", "other credentials"),
        ("500 Oh no", "status 500"),
        ("302 Found", "status 302"),
    ],
)
async def test_the_status_says_why(
    files: FileServer, tmp_path: Path, status: str, words: str
) -> None:
    files.answers["/a.mp3"] = answer(status, body=b"no")
    error = await failure(client_of(), files.url("/a.mp3"), tmp_path)
    assert (error.status, error.host) == (int(status[:3]), "localhost")
    assert words in error.reason


@pytest.mark.parametrize(
    ("headers", "what"),
    [
        (["Content-Type: text/html; a=b"], "text/html"),
        (["Content-Encoding: GZIP"], "no type in the encoding gzip"),
        (
            ["Content-Type: audio/mpeg", "Content-Encoding: gzip"],
            "audio/mpeg in the encoding gzip",
        ),
    ],
)
async def test_a_page_is_no_recording(
    files: FileServer, tmp_path: Path, headers: list[str], what: str
) -> None:
    files.answers["/a.mp3"] = answer("200 OK", *headers, body=b"<html>")
    error = await failure(client_of(), files.url("/a.mp3"), tmp_path)
    assert error.reason == f"the server sent {what} instead of a file"


async def test_a_file_that_is_too_large(files: FileServer, tmp_path: Path) -> None:
    files.answers["/endless"] = b"HTTP/1.1 200 OK\r\n\r\n" + SOUND
    for path in ("/a.mp3", "/endless"):
        error = await failure(client_of(), files.url(path), tmp_path, max_bytes=len(SOUND) - 1)
        assert "255999 bytes (max_bytes)" in error.reason
    assert await client_of().download(files.url("/a.mp3"), io.BytesIO(), max_bytes=len(SOUND))


@pytest.mark.parametrize("sent", [WHOLE[:-1], b"SMTP\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent", b""])
async def test_an_answer_that_is_cut_or_no_http(
    files: FileServer, tmp_path: Path, sent: bytes
) -> None:
    files.answers["/a.mp3"] = sent
    assert (await failure(client_of(), files.url("/a.mp3"), tmp_path)).status == 0


async def test_a_connection_that_is_cut_is_no_end_of_a_file(
    files: FileServer, tmp_path: Path
) -> None:
    files.answers["/cut"] = b"HTTP/1.1 200 OK\r\n\r\n" + SOUND
    files.aborts.add("/cut")
    assert "closed the connection" in str(await failure(client_of(), files.url("/cut"), tmp_path))


async def test_a_proxy_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "gopher://proxy")
    assert "HTTPS_PROXY" in str(await failure(client_of(), "https://a.example/b", tmp_path))


async def test_there_are_so_many_downloads_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "errands", Errands(0, "downloads run already"))
    error = await failure(client_of(), "https://a.example/b", tmp_path)
    assert error.reason == "0 downloads run already"


def test_a_download_that_nobody_wants_any_more_does_not_begin(tmp_path: Path) -> None:
    access = Access.of(Network(1.0), "a.example", PROJECT, TOKEN)
    url = "https://a.example/b"
    download = Download(access, url, tmp_path / "b", timeout=1.0, max_bytes=1, progress=None)
    download.cancel()
    done = threading.Event()
    download.start(done.set)
    assert done.wait(PATIENCE)
    with pytest.raises(DownloadError, match="nobody waits for it"):
        download.take_news()
    get = Get(access.network, urlsplit(url), 0.0)
    get.interrupt()  # there is no connection: nothing to do
    get.close()


async def test_nobody_listens_there(free_host: str, tmp_path: Path) -> None:
    error = await failure(client_of(), f"https://{free_host}/a.mp3", tmp_path)
    assert "nothing is listening there" in error.reason


async def test_a_certificate_that_nobody_vouches_for(
    files: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SIGNALWIRE_RELAY_CA_FILE")
    error = await failure(client_of(), files.url("/a.mp3"), tmp_path)
    assert "certificate was refused" in error.reason
    assert files.asked == []


async def test_a_server_that_stalls(files: FileServer, tmp_path: Path) -> None:
    files.answers["/slow"] = WHOLE[:1000]
    files.stalls.add("/slow")
    with pytest.raises(TimeoutError, match="download from localhost took too long"):
        await client_of().download(files.url("/slow"), tmp_path / "a.mp3", timeout=0.3)
    assert names(tmp_path) == []


def left_behind() -> list[threading.Thread]:
    """The threads of downloads for which nobody waits any more."""
    return [one for one in threading.enumerate() if one.name.startswith("download ")]


@contextmanager
def hanging() -> Generator[Callable[[], None]]:
    """A function that hangs until the block ends. The threads have ended then, too."""
    go_on = threading.Event()

    def hang() -> None:
        go_on.wait(PATIENCE)

    try:
        yield hang
    finally:
        go_on.set()
        for thread in left_behind():
            thread.join(PATIENCE)
    assert left_behind() == []


async def test_a_lookup_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def getaddrinfo(host: str, *_: object, **__: object) -> list[Any]:
        asked.append(host)
        hang()
        return []

    with hanging() as hang:
        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        with pytest.raises(TimeoutError, match=r"download from slow.example took too long$"):
            await client_of().download("https://slow.example/a", tmp_path / "a.mp3", timeout=0.1)
        assert left_behind()
    assert asked == ["slow.example"]
    assert names(tmp_path) == []


async def test_an_open_file_that_hangs_gets_no_more_after_the_timeout(files: FileServer) -> None:
    written: list[int] = []

    class Pipe:
        def write(self, data: bytes) -> None:
            written.append(len(data))
            hang()

    with hanging() as hang:
        with pytest.raises(TimeoutError, match=r"took too long: the file is still being written"):
            await client_of().download(files.url("/a.mp3"), Pipe(), timeout=0.5)
        assert left_behind()
    assert len(written) == 1
    assert written[0] < len(SOUND)


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_disk_that_hangs(
    files: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    make = tempfile.mkstemp

    def mkstemp(suffix: str, prefix: str, folder: Path) -> tuple[int, str]:
        if when == "before":
            hang()
        made = make(suffix, prefix, folder)
        if when == "after":
            hang()
        return made

    path = tmp_path / "a.mp3"
    path.write_text("what was there before")
    with hanging() as hang:
        monkeypatch.setattr(tempfile, "mkstemp", mkstemp)
        with pytest.raises(TimeoutError, match="took too long"):
            await client_of().download(files.url("/a.mp3"), path, timeout=0.5)
        assert left_behind()
    assert names(tmp_path) == [path.name]
    assert path.read_text() == "what was there before"


async def test_a_file_that_comes_at_the_last_moment(files: FileServer) -> None:
    access = Access.of(Network(PATIENCE), files.host, PROJECT, TOKEN)
    done = threading.Event()
    download = Download(
        access, files.url("/a.mp3"), io.BytesIO(), timeout=PATIENCE, max_bytes=10**6, progress=None
    )
    download.start(lambda: done.set() if download.take_news() else None)
    assert await anyio.to_thread.run_sync(done.wait, PATIENCE)
    assert download.give_up() == len(SOUND)


async def test_no_time_at_all(files: FileServer) -> None:
    with pytest.raises(TimeoutError, match="took too long"):
        await client_of().download(files.url("/a.mp3"), io.BytesIO(), timeout=1e-9)


async def test_a_folder_that_is_not_there(files: FileServer, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await client_of().download(files.url("/a.mp3"), tmp_path / "none" / "a.mp3")


async def test_what_progress_raises_ends_the_download(files: FileServer, tmp_path: Path) -> None:
    def progress(*_: object) -> None:
        raise LookupError("enough")

    files.answers["/slow"] = WHOLE[:1000]
    files.stalls.add("/slow")
    with pytest.raises(LookupError, match="enough"):
        await client_of().download(files.url("/slow"), tmp_path / "a.mp3", progress=progress)
    assert names(tmp_path) == []


@pytest.mark.async_only("a blocked thread is not cancelled")
async def test_a_cancelled_download_leaves_nothing_behind(
    files: FileServer, tmp_path: Path
) -> None:
    files.answers["/slow"] = WHOLE[:1000]
    files.stalls.add("/slow")
    written: list[int] = []
    async with anyio.create_task_group() as tasks:

        def progress(size: int, _: int | None) -> None:
            written.append(size)
            assert len(names(tmp_path)) == 1
            tasks.cancel_scope.cancel()

        await client_of().download(files.url("/slow"), tmp_path / "a.mp3", progress=progress)
    assert written
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"timeout": 0},
        {"max_bytes": 0},
        {"max_bytes": None},
        {"max_bytes": 1.5},
        {"to": None},
        {"to": b"a.mp3"},
        {"to": ""},
    ],
)
async def test_wrong_arguments(files: FileServer, wrong: dict[str, Any]) -> None:
    arguments: dict[str, Any] = {"url": files.url("/a.mp3"), "to": io.BytesIO(), **wrong}
    with pytest.raises((ValueError, TypeError), match=next(iter(wrong))):
        await client_of().download(**arguments)
    assert files.asked == []


# The network of the client


@pytest.mark.parametrize("scheme", ["http", "socks5h"])
async def test_it_goes_through_the_proxy(files: FileServer, scheme: str) -> None:
    async with office_proxy(scheme) as proxy:
        file = io.BytesIO()
        await client_of(proxy=proxy.url).download(files.url("/a.mp3"), file)
        assert proxy.targets == [files.host]
        assert file.getvalue() == SOUND


async def test_the_context_of_the_client_is_used(
    files: FileServer, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = ssl.create_default_context(cafile=str(certificates.ca_file))
    monkeypatch.delenv("SIGNALWIRE_RELAY_CA_FILE")
    file = io.BytesIO()
    await client_of(ssl_context=context).download(files.url("/a.mp3"), file)
    assert file.getvalue() == SOUND
