"""The way of alerts in numbers: each hop's median and 95th percentile, by day, unit and shift."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import text

from cloud.alerts.models import AlertLedger
from cloud.database import TenantScope
from cloud.identity.shifts import ZONE, pattern_of

# Seconds from the moment it happened; what a person does counts from when the cloud had it.
HOPS: Final = (
    "decided", "stored", "committed", "pushed", "shown", "notified", "acknowledged", "arrived",
    "resolved",
)  # fmt: skip
_QUERY: Final = text("""
    WITH shift AS (
        SELECT * FROM unnest(CAST(:names AS text[]), CAST(:starts AS int[])) AS s (name, starts)
    ), first AS (
        SELECT a.id, a.unit_id, a.raised_at, l.hop, min(l.at) AS at,
               to_timestamp(a.happened_ns / 1e9) AS happened_at
        FROM alert a JOIN alert_ledger l
            ON l.institution_id = a.institution_id AND l.alert_id = a.id
        WHERE a.institution_id = :institution_id AND a.origin = 'live'
            AND a.raised_at >= :begin AND a.raised_at < :end
            AND (a.verdict IS NULL OR a.verdict <> 'test')
        GROUP BY a.id, a.unit_id, a.raised_at, l.hop, a.happened_ns
    ), placed AS (
        SELECT first.*, (raised_at AT TIME ZONE :zone)::date AS day,
            coalesce(
                (SELECT name FROM shift WHERE starts <= minute ORDER BY starts DESC LIMIT 1),
                (SELECT name FROM shift ORDER BY starts DESC LIMIT 1)) AS shift,
            extract(epoch FROM at - CASE WHEN hop IN ('decided', 'stored', 'committed')
                THEN happened_at ELSE raised_at END) AS seconds
        FROM first, LATERAL (SELECT
            extract(hour FROM raised_at AT TIME ZONE :zone) * 60
            + extract(minute FROM raised_at AT TIME ZONE :zone) AS minute) m
    )
    SELECT day, unit_id, shift, hop, count(*) AS alerts,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS median_s,
        percentile_cont(0.95) WITHIN GROUP (ORDER BY seconds) AS p95_s
    FROM placed WHERE hop = ANY(:hops)
    GROUP BY day, unit_id, shift, hop ORDER BY day, unit_id, shift, hop
""")


@dataclass(frozen=True, slots=True)
class HopFigure:
    """One hop of one day, unit and shift."""

    day: date
    unit_id: uuid.UUID | None
    shift: str
    hop: str
    alerts: int
    median_s: float
    p95_s: float


async def hop_figures(scope: TenantScope, begin: datetime, end: datetime) -> list[HopFigure]:
    """Live alerts only. Up to the commit from when it happened, then from when it was raised."""
    pattern = await pattern_of(scope)
    rows = await scope.session.execute(
        _QUERY,
        {
            "institution_id": scope.institution_id,
            "begin": begin,
            "end": end,
            "zone": ZONE.key,
            "names": [name for name, _, _ in pattern],
            "starts": [starts for _, starts, _ in pattern],
            "hops": list(HOPS),
        },
    )
    return [
        HopFigure(r.day, r.unit_id, r.shift, r.hop, r.alerts, float(r.median_s), float(r.p95_s))
        for r in rows
    ]


async def first_hops(
    scope: TenantScope, alert_ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, dict[str, datetime]]:
    """The first time of each hop of each alert."""
    found: dict[uuid.UUID, dict[str, datetime]] = defaultdict(dict)
    rows = await scope.session.scalars(
        scope.select(AlertLedger).where(AlertLedger.alert_id.in_(alert_ids))
    )
    for row in rows:
        held = found[row.alert_id].get(row.hop)
        found[row.alert_id][row.hop] = row.at if held is None else min(held, row.at)
    return dict(found)
