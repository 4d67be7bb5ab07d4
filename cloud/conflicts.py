"""What the database refuses, told as the field that is wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

from psycopg import errors as postgres
from sqlalchemy.exc import IntegrityError

from cloud.database import TenantScope
from cloud.errors import BadFieldError, ConflictError, ProblemError

# By constraint (migrations 0001, 0002 and the one of records): field, and what to say.
_TAKEN: Final[Mapping[str, tuple[str, str]]] = {
    "building_institution_id_name_key": ("name", "a building of this name is there already"),
    "unit_institution_id_name_key": ("name", "a unit of this name is there already"),
    "home_institution_id_name_key": ("name", "a home of this name is there already"),
    "room_unit_id_name_key": ("name", "this unit has a room of this name already"),
    "room_home_id_name_key": ("name", "this home has a room of this name already"),
    "bed_room_id_name_key": ("name", "this room has a bed of this name already"),
    "device_pkey": ("id", "a device of this id is there already"),
    "elder_citizen_number": ("citizen_number", "another elder here has this number"),
    "family_member_once": ("user_id", "this login is a family member of the elder already"),
    "stay_one_bed_at_a_time": ("valid_from", "the elder has another bed in this time"),
    "stay_one_elder_at_a_time": ("bed_id", "the bed is somebody else's in this time"),
    "assignment_one_at_a_time": ("valid_from", "the device is assigned already in this time"),
}


@asynccontextmanager
async def refusals_named(scope: TenantScope) -> AsyncIterator[None]:
    """Flush at the end; a refusal by the database becomes a problem that names the field."""
    try:
        yield
        await scope.session.flush()
    except IntegrityError as error:
        raise _problem(error) from error


def _problem(error: IntegrityError) -> ProblemError:
    diagnosis = error.orig.diag if isinstance(error.orig, postgres.Error) else None
    constraint = (diagnosis.constraint_name if diagnosis else None) or ""
    if constraint in _TAKEN:
        return ConflictError(*_TAKEN[constraint])
    if isinstance(error.orig, postgres.ForeignKeyViolation):
        # table_institution_id_FIELD_fkey
        field = (
            constraint.partition("_institution_id_")[2].removesuffix("_fkey").rstrip("0123456789")
        )
        return BadFieldError(field or "id", "there is no such thing here")
    return ConflictError(constraint or "record", "this does not fit what is there already")
