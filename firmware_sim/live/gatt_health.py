"""Meters of a home health kit on the air: the Bluetooth SIG's health profiles.

Formats as in the GATT Specification Supplement and the services' own specifications (Blood
Pressure 1.1.1, Health Thermometer 1.0, Pulse Oximeter 1.0.1, Weight Scale 1.0.1, Glucose 1.0.1):
pure functions of values and the device's local time. `Kept` and `GlucoseMemory` are what a meter
does with a measurement that nobody has taken yet.
"""

from __future__ import annotations

import asyncio
import struct
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from enum import IntEnum
from types import MappingProxyType
from typing import Final, Protocol

from edge.signals import NS_PER_S
from firmware_sim.buildings.plan import Meter
from firmware_sim.transports.bluez import Characteristic, GattService


def uuid16(number: int) -> str:
    """A 16-bit number on the Bluetooth base UUID."""
    return f"0000{number:04x}-0000-1000-8000-00805f9b34fb"


BATTERY: Final = "battery"
_BATTERY_SERVICE, _BATTERY_LEVEL = uuid16(0x180F), uuid16(0x2A19)
_INFORMATION: Final = uuid16(0x180A)
_MANUFACTURER, _MODEL, _SERIAL = uuid16(0x2A29), uuid16(0x2A24), uuid16(0x2A25)
_GLUCOSE_MEASUREMENT, _RECORD_ACCESS = uuid16(0x2A18), uuid16(0x2A52)

# -- numbers and times -----------------------------------------------------------------------------

# What a number cannot be is told so: NaN of both formats (IEEE 11073-20601).
_SFLOAT_MANTISSA: Final = 0x07FD
_FLOAT_MANTISSA: Final = 0x7FFFFD


def sfloat(value: float, exponent: int) -> bytes:
    """medfloat16: as many times 10 ** `exponent` as is nearest. Raises ValueError."""
    mantissa = round(value * 10.0**-exponent)
    if abs(mantissa) > _SFLOAT_MANTISSA or not -8 <= exponent <= 7:  # noqa: PLR2004  # 4 bits
        raise ValueError(f"{value} has no medfloat16 with exponent {exponent}")
    return struct.pack("<H", (exponent & 0xF) << 12 | mantissa & 0xFFF)


def float32(value: float, exponent: int) -> bytes:
    """medfloat32, likewise."""
    mantissa = round(value * 10.0**-exponent)
    if abs(mantissa) > _FLOAT_MANTISSA or not -128 <= exponent <= 127:  # noqa: PLR2004  # 8 bits
        raise ValueError(f"{value} has no medfloat32 with exponent {exponent}")
    return struct.pack("<I", (exponent & 0xFF) << 24 | mantissa & 0xFFFFFF)


