"""HTTP for ability assessments."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from cloud.care.access import CareReader, CareWriter, RuleKeeper
from cloud.care.assessment import service
from cloud.care.assessment.counted import counted, incidents_for
from cloud.care.assessment.form import load_form
from cloud.care.assessment.models import Assessment
from cloud.care.assessment.present import brief_out, due_out, full_out, level_name
from cloud.care.assessment.report import assessment_pdf
from cloud.care.assessment.schemas import (
    AssessmentOut,
    AssessmentsOut,
    DraftIn,
    DueListOut,
    FileIn,
    FormOut,
    IncidentOut,
    IncidentsOut,
    SettingsIO,
)
from cloud.care.assessment.scoring import FormError
from cloud.clock import local_date
from cloud.errors import FieldProblem, Problem, ProblemError
from cloud.identity.service import Principal, institution_name
from cloud.people.reach import reach_of
from cloud.people.service import find_elder
from cloud.state import ChangeHeader, State

router = APIRouter(
    prefix="/api/v1",
    tags=["care"],
    responses={code: {"model": Problem} for code in (401, 403, 404, 409, 422)},
)


@router.get("/assessment-form")
async def get_assessment_form(_principal: CareReader) -> FormOut:
    """The form of GB/T 42195-2022: items, options, levels, value lists. Keep it for offline use."""
    return FormOut(form=load_form().document)


@router.get("/assessments-due")
async def list_due_assessments(
    principal: CareReader,
    state: State,
    within_days: Annotated[int, Query(ge=0, le=365)] = 30,
) -> DueListOut:
    """Whose assessment is due, never assessed first."""
    today = local_date(state.clock.now())
    found = await service.due_list(principal.scope, today, within_days, state.clock.now())
    hidden = await (await reach_of(principal)).hidden()
    found = [one for one in found if one.elder.id not in hidden]
    settings = await service.settings_of(principal.scope)
    return DueListOut(
        interval_days=settings.interval_days, due=[due_out(one, today) for one in found]
    )


@router.get("/assessment-settings")
async def get_assessment_settings(principal: CareReader) -> SettingsIO:
    """How this institution reads the standard's open points."""
    return await service.settings_of(principal.scope)


@router.put("/assessment-settings", dependencies=[ChangeHeader])
async def put_assessment_settings(
    wanted: SettingsIO, principal: RuleKeeper, state: State
) -> SettingsIO:
    """Change them for assessments filed from now on."""
    await service.change_settings(principal, wanted, state.clock.now())
    return wanted


@router.get("/elders/{elder_id}/assessments")
async def list_assessments(elder_id: UUID, principal: CareReader) -> AssessmentsOut:
    """All assessments of an elder, and the level that holds now."""
    await find_elder(principal.scope, elder_id)
    rows = await service.of_elder(principal.scope, elder_id)
    level = await service.current_level(principal.scope, elder_id)
    settings = await service.settings_of(principal.scope)
    return AssessmentsOut(
        elder_id=elder_id,
        current_level=level,
        current_level_name=level_name(level),
        due_on=_due_on(rows, settings.interval_days),
        assessments=[brief_out(row) for row in rows],
    )


@router.get("/elders/{elder_id}/assessment-incidents")
async def list_assessment_incidents(
    elder_id: UUID, reference_date: date, principal: CareReader
) -> IncidentsOut:
    """What an assessment of that day counts by itself: confirmed incidents of its 30 days."""
    await find_elder(principal.scope, elder_id)
    found = await incidents_for(principal.scope, elder_id, reference_date)
    _, counts = counted(found, ())
    return IncidentsOut(
        reference_date=reference_date,
        incidents=[
            IncidentOut(
                id=one.id,
                kind=one.kind,
                happened_at=one.happened_at,
                recorded_by=one.recorded_by,
                injury=one.injury,
                cause=one.cause,
            )
            for one in found
        ],
        counts=counts,
    )


@router.get("/elders/{elder_id}/assessments/{assessment_id}")
async def get_assessment(
    elder_id: UUID, assessment_id: UUID, principal: CareReader
) -> AssessmentOut:
    """One assessment, with its report where it is filed."""
    return full_out(await _of(principal, elder_id, assessment_id))


@router.put("/elders/{elder_id}/assessments/{assessment_id}", dependencies=[ChangeHeader])
async def put_assessment(
    *, elder_id: UUID, assessment_id: UUID, draft: DraftIn, principal: CareWriter, state: State
) -> AssessmentOut:
    """Keep a draft, new or changed, under an id that the tablet chose. A draft has no level."""
    try:
        saved = await service.save_draft(
            principal, elder_id, assessment_id, draft, state.clock.now()
        )
    except FormError as error:
        raise _told(error) from error
    return full_out(saved)


@router.post("/elders/{elder_id}/assessments/{assessment_id}/file", dependencies=[ChangeHeader])
async def file_assessment(
    *, elder_id: UUID, assessment_id: UUID, body: FileIn, principal: CareWriter, state: State
) -> AssessmentOut:
    """File a full and signed draft: it gets its level and never changes again."""
    await _of(principal, elder_id, assessment_id)
    try:
        filed = await service.file(principal, assessment_id, body.version, state.clock.now())
    except FormError as error:
        raise _told(error) from error
    return full_out(filed)


@router.get("/elders/{elder_id}/assessments/{assessment_id}/report.pdf", response_class=Response)
async def get_assessment_report(
    elder_id: UUID, assessment_id: UUID, principal: CareReader
) -> Response:
    """The report of a filed assessment on A4, in Chinese."""
    found = await _of(principal, elder_id, assessment_id)
    if found.filed_at is None:
        raise ProblemError(
            409,
            "not_filed",
            "草稿没有等级，也没有报告；请先提交。",
        )
    elder = await find_elder(principal.scope, elder_id)
    name = await institution_name(principal.scope)
    return Response(
        # Cutting the font takes half a second of the processor's time.
        await asyncio.to_thread(assessment_pdf, found, elder, name),
        media_type="application/pdf",
        headers={"Content-Disposition": f'inline; filename="assessment-{assessment_id}.pdf"'},
    )


async def _of(principal: Principal, elder_id: UUID, assessment_id: UUID) -> Assessment:
    found = await service.find(principal.scope, assessment_id)
    if found.elder_id != elder_id:
        raise ProblemError(
            404,
            "not_found",
            "No such assessment.",
        )
    return found


def _due_on(rows: list[Assessment], interval_days: int) -> date | None:
    filed = [row.reference_date for row in rows if row.filed_at is not None]
    return max(filed) + timedelta(days=interval_days) if filed else None


def _told(error: FormError) -> ProblemError:
    """Every mistake with its field, in the assessor's words."""
    return ProblemError(
        422,
        "bad_form",
        "；".join(mistake.zh for mistake in error.mistakes),
        errors=[
            FieldProblem(field=mistake.field, message=mistake.zh).model_dump()
            for mistake in error.mistakes
        ],
    )
