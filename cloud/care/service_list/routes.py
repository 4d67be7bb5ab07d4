"""HTTP for the basic care service list."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter

from cloud.care.access import CareReader
from cloud.care.service_list.evaluation import Entitlement
from cloud.care.service_list.rules import national_rules
from cloud.care.service_list.schemas import ConditionOut, EntitlementOut, EntitlementsOut
from cloud.care.service_list.service import entitlements_of
from cloud.clock import local_date
from cloud.errors import Problem
from cloud.people.service import find_elder
from cloud.state import State

router = APIRouter(
    prefix="/api/v1",
    tags=["care"],
    responses={code: {"model": Problem} for code in (401, 403, 404)},
)


@router.get("/elders/{elder_id}/entitlements")
async def get_entitlements(elder_id: UUID, principal: CareReader, state: State) -> EntitlementsOut:
    """What this elder may be entitled to, with the evidence; hints, decided elsewhere."""
    elder = await find_elder(principal.scope, elder_id)
    today = local_date(state.clock.now())
    found = await entitlements_of(principal.scope, elder, today)
    return EntitlementsOut(
        elder_id=elder_id,
        on=today,
        rule_version=national_rules().version,
        services=[_out(one) for one in found],
    )


def _out(found: Entitlement) -> EntitlementOut:
    service = found.service
    return EntitlementOut(
        key=service.key,
        name=service.zh,
        name_en=service.en,
        category=service.category,
        target=service.target_zh,
        hub_use=service.hub_use,
        draft=service.status != "verified",
        standing=found.standing,
        evidence=[
            ConditionOut(
                field=row.field,
                op=row.op,
                wanted=list(row.wanted) if isinstance(row.wanted, tuple) else row.wanted,
                found=row.found,
                source=row.source,
                as_of=row.as_of,
                standing=row.standing,
            )
            for row in found.evidence
        ],
        missing=list(found.missing),
        excluded_by=list(found.excluded_by),
    )
