"""Drills, and the dead man's switch: an event that is always under way, so that silence tells."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Final

from cloud.alerts.codes import CODES
from cloud.alerts.drills.models import DeadSwitch, Drill
from cloud.alerts.machine import ENDED
from cloud.alerts.models import Alert
from cloud.alerts.notify.models import Notice
from cloud.alerts.reports import Report, raise_alert, recover_raised
from cloud.database import Database, TenantScope
from cloud.devices.models import Gateway
from cloud.devices.service import Subject
from cloud.errors import NotFoundError, ProblemError
from cloud.identity.shifts import pattern_of, shift_at
from cloud.people.service import bed_of, find_elder
from edge.events import Event
from edge.signals import Origin

# One may be late by this much before its absence is believed.
GRACE: Final = timedelta(minutes=5)
DEFAULT_EVERY_S: Final = 3600


async def start_drill(
    scope: TenantScope,
    elder_id: uuid.UUID,
    code: str,
    *,
    announced: bool,
    note: str,
    by: str,
    now: datetime,
) -> Drill:
    """An alert marked as a drill at its source. Raises NotFoundError, ProblemError."""
    if code not in CODES:
        raise ProblemError(422, "bad_request", "code: is not an alert code")
    await find_elder(scope, elder_id)
    drill_id = uuid.uuid4()
    subject = Subject(elder_id, await bed_of(scope, elder_id, now), None)
    report = Report(code, f"drill {drill_id}", subject, origin="drill", note=note or None)
    alert = await raise_alert(scope, report, now)
    shift = shift_at(await pattern_of(scope), now).name
    drill = Drill(
        id=drill_id, institution_id=scope.institution_id, alert_id=alert.id, announced=announced,
        shift=shift, started_at=now, started_by=by, note=note,
    )  # fmt: skip
    scope.session.add(drill)
    await scope.session.flush()
    return drill


async def switch_of(scope: TenantScope) -> DeadSwitch | None:
    """The institution's switch; None: there is none."""
    return (await scope.session.scalars(scope.select(DeadSwitch))).one_or_none()


async def let_gateway_send(
    scope: TenantScope, gateway_id: uuid.UUID | None, device_id: str, every_s: int
) -> None:
    """This gateway sends the proof from now on, and no other. Raises NotFoundError."""
    statement = scope.select(Gateway).order_by(Gateway.id).with_for_update(key_share=True)
    gateways = {row.id: row for row in await scope.session.scalars(statement)}
    if gateway_id is not None and gateway_id not in gateways:
        raise NotFoundError("gateway")
    sends = {"self_test_device": device_id, "self_test_every_s": every_s}
    for gateway in gateways.values():
        held = {key: value for key, value in gateway.settings.items() if key not in sends}
        wanted = held | sends if gateway.id == gateway_id else held
        if wanted != gateway.settings:
            gateway.settings = wanted
            gateway.settings_version += 1


async def take_proof(scope: TenantScope, event: Event, now: datetime) -> bool:
    """Whether the event is the switch's: then it goes on to the test recipient, and only there."""
    if event.origin is Origin.LIVE:
        return False
    switch = await switch_of(scope)
    if switch is None or switch.device_id != event.device_id:
        return False
    switch.last_event_at = now
    scope.session.add(
        Notice(
            id=uuid.uuid4(), institution_id=scope.institution_id, kind="dead_switch", step=0,
            ring=0, contact_point_id=switch.contact_point_id, recipient="test recipient",
            priority="low", urgency=1, origin=event.origin.value, title="[模拟] 报警链路自检",
            body=event.event_id, state="pending", tries=0, due_at=now, created_at=now,
        )
    )  # fmt: skip
    return True


async def proof_arrived(scope: TenantScope, now: datetime) -> None:
    """The test recipient has it: the whole path works."""
    switch = await switch_of(scope)
    if switch is not None:
        switch.last_ok_at = now


async def watch_switches(database: Database, now: datetime) -> int:
    """Institutions whose proof has not come: an alert, on every other way there is."""
    broken = 0
    for institution_id in await database.institutions():
        async with database.tenant(institution_id) as scope:
            switch = await switch_of(scope)
            if switch is None:
                continue
            last = switch.last_ok_at or switch.since
            if now - last <= timedelta(seconds=switch.every_s) + GRACE:
                await recover_raised(scope, "dead_switch", "path", now)
                continue
            came = switch.last_event_at is not None and switch.last_event_at > last
            part = "cloud to phone" if came else "sensor to cloud"
            if await _raise_once(scope, part, now):
                broken += 1
    return broken


async def _raise_once(scope: TenantScope, part: str, now: datetime) -> bool:
    held = scope.select(Alert).where(
        Alert.code == "dead_switch", Alert.recovered.is_(False),
        Alert.state.not_in(ENDED),
    )  # fmt: skip
    if (await scope.session.scalars(held)).first() is not None:
        return False
    await raise_alert(scope, Report("dead_switch", "path", note=part), now)
    return True
