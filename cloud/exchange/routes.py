"""HTTP for exchange beside FHIR's own calls: partners, bundles out, results from elsewhere."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, cast
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from cloud.audit import service as audit
from cloud.audit.actions import Action
from cloud.care.access import CareReader, CareWriter
from cloud.care.assessment.present import level_name
from cloud.care.assessment.service import latest_filed
from cloud.errors import Problem
from cloud.exchange import service
from cloud.exchange.fhir_routes import asked_of, base_of, fhir_answer
from cloud.exchange.gather import everything
from cloud.exchange.models import ExchangePartner, OutsideResult
from cloud.exchange.resources import bundle, checked
from cloud.exchange.schemas import (
    BundleIn,
    DecisionIn,
    KeysOut,
    OutsideIn,
    OutsideListOut,
    OutsideOut,
    PartnerIn,
    PartnerOut,
    PartnersOut,
)
from cloud.exchange.signing import public_jwk, sign
from cloud.identity.auth import PUBLIC, requires
from cloud.identity.permissions import Permission
from cloud.identity.service import Principal, institution_name
from cloud.people.record import number_of
from cloud.people.routes import record_rules
from cloud.people.service import elders_by_id
from cloud.state import ChangeHeader, State

Exporter = Annotated[Principal, requires(Permission.RECORDS_EXPORT)]
PartnerKeeper = Annotated[Principal, requires(Permission.USERS_MANAGE)]

router = APIRouter(
    prefix="/api/v1",
    tags=["exchange"],
    responses={code: {"model": Problem} for code in (401, 403, 404, 409, 422)},
)


@router.get("/exchange-keys", dependencies=[PUBLIC])
async def get_exchange_keys(request: Request) -> KeysOut:
    """The public key that our bundles are signed with, for partners to check them."""
    return KeysOut(keys=[public_jwk(request.app.state.exchange_key())])


@router.get("/exchange-partners")
async def list_exchange_partners(principal: PartnerKeeper) -> PartnersOut:
    """Whose signed results are taken."""
    rows = await service.partners(principal.scope)
    return PartnersOut(partners=[_partner_out(row) for row in rows])


@router.post("/exchange-partners", dependencies=[ChangeHeader])
async def add_exchange_partner(
    body: PartnerIn, principal: PartnerKeeper, state: State
) -> PartnerOut:
    """From now on results that this key signed are taken in."""
    return _partner_out(await service.add_partner(principal, body, state.clock.now()))


@router.post("/exchange-partners/{partner_id}/end", dependencies=[ChangeHeader], status_code=204)
async def end_exchange_partner(partner_id: UUID, principal: PartnerKeeper, state: State) -> None:
    """Nothing more is taken from it; what was taken stays."""
    await service.end_partner(principal, partner_id, state.clock.now())


@router.post(
    "/elders/{elder_id}/bundles", dependencies=[ChangeHeader], response_class=Response,
    responses={200: {"content": {"application/fhir+json": {}}}},
)  # fmt: skip
async def make_bundle(
    *, elder_id: UUID, body: BundleIn, request: Request, principal: Exporter, state: State
) -> Response:
    """The record as a signed bundle for another body: only with the elder's consent."""
    asked = await asked_of(request, principal, elder_id, body.version)
    await service.require_sharing(principal.scope, asked.elder, asked.now)
    if body.with_citizen_number:
        number = number_of(asked.elder, record_rules(state))
        asked = replace(asked, citizen_number=number)
    found = await everything(principal.scope, asked)
    made = checked(
        body.version,
        bundle(
            "collection", found, at=asked.now, total=len(found), base=base_of(request, body.version)
        ),
    )
    name = await institution_name(principal.scope)
    audit.record(
        principal.scope, principal.actor, Action.RECORD_EXPORTED, asked.now, elder_id=elder_id,
        subject=("bundle", made["id"]), reason=body.purpose,
        detail={"recipient": body.recipient, "with_citizen_number": body.with_citizen_number},
    )  # fmt: skip
    return fhir_answer(sign(made, request.app.state.exchange_key(), name, asked.now))


@router.get("/outside-results")
async def list_outside_results(
    principal: CareReader, undecided: Annotated[bool, Query()] = False
) -> OutsideListOut:
    """Assessments of other bodies: undecided first."""
    rows = await service.outside_results(principal, undecided_only=undecided)
    return OutsideListOut(results=await _outside_out(principal, rows))


@router.post("/outside-results", dependencies=[ChangeHeader])
async def take_outside_result(body: OutsideIn, principal: CareWriter, state: State) -> OutsideOut:
    """Another body's signed assessment: checked, and kept for a person to decide."""
    row = await service.take_in(principal, body, state.keyring, state.clock.now())
    return await _one_out(principal, row)


@router.post("/outside-results/{result_id}/decision", dependencies=[ChangeHeader])
async def decide_outside_result(
    result_id: UUID, body: DecisionIn, principal: CareWriter, state: State
) -> OutsideOut:
    """Take it over as an assessment with its source, or not and why."""
    row = await service.decide(principal, result_id, body, state.clock.now())
    return await _one_out(principal, row)


async def _one_out(principal: Principal, row: OutsideResult) -> OutsideOut:
    partner = await service.find_partner(principal.scope, row.partner_id)
    (out,) = await _outside_out(principal, [(row, partner.name)])
    return out


async def _outside_out(
    principal: Principal, rows: list[tuple[OutsideResult, str]]
) -> list[OutsideOut]:
    ids = {row.elder_id for row, _ in rows}
    elders = await elders_by_id(principal.scope, ids)
    own = await latest_filed(principal.scope, list(ids))
    return [
        OutsideOut(
            id=row.id, partner=name, elder_id=row.elder_id,
            elder_name=elders[row.elder_id].name, reference_date=row.reference_date,
            total=row.total, level=row.level, level_name=level_name(row.level) or "",
            matched_by=cast(Any, row.matched_by),
            own_level=own[row.elder_id].final_level if row.elder_id in own else None,
            received_at=row.received_at, accepted=row.accepted, decided_at=row.decided_at,
            note=row.note, assessment_id=row.assessment_id,
        )
        for row, name in rows
    ]  # fmt: skip


def _partner_out(row: ExchangePartner) -> PartnerOut:
    return PartnerOut(
        id=row.id, name=row.name, key_id=row.key_id, created_at=row.created_at,
        ended_at=row.ended_at,
    )  # fmt: skip
