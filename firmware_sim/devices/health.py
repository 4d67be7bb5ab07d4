"""What a home health kit reports: measurements at times of the routine, and again when one is ill.

People measure after getting up, before breakfast, and before they go to bed; they forget. Whoever
has a fever takes their temperature. Values follow the person (`people/health.py`), their heart
(`people/vital_signs.py`) and what happens to them. Spreads between two measurements of one person
and habits are defaults of this simulator. Pure: f(person, random numbers).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np

from edge.signals import FloatArray
from edge.subject import SensorRole
from firmware_sim.buildings.plan import Meter, meter_of
from firmware_sim.devices.sensors import Seen
from firmware_sim.people.health import Health
from firmware_sim.people.routine import Doing, Stretch
from firmware_sim.world.track import Track, joined, track

_S_PER_H: Final = 3600.0
_S_PER_DAY: Final = 86_400.0
_MORNING_H: Final = (4.0, 12.0)
_EVENING_H: Final = (18.0, 24.0)
# Sitting quietly, or lying awake: what is waited for before a measurement.
_AT_REST: Final = frozenset({Doing.MEAL, Doing.COOK, Doing.CHAIR, Doing.POTTER, Doing.NAP})
_AFTER_UP_S: Final = (60.0, 240.0)
_BEFORE_BED_S: Final = (600.0, 1500.0)
# Putting one away and the next one on.
_GAP_S: Final = (60.0, 150.0)
# Share of the days on which somebody who keeps to everything uses it.
_ON_A_MORNING: Final = MappingProxyType(
    {
        Meter.GLUCOSE: 0.9, Meter.SCALE: 0.6, Meter.CUFF: 1.0, Meter.OXIMETER: 0.6,
        Meter.THERMOMETER: 0.4,
    }
)  # fmt: skip
_ON_AN_EVENING: Final = MappingProxyType(
    {
        Meter.GLUCOSE: 0.5, Meter.SCALE: 0.0, Meter.CUFF: 0.8, Meter.OXIMETER: 0.4,
        Meter.THERMOMETER: 0.3,
    }
)  # fmt: skip
# A fever is measured when it is felt, and again when somebody wants to know how it goes.
_ILL_AFTER_S: Final = ((2700.0, 5400.0), (7200.0, 10_800.0))
_ILL: Final = (Meter.THERMOMETER, Meter.OXIMETER, Meter.CUFF)
_ILL_SHARE: Final = 0.9

_SYSTOLIC_SD: Final = 7.0
_DIASTOLIC_SD: Final = 3.5
_DIASTOLIC_WITH_SYSTOLIC: Final = 0.35
# The pressure is higher after getting up than before bed.
_MORNING_MMHG: Final = 4.0
_LEAST_PULSE_PRESSURE_MMHG: Final = 20.0
_PULSE_SD: Final = 2.5
_SPO2_SD: Final = 0.7
_FEVER_SPO2: Final = 2.5
_TEMPERATURE_SD: Final = 0.12
# Warmest at 17 h, coldest at 5 h.
_TEMPERATURE_SWING_C: Final = 0.25
_WARMEST_H: Final = 17.0
_WEIGHT_SD: Final = 0.3
_WEIGHT_WANDER_KG: Final = 0.5
_WEIGHT_WANDER_DAYS: Final = 23.0
_FASTING_SD: Final = 0.7
_AFTER_DINNER_MMOL_L: Final = (2.4, 1.2)
# A weak heart that nothing is done about keeps water, and the lungs get less air.
_FLUID_KG: Final = 8.0
_LESS_SPO2: Final = 10.0


@dataclass(frozen=True, slots=True)
class _Occasion:
    """A meter taken out."""

    at_s: float
    meter: Meter


def report(
    seen: Seen, health: Health, devices: Mapping[str, int], rng: np.random.Generator
) -> Track:
    """Everything the kit of one person says, in any order."""
    occasions = list(_occasions(seen, health, rng))
    parts: list[Track] = []
    for sensor in seen.dwelling.sensors:
        if sensor.role is not SensorRole.SPOT_VITALS:
            continue
        meter = meter_of(sensor)
        times = np.array(sorted(one.at_s for one in occasions if one.meter is meter))
        number = devices[sensor.device_id]
        values = _READS[meter](seen, health, times, rng)
        values["battery_level"] = _battery(times, rng)
        parts += [track(number, quantity, times, read) for quantity, read in values.items()]
    told = joined(parts)
    return told.keep((told.time_s >= 0.0) & (told.time_s < seen.duration_s))


# -- when ------------------------------------------------------------------------------------------


def _occasions(seen: Seen, health: Health, rng: np.random.Generator) -> Iterator[_Occasion]:
    hour_of_start = seen.start_hour
    mornings: dict[int, Stretch] = {}
    evenings: dict[int, Stretch] = {}
    for stretch in seen.days:
        if stretch.doing not in _AT_REST or stretch.incident:
            continue
        day, begins_h = divmod(hour_of_start + stretch.from_s / _S_PER_H, 24.0)
        if _MORNING_H[0] <= begins_h < _MORNING_H[1] and day not in mornings:
            mornings[int(day)] = stretch
        day, ends_h = divmod(hour_of_start + stretch.until_s / _S_PER_H, 24.0)
        if _EVENING_H[0] <= ends_h < _EVENING_H[1] and stretch.until_s < seen.duration_s:
            evenings[int(day)] = stretch
    for day in sorted(mornings.keys() | evenings.keys()):
        if day in mornings:
            begin_s = mornings[day].from_s + float(rng.uniform(*_AFTER_UP_S))
            yield from _used(mornings[day], begin_s, _ON_A_MORNING, health, rng)
        if day in evenings:
            stretch = evenings[day]
            begin_s = max(stretch.from_s, stretch.until_s - float(rng.uniform(*_BEFORE_BED_S)))
            yield from _used(stretch, begin_s, _ON_AN_EVENING, health, rng)
    yield from _ill(seen, health, rng)


def _used(
    stretch: Stretch, at_s: float, shares: Mapping[Meter, float], health: Health,
    rng: np.random.Generator,
) -> Iterator[_Occasion]:  # fmt: skip
    """One after the other; drawn for every meter, there or not, so that one shifts no other."""
    for meter, share in shares.items():
        remembers = rng.random() < share * health.diligence
        gap_s = float(rng.uniform(*_GAP_S))
        if meter in health.meters and remembers and at_s < stretch.until_s:
            yield _Occasion(at_s, meter)
            at_s += gap_s


def _ill(seen: Seen, health: Health, rng: np.random.Generator) -> Iterator[_Occasion]:
    for fever in seen.vitals.fevers:
        for window in _ILL_AFTER_S:
            at_s = fever.from_s + float(rng.uniform(*window))
            remembers = rng.random() < _ILL_SHARE
            if not (remembers and at_s < fever.until_s and _is_at_home(seen.days, at_s)):
                continue
            for meter in _ILL:
                yield _Occasion(at_s, meter)
                at_s += _GAP_S[0]


def _is_at_home(days: Sequence[Stretch], at_s: float) -> bool:
    """And not on the floor, where nobody has a meter."""
    return any(
        one.from_s <= at_s < one.until_s and not one.outside and not one.incident for one in days
    )


# -- what ------------------------------------------------------------------------------------------

_Values = dict[str, FloatArray]


def _hour(seen: Seen, times: FloatArray) -> FloatArray:
    return np.asarray((seen.start_hour + times / _S_PER_H) % 24.0, dtype=np.float64)


def _shown(values: FloatArray, decimals: int = 0) -> FloatArray:
    """As the meter's display has it."""
    return np.asarray(np.round(values, decimals), dtype=np.float64)


