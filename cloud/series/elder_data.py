"""Everything that was measured of one elder: handed out, or taken away."""

from __future__ import annotations

import csv
import io
import json
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal

import numpy as np

from cloud.audit.actions import Action
from cloud.audit.service import Actor, record
from cloud.clock import NS_PER_S, ns_from_datetime
from cloud.database import TenantScope
from cloud.devices.attribution import DeviceSpan, elder_spans
from cloud.series.models import SeriesErasure
from cloud.series.service import Erased, SeriesStore
from cloud.series.slots import Slots, Unit
from edge.signals import QUANTITIES, Origin, Reading

Format = Literal["json", "csv"]
_DAY_NS: Final = 86_400 * NS_PER_S
_COLUMNS: Final = (
    "kind", "device_id", "quantity", "unit", "origin", "at", "value", "clock_uncertainty_s",
    "count", "lowest", "lowest_at", "highest", "highest_at", "mean",
)  # fmt: skip
_NAMES: Final = {Unit.MINUTE: "minute", Unit.HOUR: "hour"}

Row = dict[str, Any]


async def export_rows(
    scope: TenantScope, store: SeriesStore, elder_id: uuid.UUID, now_ns: int
) -> AsyncIterator[list[Row]]:
    """All readings of an elder, a day at a time; where only summaries are left, those."""
    for span in await elder_spans(scope, elder_id, 0, now_ns + _DAY_NS):
        held = await store.inventory(scope, [span.device_id])
        known = await store.quantities(scope)
        for quantity in sorted({kind for device, kind in known if device == span.device_id}):
            days = sorted({item.day for item in held if item.quantity == quantity})
            raw_from_ns = days[0] * _DAY_NS if days else span.until_ns
            minutes_from_ns = now_ns - store.retention.minute_days * _DAY_NS
            minutes_from_ns -= minutes_from_ns % _DAY_NS
            hours = _clip(span, 0, min(minutes_from_ns, raw_from_ns))
            minutes = _clip(span, minutes_from_ns, raw_from_ns)
            for part, unit in ((hours, Unit.HOUR), (minutes, Unit.MINUTE)):
                for rows in await _summary_rows(scope, store, part, quantity, unit):
                    yield rows
            for day in days:
                part = _clip(span, day * _DAY_NS, (day + 1) * _DAY_NS)
                if part.from_ns < part.until_ns:
                    readings = await store.readings(
                        scope, part.device_id, quantity, part.from_ns, part.until_ns
                    )
                    yield [_reading_row(reading) for reading in readings]


async def _summary_rows(
    scope: TenantScope, store: SeriesStore, span: DeviceSpan, quantity: str, unit: Unit
) -> list[list[Row]]:
    if span.from_ns >= span.until_ns:
        return []
    tracks = await store.tracks(scope, [span], quantity, unit)
    return [
        [_slot_row(track.device_id, quantity, track.origin, slot, unit) for slot in track.slots]
        for track in tracks
    ]


def _clip(span: DeviceSpan, from_ns: int, until_ns: int) -> DeviceSpan:
    return DeviceSpan(
        span.device_id, max(span.from_ns, from_ns), min(span.until_ns, max(from_ns, until_ns))
    )


def _reading_row(reading: Reading) -> Row:
    return {
        "kind": "reading", "device_id": reading.device_id, "quantity": reading.quantity,
        "unit": QUANTITIES[reading.quantity].unit, "origin": reading.origin.value,
        "at": _iso(reading.time_ns), "value": reading.value,
        "clock_uncertainty_s": reading.clock_uncertainty_s,
    }  # fmt: skip


def _slot_row(device_id: str, quantity: str, origin: Origin, slot: Slots, unit: Unit) -> Row:
    return {
        "kind": _NAMES[unit], "device_id": device_id, "quantity": quantity,
        "unit": QUANTITIES[quantity].unit, "origin": origin.value,
        "at": _iso(int(slot["first_ns"])), "count": int(slot["count"]),
        "lowest": float(slot["min_value"]), "lowest_at": _iso(int(slot["min_ns"])),
        "highest": float(slot["max_value"]), "highest_at": _iso(int(slot["max_ns"])),
        "mean": float(slot["sum_value"]) / int(slot["count"]),
    }  # fmt: skip


def _iso(time_ns: int) -> str:
    return str(np.datetime64(time_ns, "ns")) + "Z"


def head_of(kind: Format) -> str:
    """What comes before the first row."""
    return ",".join(_COLUMNS) + "\r\n" if kind == "csv" else ""


def text_of(rows: Sequence[Mapping[str, Any]], kind: Format) -> str:
    """Rows as lines: JSON objects, or CSV in the order of the head."""
    if kind == "json":
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    out = io.StringIO()
    writer = csv.DictWriter(out, _COLUMNS, restval="")
    writer.writerows(rows)
    return out.getvalue()


async def erase_elder(
    scope: TenantScope, store: SeriesStore, elder_id: uuid.UUID, *, actor: Actor, reason: str,
    now: datetime,
) -> Erased:  # fmt: skip
    """Take away all that was measured of an elder, while the devices were theirs; with proof."""
    spans = await elder_spans(scope, elder_id, 0, ns_from_datetime(now) + _DAY_NS)
    erased = await store.erase(scope, spans)
    counts = {
        "readings": erased.readings, "minutes": erased.minutes, "hours": erased.hours,
        "waveforms": erased.waveforms,
    }  # fmt: skip
    scope.session.add(
        SeriesErasure(
            id=uuid.uuid4(), institution_id=scope.institution_id, elder_id=elder_id,
            erased_at=now, erased_by=actor.name, **counts,
        )
    )  # fmt: skip
    record(
        scope, actor, Action.RECORD_DELETED, now, elder_id=elder_id, subject=("series", elder_id),
        reason=reason, detail=counts,
    )  # fmt: skip
    return erased
