"""Counted of assessments: whose is in date at the end of a day, and how many were done."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta

from cloud.alerts.models import Incident
from cloud.bureau.of_people import People
from cloud.bureau.of_rounds import newest_at
from cloud.bureau.tally import Span, Tally
from cloud.care.assessment.counted import trigger_of
from cloud.care.assessment.models import Assessment
from cloud.care.assessment.service import settings_of
from cloud.clock import local_date
from cloud.database import TenantScope

# Falls that no assessment knows of are looked for as far back as the due list does.
_LOOK_BACK = timedelta(days=366)


async def count_assessments(
    scope: TenantScope, span: Span, tally: Tally, people: People,
    filed: Mapping[uuid.UUID, list[Assessment]],
) -> None:  # fmt: skip
    """By what was filed and what had happened by the end of each day."""
    tally.begin("assessed")
    tally.begin("assessments")
    interval = timedelta(days=(await settings_of(scope)).interval_days)
    falls = await _falls(scope, span)
    for day in span.days():
        at = span.end_of(day)
        for elder_id in people.at_end(span, day):
            last = newest_at(filed.get(elder_id, ()), at)
            in_date = last is not None and last.reference_date + interval > day
            if in_date and falls.get(elder_id):
                known = [
                    one for one in falls[elder_id]
                    if one.recorded_at <= at and at - one.happened_at <= _LOOK_BACK
                ]  # fmt: skip
                in_date = trigger_of(last, known) is None
            tally.add(day, "assessed", part=in_date, whole=1)
    for rows in filed.values():
        for one in rows:
            if one.filed_at is not None and not one.source and one.filed_at < span.end:
                tally.add(local_date(one.filed_at), "assessments", part=1)


async def _falls(scope: TenantScope, span: Span) -> dict[uuid.UUID, list[Incident]]:
    found: dict[uuid.UUID, list[Incident]] = defaultdict(list)
    since: datetime = span.begin - _LOOK_BACK
    statement = scope.select(Incident).where(
        Incident.kind == "fall", Incident.voided_at.is_(None), Incident.happened_at >= since
    )
    for row in await scope.session.scalars(statement):
        found[row.elder_id].append(row)
    return found
