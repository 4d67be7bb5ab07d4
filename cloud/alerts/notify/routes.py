"""HTTP for one's own ways to be reached, and for what was sent about an alert."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated, Literal, cast
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import Field

from cloud.alerts.notify import points
from cloud.alerts.notify.models import ContactPoint, Notice, NoticeAttempt
from cloud.alerts.notify.senders import public_key
from cloud.alerts.service import find_alert
from cloud.database import TenantScope
from cloud.errors import ForbiddenError, NotFoundError, Problem
from cloud.identity.auth import AccountOwner, requires
from cloud.identity.permissions import Permission
from cloud.identity.service import Principal
from cloud.identity.throttle import count_login_try
from cloud.schema_types import ApiModel, UtcMs
from cloud.state import AppState, ChangeHeader, State

NoticeReader = Annotated[Principal, requires(Permission.ALERTS_READ)]
ChannelName = Literal["webpush", "apprise"]

router = APIRouter(
    prefix="/api/v1",
    tags=["notices"],
    responses={401: {"model": Problem}, 403: {"model": Problem}, 404: {"model": Problem}},
)


class PointIn(ApiModel):
    """A way to reach oneself: a push subscription as JSON, or an address that apprise knows."""

    channel: ChannelName
    label: str = Field(min_length=1, max_length=100)
    address: str = Field(min_length=1, max_length=4000)
    is_test: bool = Field(default=False, description="a test recipient: drills may reach it")


class PointOut(ApiModel):
    """A way, without its address."""

    id: UUID
    channel: ChannelName
    label: str
    is_test: bool
    per_hour: int
    verified_at: UtcMs | None
    dead_at: UtcMs | None


class PointList(ApiModel):
    """One's own ways in their order, and the key to subscribe with."""

    push_key: str
    points: list[PointOut]


class PointCodeIn(ApiModel):
    """The code that came over the new way."""

    code: str = Field(min_length=4, max_length=10)


class AttemptOut(ApiModel):
    """One attempt."""

    channel: str
    label: str | None
    started_at: UtcMs
    ended_at: UtcMs | None
    result: Literal["started", "ok", "failed", "dead", "limited", "blocked"]
    detail: str


class NoticeOut(ApiModel):
    """Who was to be told, and whether they were."""

    id: UUID
    kind: str
    step: int
    ring: int
    recipient: str
    state: Literal["pending", "sent", "failed", "skipped"]
    created_at: UtcMs
    done_at: UtcMs | None
    attempts: list[AttemptOut]


class NoticeList(ApiModel):
    """All notices of an alert, in order."""

    notices: list[NoticeOut]


def point_out(point: ContactPoint) -> PointOut:
    """A way as the API tells it: without its address."""
    return PointOut(
        id=point.id,
        channel=cast(ChannelName, point.channel),
        label=point.label,
        is_test=point.is_test,
        per_hour=point.per_hour,
        verified_at=point.verified_at,
        dead_at=point.dead_at,
    )


def queue_single(
    scope: TenantScope, point: ContactPoint, words: tuple[str, str], recipient: str, now: datetime
) -> None:
    """A message over this way only, which is no alert."""
    scope.session.add(
        Notice(
            id=uuid.uuid4(), institution_id=scope.institution_id, kind="verify", step=0, ring=0,
            user_id=point.user_id, family_id=point.family_id, contact_point_id=point.id,
            recipient=recipient, priority="medium", urgency=2, origin="live",
            title=words[0], body=words[1], state="pending", tries=0, due_at=now, created_at=now,
        )
    )  # fmt: skip


def send_code(
    scope: TenantScope, point: ContactPoint, code: str, recipient: str, now: datetime
) -> None:
    """The code that proves a way, over that way."""
    minutes = round(points.CODE_LIFE.total_seconds() / 60)
    words = ("渝悦养老 验证码", f"{code}（{minutes} 分钟内有效）")
    queue_single(scope, point, words, recipient, now)


async def slow_down(state: AppState, point: ContactPoint, now: datetime) -> None:
    """Codes are not guessed, and nobody's telephone is flooded with them."""
    key = f"contact point {point.id}"
    await count_login_try(state.database, key, key, now)


@router.get("/contact-points")
async def list_points(principal: AccountOwner, request: Request) -> PointList:
    """One's own ways to be reached."""
    found = await points.points_of(principal.scope, user_id=principal.user.id)
    key = public_key(request.app.state.vapid())
    return PointList(push_key=key, points=[point_out(point) for point in found])


