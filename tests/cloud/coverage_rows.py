"""A row in every table of coverage, for tests that need one."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from cloud.coverage.models import (
    AssessedLevel,
    CoverageGap,
    CoverageState,
    GatewayArea,
    SensorPlacement,
    WatchPause,
    WatchPlan,
)
from cloud.database import TenantScope
from cloud.devices.service import add_device
from cloud.places.models import Unit
from tests.cloud.world import Home


def own_device(home: Home) -> str:
    """A device id that no other institution has."""
    return f"door-{home.gateway_id}"


async def fill_coverage(scope: TenantScope, home: Home, now: datetime) -> uuid.UUID:
    """The id of the pause among them."""
    unit = (await scope.session.scalars(scope.select(Unit))).first()
    assert unit is not None
    of, by, pause_id = {"institution_id": home.institution_id}, "周敏", uuid.uuid4()
    elder = {**of, "elder_id": home.elders[0]}
    name = own_device(home)
    await add_device(scope, name, "other", None, now)
    scope.session.add_all([
        SensorPlacement(**of, device_id=name, role="door", room="", room_kind="other",
                        updated_at=now, updated_by=by),
        WatchPlan(**elder, timezone="Asia/Shanghai", ability_level=1, overrides={}, updated_at=now,
                  updated_by=by),
        AssessedLevel(**elder, level=2, reference_date=now.date(), assessment_id=uuid.uuid4(),
                      filed_at=now),
        WatchPause(id=pause_id, **elder, from_at=now, until_at=now + timedelta(hours=1),
                   reason="leave", created_at=now, created_by=by),
        GatewayArea(**of, gateway_id=home.gateway_id, unit_id=unit.id),
        CoverageState(**elder, state="blind", since=now, decided_ns=1,
                      lacking={"capabilities": []}, origin="live", gateway_id=home.gateway_id,
                      event_id="e", updated_at=now),
        CoverageGap(id=uuid.uuid4(), **elder, device_id=home.devices[0], episode_id="e",
                    from_at=now, cause="unknown"),
    ])  # fmt: skip
    await scope.session.flush()
    return pause_id
