"""Opening the outbox, whatever state its file is in."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import structlog

from gateway.clock import Clock
from gateway.outbox import DiskPolicy, Outbox, OutboxDamagedError
from gateway.outbox.salvage import put_aside, salvage

log = structlog.get_logger(__name__)


def open_outbox(path: Path, clock: Clock, policy: DiskPolicy | None = None) -> Outbox:
    """The outbox; a damaged file is put aside and what can be read of it saved, because a gateway
    without an outbox protects nobody.

    Raises OutboxError for everything that a person has to decide.
    """
    try:
        return Outbox(path, clock, policy)
    except OutboxDamagedError as error:
        aside = put_aside(path, clock.now_ns())
        log.critical("outbox_damaged", why=str(error), put_aside=aside.name)
    try:
        saved = salvage(aside, path, clock.now_ns())
    except sqlite3.Error as error:
        path.unlink(missing_ok=True)
        log.critical("outbox_begun_anew", why=str(error))
    else:
        log.critical(
            "outbox_salvaged",
            saved={lane.value: n for lane, n in saved.saved.items()},
            lost={lane.value: n for lane, n in saved.lost.items()},
            same_name=saved.same_name,
        )
    return Outbox(path, clock, policy)
