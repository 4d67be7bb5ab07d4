"""HTTP for the shift handover."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import AwareDatetime

from cloud.audit import service as audit
from cloud.audit.actions import Action
from cloud.care.access import CareReader, CareWriter, RuleKeeper
from cloud.care.handover import present, service
from cloud.care.handover.machine import HandoverState, Step
from cloud.care.handover.models import Handover
from cloud.care.handover.schemas import (
    GiveIn,
    HandoverDetail,
    HandoverOut,
    HandoverSettingsIO,
    HandoverSheet,
    HandoversOut,
    ObjectIn,
    TakeIn,
)
from cloud.care.handover.watch import follow_handovers
from cloud.errors import NotFoundError, Problem
from cloud.identity.auth import caller_of
from cloud.identity.permissions import Permission
from cloud.identity.service import Principal
from cloud.identity.signing import SignatureIn, Signer, prove_signer
from cloud.people.reach import OutsideUnitError, reach_of
from cloud.places.service import unit_names
from cloud.state import AppState, ChangeHeader, State

router = APIRouter(
    prefix="/api/v1",
    tags=["care"],
    responses={code: {"model": Problem} for code in (401, 403, 404, 409, 422)},
)


@router.get("/handovers")
async def list_handovers(
    principal: CareReader, state: State, unit_id: Annotated[UUID, Query()]
) -> HandoversOut:
    """Of a unit: which shifts are to be handed over, and how it went before."""
    await _require_unit(principal, unit_id)
    return await present.overview(principal.scope, unit_id, state.clock.now())


@router.get("/handovers/sheet")
async def get_handover_sheet(
    *, principal: CareReader, state: State, unit_id: UUID, shift_starts_at: AwareDatetime
) -> HandoverSheet:
    """What is to be handed over now, and what has changed since it was given."""
    await _require_unit(principal, unit_id)
    scope, now = principal.scope, state.clock.now()
    shift = await service.shift_of(scope, shift_starts_at)
    audit.record(
        scope, principal.actor, Action.RECORD_READ, now, subject=("handover_unit", unit_id),
        once_within=audit.READ_AGAIN_AFTER,
    )  # fmt: skip
    return await present.sheet_out(scope, unit_id, shift, now)


@router.post("/handovers", dependencies=[ChangeHeader])
async def give_handover(
    body: GiveIn, request: Request, principal: CareWriter, state: State
) -> HandoverOut:
    """The giver signs the facts as they stand. 409 where they, or the handover, have changed."""
    await _require_unit(principal, body.unit_id)
    scope, now = principal.scope, state.clock.now()
    shift = await service.shift_of(scope, body.shift_starts_at)
    signer = await _prove(request, principal, state, body.signature)
    held = await service.give(
        principal, signer, body.unit_id, shift, read_sha256=body.read_sha256,
        named_id=body.named_id, words=body.words, revision=body.revision, now=now,
    )  # fmt: skip
    return await _told(principal, held)


@router.post("/handovers/{handover_id}/take", dependencies=[ChangeHeader])
async def take_handover(
    handover_id: UUID, body: TakeIn, request: Request, principal: CareWriter, state: State
) -> HandoverOut:
    """The taker has read the snapshot and what has changed since, and signs."""
    return await _receive(
        Step.TAKE, handover_id, body, request=request, principal=principal, state=state
    )


@router.post("/handovers/{handover_id}/object", dependencies=[ChangeHeader])
async def object_to_handover(
    handover_id: UUID, body: ObjectIn, request: Request, principal: CareWriter, state: State
) -> HandoverOut:
    """The taker does not agree, and says with what. The giver signs anew."""
    return await _receive(
        Step.OBJECT, handover_id, body, request=request, principal=principal, state=state
    )


@router.get("/handovers/{handover_id}")
async def get_handover(handover_id: UUID, principal: CareReader, state: State) -> HandoverDetail:
    """One handover with its signatures and what was signed, whenever it was."""
    found = await service.find(principal.scope, handover_id)
    await _require_unit(principal, found.unit_id)
    audit.record(
        principal.scope, principal.actor, Action.RECORD_READ, state.clock.now(),
        subject=("handover", handover_id), once_within=audit.READ_AGAIN_AFTER,
    )  # fmt: skip
    return await present.detail_out(principal.scope, found)


@router.put("/handover-settings", dependencies=[ChangeHeader])
async def put_handover_settings(
    body: HandoverSettingsIO, principal: RuleKeeper, state: State
) -> HandoverSettingsIO:
    """Whether a missing handover is called out, and after how long."""
    held = await service.change_settings(
        principal, active=body.active, limit_min=body.limit_min, earliest_min=body.earliest_min,
        version=body.version, now=state.clock.now(),
    )  # fmt: skip
    return present.settings_out(held)


async def _receive(
    step: Step, handover_id: UUID, body: TakeIn | ObjectIn, *, request: Request,
    principal: Principal, state: AppState,
) -> HandoverOut:  # fmt: skip
    found = await service.find(principal.scope, handover_id)
    await _require_unit(principal, found.unit_id)
    signer = await _prove(request, principal, state, body.signature)
    now = state.clock.now()
    held = await service.receive(
        principal, signer, handover_id, step, snapshot_sha256=body.snapshot_sha256,
        read_sha256=body.read_sha256, words=body.words, now=now,
    )  # fmt: skip
    if held.state == HandoverState.TAKEN:
        await follow_handovers(principal.scope, now)
    return await _told(principal, held)


async def _told(principal: Principal, held: Handover) -> HandoverOut:
    names = {user.id: user.display_name for user in await service.staff(principal.scope)}
    return present.handover_out(held, names)


async def _prove(
    request: Request, principal: Principal, state: AppState, said: SignatureIn
) -> Signer:
    return await prove_signer(
        principal, said, Permission.CARE_WRITE, database=state.database, keyring=state.keyring,
        address=caller_of(request).address, now=state.clock.now(),
    )  # fmt: skip


async def _require_unit(principal: Principal, unit_id: UUID) -> None:
    """Raises NotFoundError, OutsideUnitError."""
    if unit_id not in await unit_names(principal.scope, [unit_id]):
        raise NotFoundError("unit")
    units = (await reach_of(principal)).units
    if units is not None and unit_id not in units:
        raise OutsideUnitError
