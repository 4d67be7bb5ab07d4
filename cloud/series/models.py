"""Tables of the series store: by device, one partition a day (migrations 0003, 0005, 0006)."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, Identity, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from cloud.database import Base, TenantBase


class WaveformRow(TenantBase):
    """A waveform block; its key makes a repetition do nothing."""

    __tablename__ = "series_waveform"
    institution_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    device_id: Mapped[str] = mapped_column(primary_key=True)
    quantity: Mapped[str] = mapped_column(primary_key=True)
    start_ns: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    boot_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    sequence_number: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    end_ns: Mapped[int] = mapped_column(BigInteger)
    rate_hz: Mapped[float]
    scale: Mapped[float]
    full_scale: Mapped[float]
    channels: Mapped[int] = mapped_column(SmallInteger)
    counts: Mapped[bytes]
    origin: Mapped[str]
    clock_uncertainty_s: Mapped[float | None]


class SeriesKey(TenantBase):
    """The short key of one quantity of one device, by origin."""

    __tablename__ = "series_key"
    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    device_id: Mapped[str]
    quantity: Mapped[str]
    origin: Mapped[str]


class SegmentRow(TenantBase):
    """What one batch brought of one series and hour (`columns.POINT`), until its day is packed."""

    __tablename__ = "series_segment"
    series_id: Mapped[int] = mapped_column(primary_key=True)
    first_ns: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    points: Mapped[bytes]
    uncertainty: Mapped[bytes | None]


class DayRow(TenantBase):
    """A day of a series, packed (`packing.pack_points`); `day` counts days since 1970."""

    __tablename__ = "series_day"
    series_id: Mapped[int] = mapped_column(primary_key=True)
    day: Mapped[int] = mapped_column(primary_key=True)
    count: Mapped[int]
    points: Mapped[bytes]


class MinuteRow(TenantBase):
    """The minutes of a packed day (`packing.pack_slots`); they stay when the readings go."""

    __tablename__ = "series_minute"
    series_id: Mapped[int] = mapped_column(primary_key=True)
    day: Mapped[int] = mapped_column(primary_key=True)
    count: Mapped[int]
    slots: Mapped[bytes]


class HourRow(TenantBase):
    """Readings of one hour since 1970, with where first, last and the extremes were."""

    __tablename__ = "series_hour"
    series_id: Mapped[int] = mapped_column(primary_key=True)
    slot: Mapped[int] = mapped_column(primary_key=True)
    count: Mapped[int]
    first_ns: Mapped[int] = mapped_column(BigInteger)
    last_ns: Mapped[int] = mapped_column(BigInteger)
    min_ns: Mapped[int] = mapped_column(BigInteger)
    max_ns: Mapped[int] = mapped_column(BigInteger)
    first_value: Mapped[float]
    last_value: Mapped[float]
    min_value: Mapped[float]
    max_value: Mapped[float]
    sum_value: Mapped[float]


class SeriesErasure(TenantBase):
    """Proof of what was taken away of one elder on request; holds no measurement."""

    __tablename__ = "series_erasure"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    elder_id: Mapped[uuid.UUID]
    erased_at: Mapped[datetime]
    erased_by: Mapped[str]
    readings: Mapped[int] = mapped_column(BigInteger)
    minutes: Mapped[int] = mapped_column(BigInteger)
    hours: Mapped[int] = mapped_column(BigInteger)
    waveforms: Mapped[int] = mapped_column(BigInteger)


class InfluxDay(TenantBase):
    """A day of a series that is in InfluxDB; `readings` as counted when it was summarised."""

    __tablename__ = "series_influx_day"
    institution_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    device_id: Mapped[str] = mapped_column(primary_key=True)
    quantity: Mapped[str] = mapped_column(primary_key=True)
    origin: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[int] = mapped_column(primary_key=True)
    readings: Mapped[int]
    summarised: Mapped[bool]


class SeriesDeletion(Base):
    """Proof of what retention has taken away, of all institutions at once."""

    __tablename__ = "series_deletion"
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    kind: Mapped[str]
    partition_name: Mapped[str]
    until_ns: Mapped[int] = mapped_column(BigInteger)
    row_count: Mapped[int] = mapped_column(BigInteger)
    deleted_at: Mapped[datetime]
