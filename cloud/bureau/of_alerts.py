"""Counted of alerts: answers, kinds, confirmed falls, drills."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from cloud.alerts.codes import Category
from cloud.alerts.drills.models import Drill
from cloud.alerts.figures.compute import ANSWERED_60_S, ANSWERED_180_S
from cloud.alerts.findings import Verdict
from cloud.alerts.models import Alert, Incident
from cloud.bureau.tally import Happening, Span, Tally
from cloud.clock import local_date
from cloud.database import TenantScope

_MS = 1000


async def count_alerts(scope: TenantScope, span: Span, tally: Tally) -> None:
    """Live alerts that people were told of, by the day of their raising."""
    for code in ("answered_60_s", "answered_180_s", "answer_time"):
        tally.begin(code)
    statement = scope.select(Alert).where(
        Alert.raised_at >= span.begin, Alert.raised_at < span.end, Alert.origin == "live",
        Alert.filed.is_(None), Alert.flood_id.is_(None),
        Alert.verdict.is_distinct_from(Verdict.TEST.value),
    )  # fmt: skip
    for alert in await scope.session.scalars(statement.order_by(Alert.raised_at)):
        day = local_date(alert.raised_at)
        tally.add(day, "alerts", alert.code, part=1)
        answer_s = answer_of(alert)
        tally.happenings.append(_happening("alerts", alert, answer_s))
        if alert.category == Category.TECHNICAL:
            continue
        for code, limit_s in (
            ("answered_60_s", ANSWERED_60_S[0]), ("answered_180_s", ANSWERED_180_S[0]),
        ):  # fmt: skip
            in_time = answer_s is not None and answer_s <= limit_s
            tally.add(day, code, part=in_time, whole=1)
        tally.add(
            day, "answer_time", part=answer_s is not None, whole=1, seconds=answer_s
        )  # fmt: skip


def answer_of(alert: Alert) -> float | None:
    """Seconds until somebody took it up, to the millisecond; None: nobody has yet."""
    return _since(alert.raised_at, alert.acknowledged_at or alert.resolved_at)


def _since(begin: datetime, at: datetime | None) -> float | None:
    return None if at is None else round((at - begin).total_seconds() * _MS) / _MS


def _happening(indicator: str, alert: Alert, answer_s: float | None) -> Happening:
    return Happening(
        indicator, alert.id, alert.raised_at, alert.code, alert.priority, answer_s,
        _since(alert.raised_at, alert.arrived_at), alert.finding or alert.verdict,
    )  # fmt: skip


async def count_falls(
    scope: TenantScope, span: Span, tally: Tally, beds: dict[object, int]
) -> None:
    """Confirmed falls by the day they happened; `beds`: how many were occupied on each day."""
    tally.begin("falls")
    for day in span.days():
        tally.add(day, "falls", whole=beds[day])
    statement = (
        scope.select(Incident)
        .outerjoin(Alert, Alert.id == Incident.alert_id)
        .where(
            Incident.kind == "fall", Incident.voided_at.is_(None),
            Incident.happened_at >= span.begin, Incident.happened_at < span.end,
        )
        .order_by(Incident.happened_at)
        .add_columns(Alert)
    )  # fmt: skip
    for incident, alert in (await scope.session.execute(statement)).all():
        tally.add(local_date(incident.happened_at), "falls", part=1)
        at = incident.happened_at
        if alert is None:  # written down by hand: no alert, so no answer
            by_hand = Happening(
                "falls", incident.id, at, "fall_confirmed", "", outcome=incident.injury
            )
            tally.happenings.append(by_hand)
            continue
        told = _happening("falls", alert, answer_of(alert))
        tally.happenings.append(replace(told, at=at, outcome=incident.injury))


async def count_drills(scope: TenantScope, span: Span, tally: Tally) -> None:
    """Drills by the day they began."""
    tally.begin("drills")
    statement = (
        scope.select(Drill)
        .join(Alert, Alert.id == Drill.alert_id)
        .where(Drill.started_at >= span.begin, Drill.started_at < span.end)
        .order_by(Drill.started_at)
        .add_columns(Alert)
    )
    for drill, alert in (await scope.session.execute(statement)).all():
        answer_s = answer_of(alert)
        in_time = answer_s is not None and answer_s <= ANSWERED_60_S[0]
        tally.add(local_date(drill.started_at), "drills", part=in_time, whole=1)
        tally.happenings.append(_happening("drills", alert, answer_s))
