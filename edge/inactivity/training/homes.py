"""Recorded homes as described in `docs/data.md`, turned into sensors and readings.

Three layouts: hourly counts per room (`window_start`, one column a room), sensor events (`time`,
`sensor`, `state`) and sensor intervals (`start`, `end`, `location`, ...). Times are naive local
time and are taken as UTC. What a sensor is for is read from its name.
"""

from __future__ import annotations

import csv
import gzip
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np

from edge.inactivity.devices import QUANTITY_INDEX, IntArray
from edge.signals import NS_PER_S, FloatArray
from edge.subject import RoomKind, Sensor, SensorRole, SubjectSettings

HOUR_S: Final = 3600
Row = dict[str, str]


class HomeFileError(ValueError):
    """A file that is none of the layouts, or a row that cannot be read; names line and field."""


@dataclass(frozen=True, slots=True, eq=False)
class Home:
    """One recorded home. `device`, `quantity`, `value`, `time_ns`: one entry a reading, by time.

    `row_ns` are the times for which a deadline is wanted, in order.
    """

    name: str
    hourly: bool
    settings: SubjectSettings
    time_ns: IntArray
    device: IntArray
    quantity: IntArray
    value: FloatArray
    row_ns: IntArray

    def without(self, device: int, from_ns: int, until_ns: int) -> Home:
        """The same home with one device dead for a while."""
        keep = (self.device != device) | (self.time_ns < from_ns) | (self.time_ns >= until_ns)
        return Home(
            self.name, self.hourly, self.settings, self.time_ns[keep], self.device[keep],
            self.quantity[keep], self.value[keep], self.row_ns,
        )  # fmt: skip

    def with_beats(self, every_s: int) -> Home:
        """The same home as if every device also reported by its own clock (quantity -1)."""
        devices = len(self.settings.sensors)
        beats = np.arange(self.time_ns[0], self.time_ns[-1], every_s * NS_PER_S)
        time_ns = np.concatenate((self.time_ns, np.repeat(beats, devices)))
        device = np.concatenate((self.device, np.tile(np.arange(devices), len(beats))))
        silent = np.full(len(beats) * devices, -1)
        quantity = np.concatenate((self.quantity, silent))
        value = np.concatenate((self.value, np.zeros(len(silent))))
        order = np.argsort(time_ns, kind="stable")
        return Home(
            self.name, self.hourly, self.settings, time_ns[order], device[order],
            quantity[order], value[order], self.row_ns,
        )  # fmt: skip


# The first word that is in the name decides; order matters (`BedroomDoor` is an inner door).
_ROOM_WORDS: Final = MappingProxyType(
    {
        RoomKind.ENTRANCE: ("outsidedoor", "maindoor", "entr", "frontdoor"),
        RoomKind.BATHROOM: ("bathroom", "toilet", "shower", "basin", "bath"),
        RoomKind.BEDROOM: ("bed",),
        RoomKind.KITCHEN: (
            "kitchen",
            "fridge",
            "stove",
            "cook",
            "microwave",
            "toaster",
            "cupboard",
        ),
        RoomKind.LIVING: ("dining", "living", "lounge", "seat"),
        RoomKind.HALL: ("hall",),
    }
)
_OUTER_WORDS: Final = ("outsidedoor", "maindoor", "mainentry", "entryway", "frontdoor", "backdoor")
# CASAS homes with bare numbers: D001 is a door to the outside, M001 a motion sensor.
_NUMBERED_DOOR: Final = re.compile(r"D\d+")


def room_of(name: str) -> RoomKind:
    """The kind of room a sensor's name speaks of."""
    lower = name.lower().replace("_", "")
    return next(
        (kind for kind, words in _ROOM_WORDS.items() if any(word in lower for word in words)),
        RoomKind.OTHER,
    )


def role_of(name: str, technique: str = "", place: str = "") -> SensorRole:
    """What a sensor is for, from its name and (where given) what it works by and where it is."""
    lower, technique = name.lower().replace("_", ""), technique.lower()
    if any(word in lower for word in _OUTER_WORDS) or _NUMBERED_DOOR.fullmatch(name):
        return SensorRole.OUTER_DOOR
    if technique == "magnetic" and room_of(place) is RoomKind.ENTRANCE:
        return SensorRole.OUTER_DOOR
    if technique == "pressure":
        return SensorRole.BED if "bed" in lower else SensorRole.SEAT
    if technique in ("electric", "flush"):
        return SensorRole.APPLIANCE
    if technique == "magnetic" or ("door" in lower and technique != "pir"):
        return SensorRole.DOOR
    return SensorRole.MOTION


