"""Orders: made, begun at the door, confirmed by the elder or a relative, cancelled."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final, cast

from sqlalchemy import or_
from sqlalchemy.dialects.postgresql import insert

from cloud.audit import service as audit
from cloud.audit.actions import Action
from cloud.care.orders.models import ServiceOrder, ServiceOrderMove
from cloud.care.orders.schemas import (
    Confirmer,
    OrderKind,
    OrderMoveOut,
    ServiceOrderIn,
    ServiceOrderMoveIn,
    ServiceOrderOut,
)
from cloud.care.orders.states import OrderMove, OrderState, after, allowed
from cloud.care.visits.places import apart_m, is_far, seal_place
from cloud.care.visits.service import find_plan, place_of
from cloud.crypto import Keyring
from cloud.database import TenantScope
from cloud.errors import BadFieldError, ConflictError, NotFoundError
from cloud.identity.service import Principal
from cloud.people.reach import reach_of
from cloud.people.service import elders_by_id, find_elder

# Design default (D): a lunch that has not come after this is late.
LATE: Final = timedelta(minutes=30)
_BACK_DATED: Final = timedelta(days=1)
_NEEDS_REASON: Final = frozenset({OrderMove.CANCEL, OrderMove.MISS, OrderMove.VOID})


async def add_order(
    who: Principal, elder_id: uuid.UUID, wanted: ServiceOrderIn, now: datetime
) -> ServiceOrder:
    """Sent twice it is one. Raises NotFoundError, BadFieldError."""
    scope = who.scope
    await find_elder(scope, elder_id)
    known = scope.select(ServiceOrder).where(
        ServiceOrder.id == wanted.id, ServiceOrder.elder_id == elder_id
    )
    if (held := (await scope.session.scalars(known)).one_or_none()) is not None:
        return held
    if wanted.wanted_at < now - _BACK_DATED:
        raise BadFieldError("wanted_at", "最多补登一天以内的服务")
    plan = await find_plan(scope, elder_id)
    purchaser = wanted.purchaser or ("" if plan is None else plan.purchaser)
    values = wanted.model_dump() | {
        "institution_id": scope.institution_id, "elder_id": elder_id, "purchaser": purchaser,
        "state": OrderState.ORDERED.value, "created_at": now, "no_place_reason": "",
        "confirmed_name": "",
    }  # fmt: skip
    made = await scope.session.execute(
        insert(ServiceOrder).values(**values).on_conflict_do_nothing().returning(ServiceOrder.id)
    )
    if made.first() is None:
        raise ConflictError("id", "这个编号已经用过")
    order = (await scope.session.scalars(known)).one()
    _note(who, order, OrderMove.ORDER, "", now)
    await scope.session.flush()
    return order


async def move_order(
    who: Principal, order_id: uuid.UUID, wanted: ServiceOrderMoveIn, keyring: Keyring, now: datetime
) -> ServiceOrder:
    """Raises NotFoundError, BadFieldError, ConflictError."""
    scope = who.scope
    statement = scope.select(ServiceOrder).where(ServiceOrder.id == order_id)
    order = (await scope.session.scalars(statement.with_for_update())).one_or_none()
    if order is None:
        raise NotFoundError("order")
    await (await reach_of(who)).require_elder(order.elder_id)
    move = OrderMove(wanted.move)
    state = after(OrderState(order.state), move)
    if state is None:
        raise ConflictError("move", "这张订单现在不能这样操作，请先刷新")
    if move in _NEEDS_REASON and not wanted.reason.strip():
        raise BadFieldError("reason", "请写明原因")
    if move is OrderMove.BEGIN:
        await _begin(who, order, wanted, keyring, now)
    elif move is OrderMove.FINISH:
        _finish(order, wanted, now)
    order.state = state.value
    _note(who, order, move, wanted.reason, now)
    await scope.session.flush()
    return order


async def _begin(
    who: Principal, order: ServiceOrder, wanted: ServiceOrderMoveIn, keyring: Keyring, now: datetime
) -> None:
    if wanted.place is None and not wanted.no_place_reason.strip():
        raise BadFieldError("no_place_reason", "没有位置时要写明原因")
    plan = await find_plan(who.scope, order.elder_id)
    door = None if plan is None else place_of(plan, keyring)
    order.begun_at, order.served_by = now, who.user.display_name
    order.place_sealed = seal_place(keyring, wanted.place, "service_order", order.id)
    order.accuracy_m = None if wanted.place is None else wanted.place.accuracy_m
    order.distance_m = apart_m(door, wanted.place)
    order.no_place_reason = wanted.no_place_reason.strip()


def _finish(order: ServiceOrder, wanted: ServiceOrderMoveIn, now: datetime) -> None:
    if wanted.confirmed_by is None:
        raise BadFieldError("confirmed_by", "请选择由谁确认")
    if wanted.confirmed_by == "nobody" and not wanted.reason.strip():
        raise BadFieldError("reason", "没有人确认时要写明原因")
    if wanted.confirmed_by == "relative" and not wanted.confirmed_name.strip():
        raise BadFieldError("confirmed_name", "请写明确认的家属")
    order.ended_at, order.confirmed_by = now, wanted.confirmed_by
    order.confirmed_name = wanted.confirmed_name.strip()


def _note(who: Principal, order: ServiceOrder, move: OrderMove, reason: str, now: datetime) -> None:
    who.scope.session.add(
        ServiceOrderMove(
            institution_id=order.institution_id, order_id=order.id, move=move.value,
            state_after=order.state, at=now, by_id=who.user.id, by=who.user.display_name,
            reason=reason,
        )
    )  # fmt: skip
    audit.record(
        who.scope, who.actor, Action.RECORD_CHANGED, now, elder_id=order.elder_id,
        subject=("service_order", order.id), reason=reason or None,
        changes={"state": (None, order.state)},
    )  # fmt: skip


async def orders_between(
    scope: TenantScope, since: datetime, until: datetime, hidden: Collection[uuid.UUID] = ()
) -> list[ServiceOrder]:
    """Wanted in [since, until), and all that are open from before."""
    statement = scope.select(ServiceOrder).where(
        ServiceOrder.wanted_at < until,
        or_(
            ServiceOrder.wanted_at >= since,
            ServiceOrder.state.in_((OrderState.ORDERED.value, OrderState.BEGUN.value)),
        ),
    )
    if hidden:
        statement = statement.where(ServiceOrder.elder_id.not_in(hidden))
    rows = await scope.session.scalars(statement.order_by(ServiceOrder.wanted_at, ServiceOrder.id))
    return list(rows)


async def orders_out(
    scope: TenantScope, orders: Sequence[ServiceOrder], now: datetime
) -> list[ServiceOrderOut]:
    """With names and moves."""
    elders = await elders_by_id(scope, {one.elder_id for one in orders})
    moves: dict[uuid.UUID, list[OrderMoveOut]] = defaultdict(list)
    held = scope.select(ServiceOrderMove).where(
        ServiceOrderMove.order_id.in_([one.id for one in orders])
    )
    for row in await scope.session.scalars(held.order_by(ServiceOrderMove.id)):
        moves[row.order_id].append(
            OrderMoveOut(
                move=OrderMove(row.move), state_after=OrderState(row.state_after), at=row.at,
                by=row.by, reason=row.reason,
            )
        )  # fmt: skip
    return [_out(one, elders[one.elder_id].name, moves[one.id], now) for one in orders]


def _out(
    order: ServiceOrder, elder_name: str, moves: list[OrderMoveOut], now: datetime
) -> ServiceOrderOut:
    state = OrderState(order.state)
    return ServiceOrderOut(
        id=order.id,
        elder_id=order.elder_id,
        elder_name=elder_name,
        kind=cast(OrderKind, order.kind),
        wanted_at=order.wanted_at,
        provider=order.provider,
        purchaser=order.purchaser,
        note=order.note,
        state=state,
        late=state is OrderState.ORDERED and now > order.wanted_at + LATE,
        allowed=allowed(state),
        begun_at=order.begun_at,
        ended_at=order.ended_at,
        served_by=order.served_by,
        accuracy_m=order.accuracy_m,
        distance_m=order.distance_m,
        far_away=is_far(order.distance_m, order.accuracy_m),
        no_place_reason=order.no_place_reason,
        confirmed_by=cast(Confirmer | None, order.confirmed_by),
        confirmed_name=order.confirmed_name,
        moves=moves,
    )
