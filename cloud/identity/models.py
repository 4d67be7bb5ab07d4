"""Tables of identity: institutions, their users, and who is logged in."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from cloud.database import Base, TenantBase


class Institution(Base):
    """A nursing home or an operator of home care beds: the tenant."""

    __tablename__ = "institution"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    created_at: Mapped[datetime]


class User(TenantBase):
    """Someone who logs in. User names are unique over all institutions."""

    __tablename__ = "user_account"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    username: Mapped[str]
    display_name: Mapped[str]
    role: Mapped[str]
    password_hash: Mapped[str]
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]


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


class LoginThrottle(Base):
    """Failed logins by (hashed) user name or address. Belongs to no institution."""

    __tablename__ = "login_throttle"
    key: Mapped[bytes] = mapped_column(primary_key=True)
    failures: Mapped[int]
    window_started_at: Mapped[datetime]
