"""Statements of service: drafts that follow the record, signed ones that never change."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from cloud.audit import service as audit
from cloud.audit.actions import Action
from cloud.care.statement.gather import bounds, elders_of, gather
from cloud.care.statement.lines import (
    Correction,
    Line,
    as_told,
    correction_of,
    corrections,
    digest,
    line_of,
    plain,
    totals,
)
from cloud.care.statement.models import ServiceStatement
from cloud.clock import local_date
from cloud.conflicts import refusals_named
from cloud.database import TenantScope
from cloud.errors import BadFieldError, ConflictError, ProblemError
from cloud.identity.service import Principal, institution_name

FORMAT = "1"


@dataclass(frozen=True, slots=True)
class Statement:
    """As it is read: a draft (`signed` None) or what was signed."""

    body: dict[str, Any]
    sha256: str
    signed: ServiceStatement | None

    @property
    def lines(self) -> list[Line]:
        """The services of the month."""
        return [line_of(one) for one in self.body["lines"]]

    @property
    def corrections(self) -> list[Correction]:
        """What is told anew of months that were signed before."""
        return [correction_of(one) for one in self.body["corrections"]]

    @property
    def intact(self) -> bool:
        """Whether the body still has the hash it was signed with."""
        return digest(self.body) == self.sha256


async def statement_of(scope: TenantScope, month: date, purchaser: str, now: datetime) -> Statement:
    """What was signed, else the draft as the record stands. Raises BadFieldError."""
    if month.day != 1:
        raise BadFieldError("month", "请给出月份的第一天")
    held = await _signed(scope, purchaser)
    for row in held:
        if row.month == month:
            return Statement(row.body, row.sha256, row)
    body = await _draft(scope, month, purchaser, held, now)
    return Statement(body, digest(body), None)


async def _draft(
    scope: TenantScope, month: date, purchaser: str, held: list[ServiceStatement], now: datetime
) -> dict[str, Any]:
    ids = await elders_of(scope, purchaser)
    lines = await gather(scope, month, purchaser, ids, now)
    anew: list[Correction] = []
    for row in held:
        if row.month < month:
            anew += await _corrections(scope, row, held, now)
    return {
        "format": FORMAT,
        "operator": await institution_name(scope),
        "purchaser": purchaser,
        "month": month.isoformat(),
        "elder_ids": sorted(str(one) for one in ids),
        "lines": [plain(one) for one in lines],
        "totals": totals(lines),
        "corrections": [plain(one) for one in anew],
    }


async def _corrections(
    scope: TenantScope, row: ServiceStatement, held: list[ServiceStatement], now: datetime
) -> list[Correction]:
    """What of a signed month is different now and has not been told since."""
    month = row.month.isoformat()
    later = [
        correction_of(one)
        for other in held
        if other.month > row.month
        for one in other.body["corrections"]
        if one["month"] == month
    ]
    told = as_told([line_of(one) for one in row.body["lines"]], later)
    ids = {uuid.UUID(one) for one in row.body["elder_ids"]}
    current = await gather(scope, row.month, row.purchaser, ids, now)
    return corrections(told, current, month)


async def sign(
    who: Principal, month: date, purchaser: str, sha256: str, now: datetime
) -> Statement:
    """Freeze what was read. Raises BadFieldError, ConflictError, ProblemError 409 if it changed."""
    scope = who.scope
    if now < bounds(month)[1]:
        raise BadFieldError("month", "这个月还没有结束，不能签")
    found = await statement_of(scope, month, purchaser, now)
    if found.signed is not None:
        raise ConflictError("month", "这个月已经签过；更正会出现在下一个月的结算单里")
    if any(row.month > month for row in await _signed(scope, purchaser)):
        raise ConflictError("month", "之后的月份已经签过，请把这些服务放进下一个月的更正")
    if found.sha256 != sha256:
        raise ProblemError(409, "changed_meanwhile", "内容在您查看之后有变化，请重新核对后再签。")
    row = ServiceStatement(
        id=uuid.uuid4(), institution_id=scope.institution_id, month=month, purchaser=purchaser,
        body=found.body, sha256=found.sha256, signed_at=now, signed_by_id=who.user.id,
        signed_by=who.user.display_name,
    )  # fmt: skip
    async with refusals_named(scope):
        scope.session.add(row)
    audit.record(
        scope, who.actor, Action.RECORD_EXPORTED, now, subject=("service_statement", row.id),
        detail={"month": month, "purchaser": purchaser, "sha256": found.sha256},
    )  # fmt: skip
    return Statement(row.body, row.sha256, row)


async def signed_of_month(scope: TenantScope, month: date) -> dict[str, ServiceStatement]:
    """By purchaser."""
    statement = scope.select(ServiceStatement).where(ServiceStatement.month == month)
    return {row.purchaser: row for row in await scope.session.scalars(statement)}


async def _signed(scope: TenantScope, purchaser: str) -> list[ServiceStatement]:
    statement = scope.select(ServiceStatement).where(ServiceStatement.purchaser == purchaser)
    return list(await scope.session.scalars(statement.order_by(ServiceStatement.month)))


def this_month(now: datetime) -> date:
    """The first day of the month it is."""
    return local_date(now).replace(day=1)
