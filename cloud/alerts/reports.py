"""What the cloud itself finds becomes an alert: nobody on duty, a round missed, a dead switch."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import func

from cloud.alerts import flood, lifecycle, store
from cloud.alerts.books import book_of
from cloud.alerts.codes import CODES, Priority
from cloud.alerts.conditions import condition_of
from cloud.alerts.machine import ENDED, Move, MoveKind
from cloud.alerts.models import Alert
from cloud.clock import ns_from_datetime
from cloud.database import TenantScope
from cloud.devices.service import Subject

NOBODY: Final = Subject(None, None, None)


@dataclass(frozen=True, slots=True)
class Report:
    """Something the cloud itself found. One open alert for each code and key."""

    code: str
    key: str
    subject: Subject = NOBODY
    unit_id: uuid.UUID | None = None
    device_id: str | None = None
    priority: Priority | None = None
    origin: str = "live"
    happened_at: datetime | None = None
    note: str | None = None
    rule: str = "cloud"
    follows_id: uuid.UUID | None = None


# Made only where an alert is raised: some reports ask the database for their words.
ReportOf = Callable[[], Awaitable[Report]]


async def raise_alert(scope: TenantScope, report: Report, now: datetime) -> Alert:
    """Raise it, or count it up where one of its code and key is open; worse than that upgrades."""
    await store.lock_decisions(scope)
    code = CODES[report.code]
    book = await book_of(scope)
    version = book.version
    rule = f"{version} {report.rule}"
    priority = report.priority or code.priority
    alert = await store.open_of(scope, report.code, report.key, report.origin)
    if alert is not None:
        before = condition_of(alert)
        higher = store.higher_priority(priority, before.priority)
        move = Move(
            MoveKind.REPEAT, now, priority=higher, note=report.note,
            recovered=False if before.recovered else None, rule=rule,
        )  # fmt: skip
        await lifecycle.make_move(scope, alert, before, move)
        return alert
    happened_at = report.happened_at or now
    alert = Alert(
        id=uuid.uuid4(),
        institution_id=scope.institution_id,
        category=code.category.value,
        origin=report.origin,
        elder_id=report.subject.elder_id,
        bed_id=report.subject.bed_id,
        room_id=report.subject.room_id,
        unit_id=report.unit_id or await store.unit_of(scope, report.subject),
        device_id=report.device_id,
        happened_ns=ns_from_datetime(happened_at),
        raised_at=now,
        late_s=max(0.0, (now - happened_at).total_seconds()),
        confidence=1.0,
        rules_version=version,
        rule=report.rule,
        key=report.key,
        follows_id=report.follows_id,
    )
    move = Move(
        MoveKind.RAISE, now, code=report.code, priority=priority, recovered=False,
        note=report.note, rule=rule,
    )  # fmt: skip
    if not await flood.fold(scope, book, alert, move, raise_line):
        await lifecycle.make_move(scope, alert, None, move)
    for hop, at in (("sensed", happened_at), ("decided", now), ("committed", now)):
        store.note_hop(scope, alert.id, hop, at, by="cloud", source=report.key)
    await scope.session.flush()
    return alert


async def raise_line(scope: TenantScope, line: flood.Line, now: datetime) -> Alert:
    """The line of a flood (cloud/alerts/flood.py)."""
    report = Report(
        flood.FLOOD, line.key, unit_id=line.unit_id, origin=line.origin, note=line.note,
        rule=line.rule, follows_id=line.follows_id,
    )  # fmt: skip
    return await raise_alert(scope, report, now)


async def recover_raised(
    scope: TenantScope, code: str, key: str, now: datetime, *, origin: str = "live"
) -> bool:
    """The cause of what `raise_alert` raised has passed; the check is still due."""
    await store.lock_decisions(scope)
    alert = await store.open_of(scope, code, key, origin)
    if alert is None or alert.recovered or not CODES[code].passes:
        return False
    move = Move(MoveKind.RECOVER, now, recovered=True)
    await lifecycle.make_move(scope, alert, condition_of(alert), move)
    return True


async def follow(
    scope: TenantScope, code: str, found: Mapping[str, ReportOf], now: datetime
) -> int:
    """One alert for each key of `found`, raised where none stands; where a key is found no more
    its alert recovers. How many changed.
    """
    if found.keys() == await standing(scope, code):
        return 0
    # Several workers look at once: what stands is asked again where only one decides.
    await store.lock_decisions(scope)
    held = await standing(scope, code)
    changed = 0
    for key in sorted(found.keys() - held):
        await raise_alert(scope, await found[key](), now)
        changed += 1
    for key in sorted(held - found.keys()):
        changed += await recover_raised(scope, code, key, now)
    return changed


async def standing(scope: TenantScope, code: str) -> set[str]:
    """The keys of the alerts of a code whose cause has not passed."""
    held = scope.select(Alert).where(
        Alert.code == code, Alert.key.is_not(None), Alert.recovered.is_(False),
        Alert.state.not_in(ENDED),
    )  # fmt: skip
    return {str(alert.key) for alert in await scope.session.scalars(held)}


async def answered_at(scope: TenantScope, code: str) -> dict[str, datetime]:
    """By key: when the last alert of a code was resolved. Whoever did that knew of what was then:
    the caller says what is news since.
    """
    ended = (
        scope.select(Alert)
        .where(
            Alert.code == code, Alert.key.is_not(None), Alert.resolved_at.is_not(None),
            Alert.state.in_(ENDED),
        )
        .with_only_columns(Alert.key, func.max(Alert.resolved_at))
        .group_by(Alert.key)
    )  # fmt: skip
    found = (await scope.session.execute(ended)).all()
    return {str(key): at for key, at in found if at is not None}
