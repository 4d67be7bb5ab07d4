"""HTTP for relatives, consents and the nine risks."""

from __future__ import annotations

from typing import Annotated, cast
from uuid import UUID

from fastapi import APIRouter, Query

from cloud.audit.actions import Action
from cloud.audit.service import READ_AGAIN_AFTER, record
from cloud.clock import local_date
from cloud.errors import Problem
from cloud.etag import IfMatch, require_version
from cloud.identity.auth import requires
from cloud.identity.models import User
from cloud.identity.permissions import Permission
from cloud.identity.service import Principal
from cloud.people import family, present, risks
from cloud.people.reach import reach_of
from cloud.people.routes import RecordReader, RecordWriter, note_record
from cloud.people.schemas import (
    ConsentIn,
    ConsentsOut,
    FamilyIn,
    FamilyListOut,
    OpenRisksOut,
    RiskChange,
    RiskHistoryOut,
    RiskIn,
    RiskLevel,
    RiskName,
    RiskRegister,
    RisksOut,
    WithdrawalIn,
)
from cloud.people.service import find_elder
from cloud.people.vocabulary import RISKS
from cloud.state import ChangeHeader, State

ConsentManager = Annotated[Principal, requires(Permission.CONSENTS_MANAGE)]

router = APIRouter(
    prefix="/api/v1",
    tags=["elders"],
    responses={code: {"model": Problem} for code in (401, 403, 404, 409, 412, 422, 428)},
)


@router.get("/elders/{elder_id}/family")
async def get_family(elder_id: UUID, who: RecordReader, state: State) -> FamilyListOut:
    """The relatives, with what each may see and what each sees now."""
    elder = await find_elder(who.scope, elder_id)
    return await _family_out(who, elder.id, state)


@router.post("/elders/{elder_id}/family", dependencies=[ChangeHeader])
async def add_family_member(
    elder_id: UUID, body: FamilyIn, who: ConsentManager, state: State
) -> FamilyListOut:
    """A further relative."""
    elder = await find_elder(who.scope, elder_id)
    keyring, now = state.keyring, state.clock.now()
    member = await family.put_family_member(
        who.scope, elder.id, None, body, keyring=keyring, now=now
    )
    note_record(who, elder.id, Action.FAMILY_LINKED, subject=("family_member", member.id))
    return await _family_out(who, elder.id, state)


@router.put("/elders/{elder_id}/family/{family_member_id}", dependencies=[ChangeHeader])
async def change_family_member(
    *, elder_id: UUID, family_member_id: UUID, body: FamilyIn, who: ConsentManager, state: State,
    if_match: IfMatch = None,
) -> FamilyListOut:  # fmt: skip
    """Change a relative. If-Match: the `version` of the list."""
    member = await family.find_family_member(who.scope, elder_id, family_member_id)
    require_version(if_match, member.version)
    keyring, now = state.keyring, state.clock.now()
    before = list(member.may_see)
    await family.put_family_member(who.scope, elder_id, member, body, keyring=keyring, now=now)
    note_record(
        who, elder_id, subject=("family_member", member.id),
        changes={"may_see": (before, member.may_see)},
    )  # fmt: skip
    return await _family_out(who, elder_id, state)


@router.delete("/elders/{elder_id}/family/{family_member_id}", dependencies=[ChangeHeader])
async def end_family_member(
    elder_id: UUID,
    family_member_id: UUID,
    who: ConsentManager,
    state: State,
    if_match: IfMatch = None,
) -> FamilyListOut:
    """From now on this relative sees nothing."""
    member = await family.find_family_member(who.scope, elder_id, family_member_id)
    await family.end_family_member(who.scope, member, if_match, state.clock.now())
    note_record(who, elder_id, Action.FAMILY_UNLINKED, subject=("family_member", member.id))
    return await _family_out(who, elder_id, state)


@router.get("/elders/{elder_id}/consents")
async def get_consents(elder_id: UUID, who: RecordReader, state: State) -> ConsentsOut:
    """All consents, and the purposes that nobody agreed to."""
    elder = await find_elder(who.scope, elder_id)
    return await _consents_out(who, elder.id, state)


@router.post("/elders/{elder_id}/consents", dependencies=[ChangeHeader])
async def add_consent(
    elder_id: UUID, body: ConsentIn, who: ConsentManager, state: State
) -> ConsentsOut:
    """A consent as it was signed."""
    elder = await find_elder(who.scope, elder_id)
    now = state.clock.now()
    consent = await family.add_consent(who.scope, elder.id, body, who.user.id, now)
    note_record(
        who, elder.id, Action.CONSENT_GIVEN, subject=("consent", consent.id),
        reason=f"{consent.purpose}, {consent.text_version}",
    )  # fmt: skip
    return await _consents_out(who, elder.id, state)


@router.post("/elders/{elder_id}/consents/{consent_id}/withdrawal", dependencies=[ChangeHeader])
async def withdraw_consent(
    elder_id: UUID, consent_id: UUID, body: WithdrawalIn, who: ConsentManager, state: State
) -> ConsentsOut:
    """As easily withdrawn as given: from now on the gateways drop what it covered."""
    await family.withdraw_consent(who.scope, elder_id, consent_id, body, state.clock.now())
    note_record(who, elder_id, Action.CONSENT_WITHDRAWN, subject=("consent", consent_id))
    return await _consents_out(who, elder_id, state)


