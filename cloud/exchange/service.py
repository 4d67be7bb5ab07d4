"""Rules of exchange: partners, signed bundles out, outside results in and decided by a person."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from sqlalchemy import func
from sqlalchemy.exc import IntegrityError

from cloud.audit import service as audit
from cloud.audit.actions import Action
from cloud.care.assessment.outside import (
    OutsideResultError,
    TheirResult,
    check_result,
    take_over,
)
from cloud.care.assessment.scoring import FormError
from cloud.clock import local_date
from cloud.crypto import Keyring
from cloud.database import TenantScope
from cloud.errors import BadFieldError, ConflictError, FieldProblem, NotFoundError, ProblemError
from cloud.exchange.models import ExchangePartner, OutsideResult
from cloud.exchange.reading import BundleError, OutsideAssessment, Wrong, read_assessment
from cloud.exchange.schemas import DecisionIn, OutsideIn, PartnerIn
from cloud.exchange.signing import SignatureError, verify
from cloud.identity.service import Principal
from cloud.people.citizen_number import CitizenNumberError, parse_citizen_number
from cloud.people.family import purposes_in_force
from cloud.people.models import Elder
from cloud.people.reach import reach_of
from cloud.people.record import number_purpose
from cloud.people.service import find_elder

SHARING: Final = "district_sharing"
_CURVE: Final = "P-256"


async def add_partner(principal: Principal, wanted: PartnerIn, now: datetime) -> ExchangePartner:
    """Raises BadFieldError, ConflictError."""
    scope = principal.scope
    key = _public_key(wanted.jwk)
    row = ExchangePartner(
        id=uuid.uuid4(), institution_id=scope.institution_id, name=wanted.name,
        key_id=key.thumbprint(), jwk=key.as_dict(private=False), created_at=now,
    )  # fmt: skip
    try:
        async with scope.savepoint():
            scope.session.add(row)
            await scope.session.flush()
    except IntegrityError:
        raise ConflictError("jwk", "a partner with this key is there already") from None
    _note_rules(principal, f"exchange partner {row.name}: added", row, now)
    return row


def _public_key(jwk: Mapping[str, Any]) -> ECKey:
    try:
        key = ECKey.import_key(dict(jwk))
    except (JoseError, ValueError, TypeError, KeyError):
        raise BadFieldError("jwk", "must be a JWK of kty EC with crv, x and y") from None
    if jwk.get("crv") != _CURVE:
        raise BadFieldError("jwk", f"crv must be {_CURVE}")
    if key.is_private:
        raise BadFieldError("jwk", "is a private key: send the public half, and make a new one")
    return key


async def end_partner(principal: Principal, partner_id: uuid.UUID, now: datetime) -> None:
    """Nothing more is taken from it. Raises NotFoundError, ConflictError."""
    row = await find_partner(principal.scope, partner_id)
    if row.ended_at is not None:
        raise ConflictError("ended_at", "it has ended already")
    row.ended_at = now
    _note_rules(principal, f"exchange partner {row.name}: ended", row, now)
    await principal.scope.session.flush()


def _note_rules(principal: Principal, what: str, row: ExchangePartner, now: datetime) -> None:
    audit.record(
        principal.scope, principal.actor, Action.RULES_CHANGED, now,
        subject=("exchange_partner", row.id), detail={"what": what},
    )  # fmt: skip


async def partners(scope: TenantScope) -> Sequence[ExchangePartner]:
    """All, those that have ended last."""
    statement = scope.select(ExchangePartner).order_by(
        ExchangePartner.ended_at.desc().nulls_first(), ExchangePartner.name
    )
    return (await scope.session.scalars(statement)).all()


async def find_partner(scope: TenantScope, partner_id: uuid.UUID) -> ExchangePartner:
    """Raises NotFoundError."""
    statement = scope.select(ExchangePartner).where(ExchangePartner.id == partner_id)
    found = (await scope.session.scalars(statement)).one_or_none()
    if found is None:
        raise NotFoundError("exchange partner")
    return found


async def require_sharing(scope: TenantScope, elder: Elder, now: datetime) -> None:
    """A record leaves the house only where the elder agreed to it. Raises ProblemError 409."""
    agreed = await purposes_in_force(scope, [elder.id], now)
    if SHARING not in agreed[elder.id]:
        raise ProblemError(
            409, "no_consent",
            "老人没有同意向其他部门提供记录；请先取得“与区县共享”的同意书。",
        )  # fmt: skip


async def take_in(
    principal: Principal, wanted: OutsideIn, keyring: Keyring, now: datetime
) -> OutsideResult:
    """Keep another body's result for a person to decide. Sent twice it is kept once.

    Raises ProblemError 422 with every reason; a refusal is logged (cloud/errors.py) and changes
    nothing.
    """
    scope = principal.scope
    partner = await _signer(scope, wanted.bundle)
    try:
        theirs = read_assessment(wanted.bundle)
        check_result(_their_result(theirs, partner))
    except BundleError as error:
        raise _refused(error.wrong) from None
    except FormError as error:
        wrong = [Wrong(mistake.field, mistake.zh) for mistake in error.mistakes]
        raise _refused(wrong) from None
    except OutsideResultError as error:
        raise _refused([Wrong(error.field, error.zh)]) from None
    if theirs.reference_date > local_date(now):
        raise _refused([Wrong("reference_date", "评估日期还没有到")])
    elder, matched_by = await _whose(scope, theirs, wanted.elder_id, keyring, now)
    await (await reach_of(principal)).require_elder(elder.id)
    known = await _known(scope, partner.id, theirs.source_id)
    if known is not None:
        if not _says_the_same(known, elder.id, theirs):
            raise _refused([Wrong("QuestionnaireResponse.id", "这个编号的结果已收到过，内容不同")])
        return known
    row = OutsideResult(
        id=uuid.uuid4(), institution_id=scope.institution_id, partner_id=partner.id,
        elder_id=elder.id, source_id=theirs.source_id, reference_date=theirs.reference_date,
        answers=theirs.answers, total=theirs.total, level=theirs.level, matched_by=matched_by,
        received_at=now, received_by_id=principal.user.id,
    )  # fmt: skip
    scope.session.add(row)
    audit.record(
        scope, principal.actor, Action.RECORD_CREATED, now, elder_id=elder.id,
        subject=("outside_result", row.id), detail={"partner": partner.name},
    )  # fmt: skip
    await scope.session.flush()
    return row


def _says_the_same(known: OutsideResult, elder_id: uuid.UUID, theirs: OutsideAssessment) -> bool:
    return (known.elder_id, known.answers, known.total, known.level, known.reference_date) == (
        elder_id, theirs.answers, theirs.total, theirs.level, theirs.reference_date,
    )  # fmt: skip


def _their_result(theirs: OutsideAssessment, partner: ExchangePartner) -> TheirResult:
    return TheirResult(
        theirs.answers, theirs.total, theirs.level, theirs.reference_date, partner.name
    )


def _refused(wrong: Sequence[Wrong]) -> ProblemError:
    """Told to whoever sent it; the log has the fields, and nothing of the person."""
    return ProblemError(
        422,
        "bad_bundle",
        "；".join(one.zh for one in wrong),
        errors=[FieldProblem(field=one.field, message=one.zh).model_dump() for one in wrong],
    )


async def _signer(scope: TenantScope, bundle: Mapping[str, Any]) -> ExchangePartner:
    """The partner whose key signed it. Raises ProblemError 422."""
    said = ""
    for partner in await partners(scope):
        if partner.ended_at is None:
            try:
                verify(bundle, partner.jwk)
            except SignatureError as error:
                said = str(error)
            else:
                return partner
    detail = f"签名不是任何已登记机构的，或内容被改过（{said or 'no partner is known'}）"
    raise _refused([Wrong("signature", detail)])


async def _whose(
    scope: TenantScope, theirs: OutsideAssessment, elder_id: uuid.UUID | None, keyring: Keyring,
    now: datetime,
) -> tuple[Elder, str]:  # fmt: skip
    """By the citizen number; else by a person, and then name and birth date must agree."""
    if theirs.citizen_number is not None:
        return await _by_number(scope, theirs.citizen_number, elder_id, keyring, now), (
            "citizen_number"
        )
    if elder_id is None:
        raise _refused([Wrong("Patient.identifier", "没有公民身份号码，请先指明是哪位老人")])
    elder = await find_elder(scope, elder_id)
    if (elder.name, elder.birth_date) != (theirs.name, theirs.birth_date):
        raise _refused([Wrong("Patient", "姓名或出生日期与这位老人不符")])
    return elder, "person"


async def _by_number(
    scope: TenantScope, text: str, elder_id: uuid.UUID | None, keyring: Keyring, now: datetime
) -> Elder:
    try:
        number = parse_citizen_number(text, now.date())
    except CitizenNumberError as error:
        raise _refused([Wrong("Patient.identifier", f"公民身份号码有误：{error}")]) from None
    indexes = keyring.blind_indexes(number.text, number_purpose(scope.institution_id))
    statement = scope.select(Elder).where(Elder.citizen_number_index.in_(indexes))
    found = (await scope.session.scalars(statement)).one_or_none()
    if found is None:
        raise _refused([Wrong("Patient.identifier", "本机构没有这位老人")])
    if elder_id is not None and elder_id != found.id:
        raise _refused([Wrong("elder_id", "公民身份号码属于另一位老人")])
    return found


async def _known(scope: TenantScope, partner_id: uuid.UUID, source_id: str) -> OutsideResult | None:
    statement = scope.select(OutsideResult).where(
        OutsideResult.partner_id == partner_id, OutsideResult.source_id == source_id
    )
    return (await scope.session.scalars(statement)).one_or_none()


async def outside_results(
    principal: Principal, *, undecided_only: bool = False
) -> list[tuple[OutsideResult, str]]:
    """(result, name of its partner) of whom one reaches; undecided first, then newest first."""
    scope, reach = principal.scope, await reach_of(principal)
    statement = (
        scope.select(OutsideResult)
        .join(ExchangePartner, ExchangePartner.id == OutsideResult.partner_id)
        .order_by(func.coalesce(OutsideResult.accepted.is_not(None), False))
        .order_by(OutsideResult.received_at.desc())
        .add_columns(ExchangePartner.name)
    )
    statement = statement.where(~reach.hides(OutsideResult.elder_id))
    if undecided_only:
        statement = statement.where(OutsideResult.decided_at.is_(None))
    return [(row, name) for row, name in (await scope.session.execute(statement)).all()]


async def find_outside(scope: TenantScope, result_id: uuid.UUID) -> OutsideResult:
    """Locked. Raises NotFoundError."""
    statement = scope.select(OutsideResult).where(OutsideResult.id == result_id).with_for_update()
    found = (await scope.session.scalars(statement)).one_or_none()
    if found is None:
        raise NotFoundError("outside result")
    return found


async def decide(
    principal: Principal, result_id: uuid.UUID, wanted: DecisionIn, now: datetime
) -> OutsideResult:
    """Take it over as an assessment with its source, or not. Raises NotFoundError, ConflictError,
    BadFieldError."""
    scope = principal.scope
    row = await find_outside(scope, result_id)
    await (await reach_of(principal)).require_elder(row.elder_id)
    if row.decided_at is not None:
        raise ConflictError("accept", "somebody has decided it already")
    if not wanted.accept and not wanted.note.strip():
        raise BadFieldError("note", "say why it is not taken over")
    if wanted.accept:
        partner = await find_partner(scope, row.partner_id)
        theirs = TheirResult(
            dict(row.answers), row.total, row.level, row.reference_date, partner.name
        )
        row.assessment_id = (await take_over(principal, row.elder_id, theirs, now)).id
    row.accepted, row.note = wanted.accept, wanted.note
    row.decided_at, row.decided_by_id = now, principal.user.id
    audit.record(
        scope, principal.actor, Action.RECORD_CHANGED, now, elder_id=row.elder_id,
        subject=("outside_result", row.id), reason=wanted.note or None,
        detail={"accepted": wanted.accept},
    )  # fmt: skip
    await scope.session.flush()
    return row
