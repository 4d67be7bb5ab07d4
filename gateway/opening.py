"""Opening the outbox, whatever state its file is in."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import structlog

from gateway.clock import Clock
from gateway.outbox import DiskPolicy, Outbox, OutboxDamagedError
from gateway.outbox.exchange import finish_exchange, put_aside, save_what_can_be_read
from gateway.outbox.lock import take_lock
from gateway.outbox.room import reserve_of

log = structlog.get_logger(__name__)


def open_outbox(path: Path, clock: Clock, policy: DiskPolicy | None = None) -> Outbox:
    """The outbox; a damaged file is put aside and what can be read of it saved, because a gateway
    without an outbox protects nobody. Killed meanwhile, the next start does it again.

    Raises OutboxError for everything that a person has to decide.
    """
    with closing(take_lock(path)):
        finish_exchange(path)
    try:
        return Outbox(path, clock, policy)
    except OutboxDamagedError as error:
        log.critical("outbox_damaged", why=str(error))
    with closing(take_lock(path)):
        _replace(path, clock.now_ns())
    return Outbox(path, clock, policy)


def _replace(path: Path, now_ns: int) -> None:
    # Copying takes room, and this is the emergency that it is kept for.
    reserve_of(path).unlink(missing_ok=True)
    try:
        saved, aside = save_what_can_be_read(path, now_ns)
    except (sqlite3.Error, OSError) as error:
        aside = put_aside(path, now_ns)
        log.critical("outbox_begun_anew", why=str(error), put_aside=aside.name)
        return
    log.critical(
        "outbox_salvaged",
        put_aside=aside.name,
        saved={lane.value: n for lane, n in saved.saved.items()},
        lost={lane.value: n for lane, n in saved.lost.items()},
        same_name=saved.same_name,
    )
