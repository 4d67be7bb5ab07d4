"""How long somebody has been in the bathroom, from sensors that are late or see only motion."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from edge.events import EventKind, Reason
from edge.room.settings import MOTION_HOLD_S, RoomSettings
from edge.room.state import RoomState, Stay
from edge.signals import NS_PER_S, Reading
from edge.subject import RoomKind, Sensor
from edge.watch import Voice, seconds_ns

_NS_PER_MIN: Final = 60 * NS_PER_S
_ON: Final = 0.5
_LAST_STAGE: Final = 2
_MOTION_HOLD_NS: Final = seconds_ns(MOTION_HOLD_S)


class Bathroom:
    """The stays of one subject. `state` is asked anew each time: a restore replaces it."""

    def __init__(self, voice: Voice, state: Callable[[], RoomState]) -> None:
        self._voice = voice
        self._state = state

    def due_ns(self, settings: RoomSettings) -> int | None:
        """When the next stay is too long."""
        stays = self._state().stays.values()
        dues = [self._stay_due_ns(stay, settings) for stay in stays]
        dues += [_forget_ns(stay, settings) for stay in stays]
        return min((due for due in dues if due is not None), default=None)

    def fall_due(self, settings: RoomSettings) -> None:
        """Tell of the stays that are too long now; drop those nobody knows of any more."""
        for room, stay in list(self._state().stays.items()):
            forget_ns = _forget_ns(stay, settings)
            due_ns = self._stay_due_ns(stay, settings)
            if forget_ns is not None and forget_ns <= self._voice.now_ns:
                del self._state().stays[room]
            elif due_ns is not None and due_ns <= self._voice.now_ns:
                self._tell(stay)

    def take(
        self, reading: Reading, sensor: Sensor, settings: RoomSettings, *, fresh: bool
    ) -> None:
        """A sign of somebody in the bathroom, of its emptiness, or of the person elsewhere.

        `fresh`: it is news, not a sensor that is late to say otherwise.
        """
        on = reading.value >= _ON
        if sensor.room_kind is RoomKind.BATHROOM and reading.quantity in ("presence", "motion"):
            room = sensor.room
            stay = self._state().stays.get(room)
            if on:
                self._seen(room, stay, reading)
            elif stay is not None and reading.quantity == "presence":
                self._empty(room, stay, reading, settings)
        elif settings.lives_alone and fresh and sensor.room_kind is not RoomKind.BATHROOM:
            for room in list(self._state().stays):
                self._seen_elsewhere(room, reading)

    def _seen_elsewhere(self, room: str, reading: Reading) -> None:
        """Not in there now. A sensor that goes on saying `occupied` means a new stay, from now."""
        stay = self._state().stays[room]
        seen, device_id, origin = stay.seen, stay.device_id, stay.origin
        self._end(room, reading.time_ns, reading.device_id, "seen_elsewhere", 0)
        if seen:
            again = Stay(reading.time_ns, device_id, origin, seen, reading.time_ns)
            self._state().stays[room] = again

    def _seen(self, room: str, stay: Stay | None, reading: Reading) -> None:
        if stay is None:
            stay = Stay(reading.time_ns, reading.device_id, reading.origin)
            self._state().stays[room] = stay
        stay.last_ns = reading.time_ns
        if reading.quantity == "presence" and reading.device_id not in stay.seen:
            stay.seen.append(reading.device_id)

    def _empty(self, room: str, stay: Stay, reading: Reading, settings: RoomSettings) -> None:
        """A presence sensor says `empty`: the person left up to its lateness earlier."""
        if reading.device_id in stay.seen:
            stay.seen.remove(reading.device_id)
        if not stay.seen:
            late_ns = settings.empty_late_ns.get(reading.device_id, 0)
            self._end(room, reading.time_ns, reading.device_id, "bathroom_empty", late_ns)

    def _stay_due_ns(self, stay: Stay, settings: RoomSettings) -> int | None:
        if stay.stage == _LAST_STAGE:
            return None
        limit_ns = settings.bath_high_ns if stay.stage else settings.bath_dwell_ns
        # `occupied` from a late sensor proves presence only until so long ago.
        late_ns = max((settings.empty_late_ns.get(name, 0) for name in stay.seen), default=0)
        return stay.since_ns + limit_ns + late_ns

    def _tell(self, stay: Stay) -> None:
        stay.stage += 1
        kind = EventKind.BATH_DWELL if stay.stage == 1 else EventKind.BATH_DWELL_HIGH
        minutes = (self._voice.now_ns - stay.since_ns) / _NS_PER_MIN
        reasons = [Reason("in_bathroom_for", {"minutes": round(minutes)})]
        if not stay.seen:
            reasons.append(Reason("no_sign_of_leaving"))
        stay.episode = self._voice.say(
            kind,
            stay.since_ns,
            *reasons,
            device_id=stay.device_id,
            episode=stay.episode,
            origin=stay.origin,
        )

    def _end(self, room: str, time_ns: int, device_id: str, code: str, late_ns: int) -> None:
        stay = self._state().stays.pop(room)
        if not stay.episode:
            return
        left_ns = max(stay.since_ns, time_ns - late_ns)
        values: dict[str, float] = {"minutes": round((left_ns - stay.since_ns) / _NS_PER_MIN)}
        self._voice.say(
            EventKind.BATH_DWELL_CLEARED,
            time_ns,
            Reason(code, values),
            device_id=device_id,
            episode=stay.episode,
            origin=stay.origin,
        )


def _forget_ns(stay: Stay, settings: RoomSettings) -> int | None:
    """When motion alone no longer tells that somebody is in there. An open alarm stays open."""
    if settings.lives_alone or stay.seen or stay.stage:
        return None
    return stay.last_ns + _MOTION_HOLD_NS
