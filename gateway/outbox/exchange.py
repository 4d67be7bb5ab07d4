"""A salvaged outbox takes the damaged one's place, in steps each of which may be the last.

Until everything that can be saved is on the disk in a file of its own (`.salvaged`), the damaged
one is not touched. From then on the exchange can be finished by whoever starts next.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from gateway.outbox.salvage import Salvaged, salvage

# The main file first: SQLite throws away a log whose file is gone, and never the other way round.
_PARTS: Final = ("", "-wal", "-shm", "-journal")


def save_what_can_be_read(path: Path, now_ns: int) -> tuple[Salvaged, Path]:
    """A new outbox at `path`; what was saved, and where the damaged one is.

    Raises sqlite3.Error or OSError when nothing new can be written; the old one is in its place.
    """
    unfinished = path.with_suffix(".salvaging")
    _remove(unfinished)  # of a start that was killed
    try:
        saved = salvage(path, unfinished, now_ns)
        _sync(unfinished)
    except BaseException:
        _remove(unfinished)
        raise
    unfinished.rename(_ready(path))
    _sync(path.parent)
    return saved, _exchange(path)


def finish_exchange(path: Path) -> None:
    """Put the salvaged outbox in its place, when a start was killed before that."""
    if _ready(path).exists():
        _exchange(path)


def _exchange(path: Path) -> Path:
    ready = _ready(path)
    # The same name whoever goes on with it: its parts must stay together.
    aside = put_aside(path, ready.stat().st_mtime_ns)
    ready.rename(path)
    _sync(path.parent)
    return aside


def put_aside(path: Path, now_ns: int) -> Path:
    """Move a damaged outbox and what belongs to it away; where it is now."""
    target = path.with_name(f"{path.stem}.damaged-{now_ns}")
    for part in _PARTS:
        file = path.with_name(path.name + part)
        if file.exists():
            file.rename(target.with_name(target.name + part))
    _sync(path.parent)
    return target


def _ready(path: Path) -> Path:
    return path.with_suffix(".salvaged")


def _remove(path: Path) -> None:
    for part in _PARTS:
        path.with_name(path.name + part).unlink(missing_ok=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
