"""The elder's record: made, changed, read; what has a source and a date stands beside it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from cloud.audit.service import SECRET
from cloud.conflicts import refusals_named
from cloud.crypto import Keyring
from cloud.database import TenantScope
from cloud.errors import BadFieldError, ConflictError
from cloud.etag import require_version
from cloud.people.citizen_number import CitizenNumberError, parse_citizen_number
from cloud.people.models import Elder, ElderFact
from cloud.people.schemas import ElderIn, FactIn
from cloud.people.service import bed_of, find_elder, set_name
from cloud.people.vocabulary import diagnoses, fact_fields, form_values
from cloud.places.sealing import seal, unseal

CITIZEN_NUMBER: Final = "elder.citizen_number"
PHONE: Final = "elder.phone"
_OLDEST_YEARS: Final = 130
_SEALED: Final = frozenset({"citizen_number", "phone"})
# Parts of ElderIn that need more than being copied.
_OWN_WAY: Final = frozenset({"name", "citizen_number", "phone", "diagnoses", "allergies"})


@dataclass(frozen=True, slots=True)
class RecordRules:
    """How this installation keeps records. Impossible numbers belong to demonstrations only."""

    keyring: Keyring
    impossible_numbers: bool


async def make_elder(
    scope: TenantScope, wanted: ElderIn, rules: RecordRules, now: datetime
) -> Elder:
    """A new record. Raises BadFieldError, ConflictError."""
    elder = Elder(id=uuid.uuid4(), institution_id=scope.institution_id, created_at=now)
    _fill(elder, wanted, rules, now)
    await _refuse_known_number(scope, elder, wanted, rules)
    async with refusals_named(scope):
        scope.session.add(elder)
    return elder


async def lock_elder(scope: TenantScope, elder_id: uuid.UUID, if_match: str | None) -> Elder:
    """The record in the version the caller read. Raises NotFoundError, ProblemError 412, 428."""
    await find_elder(scope, elder_id)
    statement = (
        scope.select(Elder)
        .where(Elder.id == elder_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    elder = (await scope.session.scalars(statement)).one()
    require_version(if_match, elder.version)
    return elder


async def change_elder(
    scope: TenantScope, elder: Elder, wanted: ElderIn, rules: RecordRules, now: datetime
) -> dict[str, tuple[object, object]]:
    """The record as wanted; what changed, before and after. Raises BadFieldError, ConflictError."""
    before = {name: getattr(elder, name) for name in ElderIn.model_fields if name not in _SEALED}
    number, phone = elder.citizen_number_index, phone_of(elder, rules)
    _fill(elder, wanted, rules, now)
    await _refuse_known_number(scope, elder, wanted, rules)
    elder.version += 1
    async with refusals_named(scope):
        pass
    changes: dict[str, tuple[object, object]] = {
        name: (old, getattr(elder, name)) for name, old in before.items()
    }
    if elder.citizen_number_index != number:
        changes["citizen_number"] = (SECRET, SECRET)
    if wanted.phone != phone:
        changes["phone"] = (SECRET, SECRET)
    return changes


async def archive(scope: TenantScope, elder: Elder, now: datetime) -> None:
    """Put a record away; done again, take it out. Raises ConflictError while the elder stays."""
    if await bed_of(scope, elder.id, now) is not None:
        raise ConflictError("archived_at", "the elder still has a bed")
    elder.archived_at = now if elder.archived_at is None else None
    elder.version += 1
    await scope.session.flush()


def _fill(elder: Elder, wanted: ElderIn, rules: RecordRules, now: datetime) -> None:
    _check_birth_date(wanted.birth_date, now.date())
    _check_form(wanted)
    for name in ElderIn.model_fields:
        if name not in _OWN_WAY:
            setattr(elder, name, getattr(wanted, name))
    if elder.name != wanted.name:
        set_name(elder, wanted.name)
    elder.diagnoses = [item.model_dump() for item in wanted.diagnoses]
    elder.allergies = [item.model_dump() for item in wanted.allergies]
    elder.phone_sealed = seal(rules.keyring, wanted.phone, PHONE, elder.id)
    if wanted.citizen_number is not None:
        _set_number(elder, wanted.citizen_number, rules, now.date())
    elder.updated_at = now


def _set_number(elder: Elder, text: str, rules: RecordRules, today: date) -> None:
    if not text.strip():
        elder.citizen_number_sealed = elder.citizen_number_index = None
        return
    try:
        number = parse_citizen_number(text, today)
    except CitizenNumberError as error:
        raise BadFieldError("citizen_number", str(error)) from None
    if number.is_impossible and not rules.impossible_numbers:
        raise BadFieldError("citizen_number", "no place has the code it begins with")
    if number.birth_date != elder.birth_date:
        raise BadFieldError("citizen_number", "names another birth date than birth_date")
    if number.sex != elder.sex:
        raise BadFieldError("citizen_number", "names another sex than sex")
    elder.citizen_number_sealed = seal(rules.keyring, number.text, CITIZEN_NUMBER, elder.id)
    elder.citizen_number_index = rules.keyring.blind_index(
        number.text, number_purpose(elder.institution_id)
    )


async def _refuse_known_number(
    scope: TenantScope, elder: Elder, wanted: ElderIn, rules: RecordRules
) -> None:
    """While keys are changed another's number may still be indexed by an older one."""
    if not wanted.citizen_number or elder.citizen_number_sealed is None:
        return
    number = rules.keyring.decrypt(elder.citizen_number_sealed, f"{CITIZEN_NUMBER}:{elder.id}")
    older = rules.keyring.blind_indexes(number, number_purpose(scope.institution_id))[1:]
    if not older:
        return
    same = scope.select(Elder).where(Elder.citizen_number_index.in_(older), Elder.id != elder.id)
    if (await scope.session.scalars(same.limit(1))).first() is not None:
        raise ConflictError("citizen_number", "another elder here has this number")


