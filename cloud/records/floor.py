"""The floor at a glance: of every bed who lies there and how it stands, from what is known now.

One picture from places, coverage, absences and the newest word of the bed sensors. Alerts are not
in it: a desk hears of them by its live stream, sooner than this could tell.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from cloud.clock import datetime_from_ns, ns_from_datetime
from cloud.coverage.plans import away_at
from cloud.coverage.schemas import ElderCoverage
from cloud.coverage.service import coverage_of_all
from cloud.coverage.subjects import Watched, watched_people
from cloud.database import TenantScope
from cloud.devices.attribution import DeviceSpan
from cloud.identity.permissions import Permission
from cloud.identity.service import Principal
from cloud.people.occupancy import BedNode, HomeNode, PlaceTree, RoomNode, UnitNode, place_tree
from cloud.people.reach import reach_of
from cloud.schema_types import ApiModel, UtcMs
from cloud.series.service import Latest, SeriesStore
from edge.subject import SensorRole

# What a bed sensor said longer ago says nothing of now; most repeat themselves each minute.
PRESENCE_HOLDS: Final = timedelta(hours=12)
_QUANTITIES: Final = ("in_bed", "presence")

BedStateName = Literal["in_bed", "up", "watched", "out", "degraded", "blind", "unknown", "empty"]
Presence = Literal["in_bed", "up"]


class FloorBed(ApiModel):
    """A bed. `state` is the worst that is known; `presence` what its sensor last said, and when.

    `watched`: all that is needed works, and nothing that is needed watches the bed (a band only).
    """

    id: uuid.UUID
    name: str
    state: BedStateName
    elder_id: uuid.UUID | None
    elder_name: str | None
    presence: Presence | None
    since: UtcMs | None


class FloorRoom(ApiModel):
    """A room with its beds."""

    id: uuid.UUID
    name: str
    beds: list[FloorBed]


class FloorUnit(ApiModel):
    """A unit, or a home."""

    id: uuid.UUID
    name: str
    is_home: bool
    rooms: list[FloorRoom]


class FloorOut(ApiModel):
    """The floor. `limited`: only the units that the reader serves."""

    server_time: UtcMs
    limited: bool
    units: list[FloorUnit]


async def floor_of(who: Principal, store: SeriesStore, now: datetime) -> FloorOut:
    """All that the reader may see of it."""
    scope = who.scope
    tree = await place_tree(scope, now, with_names=who.may(Permission.RECORDS_READ))
    own = (await reach_of(who)).units
    people = await watched_people(scope, now)
    covered = (await coverage_of_all(scope, now, people)).elders
    elders = {line.elder_id: line for line in covered}
    presence = await _presence(scope, store, people, now)
    away = await away_at(scope, now)
    with_bed_sensor = {
        uuid.UUID(person.subject.elder_id)
        for person in people.values()
        if person.subject.elder_id
        and any(s.role is SensorRole.BED for s in person.subject.settings.sensors)
    }
    facts = _Facts(elders, presence, away, with_bed_sensor)
    units = [_unit(node, facts) for node in _places(tree) if own is None or _unit_of(node) in own]
    return FloorOut(server_time=now, limited=own is not None, units=units)


@dataclass(frozen=True, slots=True)
class _Facts:
    """What is known of everybody."""

    elders: Mapping[uuid.UUID, ElderCoverage]
    presence: Mapping[uuid.UUID, Latest]
    away: set[uuid.UUID]
    with_bed_sensor: set[uuid.UUID]


def bed_state(
    line: ElderCoverage | None, presence: Presence | None, *, away: bool, bed_sensor: bool = True
) -> BedStateName:
    """The worst that is known of an occupied bed. Not knowing is never a good state.

    A bed sensor that says nothing is not the same as none: with none, who is watched by what they
    wear is known to be watched, and where they are is nobody's question.
    """
    if away:
        return "out"
    if line is None or line.cause == "no_devices":
        return "unknown"
    if line.state != "protected":
        return "blind" if line.state == "blind" else "degraded"
    if presence is None and not bed_sensor:
        return "watched"
    return presence or "unknown"


def _places(tree: PlaceTree) -> list[UnitNode | HomeNode]:
    return [*tree.units, *tree.homes]


def _unit_of(node: UnitNode | HomeNode) -> uuid.UUID | None:
    return node.operator_unit_id if isinstance(node, HomeNode) else node.id


def _unit(
    node: UnitNode | HomeNode,
    facts: _Facts,
) -> FloorUnit:
    return FloorUnit(
        id=node.id, name=node.name, is_home=isinstance(node, HomeNode),
        rooms=[_room(room, facts) for room in node.rooms if room.beds],
    )  # fmt: skip


def _room(
    node: RoomNode,
    facts: _Facts,
) -> FloorRoom:
    return FloorRoom(id=node.id, name=node.name, beds=[_bed(bed, facts) for bed in node.beds])


def _bed(
    node: BedNode,
    facts: _Facts,
) -> FloorBed:
    elder_id = None if node.resident is None else node.resident.elder_id
    said = None if elder_id is None else facts.presence.get(elder_id)
    known: Presence | None = None if said is None else "in_bed" if said.value > 0 else "up"
    state: BedStateName = "empty"
    if node.resident is not None:
        line = None if elder_id is None else facts.elders.get(elder_id)
        state = bed_state(
            line, known, away=elder_id in facts.away,
            bed_sensor=elder_id in facts.with_bed_sensor,
        )  # fmt: skip
    return FloorBed(
        id=node.id, name=node.name, state=state, elder_id=elder_id,
        elder_name=None if node.resident is None else node.resident.name, presence=known,
        since=None if said is None else datetime_from_ns(said.time_ns),
    )  # fmt: skip


async def _presence(
    scope: TenantScope, store: SeriesStore, people: Mapping[str, Watched], now: datetime
) -> dict[uuid.UUID, Latest]:
    """The newest word of each elder's bed sensors, if it is not too old."""
    from_ns, until_ns = ns_from_datetime(now - PRESENCE_HOLDS), ns_from_datetime(now)
    owner = {
        sensor.device_id: uuid.UUID(person.subject.elder_id)
        for person in people.values()
        if person.subject.elder_id
        for sensor in person.subject.settings.sensors
        if sensor.role is SensorRole.BED
    }
    spans = [DeviceSpan(device_id, from_ns, until_ns) for device_id in sorted(owner)]
    newest: dict[uuid.UUID, Latest] = {}
    for quantity in _QUANTITIES:
        for said in await store.newest(scope, spans, quantity) if spans else []:
            elder_id = owner[said.device_id]
            known = newest.get(elder_id)
            if known is None or known.time_ns < said.time_ns:
                newest[elder_id] = said
    return newest
