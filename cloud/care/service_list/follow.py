"""Elders judged anew when a record, an assessment, the day or the rules change; only changes kept.

What changes a record writes a row into `entitlement_due` (triggers of migration 0039); a birthday
and new rules are noticed here, once a day. A change to *met* opens a task: somebody tells the
elder and helps to apply. The first judgement of an elder is no change.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, select, text
from sqlalchemy.dialects.postgresql import distinct_on

from cloud.care.clues.service import Wanted, open_clue, withdraw_clue
from cloud.care.service_list.evaluation import Entitlement, Evidence, Standing, entitlements
from cloud.care.service_list.fields import Fact
from cloud.care.service_list.models import EntitlementChange, EntitlementClock, EntitlementDue
from cloud.care.service_list.service import records_of, rules_for
from cloud.care.service_list.sets import RulesInForce, rules_in_force
from cloud.clock import local_date
from cloud.database import TenantScope
from cloud.people.service import elders_by_id

# One transaction: some 200 ms of work in a thread, so that nobody waits for it.
BATCH: Final = 200
RULES: Final = "rules"
BIRTHDAY: Final = "birthday"
_BY: Final = "服务清单"
# A year counts from the birthday, or by local practice from the day after (age.py).
_DAY_AFTER: Final = timedelta(days=1)


async def follow_entitlements(scope: TenantScope, now: datetime) -> int:
    """One batch of elders; how many were looked at. 0: nothing is due."""
    today = local_date(now)
    in_force = await rules_in_force(scope, today)
    await _note_the_day(scope, in_force, today)
    due = list(
        await scope.session.scalars(
            scope.select(EntitlementDue)
            .order_by(EntitlementDue.id)
            .limit(BATCH)
            .with_for_update(skip_locked=True)
        )
    )
    if not due:
        return 0
    await scope.session.execute(
        delete(EntitlementDue).where(
            EntitlementDue.institution_id == scope.institution_id,
            EntitlementDue.id.in_([row.id for row in due]),
        )
    )
    causes = {row.elder_id: row.cause for row in due}
    await _judge(scope, in_force, causes, now)
    return len(due)


async def _note_the_day(scope: TenantScope, in_force: RulesInForce, today: date) -> None:
    """Birthdays since the last look, and everybody where the rules are others."""
    statement = scope.select(EntitlementClock)
    clock = (await scope.session.scalars(statement)).one_or_none()
    if clock is None:
        clock = EntitlementClock(institution_id=scope.institution_id, day=date.min, rules="")
        scope.session.add(clock)
    if clock.rules != in_force.signature:
        await _everybody_due(scope, RULES)
    elif clock.day < today:
        await _birthdays_due(scope, clock.day, today)
    clock.day, clock.rules = today, in_force.signature
    await scope.session.flush()


async def _everybody_due(scope: TenantScope, cause: str) -> None:
    await scope.session.execute(
        text(
            "INSERT INTO entitlement_due (institution_id, elder_id, cause)"
            " SELECT institution_id, id, CAST(:cause AS text) FROM elder"
            " WHERE institution_id = :institution AND archived_at IS NULL ORDER BY id"
        ),
        {"cause": cause, "institution": scope.institution_id},
    )


async def _birthdays_due(scope: TenantScope, last: date, today: date) -> None:
    await scope.session.execute(
        text(
            "INSERT INTO entitlement_due (institution_id, elder_id, cause)"
            " SELECT institution_id, id, CAST(:cause AS text) FROM elder"
            " WHERE institution_id = :institution AND archived_at IS NULL"
            # The birthday of 29 February is 1 March in common years, which this counts as well.
            " AND extract(year FROM age(:until, birth_date))"
            " > extract(year FROM age(:since, birth_date))"
        ),
        {
            "cause": BIRTHDAY, "institution": scope.institution_id,
            "since": last - _DAY_AFTER, "until": today,
        },
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Changed:
    """One service of one elder that stands otherwise than before."""

    elder_id: uuid.UUID
    service: str
    before: str | None
    after: Entitlement | None


Standings = Mapping[uuid.UUID, Mapping[str, str]]


def changes_of(
    in_force: RulesInForce,
    records: Mapping[uuid.UUID, Mapping[str, Fact]],
    before: Standings,
) -> list[Changed]:
    """What stands otherwise than it stood; pure, and slow enough to be done in a thread."""
    found: list[Changed] = []
    for elder_id, record in records.items():
        held = before.get(elder_id, {})
        judged = {one.service.key: one for one in entitlements(rules_for(in_force, record), record)}
        found += [
            Changed(elder_id, key, held.get(key), one)
            for key, one in judged.items()
            if held.get(key) != one.standing.value
        ]
        found += [Changed(elder_id, key, held[key], None) for key in held.keys() - judged.keys()]
    return found


async def _judge(
    scope: TenantScope, in_force: RulesInForce, causes: Mapping[uuid.UUID, str], now: datetime
) -> None:
    elders = [
        elder
        for elder in (await elders_by_id(scope, causes.keys())).values()
        if elder.archived_at is None
    ]
    records = await records_of(scope, elders, local_date(now))
    before = await standings_of(scope, list(records))
    changed = await asyncio.to_thread(changes_of, in_force, records, before)
    for one in changed:
        known = bool(before.get(one.elder_id))
        await _write(scope, one, causes[one.elder_id] if known else "first", now)
        if known:
            await _tell(scope, one, causes[one.elder_id], now)
    await scope.session.flush()


async def _write(scope: TenantScope, one: Changed, cause: str, now: datetime) -> None:
    after = one.after
    scope.session.add(
        EntitlementChange(
            institution_id=scope.institution_id, elder_id=one.elder_id, service=one.service,
            before=one.before, after=None if after is None else after.standing.value, cause=cause,
            at=now, evidence=[] if after is None else [evidence_row(row) for row in after.evidence],
            missing=[] if after is None else list(after.missing),
            rule_version="" if after is None else after.rule_version,
        )
    )  # fmt: skip


async def _tell(scope: TenantScope, one: Changed, cause: str, now: datetime) -> None:
    """A task where it is met now; one that is open no longer makes sense where it is not."""
    subject = f"{one.elder_id}:{one.service}"
    after = one.after
    if after is not None and after.standing is Standing.MET:
        service = after.service
        detail = {
            "service": service.key, "name": service.zh, "name_en": service.en,
            "before": one.before, "cause": cause, "rule_version": after.rule_version,
        }  # fmt: skip
        await open_clue(scope, Wanted("entitlement_met", subject, one.elder_id, _BY, detail), now)
    elif one.before == Standing.MET:
        await withdraw_clue(scope, "entitlement_met", subject, now, by=_BY, why="条件已变化")


def evidence_row(row: Evidence) -> dict[str, Any]:
    """As it is kept."""
    return {
        "field": row.field,
        "op": row.op,
        "wanted": list(row.wanted) if isinstance(row.wanted, tuple) else row.wanted,
        "found": row.found,
        "source": row.source,
        "as_of": None if row.as_of is None else row.as_of.isoformat(),
        "standing": row.standing.value,
    }


async def standings_of(
    scope: TenantScope, elder_ids: Sequence[uuid.UUID]
) -> dict[uuid.UUID, dict[str, str]]:
    """How each service stood last for elders; who was never judged is not there."""
    newest = (
        select(EntitlementChange.id)
        .ext(distinct_on(EntitlementChange.elder_id, EntitlementChange.service))
        .where(
            EntitlementChange.institution_id == scope.institution_id,
            EntitlementChange.elder_id.in_(elder_ids),
        )
        .order_by(
            EntitlementChange.elder_id, EntitlementChange.service, EntitlementChange.id.desc()
        )
    )
    rows = await scope.session.execute(
        scope.select(EntitlementChange)
        .where(EntitlementChange.id.in_(newest), EntitlementChange.after.is_not(None))
        .with_only_columns(
            EntitlementChange.elder_id, EntitlementChange.service, EntitlementChange.after
        )
    )
    found: dict[uuid.UUID, dict[str, str]] = {}
    for elder_id, service, after in rows.all():
        found.setdefault(elder_id, {})[service] = str(after)
    return found
