"""What the API says about identity."""

from __future__ import annotations

from uuid import UUID

from pydantic import Field

from cloud.identity.permissions import Permission, Role
from cloud.schema_types import ApiModel, UtcMs


class Login(ApiModel):
    """Name and password."""

    username: str = Field(min_length=1, max_length=100)
    password: str = Field(min_length=1, max_length=1000)


class InstitutionOut(ApiModel):
    """The institution one works for."""

    id: UUID
    name: str


class Me(ApiModel):
    """Who is logged in."""

    id: UUID
    username: str
    name: str
    role: Role
    permissions: list[Permission] = Field(description="what this role may do, sorted")
    institution: InstitutionOut
    session_expires_at: UtcMs
    server_time: UtcMs
