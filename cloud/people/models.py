"""Tables of people: elders, their stays, contacts and family, consents, risks."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Date, Identity, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from cloud.database import TenantBase

_TEXTS = ARRAY(Text())


class Elder(TenantBase):
    """An older person in the institution's care. What has a source and a date is an ElderFact."""

    __tablename__ = "elder"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    sex: Mapped[str]
    birth_date: Mapped[date] = mapped_column(Date)
    care_note: Mapped[str]
    created_at: Mapped[datetime]
    name_pinyin: Mapped[str] = mapped_column(default="")
    search_keys: Mapped[Any] = mapped_column(TSVECTOR, deferred=True)
    citizen_number_sealed: Mapped[bytes | None]
    citizen_number_index: Mapped[bytes | None]
    phone_sealed: Mapped[bytes | None]
    height_cm: Mapped[float | None]
    weight_kg: Mapped[float | None]
    ethnicity: Mapped[str | None]
    religion: Mapped[str | None]
    education: Mapped[str | None]
    living: Mapped[list[str]] = mapped_column(_TEXTS, default=list)
    marital: Mapped[str | None]
    payment: Mapped[list[str]] = mapped_column(_TEXTS, default=list)
    income: Mapped[list[str]] = mapped_column(_TEXTS, default=list)
    languages: Mapped[list[str]] = mapped_column(_TEXTS, default=list)
    diagnoses: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)
    allergies: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)
    photo_id: Mapped[uuid.UUID | None]
    archived_at: Mapped[datetime | None]
    updated_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)


class Stay(TenantBase):
    """An elder in a bed over [valid_from, valid_until); no end: still there."""

    __tablename__ = "stay"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    elder_id: Mapped[uuid.UUID]
    bed_id: Mapped[uuid.UUID]
    valid_from: Mapped[datetime]
    valid_until: Mapped[datetime | None]
    end_reason: Mapped[str | None]
    note: Mapped[str] = mapped_column(default="")


class ElderFact(TenantBase):
    """What is known of an elder, from whom and as of when; the newest of a field holds."""

    __tablename__ = "elder_fact"
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    elder_id: Mapped[uuid.UUID]
    field: Mapped[str]
    value: Mapped[Any] = mapped_column(JSONB)
    source: Mapped[str]
    as_of: Mapped[date] = mapped_column(Date)
    recorded_at: Mapped[datetime]
    recorded_by_id: Mapped[uuid.UUID | None]


class ElderContact(TenantBase):
    """Whom to call in an emergency, in the order of `rank`."""

    __tablename__ = "elder_contact"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    elder_id: Mapped[uuid.UUID]
    rank: Mapped[int]
    name: Mapped[str]
    relationship: Mapped[str]
    phone_sealed: Mapped[bytes]
    note: Mapped[str] = mapped_column(default="")


class FamilyMember(TenantBase):
    """A relative; what they may see counts only where a consent says the same."""

    __tablename__ = "family_member"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    elder_id: Mapped[uuid.UUID]
    user_id: Mapped[uuid.UUID | None]
    name: Mapped[str]
    relationship: Mapped[str]
    phone_sealed: Mapped[bytes | None]
    may_see: Mapped[list[str]] = mapped_column(_TEXTS, default=list)
    # `helper`: a neighbour or volunteer who is paired with the elder (互助), no kin.
    role: Mapped[str] = mapped_column(default="relative")
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)


class FamilyInvitation(TenantBase):
    """A one-time code that lets a relative make their own login. Only its hash is kept."""

    __tablename__ = "family_invitation"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    family_id: Mapped[uuid.UUID]
    code_hash: Mapped[bytes]
    created_at: Mapped[datetime]
    created_by_id: Mapped[uuid.UUID | None]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    accepted_at: Mapped[datetime | None]


class Consent(TenantBase):
    """Who agreed to what, on which text. Only a withdrawal is ever added to it."""

    __tablename__ = "consent"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    elder_id: Mapped[uuid.UUID]
    purpose: Mapped[str]
    family_member_id: Mapped[uuid.UUID | None]
    kinds: Mapped[list[str]] = mapped_column(_TEXTS, default=list)
    text_version: Mapped[str]
    signer: Mapped[str]
    signer_name: Mapped[str]
    proof: Mapped[str] = mapped_column(default="")
    valid_from: Mapped[datetime]
    valid_until: Mapped[datetime | None]
    recorded_at: Mapped[datetime]
    recorded_by_id: Mapped[uuid.UUID | None]
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[str | None]
    withdrawal_note: Mapped[str] = mapped_column(default="")


class RiskHistory(TenantBase):
    """An entry as it was at each version: append-only."""

    __tablename__ = "risk_history"
    institution_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    elder_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    risk: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    level: Mapped[str]
    measures: Mapped[str]
    owner: Mapped[str]
    review_on: Mapped[date | None] = mapped_column(Date)
    at: Mapped[datetime]
    by: Mapped[str]


class RiskEntry(TenantBase):
    """One of the nine risks (九防) of an elder; where there is no row it is not assessed yet."""

    __tablename__ = "risk_entry"
    institution_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    elder_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    risk: Mapped[str] = mapped_column(primary_key=True)
    level: Mapped[str]
    measures: Mapped[str] = mapped_column(default="")
    owner: Mapped[str] = mapped_column(default="")
    review_on: Mapped[date | None] = mapped_column(Date)
    assessed_at: Mapped[datetime | None]
    assessed_by: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)
