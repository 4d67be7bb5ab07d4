"""One person, many sensors: one fall told once, a fall got up from, silence after leaving bed.

It reads the rooms' sensors and is shown every event of the other detectors, in order of decision;
`observe` gives back what is to be told in place of the event.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from edge.bed.settings import bed_settings
from edge.events import DetectorInfo, Event, EventKind, Reason
from edge.fusion.state import Exit, Fall, FusionState
from edge.signals import NS_PER_S, Reading, SignalError
from edge.subject import RoomKind, Sensor, SensorRole, SubjectSettings
from edge.watch import Voice, WatchBank, seconds_ns

NAME: Final = "fusion"
VERSION: Final = "1"
# alarms.md: one fall seen by wearable and radar within 30 s is one alarm with two evidences.
SAME_FALL_S: Final = 30.0
# In this time after a fall its own movement, and furniture that falls with it, can reach a sensor
# of the next room (D).
SETTLE_S: Final = 10.0
# A wearable that has confirmed is on the person's body: one blink elsewhere does not outweigh it.
CONFIRMED_SPREAD_S: Final = 30.0
# After this long it is another story; the alarm itself stays with the staff (D).
FALL_KEPT_S: Final = 2 * 3600.0
# Where somebody was last seen says where they fell, if it is not longer ago than this (D).
ROOM_KNOWN_S: Final = 1800.0
# A room sensor that has seen nobody for a day may be dead: its silence says nothing (D).
WATCHING_S: Final = 86_400.0
# Silence after a night exit alarms at this share of the time allowed out of bed (D).
EXIT_SILENCE_SHARE: Final = 0.5
# Radar modules that report falls alarm falsely on children, pets and objects (domain notes): low.
RADAR_CONFIDENCE: Final = 0.6
QUANTITIES: Final = frozenset(
    {
        "fall_reported", "motion", "motion_count", "presence", "in_bed", "door_open",
        "appliance_on",
    }
)  # fmt: skip
_ON: Final = 0.5
_MIN_NS: Final = 60 * NS_PER_S
_FALLS: Final = frozenset({EventKind.FALL_SUSPECTED, EventKind.FALL_CONFIRMED})
_OVER: Final = frozenset({EventKind.FALL_RECOVERED, EventKind.FALL_CANCELLED})
_FAULTY: Final = frozenset({EventKind.DEVICE_OFFLINE, EventKind.DEVICE_FAULT})
_WELL: Final = frozenset({EventKind.DEVICE_OFFLINE_CLEARED, EventKind.DEVICE_FAULT_CLEARED})
_SEEING: Final = frozenset({SensorRole.MOTION, SensorRole.RADAR})


class FusionWatch:
    """One person."""

    def __init__(self, voice: Voice) -> None:
        self._voice = voice
        self.state = FusionState()
        self._alone = True
        self._rooms: dict[str, str] = {}
        self._seeing: frozenset[str] = frozenset()
        self._allowed_ns = 0
        self._silence_ns = 0

    def configure(self, settings: SubjectSettings) -> None:
        """Take settings. Override: `fusion.exit_silence_s`. Raises SignalError."""
        allowed_ns = bed_settings(settings).no_return_ns
        silence_s = settings.overrides.get("fusion.exit_silence_s")
        if silence_s is not None and not silence_s > 0:
            raise SignalError("fusion.exit_silence_s", f"must be positive, got {silence_s}")
        self._allowed_ns = allowed_ns
        self._silence_ns = (
            round(allowed_ns * EXIT_SILENCE_SHARE) if silence_s is None else seconds_ns(silence_s)
        )
        self._alone = settings.lives_alone
        self._rooms = {one.device_id: one.room or one.room_kind for one in settings.sensors}
        self._seeing = frozenset(s.device_id for s in settings.sensors if s.role in _SEEING)
        kept, state = self._rooms, self.state
        state.on = {key: on for key, on in state.on.items() if key.partition("|")[2] in kept}
        state.watched_ns = {name: at for name, at in state.watched_ns.items() if name in kept}
        state.faulty = [name for name in state.faulty if name in kept]

    def due_ns(self) -> int | None:
        """When silence after an exit is too long, or an old fall is forgotten."""
        out = self.state.exit
        dues = [fall.told_ns + seconds_ns(FALL_KEPT_S) for fall in self.state.falls]
        if out is not None and not out.alarmed and not out.in_bathroom:
            dues.append(out.seen_ns + self._silence_ns)
        return min(dues, default=None)

    def fall_due(self) -> None:
        """Tell of the silence; forget falls that are long past."""
        state, now_ns = self.state, self._voice.now_ns
        state.falls = [f for f in state.falls if f.told_ns + seconds_ns(FALL_KEPT_S) > now_ns]
        episodes = {fall.episode for fall in state.falls}
        state.joined = {late: first for late, first in state.joined.items() if first in episodes}
        out = state.exit
        if out is None or out.alarmed or out.in_bathroom or out.seen_ns + self._silence_ns > now_ns:
            return
        if not self._somebody_watches():
            state.exit = None  # nobody would have seen them: the bed's own limit stays
            return
        out.alarmed = True
        minutes = round((now_ns - out.seen_ns) / _MIN_NS)
        self._voice.say(
            EventKind.BED_EXIT_NO_RETURN_HIGH,
            out.left_ns,
            Reason("silent_after_exit", {"minutes": float(minutes)}),
            device_id=out.device_id,
            episode=out.episode,
            origin=out.origin,
        )

    def take(self, reading: Reading, sensor: Sensor) -> None:
        """A reading of a room: somebody seen, a door, or a radar that reports a fall."""
        key = f"{reading.quantity}|{reading.device_id}"
        before, on = self.state.on.get(key), reading.value >= _ON
        self.state.on[key] = on
        if reading.quantity == "fall_reported":
            if on and not before:
                self._radar_fall(reading)
            return
        if sensor.role is SensorRole.OUTER_DOOR:
            if on != bool(before):
                self._door_used()
            return
        momentary = reading.quantity in ("motion", "motion_count")
        if (on and (momentary or not before)) or (
            reading.quantity == "door_open" and before is not None and on != before
        ):
            self._seen(reading, sensor)

    def observe(self, event: Event) -> Event:
        """What to tell in place of an event of another detector."""
        state = self.state
        if event.kind in _FALLS:
            return self._fall(event)
        if event.kind in _OVER:
            episode = state.joined.get(event.episode_id, event.episode_id)
            for fall in state.falls:
                fall.recovered = fall.recovered or fall.episode == episode
            return replace(event, episode_id=episode)
        if event.kind is EventKind.BED_EXIT:
            state.exit = Exit(
                event.episode_id, event.time_ns, event.decided_ns, event.device_id, event.origin
            )
        elif event.kind in _FAULTY and event.device_id not in state.faulty:
            state.faulty.append(event.device_id)
        elif event.kind in _WELL and event.device_id in state.faulty:
            state.faulty.remove(event.device_id)
        return event

    def back_in_bed(self) -> None:
        """The bed says occupied again."""
        self._end_exit("in_bed_after_exit")
        self.state.exit = None

    def _radar_fall(self, reading: Reading) -> None:
        kind = EventKind.FALL_SUSPECTED
        self._voice.say(
            kind,
            reading.time_ns,
            Reason("fall_reported"),
            device_id=reading.device_id,
            origin=reading.origin,
            confidence=RADAR_CONFIDENCE,
        )
        self._voice.events[-1] = self._fall(self._voice.events[-1])

    def _fall(self, event: Event) -> Event:
        state = self.state
        episode = state.joined.get(event.episode_id, event.episode_id)
        fall = next((one for one in state.falls if one.episode == episode), None)
        if fall is None:
            fall = self._same_fall(event)
            if fall is None:
                state.falls.append(self._new_fall(event))
                return event
            state.joined[event.episode_id] = episode = fall.episode
            seconds = abs(event.time_ns - fall.last_ns) / NS_PER_S
            also = Reason("also_seen_by_other", {"seconds": round(seconds, 1)})
            event = replace(event, reasons=(*event.reasons, also))
            fall.devices.append(event.device_id)
            fall.last_ns = max(fall.last_ns, event.time_ns)
        fall.confirmed = fall.confirmed or event.kind is EventKind.FALL_CONFIRMED
        fall.recovered, fall.seen_after_ns, fall.room_after = False, None, ""
        fall.told_ns = max(fall.told_ns, event.decided_ns)
        return replace(event, episode_id=episode)

    def _same_fall(self, event: Event) -> Fall | None:
        limit_ns = seconds_ns(SAME_FALL_S)
        near = [
            fall
            for fall in self.state.falls
            if event.device_id not in fall.devices
            and fall.first_ns - limit_ns <= event.time_ns <= fall.last_ns + limit_ns
        ]
        return min(near, key=lambda fall: abs(fall.last_ns - event.time_ns), default=None)

    def _new_fall(self, event: Event) -> Fall:
        state = self.state
        where = self._rooms[event.device_id] if event.device_id in self._seeing else ""
        recent = state.room_ns is not None and (
            -seconds_ns(SETTLE_S) <= event.time_ns - state.room_ns <= seconds_ns(ROOM_KNOWN_S)
        )
        if not where and recent:
            where = state.room
        return Fall(
            event.episode_id,
            event.time_ns,
            event.time_ns,
            event.decided_ns,
            where,
            [event.device_id],
            event.origin,
            event.kind is EventKind.FALL_CONFIRMED,
        )

    def _door_used(self) -> None:
        for fall in self.state.falls:
            fall.door_used = True
        self._end_exit("moving_after_exit")
        self.state.exit = None  # gone out, or somebody has come: other rules

    def _seen(self, reading: Reading, sensor: Sensor) -> None:
        state, time_ns = self.state, reading.time_ns
        room = sensor.room or sensor.room_kind
        if sensor.role in _SEEING:
            state.watched_ns[reading.device_id] = time_ns
        for fall in state.falls:
            if self._got_up(fall, room, time_ns):
                self._tell_recovered(fall, reading)
        state.room, state.room_ns = room, time_ns
        out = state.exit
        if out is None:
            return
        if time_ns - out.left_ns > self._allowed_ns:
            self._end_exit("moving_after_exit")
            state.exit = None  # up and about
            return
        self._end_exit("moving_after_exit")
        out.seen_ns = max(out.seen_ns, time_ns)
        # Sitting there long is normal; the stay there has its own limit.
        out.in_bathroom = sensor.room_kind is RoomKind.BATHROOM

    def _got_up(self, fall: Fall, room: str, time_ns: int) -> bool:
        """Whether this sighting shows that whoever fell is on their feet."""
        after_ns = max(fall.last_ns + seconds_ns(SETTLE_S), fall.told_ns)
        if fall.recovered or fall.door_used or not self._alone or time_ns < after_ns:
            return False
        if room == fall.where:
            return False
        first = fall.seen_after_ns is None
        if first:
            fall.seen_after_ns, fall.room_after = time_ns, room
        if not fall.where:  # not known where: it takes movement from one room to another
            return not first and room != fall.room_after
        if not fall.confirmed:
            return True
        return time_ns - (fall.seen_after_ns or time_ns) >= seconds_ns(CONFIRMED_SPREAD_S)

    def _tell_recovered(self, fall: Fall, reading: Reading) -> None:
        fall.recovered = True
        minutes = (reading.time_ns - fall.first_ns) / _MIN_NS
        self._voice.say(
            EventKind.FALL_RECOVERED,
            reading.time_ns,
            Reason("moves_in_other_room", {"minutes": round(minutes, 1)}),
            Reason("fall_check_due"),
            device_id=reading.device_id,
            episode=fall.episode,
            origin=fall.origin,
        )

    def _end_exit(self, code: str) -> None:
        out = self.state.exit
        if out is None or not out.alarmed:
            return
        out.alarmed = False
        self._voice.say(
            EventKind.BED_EXIT_CLEARED,
            self._voice.now_ns,
            Reason(code),
            device_id=out.device_id,
            episode=out.episode,
            origin=out.origin,
        )

    def _somebody_watches(self) -> bool:
        since_ns = self._voice.now_ns - seconds_ns(WATCHING_S)
        return any(
            self.state.watched_ns.get(name, since_ns) > since_ns
            for name in self._seeing
            if name not in self.state.faulty
        )


class FusionDetector(WatchBank[FusionWatch]):
    """SubjectDetector that is also shown the events of the others."""

    def __init__(self) -> None:
        super().__init__(
            DetectorInfo(
                NAME,
                VERSION,
                {
                    "same_fall_s": SAME_FALL_S,
                    "settle_s": SETTLE_S,
                    "confirmed_spread_s": CONFIRMED_SPREAD_S,
                    "exit_silence_share": EXIT_SILENCE_SHARE,
                },
            ),
            QUANTITIES,
            FusionWatch,
        )

    def observe(self, subject_id: str, events: Sequence[Event]) -> list[Event]:
        """What to tell in place of `events`, which are in the order they were decided."""
        told: list[Event] = []
        for event in events:
            self.begin(subject_id, event.decided_ns)
            told += self.advance(subject_id, event.decided_ns)
            told.append(self.watch(subject_id).observe(event))
        return told

    def back_in_bed(self, subject_id: str) -> list[Event]:
        """The bed is occupied (again)."""
        if self.watch(subject_id).state.exit is None:
            return []
        self.watch(subject_id).back_in_bed()
        return self.advance(subject_id, -(2**62))
