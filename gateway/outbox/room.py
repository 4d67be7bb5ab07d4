"""Room on the disk: a budget for the outbox, and a reserve for the day the disk is full."""

from __future__ import annotations

import errno
import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MIB: Final = 1024 * 1024
# Three weeks of a home of ten wearables, at 206 bytes a block of a second: 18 MB a day each.
DEFAULT_BUDGET_BYTES: Final = 4096 * MIB
# Room for the log of one checkpoint and for thousands of urgent events with their evidence.
DEFAULT_RESERVE_BYTES: Final = 16 * MIB


@dataclass(frozen=True, slots=True)
class DiskPolicy:
    """How much the outbox may take, and how much is kept for an emergency."""

    budget_bytes: int = DEFAULT_BUDGET_BYTES
    reserve_bytes: int = DEFAULT_RESERVE_BYTES


def is_full(error: sqlite3.Error) -> bool:
    """Whether it is the disk that had no room. A short write shows as an I/O error."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}


def used_and_free_inside(db: sqlite3.Connection) -> tuple[int, int]:
    """Bytes of the file in use, and bytes of it that can be written again."""
    (pages,) = db.execute("PRAGMA page_count").fetchone()
    (free,) = db.execute("PRAGMA freelist_count").fetchone()
    (page_bytes,) = db.execute("PRAGMA page_size").fetchone()
    return (pages - free) * page_bytes, free * page_bytes


def reserve_of(outbox: Path) -> Path:
    """Where the reserve of an outbox is."""
    return outbox.with_name("outbox.reserve")


class Reserve:
    """A file of nothing beside the outbox; giving it up is what makes room on a full disk."""

    def __init__(self, path: Path, size_bytes: int) -> None:
        self._path = path
        self._size_bytes = size_bytes

    @property
    def is_held(self) -> bool:
        """Whether it is whole."""
        try:
            return self._path.stat().st_size >= self._size_bytes
        except OSError:
            return False

    def hold(self) -> bool:
        """Take the room, if that leaves as much again for others; whether it is held now."""
        if self.is_held:
            return True
        if free_bytes(self._path.parent) < 2 * self._size_bytes:
            return False
        try:
            with self._path.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, max(1, self._size_bytes))
        except OSError as error:
            if error.errno not in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
                raise
            self.give_up()
            return False
        return True

    def give_up(self) -> bool:
        """Make the room free; whether there was any."""
        try:
            self._path.unlink()
        except OSError:
            return False
        return True


def free_bytes(directory: Path) -> int:
    """What the file system still has for us."""
    found = os.statvfs(directory)
    return found.f_bavail * found.f_frsize
