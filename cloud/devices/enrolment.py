"""How a machine becomes a gateway, how its token is renewed, and how it is shut out.

A code is short, lives for minutes, works once, and only its hash is kept; tries are counted by
address. A token is renewed by the gateway itself when it is asked to: both tokens work until some
minutes after the new one was first used, so a gateway that dies in between is not locked out.
"""

from __future__ import annotations

import secrets
import uuid
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import or_, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from cloud.database import Database, TenantScope, enter_tenant
from cloud.devices.gateways import GatewayPrincipal
from cloud.devices.models import Gateway, GatewayCode, GatewayToken
from cloud.devices.service import add_gateway
from cloud.errors import NotFoundError, ProblemError
from cloud.identity.secrets import new_gateway_token, token_hash
from cloud.identity.service import institution_name
from cloud.identity.throttle import count_login_try
from edge.gateway_wire import Enrolment, EnrolRequest

# Long enough to walk to the machine.
CODE_LIFE: Final = timedelta(minutes=30)
# Requests that were on their way with the old token still count.
OVERLAP: Final = timedelta(minutes=10)
# 3 x 4 characters of 31: 59 bits, for half an hour, ten tries in five minutes: out of reach.
_ALPHABET: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_GROUPS: Final = 3
_GROUP_CHARS: Final = 4
CHANNEL: Final = "yuyue_gateways"


class BadCodeError(ProblemError):
    """Unknown, used or too old; never says which."""

    def __init__(self) -> None:
        super().__init__(
            401, "bad_code", "code: unknown, used or too old; make a new one for this gateway."
        )


def new_code() -> str:
    """A code that a person can read out."""
    groups = (
        "".join(secrets.choice(_ALPHABET) for _ in range(_GROUP_CHARS)) for _ in range(_GROUPS)
    )
    return "-".join(groups)


def code_hash(code: str) -> bytes:
    """What is kept of a code; case and dashes do not matter."""
    return token_hash("gateway code " + "".join(c for c in code.upper() if c.isalnum()))


async def create_gateway(scope: TenantScope, name: str, now: datetime) -> Gateway:
    """A new gateway. Raises ProblemError when the name is taken."""
    taken = scope.select(Gateway).where(Gateway.name == name)
    if (await scope.session.scalars(taken)).first() is not None:
        raise ProblemError(409, "name_taken", f"name: there is a gateway {name!r} already.")
    return await add_gateway(scope, name, now)


async def load_gateway(scope: TenantScope, gateway_id: uuid.UUID) -> Gateway:
    """A gateway, locked until the end of the transaction. Raises NotFoundError."""
    statement = scope.select(Gateway).where(Gateway.id == gateway_id)
    found = (await scope.session.scalars(statement.with_for_update(key_share=True))).one_or_none()
    if found is None:
        raise NotFoundError("gateway")
    return found


async def issue_code(
    scope: TenantScope, gateway: Gateway, by: uuid.UUID | None, now: datetime
) -> tuple[str, datetime]:
    """A new code and when it ends; earlier ones end now."""
    await _end_codes(scope, gateway.id, now)
    code = new_code()
    expires_at = now + CODE_LIFE
    scope.session.add(
        GatewayCode(
            id=uuid.uuid4(),
            institution_id=scope.institution_id,
            gateway_id=gateway.id,
            code_hash=code_hash(code),
            created_at=now,
            created_by=by,
            expires_at=expires_at,
        )
    )
    await scope.session.flush()
    return code, expires_at


async def open_codes(scope: TenantScope, now: datetime) -> dict[uuid.UUID, datetime]:
    """When the open code of each gateway ends."""
    rows = await scope.session.scalars(
        scope.select(GatewayCode).where(
            GatewayCode.ended_at.is_(None), GatewayCode.expires_at > now
        )
    )
    return {row.gateway_id: row.expires_at for row in rows}


async def count_code_try(database: Database, address: str, now: datetime) -> None:
    """Count a try before it is judged. Raises TooManyTriesError."""
    await count_login_try(database, f"gateway code from {address}", f"code {address}", now)


