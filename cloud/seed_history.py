"""What a house has beside its people: who works when, how people are watched, what was measured."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

import numpy as np
import numpy.typing as npt
from sqlalchemy import update

from cloud.clock import NS_PER_S, ns_from_datetime
from cloud.coverage.models import GatewayArea, WatchPlan
from cloud.coverage.subjects import TIMEZONE
from cloud.database import Database, TenantScope
from cloud.devices.models import Device
from cloud.devices.register import TESTED_KINDS, report_fault
from cloud.devices.schemas import FaultIn
from cloud.identity.shift_models import Duty
from cloud.identity.shifts import DutyAs
from cloud.series.columns import IntArray, Key, ReadingColumns
from cloud.series.service import SeriesStore
from edge.signals import FloatArray, Origin

ROSTER_DAYS: Final = 14
# Day and night shift by the clock of the house, as most homes keep them (D).
_LOCAL: Final = timezone(timedelta(hours=8))
_SHIFTS: Final = ((8, 20), (20, 32))
HISTORY_DAYS: Final = 3
_STEP_NS: Final = 300 * NS_PER_S
# (quantity, by day, how much lower in deep sleep, spread)
_NIGHTLY: Final = (("heart_rate", 72.0, 12.0, 2.5), ("respiration_rate", 16.0, 2.5, 0.8))
# Every ninth bed sensor lost its network for three hours: charts show gaps, too.
_GAP_EVERY: Final = 9
_GAP_NS: Final = 3 * 3600 * NS_PER_S
_TEST_DUE_EVERY: Final = 8


def fill_roster(
    scope: TenantScope, carers: Sequence[uuid.UUID], leads: Sequence[tuple[uuid.UUID, DutyAs]],
    units: Sequence[uuid.UUID], now: datetime,
) -> None:  # fmt: skip
    """Two carers of each unit by turns, day and night, for two weeks; head nurse and manager."""
    midnight = now.astimezone(_LOCAL).replace(hour=0, minute=0, second=0, microsecond=0)
    for day in range(-1, ROSTER_DAYS):
        for number, hours in enumerate(_SHIFTS):
            begin, end = ((midnight + timedelta(days=day, hours=h)).astimezone(UTC) for h in hours)
            wanted: list[tuple[uuid.UUID, DutyAs, uuid.UUID | None]] = [
                (carers[(2 * index + (number + day) % 2) % len(carers)], DutyAs.DUTY, unit_id)
                for index, unit_id in enumerate(units)
            ]
            wanted += [(user_id, duty_as, None) for user_id, duty_as in leads]
            scope.session.add_all(
                Duty(
                    id=uuid.uuid4(), institution_id=scope.institution_id, user_id=user_id,
                    unit_id=unit_id, duty_as=duty_as.value, starts_at=begin, ends_at=end,
                    created_at=now, created_by="示范数据",
                ) for user_id, duty_as, unit_id in wanted
            )  # fmt: skip


def plan_watch(
    scope: TenantScope, elder_id: uuid.UUID, *, at_home: bool, level: int, now: datetime
) -> None:
    """What must be seen of somebody: their bed and their call; at home that they are about."""
    wanted = ["bed", "sos", "inactivity"] if at_home else ["bed", "sos"]
    scope.session.add(
        WatchPlan(
            institution_id=scope.institution_id, elder_id=elder_id, timezone=TIMEZONE,
            ability_level=level, follows_assessment=False, lives_alone=at_home or None,
            requires=wanted, overrides={}, updated_at=now, updated_by="许文",
        )
    )  # fmt: skip


def give_area(scope: TenantScope, gateway_id: uuid.UUID, unit_id: uuid.UUID) -> None:
    """The gateway watches over this unit."""
    scope.session.add(
        GatewayArea(institution_id=scope.institution_id, gateway_id=gateway_id, unit_id=unit_id)
    )


async def tell_of_devices(scope: TenantScope, now: datetime) -> None:
    """Most were tried this week; some are due; one bed button is out of order."""
    statement = scope.select(Device).where(Device.kind.in_(TESTED_KINDS)).order_by(Device.device_id)
    tested = list(await scope.session.scalars(statement))
    fresh = [row.device_id for index, row in enumerate(tested, 1) if index % _TEST_DUE_EVERY]
    await scope.session.execute(
        update(Device)
        .where(Device.institution_id == scope.institution_id, Device.device_id.in_(fresh))
        .values(tested_at=now - timedelta(days=2))
    )
    broken = next(row for row in tested if row.kind == "button")
    await report_fault(scope, broken, FaultIn(description="按下后灯不亮"), "周敏", now)


async def measure(
    database: Database, store: SeriesStore, institution_id: uuid.UUID, now: datetime,
    silent: Collection[str] = (),
) -> int:  # fmt: skip
    """Nights and days of every bed sensor until now, but of `silent` ones; how many readings."""
    until_ns = ns_from_datetime(now) // _STEP_NS * _STEP_NS
    times = np.arange(until_ns - HISTORY_DAYS * 86_400 * NS_PER_S, until_ns, _STEP_NS)
    await store.prepare([*times[:: len(times) // HISTORY_DAYS].tolist(), until_ns], until_ns)
    async with database.tenant(institution_id) as scope:
        wanted = scope.select(Device).where(Device.kind == "bed").order_by(Device.device_id)
        devices = [row.device_id for row in await scope.session.scalars(wanted)]
        devices = [device for device in devices if device not in silent]
        columns = _nights(devices, times)
        await store.append(scope, [], columns)
    return len(columns)


def _nights(devices: Sequence[str], times: IntArray) -> ReadingColumns:
    dice = np.random.default_rng(11)
    # Deepest at 3 in the morning, least at 3 in the afternoon.
    hours = (times / NS_PER_S / 3600 + 8) % 24
    sleep = (1 + np.cos((hours - 3) / 24 * 2 * np.pi)) / 2
    keys: list[Key] = []
    key, at, value = [], [], []
    for number, device_id in enumerate(devices):
        kept = np.ones(len(times), np.bool_)
        lies = _in_bed(hours, dice)
        if number % _GAP_EVERY == 0:
            lost = times[len(times) // 2]
            kept = (times < lost) | (times >= lost + _GAP_NS)
        keys.append((device_id, "in_bed", Origin.SIMULATED.value))
        key.append(np.full(int(kept.sum()), len(keys) - 1, np.int64))
        at.append(times[kept])
        value.append(lies[kept].astype(np.float64))
        kept &= lies  # a mat measures who lies on it
        for quantity, by_day, deeper, spread in _NIGHTLY:
            own = by_day * dice.uniform(0.9, 1.1)
            said = own - deeper * sleep + dice.normal(0, spread, len(times))
            keys.append((device_id, quantity, Origin.SIMULATED.value))
            key.append(np.full(int(kept.sum()), len(keys) - 1, np.int64))
            at.append(times[kept])
            value.append(np.round(said[kept], 1))
    times_ns = np.concatenate(at)
    return ReadingColumns(
        keys, np.concatenate(key), times_ns, np.concatenate(value), np.full(len(times_ns), np.nan)
    )


def _in_bed(hours: FloatArray, dice: np.random.Generator) -> npt.NDArray[np.bool_]:
    """To bed in the evening, up in the morning, a nap after lunch, up once or twice at night."""
    to_bed, up_at = 21.0 + dice.uniform(-1, 1), 6.2 + dice.uniform(-0.7, 0.7)
    nap = 12.7 + dice.uniform(-0.3, 0.3)
    lies = (hours >= to_bed) | (hours < up_at) | ((hours >= nap) & (hours < nap + 1.1))
    for went in dice.uniform(0.5, 5.0, dice.integers(1, 3)):
        lies &= ~((hours >= went) & (hours < went + 0.2))
    return np.asarray(lies, np.bool_)
