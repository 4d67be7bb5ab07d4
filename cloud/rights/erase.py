"""Taking away what is kept of one elder: what may go now, and the file once it may go.

The proof is written first: the database lets rows of append-only tables go only in a transaction
that has written one (migration 0054). What stays is named with its reason and until when.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import text

from cloud.audit.actions import Action
from cloud.audit.service import Actor, record
from cloud.database import TenantScope
from cloud.people.service import find_elder
from cloud.rights.catalogue import FILE_KEPT, HELD, Fate, Held
from cloud.rights.finding import rows_of
from cloud.rights.models import ElderErasure
from cloud.series.elder_data import erase_elder as erase_series
from cloud.series.service import SeriesStore

# When somebody last was in care, by whatever there is; NULL while a stay or home bed lasts.
_ENDED: Final = """
SELECT bool_or(at IS NULL) AS lasts, max(at) AS ended FROM (
    SELECT valid_until AS at FROM stay
    WHERE institution_id = :institution AND elder_id = :elder
    UNION ALL SELECT ended_at FROM home_bed
    WHERE institution_id = :institution AND elder_id = :elder
    UNION ALL SELECT ended_at FROM visit
    WHERE institution_id = :institution AND elder_id = :elder
    UNION ALL SELECT coalesce(ended_at, wanted_at) FROM service_order
    WHERE institution_id = :institution AND elder_id = :elder
    UNION ALL SELECT updated_at FROM assessment
    WHERE institution_id = :institution AND elder_id = :elder
    UNION ALL SELECT happened_at FROM incident
    WHERE institution_id = :institution AND elder_id = :elder
) care
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether the file may go: `lasts`, still in care; `until`, to be kept till then."""

    lasts: bool
    until: datetime | None

    def may_go(self, now: datetime) -> bool:
        """Nothing asks us to keep the file any longer."""
        return not self.lasts and (self.until is None or self.until <= now)


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was done: rows by table that were deleted or cut, and what stays."""

    whole: bool
    counts: dict[str, int]
    standing: Standing


async def standing_of(scope: TenantScope, elder_id: uuid.UUID) -> Standing:
    """By stays, home beds and what was done for somebody."""
    where = {"institution": scope.institution_id, "elder": elder_id}
    lasts, ended = (await scope.session.execute(text(_ENDED), where)).one()
    return Standing(bool(lasts), None if ended is None else ended + FILE_KEPT)


async def erase_all(
    scope: TenantScope, store: SeriesStore, elder_id: uuid.UUID, *, actor: Actor, reason: str,
    now: datetime,
) -> Erasure:  # fmt: skip
    """All measurements and what need not be kept; the record too, once it may go.

    Raises NotFoundError.
    """
    elder = await find_elder(scope, elder_id)
    photo_id = elder.photo_id
    standing = await standing_of(scope, elder_id)
    whole = standing.may_go(now)
    proof = ElderErasure(
        id=uuid.uuid4(), institution_id=scope.institution_id, elder_id=elder_id, erased_at=now,
        erased_by=actor.name, reason=reason, whole=whole, counts={},
    )  # fmt: skip
    scope.session.add(proof)
    await scope.session.flush()
    measured = await erase_series(scope, store, elder_id, actor=actor, reason=reason, now=now)
    await scope.session.flush()
    counts = {"readings": measured.readings}
    # What the session still holds of the rows would be written back.
    scope.session.expunge(elder)
    for held in HELD:
        if held.fate is Fate.NOW or (whole and held.fate in (Fate.FILE, Fate.CUT)):
            gone = await _take(scope, held, elder_id)
            if gone:
                counts[held.table] = gone
    if whole and photo_id is not None:
        await scope.session.execute(
            text("DELETE FROM photo WHERE institution_id = :institution AND id = :id"),
            {"institution": scope.institution_id, "id": photo_id},
        )
        counts["photo"] = 1
    proof.counts = counts
    await scope.session.flush()
    record(
        scope, actor, Action.RECORD_DELETED, now, elder_id=elder_id,
        subject=("elder_erasure", proof.id), reason=reason, detail={"whole": whole, **counts},
    )  # fmt: skip
    return Erasure(whole, counts, standing)


async def _take(scope: TenantScope, held: Held, elder_id: uuid.UUID) -> int:
    where = {"institution": scope.institution_id, "elder": elder_id}
    if held.fate is Fate.CUT:
        values = ", ".join(f"{column} = {value}" for column, value in held.cut.items())
        statement = f"UPDATE {held.table} SET {values} WHERE {rows_of(held)}"  # noqa: S608
    else:
        statement = f"DELETE FROM {held.table} WHERE {rows_of(held)}"  # noqa: S608
    return int((await scope.session.execute(text(statement), where)).rowcount)  # type: ignore[attr-defined]