async def enrol(session: AsyncSession, request: EnrolRequest, now: datetime) -> Enrolment:
    """Who the machine is from now on. Raises BadCodeError."""
    found = (
        await session.execute(
            text("SELECT * FROM auth_gateway_code(:hash, :at)"),
            {"hash": code_hash(request.code), "at": now},
        )
    ).one_or_none()
    if found is None:
        raise BadCodeError
    scope = await enter_tenant(session, found.institution_id)
    statement = scope.select(GatewayCode).where(GatewayCode.id == found.code_id)
    code = (await session.scalars(statement.with_for_update())).one()
    if code.ended_at is not None:  # two machines at the same moment
        raise BadCodeError
    code.ended_at = now
    gateway = await load_gateway(scope, code.gateway_id)
    gateway.enrolled_at = now
    gateway.revoked_at = None
    gateway.software_version = request.software_version[:100]
    token = await _add_token(scope, gateway.id, now)
    return Enrolment(
        gateway_id=str(gateway.id),
        name=gateway.name,
        institution_name=await institution_name(scope),
        token=token,
        settings_version=gateway.settings_version,
        settings=dict(gateway.settings),
    )


async def want_rotation(scope: TenantScope, gateway: Gateway, now: datetime) -> None:
    """Ask the gateway to fetch a new token; it hears of it within seconds."""
    if gateway.revoked_at is not None:
        raise ProblemError(409, "revoked", "The gateway is revoked; enrol it again by a code.")
    gateway.rotation_wanted_at = now
    await scope.session.flush()
    await ring(scope)


async def revoke(scope: TenantScope, gateway: Gateway, now: datetime) -> None:
    """Shut it out at once: tokens and codes end. Its data stay; a new code lets it in again."""
    gateway.revoked_at = now
    gateway.rotation_wanted_at = None
    await _end_codes(scope, gateway.id, now)
    await _end_tokens(scope, gateway.id, now, except_id=None)
    await ring(scope)


async def rotate_token(principal: GatewayPrincipal, now: datetime) -> str:
    """A further token for the gateway that asks; unused ones of earlier tries end."""
    scope, gateway = principal.scope, principal.gateway
    await scope.session.execute(
        update(GatewayToken)
        .where(
            GatewayToken.institution_id == scope.institution_id,
            GatewayToken.gateway_id == gateway.id,
            GatewayToken.first_used_at.is_(None),
            GatewayToken.id != principal.token_id,
        )
        .values(revoked_at=now)
    )
    return await _add_token(scope, gateway.id, now)


async def note_first_use(principal: GatewayPrincipal, now: datetime) -> None:
    """The gateway has its new token safely: the older ones end after OVERLAP."""
    if not principal.is_fresh:
        return
    scope, gateway = principal.scope, principal.gateway
    await scope.session.execute(
        update(GatewayToken)
        .where(
            GatewayToken.institution_id == scope.institution_id,
            GatewayToken.id == principal.token_id,
        )
        .values(first_used_at=now)
    )
    await _end_tokens(scope, gateway.id, now + OVERLAP, except_id=principal.token_id)
    gateway.rotation_wanted_at = None


async def ring(scope: TenantScope) -> None:
    """At commit: wake the gateways of this institution that wait for news."""
    await scope.session.execute(
        text("SELECT pg_notify(:channel, :payload)"),
        {"channel": CHANNEL, "payload": str(scope.institution_id)},
    )


async def _add_token(scope: TenantScope, gateway_id: uuid.UUID, now: datetime) -> str:
    secret = new_gateway_token()
    scope.session.add(
        GatewayToken(
            id=uuid.uuid4(),
            institution_id=scope.institution_id,
            gateway_id=gateway_id,
            token_hash=token_hash(secret),
            created_at=now,
        )
    )
    await scope.session.flush()
    return secret


async def _end_tokens(
    scope: TenantScope, gateway_id: uuid.UUID, at: datetime, *, except_id: uuid.UUID | None
) -> None:
    """Tokens that would be valid longer end `at`."""
    statement = update(GatewayToken).where(
        GatewayToken.institution_id == scope.institution_id,
        GatewayToken.gateway_id == gateway_id,
        or_(GatewayToken.revoked_at.is_(None), GatewayToken.revoked_at > at),
    )
    if except_id is not None:
        statement = statement.where(GatewayToken.id != except_id)
    await scope.session.execute(statement.values(revoked_at=at))


async def _end_codes(scope: TenantScope, gateway_id: uuid.UUID, now: datetime) -> None:
    await scope.session.execute(
        update(GatewayCode)
        .where(
            GatewayCode.institution_id == scope.institution_id,
            GatewayCode.gateway_id == gateway_id,
            GatewayCode.ended_at.is_(None),
        )
        .values(ended_at=now)
    )
