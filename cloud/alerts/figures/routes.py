"""HTTP for figures: as JSON, as CSV for the inspector, and the ledger of a night."""

from __future__ import annotations

import csv
import io
from dataclasses import fields
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime, Field

from cloud.alerts import ledger
from cloud.alerts.figures.compute import (
    BUDGET_PER_DAY,
    BUDGET_PER_HOUR,
    Figures,
    Share,
    SourceFigure,
    Times,
)
from cloud.alerts.figures.service import figures_of
from cloud.alerts.models import Alert
from cloud.clock import datetime_from_ns
from cloud.errors import Problem, ProblemError
from cloud.identity.auth import requires
from cloud.identity.permissions import Permission
from cloud.identity.service import Principal
from cloud.places.service import unit_names
from cloud.schema_types import ApiModel, UtcMs, iso_ms
from cloud.spreadsheets import csv_download
from cloud.state import State

FigureReader = Annotated[Principal, requires(Permission.REPORTS_READ)]

router = APIRouter(
    prefix="/api/v1/duty/figures",
    tags=["duty"],
    responses={401: {"model": Problem}, 403: {"model": Problem}, 422: {"model": Problem}},
)


class ShareOut(ApiModel):
    """`part` of `whole`."""

    part: int
    whole: int
    percent: float | None
    goal_percent: float | None


class TimesOut(ApiModel):
    """Seconds, of `count` alerts."""

    count: int
    median_s: float | None
    p95_s: float | None
    p99_s: float | None


class SourceOut(ApiModel):
    """A device and what its alerts turned out to be."""

    device_id: str
    alerts: int
    false: ShareOut
    unclear: ShareOut


class FiguresOut(ApiModel):
    """Live alerts only, without tests and drills."""

    begin: UtcMs
    end: UtcMs
    alerts: int = Field(description="what people were told of, or could see folded into a line")
    history: int = Field(description="heard of too late to be a call; in no other figure")
    unheard: int = Field(description="passed within their on-delay; in no other figure")
    folded: int = Field(description="folded into the line of a flood")
    by_code: dict[str, dict[str, int]]
    by_priority: dict[str, int]
    priority_share: dict[str, ShareOut]
    duty_hours: float
    per_duty_hour: float | None
    budget_per_hour: float
    per_duty_day: float | None
    budget_per_day: float
    limit_per_day: float
    answered_60_s: ShareOut
    answered_180_s: ShareOut
    late_answers: list[UUID]
    on_spot_45_min: ShareOut = Field(description="homes: sent to arrived")
    on_spot_60_min: ShareOut
    shown_10_s: ShareOut = Field(description="committed to shown with sound")
    cloud_5_s: ShareOut = Field(description="decided at the edge to committed here")
    sensor_to_desk: TimesOut
    answer: TimesOut
    arrival: TimesOut
    resolution: TimesOut
    closing: TimesOut
    false: ShareOut
    unclear: ShareOut
    false_by_rule: dict[str, ShareOut]
    unclear_by_rule: dict[str, ShareOut]
    devices: list[SourceOut]
    top_sources: list[SourceOut]
    top_share: ShareOut
    floods: int
    chattering: int
    shelved_now: int
    stale: int
    technical_per_device_week: float | None
    per_bed_night: float | None
    falls: int
    false_falls_per_bed_week: float | None


class HopOut(ApiModel):
    """One hop of one day, unit and shift."""

    day: date
    unit: str | None
    shift: str
    hop: str
    alerts: int
    median_s: float
    p95_s: float


class NightRow(ApiModel):
    """One alert on its way: the first time of each hop."""

    id: UUID
    code: str
    priority: str
    state: str
    happened_at: UtcMs
    verdict: str | None
    hops: dict[str, UtcMs]


class HopsOut(ApiModel):
    """The ledger of an interval: each hop by day, unit and shift, and alert by alert."""

    hops: list[HopOut]
    alerts: list[NightRow]


def _share(share: Share) -> ShareOut:
    return ShareOut(
        part=share.part, whole=share.whole, percent=share.percent, goal_percent=share.goal_percent
    )


def _times(times: Times) -> TimesOut:
    return TimesOut(
        count=times.count, median_s=times.median_s, p95_s=times.p95_s, p99_s=times.p99_s
    )


def _source(source: SourceFigure) -> SourceOut:
    return SourceOut(
        device_id=source.device_id, alerts=source.alerts, false=_share(source.false),
        unclear=_share(source.unclear),
    )  # fmt: skip


