"""Lists and rows as the API shows them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import cast

from cloud.care.matching import service
from cloud.care.matching.matcher import Certainty, Difference
from cloud.care.matching.models import ListState, MatchingList, MatchingRow, person_context
from cloud.care.matching.schemas import CandidateOut, DecisionKind, ListOut, MeaningIn, RowOut
from cloud.care.matching.words import Reason, sentence
from cloud.crypto import Keyring
from cloud.database import TenantScope
from cloud.people.models import Elder
from cloud.people.reach import Reach
from cloud.people.service import elders_by_id


async def lists_out(scope: TenantScope, rows: Sequence[MatchingList]) -> list[ListOut]:
    """With counts, and which list each follows."""
    counts = await service.counts_of(scope, [row.id for row in rows])
    wanted = {row.previous_id for row in rows} - {None}
    before = scope.select(MatchingList).where(MatchingList.id.in_(wanted))
    as_of = {row.id: row.as_of for row in await scope.session.scalars(before)}
    return [
        ListOut(
            id=row.id,
            source=row.source,
            field=row.field,
            purpose=row.purpose,
            legal_basis=row.legal_basis,
            as_of=row.as_of,
            file_name=row.file_name,
            file_sha256=None if row.file_sha256 is None else row.file_sha256.hex(),
            state=ListState(row.state),
            step=row.step,
            done=row.done,
            total=row.total,
            note=row.note,
            meanings=[MeaningIn(status=k, value=v) for k, v in sorted(row.meanings.items())],
            values=service.values_of(row.field),
            previous_as_of=None if row.previous_id is None else as_of.get(row.previous_id),
            uploaded_at=row.uploaded_at,
            uploaded_by=row.uploaded_by,
            ended_at=row.ended_at,
            expires_on=row.expires_on,
            counts=counts[row.id][0],
            undecided=counts[row.id][1],
            version=row.version,
        )
        for row in rows
    ]


async def rows_out(
    scope: TenantScope, rows: Sequence[MatchingRow], keyring: Keyring, reach: Reach
) -> list[RowOut]:
    """With the people of the list opened, and of the records those within reach."""
    hidden = await reach.hidden()
    ids = {one for row in rows for one in (*row.candidates, row.elder_id) if one is not None}
    elders = await elders_by_id(scope, ids - hidden)
    return [_row_out(row, elders, keyring) for row in rows]


def _row_out(row: MatchingRow, elders: Mapping[uuid.UUID, Elder], keyring: Keyring) -> RowOut:
    person = {"name": "", "birth_date": None, "number": None}
    if row.person_sealed is not None:
        person = json.loads(keyring.decrypt(row.person_sealed, person_context(row.id)))
    meant = [row.elder_id] if row.elder_id is not None else row.candidates
    shown = [elders[one] for one in meant if one in elders]
    reason, certainty = Reason(row.reason), Certainty(row.certainty)
    why = sentence(
        reason, problems=[row.problems] if row.problems else [], lines=row.other_lines,
        count=len(row.candidates), recorded=shown[0].name if len(shown) == 1 else "",
        listed=person["name"] or "",
    )  # fmt: skip
    return RowOut(
        id=row.id,
        line=row.line,
        difference=Difference(row.difference),
        certainty=certainty,
        reason=reason,
        why=why,
        name=person["name"] or "",
        birth_date=person["birth_date"],  # type: ignore[arg-type]  # read from its text
        number=person["number"],
        status=row.status,
        elders=[
            CandidateOut(elder_id=one.id, name=one.name, birth_date=one.birth_date) for one in shown
        ],
        before=row.before,
        after=row.after,
        decision=cast(DecisionKind | None, row.decision),
        decided_at=row.decided_at,
        decided_by=row.decided_by,
        decision_note=row.decision_note,
        undone_at=row.undone_at,
        undone_by=row.undone_by,
        may_bulk=certainty is Certainty.CERTAIN and row.difference in ("changed", "gone"),
    )
