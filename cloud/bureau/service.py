"""What a bureau or an institution itself reads of the indicators."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import text

from cloud.audit.actions import Action
from cloud.audit.service import record
from cloud.bureau.catalogue import CATALOGUE, EVENTS_OF
from cloud.bureau.models import IndicatorDay, IndicatorEvent
from cloud.bureau.sheet import Member, MonthRow, Sheet, is_of_people, sheet_of
from cloud.clock import local_date
from cloud.database import TenantScope
from cloud.errors import NotFoundError, ProblemError
from cloud.identity.models import Institution
from cloud.identity.permissions import Permission
from cloud.identity.service import Principal

TREND_MONTHS: Final = 12
MAX_EVENTS: Final = 2000
# Nobody had such a system before.
EARLIEST: Final = date(2020, 1, 1)


@dataclass(frozen=True, slots=True)
class Event:
    """One happening behind a number. `alert_id` only for the institution itself."""

    ref: str
    at: datetime
    code: str
    priority: str
    answer_s: float | None
    arrival_s: float | None
    outcome: str | None
    alert_id: uuid.UUID | None = None


def month_of(said: date, today: date) -> date:
    """The first day of its month. Raises ProblemError."""
    month = said.replace(day=1)
    if not EARLIEST <= month <= today:
        raise _bad_month("这个月还没有到" if month > today else "太早了，没有数据")
    return month


def _bad_month(message: str) -> ProblemError:
    errors = [{"field": "month", "message": message}]
    return ProblemError(422, "bad_request", f"month: {message}", errors=errors)


def months_until(month: date, count: int = TREND_MONTHS) -> list[date]:
    """The months that end with it, oldest first."""
    number = month.year * 12 + month.month - 1
    return [date(n // 12, n % 12 + 1, 1) for n in range(number - count + 1, number + 1)]


def is_bureau(principal: Principal) -> bool:
    """Whether they see others' counts, masked; else their own institution's."""
    return principal.may(Permission.BUREAU_READ)


async def sheets(principal: Principal, months: Sequence[date]) -> list[Sheet]:
    """One for each month."""
    scope, today = principal.scope, local_date(principal.at)
    institution = await scope.session.get_one(Institution, scope.institution_id)
    first, last = months[0], _last_day(months[-1])
    bureau = is_bureau(principal)
    if bureau:
        members, rows = await members_of(scope), await _rows_of_bureau(scope, first, last)
    else:
        members = [Member(institution.id, institution.name, None, "", shows_events=True)]
        rows = await _own_rows(scope, first, last)
    return [
        sheet_of(members, rows, month, today, title=institution.name, masking=bureau)
        for month in months
    ]


async def members_of(scope: TenantScope) -> list[Member]:
    """Institutions that this bureau counts; none for who is no bureau."""
    rows = await scope.session.execute(text("SELECT * FROM bureau_members()"))
    return [
        Member(r.member_id, r.name, r.district_code, r.district_name, r.shows_events) for r in rows
    ]


async def _rows_of_bureau(scope: TenantScope, first: date, last: date) -> list[MonthRow]:
    rows = await scope.session.execute(
        text("SELECT * FROM bureau_months(:first, :last)"), {"first": first, "last": last}
    )
    return [MonthRow(**row) for row in rows.mappings()]


async def _own_rows(scope: TenantScope, first: date, last: date) -> list[MonthRow]:
    statement = scope.select(IndicatorDay).where(IndicatorDay.day.between(first, last))
    found: dict[tuple[date, str, str], list[IndicatorDay]] = {}
    for row in await scope.session.scalars(statement.order_by(IndicatorDay.day)):
        found.setdefault((row.day.replace(day=1), row.indicator, row.kind), []).append(row)
    return [
        MonthRow(
            scope.institution_id, month, indicator, kind, sum(row.part for row in rows),
            sum(row.whole for row in rows), rows[-1].part, rows[-1].whole, len(rows),
            sorted(second for row in rows for second in row.seconds),
            max(row.computed_at for row in rows),
        )
        for (month, indicator, kind), rows in found.items()
    ]  # fmt: skip


async def events_of(
    principal: Principal, code: str, member_id: uuid.UUID, month: date, kind: str
) -> list[Event]:
    """What a number counted. Raises NotFoundError, ProblemError (the number is masked, or what is
    behind it is not for this bureau).
    """
    if code not in EVENTS_OF:
        raise NotFoundError("indicator")
    (sheet,) = await sheets(principal, [month])
    figure = sheet.figure(f"institution:{member_id}", code, kind)
    if figure is None:
        raise NotFoundError("institution")
    if figure.masked:
        raise ProblemError(403, "masked", "数字已遮盖，不能看明细。 This number is masked.")
    if is_bureau(principal):
        found = await _events_of_member(principal.scope, code, member_id, month)
    else:
        found = await _own_events(principal.scope, code, month)
    if code != "alerts" and EVENTS_OF[code] == "alerts":
        found = [event for event in found if is_of_people(event.code)]
    masked = {f.kind for f in sheet.figures
              if f.node == figure.node and f.indicator == "alerts" and f.masked}  # fmt: skip
    if EVENTS_OF[code] == "alerts" and masked and code != "alerts":
        # The list would tell the masked kinds' numbers: they are told without their kind.
        found = [_without_kind(event) if event.code in masked else event for event in found]
    record(
        principal.scope, principal.actor, Action.INDICATORS_READ, principal.at,
        detail={"call": "indicator_events", "indicator": code, "institution": str(member_id),
                "month": f"{month:%Y-%m}"},
    )  # fmt: skip
    return [event for event in found if not kind or event.code == kind]


def _without_kind(event: Event) -> Event:
    return Event(event.ref, event.at, "", "", event.answer_s, event.arrival_s, None, event.alert_id)


async def _events_of_member(
    scope: TenantScope, code: str, member_id: uuid.UUID, month: date
) -> list[Event]:
    members = {member.id: member for member in await members_of(scope)}
    if not members[member_id].shows_events:
        raise ProblemError(403, "events_not_shown", "这家机构只提供汇总数，不提供明细。")
    rows = await scope.session.execute(
        text("SELECT * FROM bureau_events(:member, :wanted, :first, :last)"),
        {"member": member_id, "wanted": EVENTS_OF[code], "first": month, "last": _last_day(month)},
    )
    return [Event(**row) for row in rows.mappings()]


async def _own_events(scope: TenantScope, code: str, month: date) -> list[Event]:
    statement = (
        scope.select(IndicatorEvent)
        .where(
            IndicatorEvent.indicator == EVENTS_OF[code],
            IndicatorEvent.day.between(month, _last_day(month)),
        )
        .order_by(IndicatorEvent.at, IndicatorEvent.ref)
    )
    return [
        Event(
            str(row.ref)[:8], row.at, row.code, row.priority, row.answer_s, row.arrival_s,
            row.outcome, row.ref,
        )
        for row in await scope.session.scalars(statement)
    ]  # fmt: skip


def _last_day(month: date) -> date:
    return (month + timedelta(days=32)).replace(day=1) - timedelta(days=1)


def known_indicator(code: str) -> str:
    """Raises NotFoundError."""
    if code not in CATALOGUE:
        raise NotFoundError("indicator")
    return code
