"""The series store: where measurements live, by device and time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from cloud.database import TenantScope
from edge.signals import Reading, Waveform


class SeriesStore(Protocol):
    """Where time series go. Data is kept by device: whose it was is asked of the assignments."""

    async def prepare(self, times_ns: Sequence[int], now_ns: int) -> None:
        """Make ready for data of these times; before the transaction that appends them."""
        ...

    async def append(
        self, scope: TenantScope, waveforms: Sequence[Waveform], readings: Sequence[Reading]
    ) -> None:
        """Add; what is held already stays as it is."""
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
