"""A drop in activity asks for an earlier visit. It only ever pulls forward; nothing waits for it.

Steps of a week against the four weeks before, by the median: one bad or one busy day changes
nothing. The days are those that discovery keeps: steps as if the band was worn all day, and none
where it was worn too little; a band in a drawer is not somebody who lies in bed.
"""

from __future__ import annotations

import statistics
import uuid
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from cloud.care.discovery.features import Feature, day_of
from cloud.care.discovery.models import DiscoveryDay
from cloud.care.visits.service import ask_for_visit, due_rows, figures
from cloud.clock import local_date
from cloud.database import TenantScope
from edge.signals import Origin

RECENT_DAYS: Final = 7
BASELINE_DAYS: Final = 28
# Design default (D). Half as many steps is beyond what weather and weekdays do to a week's median.
DROP_SHARE: Final = 0.5
_RECENT_KNOWN: Final = 4
_BASELINE_KNOWN: Final = 14
# Fewer steps a day than these are not walking, and half of nothing says nothing.
_LEAST_STEPS: Final = 200.0


@dataclass(frozen=True, slots=True)
class Drop:
    """Median steps a day, before and now."""

    before: float
    now: float


def find_drop(days: Mapping[date, float], today: date) -> Drop | None:
    """Steps by day; `today` is not over and does not count. None: no drop, or too little known."""
    recent, before = [], []
    for day, steps in days.items():
        ago = (today - day).days
        if 1 <= ago <= RECENT_DAYS:
            recent.append(steps)
        elif RECENT_DAYS < ago <= RECENT_DAYS + BASELINE_DAYS:
            before.append(steps)
    if len(recent) < _RECENT_KNOWN or len(before) < _BASELINE_KNOWN:
        return None
    usual, lately = statistics.median(before), statistics.median(recent)
    if usual < _LEAST_STEPS or lately >= usual * DROP_SHARE:
        return None
    return Drop(usual, lately)


async def steps_by_day(
    scope: TenantScope, elder_ids: Collection[uuid.UUID], today: date
) -> dict[uuid.UUID, dict[date, float]]:
    """Live ones, of the days that a drop is looked for in; days not known are left out."""
    statement = scope.select(DiscoveryDay).where(
        DiscoveryDay.elder_id.in_(elder_ids), DiscoveryDay.origin == Origin.LIVE.value,
        DiscoveryDay.day >= today - timedelta(days=RECENT_DAYS + BASELINE_DAYS),
    )  # fmt: skip
    found: dict[uuid.UUID, dict[date, float]] = defaultdict(dict)
    for row in await scope.session.scalars(statement):
        steps = row.features.get(Feature.STEPS.value)
        if steps is not None:
            found[row.elder_id][row.day] = steps
    return found


async def follow_activity(scope: TenantScope, now: datetime) -> int:
    """Ask for a visit to everybody whose steps have dropped; how many are new.

    Once a visit was made the next one is asked for a week later at the earliest: what is seen in
    the same days is the same drop.
    """
    pull_forward, new = (await figures(scope)).pull_forward, 0
    rows = await due_rows(scope, now)
    steps = await steps_by_day(scope, [row.elder.id for row in rows], day_of(now))
    for row in rows:
        last = row.past.done[-1].started_at if row.past.done else None
        if last is not None and now - last < timedelta(days=RECENT_DAYS):
            continue
        if any(pull.reason == "activity_drop" for pull in row.due.pulls):
            continue
        drop = find_drop(steps.get(row.elder.id, {}), day_of(now))
        if drop is None:
            continue
        note = f"近一周每天约 {drop.now:.0f} 步，之前四周约 {drop.before:.0f} 步（按全天佩戴算）"
        new += await ask_for_visit(
            scope, row.elder.id, due_at=now + pull_forward, reason="activity_drop", note=note,
            source=f"activity:{local_date(now)}", by="系统", now=now,
            evidence={"before": drop.before, "now": drop.now, "quantity": "steps"},
        )  # fmt: skip
    return new
