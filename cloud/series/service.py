"""The series store: where measurements live, by device and time; and whose they were."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from cloud.database import TenantScope
from cloud.devices.attribution import DeviceSpan, elder_spans
from cloud.series.columns import Key, ReadingColumns
from cloud.series.slots import Gap, Slots, Track, Unit, bucket_width_ns, gaps, thin, unit_for
from edge.signals import Origin, Reading, Waveform

_DAY_NS: Final = 86_400_000_000_000


@dataclass(frozen=True, slots=True)
class Retention:
    """How long each kind is kept. Hours stay."""

    raw_days: int = 30
    minute_days: int = 730

    def finest(self, from_ns: int, now_ns: int) -> Unit:
        """The finest level that still holds data of `from_ns`."""
        age_days = (now_ns - from_ns) / _DAY_NS
        if age_days <= self.raw_days:
            return Unit.RAW
        return Unit.MINUTE if age_days <= self.minute_days else Unit.HOUR


@dataclass(frozen=True, slots=True)
class Latest:
    """The newest reading of a quantity."""

    device_id: str
    quantity: str
    origin: Origin
    time_ns: int
    value: float


@dataclass(frozen=True, slots=True)
class SeriesDay:
    """How many readings are held of one series and one day since 1970."""

    device_id: str
    quantity: str
    origin: str
    day: int
    count: int


@dataclass(slots=True)
class Erased:
    """How much was taken away."""

    readings: int = 0
    minutes: int = 0
    hours: int = 0
    waveforms: int = 0


class SeriesStore(Protocol):
    """Where time series go. Data is kept by device: whose it was is asked of the assignments.

    `first_stays`: of two values for one moment the first is kept; else the later one.
    """

    retention: Retention
    first_stays: bool

    async def ready(self) -> None:
        """Once, when a process starts: what the store needs is made. Raises where it cannot be."""
        ...

    async def ping(self) -> None:
        """Raises where it does not answer."""
        ...

    async def close(self) -> None:
        """Once, when it ends."""
        ...

    async def prepare(self, times_ns: Sequence[int], now_ns: int) -> int:
        """Make ready for data of these times; before the transaction that appends them.

        Returns a time: what is older was taken away by retention and must not come again.
        """
        ...

    async def append(
        self,
        scope: TenantScope,
        waveforms: Sequence[Waveform],
        readings: Sequence[Reading] | ReadingColumns,
    ) -> None:
        """Add; what is held already is not added again."""
        ...

    async def append_slots(self, scope: TenantScope, key: Key, unit: Unit, slots: Slots) -> None:
        """Add summaries whose readings are not held (any more)."""
        ...

    async def waveforms(
        self, scope: TenantScope, device_id: str, quantity: str, from_ns: int, until_ns: int
    ) -> list[Waveform]:
        """Blocks that touch [from_ns, until_ns), by start."""
        ...

    async def readings(
        self, scope: TenantScope, device_id: str, quantity: str, from_ns: int, until_ns: int
    ) -> list[Reading]:
        """Readings in [from_ns, until_ns), by time."""
        ...

    async def tracks(
        self, scope: TenantScope, spans: Sequence[DeviceSpan], quantity: str, unit: Unit
    ) -> list[Track]:
        """What the devices said in their spans, in slots of `unit`, finer where a span cuts one."""
        ...

    async def tracks_of_many(
        self,
        scope: TenantScope,
        spans: Sequence[DeviceSpan],
        quantities: Sequence[str],
        unit: Unit,
    ) -> dict[str, list[Track]]:
        """`tracks` of several quantities, in as few questions as the store can."""
        ...

    async def latest(self, scope: TenantScope, spans: Sequence[DeviceSpan]) -> list[Latest]:
        """The newest reading of each quantity and origin within the spans."""
        ...

    async def newest(
        self, scope: TenantScope, spans: Sequence[DeviceSpan], quantity: str
    ) -> list[Latest]:
        """The newest reading of a quantity, for each device and origin by itself."""
        ...

    async def quantities(self, scope: TenantScope) -> list[tuple[str, str]]:
        """All (device_id, quantity) there is anything of."""
        ...

    def readings_by_day(
        self, scope: TenantScope, device_id: str, quantity: str
    ) -> AsyncIterator[list[Reading]]:
        """All readings held, day by day."""
        ...

    async def inventory(
        self, scope: TenantScope, device_ids: Sequence[str] | None = None
    ) -> list[SeriesDay]:
        """How many readings are held of each series and day."""
        ...

    async def erase(self, scope: TenantScope, spans: Sequence[DeviceSpan]) -> Erased:
        """Take away all that the devices said in their spans, summaries too."""
        ...

    async def keep(self, now: datetime) -> int:
        """Tidy: what is over is packed, what is over its time goes, with proof; parts gone."""
        ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """A quantity over [from_ns, until_ns), in at most `points`."""

    quantity: str
    from_ns: int
    until_ns: int
    points: int


@dataclass(frozen=True, slots=True)
class Line:
    """One device's line in a chart: (time_ns, value) by time, lowest and highest kept."""

    device_id: str
    origin: Origin
    points: list[tuple[int, float]]


@dataclass(frozen=True, slots=True)
class ElderSeries:
    """A chart of one quantity of one elder. Between two points with a gap nothing is known."""

    unit: Unit
    lines: list[Line] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)


async def elder_series(
    scope: TenantScope, store: SeriesStore, elder_id: uuid.UUID, wanted: Wanted, now_ns: int
) -> ElderSeries:  # fmt: skip
    """At most `points` of what was measured of an elder, by the assignments as they are now."""
    from_ns, until_ns, points = wanted.from_ns, wanted.until_ns, wanted.points
    spans = await elder_spans(scope, elder_id, from_ns, until_ns)
    devices = len({span.device_id for span in spans})
    unit = max(
        unit_for(until_ns - from_ns, points // max(1, devices)),
        store.retention.finest(from_ns, now_ns),
    )
    tracks = await store.tracks(scope, spans, wanted.quantity, unit)
    share = points // max(1, len(tracks))
    width_ns = bucket_width_ns(until_ns - from_ns, share, unit)
    begin_ns = from_ns - from_ns % max(1, unit)
    return ElderSeries(
        unit,
        [Line(t.device_id, t.origin, thin(t.slots, begin_ns, width_ns, share)) for t in tracks],
        gaps(
            tracks, [(s.from_ns, s.until_ns) for s in spans],
            (from_ns, max(from_ns, min(until_ns, now_ns))), unit,
        ),
    )  # fmt: skip


async def elder_latest(
    scope: TenantScope, store: SeriesStore, elder_id: uuid.UUID, until_ns: int
) -> list[Latest]:
    """The newest reading of each quantity of an elder."""
    return await store.latest(scope, await elder_spans(scope, elder_id, 0, until_ns))
