"""Four weeks of days for the made-up house, so that active discovery has something to find.

Hours of summaries, as the series store keeps them when readings are gone: most people live as they
always do; a few change, one home fell silent. Nobody is real.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from cloud.care.discovery.features import day_of, first_hour
from cloud.care.discovery.models import DiscoveryCase, DiscoveryMove
from cloud.care.discovery.nightly import run_nightly
from cloud.database import Database, TenantScope
from cloud.devices.models import Device
from cloud.people.models import Elder
from cloud.series.columns import Key
from cloud.series.service import SeriesStore
from cloud.series.slots import SLOT, Slots, Unit
from edge.signals import FloatArray, Origin

# 14 days of baseline and 14 recent ones; the house has been fitted for 30.
DAYS: Final = 29
_HOUR_NS: Final = 3_600_000_000_000
_DAY_HOURS: Final = 24
_RECENT: Final = 14
_SILENT_DAYS: Final = 3
# Hours since six in the morning in which somebody sleeps (22 to 06).
_NIGHT_FROM: Final = 16


@dataclass(frozen=True, slots=True)
class _Life:
    """What becomes of the last two weeks: factors, and hours more in bed by day."""

    movement: float = 1.0
    night: float = 1.0
    nap_h: float = 0.5
    silent_days: int = 0


# By the number of the home, and of the bed in the house.
_HOMES: Final[Mapping[int, _Life]] = {
    1: _Life(movement=0.45, nap_h=2.0), 4: _Life(night=3.0), 8: _Life(silent_days=_SILENT_DAYS),
}  # fmt: skip
_BEDS: Final[Mapping[int, _Life]] = {6: _Life(nap_h=4.5), 23: _Life(night=4.0, nap_h=3.0)}


async def silent_devices(database: Database, institution_id: uuid.UUID) -> frozenset[str]:
    """What told nothing on the last days: whoever makes up readings leaves these out."""
    async with database.tenant(institution_id) as scope:
        kinds = await _devices(scope)
    own = len(kinds["bed"]) - len(kinds["motion"])
    silent = [number for number, life in _HOMES.items() if life.silent_days]
    return frozenset(
        device for number in silent
        for device in (kinds["bed"][own + number], kinds["motion"][number], kinds["door"][number])
    )  # fmt: skip


async def fill_discovery(
    database: Database, store: SeriesStore, institution_id: uuid.UUID, now: datetime
) -> None:
    """The days, two cases that were answered, and last night's list."""
    last = day_of(now) - timedelta(days=1)
    first = first_hour(last - timedelta(days=DAYS - 1))
    async with database.tenant(institution_id) as scope:
        kinds = await _devices(scope)
        dice = np.random.default_rng(23)
        own, homes = len(kinds["bed"]) - len(kinds["motion"]), len(kinds["motion"])
        for number, device in enumerate(kinds["bed"]):
            home = number - own
            life = (_HOMES.get(home) if home >= 0 else _BEDS.get(number)) or _Life()
            await _bed(scope, store, device, life, first, dice)
        for home in range(homes):
            life = _HOMES.get(home, _Life())
            await _about(
                scope, store, kinds["motion"][home], kinds["door"][home], life, first, dice
            )
        await _answered(scope, now)
    await run_nightly(database, store, institution_id, now)


async def _devices(scope: TenantScope) -> dict[str, list[str]]:
    """Device ids by kind in the order in which they were fitted: units first, then homes."""
    statement = scope.select(Device).where(Device.kind.in_(("bed", "motion", "door")))
    found: dict[str, list[str]] = {"bed": [], "motion": [], "door": []}
    for row in await scope.session.scalars(statement):
        found[row.kind].append(row.device_id)
    return {kind: sorted(ids, key=lambda one: int(one.rpartition("-")[2]))
            for kind, ids in found.items()}  # fmt: skip


async def _bed(  # noqa: PLR0917 - a device, a life and a die
    scope: TenantScope, store: SeriesStore, device: str, life: _Life, first: int,
    dice: np.random.Generator,
) -> None:  # fmt: skip
    """In bed at night and after lunch; up for the bathroom now and then."""
    in_bed = np.zeros((DAYS, _DAY_HOURS))
    up = np.zeros((DAYS, _DAY_HOURS), np.bool_)
    in_bed[:, _NIGHT_FROM:] = 1.0
    for day in range(DAYS):
        changed = day >= DAYS - _RECENT
        nap = (life.nap_h if changed else 0.5) + dice.normal(0, 0.25)
        for hour in range(7, 13):  # from one o'clock on
            in_bed[day, hour] = float(np.clip(nap - (hour - 7), 0.0, 1.0))
        rises = 1 + dice.binomial(2, 0.3)
        count = min(5, round(rises * (life.night if changed else 1.0)))
        up[day, 18 + dice.permutation(5)[:count]] = True
    in_bed[up] = 0.85
    stirs = (
        in_bed
        * dice.poisson(8.0, in_bed.shape)
        * np.where((np.arange(DAYS) >= DAYS - _RECENT)[:, None], life.night**0.5, 1.0)
    )
    keep = _told(life)
    await _put(scope, store, device, "in_bed", first, in_bed[:keep], 60, binary=True)
    await _put(scope, store, device, "body_movement", first, stirs[:keep], 0, binary=False)


