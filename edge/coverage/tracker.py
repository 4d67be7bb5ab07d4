"""The devices of one elder: who is silent, since when, why; and what that leaves of coverage."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

from edge.coverage.intervals import habit
from edge.coverage.status import CapabilityStatus, Coverage, CoverageState, Gap, Level, whole
from edge.events import EventKind, Reason
from edge.inactivity.devices import MOMENTARY, NEVER_NS, Devices
from edge.inactivity.limits import BIN_S, DEAD_INTERVALS, S_PER_DAY, S_PER_HOUR
from edge.signals import NS_PER_S, Origin
from edge.subject import Capability, SensorRole, SubjectSettings

# Until a device's own interval is learned, when its maker promises none: what somebody uses once a
# day has been used again by then.
UNLEARNED_LIMIT_S: Final = 1.5 * S_PER_DAY
# A device that reports every few seconds is not gone after ten of them: radio has its moments.
MIN_LIMIT_S: Final = 90.0  # alarms.md: loss of a gateway counts after 90 s; no device sooner
# After a start, devices get this long to be heard before their absence is said aloud.
START_GRACE_S: Final = 900.0
BATTERY_LOW: Final = 20.0  # alarms.md
BATTERY_EMPTY: Final = 5.0  # alarms.md
BATTERY_HYSTERESIS: Final = 5.0  # levels of coin cells wander by a few percent with temperature
GAPS_KEPT: Final = 64
_HOUR_NS: Final = S_PER_HOUR * NS_PER_S
_BIN_NS: Final = BIN_S * NS_PER_S

# alarms.md: a silent device for falls or calls for help is worse than another.
_ALARMS: Final = frozenset({Capability.FALL, Capability.SOS})
OK, SILENT, SEES_NOTHING = range(3)


@dataclass(slots=True)
class DeviceState:
    """What coverage knows of one device beside its intervals."""

    fault: int = OK
    fault_since_ns: int = NEVER_NS  # last time it was known to work
    due_ns: int = NEVER_NS  # when its silence becomes a finding
    battery: float = -1.0
    battery_low: int = 0
    cause: str = "unknown"
    seen_ns: int = NEVER_NS  # last time it saw life


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to tell. `device` is an index, -1 for the elder as a whole."""

    kind: EventKind
    time_ns: int
    since_ns: int
    device: int
    reasons: tuple[Reason, ...]
    origin: Origin


@dataclass(frozen=True, slots=True)
class Report:
    """One report of a device. `quantity` as in ACTIVITY_QUANTITIES, -1 for any other."""

    device: int
    time_ns: int
    origin: Origin
    quantity: int = -1
    value: float = 0.0
    battery: float | None = None


