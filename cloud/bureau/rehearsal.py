"""`yuyue cloud rehearse`: a made-up district lives its month through the real services.

A diary (JSON lines, written by `yuyue sim district`) says who is there and what happened when.
Every line goes through what a real one would: batches of gateways through the intake, moves,
checks, assessments, tests, drills and leave through the services that the routes call, each at its
own time. Only the clock is not real. Then the indicators are counted, as the job does, and told as
the bureau reads them. For a database of its own: the people are made up.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import Any, Final

import msgspec

from cloud.alerts.drills.service import start_drill
from cloud.alerts.models import Alert, AlertEvent
from cloud.alerts.schemas import MoveIn
from cloud.alerts.service import move_alert
from cloud.bureau.job import follow
from cloud.bureau.models import IndicatorDay
from cloud.bureau.sheet import Member, MonthRow, Sheet, sheet_of
from cloud.care.assessment import service as assessments
from cloud.care.assessment.form import load_form
from cloud.care.assessment.schemas import DraftIn
from cloud.care.leave.models import ElderLeave
from cloud.care.leave.service import Absence, register, take_back
from cloud.care.rounds.schemas import FrequencyIO, LevelPlanIO, RoundCheckIn, RoundPlanIn
from cloud.care.rounds.service import plans, set_plan, take_check
from cloud.clock import local_date, ns_from_datetime
from cloud.coverage.intake import take_coverage
from cloud.coverage.models import GatewayArea
from cloud.coverage.service import follow_gateways
from cloud.crypto import Keyring
from cloud.database import Database, TenantScope
from cloud.devices.models import Gateway
from cloud.devices.register import find_device, record_test
from cloud.devices.schemas import TestIn
from cloud.devices.service import Subject, add_device, add_gateway, assign, note_activity
from cloud.identity.models import User
from cloud.identity.permissions import Role
from cloud.identity.secrets import new_password
from cloud.identity.service import Principal, add_institution, add_user
from cloud.ingest.decode import decode_batch
from cloud.ingest.intervals import IntervalCache
from cloud.ingest.service import BatchIntake
from cloud.people.models import Stay
from cloud.people.service import add_elder, add_stay
from cloud.places.homes import add_home
from cloud.places.schemas import HomeIn
from cloud.places.service import add_bed, add_room, add_unit
from cloud.series.service import SeriesStore
from edge.events import DetectorInfo, Event, EventKind
from edge.signals import Origin, Position
from edge.wire import Batch, Lane, Record

FORMAT: Final = "yuyue-district-1"
_BEFORE: Final = timedelta(days=10)
_AFTER: Final = timedelta(days=3, hours=9)
_DAY: Final = timedelta(days=1)
_HOURLY: Final = FrequencyIO(per_shift=None, every_min=60)
# A gateway counts as lost after 90 s of silence; looked at a little later.
_LOST: Final = timedelta(seconds=100)
# What a test draws its assessors from.
_SIGNED: Final = {"name": "家属", "relationship": "子女", "signed": True}
Progress = Callable[[int, int], None]


class DiaryError(ValueError):
    """The diary is not one, or what it says did not happen here."""


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
    sent: int = 0


class Rehearsal:
    """Lives a diary. `houses` afterwards, for whoever wants to look at them."""

    def __init__(self, database: Database, keyring: Keyring, series: SeriesStore) -> None:
        self._database = database
        self._keyring = keyring
        self._series = series
        self._intervals = IntervalCache()
        self.houses: list[House] = []
        self.month = date.min
        self.ends = datetime.min.replace(tzinfo=UTC)

    async def live(
        self, lines: Sequence[Mapping[str, Any]], progress: Progress | None = None
    ) -> list[dict[str, Any]]:
        """All of it; the figures of the month by the names of nodes. Raises DiaryError."""
        setting, events = lines[0], lines[1:]
        if setting.get("format") != FORMAT:
            raise DiaryError("not a diary of a district")
        self.month = date.fromisoformat(f"{setting['month']}-01")
        self.ends = datetime.fromisoformat(setting["ends"])
        begins = datetime.fromisoformat(setting["begins"])
        for told in setting["houses"]:
            self.houses.append(await self._settle(told, begins - _BEFORE))
        done = 0
        # Each house's day is one transaction after another, as the days went by.
        for _, day in groupby(events, key=lambda line: line["at"][:10]):
            here = sorted(day, key=lambda line: int(line["house"]))
            for number, theirs in groupby(here, key=lambda line: int(line["house"])):
                batch = list(theirs)
                await self._live_through(self.houses[number], batch)
                done += len(batch)
                if progress is not None:
                    progress(done, len(events))
        await self.count(self.ends + _AFTER)
        return [figure async for figure in self._figures()]

    async def count(self, now: datetime) -> None:
        """As the job does at night."""
        for house in self.houses:
            async with self._database.tenant(house.institution_id) as scope:
                await follow(scope, now)

    async def _settle(self, told: Mapping[str, Any], since: datetime) -> House:
        async with self._database.transaction() as session:
            scope = await add_institution(session, told["name"], since)
            user = await add_user(
                scope, f"rehearsal-{scope.institution_id}", "演练员", role=Role.MANAGER,
                password=new_password(), now=since,
            )  # fmt: skip
            house = House(scope.institution_id, told["name"], tuple(told["district"]), user.id)
            unit = await add_unit(scope, "护理区", 1)
            for which in ("unit", "homes"):
                gateway = await add_gateway(scope, which, since)
                gateway.last_heartbeat_at = since
                house.gateways[which] = gateway.id
            scope.session.add(
                GatewayArea(
                    institution_id=scope.institution_id, gateway_id=house.gateways["unit"],
                    unit_id=unit.id,
                )
            )  # fmt: skip
            for number, person in enumerate(told["people"]):
                await self._move_in(scope, house, unit.id, person, number=number, since=since)
            heard = {p["key"]: ns_from_datetime(since) for p in told["people"] if p["heard"]}
            await note_activity(scope, heard, since)
        return house

    async def _move_in(
        self, scope: TenantScope, house: House, unit_id: uuid.UUID, person: Mapping[str, Any],
        *, number: int, since: datetime,
    ) -> None:  # fmt: skip
        if person["at_home"]:
            home = await add_home(scope, HomeIn(name=f"家 {number}"), self._keyring, since)
            room = await add_room(scope, None, "卧室", home_id=home.id)
        else:
            room = await add_room(scope, unit_id, f"{number + 1}")
        bed = await add_bed(scope, room.id, "1")
        elder = await add_elder(
            scope, f"老人 {number}", sex="female", birth_date=date(1941, 1, 1), care_note="",
            now=since,
        )  # fmt: skip
        await add_stay(scope, elder.id, bed.id, since)
        device_id = person["key"]
        await add_device(
            scope, device_id, "yuyue-wearable-1", Position.WAIST, since, kind="wearable"
        )  # fmt: skip
        await assign(scope, device_id, Subject(elder.id, None, None), since)
        house.elders[person["key"]] = elder.id

    async def _live_through(self, house: House, lines: Sequence[Mapping[str, Any]]) -> None:
        async with self._database.tenant(house.institution_id) as scope:
            user = await scope.session.get_one(User, house.user_id)
            for line in lines:
                at = datetime.fromisoformat(line["at"])
                who = Principal(scope, user, None, at)
                await getattr(self, f"_{line['do']}")(house, who, line, at)
                await scope.session.flush()

    async def _assess(
        self, house: House, who: Principal, line: Mapping[str, Any], at: datetime
    ) -> None:
        draft = DraftIn.model_validate(
            {
                "version": 0, "reason": 1, "reference_date": line["on"],
                "answers": answers_for(line["level"]),
                "circumstances": {"risk_events": {"fall": 0}}, "informant": _SIGNED,
                "assessors": ["评估员一", "评估员二"],
            }
        )  # fmt: skip
        assessment_id = uuid.uuid4()
        elder_id = house.elders[line["person"]]
        await assessments.save_draft(who, elder_id, assessment_id, draft, at)
        filed = await assessments.file(who, assessment_id, 1, at)
        if filed.final_level != line["level"]:
            raise DiaryError(f"level {line['level']} came out as {filed.final_level}")

    async def _plan(
        self, _house: House, who: Principal, line: Mapping[str, Any], at: datetime
    ) -> None:
        held = (await plans(who.scope)).get(None)
        levels = []
        if line["stricter"]:
            by_day = {0: FrequencyIO(per_shift=1), 1: FrequencyIO(per_shift=2)}
            levels = [
                LevelPlanIO(level=level, night=_HOURLY, day=day) for level, day in by_day.items()
            ]
        wanted = RoundPlanIn(
            active=True, version=0 if held is None else held.version, levels=levels
        )  # fmt: skip
        await set_plan(who, wanted, at)

    async def _silence(
        self, house: House, who: Principal, line: Mapping[str, Any], at: datetime
    ) -> None:
        """Told when it is over: first what the cloud saw while it lasted, then the return."""
        scope, begin = who.scope, datetime.fromisoformat(line["begin"])
        gone_id = house.gateways[line["gateway"]]
        for now, back in ((begin + _LOST, False), (at, True)):
            for gateway in await scope.session.scalars(scope.select(Gateway)):
                quiet = gateway.id == gone_id and not back
                gateway.last_heartbeat_at = begin if quiet else now
            await scope.session.flush()
            await follow_gateways(scope, now)

    async def _drill(
        self, house: House, who: Principal, line: Mapping[str, Any], at: datetime
    ) -> None:
        drill = await start_drill(
            who.scope, house.elders[line["person"]], "sos", announced=True, note="", by="演练员",
            now=at,
        )  # fmt: skip
        house.alerts[line["drill"]] = drill.alert_id

    async def _tests(
        self, _house: House, who: Principal, line: Mapping[str, Any], at: datetime
    ) -> None:
        for passed in (True, False):
            for device_id in line["passed" if passed else "failed"]:
                device = await find_device(who.scope, device_id)
                wanted = TestIn(passed=passed)
                await record_test(
                    who.scope, device, wanted, tester_id=who.user.id, tester="演练员", now=at
                )

    async def _left(
        self, house: House, who: Principal, line: Mapping[str, Any], at: datetime
    ) -> None:
        elder_id = house.elders[line["person"]]
        statement = who.scope.select(Stay).where(Stay.elder_id == elder_id)
        stay = (await who.scope.session.scalars(statement)).one()
        stay.valid_until, stay.end_reason = at, "left"

    async def _told(
        self, house: House, who: Principal, line: Mapping[str, Any], at: datetime
    ) -> None:
        elder_id = house.elders[line["person"]]
        event = _event(
            f"coverage/{line['person']}", EventKind(f"coverage_{line['state']}"),
            str(elder_id), at, "coverage",
        )  # fmt: skip
        subject = Subject(elder_id, None, None)
        await take_coverage(who.scope, event, subject, house.gateways["unit"], at)

    async def _gone(
        self, house: House, who: Principal, line: Mapping[str, Any], at: datetime
    ) -> None:
        await self._device(house, who, line["person"], EventKind.DEVICE_OFFLINE, at)

    async def _back(
        self, house: House, who: Principal, line: Mapping[str, Any], at: datetime
    ) -> None:
        await self._device(house, who, line["person"], EventKind.DEVICE_OFFLINE_CLEARED, at)

    async def _device(
        self, house: House, who: Principal, key: str, kind: EventKind, at: datetime
    ) -> None:
        event = _event(f"device/{key}", kind, key, at, "coverage")
        subject = Subject(house.elders[key], None, None)
        await take_coverage(who.scope, event, subject, house.gateways["unit"], at)

    async def _alarm(
        self, house: House, who: Principal, line: Mapping[str, Any], at: datetime
    ) -> None:
        event = _event(line["episode"], EventKind(line["code"]), line["person"], at, "rehearsal")
        now = at + timedelta(seconds=2)
        await self._send(who.scope, house, event, now)
        statement = (
            who.scope.select(Alert)
            .join(AlertEvent, AlertEvent.alert_id == Alert.id)
            .where(AlertEvent.event_id == event.event_id)
        )
        alert = (await who.scope.session.scalars(statement)).one_or_none()
        if alert is None:
            raise DiaryError(f"{line['episode']} raised nothing")
        house.alerts[line["episode"]] = alert.id

    async def _send(self, scope: TenantScope, house: House, event: Event, now: datetime) -> None:
        """A batch of the gateway, as it comes over the network."""
        house.sent += 1
        now_ns = ns_from_datetime(now)
        records = [Record(house.sent, now_ns, event=event)]
        batch = Batch(1, "rehearsal", Lane.URGENT, house.sent, now_ns, records)
        gateway_id = house.gateways["unit"]
        intake = BatchIntake(scope, gateway_id, self._series, now_ns, self._intervals)
        taken = await intake.take(decode_batch(msgspec.json.encode(batch)))
        if taken.quarantined:
            raise DiaryError(f"{event.event_id}: {dict(taken.quarantined)}")

    async def _move(
        self, house: House, who: Principal, line: Mapping[str, Any], at: datetime
    ) -> None:
        finding = line.get("finding")
        more = {} if finding is None else {"finding": finding, "injury": "none"}
        wanted = MoveIn(move=line["move"], client_time=at, **more)
        await move_alert(who, house.alerts[line["episode"]], wanted, at)

    async def _check(
        self, house: House, who: Principal, line: Mapping[str, Any], at: datetime
    ) -> None:
        wanted = RoundCheckIn(
            id=uuid.uuid4(), elder_id=house.elders[line["person"]],
            at=datetime.fromisoformat(line["seen"]),
            finding="asleep" if line["there"] else "not_there",
        )  # fmt: skip
        await take_check(who, self._series, wanted, at)

    async def _out(
        self, house: House, who: Principal, line: Mapping[str, Any], at: datetime
    ) -> None:
        wanted = Absence(at, datetime.fromisoformat(line["due"]), "", "")
        await register(who, house.elders[line["person"]], wanted, at)

    async def _home(
        self, house: House, who: Principal, line: Mapping[str, Any], at: datetime
    ) -> None:
        elder_id = house.elders[line["person"]]
        statement = who.scope.select(ElderLeave).where(
            ElderLeave.elder_id == elder_id, ElderLeave.back_at.is_(None)
        )
        leave = (await who.scope.session.scalars(statement)).one()
        await take_back(who, elder_id, leave.id, at)

    async def sheet(self) -> Sheet:
        """The month as a bureau of all houses has it, before masking."""
        members, rows = [], []
        last = local_date(self.ends - timedelta(seconds=1))
        for house in self.houses:
            members.append(Member(house.institution_id, house.name, *house.district, True))
            async with self._database.tenant(house.institution_id) as scope:
                rows += await _month_rows(scope, self.month, last)
        return sheet_of(
            members, rows, self.month, last + _DAY * 3, title="all", masking=False
        )  # fmt: skip

    async def _figures(self) -> Any:
        sheet = await self.sheet()
        names = {node.key: node.name for node in sheet.nodes}
        for figure in sheet.figures:
            if figure.known:
                yield {
                    "node": names[figure.node], "indicator": figure.indicator,
                    "kind": figure.kind, "part": figure.part, "whole": figure.whole,
                    "median_s": figure.median_s, "p95_s": figure.p95_s,
                }  # fmt: skip


async def _month_rows(scope: TenantScope, first: date, last: date) -> list[MonthRow]:
    statement = (
        scope.select(IndicatorDay)
        .where(IndicatorDay.day.between(first, last))
        .order_by(IndicatorDay.indicator, IndicatorDay.kind, IndicatorDay.day)
    )
    rows = list(await scope.session.scalars(statement))
    return [_sum(scope, list(group)) for _, group in
            groupby(rows, key=lambda row: (row.indicator, row.kind))]  # fmt: skip


def _sum(scope: TenantScope, rows: Sequence[IndicatorDay]) -> MonthRow:
    return MonthRow(
        scope.institution_id, rows[0].day.replace(day=1), rows[0].indicator, rows[0].kind,
        sum(row.part for row in rows), sum(row.whole for row in rows), rows[-1].part,
        rows[-1].whole, len(rows), [s for row in rows for s in row.seconds],
        max(row.computed_at for row in rows),
    )  # fmt: skip


def answers_for(level: int) -> dict[str, str]:
    """Answers whose total lies in the level's range: worse and worse ones until it does."""
    form = load_form()
    answers = {code: item.options[0].code for code, item in form.items.items()}
    target = _TOTALS[level]
    total = form.total
    for code, item in form.items.items():
        for option in item.options:
            if total <= target:
                return answers
            held = next(o for o in item.options if o.code == answers[code])
            total -= held.score - option.score
            answers[code] = option.code
    return answers


# In the middle of each level's range of totals (GB/T 42195: 90; 66-89; 46-65; 30-45; 0-29).
_TOTALS: Final = {0: 90, 1: 80, 2: 55, 3: 38, 4: 15}


def _event(episode: str, kind: EventKind, device_id: str, at: datetime, detector: str) -> Event:
    time_ns = ns_from_datetime(at)
    return Event(
        event_id=f"{episode}/{kind.value}/{time_ns}", episode_id=episode, kind=kind,
        device_id=device_id, time_ns=time_ns, decided_ns=time_ns, confidence=0.9, reasons=(),
        detector=DetectorInfo(detector, "1", {}), origin=Origin.LIVE,
    )  # fmt: skip


def read_diary(text: str) -> list[dict[str, Any]]:
    """Raises DiaryError, with the line."""
    return list(_lines(text))


def _lines(text: str) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            yield msgspec.json.decode(line, type=dict[str, Any])
        except msgspec.DecodeError as error:
            raise DiaryError(f"line {number}: {error}") from error
