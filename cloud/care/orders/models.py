"""Tables of orders for meals, bathing and medical help (助餐 助浴 助医)."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, Identity
from sqlalchemy.orm import Mapped, mapped_column

from cloud.database import TenantBase


class ServiceOrder(TenantBase):
    """One service for one elder. Its state is a cache of what its moves say."""

    __tablename__ = "service_order"
    institution_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    elder_id: Mapped[uuid.UUID]
    kind: Mapped[str]
    wanted_at: Mapped[datetime]
    provider: Mapped[str]
    purchaser: Mapped[str]
    note: Mapped[str]
    state: Mapped[str]
    created_at: Mapped[datetime]
    begun_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    served_by: Mapped[str | None]
    place_sealed: Mapped[bytes | None]
    accuracy_m: Mapped[float | None]
    distance_m: Mapped[float | None]
    no_place_reason: Mapped[str] = mapped_column(default="")
    confirmed_by: Mapped[str | None]
    confirmed_name: Mapped[str] = mapped_column(default="")


class ServiceOrderMove(TenantBase):
    """Who did what when, and why."""

    __tablename__ = "service_order_move"
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    order_id: Mapped[uuid.UUID]
    move: Mapped[str]
    state_after: Mapped[str]
    at: Mapped[datetime]
    by_id: Mapped[uuid.UUID]
    by: Mapped[str]
    reason: Mapped[str]
