"""When visits really were due, and whether they were made: a walk through the month, forwards.

The cloud looks back from each visit to the one before. Here one person's days pass in order: what
happens may bring the next due date nearer, midnight may pass it by, a visit may meet it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from firmware_sim.district.diary import ZONE, District
from firmware_sim.district.visits import SERIOUS, rules_of

_CALLED: Final = ("phone", "video")
# Of the same second: what asks for a visit comes before the visit that answers it.
_ASKS, _GOES = 0, 1
Happening = tuple[datetime, int, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """One due date of one person."""

    house: int
    due: datetime
    met: bool


def visits_due(made: District, lines: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[Answer]:
    """Everybody's that fell within the month. `lines` by what they tell."""
    happened = _happened(made, lines)
    plans: dict[str, dict[str, Any]] = defaultdict(dict)
    for line in lines["visit_plan"]:
        plans[line["person"]] |= {**line, "ended_at": line["at"] if line["ended"] else None}
    found = []
    for person, plan in plans.items():
        ended_at = plan["ended_at"] or made.ends
        for due, met in _walk(plan, sorted(happened[person], key=lambda one: one[:2])):
            if made.begins < due <= min(made.ends, ended_at):
                found.append(Answer(plan["house"], due, met))
    return found


def _walk(
    plan: Mapping[str, Any], happened: Sequence[Happening]
) -> Iterator[tuple[datetime, bool]]:
    rules = rules_of(plan["house"])
    every_days = plan["own_days"] or rules.every_days[plan["group"]]
    due: datetime | None = _midnight_after(date.fromisoformat(plan["starts_on"]))
    calls = 0
    for at, kind, what in happened:
        if due is not None and due < at:
            yield due, False
            due = None  # missed; nothing is due anew before somebody was there
        if kind == _ASKS:
            due = None if due is None else min(due, what)
            continue
        calls = calls + 1 if what in _CALLED else 0
        if calls > rules.calls_in_a_row:
            continue
        if due is not None:
            yield due, True
        due = _midnight_after(at.astimezone(ZONE).date() + timedelta(days=every_days))
    if due is not None:
        yield due, False  # or still to come: then it is after the month


def _happened(
    made: District, lines: Mapping[str, Sequence[Mapping[str, Any]]]
) -> dict[str, list[Happening]]:
    found: dict[str, list[Happening]] = defaultdict(list)
    alarms = {line["episode"]: line for line in lines["alarm"]}
    for line in lines["move"]:
        alarm = alarms.get(line["episode"])
        if alarm is None or line.get("finding") not in {"real", "real_fall"}:
            continue
        if alarm["code"] in SERIOUS:
            due = line["at"] + rules_of(line["house"]).sooner
            found[alarm["person"]].append((line["at"], _ASKS, due))
    for line in lines["visit_asked"]:
        found[line["person"]].append((line["at"], _ASKS, line["due"]))
    wrong = {line["visit"]: line["began"] for line in lines["visit_wrong"]}
    for line in lines["visit"]:
        began = wrong.get(line["visit"], line["began"])
        if began is not None and line["outcome"] == "done":
            found[line["person"]].append((began, _GOES, line["way"]))
    return found


def _midnight_after(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=ZONE) + timedelta(days=1)
