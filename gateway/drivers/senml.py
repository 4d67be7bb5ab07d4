"""SenML packs in JSON (RFC 8428): base fields resolved, taken whole or refused whole."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

import msgspec

from edge.signals import NS_PER_S, QUANTITIES, Origin, Reading, Signal, SignalError
from gateway.drivers.base import DriverError, stated_origin

# RFC 8428 section 4.5.3: at or above it a time is absolute, below it is relative to now.
ABSOLUTE_TIME_FROM_S: Final = 2**28
# Year 9999: what calendars, and int64 nanoseconds with room to spare, can hold is below 2**63 ns;
# a time beyond that is no time.
_MAX_TIME_S: Final = 2**63 // NS_PER_S
_SENML_VERSION: Final = 10  # of RFC 8428; a pack may say so with `bver`
# One pack is one MQTT message of one device; more than this is not a set of single readings.
_MAX_RECORDS: Final = 1000

_FACTOR_1: Final = MappingProxyType({"1": 1.0})
# Factors to the stored unit, per accepted unit. Every quantity accepts its own unit.
_UNIT_FACTORS: Final = MappingProxyType(
    {
        "%": MappingProxyType({"%": 1.0, "/": 100.0}),
        "%RH": MappingProxyType({"%RH": 1.0}),
        "1": MappingProxyType({"1": 1.0, "/": 1.0}),
        "1/min": MappingProxyType({"1/min": 1.0, "beat/min": 1.0}),
        "count": MappingProxyType({"count": 1.0, "1": 1.0}),
    }
)
# Only numbers without a dimension may come without a unit: 98.6 could be either temperature.
_UNIT_OPTIONAL: Final = frozenset({"1", "count"})


class SenmlRecord(msgspec.Struct, forbid_unknown_fields=False):
    """One SenML record as it stands in the pack, before resolution."""

    bn: str = ""
    bt: float | None = None
    bu: str | None = None
    bv: float | None = None
    bs: float | None = None
    bver: int = _SENML_VERSION
    n: str = ""
    u: str | None = None
    v: float | None = None
    vs: str | None = None
    vb: bool | None = None
    vd: str | None = None
    s: float | None = None
    t: float | None = None
    ut: float | None = None
    origin: str | None = None


_LABELS: Final = frozenset(SenmlRecord.__struct_fields__)
_VALUE_LABELS: Final = ("v", "vs", "vb", "vd", "s")
_LABEL_DECODER: Final = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])
_PACK_DECODER: Final = msgspec.json.Decoder(list[SenmlRecord])


def decode_senml(device_id: str, payload: bytes, received_ns: int) -> Sequence[Signal]:
    """The readings of a pack, in its order. Raises DriverError."""
    return readings_of(_parse(payload), device_id, received_ns)


def readings_of(records: list[SenmlRecord], device_id: str, received_ns: int) -> Sequence[Signal]:
    """Of the records of a pack, whatever they were encoded in. Raises DriverError."""
    _check(records)
    origin = _origin(records)
    base = SenmlRecord()
    readings: list[Signal] = []
    for index, record in enumerate(records):
        where = f"record {index}"
        _advance_base(base, record)
        if _is_base_only(record):
            continue
        name = base.bn + record.n
        quantity = _quantity(device_id, name, where)
        value = _value(base, record, where) * _factor(quantity, record.u or base.bu, where)
        time_ns = _time_ns(base, record, received_ns, where)
        try:
            reading = Reading(
                device_id=device_id,
                quantity=quantity,
                time_ns=time_ns,
                value=value,
                origin=origin,
            )
        except SignalError as error:
            raise DriverError("bad_value", f"{where}: {error}") from error
        readings.append(reading)
    if not readings:
        raise DriverError("not_senml", "the pack holds no value")
    return readings


def _parse(payload: bytes) -> list[SenmlRecord]:
    """Records of the right types, all labels understood where they must be."""
    try:
        labels = _LABEL_DECODER.decode(payload)
        refuse_must_understand(labels)
        return _PACK_DECODER.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DriverError("not_senml", str(error)) from error


def _check(records: list[SenmlRecord]) -> None:
    if not 0 < len(records) <= _MAX_RECORDS:
        raise DriverError("not_senml", f"{len(records)} records; 1 to {_MAX_RECORDS} are a pack")
    for index, record in enumerate(records):
        if record.bver != _SENML_VERSION:
            raise DriverError(
                "not_senml", f"record {index}: SenML version {record.bver}, not {_SENML_VERSION}"
            )


def refuse_must_understand(records: Sequence[Mapping[str, object]]) -> None:
    """Raises DriverError for a label that a reader has to know and we do not."""
    for index, record in enumerate(records):
        for label in record:
            if label.endswith("_") and label not in _LABELS:
                raise DriverError(
                    "must_understand", f"record {index}: label {label[:64]!r} is not known here"
                )


def _origin(records: list[SenmlRecord]) -> Origin:
    """One origin for the whole pack. Raises DriverError."""
    stated = {record.origin for record in records if record.origin is not None}
    if not stated:
        return Origin.LIVE
    if len(stated) > 1:
        raise DriverError("bad_value", f"origin: {len(stated)} different origins in one pack")
    (name,) = stated
    return stated_origin("origin", name)


def _advance_base(base: SenmlRecord, record: SenmlRecord) -> None:
    """A base field counts for its record and all that follow until another one."""
    if record.bn:
        base.bn = record.bn
    for label in ("bt", "bu", "bv", "bs"):
        value = getattr(record, label)
        if value is not None:
            setattr(base, label, value)


def _is_base_only(record: SenmlRecord) -> bool:
    """A record that only sets base fields, as packs that spell them first have."""
    if record.v is not None or record.n:
        return False
    own = (record.n, record.u, record.t, *(getattr(record, label) for label in _VALUE_LABELS))
    return all(field in {None, ""} for field in own)


def _quantity(device_id: str, name: str, where: str) -> str:
    """`heart_rate`, `{device_id}/heart_rate` or `{device_id}:heart_rate`."""
    if name in QUANTITIES:
        quantity = name
    elif name.startswith((f"{device_id}/", f"{device_id}:")):
        quantity = name[len(device_id) + 1 :]
    else:
        tail = name.replace(":", "/").rsplit("/", 1)
        if len(tail) > 1 and tail[1] in QUANTITIES:
            raise DriverError(
                "wrong_device", f"{where}: name {name[:96]!r} on the topic of {device_id}"
            )
        raise DriverError("unknown_quantity", f"{where}: {name[:96]!r} is no quantity we know")
    if quantity not in QUANTITIES:
        raise DriverError("unknown_quantity", f"{where}: {quantity[:96]!r} is no quantity we know")
    if QUANTITIES[quantity].channels != 1:
        raise DriverError(
            "unknown_quantity", f"{where}: {quantity} comes as a waveform, not as a reading"
        )
    return quantity


def _factor(quantity: str, unit: str | None, where: str) -> float:
    """What to multiply by to get the quantity's own unit."""
    own = QUANTITIES[quantity].unit
    if unit is None and own in _UNIT_OPTIONAL:
        return 1.0
    factor = _UNIT_FACTORS.get(own, {own: 1.0}).get(unit or "")
    if factor is None:
        said = "no unit" if unit is None else f"unit {unit[:32]!r}"
        raise DriverError("bad_unit", f"{where}: {quantity} with {said}; it is in {own!r}")
    return factor


