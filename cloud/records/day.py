"""An elder's day on one time axis: what stands in tables in one question, then the readings.

Whose a device was is asked of the assignments and stays as they are now, so a correction of
either moves the picture with it.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from cloud.alerts.models import Alert
from cloud.clock import NS_PER_S, datetime_from_ns, day_begins, ns_from_datetime
from cloud.coverage.models import CoverageGap, GatewayArea, SensorPlacement, WatchPause
from cloud.coverage.subjects import Gateways, sensor_of
from cloud.database import TenantScope
from cloud.devices.attribution import DeviceSpan
from cloud.devices.models import Device, DeviceFault, Gateway, GatewayGap
from cloud.errors import NotFoundError
from cloud.records.day_line import (
    CARRY_NS,
    QUANTITIES_READ,
    DayLine,
    Seen,
    SensorSpan,
    draw,
)
from cloud.rows import read_json, rows_of
from cloud.series.service import SeriesStore
from cloud.series.slots import Interval, Unit

_AWAY: Final = ("leave", "hospital")
# An alert that nobody has dealt with for longer is told by the desk, not by the day.
_OPEN_SHOWN: Final = timedelta(days=7)

# The elder's own devices, those of their beds, those of the rooms these stand in; `shared`: others
# stay in that room too.
_DAY: Final = """
    WITH stays AS MATERIALIZED (
        SELECT s.bed_id, b.room_id, r.unit_id, r.name AS room, s.valid_from, s.valid_until
        FROM stay s
        JOIN bed b ON b.institution_id = s.institution_id AND b.id = s.bed_id
        JOIN room r ON r.institution_id = b.institution_id AND r.id = b.room_id
        WHERE s.institution_id = %(institution)s AND s.elder_id = %(elder)s
        AND s.valid_from < %(until)s AND coalesce(s.valid_until, 'infinity') > %(read_from)s
    ), given AS MATERIALIZED (
        SELECT a.device_id, a.valid_from, a.valid_until, false AS shared, NULL::text AS room
        FROM assignment a WHERE a.institution_id = %(institution)s AND a.elder_id = %(elder)s
        UNION ALL
        SELECT a.device_id, greatest(a.valid_from, s.valid_from),
               least(a.valid_until, s.valid_until), false, s.room
        FROM stays s JOIN assignment a
            ON a.institution_id = %(institution)s AND a.bed_id = s.bed_id
        UNION ALL
        SELECT a.device_id, greatest(a.valid_from, s.valid_from),
               least(a.valid_until, s.valid_until), EXISTS (
                   SELECT 1 FROM stay o
                   JOIN bed b ON b.institution_id = o.institution_id AND b.id = o.bed_id
                   WHERE o.institution_id = %(institution)s AND o.elder_id <> %(elder)s
                   AND b.room_id = s.room_id AND o.valid_from < %(until)s
                   AND coalesce(o.valid_until, 'infinity') > %(from)s
               ), s.room
        FROM stays s JOIN assignment a
            ON a.institution_id = %(institution)s AND a.room_id = s.room_id
    ), held AS MATERIALIZED (
        SELECT * FROM given
        WHERE valid_from < %(until)s AND coalesce(valid_until, 'infinity') > %(read_from)s
        AND (valid_until IS NULL OR valid_until > valid_from)
    )
    SELECT json_build_object(
        'elder', EXISTS (SELECT 1 FROM elder e
                         WHERE e.institution_id = %(institution)s AND e.id = %(elder)s),
        'held', (SELECT json_agg(h ORDER BY h.device_id, h.valid_from) FROM held h),
        'devices', (SELECT json_agg(d) FROM device d WHERE d.institution_id = %(institution)s
                    AND d.device_id IN (SELECT device_id FROM held)),
        'placements', (SELECT json_agg(p) FROM sensor p WHERE p.institution_id = %(institution)s
                       AND p.device_id IN (SELECT device_id FROM held)),
        'alerts', (SELECT json_agg(a ORDER BY a.happened_ns, a.id) FROM alert a
                   WHERE a.institution_id = %(institution)s AND a.elder_id = %(elder)s
                   AND a.happened_ns >= %(open_from_ns)s AND a.happened_ns < %(until_ns)s
                   AND (a.happened_ns >= %(from_ns)s
                        OR coalesce(a.resolved_at, a.closed_at, 'infinity') > %(from)s)),
        'gaps', (SELECT json_agg(g ORDER BY g.from_at) FROM coverage_gap g
                 WHERE g.institution_id = %(institution)s AND g.from_at < %(until)s
                 AND coalesce(g.until_at, 'infinity') > %(read_from)s
                 AND (g.elder_id = %(elder)s
                      OR g.device_id IN (SELECT device_id FROM held))),
        'missed', (SELECT json_agg(g ORDER BY g.from_at) FROM gateway_gap g
                   WHERE g.institution_id = %(institution)s AND g.from_at < %(until)s
                   AND g.until_at > %(read_from)s
                   AND (cardinality(g.device_ids) = 0
                        OR g.device_ids && ARRAY(SELECT device_id FROM held))),
        'pauses', (SELECT json_agg(p ORDER BY p.from_at) FROM watch_pause p
                   WHERE p.institution_id = %(institution)s AND p.elder_id = %(elder)s
                   AND p.from_at < %(until)s
                   AND least(p.until_at, coalesce(p.ended_at, p.until_at)) > %(read_from)s),
        'faults', (SELECT json_agg(f ORDER BY f.reported_at) FROM device_fault f
                   WHERE f.institution_id = %(institution)s AND f.reported_at < %(until)s
                   AND coalesce(f.ended_at, 'infinity') > %(from)s
                   AND f.device_id IN (SELECT device_id FROM held)),
        'unit', (SELECT unit_id FROM stays ORDER BY valid_from DESC LIMIT 1),
        'gateways', (SELECT json_agg(g ORDER BY g.created_at, g.id) FROM gateway g
                     WHERE g.institution_id = %(institution)s AND g.revoked_at IS NULL),
        'areas', (SELECT json_agg(a) FROM gateway_area a
                  WHERE a.institution_id = %(institution)s)
    )::text
