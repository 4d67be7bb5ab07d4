"""What a shift leaves behind in the demonstration: notes, incidents, drills, a handover."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from cloud.alerts.drills.models import DrillPlan
from cloud.alerts.drills.plans import quarter_of
from cloud.alerts.models import Incident
from cloud.care.handover.facts import lines_of
from cloud.care.handover.machine import HandoverState, Step
from cloud.care.handover.models import Handover, HandoverMove
from cloud.care.handover.service import head_of
from cloud.care.handover.sheet import changes_text, digest, text_of
from cloud.care.incidents.models import IncidentMove
from cloud.care.observations.models import CareObservation
from cloud.clock import local_date
from cloud.database import TenantScope
from cloud.identity.shifts import pattern_of, shift_at, shift_before

Person = tuple[uuid.UUID, str]
_NOTES: Final = (
    ("晚饭只吃了一半，说胃胀，已告诉家属", True, 2.5),
    ("夜里起来三次，扶着走廊扶手，步子稳", False, 3.0),
    ("右脚踝有点肿，抬高后减轻，明天再看", True, 1.0),
    ("精神好，和同屋聊天，主动要求去活动室", False, 0.5),
)
# Kind, what happened, injury, cause, measure, days ago, how far it has come.
_INCIDENTS: Final = (
    ("scald", "打翻热水杯，烫到左手背", "minor", "杯子没有盖", "冷水冲洗 15 分钟，全区换带盖水杯",
     12, "closed"),
    ("choking", "早餐吃馒头呛住，海姆立克后咳出", "none", "吃得急，没有坐直",
     "改软食，进食时有人在旁", 5, "reviewed"),
    ("wandering", "晚饭后走到一楼大厅，被门卫劝回", "none", "手环忘在床头",
     "晚班交接时清点手环", 1, "reported"),
)  # fmt: skip
_DRILLS: Final = (
    ("fire", -1, "夜班时段，断电条件下疏散", "3 分 40 秒全部撤到集合点；五楼轮椅不够，已补 2 辆"),
    ("choking", 0, "午餐时段，护理员两人一组", ""),
    ("wandering", 0, "认知照护区，走失后 10 分钟内找到", ""),
    ("power_cut", 1, "网关和呼叫改用备用电源", ""),
)


async def seed_shift(
    scope: TenantScope, unit_id: uuid.UUID, elders: Sequence[uuid.UUID], *,
    carers: Sequence[Person], head: Person, now: datetime,
) -> None:  # fmt: skip
    """All of it, of one unit: `elders` stay there, `carers` are two who work there by turns."""
    _notes(scope, elders, carers[0], now)
    await _incidents(scope, elders, carers[0][1], head[1], now)
    _drills(scope, head[1], [name for _, name in carers], now)
    await scope.session.flush()
    await _handover(scope, unit_id, carers, now)
    await scope.session.flush()


def _notes(scope: TenantScope, elders: Sequence[uuid.UUID], by: Person, now: datetime) -> None:
    scope.session.add_all(
        CareObservation(
            institution_id=scope.institution_id, id=uuid.uuid4(), elder_id=elder_id,
            at=now - timedelta(hours=hours), recorded_at=now - timedelta(hours=hours),
            by_id=by[0], by=by[1], text=text, important=important, corrects_id=None,
        )
        for elder_id, (text, important, hours) in zip(elders, _NOTES, strict=False)
    )  # fmt: skip


async def _incidents(
    scope: TenantScope, elders: Sequence[uuid.UUID], by: str, head: str, now: datetime
) -> None:
    told = zip(elders, _INCIDENTS, strict=False)
    for elder_id, (kind, text, injury, cause, measure, days, state) in told:
        at = now - timedelta(days=days)
        reviewed = at + timedelta(hours=6)
        row = Incident(
            id=uuid.uuid4(), institution_id=scope.institution_id, alert_id=None,
            elder_id=elder_id, kind=kind, happened_at=at, recorded_at=at + timedelta(minutes=20),
            recorded_by=by, injury=injury, cause=cause, measure=measure, voided_at=None,
            description=text, follow_up="" if state == "closed" else "一周后回访效果",
            follow_up_on=None if state == "closed" else local_date(at + timedelta(days=7)),
        )  # fmt: skip
        steps: list[tuple[str, datetime, str, str]] = [("report", row.recorded_at, by, "")]
        if state != "reported":
            row.reviewed_at, row.reviewed_by, row.review = reviewed, head, "情况属实，措施可行"
            steps.append(("review", reviewed, head, row.review))
        if state == "closed":
            closed = reviewed + timedelta(days=2)
            row.closed_at, row.closed_by, row.outcome = closed, head, "水疱已消，水杯已全部更换"
            steps.append(("close", closed, head, row.outcome))
        row.version = len(steps)
        scope.session.add(row)
        await scope.session.flush()
        scope.session.add_all(
            IncidentMove(
                institution_id=scope.institution_id, incident_id=row.id, move=move, at=when,
                by=who, words=words, changes={},
            )
            for move, when, who, words in steps
        )  # fmt: skip


def _drills(scope: TenantScope, head: str, people: Sequence[str], now: datetime) -> None:
    year, quarter = quarter_of(local_date(now))
    for kind, after, note, remarks in _DRILLS:
        number = year * 4 + quarter - 1 + after
        done = local_date(now - timedelta(days=60)) if remarks else None
        scope.session.add(
            DrillPlan(
                id=uuid.uuid4(), institution_id=scope.institution_id, kind=kind,
                year=number // 4, quarter=number % 4 + 1, unit_id=None, note=note,
                planned_at=now - timedelta(days=120), planned_by=head, done_on=done,
                done_by=head if done else None, participants=[head, *people] if done else [],
                remarks=remarks, drill_id=None, version=2 if done else 1,
            )
        )  # fmt: skip


async def _handover(
    scope: TenantScope, unit_id: uuid.UUID, carers: Sequence[Person], now: datetime
) -> None:
    """The shift before was given and taken."""
    pattern = await pattern_of(scope)
    shift = shift_before(pattern, shift_at(pattern, now))
    (giver_id, giver), (taker_id, taker) = carers[0], carers[1]
    given_at, taken_at = shift.ends_at - timedelta(minutes=12), shift.ends_at
    held = Handover(
        id=uuid.uuid4(), institution_id=scope.institution_id, unit_id=unit_id,
        shift_name=shift.name, shift_starts_at=shift.starts_at, shift_ends_at=shift.ends_at,
        state=HandoverState.TAKEN.value, revision=1, giver_id=giver_id, giver=giver,
        given_at=given_at, named_id=None, taker_id=taker_id, taker=taker, taken_at=taken_at,
    )  # fmt: skip
    scope.session.add(held)
    await scope.session.flush()
    lines = await lines_of(scope, unit_id, shift, now)
    told: Mapping[Step, tuple[datetime, Person, str, str]] = {
        Step.GIVE: (given_at, carers[0], text_of(await head_of(scope, unit_id, shift), lines),
                    "203 床家属下午来，胃胀的情况请再问一次"),
        Step.TAKE: (taken_at, carers[1], changes_text([]), ""),
    }  # fmt: skip
    for step, (at, (by_id, by), body, words) in told.items():
        scope.session.add(
            HandoverMove(
                institution_id=scope.institution_id, handover_id=held.id, move=step.value,
                revision=1, at=at, by_id=by_id, by=by, signed_with="password", named_id=None,
                words=words, body=body, sha256=digest(body),
            )
        )  # fmt: skip
        await scope.session.flush()
