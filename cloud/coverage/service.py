"""What can be seen of whom now. Everything that is not known to work counts as not seen."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, cast

from sqlalchemy import or_

from cloud.coverage.intake import announce
from cloud.coverage.models import CoverageGap, CoverageState
from cloud.coverage.schemas import (
    CapabilityName,
    CauseName,
    CoverageList,
    ElderCoverage,
    ElderCoverageDetail,
    GapOut,
    LackOut,
    LevelName,
    SensorOut,
    SilentDevice,
    StateName,
)
from cloud.coverage.subjects import Watched, watched_people
from cloud.database import TenantScope
from cloud.devices.gaps import gaps_between
from cloud.devices.models import Gateway
from cloud.devices.service import gateway_state
from cloud.errors import NotFoundError
from cloud.people.models import Elder
from cloud.people.service import elders_by_id, stays_at
from cloud.places.service import PlaceName, bed_names
from edge.subject import Sensor

# How far back the gaps of one elder are told.
GAPS_SHOWN: Final = timedelta(days=30)
MAX_GAPS: Final = 500


@dataclass(frozen=True, slots=True)
class Fold:
    """Why nothing can be seen whatever the gateway last said; since when, if that is known."""

    cause: CauseName
    since: datetime | None


def fold_of(watched: Watched, held: CoverageState | None, now: datetime) -> Fold | None:
    """A gateway that is silent cannot say that it is: the cloud says it in its place."""
    gateway = watched.gateway
    sensors = (*watched.subject.settings.sensors, *watched.subject.shared)
    if not sensors and not watched.subject.settings.requires:
        return Fold("no_devices", None)
    if gateway is None:
        return Fold("no_gateway", None)
    if gateway_state(gateway, now) != "online":
        return Fold("gateway_offline", gateway.last_heartbeat_at)
    if is_deaf(gateway):
        return Fold("source_down", None)
    if held is None:
        return Fold("not_reported", None)
    return None


def is_deaf(gateway: Gateway) -> bool:
    """It lives, and none of its sources is open."""
    return bool(gateway.sources) and not any(gateway.sources.values())


@dataclass(frozen=True, slots=True)
class _Facts:
    people: Mapping[str, Watched]
    states: Mapping[uuid.UUID, CoverageState]
    gaps: Mapping[uuid.UUID, Sequence[CoverageGap]]
    elders: Mapping[uuid.UUID, Elder]
    places: Mapping[uuid.UUID, PlaceName]


async def _facts(
    scope: TenantScope, now: datetime, people: Mapping[str, Watched] | None = None
) -> _Facts:
    people = await watched_people(scope, now) if people is None else people
    states = {row.elder_id: row for row in await scope.session.scalars(scope.select(CoverageState))}
    gaps: dict[uuid.UUID, list[CoverageGap]] = defaultdict(list)
    open_gaps = scope.select(CoverageGap).where(CoverageGap.until_at.is_(None))
    for gap in await scope.session.scalars(open_gaps.order_by(CoverageGap.from_at)):
        gaps[gap.elder_id or cast(uuid.UUID, gap.room_id)].append(gap)
    stays = {stay.elder_id: stay.bed_id for stay in await stays_at(scope, now)}
    watched = {uuid.UUID(w.subject.elder_id) for w in people.values() if w.subject.elder_id}
    elders = await elders_by_id(scope, watched | stays.keys())
    beds = await bed_names(scope, set(stays.values()))
    places = {elder_id: beds[bed_id] for elder_id, bed_id in stays.items() if bed_id in beds}
    return _Facts(people, states, gaps, elders, places)


def coverage_said(
    elder: Elder,
    place: PlaceName | None,
    watched: Watched | None,
    held: CoverageState | None,
    *,
    gaps: Sequence[CoverageGap],
    now: datetime,
) -> ElderCoverage:
    """One elder, of what was read already; `gaps`: open ones of theirs and of their room."""
    by_subject: dict[uuid.UUID, list[CoverageGap]] = defaultdict(list)
    for gap in gaps:
        by_subject[gap.elder_id or cast(uuid.UUID, gap.room_id)].append(gap)
    facts = _Facts(
        {} if watched is None else {str(elder.id): watched},
        {} if held is None else {elder.id: held},
        by_subject, {elder.id: elder}, {} if place is None else {elder.id: place},
    )  # fmt: skip
    return _line(facts, elder, now)


async def coverage_of_all(
    scope: TenantScope, now: datetime, people: Mapping[str, Watched] | None = None
) -> CoverageList:
    """Everybody in a bed or with a device, the worst first. `people`: as `watched_people` says,
    where the caller has asked already.
    """
    facts = await _facts(scope, now, people)
    lines = [_line(facts, elder, now) for elder in facts.elders.values()]
    rank = {"blind": 0, "degraded": 1, "protected": 2}
    lines.sort(key=lambda line: (line.cause == "no_devices", rank[line.state], line.place or "",
                                 line.elder_name))  # fmt: skip
    return CoverageList(server_time=now, elders=lines)


async def coverage_of(
    scope: TenantScope, elder_id: uuid.UUID, now: datetime
) -> ElderCoverageDetail:
    """One elder, with sensors and gaps. Raises NotFoundError."""
    facts = await _facts(scope, now)
    elder = facts.elders.get(elder_id) or (await elders_by_id(scope, [elder_id])).get(elder_id)
    if elder is None:
        raise NotFoundError("elder")
    rows = await scope.session.scalars(
        scope.select(CoverageGap)
        .where(
            CoverageGap.elder_id == elder_id,
            or_(CoverageGap.until_at.is_(None), CoverageGap.until_at >= now - GAPS_SHOWN),
        )
        .order_by(CoverageGap.from_at.desc())
        .limit(MAX_GAPS)
    )
    watched = facts.people.get(str(elder_id))
    missed = [] if watched is None else await _missed(scope, watched, now)
    sensors = [] if watched is None else [
        *(_sensor(sensor, shared=False) for sensor in watched.subject.settings.sensors),
        *(_sensor(sensor, shared=True) for sensor in watched.subject.shared),
    ]  # fmt: skip
    return ElderCoverageDetail(
        **dict(_line(facts, elder, now)),
        sensors=sensors,
        gaps=_newest([*(_gap(row) for row in rows), *missed]),
    )


def _gap(row: CoverageGap) -> GapOut:
    return GapOut(
        device_id=row.device_id, from_at=row.from_at, until_at=row.until_at, cause=row.cause,
        source=None, records=0,
    )  # fmt: skip


async def _missed(scope: TenantScope, watched: Watched, now: datetime) -> list[GapOut]:
    """What the gateway tells that it did not hear, or had to give up, of their sensors."""
    if watched.gateway is None:
        return []
    own = {s.device_id for s in (*watched.subject.settings.sensors, *watched.subject.shared)}
    rows = await gaps_between(
        scope, now - GAPS_SHOWN, now, device_ids=own, gateway_id=watched.gateway.id, limit=MAX_GAPS
    )
    gaps = []
    for row in rows:
        theirs = sorted(own & set(row.device_ids))
        gaps.append(
            GapOut(
                device_id=theirs[0] if len(theirs) == 1 else None, from_at=row.from_at,
                until_at=row.until_at, cause=row.cause, source=row.source, records=row.records,
            )
        )  # fmt: skip
    return gaps


def _newest(gaps: list[GapOut]) -> list[GapOut]:
    return sorted(gaps, key=lambda gap: gap.from_at, reverse=True)[:MAX_GAPS]


def _sensor(sensor: Sensor, *, shared: bool) -> SensorOut:
    return SensorOut(
        device_id=sensor.device_id,
        role=sensor.role.value,
        room=sensor.room,
        room_kind=sensor.room_kind.value,
        shared=shared,
        capabilities=[each.value for each in sorted(sensor.serves)],
    )


def _line(facts: _Facts, elder: Elder, now: datetime) -> ElderCoverage:
    watched, held = facts.people.get(str(elder.id)), facts.states.get(elder.id)
    place = facts.places.get(elder.id)
    fold = Fold("no_devices", None) if watched is None else fold_of(watched, held, now)
    gaps = facts.gaps.get(elder.id, ())
    state, since = ("blind", None) if held is None else (held.state, held.since)
    if fold is not None:
        began = [gap.from_at for gap in gaps if gap.device_id is None]
        # Blind before the gateway fell silent: blind since then.
        earlier = [since] if held is not None and held.state == "blind" and since else []
        times = [*began, *earlier, *([fold.since] if fold.since else [])]
        state, since = "blind", min(times, default=None)
    lacking = [] if held is None or fold is not None else held.lacking.get("capabilities", [])
    sensors = {} if watched is None else {
        sensor.device_id: sensor
        for sensor in (*watched.subject.settings.sensors, *watched.subject.shared)
    }  # fmt: skip
    shared_gaps = [
        gap
        for place_gaps in facts.gaps.values()
        for gap in place_gaps
        if gap.elder_id is None and gap.device_id in sensors
    ]
    return ElderCoverage(
        elder_id=elder.id,
        elder_name=elder.name,
        place=None if place is None else place.label,
        state=cast(StateName, state),
        since=since,
        cause=None if fold is None else fold.cause,
        gateway=None if watched is None or watched.gateway is None else watched.gateway.name,
        lacking=[
            LackOut(
                capability=cast(CapabilityName, item["capability"]),
                level=cast(LevelName, item["level"]),
                since=datetime.fromisoformat(item["since"]),
            )
            for item in lacking
        ],
        silent=[
            SilentDevice(
                device_id=gap.device_id,
                role=sensors[gap.device_id].role.value,
                room=sensors[gap.device_id].room,
                since=gap.from_at,
                cause=gap.cause,
            )
            for gap in (*gaps, *shared_gaps)
            if gap.device_id is not None and gap.device_id in sensors
        ],
        origin="live" if held is None else held.origin,
    )


async def follow_gateways(scope: TenantScope, now: datetime) -> int:
    """Open and close the gaps of whole gateways; how many changed. The screens are told."""
    people = await watched_people(scope, now)
    states = {row.elder_id: row for row in await scope.session.scalars(scope.select(CoverageState))}
    statement = (
        scope.select(CoverageGap)
        .where(CoverageGap.until_at.is_(None), CoverageGap.device_id.is_(None))
        .with_for_update(skip_locked=True)
    )
    held = {row.elder_id: row for row in await scope.session.scalars(statement)}
    changed = 0
    for watched in people.values():
        if watched.subject.elder_id is None:
            continue
        elder_id = uuid.UUID(watched.subject.elder_id)
        gap, fold = held.pop(elder_id, None), fold_of(watched, states.get(elder_id), now)
        silent = fold is not None and fold.cause in ("gateway_offline", "source_down")
        if gap is None and silent and fold is not None and watched.gateway is not None:
            since = fold.since or now
            scope.session.add(
                CoverageGap(
                    id=uuid.uuid4(),
                    institution_id=scope.institution_id,
                    elder_id=elder_id,
                    gateway_id=watched.gateway.id,
                    episode_id=f"gateway/{elder_id}/{since.isoformat()}",
                    from_at=since,
                    cause=fold.cause,
                )
            )
            changed += 1
        elif gap is not None and not silent:
            gap.until_at, changed = now, changed + 1
    for gap in held.values():  # nobody's any more
        gap.until_at, changed = now, changed + 1
    if changed:
        await scope.session.flush()
        announce(scope, now)
    return changed