"""


@dataclass(frozen=True, slots=True)
class Hole:
    """A time that somebody says could not be seen. `device_id` None: of several, or of all."""

    from_at: datetime
    until_at: datetime | None
    device_id: str | None
    cause: str


@dataclass(frozen=True, slots=True)
class Change:
    """A device came, went, broke or worked again."""

    at: datetime
    device_id: str
    label: str
    what: str


@dataclass(frozen=True, slots=True)
class Day:
    """A stretch of an elder's life, with everything that is drawn of it."""

    from_at: datetime
    until_at: datetime
    now: datetime
    unit: Unit
    line: DayLine
    alerts: list[Alert]
    holes: list[Hole]
    changes: list[Change]
    pauses: list[WatchPause]


def day_bounds(day: date) -> tuple[datetime, datetime]:
    """A calendar day in China, from midnight to midnight."""
    return day_begins(day), day_begins(day + timedelta(days=1))


async def read_day(
    scope: TenantScope, store: SeriesStore, elder_id: uuid.UUID,
    between: tuple[datetime, datetime], now: datetime,
) -> Day:  # fmt: skip
    """[from, until) of an elder. Raises NotFoundError."""
    from_at, until_at = between
    from_ns, until_ns, now_ns = (ns_from_datetime(at) for at in (from_at, until_at, now))
    read_from = datetime_from_ns(from_ns - CARRY_NS)
    values = {
        "institution": scope.institution_id, "elder": elder_id, "from": from_at,
        "until": until_at, "read_from": read_from, "from_ns": from_ns, "until_ns": until_ns,
        "open_from_ns": from_ns - ns_from_delta(_OPEN_SHOWN),
    }  # fmt: skip
    async with scope.driver_cursor() as cursor:
        found = await read_json(cursor, _DAY, values)
    if not found["elder"]:
        raise NotFoundError("elder")
    devices = {row.device_id: row for row in rows_of(Device, found["devices"])}
    end_ns = min(until_ns, now_ns + NS_PER_S)
    spans = _spans(found, devices, from_ns - CARRY_NS, end_ns)
    unit = max(Unit.RAW, store.retention.finest(from_ns - CARRY_NS, now_ns))
    asked = [DeviceSpan(s.device_id, s.from_ns, s.until_ns) for s in spans]
    tracks = await store.tracks_of_many(scope, asked, QUANTITIES_READ, unit) if asked else {}
    gaps = rows_of(CoverageGap, found["gaps"])
    missed = _of_their_gateway(found, rows_of(GatewayGap, found["missed"]))
    pauses = rows_of(WatchPause, found["pauses"])
    away = [
        (ns_from_datetime(p.from_at), ns_from_datetime(pause_end(p)))
        for p in pauses if p.reason in _AWAY
    ]  # fmt: skip
    silences = _silences(gaps, missed, [s.device_id for s in spans], now_ns)
    seen = Seen(from_ns, until_ns, now_ns, spans, tracks, silences, away)
    return Day(
        from_at, until_at, now, unit, draw(seen), rows_of(Alert, found["alerts"]),
        [h for h in _holes(gaps, missed, devices) if h.until_at is None or h.until_at > from_at],
        _changes(found, devices, from_at, min(until_at, now)),
        [p for p in pauses if pause_end(p) > from_at],
    )  # fmt: skip


