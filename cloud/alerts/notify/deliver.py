"""The worker of notices: claim, attempt on each way in turn, write down what came of it.

Claiming is one transaction, the result another: after a `kill -9` in between, the attempt stands as
`started` and the notice is due again when its lease ends. So a message may come twice, never not
at all; steps and moves happen exactly once (cloud/alerts/escalation/engine.py).
"""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, exists, func, or_, text
from sqlalchemy.orm import aliased

from cloud.alerts import lifecycle, store
from cloud.alerts.codes import Priority
from cloud.alerts.conditions import condition_of
from cloud.alerts.consoles.health import healthy_users
from cloud.alerts.drills.service import proof_arrived
from cloud.alerts.escalation import engine
from cloud.alerts.machine import Move, MoveKind, State
from cloud.alerts.notify.gate import BlockedError, Outgoing, admit
from cloud.alerts.notify.models import ContactPoint, Notice, NoticeAttempt
from cloud.alerts.notify.points import points_of, unseal
from cloud.alerts.notify.senders import Result, Sender, Sent
from cloud.clock import Clock
from cloud.crypto import Keyring
from cloud.database import Database, TenantScope

# Longer than all ways of one person can take; then another worker may try.
LEASE: Final = timedelta(seconds=60)
# 2, 4, 8 ... s between rounds over all ways: five rounds are over within a minute.
BACKOFF_S: Final = 2.0
MAX_TRIES: Final = 5
_PER_ROUND: Final = 50


