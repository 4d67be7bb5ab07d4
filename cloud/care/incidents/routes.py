"""HTTP for the incident register."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Final, Literal, cast
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime, Field

from cloud.alerts.models import Incident
from cloud.alerts.schemas import InjuryName
from cloud.audit import service as audit
from cloud.audit.actions import Action
from cloud.care.access import CareReader, CareWriter, IncidentReviewer
from cloud.care.handover.words import INJURIES, KINDS_ZH
from cloud.care.incidents import service
from cloud.care.incidents.machine import IncidentState, IncidentStep
from cloud.clock import LOCAL_ZONE
from cloud.database import TenantScope
from cloud.errors import BadFieldError, Problem
from cloud.identity.service import Principal
from cloud.people.reach import reach_of
from cloud.people.service import elders_by_id
from cloud.schema_types import ApiModel, UtcMs
from cloud.spreadsheets import csv_download, plain_cell
from cloud.state import ChangeHeader, State

router = APIRouter(
    prefix="/api/v1",
    tags=["care"],
    responses={code: {"model": Problem} for code in (401, 403, 404, 409, 422)},
)

IncidentKind = Literal[
    "choking", "wrong_intake", "pressure_injury", "scald", "bed_fall", "fall", "wandering", "harm",
    "activity", "other",
]  # fmt: skip
IncidentStateName = Literal["reported", "reviewed", "closed", "voided"]
_Line = Annotated[str, Field(max_length=200)]
_Text = Annotated[str, Field(max_length=2000)]
DEFAULT_DAYS: Final = 90
_LONGEST: Final = timedelta(days=3 * 366)
_STATES_ZH: Final = {
    "reported": "待审核", "reviewed": "已审核", "closed": "已结案", "voided": "已作废",
}  # fmt: skip


class _Told(ApiModel):
    kind: IncidentKind
    happened_at: AwareDatetime
    place: _Line = Field(default="", description="empty: the bed they had then")
    description: _Text = ""
    injury: InjuryName | None = None
    cause: _Text | None = None
    measure: _Text | None = None
    follow_up: _Text = ""
    follow_up_on: date | None = None

    def told(self) -> service.Report:
        """As the service takes it."""
        return service.Report(**{name: getattr(self, name) for name in service.TOLD})


class CareIncidentIn(_Told):
    """What happened; `id` is chosen by the device. `separate`: it is not the one near it."""

    id: UUID
    elder_id: UUID
    alert_id: UUID | None = None
    separate: bool = False


class CareIncidentChange(_Told):
    """All of it anew. `version`: the one it was changed from."""

    version: Annotated[int, Field(ge=1)]


class IncidentMoveIn(ApiModel):
    """What is decided. Sending back, opening again and voiding need words."""

    step: Literal["review", "return", "close", "reopen", "void"]
    words: _Text = ""
    version: Annotated[int, Field(ge=1)]


class IncidentMoveOut(ApiModel):
    """What was done, by whom."""

    move: str
    at: UtcMs
    by: str
    words: str
    changes: dict[str, Any]


class CareIncidentOut(ApiModel):
    """One line of the register. `overdue`: its follow-up should be done and it is not closed."""

    id: UUID
    alert_id: UUID | None
    elder_id: UUID
    elder_name: str
    kind: IncidentKind
    state: IncidentStateName
    happened_at: UtcMs
    recorded_at: UtcMs
    recorded_by: str
    place: str
    description: str
    injury: InjuryName | None
    cause: str | None
    measure: str | None
    follow_up: str
    follow_up_on: date | None
    overdue: bool
    reviewed_at: UtcMs | None
    reviewed_by: str | None
    review: str
    closed_at: UtcMs | None
    closed_by: str | None
    outcome: str
    void_reason: str
    version: int


class CareIncidentDetail(CareIncidentOut):
    """With what was done to it."""

    moves: list[IncidentMoveOut]


class IncidentCount(ApiModel):
    """Of one kind, without what was voided."""

    kind: IncidentKind
    count: int
    injured: int
    open: int


class CareIncidentsOut(ApiModel):
    """Newest first, and how many of each kind. `more`: take a shorter interval."""

    begin: UtcMs
    end: UtcMs
    incidents: list[CareIncidentOut]
    counts: list[IncidentCount]
    more: bool


_From = Annotated[AwareDatetime | None, Query(alias="from")]
_To = Annotated[AwareDatetime | None, Query(alias="to")]


@router.get("/incidents")
async def list_incidents(
    *, principal: CareReader, state: State, begin: _From = None, end: _To = None,
    kind: Annotated[IncidentKind | None, Query()] = None,
    elder: Annotated[UUID | None, Query()] = None,
) -> CareIncidentsOut:  # fmt: skip
    """The register over an interval (90 days where none is named); of one's own units."""
    now = state.clock.now()
    begin, end, found, more = await _found(principal, begin, end, now)
    found = [row for row in found if kind in (None, row.kind) and elder in (None, row.elder_id)]
    audit.record(
        principal.scope, principal.actor, Action.RECORDS_SEARCHED, now,
        subject=("incidents", "register"), once_within=audit.READ_AGAIN_AFTER,
    )  # fmt: skip
    return CareIncidentsOut(
        begin=begin, end=end, incidents=await _out(principal.scope, found, now),
        counts=_counts(found), more=more,
    )  # fmt: skip


