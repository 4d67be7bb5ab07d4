"""Services and skills that the care map knows, kinds of beds, and the map's own figures."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from importlib.resources import files
from typing import Final, Literal, get_args

from cloud.errors import BadFieldError
from cloud.places.schemas import BedKind

Of = Literal["house", "responder"]
BED_KINDS: Final[tuple[BedKind, ...]] = get_args(BedKind)
HOME_BED: Final = "home"
RESPONDER: Final = "responder"
# Beds are counted every minute (cloud/app.py). Counts older than fifteen times that are not
# believed: a free bed that was given away meanwhile sends somebody on a way for nothing (D).
COUNTS_HOLD: Final = timedelta(minutes=15)
# Design defaults (D) where nobody has said how much somebody takes on at a time: what a carer has
# in hand on a shift (alerts, visits of the day, follow-ups), and elders a neighbour looks in on.
STAFF_CAPACITY: Final = 8
HELPER_CAPACITY: Final = 3


@dataclass(frozen=True, slots=True)
class CareService:
    """One service of a house, or skill of somebody who comes."""

    key: str
    zh: str
    en: str
    of: tuple[Of, ...]


@cache
def services() -> Mapping[str, CareService]:
    """All of them, by key, in the order in which pages show them."""
    text = (files("cloud.bureau") / "data" / "care_services.json").read_text("utf-8")
    rows = json.loads(text)["services"]
    return {
        row["key"]: CareService(row["key"], row["zh"], row["en"], tuple(row["of"])) for row in rows
    }


def known_services(keys: Iterable[str], of: Of, field: str) -> list[str]:
    """Each once, in the order of the catalogue. Raises BadFieldError naming the field."""
    wanted = set(keys)
    known = [key for key, one in services().items() if of in one.of]
    if unknown := sorted(wanted - set(known)):
        raise BadFieldError(field, f"没有这些项目：{'、'.join(unknown)}。可用：{'、'.join(known)}")
    return [key for key in known if key in wanted]
