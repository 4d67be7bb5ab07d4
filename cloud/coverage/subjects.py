"""Who is watched through which devices, and by which gateway: what the registry tells of people."""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Final

from cloud.clock import ns_from_datetime
from cloud.coverage.models import (
    AssessedLevel,
    GatewayArea,
    SensorPlacement,
    WatchPause,
    WatchPlan,
)
from cloud.database import TenantScope
from cloud.devices.models import Assignment, Device, Gateway
from cloud.devices.service import Subject as DeviceSubject
from cloud.devices.service import covers
from cloud.people.models import Elder
from cloud.people.service import bed_of, elders_by_id, stays_at
from cloud.places.service import BedPlace, bed_places, room_names
from edge.subject import (
    Capability,
    Pause,
    RoomKind,
    Sensor,
    SensorRole,
    Subject,
    SubjectSettings,
)

TIMEZONE: Final = "Asia/Shanghai"
# A device whose role nobody has stated is what the register calls it.
KIND_ROLES: Final[Mapping[str, SensorRole]] = MappingProxyType(
    {
        "button": SensorRole.BUTTON,
        "wearable": SensorRole.WEARABLE,
        "bed": SensorRole.BED,
        "radar": SensorRole.RADAR,
        "motion": SensorRole.MOTION,
        "door": SensorRole.DOOR,
        "smoke": SensorRole.SMOKE,
        "gas": SensorRole.GAS,
        "water": SensorRole.WATER,
        "climate": SensorRole.CLIMATE,
        "meter": SensorRole.SPOT_VITALS,
        "locator": SensorRole.LOCATOR,
    }
)


@dataclass(frozen=True, slots=True)
class Watched:
    """Somebody (or a room) with everything that decides how they are watched."""

    subject: Subject
    unit_id: uuid.UUID | None
    gateway: Gateway | None


@dataclass(slots=True)
class _Found:
    own: list[Sensor] = field(default_factory=list)
    shared: list[Sensor] = field(default_factory=list)


async def watched_people(scope: TenantScope, now: datetime) -> dict[str, Watched]:
    """Everybody with a device or a plan, and rooms whose devices belong to no single person."""
    beds = await bed_places(scope)
    homes = {stay.elder_id: beds[stay.bed_id] for stay in await stays_at(scope, now)}
    plans = {row.elder_id: row for row in await scope.session.scalars(scope.select(WatchPlan))}
    levels = {row.elder_id: row for row in await scope.session.scalars(scope.select(AssessedLevel))}
    elders = {row.id for row in await scope.session.scalars(scope.select(Elder))}
    people, rooms = await _sensors(scope, homes, now)
    pauses = await _pauses(scope, now)
    gateways = await Gateways.load(scope)
    in_room = Counter(bed.room_id for bed in homes.values())
    found: dict[str, Watched] = {}
    for elder_id in sorted(elders & (people.keys() | plans.keys()), key=str):
        bed = homes.get(elder_id)
        mine = people.get(elder_id, _Found())
        mates = 0 if bed is None else in_room[bed.room_id]
        plan = plans.get(elder_id)
        settings = _settings(
            plan, tuple(mine.own), level=level_in_force(plan, levels.get(elder_id)),
            alone=mates <= 1, pauses=pauses.get(elder_id, ()),
        )  # fmt: skip
        name = str(elder_id)
        unit_id = None if bed is None else bed.unit_id
        subject = Subject(name, name, settings, tuple(mine.shared))
        found[name] = Watched(subject, unit_id, gateways.of(unit_id))
    units = {bed.room_id: bed.unit_id for bed in beds.values()}
    for room_id, sensors in rooms.items():
        settings = SubjectSettings(TIMEZONE, tuple(sensors), lives_alone=False)
        unit_id = units.get(room_id)
        found[str(room_id)] = Watched(
            Subject(str(room_id), None, settings), unit_id, gateways.of(unit_id)
        )
    return found