@router.get(
    "/incidents/export", response_class=Response, responses={200: {"content": {"text/csv": {}}}}
)
async def export_incidents(
    *, principal: IncidentReviewer, state: State, begin: _From = None, end: _To = None
) -> Response:
    """The register as CSV (UTF-8 with BOM, as spreadsheets want it)."""
    now = state.clock.now()
    begin, end, found, more = await _found(principal, begin, end, now)
    if more:
        raise BadFieldError("from", f"超过 {service.MAX_ROWS} 条，请缩短时间")
    audit.record(
        principal.scope, principal.actor, Action.RECORD_EXPORTED, now,
        subject=("incidents", "register"), detail={"from": begin, "to": end, "rows": len(found)},
    )  # fmt: skip
    text = csv_of(await _out(principal.scope, found, now))
    name = f"incidents-{begin.astimezone(LOCAL_ZONE):%Y%m%d}-{end.astimezone(LOCAL_ZONE):%Y%m%d}"
    return csv_download(text, f"{name}.csv")


@router.post("/incidents", dependencies=[ChangeHeader])
async def report_incident(
    body: CareIncidentIn, principal: CareWriter, state: State
) -> CareIncidentDetail:
    """Write one down. 409 `maybe_the_same` where one like it is there, unless `separate`."""
    now = state.clock.now()
    row = await service.report(
        principal, body.id, body.elder_id, body.told(), alert_id=body.alert_id,
        separate=body.separate, now=now,
    )  # fmt: skip
    return await _detail(principal, row, now)


@router.get("/incidents/{incident_id}")
async def get_incident(
    incident_id: UUID, principal: CareReader, state: State
) -> CareIncidentDetail:
    """One with its history."""
    row = await service.find(principal.scope, incident_id)
    await (await reach_of(principal)).require_elder(row.elder_id)
    now = state.clock.now()
    audit.record_read(principal.scope, principal.actor, row.elder_id, "get_incident", now)
    return await _detail(principal, row, now)


@router.put("/incidents/{incident_id}", dependencies=[ChangeHeader])
async def change_incident(
    incident_id: UUID, body: CareIncidentChange, principal: CareWriter, state: State
) -> CareIncidentDetail:
    """Complete or correct it; what was reviewed is to be reviewed again."""
    now = state.clock.now()
    row = await service.change(principal, incident_id, body.told(), body.version, now)
    return await _detail(principal, row, now)


@router.post("/incidents/{incident_id}/moves", dependencies=[ChangeHeader])
async def move_incident(
    incident_id: UUID, body: IncidentMoveIn, principal: IncidentReviewer, state: State
) -> CareIncidentDetail:
    """The head nurse reviews, sends back, closes, opens again or voids."""
    now = state.clock.now()
    row = await service.move(
        principal,
        incident_id,
        IncidentStep(body.step),
        words=body.words,
        version=body.version,
        now=now,
    )
    return await _detail(principal, row, now)


