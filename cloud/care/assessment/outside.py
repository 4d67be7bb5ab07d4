"""Taking over another body's assessment: counted anew, marked with where it is from."""

from __future__ import annotations

import uuid
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, Final

from cloud.audit import service as audit
from cloud.audit.actions import Action
from cloud.care.assessment.form import load_form
from cloud.care.assessment.models import Assessment
from cloud.care.assessment.scoring import Circumstances, Ground, Result
from cloud.care.assessment.service import DEFAULTS, settings_of, work_out
from cloud.coverage.plans import AssessedLevelIn, take_assessed_level
from cloud.identity.service import Principal

# A.1 of the form: the last of its reasons, with a note.
_OTHER_REASON: Final = 5
# Dementia or a mental disorder, and care-risk events: one level each; a coma gives the last level.
_MOST_RAISED: Final = 2


class OutsideResultError(ValueError):
    """Their answers do not give what they say; `field` and words for a person."""

    def __init__(self, field: str, zh: str) -> None:
        super().__init__(zh)
        self.field = field
        self.zh = zh


@dataclass(frozen=True, slots=True)
class TheirResult:
    """What another body says of an elder."""

    answers: dict[str, str]
    total: int
    level: int
    reference_date: date
    source: str


def check_result(theirs: TheirResult) -> Result:
    """Their answers by our counting; grounds that raised their level are not ours to know.

    Raises FormError, OutsideResultError.
    """
    counted = work_out(dict(theirs.answers), Circumstances(), DEFAULTS)
    if not isinstance(counted, Result):
        raise OutsideResultError("answers", "答案不全")
    if counted.total != theirs.total:
        raise OutsideResultError(
            "total", f"总分对不上：答案合计 {counted.total} 分，来文写 {theirs.total} 分"
        )
    # A coma in the answers is a ground that is ours to know.
    if theirs.level < counted.final_level:
        raise OutsideResultError(
            "level",
            f"等级对不上：按答案至少 {counted.final_level} 级，来文写 {theirs.level} 级",
        )
    most, last = counted.first_level + _MOST_RAISED, load_form().levels[-1].level
    if most < theirs.level < last:
        raise OutsideResultError(
            "level",
            f"等级对不上：变更条款最多加 {_MOST_RAISED} 级（昏迷为 {last} 级），"
            f"初步等级 {counted.first_level}，来文写 {theirs.level}",
        )
    return counted


async def take_over(
    principal: Principal, elder_id: uuid.UUID, theirs: TheirResult, now: datetime
) -> Assessment:
    """A filed assessment with its source; from now on the newest level counts.

    Raises FormError, OutsideResultError.
    """
    scope = principal.scope
    counted = check_result(theirs)
    result: dict[str, Any] = asdict(counted)
    if theirs.level != counted.final_level:
        theirs_too = asdict(_their_ground(counted.final_level, theirs))
        result["grounds"] = [*result["grounds"], theirs_too]
    result["final_level"] = theirs.level
    settings = await settings_of(scope)
    result["settings"] = {
        "changes_add_up": settings.changes_add_up,
        "events_count_together": settings.events_count_together,
    }
    row = Assessment(
        institution_id=scope.institution_id, id=uuid.uuid4(), elder_id=elder_id,
        reason=_OTHER_REASON, reason_note=f"互认：{theirs.source}",
        reference_date=theirs.reference_date, answers=dict(theirs.answers),
        circumstances=asdict(Circumstances()), informant={}, assessors=[], version=1,
        created_at=now, created_by_id=principal.user.id, updated_at=now, filed_at=now,
        filed_by_id=principal.user.id, result=result, rules_version=counted.rules_version,
        total=counted.total, first_level=counted.first_level, final_level=theirs.level,
        source=theirs.source,
    )  # fmt: skip
    scope.session.add(row)
    audit.record(
        scope, principal.actor, Action.RECORD_CREATED, now, elder_id=elder_id,
        subject=("assessment", row.id),
        detail={"final_level": theirs.level, "source": theirs.source},
    )  # fmt: skip
    await scope.session.flush()
    level = AssessedLevelIn(theirs.level, theirs.reference_date, row.id, now)
    await take_assessed_level(scope, elder_id, level)
    return row


def _their_ground(first_level: int, theirs: TheirResult) -> Ground:
    return Ground(
        rule="outside", zh="来文机构按等级变更条款调整", status="verified",
        because_zh=f"{theirs.source} 定为 {theirs.level} 级，理由见来文",
        because_en=f"{theirs.source} says level {theirs.level}; its grounds stand in its report",
        level_before=first_level, level_after=theirs.level,
    )  # fmt: skip
