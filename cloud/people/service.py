"""Rules of people: elders, and where they stay when."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import date, datetime

from sqlalchemy import ColumnElement, cast, func, or_
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Text

from cloud.database import TenantScope
from cloud.errors import NotFoundError
from cloud.people.models import Elder, Stay
from cloud.people.search_keys import name_pinyin, search_keys


async def add_elder(
    scope: TenantScope,
    name: str,
    *,
    sex: str,
    birth_date: date,
    care_note: str,
    now: datetime,
) -> Elder:
    """A new elder."""
    elder = Elder(
        id=uuid.uuid4(),
        institution_id=scope.institution_id,
        sex=sex,
        birth_date=birth_date,
        care_note=care_note,
        created_at=now,
        updated_at=now,
    )
    set_name(elder, name)
    scope.session.add(elder)
    await scope.session.flush()
    return elder


def set_name(elder: Elder, name: str) -> None:
    """The name, and all by which it is found."""
    elder.name = name
    elder.name_pinyin = name_pinyin(name)
    elder.search_keys = func.array_to_tsvector(cast(search_keys(name), ARRAY(Text())))


async def add_stay(
    scope: TenantScope,
    elder_id: uuid.UUID,
    bed_id: uuid.UUID,
    valid_from: datetime,
    valid_until: datetime | None = None,
) -> Stay:
    """An elder in a bed over an interval. IntegrityError where either is taken then."""
    stay = Stay(
        id=uuid.uuid4(),
        institution_id=scope.institution_id,
        elder_id=elder_id,
        bed_id=bed_id,
        valid_from=valid_from,
        valid_until=valid_until,
    )
    scope.session.add(stay)
    await scope.session.flush()
    return stay


async def find_elder(scope: TenantScope, elder_id: uuid.UUID) -> Elder:
    """Raises NotFoundError."""
    found = (await elders_by_id(scope, [elder_id])).get(elder_id)
    if found is None:
        raise NotFoundError("elder")
    return found


async def elders_by_id(
    scope: TenantScope, elder_ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, Elder]:
    """Elders by id."""
    if not elder_ids:
        return {}
    rows = await scope.session.scalars(scope.select(Elder).where(Elder.id.in_(elder_ids)))
    return {elder.id: elder for elder in rows}


async def bed_of(scope: TenantScope, elder_id: uuid.UUID, at: datetime) -> uuid.UUID | None:
    """The bed an elder had at a time."""
    statement = scope.select(Stay).where(Stay.elder_id == elder_id, *covers(at))
    stay = (await scope.session.scalars(statement)).one_or_none()
    return None if stay is None else stay.bed_id


async def elder_in(scope: TenantScope, bed_id: uuid.UUID, at: datetime) -> uuid.UUID | None:
    """The elder who had a bed at a time."""
    statement = scope.select(Stay).where(Stay.bed_id == bed_id, *covers(at))
    stay = (await scope.session.scalars(statement)).one_or_none()
    return None if stay is None else stay.elder_id


async def stays_of(scope: TenantScope, elder_id: uuid.UUID) -> list[Stay]:
    """All stays of an elder, whenever."""
    return list(await scope.session.scalars(scope.select(Stay).where(Stay.elder_id == elder_id)))


async def stays_of_any(
    scope: TenantScope,
    elder_ids: Collection[uuid.UUID],
    bed_ids: Collection[uuid.UUID],
    at: datetime,
) -> list[Stay]:
    """The stays of these elders or in these beds at a time."""
    if not elder_ids and not bed_ids:
        return []
    statement = scope.select(Stay).where(
        or_(Stay.elder_id.in_(elder_ids), Stay.bed_id.in_(bed_ids)), *covers(at)
    )
    return list(await scope.session.scalars(statement))


async def stays_at(scope: TenantScope, at: datetime) -> list[Stay]:
    """All stays at a time."""
    return list((await scope.session.scalars(scope.select(Stay).where(*covers(at)))).all())


def covers(at: datetime) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Stays at a time; half-open: the moment it ends it is over."""
    return (
        Stay.valid_from <= at,
        or_(Stay.valid_until.is_(None), Stay.valid_until > at),
    )
