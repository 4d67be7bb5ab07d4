"""A scenario as an operator watches it: made, heard, then played at a chosen speed. Pure.

`perform` tells everything as plain objects to `emit` and asks `wait` to let simulated time pass;
the shell around it (`stage_process.py`) tags, writes and sleeps. The same order tells the same.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from math import isfinite
from types import MappingProxyType
from typing import Annotated, Any, Final, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from edge.events import EventKind as E
from edge.signals import NS_PER_S
from firmware_sim.scenarios.load import find_scenario
from firmware_sim.scenarios.schema import BuildingSpec, Scenario
from firmware_sim.world.offline import Heard, listen
from firmware_sim.world.scorecard import (
    PERSON_ALERTS,
    TECHNICAL_ALERTS,
    Scorecard,
    score,
    tells_of_something,
)
from firmware_sim.world.staff import Call, Response, Shift, Urgency, carers_at, respond
from firmware_sim.world.what_if import Estimate, Outcome, what_if
from firmware_sim.world.world import Resident, World, make_world

Body = dict[str, Any]

MAX_PEOPLE: Final = 500
_TICKS: Final = 240
# Played: a look at the building this often by the watcher's clock.
_LOOK_S: Final = 0.5
_PROGRESS_STEPS: Final = 50
_S_PER_H: Final = 3600.0
_BIN_S: Final = 30.0
_BINS: Final = 30
# What a desk shows as high by default (docs/alerts.md); low ones wait for a quiet moment.
_HIGH: Final = frozenset(
    {
        E.FALL_CONFIRMED, E.SOS, E.INACTIVITY_HIGH, E.NO_RETURN_HIGH, E.BATH_DWELL_HIGH,
        E.BED_EXIT_NO_RETURN_HIGH, E.VITAL_CRITICAL, E.SMOKE, E.GAS,
    }
)  # fmt: skip
_LOW: Final = frozenset({E.NO_TURNING, E.CLIMATE})
_BLIND_ENDS: Final = frozenset({E.COVERAGE_PROTECTED, E.COVERAGE_DEGRADED})
_OFFLINE: Final = MappingProxyType({E.DEVICE_OFFLINE: 1, E.DEVICE_OFFLINE_CLEARED: -1})


class Many(BaseModel):
    """A what-if: these numbers of carers, on so many nights."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    carers: Annotated[tuple[Annotated[int, Field(ge=0, le=200)], ...], Field(min_length=1)]
    seeds: Annotated[int, Field(ge=2, le=1000)] = 40


class Order(BaseModel):
    """What to perform. `speed`: times real pace; 0: as fast as it goes."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    scenario: str
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 1
    speed: Annotated[float, Field(ge=0.0, le=100_000.0)] = 0.0
    carers: Annotated[int, Field(ge=0, le=200)] | None = None
    building: BuildingSpec | None = None
    what_if: Many | None = None

    @model_validator(mode="after")
    def _not_too_large(self) -> Self:
        if self.building is not None and self.building.people > MAX_PEOPLE:
            raise ValueError(f"building: at most {MAX_PEOPLE} people, not {self.building.people}")
        return self

    def resolved(self) -> Scenario:
        """The scenario in the building that was asked for. Raises ScenarioError, ValueError."""
        scenario = find_scenario(self.scenario)
        if self.building is None:
            return scenario
        changed = {**scenario.model_dump(), "building": self.building.model_dump()}
        return Scenario.model_validate(changed)


@dataclass(frozen=True, slots=True)
class Alert:
    """One episode that asked for a person, and who went."""

    number: int
    bed: int
    code: str
    urgency: Urgency
    at_s: float
    real: bool
    response: Response | None

    def state(self, now_s: float) -> str:
        """Where it stands."""
        went = self.response
        if went is None or now_s < self.at_s + went.started_s:
            return "open"
        if now_s < self.at_s + went.bedside_s:
            return "going"
        return "there" if now_s < self.at_s + went.left_s else "done"

    def told(self, state: str) -> Body:
        """As it stands: nothing that has not happened yet."""
        went = self.response
        known = went is not None and state != "open"
        reached = went is not None and state in ("there", "done")
        return {
            "id": self.number, "bed": self.bed, "code": self.code,
            "urgency": self.urgency.name.lower(), "at_s": round(self.at_s, 1), "state": state,
            "carer": went.carer + 1 if went is not None and known else None,
            "bedside_s": round(went.bedside_s, 1) if went is not None and reached else None,
            "real": self.real if state == "done" or not known else None,
        }  # fmt: skip


def perform(order: Order, emit: Callable[[Body], None], wait: Callable[[float], None]) -> None:
    """All of it. `wait` is told how many seconds of the watcher's time to let pass."""
    scenario = order.resolved()
    world, heard = _made(scenario, order.seed, emit)
    card = score(world, heard)
    if order.what_if is not None:
        _compare(scenario, card, order.what_if, emit)
        return
    carers = order.carers
    if carers is None:
        middle_h = scenario.starts_at.hour + scenario.duration_h / 2
        carers = carers_at(scenario.staff, middle_h)
    alerts, shift = _answered(world, heard, carers, order.seed)
    emit(_cast(world, order, carers))
    _play(_Played(world, heard, alerts, shift, carers), order.speed, emit, wait)
    emit(_result(world, card, alerts, shift))


