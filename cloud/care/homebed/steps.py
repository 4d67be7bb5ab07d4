"""The life of a home bed as a state machine: which move is allowed from where, and what it needs.

Pure. 申请, 评估, 规划, 签约, 安装改造, 验收, 服务, 评价. Nothing is fitted before the agreement,
nothing is in service before the acceptance.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final


class BedStep(StrEnum):
    """Where a home bed stands."""

    APPLIED = "applied"
    ASSESSED = "assessed"
    PLANNED = "planned"
    AGREED = "agreed"
    FITTING = "fitting"
    ACCEPTED = "accepted"
    IN_SERVICE = "in_service"
    ENDED = "ended"


class BedMove(StrEnum):
    """What is done to it."""

    APPLY = "apply"
    ASSESS = "assess"
    PLAN = "plan"
    AGREE = "agree"
    BEGIN_FITTING = "begin_fitting"
    ACCEPT = "accept"
    START = "start"
    REVIEW = "review"
    STEP_BACK = "step_back"
    END = "end"


FORWARD: Final = MappingProxyType(
    {
        BedMove.ASSESS: (BedStep.APPLIED, BedStep.ASSESSED),
        BedMove.PLAN: (BedStep.ASSESSED, BedStep.PLANNED),
        BedMove.AGREE: (BedStep.PLANNED, BedStep.AGREED),
        BedMove.BEGIN_FITTING: (BedStep.AGREED, BedStep.FITTING),
        BedMove.ACCEPT: (BedStep.FITTING, BedStep.ACCEPTED),
        BedMove.START: (BedStep.ACCEPTED, BedStep.IN_SERVICE),
        BedMove.REVIEW: (BedStep.IN_SERVICE, BedStep.IN_SERVICE),
    }
)
# What went wrong is taken back one step at a time; a service that began is ended, not undone.
BACK: Final = MappingProxyType(
    {
        BedStep.ASSESSED: BedStep.APPLIED,
        BedStep.PLANNED: BedStep.ASSESSED,
        BedStep.AGREED: BedStep.PLANNED,
        BedStep.FITTING: BedStep.AGREED,
        BedStep.ACCEPTED: BedStep.FITTING,
    }
)


@dataclass(frozen=True, slots=True)
class StepInfo:
    """A step in words. `within_days`: until its next move is due (None: nothing more is due)."""

    key: BedStep
    zh: str
    en: str
    within_days: int | None
    mark: str
    move: BedMove | None


@dataclass(frozen=True, slots=True)
class Known:
    """What is known when a move is asked for; each is needed by one move."""

    assessed: bool = False
    assessment_fresh: bool = False
    has_plan: bool = False
    signed: bool = False
    has_home: bool = False
    home_taken: bool = False
    unfitted: int = 0
    unchecked: int = 0
    warranty_long_enough: bool = False
    consent: bool = False
    reason: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a move is not made: a stable code, and words for a person."""

    code: str
    zh: str


class RefusedError(Exception):
    """The move is not allowed; every reason is named."""

    def __init__(self, refusals: tuple[Refusal, ...]) -> None:
        super().__init__("；".join(one.zh for one in refusals))
        self.refusals = refusals


@cache
def document() -> dict[str, Any]:
    """The figures of the domain page."""
    text = (files("cloud.care") / "data" / "home_bed.json").read_text("utf-8")
    content: dict[str, Any] = json.loads(text)
    return content


@cache
def steps() -> dict[BedStep, StepInfo]:
    """By key, in order."""
    return {
        BedStep(row["key"]): StepInfo(
            BedStep(row["key"]), row["zh"], row["en"], row["within_days"], row["mark"],
            None if row["move"] is None else BedMove(row["move"]),
        )
        for row in document()["steps"]
    }  # fmt: skip


def warranty_months() -> int:
    """The shortest warranty of fitted devices (mark V)."""
    return int(document()["warranty_months"]["value"])


def assessment_days() -> int:
    """An older assessment says nothing about now (mark U)."""
    return int(document()["assessment_days"]["value"])


def due_on(step: BedStep, since: date) -> date | None:
    """Until when the next move is to follow."""
    days = steps()[step].within_days
    return None if days is None else since + timedelta(days=days)


def allowed(step: BedStep) -> tuple[BedMove, ...]:
    """Moves that the step allows, the next one first; what they need is another matter."""
    if step is BedStep.ENDED:
        return ()
    forward = [move for move, (before, _) in FORWARD.items() if before is step]
    back = [BedMove.STEP_BACK] if step in BACK else []
    return (*forward, *back, BedMove.END)


def after(step: BedStep, move: BedMove, known: Known) -> BedStep:
    """Where the move leads. Raises RefusedError with every reason."""
    if move not in allowed(step):
        raise RefusedError((_out_of_order(step, move),))
    missing = tuple(_missing(move, known))
    if missing:
        raise RefusedError(missing)
    if move is BedMove.END:
        return BedStep.ENDED
    return BACK[step] if move is BedMove.STEP_BACK else FORWARD[move][1]


def _out_of_order(step: BedStep, move: BedMove) -> Refusal:
    now = steps()[step].zh
    if move is BedMove.BEGIN_FITTING:
        return Refusal("not_agreed", f"签约前不能安装（现在：{now}）")
    if move is BedMove.START:
        return Refusal("not_accepted", f"验收前不能开始服务（现在：{now}）")
    return Refusal("out_of_order", f"现在是“{now}”，不能做这一步")


def _missing(move: BedMove, known: Known) -> list[Refusal]:
    needs: dict[BedMove, list[tuple[bool, Refusal]]] = {
        BedMove.ASSESS: [
            (known.assessed, Refusal("no_assessment", "还没有提交的能力评估")),
            (known.assessment_fresh or not known.assessed,
             Refusal("assessment_old", f"能力评估已超过 {assessment_days()} 天，请先复评")),
        ],
        BedMove.PLAN: [(known.has_plan, Refusal("no_plan", "请写明服务内容"))],
        BedMove.AGREE: [(known.signed, Refusal("not_signed", "请写明协议文本、签字人和签字日期"))],
        BedMove.BEGIN_FITTING: [
            (known.has_home, Refusal("no_home", "请选择或新建这张床位的房屋")),
            (not known.home_taken, Refusal("home_taken", "这处房屋已属于另一张家庭养老床位")),
        ],
        BedMove.ACCEPT: [
            (known.unfitted == 0, Refusal("kit_unfitted", f"还有 {known.unfitted} 件设备没有装")),
            (known.unchecked == 0,
             Refusal("checklist_open", f"安装清单还有 {known.unchecked} 项没有完成")),
            (known.signed, Refusal("not_signed", "请写明验收签字人")),
            (known.warranty_long_enough,
             Refusal("warranty_short", f"设备保修至少 {warranty_months()} 个月")),
        ],
        BedMove.START: [(known.consent, Refusal("no_consent", "老人还没有签“安全监护”同意书"))],
        BedMove.REVIEW: [(known.reason, Refusal("no_reason", "请写明评价结果"))],
        BedMove.STEP_BACK: [(known.reason, Refusal("no_reason", "请写明退回的原因"))],
        BedMove.END: [(known.reason, Refusal("no_reason", "请写明结束的原因"))],
    }  # fmt: skip
    return [refusal for holds, refusal in needs[move] if not holds]
