"""HTTP for notes on elders."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import AwareDatetime, Field

from cloud.care.access import CareReader, CareWriter
from cloud.care.observations import service
from cloud.care.observations.models import CareObservation
from cloud.errors import Problem
from cloud.schema_types import ApiModel, UtcMs
from cloud.state import ChangeHeader, State

router = APIRouter(
    prefix="/api/v1",
    tags=["care"],
    responses={code: {"model": Problem} for code in (401, 403, 404, 422)},
)


class NoteIn(ApiModel):
    """A note; `id` is chosen by the device. `corrects_id`: an earlier one that was wrong."""

    id: UUID
    text: Annotated[str, Field(min_length=1, max_length=1000)]
    important: bool = False
    at: AwareDatetime | None = None
    corrects_id: UUID | None = None


class NoteOut(ApiModel):
    """What was written down; never changed."""

    id: UUID
    elder_id: UUID
    at: UtcMs
    recorded_at: UtcMs
    by: str
    text: str
    important: bool
    corrects_id: UUID | None


class NotesOut(ApiModel):
    """The newest first."""

    notes: list[NoteOut]


@router.get("/elders/{elder_id}/observations")
async def list_observations(elder_id: UUID, principal: CareReader) -> NotesOut:
    """What carers have seen of this elder."""
    found = await service.notes_of(principal.scope, elder_id)
    return NotesOut(notes=[note_out(row) for row in found])


@router.post("/elders/{elder_id}/observations", dependencies=[ChangeHeader])
async def add_observation(
    elder_id: UUID, body: NoteIn, principal: CareWriter, state: State
) -> NoteOut:
    """Write down what was seen; the next handover of the unit shows it."""
    wanted = service.Note(**body.model_dump())
    return note_out(await service.add_note(principal, elder_id, wanted, state.clock.now()))


def note_out(row: CareObservation) -> NoteOut:
    """As the API tells it."""
    return NoteOut(
        id=row.id, elder_id=row.elder_id, at=row.at, recorded_at=row.recorded_at, by=row.by,
        text=row.text, important=row.important, corrects_id=row.corrects_id,
    )  # fmt: skip
