"""A month of a made-up district: who lives where, and everything that happened, by one seed.

Written as a diary that the cloud lives through (`yuyue cloud rehearse`): the first line says what
is there, each further one what happened when. Times are whole seconds of UTC; nobody in it exists.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np

from firmware_sim.district.visits import SERIOUS, Visits, say_rules

ZONE: Final = ZoneInfo("Asia/Shanghai")
DISTRICTS: Final = (("500109", "甲区"), ("500108", "乙区"), ("500112", "丙区"))
ALARMS: Final = ("sos", "vital_critical", "bath_dwell_high", "fall_confirmed")
# Rounds of each ability level in the morning (7-15), afternoon (15-22) and night (22-7): the
# patrol table of home-bed-and-smart-home.md, counted out by hand for shifts of 8, 7 and 9 hours.
PATROL: Final = {0: (1, 1, 2), 1: (2, 2, 2), 2: (2, 2, 4), 3: (4, 4, 4), 4: (8, 7, 9)}
# The plan that one house changes to in the middle of the month: levels 0 and 1 hourly at night.
STRICTER: Final = {**PATROL, 0: (1, 1, 9), 1: (2, 2, 9)}
SHIFTS: Final = ((7, 15), (15, 22), (22, 31))
_LEVELS: Final = (2, 1, 3, 2, 0, 4, 1, 2)
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Size:
    """How large a district is."""

    houses: int = 12
    beds: int = 10
    home_beds: int = 1000
    days: int = 31


FULL: Final = Size()
SMALL: Final = Size(houses=3, beds=2, home_beds=9, days=28)


@dataclass(slots=True)
class Person:
    """Somebody with a bed of a unit or at home, as they really are."""

    key: str
    house: int
    at_home: bool
    level: int | None
    assessed_on: date | None
    left_at: datetime | None = None
    told: bool = True
    heard: bool = True


@dataclass(slots=True)
class District:
    """What is there, and what happened: `lines` in the order of time."""

    seed: int
    size: Size
    month: date
    people: list[Person] = field(default_factory=list)
    lines: list[dict[str, Any]] = field(default_factory=list)

    @property
    def begins(self) -> datetime:
        """Midnight in China at the first of the month."""
        return datetime(self.month.year, self.month.month, 1, tzinfo=ZONE)

    @property
    def ends(self) -> datetime:
        """Midnight after its last day."""
        return self.begins + self.size.days * _DAY

    def say(self, at: datetime, do: str, house: int, **more: Any) -> None:
        """One line. At the same second what is known first comes first."""
        self.lines.append({"at": at, "do": do, "house": house, **more})


def house_name(house: int) -> str:
    """As the cloud calls it too."""
    return f"第 {house + 1:02} 养老院"


def district_of(house: int) -> int:
    """Which district a house belongs to."""
    return house % len(DISTRICTS)


def invent(seed: int, size: Size = FULL) -> District:
    """The same seed, the same month."""
    rng = np.random.default_rng(seed)
    month = date(2026, 2, 1) if size.days == 28 else date(2026, 3, 1)
    made = District(seed, size, month)
    _people(made, rng)
    for person in made.people:
        _assessment(made, person)
    for house in range(size.houses):
        _house(made, house, rng)
    for person in made.people:
        _watch(made, person, rng)
        serious = _alarms(made, person, rng)
        if person.at_home:
            Visits(made, person, serious, rng).say()
        else:
            _rounds(made, person, rng)
    made.lines.sort(key=lambda line: line["at"])
    return made


def _people(made: District, rng: np.random.Generator) -> None:
    size = made.size
    for house in range(size.houses):
        homes = size.home_beds // size.houses + (house < size.home_beds % size.houses)
        for number in range(size.beds + homes):
            at_home = number >= size.beds
            level = _LEVELS[int(rng.integers(len(_LEVELS)))]
            age_days = int(rng.integers(2, 400))
            never = rng.random() < 0.04
            person = Person(
                f"h{house}p{number}", house, at_home, None if never else level,
                None if never else made.month - timedelta(days=age_days),
                told=bool(rng.random() > 0.03), heard=bool(rng.random() > 0.03),
            )  # fmt: skip
            if at_home and rng.random() < 0.03:
                person.left_at = _minute(made, rng, 5, made.size.days - 3)
            made.people.append(person)
    # A rare branch is taken at least once, however small the district.
    made.people[0].told = made.people[-1].heard = False


def _minute(made: District, rng: np.random.Generator, first: int, last: int) -> datetime:
    return made.begins + timedelta(minutes=int(rng.integers(first * 1440, last * 1440)))


def _assessment(made: District, person: Person) -> None:
    if person.level is not None and person.assessed_on is not None:
        made.say(
            made.begins - timedelta(days=2), "assess", person.house, person=person.key,
            level=person.level, on=person.assessed_on.isoformat(),
        )  # fmt: skip


def _house(made: District, house: int, rng: np.random.Generator) -> None:
    """Plans, silences of gateways, drills, and tests of devices."""
    made.say(made.begins - timedelta(days=1), "plan", house, stricter=False)
    say_rules(made, house)
    if house == 1:
        made.say(made.begins + timedelta(days=made.size.days // 2, hours=11), "plan", house,
                 stricter=True)  # fmt: skip
    for which in ("unit", "homes"):
        for _ in range(int(rng.integers(0, 3))):
            begin = _minute(made, rng, 2, made.size.days - 4)
            length = int(rng.integers(10, 600))
            if _overlaps(made, house, which, begin, length):
                continue
            made.say(begin + timedelta(minutes=length), "silence", house, gateway=which,
                     begin=begin)  # fmt: skip
    for _ in range(int(rng.integers(1, 4))):
        person = _somebody(made, house, rng)
        at, answer_s = _minute(made, rng, 1, made.size.days - 1), int(rng.integers(10, 150))
        key = f"drill-{house}-{len(made.lines)}"
        made.say(at, "drill", house, person=person.key, drill=key)
        made.say(at + timedelta(seconds=answer_s), "move", house, episode=key, move="acknowledge")
    own = [person for person in made.people if person.house == house]
    broken: dict[str, datetime] = {}
    for week in range(-1, made.size.days // 7 + 1):
        at = made.begins + timedelta(days=7 * week, hours=14)
        tested = [p.key for p in own if rng.random() < 0.9]
        failed = [key for key in tested if rng.random() < 0.02]
        made.say(at, "tests", house, passed=[k for k in tested if k not in failed], failed=failed)
        for key in failed:
            if key not in broken:
                back = at + timedelta(minutes=int(rng.integers(60, 8000)))
                made.say(back, "repaired", house, person=key)
                broken[key] = back
        broken = {key: back for key, back in broken.items() if back > at + timedelta(days=7)}


def _overlaps(made: District, house: int, which: str, begin: datetime, length: int) -> bool:
    end = begin + timedelta(minutes=length)
    margin = timedelta(minutes=10)
    return any(
        line["do"] == "silence" and line["house"] == house and line["gateway"] == which
        and line["begin"] < end + margin and line["at"] > begin - margin
        for line in made.lines
    )  # fmt: skip


def _somebody(made: District, house: int, rng: np.random.Generator) -> Person:
    own = [p for p in made.people if p.house == house and p.left_at is None]
    return own[int(rng.integers(len(own)))]


def _watch(made: District, person: Person, rng: np.random.Generator) -> None:
    """What the gateway tells of them, and of their device."""
    if person.left_at is not None:
        made.say(person.left_at, "left", person.house, person=person.key)
    if person.told:
        made.say(made.begins - timedelta(hours=30), "told", person.house, person=person.key,
                 state="protected")  # fmt: skip
        if rng.random() < 0.15:
            begin = _minute(made, rng, 1, made.size.days - 3)
            end = begin + timedelta(minutes=int(rng.integers(5, 1500)))
            state = "blind" if rng.random() < 0.5 else "degraded"
            made.say(begin, "told", person.house, person=person.key, state=state)
            made.say(end, "told", person.house, person=person.key, state="protected")
    if person.heard and rng.random() < 0.1:
        begin = _minute(made, rng, 1, made.size.days - 3)
        minutes = int(rng.integers(30, 2000))
        made.say(begin, "gone", person.house, person=person.key)
        made.say(begin + timedelta(minutes=minutes), "back", person.house, person=person.key)


def _alarms(made: District, person: Person, rng: np.random.Generator) -> list[datetime]:
    """A handful a month, days apart; some answered late, some resolved days later, some falls.

    When serious ones were found to be real.
    """
    serious: list[datetime] = []
    day = int(rng.integers(0, 8))
    falls = False
    while day < made.size.days - 1 and (
        person.left_at is None or made.begins + (day + 1) * _DAY < person.left_at
    ):
        at = made.begins + timedelta(days=day, seconds=int(rng.integers(600, 85_800)))
        code = ALARMS[int(rng.integers(len(ALARMS)))]
        key = f"{person.key}-{day}"
        late_days = 0 if rng.random() < 0.95 else 2
        answer_s = int(rng.exponential(35)) + 3
        made.say(at, "alarm", person.house, person=person.key, episode=key, code=code)
        raised = at + timedelta(seconds=2)
        real = code == "fall_confirmed" and rng.random() < 0.6
        finding = "real_fall" if real else "lowered_self" if code == "fall_confirmed" else "real"
        moves = (("acknowledge", answer_s), ("arrive", answer_s + 120),
                 ("resolve", answer_s + 600 + late_days * 86_400))  # fmt: skip
        answered = rng.random() > 0.01
        for move, after_s in moves if answered else ():
            said = {"finding": finding} if move == "resolve" else {}
            made.say(raised + timedelta(seconds=after_s), "move", person.house, episode=key,
                     move=move, **said)  # fmt: skip
        falls = falls or (real and answered)
        if answered and code in SERIOUS and finding != "lowered_self":
            serious.append(raised + timedelta(seconds=moves[-1][1]))
        if not answered:
            return serious  # what is still open takes further ones of its kind into itself
        day += int(rng.integers(4, 11))
    if not falls and person.left_at is None and rng.random() < 0.06:
        on = made.begins + timedelta(days=int(rng.integers(3, made.size.days - 3)), hours=10)
        level = _LEVELS[int(rng.integers(len(_LEVELS)))]
        made.say(on, "assess", person.house, person=person.key, level=level,
                 on=on.astimezone(ZONE).date().isoformat())  # fmt: skip
    return serious


def _rounds(made: District, person: Person, rng: np.random.Generator) -> None:
    """Seen about as often as planned; away now and then, and looked for in vain."""
    away = None
    if rng.random() < 0.3:
        out = _minute(made, rng, 3, made.size.days - 5)
        away = (out, out + timedelta(minutes=int(rng.integers(120, 2000))))
        made.say(away[0], "out", person.house, person=person.key,
                 due=away[1] + timedelta(hours=2))  # fmt: skip
        made.say(away[1], "home", person.house, person=person.key)
    for day in range(made.size.days):
        for index, (begin_h, end_h) in enumerate(SHIFTS):
            begin = made.begins + timedelta(days=day, hours=begin_h)
            length_s = (end_h - begin_h) * 3600
            often = PATROL[person.level or 0][index]
            times = max(0, often + int(rng.integers(-1, 2)) * int(rng.random() < 0.2))
            for number in range(times):
                at = begin + timedelta(seconds=int((number + rng.random()) * length_s / times))
                if away is not None and away[0] <= at < away[1]:
                    continue
                late_h = 3 if rng.random() < 0.05 else 0
                made.say(at + timedelta(hours=late_h), "check", person.house, person=person.key,
                         seen=at, there=bool(rng.random() > 0.02))  # fmt: skip


def write(made: District, path: Path) -> None:
    """JSON lines: what is there, then what happened."""
    with path.open("w", encoding="utf-8") as file:
        for line in (setting_of(made), *told(made)):
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


def setting_of(made: District) -> dict[str, Any]:
    """The first line."""
    houses = [
        {
            "name": house_name(house),
            "district": DISTRICTS[district_of(house)],
            "people": [
                {"key": p.key, "at_home": p.at_home, "heard": p.heard}
                for p in made.people
                if p.house == house
            ],
        }
        for house in range(made.size.houses)
    ]
    return {
        "format": "yuyue-district-1", "seed": made.seed, "houses": houses,
        "month": f"{made.month:%Y-%m}", "begins": _text(made.begins), "ends": _text(made.ends),
    }  # fmt: skip


def told(made: District) -> Iterator[dict[str, Any]]:
    """Further lines, with their times as text."""
    for line in made.lines:
        yield {key: _text(v) if isinstance(v, datetime) else v for key, v in line.items()}


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()
