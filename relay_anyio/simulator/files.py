"""The files of a simulator: made when they are asked for first, bounded, removed at the end."""

from __future__ import annotations

from collections import OrderedDict
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

import anyio
import anyio.to_thread

from relay_proto.exchange import AudioFile, FaxFile, FileContent, FileMade, TextFile

from .contents import ContentError, find_encoder, write_content
from .voice import Voice

FOLDER: Final = "/files/"
"""Where the files are, on the port of the simulator."""
TYPES: Final = {
    ".mp3": "audio/mpeg",
    ".wav": "audio/wav",
    ".pdf": "application/pdf",
    ".txt": "text/plain; charset=utf-8",
}
LARGEST: Final = 256 * 1024 * 1024
"""The largest file that is made: two hours of sound with two channels."""
PAGE_BYTES: Final = 1000
"""About how large one page of a fax is."""


class FileMissingError(Exception):
    """There is no such file, or no longer. The text says why."""


class Files:
    """The latest files: no more than `most`, with no more than `most_bytes` on the disk.

    The oldest ones go first. What is in a file is known from the start; the file itself is
    made when somebody asks for it.
    """

    def __init__(
        self,
        directory: Path,
        voice: Voice | None = None,
        *,
        encoder: str | None = None,
        most: int = 1000,
        most_bytes: int = 2 * LARGEST,
        most_characters: int = 16 * 1024 * 1024,
    ) -> None:
        self._directory = directory
        self._voice = voice or Voice.installed()
        self._encoder = find_encoder() if encoder is None else encoder
        self._most = most
        self._most_bytes = most_bytes
        self._most_characters = most_characters
        self._contents: OrderedDict[str, FileContent] = OrderedDict()
        self._characters = 0
        self._sizes: OrderedDict[str, int] = OrderedDict()
        """The files that have been made, and their sizes."""
        self._making = anyio.Lock()

    def keep(self, made: FileMade) -> None:
        """Keep one more file."""
        self._contents[made.name] = made.content
        self._characters += _characters(made.content)
        while len(self._contents) > self._most or self._characters > self._most_characters:
            name, content = self._contents.popitem(last=False)
            self._characters -= _characters(content)
            self._remove(name)

    def names(self) -> tuple[str, ...]:
        """The names of all files, the oldest first."""
        return tuple(self._contents)

    def forget(self) -> None:
        """Remove all files."""
        for name in self._contents:
            self._remove(name)
        self._contents.clear()
        self._characters = 0

    async def path(self, name: str) -> Path:
        """Return where the file is, and make it if it is not there yet.

        Raises:
            FileMissingError: it is not known, too large, or cannot be made.
        """
        async with self._making:
            content = self._contents.get(name)
            if content is None:
                raise FileMissingError(
                    f"there is no such file; the latest {self._most} are kept, until the end"
                )
            path = self._directory / name
            if name not in self._sizes:
                await self._make(name, content, path)
            return path

    async def _make(self, name: str, content: FileContent, path: Path) -> None:
        if _estimate(content) > LARGEST:
            raise FileMissingError(f"the file would have more than {LARGEST} bytes")
        write = partial(write_content, content, path, self._voice, self._encoder)
        try:
            self._sizes[name] = await anyio.to_thread.run_sync(write)
        except (OSError, ContentError) as error:
            raise FileMissingError(f"the file cannot be made: {error}") from error
        while sum(self._sizes.values()) > self._most_bytes and len(self._sizes) > 1:
            self._remove(next(iter(self._sizes)))  # it is made again when somebody asks for it

    def _remove(self, name: str) -> None:
        if self._sizes.pop(name, None) is not None:
            with suppress(OSError):  # Windows removes no open file: it goes with the directory
                (self._directory / name).unlink(missing_ok=True)


def type_of(name: str) -> str:
    """Return the media type of a file."""
    return TYPES.get(Path(name).suffix, "application/octet-stream")


def _characters(content: FileContent) -> int:
    match content:
        case AudioFile():
            return sum(len(sound.text) for sound in content.sounds)
        case TextFile(text):
            return len(text)
        case FaxFile():
            return 0


def _estimate(content: FileContent) -> int:
    """About how many bytes the file will have, or the sound file of which it is made."""
    match content:
        case AudioFile():
            return AudioFile("wav", content.seconds, content.channels, ()).size
        case TextFile(text):
            return len(text)
        case FaxFile(pages):
            return pages * PAGE_BYTES
