"""The watcher of ``relay run --reload``: what it notices, and what it says if it cannot watch."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import types
from collections.abc import Callable, Generator
from contextlib import suppress
from pathlib import Path
from queue import Empty, Queue
from typing import Any, Final

import pytest

from relay_run import watcher
from relay_run.watcher import CannotWatchError, watching

PATIENCE: Final = 30.0
SOON: Final = 0.01
LIMIT: Final = OSError("OS file watch limit reached")


class Watchfiles(types.ModuleType):
    """watchfiles, with the news that a test gives it."""

    def __init__(self) -> None:
        super().__init__("watchfiles")
        self.watched: Queue[tuple[str, ...]] = Queue()
        self.news: Queue[set[tuple[int, str]] | Exception] = Queue()
        self.begins: Callable[[], object] = str

    def PythonFilter(self) -> Callable[[int, str], bool]:  # noqa: N802 - its name there
        return lambda _, path: path.endswith(".py")

    def watch(
        self, *paths: str, stop_event: Any, **options: Any
    ) -> Generator[set[tuple[int, str]]]:
        assert options["ignore_permission_denied"]
        assert options["yield_on_timeout"]
        self.begins()
        self.watched.put(paths)
        while not stop_event.is_set():
            news: set[tuple[int, str]] | Exception = set()
            with suppress(Empty):
                news = self.news.get(timeout=SOON)
            if isinstance(news, Exception):
                raise news
            yield news


def fail() -> None:
    raise LIMIT


@pytest.fixture
def faked(monkeypatch: pytest.MonkeyPatch) -> Watchfiles:
    made = Watchfiles()
    monkeypatch.setitem(sys.modules, "watchfiles", made)
    return made


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the watcher look often whether the directories are the same."""
    monkeypatch.setattr(watcher, "LOOK_INTERVAL", SOON)


@pytest.fixture(name="hits")
def make_hits() -> threading.Semaphore:
    """Counts how often the watcher has told of a change."""
    return threading.Semaphore(0)


def test_what_fails_at_the_start_is_told_before_anything_runs(
    faked: Watchfiles, tmp_path: Path
) -> None:
    faked.begins = fail
    with (
        pytest.raises(CannotWatchError, match="cannot watch the files: OS file watch limit"),
        watching([str(tmp_path)], lambda: None),
    ):
        pytest.fail("it watches nothing")


@pytest.mark.parametrize(
    ("error", "words"),
    [(LIMIT, "OS file watch limit reached"), (PermissionError(13, "No", "/x"), "/x: No")],
)
def test_what_fails_later_is_one_line_in_words(
    faked: Watchfiles,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    words: str,
) -> None:
    told = threading.Event()

    def again() -> None:
        raise error

    def tell(_: logging.LogRecord) -> bool:
        told.set()
        return True

    caplog.handler.addFilter(tell)
    with watching([str(tmp_path)], lambda: None):
        faked.begins = again
        faked.news.put(error)
        assert told.wait(PATIENCE)
    [line] = caplog.records
    assert line.getMessage().startswith(f"--reload has stopped: {words}. ")
    assert line.levelno == logging.ERROR
    assert not line.exc_info


def test_only_python_files_count(
    faked: Watchfiles, tmp_path: Path, hits: threading.Semaphore
) -> None:
    with watching([str(tmp_path)], hits.release):
        faked.news.put({(1, "a.txt")})
        faked.news.put({(1, "b.txt"), (1, "a.py")})
        assert hits.acquire(timeout=PATIENCE)
    assert not hits.acquire(blocking=False)


def test_a_package_that_is_moved_there_counts(tmp_path: Path, hits: threading.Semaphore) -> None:
    """The system tells of the directory alone."""
    pytest.importorskip("watchfiles")
    shop, new, pictures = tmp_path / "shop", tmp_path / "new", tmp_path / "pictures"
    (new / "below").mkdir(parents=True)
    (new / "below" / "calls.py").write_text("1", "utf-8")
    pictures.mkdir()
    (pictures / "one.txt").write_text("1", "utf-8")
    shop.mkdir()
    with watching([str(shop)], hits.release):
        pictures.rename(shop / "pictures")
        new.rename(shop / "calls")
        assert hits.acquire(timeout=PATIENCE)
        assert not hits.acquire(blocking=False)


