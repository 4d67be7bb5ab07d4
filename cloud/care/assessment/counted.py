"""Confirmed incidents counted into an assessment by themselves, and what they ask for.

The standard counts care-risk events of the last 30 days (A.2.14). What staff confirmed at the
bedside is counted whether or not the assessor remembers it; an assessor may contest one, with a
reason that stays in the record. A second confirmed event within 30 days that no assessment knows of
makes a new one due at once.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from cloud.alerts.incidents import FALL, incidents_of, incidents_since
from cloud.alerts.models import Incident
from cloud.care.assessment.models import Assessment
from cloud.care.assessment.scoring import MAX_RISK_COUNT, Mistake
from cloud.clock import day_begins, local_date
from cloud.database import TenantScope

# A.2.14 asks for the last 30 days; the reference date itself is one of them.
WINDOW: Final = timedelta(days=30)
# Two make the level change (C.4), so two ask for a new assessment.
EVENTS_FOR_A_REASSESSMENT: Final = 2
# The register's kinds, as A.2.14 groups them. That a fall out of bed is a fall, and that what has
# no row of its own is `other`, is our reading (D); an assessor may contest each.
COUNTED_AS: Final = MappingProxyType(
    {
        "fall": "fall", "bed_fall": "fall", "wandering": "wander", "choking": "choke",
        "wrong_intake": "other", "pressure_injury": "other", "scald": "other", "harm": "other",
        "activity": "other", "other": "other",
    }
)  # fmt: skip
# How far back unanswered falls are looked for: an assessment a year is the longest routine.
_LOOK_BACK: Final = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Trigger:
    """Events within 30 days that the newest assessment does not know of; `at`: the last of them.

    `falls`: how many of them were falls.
    """

    count: int
    at: datetime
    falls: int


async def incidents_for(
    scope: TenantScope, elder_id: uuid.UUID, reference_date: date
) -> list[Incident]:
    """Confirmed incidents of the 30 days that end with the reference date, newest first."""
    end = day_begins(reference_date + timedelta(days=1))
    found = await incidents_of(scope, elder_id, end - WINDOW, COUNTED_AS)
    return [one for one in found if one.happened_at < end]


def counted(
    incidents: Iterable[Incident], contested: Iterable[uuid.UUID]
) -> tuple[list[Incident], dict[str, int]]:
    """Those that count, and how often each kind does (at most 3, which means 3 or more)."""
    left_out = set(contested)
    counting = [one for one in incidents if one.id not in left_out]
    counts: dict[str, int] = defaultdict(int)
    for one in counting:
        kind = COUNTED_AS[one.kind]
        counts[kind] = min(counts[kind] + 1, MAX_RISK_COUNT)
    return counting, dict(counts)


def at_least(said: dict[str, int], counts: dict[str, int]) -> dict[str, int]:
    """The assessor may know of more than the hub, never of less without contesting it."""
    return said | {kind: max(said.get(kind, 0), count) for kind, count in counts.items()}


def contest_mistakes(
    contested: Sequence[dict[str, Any]], incidents: Sequence[Incident]
) -> list[Mistake]:
    """What is wrong with contesting: no reason, or no such incident in these 30 days."""
    known = {str(one.id) for one in incidents}
    mistakes = []
    for one in contested:
        field = f"contested.{one['incident_id']}"
        if not str(one["reason"]).strip():
            mistakes.append(Mistake(field, "有异议的事件要写明理由", "a reason is needed"))
        elif one["incident_id"] not in known:
            mistakes.append(
                Mistake(field, "近 30 天没有这条已确认的事件", "no such incident in these 30 days")
            )
    return mistakes


def record_of(counting: Iterable[Incident], contested: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What the filed assessment keeps."""
    return {
        "contested": list(contested),
        "counted": [
            {
                "incident_id": str(one.id),
                "kind": one.kind,
                "happened_at": one.happened_at.isoformat(),
            }
            for one in counting
        ],
    }


async def triggers(
    scope: TenantScope, latest: dict[uuid.UUID, Assessment], now: datetime,
    *, kinds: Collection[str] = FALL, together: bool = True,
) -> dict[uuid.UUID, Trigger]:  # fmt: skip
    """Who needs a new assessment at once, because of events that the newest does not know of.

    `together`: events of different kinds make a pair (an open point of the standard).
    """
    groups: dict[tuple[uuid.UUID, str], list[Incident]] = defaultdict(list)
    for one in await incidents_since(scope, now - _LOOK_BACK, kinds):
        groups[one.elder_id, "" if together else COUNTED_AS[one.kind]].append(one)
    found: dict[uuid.UUID, Trigger] = {}
    for (elder_id, _), incidents in groups.items():
        trigger = trigger_of(latest.get(elder_id), incidents)
        held = found.get(elder_id)
        if trigger is not None and (held is None or trigger.at > held.at):
            found[elder_id] = trigger
    return found


def trigger_of(last: Assessment | None, incidents: Sequence[Incident]) -> Trigger | None:
    """By one elder's incidents. The one that completes a pair must be news to the assessment."""
    in_order = sorted(incidents, key=lambda one: one.happened_at)
    for number in range(len(in_order) - 1, 0, -1):
        second = in_order[number]
        if not _is_news(second, last):
            continue
        since = second.happened_at - WINDOW
        near = [one for one in in_order[: number + 1] if one.happened_at > since]
        if len(near) >= EVENTS_FOR_A_REASSESSMENT:
            falls = sum(COUNTED_AS[one.kind] == "fall" for one in near)
            return Trigger(len(near), second.happened_at, falls)
    return None


def _is_news(incident: Incident, last: Assessment | None) -> bool:
    if last is None or last.filed_at is None:
        return True
    held = [*last.incidents.get("counted", ()), *last.incidents.get("contested", ())]
    if str(incident.id) in {one["incident_id"] for one in held}:
        return False
    return (
        incident.recorded_at > last.filed_at
        or local_date(incident.happened_at) > last.reference_date
    )
