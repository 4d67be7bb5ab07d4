"""What gateways ask and tell: their heartbeat, and the registry they work from."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, union_all
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from cloud.clock import NS_PER_S, datetime_from_ns, ns_from_datetime
from cloud.crypto import Keyring
from cloud.database import TenantScope, driver_cursor
from cloud.devices.consents import allowed_kinds
from cloud.devices.links import link_of
from cloud.devices.models import Assignment, Gateway, RegistryState
from cloud.devices.service import described_devices, gateway_state
from cloud.errors import UnknownGatewayError
from cloud.identity.secrets import token_hash
from cloud.identity.service import institution_name
from cloud.live.service import publish_at_commit
from cloud.people.models import Consent, Stay
from edge.signals import Position
from edge.wire import Heartbeat, LaneState, RegisteredDevice, RegistryDocument

# Who it is, and from here on the transaction sees that institution only (as `enter_tenant` does).
_AUTH_GATEWAY = (
    "SELECT a.institution_id, a.gateway_id, a.token_id, a.is_fresh,"
    " set_config('app.institution_id', a.institution_id::text, true)"
    " FROM auth_gateway(%s, %s) AS a"
)


@dataclass(frozen=True, slots=True)
class GatewayPrincipal:
    """The gateway that asks, in the transaction in which it asks."""

    scope: TenantScope
    gateway: Gateway
    token_id: uuid.UUID
    is_fresh: bool  # the token was never used before


async def enter_gateway(
    session: AsyncSession, token: str | None, now: datetime
) -> tuple[TenantScope, uuid.UUID]:
    """Scope and id of the gateway whose token it is. Raises UnknownGatewayError."""
    scope, gateway_id, _, _ = await _enter(session, token, now)
    return scope, gateway_id


async def _enter(
    session: AsyncSession, token: str | None, now: datetime
) -> tuple[TenantScope, uuid.UUID, uuid.UUID, bool]:
    if not token:
        raise UnknownGatewayError
    async with driver_cursor(session) as cursor:
        await cursor.execute(_AUTH_GATEWAY, [token_hash(token), now])
        found = await cursor.fetchone()
    if found is None:
        raise UnknownGatewayError
    return TenantScope(session, found[0]), found[1], found[2], found[3]


async def gateway_of(session: AsyncSession, token: str | None, now: datetime) -> GatewayPrincipal:
    """Whose token it is. Raises UnknownGatewayError."""
    scope, gateway_id, token_id, is_fresh = await _enter(session, token, now)
    gateway = (await session.scalars(scope.select(Gateway).where(Gateway.id == gateway_id))).one()
    return GatewayPrincipal(scope, gateway, token_id, is_fresh)


async def take_heartbeat(principal: GatewayPrincipal, beat: Heartbeat, received_ns: int) -> int:
    """Note how the gateway is; the registry version it should have."""
    now = datetime_from_ns(received_ns)
    gateway = principal.gateway
    gateway.last_heartbeat_at = now
    gateway.started_at = datetime_from_ns(beat.started_ns)
    gateway.software_version = beat.software_version
    gateway.outbox_id = beat.outbox_id
    gateway.urgent_pending = beat.urgent.pending
    gateway.bulk_pending = beat.bulk.pending
    gateway.oldest_pending_at = _oldest(beat.urgent, beat.bulk)
    gateway.rejected_total = beat.rejected_total
    gateway.sources = dict(beat.sources)
    # A gateway that puts its clock right says how wrong the machine's is.
    offset_s = beat.machine_clock_offset_s
    sent_off_s = (beat.sent_ns - received_ns) / NS_PER_S
    gateway.clock_offset_s = sent_off_s if offset_s is None else offset_s
    gateway.settings_applied = beat.settings_version
    gateway.settings_error = beat.settings_error
    gateway.outbox_bytes = beat.outbox_bytes
    gateway.disk_free_bytes = beat.disk_free_bytes
    gateway.mains = beat.mains
    gateway.battery_percent = beat.battery_percent
    gateway.local_alarm = beat.local_alarm
    gateway.devices_heard = beat.devices_heard
    gateway.source_details = dict(beat.source_details)
    if gateway.announced_state != "online":
        gateway.announced_state = "online"
        publish_at_commit(principal.scope, "gateways", "status", now)
    return await registry_version(principal.scope, now)


def _oldest(*lanes: LaneState) -> datetime | None:
    oldest_ns = [lane.oldest_stored_ns for lane in lanes if lane.oldest_stored_ns is not None]
    return datetime_from_ns(min(oldest_ns)) if oldest_ns else None


async def registry_version(scope: TenantScope, now: datetime) -> int:
    """Grows with every change (triggers), and when an interval begins or ends by the clock."""
    return (await registry_state(scope, now)).version


async def registry_state(scope: TenantScope, now: datetime) -> RegistryState:
    """As of now, and ours until this transaction ends; made where there was none."""
    held = scope.select(RegistryState).with_for_update()
    state = (await scope.session.scalars(held)).one_or_none()
    if state is None:
        await scope.session.execute(
            insert(RegistryState)
            .values(institution_id=scope.institution_id, version=1, intervals_seen_until=now)
            .on_conflict_do_nothing()
        )
        state = (await scope.session.scalars(held)).one()
    if state.intervals_seen_until < now:
        if await _boundary_between(scope, state.intervals_seen_until, now):
            state.version += 1
        state.intervals_seen_until = now
    return state


async def _boundary_between(scope: TenantScope, after: datetime, until: datetime) -> bool:
    """Whether an assignment, a stay or a consent begins or ends in (after, until]."""
    parts = [
        scope.select(model)
        .where(
            or_(
                (model.valid_from > after) & (model.valid_from <= until),
                (model.valid_until > after) & (model.valid_until <= until),
            )
        )
        .with_only_columns(func.count())
        for model in (Assignment, Stay, Consent)
    ]
    counts = await scope.session.scalars(union_all(*parts))
    return any(counts)


async def registry_document(
    principal: GatewayPrincipal,
    now: datetime,
    keyring: Keyring,
    *,
    consent_required: bool = True,
) -> RegistryDocument:
    """Every device assigned now: a device that is not in it belongs to nobody."""
    scope = principal.scope
    described = await described_devices(scope, now)
    allowed = await allowed_kinds(scope, described, now) if consent_required else {}
    version = await registry_version(scope, now)
    return RegistryDocument(
        version=version,
        gateway_id=str(principal.gateway.id),
        institution_name=await institution_name(scope),
        devices=[
            RegisteredDevice(
                device_id=item.device.device_id,
                model=item.device.model,
                position=None if item.device.position is None else Position(item.device.position),
                elder_id=None if item.elder_id is None else str(item.elder_id),
                elder_name=item.elder_name,
                place=item.place,
                assigned_from_ns=ns_from_datetime(item.assigned_from),
                allowed_kinds=allowed.get(item.device.device_id),
                link=link_of(item.device, keyring),
            )
            for item in described
        ],
    )


async def announce_gateway_states(scope: TenantScope, now: datetime) -> int:
    """Tell the screens of gateways that came or went; how many. Works across restarts."""
    stale = [
        gateway.id
        for gateway in await scope.session.scalars(scope.select(Gateway))
        if gateway_state(gateway, now) != gateway.announced_state
    ]
    if not stale:
        return 0
    rows = await scope.session.scalars(
        scope.select(Gateway)
        .where(Gateway.id.in_(stale))
        .with_for_update(skip_locked=True, key_share=True)
        .execution_options(populate_existing=True)
    )
    changed = 0
    for gateway in rows:
        state = gateway_state(gateway, now)
        changed += state != gateway.announced_state
        gateway.announced_state = state
    if changed:
        publish_at_commit(scope, "gateways", "status", now)
    return changed
