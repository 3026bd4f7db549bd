"""Downloads: recordings and faxes become files."""

from __future__ import annotations

import abc
from contextlib import suppress
from typing import Any

import anyio

from relay_proto.adapter.downloads import MAX_BYTES, Download, Progress, Target
from relay_proto.adapter.handles import ActionBase
from relay_proto.api.parameters import checked

from ._background import running_loop


async def fetch(download: Download) -> int:
    """Carry out a download, and wait for it. Returns the size of the file."""
    loop = running_loop()
    more = anyio.Event()

    def wake() -> None:
        more.set()

    def notify() -> None:
        with suppress(RuntimeError):  # the event loop has ended: nobody is there to care
            loop.post(wake)

    download.start(notify)
    try:
        with anyio.move_on_after(download.patience):
            while (size := download.take_news()) is None:
                await more.wait()
                more = anyio.Event()
            return size
    except BaseException:
        download.cancel()
        raise
    return download.give_up()


class FileAction(ActionBase[Any, Any], abc.ABC):
    """An action that makes a file."""

    @property
    @abc.abstractmethod
    def _file_url(self) -> str:
        """Where the file is, or an empty text."""

    @checked
    async def download(
        self,
        to: Target,
        *,
        timeout: float = 60.0,
        max_bytes: int = MAX_BYTES,
        progress: Progress | None = None,
    ) -> int:
        """Fetch the file to a path, or to a binary file that is open. Return its size in bytes.

        At a path, the file appears when it is whole, readable by its owner alone; one that
        is there is replaced. An open file is written to piece by piece, in another thread.
        A download that fails or is cancelled leaves no file behind.

        Args:
            to: the path, or the open file.
            timeout: seconds for all of it.
            max_bytes: how large the file may be.
            progress: a function that gets the bytes that are there, and how many there will
                be, or None if the server does not say.

        Raises:
            DownloadError: the action has no URL yet, or the server does not send the file.
            TimeoutError: it takes longer than `timeout`. What hangs, such as `write` of the open
                file, is left behind in its thread. If it comes to its end, nothing follows it.
            OSError: the file cannot be written.
            ValueError, TypeError: an argument is wrong.
        """
        size: int = await self.call.client.download(
            self._file_url, to, timeout=timeout, max_bytes=max_bytes, progress=progress
        )
        return size
