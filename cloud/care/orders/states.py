"""The life of an order: ordered, begun, done; or cancelled, or nobody was there. Pure."""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import Final


class OrderState(StrEnum):
    """Where an order stands."""

    ORDERED = "ordered"
    BEGUN = "begun"
    DONE = "done"
    CANCELLED = "cancelled"
    MISSED = "missed"


class OrderMove(StrEnum):
    """What is done to it."""

    ORDER = "order"
    BEGIN = "begin"
    FINISH = "finish"
    CANCEL = "cancel"
    MISS = "miss"
    VOID = "void"


AFTER: Final = MappingProxyType(
    {
        (OrderState.ORDERED, OrderMove.BEGIN): OrderState.BEGUN,
        (OrderState.ORDERED, OrderMove.CANCEL): OrderState.CANCELLED,
        (OrderState.ORDERED, OrderMove.MISS): OrderState.MISSED,
        (OrderState.BEGUN, OrderMove.FINISH): OrderState.DONE,
        (OrderState.BEGUN, OrderMove.CANCEL): OrderState.CANCELLED,
        # Written down by mistake: it stays, and counts no more.
        (OrderState.DONE, OrderMove.VOID): OrderState.CANCELLED,
    }
)


def after(state: OrderState, move: OrderMove) -> OrderState | None:
    """Where the move leads; None: not from here."""
    return AFTER.get((state, move))


def allowed(state: OrderState) -> list[OrderMove]:
    """Moves from a state, in the order of the table."""
    return [move for before, move in AFTER if before is state]