def _pulse(seen: Seen, times: FloatArray, rng: np.random.Generator) -> FloatArray:
    heart, _ = seen.vitals.usual(times)
    return _shown(np.clip(heart + rng.normal(0.0, _PULSE_SD, len(times)), 30.0, 200.0))


def _cuff(seen: Seen, health: Health, times: FloatArray, rng: np.random.Generator) -> _Values:
    n = len(times)
    off = rng.normal(0.0, _SYSTOLIC_SD, n)
    is_morning = _hour(seen, times) < _MORNING_H[1]
    systolic = health.systolic_mmhg + off + np.where(is_morning, _MORNING_MMHG, 0.0)
    diastolic = (
        health.diastolic_mmhg
        + _DIASTOLIC_WITH_SYSTOLIC * off
        + rng.normal(0.0, _DIASTOLIC_SD, n)
    )  # fmt: skip
    diastolic = np.minimum(diastolic, systolic - _LEAST_PULSE_PRESSURE_MMHG)
    return {
        "systolic_pressure": _shown(systolic),
        "diastolic_pressure": _shown(diastolic),
        "heart_rate": _pulse(seen, times, rng),
    }


def _thermometer(
    seen: Seen, health: Health, times: FloatArray, rng: np.random.Generator
) -> _Values:
    swing = np.cos(2.0 * np.pi * (_hour(seen, times) - _WARMEST_H) / 24.0)
    temperature = (
        health.temperature_c
        + _TEMPERATURE_SWING_C * swing
        + health.fever_c * seen.vitals.fever(times)
        + rng.normal(0.0, _TEMPERATURE_SD, len(times))
    )
    return {"body_temperature": _shown(temperature, 1)}


