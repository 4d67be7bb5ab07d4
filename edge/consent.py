"""What a person has to agree to before it is measured, by quantity (docs/wire.md, 2).

No consent for a kind: the gateway drops it. Never dropped: smoke, gas and calls for help, what a
device says of itself, and the climate of a room, which says nothing of a person.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class DataKind(StrEnum):
    """One purpose of a consent each; the values stand in the registry document."""

    SAFETY = "safety"
    VITALS = "vitals"
    LOCATION = "location"


_KINDS: Final[Mapping[DataKind | None, frozenset[str]]] = {
    DataKind.SAFETY: frozenset(
        {
            "acceleration", "angular_rate", "bed_motion", "presence", "motion", "motion_count",
            "door_open", "in_bed", "worn", "bed_load", "bed_edge", "body_turn", "body_movement",
            "steps", "appliance_on", "fall_reported", "fall_cancel",
        }
    ),
    DataKind.VITALS: frozenset(
        {
            "heart_rate", "respiration_rate", "spo2", "body_temperature", "systolic_pressure",
            "diastolic_pressure", "blood_glucose", "body_weight", "heart_rate_quality",
            "respiration_rate_quality",
        }
    ),
    DataKind.LOCATION: frozenset({"in_zone"}),
    None: frozenset(
        {
            "sos", "smoke", "gas", "water", "battery_level", "device_fault", "air_temperature",
            "relative_humidity", "mains_power",
        }
    ),
}  # fmt: skip
# By quantity; None: needs no consent. What is not listed here would need the strictest of all, so
# a test keeps this the same as QUANTITIES.
KIND_OF: Final[Mapping[str, DataKind | None]] = MappingProxyType(
    {quantity: kind for kind, quantities in _KINDS.items() for quantity in quantities}
)


def may_pass(quantity: str, allowed: frozenset[str] | None) -> bool:
    """Whether a signal may go on. `allowed` None: nobody was asked, because nobody is meant."""
    if allowed is None:
        return True
    kind = KIND_OF.get(quantity, DataKind.SAFETY)
    return kind is None or kind.value in allowed
