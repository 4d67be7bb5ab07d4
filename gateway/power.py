"""Mains and battery of the gateway's own machine: signals like any other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge.events import DetectorInfo, Event, EventKind, stable_id
from edge.signals import NS_PER_S, Origin, Reading

# A plug that is pulled and put back, or a dip of the mains, is no finding.
ON_DELAY_NS: Final = 5 * NS_PER_S
OFF_DELAY_NS: Final = 10 * NS_PER_S
# alarms.md: battery low below 20 %; told as over when it is well above.
BATTERY_LOW_PERCENT: Final = 20.0
BATTERY_FINE_PERCENT: Final = 30.0
READING_INTERVAL_NS: Final = 300 * NS_PER_S
_DETECTOR: Final = DetectorInfo(
    "machine_power",
    "1",
    {"on_delay_s": ON_DELAY_NS // NS_PER_S, "battery_low_percent": BATTERY_LOW_PERCENT},
)


@dataclass(frozen=True, slots=True)
class PowerState:
    """What the kernel says. None: not known, or no such thing."""

    mains: bool | None = None
    battery_percent: float | None = None


def read_power(directory: Path) -> PowerState:
    """From /sys/class/power_supply. Batteries of mice and phones do not count."""
    mains: list[bool] = []
    batteries: list[float] = []
    try:
        supplies = sorted(directory.iterdir())
    except OSError:
        return PowerState()
    for supply in supplies:
        kind = _text(supply / "type")
        if kind in {"Mains", "USB"}:
            online = _text(supply / "online")
            if online in {"0", "1"}:
                mains.append(online == "1")
        elif kind in {"Battery", "UPS"} and _text(supply / "scope") != "Device":
            capacity = _text(supply / "capacity")
            if capacity.isascii() and capacity.isdigit():
                batteries.append(min(100.0, float(capacity)))
            if not mains and _text(supply / "status") == "Discharging":
                mains.append(False)
    # Without a battery there is nothing to watch: without mains the machine is off.
    if not batteries:
        return PowerState()
    return PowerState(any(mains) if mains else None, min(batteries))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""


@dataclass(slots=True)
class _Finding:
    """One kind of trouble, with its delays. `since_ns`: when the event in force happened."""

    kind: EventKind
    over: EventKind
    since_ns: int | None = None
    changing_ns: int | None = None

    def step(self, is_bad: bool, now_ns: int, device_id: str) -> list[Event]:
        is_told = self.since_ns is not None
        if is_bad == is_told:
            self.changing_ns = None
            return []
        if self.changing_ns is None or now_ns < self.changing_ns:
            self.changing_ns = now_ns
        if now_ns - self.changing_ns < (ON_DELAY_NS if is_bad else OFF_DELAY_NS):
            return []
        happened_ns, self.changing_ns = self.changing_ns, None
        episode_ns = happened_ns if self.since_ns is None else self.since_ns
        self.since_ns = happened_ns if is_bad else None
        kind = self.kind if is_bad else self.over
        episode_id = stable_id(device_id, self.kind, episode_ns)
        return [
            Event(
                event_id=stable_id(episode_id, kind),
                episode_id=episode_id,
                kind=kind,
                device_id=device_id,
                time_ns=happened_ns,
                decided_ns=now_ns,
                confidence=1.0,
                reasons=(),
                detector=_DETECTOR,
                origin=Origin.LIVE,
            )
        ]


class PowerWatch:
    """States in, readings and events out. Pure."""

    def __init__(self) -> None:
        self._mains = _Finding(EventKind.MAINS_LOST, EventKind.MAINS_LOST_CLEARED)
        self._battery = _Finding(EventKind.BATTERY_LOW, EventKind.BATTERY_LOW_CLEARED)
        self._told: PowerState | None = None
        self._told_ns = 0

    def step(
        self, state: PowerState, device_id: str, now_ns: int
    ) -> tuple[list[Reading], list[Event]]:
        """What this look at the machine says."""
        events: list[Event] = []
        if state.mains is not None:
            events += self._mains.step(not state.mains, now_ns, device_id)
        percent = state.battery_percent
        if percent is not None:
            was_low = self._battery.since_ns is not None
            is_low = percent < (BATTERY_FINE_PERCENT if was_low else BATTERY_LOW_PERCENT)
            events += self._battery.step(is_low, now_ns, device_id)
        return self._readings(state, device_id, now_ns), events

    def _readings(self, state: PowerState, device_id: str, now_ns: int) -> list[Reading]:
        is_due = now_ns - self._told_ns >= READING_INTERVAL_NS
        mains_changed = self._told is None or self._told.mains != state.mains
        if state == PowerState() or not (is_due or mains_changed):
            return []
        self._told, self._told_ns = state, now_ns
        readings = []
        if state.mains is not None:
            readings.append(Reading(device_id, "mains_power", now_ns, float(state.mains)))
        if state.battery_percent is not None:
            readings.append(Reading(device_id, "battery_level", now_ns, state.battery_percent))
        return readings
