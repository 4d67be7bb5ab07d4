"""What the API says of indicators. Nothing here names a person, a bed, or words somebody wrote."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from cloud.schema_types import ApiModel, UtcMs

MonthText = Annotated[str, Field(examples=["2026-03"])]


class IndicatorWords(ApiModel):
    """One language of a definition."""

    name: str
    part: str
    whole: str
    counts: str
    leaves_out: str
    source: str


class IndicatorOut(ApiModel):
    """The definition of an indicator."""

    code: str
    shape: Literal["share", "times", "count", "hours", "stock"]
    zh: IndicatorWords
    en: IndicatorWords
    of_people: bool = Field(description="its numbers tell of people: small ones are masked")
    goal_percent: float | None
    per: int | None = Field(description="a rate per so many of the whole is told")
    kinds: list[str]
    drill: bool = Field(description="one may look at what it counted")
    connected: bool = Field(description="false: nothing counts it here yet")


class CatalogueOut(ApiModel):
    """All indicators, in the order of a sheet."""

    indicators: list[IndicatorOut]
    masked_below: int


class BureauNode(ApiModel):
    """All, a district, or an institution. `days`: institution days counted, of those there were."""

    key: str
    level: Literal["all", "district", "institution"]
    name: str
    parent: str | None
    days: int
    of_days: int
    shows_events: bool


class BureauFigure(ApiModel):
    """One number. Masked, or not known: nothing of it is told, and it is not a zero."""

    node: str
    indicator: str
    kind: str
    masked: bool
    known: bool
    part: int | None = Field(description="of `hours`: seconds")
    whole: int | None
    percent: float | None
    per_1000: float | None
    median_s: float | None
    p95_s: float | None


class BureauSheet(ApiModel):
    """A month."""

    month: MonthText
    whose: Literal["bureau", "own"]
    running: bool = Field(description="the month is not over: numbers so far")
    computed_at: UtcMs | None
    nodes: list[BureauNode]
    figures: list[BureauFigure]
    sha256: str = Field(description="of the signed document of this sheet")


class TrendPoint(ApiModel):
    """One month of a trend."""

    month: MonthText
    days: int
    of_days: int
    figures: list[BureauFigure]


class TrendOut(ApiModel):
    """Twelve months of one indicator of one node, oldest first; `figures`: one for each kind."""

    indicator: str
    node: str
    points: list[TrendPoint]


class BureauEvent(ApiModel):
    """One happening behind a number. `alert_id`: for the institution itself only."""

    ref: str = Field(description="by which the institution finds it")
    at: UtcMs
    code: str = Field(description="empty: its kind is masked")
    priority: str
    answer_s: float | None
    arrival_s: float | None
    outcome: str | None
    alert_id: UUID | None


class BureauEvents(ApiModel):
    """What a number of an institution counted."""

    indicator: str
    month: date
    events: list[BureauEvent]
    more: bool
