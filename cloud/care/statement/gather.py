"""What was served in a month for a purchaser: visits, orders, answers to alerts, devices."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta
from typing import Final, cast

from sqlalchemy import or_

from cloud.alerts.codes import Category
from cloud.alerts.models import Alert
from cloud.care.orders.models import ServiceOrder
from cloud.care.orders.states import OrderState
from cloud.care.statement.lines import Kind, Line
from cloud.care.visits.history import counted_between
from cloud.care.visits.models import Visit, VisitPlan
from cloud.clock import day_begins, ns_from_datetime
from cloud.database import TenantScope
from cloud.devices.models import Assignment, Device
from cloud.people.models import Elder, Stay
from cloud.people.service import elders_by_id

_NOBODY: Final = "无人确认"


def bounds(month: date) -> tuple[datetime, datetime]:
    """From the first local moment of the month to the first of the next."""
    following = (month.replace(day=28) + timedelta(days=4)).replace(day=1)
    return day_begins(month), day_begins(following)


async def purchasers(scope: TenantScope) -> list[str]:
    """Everybody who buys services here, by name."""
    names: set[str] = set()
    for statement in (
        scope.select(VisitPlan).with_only_columns(VisitPlan.purchaser),
        scope.select(Visit).with_only_columns(Visit.purchaser),
        scope.select(ServiceOrder).with_only_columns(ServiceOrder.purchaser),
    ):
        rows = await scope.session.execute(statement.distinct())
        names.update(name for (name,) in rows if name)
    return sorted(names)


async def elders_of(scope: TenantScope, purchaser: str) -> set[uuid.UUID]:
    """For whom a purchaser buys now."""
    plans = scope.select(VisitPlan).where(VisitPlan.purchaser == purchaser)
    return {plan.elder_id for plan in await scope.session.scalars(plans)}


async def gather(
    scope: TenantScope, month: date, purchaser: str, elder_ids: Collection[uuid.UUID], now: datetime
) -> list[Line]:
    """Every service of the month, as the record says it now, by time.

    Visits and orders know their purchaser; answers to alerts and devices are those of `elder_ids`.
    """
    since, until = bounds(month)
    until = min(until, now)
    names = {key: one.name for key, one in (await elders_by_id(scope, elder_ids)).items()}
    lines = await _visits(scope, purchaser, since, until)
    lines += await _orders(scope, purchaser, since, until)
    lines += await _answers(scope, names, since, until)
    lines += await _devices(scope, names, since, until)
    return sorted(lines)


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _line(
    kind: Kind, ref: object, elder: tuple[uuid.UUID, str], times: tuple[datetime, datetime],
    **more: str,
) -> Line:  # fmt: skip
    begin, end = times
    told = {"by": "", "place": "", "confirmed": "", "note": ""} | more
    minutes = round((end - begin) / timedelta(minutes=1))
    return Line(
        at=_iso(begin), kind=kind, ref=str(ref), elder_id=str(elder[0]), elder=elder[1],
        until=_iso(end), minutes=minutes, **told,
    )  # fmt: skip


async def _visits(
    scope: TenantScope, purchaser: str, since: datetime, until: datetime
) -> list[Line]:
    seen = await counted_between(scope, since, until)
    rows = scope.select(Visit).where(
        Visit.id.in_([one.id for one in seen]), Visit.purchaser == purchaser
    )
    held = {row.id: row for row in await scope.session.scalars(rows)}
    done = [one for one in seen if one.outcome == "done" and one.id in held]
    elders = await elders_by_id(scope, {one.elder_id for one in done})
    names = {key: one.name for key, one in elders.items()}
    return [
        _line(
            "visit", one.id, (one.elder_id, names[one.elder_id]), (one.started_at, one.ended_at),
            by=one.by, note=one.way, place=_place(held[one.id].distance_m,
                                                  held[one.id].no_place_reason),
        )
        for one in done
    ]  # fmt: skip


def _place(distance_m: float | None, reason: str) -> str:
    """As far as it proves something: metres from the door, or why nothing is known."""
    if reason:
        return f"无位置：{reason}"
    return "" if distance_m is None else f"距门口 {round(distance_m)} 米"


async def _orders(
    scope: TenantScope, purchaser: str, since: datetime, until: datetime
) -> list[Line]:
    statement = (
        scope.select(ServiceOrder)
        .join(
            Elder,
            (Elder.institution_id == ServiceOrder.institution_id)
            & (Elder.id == ServiceOrder.elder_id),
        )
        .where(
            ServiceOrder.purchaser == purchaser, ServiceOrder.state == OrderState.DONE.value,
            ServiceOrder.begun_at >= since, ServiceOrder.begun_at < until,
        )
        .with_only_columns(ServiceOrder, Elder.name)
    )  # fmt: skip
    lines = []
    for order, name in await scope.session.execute(statement):
        if order.begun_at is None or order.ended_at is None:
            continue  # the table's check says so too: what is done has both
        kind, times = cast(Kind, order.kind), (order.begun_at, order.ended_at)
        who = {"elder": "老人", "relative": f"家属 {order.confirmed_name}"}
        lines.append(
            _line(
                kind, order.id, (order.elder_id, name), times,
                by=f"{order.provider} {order.served_by or ''}".strip(),
                place=_place(order.distance_m, order.no_place_reason),
                confirmed=who.get(order.confirmed_by or "", _NOBODY),
            )
        )  # fmt: skip
    return lines


async def _answers(
    scope: TenantScope, names: dict[uuid.UUID, str], since: datetime, until: datetime
) -> list[Line]:
    """Alerts about these elders that somebody came for. Drills and tests are no service."""
    statement = scope.select(Alert).where(
        Alert.elder_id.in_(names), Alert.origin == "live", Alert.arrived_at.is_not(None),
        Alert.category == Category.PERSON.value, Alert.resolved_at.is_not(None),
        Alert.happened_ns >= ns_from_datetime(since), Alert.happened_ns < ns_from_datetime(until),
    )  # fmt: skip
    lines = []
    for alert in await scope.session.scalars(statement):
        if alert.elder_id is None or alert.arrived_at is None or alert.resolved_at is None:
            continue
        times = (alert.arrived_at, max(alert.arrived_at, alert.resolved_at))
        elder = (alert.elder_id, names[alert.elder_id])
        lines.append(
            _line(
                "alert_response",
                alert.id,
                elder,
                times,
                by=alert.arrived_by or "",
                note=f"{alert.code} {alert.verdict or ''}".strip(),
            )
        )
    return lines


async def _devices(
    scope: TenantScope, names: dict[uuid.UUID, str], since: datetime, until: datetime
) -> list[Line]:
    """Devices that were with these elders, on them or at their beds: from when until when."""
    row = Assignment
    stays = scope.select(Stay).where(
        Stay.elder_id.in_(names), Stay.valid_from < until,
        or_(Stay.valid_until.is_(None), Stay.valid_until > since),
    )  # fmt: skip
    spans = [
        (stay.bed_id, stay.elder_id, stay.valid_from, stay.valid_until or until)
        for stay in await scope.session.scalars(stays)
    ]
    statement = (
        scope.select(row)
        .join(
            Device,
            (Device.institution_id == row.institution_id) & (Device.device_id == row.device_id),
        )
        .where(
            row.valid_from < until, or_(row.valid_until.is_(None), row.valid_until > since),
            or_(row.elder_id.in_(names), row.bed_id.in_([span[0] for span in spans])),
        )
        .with_only_columns(row, Device)
    )  # fmt: skip
    lines = []
    for held, device in await scope.session.execute(statement):
        whose = [(held.elder_id, since, until)] if held.elder_id is not None else [
            (elder_id, begin, end) for bed_id, elder_id, begin, end in spans
            if bed_id == held.bed_id
        ]  # fmt: skip
        for elder_id, begin, end in whose:
            first = max(begin, since, held.valid_from)
            last = min(end, until, held.valid_until or until)
            if elder_id in names and first < last:
                ref = f"{held.id}@{_iso(since)}"
                lines.append(
                    _line("device", ref, (elder_id, names[elder_id]), (first, last),
                          note=f"{device.kind} {device.device_id}")
                )  # fmt: skip
    return lines
