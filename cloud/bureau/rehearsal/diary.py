"""What a diary says, and one institution while it lives."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final, Self

import msgspec

from cloud.identity.service import Principal

FORMAT: Final = "yuyue-district-1"
Line = Mapping[str, Any]


class DiaryError(ValueError):
    """The diary is not one, or what it says did not happen here."""


@dataclass(frozen=True, slots=True)
class Month:
    """Which one is lived: its first day, when it begins and ends."""

    first: date
    begins: datetime
    ends: datetime

    @classmethod
    def of(cls, setting: Line) -> Self:
        """From the first line. Raises DiaryError."""
        if setting.get("format") != FORMAT:
            raise DiaryError("not a diary of a district")
        begins, ends = (datetime.fromisoformat(setting[name]) for name in ("begins", "ends"))
        return cls(date.fromisoformat(f"{setting['month']}-01"), begins, ends)


@dataclass(slots=True)
class House:
    """One institution of the district, while it lives."""

    institution_id: uuid.UUID
    name: str
    district: tuple[str, str]
    user_id: uuid.UUID
    elders: dict[str, uuid.UUID] = field(default_factory=dict)
    gateways: dict[str, uuid.UUID] = field(default_factory=dict)
    alerts: dict[str, uuid.UUID] = field(default_factory=dict)
    visits: dict[str, uuid.UUID] = field(default_factory=dict)
    sent: int = 0


# What a line does, at its time.
Act = Callable[[House, Principal, Line, datetime], Awaitable[None]]


def read_diary(text: str) -> list[dict[str, Any]]:
    """Raises DiaryError, with the line."""
    return list(_lines(text))


def _lines(text: str) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            yield msgspec.json.decode(line, type=dict[str, Any])
        except msgspec.DecodeError as error:
            raise DiaryError(f"line {number}: {error}") from error
