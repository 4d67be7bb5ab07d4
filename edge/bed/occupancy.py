"""Is somebody in the bed? Many kinds of sensor, one answer with hysteresis, or none."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from edge.bed.settings import BedSettings
from edge.signals import NS_PER_S, Reading

# Share of the lying load: above the first somebody lies, below the second nobody does; between
# them somebody sits on the edge with both feet down (about half of the weight is on the floor).
LYING_SHARE: Final = 0.65
EMPTY_SHARE: Final = 0.25
# The learned levels drift towards each other so that a worn foam or a new mattress is learned
# again; a week is slower than any stay in bed.
_FORGET_NS: Final = 7 * 86_400 * NS_PER_S
# Less than this between the lowest and the highest value seen is noise, not a person.
_MIN_SPAN_SHARE: Final = 0.3


@dataclass(slots=True)
class Source:
    """What one device says. `since_ns`: of the value; `sign_ns`: of the last sign of a body."""

    value: bool | None = None
    on_edge: bool = False
    since_ns: int = 0
    last_ns: int = 0
    sign_ns: int = 0
    low: float | None = None
    high: float | None = None


@dataclass(slots=True)
class Occupancy:
    """The settled answer, and a change that waits for its delay. None: nobody can tell."""

    occupied: bool | None = None
    since_ns: int = 0
    device_id: str = ""
    pending: bool | None = None
    pending_since_ns: int = 0
    pending_until_ns: int | None = None
    pending_device: str = ""
    sources: dict[str, Source] = field(default_factory=dict)

    def hear(self, reading: Reading, settings: BedSettings) -> None:
        """Take `in_bed`, `presence` or `bed_load`."""
        source = self.sources.setdefault(reading.device_id, Source())
        before = source.value
        if reading.quantity == "bed_load":
            self._weigh(source, reading, settings.levels.get(reading.device_id))
        else:
            source.value = reading.value >= 0.5  # noqa: PLR2004  (0 or 1 on the wire)
        if source.value != before:
            source.since_ns = reading.time_ns
            if source.value:
                source.sign_ns = reading.time_ns
        source.last_ns = max(source.last_ns, reading.time_ns)

    def body_sign(self, device_id: str, time_ns: int) -> None:
        """Movement or breathing: whoever lies there lies there still."""
        source = self.sources.get(device_id)
        if source is not None and source.value:
            source.sign_ns = max(source.sign_ns, time_ns)
        self.alive(device_id, time_ns)

    def alive(self, device_id: str, time_ns: int) -> None:
        """A report of any kind: the source still speaks."""
        source = self.sources.get(device_id)
        if source is not None:
            source.last_ns = max(source.last_ns, time_ns)

    def fused(self, settings: BedSettings) -> tuple[bool | None, str, int]:
        """Raw answer, the device that gives it, and since when.

        Somebody is in bed when any prompt source says so. A radar, whose `empty` is late, is asked
        only where no prompt source speaks. A silent source says nothing.
        """
        for late in (False, True):
            known = [
                (source.value, device_id, source.since_ns)
                for device_id, source in sorted(self.sources.items())
                if source.value is not None
                and (settings.empty_late_ns.get(device_id, 0) > 0) == late
            ]
            full = [entry for entry in known if entry[0]]
            if full:
                return min(full, key=lambda entry: entry[2])
            if known:
                return max(known, key=lambda entry: entry[2])
        return None, "", 0

    def stale_due_ns(self, settings: BedSettings) -> int | None:
        """When the next source that still speaks falls silent."""
        dues = [
            source.last_ns + settings.stale_ns[device_id]
            for device_id, source in self.sources.items()
            if device_id in settings.stale_ns and source.value is not None
        ]
        return min(dues, default=None)

    def drop_stale(self, settings: BedSettings, now_ns: int) -> None:
        """A source that fell silent no longer knows anything."""
        for device_id, source in self.sources.items():
            silent_ns = settings.stale_ns.get(device_id)
            if silent_ns is not None and source.last_ns + silent_ns <= now_ns:
                source.value = None
                source.on_edge = False

    def reconsider(self, settings: BedSettings, now_ns: int) -> None:
        """Start, keep or drop a pending change after something was heard."""
        raw, device_id, since_ns = self.fused(settings)
        if raw is None or raw == self.occupied:
            self.pending, self.pending_until_ns = None, None
            if raw is None and self.occupied is not None:
                self.occupied, self.since_ns, self.device_id = None, now_ns, device_id
            return
        if self.pending == raw:
            return
        delay_ns = settings.on_delay_ns if raw else settings.off_delay_ns
        self.pending, self.pending_since_ns, self.pending_device = raw, since_ns, device_id
        self.pending_until_ns = since_ns + delay_ns

    def left_between(self, settings: BedSettings) -> tuple[int, int]:
        """Earliest and latest time at which the pending `empty` can have come true."""
        latest = self.pending_since_ns
        late_ns = settings.empty_late_ns.get(self.pending_device, 0)
        sign_ns = self.sources[self.pending_device].sign_ns
        return min(latest, max(latest - late_ns, sign_ns)), latest

    def settle(self) -> None:
        """The pending change has lasted: it is so."""
        self.occupied, self.since_ns = self.pending, self.pending_since_ns
        self.device_id = self.pending_device
        self.pending, self.pending_until_ns = None, None

    @property
    def on_edge(self) -> bool:
        """Whether a source sees somebody sit on the edge."""
        return any(source.on_edge for source in self.sources.values())

    @staticmethod
    def _weigh(source: Source, reading: Reading, levels: tuple[float, float] | None) -> None:
        if levels is None:
            levels = _learn(source, reading)
            if levels is None:
                return
        empty, lying = levels
        share = (reading.value - empty) / (lying - empty)
        source.on_edge = EMPTY_SHARE < share < LYING_SHARE
        if share >= LYING_SHARE:
            source.value = True
        elif share <= EMPTY_SHARE:
            source.value = False


def _learn(source: Source, reading: Reading) -> tuple[float, float] | None:
    """Lowest and highest load so far, slowly forgotten; None until a person has come or gone."""
    value = reading.value
    if source.low is None or source.high is None:
        source.low = source.high = value
        return None
    elapsed_ns = max(0, reading.time_ns - source.last_ns)
    drift = (source.high - source.low) * min(0.5, elapsed_ns / _FORGET_NS)
    source.low = min(source.low + drift / 2, value)
    source.high = max(source.high - drift / 2, value)
    if source.high - source.low <= _MIN_SPAN_SHARE * max(abs(source.high), abs(source.low)):
        return None
    return source.low, source.high
