"""Vital signs against this person's bands: hold times, hysteresis, trends, impossible values."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

from edge.events import DetectorInfo, EventKind, Reason
from edge.localtime import LocalTime
from edge.signals import Origin, Reading
from edge.subject import Sensor, SensorRole, SubjectSettings
from edge.vitals.bands import BANDS, Band, person_bands
from edge.vitals.trend import MIN_Z, RECENT_DAYS, TRENDS, Trend
from edge.watch import Voice, WatchBank, seconds_ns

NAME: Final = "vitals"
VERSION: Final = "0.2.0"
# A series with a hole longer than this is two series: nobody knows what was between.
MAX_HOLE_S: Final = 60.0
_MAX_HOLE_NS: Final = seconds_ns(MAX_HOLE_S)
# A bed mat that says a value a minute has no hole after 61 s: three reports missed, as everywhere.
STALE_REPORTS: Final = 3.0
# A critical value that nothing follows may wait so long for its device, however slow that is.
LONGEST_HOLE_S: Final = 900.0
_LONGEST_HOLE_NS: Final = seconds_ns(LONGEST_HOLE_S)


@dataclass(slots=True)
class Hold:
    """A condition that must last: since when, and when it last was confirmed."""

    since_ns: int | None = None
    last_ns: int = 0

    def see(self, holds: bool, time_ns: int, max_hole_ns: int) -> None:
        """A value that is, or is not, in the condition."""
        if not holds:
            self.since_ns = None
            return
        if self.since_ns is None or time_ns - self.last_ns > max_hole_ns:
            self.since_ns = time_ns
        self.last_ns = time_ns

    def lasted(self, hold_ns: int) -> bool:
        """Whether values confirm it over the whole hold time."""
        return self.since_ns is not None and self.last_ns - self.since_ns >= hold_ns


@dataclass(slots=True)
class Vital:
    """One quantity of one person by one device: one that reads well must not hide another."""

    warning: Hold = field(default_factory=Hold)
    critical: Hold = field(default_factory=Hold)
    inside: Hold = field(default_factory=Hold)
    below_critical: Hold = field(default_factory=Hold)
    warning_episode: str = ""
    critical_episode: str = ""
    value: float = 0.0
    device_id: str = ""
    origin: Origin = Origin.LIVE
    spot: bool = False
    silence_due_ns: int | None = None
    heard_ns: int | None = None
    interval_ns: int = 0  # between the last two values
    fault_episode: str = ""
    trend: Trend = field(default_factory=Trend)


@dataclass(slots=True)
class VitalsState:
    """All of it is in the snapshot."""

    vitals: dict[str, Vital] = field(default_factory=dict)  # by quantity|device
    midnight_ns: int | None = None


class VitalsWatch:
    """One person."""

    def __init__(self, voice: Voice) -> None:
        self._voice = voice
        self.state = VitalsState()
        self._bands: dict[str, Band] = {}
        self._local: LocalTime

    def configure(self, settings: SubjectSettings) -> None:
        """Take this person's bands and time zone."""
        bands, local = person_bands(settings.overrides), LocalTime(settings.timezone)
        self._bands, self._local = bands, local
        kept = settings.by_device()
        for key in [key for key in self.state.vitals if key.partition("|")[2] not in kept]:
            del self.state.vitals[key]

    def due_ns(self) -> int | None:
        """The next silence that decides, or midnight for the trends."""
        dues = [vital.silence_due_ns for vital in self.state.vitals.values()]
        dues.append(self.state.midnight_ns)
        return min((due for due in dues if due is not None), default=None)

    def fall_due(self) -> None:
        """Silence after a critical value, or the end of a day."""
        now_ns = self._voice.now_ns
        for key, vital in self.state.vitals.items():
            if vital.silence_due_ns is not None and vital.silence_due_ns <= now_ns:
                self._silence(key.partition("|")[0], vital)
        if self.state.midnight_ns is not None and self.state.midnight_ns <= now_ns:
            self._midnight()

    def take(self, reading: Reading, sensor: Sensor) -> None:
        """Take one measured value."""
        quantity = reading.quantity
        vital = self.state.vitals.setdefault(f"{quantity}|{reading.device_id}", Vital())
        if not self._plausible(vital, reading):
            return
        vital.value, vital.device_id = reading.value, reading.device_id
        vital.origin, vital.spot = reading.origin, sensor.role is SensorRole.SPOT_VITALS
        self._add_to_trend(vital, reading)
        band = self._bands.get(quantity)
        if band is None:
            return
        value, time_ns = reading.value, reading.time_ns
        hole_ns = _hole_ns(vital, band, sensor)
        if vital.heard_ns is not None:
            vital.interval_ns = max(0, time_ns - vital.heard_ns)
        vital.heard_ns = time_ns
        vital.warning.see(band.outside_warning(value), time_ns, hole_ns)
        vital.critical.see(band.outside_critical(value), time_ns, hole_ns)
        vital.inside.see(band.well_inside(value), time_ns, hole_ns)
        vital.below_critical.see(not band.outside_critical(value), time_ns, hole_ns)
        self._judge(quantity, vital, band, hole_ns)

    def _judge(self, quantity: str, vital: Vital, band: Band, hole_ns: int) -> None:
        hold_ns = seconds_ns(band.hold_s)
        if not vital.critical_episode and vital.critical.lasted(hold_ns):
            self._raise(quantity, vital, band, critical=True)
        elif vital.critical_episode and vital.below_critical.lasted(hold_ns):
            self._end_critical(quantity, vital)
        alarmed = vital.warning_episode or vital.critical_episode
        if not alarmed and vital.warning.lasted(hold_ns):
            self._raise(quantity, vital, band, critical=False)
        elif vital.warning_episode and vital.inside.lasted(hold_ns):
            self._end_warning(quantity, vital)
        self._await_silence(vital, hole_ns)

    def _await_silence(self, vital: Vital, hole_ns: int) -> None:
        """A value that would alarm if it lasted must not be lost because nothing follows it."""
        waits = (vital.critical.since_ns is not None and not vital.critical_episode) or (
            vital.spot
            and vital.warning.since_ns is not None
            and not (vital.warning_episode or vital.critical_episode)
        )
        vital.silence_due_ns = vital.warning.last_ns + hole_ns if waits else None

    def _silence(self, quantity: str, vital: Vital) -> None:
        band = self._bands[quantity]
        vital.silence_due_ns = None
        critical = vital.critical.since_ns is not None
        self._raise(quantity, vital, band, critical=critical, silent=True)

    def _raise(
        self, quantity: str, vital: Vital, band: Band, *, critical: bool, silent: bool = False
    ) -> None:
        kind = EventKind.VITAL_CRITICAL if critical else EventKind.VITAL_WARNING
        hold = vital.critical if critical else vital.warning
        low = band.critical_low if critical else band.warning_low
        high = band.critical_high if critical else band.warning_high
        side, limit = ("low", low) if vital.value < low else ("high", high)
        since_ns = vital.warning.last_ns if hold.since_ns is None else hold.since_ns
        reasons = [Reason(f"{quantity}_{side}", {"value": vital.value, "limit": limit})]
        if vital.spot and (silent or band.hold_s == 0):
            reasons.append(Reason("repeat_asked"))
        elif silent:
            reasons.append(Reason("then_no_value"))
        else:
            lasted_s = (hold.last_ns - since_ns) / seconds_ns(1)
            reasons.append(Reason("held", {"seconds": round(lasted_s)}))
        episode = self._say(kind, since_ns, vital, *reasons, episode=vital.warning_episode)
        if critical:
            vital.critical_episode = episode
        else:
            vital.warning_episode = episode

    def _end_critical(self, quantity: str, vital: Vital) -> None:
        """Below critical again. The alarm stays open for a person: this only says so."""
        self._say(
            EventKind.VITAL_CRITICAL_EASED,
            vital.below_critical.last_ns,
            vital,
            Reason(f"{quantity}_back", {"value": vital.value}),
            Reason("check_still_due"),
            episode=vital.critical_episode,
        )
        vital.critical_episode = ""

    def _end_warning(self, quantity: str, vital: Vital) -> None:
        self._say(
            EventKind.VITAL_WARNING_CLEARED,
            vital.inside.last_ns,
            vital,
            Reason(f"{quantity}_back", {"value": vital.value}),
            episode=vital.warning_episode,
        )
        vital.warning_episode = ""

    def _plausible(self, vital: Vital, reading: Reading) -> bool:
        """An impossible value is the device's fault, told once until it measures again."""
        band = self._bands.get(reading.quantity)
        values = {"value": reading.value}
        if band is not None and not band.plausible(reading.value):
            if not vital.fault_episode:
                vital.fault_episode = self._voice.say(
                    EventKind.DEVICE_FAULT,
                    reading.time_ns,
                    Reason(f"{reading.quantity}_impossible", values),
                    device_id=reading.device_id,
                    origin=reading.origin,
                )
            return False
        if vital.fault_episode:
            self._voice.say(
                EventKind.DEVICE_FAULT_CLEARED,
                reading.time_ns,
                Reason(f"{reading.quantity}_plausible_again", values),
                device_id=reading.device_id,
                episode=vital.fault_episode,
                origin=reading.origin,
            )
            vital.fault_episode = ""
        return True

    def _add_to_trend(self, vital: Vital, reading: Reading) -> None:
        if self.state.midnight_ns is None:
            self.state.midnight_ns = self._local.utc_ns(self._local.day(self._voice.now_ns) + 1, 0)
        day = self._local.day(self._voice.now_ns)
        vital.trend.add(reading.value, day, TRENDS[reading.quantity])

    def _midnight(self) -> None:
        state = self.state
        for key, vital in state.vitals.items():
            self._tell_trend(key.partition("|")[0], vital)
        day = self._local.day(self._voice.now_ns)
        state.midnight_ns = self._local.utc_ns(day + 1, 0)
        for vital in state.vitals.values():
            vital.trend.day = day

    def _tell_trend(self, quantity: str, vital: Vital) -> None:
        rule, trend = TRENDS[quantity], vital.trend
        trend.close(rule)
        change = trend.change(rule)
        if change is None:
            return
        recent, usual, z = change
        direction = 0 if abs(z) < MIN_Z else (1 if z > 0 else -1)
        if direction not in (0, trend.told):
            values = {"value": recent, "usual": usual, "days": float(RECENT_DAYS)}
            reason = Reason(f"{quantity}_trend", values)
            self._say(EventKind.VITAL_TREND, self._voice.now_ns, vital, reason)
        trend.told = direction

    def _say(
        self, kind: EventKind, time_ns: int, vital: Vital, *reasons: Reason, episode: str = ""
    ) -> str:
        return self._voice.say(
            kind,
            time_ns,
            *reasons,
            device_id=vital.device_id,
            episode=episode,
            origin=vital.origin,
        )


def _hole_ns(vital: Vital, band: Band, sensor: Sensor) -> int:
    """How long nothing may come before it is silence: by the device's own interval."""
    promised_ns = seconds_ns(sensor.report_interval_s or 0.0)
    usual_ns = promised_ns or vital.interval_ns
    patient_ns = min(_LONGEST_HOLE_NS, round(STALE_REPORTS * usual_ns))
    return max(_MAX_HOLE_NS, seconds_ns(band.hold_s), patient_ns)


class VitalsDetector(WatchBank[VitalsWatch]):
    """SubjectDetector for vital signs. Overrides: `heart_rate.warning_low` and the like."""

    def __init__(self) -> None:
        settings: dict[str, float | int | str | bool] = {
            f"{quantity}.{name}": getattr(band, name)
            for quantity, band in BANDS.items()
            for name in ("warning_low", "warning_high", "critical_low", "critical_high", "hold_s")
            if math.isfinite(getattr(band, name))
        }
        super().__init__(DetectorInfo(NAME, VERSION, settings), frozenset(TRENDS), VitalsWatch)
