"""Notices in the database: queued with the step that wants them, in its transaction."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal

from sqlalchemy import update

from cloud.alerts.codes import CODES, RANK, Priority
from cloud.alerts.machine import Condition
from cloud.alerts.models import Alert
from cloud.alerts.notify.models import Notice
from cloud.clock import datetime_from_ns
from cloud.database import TenantScope
from cloud.identity.shifts import ZONE
from cloud.people.service import find_elder
from cloud.places.service import bed_names, room_names, unit_names

if TYPE_CHECKING:
    from cloud.alerts.escalation.reach import Recipient

_MARK: Final = {"high": "【高】", "medium": "【中】", "low": "【低】", "info": ""}
_ORIGIN: Final = {"live": "", "simulated": "[模拟] ", "drill": "[演练] "}
Kind = Literal["step", "not_on_spot"]


async def queue_notices(
    scope: TenantScope,
    alert: Alert,
    condition: Condition,
    people: Sequence[Recipient],
    *,
    kind: Kind,
    step: int,
    now: datetime,
) -> None:
    """One for each person."""
    if not people:
        return
    for_staff = await staff_words(scope, alert, condition, kind)
    for person in people:
        title, body = for_staff
        if person.family_id is not None:
            title, body = await family_words(scope, alert)
        scope.session.add(
            Notice(
                id=uuid.uuid4(),
                institution_id=scope.institution_id,
                alert_id=alert.id,
                kind=kind,
                step=step,
                ring=condition.rings,
                user_id=person.user_id,
                family_id=person.family_id,
                recipient=person.name,
                priority=condition.priority.value,
                urgency=RANK[condition.priority],
                origin=alert.origin,
                title=title,
                body=body,
                state="pending",
                tries=0,
                due_at=now,
                created_at=now,
            )
        )
    await scope.session.flush()


async def staff_words(
    scope: TenantScope, alert: Alert, condition: Condition, kind: Kind
) -> tuple[str, str]:
    """Title and body for staff: where and what. No names: a locked phone shows it to anybody."""
    name = CODES[condition.code].name_zh if condition.code in CODES else condition.code
    happened = datetime_from_ns(alert.happened_ns).astimezone(ZONE)
    again = "（再次）" if condition.rings > 1 else ""
    title = f"{_ORIGIN[alert.origin]}{_MARK[condition.priority.value]}{name}{again}"
    where = await place_words(scope, alert)
    late = "尚未到场，请支援。" if kind == "not_on_spot" else "请到值班台确认。"
    return title, f"{where} {happened:%H:%M} 发生。{late}"


async def family_words(scope: TenantScope, alert: Alert) -> tuple[str, str]:
    """For the family of a home bed, when nobody has answered: what to do, and no raw values."""
    who = "老人"
    if alert.elder_id is not None:
        who = f"{(await find_elder(scope, alert.elder_id)).name}老人"
    at = datetime_from_ns(alert.happened_ns).astimezone(ZONE)
    body = f"{at:%H:%M} {who}家中可能需要帮助，值班人员尚未应答。请马上打电话或前往查看。"
    return f"{_ORIGIN[alert.origin]}渝悦养老：请帮忙查看", body


async def place_words(scope: TenantScope, alert: Alert) -> str:
    """Where it is, as far as that is known."""
    if alert.bed_id is not None:
        beds = await bed_names(scope, [alert.bed_id])
        return beds[alert.bed_id].label
    if alert.room_id is not None:
        rooms = await room_names(scope, [alert.room_id])
        return rooms[alert.room_id].label
    if alert.unit_id is not None:
        return (await unit_names(scope, [alert.unit_id])).get(alert.unit_id, "位置未知")
    return "位置未知"


async def cancel_notices(scope: TenantScope, alert_id: uuid.UUID, now: datetime) -> None:
    """What nobody needs to hear any more is not sent; family notices go on."""
    await scope.session.execute(
        update(Notice)
        .where(
            Notice.institution_id == scope.institution_id,
            Notice.alert_id == alert_id,
            Notice.state == "pending",
            Notice.kind.in_(("step", "not_on_spot")),
        )
        .values(state="skipped", done_at=now)
    )


def urgency_of(priority: str) -> int:
    """Higher goes first."""
    return RANK[Priority(priority)]
