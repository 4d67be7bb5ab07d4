"""What is said to InfluxDB 2 and what it answers: line protocol, Flux, annotated CSV. Pure.

Flux is kept to `from`, `range`, `filter` and `last`: what the documentation describes in full.
Summaries are computed here, not there.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from cloud.series.columns import Key, ReadingColumns
from cloud.series.slots import SLOT, Slots

READING: Final = "reading"
SUMMARY: Final = "summary"
_INTEGERS: Final = ("count", "first_ns", "last_ns", "min_ns", "max_ns")
_FLOATS: Final = ("first_value", "last_value", "min_value", "max_value", "sum_value")
_NS_DIGITS: Final = 9
# Beginnings of lines that are remembered: the series of a large institution, some 10 MB.
_PREFIXES: Final = 32_768


class InfluxAnswerError(RuntimeError):
    """InfluxDB answered with an error, or with what cannot be understood."""


def escape_tag(text: str) -> str:
    """A tag's value in line protocol: comma, equals and space are escaped."""
    return text.replace("\\", "\\\\").replace(",", "\\,").replace("=", "\\=").replace(" ", "\\ ")


def flux_string(text: str) -> str:
    """A string literal of Flux; `${` would be an interpolation."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("${", "\\${")
    return f'"{escaped}"'


def flux_time(time_ns: int) -> str:
    """A time literal of Flux, to the nanosecond."""
    return str(np.datetime64(max(0, time_ns), "ns")) + "Z"


@lru_cache(maxsize=_PREFIXES)
def _prefix(measurement: str, institution: str, key: Key) -> str:
    device, quantity, origin = (escape_tag(part) for part in key)
    return (
        f"{measurement},device={device},institution={institution},origin={origin},"
        f"quantity={quantity} "
    )


def reading_lines(institution: str, columns: ReadingColumns) -> bytes:
    """One line a reading; the uncertainty only where there is one."""
    prefixes = [_prefix(READING, institution, key) + "value=" for key in columns.keys]
    keys, times = columns.key.tolist(), columns.time_ns.tolist()
    values = columns.value.tolist()
    if np.isnan(columns.uncertainty_s).all():
        lines = [f"{prefixes[k]}{v!r} {t}" for k, v, t in zip(keys, values, times, strict=True)]
    else:
        lines = [
            f"{prefixes[k]}{v!r} {t}" if u != u else f"{prefixes[k]}{v!r},uncertainty={u!r} {t}"  # noqa: PLR0124
            for k, v, u, t in zip(keys, values, columns.uncertainty_s.tolist(), times, strict=True)
        ]
    return "\n".join(lines).encode()


def slot_lines(institution: str, key: Key, slots: Slots, unit_ns: int) -> bytes:
    """One line a summary, at the beginning of its slot."""
    prefix = _prefix(SUMMARY, institution, key)
    lines = []
    for slot in slots:
        fields = [f"{name}={int(slot[name])}i" for name in _INTEGERS]
        fields += [f"{name}={float(slot[name])!r}" for name in _FLOATS]
        lines.append(f"{prefix}{','.join(fields)} {int(slot['slot']) * unit_ns}")
    return "\n".join(lines).encode()


def select(
    bucket: str, measurement: str, tags: Mapping[str, str], from_ns: int, until_ns: int
) -> str:
    """Flux for all points with these tags in [from, until)."""
    wanted = [("_measurement", measurement), *sorted(tags.items())]
    conditions = " and ".join(f"r[{flux_string(k)}] == {flux_string(v)}" for k, v in wanted)
    return (
        f"from(bucket: {flux_string(bucket)})\n"
        f"  |> range(start: {flux_time(from_ns)}, stop: {flux_time(until_ns)})\n"
        f"  |> filter(fn: (r) => {conditions})\n"
    )


def last(query: str) -> str:
    """Only the newest point of each series and field."""
    return query + "  |> last()\n"


def delete_predicate(tags: Mapping[str, str]) -> str:
    """For `/api/v2/delete`: equality joined by AND is all there is."""
    quoted = {name: value.replace("\\", "\\\\").replace('"', '\\"') for name, value in tags.items()}
    return " AND ".join(f'{name}="{value}"' for name, value in sorted(quoted.items()))


def read_csv(answer: str) -> Iterator[dict[str, str]]:
    """The records of an annotated CSV answer, of all its tables. Raises InfluxAnswerError."""
    header: list[str] = []
    defaults: list[str] = []
    fresh = False
    for row in csv.reader(io.StringIO(answer)):
        if not row or row == [""]:
            fresh = True  # an empty line ends a table; annotations or a header follow
        elif row[0].startswith("#"):
            fresh = True
            if row[0] == "#default":
                defaults = row
        elif fresh or not header:
            header, fresh = row, False
        else:
            record = {
                name: value or (defaults[number] if number < len(defaults) else "")
                for number, (name, value) in enumerate(zip(header, row, strict=True))
                if name
            }
            if "error" in record and "_value" not in record:
                raise InfluxAnswerError(record["error"])
            yield record


def time_ns_of(text: str) -> int:
    """RFC 3339 in UTC, as InfluxDB writes it, to the nanosecond."""
    if not text.endswith("Z"):
        raise InfluxAnswerError(f"a time that is not UTC: {text[:40]!r}")
    whole, _, fraction = text[:-1].partition(".")
    seconds = int(np.datetime64(whole, "s").astype(np.int64))
    return seconds * 10**_NS_DIGITS + int(fraction.ljust(_NS_DIGITS, "0") or "0")


def readings_in(answer: str) -> dict[Key, tuple[list[int], list[float], list[float]]]:
    """Times, values and uncertainties (NaN: none) by series; by time."""
    by_key: dict[Key, dict[int, list[float]]] = {}
    for record in read_csv(answer):
        key = (record["device"], record["quantity"], record["origin"])
        point = by_key.setdefault(key, {}).setdefault(
            time_ns_of(record["_time"]), [float("nan"), float("nan")]
        )
        point[record["_field"] == "uncertainty"] = float(record["_value"])
    found = {}
    for key, points in by_key.items():
        # An uncertainty without its value is a point of which a part was deleted.
        times = sorted(t for t, (value, _) in points.items() if value == value)  # noqa: PLR0124
        found[key] = (times, [points[t][0] for t in times], [points[t][1] for t in times])
    return found


def slots_in(answer: str, unit_ns: int) -> dict[Key, Slots]:
    """Summaries by series; by time."""
    by_key: dict[Key, dict[int, dict[str, str]]] = {}
    for record in read_csv(answer):
        key = (record["device"], record["quantity"], record["origin"])
        slot = time_ns_of(record["_time"]) // unit_ns
        by_key.setdefault(key, {}).setdefault(slot, {})[record["_field"]] = record["_value"]
    found = {}
    for key, rows in by_key.items():
        complete = [(n, row) for n, row in sorted(rows.items()) if _INTEGERS[0] in row]
        slots = np.zeros(len(complete), SLOT)
        for index, (number, row) in enumerate(complete):
            slots[index]["slot"] = number
            for name in _INTEGERS:
                slots[index][name] = int(row[name])
            for name in _FLOATS:
                slots[index][name] = float(row[name])
        found[key] = slots
    return found


def by_day(time_ns: npt.NDArray[np.int64], day_ns: int) -> Iterable[int]:
    """The days that times are of."""
    days: list[int] = np.unique(time_ns // day_ns).tolist()
    return days


def tags_of(institution: str, **tags: Any) -> dict[str, str]:
    """The tags of a question; never without the institution."""
    return {"institution": institution} | {k: str(v) for k, v in tags.items() if v is not None}
