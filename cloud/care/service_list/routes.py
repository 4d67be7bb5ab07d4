"""HTTP for the basic care service list: what elders may have, the rules, and the handbook."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from cloud.care.access import CareReader, RuleKeeper
from cloud.care.service_list import editing, present
from cloud.care.service_list.preview import preview
from cloud.care.service_list.schemas import (
    EntitlementChangesOut,
    EntitlementsOut,
    HandbookOut,
    PreviewIn,
    PreviewOut,
    PublishIn,
    RuleSetIn,
    RuleSetOut,
    RuleSetsOut,
)
from cloud.care.service_list.service import entitlements_of
from cloud.care.service_list.sets import document_of
from cloud.clock import local_date
from cloud.errors import Problem
from cloud.identity.auth import requires
from cloud.identity.permissions import Permission
from cloud.identity.service import Principal
from cloud.people.reach import reach_of
from cloud.people.service import find_elder
from cloud.state import ChangeHeader, State

# A handbook is for everybody who asks: staff and relatives.
HandbookReader = Annotated[
    Principal, requires(Permission.CARE_READ, Permission.FAMILY_READ, Permission.BUREAU_READ)
]

router = APIRouter(
    prefix="/api/v1",
    tags=["care"],
    responses={code: {"model": Problem} for code in (401, 403, 404, 409, 422)},
)


@router.get("/elders/{elder_id}/entitlements")
async def get_entitlements(elder_id: UUID, principal: CareReader, state: State) -> EntitlementsOut:
    """What this elder may be entitled to, with the evidence; hints, decided elsewhere."""
    elder = await find_elder(principal.scope, elder_id)
    today = local_date(state.clock.now())
    rules, found = await entitlements_of(principal.scope, elder, today)
    return EntitlementsOut(
        elder_id=elder_id,
        on=today,
        rule_version=rules.version,
        services=[present.entitlement_out(one) for one in found],
    )


@router.get("/elders/{elder_id}/entitlement-changes")
async def get_entitlement_changes(
    elder_id: UUID, principal: CareReader, state: State
) -> EntitlementChangesOut:
    """How it came to be so: every change, its cause and what was missing then."""
    await find_elder(principal.scope, elder_id)
    reach, today = await reach_of(principal), local_date(state.clock.now())
    return EntitlementChangesOut(
        changes=await present.changes_out(principal.scope, reach, today, elder_id=elder_id)
    )


@router.get("/entitlement-changes")
async def list_entitlement_changes(principal: CareReader, state: State) -> EntitlementChangesOut:
    """What changed of elders one may see, the newest first."""
    reach, today = await reach_of(principal), local_date(state.clock.now())
    return EntitlementChangesOut(changes=await present.changes_out(principal.scope, reach, today))


@router.get("/service-handbook")
async def get_service_handbook(
    principal: HandbookReader,
    state: State,
    region: Annotated[str | None, Query(pattern="^[0-9]{6}$", description="district code")] = None,
) -> HandbookOut:
    """The list in plain words."""
    return await present.handbook_out(principal.scope, local_date(state.clock.now()), region)


@router.get("/service-rule-sets")
async def list_service_rule_sets(principal: RuleKeeper, state: State) -> RuleSetsOut:
    """The national list and this institution's overlays, with what conditions can ask for."""
    return await present.rule_sets_out(principal.scope, local_date(state.clock.now()))


@router.post("/service-rule-sets", dependencies=[ChangeHeader])
async def add_service_rule_set(body: RuleSetIn, principal: RuleKeeper, state: State) -> RuleSetOut:
    """A new overlay as a draft."""
    return present.rule_set_out(await editing.begin(principal, body, state.clock.now()))


@router.put("/service-rule-sets/{rule_set_id}", dependencies=[ChangeHeader])
async def change_service_rule_set(
    rule_set_id: UUID, body: RuleSetIn, principal: RuleKeeper, state: State
) -> RuleSetOut:
    """A draft as wanted; what is wrong with it is named, all at once."""
    row = await editing.change(principal, rule_set_id, body, state.clock.now())
    return present.rule_set_out(row)


@router.post("/service-rule-sets/{rule_set_id}/next", dependencies=[ChangeHeader])
async def begin_next_rule_set(rule_set_id: UUID, principal: RuleKeeper, state: State) -> RuleSetOut:
    """The next edition of a published overlay, as a draft."""
    row = await editing.begin_next(principal, rule_set_id, state.clock.now())
    return present.rule_set_out(row)


@router.delete("/service-rule-sets/{rule_set_id}", dependencies=[ChangeHeader], status_code=204)
async def discard_service_rule_set(rule_set_id: UUID, principal: RuleKeeper, state: State) -> None:
    """Give up a draft."""
    await editing.discard(principal, rule_set_id, state.clock.now())


@router.post("/service-rule-sets/{rule_set_id}/preview", dependencies=[ChangeHeader])
async def preview_service_rule_set(
    rule_set_id: UUID, body: PreviewIn, principal: RuleKeeper
) -> PreviewOut:
    """Whom it would touch; names only of those whom the viewer may see. Writes nothing."""
    row = await editing.find_edition(principal.scope, rule_set_id)
    rules = await editing.checked(principal.scope, document_of(row))
    seen = await preview(principal.scope, rules, body.valid_from)
    reach = await reach_of(principal)
    with_names = principal.may(Permission.CARE_READ)
    return await present.preview_out(principal.scope, seen, reach, with_names=with_names)


@router.post("/service-rule-sets/{rule_set_id}/publish", dependencies=[ChangeHeader])
async def publish_service_rule_set(
    rule_set_id: UUID, body: PublishIn, principal: RuleKeeper, state: State
) -> RuleSetOut:
    """In force from a day on, after a second look at whom it touches, and with a reason."""
    row = await editing.publish(principal, rule_set_id, body, state.clock.now())
    return present.rule_set_out(row)
