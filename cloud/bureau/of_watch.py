"""Counted of the watch: hours of people in each state of coverage, hours of devices, their tests.

What nobody told of is unknown; a silent gateway is blind. Neither ever counts as well.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from sqlalchemy import or_

from cloud.bureau.catalogue import COVERED, ONLINE
from cloud.bureau.models import CoverageChange
from cloud.bureau.of_people import People
from cloud.bureau.tally import Interval, Span, Tally, merged, within, without
from cloud.coverage.models import CoverageGap
from cloud.database import TenantScope
from cloud.devices.models import Assignment, Device, DeviceActivity, DeviceFault, DeviceTest
from cloud.devices.register import TEST_EVERY, TESTED_KINDS

_FAR = datetime.max.replace(tzinfo=UTC)


def timeline(changes: Sequence[CoverageChange], span: Span) -> dict[str, list[Interval]]:
    """When which state held. What is told later about earlier stands: blind since 09:40, said at
    10:20, was not well at 10:00.
    """
    marks: list[tuple[datetime, str]] = []
    for change in changes:  # in the order of their telling
        marks = [mark for mark in marks if mark[0] < change.since]
        marks.append((change.since, change.state))
    found: dict[str, list[Interval]] = defaultdict(list)
    for index, (begin, state) in enumerate(marks):
        end = marks[index + 1][0] if index + 1 < len(marks) else span.end
        found[state].append((begin, min(end, span.end)))
    return found


async def count_coverage(scope: TenantScope, span: Span, tally: Tally, people: People) -> None:
    """Seconds of people in a bed, by state."""
    tally.begin("coverage", COVERED)
    changes: dict[uuid.UUID, list[CoverageChange]] = defaultdict(list)
    statement = scope.select(CoverageChange).where(CoverageChange.since < span.end)
    for row in await scope.session.scalars(
        statement.order_by(CoverageChange.told_at, CoverageChange.id)
    ):
        changes[row.elder_id].append(row)
    silent = {
        elder_id: gaps for elder_id, gaps in (await _gaps(scope, span)).items()
        if isinstance(elder_id, uuid.UUID)
    }  # fmt: skip
    in_bed: dict[uuid.UUID, list[Interval]] = defaultdict(list)
    for stay in people.stays:
        held = span.clip(stay.begin, stay.end)
        if held is not None:
            in_bed[stay.elder_id].append(held)
    for elder_id, stays in in_bed.items():
        here = without(stays, people.away.get(elder_id, ()))
        for state, intervals in _states(
            here, timeline(changes[elder_id], span), silent.get(elder_id, ())
        ).items():
            _add(span, tally, "coverage", state, intervals)


def _states(
    here: Sequence[Interval], told: Mapping[str, Sequence[Interval]], silent: Sequence[Interval]
) -> dict[str, list[Interval]]:
    seen = without(here, silent)
    found = {state: within(told.get(state, ()), seen) for state in ("protected", "degraded")}
    found["blind"] = merged([*within(told.get("blind", ()), here), *within(silent, here)])
    found["unknown"] = without(here, [each for parts in found.values() for each in parts])
    return found


async def count_devices(scope: TenantScope, span: Span, tally: Tally, people: People) -> None:
    """Seconds of devices in use, by whether they were there; and whether they were tested."""
    tally.begin("devices_online", ONLINE)
    tally.begin("device_tests")
    gaps, faults = await _gaps(scope, span), await _faults(scope, span)
    heard = set(
        await scope.session.scalars(
            scope.select(DeviceActivity).with_only_columns(DeviceActivity.device_id)
        )
    )
    kinds = {row.device_id: row.kind for row in await scope.session.scalars(scope.select(Device))}
    passed = await _passed(scope, span)
    statement = scope.select(Assignment).where(
        Assignment.valid_from < span.end,
        or_(Assignment.valid_until.is_(None), Assignment.valid_until > span.begin),
    )
    for row in await scope.session.scalars(statement):
        held = span.clip(row.valid_from, row.valid_until)
        if held is None:
            continue
        holes = [
            *gaps.get(row.device_id, ()), *faults.get(row.device_id, ()),
            *_of_gateway(row, people, gaps),
        ]  # fmt: skip
        offline, rest = within(holes, [held]), without([held], holes)
        state = "online" if row.device_id in heard else "unknown"
        _add(span, tally, "devices_online", "offline", offline)
        _add(span, tally, "devices_online", state, rest)
        if kinds.get(row.device_id) in TESTED_KINDS:
            _count_tests(span, tally, row, passed.get(row.device_id, ()))


def _add(
    span: Span, tally: Tally, indicator: str, kind: str, intervals: Sequence[Interval]
) -> None:
    for begin, end in intervals:
        for day, seconds in span.by_day(begin, end):
            tally.add(day, indicator, kind, part=seconds)


def _count_tests(span: Span, tally: Tally, row: Assignment, passed: Sequence[datetime]) -> None:
    for day in span.days():
        at = span.end_of(day)
        if row.valid_from <= at and (row.valid_until is None or at < row.valid_until):
            fresh = any(at - TEST_EVERY < one <= at for one in passed)
            tally.add(day, "device_tests", part=fresh, whole=1)


def _of_gateway(
    row: Assignment, people: People, gaps: Mapping[object, Sequence[Interval]]
) -> list[Interval]:
    """When the gateway of whoever a device is for was silent, while it was for them."""
    found: list[Interval] = []
    if row.elder_id is not None:
        return list(gaps.get(row.elder_id, ()))
    for stay in people.stays:
        if stay.bed_id == row.bed_id or stay.room_id == row.room_id:
            bounds = (stay.begin, stay.end or _FAR)
            found += within(gaps.get(stay.elder_id, ()), [bounds])
    return found


async def _gaps(scope: TenantScope, span: Span) -> dict[object, list[Interval]]:
    """Of devices by their id, of whole gateways by the elder who was not seen."""
    found: dict[object, list[Interval]] = defaultdict(list)
    statement = scope.select(CoverageGap).where(
        CoverageGap.from_at < span.end,
        or_(CoverageGap.until_at.is_(None), CoverageGap.until_at > span.begin),
    )
    for row in await scope.session.scalars(statement):
        key = row.elder_id if row.device_id is None else row.device_id
        end = span.end if row.until_at is None else min(row.until_at, span.end)
        found[key].append((row.from_at, end))
    return {key: merged(intervals) for key, intervals in found.items()}


async def _faults(scope: TenantScope, span: Span) -> dict[str, list[Interval]]:
    """Somebody said that it does not work: whatever it still sends, nobody may rely on it."""
    found: dict[str, list[Interval]] = defaultdict(list)
    statement = scope.select(DeviceFault).where(
        DeviceFault.reported_at < span.end,
        or_(DeviceFault.ended_at.is_(None), DeviceFault.ended_at > span.begin),
    )
    for row in await scope.session.scalars(statement):
        end = span.end if row.ended_at is None else min(row.ended_at, span.end)
        found[row.device_id].append((row.reported_at, end))
    return found


async def _passed(scope: TenantScope, span: Span) -> dict[str, list[datetime]]:
    found: dict[str, list[datetime]] = defaultdict(list)
    statement = scope.select(DeviceTest).where(
        DeviceTest.passed.is_(True), DeviceTest.tested_at > span.begin - TEST_EVERY,
        DeviceTest.tested_at <= span.end,
    )  # fmt: skip
    for row in await scope.session.scalars(statement):
        found[row.device_id].append(row.tested_at)
    return found
