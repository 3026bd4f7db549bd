"""Downloads: a recording or a fax, from its URL to a file. It runs in a thread of its own."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, TypeAlias
from urllib.parse import SplitResult, urljoin, urlsplit

from ..config import Secret
from ..errors import DownloadError
from ..values.hosts import has_valid_labels, split_host
from .connection_errors import ToldError
from .errands import Errands, Outcome
from .http_get import Get
from .network import Network

MOST_DOWNLOADS: Final = 64
MOST_REDIRECTS: Final = 5
REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
NO_FILE: Final = ("text/html", "application/xhtml+xml", "application/problem+json")
"""Types of pages that a server sends instead of a file, such as the page to log in."""
LAST_WORDS: Final = 0.5
"""Seconds for the thread to say itself that it is late. After that, nobody waits for it."""
CLEANING_UP: Final = 0.1
"""Seconds to remove what a download has left behind. A disk that hangs may need more."""
MAX_BYTES: Final = 256 * 1024 * 1024
"""How large a file may be by default: an hour of sound without compression has 115 MB."""

Progress: TypeAlias = Callable[[int, int | None], object]
"""Gets how many bytes are there, and how many there will be, or None."""

errands: Final = Errands(MOST_DOWNLOADS, "downloads run already")


class Writable(Protocol):
    """A binary file that is open for writing."""

    def write(self, data: bytes, /) -> object:
        """Write `data`."""
        ...


Target: TypeAlias = str | os.PathLike[str] | Writable


@dataclass(frozen=True, slots=True)
class Access:
    """To which host the credentials of the account may go, and through what network."""

    network: Network
    host: str
    authorization: Secret

    @classmethod
    def of(cls, network: Network, host: str, project: object, token: object) -> Access:
        """The account's, if it has a project and a token that are texts."""
        from ..wire.connect_tunnel import basic  # noqa: PLC0415 - it loads h11, as in `proxies`

        known = isinstance(project, str) and isinstance(token, str) and project and token
        return cls(network, host, Secret(basic(str(project), str(token)) if known else ""))

    def authorization_for(self, url: SplitResult) -> str:
        """Return the header for a request of `url`: empty, unless it is the account's host."""
        own = split_host(self.host)
        return self.authorization.reveal() if (_host(url), url.port or 443) == own else ""


