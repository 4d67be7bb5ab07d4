"""The API of simulated runs."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from cloud.schema_types import ApiModel, UtcMs

StateName = Literal["queued", "running", "done", "stopped", "failed", "refused"]
MAX_PEOPLE = 500


class SimulatedBuildingIn(ApiModel):
    """Another building than the scenario's own."""

    kind: Literal["institution", "homes"] = "institution"
    units: Annotated[int, Field(ge=1, le=50)] = 2
    rooms_per_unit: Annotated[int, Field(ge=1, le=60)] = 10
    beds_per_room: Annotated[int, Field(ge=1, le=4)] = 1
    homes: Annotated[int, Field(ge=0, le=MAX_PEOPLE)] = 0

    @model_validator(mode="after")
    def _somebody_but_not_a_town(self) -> Self:
        people = (
            self.homes
            if self.kind == "homes"
            else self.units * self.rooms_per_unit * self.beds_per_room
        )
        if not 1 <= people <= MAX_PEOPLE:
            raise ValueError(f"1 to {MAX_PEOPLE} people, not {people}")
        return self


class WhatIfIn(ApiModel):
    """Which numbers of carers to compare, on how many nights."""

    carers: Annotated[list[Annotated[int, Field(ge=0, le=200)]], Field(min_length=1, max_length=8)]
    seeds: Annotated[int, Field(ge=2, le=1000)] = 40


class RunIn(ApiModel):
    """What to run. `speed`: times real pace; 0: as fast as it goes. Without `carers`: planned."""

    scenario: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,40}$")] = "quiet-night"
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 1
    speed: Annotated[float, Field(ge=0.0, le=100_000.0)] = 0.0
    carers: Annotated[int, Field(ge=0, le=200)] | None = None
    building: SimulatedBuildingIn | None = None
    what_if: WhatIfIn | None = None


class ScenarioOut(ApiModel):
    """One of the gallery."""

    key: str
    title_zh: str
    title_en: str
    story_zh: str
    story_en: str
    starts_at: str
    duration_h: float
    people: int
    building: dict[str, Any]
    day_carers: int
    night_carers: int
    target_bedside_s: float


class ScenarioList(ApiModel):
    """The gallery."""

    scenarios: list[ScenarioOut]


class RunOut(ApiModel):
    """A run without what it told. `simulated` is always true: whatever copies it keeps the mark."""

    id: UUID
    simulated: Literal[True] = True
    state: StateName
    wanted: RunIn
    asked_at: UtcMs
    asked_by: str
    started_at: UtcMs | None
    ended_at: UtcMs | None
    note: str | None


class RunDetail(RunOut):
    """With who is in it and how it ended; null before it is known."""

    cast: dict[str, Any] | None
    result: dict[str, Any] | None


class RunList(ApiModel):
    """Newest first."""

    runs: list[RunOut]
