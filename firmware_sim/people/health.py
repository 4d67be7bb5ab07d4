"""What the meters of a home health kit would read of a made-up person, and how they keep to them.

High blood pressure and diabetes are about as common as among old people in China (surveys of 2012
to 2017: six in ten over 75, three in ten over 60); middles and spreads are defaults of this
simulator, chosen without a look at any alarm limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from firmware_sim.buildings.plan import Meter
from firmware_sim.people.persona import HEALTH, Persona, stream
from firmware_sim.people.routine import BEDRIDDEN

_OLD: Final = 75
_HYPERTENSION_SHARE: Final = 0.60
_HYPERTENSION_SHARE_YOUNGER: Final = 0.55
_DIABETES_SHARE: Final = 0.30
# Middle and spread between people. Most high pressure is treated, some of it well.
_SYSTOLIC_MMHG: Final = (126.0, 8.0)
_SYSTOLIC_HIGH_MMHG: Final = (140.0, 11.0)
# Old arteries are stiff: the lower value falls behind the upper one.
_DIASTOLIC_PER_SYSTOLIC: Final = 0.40
_DIASTOLIC_MMHG: Final = (21.0, 5.0)
_SPO2_PERCENT: Final = (96.5, 0.9)
_TEMPERATURE_C: Final = (36.4, 0.2)
_WEIGHT_KG: Final = (59.0, 9.0)
_FASTING_MMOL_L: Final = (7.6, 1.2)
# The old run lower fevers than the young.
_FEVER_C: Final = (2.3, 0.4)
_DILIGENCE: Final = (0.5, 1.0)


@dataclass(frozen=True, slots=True)
class Health:
    """One person on an ordinary day, at rest; `meters`: what lies in their drawer.

    `diligence` is the share of measurements, of those that somebody who keeps to everything would
    make, that they do not forget.
    """

    hypertension: bool
    diabetes: bool
    systolic_mmhg: float
    diastolic_mmhg: float
    spo2_percent: float
    temperature_c: float
    weight_kg: float
    fasting_mmol_l: float
    fever_c: float
    diligence: float
    meters: tuple[Meter, ...]


def draw_health(persona: Persona, share: float, seed: int) -> Health | None:
    """Who has a kit, `share` of all: the same seed gives the same person. None: has none."""
    rng = stream(seed, persona.number, HEALTH)
    has_kit, high, sweet = rng.random(3)
    if has_kit >= share:
        return None
    common = _HYPERTENSION_SHARE if persona.age >= _OLD else _HYPERTENSION_SHARE_YOUNGER
    hypertension, diabetes = bool(high < common), bool(sweet < _DIABETES_SHARE)
    middle, spread = _SYSTOLIC_HIGH_MMHG if hypertension else _SYSTOLIC_MMHG
    systolic = _around(rng, middle, spread)
    meters = [Meter.CUFF, Meter.THERMOMETER, Meter.OXIMETER]
    if persona.level < BEDRIDDEN:  # who cannot stand is not weighed at home
        meters.append(Meter.SCALE)
    if diabetes:
        meters.append(Meter.GLUCOSE)
    return Health(
        hypertension=hypertension,
        diabetes=diabetes,
        systolic_mmhg=systolic,
        diastolic_mmhg=_DIASTOLIC_PER_SYSTOLIC * systolic + _around(rng, *_DIASTOLIC_MMHG),
        spo2_percent=_around(rng, *_SPO2_PERCENT),
        temperature_c=_around(rng, *_TEMPERATURE_C),
        weight_kg=_around(rng, *_WEIGHT_KG),
        fasting_mmol_l=_around(rng, *_FASTING_MMOL_L),
        fever_c=_around(rng, *_FEVER_C),
        diligence=float(rng.uniform(*_DILIGENCE)),
        meters=tuple(meters),
    )


def _around(rng: np.random.Generator, middle: float, spread: float) -> float:
    """Nobody is further out than two spreads: those are patients, not residents with a kit."""
    return float(np.clip(rng.normal(middle, spread), middle - 2 * spread, middle + 2 * spread))
