"""The nine service-safety risks (九防, GB 38600-2019) of each elder."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Collection, Iterable
from datetime import date, datetime
from typing import cast

from sqlalchemy.dialects.postgresql import insert

from cloud.clock import local_date
from cloud.database import TenantScope
from cloud.errors import BadFieldError
from cloud.etag import require_version
from cloud.people.models import RiskEntry, RiskHistory
from cloud.people.schemas import OpenRisk, RiskCount, RiskIn, RiskLevel, RiskName, RiskOut, RiskRow
from cloud.people.service import elders_by_id, stays_at
from cloud.people.vocabulary import RISKS
from cloud.places.service import bed_names


async def risks_of(
    scope: TenantScope, elder_ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, dict[str, RiskEntry]]:
    """What was assessed, by elder and risk."""
    found: dict[uuid.UUID, dict[str, RiskEntry]] = {elder_id: {} for elder_id in elder_ids}
    if elder_ids:
        rows = await scope.session.scalars(
            scope.select(RiskEntry).where(RiskEntry.elder_id.in_(elder_ids))
        )
        for row in rows:
            found[row.elder_id][row.risk] = row
    return found


async def assess_risk(
    scope: TenantScope, elder_id: uuid.UUID, wanted: RiskIn, *, by: str, now: datetime
) -> RiskEntry:
    """An entry anew. Raises BadFieldError, ProblemError 412."""
    if wanted.level in ("watch", "high"):
        for field in ("measures", "owner", "review_on"):
            said = getattr(wanted, field)
            if said is None or (isinstance(said, str) and not said.strip()):
                raise BadFieldError(field, "风险为“需关注”或“高”时必须填写")
    key = {"institution_id": scope.institution_id, "elder_id": elder_id, "risk": wanted.risk}
    await scope.session.execute(
        insert(RiskEntry).values(**key, level="not_assessed", version=0).on_conflict_do_nothing()
    )
    statement = scope.select(RiskEntry).filter_by(**key).with_for_update()
    entry = (await scope.session.scalars(statement.execution_options(populate_existing=True))).one()
    require_version(str(wanted.version), entry.version)
    assessed = wanted.level != "not_assessed"
    entry.level, entry.measures, entry.owner = wanted.level, wanted.measures, wanted.owner
    entry.review_on = wanted.review_on
    entry.assessed_at, entry.assessed_by = (now, by) if assessed else (None, None)
    entry.version += 1
    scope.session.add(
        RiskHistory(
            **key, version=entry.version, level=entry.level, measures=entry.measures,
            owner=entry.owner, review_on=entry.review_on, at=now, by=by,
        )
    )  # fmt: skip
    await scope.session.flush()
    return entry


async def history_of(
    scope: TenantScope, elder_id: uuid.UUID, risk: str | None
) -> list[RiskHistory]:
    """What an elder's entries were, newest first."""
    statement = scope.select(RiskHistory).where(RiskHistory.elder_id == elder_id)
    if risk is not None:
        statement = statement.where(RiskHistory.risk == risk)
    statement = statement.order_by(
        RiskHistory.at.desc(), RiskHistory.version.desc(), RiskHistory.risk
    )
    return list(await scope.session.scalars(statement))


async def register_of(
    scope: TenantScope, now: datetime, hidden: Collection[uuid.UUID]
) -> list[RiskRow]:
    """All nine of everybody who has a bed, by place; also what nobody has assessed."""
    stays = [stay for stay in await stays_at(scope, now) if stay.elder_id not in hidden]
    elders = await elders_by_id(scope, {stay.elder_id for stay in stays})
    names = await bed_names(scope, {stay.bed_id for stay in stays})
    entries = await risks_of(scope, list(elders))
    today = local_date(now)
    stays.sort(key=lambda stay: names[stay.bed_id].label)
    return [
        RiskRow(
            elder_id=stay.elder_id, elder_name=elders[stay.elder_id].name,
            place=names[stay.bed_id].label, unit=names[stay.bed_id].unit,
            entry=risk_out(risk, entries[stay.elder_id].get(risk), today),
        )
        for stay in stays
        for risk in RISKS
    ]  # fmt: skip


def is_due(entry: RiskEntry | None, today: date) -> bool:
    """Whether somebody has to look: not assessed yet, or its review has come."""
    if entry is None or entry.level == "not_assessed":
        return True
    return entry.review_on is not None and entry.review_on <= today


def risk_out(risk: str, entry: RiskEntry | None, today: date) -> RiskOut:
    """One of the nine; where nothing was written down it is not assessed."""
    return RiskOut(
        risk=cast(RiskName, risk),
        name_zh=RISKS[risk],
        level="not_assessed" if entry is None else cast(RiskLevel, entry.level),
        measures="" if entry is None else entry.measures,
        owner="" if entry is None else entry.owner,
        review_on=None if entry is None else entry.review_on,
        assessed_at=None if entry is None else entry.assessed_at,
        assessed_by=None if entry is None else entry.assessed_by,
        is_due=is_due(entry, today),
        version=0 if entry is None else entry.version,
    )


async def open_risks(scope: TenantScope, now: datetime) -> list[OpenRisk]:
    """Open tasks of everybody who has a bed, by place."""
    stays = await stays_at(scope, now)
    elders = await elders_by_id(scope, {stay.elder_id for stay in stays})
    names = await bed_names(scope, {stay.bed_id for stay in stays})
    entries = await risks_of(scope, list(elders))
    found = []
    for stay in stays:
        held = entries[stay.elder_id]
        due = [risk for risk in RISKS if is_due(held.get(risk), local_date(now))]
        unknown = [r for r in due if r not in held or held[r].level == "not_assessed"]
        if due:
            found.append(
                OpenRisk(
                    elder_id=stay.elder_id,
                    name=elders[stay.elder_id].name,
                    place=names[stay.bed_id].label,
                    not_assessed=cast(list[RiskName], unknown),
                    reviews_due=cast(list[RiskName], [r for r in due if r not in unknown]),
                )
            )
    return sorted(found, key=lambda item: item.place or "")


def count_of(risk: str, rows: Iterable[RiskRow]) -> RiskCount:
    """How many stand where with one risk."""
    entries = [row.entry for row in rows if row.entry.risk == risk]
    levels = Counter(entry.level for entry in entries)
    return RiskCount(
        risk=cast(RiskName, risk), name_zh=RISKS[risk], not_assessed=levels["not_assessed"],
        none=levels["none"], watch=levels["watch"], high=levels["high"],
        overdue=sum(entry.is_due and entry.level != "not_assessed" for entry in entries),
    )  # fmt: skip
