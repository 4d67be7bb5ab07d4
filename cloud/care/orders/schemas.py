"""What the API says about orders."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from cloud.care.orders.states import OrderMove, OrderState
from cloud.care.visits.schemas import MeasuredPlaceIn
from cloud.places.schemas import Line, Name, Note
from cloud.schema_types import ApiModel, UtcMs

OrderKind = Literal["meal", "bath", "medical"]
Confirmer = Literal["elder", "relative", "nobody"]


class ServiceOrderIn(ApiModel):
    """An order; `id` is chosen by the device. `purchaser` empty: that of the visit plan."""

    id: UUID
    kind: OrderKind
    wanted_at: AwareDatetime
    provider: Name
    purchaser: Line = ""
    note: Note = ""


class ServiceOrderMoveIn(ApiModel):
    """A move. `begin` has the place, or why there is none; `finish` who confirms it.

    `cancel`, `miss`, `void`, and a confirmation by nobody, have a `reason`.
    """

    move: Literal["begin", "finish", "cancel", "miss", "void"]
    reason: Annotated[str, Field(max_length=500)] = ""
    place: MeasuredPlaceIn | None = None
    no_place_reason: Line = ""
    confirmed_by: Confirmer | None = None
    confirmed_name: Line = ""


class OrderMoveOut(ApiModel):
    """One move."""

    move: OrderMove
    state_after: OrderState
    at: UtcMs
    by: str
    reason: str


class ServiceOrderOut(ApiModel):
    """One order with all its moves. `late`: it should have begun and has not."""

    id: UUID
    elder_id: UUID
    elder_name: str
    kind: OrderKind
    wanted_at: UtcMs
    provider: str
    purchaser: str
    note: str
    state: OrderState
    late: bool
    allowed: list[OrderMove]
    begun_at: UtcMs | None
    ended_at: UtcMs | None
    served_by: str | None
    accuracy_m: float | None
    distance_m: float | None
    far_away: bool
    no_place_reason: str
    confirmed_by: Confirmer | None
    confirmed_name: str
    moves: list[OrderMoveOut]


class ServiceOrdersOut(ApiModel):
    """By the time they are wanted."""

    orders: list[ServiceOrderOut]