def _value(base: SenmlRecord, record: SenmlRecord, where: str) -> float:
    """The number of a record: v (with the base value) or vb as 0 and 1."""
    present = [label for label in _VALUE_LABELS[:4] if getattr(record, label) is not None]
    if len(present) != 1:
        said = ", ".join(present) or "none"
        raise DriverError("bad_value", f"{where}: one value is needed, there is {said}")
    if record.vb is not None:
        return float(record.vb)
    if record.v is None:
        raise DriverError("bad_value", f"{where}: {present[0]} is not a number or a boolean")
    return record.v + (base.bv or 0.0)


def _time_ns(base: SenmlRecord, record: SenmlRecord, received_ns: int, where: str) -> int:
    """Base time plus time; relative to `received_ns` when small."""
    base_s, own_s = base.bt or 0.0, record.t or 0.0
    total_s = base_s + own_s
    if not math.isfinite(total_s) or total_s >= _MAX_TIME_S or total_s <= -ABSOLUTE_TIME_FROM_S:
        raise DriverError("bad_value", f"{where}: {total_s} s is not a time")
    # The two are rounded apart: as floats of 1.7e9 s they would only be good to 0.2 microseconds.
    time_ns = _to_ns(base_s) + _to_ns(own_s)
    return time_ns if total_s >= ABSOLUTE_TIME_FROM_S else received_ns + time_ns


def _to_ns(seconds: float) -> int:
    """Nanoseconds without the error of a big float product."""
    whole = math.floor(seconds)
    return whole * NS_PER_S + round((seconds - whole) * NS_PER_S)
