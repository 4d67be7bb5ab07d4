"""Observations: what sensors told, and the levels that assessments gave. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cloud.care.assessment.form import load_form
from cloud.care.assessment.models import Assessment
from cloud.exchange import codes
from cloud.exchange.codes import coded
from cloud.exchange.resources import (
    Resource,
    coding_of,
    concept,
    device_id_of,
    id_of,
    moment,
    patient_ref,
)
from cloud.schema_types import iso_ms
from edge.signals import Origin


@dataclass(frozen=True, slots=True)
class Measured:
    """One reading of one device."""

    device_id: str
    quantity: str
    time_ns: int
    at: datetime
    value: float
    origin: Origin


def observation(elder_id: uuid.UUID, one: Measured) -> Resource:
    """A reading. What no person made says so in its security label."""
    how = coded(one.quantity)
    return {
        **_measured(elder_id, one, one.quantity, how.category),
        "code": _code_of(one.quantity),
        "valueQuantity": _quantity(one),
    }


def pressure(elder_id: uuid.UUID, systolic: Measured, diastolic: Measured) -> Resource:
    """Both values of one cuff at one time, as the panel that LOINC has for them."""
    return {
        **_measured(elder_id, systolic, "blood_pressure", codes.VITAL_SIGNS),
        "code": {"coding": [coding_of(*codes.PANEL)]},
        "component": [
            {"code": _code_of(one.quantity), "valueQuantity": _quantity(one)}
            for one in (systolic, diastolic)
        ],
    }


def observations(elder_id: uuid.UUID, measured: Sequence[Measured]) -> list[Resource]:
    """One for each reading; blood pressure as a panel where both values are there."""
    upper, lower = codes.PRESSURE
    pairs: dict[tuple[str, int, Origin], dict[str, Measured]] = {}
    for one in measured:
        if one.quantity in codes.PRESSURE:
            pairs.setdefault((one.device_id, one.time_ns, one.origin), {})[one.quantity] = one
    found: list[Resource] = []
    for one in measured:
        pair = pairs.get((one.device_id, one.time_ns, one.origin), {})
        if one.quantity not in codes.PRESSURE or len(pair) == 1:
            found.append(observation(elder_id, one))
        elif one.quantity == upper:
            found.append(pressure(elder_id, one, pair[lower]))
    return found


def _measured(elder_id: uuid.UUID, one: Measured, what: str, category: str) -> Resource:
    label = [] if one.origin is Origin.LIVE else [coding_of(*codes.SIMULATED, one.origin.value)]
    return {
        "resourceType": "Observation",
        "id": id_of("reading", one.device_id, what, one.time_ns, one.origin.value),
        "meta": {"security": label},
        "status": "final",
        "category": [concept(codes.OBSERVATION_CATEGORY, category)],
        "subject": patient_ref(elder_id),
        "effectiveDateTime": iso_ms(one.at),
        "device": {"reference": f"Device/{device_id_of(one.device_id)}"},
    }


def _code_of(quantity: str) -> Resource:
    return {"coding": [coding_of(*coding) for coding in coded(quantity).codings]}


def _quantity(one: Measured) -> Resource:
    unit = coded(one.quantity).unit
    return {"value": one.value, "unit": unit, "system": codes.UCUM, "code": unit}


def level_observation(row: Assessment) -> Resource:
    """The level of a filed assessment, with its total."""
    level = load_form().levels[row.final_level or 0]
    return {
        "resourceType": "Observation",
        "id": id_of("level", row.id),
        "meta": {"lastUpdated": moment(row.filed_at)},
        "status": "final",
        "category": [concept(codes.OBSERVATION_CATEGORY, codes.SURVEY)],
        "code": concept(codes.OWN_LEVEL, "level", "老年人能力等级"),
        "subject": patient_ref(row.elder_id),
        "effectiveDateTime": row.reference_date.isoformat(),
        "performer": [{"display": row.source}] if row.source else [],
        "derivedFrom": [{"reference": f"QuestionnaireResponse/{row.id}"}],
        "note": [{"text": _ground_text(ground)} for ground in _grounds_of(row)],
        "valueCodeableConcept": concept(codes.OWN_LEVEL, str(level.level), level.zh),
        "component": [
            {
                "code": concept(codes.OWN_LEVEL, "total", "总分"),
                "valueQuantity": {
                    "value": row.total, "unit": "{score}", "system": codes.UCUM, "code": "{score}",
                },
            },
            {
                "code": concept(codes.OWN_LEVEL, "first-level", "初步等级"),
                "valueCodeableConcept": concept(
                    codes.OWN_LEVEL, str(row.first_level),
                    load_form().levels[row.first_level or 0].zh,
                ),
            },
        ],
    }  # fmt: skip


def _grounds_of(row: Assessment) -> list[dict[str, Any]]:
    return [] if row.result is None else list(row.result.get("grounds", ()))


def _ground_text(ground: Mapping[str, Any]) -> str:
    """C.4: what changed the level, and by how much."""
    moved = f"{ground['level_before']} → {ground['level_after']} 级"
    return f"变更依据：{ground['zh']}：{ground['because_zh']}（{moved}）"
