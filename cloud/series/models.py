"""Tables of the series store: by device, one partition a day (migrations 0003 and 0005)."""

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


class ReadingRow(TenantBase):
    """A single reading."""

    __tablename__ = "series_reading"
    series_id: Mapped[int] = mapped_column(primary_key=True)
    time_ns: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    value: Mapped[float]
    clock_uncertainty_s: Mapped[float | None]


class SummaryRow(TenantBase):
    """Readings of one slot of time, with where first, last and the extremes were."""

    __abstract__ = True
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


class MinuteRow(SummaryRow):
    """Summary of a minute; `slot` counts minutes since 1970."""

    __tablename__ = "series_minute"


class HourRow(SummaryRow):
    """Summary of an hour; `slot` counts hours since 1970."""

    __tablename__ = "series_hour"


class SeriesDeletion(Base):
    """Proof of what retention has taken away, of all institutions at once."""

    __tablename__ = "series_deletion"
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    kind: Mapped[str]
    partition_name: Mapped[str]
    until_ns: Mapped[int] = mapped_column(BigInteger)
    row_count: Mapped[int] = mapped_column(BigInteger)
    deleted_at: Mapped[datetime]
