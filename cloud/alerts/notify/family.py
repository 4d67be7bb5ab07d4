"""What the family is told: once staff are at the bedside, and how it ended. In plain words."""

from __future__ import annotations

import uuid
from datetime import datetime
from types import MappingProxyType
from typing import Final

from cloud.alerts.codes import Category, Priority
from cloud.alerts.escalation.policies import policy_for
from cloud.alerts.findings import Injury, Verdict
from cloud.alerts.machine import ENDED, Condition
from cloud.alerts.models import Alert
from cloud.alerts.notify.models import Notice
from cloud.alerts.notify.relatives import relatives
from cloud.clock import datetime_from_ns
from cloud.database import TenantScope
from cloud.identity.shifts import ZONE
from cloud.people.service import find_elder

# A suspicion frightens whoever is 800 km away, and most suspicions are not falls (alarms.md, 3).
_NOT_YET: Final = frozenset({"fall_suspected"})
_WHAT: Final = MappingProxyType(
    {
        "fall_confirmed": "摔倒了", "fall_suspected": "摔倒了", "sos": "按了呼叫铃",
        "vital_critical": "身体不适", "inactivity": "长时间没有活动",
        "bath_dwell": "在卫生间待得比较久", "geofence": "走出了活动范围",
    }
)  # fmt: skip
_HOW: Final = MappingProxyType(
    {
        Injury.NONE: "没有受伤", Injury.MINOR: "受了轻伤，已处理",
        Injury.SERIOUS: "受伤较重，正在处理，请尽快联系我们",
        Injury.HOSPITAL: "已送医院，请尽快联系我们", Injury.DEATH: "请立即联系我们",
    }
)  # fmt: skip


async def tell_family(
    scope: TenantScope, alert: Alert, before: Condition, after: Condition, now: datetime
) -> None:
    """A first notice when staff are there, a second with the outcome; only for high ones."""
    high = after.priority is Priority.HIGH and alert.category == Category.PERSON.value
    if not high or alert.elder_id is None:
        return
    there = after.arrived_at is not None and before.arrived_at is None
    over = after.state in ENDED and before.state not in ENDED
    if not there and not over:
        return
    if not (await policy_for(scope, alert, after.priority, now)).body.family_notice:
        return
    elder = await find_elder(scope, alert.elder_id)
    if there and after.code not in _NOT_YET:
        happened = datetime_from_ns(alert.happened_ns).astimezone(ZONE)
        what = _WHAT.get(after.code, "需要帮助")
        text = f"{elder.name}老人 {happened:%H:%M} {what}，护理员已在身边。结果会再告诉您。"
        await _queue(scope, alert, after, "family", text, now=now)
    if over and (after.verdict is Verdict.TRUE or await _was_told(scope, alert)):
        text = f"{elder.name}老人：{_outcome(after)}。"
        await _queue(scope, alert, after, "outcome", text, now=now)


def _outcome(after: Condition) -> str:
    if after.verdict is not Verdict.TRUE:
        return "护理员已查看，是一场虚惊，老人平安"
    how = "护理员已处理" if after.injury is None else _HOW.get(after.injury, "护理员已处理")
    return f"{how}。处理：{after.measure}" if after.measure else how


async def _was_told(scope: TenantScope, alert: Alert) -> bool:
    statement = scope.select(Notice).where(Notice.alert_id == alert.id, Notice.kind == "family")
    return (await scope.session.scalars(statement)).first() is not None


async def _queue(
    scope: TenantScope, alert: Alert, after: Condition, kind: str, text: str, *, now: datetime
) -> None:
    if alert.elder_id is None:
        return
    for member in await relatives(scope, alert.elder_id, now):
        scope.session.add(
            Notice(
                id=uuid.uuid4(), institution_id=scope.institution_id, alert_id=alert.id, kind=kind,
                step=0, ring=after.rings, user_id=member.user_id, family_id=member.id,
                recipient=member.name, priority=after.priority.value, urgency=2,
                origin=alert.origin, title="渝悦养老", body=text, state="pending", tries=0,
                due_at=now, created_at=now,
            )
        )  # fmt: skip
