"""Handovers as the API tells them."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import cast

from cloud.care.handover import service
from cloud.care.handover.facts import lines_of
from cloud.care.handover.machine import HandoverState, Step
from cloud.care.handover.models import Handover, HandoverMove, HandoverSettings
from cloud.care.handover.schemas import (
    GivenOut,
    HandoverChange,
    HandoverDetail,
    HandoverLine,
    HandoverMoveOut,
    HandoverOut,
    HandoverPerson,
    HandoverSettingsIO,
    HandoverSheet,
    HandoversOut,
    ShiftToHand,
    StateName,
    StepName,
)
from cloud.care.handover.sheet import Change, Line, changes_in, digest, lines_in, text_of
from cloud.database import TenantScope
from cloud.identity.models import User
from cloud.identity.shifts import Shift, pattern_of, shift_after, shift_at, shift_before
from cloud.places.service import unit_names


def settings_out(held: HandoverSettings | None) -> HandoverSettingsIO:
    """The defaults where nothing was set."""
    if held is None:
        return HandoverSettingsIO()
    return HandoverSettingsIO(
        active=held.active, limit_min=held.limit_min, earliest_min=held.earliest_min,
        version=held.version,
    )  # fmt: skip


def handover_out(row: Handover, names: dict[uuid.UUID, str]) -> HandoverOut:
    """As it stands."""
    return HandoverOut(
        id=row.id, unit_id=row.unit_id, shift=row.shift_name,
        shift_starts_at=row.shift_starts_at, shift_ends_at=row.shift_ends_at,
        state=cast(StateName, row.state), revision=row.revision, giver=row.giver,
        given_at=row.given_at, named=names.get(row.named_id) if row.named_id else None,
        taker=row.taker, taken_at=row.taken_at,
    )  # fmt: skip


async def overview(scope: TenantScope, unit_id: uuid.UUID, now: datetime) -> HandoversOut:
    """Of one unit."""
    pattern, held = await pattern_of(scope), await service.settings_of(scope)
    settings = settings_out(held)
    running = shift_at(pattern, now)
    names = await _names(scope)
    shifts = []
    for shift in (shift_before(pattern, running), running):
        handover = await service.of_shift(scope, unit_id, shift)
        taken = handover is not None and handover.state == HandoverState.TAKEN
        limit_at = shift.ends_at + timedelta(minutes=settings.limit_min)
        since = held.active_since if held is not None and held.active else None
        missing = since is not None and shift.ends_at > since and now > limit_at and not taken
        shifts.append(
            ShiftToHand(
                shift=shift.name, starts_at=shift.starts_at, ends_at=shift.ends_at,
                from_at=shift.ends_at - timedelta(minutes=settings.earliest_min), missing=missing,
                handover=None if handover is None else handover_out(handover, names),
            )
        )  # fmt: skip
    return HandoversOut(
        server_time=now, unit_id=unit_id, unit=(await unit_names(scope, [unit_id]))[unit_id],
        settings=settings, shifts=shifts,
        history=[handover_out(row, names) for row in await service.history_of(scope, unit_id)],
    )  # fmt: skip


async def sheet_out(
    scope: TenantScope, unit_id: uuid.UUID, shift: Shift, now: datetime
) -> HandoverSheet:
    """The facts of now beside what was given."""
    lines = await lines_of(scope, unit_id, shift, now)
    head = await service.head_of(scope, unit_id, shift)
    handover = await service.of_shift(scope, unit_id, shift)
    coming = shift_after(await pattern_of(scope), shift)
    staff = await service.staff(scope)
    giving = await service.rostered(scope, unit_id, shift)
    taking = await service.rostered(scope, unit_id, coming)
    if handover is not None and handover.named_id is not None:
        taking.add(handover.named_id)
    if handover is not None and handover.giver_id is not None:
        taking.discard(handover.giver_id)
    return HandoverSheet(
        unit=head["unit"], shift=shift.name, starts_at=shift.starts_at, ends_at=shift.ends_at,
        lines=_lines(lines), sha256=digest(text_of(head, lines)),
        revision=0 if handover is None else handover.revision,
        given=None if handover is None else await _given(scope, handover, now),
        handover=None if handover is None else handover_out(handover, await _names(scope)),
        giving=_staff(staff, giving), taking=_staff(staff, taking), staff=_staff(staff, None),
    )  # fmt: skip


async def _given(scope: TenantScope, handover: Handover, now: datetime) -> GivenOut | None:
    given = await service.given_of(scope, handover, now)
    if given is None:
        return None
    objected = None
    if handover.state == HandoverState.OBJECTED:
        objected = (await service.moves_of(scope, handover.id))[-1]
    return GivenOut(
        by=given.move.by, at=given.move.at, words=given.move.words, sha256=given.move.sha256,
        lines=_lines(given.lines), changes=_changes(given.changes),
        read_sha256=given.read_sha256, objection=None if objected is None else objected.words,
        objected_by=None if objected is None else objected.by,
    )  # fmt: skip


async def detail_out(scope: TenantScope, row: Handover) -> HandoverDetail:
    """With every signature and what it was set under."""
    return HandoverDetail(
        handover=handover_out(row, await _names(scope)),
        unit=(await unit_names(scope, [row.unit_id])).get(row.unit_id, ""),
        moves=[_move_out(one) for one in await service.moves_of(scope, row.id)],
    )


def _move_out(row: HandoverMove) -> HandoverMoveOut:
    gives = row.move == Step.GIVE
    return HandoverMoveOut(
        move=cast(StepName, row.move), revision=row.revision, at=row.at, by=row.by,
        signed_with=row.signed_with, words=row.words, sha256=row.sha256,
        whole=service.is_whole(row), lines=_lines(lines_in(row.body)) if gives else [],
        changes=[] if gives else _changes(changes_in(row.body)),
    )  # fmt: skip


def _lines(lines: Iterable[Line]) -> list[HandoverLine]:
    return [HandoverLine.model_validate(asdict(one)) for one in lines]


def _changes(changes: Iterable[Change]) -> list[HandoverChange]:
    return [HandoverChange.model_validate(asdict(one)) for one in changes]


def _staff(everybody: Iterable[User], among: Collection[uuid.UUID] | None) -> list[HandoverPerson]:
    return [
        HandoverPerson(id=user.id, name=user.display_name)
        for user in everybody
        if among is None or user.id in among
    ]


async def _names(scope: TenantScope) -> dict[uuid.UUID, str]:
    return {user.id: user.display_name for user in await service.staff(scope)}
