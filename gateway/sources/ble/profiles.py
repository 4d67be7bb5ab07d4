"""What to do with a connected device, by profile: which values to take, and what to ask for first.

The table is the whole knowledge of which characteristic goes to which driver.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Protocol

import structlog
from bleak import BleakClient
from bleak.backends.characteristic import BleakGATTCharacteristic

from gateway.ble import polar_control, record_access, uuids
from gateway.ble.clock import DeviceClock
from gateway.ble.frames import StreamBlock, notification_frame, stream_frame

log = structlog.get_logger(__name__)

ANSWER_TIMEOUT_S: Final = 10.0
# A meter with a full memory (500 records at 20 ms) takes this long.
_RECORDS_TIMEOUT_S: Final = 60.0
_LAST_RECORD: Final = 0xFFFF

# WitMotion: write 0x08 (50 Hz) to register 0x03 (manual, section 6.2.1).
_WITMOTION_50_HZ: Final = bytes.fromhex("ffaa030800")
_WITMOTION_RATE_HZ: Final = 50.0
_WITMOTION_PACKET_BYTES: Final = 20
_WITMOTION_RANGE_G: Final = 16.0
# Its crystal is unknown and its packets carry no time: 1 % of a block, a sample every two blocks.
_WITMOTION_SLEW_NS: Final = 20_000_000
_NS_PER_S: Final = 1_000_000_000
_POLAR_TIME: Final = slice(1, 9)
_POLAR_HEADER_BYTES: Final = 10


class Session(Protocol):
    """One connection, as the profiles see it."""

    client: BleakClient
    device_id: str
    boot_id: int

    def emit(self, kind: str, payload: bytes) -> None:
        """Hand a frame on."""
        ...

    def now_ns(self) -> int:
        """UTC."""
        ...

    def utc_offset_s(self) -> int:
        """What the device's clock is ahead of UTC."""
        ...

    def last_record(self) -> int | None:
        """The number of the last stored measurement that was fetched."""
        ...

    def remember_record(self, number: int) -> None:
        """Fetched up to this one."""
        ...


