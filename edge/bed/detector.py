"""The bed of one elder: exits, absences, the edge, restlessness, turning, and the night."""

from __future__ import annotations

from typing import Final

from edge.bed.settings import (
    NO_RETURN_DEPENDENT_S,
    NO_RETURN_S,
    OFF_DELAY_S,
    ON_DELAY_S,
    RADAR_EMPTY_LATE_S,
    RESTLESS_CLEAR_SHARE,
    RESTLESS_SHARE,
    TURNING_S,
    BedSettings,
    bed_settings,
    watched,
)
from edge.bed.state import Absence, BedState
from edge.bed.tally import Movement
from edge.events import DetectorInfo, EventKind, Reason
from edge.signals import NS_PER_S, Reading
from edge.subject import Sensor, SensorRole, SubjectSettings
from edge.watch import Voice, WatchBank

NAME: Final = "bed"
VERSION: Final = "0.1.0"
QUANTITIES: Final = frozenset(
    {
        "in_bed",
        "presence",
        "bed_load",
        "bed_edge",
        "body_turn",
        "body_movement",
        # Not for their values: a device that gives them lives, and so does whoever lies there.
        "heart_rate",
        "respiration_rate",
        "battery_level",
    }
)
# `body_movement` is the share of a report's time with movement: a restless minute has some, a turn
# takes at least 3 s of a 10 s report.
MOVED_SHARE: Final = 0.1
TURN_SHARE: Final = 0.3
# Sitting on the edge this shortly before an exit belongs to it.
EDGE_BEFORE_EXIT_NS: Final = 120 * NS_PER_S
_ON: Final = 0.5
_NS_PER_MIN: Final = 60 * NS_PER_S


