"""HTTP for series."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import AwareDatetime

from cloud.clock import NS_PER_S, datetime_from_ns, ns_from_datetime
from cloud.errors import Problem, ProblemError
from cloud.identity.auth import requires
from cloud.identity.permissions import Permission
from cloud.identity.service import Principal
from cloud.people.service import find_elder
from cloud.series.schemas import LatestOut, LineOut, SeriesOut, SilenceOut
from cloud.series.service import SeriesStore, Wanted, elder_latest, elder_series
from cloud.series.slots import Unit
from cloud.state import State
from edge.signals import QUANTITIES

MAX_POINTS: Final = 5_000
MIN_POINTS: Final = 4
_NS_PER_MS: Final = 1_000_000

SeriesReader = Annotated[Principal, requires(Permission.SERIES_READ)]

router = APIRouter(
    prefix="/api/v1/elders",
    tags=["series"],
    responses={code: {"model": Problem} for code in (401, 403, 404, 422)},
)


@router.get("/{elder_id}/series")
async def get_elder_series(
    *,
    request: Request,
    elder_id: UUID,
    principal: SeriesReader,
    state: State,
    quantity: str,
    begin: Annotated[AwareDatetime, Query(alias="from")],
    end: Annotated[AwareDatetime, Query(alias="to")],
    points: Annotated[int, Query(ge=MIN_POINTS, le=MAX_POINTS)] = 500,
) -> SeriesOut:
    """One quantity of one elder in at most `points`; lowest and highest are kept."""
    from_ns, until_ns = _range_ns(begin, end)
    if quantity not in QUANTITIES:
        raise _bad_request("quantity", f"unknown quantity {quantity[:80]!r}")
    store: SeriesStore = request.app.state.series
    await find_elder(principal.scope, elder_id)
    wanted = Wanted(quantity, from_ns, until_ns, points)
    now_ns = state.clock.now_ns()
    series = await elder_series(principal.scope, store, elder_id, wanted, now_ns)
    latest = await elder_latest(principal.scope, store, elder_id, now_ns + NS_PER_S)
    return SeriesOut(
        elder_id=elder_id,
        quantity=quantity,
        unit=QUANTITIES[quantity].unit,
        from_at=begin,
        until_at=end,
        slot_s=series.unit // Unit.MINUTE * 60,
        lines=[
            LineOut(
                device_id=line.device_id,
                origin=line.origin,
                at_ms=[time_ns // _NS_PER_MS for time_ns, _ in line.points],
                values=[value for _, value in line.points],
            )
            for line in series.lines
        ],
        gaps=[
            SilenceOut(
                from_at=datetime_from_ns(gap.from_ns),
                until_at=datetime_from_ns(gap.until_ns),
                reason=gap.reason,
            )
            for gap in series.gaps
        ],
        latest=[
            LatestOut(
                device_id=item.device_id,
                origin=item.origin,
                at=datetime_from_ns(item.time_ns),
                value=item.value,
            )
            for item in latest if item.quantity == quantity
        ],
    )  # fmt: skip


def _range_ns(begin: datetime, end: datetime) -> tuple[int, int]:
    from_ns, until_ns = ns_from_datetime(begin), ns_from_datetime(end)
    if from_ns < 0 or until_ns > 2**63 - 1:
        raise _bad_request("from", "must be within 1970..2262")
    if from_ns >= until_ns:
        raise _bad_request("to", "must be later than from")
    return from_ns, until_ns


def _bad_request(field: str, message: str) -> ProblemError:
    errors = [{"field": f"query.{field}", "message": message}]
    return ProblemError(422, "bad_request", f"query.{field}: {message}", errors=errors)
