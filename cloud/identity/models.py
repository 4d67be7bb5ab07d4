"""Tables of identity: institutions, their users, and who is logged in."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import ARRAY, BigInteger, Text
from sqlalchemy.orm import Mapped, mapped_column

from cloud.database import Base, TenantBase


class Organization(Base):
    """An operator with several institutions. Out of reach of requests, but by functions."""

    __tablename__ = "organization"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    created_at: Mapped[datetime]


class Institution(Base):
    """A nursing home or an operator of home care beds: the tenant."""

    __tablename__ = "institution"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    created_at: Mapped[datetime]
    organization_id: Mapped[uuid.UUID | None]
    kind: Mapped[str] = mapped_column(default="care")
    demo: Mapped[bool] = mapped_column(default=False)


class DistrictMember(TenantBase):
    """An institution whose counts a bureau sees. Written by the owner of the database only."""

    __tablename__ = "district_member"
    institution_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    member_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    district_code: Mapped[str | None]
    district_name: Mapped[str] = mapped_column(default="")
    shows_events: Mapped[bool] = mapped_column(default=False)


class User(TenantBase):
    """Someone who logs in. User names are unique over all institutions.

    With `home_account_id` it is the same person's account in a further institution of the same
    organization: it is entered from the home account and has no password.
    """

    __tablename__ = "user_account"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    username: Mapped[str]
    display_name: Mapped[str]
    role: Mapped[str]
    password_hash: Mapped[str]
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]
    home_account_id: Mapped[uuid.UUID | None]
    must_change_password: Mapped[bool] = mapped_column(default=False)
    password_changed_at: Mapped[datetime | None]
    totp_sealed: Mapped[bytes | None]
    totp_confirmed_at: Mapped[datetime | None]
    totp_last_step: Mapped[int] = mapped_column(BigInteger, default=0)
    oidc_subject: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)


class UserUnit(TenantBase):
    """A unit that a user serves. Without any, they serve the whole institution."""

    __tablename__ = "user_unit"
    institution_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    user_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    unit_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)


class RecoveryCode(TenantBase):
    """Opens a login once where the second factor is lost. Only its hash is kept."""

    __tablename__ = "recovery_code"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    user_id: Mapped[uuid.UUID]
    code_hash: Mapped[bytes]
    used_at: Mapped[datetime | None]


class ApiToken(TenantBase):
    """For programs: what its maker may do, narrowed to `permissions`, until it expires."""

    __tablename__ = "api_token"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    user_id: Mapped[uuid.UUID]
    name: Mapped[str]
    token_hash: Mapped[bytes]
    permissions: Mapped[list[str]] = mapped_column(ARRAY(Text))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class BreakGlass(TenantBase):
    """Someone opened the record of an elder outside their units, for a while, with a reason."""

    __tablename__ = "break_glass"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    user_id: Mapped[uuid.UUID]
    elder_id: Mapped[uuid.UUID]
    reason: Mapped[str]
    opened_at: Mapped[datetime]
    closes_at: Mapped[datetime]
    reviewed_at: Mapped[datetime | None]
    reviewed_by_id: Mapped[uuid.UUID | None]
    review_note: Mapped[str | None]


class UserSession(TenantBase):
    """A login. Only a hash of its token is kept: reading this table logs nobody in."""

    __tablename__ = "user_session"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    user_id: Mapped[uuid.UUID]
    token_hash: Mapped[bytes]
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    user_agent: Mapped[str] = mapped_column(default="")
    address: Mapped[str] = mapped_column(default="")
    signed_in_by: Mapped[str] = mapped_column(default="password")


class LoginThrottle(Base):
    """Failed logins by (hashed) user name or address. Belongs to no institution."""

    __tablename__ = "login_throttle"
    key: Mapped[bytes] = mapped_column(primary_key=True)
    failures: Mapped[int]
    window_started_at: Mapped[datetime]
    strikes: Mapped[int] = mapped_column(default=0)
