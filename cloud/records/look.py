"""All of an elder's page that stands in tables, in one round trip.

The statement names the institution in every branch, as row-level security does again. What it
finds is given to the same functions that other calls use: nothing is put into words here.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from cloud.alerts.machine import ENDED
from cloud.alerts.models import Alert
from cloud.clock import ns_from_datetime
from cloud.coverage.models import (
    CoverageGap,
    CoverageState,
    GatewayArea,
    SensorPlacement,
    WatchPlan,
)
from cloud.coverage.subjects import Gateways
from cloud.database import TenantScope
from cloud.devices.attribution import SPANS, DeviceSpan
from cloud.devices.models import Assignment, Device, DeviceActivity, DeviceFault, Gateway
from cloud.errors import NotFoundError
from cloud.people.models import Consent, Elder, ElderContact, ElderFact
from cloud.places.service import PlaceName
from cloud.rows import read_json, row_of, rows_of

_NAMES: Final = """
    SELECT {what}, u.name AS unit, h.name AS home, r.name AS room
    FROM {source}
    LEFT JOIN unit u ON u.institution_id = r.institution_id AND u.id = r.unit_id
    LEFT JOIN home h ON h.institution_id = r.institution_id AND h.id = r.home_id
"""
_BED_NAMES: Final = _NAMES.format(
    what="b.id, b.name AS bed, b.room_id, r.unit_id",
    source="bed b JOIN room r ON r.institution_id = b.institution_id AND r.id = b.room_id",
)
_ROOM_NAMES: Final = _NAMES.format(what="r.id", source="room r")
_TODAY: Final = "valid_from <= %(now)s AND (valid_until IS NULL OR valid_until > %(now)s)"


def _all(table: str, order: str, where: str = "") -> str:
    """The rows of one elder in a table, as one value."""
    return (
        f"(SELECT json_agg(t ORDER BY {order}) FROM {table} t"  # noqa: S608
        f" WHERE t.institution_id = %(institution)s AND t.elder_id = %(elder)s {where})"
    )


def _of_devices(table: str, where: str = "") -> str:
    return (
        f"(SELECT json_agg(t) FROM {table} t WHERE t.institution_id = %(institution)s"  # noqa: S608
        f" AND t.device_id IN (SELECT device_id FROM given) {where})"
    )


_LOOK: Final = f"""
    WITH held AS MATERIALIZED (
        SELECT bed_id FROM stay
        WHERE institution_id = %(institution)s AND elder_id = %(elder)s AND {_TODAY}
    ), here AS MATERIALIZED (
        SELECT named.* FROM held JOIN LATERAL (
            {_BED_NAMES} WHERE b.institution_id = %(institution)s AND b.id = held.bed_id
        ) AS named ON true
    ), given AS MATERIALIZED (
        SELECT * FROM assignment
        WHERE institution_id = %(institution)s AND elder_id = %(elder)s AND {_TODAY}
        UNION ALL
        SELECT a.* FROM here JOIN assignment a ON a.bed_id = here.id
        WHERE a.institution_id = %(institution)s AND {_TODAY}
        UNION ALL
        SELECT a.* FROM here JOIN assignment a ON a.room_id = here.room_id
        WHERE a.institution_id = %(institution)s AND {_TODAY}
    ), alarm AS MATERIALIZED (
        SELECT * FROM alert
        WHERE institution_id = %(institution)s AND elder_id = %(elder)s
        AND state <> ALL(%(ended)s)
    ), fault AS MATERIALIZED (
        SELECT * FROM device_fault
        WHERE institution_id = %(institution)s AND ended_at IS NULL
        AND device_id IN (SELECT device_id FROM given)
    )
    SELECT json_build_object(
        'elder', (SELECT row_to_json(e) FROM elder e
                  WHERE e.institution_id = %(institution)s AND e.id = %(elder)s),
        'facts', {_all("elder_fact", "t.as_of, t.id")},
        'contacts', {_all("elder_contact", "t.rank")},
        'consents', {_all("consent", "t.id")},
        'alerts', (SELECT json_agg(t ORDER BY t.happened_ns DESC, t.id) FROM alarm t),
        'assignments', (SELECT json_agg(t ORDER BY t.device_id) FROM given t),
        'devices', {_of_devices("device")},
        'activity', {_of_devices("device_activity")},
        'placements', {_of_devices("sensor")},
        'faults', (SELECT json_agg(t) FROM fault t),
        'spans', (SELECT json_agg(t) FROM ({SPANS}) AS t),
        'here', (SELECT row_to_json(t) FROM here t),
        'mates', (
            SELECT count(*) FROM here
            JOIN bed b ON b.institution_id = %(institution)s AND b.room_id = here.room_id
            JOIN stay s ON s.institution_id = %(institution)s AND s.bed_id = b.id
            WHERE {_TODAY.replace("valid_", "s.valid_")}
        ),
        'beds', (SELECT json_agg(t) FROM (
            {_BED_NAMES} WHERE b.institution_id = %(institution)s AND b.id IN (
                SELECT id FROM here UNION SELECT bed_id FROM alarm UNION SELECT bed_id FROM fault)
        ) AS t),
        'rooms', (SELECT json_agg(t) FROM (
            {_ROOM_NAMES} WHERE r.institution_id = %(institution)s AND r.id IN (
                SELECT room_id FROM given UNION SELECT room_id FROM alarm
                UNION SELECT room_id FROM fault UNION SELECT room_id FROM here)
        ) AS t),
        'others', (SELECT json_agg(e) FROM elder e WHERE e.institution_id = %(institution)s
                   AND e.id <> %(elder)s AND e.id IN (SELECT elder_id FROM fault)),
        'plans', {_all("watch_plan", "t.elder_id")},
        'states', {_all("coverage_state", "t.elder_id")},
        'gaps', (
            SELECT json_agg(t ORDER BY t.from_at) FROM coverage_gap t
            WHERE t.institution_id = %(institution)s AND t.until_at IS NULL
            AND (t.elder_id = %(elder)s OR (t.elder_id IS NULL
                 AND t.device_id IN (SELECT device_id FROM given)))
        ),
        'gateways', (SELECT json_agg(t ORDER BY t.created_at, t.id) FROM gateway t
                     WHERE t.institution_id = %(institution)s AND t.revoked_at IS NULL),
        'areas', (SELECT json_agg(t) FROM gateway_area t
                  WHERE t.institution_id = %(institution)s)
    )::text