class Tracker:
    """One elder. Event time only."""

    def __init__(self, settings: SubjectSettings) -> None:
        self.devices = Devices(())
        self.states: list[DeviceState] = []
        self.gaps: deque[Gap] = deque(maxlen=GAPS_KEPT)
        self.opened_ns = NEVER_NS
        self.now_ns = NEVER_NS
        self.bouts = 0
        self.bin = NEVER_NS
        self.told = ""
        self.since_ns = NEVER_NS
        self.origin = Origin.LIVE
        self.full_ns: dict[str, int] = {}
        # What works, and what was told, when there was nothing new to tell.
        self._quiet: tuple[bytes, bytes, str] | None = None
        self.configure(settings)

    def configure(self, settings: SubjectSettings) -> None:
        """Take settings; devices that stay keep what was learned."""
        self._quiet = None
        self.settings = settings
        devices = Devices(settings.sensors)
        devices.take_over(self.devices)
        before = self.devices.ids
        self.states = [
            self.states[before[name]] if name in before else DeviceState() for name in devices.ids
        ]
        self.devices = devices
        serving = set().union(*(sensor.serves for sensor in settings.sensors), set())
        self.required: tuple[Capability, ...] = tuple(sorted(settings.requires or serving))
        if self.now_ns != NEVER_NS:
            self._await_unheard(self.now_ns)

    def begin(self, time_ns: int) -> None:
        """The first moment this elder is watched."""
        if self.opened_ns != NEVER_NS:
            return
        self.opened_ns = self.now_ns = self.since_ns = time_ns
        self._await_unheard(time_ns)

    def take(self, report: Report, findings: list[Finding]) -> None:
        """One report."""
        device, time_ns = report.device, report.time_ns
        self.advance(time_ns, findings)
        self.origin = report.origin
        devices, state = self.devices, self.states[device]
        devices.heard(device, time_ns, report.quantity, report.value)
        # What comes late is known late: nothing is told to be earlier than what was told before.
        known_ns = max(time_ns, self.now_ns)
        if state.fault == SILENT:
            self._mend(device, known_ns, EventKind.DEVICE_OFFLINE_CLEARED, findings)
        state.due_ns = self._due_ns(device, int(devices.heard_ns[device]))
        if report.quantity >= 0:
            self._see(report, findings)
        if report.battery is not None:
            self._weigh_battery(device, report.battery, known_ns, findings)
        self._tell(known_ns, findings)

    def advance(self, until_ns: int, findings: list[Finding]) -> None:
        """Let every silence that is too long by `until_ns` be told, in the order of time."""
        self.begin(until_ns)
        grace_ns = self.opened_ns + round(START_GRACE_S * NS_PER_S)
        if not self.told and until_ns >= grace_ns:
            self._fall_silent(grace_ns, findings)
            self._tell(grace_ns, findings)
        self._fall_silent(until_ns, findings)
        self.now_ns = max(self.now_ns, until_ns)

    def missed(self, until_ns: int) -> None:
        """Nobody listened until then: devices that spoke before get their time anew."""
        if self.opened_ns == NEVER_NS:
            return
        self.now_ns = max(self.now_ns, until_ns)
        heard_ns = self.devices.heard_ns
        for k, state in enumerate(self.states):
            if state.fault == SILENT:
                continue
            if heard_ns[k] != NEVER_NS:
                heard_ns[k] = max(int(heard_ns[k]), until_ns)
            state.due_ns = max(state.due_ns, self._due_ns(k, until_ns))

    def _fall_silent(self, until_ns: int, findings: list[Finding]) -> None:
        while True:
            waiting = [
                (state.due_ns, k)
                for k, state in enumerate(self.states)
                if state.fault != SILENT and NEVER_NS < state.due_ns <= until_ns
            ]
            if not waiting:
                return
            due_ns = min(waiting)[0]
            for _, device in [entry for entry in waiting if entry[0] == due_ns]:
                self._silent(device, due_ns, findings)
            self._tell(due_ns, findings)  # once: two words of one instant would be one event

    def _weigh_battery(
        self, device: int, percent: float, time_ns: int, findings: list[Finding]
    ) -> None:
        """A battery level: its own finding, and the likely cause of a silence to come."""
        state = self.states[device]
        state.battery = percent
        grade = 2 if percent < BATTERY_EMPTY else 1 if percent < BATTERY_LOW else 0
        if grade > state.battery_low:
            state.battery_low, kind = grade, EventKind.BATTERY_LOW
        elif state.battery_low and percent >= BATTERY_LOW + BATTERY_HYSTERESIS:
            state.battery_low, kind = 0, EventKind.BATTERY_LOW_CLEARED
        else:
            return
        reasons = (Reason("battery", {"percent": percent}),)
        findings.append(Finding(kind, time_ns, time_ns, device, reasons, self.origin))

    def coverage(self) -> Coverage:
        """As of the time reached."""
        capabilities = tuple(self._status(capability) for capability in self.required)
        state = whole([status.level for status in capabilities])
        return Coverage(state, self.since_ns, capabilities)

    def _status(self, capability: Capability) -> CapabilityStatus:
        serving = [
            (sensor.device_id, k)
            for k, sensor in enumerate(self.settings.sensors)
            if capability in sensor.serves
        ]
        missing = [(name, k) for name, k in serving if not self._works(k)]
        if not missing and serving:
            level = Level.FULL
        else:
            level = Level.PARTIAL if len(missing) < len(serving) else Level.LOST
        broken = [
            self.states[k].fault_since_ns
            for _, k in missing
            if self.states[k].fault_since_ns != NEVER_NS
        ]
        # Lost when the last of its devices went, incomplete since the first.
        edge_ns = max if level is Level.LOST else min
        since_ns = edge_ns(broken) if broken else self.opened_ns
        return CapabilityStatus(capability, level, since_ns, tuple(name for name, _ in missing))

    def _works(self, device: int) -> bool:
        return self.states[device].fault == OK and self.devices.heard_ns[device] != NEVER_NS

    def usual_s(self, device: int) -> float:
        """The longest interval this device usually keeps, in s; a default until it is learned."""
        beat_s = self.devices.beat_s(device)
        if beat_s is not None:
            return beat_s
        promised_s = self.settings.sensors[device].report_interval_s
        longest_s = self.devices.longest_s(device)
        if promised_s is None and longest_s is None:
            return UNLEARNED_LIMIT_S / DEAD_INTERVALS
        return max(promised_s or 0.0, longest_s or 0.0)

    def _limit_ns(self, device: int) -> int:
        limit_s = max(DEAD_INTERVALS * self.usual_s(device), MIN_LIMIT_S)
        return round(limit_s * NS_PER_S)

    def _due_ns(self, device: int, from_ns: int) -> int:
        """When silence from a moment on becomes a finding.

        Never for a meter that promises nothing and serves nothing: a cuff in a drawer says nothing
        because nobody takes it out, whatever its owner's habits were.
        """
        sensor = self.settings.sensors[device]
        is_taken_out = sensor.role is SensorRole.SPOT_VITALS and sensor.report_interval_s is None
        if is_taken_out and not sensor.serves:
            return NEVER_NS
        return from_ns + self._limit_ns(device)

    def _await_unheard(self, from_ns: int) -> None:
        for k, state in enumerate(self.states):
            due_ns = self._due_ns(k, from_ns)
            if NEVER_NS == state.due_ns < due_ns:
                state.due_ns = max(due_ns, from_ns + round(START_GRACE_S * NS_PER_S))

    def _see(self, report: Report, findings: list[Finding]) -> None:
        """A device that watches people: whether it saw one, and who else should have by now."""
        device, quantity, value = report.device, report.quantity, report.value
        time_ns = report.time_ns
        devices = self.devices
        before = devices.last_value.item(device, quantity)
        devices.last_value[device, quantity] = value
        rises = value > 0 and (value != before or bool(MOMENTARY[quantity]))
        if devices.is_none[device][quantity] or not rises:
            return
        if time_ns // _BIN_NS != self.bin:
            self.bin = time_ns // _BIN_NS
            self.bouts += 1
        devices.saw(device, self.bouts)
        self.states[device].seen_ns = time_ns
        if self.states[device].fault == SEES_NOTHING:
            self._mend(device, max(time_ns, self.now_ns), EventKind.DEVICE_FAULT_CLEARED, findings)
        self._find_sightless(max(time_ns, self.now_ns), findings)

    def _find_sightless(self, time_ns: int, findings: list[Finding]) -> None:
        devices = self.devices
        for k, state in enumerate(self.states):
            if state.fault != OK or not devices.watching[k] or devices.seen_bout[k] < 0:
                continue
            bouts = self.bouts - int(devices.seen_bout[k])
            usual = habit(devices.life_counts[k]) if bouts > DEAD_INTERVALS else None
            if usual is None or bouts < int(DEAD_INTERVALS * usual):
                continue
            state.fault, state.cause = SEES_NOTHING, "sees_nothing"
            state.fault_since_ns = state.seen_ns
            reason = Reason("sees_nothing", {"bouts": float(bouts), "usual_bouts": round(usual)})
            findings.append(
                Finding(
                    EventKind.DEVICE_FAULT, time_ns, state.fault_since_ns, k, (reason,), self.origin
                )
            )

    def _silent(self, device: int, due_ns: int, findings: list[Finding]) -> None:
        state = self.states[device]
        heard_ns = int(self.devices.heard_ns[device])
        since_ns = self.opened_ns if heard_ns == NEVER_NS else heard_ns
        if state.fault == OK:
            state.fault_since_ns = since_ns
        state.fault = SILENT
        reasons = [self._why_silent(device, heard_ns, due_ns)]
        state.cause = self._cause(device, heard_ns)
        if state.cause == "battery":
            reasons.append(Reason("battery", {"percent": state.battery}))
        elif state.cause == "everything_silent":
            reasons.append(Reason("everything_silent"))
        if self.settings.sensors[device].serves & _ALARMS:
            reasons.append(Reason("alarm_device"))
        findings.append(
            Finding(
                EventKind.DEVICE_OFFLINE,
                due_ns,
                state.fault_since_ns,
                device,
                tuple(reasons),
                self.origin,
            )
        )

    def _why_silent(self, device: int, heard_ns: int, due_ns: int) -> Reason:
        if heard_ns == NEVER_NS:
            return Reason("never_heard")
        usual_h = self.usual_s(device) / S_PER_HOUR
        elapsed_h = (due_ns - heard_ns) / _HOUR_NS
        return Reason("silent", {"elapsed_h": round(elapsed_h, 3), "usual_h": round(usual_h, 3)})

    def _cause(self, device: int, heard_ns: int) -> str:
        state = self.states[device]
        if heard_ns == NEVER_NS:
            return "never_heard"
        if 0 <= state.battery < BATTERY_EMPTY:
            return "battery"
        others = [int(ns) for k, ns in enumerate(self.devices.heard_ns) if k != device]
        usual_ns = round(self.usual_s(device) * NS_PER_S)
        if others and max(others) <= heard_ns + usual_ns:
            return "everything_silent"
        return "unknown"

    def _mend(self, device: int, time_ns: int, kind: EventKind, findings: list[Finding]) -> None:
        state = self.states[device]
        since_ns = state.fault_since_ns
        self.gaps.append(
            Gap(self.settings.sensors[device].device_id, since_ns, time_ns, state.cause)
        )
        elapsed_h = round((time_ns - since_ns) / _HOUR_NS, 3)
        reason = Reason("reporting_again", {"elapsed_h": elapsed_h})
        findings.append(Finding(kind, time_ns, since_ns, device, (reason,), self.origin))
        state.fault, state.fault_since_ns, state.cause = OK, NEVER_NS, "unknown"

    def _tell(self, time_ns: int, findings: list[Finding]) -> None:
        """Tell the elder's state when it, or what it lacks, has changed."""
        # With every report of every device: nearly always nothing has.
        heard = (self.devices.heard_ns != NEVER_NS).tobytes()
        now = (bytes([state.fault for state in self.states]), heard, self.told)
        if now == self._quiet:
            return
        coverage = self.coverage()
        lacking = [s for s in coverage.capabilities if s.level is not Level.FULL]
        words = "|".join(
            [coverage.state, *(f"{s.capability}:{s.level}:{','.join(s.missing)}" for s in lacking)]
        )
        grace_ns = self.opened_ns + round(START_GRACE_S * NS_PER_S)
        first = not self.told
        if words == self.told:
            self._quiet = now
            return
        if first and time_ns < grace_ns and coverage.state is not CoverageState.PROTECTED:
            return
        if first or not self.told.startswith(coverage.state):
            self.since_ns = time_ns
        self.told = words
        reasons = tuple(self._lack(status, time_ns) for status in lacking)
        findings.append(
            Finding(
                _KINDS[coverage.state],
                time_ns,
                min((s.since_ns for s in lacking), default=time_ns),
                -1,
                reasons or (Reason("all_working"),),
                self.origin,
            )
        )

    @staticmethod
    def _lack(status: CapabilityStatus, time_ns: int) -> Reason:
        values = {"elapsed_h": round((time_ns - status.since_ns) / _HOUR_NS, 3)}
        if status.level is Level.PARTIAL:
            values["missing"] = float(len(status.missing))
        return Reason(f"{status.level}_{status.capability}", values)


_KINDS: Final = {
    CoverageState.PROTECTED: EventKind.COVERAGE_PROTECTED,
    CoverageState.DEGRADED: EventKind.COVERAGE_DEGRADED,
    CoverageState.BLIND: EventKind.COVERAGE_BLIND,
}
