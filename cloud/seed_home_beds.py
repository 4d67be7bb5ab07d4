"""Home beds at every step, visits done, due and overdue, orders: for the made-up institution."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cloud.care.homebed.models import HomeBed, HomeBedMove
from cloud.care.homebed.steps import FORWARD, BedMove, BedStep
from cloud.care.orders.models import ServiceOrder
from cloud.care.visits.catalogue import default_pull_forward_h, default_remote_in_a_row
from cloud.care.visits.models import Visit, VisitFollowup, VisitPlan, VisitSettings
from cloud.care.visits.places import seal_place
from cloud.care.visits.schemas import PlaceIO
from cloud.care.visits.service import AtHome, at_home
from cloud.clock import local_date
from cloud.crypto import Keyring
from cloud.database import TenantScope
from cloud.people.models import Elder
from cloud.places.homes import add_home
from cloud.places.schemas import HomeIn
from cloud.places.service import add_bed, add_room

STAFF: Final = "许文"
PURCHASERS: Final = ("示范区民政局", "示范区民政局", "自费")
# An application that has waited too long is part of the picture.
WAITING_AT: Final = (
    BedStep.APPLIED, BedStep.APPLIED, BedStep.ASSESSED, BedStep.PLANNED, BedStep.AGREED,
    BedStep.FITTING,
)  # fmt: skip
# Somewhere in Chongqing; the doors lie within some hundred metres of it.
_STATION: Final = PlaceIO(lat=29.5300, lon=106.4900)
# Days since the last visit by elder, and what it came to: well in time, due, overdue, not home.
_LAST: Final = (
    (2, "done"), (7, "done"), (12, "done"), (1, "not_home"), (5, "done"), (6, "done"),
    (9, "done"), (3, "done"), (8, "refused"), (4, "done"), (20, "done"), (7, "done"),
)  # fmt: skip
_GROUPS: Final = ("high_risk", "high_risk", "key")
_FOUND: Final = ("all_well", "all_well", "eats_little", "home_unsafe")
_TO_DO: Final = (("联系助餐点，落实软食", 3), ("装浴室扶手", -2))
_PLAN: Final = {"services": ["watching", "visits"], "visit_group": "high_risk", "text": "每周上门"}


@dataclass(frozen=True, slots=True)
class _Scene:
    """Where and by whom it is told."""

    scope: TenantScope
    keyring: Keyring
    by_id: uuid.UUID
    now: datetime


async def tell_of_visits(
    scope: TenantScope, keyring: Keyring, visitor_id: uuid.UUID, now: datetime
) -> None:
    """Everybody at home is visited, some late; each home is a home bed in service."""
    scene = _Scene(scope, keyring, visitor_id, now)
    station = {"name": "示范街服务站", "lat": _STATION.lat, "lon": _STATION.lon}
    scope.session.add(
        VisitSettings(
            institution_id=scope.institution_id, interval_days={}, station=station, version=1,
            pull_forward_h=default_pull_forward_h(), remote_in_a_row=default_remote_in_a_row(),
            updated_at=now, updated_by=STAFF,
        )
    )  # fmt: skip
    people = sorted((await at_home(scope, now)).values(), key=lambda one: one.home.name)
    visits = []
    for number, one in enumerate(people):
        await _put(scene, one.elder, BedStep.IN_SERVICE, number, home_id=one.home.id)
        one.home.follows_steps = True
        visits.append(_visit(scene, one, number))
    await scope.session.flush()
    _followups(scene, [visit for visit in visits if visit.outcome == "done"])
    _meals(scene, people)
    await scope.session.flush()


async def wait_at(
    scope: TenantScope,
    keyring: Keyring,
    elder: Elder,
    *,
    home: HomeIn,
    step: BedStep,
    now: datetime,
) -> None:
    """Somebody's home bed on its way."""
    scene = _Scene(scope, keyring, uuid.UUID(int=0), now)
    home_id = None
    if step is BedStep.FITTING:
        made = await add_home(scope, home.model_copy(update={"state": "fitting"}), keyring, now)
        made.follows_steps, home_id = True, made.id
        room = await add_room(scope, None, "卧室", made.id)
        await add_bed(scope, room.id, "1", kind="home")
    await _put(scene, elder, step, 0, home_id=home_id)


