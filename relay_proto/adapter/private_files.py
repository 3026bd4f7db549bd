"""Private files: readable by their owner only, whatever was there before."""

from __future__ import annotations

import errno
import os
import stat
from typing import Final, TypeAlias

Path: TypeAlias = str | os.PathLike[str]

OWNER_ONLY: Final = 0o600


def open_private(path: Path, flags: int) -> int:
    """Open a file for its owner alone, and return the descriptor. `flags` as in `os.open`.

    A file that is there already must belong to this user, and becomes private. A device,
    such as ``/dev/null``, is opened as it is.

    Raises:
        OSError: it cannot be opened, is a symbolic link, or belongs to another user.
    """
    name = os.fspath(path)
    # Windows has neither of these flags, nor links that every user can make.
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(name, flags, OWNER_ONLY)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(
                errno.ELOOP, "it is a symbolic link, which is not followed", name
            ) from None
        raise
    try:
        _make_private(descriptor, name)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _make_private(descriptor: int, name: str) -> None:
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or not hasattr(os, "fchmod"):
        return
    if found.st_uid != os.geteuid():
        raise PermissionError(errno.EPERM, "it belongs to another user", name)
    if stat.S_IMODE(found.st_mode) != OWNER_ONLY:
        os.fchmod(descriptor, OWNER_ONLY)
