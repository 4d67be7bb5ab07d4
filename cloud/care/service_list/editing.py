"""Overlays of the service list: a draft edited, looked at, published with a date and a reason."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

import structlog

from cloud.audit import service as audit
from cloud.audit.actions import Action
from cloud.care.service_list.models import ServiceRuleSet
from cloud.care.service_list.preview import preview
from cloud.care.service_list.rules import (
    NATIONAL,
    RuleError,
    RuleSet,
    national_rules,
    parameter_problems,
    parse_rule_set,
    resolve,
)
from cloud.care.service_list.schemas import PublishIn, RuleSetIn
from cloud.care.service_list.sets import document_of
from cloud.care.service_list.words import in_words
from cloud.clock import local_date
from cloud.database import TenantScope
from cloud.errors import (
    BadFieldError,
    ConflictError,
    FieldProblem,
    NotFoundError,
    ProblemError,
)
from cloud.identity.service import Principal

_KEY_LETTERS: Final = 8
_log = structlog.get_logger(__name__)


async def editions(scope: TenantScope) -> list[ServiceRuleSet]:
    """All of them, drafts first, then the newest published."""
    statement = scope.select(ServiceRuleSet).order_by(
        ServiceRuleSet.published_at.desc().nulls_first(), ServiceRuleSet.key
    )
    return list(await scope.session.scalars(statement))


async def find_edition(
    scope: TenantScope, rule_set_id: uuid.UUID, *, lock: bool = False
) -> ServiceRuleSet:
    """Raises NotFoundError."""
    statement = scope.select(ServiceRuleSet).where(ServiceRuleSet.id == rule_set_id)
    if lock:
        statement = statement.with_for_update()
    found = (await scope.session.scalars(statement)).one_or_none()
    if found is None:
        raise NotFoundError("rule set")
    return found


async def begin(principal: Principal, wanted: RuleSetIn, now: datetime) -> ServiceRuleSet:
    """A new overlay as a draft. Raises ProblemError (422) that names everything wrong."""
    row = ServiceRuleSet(
        id=uuid.uuid4(), institution_id=principal.scope.institution_id,
        key=f"set-{uuid.uuid4().hex[:_KEY_LETTERS]}", edition=1,
        edited_by=principal.user.display_name, edited_at=now, reason="", version=0,
    )  # fmt: skip
    await _fill(principal, row, wanted, now)
    principal.scope.session.add(row)
    await principal.scope.session.flush()
    return row


async def begin_next(principal: Principal, rule_set_id: uuid.UUID, now: datetime) -> ServiceRuleSet:
    """The next edition of an overlay, as it stands. Raises NotFoundError, ConflictError."""
    scope = principal.scope
    held = await find_edition(scope, rule_set_id)
    same = [row for row in await editions(scope) if row.key == held.key]
    if any(row.published_at is None for row in same):
        raise ConflictError("rule_set", "这套规则已有一份草稿，请先用它或放弃它")
    row = ServiceRuleSet(
        id=uuid.uuid4(), institution_id=scope.institution_id, key=held.key,
        edition=max(row.edition for row in same) + 1, title=held.title, region=held.region,
        extends=held.extends, document=held.document, edited_at=now,
        edited_by=principal.user.display_name, reason="", version=1,
    )  # fmt: skip
    scope.session.add(row)
    await scope.session.flush()
    return row


async def change(
    principal: Principal, rule_set_id: uuid.UUID, wanted: RuleSetIn, now: datetime
) -> ServiceRuleSet:
    """A draft as wanted. Raises NotFoundError, ConflictError, ProblemError (409, 422)."""
    row = await _draft(principal.scope, rule_set_id, wanted.version)
    await _fill(principal, row, wanted, now)
    await principal.scope.session.flush()
    return row


async def _draft(scope: TenantScope, rule_set_id: uuid.UUID, version: int) -> ServiceRuleSet:
    row = await find_edition(scope, rule_set_id, lock=True)
    if row.published_at is not None:
        raise ConflictError("rule_set", "已经发布的规则不能再改，请新做一版")
    if row.version != version:
        raise ProblemError(409, "changed_meanwhile", "这份草稿已被别人改过，请先看最新内容。")
    return row


async def _fill(
    principal: Principal, row: ServiceRuleSet, wanted: RuleSetIn, now: datetime
) -> None:
    document: dict[str, Any] = {
        "key": row.key, "title_zh": wanted.title, "region": wanted.region,
        "extends": wanted.extends, "version": str(row.edition),
        "valid_from": local_date(now).isoformat(), "services": wanted.services,
        "parameters": wanted.parameters,
    }  # fmt: skip
    await checked(principal.scope, document)
    row.title, row.region, row.extends = wanted.title, wanted.region, wanted.extends
    row.document = {"services": wanted.services, "parameters": wanted.parameters}
    row.edited_at, row.edited_by = now, principal.user.display_name
    row.version += 1


async def checked(scope: TenantScope, document: Mapping[str, Any]) -> RuleSet:
    """The document as rules, with all it stands on. Raises ProblemError that names every fault."""
    try:
        rules = parse_rule_set(document)
        others = await _newest(scope, rules.key)
        resolved = resolve({**others, rules.key: rules}, rules.key)
    except RuleError as error:
        raise _refused(error, document) from error
    problems = (*parameter_problems(resolved), *_bad_exclusions(rules, resolved))
    if problems:
        raise _refused(RuleError(problems), document)
    return rules


def _bad_exclusions(rules: RuleSet, resolved: RuleSet) -> list[str]:
    known = {service.key for service in resolved.services}
    return [
        f"services[{service.key}].excludes: 没有服务 {key!r} (unknown service)"
        for service in rules.services
        for key in service.excludes
        if key not in known
    ]


async def _newest(scope: TenantScope, but: str) -> dict[str, RuleSet]:
    """The newest edition of every other overlay, drafts too: a circle is one before it is law."""
    found: dict[str, ServiceRuleSet] = {}
    for row in await editions(scope):
        held = found.get(row.key)
        if row.key != but and (held is None or row.edition > held.edition):
            found[row.key] = row
    sets = {NATIONAL: national_rules()}
    return sets | {key: parse_rule_set(document_of(row)) for key, row in found.items()}


def _refused(error: RuleError, document: Mapping[str, Any]) -> ProblemError:
    told = [in_words(problem, document) for problem in error.problems]
    _log.warning("rule_set_refused", key=document.get("key"), problems=list(error.problems))
    errors = [
        FieldProblem(field=f"body.{problem.partition(': ')[0]}", message=words).model_dump()
        for problem, words in zip(error.problems, told, strict=True)
    ]
    return ProblemError(422, "bad_rules", "；".join(told), errors=errors)


async def publish(
    principal: Principal, rule_set_id: uuid.UUID, wanted: PublishIn, now: datetime
) -> ServiceRuleSet:
    """In force from a day on; what was in force ends there.

    `touched` is the second look: how many standings the person was shown to change; where it is
    another number now, they look again. Raises NotFoundError, BadFieldError, ProblemError.
    """
    scope = principal.scope
    row = await _draft(scope, rule_set_id, wanted.version)
    if wanted.valid_from < local_date(now):
        raise BadFieldError("valid_from", "生效日期不能早于今天")
    if wanted.valid_until is not None and wanted.valid_until <= wanted.valid_from:
        raise BadFieldError("valid_until", "失效日期应晚于生效日期")
    rules = await checked(scope, document_of(row))
    seen = await preview(scope, rules, wanted.valid_from)
    if len(seen.touched) != wanted.touched:
        raise ProblemError(
            409, "look_again",
            f"现在会有 {len(seen.touched)} 项变化，不是您看到的 {wanted.touched} 项，请重新预览。",
            touched=len(seen.touched),
        )  # fmt: skip
    await _end_former(scope, row, wanted.valid_from)
    row.valid_from, row.valid_until = wanted.valid_from, wanted.valid_until
    row.published_at, row.published_by = now, principal.user.display_name
    row.reason, row.version = wanted.reason, row.version + 1
    audit.record(
        scope, principal.actor, Action.RULES_CHANGED, now, subject=("service_rule_set", row.id),
        reason=wanted.reason,
        detail={
            "title": row.title, "edition": row.edition, "valid_from": wanted.valid_from,
            "touched": wanted.touched,
        },
    )  # fmt: skip
    await scope.session.flush()
    return row


async def _end_former(scope: TenantScope, row: ServiceRuleSet, day: date) -> None:
    """Half-open: on the day itself the new one holds. Raises ConflictError."""
    for held in await editions(scope):
        if held.key != row.key or held.published_at is None or held.valid_from is None:
            continue
        if held.valid_until is not None and held.valid_until <= day:
            continue
        if held.valid_from >= day:
            raise ConflictError(
                "valid_from", f"第 {held.edition} 版从 {held.valid_from} 起生效，请选更晚的日期"
            )
        held.valid_until = day


async def discard(principal: Principal, rule_set_id: uuid.UUID, now: datetime) -> None:
    """Give up a draft. Raises NotFoundError, ConflictError."""
    row = await find_edition(principal.scope, rule_set_id, lock=True)
    if row.published_at is not None:
        raise ConflictError("rule_set", "已经发布的规则不能删除，可以新做一版")
    audit.record(
        principal.scope, principal.actor, Action.RULES_CHANGED, now,
        subject=("service_rule_set", row.id), detail={"discarded": row.title},
    )  # fmt: skip
    await principal.scope.session.delete(row)
    await principal.scope.session.flush()
