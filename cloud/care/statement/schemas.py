"""What the API says about statements of service."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from cloud.places.schemas import Name
from cloud.schema_types import ApiModel, UtcMs

LineKind = Literal["visit", "meal", "bath", "medical", "alert_response", "device"]


class StatementLineOut(ApiModel):
    """One service with its proof."""

    at: str
    kind: LineKind
    ref: str
    elder_id: str
    elder: str
    until: str
    minutes: int
    by: str
    place: str
    confirmed: str
    note: str


class StatementCorrectionOut(ApiModel):
    """What is told anew of a month that was signed."""

    month: date
    change: Literal["withdrawn", "changed", "added"]
    before: StatementLineOut | None
    now: StatementLineOut | None


class CountOut(ApiModel):
    """How many, and how many minutes."""

    count: int
    minutes: int


class ServiceStatementOut(ApiModel):
    """A month for a purchaser. `signed_at` None: a draft. `intact` False: the hash does not fit."""

    operator: str
    purchaser: str
    month: date
    lines: list[StatementLineOut]
    totals: dict[str, CountOut]
    corrections: list[StatementCorrectionOut]
    sha256: str
    intact: bool
    can_sign: bool
    signed_at: UtcMs | None
    signed_by: str | None


class PurchaserRow(ApiModel):
    """A purchaser with the state of the month."""

    purchaser: str
    signed_at: UtcMs | None
    signed_by: str | None


class ServiceStatementsOut(ApiModel):
    """All purchasers in a month."""

    month: date
    rows: list[PurchaserRow]


class StatementSignatureIn(ApiModel):
    """Sign what was read: its hash says what that was."""

    month: date
    purchaser: Name
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
