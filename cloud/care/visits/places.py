"""Where a door is, and where somebody checked in: sealed, for both tell where people are."""

from __future__ import annotations

import uuid
from typing import Final

from cloud.care.visits.schemas import PlaceIO
from cloud.crypto import Keyring
from cloud.geo import Point, distance_m
from cloud.places.sealing import seal, unseal

# Design default (D): beyond this and what the phone is unsure of, the page says "not at the door".
# A block of flats with its yard is within it.
FAR_M: Final = 300.0


def place_context(table: str) -> str:
    """What binds a sealed place to its column."""
    return f"{table}.place"


def seal_place(
    keyring: Keyring, place: PlaceIO | None, table: str, row_id: uuid.UUID
) -> bytes | None:
    """For the column `place_sealed` of this row."""
    if place is None:
        return None
    bare = PlaceIO(lat=place.lat, lon=place.lon)
    return seal(keyring, bare.model_dump_json(), place_context(table), row_id)


def open_place(
    keyring: Keyring, sealed: bytes | None, table: str, row_id: uuid.UUID
) -> PlaceIO | None:
    """Back again. Raises BadCiphertextError."""
    text = unseal(keyring, sealed, place_context(table), row_id)
    return PlaceIO.model_validate_json(text) if text else None


def apart_m(a: PlaceIO | None, b: PlaceIO | None) -> float | None:
    """Metres between two places; None where one is not known."""
    if a is None or b is None:
        return None
    return distance_m(Point(a.lat, a.lon), Point(b.lat, b.lon))


def is_far(distance: float | None, accuracy: float | None) -> bool:
    """Whether a check-in was not at the door, even if the phone erred as far as it may."""
    return distance is not None and distance > FAR_M + (accuracy or 0.0)
