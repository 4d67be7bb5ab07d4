"""HTTP for gateways: for the operator who makes them, and for the machines that become them."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from fastapi import APIRouter, Query, Request

from cloud.audit import service as audit
from cloud.audit.actions import Action
from cloud.devices import enrolment
from cloud.devices.auth import CurrentGateway, bearer_token
from cloud.devices.gaps import gaps_between
from cloud.devices.gateway_bell import GatewayBell
from cloud.devices.gateway_schemas import (
    EnrolmentOut,
    GatewayCodeOut,
    GatewayConfigOut,
    GatewayGapList,
    GatewayGapOut,
    GatewayIn,
    GatewayList,
    GatewayOut,
    GatewaySettings,
    GatewaySettingsOut,
    NewTokenOut,
    SimulationKeyOut,
    masked,
    merged,
)
from cloud.devices.gateways import gateway_of
from cloud.devices.gateways import registry_version as registry_version_of
from cloud.devices.models import Gateway, GatewayGap
from cloud.devices.service import gateway_state
from cloud.devices.simulation_key import simulation_key
from cloud.errors import Problem, ProblemError
from cloud.identity.auth import GATEWAY, PUBLIC, requires
from cloud.identity.permissions import Permission
from cloud.identity.service import Principal
from cloud.state import ChangeHeader, State, Transaction
from edge.gateway_wire import CONFIG_WAIT_S, EnrolRequest, GatewayConfig

_GAPS_SHOWN: Final = timedelta(days=7)
_MAX_BODY: Final = 16 * 1024

GatewayReader = Annotated[Principal, requires(Permission.GATEWAYS_MANAGE, Permission.DEVICES_READ)]
GatewayManager = Annotated[Principal, requires(Permission.GATEWAYS_MANAGE)]
DeviceManager = Annotated[Principal, requires(Permission.DEVICES_MANAGE)]

operator_router = APIRouter(
    prefix="/api/v1/gateways",
    tags=["gateways"],
    responses={code: {"model": Problem} for code in (401, 403, 404)},
)
simulation_key_router = APIRouter(
    prefix="/api/v1/simulation-key",
    tags=["gateways"],
    responses={code: {"model": Problem} for code in (401, 403)},
)
machine_router = APIRouter(
    prefix="/api/v1/gateway", tags=["gateway"], responses={401: {"model": Problem}}
)


@operator_router.get("")
async def list_gateways(principal: GatewayReader, state: State) -> GatewayList:
    """All gateways of the institution, by name."""
    scope, now = principal.scope, state.clock.now()
    codes = await enrolment.open_codes(scope, now)
    rows = await scope.session.scalars(scope.select(Gateway).order_by(Gateway.name))
    gateways = [_out(row, state, codes.get(row.id)) for row in rows]
    return GatewayList(server_time=now, gateways=gateways)


@operator_router.post("", dependencies=[ChangeHeader], responses={409: {"model": Problem}})
async def create_gateway(
    wanted: GatewayIn, principal: GatewayManager, state: State
) -> GatewayCodeOut:
    """Make a gateway. The code that lets a machine become it is shown once."""
    now = state.clock.now()
    gateway = await enrolment.create_gateway(principal.scope, wanted.name, now)
    gateway.settings = _merged(wanted.settings, {})
    return await _with_code(gateway, principal, state)


@operator_router.post("/{gateway_id}/code", dependencies=[ChangeHeader])
async def create_gateway_code(
    gateway_id: UUID, principal: GatewayManager, state: State
) -> GatewayCodeOut:
    """A new code, for a machine in the place of the old one; an earlier code ends."""
    gateway = await enrolment.load_gateway(principal.scope, gateway_id)
    return await _with_code(gateway, principal, state)


@operator_router.post(
    "/{gateway_id}/rotate", dependencies=[ChangeHeader], responses={409: {"model": Problem}}
)
async def rotate_gateway_token(
    gateway_id: UUID, principal: GatewayManager, state: State
) -> GatewayOut:
    """Ask the gateway to take a new token; the old one ends soon after it has used the new one."""
    gateway = await enrolment.load_gateway(principal.scope, gateway_id)
    await enrolment.want_rotation(principal.scope, gateway, state.clock.now())
    return _out(gateway, state, None)


@operator_router.post("/{gateway_id}/revoke", dependencies=[ChangeHeader])
async def revoke_gateway(gateway_id: UUID, principal: GatewayManager, state: State) -> GatewayOut:
    """Shut the gateway out at once."""
    gateway = await enrolment.load_gateway(principal.scope, gateway_id)
    await enrolment.revoke(principal.scope, gateway, state.clock.now())
    return _out(gateway, state, None)


@operator_router.get("/{gateway_id}/settings")
async def get_gateway_settings(gateway_id: UUID, principal: GatewayManager) -> GatewaySettingsOut:
    """What the gateway is told to do; secrets are masked."""
    return _settings_out(await enrolment.load_gateway(principal.scope, gateway_id))


@operator_router.put("/{gateway_id}/settings", dependencies=[ChangeHeader])
async def put_gateway_settings(
    gateway_id: UUID, wanted: GatewaySettings, principal: GatewayManager
) -> GatewaySettingsOut:
    """Change what the gateway is told; a connected one applies it within seconds."""
    gateway = await enrolment.load_gateway(principal.scope, gateway_id)
    settings = _merged(wanted, gateway.settings)
    if settings != gateway.settings:
        gateway.settings = settings
        gateway.settings_version += 1
        await principal.scope.session.flush()
        await enrolment.ring(principal.scope)
    return _settings_out(gateway)


@operator_router.get("/{gateway_id}/gaps")
async def list_gateway_gaps(
    gateway_id: UUID, principal: GatewayReader, state: State
) -> GatewayGapList:
    """What it missed in the last seven days, newest first."""
    gateway = await enrolment.load_gateway(principal.scope, gateway_id)
    now = state.clock.now()
    rows = await gaps_between(principal.scope, now - _GAPS_SHOWN, now, gateway_id=gateway.id)
    return GatewayGapList(gaps=[_gap_out(row) for row in rows])


@simulation_key_router.get("")
async def get_simulation_key(principal: DeviceManager, state: State) -> SimulationKeyOut:
    """What simulators tag their messages with; gateways refuse a mark without it. Audited."""
    now = state.clock.now()
    key = await simulation_key(principal.scope, state.keyring, now)
    audit.record(principal.scope, principal.actor, Action.SIMULATION_KEY_READ, now)
    return SimulationKeyOut(key=key)


_ENROL_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "edge/gateway_wire.py EnrolRequest",
        "content": {"application/json": {"schema": {"type": "object"}}},
    }
}


@machine_router.post(
    "/enroll",
    dependencies=[PUBLIC, ChangeHeader],
    openapi_extra=_ENROL_BODY,
    responses={code: {"model": Problem} for code in (422, 429)},
)
async def enroll_gateway(request: Request, state: State, session: Transaction) -> EnrolmentOut:
    """A machine shows the code and becomes the gateway. Codes work once."""
    now = state.clock.now()
    body = await request.body()
    if len(body) > _MAX_BODY:
        raise ProblemError(413, "too_large", "The body is larger than an enrolment needs.")
    try:
        wanted = msgspec.json.decode(body, type=EnrolRequest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ProblemError(422, "bad_request", str(error)) from error
    if "\0" in wanted.software_version:
        raise ProblemError(422, "bad_request", "software_version: must not hold a NUL")
    await enrolment.count_code_try(
        state.database, request.client.host if request.client else "", now
    )
    return EnrolmentOut(**asdict(await enrolment.enrol(session, wanted, now)))


@machine_router.get("/config", dependencies=[GATEWAY])
async def gateway_config(
    request: Request,
    state: State,
    settings_version: Annotated[int, Query(ge=0)] = 0,
    registry_version: Annotated[int, Query(ge=0)] = 0,
    wait_s: Annotated[float, Query(ge=0, le=CONFIG_WAIT_S)] = 0.0,
) -> GatewayConfigOut:
    """What the gateway should work with; waits while that is what it has."""
    bell: GatewayBell = request.app.state.gateway_bell
    deadline_s = state.clock.monotonic_s() + wait_s
    while True:
        # No transaction is held while waiting.
        async with state.database.transaction() as session:
            now = state.clock.now()
            principal = await gateway_of(session, bearer_token(request), now)
            await enrolment.note_first_use(principal, now)
            event = bell.event(principal.scope.institution_id)
            gateway = principal.gateway
            config = GatewayConfig(
                settings_version=gateway.settings_version,
                settings=dict(gateway.settings),
                registry_version=await registry_version_of(principal.scope, now),
                rotate_token=gateway.rotation_wanted_at is not None,
            )
        known = (settings_version, registry_version)
        is_news = (config.settings_version, config.registry_version) != known
        left_s = deadline_s - state.clock.monotonic_s()
        if is_news or config.rotate_token or left_s <= 0 or await request.is_disconnected():
            return GatewayConfigOut(**asdict(config))
        await bell.wait(event, left_s)


@machine_router.post("/token", dependencies=[GATEWAY])
async def rotate_own_token(principal: CurrentGateway, state: State) -> NewTokenOut:
    """A new token for the gateway that asks; both work until the new one has been used a while."""
    return NewTokenOut(token=await enrolment.rotate_token(principal, state.clock.now()))


def _merged(wanted: GatewaySettings, present: dict[str, Any]) -> dict[str, Any]:
    try:
        return merged(wanted, present)
    except ValueError as error:
        raise ProblemError(422, "bad_request", str(error)) from error


async def _with_code(gateway: Gateway, principal: Principal, state: State) -> GatewayCodeOut:
    now = state.clock.now()
    code, expires_at = await enrolment.issue_code(principal.scope, gateway, principal.user.id, now)
    return GatewayCodeOut(
        gateway=_out(gateway, state, expires_at), code=code, code_expires_at=expires_at
    )


def _out(gateway: Gateway, state: State, code_expires_at: Any) -> GatewayOut:
    return GatewayOut(
        state=gateway_state(gateway, state.clock.now()),
        rotating=gateway.rotation_wanted_at is not None,
        code_expires_at=code_expires_at,
        **{
            name: getattr(gateway, name)
            for name in GatewayOut.model_fields
            if name not in {"state", "rotating", "code_expires_at"}
        },
    )


def _settings_out(gateway: Gateway) -> GatewaySettingsOut:
    return GatewaySettingsOut(
        settings=masked(gateway.settings),
        settings_version=gateway.settings_version,
        settings_applied=gateway.settings_applied,
        settings_error=gateway.settings_error,
    )


def _gap_out(row: GatewayGap) -> GatewayGapOut:
    return GatewayGapOut.model_validate(
        {name: getattr(row, name) for name in GatewayGapOut.model_fields}
    )
