"""Elders as the API tells them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import cast

from cloud.crypto import Keyring
from cloud.database import TenantScope
from cloud.people import family
from cloud.people.age import age_on
from cloud.people.models import Consent, Elder, ElderContact, ElderFact, FamilyMember, Stay
from cloud.people.record import (
    RecordRules,
    elder_values,
    facts_of,
    masked_number,
    number_of,
    phone_of,
)
from cloud.people.schemas import (
    AllergyIn,
    ConsentOut,
    ContactOut,
    ContactsOut,
    DiagnosisIn,
    ElderLine,
    ElderOut,
    ElderPlace,
    EndReason,
    FactOut,
    FamilyKind,
    FamilyOut,
    FamilyRole,
    LivingFlag,
    Purpose,
    Sex,
    Signer,
    StayOut,
)
from cloud.people.service import stays_of_any
from cloud.people.vocabulary import LIVING_FLAGS, UNKNOWN
from cloud.places.service import PlaceName, bed_names


async def lines(scope: TenantScope, elders: Sequence[Elder], now: datetime) -> list[ElderLine]:
    """Elders for a list, with where they are now."""
    places = await places_of(scope, elders, now)
    return [
        ElderLine(
            id=elder.id, name=elder.name, sex=cast(Sex, elder.sex),
            age=age_on(elder.birth_date, now.date()), place=places.get(elder.id),
            photo_id=elder.photo_id, archived=elder.archived_at is not None,
        ) for elder in elders
    ]  # fmt: skip


async def places_of(
    scope: TenantScope, elders: Sequence[Elder], now: datetime
) -> dict[object, ElderPlace]:
    """Where these elders stay now, by elder; who has no bed is left out."""
    stays = await stays_of_any(scope, {elder.id for elder in elders}, (), now)
    names = await bed_names(scope, {stay.bed_id for stay in stays})
    return {stay.elder_id: place_said(stay.bed_id, names[stay.bed_id]) for stay in stays}


def place_said(bed_id: uuid.UUID, name: PlaceName) -> ElderPlace:
    """Where somebody stays, in words."""
    return ElderPlace(
        bed_id=bed_id, unit=name.unit, room=name.room, bed=name.bed, label=name.label,
        is_home=name.is_home,
    )  # fmt: skip


async def record_out(
    scope: TenantScope, elder: Elder, rules: RecordRules, now: datetime, *, full_number: bool
) -> ElderOut:
    """A record. `full_number` False: only the ends of the citizen number."""
    facts = await facts_of(scope, elder.id)
    places = await places_of(scope, [elder], now)
    place = places.get(elder.id)
    return record_said(elder, facts, place, rules, now, full_number=full_number)


def record_said(
    elder: Elder, facts: Mapping[str, ElderFact], place: ElderPlace | None, rules: RecordRules,
    now: datetime, *, full_number: bool,
) -> ElderOut:  # fmt: skip
    """A record, of what was read already."""
    number = number_of(elder, rules)
    values = elder_values(elder)
    values["diagnoses"] = [DiagnosisIn(**item) for item in elder.diagnoses]
    values["allergies"] = [AllergyIn(**item) for item in elder.allergies]
    return ElderOut(
        **values,
        id=elder.id,
        age=age_on(elder.birth_date, now.date()),
        citizen_number=number if full_number or number is None else masked_number(number),
        phone=phone_of(elder, rules),
        photo_id=elder.photo_id,
        place=place,
        facts=[fact_out(fact) for fact in facts.values()],
        living_flags={
            cast(LivingFlag, flag): facts[flag].value if flag in facts else UNKNOWN
            for flag in LIVING_FLAGS
        },
        archived_at=elder.archived_at,
        version=elder.version,
    )


def fact_out(fact: ElderFact) -> FactOut:
    """A fact with where it is from."""
    return FactOut(
        field=fact.field, value=fact.value, source=fact.source, as_of=fact.as_of,
        recorded_at=fact.recorded_at,
    )  # fmt: skip


def stay_out(stay: Stay, place: str) -> StayOut:
    """A stay."""
    return StayOut(
        id=stay.id, elder_id=stay.elder_id, bed_id=stay.bed_id, place=place,
        valid_from=stay.valid_from, valid_until=stay.valid_until,
        end_reason=cast(EndReason | None, stay.end_reason), note=stay.note,
    )  # fmt: skip


async def contacts_out(scope: TenantScope, elder: Elder, keyring: Keyring) -> ContactsOut:
    """Whom to call, first of all first."""
    return ContactsOut(contacts=contacts_said(await family.contacts_of(scope, elder.id), keyring))


def contacts_said(rows: Sequence[ElderContact], keyring: Keyring) -> list[ContactOut]:
    """Whom to call, of what was read already."""
    return [
        ContactOut(
            rank=row.rank, name=row.name, relationship=row.relationship, note=row.note,
            phone=family.contact_phone(row, keyring),
        ) for row in rows
    ]  # fmt: skip


def family_out(
    member: FamilyMember, consents: Sequence[Consent], username: str | None, keyring: Keyring,
    now: datetime,
) -> FamilyOut:  # fmt: skip
    """A relative with what they see now."""
    return FamilyOut(
        id=member.id, name=member.name, relationship=member.relationship, username=username,
        phone=family.family_phone(member, keyring),
        may_see=cast(list[FamilyKind], member.may_see), role=cast(FamilyRole, member.role),
        sees_now=cast(list[FamilyKind], sorted(family.sees(member, consents, now))),
        ended_at=member.ended_at, version=member.version,
    )  # fmt: skip


def consent_out(consent: Consent, now: datetime) -> ConsentOut:
    """A consent, and whether it holds."""
    return ConsentOut(
        id=consent.id, purpose=cast(Purpose, consent.purpose),
        family_member_id=consent.family_member_id, kinds=cast(list[FamilyKind], consent.kinds),
        text_version=consent.text_version, signer=cast(Signer, consent.signer),
        signer_name=consent.signer_name, proof=consent.proof, valid_from=consent.valid_from,
        valid_until=consent.valid_until, recorded_at=consent.recorded_at,
        withdrawn_at=consent.withdrawn_at, withdrawn_by=consent.withdrawn_by,
        withdrawal_note=consent.withdrawal_note, in_force=family.in_force(consent, now),
    )  # fmt: skip