def _told(value: object) -> Any:
    """A figure as the API tells it."""
    if isinstance(value, Share):
        return _share(value)
    if isinstance(value, Times):
        return _times(value)
    if isinstance(value, SourceFigure):
        return _source(value)
    if isinstance(value, list):
        return [_told(part) for part in value]
    if isinstance(value, dict):
        return {name: _told(part) for name, part in value.items()}
    return value


def _out(found: Figures) -> FiguresOut:
    return FiguresOut(
        **{field.name: _told(getattr(found, field.name)) for field in fields(found)},
        budget_per_hour=BUDGET_PER_HOUR,
        budget_per_day=BUDGET_PER_DAY[0],
        limit_per_day=BUDGET_PER_DAY[1],
    )


Begin = Annotated[AwareDatetime, Query(alias="from")]
End = Annotated[AwareDatetime, Query(alias="to")]


def _check(begin: datetime, end: datetime) -> None:
    if not begin < end:
        raise ProblemError(422, "bad_request", "to: must be later than from")


@router.get("")
async def get_figures(
    principal: FigureReader, state: State, begin: Begin, end: End, unit_id: UUID | None = None
) -> FiguresOut:
    """All figures of an interval, of one unit or the house."""
    _check(begin, end)
    return _out(await figures_of(principal.scope, begin, end, state.clock.now(), unit_id))


@router.get(
    "/csv",
    response_class=Response,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
async def get_figures_csv(
    principal: FigureReader, state: State, begin: Begin, end: End, unit_id: UUID | None = None
) -> Response:
    """The same as rows. It begins with a byte order mark: spreadsheets then read it as UTF-8."""
    _check(begin, end)
    found = _out(await figures_of(principal.scope, begin, end, state.clock.now(), unit_id))
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["figure", "of", "value", "count"])
    writer.writerow(["interval", "", f"{iso_ms(begin)}/{iso_ms(end)}", found.alerts])
    for name, value in found.model_dump(mode="json").items():
        for row in _rows(name, value):
            writer.writerow(row)
    return csv_download(out.getvalue(), "alert-figures.csv")


def _rows(name: str, value: object, of: str = "") -> list[list[object]]:
    if isinstance(value, dict):
        if "whole" in value:
            return [[name, of, value["percent"], f"{value['part']}/{value['whole']}"]]
        if "median_s" in value:
            return [
                [f"{name}_median_s", of, value["median_s"], value["count"]],
                [f"{name}_p95_s", of, value["p95_s"], value["count"]],
                [f"{name}_p99_s", of, value["p99_s"], value["count"]],
            ]
        if "device_id" in value:
            device_id = str(value["device_id"])
            return [
                [name, device_id, value["alerts"], value["alerts"]],
                *_rows(f"{name}_false", value["false"], device_id),
                *_rows(f"{name}_unclear", value["unclear"], device_id),
            ]
        parts = ((f"{of} {key}".strip(), part) for key, part in value.items())
        return [row for key, part in parts for row in _rows(name, part, key)]
    if isinstance(value, list):
        return [row for part in value for row in _rows(name, part, of)]
    return [[name, of, value, ""]]


@router.get("/ledger")
async def get_ledger(principal: FigureReader, begin: Begin, end: End) -> HopsOut:
    """Each hop's median and 95th percentile by day, unit and shift; and every alert's hops."""
    _check(begin, end)
    scope = principal.scope
    figures = await ledger.hop_figures(scope, begin, end)
    units = await unit_names(scope, {row.unit_id for row in figures if row.unit_id})
    alerts = list(
        await scope.session.scalars(
            scope.select(Alert)
            .where(Alert.raised_at >= begin, Alert.raised_at < end, Alert.origin == "live")
            .order_by(Alert.happened_ns)
            .limit(500)
        )
    )
    hops = await ledger.first_hops(scope, [alert.id for alert in alerts])
    return HopsOut(
        hops=[
            HopOut(
                day=row.day, unit=units.get(row.unit_id) if row.unit_id else None, shift=row.shift,
                hop=row.hop, alerts=row.alerts, median_s=round(row.median_s, 3),
                p95_s=round(row.p95_s, 3),
            )
            for row in figures
        ],
        alerts=[
            NightRow(
                id=alert.id, code=alert.code, priority=alert.priority, state=alert.state,
                happened_at=datetime_from_ns(alert.happened_ns), verdict=alert.verdict,
                hops=hops.get(alert.id, {}),
            )
            for alert in alerts
        ],
    )  # fmt: skip