@dataclass(slots=True)
class _Job:
    """A claimed notice with its ways."""

    institution_id: uuid.UUID
    notice_id: uuid.UUID
    alert_id: uuid.UUID | None
    at_desk: bool
    blocked: bool = False
    messages: list[tuple[uuid.UUID, uuid.UUID, Outgoing]] = field(default_factory=list)
    results: list[tuple[uuid.UUID, uuid.UUID, Sent, datetime]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Deliverer:
    """What delivering needs."""

    database: Database
    sender: Sender
    keyring: Keyring
    clock: Clock

    async def work(self) -> int:
        """Everything that is due now; how many notices were worked on."""
        now = self.clock.now()
        async with self.database.transaction() as session:
            due = await session.scalars(text("SELECT due_notice_institutions(:now)"), {"now": now})
            institutions = list(due)
        jobs: list[_Job] = []
        for institution_id in institutions:
            async with self.database.tenant(institution_id) as scope:
                jobs += await self._claim(scope, now)
        await asyncio.gather(*(self._carry(job) for job in jobs))
        for job in jobs:
            async with self.database.tenant(job.institution_id) as scope:
                await self._finish(scope, job)
        return len(jobs)

    async def _claim(self, scope: TenantScope, now: datetime) -> list[_Job]:
        statement = (
            scope.select(Notice)
            .where(Notice.state == "pending", Notice.due_at <= now, _in_turn())
            .order_by(Notice.urgency.desc(), Notice.due_at)
            .limit(_PER_ROUND)
            .with_for_update(skip_locked=True)
        )
        notices = list(await scope.session.scalars(statement))
        at_desk = await healthy_users(scope, now) if notices else set()
        jobs = []
        for notice in notices:
            notice.due_at = now + LEASE
            notice.tries += 1
            job = _Job(scope.institution_id, notice.id, notice.alert_id, notice.user_id in at_desk)
            await self._prepare(scope, notice, job, now)
            jobs.append(job)
        return jobs

    async def _prepare(self, scope: TenantScope, notice: Notice, job: _Job, now: datetime) -> None:
        if job.at_desk:
            # The desk has it through its stream already; whether it was shown, the desk says.
            _note(scope, notice, None, "console", now, result="ok", ended_at=now)
            if notice.priority != Priority.HIGH:
                return
        for point in await _ways(scope, notice):
            if point.dead_at is not None or (point.verified_at is None and notice.kind != "verify"):
                continue
            if await _over_limit(scope, notice, point, now):
                _note(scope, notice, point, point.channel, now, result="limited", ended_at=now)
                continue
            try:
                message = admit(notice, point, unseal(self.keyring, point))
            except BlockedError as error:
                job.blocked = True
                _note(scope, notice, point, point.channel, now, result="blocked",
                      detail=str(error), ended_at=now)  # fmt: skip
                continue
            attempt = _note(scope, notice, point, point.channel, now)
            job.messages.append((attempt.id, point.id, message))

    async def _carry(self, job: _Job) -> None:
        """Way by way, until one takes it."""
        for attempt_id, point_id, message in job.messages:
            sent = await self.sender.send(message)
            job.results.append((attempt_id, point_id, sent, self.clock.now()))
            if sent.result is Result.OK:
                return

    async def _finish(self, scope: TenantScope, job: _Job) -> None:
        now = self.clock.now()
        session = scope.session
        if job.alert_id is not None:  # the alert before its notices, as everybody does
            await store.lock_alert(scope, job.alert_id)
        tried = set()
        for attempt_id, point_id, sent, at in job.results:
            attempt = await session.get_one(NoticeAttempt, attempt_id)
            attempt.result, attempt.detail, attempt.ended_at = sent.result.value, sent.detail, at
            tried.add(attempt_id)
            if sent.result is Result.DEAD:
                (await session.get_one(ContactPoint, point_id)).dead_at = at
        for attempt_id, _, _ in job.messages:
            if attempt_id not in tried:  # an earlier way took it
                await session.delete(await session.get_one(NoticeAttempt, attempt_id))
        reached = job.at_desk or any(sent.result is Result.OK for _, _, sent, _ in job.results)
        statement = (
            scope.select(Notice)
            .where(Notice.id == job.notice_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        notice = (await session.scalars(statement)).one()
        if notice.state != "pending":
            return  # answered meanwhile
        if reached:
            notice.state, notice.done_at = "sent", now
            await _notified(scope, notice, now)
        elif job.blocked and not job.messages:
            notice.state, notice.done_at = "skipped", now  # a live one would have gone
        elif notice.tries >= MAX_TRIES or not job.messages:
            notice.state, notice.done_at = "failed", now
            await _nobody_reached(scope, notice, now)
        else:
            notice.due_at = now + timedelta(seconds=BACKOFF_S * 2 ** (notice.tries - 1))


def _in_turn() -> ColumnElement[bool]:
    """The family does not read how it ended before it has read what happened."""
    first = aliased(Notice)
    waits = exists().where(
        first.institution_id == Notice.institution_id, first.alert_id == Notice.alert_id,
        first.family_id == Notice.family_id, first.kind == "family", first.state == "pending",
    )  # fmt: skip
    return or_(Notice.kind != "outcome", ~waits)


async def _ways(scope: TenantScope, notice: Notice) -> list[ContactPoint]:
    if notice.contact_point_id is not None:
        statement = scope.select(ContactPoint).where(ContactPoint.id == notice.contact_point_id)
        return list(await scope.session.scalars(statement))
    own = await points_of(scope, user_id=notice.user_id)
    return [*own, *await points_of(scope, family_id=notice.family_id)]


def _note(
    scope: TenantScope,
    notice: Notice,
    point: ContactPoint | None,
    channel: str,
    now: datetime,
    *,
    result: str = "started",
    detail: str = "",
    ended_at: datetime | None = None,
) -> NoticeAttempt:
    attempt = NoticeAttempt(
        id=uuid.uuid4(), institution_id=scope.institution_id, notice_id=notice.id,
        contact_point_id=None if point is None else point.id, channel=channel, started_at=now,
        ended_at=ended_at, result=result, detail=detail,
    )  # fmt: skip
    scope.session.add(attempt)
    return attempt


async def _over_limit(
    scope: TenantScope, notice: Notice, point: ContactPoint, now: datetime
) -> bool:
    """More than a person can take in an hour; high ones always go."""
    if notice.priority == Priority.HIGH or notice.kind == "verify":
        return False
    statement = (
        scope.select(NoticeAttempt)
        .where(
            NoticeAttempt.contact_point_id == point.id, NoticeAttempt.result == "ok",
            NoticeAttempt.started_at > now - timedelta(hours=1),
        )
        .with_only_columns(func.count())
    )  # fmt: skip
    return int((await scope.session.execute(statement)).scalar_one()) >= point.per_hour


async def _notified(scope: TenantScope, notice: Notice, now: datetime) -> None:
    """A first person has been reached: the alert is no longer only raised."""
    if notice.kind == "dead_switch":
        await proof_arrived(scope, now)
    if notice.alert_id is None or notice.kind not in ("step", "not_on_spot"):
        return
    await note_notified(scope, notice.alert_id, now, by=notice.recipient, source=str(notice.id))


async def note_notified(
    scope: TenantScope, alert_id: uuid.UUID, now: datetime, *, by: str, source: str
) -> None:
    """Somebody was reached, by whichever way."""
    alert = await store.lock_alert(scope, alert_id)
    if alert is None:
        return
    await store.note_hop_once(scope, alert_id, "notified", now, by=by, source=source)
    if alert.state == State.RAISED:
        move = Move(MoveKind.NOTIFY, now, note=by)
        await lifecycle.make_move(scope, alert, condition_of(alert), move)


async def _nobody_reached(scope: TenantScope, notice: Notice, now: datetime) -> None:
    """No way took it: whoever comes next is told now, unless somebody of this step has it."""
    if notice.alert_id is None or notice.kind != "step":
        return
    others = scope.select(Notice).where(
        Notice.alert_id == notice.alert_id, Notice.ring == notice.ring, Notice.step == notice.step,
        Notice.kind == "step", Notice.state.in_(("pending", "sent")), Notice.id != notice.id,
    )  # fmt: skip
    if (await scope.session.scalars(others)).first() is not None:
        return
    alert = await store.lock_alert(scope, notice.alert_id)
    if alert is not None and not condition_of(alert).answered:
        await engine.hasten(scope, alert, now)
