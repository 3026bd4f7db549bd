"""Downloads: recordings and faxes become files."""

from __future__ import annotations

import abc
import time
from functools import partial
from typing import Any

from relay_proto.adapter.downloads import MAX_BYTES, Download, Progress, Target
from relay_proto.adapter.handles import ActionBase
from relay_proto.api.parameters import checked

from ._engine import Engine
from ._waiting import Mailbox


def fetch(download: Download, engine: Engine) -> int:
    """Carry out a download, and wait for it. Returns the size of the file."""
    mail: Mailbox[None] = Mailbox()
    ends_at = time.monotonic() + download.patience
    download.start(partial(mail.put, None))
    try:
        while (size := download.take_news()) is None:
            if not _has_come(mail, engine, ends_at - time.monotonic()):
                break
    except BaseException:
        download.cancel()
        raise
    return download.give_up() if size is None else size


def _has_come(mail: Mailbox[None], engine: Engine, seconds: float) -> bool:
    """Wait for news; false if there are none in time."""
    try:
        engine.await_mail(mail, seconds)
    except TimeoutError:
        return False
    return True


class FileAction(ActionBase[Any, Any], abc.ABC):
    """An action that makes a file."""

    @property
    @abc.abstractmethod
    def _file_url(self) -> str:
        """Where the file is, or an empty text."""

    @checked
    def download(
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
        size: int = self.call.client.download(
            self._file_url, to, timeout=timeout, max_bytes=max_bytes, progress=progress
        )
        return size