def _oximeter(seen: Seen, health: Health, times: FloatArray, rng: np.random.Generator) -> _Values:
    spo2 = (
        health.spo2_percent
        - _FEVER_SPO2 * seen.vitals.fever(times)
        - _LESS_SPO2 * seen.vitals.breath_lost(times)
        + rng.normal(0.0, _SPO2_SD, len(times))
    )
    return {
        "spo2": _shown(np.clip(spo2, 70.0, 100.0)),
        "heart_rate": _pulse(seen, times, rng),
    }


def _scale(seen: Seen, health: Health, times: FloatArray, rng: np.random.Generator) -> _Values:
    phase = rng.uniform(0.0, 2.0 * np.pi)
    wander = np.sin(2.0 * np.pi * times / _S_PER_DAY / _WEIGHT_WANDER_DAYS + phase)
    weight = (
        health.weight_kg
        + _WEIGHT_WANDER_KG * wander
        + _FLUID_KG * seen.vitals.breath_lost(times)
        + rng.normal(0.0, _WEIGHT_SD, len(times))
    )
    return {"body_weight": _shown(weight, 1)}


def _glucose(seen: Seen, health: Health, times: FloatArray, rng: np.random.Generator) -> _Values:
    n = len(times)
    after_dinner = np.maximum(0.0, rng.normal(*_AFTER_DINNER_MMOL_L, n))
    is_fasting = _hour(seen, times) < _MORNING_H[1]
    glucose = health.fasting_mmol_l + rng.normal(0.0, _FASTING_SD, n)
    glucose = np.where(is_fasting, glucose, glucose + after_dinner)
    return {"blood_glucose": _shown(np.clip(glucose, 2.0, 30.0), 1)}


def _battery(times: FloatArray, rng: np.random.Generator) -> FloatArray:
    begun, days_left = rng.uniform(50.0, 100.0), rng.uniform(150.0, 500.0)
    level = np.clip(begun - 100.0 * times / _S_PER_DAY / days_left, 0.0, 100.0)
    return _shown(level)


_Read = Callable[[Seen, Health, FloatArray, np.random.Generator], _Values]
_READS: Final[MappingProxyType[Meter, _Read]] = MappingProxyType(
    {
        Meter.CUFF: _cuff,
        Meter.THERMOMETER: _thermometer,
        Meter.OXIMETER: _oximeter,
        Meter.SCALE: _scale,
        Meter.GLUCOSE: _glucose,
    }
)
