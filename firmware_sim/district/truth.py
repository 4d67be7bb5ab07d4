"""What each indicator must say of a made-up month: worked out from the diary, minute by minute.

Nothing of the cloud is used here, on purpose: not its interval arithmetic (time is an array of
minutes), not its plans of rounds (the patrol table is counted out in diary.py), not its queries.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final

import numpy as np

from firmware_sim.district.diary import (
    DISTRICTS,
    PATROL,
    SHIFTS,
    STRICTER,
    ZONE,
    District,
    Person,
    district_of,
    house_name,
)
from firmware_sim.district.visit_truth import visits_due

_MIN_S: Final = 60
_YEAR: Final = timedelta(days=365)
_CODES: Final = {"bath_dwell_high": "bath_dwell"}
# Told in parts that make up the whole.
_PARTED: Final = ("coverage", "devices_online")
_STATES: Final = ("unknown", "protected", "degraded", "blind")
Figures = dict[tuple[str, str, str], dict[str, Any]]


class Truth:
    """The truth of one district; `figures` by node, indicator and kind."""

    def __init__(self, made: District) -> None:
        self._made = made
        self._minutes = made.size.days * 1440
        self._lines: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self._sums: dict[tuple[int, str, str], list[float]] = defaultdict(lambda: [0, 0])
        self._seconds: dict[int, list[float]] = defaultdict(list)
        for line in made.lines:
            self._lines[line["do"]].append(line)
        self._by_key = {person.key: person for person in made.people}
        self._answers()
        self._watched()
        self._devices()
        self._rounds()
        self._assessments()
        self._visits()

    def figures(self) -> Figures:
        """Of every house, district, and all."""
        found: dict[tuple[str, str, str], list[float]] = defaultdict(lambda: [0, 0])
        seconds: dict[str, list[float]] = defaultdict(list)
        for (house, code, kind), (part, whole) in self._sums.items():
            for node in _nodes(house):
                found[node, code, kind][0] += part
                found[node, code, kind][1] += whole
        for house, values in self._seconds.items():
            for node in _nodes(house):
                seconds[node] += values
        figures: Figures = {
            key: {"part": round(part), "whole": round(whole)}
            for key, (part, whole) in found.items()
        }
        for (node, code, _), figure in figures.items():
            if code in _PARTED:
                figure["whole"] = sum(
                    one["part"] for key, one in figures.items() if key[:2] == (node, code)
                )
            if code == "answer_time":
                figure |= {
                    "median_s": _median(seconds[node]),
                    "p95_s": _nearest_rank(seconds[node], 0.95),
                }
        return figures

    def _add(self, house: int, code: str, part: float, whole: float, kind: str = "") -> None:
        held = self._sums[house, code, kind]
        held[0] += part
        held[1] += whole

    def _minute(self, at: datetime) -> int:
        return int((at - self._made.begins).total_seconds() // _MIN_S)

    def _answers(self) -> None:
        moves = {(line["episode"], line["move"]): line for line in self._lines["move"]}
        for house in range(self._made.size.houses):
            for code in ("answered_60_s", "answered_180_s", "answer_time", "drills", "falls"):
                self._add(house, code, 0, 0)
        for line in self._lines["alarm"]:
            house, raised = line["house"], line["at"] + timedelta(seconds=2)
            ack = moves.get((line["episode"], "acknowledge"))
            after = None if ack is None else (ack["at"] - raised).total_seconds()
            self._add(house, "alerts", 1, 0, _CODES.get(line["code"], line["code"]))
            for code, limit in (("answered_60_s", 60), ("answered_180_s", 180)):
                self._add(house, code, after is not None and after <= limit, 1)
            self._add(house, "answer_time", after is not None, 1)
            if after is not None:
                self._seconds[house].append(after)
            end = moves.get((line["episode"], "resolve"))
            if end is not None and end["finding"] == "real_fall":
                self._add(house, "falls", 1, 0)
        for line in self._lines["drill"]:
            ack = moves[line["drill"], "acknowledge"]
            in_time = (ack["at"] - line["at"]).total_seconds() <= _MIN_S
            self._add(line["house"], "drills", in_time, 1)

    def _present(self, person: Person) -> np.ndarray[Any, Any]:
        here = np.ones(self._minutes, bool)
        if person.left_at is not None:
            here[self._minute(person.left_at) :] = False
        return here

    def _away(self, person: Person) -> np.ndarray[Any, Any]:
        away = np.zeros(self._minutes, bool)
        outs = [line for line in self._lines["out"] if line["person"] == person.key]
        backs = [line for line in self._lines["home"] if line["person"] == person.key]
        for out, back in zip(outs, backs, strict=True):
            away[self._minute(out["at"]) : self._minute(back["at"])] = True
        return away

    def _silent(self, person: Person) -> np.ndarray[Any, Any]:
        silent = np.zeros(self._minutes, bool)
        which = "homes" if person.at_home else "unit"
        for line in self._lines["silence"]:
            if (line["house"], line["gateway"]) == (person.house, which):
                silent[self._minute(line["begin"]) : self._minute(line["at"])] = True
        return silent

    def _watched(self) -> None:
        told = defaultdict(list)
        for line in self._lines["told"]:
            told[line["person"]].append(line)
        for person in self._made.people:
            state = np.zeros(self._minutes, int)
            for line in told[person.key]:
                state[max(0, self._minute(line["at"])) :] = _STATES.index(line["state"])
            state[self._silent(person)] = _STATES.index("blind")
            counted = self._present(person) & ~self._away(person)
            for number, name in enumerate(_STATES):
                seconds = int((counted & (state == number)).sum()) * _MIN_S
                self._add(person.house, "coverage", seconds, 0, name)
            ends = np.arange(1440, self._minutes + 1, 1440)
            there = [
                person.left_at is None or self._minute(person.left_at) > minute for minute in ends
            ]
            self._add(person.house, "falls", 0, sum(map(bool, there)))

    def _devices(self) -> None:
        passed = defaultdict(list)
        for line in self._lines["tests"]:
            for key in line["passed"]:
                passed[key].append(line["at"])
        broken = self._broken()
        gone: dict[str, list[datetime]] = defaultdict(list)
        back: dict[str, list[datetime]] = defaultdict(list)
        for name, found in (("gone", gone), ("back", back)):
            for line in self._lines[name]:
                found[line["person"]].append(line["at"])
        for person in self._made.people:
            offline = self._silent(person)
            for begin, end in zip(gone[person.key], back[person.key], strict=True):
                offline[self._minute(begin) : self._minute(end)] = True
            for begin, end in broken[person.key]:
                offline[max(0, self._minute(begin)) : max(0, self._minute(end))] = True
            down = int(offline.sum()) * _MIN_S
            up = self._minutes * _MIN_S - down
            for kind, seconds in (("offline", down), ("online", up * person.heard),
                                  ("unknown", up * (not person.heard))):  # fmt: skip
                self._add(person.house, "devices_online", seconds, 0, kind)
            for day in range(self._made.size.days):
                end = self._made.begins + timedelta(days=day + 1)
                fresh = any(end - timedelta(days=7) < at <= end for at in passed[person.key])
                self._add(person.house, "device_tests", fresh, 1)

    def _broken(self) -> dict[str, list[tuple[datetime, datetime]]]:
        """From the test that failed until it was repaired; a second failure meanwhile is none."""
        found: dict[str, list[tuple[datetime, datetime]]] = defaultdict(list)
        happened = [(line["at"], 1, key) for line in self._lines["tests"] for key in line["failed"]]
        happened += [(line["at"], 0, line["person"]) for line in self._lines["repaired"]]
        since: dict[str, datetime] = {}
        for at, fails, key in sorted(happened):
            if fails:
                since.setdefault(key, at)
            else:
                found[key].append((since.pop(key), at))
        for key, at in since.items():
            found[key].append((at, self._made.ends))
        return found

    def _rounds(self) -> None:
        checks = defaultdict(list)
        for line in self._lines["check"]:
            if line["there"]:
                checks[line["person"]].append(line["seen"])
        stricter = {line["house"]: line["at"] for line in self._lines["plan"] if line["stricter"]}
        levels = defaultdict(list)
        for line in self._lines["assess"]:
            levels[line["person"]].append((line["at"], line["level"]))
        for house in range(self._made.size.houses):
            self._add(house, "rounds", 0, 0)
        for person in self._made.people:
            if person.at_home:
                continue
            away = self._away(person)
            for day in range(self._made.size.days):
                for index, (begin_h, end_h) in enumerate(SHIFTS):
                    begin = self._made.begins + timedelta(days=day, hours=begin_h)
                    end = self._made.begins + timedelta(days=day, hours=end_h)
                    if away[self._minute(begin) : self._minute(end)].any():
                        continue
                    at = stricter.get(person.house)
                    table = STRICTER if at is not None and at <= begin else PATROL
                    level = 0
                    for since, assessed in levels[person.key]:
                        level = assessed if since <= begin else level
                    seen = sum(begin <= one < end for one in checks[person.key])
                    planned = table[level][index]
                    self._add(person.house, "rounds", min(seen, planned), planned)

    def _visits(self) -> None:
        for house in range(self._made.size.houses):
            self._add(house, "visits", 0, 0)
        for one in visits_due(self._made, self._lines):
            self._add(one.house, "visits", one.met, 1)

    def _assessments(self) -> None:
        ends, last_day = self._made.ends, (self._made.ends - timedelta(hours=1)).astimezone(ZONE)
        happened = {line["episode"]: line for line in self._lines["alarm"]}
        falls = defaultdict(list)
        for line in self._lines["move"]:
            if line.get("finding") == "real_fall" and line["at"] <= ends:
                alarm = happened[line["episode"]]
                falls[alarm["person"]].append(alarm["at"])
        newest: dict[str, str] = {}
        for house in range(self._made.size.houses):
            self._add(house, "assessments", 0, 0)
        for line in self._lines["assess"]:
            newest[line["person"]] = max(newest.get(line["person"], ""), line["on"])
            if line["at"] >= self._made.begins:
                self._add(line["house"], "assessments", 1, 0)
        for person in self._made.people:
            if person.left_at is not None and person.left_at <= ends:
                continue
            on = newest.get(person.key)
            fresh = on is not None and datetime.fromisoformat(on).date() + _YEAR > last_day.date()
            times = sorted(falls[person.key])
            twice = any(later - earlier < timedelta(days=30) for earlier, later in pairwise(times))
            self._add(person.house, "assessed", fresh and not twice, 1)


def _nodes(house: int) -> tuple[str, str, str]:
    """By the names that the cloud is asked by."""
    return "all", DISTRICTS[district_of(house)][1], house_name(house)


def _median(values: list[float]) -> float | None:
    return round(float(np.median(values)), 1) if values else None


def _nearest_rank(values: list[float], share: float) -> float | None:
    if not values:
        return None
    return round(float(np.quantile(values, share, method="inverted_cdf")), 1)
