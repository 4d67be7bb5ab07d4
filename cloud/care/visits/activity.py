"""A drop in activity asks for an earlier visit. It only ever pulls forward; nothing waits for it.

Steps of a week against the four weeks before, day by day, by the median: one bad or one busy day
changes nothing. A day counts where the wearable spoke in enough hours; a band in a drawer is not
somebody who lies in bed.
"""

from __future__ import annotations

import statistics
import uuid
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from cloud.care.visits.service import ask_for_visit, due_rows, figures
from cloud.clock import datetime_from_ns, local_date, ns_from_datetime
from cloud.database import TenantScope
from cloud.devices.attribution import elder_spans
from cloud.series.service import SeriesStore
from cloud.series.slots import Unit
from edge.signals import Origin

QUANTITY: Final = "steps"
RECENT_DAYS: Final = 7
BASELINE_DAYS: Final = 28
# Design defaults (D). Half as many steps is beyond what weather and weekdays do to a week's median.
DROP_SHARE: Final = 0.5
HOURS_OF_A_DAY: Final = 8
_RECENT_KNOWN: Final = 4
_BASELINE_KNOWN: Final = 14
# Fewer steps a day than these are not walking, and half of nothing says nothing.
_LEAST_STEPS: Final = 200.0


@dataclass(frozen=True, slots=True)
class Drop:
    """Median steps a day, before and now."""

    before: float
    now: float


@dataclass(frozen=True, slots=True)
class Day:
    """Steps of a day, and in how many of its hours the device spoke."""

    steps: float
    hours: int


def find_drop(days: Mapping[date, Day], today: date) -> Drop | None:
    """`today` is not over and does not count. None: no drop, or not enough is known."""
    recent, before = [], []
    for day, one in days.items():
        ago = (today - day).days
        if one.hours < HOURS_OF_A_DAY or ago < 1:
            continue
        if ago <= RECENT_DAYS:
            recent.append(one.steps)
        elif ago <= RECENT_DAYS + BASELINE_DAYS:
            before.append(one.steps)
    if len(recent) < _RECENT_KNOWN or len(before) < _BASELINE_KNOWN:
        return None
    usual, lately = statistics.median(before), statistics.median(recent)
    if usual < _LEAST_STEPS or lately >= usual * DROP_SHARE:
        return None
    return Drop(usual, lately)


async def steps_by_day(
    scope: TenantScope, store: SeriesStore, elder_id: uuid.UUID, now: datetime
) -> dict[date, Day]:
    """Of the days that a drop is looked for in."""
    since = now - timedelta(days=RECENT_DAYS + BASELINE_DAYS + 1)
    spans = await elder_spans(scope, elder_id, ns_from_datetime(since), ns_from_datetime(now))
    steps: dict[date, float] = defaultdict(float)
    hours: dict[date, set[int]] = defaultdict(set)
    for track in await store.tracks(scope, spans, QUANTITY, Unit.HOUR):
        if track.origin is not Origin.LIVE:
            continue
        for slot in track.slots:
            day = local_date(datetime_from_ns(int(slot["first_ns"])))
            steps[day] += float(slot["sum_value"])
            hours[day].add(int(slot["slot"]))
    return {day: Day(steps[day], len(hours[day])) for day in steps}


async def follow_activity(scope: TenantScope, store: SeriesStore, now: datetime) -> int:
    """Ask for a visit to everybody whose steps have dropped; how many are new.

    Once a visit was made the next one is asked for a week later at the earliest: what is seen in
    the same days is the same drop.
    """
    pull_forward, today = (await figures(scope)).pull_forward, local_date(now)
    new = 0
    for row in await due_rows(scope, now):
        last = row.past.done[-1].started_at if row.past.done else None
        if last is not None and now - last < timedelta(days=RECENT_DAYS):
            continue
        if any(pull.reason == "activity_drop" for pull in row.due.pulls):
            continue
        drop = find_drop(await steps_by_day(scope, store, row.elder.id, now), today)
        if drop is None:
            continue
        note = f"近一周每天约 {drop.now:.0f} 步，之前四周约 {drop.before:.0f} 步"
        new += await ask_for_visit(
            scope, row.elder.id, due_at=now + pull_forward, reason="activity_drop", note=note,
            source=f"activity:{today}", by="系统", now=now,
            evidence={"before": drop.before, "now": drop.now, "quantity": QUANTITY},
        )  # fmt: skip
    return new