async def _put(
    scene: _Scene, elder: Elder, step: BedStep, number: int, home_id: uuid.UUID | None
) -> None:
    """A home bed with the moves that led to its step, four days each."""
    order = list(BedStep)
    done = order.index(step)
    begun = scene.now - timedelta(days=max(30, 4 * done + 20 * (number % 2)))
    bed_id = uuid.uuid4()
    signed = {
        "text_version": "示范文本 2026-1", "signer": elder.name, "valid_until": None,
        "signed_on": local_date(begun + timedelta(days=12)).isoformat(),
    }  # fmt: skip
    scene.scope.session.add(
        HomeBed(
            id=bed_id, institution_id=scene.scope.institution_id, elder_id=elder.id,
            home_id=home_id, step=step.value, step_since=begun + timedelta(days=4 * done),
            purchaser=PURCHASERS[number % len(PURCHASERS)], created_at=begun,
            plan=_PLAN if done >= order.index(BedStep.PLANNED) else None,
            agreement=signed if done >= order.index(BedStep.AGREED) else None,
        )
    )  # fmt: skip
    await scene.scope.session.flush()
    moves: list[tuple[BedMove, BedStep | None, BedStep]] = [(BedMove.APPLY, None, BedStep.APPLIED)]
    moves += [(move, before, after) for move, (before, after) in FORWARD.items() if before != after]
    for days, (move, before, after) in enumerate(moves[: done + 1]):
        scene.scope.session.add(
            HomeBedMove(
                institution_id=scene.scope.institution_id, home_bed_id=bed_id, move=move.value,
                step_before=None if before is None else before.value, step_after=after.value,
                at=begun + timedelta(days=4 * days), by_id=scene.by_id, by=STAFF, reason="",
                detail={},
            )
        )  # fmt: skip


def _visit(scene: _Scene, one: AtHome, number: int) -> Visit:
    """A plan with a door on the map, and the last visit."""
    scope, now = scene.scope, scene.now
    purchaser = PURCHASERS[number % len(PURCHASERS)]
    door = PlaceIO(
        lat=round(_STATION.lat + 0.0021 * ((number * 5) % 7 - 3), 5),
        lon=round(_STATION.lon + 0.0027 * ((number * 3) % 8 - 3), 5),
    )
    scope.session.add(
        VisitPlan(
            institution_id=scope.institution_id, elder_id=one.elder.id,
            group_key=_GROUPS[number % len(_GROUPS)], visitor_id=scene.by_id, purchaser=purchaser,
            place_sealed=seal_place(scene.keyring, door, "visit_plan", one.elder.id),
            starts_on=local_date(now) - timedelta(days=28), note="", version=1, updated_at=now,
            updated_by=STAFF,
        )
    )  # fmt: skip
    days, outcome = _LAST[number % len(_LAST)]
    visit_id, began = uuid.uuid4(), now - timedelta(days=days, hours=1)
    seen = outcome == "done"
    visit = Visit(
            institution_id=scope.institution_id, id=visit_id, elder_id=one.elder.id,
            by_id=scene.by_id, by=STAFF, way="in_person", outcome=outcome, started_at=began,
            ended_at=began + timedelta(minutes=25 if seen else 5), recorded_at=began,
            place_sealed=seal_place(scene.keyring, door, "visit", visit_id), accuracy_m=20.0,
            distance_m=float(10 * (number % 5)), no_place_reason="", note="", purchaser=purchaser,
            findings=[_FOUND[number % len(_FOUND)]] if seen else [],
    )  # fmt: skip
    scope.session.add(visit)
    return visit


def _followups(scene: _Scene, visits: Sequence[Visit]) -> None:
    """One that is due, one that is overdue."""
    today = local_date(scene.now)
    for visit, (what, days) in zip(visits, _TO_DO, strict=False):
        scene.scope.session.add(
            VisitFollowup(
                institution_id=scene.scope.institution_id, id=uuid.uuid4(), visit_id=visit.id,
                elder_id=visit.elder_id, what=what, owner_id=scene.by_id, owner=STAFF,
                due_on=today + timedelta(days=days), created_at=visit.ended_at, created_by=STAFF,
            )
        )  # fmt: skip


def _meals(scene: _Scene, people: Sequence[AtHome]) -> None:
    """Lunch of yesterday, eaten; of today, ordered."""
    scope, now = scene.scope, scene.now
    # Ordered for in an hour, but in the last hour of the day: today's list has today's.
    soon = now + timedelta(hours=1)
    wanted_at = soon if local_date(soon) == local_date(now) else now
    for number, one in enumerate(people[:4]):
        for days in (1, 0):
            eaten = days == 1
            at = now - timedelta(days=1) if eaten else wanted_at
            order_id = uuid.uuid4()
            scope.session.add(
                ServiceOrder(
                    institution_id=scope.institution_id, id=order_id, elder_id=one.elder.id,
                    kind="meal", wanted_at=at, provider="示范街助餐点", note="",
                    created_at=now - timedelta(days=2),
                    purchaser=PURCHASERS[number % len(PURCHASERS)],
                    state="done" if eaten else "ordered", begun_at=at if eaten else None,
                    ended_at=at + timedelta(minutes=10) if eaten else None,
                    served_by=STAFF if eaten else None, confirmed_by="elder" if eaten else None,
                    no_place_reason="示范数据" if eaten else "",
                )
            )  # fmt: skip
