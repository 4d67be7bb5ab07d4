"""HTTP for statements of service."""

from __future__ import annotations

import csv
import io
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Response

from cloud.audit.actions import Action
from cloud.audit.service import record
from cloud.care.statement import service
from cloud.care.statement.gather import bounds, purchasers
from cloud.care.statement.lines import Line, plain
from cloud.care.statement.schemas import (
    CountOut,
    PurchaserRow,
    ServiceStatementOut,
    ServiceStatementsOut,
    StatementCorrectionOut,
    StatementLineOut,
    StatementSignatureIn,
)
from cloud.errors import Problem
from cloud.identity.auth import requires
from cloud.identity.permissions import Permission
from cloud.identity.service import Principal
from cloud.spreadsheets import csv_download, plain_cell
from cloud.state import ChangeHeader, State

# Names with what was done for them, handed to another body: that is an export of records.
StatementKeeper = Annotated[Principal, requires(Permission.RECORDS_EXPORT)]
Purchaser = Annotated[str, Query(min_length=1, max_length=200)]
_COLUMNS = (
    "section", "month", "change", "kind", "elder", "at", "until", "minutes", "by", "place",
    "confirmed", "note", "ref",
)  # fmt: skip

router = APIRouter(
    prefix="/api/v1/service-statements",
    tags=["statements"],
    responses={code: {"model": Problem} for code in (401, 403, 404, 409, 422)},
)


@router.get("")
async def list_service_statements(
    principal: StatementKeeper, state: State, month: date | None = None
) -> ServiceStatementsOut:
    """Who buys services, and for whom the month is signed."""
    on = (month or service.this_month(state.clock.now())).replace(day=1)
    signed = await service.signed_of_month(principal.scope, on)
    names = sorted({*await purchasers(principal.scope), *signed})
    return ServiceStatementsOut(
        month=on,
        rows=[
            PurchaserRow(
                purchaser=name,
                signed_at=signed[name].signed_at if name in signed else None,
                signed_by=signed[name].signed_by if name in signed else None,
            )
            for name in names
        ],
    )


@router.get("/one")
async def get_service_statement(
    principal: StatementKeeper, state: State, month: date, purchaser: Purchaser
) -> ServiceStatementOut:
    """What was signed; where nothing was, the draft as the record stands now."""
    now = state.clock.now()
    found = await service.statement_of(principal.scope, month, purchaser, now)
    _note(principal, month, purchaser, "read")
    return _out(found, can_sign=found.signed is None and now >= bounds(month)[1])


@router.post("", dependencies=[ChangeHeader])
async def sign_service_statement(
    body: StatementSignatureIn, principal: StatementKeeper, state: State
) -> ServiceStatementOut:
    """Sign it: from now on it never changes, and what was wrong stands in the next one."""
    now = state.clock.now()
    found = await service.sign(principal, body.month, body.purchaser, body.sha256, now)
    return _out(found, can_sign=False)


@router.get(
    "/csv",
    response_class=Response,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
async def get_service_statement_csv(
    principal: StatementKeeper, state: State, month: date, purchaser: Purchaser
) -> Response:
    """The same as a table; the last row has the hash."""
    found = await service.statement_of(principal.scope, month, purchaser, state.clock.now())
    _note(principal, month, purchaser, "csv")
    out = io.StringIO()
    writer = csv.DictWriter(out, _COLUMNS, extrasaction="ignore")
    writer.writeheader()
    told = month.isoformat()
    writer.writerows(_row("service", told, "", line) for line in found.lines)
    for one in found.corrections:
        for what, line in (("before", one.before), ("now", one.now)):
            if line is not None:
                writer.writerow(_row(f"correction_{what}", one.month, one.change, line))
    state_word = "signed" if found.signed is not None else "draft"
    writer.writerow({"section": state_word, "month": told, "ref": found.sha256})
    return csv_download(out.getvalue(), f"服务结算单-{month:%Y-%m}-{purchaser}.csv")


def _row(section: str, month: str, change: str, line: Line) -> dict[str, str]:
    """A cell that begins like a formula is text all the same."""
    told = {"section": section, "month": month, "change": change, **plain(line)}
    return {key: plain_cell(value) for key, value in told.items()}


def _note(principal: Principal, month: date, purchaser: str, how: str) -> None:
    record(
        principal.scope, principal.actor, Action.RECORD_EXPORTED, principal.at,
        subject=("service_statement", f"{month} {purchaser}"), detail={"how": how},
    )  # fmt: skip


def _out(found: service.Statement, *, can_sign: bool) -> ServiceStatementOut:
    body, signed = found.body, found.signed
    return ServiceStatementOut(
        operator=body["operator"],
        purchaser=body["purchaser"],
        month=date.fromisoformat(body["month"]),
        lines=[StatementLineOut.model_validate(one) for one in body["lines"]],
        totals={key: CountOut(**one) for key, one in body["totals"].items()},
        corrections=[StatementCorrectionOut.model_validate(one) for one in body["corrections"]],
        sha256=found.sha256,
        intact=found.intact,
        can_sign=can_sign,
        signed_at=None if signed is None else signed.signed_at,
        signed_by=None if signed is None else signed.signed_by,
    )