"""  # noqa: S608 - of constants


@dataclass(frozen=True, slots=True)
class Look:
    """What the tables say of one elder now."""

    elder: Elder
    facts: list[ElderFact]
    contacts: list[ElderContact]
    consents: list[Consent]
    alerts: list[Alert]
    assignments: list[Assignment]
    devices: dict[str, Device]
    activity: dict[str, DeviceActivity]
    placements: dict[str, SensorPlacement]
    faults: list[DeviceFault]
    spans: list[DeviceSpan]
    bed_id: uuid.UUID | None
    room_id: uuid.UUID | None
    unit_id: uuid.UUID | None
    mates: int
    beds: dict[uuid.UUID, PlaceName]
    rooms: dict[uuid.UUID, PlaceName]
    elders: dict[uuid.UUID, Elder]
    plan: WatchPlan | None
    state: CoverageState | None
    gaps: list[CoverageGap]
    gateways: Gateways


async def look_at(scope: TenantScope, elder_id: uuid.UUID, now: datetime, until_ns: int) -> Look:
    """Raises NotFoundError. `until_ns`: where the spans of devices end that have no end."""
    values = {
        "institution": scope.institution_id, "elder": elder_id, "now": now,
        "ended": [str(state) for state in ENDED],
    }  # fmt: skip
    async with scope.driver_cursor() as cursor:
        found = await read_json(cursor, _LOOK, values)
    if found["elder"] is None:
        raise NotFoundError("elder")
    elder, here = row_of(Elder, found["elder"]), found["here"] or {}
    plans, states = rows_of(WatchPlan, found["plans"]), rows_of(CoverageState, found["states"])
    return Look(
        elder=elder,
        facts=rows_of(ElderFact, found["facts"]),
        contacts=rows_of(ElderContact, found["contacts"]),
        consents=rows_of(Consent, found["consents"]),
        alerts=rows_of(Alert, found["alerts"]),
        assignments=rows_of(Assignment, found["assignments"]),
        devices={row.device_id: row for row in rows_of(Device, found["devices"])},
        activity={row.device_id: row for row in rows_of(DeviceActivity, found["activity"])},
        placements={row.device_id: row for row in rows_of(SensorPlacement, found["placements"])},
        faults=rows_of(DeviceFault, found["faults"]),
        spans=_spans(found["spans"] or [], until_ns),
        bed_id=_id(here.get("id")),
        room_id=_id(here.get("room_id")),
        unit_id=_id(here.get("unit_id")),
        mates=found["mates"],
        beds=_names(found["beds"]),
        rooms=_names(found["rooms"]),
        elders={row.id: row for row in [elder, *rows_of(Elder, found["others"])]},
        plan=plans[0] if plans else None,
        state=states[0] if states else None,
        gaps=rows_of(CoverageGap, found["gaps"]),
        gateways=Gateways.among(
            rows_of(Gateway, found["gateways"]), rows_of(GatewayArea, found["areas"])
        ),
    )


def _id(text: str | None) -> uuid.UUID | None:
    return None if text is None else uuid.UUID(text)


def _names(items: list[Mapping[str, Any]] | None) -> dict[uuid.UUID, PlaceName]:
    return {
        uuid.UUID(item["id"]): PlaceName(
            item["unit"] or item["home"] or "", item["room"], item.get("bed"),
            item["home"] is not None,
        )
        for item in items or ()
    }  # fmt: skip


def _spans(items: list[Mapping[str, Any]], until_ns: int) -> list[DeviceSpan]:
    spans = []
    for item in items:
        begin_ns = ns_from_datetime(datetime.fromisoformat(item["valid_from"]))
        end = item["valid_until"]
        end_ns = until_ns
        if end is not None:
            end_ns = min(until_ns, ns_from_datetime(datetime.fromisoformat(end)))
        if begin_ns < end_ns:
            spans.append(DeviceSpan(item["device_id"], begin_ns, end_ns))
    return sorted(spans, key=lambda span: (span.device_id, span.from_ns))