class BedWatch:
    """One elder's bed."""

    def __init__(self, voice: Voice) -> None:
        self._voice = voice
        self.state = BedState()
        self._settings: BedSettings
        self._pauses: tuple[tuple[int, int], ...] = ()

    def configure(self, settings: SubjectSettings) -> None:
        """Take limits, night and pauses."""
        self._settings = bed_settings(settings)
        self._pauses = tuple((pause.from_ns, pause.until_ns) for pause in settings.pauses)
        kept = set(settings.by_device())
        sources = self.state.occupancy.sources
        for device_id in [name for name in sources if name not in kept]:
            del sources[device_id]
        if self.state.tally.end_ns:
            if self.state.occupancy.pending_device not in kept:
                self.state.occupancy.pending = None
            self._reconsider()

    def due_ns(self) -> int | None:
        """The next of: a change settles, a source falls silent, a limit is reached, morning."""
        state = self.state
        if not state.tally.end_ns:
            return None
        dues = [
            state.tally.end_ns,
            state.occupancy.pending_until_ns,
            state.occupancy.stale_due_ns(self._settings),
            state.absence.due_ns if state.absence else None,
            self._edge_due_ns(),
            self._turning_due_ns(),
        ]
        return min(due for due in dues if due is not None)

    def fall_due(self) -> None:
        """Do what is due now."""
        state, now_ns = self.state, self._voice.now_ns
        occupancy = state.occupancy
        stale_ns = occupancy.stale_due_ns(self._settings)
        if stale_ns is not None and stale_ns <= now_ns:
            occupancy.drop_stale(self._settings, now_ns)
            self._reconsider()
        if occupancy.pending_until_ns is not None and occupancy.pending_until_ns <= now_ns:
            self._change()
        if state.absence and state.absence.due_ns is not None and state.absence.due_ns <= now_ns:
            self._not_returned(state.absence)
        edge_ns = self._edge_due_ns()
        if edge_ns is not None and edge_ns <= now_ns:
            self._on_edge()
        turning_ns = self._turning_due_ns()
        if turning_ns is not None and turning_ns <= now_ns:
            self._not_turned()
        if state.tally.end_ns <= now_ns:
            self._morning()

    def take(self, reading: Reading, sensor: Sensor) -> None:
        """Take one reading of a bed sensor."""
        if not watched(sensor):
            return
        state, now_ns = self.state, self._voice.now_ns
        if not state.tally.end_ns:
            state.tally.begin(*self._settings.night.around(now_ns), now_ns)
        state.origin = reading.origin
        if reading.quantity in ("in_bed", "bed_load") or (
            reading.quantity == "presence" and sensor.role is SensorRole.BED
        ):
            state.occupancy.hear(reading, self._settings)
            self._reconsider()
        elif reading.quantity == "bed_edge":
            state.edge_flag = reading.value >= _ON
        elif reading.quantity == "body_turn" and reading.value >= _ON:
            state.turn_reports = True
            self._turned(reading)
        elif reading.quantity == "body_movement":
            self._moved(reading)
        elif reading.quantity in ("heart_rate", "respiration_rate"):
            state.occupancy.body_sign(reading.device_id, reading.time_ns)
        elif reading.quantity == "battery_level":
            state.occupancy.alive(reading.device_id, reading.time_ns)
        self._follow_edge(reading)

    def _reconsider(self) -> None:
        """Something was heard or fell silent. Silence ends no alarm; it only stops counting."""
        state, now_ns = self.state, self._voice.now_ns
        before = state.occupancy.occupied
        state.tally.count(before, now_ns)
        state.occupancy.reconsider(self._settings, now_ns)
        if before is not None and state.occupancy.occupied is None:
            state.blind_since_ns = now_ns if before else None
            state.turned_ns = None
            state.movement = Movement()

    def _change(self) -> None:
        """A change of occupancy has settled."""
        state, now_ns = self.state, self._voice.now_ns
        before, blind_ns = state.occupancy.occupied, state.blind_since_ns
        state.tally.count(before, now_ns)
        state.blind_since_ns = None
        if state.occupancy.pending:
            state.occupancy.settle()
            self._came()
            return
        left_ns, latest_ns = state.occupancy.left_between(self._settings)
        state.occupancy.settle()
        self._end_turning()
        state.turned_ns = None
        state.movement = Movement()
        if before:
            state.tally.took_back(now_ns - left_ns)
            self._left(left_ns, latest_ns)
        elif blind_ns is not None:
            # Left while nobody could see it: perhaps as early as the silence began.
            self._left(min(blind_ns, left_ns), latest_ns)

    def _came(self) -> None:
        state, since_ns = self.state, self.state.occupancy.since_ns
        absence, state.absence = state.absence, None
        state.turned_ns = since_ns
        if absence is None:
            return
        state.tally.was_out(absence.left_ns, since_ns)
        if absence.alarmed:
            minutes = (since_ns - absence.left_ns) / _NS_PER_MIN
            self._say(
                EventKind.BED_EXIT_CLEARED,
                since_ns,
                Reason("back_in_bed", {"minutes": round(minutes, 1)}),
                device_id=state.occupancy.device_id,
                episode=absence.episode,
            )

    def _left(self, left_ns: int, latest_ns: int) -> None:
        state = self.state
        device_id = state.occupancy.device_id
        absence = Absence(left_ns, latest_ns, device_id, None)
        state.absence = absence
        if not self._settings.night.contains(latest_ns):
            return
        absence.due_ns = left_ns + self._settings.no_return_ns
        state.tally.times_up += 1
        reasons = [Reason("left_bed")]
        if left_ns < latest_ns:
            late_min = (latest_ns - left_ns) / _NS_PER_MIN
            reasons.append(Reason("empty_told_late", {"minutes": round(late_min, 1)}))
        edge_ns = state.edge_last_ns
        if edge_ns is not None and latest_ns - edge_ns <= EDGE_BEFORE_EXIT_NS:
            reasons.append(Reason("sat_on_edge_before"))
        if not self._paused():
            absence.episode = self._say(EventKind.BED_EXIT, left_ns, *reasons, device_id=device_id)

    def _not_returned(self, absence: Absence) -> None:
        absence.due_ns = None
        now_ns = self._voice.now_ns
        if self._paused() or not self._settings.night.contains(now_ns):
            return
        absence.alarmed = True
        minutes = (now_ns - absence.left_ns) / _NS_PER_MIN
        limit = self._settings.no_return_ns / _NS_PER_MIN
        reasons = [
            Reason("out_of_bed_for", {"minutes": round(minutes, 1), "limit_min": round(limit, 1)})
        ]
        if self.state.occupancy.occupied is None:
            reasons.append(Reason("bed_sensor_silent"))
        absence.episode = self._say(
            EventKind.BED_EXIT_NO_RETURN,
            absence.left_ns,
            *reasons,
            device_id=absence.device_id,
            episode=absence.episode,
        )

    def _follow_edge(self, reading: Reading) -> None:
        state = self.state
        on_edge = state.edge_flag or state.occupancy.on_edge
        if on_edge and state.edge_since_ns is None:
            state.edge_since_ns, state.edge_device = reading.time_ns, reading.device_id
        elif not on_edge and state.edge_since_ns is not None:
            state.edge_last_ns = reading.time_ns if state.edge_told else None
            state.edge_since_ns, state.edge_told = None, False

    def _edge_due_ns(self) -> int | None:
        state = self.state
        if state.edge_since_ns is None or state.edge_told:
            return None
        return state.edge_since_ns + self._settings.edge_hold_ns

    def _on_edge(self) -> None:
        state = self.state
        state.edge_told = True
        since_ns = state.edge_since_ns
        if since_ns is None or not self._settings.night.contains(since_ns) or self._paused():
            return
        self._say(EventKind.BED_EDGE, since_ns, Reason("sits_on_edge"), device_id=state.edge_device)

    def _moved(self, reading: Reading) -> None:
        state = self.state
        state.occupancy.body_sign(reading.device_id, reading.time_ns)
        if not state.occupancy.occupied:
            return
        moved = reading.value >= MOVED_SHARE
        night = self._settings.night.contains(reading.time_ns)
        if state.movement.mark(reading.time_ns, moved) and night:
            state.tally.movement_minutes += 1
        if reading.value >= TURN_SHARE and not state.turn_reports:
            self._turned(reading)
        share = state.movement.share()
        if share is None:
            return
        reason = Reason("movement_in_hour", {"percent": round(100 * share)})
        if not state.restless_episode:
            if night and share >= self._settings.restless_share and not self._paused():
                state.restless_episode = self._say(
                    EventKind.BED_RESTLESS, reading.time_ns, reason, device_id=reading.device_id
                )
        elif share <= RESTLESS_CLEAR_SHARE:
            self._say(
                EventKind.BED_RESTLESS_CLEARED,
                reading.time_ns,
                reason,
                device_id=reading.device_id,
                episode=state.restless_episode,
            )
            state.restless_episode = ""

    def _turning_due_ns(self) -> int | None:
        state, turning_ns = self.state, self._settings.turning_ns
        if turning_ns is None or state.turned_ns is None or state.turning_episode:
            return None
        return state.turned_ns + turning_ns

    def _not_turned(self) -> None:
        state = self.state
        assert state.turned_ns is not None  # noqa: S101  (due only then)
        if self._paused():
            state.turned_ns = self._voice.now_ns
            return
        minutes = (self._voice.now_ns - state.turned_ns) / _NS_PER_MIN
        state.turning_episode = self._say(
            EventKind.NO_TURNING,
            self._voice.now_ns,
            Reason("no_turn_for", {"minutes": round(minutes)}),
            device_id=state.occupancy.device_id,
        )

    def _turned(self, reading: Reading) -> None:
        if self.state.turned_ns is None:
            return
        self._end_turning()
        self.state.turned_ns = reading.time_ns

    def _end_turning(self) -> None:
        """An open no-turning alarm is over: turned, or seen to have left."""
        state = self.state
        if state.turning_episode:
            self._say(
                EventKind.NO_TURNING_CLEARED,
                self._voice.now_ns,
                Reason("moved_or_left"),
                device_id=state.occupancy.device_id,
                episode=state.turning_episode,
            )
        state.turning_episode = ""

    def _morning(self) -> None:
        state, now_ns = self.state, self._voice.now_ns
        tally = state.tally
        tally.count(state.occupancy.occupied, tally.end_ns)
        if state.absence:
            tally.was_out(state.absence.left_ns, tally.end_ns)
        if state.restless_episode:
            self._say(
                EventKind.BED_RESTLESS_CLEARED,
                now_ns,
                Reason("night_is_over"),
                episode=state.restless_episode,
            )
            state.restless_episode = ""
        seen_ns = tally.in_bed_ns + tally.out_ns
        if seen_ns > 0 and not self._paused():
            self._say(EventKind.NIGHT_SUMMARY, tally.end_ns, *tally.reasons())
        start_ns, end_ns = self._settings.night.around(tally.end_ns)
        tally.begin(start_ns, end_ns, min(start_ns, now_ns))

    def _paused(self) -> bool:
        now_ns = self._voice.now_ns
        return any(from_ns <= now_ns < until_ns for from_ns, until_ns in self._pauses)

    def _say(
        self,
        kind: EventKind,
        time_ns: int,
        *reasons: Reason,
        device_id: str = "",
        episode: str = "",
    ) -> str:
        return self._voice.say(
            kind,
            time_ns,
            *reasons,
            device_id=device_id,
            episode=episode,
            origin=self.state.origin,
        )


class BedDetector(WatchBank[BedWatch]):
    """SubjectDetector for beds. Overrides: see `edge.bed.settings.bed_settings`."""

    def __init__(self) -> None:
        super().__init__(
            DetectorInfo(
                NAME,
                VERSION,
                {
                    "no_return_s": NO_RETURN_S,
                    "no_return_dependent_s": NO_RETURN_DEPENDENT_S,
                    "turning_s": TURNING_S,
                    "on_delay_s": ON_DELAY_S,
                    "off_delay_s": OFF_DELAY_S,
                    "radar_empty_late_s": RADAR_EMPTY_LATE_S,
                    "restless_share": RESTLESS_SHARE,
                },
            ),
            QUANTITIES,
            BedWatch,
        )
