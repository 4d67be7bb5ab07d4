"""FHIR's search parameters as far as they are served: `date` with its prefixes, `code`. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from cloud.errors import FieldProblem, ProblemError
from cloud.exchange.codes import quantity_of

_PREFIXES = ("eq", "ge", "gt", "le", "lt")


def over(dates: Sequence[str]) -> tuple[datetime | None, datetime | None]:
    """[from, until) of `date=ge2026-03-01&date=lt2026-03-02`. Raises ProblemError 422."""
    begin: datetime | None = None
    end: datetime | None = None
    for text in dates:
        prefix, value = (text[:2], text[2:]) if text[:2] in _PREFIXES else ("eq", text)
        first, after = _moments(value)
        if prefix in ("eq", "ge", "gt"):
            low = after if prefix == "gt" else first
            begin = low if begin is None else max(begin, low)
        if prefix in ("eq", "le", "lt"):
            high = first if prefix == "lt" else after
            end = high if end is None else min(end, high)
    return begin, end


def _moments(value: str) -> tuple[datetime, datetime]:
    """A day, or a moment: when it begins and when it is over."""
    try:
        if len(value) == len("2026-03-01"):
            day = date.fromisoformat(value)
            begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
            return begin, begin + timedelta(days=1)
        moment = datetime.fromisoformat(value)
    except (ValueError, OverflowError):
        raise _wrong("query.date", f"{value[:40]!r} is no date or time") from None
    if moment.tzinfo is None:
        raise _wrong("query.date", f"{value[:40]!r} has no time zone")
    return moment, moment + timedelta(microseconds=1)


def quantity(code: str | None) -> str | None:
    """Of `code=http://loinc.org|8867-4`. Raises ProblemError 422 for one that is not known."""
    if code is None:
        return None
    found = quantity_of(code)
    if found is None:
        raise _wrong("query.code", f"{code[:80]!r} is no code that is served here")
    return found


def _wrong(field: str, message: str) -> ProblemError:
    errors = [FieldProblem(field=field, message=message).model_dump()]
    return ProblemError(422, "bad_request", f"{field}: {message}", errors=errors)
