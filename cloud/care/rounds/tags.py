"""Tags at beds: which hangs where, and labels to print."""

from __future__ import annotations

import io
import secrets
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import quote

import segno
from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert

from cloud.audit import service as audit
from cloud.audit.actions import Action
from cloud.care.rounds.models import BedTag
from cloud.database import TenantScope
from cloud.errors import NotFoundError
from cloud.identity.service import Principal
from cloud.places.models import Bed, Room

# 12 of 31 characters, 59 bits: who was never at the bed does not guess what hangs there.
_TAG_CHARS: Final = 12
_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"
_PATH: Final = "/care/rounds?tag="


@dataclass(frozen=True, slots=True)
class Label:
    """A bed with its tag; None: none hangs there yet."""

    bed_id: uuid.UUID
    room: str
    bed: str
    tag: str | None
    set_at: datetime | None


async def labels_of(scope: TenantScope, unit_id: uuid.UUID) -> list[Label]:
    """Every bed of a unit in the order of the corridor, with its newest tag."""
    beds = await _beds(scope, unit_id)
    newest: dict[uuid.UUID, BedTag] = {}
    statement = scope.select(BedTag).where(BedTag.bed_id.in_([bed.id for bed, _ in beds]))
    for tag in await scope.session.scalars(statement.order_by(BedTag.set_at)):
        newest[tag.bed_id] = tag
    return [_label(bed, room, newest) for bed, room in beds]


def _label(bed: Bed, room: str, newest: Mapping[uuid.UUID, BedTag]) -> Label:
    tag = newest.get(bed.id)
    return Label(
        bed.id, room, bed.name, None if tag is None else tag.tag,
        None if tag is None else tag.set_at,
    )  # fmt: skip


async def _beds(scope: TenantScope, unit_id: uuid.UUID) -> Sequence[tuple[Bed, str]]:
    statement = (
        scope.select(Bed)
        .join(Room, (Room.institution_id == Bed.institution_id) & (Room.id == Bed.room_id))
        .where(Room.unit_id == unit_id, Bed.closed_at.is_(None))
        .order_by(Room.name, Bed.name)
        .with_only_columns(Bed, Room.name)
    )
    return [(bed, room) for bed, room in (await scope.session.execute(statement)).all()]


async def fill_tags(principal: Principal, unit_id: uuid.UUID, now: datetime) -> None:
    """A tag of its own for each bed of a unit that has none."""
    for label in await labels_of(principal.scope, unit_id):
        if label.tag is None:
            await set_tag(principal, label.bed_id, new_tag(), now)


async def renew_tag(principal: Principal, bed_id: uuid.UUID, now: datetime) -> None:
    """What hung there opens nothing any more. Raises NotFoundError."""
    scope = principal.scope
    await _require_bed(scope, bed_id)
    await scope.session.execute(
        delete(BedTag).where(BedTag.institution_id == scope.institution_id, BedTag.bed_id == bed_id)
    )
    await set_tag(principal, bed_id, new_tag(), now)


async def set_tag(principal: Principal, bed_id: uuid.UUID, tag: str, now: datetime) -> None:
    """Say at which bed a tag hangs. Raises NotFoundError."""
    scope = principal.scope
    await _require_bed(scope, bed_id)
    values = {"bed_id": bed_id, "set_at": now, "set_by": principal.user.display_name}
    await scope.session.execute(
        insert(BedTag)
        .values(institution_id=scope.institution_id, tag=tag, **values)
        .on_conflict_do_update(index_elements=[BedTag.institution_id, BedTag.tag], set_=values)
    )
    audit.record(
        scope, principal.actor, Action.RULES_CHANGED, now, subject=("bed", bed_id),
        changes={"bed_tag": (None, tag)},
    )  # fmt: skip


async def _require_bed(scope: TenantScope, bed_id: uuid.UUID) -> None:
    bed = scope.select(Bed).where(Bed.id == bed_id, Bed.closed_at.is_(None))
    if (await scope.session.scalars(bed)).one_or_none() is None:
        raise NotFoundError("bed")


def new_tag() -> str:
    """Nobody guesses it."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(_TAG_CHARS))


def address_of(base_url: str, tag: str) -> str:
    """What a phone opens that reads the label, or an NFC tag with the same text."""
    return f"{base_url.rstrip('/')}{_PATH}{quote(tag, safe='')}"


def qr_svg(address: str) -> str:
    """Dark on light with its quiet zone; level Q still reads with a quarter of it worn off."""
    image = io.BytesIO()
    segno.make(address, error="q", micro=False).save(
        image, kind="svg", border=4, xmldecl=False, svgns=True, omitsize=True, dark="#000000",
        light="#ffffff",
    )  # fmt: skip
    return image.getvalue().decode("utf-8")
