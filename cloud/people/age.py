"""Age by the calendar. Pure."""

from __future__ import annotations

from datetime import date


def age_on(birth_date: date, day: date, *, day_after: bool = False) -> int:
    """Full years on `day`; born on 29 February: full on 1 March in common years.

    `day_after`: the year counts from the day after the birthday (a local practice, mark U).
    """
    birthday, today = (birth_date.month, birth_date.day), (day.month, day.day)
    reached = today > birthday if day_after else today >= birthday
    return day.year - birth_date.year - (not reached)
