"""Assessments as the API shows them."""

from __future__ import annotations

from datetime import date

from cloud.care.assessment.form import load_form
from cloud.care.assessment.models import Assessment
from cloud.care.assessment.schemas import (
    AroundIn,
    AssessmentBrief,
    AssessmentOut,
    CircumstancesIn,
    ContestIn,
    CountedOut,
    DomainOut,
    DueOut,
    GroundOut,
    InformantIn,
    ReportOut,
)
from cloud.care.assessment.scoring import assess
from cloud.care.assessment.service import Due


def level_name(level: int | None) -> str | None:
    """The short Chinese name of a level."""
    return None if level is None else load_form().levels[level].short_zh


def brief_out(row: Assessment) -> AssessmentBrief:
    """A line in a list."""
    return AssessmentBrief(
        id=row.id,
        source=row.source,
        reason=row.reason,
        reference_date=row.reference_date,
        filed_at=row.filed_at,
        total=row.total,
        first_level=row.first_level,
        final_level=row.final_level,
        final_level_name=level_name(row.final_level),
    )


def full_out(row: Assessment) -> AssessmentOut:
    """All of it. Subtotals of a draft count what is answered; it has no level."""
    known = assess(row.answers)
    return AssessmentOut(
        id=row.id,
        elder_id=row.elder_id,
        version=row.version,
        reason=row.reason,
        reason_note=row.reason_note,
        reference_date=row.reference_date,
        answers=row.answers,
        circumstances=CircumstancesIn(**row.circumstances),
        informant=InformantIn(**row.informant),
        assessors=row.assessors,
        contested=[ContestIn(**one) for one in row.incidents.get("contested", ())],
        counted=[CountedOut(**one) for one in row.incidents.get("counted", ())],
        around=AroundIn(**row.around),
        created_at=row.created_at,
        updated_at=row.updated_at,
        filed_at=row.filed_at,
        missing=list(getattr(known, "missing", ())),
        domains=[
            DomainOut(code=one.code, name=one.zh, score=one.score, highest=one.highest)
            for one in known.domains
        ],
        report=_report(row),
        source=row.source,
    )


def due_out(due: Due, today: date) -> DueOut:
    """A line of the due list."""
    return DueOut(
        elder_id=due.elder.id,
        elder_name=due.elder.name,
        last_level=None if due.last is None else due.last.final_level,
        last_on=None if due.last is None else due.last.reference_date,
        due_on=due.due_on,
        events=None if due.trigger is None else due.trigger.count,
        falls=None if due.trigger is None else due.trigger.falls,
        asked_why=None if due.asked is None else due.asked.why,
        overdue_days=None if due.due_on is None else (today - due.due_on).days,
    )


def _report(row: Assessment) -> ReportOut | None:
    """As it was worked out when it was filed, not as today's rules would."""
    if row.result is None:
        return None
    result = row.result
    names = load_form().levels
    return ReportOut(
        rules_version=result["rules_version"],
        domains=[
            DomainOut(code=one["code"], name=one["zh"], score=one["score"], highest=one["highest"])
            for one in result["domains"]
        ],
        total=result["total"],
        first_level=result["first_level"],
        first_level_name=names[result["first_level"]].short_zh,
        grounds=[
            GroundOut(
                rule=one["rule"],
                text=one["zh"],
                because=one["because_zh"],
                because_en=one["because_en"],
                level_before=one["level_before"],
                level_after=one["level_after"],
            )
            for one in result["grounds"]
        ],
        final_level=result["final_level"],
        final_level_name=names[result["final_level"]].short_zh,
        changes_add_up=result["settings"]["changes_add_up"],
        events_count_together=result["settings"]["events_count_together"],
    )
