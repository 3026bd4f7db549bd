"""Files of the simulator: whatever a program records or receives can be downloaded."""

from __future__ import annotations

import array
import io
import re
import shutil
import ssl
import sys
import wave
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import anyio
import pytest

from relay_anyio import DownloadError
from relay_anyio.lab.app import make_app
from relay_anyio.lab.guard import Guard
from relay_anyio.lab.lab import Lab
from relay_anyio.simulator.contents import audio_formats, write_content
from relay_anyio.simulator.files import FileMissingError, Files
from relay_anyio.simulator.voice import Voice
from relay_proto.exchange import (
    Answers,
    AudioFile,
    ExchangeConfig,
    Fax,
    FaxFile,
    FileContent,
    FileMade,
    Line,
    Say,
    Side,
    Sound,
    SoundKind,
    TextFile,
    Wait,
)
from relay_proto.server import ServerConfig
from tests.adapters.support import (
    AT_ONCE,
    Certificates,
    World,
    answered_call,
    open_world,
    phone,
    port_of,
    tts,
)
from tests.adapters.test_simulator_command import program, running

WINDOWS: Final = 10
"""How many windows a second of sound has, in which it is silent or not."""
FAX_MACHINE: Final = "+15550000008"
WORDS: Final = "Please call me back tomorrow."
"""Take 2.03 s, at 0.07 s for each character."""
TONES: Final = Voice()
SYNTHESIZER: Final = shutil.which("espeak-ng") or ""
ENCODER: Final = shutil.which("lame") or ""


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path, TONES)


@pytest.fixture
async def keeping(certificates: Certificates, files: Files) -> AsyncGenerator[World]:
    """A world that keeps files."""
    changes = {
        "files": "https://{host}/files",
        "server": ServerConfig(hosts=frozenset({"localhost"})),
        "timing": replace(AT_ONCE, fax_page=0.01),
    }
    line = Line(FAX_MACHINE, Answers(after=0.01, nature=Fax(pages=3)))
    async with open_world(certificates, keeping=files, lines=(line,), **changes) as world:
        yield world


def sound(
    text: str,
    at: float,
    seconds: float,
    *,
    kind: SoundKind = SoundKind.SPEECH,
    side: Side = Side.FAR,
    skipped: float = 0.0,
) -> Sound:
    return Sound(side, kind, text, at, seconds, skipped)


def names_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def audio(seconds: float, *sounds: Sound, channels: int = 1, kind: str = "wav") -> AudioFile:
    return AudioFile(kind, seconds, channels, sounds)


def made_of(content: FileContent, path: Path, voice: Voice = TONES) -> bytes:
    assert write_content(content, path, voice, ENCODER) == path.stat().st_size
    return path.read_bytes()


def channels_of(data: bytes) -> list[array.array[int]]:
    """The samples of a WAV file, channel by channel."""
    with wave.open(io.BytesIO(data)) as file:
        assert (file.getframerate(), file.getsampwidth()) == (8000, 2)
        samples = array.array("h", file.readframes(file.getnframes()))
        return [samples[index :: file.getnchannels()] for index in range(file.getnchannels())]


def pattern(samples: array.array[int]) -> str:
    """A mark for each window: whether there is sound in it."""
    size = 8000 // WINDOWS
    windows = [samples[at : at + size] for at in range(0, len(samples), size)]
    return "".join("#" if max(map(abs, window)) > 500 else "." for window in windows)


# Bytes


def test_a_sound_file_is_as_long_as_it_says_and_silent_between_the_phrases(tmp_path: Path) -> None:
    content = audio(3.0, sound("one", 0.5, 1.0), sound("two", 2.0, 0.5))
    data = made_of(content, tmp_path / "a.wav")
    assert len(data) == content.size
    assert [pattern(one) for one in channels_of(data)] == [".....##########.....#####....."]


def test_with_two_channels_each_side_has_its_own(tmp_path: Path) -> None:
    content = audio(2.0, sound("a", 0, 1.0), sound("b", 0.5, 1.0, side=Side.NEAR), channels=2)
    data = made_of(content, tmp_path / "a.wav")
    assert len(data) == content.size
    far, near = map(pattern, channels_of(data))
    assert (far, near) == ("##########..........", ".....##########.....")


def test_in_one_channel_both_sides_are_heard_at_once(tmp_path: Path) -> None:
    far, near = sound("a", 0, 1.0), sound("b", 0.5, 1.0, side=Side.NEAR)
    data = made_of(audio(2.0, far, near), tmp_path / "a.wav")
    [both] = channels_of(data)
    alone = [made_of(audio(2.0, one), tmp_path / "b.wav") for one in (far, near)]
    sums = [one + other for one, other in zip(*(channels_of(one)[0] for one in alone), strict=True)]
    assert list(both) == sums


