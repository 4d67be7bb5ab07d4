"""Tables of the series store: by device, one partition a day (migration 0003)."""

from __future__ import annotations

import uuid

from sqlalchemy import BigInteger, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from cloud.database import TenantBase


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


class ReadingRow(TenantBase):
    """A single reading."""

    __tablename__ = "series_reading"
    institution_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    device_id: Mapped[str] = mapped_column(primary_key=True)
    quantity: Mapped[str] = mapped_column(primary_key=True)
    time_ns: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    origin: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[float]
    clock_uncertainty_s: Mapped[float | None]
