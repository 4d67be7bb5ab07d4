"""Whom to call, relatives with what each may see, and the consents that this rests on."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final, get_args

from sqlalchemy import delete

from cloud.conflicts import refusals_named
from cloud.crypto import Keyring
from cloud.database import TenantScope
from cloud.errors import BadFieldError, ConflictError, NotFoundError
from cloud.etag import require_version
from cloud.identity.models import User
from cloud.people.models import Consent, ElderContact, FamilyMember
from cloud.people.schemas import ConsentIn, ContactIn, FamilyIn, Purpose, WithdrawalIn
from cloud.places.sealing import seal, unseal

CONTACT_PHONE: Final = "contact.phone"
FAMILY_PHONE: Final = "family.phone"
PURPOSES: Final[tuple[Purpose, ...]] = get_args(Purpose)
SHARING: Final = "family_sharing"
HELPER: Final = "helper"


async def replace_contacts(
    scope: TenantScope, elder_id: uuid.UUID, wanted: Sequence[ContactIn], keyring: Keyring
) -> None:
    """All contacts anew, in the order given."""
    await scope.session.execute(
        delete(ElderContact).where(
            ElderContact.institution_id == scope.institution_id, ElderContact.elder_id == elder_id
        )
    )
    for rank, contact in enumerate(wanted, start=1):
        contact_id = uuid.uuid4()
        scope.session.add(
            ElderContact(
                id=contact_id, institution_id=scope.institution_id, elder_id=elder_id, rank=rank,
                name=contact.name, relationship=contact.relationship, note=contact.note,
                phone_sealed=seal(keyring, contact.phone, CONTACT_PHONE, contact_id),
            )
        )  # fmt: skip
    await scope.session.flush()


async def contacts_of(scope: TenantScope, elder_id: uuid.UUID) -> list[ElderContact]:
    """In the order in which to call them."""
    rows = await scope.session.scalars(
        scope.select(ElderContact)
        .where(ElderContact.elder_id == elder_id)
        .order_by(ElderContact.rank)
    )
    return list(rows)


def contact_phone(contact: ElderContact, keyring: Keyring) -> str:
    """The number to call."""
    return unseal(keyring, contact.phone_sealed, CONTACT_PHONE, contact.id)


def family_phone(member: FamilyMember, keyring: Keyring) -> str:
    """The number of a relative."""
    return unseal(keyring, member.phone_sealed, FAMILY_PHONE, member.id)


async def put_family_member(
    scope: TenantScope, elder_id: uuid.UUID, member: FamilyMember | None, wanted: FamilyIn,
    *, keyring: Keyring, now: datetime,
) -> FamilyMember:  # fmt: skip
    """A new relative, or one changed. Raises BadFieldError, ConflictError."""
    if wanted.role == HELPER and set(wanted.may_see) - {"alerts"}:
        raise BadFieldError("may_see", "互助人员只收报警通知，不看其他信息")
    user_id = None if not wanted.username else await _family_login(scope, wanted.username)
    if member is None:
        member = FamilyMember(
            id=uuid.uuid4(), institution_id=scope.institution_id, elder_id=elder_id, created_at=now
        )
        scope.session.add(member)
    else:
        member.version += 1
    member.name, member.relationship, member.user_id = wanted.name, wanted.relationship, user_id
    member.phone_sealed = seal(keyring, wanted.phone, FAMILY_PHONE, member.id)
    member.may_see, member.role = sorted(set(wanted.may_see)), wanted.role
    async with refusals_named(scope):
        pass
    return member


async def _family_login(scope: TenantScope, username: str) -> uuid.UUID:
    statement = scope.select(User).where(User.username == username, User.role == "family")
    user = (await scope.session.scalars(statement)).one_or_none()
    if user is None:
        raise BadFieldError("username", "there is no login of this name with the role family")
    return user.id


async def find_family_member(
    scope: TenantScope, elder_id: uuid.UUID, member_id: uuid.UUID
) -> FamilyMember:
    """One that has not ended. Raises NotFoundError."""
    statement = scope.select(FamilyMember).where(
        FamilyMember.id == member_id, FamilyMember.elder_id == elder_id,
        FamilyMember.ended_at.is_(None),
    )  # fmt: skip
    member = (await scope.session.scalars(statement)).one_or_none()
    if member is None:
        raise NotFoundError("family member")
    return member


async def end_family_member(
    scope: TenantScope, member: FamilyMember, if_match: str | None, now: datetime
) -> None:
    """From now on they see nothing. Raises ProblemError 412, 428."""
    require_version(if_match, member.version)
    member.ended_at = now
    member.version += 1
    await scope.session.flush()


async def family_of(scope: TenantScope, elder_id: uuid.UUID) -> list[FamilyMember]:
    """All relatives, also those who ended."""
    rows = await scope.session.scalars(
        scope.select(FamilyMember)
        .where(FamilyMember.elder_id == elder_id)
        .order_by(FamilyMember.created_at, FamilyMember.id)
    )
    return list(rows)


async def elders_of_user(scope: TenantScope, user_id: uuid.UUID) -> list[FamilyMember]:
    """Of which elders a login is a relative."""
    rows = await scope.session.scalars(
        scope.select(FamilyMember)
        .where(FamilyMember.user_id == user_id, FamilyMember.ended_at.is_(None))
        .order_by(FamilyMember.created_at)
    )
    return list(rows)


def sees(member: FamilyMember, consents: Sequence[Consent], now: datetime) -> frozenset[str]:
    """What the institution lets them see and a consent in force covers. Nothing else, ever."""
    if member.ended_at is not None:
        return frozenset()
    agreed: set[str] = set()
    for consent in consents:
        if (
            consent.purpose == SHARING
            and consent.family_member_id == member.id
            and in_force(consent, now)
        ):
            agreed.update(consent.kinds)
    return frozenset(member.may_see) & agreed


async def add_consent(
    scope: TenantScope, elder_id: uuid.UUID, wanted: ConsentIn, by: uuid.UUID | None, now: datetime
) -> Consent:
    """A consent as it was signed. Raises BadFieldError, NotFoundError."""
    if wanted.valid_until is not None and wanted.valid_until <= wanted.valid_from:
        raise BadFieldError("valid_until", "must be later than valid_from")
    if wanted.signer == "guardian" and not wanted.proof:
        raise BadFieldError("proof", "a guardian's consent names what shows that they are one")
    if wanted.purpose == SHARING:
        if wanted.family_member_id is None:
            raise BadFieldError("family_member_id", "sharing with family names the relative")
        if not wanted.kinds:
            raise BadFieldError("kinds", "sharing with family names what is shared")
        await find_family_member(scope, elder_id, wanted.family_member_id)
    elif wanted.family_member_id is not None or wanted.kinds:
        raise BadFieldError("family_member_id", "only for sharing with family")
    consent = Consent(
        id=uuid.uuid4(), institution_id=scope.institution_id, elder_id=elder_id,
        recorded_at=now, recorded_by_id=by, **wanted.model_dump(),
    )  # fmt: skip
    async with refusals_named(scope):
        scope.session.add(consent)
    return consent


async def withdraw_consent(
    scope: TenantScope, elder_id: uuid.UUID, consent_id: uuid.UUID, wanted: WithdrawalIn,
    now: datetime,
) -> Consent:  # fmt: skip
    """From now on it is not in force. Raises NotFoundError, ConflictError."""
    statement = (
        scope.select(Consent)
        .where(Consent.id == consent_id, Consent.elder_id == elder_id)
        .with_for_update()
    )
    consent = (await scope.session.scalars(statement)).one_or_none()
    if consent is None:
        raise NotFoundError("consent")
    if consent.withdrawn_at is not None:
        raise ConflictError("withdrawn_at", "it is withdrawn already")
    consent.withdrawn_at, consent.withdrawn_by = now, wanted.withdrawn_by
    consent.withdrawal_note = wanted.note
    await scope.session.flush()
    return consent


async def consents_of(scope: TenantScope, elder_id: uuid.UUID) -> list[Consent]:
    """All consents, newest first."""
    rows = await scope.session.scalars(
        scope.select(Consent)
        .where(Consent.elder_id == elder_id)
        .order_by(Consent.recorded_at.desc(), Consent.id)
    )
    return list(rows)


def in_force(consent: Consent, at: datetime) -> bool:
    """Half-open like every interval; a withdrawal ends it at once."""
    return (
        consent.valid_from <= at
        and (consent.valid_until is None or at < consent.valid_until)
        and (consent.withdrawn_at is None or at < consent.withdrawn_at)
    )


async def purposes_in_force(
    scope: TenantScope, elder_ids: Collection[uuid.UUID], at: datetime
) -> dict[uuid.UUID, frozenset[str]]:
    """What may be done with the data of each elder at a time; an elder without any has none."""
    agreed: dict[uuid.UUID, set[str]] = defaultdict(set)
    if elder_ids:
        rows = await scope.session.scalars(
            scope.select(Consent).where(Consent.elder_id.in_(elder_ids))
        )
        for row in rows:
            if in_force(row, at):
                agreed[row.elder_id].add(row.purpose)
    return {elder_id: frozenset(agreed[elder_id]) for elder_id in elder_ids}
