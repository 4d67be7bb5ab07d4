"""HTTP for proposals: what would have been spared, and a person's yes or no."""

from __future__ import annotations

from typing import Annotated, Literal, cast
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from cloud.alerts.tuning import service
from cloud.alerts.tuning.models import TuningProposal
from cloud.database import TenantScope
from cloud.errors import Problem
from cloud.identity.auth import requires
from cloud.identity.permissions import Permission
from cloud.identity.service import Principal
from cloud.people.reach import reach_of
from cloud.people.service import elders_by_id
from cloud.schema_types import ApiModel, UtcMs
from cloud.state import ChangeHeader, State

ProposalManager = Annotated[Principal, requires(Permission.ALERT_RULES_MANAGE)]

router = APIRouter(
    prefix="/api/v1/duty/tuning",
    tags=["duty"],
    responses={401: {"model": Problem}, 403: {"model": Problem}, 404: {"model": Problem}},
)
ProposalState = Literal["open", "approved", "refused", "withdrawn", "undone"]


class ProposalCaseOut(ApiModel):
    """An alert it rests on."""

    alert_id: UUID
    happened_at: UtcMs
    verdict: Literal["true", "false", "unclear"]
    chance: float = Field(description="probability that the detector of today gives it")
    spared: bool


class ProposalOut(ApiModel):
    """A limit for one person, from their own verdicts of the last 60 days."""

    id: UUID
    elder_id: UUID
    elder: str
    setting: str
    detector: str
    made_at: UtcMs
    since: UtcMs
    held: float = Field(description="the limit in force then")
    proposed: float
    judged: int = Field(description="alerts with a verdict that were decided again")
    spared: int = Field(description="false alarms that would not have come")
    missed: int = Field(description="what staff could not judge and would not have come")
    kept_true: int = Field(description="confirmed falls of the house that it still tells")
    cases: list[ProposalCaseOut]
    state: ProposalState
    decided_at: UtcMs | None
    decided_by: str | None
    note: str | None


class ProposalList(ApiModel):
    """Open ones first, then the newest."""

    proposals: list[ProposalOut]


class ProposalDecisionIn(ApiModel):
    """Yes or no; with a word why, if one likes."""

    approve: bool
    note: str | None = Field(default=None, max_length=500)


@router.get("")
async def list_proposals(principal: ProposalManager) -> ProposalList:
    """What the nightly look found, and what became of it."""
    scope, reach = principal.scope, await reach_of(principal)
    rows = await scope.session.scalars(
        scope.select(TuningProposal)
        .where(~reach.hides(TuningProposal.elder_id))
        .order_by(TuningProposal.made_at.desc())
        .limit(200)
    )
    ordered = sorted(rows, key=lambda row: row.state != "open")
    return ProposalList(proposals=await _out(scope, ordered))


@router.post("/{proposal_id}", dependencies=[ChangeHeader], responses={409: {"model": Problem}})
async def decide_proposal(
    proposal_id: UUID, said: ProposalDecisionIn, principal: ProposalManager, state: State
) -> ProposalOut:
    """Approve or refuse. What is approved reaches the gateway; a confirmed fall takes it back."""
    row = await service.decide(
        principal, proposal_id, state.clock.now(), approve=said.approve, note=said.note
    )
    (out,) = await _out(principal.scope, [row])
    return out


async def _out(scope: TenantScope, rows: list[TuningProposal]) -> list[ProposalOut]:
    elders = await elders_by_id(scope, {row.elder_id for row in rows})
    return [
        ProposalOut(
            id=row.id, elder_id=row.elder_id, elder=elders[row.elder_id].name,
            setting=row.setting, detector=row.detector, made_at=row.made_at, since=row.since,
            held=row.held, proposed=row.proposed, judged=row.judged, spared=row.spared,
            missed=row.missed, kept_true=row.kept_true,
            cases=[ProposalCaseOut.model_validate(case) for case in row.cases],
            state=cast(ProposalState, row.state), decided_at=row.decided_at,
            decided_by=row.decided_by, note=row.note,
        )
        for row in rows
    ]  # fmt: skip
