"""Elders found by name, pinyin, initials, bed or citizen number; page by page, at any size."""

from __future__ import annotations

import base64
import binascii
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Select, cast, false, not_, or_, tuple_
from sqlalchemy.dialects.postgresql import TSQUERY

from cloud.crypto import Keyring
from cloud.database import TenantScope
from cloud.errors import ProblemError
from cloud.people.citizen_number import CitizenNumberError, parse_citizen_number
from cloud.people.models import Elder, Stay
from cloud.people.reach import Reach
from cloud.people.record import number_purpose
from cloud.people.search_keys import query_key
from cloud.people.service import covers
from cloud.places.models import Bed, Room

MAX_QUERY: Final = 60
# `203`, `203-1`, `A203-12 床`: a room and maybe a bed.
_BED: Final = re.compile(r"([\w.]{1,20}?)(?:\s*[-/]\s*([\w.]{1,10}))?\s*(?:床|室)?")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A page of elders: those here now, or also those who left and those archived."""

    query: str = ""
    unit_id: uuid.UUID | None = None
    home_only: bool = False
    everybody: bool = False
    after: str | None = None
    limit: int = 50


async def find_elders(
    scope: TenantScope,
    wanted: Wanted,
    keyring: Keyring,
    now: datetime,
    reach: Reach | None = None,
) -> tuple[list[Elder], str | None]:
    """By name, and where the next page begins. Raises ProblemError for a broken `after`."""
    statement = scope.select(Elder)
    if not wanted.everybody:
        statement = statement.where(Elder.archived_at.is_(None))
    if wanted.unit_id is not None or wanted.home_only:
        statement = statement.where(Elder.id.in_(_staying(scope, wanted, now)))
    if reach is not None and reach.units is not None:
        statement = statement.where(not_(reach.hides(Elder.id)))
    query = wanted.query.strip()
    if query:
        statement = statement.where(_matches(scope, query, keyring, now))
    if wanted.after is not None:
        statement = statement.where(
            tuple_(Elder.name_pinyin, Elder.id) > tuple_(*_decode(wanted.after))
        )
    statement = statement.order_by(Elder.name_pinyin, Elder.id).limit(wanted.limit + 1)
    found = list(await scope.session.scalars(statement))
    if len(found) <= wanted.limit:
        return found, None
    page = found[: wanted.limit]
    return page, _encode(page[-1])


def _matches(
    scope: TenantScope, query: str, keyring: Keyring, now: datetime
) -> ColumnElement[bool]:
    try:
        number = parse_citizen_number(query, now.date())
    except CitizenNumberError:
        pass
    else:
        purpose = number_purpose(scope.institution_id)
        return Elder.citizen_number_index.in_(keyring.blind_indexes(number.text, purpose))
    ways: list[ColumnElement[bool]] = []
    key = query_key(query)
    if key:
        # A quoted lexeme with :* finds every key that begins so.
        ways.append(Elder.search_keys.bool_op("@@")(cast(f"'{key}':*", TSQUERY)))
    bed = _BED.fullmatch(query)
    if bed is not None and any(c.isdigit() for c in query):
        ways.append(Elder.id.in_(_in_bed(scope, bed[1], bed[2], now)))
    return or_(*ways) if ways else false()


def _in_bed(scope: TenantScope, room: str, bed: str | None, now: datetime) -> Select[uuid.UUID]:
    statement = (
        scope.select(Stay)
        .join(Bed, (Bed.institution_id == Stay.institution_id) & (Bed.id == Stay.bed_id))
        .join(Room, (Room.institution_id == Bed.institution_id) & (Room.id == Bed.room_id))
        .where(*covers(now), Room.name.startswith(room, autoescape=True))
    )
    if bed is not None:
        statement = statement.where(Bed.name == bed)
    return statement.with_only_columns(Stay.elder_id)


def _staying(scope: TenantScope, wanted: Wanted, now: datetime) -> Select[uuid.UUID]:
    statement = (
        scope.select(Stay)
        .join(Bed, (Bed.institution_id == Stay.institution_id) & (Bed.id == Stay.bed_id))
        .join(Room, (Room.institution_id == Bed.institution_id) & (Room.id == Bed.room_id))
        .where(*covers(now))
    )
    if wanted.unit_id is not None:
        statement = statement.where(Room.unit_id == wanted.unit_id)
    if wanted.home_only:
        statement = statement.where(Room.home_id.is_not(None))
    return statement.with_only_columns(Stay.elder_id)


def _encode(last: Elder) -> str:
    return base64.urlsafe_b64encode(f"{last.id}{last.name_pinyin}".encode()).decode()


def _decode(after: str) -> Sequence[str | uuid.UUID]:
    try:
        content = base64.urlsafe_b64decode(after.encode("ascii")).decode()
        return content[36:], uuid.UUID(content[:36])
    except (ValueError, binascii.Error):
        errors = [{"field": "query.after", "message": "must be `next` of the page before"}]
        raise ProblemError(
            422, "bad_request", "query.after: must be `next` of the page before", errors=errors
        ) from None