Start = Callable[[Session], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Profile:
    """`characteristic` is what a device must have; `start` subscribes and asks."""

    characteristic: str
    start: Start


def _notifying(kind: str, characteristic: str, *, is_read: bool = False) -> Profile:
    """Every value notified or indicated is a frame of `kind`; `is_read`: also the first one."""

    async def start(session: Session) -> None:
        def notified(_: BleakGATTCharacteristic, value: bytearray) -> None:
            session.emit(kind, notification_frame(bytes(value), session.utc_offset_s()))

        found = session.client.services.get_characteristic(characteristic)
        properties = found.properties if found is not None else []
        if is_read and "read" in properties:
            value = await session.client.read_gatt_char(characteristic)
            session.emit(kind, notification_frame(bytes(value), session.utc_offset_s()))
        if not is_read or {"notify", "indicate"} & set(properties):
            await session.client.start_notify(characteristic, notified)

    return Profile(characteristic, start)


async def _start_glucose(session: Session) -> None:
    """The meter's memory, from the record after the last one that was fetched."""
    done: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
    newest = session.last_record()

    def measured(_: BleakGATTCharacteristic, value: bytearray) -> None:
        nonlocal newest
        session.emit("glucose", notification_frame(bytes(value), session.utc_offset_s()))
        number = record_access.sequence_number(bytes(value))
        if number is not None:
            newest = number if newest is None else max(newest, number)

    def answered(_: BleakGATTCharacteristic, value: bytearray) -> None:
        if not done.done():
            done.set_result(bytes(value))

    client = session.client
    await client.start_notify(uuids.GLUCOSE_MEASUREMENT, measured)
    await client.start_notify(uuids.RECORD_ACCESS, answered)
    first = None if newest is None or newest >= _LAST_RECORD else newest + 1
    await client.write_gatt_char(
        uuids.RECORD_ACCESS, record_access.report_records(first), response=True
    )
    async with asyncio.timeout(_RECORDS_TIMEOUT_S):
        answer = await done
    try:
        record_access.check_response(answer)
    except record_access.RecordAccessError as error:
        log.warning("ble_records_refused", device_id=session.device_id, why=str(error))
        return
    if newest is not None:
        session.remember_record(newest)


async def _start_polar(session: Session) -> None:
    """Ask what there is, choose, start; then every frame with the stream's clock."""
    answers: asyncio.Queue[bytes] = asyncio.Queue()
    chosen: polar_control.StreamSettings | None = None
    factor = 1.0
    clock = DeviceClock()
    number = 0

    def measured(_: BleakGATTCharacteristic, value: bytearray) -> None:
        nonlocal number
        if chosen is None:
            return
        body, received_ns = bytes(value), session.now_ns()
        device_ns = int.from_bytes(body[_POLAR_TIME], "little")
        is_whole = len(body) >= _POLAR_HEADER_BYTES
        block = StreamBlock(
            value=body,
            rate_hz=float(chosen.rate_hz),
            full_scale=float(chosen.range_g),
            factor=factor,
            end_ns=clock.utc_ns(device_ns, received_ns) if is_whole else received_ns,
            clock_uncertainty_s=clock.uncertainty_s,
            sequence_number=number,
            boot_id=session.boot_id,
        )
        number += 1
        session.emit("polar", stream_frame(block))

    async def ask(request: bytes) -> Mapping[int, tuple[float, ...]]:
        while not answers.empty():
            answers.get_nowait()
        await session.client.write_gatt_char(uuids.POLAR_CONTROL, request, response=True)
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            _, status, settings = polar_control.parse_response(await answers.get())
        if status not in {0, polar_control.ALREADY_STREAMING}:
            raise polar_control.PolarError(f"the device answered with status {status}")
        return {kind: tuple(values) for kind, values in settings.items()}

    await session.client.start_notify(
        uuids.POLAR_CONTROL, lambda _, value: answers.put_nowait(bytes(value))
    )
    await session.client.start_notify(uuids.POLAR_DATA, measured)
    try:
        wanted = polar_control.choose(await ask(polar_control.SETTINGS_REQUEST))
        factor = polar_control.factor_of(await ask(polar_control.start_request(wanted)))
        chosen = wanted
    except polar_control.PolarError as error:
        log.warning("ble_polar_refused", device_id=session.device_id, why=str(error))


async def _start_witmotion(session: Session) -> None:
    """50 Hz, gathered into blocks of one second, timed by their arrival."""
    gathered = bytearray()
    clock = DeviceClock(_WITMOTION_SLEW_NS)
    n_packets = number = 0
    block_bytes = round(_WITMOTION_RATE_HZ) * _WITMOTION_PACKET_BYTES

    def measured(_: BleakGATTCharacteristic, value: bytearray) -> None:
        nonlocal n_packets, number
        gathered.extend(value)
        if len(gathered) < block_bytes:
            return
        body = bytes(gathered[:block_bytes])
        del gathered[:block_bytes]
        n_packets += len(body) // _WITMOTION_PACKET_BYTES
        counted_ns = round(n_packets / _WITMOTION_RATE_HZ * _NS_PER_S)
        block = StreamBlock(
            value=body,
            rate_hz=_WITMOTION_RATE_HZ,
            full_scale=_WITMOTION_RANGE_G,
            factor=0.0,
            end_ns=clock.utc_ns(counted_ns, session.now_ns()),
            clock_uncertainty_s=clock.uncertainty_s,
            sequence_number=number,
            boot_id=session.boot_id,
        )
        number += 1
        session.emit("witmotion", stream_frame(block))

    await session.client.start_notify(uuids.WITMOTION_NOTIFY, measured)
    await session.client.write_gatt_char(uuids.WITMOTION_WRITE, _WITMOTION_50_HZ, response=False)


PROFILES: Final[Mapping[str, Profile]] = MappingProxyType(
    {
        "heart_rate": _notifying("heart_rate", uuids.HEART_RATE_MEASUREMENT),
        "blood_pressure": _notifying("blood_pressure", uuids.BLOOD_PRESSURE_MEASUREMENT),
        "thermometer": _notifying("thermometer", uuids.TEMPERATURE_MEASUREMENT),
        "oximeter_spot": _notifying("oximeter_spot", uuids.OXIMETER_SPOT),
        "oximeter": _notifying("oximeter", uuids.OXIMETER_CONTINUOUS),
        "weight": _notifying("weight", uuids.WEIGHT_MEASUREMENT),
        "battery": _notifying("battery", uuids.BATTERY_LEVEL, is_read=True),
        "glucose": Profile(uuids.GLUCOSE_MEASUREMENT, _start_glucose),
        "polar": Profile(uuids.POLAR_DATA, _start_polar),
        "witmotion": Profile(uuids.WITMOTION_NOTIFY, _start_witmotion),
    }
)
# Whatever of the table the device has.
AUTO: Final = "auto"

INFORMATION: Final = (
    uuids.MANUFACTURER_NAME,
    uuids.MODEL_NUMBER,
    uuids.SERIAL_NUMBER,
    uuids.HARDWARE_REVISION,
    uuids.FIRMWARE_REVISION,
    uuids.SOFTWARE_REVISION,
)
