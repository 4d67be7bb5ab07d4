"""The rule book in force: the house's newest revision, else the default."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import func

from cloud.alerts.models import AlertRuleBook
from cloud.alerts.rulebook import RuleBook, RuleBookBody, default_book
from cloud.database import TenantScope
from cloud.errors import ConflictError

_KEY: Final = "alert_rule_book"


async def book_of(scope: TenantScope) -> RuleBook:
    """The book that counts now; read once in a transaction."""
    held: RuleBook | None = scope.session.info.get(_KEY)
    if held is None:
        row = await _newest(scope)
        held = default_book() if row is None else _book(row)
        scope.session.info[_KEY] = held
    return held


async def _newest(scope: TenantScope) -> AlertRuleBook | None:
    statement = scope.select(AlertRuleBook).order_by(AlertRuleBook.revision.desc()).limit(1)
    return (await scope.session.scalars(statement)).one_or_none()


def _book(row: AlertRuleBook) -> RuleBook:
    # What a later version of the program knows more of, keeps its default.
    body = default_book().model_dump() | row.body
    return RuleBook.model_validate(body | {"version": f"{default_book().version}.{row.revision}"})


async def revisions(scope: TenantScope) -> list[AlertRuleBook]:
    """The house's own books, newest first."""
    statement = scope.select(AlertRuleBook).order_by(AlertRuleBook.revision.desc())
    return list(await scope.session.scalars(statement))


async def add_book(
    scope: TenantScope, body: RuleBookBody, *, after: str, note: str, by: str, now: datetime
) -> RuleBook:
    """A new revision on top of the version `after`. Raises ConflictError where it is another."""
    held = await book_of(scope)
    if held.version != after:
        raise ConflictError("changed_meanwhile", f"after: the book in force is {held.version}")
    statement = scope.select(AlertRuleBook).with_only_columns(func.max(AlertRuleBook.revision))
    last = (await scope.session.execute(statement)).scalar()
    row = AlertRuleBook(
        institution_id=scope.institution_id, revision=(last or 0) + 1,
        body=body.model_dump(mode="json"), created_at=now, created_by=by, note=note,
    )  # fmt: skip
    scope.session.add(row)
    await scope.session.flush()
    scope.session.info.pop(_KEY, None)
    return await book_of(scope)
