"""The file of the flight recorder when there is room for a part of a line only."""

from __future__ import annotations

import errno
import logging
import sys
from pathlib import Path

import pytest

from relay_proto.adapter.logs import Log
from relay_proto.adapter.record_file import RecordFile

LINE = '{"at":1}'
BLOCK = 64 * 1024
"""Bytes that are read at once to find the last line end."""


def record(path: Path) -> RecordFile:
    return RecordFile(path, 10 * BLOCK, Log(logging.getLogger("relay_test")))


def write(path: Path, line: str) -> None:
    file = record(path)
    file.write(line)
    file.close()


@pytest.mark.parametrize("size", [1, 20, BLOCK - 1, BLOCK, 3 * BLOCK])
@pytest.mark.parametrize("before", ["", f"{LINE}\n", f"{LINE}\n" * 20_000])
@pytest.mark.parametrize("first", ['{"recording":', '{"at":', '{"do":', "\0"])
def test_half_a_line_is_cut_off(tmp_path: Path, first: str, before: str, size: int) -> None:
    path = tmp_path / "record"
    path.write_text(before + (first + "x" * size)[:size], encoding="utf-8", newline="")
    write(path, LINE)
    assert path.read_bytes() == f"{before}{LINE}\n".encode()


@pytest.mark.parametrize("last", ["nothing", '{"project":"p"}', '{"a":', "a"])
def test_what_no_recorder_has_written_is_not_cut_off(tmp_path: Path, last: str) -> None:
    path = tmp_path / "record"
    path.write_text(f"Dear diary\n{last}", "utf-8")
    write(path, LINE)
    assert path.read_bytes() == f"Dear diary\n{last}\n{LINE}\n".encode()


@pytest.mark.skipif(sys.platform == "win32", reason="it has no such limits")
def test_a_line_for_a_part_of_which_there_is_room_is_not_written(tmp_path: Path) -> None:
    import resource
    import signal

    path = tmp_path / "record"
    file = record(path)
    file.write(LINE)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (12, limits[1]))
    try:
        with pytest.raises(OSError, match="No space left on device") as raised:
            file.write(LINE)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert raised.value.errno == errno.ENOSPC
    assert raised.value.filename == str(path)
    file.close()
    write(path, LINE)
    assert path.read_bytes() == f"{LINE}\n{LINE}\n".encode()