async def _about(  # noqa: PLR0917 - two devices, a life and a die
    scope: TenantScope, store: SeriesStore, motion: str, door: str, life: _Life, first: int,
    dice: np.random.Generator,
) -> None:  # fmt: skip
    """About by day, out of the door once or twice."""
    rate = np.full((DAYS, _DAY_HOURS), 5.0)
    rate[:, _NIGHT_FROM:] = 0.3
    doors = np.full((DAYS, _DAY_HOURS), 0.25)
    doors[:, _NIGHT_FROM:] = 0.0
    rate[DAYS - _RECENT :] *= life.movement
    doors[DAYS - _RECENT :] *= life.movement
    keep = _told(life)
    moved = dice.poisson(rate).astype(np.float64)[:keep]
    passed = dice.poisson(doors).astype(np.float64)[:keep]
    await _put(scope, store, motion, "motion", first, moved, 0, binary=False)
    await _put(scope, store, door, "door_open", first, passed, 0, binary=False)
    for device in (motion, door):  # batteries say every hour that the device lives
        level = np.full(moved.shape, 90.0)
        await _put(scope, store, device, "battery_level", first, level, 1, binary=False)


def _told(life: _Life) -> int:
    return DAYS - life.silent_days


async def _put(  # noqa: PLR0917 - one series
    scope: TenantScope, store: SeriesStore, device: str, quantity: str, first: int,
    by_hour: FloatArray, count: int, *, binary: bool,
) -> None:  # fmt: skip
    """One series. `count` readings an hour of the mean `by_hour`; 0: `by_hour` events of 1 each."""
    values = by_hour.ravel()
    hours = first + np.arange(len(values))
    slots: Slots = np.zeros(len(values), SLOT)
    slots["slot"] = hours
    slots["count"] = count or np.maximum(1, np.round(values))
    slots["first_ns"] = slots["min_ns"] = slots["max_ns"] = hours * _HOUR_NS
    slots["last_ns"] = hours * _HOUR_NS + _HOUR_NS - 60_000_000_000
    mixed = (values > 0) & (values < 1) & binary
    high = np.ceil(values) if binary else np.minimum(1.0, values) if not count else values
    slots["max_value"] = high
    slots["min_value"] = np.where(mixed, 0.0, high)
    slots["first_value"] = slots["last_value"] = np.where(mixed, np.round(values), high)
    slots["sum_value"] = values * count if count else np.round(values)
    key: Key = (device, quantity, Origin.SIMULATED.value)
    await store.append_slots(scope, key, Unit.HOUR, slots)


_PAST: Final[Sequence[tuple[int, str, str | None, str]]] = (
    (0, "confirmed", None, "夜里起夜多，查出尿路感染，已治疗"),
    (5, "dismissed", "visitors", "外孙一家来住了一周"),
    (9, "confirmed", None, "膝关节疼，下楼少了，已安排康复"),
)


async def _answered(scope: TenantScope, now: datetime) -> None:
    """What social workers found in the weeks before."""
    elders = list(
        await scope.session.scalars(
            scope.select(Elder).order_by(Elder.created_at, Elder.name_pinyin, Elder.id)
        )
    )
    for number, (place, state, code, note) in enumerate(_PAST):
        ended = now - timedelta(days=20 - 4 * number)
        opened = (ended - timedelta(days=1 + number)).date()
        reason = {
            "kind": "night_up", "group": "night", "points": 4.0, "hard": False, "factor": 1.0,
            "values": {}, "text_zh": "夜里离床的时段增加：近 7 天多为 4 个，平时 1 个",
            "text_en": "Hours of the night with rising up: mostly 4, usually 1",
        }  # fmt: skip
        case = DiscoveryCase(
            id=uuid.uuid4(), institution_id=scope.institution_id,
            elder_id=elders[place * 3].id, opened_on=opened, day=opened, score=5.5, listed=True,
            origin=Origin.SIMULATED.value, reasons=[reason], unknown=[], state=state,
            reason_code=code, note=note, ask_again_on=(now + timedelta(days=10)).date(),
            ended_at=ended, ended_by="许文", version=2,
        )  # fmt: skip
        scope.session.add(case)
        await scope.session.flush()
        for at, by, move, said in (
            (ended - timedelta(days=1 + number), "", "listed", ""), (ended, "许文", state, note),
        ):  # fmt: skip
            scope.session.add(
                DiscoveryMove(
                    institution_id=scope.institution_id, case_id=case.id, at=at, by=by, move=move,
                    note=said, detail={},
                )
            )  # fmt: skip