@pytest.mark.parametrize("kind", [SoundKind.BEEP, SoundKind.FILE, SoundKind.RINGING])
def test_what_is_no_speech_has_a_tone(tmp_path: Path, kind: SoundKind) -> None:
    data = made_of(audio(1.0, sound("x", 0.2, 0.5, kind=kind)), tmp_path / "a.wav")
    assert pattern(channels_of(data)[0]) == "..#####..."


def test_each_key_has_its_two_tones(tmp_path: Path) -> None:
    def of(keys: str) -> array.array[int]:
        content = audio(1.0, sound(keys, 0, 1.0, kind=SoundKind.KEYS))
        return channels_of(made_of(content, tmp_path / "a.wav"))[0]

    assert pattern(of("1")) == "#######..."
    assert pattern(of("12")) == "####.####."
    assert of("1") != of("2")
    assert pattern(of("w")) == "." * WINDOWS


def test_a_sound_that_was_paused_goes_on_where_it_was(tmp_path: Path) -> None:
    def of(*sounds: Sound) -> array.array[int]:
        return channels_of(made_of(audio(2.0, *sounds), tmp_path / "a.wav"))[0]

    def keys(at: float, seconds: float, skipped: float = 0.0) -> Sound:
        return sound("12", at, seconds, kind=SoundKind.KEYS, skipped=skipped)

    rest = of(keys(0, 0.5), keys(1.0, 0.5, skipped=0.5))
    whole = of(keys(0, 1.0))
    assert rest[8000:12_000] == whole[4000:8000]


def test_a_sound_that_begins_at_the_very_end_does_not_make_the_file_longer(tmp_path: Path) -> None:
    content = audio(1.0, sound("x", 0.99999, 0.5))
    assert len(made_of(content, tmp_path / "a.wav")) == content.size


@pytest.mark.skipif(not SYNTHESIZER, reason="espeak-ng is not installed")
@pytest.mark.parametrize("seconds", [0.6, 4.0])
def test_a_synthesizer_says_the_words_in_their_time(tmp_path: Path, seconds: float) -> None:
    content = audio(5.0, sound(WORDS, 0.5, seconds))
    data = made_of(content, tmp_path / "a.wav", Voice(SYNTHESIZER))
    assert len(data) == content.size
    heard = pattern(channels_of(data)[0])
    assert "#" in heard
    assert heard.rindex("#") < 10 * (0.5 + seconds)
    assert data != made_of(content, tmp_path / "b.wav")


@pytest.mark.parametrize("program", ["true", "false", "cat", "no-such-program"])
def test_a_synthesizer_that_fails_is_replaced_by_a_tone(tmp_path: Path, program: str) -> None:
    content = audio(1.0, sound("one", 0, 1.0))
    voice = Voice(shutil.which(program) or program)
    assert made_of(content, tmp_path / "a.wav", voice) == made_of(content, tmp_path / "b.wav")


@pytest.mark.skipif(not ENCODER, reason="lame is not installed")
@pytest.mark.parametrize("channels", [1, 2])
def test_an_mp3_file_is_one(tmp_path: Path, channels: int) -> None:
    assert "mp3" in audio_formats()
    content = audio(10.0, sound("one", 0, 5.0), channels=channels, kind="mp3")
    data = made_of(content, tmp_path / "a.mp3")
    assert data[0] == 0xFF or data.startswith(b"ID3")
    assert len(data) == pytest.approx(content.size, rel=0.1)
    assert names_in(tmp_path) == ["a.mp3"]


def test_a_fax_is_a_pdf_with_all_its_pages(tmp_path: Path) -> None:
    data = made_of(FaxFile(3, "+1 (555)", "\\+2"), tmp_path / "a.pdf")
    assert data.startswith(b"%PDF-1.4\n")
    assert data.endswith(b"%%EOF\n")
    assert data.count(b"/Type /Page ") == 3
    assert rb"Fax from +1 \(555\) to \\+2, page 3 of 3" in data
    table = int(re.findall(rb"startxref\n(\d+)", data)[0])
    assert data[table:].startswith(b"xref\n0 10\n")
    for number, start in enumerate(re.findall(rb"(\d{10}) 00000 n", data), start=1):
        assert data[int(start) :].startswith(b"%d 0 obj" % number)
    for length, body in re.findall(rb"/Length (\d+) >>\nstream\n(.*?)\nendstream", data):
        assert len(body) == int(length)


# What is kept