def number_purpose(institution_id: uuid.UUID) -> str:
    """Two institutions' rows cannot be matched."""
    return f"{CITIZEN_NUMBER}:{institution_id}"


def _check_birth_date(birth_date: date, today: date) -> None:
    if not today.year - _OLDEST_YEARS <= birth_date.year or birth_date > today:
        raise BadFieldError("birth_date", f"must be within the last {_OLDEST_YEARS} years")


def _check_form(wanted: ElderIn) -> None:
    answers = form_values()
    for name in ("education", "marital"):
        value = getattr(wanted, name)
        if value is not None and value not in answers[name]:
            raise BadFieldError(name, f"must be one of {'、'.join(answers[name])}")
    for name in ("living", "payment", "income"):
        for index, value in enumerate(getattr(wanted, name)):
            if value not in answers[name]:
                raise BadFieldError(f"{name}.{index}", f"must be one of {'、'.join(answers[name])}")
    for index, item in enumerate(wanted.diagnoses):
        if item.code not in diagnoses():
            raise BadFieldError(
                f"diagnoses.{index}.code", f"must be one of {', '.join(diagnoses())}"
            )


def masked_number(number: str) -> str:
    """`99************1234`: enough to tell two people apart at the bedside."""
    return f"{number[:2]}{'*' * 12}{number[-4:]}"


async def add_fact(
    scope: TenantScope, elder_id: uuid.UUID, wanted: FactIn, *, by: uuid.UUID | None, now: datetime
) -> ElderFact:
    """What is known from now on; what was known before stays. Raises BadFieldError."""
    known = fact_fields().get(wanted.field)
    if known is None:
        raise BadFieldError("field", f"must be one of {', '.join(fact_fields())}")
    problem = known.problem_of(wanted.value)
    if problem is not None:
        raise BadFieldError("value", problem)
    if wanted.as_of > now.date():
        raise BadFieldError("as_of", "must not be in the future")
    fact = ElderFact(
        institution_id=scope.institution_id, elder_id=elder_id, field=wanted.field,
        value=wanted.value, source=wanted.source, as_of=wanted.as_of, recorded_at=now,
        recorded_by_id=by,
    )  # fmt: skip
    scope.session.add(fact)
    await scope.session.flush()
    return fact


async def facts_of(scope: TenantScope, elder_id: uuid.UUID) -> Mapping[str, ElderFact]:
    """The newest of each field, by field: by its date, then by when it was written down."""
    rows = await scope.session.scalars(
        scope.select(ElderFact)
        .where(ElderFact.elder_id == elder_id)
        .order_by(ElderFact.as_of, ElderFact.id)
    )
    return newest_facts(rows)


def newest_facts(rows: Iterable[ElderFact]) -> dict[str, ElderFact]:
    """The newest of each field, of rows by date and number."""
    return {row.field: row for row in rows}


async def fact_history(scope: TenantScope, elder_id: uuid.UUID, field: str) -> list[ElderFact]:
    """All that was ever written down of a field, newest first."""
    rows = await scope.session.scalars(
        scope.select(ElderFact)
        .where(ElderFact.elder_id == elder_id, ElderFact.field == field)
        .order_by(ElderFact.as_of.desc(), ElderFact.id.desc())
    )
    return list(rows)


def number_of(elder: Elder, rules: RecordRules) -> str | None:
    """The citizen number in full; None where there is none."""
    return unseal(rules.keyring, elder.citizen_number_sealed, CITIZEN_NUMBER, elder.id) or None


def phone_of(elder: Elder, rules: RecordRules) -> str:
    """The elder's own phone."""
    return unseal(rules.keyring, elder.phone_sealed, PHONE, elder.id)


def elder_values(elder: Elder) -> dict[str, Any]:
    """The plain fields of a record, as ElderOut names them."""
    plain = ElderIn.model_fields.keys() - {"citizen_number", "phone"}
    return {name: getattr(elder, name) for name in plain}
