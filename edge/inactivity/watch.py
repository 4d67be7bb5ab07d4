"""The watch over one person: where they may be, since when silence counts, what falls due.

States: at home (in a room, in bed, on a seat, or "perhaps out" when an hourly report cannot tell),
or out. Silence at home becomes `inactivity`, silence since the door `no_return`.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Final

from edge.events import EventKind, Reason
from edge.inactivity.devices import MOMENTARY, MOTION_COUNT, Devices, Kind
from edge.inactivity.explain import active_again, beyond, reasons_of
from edge.inactivity.limits import (
    ABSENCE_S,
    BIN_S,
    DEAD_SHARE,
    HIGH_FACTOR,
    LEARNED_AFTER_DAYS,
    LEARNED_OUTINGS,
    LEAVE_S,
    LIVED_IN_BINS,
    MISSING_SHARE,
    RETURN_WEIGHT,
    RETURN_WINDOW_S,
    S_PER_DAY,
    SILENCE_S,
    SLOT_S,
    Context,
    Limits,
)
from edge.inactivity.profile import Profile
from edge.inactivity.state import NONE_NS, Finding, Rule, State
from edge.localtime import local_time
from edge.signals import NS_PER_S
from edge.subject import Pause, SubjectSettings

_BIN_NS: Final = BIN_S * NS_PER_S
_SILENCE_NS: Final = SILENCE_S * NS_PER_S
_ABSENCE_NS: Final = ABSENCE_S * NS_PER_S
HIGH_STAGE: Final = 2
_LEAVE_NS: Final = LEAVE_S * NS_PER_S
_WINDOW_NS: Final = RETURN_WINDOW_S * NS_PER_S


class DeadlineReachedError(Exception):
    """Raised instead of a finding when the watch runs in bulk (see bulk.py)."""


class Watch:
    """One person. Times are ns UTC and event time; nothing here looks at a clock."""

    def __init__(self, settings: SubjectSettings) -> None:
        self.state = State()
        self.profile = Profile()
        self.devices = Devices(())
        self.bulk = False
        self.configure(settings)

    def configure(self, settings: SubjectSettings) -> None:
        """Take settings; what was learned of devices still there stays."""
        self.settings = settings
        self.limits = Limits.of(settings)
        self.local = local_time(settings.timezone)
        self.pauses: Sequence[Pause] = sorted(settings.pauses, key=lambda pause: pause.from_ns)
        devices = Devices(settings.sensors)
        devices.take_over(self.devices)
        if devices.ids != self.devices.ids:
            self.state.renumber(self.devices.ids, devices.ids)
        self.devices = devices
        self.state.forget_deadline()

    def resume(self, state: State, known: Devices) -> None:
        """Go on from a snapshot; its devices need not be those of the settings any more."""
        self.state, self.devices = copy.copy(state), known
        self.configure(self.settings)
        if known.ids == self.devices.ids:
            self.state = state  # deadline included

    def take(
        self, device: int, quantity: int, value: float, time_ns: int, findings: list[Finding]
    ) -> None:
        """One reading. `quantity` is its index in ACTIVITY_QUANTITIES, -1 for any other."""
        devices, state = self.devices, self.state
        # What falls due at the very end of a report period waits for the whole report.
        is_count = quantity == MOTION_COUNT and bool(devices.period_ns[device])
        self.advance(time_ns - (1 if is_count else 0), findings)
        self.begin_day(time_ns)
        devices.heard(device, time_ns, quantity, value)
        if state.withheld and devices.watching[device]:
            # The sensors are back. What happened meanwhile nobody knows: count from here.
            state.withheld = 0
            state.base_ns, state.unlearnable = time_ns, 1
            state.forget_deadline()
        if quantity < 0:
            return
        before = devices.last_value[device, quantity]
        devices.last_value[device, quantity] = value
        rise = value > 0 and (value != before or bool(MOMENTARY[quantity]))
        change = before > 0 and value != before and bool(devices.both_ways[device, quantity])
        kind = int(devices.kinds[device, quantity])
        if kind == Kind.NONE or not (rise or change):
            return
        # Closing a door is as good as opening it; getting up does not undo a door just used.
        rise = rise or kind <= Kind.DOOR
        if self.activity(device, kind, time_ns, value, rise=rise) and state.stage:
            # What comes late ends an alarm when it comes, not before the alarm was.
            told_ns = self.high_ns() if state.stage == HIGH_STAGE else state.episode_ns
            self._clear(max(state.frontier_ns, told_ns), findings)
        devices.saw(device, state.bouts)

    def begin_day(self, time_ns: int) -> None:
        """The first signal of a local day makes the tables anew."""
        state = self.state
        if time_ns < state.frontier_ns:
            return
        state.frontier_ns = time_ns
        day = self.local.day(time_ns)
        if day <= state.day:
            return
        if state.last_ns != NONE_NS:
            self.deadline()  # stays as it was known when the person was last seen
        self.profile.end_day(lived_in=state.day_bins >= LIVED_IN_BINS)
        self.devices.end_day()
        state.day, state.day_bins = day, 0

    def activity(self, device: int, kind: int, time_ns: int, weight: float, *, rise: bool) -> bool:
        """Somebody was seen: move the state, learn the silence that ended. False: nobody was."""
        state = self.state
        if kind in (Kind.BED, Kind.SEAT):
            state.occupy(device, bed=kind == Kind.BED, occupied=rise)
        if time_ns < state.last_ns:
            state.late += 1
            return False
        start_ns = time_ns - self.devices.counting_ns(device)
        if state.out:
            if not self._came_back(device, kind, time_ns, weight, rise=rise):
                return False
            self._learn_outing(state.blip_ns - self.devices.counting_ns(device))
        elif state.last_ns != NONE_NS:
            self._learn_silence(int(state.context), start_ns)
        if state.last_ns != NONE_NS and start_ns - state.last_ns <= _ABSENCE_NS:
            state.lived_ns += time_ns - state.last_ns
        state.unlearnable = 0
        new_bin = time_ns // _BIN_NS
        if new_bin != state.bin:
            self.commit_bin()
            state.bin, state.bouts, state.day_bins = new_bin, state.bouts + 1, state.day_bins + 1
        # Within one report of a whole period the room that saw most is where the person was.
        lesser = start_ns < time_ns == state.last_ns and weight <= state.weight
        state.last_ns = time_ns
        state.forget_deadline()
        if not lesser:
            state.last_device, state.weight = device, weight
            state.room = int(self.devices.room[device])
        self._place(kind, time_ns, rise=rise)
        return True

    def commit_bin(self) -> None:
        """Count the bin that ended: a place and time in which the person was seen."""
        state = self.state
        if state.bin == NONE_NS or self._paused(state.last_ns, state.last_ns) is not None:
            return
        slot = self.local.second_of_day(state.last_ns) // SLOT_S
        self.profile.saw_activity(int(state.context), slot, state.room)

    def advance(self, until_ns: int, findings: list[Finding]) -> None:
        """Let everything fall due that does by `until_ns`."""
        state = self.state
        if state.last_ns == NONE_NS or until_ns < state.last_ns + _LEAVE_NS:
            return
        self._leave(until_ns)
        if state.withheld or until_ns < max(state.last_ns, state.out_since_ns) + round(
            min(self.limits.min_limit_s, self.limits.no_return_min_s) * NS_PER_S
        ):
            return
        if state.stage == 0:
            due_ns = self.deadline()
            if due_ns > until_ns:
                return
            if self.bulk:
                raise DeadlineReachedError
            if self._sensors_fail(due_ns):
                self.advance(until_ns, findings)
                return
            state.stage, state.episode_ns = 1, due_ns
            state.raised_rule, state.raised_from_ns = state.deadline_rule, state.deadline_from_ns
            self._find((EventKind.INACTIVITY, EventKind.NO_RETURN), due_ns, findings)
        if state.stage == 1:
            high_ns = self.high_ns()
            if high_ns <= until_ns:
                state.stage = HIGH_STAGE
                self._find((EventKind.INACTIVITY_HIGH, EventKind.NO_RETURN_HIGH), high_ns, findings)

    def _sensors_fail(self, due_ns: int) -> bool:
        """Whether dead sensors forbid the alarm that is due: withheld, or (once) put off."""
        state, dead = self.state, self.devices.dead(due_ns)
        share = self.devices.share(dead)
        if share >= DEAD_SHARE:
            state.withheld = 1
            return True
        start_ns = state.deadline_from_ns + round(self.limits.start_limit_s * NS_PER_S)
        if due_ns >= start_ns or not (share >= MISSING_SHARE or self.devices.tells_rest(dead)):
            return False
        state.deadline_ns, state.widened = start_ns, len(dead)
        return True

    def high_ns(self) -> int:
        """When the finding that stands becomes high: at HIGH_FACTOR times its limit."""
        limit_ns = self.state.episode_ns - self.state.raised_from_ns
        return self.state.raised_from_ns + round(limit_ns * HIGH_FACTOR)

    def deadline(self) -> int:
        """When silence becomes an alarm, ns UTC. Only once somebody was seen."""
        state = self.state
        if state.deadline_ns != NONE_NS:
            return state.deadline_ns
        maybe = state.context == Context.MAYBE_OUT
        no_return = bool(state.out) and (not maybe or bool(state.blipped))
        rule = Rule.NO_RETURN if no_return else Rule.INACTIVITY
        since_ns = max(state.out_since_ns if no_return else state.last_ns, state.base_ns)
        while True:
            due_ns, widened = self._no_return(since_ns) if no_return else self._inactive(since_ns)
            until_ns = self._paused(since_ns, due_ns)
            if until_ns is None:
                break
            since_ns = until_ns  # begin again when the pause is over
        if self.bulk:
            return due_ns
        state.deadline_ns, state.deadline_rule, state.widened = due_ns, int(rule), widened
        state.deadline_from_ns = since_ns
        return due_ns

    def outlook(self) -> tuple[int, State]:
        """The deadline if nothing more comes at all, and the state it would fall due in."""
        now = self.state
        self.state = copy.copy(now)
        try:
            self._leave(now.last_ns + _ABSENCE_NS)
            return self.deadline(), self.state
        finally:
            self.state = now

    def _inactive(self, since_ns: int) -> tuple[int, int]:
        """Limit of a silence, and how many missing sensors widened it."""
        limits, state = self.limits, self.state
        start_ns = since_ns + round(limits.start_limit_s * NS_PER_S)
        if self.profile.active_days < LEARNED_AFTER_DAYS:
            return start_ns, 0
        at = self._limit_at(int(state.context), since_ns)
        due_ns, widened = self._clamp(at, since_ns, limits.min_limit_s, limits.max_limit_s), 0
        # In bulk the sightings of the day are not in yet: the earlier limit is the safe one there.
        if due_ns < start_ns and not self.bulk:
            missing = self.devices.missing(state.bouts)
            if self.devices.share(missing) >= MISSING_SHARE:
                due_ns, widened = start_ns, len(missing)
        period_ns = self.devices.counting_ns(state.last_device)
        if period_ns:  # silence is known only when the report of the whole period is in
            due_ns = since_ns + -(-(due_ns - since_ns) // period_ns) * period_ns
        return due_ns, widened

    def _no_return(self, since_ns: int) -> tuple[int, int]:
        limits = self.limits
        if self.profile.outings < LEARNED_OUTINGS:
            return since_ns + round(limits.no_return_start_s * NS_PER_S), 0
        at = self._limit_at(Context.OUT, since_ns)
        return self._clamp(at, since_ns, limits.no_return_min_s, limits.no_return_max_s), 0

    def _limit_at(self, context: int, since_ns: int) -> float:
        return self.profile.limit_at(
            context,
            float(self.local.local_s(since_ns)),
            self.state.lived_ns / NS_PER_S,
            self.limits.false_alarms_per_week,
        )

    def _clamp(self, local_s: float, since_ns: int, low_s: float, high_s: float) -> int:
        day, second = divmod(int(local_s), S_PER_DAY)
        limit_ns = self.local.utc_ns(day, second) - since_ns
        return since_ns + min(max(limit_ns, round(low_s * NS_PER_S)), round(high_s * NS_PER_S))

    def _paused(self, from_ns: int, until_ns: int) -> int | None:
        """End of the last pause that touches `[from_ns, until_ns]`, if any does."""
        end_ns: int | None = None
        for pause in self.pauses:
            if pause.from_ns <= until_ns and from_ns < pause.until_ns:
                end_ns = pause.until_ns
        return end_ns

    def _place(self, kind: int, time_ns: int, *, rise: bool) -> None:
        """Where the person is now, as far as the last activity tells."""
        state = self.state
        period_ns = self.devices.counting_ns(state.last_device)
        if kind == Kind.DOOR:
            state.door_ns = state.door_used_ns = time_ns
        elif rise and not (period_ns and state.door_ns == time_ns):
            state.door_ns = NONE_NS
        if state.beds:
            state.context = int(Context.BED)
        elif state.seats:
            state.context = int(Context.SEAT)
        elif period_ns and state.door_ns == time_ns:
            state.context = int(Context.MAYBE_OUT)
        else:
            state.context = int(self.devices.context[state.last_device])

    def _leave(self, until_ns: int) -> None:
        """Door, then silence: gone. Nobody leaves while the bed or a seat says occupied."""
        state = self.state
        if state.out or state.door_ns == NONE_NS or state.beds or state.seats:
            return
        maybe = state.context == Context.MAYBE_OUT
        # Within an hourly report the order is lost: two empty ones, then the home counts as left.
        wait_ns = 2 * self.devices.counting_ns(state.last_device) if maybe else _LEAVE_NS
        if until_ns < max(state.last_ns, state.door_ns) + wait_ns:
            return
        state.out, state.out_since_ns, state.blipped = 1, state.door_ns, 0
        state.blip_ns, state.blip_device, state.blip_weight = NONE_NS, -1, 0.0
        if not maybe:
            state.forget_deadline()

    def _came_back(
        self, device: int, kind: int, time_ns: int, weight: float, *, rise: bool
    ) -> bool:
        """Whether what stirred in the empty home is a person."""
        state = self.state
        if kind == Kind.DOOR:
            state.door_used_ns = time_ns
        elif not rise:
            return False
        elif kind != Kind.INSIDE:  # a bed or seat does not occupy itself
            if time_ns - state.blip_ns > _WINDOW_NS:
                state.blip_ns = time_ns
            return True
        if state.blip_ns == NONE_NS or time_ns - state.blip_ns > _WINDOW_NS:
            state.blip_ns, state.blip_device, state.blip_weight = time_ns, device, 0.0
        if kind == Kind.DOOR:
            return device != state.blip_device
        state.blip_weight += weight
        if device != state.blip_device or state.blip_weight >= RETURN_WEIGHT:
            return True
        if not state.blipped:
            state.blipped = 1
            if state.stage == 0 and state.context == Context.MAYBE_OUT:
                state.forget_deadline()  # nobody there to be inactive: the other rule now
        return False

    def _learn_outing(self, back_ns: int) -> None:
        state = self.state
        away_ns = back_ns - state.out_since_ns
        if state.context == Context.MAYBE_OUT and not state.blipped:
            self._learn_silence(int(Context.MAYBE_OUT), back_ns)
        if _SILENCE_NS < away_ns <= _ABSENCE_NS and self._learnable(state.out_since_ns, back_ns):
            self._learn(Context.OUT, state.out_since_ns, back_ns)
        state.out, state.door_ns, state.blipped = 0, NONE_NS, 0

    def _learn_silence(self, context: int, until_ns: int) -> None:
        state = self.state
        silence_ns = until_ns - state.last_ns
        if _SILENCE_NS < silence_ns <= _ABSENCE_NS and self._learnable(state.last_ns, until_ns):
            self._learn(context, state.last_ns, until_ns)

    def _learnable(self, from_ns: int, until_ns: int) -> bool:
        return not self.state.unlearnable and self._paused(from_ns, until_ns) is None

    def _learn(self, context: int, from_ns: int, until_ns: int) -> None:
        start_s, end_s = self.local.local_s(from_ns), self.local.local_s(until_ns)
        if end_s - start_s > SILENCE_S:  # the wall clock may have been set back meanwhile
            self.profile.learn(
                context, float(start_s), float(end_s), self.state.lived_ns / NS_PER_S
            )

    def _find(
        self, kinds: tuple[EventKind, EventKind], time_ns: int, findings: list[Finding]
    ) -> None:
        state = self.state
        rule = Rule(state.raised_rule)
        reasons = reasons_of(self, state, rule, time_ns)
        if state.stage == HIGH_STAGE:
            reasons = (beyond(), *reasons)
        self._append(kinds[rule], time_ns, reasons, findings)

    def _clear(self, time_ns: int, findings: list[Finding]) -> None:
        kinds = (EventKind.INACTIVITY_CLEARED, EventKind.NO_RETURN_CLEARED)
        reasons = (active_again(self, time_ns),)
        self._append(kinds[self.state.raised_rule], time_ns, reasons, findings)
        self.state.stage = 0

    def _append(
        self, kind: EventKind, time_ns: int, reasons: tuple[Reason, ...], findings: list[Finding]
    ) -> None:
        if self.bulk:
            raise DeadlineReachedError
        state = self.state
        findings.append(
            Finding(kind, time_ns, state.episode_ns, state.last_device, state.origin, reasons)
        )