def date_time(at_ns: int, zone: tzinfo) -> bytes:
    """date_time of a clock on the wall, in whole seconds: it has no zone."""
    at = datetime.fromtimestamp(at_ns // NS_PER_S, zone)
    return struct.pack("<HBBBBB", at.year, at.month, at.day, at.hour, at.minute, at.second)


# -- measurements ----------------------------------------------------------------------------------

_BP_TIME_AND_PULSE: Final = 0x02 | 0x04
_THERMOMETER_TIME_AND_TYPE: Final = 0x02 | 0x04
_IN_THE_EAR: Final = 3
_SPOT_TIME: Final = 0x01
_WEIGHT_TIME: Final = 0x02
_COUNTS_PER_KG: Final = 200
_GLUCOSE_MOL_WITH_TYPE: Final = 0x02 | 0x04
_MMOL_PER_MOL: Final = 1000.0
# Low nibble: capillary whole blood; high nibble: finger.
_FROM_A_FINGER: Final = 0x11


def blood_pressure(systolic: float, diastolic: float, pulse: float, date: bytes) -> bytes:
    """mmHg and 1/min, in whole ones; the mean pressure as cuffs estimate it."""
    mean = diastolic + (systolic - diastolic) / 3.0
    pressures = b"".join(sfloat(each, 0) for each in (systolic, diastolic, mean))
    return bytes([_BP_TIME_AND_PULSE]) + pressures + date + sfloat(pulse, 0)


def temperature(celsius: float, date: bytes) -> bytes:
    """In tenths."""
    return bytes([_THERMOMETER_TIME_AND_TYPE]) + float32(celsius, -1) + date + bytes([_IN_THE_EAR])


def oximeter_spot(spo2_percent: float, pulse: float, date: bytes) -> bytes:
    """In whole percent and beats."""
    return bytes([_SPOT_TIME]) + sfloat(spo2_percent, 0) + sfloat(pulse, 0) + date


def weight(kilograms: float, date: bytes) -> bytes:
    """In steps of 5 g."""
    return bytes([_WEIGHT_TIME]) + struct.pack("<H", round(kilograms * _COUNTS_PER_KG)) + date


def glucose(sequence_number: int, mmol_per_l: float, date: bytes) -> bytes:
    """A record, in tenths of mmol/l; the format has mol/l."""
    head = struct.pack("<BH", _GLUCOSE_MOL_WITH_TYPE, sequence_number)
    return head + date + sfloat(mmol_per_l / _MMOL_PER_MOL, -4) + bytes([_FROM_A_FINGER])


@dataclass(frozen=True, slots=True)
class Profile:
    """One kind of meter. `name` as gateways call it, `feature` what it says it can do."""

    name: str
    service: int
    measurement: int
    feature: tuple[int, bytes] | None
    needs: tuple[str, ...]


PROFILES: Final[Mapping[Meter, Profile]] = MappingProxyType(
    {
        Meter.CUFF: Profile(
            "blood_pressure", 0x1810, 0x2A35, (0x2A49, bytes(2)),
            ("systolic_pressure", "diastolic_pressure", "heart_rate"),
        ),
        Meter.THERMOMETER: Profile(
            "thermometer", 0x1809, 0x2A1C, (0x2A1D, bytes([_IN_THE_EAR])), ("body_temperature",)
        ),
        Meter.OXIMETER: Profile(
            "oximeter_spot", 0x1822, 0x2A5E, (0x2A60, bytes(2)), ("spo2", "heart_rate")
        ),
        Meter.SCALE: Profile("weight", 0x181D, 0x2A9D, (0x2A9E, bytes(4)), ("body_weight",)),
        Meter.GLUCOSE: Profile("glucose", 0x1808, 0x2A18, (0x2A51, bytes(2)), ("blood_glucose",)),
    }
)  # fmt: skip


def measurement(
    meter: Meter, values: Mapping[str, float], date: bytes, sequence_number: int
) -> bytes | None:
    """What the meter sends of one measurement; None where part of it got lost on the way.

    `sequence_number` is for meters that count their records.
    """
    if not set(PROFILES[meter].needs) <= values.keys():
        return None
    match meter:
        case Meter.CUFF:
            return blood_pressure(
                values["systolic_pressure"], values["diastolic_pressure"], values["heart_rate"],
                date,
            )  # fmt: skip
        case Meter.THERMOMETER:
            return temperature(values["body_temperature"], date)
        case Meter.OXIMETER:
            return oximeter_spot(values["spo2"], values["heart_rate"], date)
        case Meter.SCALE:
            return weight(values["body_weight"], date)
        case Meter.GLUCOSE:
            return glucose(sequence_number, values["blood_glucose"], date)


# -- what a meter does with them -------------------------------------------------------------------


class Radio(Protocol):
    """The adapter a meter is on (`transports.bluez.BluezPeripheral`)."""

    def notify(self, characteristic: Characteristic, value: bytes) -> None:
        """Notify or indicate; who has not subscribed does not get it."""
        ...

    def hang_up(self) -> None:
        """End the connection, if there is one."""
        ...


class Kept:
    """Measurements that wait for whoever subscribes: the next when one was confirmed."""

    def __init__(self, radio: Radio, characteristic: Characteristic) -> None:
        self._radio = radio
        self._characteristic = characteristic
        self._waiting: deque[bytes] = deque()
        self._is_sent = False
        characteristic.on_subscribed = self._send
        characteristic.on_confirmed = self._confirmed

    def put(self, value: bytes) -> None:
        """One measurement."""
        self._waiting.append(value)
        if not self._is_sent and self._characteristic.subscribed.is_set():
            self._send()

    def close(self) -> None:
        """Nothing runs by itself."""

    def _send(self) -> None:
        """Also again to a new connection what the last one did not confirm."""
        self._is_sent = bool(self._waiting)
        if self._waiting:
            self._radio.notify(self._characteristic, self._waiting[0])

    def _confirmed(self) -> None:
        if self._is_sent:
            self._waiting.popleft()
            self._send()


_REPORT, _COUNT, _ABORT = 0x01, 0x04, 0x03
_NUMBER, _RESPONSE = 0x05, 0x06
_BY_SEQUENCE: Final = b"\x01"
_SUCCESS, _NO_OPCODE, _NO_OPERATOR, _BAD_OPERAND, _NO_RECORDS, _NO_OPERAND = 1, 2, 4, 5, 6, 9
_OPERAND_BYTES: Final = 3
# A record a connection interval or so: a meter of 500 records needs ten seconds.
_RECORD_S: Final = 0.02


class _Operator(IntEnum):
    ALL = 0x01
    AT_LEAST = 0x03
    FIRST = 0x05
    LAST = 0x06


def chosen_records(request: bytes, records: Mapping[int, bytes]) -> list[int] | int:
    """Of a request to the record access control point: whose records are meant, or why none is.

    All, first, last, and those from a sequence number on; a code of the specification else.
    """
    operator, operand = request[1] if len(request) > 1 else 0, request[2:]
    numbers = sorted(records)
    match operator:
        case _Operator.ALL | _Operator.FIRST | _Operator.LAST if operand:
            return _BAD_OPERAND
        case _Operator.ALL:
            found = numbers
        case _Operator.FIRST:
            found = numbers[:1]
        case _Operator.LAST:
            found = numbers[-1:]
        case _Operator.AT_LEAST if operand[:1] == _BY_SEQUENCE and len(operand) == _OPERAND_BYTES:
            least = int.from_bytes(operand[1:], "little")
            found = [number for number in numbers if number >= least]
        case _Operator.AT_LEAST:
            return _NO_OPERAND
        case _:
            return _NO_OPERATOR
    return found or _NO_RECORDS


class GlucoseMemory:
    """The meter's own memory, given by its record access control point only.

    A strip that is put in ends the connection, as it does in real meters: who wants the new record
    connects and asks again.
    """

    def __init__(self, radio: Radio, records: Characteristic, access: Characteristic) -> None:
        self._radio = radio
        self._notified, self._access = records, access
        self._records: dict[int, bytes] = {}
        self._task: asyncio.Task[None] | None = None
        access.on_write = self._asked

    def put(self, record: bytes) -> None:
        """One record; its number is in it."""
        self._records[int.from_bytes(record[1:3], "little")] = record
        self._radio.hang_up()

    def close(self) -> None:
        """Stop a report that is under way."""
        if self._task is not None:
            self._task.cancel()

    def _asked(self, request: bytes) -> None:
        opcode = request[0] if request else 0
        self.close()
        if opcode == _ABORT:
            self._answer(opcode, _SUCCESS)
            return
        if opcode not in (_REPORT, _COUNT):
            self._answer(opcode, _NO_OPCODE)
            return
        found = chosen_records(request, self._records)
        if opcode == _COUNT and not (isinstance(found, int) and found != _NO_RECORDS):
            n_found = 0 if isinstance(found, int) else len(found)
            self._radio.notify(self._access, struct.pack("<BBH", _NUMBER, 0, n_found))
        elif isinstance(found, int):
            self._answer(opcode, found)
        else:
            self._task = asyncio.create_task(self._report(found), name="sim-glucose-records")

    async def _report(self, numbers: list[int]) -> None:
        for number in numbers:
            self._radio.notify(self._notified, self._records[number])
            await asyncio.sleep(_RECORD_S)
        self._answer(_REPORT, _SUCCESS)

    def _answer(self, opcode: int, code: int) -> None:
        self._radio.notify(self._access, bytes([_RESPONSE, 0, opcode, code]))


# -- services --------------------------------------------------------------------------------------


def battery_service() -> tuple[GattService, Characteristic]:
    """The battery service, and the level in it."""
    level = Characteristic(_BATTERY_LEVEL, ["read", "notify"], value=b"\x64")
    return GattService(_BATTERY_SERVICE, [level], is_advertised=False), level


def information_service(model: str, serial: str) -> GattService:
    """Who would have made it: nobody has."""
    texts = {_MANUFACTURER: "Yuyue simulator", _MODEL: f"made-up {model}", _SERIAL: serial}
    values = [Characteristic(uuid, ["read"], value=text.encode()) for uuid, text in texts.items()]
    return GattService(_INFORMATION, values, is_advertised=False)


def meter_service(meter: Meter) -> tuple[GattService, Callable[[Radio], Kept | GlucoseMemory]]:
    """The service of a meter, and its memory once it has a radio."""
    profile = PROFILES[meter]
    is_counted = meter is Meter.GLUCOSE
    measured = Characteristic(
        uuid16(profile.measurement), ["notify"] if is_counted else ["indicate"]
    )
    own = [measured]
    if profile.feature is not None:
        own.append(Characteristic(uuid16(profile.feature[0]), ["read"], value=profile.feature[1]))
    service = uuid16(profile.service)
    if not is_counted:
        return GattService(service, own), lambda radio: Kept(radio, measured)
    access = Characteristic(_RECORD_ACCESS, ["write", "indicate"])
    return (
        GattService(service, [*own, access]),
        lambda radio: GlucoseMemory(radio, measured, access),
    )