def read_home(path: Path, *, hourly: bool | None = None) -> Home:
    """Read any of the layouts. Raises HomeFileError, OSError."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8", newline="") as lines:
        rows: list[Row] = list(csv.DictReader(lines))
    fields = set(rows[0]) if rows else set()
    if hourly is None:
        hourly = "window_start" in fields
    if hourly and "window_start" in fields:
        return _hourly(path, rows)
    if {"time", "sensor", "state"} <= fields:
        return _events(path, rows)
    if {"start", "end", "location"} <= fields:
        return _intervals(path, rows)
    raise HomeFileError(f"{path.name}: columns {sorted(fields)} are none of the known layouts")


def time_of(path: Path, line: int, row: Row, field: str) -> int:
    """A time field in ns. Raises HomeFileError naming line and field."""
    try:
        moment = datetime.fromisoformat(row[field].strip())
    except (ValueError, AttributeError) as error:
        raise HomeFileError(f"{path.name}, line {line}, {field}: {error}") from error
    delta = moment.replace(tzinfo=UTC) - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * NS_PER_S + delta.microseconds * 1000


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_Reading = tuple[int, int, str, float]  # time_ns, device, quantity, value


def _home(
    path: Path, sensors: Sequence[Sensor], readings: list[_Reading], rows: set[int], *, hourly: bool
) -> Home:
    readings.sort(key=lambda reading: reading[0])
    return Home(
        name=path.name.removesuffix(".gz").removesuffix(".csv"),
        hourly=hourly,
        settings=SubjectSettings(timezone="UTC", sensors=tuple(sensors)),
        time_ns=np.array([reading[0] for reading in readings], dtype=np.int64),
        device=np.array([reading[1] for reading in readings], dtype=np.int64),
        quantity=np.array([QUANTITY_INDEX[reading[2]] for reading in readings], dtype=np.int64),
        value=np.array([reading[3] for reading in readings]),
        row_ns=np.array(sorted(rows), dtype=np.int64),
    )


def _hourly(path: Path, rows: list[Row]) -> Home:
    rooms = [name for name in rows[0] if name not in ("window_start", "total_events")]
    sensors = [
        Sensor(name, role_of(name), name, room_of(name), report_interval_s=float(HOUR_S))
        for name in rooms
    ]
    readings: list[_Reading] = []
    wanted: set[int] = set()
    for line, row in enumerate(rows, start=2):
        end_ns = time_of(path, line, row, "window_start") + HOUR_S * NS_PER_S
        try:
            counts = [float(row[name] or 0) for name in rooms]
        except ValueError as error:
            raise HomeFileError(f"{path.name}, line {line}: {error}") from error
        readings += [(end_ns, k, "motion_count", count) for k, count in enumerate(counts)]
        if any(counts):
            wanted.add(end_ns)
    return _home(path, sensors, readings, wanted, hourly=True)


def _events(path: Path, rows: list[Row]) -> Home:
    names = sorted({row["sensor"] for row in rows})
    index = {name: k for k, name in enumerate(names)}
    doors = {row["sensor"] for row in rows if row["state"].upper() in ("OPEN", "CLOSE", "CLOSED")}
    sensors = [
        Sensor(name, role_of(name, "magnetic" if name in doors else ""), name, room_of(name))
        for name in names
    ]
    readings: list[_Reading] = []
    for line, row in enumerate(rows, start=2):
        quantity = "door_open" if row["sensor"] in doors else "motion"
        value = float(row["state"].upper() in ("ON", "OPEN", "1"))
        readings.append((time_of(path, line, row, "time"), index[row["sensor"]], quantity, value))
    return _home(path, sensors, readings, {reading[0] for reading in readings}, hourly=False)


_QUANTITY_OF_ROLE: Final = {
    SensorRole.BED: "in_bed",
    SensorRole.SEAT: "presence",
    SensorRole.APPLIANCE: "appliance_on",
    SensorRole.DOOR: "door_open",
    SensorRole.OUTER_DOOR: "door_open",
    SensorRole.MOTION: "motion",
}


def _intervals(path: Path, rows: list[Row]) -> Home:
    keys = sorted({_key(row) for row in rows})
    sensors = [
        Sensor(
            f"{location}/{place}" if place else location,
            role_of(location, kind, place),
            place or location,
            _room(location, place),
        )
        for location, kind, place in keys
    ]
    index = {key: k for k, key in enumerate(keys)}
    readings: list[_Reading] = []
    wanted: set[int] = set()
    for line, row in enumerate(rows, start=2):
        k = index[_key(row)]
        quantity = _QUANTITY_OF_ROLE[sensors[k].role]
        start_ns = time_of(path, line, row, "start")
        wanted.add(start_ns)
        readings.append((start_ns, k, quantity, 1.0))
        readings.append((time_of(path, line, row, "end"), k, quantity, 0.0))
    return _home(path, sensors, readings, wanted, hourly=False)


def _key(row: Row) -> tuple[str, str, str]:
    return row["location"], row.get("type") or "", row.get("place") or ""


def _room(location: str, place: str) -> RoomKind:
    kind = room_of(place)
    return room_of(location) if kind is RoomKind.OTHER else kind