def ns_from_delta(length: timedelta) -> int:
    """In nanoseconds."""
    return round(length.total_seconds()) * NS_PER_S


def pause_end(pause: WatchPause) -> datetime:
    """As planned, or as it was ended."""
    return pause.until_at if pause.ended_at is None else min(pause.until_at, pause.ended_at)


def _spans(
    found: Mapping[str, Any], devices: Mapping[str, Device], from_ns: int, end_ns: int
) -> list[SensorSpan]:
    placements = {row.device_id: row for row in rows_of(SensorPlacement, found["placements"])}
    spans = []
    for item in found["held"] or ():
        begin_ns = max(from_ns, ns_from_datetime(datetime.fromisoformat(item["valid_from"])))
        end = item["valid_until"]
        span_end = end_ns
        if end is not None:
            span_end = min(end_ns, ns_from_datetime(datetime.fromisoformat(end)))
        if begin_ns >= span_end:
            continue
        device = devices[item["device_id"]]
        sensor = sensor_of(device, placements.get(device.device_id), item["room"] or "")
        spans.append(
            SensorSpan(
                device.device_id, begin_ns, span_end,
                None if sensor is None else sensor.role,
                "" if sensor is None else sensor.room or item["room"] or "",
                item["shared"],
                None if sensor is None else sensor.report_interval_s,
            )
        )  # fmt: skip
    return spans


def _of_their_gateway(found: Mapping[str, Any], missed: Sequence[GatewayGap]) -> list[GatewayGap]:
    """A gap without devices is of all that hang on that gateway: theirs only, if it is theirs."""
    areas = rows_of(GatewayArea, found["areas"])
    gateways = Gateways.among(rows_of(Gateway, found["gateways"]), areas)
    unit = found["unit"]
    theirs = gateways.of(None if unit is None else uuid.UUID(unit))
    return [
        gap for gap in missed
        if gap.device_ids or (theirs is not None and gap.gateway_id == theirs.id)
    ]  # fmt: skip


def _silences(
    gaps: Sequence[CoverageGap], missed: Sequence[GatewayGap], device_ids: Sequence[str],
    now_ns: int,
) -> dict[str, list[Interval]]:  # fmt: skip
    silences: dict[str, list[Interval]] = defaultdict(list)
    everybody = set(device_ids)
    for gap in gaps:
        end_ns = now_ns if gap.until_at is None else ns_from_datetime(gap.until_at)
        for device_id in everybody if gap.device_id is None else {gap.device_id}:
            silences[device_id].append((ns_from_datetime(gap.from_at), end_ns))
    for told in missed:
        if told.cause == "thinned":
            continue  # of what was given up a summary for each minute was kept
        for device_id in everybody & set(told.device_ids or everybody):
            silences[device_id].append(
                (ns_from_datetime(told.from_at), ns_from_datetime(told.until_at))
            )
    return silences


def _holes(
    gaps: Sequence[CoverageGap], missed: Sequence[GatewayGap], devices: Mapping[str, Device]
) -> list[Hole]:
    holes = [Hole(g.from_at, g.until_at, g.device_id, g.cause) for g in gaps]
    for gap in missed:
        theirs = sorted(set(gap.device_ids) & devices.keys())
        holes.append(
            Hole(gap.from_at, gap.until_at, theirs[0] if len(theirs) == 1 else None, gap.cause)
        )
    return sorted(holes, key=lambda hole: hole.from_at)


def _changes(
    found: Mapping[str, Any], devices: Mapping[str, Device], from_at: datetime, until_at: datetime
) -> list[Change]:
    told: list[tuple[datetime | None, str, str]] = []
    for item in found["held"] or ():
        end = item["valid_until"]
        told.append((datetime.fromisoformat(item["valid_from"]), item["device_id"], "given"))
        told.append((datetime.fromisoformat(end) if end else None, item["device_id"], "taken"))
    for fault in rows_of(DeviceFault, found["faults"]):
        told.append((fault.reported_at, fault.device_id, "broken"))
        told.append((fault.ended_at, fault.device_id, "mended"))
    return [
        Change(at, device_id, devices[device_id].label, what)
        for at, device_id, what in sorted(
            (one for one in told if one[0] is not None), key=lambda one: (str(one[0]), one[1])
        )
        if at is not None and from_at <= at < until_at
    ]
