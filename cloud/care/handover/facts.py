"""What the coming shift must know of a unit, from what the hub holds: nothing is typed again."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, or_

from cloud.alerts.codes import CODES
from cloud.alerts.machine import ENDED
from cloud.alerts.models import Alert, Incident
from cloud.care.assessment.counted import triggers
from cloud.care.assessment.models import Assessment
from cloud.care.assessment.service import latest_filed
from cloud.care.handover import words
from cloud.care.handover.sheet import Line
from cloud.care.leave.service import open_leaves
from cloud.care.observations.service import notes_since
from cloud.care.rounds.plan import Standing
from cloud.care.rounds.service import rows as round_rows
from cloud.clock import local_date
from cloud.coverage.models import WatchPause
from cloud.coverage.service import coverage_of_all
from cloud.database import TenantScope
from cloud.identity.shifts import Shift
from cloud.people.models import Elder, Stay
from cloud.people.risks import is_due, risks_of
from cloud.people.service import covers
from cloud.places.models import Bed, Home, Room
from cloud.places.service import bed_names, room_names, unit_names

# Who came yesterday is still new to the next shift (D).
_NEW_FOR: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Resident:
    """Somebody a unit looks after: in one of its beds, or in a home it watches over."""

    elder: Elder
    place: str
    since: datetime


async def residents_of(
    scope: TenantScope, unit_id: uuid.UUID, now: datetime
) -> dict[uuid.UUID, Resident]:
    """By elder."""
    statement = (
        scope.select(Elder)
        .join(Stay, (Stay.institution_id == Elder.institution_id) & (Stay.elder_id == Elder.id))
        .join(Bed, Bed.id == Stay.bed_id)
        .join(Room, Room.id == Bed.room_id)
        .outerjoin(Home, Home.id == Room.home_id)
        .where(*covers(now), func.coalesce(Room.unit_id, Home.operator_unit_id) == unit_id)
        .with_only_columns(Elder, Stay.bed_id, Stay.valid_from)
    )
    found = (await scope.session.execute(statement)).all()
    names = await bed_names(scope, {bed_id for _, bed_id, _ in found})
    return {
        elder.id: Resident(elder, _short(names[bed_id].label, names[bed_id].unit), since)
        for elder, bed_id, since in found
    }


def _short(label: str, unit: str) -> str:
    """The unit stands above the whole sheet."""
    return label.removeprefix(unit).strip() or label


async def lines_of(
    scope: TenantScope, unit_id: uuid.UUID, shift: Shift, now: datetime
) -> list[Line]:
    """All facts of a unit for a shift, as they are now."""
    people = await residents_of(scope, unit_id, now)
    return [
        *await _alerts(scope, unit_id, people, shift),
        *await _out(scope, people, now),
        *await _blind(scope, people, now),
        *await _rounds(scope, unit_id, people, now),
        *await _follow_ups(scope, people, now),
        *await _attention(scope, people, shift, now),
        *await _observed(scope, people, shift),
    ]


def _line(
    section: str, key: str, resident: Resident | None, said: words.Said, *, urgent: bool = False,
    place: str = "",
) -> Line:  # fmt: skip
    return Line(
        section, key, said.zh, said.en,
        elder_id=None if resident is None else str(resident.elder.id),
        elder="" if resident is None else resident.elder.name,
        place=place if resident is None else resident.place, urgent=urgent,
    )  # fmt: skip


async def _alerts(
    scope: TenantScope, unit_id: uuid.UUID, people: Mapping[uuid.UUID, Resident], shift: Shift
) -> list[Line]:
    is_open = Alert.state.not_in(ENDED)
    statement = (
        scope.select(Alert)
        .where(
            or_(Alert.unit_id == unit_id, Alert.unit_id.is_(None) & is_open),
            Alert.origin == "live", or_(is_open, Alert.raised_at >= shift.starts_at),
            Alert.filed.is_(None),
        )
        .order_by(Alert.happened_ns, Alert.id)
    )  # fmt: skip
    alerts = list(await scope.session.scalars(statement))
    places = await _places(scope, alerts)
    lines = []
    for alert in alerts:
        quiet = alert.suppressed or alert.shelved_until is not None
        section = (
            "alerts_of_shift" if alert.state in ENDED
            else "quiet_alerts" if quiet else "open_alerts"
        )  # fmt: skip
        who = people.get(alert.elder_id) if alert.elder_id else None
        urgent = section != "alerts_of_shift" and alert.priority == "high"
        lines.append(
            _line(
                section, f"alert:{alert.id}", who, words.alert(alert, CODES[alert.code]),
                urgent=urgent, place=places.get(alert.id, ""),
            )
        )  # fmt: skip
    return lines


async def _places(scope: TenantScope, alerts: Iterable[Alert]) -> dict[uuid.UUID, str]:
    alerts = list(alerts)
    beds = await bed_names(scope, {one.bed_id for one in alerts if one.bed_id})
    rooms = await room_names(scope, {one.room_id for one in alerts if one.room_id})
    units = await unit_names(scope, {one.unit_id for one in alerts if one.unit_id})
    found = {}
    for alert in alerts:
        named = beds.get(alert.bed_id) if alert.bed_id else None
        named = named or (rooms.get(alert.room_id) if alert.room_id else None)
        if named is not None:
            found[alert.id] = _short(named.label, named.unit)
        elif alert.unit_id in units:
            found[alert.id] = units[alert.unit_id]
    return found


async def _out(
    scope: TenantScope, people: Mapping[uuid.UUID, Resident], now: datetime
) -> list[Line]:
    lines = [
        _line("out", f"leave:{leave.id}", people[leave.elder_id], words.leave(leave))
        for leave in await open_leaves(scope)
        if leave.elder_id in people and leave.out_at <= now
    ]
    statement = scope.select(WatchPause).where(
        WatchPause.elder_id.in_(people), WatchPause.reason != "leave",
        WatchPause.from_at <= now, WatchPause.until_at > now, WatchPause.ended_by.is_(None),
    )  # fmt: skip
    pauses = await scope.session.scalars(statement)
    return lines + [
        _line("out", f"pause:{pause.id}", people[pause.elder_id], words.pause(pause))
        for pause in pauses
    ]


async def _blind(
    scope: TenantScope, people: Mapping[uuid.UUID, Resident], now: datetime
) -> list[Line]:
    return [
        _line(
            "blind", f"coverage:{line.elder_id}", people[line.elder_id], words.coverage(line),
            urgent=line.state == "blind",
        )
        for line in (await coverage_of_all(scope, now)).elders
        if line.elder_id in people and line.state != "protected"
    ]  # fmt: skip


async def _rounds(
    scope: TenantScope, unit_id: uuid.UUID, people: Mapping[uuid.UUID, Resident], now: datetime
) -> list[Line]:
    lines = []
    for row in await round_rows(scope, now, [unit_id]):
        who = people[row.who.elder.id]
        if row.round is not None and row.round.standing is Standing.MISSED:
            said = words.round_missed(row.round.due_at)
            lines.append(_line("rounds_missed", f"round:{who.elder.id}", who, said, urgent=True))
        if row.turning is not None:
            said = words.turning(row.turning.due_at, row.turned)
            lines.append(_line("turning", f"turning:{who.elder.id}", who, said))
    return lines


async def _follow_ups(
    scope: TenantScope, people: Mapping[uuid.UUID, Resident], now: datetime
) -> list[Line]:
    lines = []
    statement = scope.select(Incident).where(
        Incident.elder_id.in_(people), Incident.closed_at.is_(None),
        Incident.voided_at.is_(None), Incident.follow_up != "",
    )  # fmt: skip
    for incident in await scope.session.scalars(statement.order_by(Incident.happened_at)):
        who = people[incident.elder_id]
        lines.append(_line("follow_ups", f"incident:{incident.id}", who, words.follow_up(incident)))
    newest = await latest_filed(scope, list(people))
    for elder_id, trigger in (await triggers(scope, newest, now)).items():
        if elder_id in people:
            said = words.reassess(trigger.count)
            lines.append(
                _line("follow_ups", f"reassess:{elder_id}", people[elder_id], said, urgent=True)
            )
    today = local_date(now)
    for elder_id, entries in (await risks_of(scope, list(people))).items():
        due = sorted(risk for risk, entry in entries.items() if is_due(entry, today))
        if due:
            said = words.risk_reviews(due)
            lines.append(_line("follow_ups", f"risks:{elder_id}", people[elder_id], said))
    return lines


async def _attention(
    scope: TenantScope, people: Mapping[uuid.UUID, Resident], shift: Shift, now: datetime
) -> list[Line]:
    lines = []
    filed = scope.select(Assessment).where(
        Assessment.elder_id.in_(people), Assessment.filed_at >= shift.starts_at
    )
    for one in await scope.session.scalars(filed.order_by(Assessment.filed_at)):
        said = words.assessed(one.final_level or 0)
        lines.append(_line("attention", f"assessment:{one.id}", people[one.elder_id], said))
    told = scope.select(Incident).where(
        Incident.elder_id.in_(people), Incident.recorded_at >= shift.starts_at,
        Incident.voided_at.is_(None),
    )  # fmt: skip
    for incident in await scope.session.scalars(told.order_by(Incident.happened_at)):
        who = people[incident.elder_id]
        lines.append(
            _line(
                "attention", f"incident:{incident.id}", who, words.incident(incident), urgent=True
            )
        )
    came = [who for who in people.values() if who.since >= min(shift.starts_at, now - _NEW_FOR)]
    lines += [
        _line("attention", f"admitted:{who.elder.id}", who, words.admitted(who.since))
        for who in came
    ]
    return lines


async def _observed(
    scope: TenantScope, people: Mapping[uuid.UUID, Resident], shift: Shift
) -> list[Line]:
    return [
        _line(
            "observations", f"note:{note.id}", people[note.elder_id], words.note(note),
            urgent=note.important,
        )
        for note in await notes_since(scope, list(people), shift.starts_at)
    ]  # fmt: skip
