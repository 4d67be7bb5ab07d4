"""What the API says about series."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import Field

from cloud.schema_types import ApiModel, UtcMs
from edge.signals import Origin


class LineOut(ApiModel):
    """One device's line; `at_ms` (milliseconds since 1970) and `values` belong together."""

    device_id: str
    origin: Origin
    at_ms: list[int]
    values: list[float]


class SilenceOut(ApiModel):
    """Nothing is known here: the device was silent, or the elder had none."""

    from_at: UtcMs
    until_at: UtcMs
    reason: Literal["no_data", "unassigned"]


class LatestOut(ApiModel):
    """The newest value of the quantity, wherever in time."""

    device_id: str
    origin: Origin
    at: UtcMs
    value: float


class SeriesOut(ApiModel):
    """A chart. Draw no line across a gap."""

    elder_id: UUID
    quantity: str
    unit: str
    from_at: UtcMs
    until_at: UtcMs
    slot_s: int = Field(description="length of the summaries behind it; 0: single readings")
    lines: list[LineOut]
    gaps: list[SilenceOut]
    latest: list[LatestOut]


class EraseIn(ApiModel):
    """Why it is taken away: it stands in the audit."""

    reason: str = Field(min_length=3, max_length=500)


class ErasedOut(ApiModel):
    """How much was taken away, for good."""

    readings: int
    minutes: int
    hours: int
    waveforms: int