def watched_alone(
    elder_id: uuid.UUID,
    sensors: Iterable[tuple[Sensor, bool]],
    plan: WatchPlan | None,
    *,
    mates: int,
    unit_id: uuid.UUID | None,
    gateways: Gateways,
) -> Watched | None:
    """One elder of `watched_people`, without what only a gateway asks (pauses).

    `sensors`: each with whether it hangs in a room; `mates`: how many stay in their room. None:
    neither a device nor a plan.
    """
    own: list[Sensor] = []
    shared: list[Sensor] = []
    for sensor, in_room in sensors:
        (shared if in_room and mates != 1 else own).append(sensor)
    if not own and not shared and plan is None:
        return None
    level = level_in_force(plan, None)  # coverage does not ask for the level
    settings = _settings(plan, tuple(own), level=level, alone=mates <= 1, pauses=())
    subject = Subject(str(elder_id), str(elder_id), settings, tuple(shared))
    return Watched(subject, unit_id, gateways.of(unit_id))


async def subjects_of_gateway(
    scope: TenantScope, gateway_id: uuid.UUID, now: datetime
) -> list[Subject]:
    """Whom one gateway watches over. No two gateways have the same."""
    people = await watched_people(scope, now)
    return [
        watched.subject
        for watched in people.values()
        if watched.gateway is not None and watched.gateway.id == gateway_id
    ]


async def subject_named(scope: TenantScope, subject_id: str, at: datetime) -> DeviceSubject | None:
    """The elder (with the bed they had then) or the room that a finding is about."""
    try:
        wanted = uuid.UUID(subject_id)
    except ValueError:
        return None
    if await elders_by_id(scope, [wanted]):
        return DeviceSubject(wanted, await bed_of(scope, wanted, at), None)
    if await room_names(scope, [wanted]):
        return DeviceSubject(None, None, wanted)
    return None


async def _sensors(
    scope: TenantScope, homes: Mapping[uuid.UUID, BedPlace], now: datetime
) -> tuple[dict[uuid.UUID, _Found], dict[uuid.UUID, list[Sensor]]]:
    placements = {
        row.device_id: row for row in await scope.session.scalars(scope.select(SensorPlacement))
    }
    statement = (
        scope.select(Assignment)
        .join(
            Device,
            (Device.institution_id == Assignment.institution_id)
            & (Device.device_id == Assignment.device_id),
        )
        .where(*covers(now))
        .order_by(Assignment.device_id)
        .add_columns(Device)
    )
    rows = (await scope.session.execute(statement)).all()
    names = await room_names(
        scope,
        {a.room_id for a, _ in rows if a.room_id} | {bed.room_id for bed in homes.values()},
    )
    in_bed = {bed.bed_id: elder_id for elder_id, bed in homes.items()}
    in_room: dict[uuid.UUID, list[uuid.UUID]] = defaultdict(list)
    for elder_id, bed in homes.items():
        in_room[bed.room_id].append(elder_id)
    people: dict[uuid.UUID, _Found] = defaultdict(_Found)
    rooms: dict[uuid.UUID, list[Sensor]] = defaultdict(list)
    for assignment, device in rows:
        room_id = assignment.room_id
        owner = assignment.elder_id or in_bed.get(assignment.bed_id)
        place = homes.get(owner) if owner is not None else None
        where = room_id or (None if place is None else place.room_id)
        label = None if where is None else names.get(where)
        sensor = sensor_of(
            device, placements.get(device.device_id), "" if label is None else label.room
        )
        if sensor is None:
            continue
        mates = in_room.get(room_id, []) if room_id else []
        if room_id is not None and len(mates) == 1:
            owner = mates[0]
        if owner is not None:
            people[owner].own.append(sensor)
        elif room_id is not None:
            rooms[room_id].append(sensor)
            for elder_id in mates:
                people[elder_id].shared.append(sensor)
    return people, rooms