@pytest.mark.anyio
async def test_the_oldest_files_go_first(tmp_path: Path) -> None:
    files = Files(tmp_path, TONES, most=2)
    for name in ("a.txt", "b.txt", "c.txt"):
        files.keep(FileMade(name, TextFile(name)))
        await files.path(name)
    assert files.names() == ("b.txt", "c.txt")
    assert names_in(tmp_path) == ["b.txt", "c.txt"]
    with pytest.raises(FileMissingError, match="the latest 2 are kept"):
        await files.path("a.txt")
    files.forget()
    assert names_in(tmp_path) == []
    assert files.names() == ()


@pytest.mark.anyio
async def test_what_is_remembered_of_files_is_bounded_in_characters(tmp_path: Path) -> None:
    files = Files(tmp_path, TONES, most_characters=10)
    files.keep(FileMade("a.txt", TextFile("12345")))
    files.keep(FileMade("b.pdf", FaxFile(1, "a", "b")))
    files.keep(FileMade("c.wav", audio(1.0, sound("123456", 0, 1.0))))
    assert files.names() == ("b.pdf", "c.wav")


@pytest.mark.anyio
async def test_files_that_were_removed_for_their_size_are_made_again(tmp_path: Path) -> None:
    files = Files(tmp_path, TONES, most_bytes=25_000)
    for name in ("a.wav", "b.wav"):
        files.keep(FileMade(name, audio(1.0)))
        await files.path(name)
    assert names_in(tmp_path) == ["b.wav"]
    assert (await files.path("a.wav")).stat().st_size == 16_044
    assert names_in(tmp_path) == ["a.wav"]


@pytest.mark.anyio
async def test_a_file_that_is_too_large_is_not_made(tmp_path: Path) -> None:
    files = Files(tmp_path, TONES)
    files.keep(FileMade("a.wav", audio(20_000.0)))
    files.keep(FileMade("b.pdf", FaxFile(1_000_000, "a", "b")))
    for name in files.names():
        with pytest.raises(FileMissingError, match="more than 268435456 bytes"):
            await files.path(name)


@pytest.mark.anyio
async def test_an_encoder_that_fails_leaves_no_file(tmp_path: Path) -> None:
    files = Files(tmp_path, TONES, encoder=shutil.which("false") or "false")
    files.keep(FileMade("a.mp3", audio(1.0, kind="mp3")))
    with pytest.raises(FileMissingError, match=r"cannot be made: .*false cannot make the mp3"):
        await files.path("a.mp3")
    assert names_in(tmp_path) == []


# Downloads


@pytest.mark.anyio
async def test_a_recording_can_be_downloaded(keeping: World, tmp_path: Path) -> None:
    client = keeping.client()
    async with answered_call(keeping, client, Wait(0.2), Say(WORDS)) as call:
        action = await call.record(
            {"format": "wav", "direction": "both", "stereo": True, "end_silence_timeout": 0.3}
        )
        await call.play(tts("One moment."))
        event = await action.wait()
        path = tmp_path / "message.wav"
        size = await action.download(str(path))
        await call.hangup()
    assert action.url.startswith(f"https://{keeping.host}/files/")
    assert path.stat().st_size == size == event.params["size"]
    for samples in channels_of(path.read_bytes()):
        assert "#" in pattern(samples)
        assert len(samples) == round(event.params["duration"] * 8000)


@pytest.mark.anyio
async def test_a_fax_can_be_downloaded(keeping: World) -> None:
    client = keeping.client()
    async with client:
        call = await client.dial([[phone(FAX_MACHINE)]])
        action = await call.receive_fax()
        await action.wait()
        target = io.BytesIO()
        await action.download(target)
        await call.hangup()
    assert target.getvalue().count(b"/Type /Page ") == 3


@pytest.mark.anyio
async def test_a_file_that_is_not_there_is_a_download_error(keeping: World, files: Files) -> None:
    client = keeping.client()
    url = f"https://{keeping.host}/files/nothing.wav"
    with pytest.raises(DownloadError, match="there is no such file") as raised:
        await client.download(url, io.BytesIO())
    assert raised.value.status == 404
    files.keep(FileMade("nothing.wav", audio(0.1)))
    assert await client.download(url, io.BytesIO()) == 1644


async def ask(world: World, certificates: Certificates, *pieces: bytes) -> bytes:
    """Send bytes to the port of the world, and return all that it answers."""
    context = ssl.create_default_context(cafile=str(certificates.ca_file))
    async with await anyio.connect_tcp(
        "127.0.0.1",
        port_of(world.host),
        ssl_context=context,
        tls_hostname="localhost",
        tls_standard_compatible=False,
    ) as stream:
        for piece in pieces:
            await stream.send(piece)
            await anyio.wait_all_tasks_blocked()
        received = b""
        try:
            while True:
                received += await stream.receive()
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            return received


def request(method: str, target: str, *headers: str, host: str = "localhost") -> bytes:
    return "\r\n".join([f"{method} {target} HTTP/1.1", f"Host: {host}", *headers, "", ""]).encode()


