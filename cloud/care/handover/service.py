"""Giving and taking a shift: who may, over which text, and what is missing."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy.dialects.postgresql import insert

from cloud.audit import service as audit
from cloud.audit.actions import Action
from cloud.care.handover.facts import lines_of
from cloud.care.handover.machine import (
    HandoverState,
    IllegalStepError,
    Signature,
    Standing,
    Step,
    sign,
)
from cloud.care.handover.models import Handover, HandoverMove, HandoverSettings
from cloud.care.handover.sheet import (
    Change,
    Line,
    changes_text,
    compare,
    digest,
    lines_in,
    text_of,
)
from cloud.database import TenantScope
from cloud.errors import BadFieldError, ChangedMeanwhileError, NotFoundError, ProblemError
from cloud.identity.models import User
from cloud.identity.permissions import GRANTS, Permission, Role
from cloud.identity.service import Principal
from cloud.identity.shifts import Shift, duties_between, pattern_of, shift_after, shift_at
from cloud.identity.signing import Signer
from cloud.places.service import unit_names

# Design defaults (D): half an hour after its end a shift has been handed over; nobody writes the
# handover of a shift that has hardly begun.
DEFAULT_LIMIT_MIN: Final = 30
DEFAULT_EARLIEST_MIN: Final = 120
# Later than this nobody remembers: the gap stays in the history.
LATEST: Final = timedelta(hours=24)
HISTORY: Final = 60

_REFUSALS: Final = {
    "already_taken": "这一班已经交接完毕，双方都签过字了。",
    "not_given": "交班人还没有签字。",
    "objected": "接班人提出了异议，请交班人核对后重新签字。",
    "same_person": "交班人和接班人必须是两个人。",
    "words_needed": "提出异议要写明哪里不对。",
}


@dataclass(frozen=True, slots=True)
class Given:
    """The snapshot that was signed, and what has happened since."""

    move: HandoverMove
    lines: list[Line]
    changes: list[Change]

    @property
    def read_sha256(self) -> str:
        """Of what has changed: whoever takes has read just this."""
        return digest(changes_text(self.changes))


async def settings_of(scope: TenantScope) -> HandoverSettings | None:
    """None: never set; nothing is called out then."""
    return (await scope.session.scalars(scope.select(HandoverSettings))).one_or_none()


async def change_settings(
    principal: Principal, *, active: bool, limit_min: int, earliest_min: int, version: int,
    now: datetime,
) -> HandoverSettings:  # fmt: skip
    """Raises ProblemError (409)."""
    scope = principal.scope
    fresh = {
        "active": False, "limit_min": limit_min, "earliest_min": earliest_min, "version": 0,
        "updated_at": now, "updated_by": "",
    }  # fmt: skip
    await scope.session.execute(
        insert(HandoverSettings)
        .values(institution_id=scope.institution_id, **fresh)
        .on_conflict_do_nothing()
    )
    statement = scope.select(HandoverSettings).with_for_update()
    held = (await scope.session.scalars(statement.execution_options(populate_existing=True))).one()
    if held.version != version:
        raise ChangedMeanwhileError("交接班设置")
    if active and not held.active:
        held.active_since = now
    held.active, held.limit_min, held.earliest_min = active, limit_min, earliest_min
    held.version += 1
    held.updated_at, held.updated_by = now, principal.user.display_name
    audit.record(
        scope, principal.actor, Action.RULES_CHANGED, now, subject=("handover_settings", "house"),
        detail={"active": active, "limit_min": limit_min, "earliest_min": earliest_min},
    )  # fmt: skip
    await scope.session.flush()
    return held


async def shift_of(scope: TenantScope, starts_at: datetime) -> Shift:
    """The shift that begins then. Raises BadFieldError."""
    shift = shift_at(await pattern_of(scope), starts_at)
    if shift.starts_at != starts_at:
        raise BadFieldError("shift_starts_at", "没有在这个时间开始的班次")
    return shift


async def find(scope: TenantScope, handover_id: uuid.UUID) -> Handover:
    """Raises NotFoundError."""
    statement = scope.select(Handover).where(Handover.id == handover_id)
    found = (await scope.session.scalars(statement)).one_or_none()
    if found is None:
        raise NotFoundError("handover")
    return found


async def of_shift(scope: TenantScope, unit_id: uuid.UUID, shift: Shift) -> Handover | None:
    """The handover of a shift, once somebody has signed."""
    statement = scope.select(Handover).where(
        Handover.unit_id == unit_id, Handover.shift_starts_at == shift.starts_at
    )
    return (await scope.session.scalars(statement)).one_or_none()


async def history_of(scope: TenantScope, unit_id: uuid.UUID) -> list[Handover]:
    """The newest first."""
    statement = (
        scope.select(Handover)
        .where(Handover.unit_id == unit_id)
        .order_by(Handover.shift_starts_at.desc())
        .limit(HISTORY)
    )
    return list(await scope.session.scalars(statement))


async def moves_of(scope: TenantScope, handover_id: uuid.UUID) -> list[HandoverMove]:
    """All signatures, in order."""
    statement = (
        scope.select(HandoverMove)
        .where(HandoverMove.handover_id == handover_id)
        .order_by(HandoverMove.id)
    )
    return list(await scope.session.scalars(statement))


async def head_of(scope: TenantScope, unit_id: uuid.UUID, shift: Shift) -> dict[str, Any]:
    """What stands above the lines: part of what is signed."""
    names = await unit_names(scope, [unit_id])
    return {
        "unit_id": str(unit_id), "unit": names.get(unit_id, ""), "shift": shift.name,
        "starts_at": shift.starts_at.isoformat(), "ends_at": shift.ends_at.isoformat(),
    }  # fmt: skip


async def given_of(scope: TenantScope, handover: Handover, now: datetime) -> Given | None:
    """What was given last, compared with now; None: nothing was."""
    moves = [one for one in await moves_of(scope, handover.id) if one.move == Step.GIVE]
    if not moves:
        return None
    shift = Shift(handover.shift_name, handover.shift_starts_at, handover.shift_ends_at)
    held = lines_in(moves[-1].body)
    present = await lines_of(scope, handover.unit_id, shift, now)
    return Given(moves[-1], held, compare(held, present))


async def give(
    principal: Principal, signer: Signer, unit_id: uuid.UUID, shift: Shift, *,
    read_sha256: str, named_id: uuid.UUID | None, words: str, revision: int, now: datetime,
) -> Handover:  # fmt: skip
    """The giver signs what stands now. Raises ProblemError (403, 409), BadFieldError."""
    scope = principal.scope
    settings = await settings_of(scope)
    earliest = DEFAULT_EARLIEST_MIN if settings is None else settings.earliest_min
    if now < shift.ends_at - timedelta(minutes=earliest):
        raise ProblemError(
            409, "too_early", f"还太早：下班前 {earliest} 分钟内才能交班。", earliest_min=earliest
        )
    if now > shift.ends_at + LATEST:
        raise ProblemError(409, "too_late", "这一班结束已超过 24 小时，不能再补签。")
    await _require_giver(scope, signer.user, unit_id, shift)
    if named_id is not None:
        await _require_nameable(scope, named_id)
    held = await _lock(scope, unit_id, shift)
    if held.revision != revision:
        raise ProblemError(
            409, "changed_meanwhile", f"{held.giver} 刚刚签过这一班的交班，请先看最新内容。",
            revision=held.revision,
        )  # fmt: skip
    lines = await lines_of(scope, unit_id, shift, now)
    body = text_of(await head_of(scope, unit_id, shift), lines)
    if digest(body) != read_sha256:
        raise ProblemError(409, "facts_changed", "内容刚刚有变化，请看过最新内容再签字。")
    signature = Signature(Step.GIVE, signer.user.id, now, words, named_id)
    return await _sign(principal, signer, held, signature, body)


async def receive(
    principal: Principal, signer: Signer, handover_id: uuid.UUID, step: Step, *,
    snapshot_sha256: str, read_sha256: str, words: str, now: datetime,
) -> Handover:  # fmt: skip
    """The taker signs, or objects. Raises NotFoundError, ProblemError (403, 409)."""
    scope = principal.scope
    await find(scope, handover_id)
    statement = scope.select(Handover).where(Handover.id == handover_id).with_for_update()
    held = (await scope.session.scalars(statement.execution_options(populate_existing=True))).one()
    signature = Signature(step, signer.user.id, now, words)
    _checked(held, signature)
    given = await given_of(scope, held, now)
    assert given is not None  # noqa: S101 - the machine has seen it given
    if given.move.sha256 != snapshot_sha256:
        raise ProblemError(409, "given_anew", "交班人刚刚重新签过，请看最新内容。")
    await _require_taker(scope, signer.user, held)
    if given.read_sha256 != read_sha256:
        raise ProblemError(
            409,
            "facts_changed",
            "交班之后又有新变化，请看过再签字。",
            read_sha256=given.read_sha256,
        )
    return await _sign(principal, signer, held, signature, changes_text(given.changes))


def _checked(held: Handover, signature: Signature) -> Standing:
    before = Standing(
        HandoverState(held.state), held.revision, held.giver_id, held.given_at, held.named_id,
        held.taker_id, held.taken_at,
    )  # fmt: skip
    try:
        return sign(before, signature)
    except IllegalStepError as error:
        if error.reason == "words_needed":
            raise BadFieldError("words", _REFUSALS["words_needed"]) from error
        raise ProblemError(
            409, error.reason, _REFUSALS[error.reason], state=held.state
        ) from error  # fmt: skip


async def _sign(
    principal: Principal, signer: Signer, held: Handover, signature: Signature, body: str
) -> Handover:
    after = _checked(held, signature)
    scope, name = principal.scope, signer.user.display_name
    held.state, held.revision = after.state.value, after.revision
    held.named_id = after.named_id
    if signature.step is Step.GIVE:
        held.giver_id, held.giver, held.given_at = after.giver_id, name, after.given_at
    if signature.step is Step.TAKE:
        held.taker_id, held.taker, held.taken_at = after.taker_id, name, after.taken_at
    scope.session.add(
        HandoverMove(
            institution_id=scope.institution_id, handover_id=held.id, move=signature.step.value,
            revision=after.revision, at=signature.at, by_id=signer.user.id, by=name,
            signed_with=signer.signed_with, named_id=signature.named_id,
            words=signature.words.strip(), body=body, sha256=digest(body),
        )
    )  # fmt: skip
    audit.record(
        scope, principal.actor, Action.RECORD_CHANGED, signature.at,
        subject=("handover", held.id),
        detail={"step": signature.step.value, "signed_by": name, "sha256": digest(body)},
    )  # fmt: skip
    await scope.session.flush()
    return held


async def _lock(scope: TenantScope, unit_id: uuid.UUID, shift: Shift) -> Handover:
    """The row of this shift, locked; two who give at once meet here, one after the other."""
    await scope.session.execute(
        insert(Handover)
        .values(
            id=uuid.uuid4(), institution_id=scope.institution_id, unit_id=unit_id,
            shift_name=shift.name, shift_starts_at=shift.starts_at, shift_ends_at=shift.ends_at,
            state=HandoverState.OPEN.value, revision=0,
        )
        .on_conflict_do_nothing()
    )  # fmt: skip
    statement = scope.select(Handover).where(
        Handover.unit_id == unit_id, Handover.shift_starts_at == shift.starts_at
    )
    locked = statement.with_for_update().execution_options(populate_existing=True)
    return (await scope.session.scalars(locked)).one()


async def _require_giver(scope: TenantScope, user: User, unit_id: uuid.UUID, shift: Shift) -> None:
    if Permission.ROSTER_MANAGE in GRANTS[Role(user.role)]:
        return  # the head nurse stands in for whoever fell ill
    on_shift = await rostered(scope, unit_id, shift)
    if user.id not in on_shift:
        raise ProblemError(
            403, "not_on_shift", f"{user.display_name} 不在这一班的排班里，不能交这一班。"
        )


async def _require_taker(scope: TenantScope, user: User, held: Handover) -> None:
    if user.id == held.named_id:
        return
    shift = Shift(held.shift_name, held.shift_starts_at, held.shift_ends_at)
    coming = await rostered(scope, held.unit_id, shift_after(await pattern_of(scope), shift))
    if user.id not in coming:
        raise ProblemError(
            403, "not_next_shift",
            f"{user.display_name} 不在下一班的排班里；交班人可以指定由谁接班。",
        )  # fmt: skip


async def _require_nameable(scope: TenantScope, user_id: uuid.UUID) -> None:
    statement = scope.select(User).where(User.id == user_id, User.disabled_at.is_(None))
    user = (await scope.session.scalars(statement)).one_or_none()
    if user is None or Permission.CARE_WRITE not in GRANTS[Role(user.role)]:
        raise BadFieldError("named_id", "不能指定这个人接班")


async def rostered(scope: TenantScope, unit_id: uuid.UUID, shift: Shift) -> set[uuid.UUID]:
    """Who is on the roster of a unit, or of the whole house, at any time of a shift."""
    return {
        duty.user_id
        for duty in await duties_between(scope, shift.starts_at, shift.ends_at)
        if duty.unit_id in (None, unit_id)
    }


async def staff(scope: TenantScope) -> Sequence[User]:
    """Who could be named to take a shift."""
    statement = scope.select(User).where(User.disabled_at.is_(None)).order_by(User.display_name)
    return [
        user
        for user in await scope.session.scalars(statement)
        if Permission.CARE_WRITE in GRANTS[Role(user.role)]
    ]


def is_whole(move: HandoverMove) -> bool:
    """Whether what is kept is what was signed."""
    return digest(move.body) == move.sha256 and isinstance(json.loads(move.body), dict)