def sensor_of(device: Device, placement: SensorPlacement | None, room: str) -> Sensor | None:
    """What a device is for; None: nobody has said, and its kind does not tell."""
    if placement is None:
        # As it was accepted; else what the register calls it.
        role = SensorRole(device.role) if device.role else KIND_ROLES.get(device.kind)
        kind = RoomKind.BEDROOM if role is SensorRole.BED else RoomKind.OTHER
        return None if role is None else Sensor(device.device_id, role, room, kind)
    capabilities = placement.capabilities
    return Sensor(
        device.device_id,
        SensorRole(placement.role),
        placement.room or room,
        RoomKind(placement.room_kind),
        None if capabilities is None else frozenset(Capability(name) for name in capabilities),
        placement.report_interval_s,
    )


def level_in_force(plan: WatchPlan | None, assessed: AssessedLevel | None) -> int:
    """The ability level to watch by: the plan's own where it has one, else the assessed one."""
    if plan is not None and not plan.follows_assessment:
        return plan.ability_level
    return 0 if assessed is None else assessed.level


def _settings(
    plan: WatchPlan | None, sensors: tuple[Sensor, ...], *, level: int, alone: bool,
    pauses: Sequence[Pause],
) -> SubjectSettings:  # fmt: skip
    if plan is None:
        return SubjectSettings(
            TIMEZONE, sensors, ability_level=level, lives_alone=alone, pauses=tuple(pauses)
        )
    return SubjectSettings(
        timezone=plan.timezone,
        sensors=sensors,
        ability_level=level,
        lives_alone=alone if plan.lives_alone is None else plan.lives_alone,
        requires=frozenset(Capability(name) for name in plan.requires or ()),
        pauses=tuple(pauses),
        overrides={name: float(value) for name, value in plan.overrides.items()},
    )


async def _pauses(scope: TenantScope, now: datetime) -> dict[uuid.UUID, list[Pause]]:
    rows = await scope.session.scalars(
        scope.select(WatchPause)
        .where(WatchPause.until_at > now, WatchPause.ended_by.is_(None))
        .order_by(WatchPause.from_at)
    )
    pauses: dict[uuid.UUID, list[Pause]] = defaultdict(list)
    for row in rows:
        pause = Pause(ns_from_datetime(row.from_at), ns_from_datetime(row.until_at), row.reason)
        pauses[row.elder_id].append(pause)
    return pauses


@dataclass(frozen=True, slots=True)
class Gateways:
    """Which gateway watches over a unit: one that has it as its area, else one without any."""

    by_unit: Mapping[uuid.UUID, Gateway]
    general: Gateway | None

    @classmethod
    async def load(cls, scope: TenantScope) -> Gateways:
        """All of the institution."""
        statement = scope.select(Gateway).where(Gateway.revoked_at.is_(None))
        rows = list(await scope.session.scalars(statement.order_by(Gateway.created_at, Gateway.id)))
        return cls.among(rows, await scope.session.scalars(scope.select(GatewayArea)))

    @classmethod
    def among(cls, rows: Sequence[Gateway], held: Iterable[GatewayArea]) -> Gateways:
        """Of all gateways that are not revoked, the oldest first."""
        areas: dict[uuid.UUID, set[uuid.UUID]] = defaultdict(set)
        for area in held:
            areas[area.gateway_id].add(area.unit_id)
        by_unit: dict[uuid.UUID, Gateway] = {}
        for row in rows:
            for unit_id in areas.get(row.id, ()):
                by_unit.setdefault(unit_id, row)
        return cls(by_unit, next((row for row in rows if row.id not in areas), None))

    def of(self, unit_id: uuid.UUID | None) -> Gateway | None:
        """Which one watches over a unit."""
        return (self.by_unit.get(unit_id) if unit_id else None) or self.general


def device_ids(subjects: Collection[Subject]) -> set[str]:
    """All devices they are watched through."""
    return {
        sensor.device_id
        for subject in subjects
        for sensor in (*subject.settings.sensors, *subject.shared)
    }
