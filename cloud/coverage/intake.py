"""What gateways say of coverage is kept, in the transaction that takes the event in."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert

from cloud.clock import datetime_from_ns
from cloud.coverage.models import CoverageGap, CoverageState
from cloud.database import TenantScope
from cloud.devices.service import Subject
from cloud.live.service import publish_at_commit
from edge.coverage.status import CoverageState as State
from edge.coverage.status import Level
from edge.events import Event, EventKind
from edge.subject import Capability

_STATES: Final = MappingProxyType(
    {
        EventKind.COVERAGE_PROTECTED: State.PROTECTED,
        EventKind.COVERAGE_DEGRADED: State.DEGRADED,
        EventKind.COVERAGE_BLIND: State.BLIND,
    }
)
_BEGINS: Final = frozenset({EventKind.DEVICE_OFFLINE, EventKind.DEVICE_FAULT})
_ENDS: Final = frozenset({EventKind.DEVICE_OFFLINE_CLEARED, EventKind.DEVICE_FAULT_CLEARED})
# The reasons of a silence, most telling first; the words are the detector's.
_CAUSES: Final = ("never_heard", "battery", "everything_silent", "sees_nothing")
_DETECTOR: Final = "coverage"


async def take_coverage(
    scope: TenantScope, event: Event, subject: Subject, gateway_id: uuid.UUID, now: datetime
) -> None:
    """An event that was never seen before. Those that say nothing of coverage do nothing."""
    if event.detector.name != _DETECTOR:
        return
    state = _STATES.get(event.kind)
    if state is not None and subject.elder_id is not None:
        arrival = _Arrival(event, state, subject.elder_id, gateway_id)
        await _set_state(scope, arrival, now)
    elif event.kind in _BEGINS:
        await _open_gap(scope, event, subject, gateway_id)
    elif event.kind in _ENDS:
        await _close_gap(scope, event)
    else:
        return
    announce(scope, now)


def announce(scope: TenantScope, now: datetime) -> None:
    """Tell the screens at commit that coverage has changed: they ask again."""
    publish_at_commit(scope, "coverage", "coverage", now, write=_nothing_more)


async def _nothing_more(_scope: TenantScope, whats: Sequence[object], _now: datetime) -> list[str]:
    return ["{}"] * len(whats)


@dataclass(frozen=True, slots=True)
class _Arrival:
    event: Event
    state: State
    elder_id: uuid.UUID
    gateway_id: uuid.UUID


async def _set_state(scope: TenantScope, arrival: _Arrival, now: datetime) -> None:
    """The newest by event time stands: a late one of the past changes nothing."""
    event, state, elder_id = arrival.event, arrival.state, arrival.elder_id
    held = (
        await scope.session.scalars(
            scope.select(CoverageState)
            .where(CoverageState.elder_id == elder_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    ).one_or_none()
    if held is not None and held.decided_ns > event.decided_ns:
        return
    lacking = _lacking(event)
    same = held is not None and held.state == state
    begun = [datetime.fromisoformat(item["since"]) for item in lacking]
    since = held.since if same and held else min(begun, default=datetime_from_ns(event.decided_ns))
    values: dict[str, Any] = {
        "state": state.value,
        "since": since,
        "decided_ns": event.decided_ns,
        "lacking": {"capabilities": lacking},
        "origin": event.origin.value,
        "gateway_id": arrival.gateway_id,
        "event_id": event.event_id,
        "updated_at": now,
    }
    key = {"institution_id": scope.institution_id, "elder_id": elder_id}
    statement = insert(CoverageState).values(**key, **values)
    await scope.session.execute(
        statement.on_conflict_do_update(index_elements=list(key), set_=values)
    )


def _lacking(event: Event) -> list[dict[str, str]]:
    """`lost_fall` for 3 h: the capability, how much of it is gone, and since when."""
    known = {f"{level}_{capability}": (level, capability) for level in Level
             for capability in Capability}  # fmt: skip
    at = datetime_from_ns(event.decided_ns)
    return [
        {
            "capability": known[reason.code][1].value,
            "level": known[reason.code][0].value,
            "since": (at - timedelta(hours=reason.values.get("elapsed_h", 0.0))).isoformat(),
        }
        for reason in event.reasons
        if reason.code in known
    ]


async def _open_gap(
    scope: TenantScope, event: Event, subject: Subject, gateway_id: uuid.UUID
) -> None:
    said = {reason.code: reason.values for reason in event.reasons}
    elapsed_h = said.get("silent", {}).get("elapsed_h", 0.0)
    await scope.session.execute(
        insert(CoverageGap)
        .values(
            id=uuid.uuid4(),
            institution_id=scope.institution_id,
            elder_id=subject.elder_id,
            room_id=subject.room_id if subject.elder_id is None else None,
            device_id=event.device_id,
            gateway_id=gateway_id,
            episode_id=event.episode_id,
            from_at=datetime_from_ns(event.time_ns) - timedelta(hours=elapsed_h),
            cause=next((cause for cause in _CAUSES if cause in said), "unknown"),
        )
        .on_conflict_do_nothing()
    )


async def _close_gap(scope: TenantScope, event: Event) -> None:
    """Of the device, whichever of its findings began it."""
    await scope.session.execute(
        update(CoverageGap)
        .where(
            CoverageGap.institution_id == scope.institution_id,
            CoverageGap.device_id == event.device_id,
            CoverageGap.episode_id == event.episode_id,
            CoverageGap.until_at.is_(None),
        )
        .values(until_at=datetime_from_ns(event.time_ns))
    )