@pytest.mark.usefixtures("faked")
def test_the_library_that_watches_logs_no_changes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The log may be a file there, and each line would make another one."""
    caplog.set_level(logging.NOTSET, "watchfiles")
    caplog.set_level(logging.INFO)
    with watching([str(tmp_path)], lambda: None):
        assert not logging.getLogger("watchfiles.main").isEnabledFor(logging.INFO)


def test_a_directory_that_goes_is_watched_again_when_it_is_back(
    faked: Watchfiles, tmp_path: Path, hits: threading.Semaphore
) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    both = str(one), str(two)
    with watching(both, hits.release):
        assert faked.watched.get(timeout=PATIENCE) == both
        one.rmdir()
        assert faked.watched.get(timeout=PATIENCE) == (str(two),)
        faked.news.put({(1, "a.py")})
        assert hits.acquire(timeout=PATIENCE), "the other one is watched meanwhile"
        two.rmdir()
        one.mkdir()
        assert faked.watched.get(timeout=PATIENCE) == (str(one),)
        assert hits.acquire(timeout=PATIENCE)
        two.mkdir()
        assert faked.watched.get(timeout=PATIENCE) == both
        assert hits.acquire(timeout=PATIENCE)
    assert not hits.acquire(blocking=False)


def test_one_that_goes_while_it_begins_to_be_watched_ends_nothing(
    faked: Watchfiles, tmp_path: Path, hits: threading.Semaphore, caplog: pytest.LogCaptureFixture
) -> None:
    shop = tmp_path / "shop"
    shop.mkdir()
    vanished = threading.Event()

    def vanish() -> None:
        faked.begins = str
        shop.rmdir()
        vanished.set()
        raise FileNotFoundError(2, "No such file", str(shop))

    with watching([str(shop)], hits.release):
        faked.begins = vanish
        shop.rmdir()
        shop.mkdir()
        assert vanished.wait(PATIENCE)
        shop.mkdir()
        assert hits.acquire(timeout=PATIENCE)
    assert not caplog.records


def test_a_directory_that_was_replaced_is_watched(
    tmp_path: Path, hits: threading.Semaphore
) -> None:
    pytest.importorskip("watchfiles")
    shop = tmp_path / "shop"
    shop.mkdir()
    with watching([str(shop)], hits.release):
        shop.rmdir()
        shop.mkdir()
        assert hits.acquire(timeout=PATIENCE), "it is another one"
        (shop / "a.py").write_text("1", "utf-8")
        assert hits.acquire(timeout=PATIENCE), "it is watched"


def test_a_watch_that_fails_is_begun_again(
    faked: Watchfiles, tmp_path: Path, hits: threading.Semaphore, caplog: pytest.LogCaptureFixture
) -> None:
    with watching([str(tmp_path)], hits.release):
        for _ in range(5):
            faked.watched.get(timeout=PATIENCE)
            faked.news.put(set())
            faked.news.put(LIMIT)
            assert hits.acquire(timeout=PATIENCE), "something may have changed meanwhile"
    assert not caplog.records


UNREADABLE: Final = """
import os, platform, sys, tempfile, threading, watchfiles
from pathlib import Path
from relay_run.watcher import watching

if os.geteuid() == 0:
    os.setresuid(65534, 65534, 65534)  # root may read everything
with tempfile.TemporaryDirectory() as made:
    for name in "abcdefgh":
        Path(made, name, "below").mkdir(parents=True)
    for name in "bf":
        Path(made, name).chmod(0)

    def check(path):
        hits = threading.Semaphore(0)
        with watching([made], hits.release):
            path.parent.mkdir(exist_ok=True)
            path.write_text("1")
            if not hits.acquire(timeout=10):
                print("missed", path)

    for name in "acdegh":
        check(Path(made, name, "shop.py"))
        check(Path(made, name, "below", "shop.py"))
    check(Path(made, "new", "shop.py"))
    for name in "bf":
        Path(made, name).chmod(0o700)
print("done")
"""


def test_directories_that_cannot_be_read_are_left_out_and_no_others() -> None:
    pytest.importorskip("watchfiles")
    run = subprocess.run(
        [sys.executable, "-c", UNREADABLE], capture_output=True, text=True, check=False
    )
    assert run.stdout == "done\n", run.stderr
