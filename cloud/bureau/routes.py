"""HTTP for oversight: definitions, a month, a trend, what is behind a number, PDF and Excel.

A bureau sees its members, masked; whoever reads an institution's reports sees its own numbers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from datetime import date
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from joserfc.jwk import ECKey

from cloud.audit.actions import Action
from cloud.audit.service import record
from cloud.bureau import service
from cloud.bureau.catalogue import CATALOGUE
from cloud.bureau.document import document_of, hash_of, signature_of
from cloud.bureau.excel import sheet_excel
from cloud.bureau.masking import SMALL
from cloud.bureau.pdf import sheet_pdf
from cloud.bureau.schemas import (
    BureauEvent,
    BureauEvents,
    BureauFigure,
    BureauNode,
    BureauSheet,
    CatalogueOut,
    IndicatorOut,
    IndicatorWords,
    TrendOut,
    TrendPoint,
)
from cloud.bureau.sheet import Figure, Sheet
from cloud.clock import local_date
from cloud.errors import NotFoundError, Problem
from cloud.identity.auth import requires
from cloud.identity.permissions import Permission
from cloud.identity.service import Principal

IndicatorReader = Annotated[Principal, requires(Permission.BUREAU_READ, Permission.REPORTS_READ)]
Month = Annotated[date, Query(description="any day of the month")]
Language = Annotated[Literal["zh", "en"], Query(description="the language of the sheet")]
_XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_BINARY: Final = {"type": "string", "format": "binary"}

router = APIRouter(
    prefix="/api/v1/bureau",
    tags=["bureau"],
    responses={code: {"model": Problem} for code in (401, 403, 404, 422)},
)


@router.get("/indicators")
async def list_indicators(_principal: IndicatorReader) -> CatalogueOut:
    """The definitions: what counts, what does not, from where."""
    return CatalogueOut(
        indicators=[
            IndicatorOut(
                code=one.code, shape=one.shape.value, zh=IndicatorWords(**asdict(one.zh)),
                en=IndicatorWords(**asdict(one.en)), of_people=one.of_people,
                goal_percent=one.goal_percent, per=one.per, kinds=list(one.kinds),
                drill=one.drill, connected=one.connected,
            )
            for one in CATALOGUE.values()
        ],
        masked_below=SMALL,
    )  # fmt: skip


@router.get("/sheet")
async def get_bureau_sheet(month: Month, principal: IndicatorReader) -> BureauSheet:
    """A month of all indicators, by city, district and institution."""
    sheet, document = await _sheet(principal, month)
    members = {m.key: m for m in await service.members_of(principal.scope)}
    own = not service.is_bureau(principal)
    return BureauSheet(
        month=f"{sheet.month:%Y-%m}", whose="own" if own else "bureau",
        running=_running(sheet, principal),
        computed_at=sheet.computed_at,
        nodes=[
            BureauNode(
                **asdict(node),
                shows_events=node.level == "institution"
                and (own or (node.key in members and members[node.key].shows_events)),
            )
            for node in sheet.nodes
        ],
        figures=[_figure(figure) for figure in sheet.figures], sha256=hash_of(document),
    )  # fmt: skip


@router.get("/trend")
async def get_bureau_trend(
    principal: IndicatorReader, indicator: str, month: Month, node: str = "all"
) -> TrendOut:
    """Twelve months of one indicator of one node, the last one `month`."""
    code = service.known_indicator(indicator)
    last = service.month_of(month, local_date(principal.at))
    points = []
    for sheet in await service.sheets(principal, service.months_until(last)):
        held = next((one for one in sheet.nodes if one.key == node), None)
        if held is None:
            raise NotFoundError("node")
        points.append(
            TrendPoint(
                month=f"{sheet.month:%Y-%m}", days=held.days, of_days=held.of_days,
                figures=[
                    _figure(one)
                    for one in sheet.figures
                    if (one.node, one.indicator) == (node, code)
                ],
            )
        )  # fmt: skip
    return TrendOut(indicator=code, node=node, points=points)


@router.get("/events")
async def list_bureau_events(
    principal: IndicatorReader, indicator: str, member_id: UUID, month: Month, kind: str = ""
) -> BureauEvents:
    """What is behind a number of an institution, without who and where."""
    first = service.month_of(month, local_date(principal.at))
    found = await service.events_of(principal, indicator, member_id, first, kind)
    shown = found[: service.MAX_EVENTS]
    return BureauEvents(
        indicator=indicator, month=first, events=[BureauEvent(**asdict(one)) for one in shown],
        more=len(found) > len(shown),
    )  # fmt: skip


@router.get(
    "/sheet/pdf",
    response_class=Response,
    responses={200: {"content": {"application/pdf": {"schema": _BINARY}}}},
)
async def get_bureau_pdf(
    month: Month, principal: IndicatorReader, request: Request, language: Language = "zh"
) -> Response:
    """The month on paper, signed."""
    made = await _made(principal, month, request, sheet_pdf, language)
    return _file(made, "application/pdf", f"oversight-{month:%Y-%m}.pdf")


@router.get(
    "/sheet/excel",
    response_class=Response,
    responses={200: {"content": {_XLSX: {"schema": _BINARY}}}},
)
async def get_bureau_excel(
    month: Month, principal: IndicatorReader, request: Request, language: Language = "zh"
) -> Response:
    """The month as a workbook, signed."""
    made = await _made(principal, month, request, sheet_excel, language)
    return _file(made, _XLSX, f"oversight-{month:%Y-%m}.xlsx")


@router.get(
    "/sheet/document",
    response_class=Response,
    responses={200: {"content": {"application/json": {"schema": {"type": "object"}}}}},
)
async def get_bureau_document(
    month: Month, principal: IndicatorReader, request: Request
) -> Response:  # fmt: skip
    """The bytes that were hashed and signed; the signature stands in a header."""
    _, document = await _sheet(principal, month)
    answer = _file(document, "application/json", f"oversight-{month:%Y-%m}.json")
    answer.headers["X-Yuyue-Signature"] = signature_of(document, _key(request))
    answer.headers["X-Yuyue-Sha256"] = hash_of(document)
    return answer


async def _sheet(principal: Principal, month: date) -> tuple[Sheet, bytes]:
    first = service.month_of(month, local_date(principal.at))
    (sheet,) = await service.sheets(principal, [first])
    return sheet, document_of(sheet, str(principal.scope.institution_id))


async def _made(
    principal: Principal, month: date, request: Request, make: Callable[..., bytes],
    language: Literal["zh", "en"],
) -> bytes:  # fmt: skip
    sheet, document = await _sheet(principal, month)
    record(
        principal.scope, principal.actor, Action.INDICATORS_EXPORTED, principal.at,
        detail={"month": f"{month:%Y-%m}", "sha256": hash_of(document)},
    )  # fmt: skip
    title, running = sheet.nodes[0].name, _running(sheet, principal)
    signature = signature_of(document, _key(request))
    # A city's sheet takes seconds: other calls go on meanwhile.
    return await asyncio.to_thread(
        make, sheet, title, hash_of(document), signature, language, running=running
    )


def _key(request: Request) -> ECKey:
    key: ECKey = request.app.state.exchange_key()
    return key


def _running(sheet: Sheet, principal: Principal) -> bool:
    today: date = local_date(principal.at)
    return (sheet.month.year, sheet.month.month) == (today.year, today.month)


def _figure(figure: Figure) -> BureauFigure:
    return BureauFigure(**asdict(figure))


def _file(content: bytes, kind: str, name: str) -> Response:
    headers: dict[str, Any] = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=kind, headers=headers)
