"""Desks that stand guard: their heartbeats, and what follows when one falls silent or mute."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from cloud.alerts import store
from cloud.alerts.conditions import condition_of
from cloud.alerts.consoles.health import is_healthy
from cloud.alerts.consoles.models import Console
from cloud.alerts.escalation import engine
from cloud.alerts.machine import UNANSWERED
from cloud.alerts.models import Alert
from cloud.alerts.reports import Report, raise_alert, recover_raised
from cloud.database import Database, TenantScope
from cloud.errors import ProblemError
from cloud.identity.models import User
from cloud.identity.service import Principal

# A desk that has been silent for a shift is no longer somebody's desk.
KEPT: Final = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class SelfTest:
    """What a desk says of itself."""

    console_id: uuid.UUID
    unit_id: uuid.UUID | None
    audio: Literal["running", "off", "stopped", "unsupported"]
    live: bool
    wake_lock: Literal["held", "refused", "unsupported"]
    visible: bool
    closing: bool


async def beat(principal: Principal, said: SelfTest, now: datetime) -> Console:
    """Take in a heartbeat. A desk that is whole again no longer counts as lost."""
    scope = principal.scope
    statement = scope.select(Console).where(Console.id == said.console_id).with_for_update()
    console = (await scope.session.scalars(statement)).one_or_none()
    if console is None:
        console = Console(
            id=said.console_id, institution_id=scope.institution_id,
            session_id=principal.own_login.id, user_id=principal.user.id, first_seen_at=now,
        )  # fmt: skip
        scope.session.add(console)
    elif console.session_id != principal.own_login.id:
        raise ProblemError(409, "not_yours", "console_id: is the desk of another login")
    console.unit_id, console.audio, console.live = said.unit_id, said.audio, said.live
    console.wake_lock, console.visible, console.last_seen_at = said.wake_lock, said.visible, now
    console.closed_at = now if said.closing else None
    was_lost = console.lost_at is not None
    if is_healthy(console, now):
        console.healthy_since = console.healthy_since or now
        console.lost_at = None
    elif console.healthy_since is not None and not said.closing:
        console.healthy_since = None
        console.lost_at = now
    await scope.session.flush()
    if console.lost_at is not None and not was_lost:
        await _lost(scope, console, principal.user.display_name, now)
    elif console.lost_at is None and was_lost:
        await recover_raised(scope, "console_silent", str(console.id), now)
    return console


async def watch_consoles(database: Database, now: datetime) -> int:
    """Desks that stood guard and are not heard of any more; how many were found lost."""
    found = 0
    for institution_id in await database.institutions():
        async with database.tenant(institution_id) as scope:
            statement = (
                scope.select(Console)
                .where(Console.healthy_since.is_not(None), Console.closed_at.is_(None))
                .with_for_update(skip_locked=True)
            )
            for console in list(await scope.session.scalars(statement)):
                if is_healthy(console, now):
                    continue
                console.healthy_since, console.lost_at = None, now
                user = await scope.session.get_one(User, console.user_id)
                await _lost(scope, console, user.display_name, now)
                found += 1
    return found


async def _lost(scope: TenantScope, console: Console, name: str, now: datetime) -> None:
    """It drops off the roster: the duty lead sees it, and what it was to sound goes on at once."""
    why = "muted" if console.audio != "running" else "silent" if console.live else "cut off"
    await scope.session.flush()
    report = Report(
        "console_silent", str(console.id), unit_id=console.unit_id, note=f"{name}: {why}"
    )
    await raise_alert(scope, report, now)
    statement = scope.select(Alert).where(Alert.state.in_(UNANSWERED)).order_by(Alert.id)
    if console.unit_id is not None:
        statement = statement.where(Alert.unit_id == console.unit_id)
    for row in list(await scope.session.scalars(statement)):
        alert = await store.lock_alert(scope, row.id)
        if alert is not None and not condition_of(alert).answered:
            await engine.hasten(scope, alert, now)
