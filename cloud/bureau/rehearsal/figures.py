"""The month of every house, read as a bureau of all of them has it, before masking."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import func

from cloud.alerts.models import Alert, AlertEvent, AlertMove, Incident
from cloud.bureau.models import CoverageChange, IndicatorDay
from cloud.bureau.rehearsal.diary import House, Month
from cloud.bureau.sheet import Member, MonthRow, Sheet, sheet_of
from cloud.care.assessment.models import Assessment
from cloud.care.leave.models import ElderLeave
from cloud.care.rounds.models import RoundCheck
from cloud.care.visits.models import Visit, VisitCorrection, VisitPlan, VisitRequest
from cloud.clock import local_date
from cloud.coverage.models import CoverageGap
from cloud.database import Database, TenantScope
from cloud.devices.models import DeviceTest
from cloud.people.models import Stay

# What a month leaves behind, for telling how much was lived.
_KEPT = (
    Stay, Alert, AlertEvent, AlertMove, Incident, Assessment, RoundCheck, ElderLeave, VisitPlan,
    Visit, VisitCorrection, VisitRequest, DeviceTest, CoverageChange, CoverageGap, IndicatorDay,
)  # fmt: skip


async def rows_of(scope: TenantScope) -> dict[str, int]:
    """How many rows the house has, by table."""
    found = {}
    for model in _KEPT:
        here = scope.select(model).with_only_columns(func.count())
        found[model.__tablename__] = int((await scope.session.execute(here)).scalar_one())
    return found


async def sheet_for(database: Database, houses: Sequence[House], month: Month) -> Sheet:
    """Of these houses, nothing masked."""
    members, rows = [], []
    last = local_date(month.ends - timedelta(seconds=1))
    for house in houses:
        members.append(Member(house.institution_id, house.name, *house.district, True))
        async with database.tenant(house.institution_id) as scope:
            rows += await _month_rows(scope, month.first, last)
    return sheet_of(
        members, rows, month.first, last + timedelta(days=3), title="all", masking=False
    )  # fmt: skip


def figures_of(sheet: Sheet) -> list[dict[str, Any]]:
    """Every number that is known, by the name of its node."""
    names = {node.key: node.name for node in sheet.nodes}
    return [
        {
            "node": names[figure.node], "indicator": figure.indicator, "kind": figure.kind,
            "part": figure.part, "whole": figure.whole, "median_s": figure.median_s,
            "p95_s": figure.p95_s,
        }
        for figure in sheet.figures
        if figure.known
    ]  # fmt: skip


async def _month_rows(scope: TenantScope, first: date, last: date) -> list[MonthRow]:
    statement = (
        scope.select(IndicatorDay)
        .where(IndicatorDay.day.between(first, last))
        .order_by(IndicatorDay.indicator, IndicatorDay.kind, IndicatorDay.day)
    )
    rows = list(await scope.session.scalars(statement))
    return [_sum(scope, list(group)) for _, group in
            groupby(rows, key=lambda row: (row.indicator, row.kind))]  # fmt: skip


def _sum(scope: TenantScope, rows: Sequence[IndicatorDay]) -> MonthRow:
    return MonthRow(
        scope.institution_id, rows[0].day.replace(day=1), rows[0].indicator, rows[0].kind,
        sum(row.part for row in rows), sum(row.whole for row in rows), rows[-1].part,
        rows[-1].whole, len(rows), [s for row in rows for s in row.seconds],
        max(row.computed_at for row in rows),
    )  # fmt: skip