@router.get("/elders/{elder_id}/risks")
async def get_risks(elder_id: UUID, who: RecordReader, state: State) -> RisksOut:
    """The nine risks (九防). What was never assessed is an open task."""
    elder = await find_elder(who.scope, elder_id)
    return await _risks_out(who, elder.id, state)


@router.put("/elders/{elder_id}/risks", dependencies=[ChangeHeader])
async def assess_risk(elder_id: UUID, body: RiskIn, who: RecordWriter, state: State) -> RisksOut:
    """Assess one of the nine. A risk needs measures, somebody who owns them, and a review."""
    elder = await find_elder(who.scope, elder_id)
    by, now = who.user.display_name, state.clock.now()
    held = (await risks.risks_of(who.scope, [elder.id]))[elder.id].get(body.risk)
    before = "not_assessed" if held is None else held.level
    await risks.assess_risk(who.scope, elder.id, body, by=by, now=now)
    note_record(who, elder.id, subject=("risk", body.risk), changes={"level": (before, body.level)})
    return await _risks_out(who, elder.id, state)


@router.get("/elders/{elder_id}/risk-history")
async def get_risk_history(
    elder_id: UUID, who: RecordReader, risk: Annotated[RiskName | None, Query()] = None
) -> RiskHistoryOut:
    """What each of the nine was said to be, when and by whom; newest first."""
    elder = await find_elder(who.scope, elder_id)
    return RiskHistoryOut(
        changes=[
            RiskChange(
                risk=cast(RiskName, row.risk), name_zh=RISKS[row.risk], version=row.version,
                level=cast(RiskLevel, row.level), measures=row.measures, owner=row.owner,
                review_on=row.review_on, at=row.at, by=row.by,
            )
            for row in await risks.history_of(who.scope, elder.id, risk)
        ]
    )  # fmt: skip


@router.get("/risks")
async def get_risk_register(
    *, who: RecordReader, state: State,
    risk: Annotated[RiskName | None, Query()] = None,
    level: Annotated[RiskLevel | None, Query()] = None,
    owner: Annotated[str | None, Query(max_length=100)] = None,
    overdue: Annotated[bool, Query(description="only reviews that are due")] = False,
) -> RiskRegister:  # fmt: skip
    """The nine risks of everybody who stays here: counts over all, and the rows asked for."""
    hidden = await (await reach_of(who)).hidden()
    now = state.clock.now()
    rows = await risks.register_of(who.scope, now, hidden)
    shown = [
        row
        for row in rows
        if risk in (None, row.entry.risk)
        and level in (None, row.entry.level)
        and (owner is None or owner.strip() in row.entry.owner)
        and (not overdue or (row.entry.is_due and row.entry.level != "not_assessed"))
    ]
    record(
        who.scope, who.actor, Action.RECORDS_SEARCHED, now, subject=("risks", "register"),
        once_within=READ_AGAIN_AFTER,
    )  # fmt: skip
    return RiskRegister(
        counts=[risks.count_of(name, rows) for name in RISKS], rows=shown,
        elders=len({row.elder_id for row in rows}),
    )  # fmt: skip


@router.get("/risks/open")
async def get_open_risks(who: RecordReader, state: State) -> OpenRisksOut:
    """Who of those who stay here has a risk to assess or to review."""
    hidden = await (await reach_of(who)).hidden()
    found = await risks.open_risks(who.scope, state.clock.now())
    return OpenRisksOut(elders=[one for one in found if one.elder_id not in hidden])


async def _family_out(who: Principal, elder_id: UUID, state: State) -> FamilyListOut:
    members = await family.family_of(who.scope, elder_id)
    consents = await family.consents_of(who.scope, elder_id)
    users = who.scope.select(User).where(User.id.in_([m.user_id for m in members if m.user_id]))
    names = {user.id: user.username for user in await who.scope.session.scalars(users)}
    now = state.clock.now()
    return FamilyListOut(
        family=[
            present.family_out(
                member, consents, names.get(member.user_id) if member.user_id else None,
                state.keyring, now,
            ) for member in members
        ]
    )  # fmt: skip


async def _consents_out(who: Principal, elder_id: UUID, state: State) -> ConsentsOut:
    now = state.clock.now()
    rows = await family.consents_of(who.scope, elder_id)
    agreed = {row.purpose for row in rows if family.in_force(row, now)}
    return ConsentsOut(
        consents=[present.consent_out(row, now) for row in rows],
        missing=[purpose for purpose in family.PURPOSES if purpose not in agreed],
    )


async def _risks_out(who: Principal, elder_id: UUID, state: State) -> RisksOut:
    entries = (await risks.risks_of(who.scope, [elder_id]))[elder_id]
    today = local_date(state.clock.now())
    return RisksOut(risks=[risks.risk_out(risk, entries.get(risk), today) for risk in RISKS])