@router.post("/contact-points", dependencies=[ChangeHeader])
async def add_point(wanted: PointIn, principal: AccountOwner, state: State) -> PointOut:
    """A new way; a code is sent over it, and it counts once the code has come back."""
    scope, now = principal.scope, state.clock.now()
    if wanted.is_test and not principal.may(Permission.DRILLS_RUN):
        raise ForbiddenError([Permission.DRILLS_RUN])
    point, code = await points.add_point(
        scope, state.keyring, wanted.channel, wanted.label, wanted.address, now=now,
        user_id=principal.user.id, is_test=wanted.is_test,
    )  # fmt: skip
    if point.verified_at is None:
        send_code(scope, point, code, principal.user.display_name, now)
    return point_out(point)


@router.post(
    "/contact-points/{point_id}/code",
    dependencies=[ChangeHeader],
    responses={409: {"model": Problem}, 429: {"model": Problem}},
)
async def send_point_code(point_id: UUID, principal: AccountOwner, state: State) -> PointOut:
    """Send another code: the first one did not arrive, or is too old."""
    point, now = await _own(principal, point_id), state.clock.now()
    await slow_down(state, point, now)
    send_code(
        principal.scope, point, points.renew_code(point, now), principal.user.display_name, now
    )
    return point_out(point)


@router.post(
    "/contact-points/{point_id}/test",
    dependencies=[ChangeHeader],
    responses={429: {"model": Problem}},
)
async def test_point(point_id: UUID, principal: AccountOwner, state: State) -> PointOut:
    """Send a test message over a way of one's own: is it still there, does it make a sound?"""
    point, now = await _own(principal, point_id), state.clock.now()
    await slow_down(state, point, now)
    words = ("渝悦养老 测试", "这是一条测试消息，收到即表示报警能送到这里。")
    queue_single(principal.scope, point, words, principal.user.display_name, now)
    return point_out(point)


@router.post(
    "/contact-points/{point_id}/verify",
    dependencies=[ChangeHeader],
    responses={429: {"model": Problem}},
)
async def verify_point(
    point_id: UUID, wanted: PointCodeIn, principal: AccountOwner, state: State
) -> PointOut:
    """The code has come through."""
    point, now = await _own(principal, point_id), state.clock.now()
    await slow_down(state, point, now)
    await points.verify_point(point, wanted.code, now)
    return point_out(point)


@router.delete("/contact-points/{point_id}", status_code=204, dependencies=[ChangeHeader])
async def remove_point(point_id: UUID, principal: AccountOwner, state: State) -> None:
    """Not this way any more."""
    (await _own(principal, point_id)).removed_at = state.clock.now()


async def _own(principal: Principal, point_id: UUID) -> ContactPoint:
    point = await points.find_point(principal.scope, point_id)
    if point.user_id != principal.user.id:
        raise NotFoundError("contact point")
    return point


@router.get("/alerts/{alert_id}/notices")
async def alert_notices(alert_id: UUID, principal: NoticeReader) -> NoticeList:
    """Who was told of an alert when, over which way, with what result."""
    scope = principal.scope
    await find_alert(scope, alert_id)
    notices = list(
        await scope.session.scalars(
            scope.select(Notice)
            .where(Notice.alert_id == alert_id)
            .order_by(Notice.created_at, Notice.step, Notice.recipient)
        )
    )
    labels = {
        point.id: point.label for point in await scope.session.scalars(scope.select(ContactPoint))
    }
    attempts: dict[UUID, list[AttemptOut]] = {notice.id: [] for notice in notices}
    rows = await scope.session.scalars(
        scope.select(NoticeAttempt)
        .where(NoticeAttempt.notice_id.in_(attempts))
        .order_by(NoticeAttempt.started_at, NoticeAttempt.id)
    )
    for row in rows:
        point_id = row.contact_point_id
        attempts[row.notice_id].append(
            AttemptOut(
                channel=row.channel,
                label=None if point_id is None else labels.get(point_id),
                started_at=row.started_at,
                ended_at=row.ended_at,
                result=row.result,  # type: ignore[arg-type]
                detail=row.detail,
            )
        )
    return NoticeList(
        notices=[
            NoticeOut(
                id=notice.id,
                kind=notice.kind,
                step=notice.step,
                ring=notice.ring,
                recipient=notice.recipient,
                state=notice.state,  # type: ignore[arg-type]
                created_at=notice.created_at,
                done_at=notice.done_at,
                attempts=attempts[notice.id],
            )
            for notice in notices
        ]
    )