class Download:
    """One file on its way. `start` it, and wait; whoever waits no longer calls `cancel`."""

    def __init__(
        self,
        access: Access,
        url: str,
        to: Target,
        *,
        timeout: float,
        max_bytes: int,
        progress: Progress | None,
    ) -> None:
        if not url:
            raise DownloadError("", "there is no URL yet: wait until the action has ended")
        self._url = _checked(url)
        self._access = access
        self._to = to
        self._timeout = timeout
        self._most = max_bytes
        self._progress = progress
        self._lock = threading.RLock()  # garbage, such as a task that waited, may cancel
        self._cancelled = False
        self._stores = False
        self._get: Get | None = None
        self._part: Path | None = None
        self._news: tuple[int, int | None] = (0, None)
        self._told: tuple[int, int | None] = (0, None)
        self._outcome: Outcome[int] | None = None

    def start(self, notify: Callable[[], object]) -> None:
        """Begin. `notify` is called whenever there is news, in the thread of the download.

        Raises:
            DownloadError: there are too many downloads already.
        """

        def done(outcome: Outcome[int]) -> None:
            self._outcome = outcome
            notify()

        deadline, host = time.monotonic() + self._timeout, _host(self._url)
        try:
            errands.run(lambda: self._run(deadline, notify), done, f"download from {host}")
        except ToldError as error:
            raise DownloadError(host, error.words) from error

    def take_news(self) -> int | None:
        """Tell how far it is; return the number of bytes when the whole file is there.

        Raises:
            DownloadError, TimeoutError, OSError: it has failed.
            Exception: what `progress` has raised.
        """
        outcome, news = self._outcome, self._news  # in this order: no news come after the outcome
        if self._progress is not None and news != self._told:
            self._told = news
            self._progress(*news)
        return None if outcome is None else outcome.get()

    @property
    def patience(self) -> float:
        """For how many seconds somebody should wait, and then `give_up`."""
        return self._timeout + LAST_WORDS

    def give_up(self) -> int:
        """Return the number of bytes if the file is there by now; if not, leave the thread behind.

        It may be in what nothing can interrupt, such as `socket.getaddrinfo`, or `write` of
        the application's. This waits for nothing that is as slow.

        Raises:
            TimeoutError: the download takes too long.
            Exception: see `take_news`.
        """
        if self._outcome is not None:
            size = self.take_news()
            assert size is not None, "there is an outcome"
            return size
        self._cancelled = True
        what = ": the file is still being written" if self._stores else ""
        cleaner = threading.Thread(target=self.cancel, name="download is left behind", daemon=True)
        with suppress(RuntimeError):  # there is no thread: then the download's cleans up
            cleaner.start()
            cleaner.join(CLEANING_UP)
        raise TimeoutError(f"the download from {_host(self._url)} took too long{what}")

    def cancel(self) -> None:
        """Leave nothing behind, unless the whole file is there already."""
        self._cancelled = True
        if not self._lock.acquire(timeout=CLEANING_UP):
            return  # the disk hangs in a call of the thread, which cleans up behind it
        try:
            self._remove_part()
            if self._get is not None:
                self._get.interrupt()
        finally:
            self._lock.release()

    def rehearse(self, content: bytes) -> int:
        """Take `content` for what the server sends, without a network and without a thread."""
        size = self._store(self._url, iter((content,)), len(content), lambda: None)
        self.take_news()
        return size

    # In its thread

    def _run(self, deadline: float, notify: Callable[[], object]) -> int:
        url = self._url
        for _ in range(MOST_REDIRECTS + 1):
            get = self._begin(Get(self._access.network, url, deadline))
            try:
                response, body = get.ask(self._access.authorization_for(url))
                headers = {name.decode(): text.decode("latin-1") for name, text in response.headers}
                if response.status_code in REDIRECTS and "location" in headers:
                    url = _checked(headers["location"], url.geturl())
                    continue
                total = self._check(url, response.status_code, headers)
                return self._store(url, body, total, notify)
            finally:
                get.close()
        raise DownloadError(_host(self._url), f"there are more than {MOST_REDIRECTS} redirects")

    def _begin(self, get: Get) -> Get:
        with self._lock:
            self._check_wanted()
            self._get = get
        return get

    def _check(self, url: SplitResult, status: int, headers: dict[str, str]) -> int | None:
        host = _host(url)
        if status != 200:
            raise DownloadError(host, _words_of(status), status=status)
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        encoding = headers.get("content-encoding", "identity").strip().lower()
        if kind in NO_FILE or encoding != "identity":
            how = "" if encoding == "identity" else f" in the encoding {encoding}"
            what = f"{kind or 'no type'}{how}"
            raise DownloadError(host, f"the server sent {what} instead of a file")
        length = headers.get("content-length", "")
        total = int(length) if length.isascii() and length.isdigit() else None
        if total is not None and total > self._most:
            raise self._too_large(host)
        return total

    def _store(
        self,
        url: SplitResult,
        body: Iterator[bytes],
        total: int | None,
        notify: Callable[[], object],
    ) -> int:
        if not isinstance(self._to, (str, os.PathLike)):
            return self._copy(url, body, total, self._to.write, notify)
        path = Path(self._to).absolute()
        with self._lock:
            self._check_wanted()
            # Readable by its owner alone, as `mkstemp` makes all its files.
            import tempfile  # noqa: PLC0415 - it loads what few programs need

            descriptor, part = tempfile.mkstemp(f".{path.name}", ".part-", path.parent)
            self._part = Path(part)
        try:
            with os.fdopen(descriptor, "wb") as file:
                size = self._copy(url, body, total, file.write, notify)
            with self._lock:
                self._check_wanted()
                self._part.replace(path)
                self._part = None
            return size
        finally:
            with self._lock:
                self._remove_part()

    def _copy(
        self,
        url: SplitResult,
        body: Iterator[bytes],
        total: int | None,
        write: Callable[[bytes], object],
        notify: Callable[[], object],
    ) -> int:
        size = 0
        for data in body:
            size += len(data)
            if size > self._most:
                raise self._too_large(_host(url))
            self._check_wanted()
            self._stores = True
            write(data)
            self._stores = False
            self._news = (size, total)
            notify()
        return size

    def _too_large(self, host: str) -> DownloadError:
        return DownloadError(host, f"the file has more than {self._most} bytes (max_bytes)")

    def _check_wanted(self) -> None:
        if self._cancelled:
            raise DownloadError(_host(self._url), "nobody waits for it any more")

    def _remove_part(self) -> None:
        """With the lock held."""
        if self._part is not None:
            with suppress(OSError):  # Windows removes no open file: the thread does it later
                self._part.unlink()
                self._part = None


def _checked(url: str, base: str = "") -> SplitResult:
    """Split the URL of a file, which may be relative to `base`.

    Raises:
        DownloadError: it is no plain https URL. The message does not repeat it: it may have
            credentials.
    """
    try:
        parts = urlsplit(urljoin(base, url))
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise DownloadError("", "the URL is not valid") from None
    if parts.scheme != "https":
        raise DownloadError(host or "", "the URL does not begin with https://")
    plain = parts.username is None and url.isascii() and url.isprintable()
    if not host or not plain or not has_valid_labels(host):
        raise DownloadError(host or "", "the URL is not valid")
    return parts


def _host(url: SplitResult) -> str:
    return url.hostname or ""


def _words_of(status: int) -> str:
    match status:
        case 404 | 410:
            return f"there is no such file, or it is not stored yet (status {status})"
        case 401 | 403:
            return f"the server wants other credentials (status {status})"
        case _:
            return f"the server answers with status {status}"
