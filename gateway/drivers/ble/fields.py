"""Fields of the health profiles: integers, IEEE 11073 numbers, dates, and the frame around them.

GATT Specification Supplement: medfloat16 (2.2), medfloat32, date_time (3.70). IEEE 11073-20601
annex F.7 and F.8 define the special values.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Final, TypeVar

import msgspec

from edge.signals import NS_PER_S, Reading, SignalError
from gateway.ble.frames import Notification
from gateway.drivers.base import DriverError

# Special values have exponent 0, so that the whole word is compared.
_SFLOAT_SPECIAL: Final = {
    0x07FF: "NaN",
    0x0800: "NRes",
    0x07FE: "+INFINITY",
    0x0802: "-INFINITY",
    0x0801: "reserved",
}
_FLOAT_SPECIAL: Final = {
    0x007FFFFF: "NaN",
    0x00800000: "NRes",
    0x007FFFFE: "+INFINITY",
    0x00800002: "-INFINITY",
    0x00800001: "reserved",
}
_SFLOAT_MANTISSA_BITS: Final = 12
_FLOAT_MANTISSA_BITS: Final = 24

# A home meter whose clock was set by hand is minutes off, not days. Stored measurements of a month
# are common. Outside of this the clock was never set, and nobody can say when it was.
CLOCK_AHEAD_S: Final = 600
CLOCK_BEHIND_S: Final = 31 * 86_400
CLOCK_UNCERTAINTY_S: Final = 120.0

Frame = TypeVar("Frame", bound=msgspec.Struct)


class Special(Exception):  # noqa: N818  # no error: a value the format has
    """A number that is none: `name` as in the standard."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Fields:
    """Reads a value from its start, little-endian. Raises DriverError `truncated` at its end."""

    def __init__(self, value: bytes) -> None:
        self._value = value
        self._at = 0

    @property
    def left(self) -> int:
        """How many bytes are left."""
        return len(self._value) - self._at

    def take(self, size: int) -> bytes:
        """The next bytes."""
        if size > self.left:
            raise DriverError(
                "truncated", f"{len(self._value)} bytes; {self._at + size} are needed"
            )
        self._at += size
        return self._value[self._at - size : self._at]

    def unsigned(self, size: int) -> int:
        """uint8, uint16, uint24, uint32."""
        return int.from_bytes(self.take(size), "little")

    def signed(self, size: int) -> int:
        """sint8, sint16, sint24, sint32."""
        return int.from_bytes(self.take(size), "little", signed=True)

    def sfloat(self) -> float | Special:
        """medfloat16: 12 bits of mantissa, 4 of exponent to base 10."""
        return sfloat(self.unsigned(2))

    def float32(self) -> float | Special:
        """medfloat32: 24 bits of mantissa, 8 of exponent to base 10."""
        return float32(self.unsigned(4))

    def date_time(self) -> datetime | None:
        """Local time without a zone (tzinfo UTC here); None when the device says it is unknown.

        Raises DriverError `bad_time`.
        """
        year = self.unsigned(2)
        month, day, hour, minute, second = self.take(5)
        if year == 0 or month == 0 or day == 0:
            return None
        try:
            return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
        except ValueError as error:
            raise DriverError("bad_time", f"the device's date is none: {error}") from error


def sfloat(word: int) -> float | Special:
    """The number in a medfloat16."""
    if word in _SFLOAT_SPECIAL:
        return Special(_SFLOAT_SPECIAL[word])
    return _decimal(word, _SFLOAT_MANTISSA_BITS, 4)


def float32(word: int) -> float | Special:
    """The number in a medfloat32."""
    if word in _FLOAT_SPECIAL:
        return Special(_FLOAT_SPECIAL[word])
    return _decimal(word, _FLOAT_MANTISSA_BITS, 8)


def _decimal(word: int, mantissa_bits: int, exponent_bits: int) -> float:
    mantissa = word & (1 << mantissa_bits) - 1
    exponent = word >> mantissa_bits
    if mantissa >> mantissa_bits - 1:
        mantissa -= 1 << mantissa_bits
    if exponent >> exponent_bits - 1:
        exponent -= 1 << exponent_bits
    # Dividing by a whole power of ten is rounded once: 366 / 10 is 36.6, 366 * 0.1 is not.
    return mantissa * 10.0**exponent if exponent >= 0 else mantissa / 10.0**-exponent


def number(value: float | Special, what: str) -> float:
    """A number that must be there. Raises DriverError `no_value`, `over_range`, `under_range`."""
    if isinstance(value, float):
        return value
    infinite = {"+INFINITY": "over_range", "-INFINITY": "under_range"}
    raise DriverError(infinite.get(value.name, "no_value"), f"{what} is {value.name}")


def optional_number(value: float | Special, what: str) -> float | None:
    """None for NaN, NRes and reserved. An infinite one is news: DriverError as in `number`."""
    if isinstance(value, Special) and not value.name.endswith("INFINITY"):
        return None
    return number(value, what)


def unpack(payload: bytes, kind: type[Frame]) -> Frame:
    """The frame around a value. Raises DriverError `bad_frame`."""
    try:
        return msgspec.msgpack.decode(payload, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DriverError("bad_frame", f"not a {kind.__name__}: {error}") from error


def notified(payload: bytes) -> tuple[Fields, int]:
    """The fields of a characteristic's value, and what the device's clock is ahead of UTC (s)."""
    frame = unpack(payload, Notification)
    return Fields(frame.value), frame.utc_offset_s


def measured_at(
    local: datetime | None, utc_offset_s: int, received_ns: int
) -> tuple[int, float | None]:
    """(time_ns, clock_uncertainty_s) of a measurement the device dated, or did not date.

    Raises DriverError `bad_time` when its clock cannot be right.
    """
    if local is None:
        return received_ns, None
    device_ns = (round(local.timestamp()) - utc_offset_s) * NS_PER_S
    ahead_s = (device_ns - received_ns) / NS_PER_S
    if ahead_s > CLOCK_AHEAD_S or ahead_s < -CLOCK_BEHIND_S:
        raise DriverError(
            "bad_time",
            f"the device dates it {local:%Y-%m-%d %H:%M:%S}, {abs(ahead_s) / 86_400:.1f} days "
            f"{'ahead' if ahead_s > 0 else 'ago'}; set its clock",
        )
    # A clock that is minutes ahead must not date a measurement after its arrival.
    return min(device_ns, received_ns), max(CLOCK_UNCERTAINTY_S, ahead_s)


def reading(device_id: str, quantity: str, value: float, at: tuple[int, float | None]) -> Reading:
    """A reading. Raises DriverError `bad_value` when it cannot be one."""
    time_ns, uncertainty_s = at
    if not math.isfinite(value):
        raise DriverError("bad_value", f"{quantity} is {value}")
    try:
        return Reading(
            device_id=device_id,
            quantity=quantity,
            time_ns=time_ns,
            value=value,
            clock_uncertainty_s=uncertainty_s,
        )
    except SignalError as error:
        raise DriverError("bad_value", str(error)) from error
