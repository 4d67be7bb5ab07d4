"""Home beds: applications, moves with what they need, and what follows from each."""

from __future__ import annotations

import uuid
from calendar import monthrange
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from cloud.audit import service as audit
from cloud.audit.actions import Action
from cloud.care.assessment.models import Assessment
from cloud.care.homebed.models import HomeBed, HomeBedMove
from cloud.care.homebed.schemas import ApplicationIn, FittedHomeIn, HomeBedMoveIn
from cloud.care.homebed.steps import (
    BedMove,
    BedStep,
    Known,
    RefusedError,
    after,
    assessment_days,
    warranty_months,
)
from cloud.care.tasks.service import end_all
from cloud.care.visits import catalogue
from cloud.care.visits.models import VisitPlan
from cloud.care.visits.service import find_plan
from cloud.clock import local_date
from cloud.conflicts import refusals_named
from cloud.crypto import Keyring
from cloud.database import TenantScope
from cloud.errors import BadFieldError, ConflictError, NotFoundError, ProblemError
from cloud.identity.service import Principal
from cloud.people.family import purposes_in_force
from cloud.people.reach import reach_of
from cloud.people.schemas import MoveInIn
from cloud.people.service import find_elder, stays_of_any
from cloud.people.stays import move_in
from cloud.places.homes import accept_fitting, add_home
from cloud.places.models import Bed, Home, HomeCheck, HomeKitItem, Room, Unit
from cloud.places.schemas import AcceptanceIn, HomeIn
from cloud.places.service import add_bed, add_room, find_place, require_open

