"""A row in every table of alerts that an ordinary day does not fill."""

from __future__ import annotations

import uuid
from datetime import datetime

from cloud.alerts.consoles.models import Console, PreFlight
from cloud.alerts.drills.models import DeadSwitch, Drill
from cloud.alerts.escalation.models import EscalationPolicy
from cloud.alerts.models import Incident
from cloud.alerts.notify.models import ContactPoint, Notice, NoticeAttempt
from cloud.database import TenantScope
from cloud.identity.service import find_user
from cloud.identity.shift_models import ShiftPattern
from cloud.people.family import put_family_member
from cloud.people.models import FamilyInvitation
from cloud.people.schemas import FamilyIn
from cloud.settings import Settings
from tests.cloud.world import Home, World


async def _a_relative(scope: TenantScope, home: Home, now: datetime) -> uuid.UUID:
    wanted = FamilyIn(name="王丽", relationship="女儿")
    keyring = Settings().keyring
    elder_id = home.elders[0]
    return (await put_family_member(scope, elder_id, None, wanted, keyring=keyring, now=now)).id


async def fill_alert_tables(world: World, home: Home) -> None:
    now, mine = world.clock.now(), {"institution_id": home.institution_id}
    async with world.database.tenant(home.institution_id) as scope:
        user = await find_user(scope, home.usernames[0])
        notice = (await scope.session.scalars(scope.select(Notice))).first()
        point = (await scope.session.scalars(scope.select(ContactPoint))).first()
        assert user is not None
        assert point is not None
        assert notice is not None
        scope.session.add_all(
            [
                Console(
                    **mine, id=uuid.uuid4(), session_id=uuid.uuid4(), user_id=user.id,
                    audio="off", live=True, wake_lock="held", visible=True, first_seen_at=now,
                    last_seen_at=now,
                ),
                PreFlight(**mine, id=uuid.uuid4(), made_at=now, made_by="test", result={}),
                EscalationPolicy(
                    **mine, id=uuid.uuid4(), name="test", priority="info", body={"steps": []},
                    created_at=now, created_by="test",
                ),
                ShiftPattern(**mine, name="白班", starts_minute=420, ends_minute=1140),
                Incident(
                    **mine, id=uuid.uuid4(), alert_id=notice.alert_id, elder_id=home.elders[0],
                    kind="fall", happened_at=now, recorded_at=now, recorded_by="test",
                ),
                Drill(
                    **mine, id=uuid.uuid4(), alert_id=notice.alert_id, announced=True,
                    shift="早班", started_at=now, started_by="test", note="",
                ),
                FamilyInvitation(
                    **mine, id=uuid.uuid4(), family_id=await _a_relative(scope, home, now),
                    code_hash=home.institution_id.bytes, created_at=now, expires_at=now,
                ),
                DeadSwitch(
                    **mine, device_id=home.devices[0], contact_point_id=point.id, every_s=3600,
                    since=now,
                ),
                NoticeAttempt(
                    **mine, id=uuid.uuid4(), notice_id=notice.id, channel="console",
                    started_at=now, result="ok", detail="",
                ),
            ]
        )  # fmt: skip
