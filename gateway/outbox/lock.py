"""One process at a time works with an outbox."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import IO

from gateway.outbox.schema import OutboxError


def take_lock(path: Path) -> IO[str]:
    """The lock of the outbox at `path`, held until it is closed or the process ends.

    Raises OutboxError when another process holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.with_name(path.name + ".lock").open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise OutboxError(f"{path} is in use by another gateway process") from None
    return file