def _made(scenario: Scenario, seed: int, emit: Callable[[Body], None]) -> tuple[World, list[Heard]]:
    def tell(stage: str) -> Callable[[int, int], None]:
        def progress(done: int, of: int) -> None:
            if done == of or done % max(1, of // _PROGRESS_STEPS) == 0:
                emit({"kind": "progress", "stage": stage, "done": done, "of": of})

        return progress

    world = make_world(scenario, seed, tell("make"))
    return world, listen(world, tell("listen"))


def _compare(scenario: Scenario, card: Scorecard, many: Many, emit: Callable[[Body], None]) -> None:
    def tell(done: int, of: int) -> None:
        emit({"kind": "progress", "stage": "nights", "done": done, "of": of})

    found = what_if(scenario, card, sorted(set(many.carers)), many.seeds, tell)
    emit(
        {
            "kind": "outcomes", "seeds": many.seeds, "target_s": scenario.staff.target_bedside_s,
            "bin_s": _BIN_S, "outcomes": [_outcome(one) for one in found],
        }
    )  # fmt: skip


def _outcome(one: Outcome) -> Body:
    counts = np.histogram(
        np.clip(one.times_s, 0.0, _BIN_S * _BINS - 1.0), _BINS, (0.0, _BIN_S * _BINS)
    )[0]
    return {
        "carers": one.carers, "calls": one.calls, "median_s": _estimate(one.median_s),
        "p95_s": _estimate(one.p95_s), "missed_target": _estimate(one.missed_target_share),
        "busy": _estimate(one.busy_share), "rounds_late": _estimate(one.rounds_late_share),
        "times": counts.tolist(),
    }  # fmt: skip


def _estimate(one: Estimate) -> Body:
    return {"value": _number(one.value), "low": _number(one.low), "high": _number(one.high)}


def _number(value: float) -> float | None:
    """JSON knows no infinity: nobody came is null, never a large number."""
    return round(value, 4) if isfinite(value) else None


def _answered(
    world: World, heard: Sequence[Heard], carers: int, seed: int
) -> tuple[list[Alert], Shift]:
    bed_of = {resident.key: number for number, resident in enumerate(world.residents)}
    episodes: dict[str, Heard] = {}
    worst: dict[str, tuple[Urgency, str]] = {}
    for one in heard:
        if one.event.kind not in PERSON_ALERTS | _HIGH:
            continue
        episodes.setdefault(one.event.episode_id, one)
        grave = (_urgency(one.event.kind), one.event.kind.value)
        worst[one.event.episode_id] = min(grave, worst.get(one.event.episode_id, grave))
    calls: list[Call] = []
    rows: list[tuple[Heard, str, Call]] = []
    for episode, one in episodes.items():
        resident = world.residents[bed_of[one.elder]]
        at_s = (one.event.decided_ns - world.start_ns) / NS_PER_S
        if not 0.0 <= at_s < world.duration_s:
            continue
        real = tells_of_something(world, resident.incidents, one)
        urgency, code = worst[episode]
        call = Call(at_s, urgency, real)
        calls.append(call)
        rows.append((one, code, call))
    shift = respond(
        calls, world.scenario.staff, carers=carers, beds=len(world.residents),
        duration_s=world.duration_s, seed=seed,
    )  # fmt: skip
    went = {id(response.call): response for response in shift.responses}
    return [
        Alert(
            number, bed_of[one.elder], code, call.urgency, call.at_s, call.real,
            _came(went.get(id(call))),
        )
        for number, (one, code, call) in enumerate(rows, 1)
    ], shift  # fmt: skip


def _came(response: Response | None) -> Response | None:
    return response if response is not None and isfinite(response.bedside_s) else None


def _urgency(kind: E) -> Urgency:
    if kind in _HIGH:
        return Urgency.HIGH
    return Urgency.LOW if kind in _LOW else Urgency.MEDIUM


def _cast(world: World, order: Order, carers: int) -> Body:
    scenario = world.scenario
    return {
        "kind": "cast", "scenario": scenario.key, "title_zh": scenario.title_zh,
        "title_en": scenario.title_en, "starts_at": scenario.starts_at.isoformat(),
        "duration_s": world.duration_s, "seed": world.seed, "speed": order.speed, "carers": carers,
        "target_s": scenario.staff.target_bedside_s, "devices": len(world.sensors),
        "readings": len(world.track),
        "beds": [
            {
                "key": resident.key, "unit": resident.dwelling.unit,
                "label": resident.dwelling.label, "level": resident.persona.level,
                "devices": len(resident.dwelling.sensors),
            }
            for resident in world.residents
        ],
    }  # fmt: skip


@dataclass
class _Played:
    """What is known of a run, and what has been told of it."""

    world: World
    heard: Sequence[Heard]
    alerts: Sequence[Alert]
    shift: Shift
    carers: int
    _beds: dict[int, str] = field(default_factory=dict)
    _told: dict[int, str] = field(default_factory=dict)
    _staff: dict[int, tuple[str, int | None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._blind = _spans_blind(self.world, self.heard)
        self._offline = _offline_at(self.world, self.heard)
        self._by_bed: dict[int, list[Alert]] = defaultdict(list)
        for alert in self.alerts:
            self._by_bed[alert.bed].append(alert)

    def look(self, now_s: float) -> Body:
        """What is new since the last look."""
        changed_alerts: list[Body] = []
        for alert in self.alerts:
            if alert.at_s > now_s:
                continue
            state = alert.state(now_s)
            if self._told.get(alert.number) != state:
                self._told[alert.number] = state
                changed_alerts.append(alert.told(state))
        beds: list[list[int | str]] = []
        for number, resident in enumerate(self.world.residents):
            state = self._bed_state(number, resident, now_s)
            if self._beds.get(number) != state:
                self._beds[number] = state
                beds.append([number, state])
        readings = int(np.searchsorted(self.world.track.sent_s, now_s, side="right"))
        silent = sum(step for at_s, step in self._offline if at_s <= now_s)
        return {
            "kind": "tick", "at_s": round(now_s, 1), "beds": beds, "alerts": changed_alerts,
            "staff": self._staff_news(now_s), "readings": readings, "silent": max(0, silent),
        }  # fmt: skip

    def _bed_state(self, number: int, resident: Resident, now_s: float) -> str:
        if any(
            alert.at_s <= now_s and alert.state(now_s) != "done" for alert in self._by_bed[number]
        ):
            return "alert"
        if any(start <= now_s < end for start, end in self._blind[resident.key]):
            return "blind"
        for stretch in resident.days:
            if stretch.from_s <= now_s < stretch.until_s:
                return "in_bed" if stretch.in_bed else "out" if stretch.outside else "up"
        return "up"

    def _staff_news(self, now_s: float) -> list[Body]:
        news: list[Body] = []
        for carer, doing in enumerate(self._doings(now_s)):
            if self._staff.get(carer) != doing:
                self._staff[carer] = doing
                news.append({"carer": carer + 1, "doing": doing[0], "bed": doing[1]})
        return news

    def _doings(self, now_s: float) -> list[tuple[str, int | None]]:
        doings: list[tuple[str, int | None]] = [("free", None)] * self.carers
        for spell in self.shift.rounds:
            if spell.from_s <= now_s < spell.until_s:
                doings[spell.carer] = ("round", spell.bed)
        for alert in self.alerts:
            state = alert.state(now_s) if alert.at_s <= now_s else "open"
            if alert.response is not None and state in ("going", "there"):
                doings[alert.response.carer] = (state, alert.bed)
        return doings


def _play(
    played: _Played, speed: float, emit: Callable[[Body], None], wait: Callable[[float], None]
) -> None:
    duration_s = played.world.duration_s
    step_s = speed * _LOOK_S if speed else duration_s / _TICKS
    steps = max(1, round(duration_s / step_s))
    for number in range(steps + 1):
        now_s = min(duration_s, number * step_s)
        news = played.look(now_s)
        # at slow speeds most looks see nothing new: told every tenth time all the same
        if news["beds"] or news["alerts"] or news["staff"] or number % 10 == 0 or number == steps:
            emit(news)
        if speed and number < steps:
            wait(_LOOK_S)


def _spans_blind(world: World, heard: Iterable[Heard]) -> dict[str, list[tuple[float, float]]]:
    spans: dict[str, list[tuple[float, float]]] = defaultdict(list)
    since: dict[str, float] = {}
    for one in heard:
        at_s = (one.event.decided_ns - world.start_ns) / NS_PER_S
        if one.event.kind is E.COVERAGE_BLIND:
            since.setdefault(one.elder, at_s)
        elif one.event.kind in _BLIND_ENDS and one.elder in since:
            spans[one.elder].append((since.pop(one.elder), at_s))
    for elder, at_s in since.items():
        spans[elder].append((at_s, float("inf")))
    return spans


def _offline_at(world: World, heard: Iterable[Heard]) -> list[tuple[float, int]]:
    return [
        ((one.event.decided_ns - world.start_ns) / NS_PER_S, _OFFLINE[one.event.kind])
        for one in heard
        if one.event.kind in _OFFLINE
    ]


def _result(world: World, card: Scorecard, alerts: Sequence[Alert], shift: Shift) -> Body:
    times = [response.bedside_s for response in shift.responses if response.call.real]
    came = [time_s for time_s in times if isfinite(time_s)]
    target_s = world.scenario.staff.target_bedside_s
    technical = {kind.value for kind in TECHNICAL_ALERTS}
    return {
        "kind": "scorecard", "person_days": round(card.person_days, 3),
        "rows": [
            {
                "kind": row.kind, "happened": row.happened, "found": row.found,
                "missed": row.missed, "p50_s": row.delay_s(50), "p95_s": row.delay_s(95),
            }
            for row in card.rows
        ],
        "false_alerts": dict(card.false_alerts),
        "technical_alerts": {k: n for k, n in card.technical_alerts.items() if k in technical},
        "outages": card.outages,
        "bedside": {
            "calls": len(times), "nobody_came": len(times) - len(came),
            "median_s": _number(float(np.median(came))) if came else None,
            "p95_s": _number(float(np.percentile(came, 95))) if came else None,
            "missed_target": sum(time_s > target_s for time_s in times),
            "busy_share": round(shift.busy_share, 4), "rounds_done": shift.rounds_done,
            "rounds_late": shift.rounds_late,
        },
        "alerts": [
            alert.told(alert.state(float("inf"))) | {"real": alert.real} for alert in alerts
        ],
        "truth_sha256": hashlib.sha256(world.truth_bytes()).hexdigest(),
        "signals_sha256": hashlib.sha256(world.track.to_bytes()).hexdigest(),
    }  # fmt: skip
