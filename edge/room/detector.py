"""Rooms and home of one subject: stays, doors, zones, climate, smoke, gas and water."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from edge.events import DetectorInfo, EventKind, Reason
from edge.room.bathroom import Bathroom
from edge.room.settings import (
    BATH_DWELL_S,
    CLIMATE_HIGH_CEL,
    CLIMATE_LOW_CEL,
    CLIMATE_MARGIN_CEL,
    DOOR_LEFT_OPEN_S,
    DOOR_SETTLE_S,
    NIGHT_EXIT_FORGET_S,
    NIGHT_EXIT_REPEAT_S,
    RADAR_EMPTY_LATE_S,
    ZONE_HOLD_S,
    RoomSettings,
    room_settings,
)
from edge.room.state import Condition, RoomState
from edge.signals import NS_PER_S, Reading
from edge.subject import Sensor, SensorRole, SubjectSettings
from edge.watch import Voice, WatchBank, seconds_ns

NAME: Final = "room"
VERSION: Final = "0.1.0"
_ON: Final = 0.5
_NS_PER_MIN: Final = 60 * NS_PER_S

# Passed through as they come: the sensor has judged, nothing here may delay or drop it.
HAZARDS: Final = MappingProxyType(
    {
        "smoke": (EventKind.SMOKE, EventKind.SMOKE_CLEARED),
        "gas": (EventKind.GAS, EventKind.GAS_CLEARED),
        "water": (EventKind.WATER, EventKind.WATER_CLEARED),
        "device_fault": (EventKind.DEVICE_FAULT, EventKind.DEVICE_FAULT_CLEARED),
    }
)
QUANTITIES: Final = frozenset(
    {"presence", "motion", "in_bed", "door_open", "in_zone", "air_temperature", *HAZARDS}
)
_DOOR_SETTLE_NS: Final = seconds_ns(DOOR_SETTLE_S)
_NIGHT_EXIT_REPEAT_NS: Final = seconds_ns(NIGHT_EXIT_REPEAT_S)
_NIGHT_EXIT_FORGET_NS: Final = seconds_ns(NIGHT_EXIT_FORGET_S)


class RoomWatch:
    """One person's rooms."""

    def __init__(self, voice: Voice) -> None:
        self._voice = voice
        self.state = RoomState()
        self._settings: RoomSettings
        self._pauses: tuple[tuple[int, int], ...] = ()
        self._bathroom = Bathroom(voice, lambda: self.state)

    def configure(self, settings: SubjectSettings) -> None:
        """Take limits, forbidden hours and pauses."""
        self._settings = room_settings(settings)
        self._pauses = tuple((pause.from_ns, pause.until_ns) for pause in settings.pauses)
        kept = settings.by_device()
        state = self.state
        state.shut_ns = {name: at_ns for name, at_ns in state.shut_ns.items() if name in kept}
        for table in (state.doors, state.night_exits, state.zones, state.too_cold, state.too_hot):
            for name in [name for name in table if name not in kept]:
                del table[name]
        for key in [key for key in state.hazards if key.partition("|")[2] not in kept]:
            del state.hazards[key]
        for key in [key for key in state.present if key.partition("|")[2] not in kept]:
            del state.present[key]
        rooms = {sensor.room for sensor in kept.values()}
        for room in [room for room in state.stays if room not in rooms]:
            del state.stays[room]

    def due_ns(self) -> int | None:
        """The next limit that is reached."""
        dues = [condition.due_ns(hold_ns) for _, condition, hold_ns in self._conditions()]
        dues.append(self._bathroom.due_ns(self._settings))
        return min((due for due in dues if due is not None), default=None)

    def fall_due(self) -> None:
        """Tell of what has lasted too long."""
        now_ns = self._voice.now_ns
        self._bathroom.fall_due(self._settings)
        for name, condition, hold_ns in list(self._conditions()):
            due_ns = condition.due_ns(hold_ns)
            if due_ns is not None and due_ns <= now_ns:
                self._lasted(name, condition)

    def take(self, reading: Reading, sensor: Sensor) -> None:
        """Take one reading."""
        if reading.quantity in HAZARDS:
            self._hazard(reading)
            return
        fresh = self._fresh(reading)
        self._bathroom.take(reading, sensor, self._settings, fresh=fresh)
        if reading.quantity == "door_open":
            self._door(reading, sensor)
        elif reading.quantity == "in_zone":
            self._zone(reading)
        elif reading.quantity == "air_temperature":
            self._climate(reading)
        elif fresh:
            self._seen_inside(reading)

    def _fresh(self, reading: Reading) -> bool:
        """Whether it shows the person there now: motion, a door, or a presence that begins.

        A presence that is only repeated may be a radar that is late to say `empty`.
        """
        on = reading.value >= _ON
        if reading.quantity in ("presence", "in_bed"):
            key = f"{reading.quantity}|{reading.device_id}"
            before, self.state.present[key] = self.state.present.get(key, False), on
            return on and not before
        return on and reading.quantity in ("motion", "door_open")

    def _conditions(self) -> list[tuple[str, Condition, int]]:
        """(table|device, condition, hold) of everything that alarms when it lasts."""
        state, settings = self.state, self._settings
        found = [
            (f"doors|{name}", condition, settings.open_limit_ns[name])
            for name, condition in state.doors.items()
            if name in settings.open_limit_ns
        ]
        found += [
            (f"zones|{name}", one, settings.zone_hold_ns) for name, one in state.zones.items()
        ]
        for table in ("too_cold", "too_hot"):
            found += [
                (f"{table}|{name}", one, settings.climate_hold_ns)
                for name, one in getattr(state, table).items()
            ]
        return found

    def _lasted(self, name: str, condition: Condition) -> None:
        table, _, device_id = name.partition("|")
        pause_end_ns = self._pause_end_ns()
        if table == "zones" and pause_end_ns is not None:
            condition.since_ns = pause_end_ns  # on leave: asked again when the leave is over
            return
        since_ns = self._voice.now_ns if condition.since_ns is None else condition.since_ns
        minutes = (self._voice.now_ns - since_ns) / _NS_PER_MIN
        kind, reason = {
            "doors": (
                EventKind.DOOR_LEFT_OPEN,
                Reason("door_open_for", {"minutes": round(minutes)}),
            ),
            "zones": (EventKind.GEOFENCE, Reason("left_zone")),
            "too_cold": (EventKind.CLIMATE, Reason("too_cold", {"cel": condition.value})),
            "too_hot": (EventKind.CLIMATE, Reason("too_hot", {"cel": condition.value})),
        }[table]
        reasons = [reason]
        if kind is EventKind.GEOFENCE and self._settings.needs_company:
            reasons.append(Reason("needs_company"))
        condition.episode = self._say(kind, since_ns, condition, *reasons, device_id=device_id)

    def _hazard(self, reading: Reading) -> None:
        key = f"{reading.quantity}|{reading.device_id}"
        raised, cleared = HAZARDS[reading.quantity]
        episode = self.state.hazards.get(key)
        if reading.value >= _ON and episode is None:
            self.state.hazards[key] = self._voice.say(
                raised,
                reading.time_ns,
                Reason(f"{reading.quantity}_reported"),
                device_id=reading.device_id,
                origin=reading.origin,
            )
        elif reading.value < _ON and episode is not None:
            del self.state.hazards[key]
            self._voice.say(
                cleared,
                reading.time_ns,
                Reason(f"{reading.quantity}_over"),
                device_id=reading.device_id,
                episode=episode,
                origin=reading.origin,
            )

    def _door(self, reading: Reading, sensor: Sensor) -> None:
        door = self.state.doors.setdefault(reading.device_id, Condition())
        if reading.value >= _ON:
            if door.since_ns is None:
                door.since_ns, door.origin = reading.time_ns, reading.origin
                if sensor.role is SensorRole.OUTER_DOOR:
                    self._opened_at_night(reading)
            return
        self.state.shut_ns[reading.device_id] = reading.time_ns
        self._over(door, EventKind.DOOR_LEFT_OPEN_CLEARED, reading, Reason("door_closed"))

    def _opened_at_night(self, reading: Reading) -> None:
        paused = self._pause_end_ns() is not None
        if paused or not self._settings.forbidden.contains(reading.time_ns):
            return
        told = self.state.night_exits.setdefault(reading.device_id, Condition())
        alone = self._settings.lives_alone
        same_ns = _NIGHT_EXIT_FORGET_NS if alone else _NIGHT_EXIT_REPEAT_NS
        if told.since_ns is not None and reading.time_ns - told.since_ns < same_ns:
            return
        told.since_ns, told.origin = reading.time_ns, reading.origin
        told.episode = self._say(
            EventKind.NIGHT_EXIT,
            reading.time_ns,
            told,
            Reason("door_opened_at_night"),
            device_id=reading.device_id,
        )

    def _seen_inside(self, reading: Reading) -> None:
        """Somebody is inside after the door was shut again: if alone, the person is back."""
        if not self._settings.lives_alone:
            return
        for device_id, told in self.state.night_exits.items():
            door = self.state.doors.get(device_id)
            settled_ns = self.state.shut_ns.get(device_id, 0) + _DOOR_SETTLE_NS
            shut = door is not None and door.since_ns is None and reading.time_ns >= settled_ns
            if told.episode and shut:
                self._over(told, EventKind.NIGHT_EXIT_CLEARED, reading, Reason("seen_inside"))

    def _zone(self, reading: Reading) -> None:
        zone = self.state.zones.setdefault(reading.device_id, Condition())
        if reading.value < _ON:
            if zone.since_ns is None:
                zone.since_ns, zone.origin = reading.time_ns, reading.origin
            return
        self._over(zone, EventKind.GEOFENCE_CLEARED, reading, Reason("back_in_zone"))

    def _climate(self, reading: Reading) -> None:
        low, high = self._settings.climate_low_cel, self._settings.climate_high_cel
        for table, wrong, right in (
            (self.state.too_cold, reading.value < low, reading.value >= low + CLIMATE_MARGIN_CEL),
            (self.state.too_hot, reading.value > high, reading.value <= high - CLIMATE_MARGIN_CEL),
        ):
            condition = table.setdefault(reading.device_id, Condition())
            condition.value = reading.value
            if wrong and condition.since_ns is None:
                condition.since_ns, condition.origin = reading.time_ns, reading.origin
            elif not wrong and not condition.episode:
                condition.since_ns = None
            elif right:
                back = Reason("climate_back", {"cel": reading.value})
                self._over(condition, EventKind.CLIMATE_CLEARED, reading, back)

    def _over(self, condition: Condition, kind: EventKind, reading: Reading, why: Reason) -> None:
        if condition.episode:
            self._say(
                kind,
                reading.time_ns,
                condition,
                why,
                device_id=reading.device_id,
                episode=condition.episode,
            )
        condition.since_ns, condition.episode = None, ""

    def _pause_end_ns(self) -> int | None:
        """End of the pause that is now, if any."""
        now_ns = self._voice.now_ns
        ends = [until_ns for from_ns, until_ns in self._pauses if from_ns <= now_ns < until_ns]
        return max(ends, default=None)

    def _say(
        self,
        kind: EventKind,
        time_ns: int,
        condition: Condition,
        *reasons: Reason,
        device_id: str,
        episode: str = "",
    ) -> str:
        return self._voice.say(
            kind,
            time_ns,
            *reasons,
            device_id=device_id,
            episode=episode,
            origin=condition.origin,
        )


class RoomDetector(WatchBank[RoomWatch]):
    """SubjectDetector for rooms and home. Overrides: see `edge.room.settings.room_settings`."""

    def __init__(self) -> None:
        super().__init__(
            DetectorInfo(
                NAME,
                VERSION,
                {
                    "bath_dwell_s": BATH_DWELL_S,
                    "door_left_open_s": DOOR_LEFT_OPEN_S,
                    "radar_empty_late_s": RADAR_EMPTY_LATE_S,
                    "zone_hold_s": ZONE_HOLD_S,
                    "climate_low_cel": CLIMATE_LOW_CEL,
                    "climate_high_cel": CLIMATE_HIGH_CEL,
                },
            ),
            QUANTITIES,
            RoomWatch,
        )