_BEDROOM: Final = "卧室"
_SAFETY: Final = "safety"
# What the home's own page calls each step.
_HOME_STATE: Final = {
    BedStep.APPLIED: "applied", BedStep.ASSESSED: "applied", BedStep.PLANNED: "planned",
    BedStep.AGREED: "agreed", BedStep.FITTING: "fitting", BedStep.ACCEPTED: "fitting",
    BedStep.IN_SERVICE: "in_service", BedStep.ENDED: "ended",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _At:
    """One move: who makes it, when, with what."""

    who: Principal
    keyring: Keyring
    now: datetime
    wanted: HomeBedMoveIn


async def apply(
    who: Principal, elder_id: uuid.UUID, wanted: ApplicationIn, now: datetime
) -> HomeBed:
    """A new application. Raises NotFoundError, ConflictError."""
    scope = who.scope
    elder = await find_elder(scope, elder_id)
    if elder.archived_at is not None:
        raise ConflictError("elder_id", "这位老人的档案已归档")
    if await open_of(scope, elder_id) is not None:
        raise ConflictError("elder_id", "这位老人已有一张家庭养老床位（或申请）")
    bed = HomeBed(
        id=uuid.uuid4(), institution_id=scope.institution_id, elder_id=elder_id,
        step=BedStep.APPLIED.value, step_since=now, purchaser=wanted.purchaser, created_at=now,
    )  # fmt: skip
    async with refusals_named(scope):
        scope.session.add(bed)
    by = who.user.display_name
    await end_all(scope, elder_id, "home_bed_application", "已登记家庭养老床位申请", by, now)
    applicant = {"applicant": wanted.applicant}
    _note(who, bed, BedMove.APPLY, None, reason=wanted.reason, detail=applicant, now=now)
    await scope.session.flush()
    return bed


async def make_move(
    who: Principal, bed_id: uuid.UUID, wanted: HomeBedMoveIn, keyring: Keyring, now: datetime
) -> HomeBed:
    """Raises NotFoundError, BadFieldError, ProblemError 409 `step_refused` naming every reason."""
    scope = who.scope
    bed = await find(scope, bed_id, lock=True)
    await (await reach_of(who)).require_elder(bed.elder_id)
    before, move = BedStep(bed.step), wanted.move
    if wanted.plan is not None and wanted.plan.visit_group not in catalogue.groups():
        raise BadFieldError("plan", f"没有“{wanted.plan.visit_group}”这个探访分组")
    try:
        step = after(before, move, await known_for(scope, bed, wanted, now))
    except RefusedError as refused:
        raise ProblemError(
            409, "step_refused", str(refused),
            refused=[{"code": one.code, "zh": one.zh} for one in refused.refusals],
        ) from refused  # fmt: skip
    detail = await _effect(_At(who, keyring, now, wanted), bed, before)
    bed.step = step.value
    if step is not before:
        bed.step_since = now
    bed.ended_at = now if step is BedStep.ENDED else None
    await _tell_home(scope, bed, step)
    _note(who, bed, move, before, reason=wanted.reason, detail=detail, now=now)
    await scope.session.flush()
    return bed


async def known_for(
    scope: TenantScope, bed: HomeBed, wanted: HomeBedMoveIn | None, now: datetime
) -> Known:
    """What the next moves ask for; without a wish, as far as the record knows."""
    newest = await newest_assessment(scope, bed.elder_id)
    today = local_date(now)
    fresh = newest is not None and today - newest.reference_date <= timedelta(assessment_days())
    unfitted, unchecked = await still_to_fit(scope, bed.home_id)
    purposes = await purposes_in_force(scope, [bed.elder_id], now)
    acceptance = None if wanted is None else wanted.acceptance
    home_id = None if wanted is None else wanted.home_id
    return Known(
        assessed=newest is not None,
        assessment_fresh=fresh,
        has_plan=wanted is None or wanted.plan is not None,
        signed=_is_signed(wanted),
        has_home=wanted is None or (home_id is None) != (wanted.new_home is None),
        home_taken=home_id is not None and await _is_taken(scope, home_id, bed.id),
        unfitted=unfitted,
        unchecked=unchecked,
        warranty_long_enough=wanted is None
        or (acceptance is not None and acceptance.warranty_until >= _warranty_from(today)),
        consent=_SAFETY in purposes[bed.elder_id],
        reason=wanted is None or bool(wanted.reason),
    )


def _is_signed(wanted: HomeBedMoveIn | None) -> bool:
    if wanted is None:
        return True
    return (wanted.acceptance if wanted.move is BedMove.ACCEPT else wanted.agreement) is not None


def _warranty_from(day: date) -> date:
    """The first day that is far enough; a 31st becomes the last of its month."""
    month = day.month - 1 + warranty_months()
    year, month = day.year + month // 12, month % 12 + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


async def _effect(at: _At, bed: HomeBed, before: BedStep) -> dict[str, Any]:
    """What a move changes besides the step; what is written down with it."""
    wanted, scope = at.wanted, at.who.scope
    match wanted.move:
        case BedMove.ASSESS:
            newest = await newest_assessment(scope, bed.elder_id)
            bed.assessment_id = None if newest is None else newest.id
            return {"level": None if newest is None else newest.final_level}
        case BedMove.PLAN if wanted.plan is not None:
            bed.plan = wanted.plan.model_dump(mode="json")
            return bed.plan
        case BedMove.AGREE if wanted.agreement is not None:
            if wanted.agreement.signed_on > local_date(at.now):
                raise BadFieldError("agreement", "签字日期不能在将来")
            bed.agreement = wanted.agreement.model_dump(mode="json")
            return bed.agreement
        case BedMove.BEGIN_FITTING:
            return await _take_home(at, bed)
        case BedMove.ACCEPT if wanted.acceptance is not None:
            home = await find_place(scope, Home, _home_id(bed))
            accepted = AcceptanceIn(note=wanted.reason, **wanted.acceptance.model_dump())
            await accept_fitting(scope, home, accepted, at.now)
            return wanted.acceptance.model_dump(mode="json")
        case BedMove.START:
            return await _begin_service(at, bed)
        case BedMove.REVIEW:
            bed.reviewed_at = at.now
            return {}
        case BedMove.STEP_BACK:
            await _undo(scope, bed, before)
            return {}
    return {}


async def _take_home(at: _At, bed: HomeBed) -> dict[str, Any]:
    scope, wanted = at.who.scope, at.wanted
    if wanted.new_home is not None:
        home = await _make_home(at, wanted.new_home)
    else:
        home = await find_place(scope, Home, wanted.home_id or bed.id)
        await (await reach_of(at.who)).require_home(home.id)
        if home.closed_at is not None:
            raise BadFieldError("home_id", "这处房屋已停用")
    home.follows_steps = True
    async with refusals_named(scope):
        bed.home_id = home.id
    return {"home": home.name}


async def _make_home(at: _At, wanted: FittedHomeIn) -> Home:
    scope = at.who.scope
    await require_open(scope, Unit, wanted.operator_unit_id, "new_home")
    home = await add_home(scope, HomeIn(**wanted.model_dump()), at.keyring, at.now)
    room = await add_room(scope, None, _BEDROOM, home.id)
    await add_bed(scope, room.id, "1", kind="home")
    return home


async def _begin_service(at: _At, bed: HomeBed) -> dict[str, Any]:
    """The elder has the bed from now on, and is visited."""
    scope, now = at.who.scope, at.now
    beds = (
        scope.select(Bed)
        .join(Room, Room.id == Bed.room_id)
        .where(Room.home_id == _home_id(bed), Bed.closed_at.is_(None))
        .order_by(Bed.name)
    )
    held = list(await scope.session.scalars(beds))
    if not held:
        raise ConflictError("home_id", "这处房屋还没有床位，请先在“房屋和床位”里添加")
    stays = await stays_of_any(scope, [bed.elder_id], [], now)
    if not any(stay.bed_id == one.id for stay in stays for one in held):
        stay, _ = await move_in(scope, bed.elder_id, MoveInIn(bed_id=held[0].id, at=now), now)
        audit.record(
            scope, at.who.actor, Action.RECORD_CHANGED, now, elder_id=bed.elder_id,
            subject=("stay", stay.id), reason="家庭养老床位开始服务",
        )  # fmt: skip
    if await find_plan(scope, bed.elder_id) is None:
        scope.session.add(_visit_plan(at, bed))
    return {}


def _visit_plan(at: _At, bed: HomeBed) -> VisitPlan:
    return VisitPlan(
        institution_id=bed.institution_id, elder_id=bed.elder_id,
        group_key=(bed.plan or {}).get("visit_group", "general"), purchaser=bed.purchaser,
        starts_on=local_date(at.now), note="", version=1, updated_at=at.now,
        updated_by=at.who.user.display_name,
    )  # fmt: skip


async def _undo(scope: TenantScope, bed: HomeBed, before: BedStep) -> None:
    """What the step that is taken back had set."""
    if before is BedStep.ASSESSED:
        bed.assessment_id = None
    elif before is BedStep.PLANNED:
        bed.plan = None
    elif before is BedStep.AGREED:
        bed.agreement = None
    elif before is BedStep.FITTING:
        home = await find_place(scope, Home, _home_id(bed))
        home.follows_steps, home.state, bed.home_id = False, "planned", None
    elif before is BedStep.ACCEPTED:
        home = await find_place(scope, Home, _home_id(bed))
        home.accepted_at, home.accepted_by, home.warranty_until = None, None, None
    await scope.session.flush()


async def _tell_home(scope: TenantScope, bed: HomeBed, step: BedStep) -> None:
    if bed.home_id is None:
        return
    home = await find_place(scope, Home, bed.home_id)
    if home.state != _HOME_STATE[step]:
        home.state = _HOME_STATE[step]
        home.version += 1
    if step is BedStep.ENDED:
        home.follows_steps = False


def _home_id(bed: HomeBed) -> uuid.UUID:
    if bed.home_id is None:
        raise ConflictError("home_id", "这张床位还没有房屋")
    return bed.home_id


def _note(
    who: Principal, bed: HomeBed, move: BedMove, before: BedStep | None, *, reason: str,
    detail: dict[str, Any], now: datetime,
) -> None:  # fmt: skip
    who.scope.session.add(
        HomeBedMove(
            institution_id=bed.institution_id, home_bed_id=bed.id, move=move.value,
            step_before=None if before is None else before.value, step_after=bed.step, at=now,
            by_id=who.user.id, by=who.user.display_name, reason=reason, detail=detail,
        )
    )  # fmt: skip
    audit.record(
        who.scope, who.actor, Action.RECORD_CHANGED, now, elder_id=bed.elder_id,
        subject=("home_bed", bed.id), reason=reason or None,
        changes={"step": (None if before is None else before.value, bed.step)},
    )  # fmt: skip


async def find(scope: TenantScope, bed_id: uuid.UUID, *, lock: bool = False) -> HomeBed:
    """Raises NotFoundError."""
    statement = scope.select(HomeBed).where(HomeBed.id == bed_id)
    if lock:
        statement = statement.with_for_update()
    bed = (await scope.session.scalars(statement)).one_or_none()
    if bed is None:
        raise NotFoundError("home bed")
    return bed


async def open_of(scope: TenantScope, elder_id: uuid.UUID) -> HomeBed | None:
    """An elder's home bed that has not ended."""
    statement = scope.select(HomeBed).where(
        HomeBed.elder_id == elder_id, HomeBed.ended_at.is_(None)
    )
    return (await scope.session.scalars(statement)).one_or_none()


async def all_beds(scope: TenantScope, hidden: Collection[uuid.UUID]) -> list[HomeBed]:
    """All but those of elders out of reach."""
    statement = scope.select(HomeBed)
    if hidden:
        statement = statement.where(HomeBed.elder_id.not_in(hidden))
    return list(await scope.session.scalars(statement))


async def moves_of(scope: TenantScope, bed_id: uuid.UUID) -> list[HomeBedMove]:
    """Newest first."""
    statement = (
        scope.select(HomeBedMove)
        .where(HomeBedMove.home_bed_id == bed_id)
        .order_by(HomeBedMove.id.desc())
    )
    return list(await scope.session.scalars(statement))


async def newest_assessment(scope: TenantScope, elder_id: uuid.UUID) -> Assessment | None:
    """The newest that was filed."""
    statement = (
        scope.select(Assessment)
        .where(Assessment.elder_id == elder_id, Assessment.filed_at.is_not(None))
        .order_by(Assessment.reference_date.desc(), Assessment.filed_at.desc())
        .limit(1)
    )
    return (await scope.session.scalars(statement)).first()


async def still_to_fit(scope: TenantScope, home_id: uuid.UUID | None) -> tuple[int, int]:
    """Lines of the kit that are not fitted, points of the checklist that are not done."""
    if home_id is None:
        return 0, 0
    kit = scope.select(HomeKitItem).where(
        HomeKitItem.home_id == home_id, HomeKitItem.removed_at.is_(None),
        HomeKitItem.fitted_at.is_(None),
    )  # fmt: skip
    checks = scope.select(HomeCheck).where(
        HomeCheck.home_id == home_id, HomeCheck.done_at.is_(None)
    )
    return (
        len((await scope.session.scalars(kit)).all()),
        len((await scope.session.scalars(checks)).all()),
    )


async def _is_taken(scope: TenantScope, home_id: uuid.UUID, bed_id: uuid.UUID) -> bool:
    statement = scope.select(HomeBed).where(
        HomeBed.home_id == home_id, HomeBed.ended_at.is_(None), HomeBed.id != bed_id
    )
    return (await scope.session.scalars(statement.limit(1))).first() is not None