@pytest.mark.anyio
async def test_the_port_answers_ordinary_requests_for_files(
    keeping: World, certificates: Certificates, files: Files
) -> None:
    files.keep(FileMade("a.txt", TextFile("Hello.\n")))
    whole = request("GET", "/files/a.txt?x=1")
    for pieces in ((whole,), (whole[:2], whole[2:9], whole[9:])):
        head, _, body = (await ask(keeping, certificates, *pieces)).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200")
        assert b"Content-Type: text/plain; charset=utf-8" in head
        assert body == b"Hello.\n"


@pytest.mark.parametrize(
    ("asked", "status", "body"),
    [
        (request("HEAD", "/files/a.txt"), b"200", b""),
        (request("HEAD", "/files/b.txt"), b"404", b""),
        (request("GET", "/files/../a.txt"), b"404", b"there is no such file"),
        (request("GET", "/files/a.txt", host="evil.example"), b"403", b"'evil.example' is not"),
        (request("GET", "/files/a.txt", "broken"), b"400", b""),
        (request("GET", f"/files/{'x' * 70_000}"), b"431", b""),
        (request("GET", "/other"), b"400", b""),
        (request("POST", "/files/a.txt"), b"400", b""),
    ],
    ids=["head", "head of nothing", "nothing", "host", "no HTTP", "long", "elsewhere", "post"],
)
@pytest.mark.anyio
async def test_other_requests_are_refused_in_words(
    keeping: World,
    certificates: Certificates,
    files: Files,
    asked: bytes,
    status: bytes,
    body: bytes,
) -> None:
    files.keep(FileMade("a.txt", TextFile("Hello.\n")))
    head, _, words = (await ask(keeping, certificates, asked)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 " + status)
    assert body in words
    assert bool(body) == bool(words) or status not in (b"200", b"404")


async def get(app: Any, path: str) -> tuple[int, bytes]:
    """Ask an ASGI application for a page."""
    sent: list[Any] = []

    async def receive() -> Any:
        await anyio.sleep_forever()

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": path, "raw_path": path.encode()}
    scope |= {"headers": [(b"host", b"localhost")], "query_string": b"", "http_version": "1.1"}
    await app(scope | {"extensions": {}}, receive, send)
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


def lab_of(world: World) -> Any:
    lab = Lab(world.simulator, ExchangeConfig(accounts=()), world.happened.append)
    return make_app(lab, Guard(("localhost",), ""))


@pytest.mark.anyio
async def test_the_api_of_the_lab_has_the_same_files(keeping: World, files: Files) -> None:
    files.keep(FileMade("a.txt", TextFile("Hello.\n")))
    app = lab_of(keeping)
    assert await get(app, "/api/files/a.txt") == (200, b"Hello.\n")
    status, body = await get(app, "/api/files/b.txt")
    assert status == 404
    assert b"there is no such file" in body


@pytest.mark.anyio
async def test_a_lab_without_files_says_so(world: World) -> None:
    app = lab_of(world)
    status, body = await get(app, "/api/files/a.txt")
    assert status == 404
    assert b"this lab keeps no files" in body


# The command

RECORD: Final = """
from {package} import RelayClient
client = RelayClient(contexts=["office"])
@client.on_call
{define} answer(call):
    {wait}call.answer()
    action = {wait}call.record({{"format": "wav"}})
    event = {wait}action.wait()
    size = {wait}action.download({path!r})
    {wait}call.play_tts("Thank you, it has %d bytes." % size)
client.run({given})
"""
CALLER: Final = f"""
[[callers]]
script = [{{ say = "{WORDS}" }}, {{ hear = "Thank you" }}, "hang up"]
"""


@pytest.mark.skipif(sys.platform == "win32", reason="what is printed is for a POSIX shell")
@pytest.mark.parametrize("runtime", ["asyncio", "trio", "threads"])
def test_a_program_downloads_what_it_has_recorded_in_relay_sim(
    tmp_path: Path, runtime: str
) -> None:

    awaited = runtime != "threads"
    path = tmp_path / "message.wav"
    source = RECORD.format(
        package="relay_anyio" if awaited else "relay_sync",
        define="async def" if awaited else "def",
        wait="await " if awaited else "",
        path=str(path),
        given=f"backend={runtime!r}" if awaited else "",
    )
    scenario = tmp_path / "scenario.toml"
    scenario.write_text(CALLER)
    with running(tmp_path, str(scenario)) as simulator, program(simulator, source):
        line = simulator.until("Thank you, it has")
    data = path.read_bytes()
    assert f"it has {len(data)} bytes" in line
    assert "####" in pattern(channels_of(data)[0])
