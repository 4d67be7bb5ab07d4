"""Ways to reach people: kept sealed, proved by a code, given up when the far end is gone."""

from __future__ import annotations

import json
import secrets
import uuid
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

import apprise
from sqlalchemy.orm import InstrumentedAttribute

from cloud.alerts.notify.gate import is_usable_for
from cloud.alerts.notify.models import ContactPoint
from cloud.crypto import Keyring
from cloud.database import TenantScope
from cloud.errors import NotFoundError, ProblemError
from cloud.identity.secrets import token_hash

# A person can take in a message every two minutes for an hour; beyond that they switch it off.
DEFAULT_PER_HOUR: Final = 30
CODE_LIFE: Final = timedelta(minutes=15)
_CODE_DIGITS: Final = 6
# A telephone, a tablet, a chat, a mail address, each twice; more is a mistake or an attack.
MAX_POINTS: Final = 10
_INDEX: Final = "contact_point.address"


def address_index(keyring: Keyring, channel: str, address: str) -> bytes:
    """By what a way is recognised."""
    return keyring.blind_index(identity_of(channel, address), _INDEX)


def address_context(point_id: uuid.UUID) -> str:
    """What binds a sealed address to its row."""
    return f"contact_point.address:{point_id}"


def seal(keyring: Keyring, point_id: uuid.UUID, address: str) -> bytes:
    """Addresses hold phone numbers and tokens: never in clear in the database."""
    return keyring.encrypt(address, address_context(point_id))


def unseal(keyring: Keyring, point: ContactPoint) -> str:
    """The address."""
    return keyring.decrypt(point.sealed_address, address_context(point.id))


def check_address(channel: str, address: str) -> None:
    """Raises ProblemError naming the field."""
    if channel == "webpush":
        try:
            subscription = json.loads(address)
            good = bool(
                urlsplit(subscription["endpoint"]).scheme in ("https", "http")
                and subscription["keys"]["p256dh"]
                and subscription["keys"]["auth"]
            )
        except (ValueError, KeyError, TypeError):
            good = False
        if not good:
            raise ProblemError(422, "bad_request", "address: is not a push subscription")
    elif apprise.Apprise.instantiate(address, suppress_exceptions=True) is None:
        raise ProblemError(422, "bad_request", "address: is not an address apprise knows")


async def add_point(
    scope: TenantScope,
    keyring: Keyring,
    channel: str,
    label: str,
    address: str,
    *,
    now: datetime,
    user_id: uuid.UUID | None = None,
    family_id: uuid.UUID | None = None,
    is_test: bool = False,
    per_hour: int = DEFAULT_PER_HOUR,
    verified: bool = False,
) -> tuple[ContactPoint, str]:
    """A way to reach somebody, and the code that proves it when it arrives."""
    check_address(channel, address)
    held = await points_of(scope, user_id=user_id, family_id=family_id)
    if len(held) >= MAX_POINTS:
        raise ProblemError(409, "too_many", f"{MAX_POINTS} ways at most: remove one first")
    if channel == "webpush":
        await _release(scope, keyring, address, now)
    point_id = uuid.uuid4()
    point = ContactPoint(
        id=point_id, institution_id=scope.institution_id, user_id=user_id, family_id=family_id,
        channel=channel, label=label, sealed_address=seal(keyring, point_id, address),
        address_index=address_index(keyring, channel, address),
        position=max((each.position for each in held), default=-1) + 1, is_test=is_test,
        per_hour=per_hour, created_at=now,
        # A browser that made a subscription is there: nothing more to prove.
        verified_at=now if verified or channel == "webpush" else None,
    )  # fmt: skip
    code = _new_code(point, now)
    scope.session.add(point)
    await scope.session.flush()
    return point, code


def _new_code(point: ContactPoint, now: datetime) -> str:
    code = "".join(secrets.choice("0123456789") for _ in range(_CODE_DIGITS))
    point.code_hash = token_hash(f"{point.id}{code}")
    point.code_expires_at = now + CODE_LIFE
    return code


def identity_of(channel: str, address: str) -> str:
    """What makes two addresses the same telephone: of a push subscription, its endpoint."""
    if channel == "webpush":
        return f"webpush {json.loads(address)['endpoint']}"
    return f"{channel} {address.strip()}"


async def _release(scope: TenantScope, keyring: Keyring, address: str, now: datetime) -> None:
    """One browser is one person's: whoever had it before is no longer reached there.

    A number that several share (the ward's telephone) stays everybody's.
    """
    indexes = keyring.blind_indexes(identity_of("webpush", address), _INDEX)
    statement = scope.select(ContactPoint).where(
        ContactPoint.address_index.in_(indexes), ContactPoint.removed_at.is_(None)
    )
    for point in await scope.session.scalars(statement):
        point.removed_at = now


def renew_code(point: ContactPoint, now: datetime) -> str:
    """Another code for a way that is not proved. Raises ProblemError."""
    if point.verified_at is not None and point.dead_at is None:
        raise ProblemError(409, "verified", "this way is verified already")
    return _new_code(point, now)


async def verify_point(point: ContactPoint, code: str, now: datetime) -> None:
    """The code came through. Raises ProblemError."""
    expired = point.code_expires_at is None or point.code_expires_at <= now
    if expired or not secrets.compare_digest(
        point.code_hash or b"", token_hash(f"{point.id}{code}")
    ):
        raise ProblemError(422, "bad_request", "code: is wrong or too old")
    point.verified_at, point.dead_at = now, None
    point.code_hash, point.code_expires_at = None, None


async def find_point(scope: TenantScope, point_id: uuid.UUID) -> ContactPoint:
    """Raises NotFoundError."""
    statement = scope.select(ContactPoint).where(
        ContactPoint.id == point_id, ContactPoint.removed_at.is_(None)
    )
    point = (await scope.session.scalars(statement)).one_or_none()
    if point is None:
        raise NotFoundError("contact point")
    return point


async def points_of(
    scope: TenantScope, *, user_id: uuid.UUID | None = None, family_id: uuid.UUID | None = None
) -> Sequence[ContactPoint]:
    """A person's ways, in their order; not those that were removed."""
    statement = scope.select(ContactPoint).where(ContactPoint.removed_at.is_(None))
    if user_id is not None:
        statement = statement.where(ContactPoint.user_id == user_id)
    elif family_id is not None:
        statement = statement.where(ContactPoint.family_id == family_id)
    else:
        return []
    statement = statement.order_by(ContactPoint.position, ContactPoint.created_at)
    return list(await scope.session.scalars(statement))


async def users_with_a_way(
    scope: TenantScope, user_ids: Collection[uuid.UUID], origin: str
) -> set[uuid.UUID]:
    """Users whom a message of this origin could reach outside the desk."""
    return await _with_a_way(scope, ContactPoint.user_id, user_ids, origin)


async def relatives_with_a_way(
    scope: TenantScope, family_ids: Collection[uuid.UUID], origin: str
) -> set[uuid.UUID]:
    """Relatives whom a message could reach although they have no login."""
    return await _with_a_way(scope, ContactPoint.family_id, family_ids, origin)


async def _with_a_way(
    scope: TenantScope, whose: InstrumentedAttribute[uuid.UUID | None],
    ids: Collection[uuid.UUID], origin: str,
) -> set[uuid.UUID]:  # fmt: skip
    if not ids:
        return set()
    statement = scope.select(ContactPoint).where(whose.in_(ids), ContactPoint.removed_at.is_(None))
    return {
        owner
        for point in await scope.session.scalars(statement)
        if (owner := getattr(point, whose.key)) is not None and is_usable_for(point, origin)
    }
