"""What if: the same scenario over many seeds with different numbers of carers.

One reference run goes through the detectors and says how late each kind of incident is found, how
many are missed, and how many false alerts come; the seeds then draw incidents and carers only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from firmware_sim.buildings.plan import build
from firmware_sim.people.incidents import Incident, plan, work_in
from firmware_sim.people.persona import INCIDENTS, ROUTINE, draw_persona, stream
from firmware_sim.people.routine import live
from firmware_sim.scenarios.schema import IncidentKind, Scenario
from firmware_sim.world.scorecard import Scorecard
from firmware_sim.world.staff import Call, Shift, Urgency, respond

# What the alarm table gives each kind by default.
_URGENCY: Final = {
    IncidentKind.FALL: Urgency.HIGH,
    IncidentKind.SOS: Urgency.HIGH,
    IncidentKind.FEVER: Urgency.HIGH,
}
_LOW_CODES: Final = frozenset({"no_turning", "climate"})
_S_PER_DAY: Final = 86_400.0
_RESAMPLES: Final = 2000
_CONFIDENCE: Final = (2.5, 97.5)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure over many seeds, with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """So many carers: what their nights look like."""

    carers: int
    seeds: int
    calls: int
    median_s: Estimate
    p95_s: Estimate
    missed_target_share: Estimate
    busy_share: Estimate
    rounds_late_share: Estimate
    times_s: tuple[float, ...]


def what_if(
    scenario: Scenario, reference: Scorecard, carers: Sequence[int], seeds: int,
    progress: Callable[[int, int], None] | None = None,
) -> list[Outcome]:  # fmt: skip
    """Outcomes by number of carers, on the same nights for each."""
    nights = []
    for seed in range(1, seeds + 1):
        nights.append(calls_of(scenario, reference, seed))
        if progress is not None:
            progress(seed, seeds)
    beds = scenario.building.people
    duration_s = scenario.duration_h * 3600.0
    return [
        _outcome(
            count,
            [
                respond(
                    night, scenario.staff, carers=count, beds=beds, duration_s=duration_s, seed=seed
                )
                for seed, night in enumerate(nights, 1)
            ],
            scenario.staff.target_bedside_s,
        )
        for count in carers
    ]


def calls_of(scenario: Scenario, reference: Scorecard, seed: int) -> list[Call]:
    """The calls of one night: what happened and was found, and what is false."""
    rows = {row.kind: row for row in reference.rows}
    rng = np.random.default_rng([seed, 11])
    calls: list[Call] = []
    for incident in _incidents(scenario, seed):
        row = rows.get(incident.kind.value)
        if row is None or not row.delays_s or rng.random() >= row.found / row.happened:
            continue
        delay_s = float(rng.choice(row.delays_s))
        urgency = _URGENCY.get(incident.kind, Urgency.MEDIUM)
        calls.append(Call(incident.from_s + delay_s, urgency, real=True))
    duration_s = scenario.duration_h * 3600.0
    person_days = scenario.building.people * duration_s / _S_PER_DAY
    for code, count in reference.false_alerts.items():
        many = int(rng.poisson(count / reference.person_days * person_days))
        urgency = Urgency.LOW if code in _LOW_CODES else Urgency.MEDIUM
        calls += [Call(float(at), urgency, real=False) for at in rng.uniform(0, duration_s, many)]
    return [call for call in calls if call.at_s < duration_s]


def _incidents(scenario: Scenario, seed: int) -> list[Incident]:
    count = scenario.building.people
    personas = [draw_persona(scenario.people, seed, number) for number in range(count)]
    dwellings = build(scenario.building, [persona.wears for persona in personas])
    start_hour = scenario.starts_at.hour + scenario.starts_at.minute / 60.0
    duration_s = scenario.duration_h * 3600.0
    found: list[Incident] = []
    for persona, dwelling in zip(personas, dwellings, strict=True):
        rng = stream(seed, persona.number, INCIDENTS)
        rng.random()  # the position of the wearable, which `make_world` draws first
        days = live(
            persona, dwelling, start_hour, duration_s, stream(seed, persona.number, ROUTINE)
        )
        wanted = plan(scenario.incidents, persona.number, count, duration_s, rng)
        found += work_in(days, wanted, persona, rng)[1]
    return found


def _outcome(carers: int, shifts: Sequence[Shift], target_s: float) -> Outcome:
    nights = [np.array(shift.bedside_s()) for shift in shifts]
    told = [night for night in nights if len(night)]
    return Outcome(
        carers=carers,
        seeds=len(shifts),
        calls=sum(len(night) for night in nights),
        median_s=_estimate(told, lambda times: float(np.median(times))),
        p95_s=_estimate(told, lambda times: float(np.percentile(times, 95))),
        missed_target_share=_estimate(told, lambda times: float(np.mean(times > target_s))),
        busy_share=_mean([shift.busy_share for shift in shifts]),
        rounds_late_share=_mean(
            [shift.rounds_late / shift.rounds_done for shift in shifts if shift.rounds_done]
        ),
        times_s=tuple(np.concatenate(told).tolist()) if told else (),
    )


def _estimate(
    nights: Sequence[np.ndarray[tuple[int], np.dtype[np.float64]]],
    figure: Callable[[np.ndarray[tuple[int], np.dtype[np.float64]]], float],
) -> Estimate:
    """Over all calls together; the interval by drawing whole nights again (bootstrap)."""
    if not nights:
        return Estimate(float("nan"), float("nan"), float("nan"))
    rng = np.random.default_rng(len(nights))
    drawn = [
        figure(np.concatenate([nights[k] for k in rng.integers(0, len(nights), len(nights))]))
        for _ in range(_RESAMPLES)
    ]
    low, high = np.percentile(drawn, _CONFIDENCE)
    return Estimate(figure(np.concatenate(list(nights))), float(low), float(high))


def _mean(values: Sequence[float]) -> Estimate:
    if not values:
        return Estimate(float("nan"), float("nan"), float("nan"))
    rng = np.random.default_rng(len(values))
    array = np.array(values)
    drawn = array[rng.integers(0, len(array), (_RESAMPLES, len(array)))].mean(axis=1)
    low, high = np.percentile(drawn, _CONFIDENCE)
    return Estimate(float(array.mean()), float(low), float(high))