async def _found(
    principal: Principal, begin: datetime | None, end: datetime | None, now: datetime
) -> tuple[datetime, datetime, list[Incident], bool]:
    end = end or now + timedelta(minutes=1)
    begin = begin or end - timedelta(days=DEFAULT_DAYS)
    if not begin < end <= begin + _LONGEST:
        raise BadFieldError("to", "应晚于开始时间，最长三年")
    hidden = await (await reach_of(principal)).hidden()
    found = await service.between(principal.scope, begin, end, hidden)
    return begin, end, found[: service.MAX_ROWS], len(found) > service.MAX_ROWS


async def _detail(principal: Principal, row: Incident, now: datetime) -> CareIncidentDetail:
    (line,) = await _out(principal.scope, [row], now)
    moves = await service.moves_of(principal.scope, row.id)
    return CareIncidentDetail(
        **line.model_dump(),
        moves=[
            IncidentMoveOut(move=m.move, at=m.at, by=m.by, words=m.words, changes=m.changes)
            for m in moves
        ],
    )


async def _out(
    scope: TenantScope, rows: Sequence[Incident], now: datetime
) -> list[CareIncidentOut]:
    elders = await elders_by_id(scope, {row.elder_id for row in rows})
    today = now.astimezone(LOCAL_ZONE).date()
    same = (
        "id", "alert_id", "elder_id", "happened_at", "recorded_at", "recorded_by", "place",
        "description", "cause", "measure", "follow_up", "follow_up_on", "reviewed_at",
        "reviewed_by", "review", "closed_at", "closed_by", "outcome", "void_reason", "version",
    )  # fmt: skip
    lines = []
    for row in rows:
        state = service.state_of(row)
        is_open = state in (IncidentState.REPORTED, IncidentState.REVIEWED)
        lines.append(
            CareIncidentOut(
                **{name: getattr(row, name) for name in same},
                elder_name=elders[row.elder_id].name, kind=cast(IncidentKind, row.kind),
                state=state.value, injury=cast(InjuryName | None, row.injury),
                overdue=is_open and row.follow_up_on is not None and row.follow_up_on < today,
            )
        )  # fmt: skip
    return lines


def _counts(rows: Sequence[Incident]) -> list[IncidentCount]:
    valid = [row for row in rows if row.voided_at is None]
    total = Counter(row.kind for row in valid)
    hurt = Counter(row.kind for row in valid if row.injury not in (None, "none", "unknown"))
    still = Counter(row.kind for row in valid if row.closed_at is None)
    return [
        IncidentCount(
            kind=cast(IncidentKind, kind), count=total[kind], injured=hurt[kind], open=still[kind]
        )
        for kind in KINDS_ZH
    ]


def csv_of(rows: Sequence[CareIncidentOut]) -> str:
    """With Chinese headings. What begins like a formula is made plain text."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(
        ["编号", "发生时间", "老人", "地点", "类别", "经过", "伤情", "原因", "措施", "后续事项",
         "后续日期", "状态", "登记人", "登记时间", "审核人", "审核意见", "结案人", "结案结果",
         "来自报警"]
    )  # fmt: skip
    for row in rows:
        hurt = INJURIES.get(row.injury or "")
        cells = (
            row.id, _local(row.happened_at), row.elder_name, row.place, KINDS_ZH[row.kind],
            row.description, "" if hurt is None else hurt.zh, row.cause or "", row.measure or "",
            row.follow_up, row.follow_up_on or "", _STATES_ZH[row.state], row.recorded_by,
            _local(row.recorded_at), row.reviewed_by or "", row.review, row.closed_by or "",
            row.outcome, "是" if row.alert_id else "否",
        )  # fmt: skip
        writer.writerow([plain_cell(cell) for cell in cells])
    return out.getvalue()


def _local(at: datetime) -> str:
    return f"{at.astimezone(LOCAL_ZONE):%Y-%m-%d %H:%M}"
