"""Codes of what leaves the house: LOINC and UCUM where there are any, our own systems where not.

Source: domain page on records, section 1 (its table of LOINC and UCUM codes, marks V).
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from edge.signals import QUANTITIES

FhirVersion = Literal["r4b", "r5"]

LOINC: Final = "http://loinc.org"
UCUM: Final = "http://unitsofmeasure.org"
_TERMINOLOGY: Final = "http://terminology.hl7.org/CodeSystem"
OBSERVATION_CATEGORY: Final = f"{_TERMINOLOGY}/observation-category"
DATA_ABSENT: Final = f"{_TERMINOLOGY}/data-absent-reason"
CONSENT_SCOPE: Final = f"{_TERMINOLOGY}/consentscope"
CONSENT_CATEGORY: Final = LOINC
PLACE_FORM: Final = f"{_TERMINOLOGY}/location-physical-type"
ASSOCIATION_STATUS: Final = f"{_TERMINOLOGY}/deviceassociation-status"
AUDIT_SOURCE: Final = f"{_TERMINOLOGY}/security-source-type"
RELATIONSHIP: Final = f"{_TERMINOLOGY}/v2-0131"

# Ours: bed occupancy, doors and dwell have no common code, so we say that these are our own.
OWN: Final = "urn:yuyue-care-hub"
OWN_QUANTITY: Final = f"{OWN}:quantity"
OWN_FORM: Final = f"{OWN}:gb-t-42195-2022"
OWN_LEVEL: Final = f"{OWN}:ability-level"
OWN_RISK: Final = f"{OWN}:risk"
OWN_PURPOSE: Final = f"{OWN}:consent-purpose"
OWN_AUDIT: Final = f"{OWN}:audit-action"
ELDER_ID: Final = f"{OWN}:elder"
DEVICE_ID: Final = f"{OWN}:device"
# OID of GB 11643 as HL7 China lists it is not verified (mark U), so the number has our system too.
CITIZEN_NUMBER: Final = f"{OWN}:citizen-number"
QUESTIONNAIRE: Final = f"{OWN}:questionnaire:gb-t-42195-2022"
SIMULATED: Final = ("http://terminology.hl7.org/CodeSystem/v3-ActReason", "HTEST")

VITAL_SIGNS: Final = "vital-signs"
SURVEY: Final = "survey"
ACTIVITY: Final = "activity"


@dataclass(frozen=True, slots=True)
class Coded:
    """How a quantity is coded: (system, code, display) each, its UCUM unit, its category."""

    codings: tuple[tuple[str, str, str], ...]
    unit: str
    category: str


def _loinc(unit: str, *codes: tuple[str, str], category: str = VITAL_SIGNS) -> Coded:
    return Coded(tuple((LOINC, code, display) for code, display in codes), unit, category)


_CODED: Final = MappingProxyType(
    {
        "heart_rate": _loinc("/min", ("8867-4", "Heart rate")),
        "respiration_rate": _loinc("/min", ("9279-1", "Respiratory rate")),
        "spo2": _loinc(
            "%",
            ("2708-6", "Oxygen saturation in Arterial blood"),
            ("59408-5", "Oxygen saturation in Arterial blood by Pulse oximetry"),
        ),
        "body_temperature": _loinc("Cel", ("8310-5", "Body temperature")),
        "systolic_pressure": _loinc("mm[Hg]", ("8480-6", "Systolic blood pressure")),
        "diastolic_pressure": _loinc("mm[Hg]", ("8462-4", "Diastolic blood pressure")),
        "body_weight": _loinc("kg", ("29463-7", "Body weight")),
        "blood_glucose": _loinc(
            "mmol/L", ("15074-8", "Glucose [Moles/volume] in Blood"), category="laboratory"
        ),
        "steps": _loinc(
            "{steps}", ("55423-8", "Number of steps in unspecified time Pedometer"),
            category=ACTIVITY,
        ),
    }
)  # fmt: skip
_UNITS: Final = MappingProxyType(
    {
        "1/min": "/min", "%": "%", "%RH": "%", "Cel": "Cel", "1": "1", "count": "{count}",
        "kg": "kg", "mmHg": "mm[Hg]", "mmol/l": "mmol/L", "g": "[g]", "deg/s": "deg/s",
    }
)  # fmt: skip


def coded(quantity: str) -> Coded:
    """How a quantity of ours is coded; one without a common code has our own system."""
    known = _CODED.get(quantity)
    if known is not None:
        return known
    described = QUANTITIES[quantity]
    return Coded(((OWN_QUANTITY, quantity, described.name_zh),), _UNITS[described.unit], ACTIVITY)


# Systolic and diastolic of one cuff are components of one Observation (table of the domain page).
PRESSURE: Final = ("systolic_pressure", "diastolic_pressure")
PANEL: Final = (LOINC, "85354-9", "Blood pressure panel with all children optional")


def panel_code(code: str) -> bool:
    """Whether a `code` of a search means the blood pressure panel."""
    return code in (PANEL[1], f"{PANEL[0]}|{PANEL[1]}")


def quantity_of(code: str) -> str | None:
    """The quantity that a `code` of a search means: `8867-4`, `http://loinc.org|8867-4`, our own
    name. None: no such code."""
    system, bar, bare = code.rpartition("|")
    for quantity in QUANTITIES:
        for known_system, known_code, _ in coded(quantity).codings:
            if known_code == bare and (not bar or system == known_system):
                return quantity
    return None
