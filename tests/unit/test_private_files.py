"""Private files: recordings, and the simulator's keys."""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path

import pytest

from relay_proto.adapter.logs import Log
from relay_proto.adapter.private_files import open_private
from relay_proto.adapter.record_file import RecordFile

APPENDING = os.O_WRONLY | os.O_CREAT | os.O_APPEND
LOGGER = Log(logging.getLogger("relay_test"))

pytestmark = pytest.mark.skipif(not hasattr(os, "fchmod"), reason="no owners and modes here")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("before", [None, 0o600, 0o644, 0o666])
def test_a_recording_is_private_whatever_was_there_before(
    tmp_path: Path, before: int | None
) -> None:
    path = tmp_path / "recording.jsonl"
    if before is not None:
        path.write_text("old\n")
        path.chmod(before)
    file = RecordFile(path, 1000, LOGGER)
    file.write("line")
    file.close()
    assert mode(path) == 0o600
    assert path.read_text().endswith("line\n")


def test_a_symbolic_link_is_refused(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("precious")
    link.symlink_to(target)
    with pytest.raises(OSError, match="symbolic link") as caught:
        RecordFile(link, 1000, LOGGER).write("line")
    assert caught.value.filename == str(link)
    assert target.read_text() == "precious"


def test_a_link_to_nothing_is_refused(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "new")
    with pytest.raises(OSError, match="symbolic link"):
        open_private(link, APPENDING)
    assert not (tmp_path / "new").exists()


def test_a_file_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_text("")
    path.chmod(0o666)
    other = path.stat().st_uid + 1
    monkeypatch.setattr(os, "geteuid", lambda: other)
    descriptors = len(os.listdir("/dev/fd"))  # noqa: PTH208 - it is no real folder
    with pytest.raises(PermissionError, match="belongs to another user"):
        open_private(path, APPENDING)
    assert len(os.listdir("/dev/fd")) == descriptors  # noqa: PTH208
    assert mode(path) == 0o666


def test_other_errors_stay_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_private(tmp_path / "nowhere" / "file", APPENDING)


def test_a_device_stays_as_it_is() -> None:
    before = mode(Path(os.devnull))
    os.close(open_private(os.devnull, os.O_WRONLY))
    assert mode(Path(os.devnull)) == before
