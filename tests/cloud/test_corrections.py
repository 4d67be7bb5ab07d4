"""Whose an alert and a reading is follows from who had what when, whatever is corrected later."""

from __future__ import annotations

import asyncio
import itertools
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from cloud.alerts.models import Alert, AlertRelink
from cloud.alerts.relink import Correction, devices_of, relink_devices
from cloud.clock import ns_from_datetime
from cloud.database import Database, TenantScope
from cloud.devices import assignments
from cloud.devices.models import Assignment
from cloud.devices.schemas import AssignmentCorrectionIn, AssignmentIn
from cloud.devices.service import add_device
from cloud.errors import BadFieldError, ConflictError
from cloud.identity.permissions import Role
from cloud.people import stays
from cloud.people.models import Stay
from cloud.people.schemas import StayCorrectionIn
from cloud.people.service import add_elder, add_stay
from cloud.places.service import add_bed, add_room, add_unit
from edge.events import EventKind
from edge.wire import Lane
from tests.cloud.conftest import Seeded
from tests.cloud.world import START, World, alerts, fall, reading
from tests.support.postgres import Postgres

NOW = START + timedelta(hours=2)
BEGIN = START - timedelta(minutes=120)
MINUTES = st.integers(0, 100)
Interval = tuple[int, int | None]
PROPERTY = settings(
    max_examples=25,
    phases=[Phase.explicit, Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def minute(number: int) -> datetime:
    return BEGIN + timedelta(minutes=number)


def overlap(one: Interval, other: Interval) -> bool:
    end, other_end = (i[1] if i[1] is not None else 10_000 for i in (one, other))
    return one[0] < other_end and other[0] < end


@dataclass
class Model:
    """What was entered, and nothing clever: intervals in lists."""

    # key: (device, ("elder" | "bed" | "room", index), interval)
    given: dict[uuid.UUID, tuple[str, tuple[str, int], Interval]] = field(default_factory=dict)
    stays: dict[uuid.UUID, tuple[int, int, Interval]] = field(default_factory=dict)

    def fits_given(self, device: str, span: Interval, but: uuid.UUID | None = None) -> bool:
        return not any(
            d == device and overlap(span, s) for key, (d, _, s) in self.given.items() if key != but
        )

    def fits_stay(self, elder: int, bed: int, span: Interval, but: uuid.UUID) -> bool:
        return not any(
            (e == elder or b == bed) and overlap(span, s)
            for key, (e, b, s) in self.stays.items() if key != but
        )  # fmt: skip

    def subject(self, device: str, at: int) -> tuple[int | None, int | None, int | None]:
        """Elder, bed, room by number."""
        for held, (kind, index), span in self.given.values():
            if held == device and inside(span, at):
                if kind == "room":
                    return None, None, index
                for elder, bed, stay in self.stays.values():
                    mine = elder if kind == "elder" else bed
                    if mine == index and inside(stay, at):
                        return elder, bed, None
                return (index, None, None) if kind == "elder" else (None, index, None)
        return None, None, None


def inside(span: Interval, at: int) -> bool:
    return span[0] <= at and (span[1] is None or at < span[1])


@dataclass
class Ground:
    """Two elders, beds, rooms and devices of its own for each example."""

    elders: list[uuid.UUID]
    beds: list[uuid.UUID]
    rooms: list[uuid.UUID]
    devices: list[str]

    def target(self, kind: str, index: int) -> dict[str, uuid.UUID]:
        return {f"{kind}_id": getattr(self, f"{kind}s")[index]}


async def make_ground(scope: TenantScope, number: int) -> Ground:
    unit = await add_unit(scope, f"单元 {number}", 1)
    rooms = [await add_room(scope, unit.id, str(n)) for n in (1, 2)]
    beds = [await add_bed(scope, rooms[n].id, "1") for n in (0, 1)]
    elders = [
        await add_elder(
            scope, name, sex="female", birth_date=date(1940, 1, 1), care_note="", now=NOW
        )
        for name in ("甲", "乙")
    ]
    devices = [f"d{number}-{n}" for n in (0, 1)]
    for device in devices:
        await add_device(scope, device, "m", None, NOW)
    return Ground([e.id for e in elders], [b.id for b in beds], [r.id for r in rooms], devices)


def an_alert(scope: TenantScope, device: str, at: int) -> Alert:
    return Alert(
        id=uuid.uuid4(), institution_id=scope.institution_id, code="sos", category="person",
        priority="high", state="raised", recovered=False, origin="live", device_id=device,
        happened_ns=ns_from_datetime(minute(at)), raised_at=NOW, late_s=0.0, confidence=1.0,
        count=1, updated_at=NOW, rings=1, step=0, second_due=False, suppressed=False,
        rules_version="1",
    )  # fmt: skip


spans = st.tuples(MINUTES, st.one_of(st.none(), st.integers(1, 60))).map(
    lambda pair: (pair[0], None if pair[1] is None else pair[0] + pair[1])
)
targets = st.tuples(st.sampled_from(["elder", "bed", "room"]), st.integers(0, 1))
steps = st.one_of(
    st.tuples(st.just("give"), st.integers(0, 1), targets, MINUTES),
    st.tuples(st.just("take_over"), st.integers(0, 1), targets, MINUTES),
    st.tuples(st.just("take_back"), st.integers(0, 1), MINUTES),
    st.tuples(st.just("correct"), st.integers(0, 9), targets, spans),
    st.tuples(st.just("undo"), st.integers(0, 9)),
    st.tuples(st.just("stay"), st.integers(0, 9), st.integers(0, 1), spans),
)


class Player:
    """Plays steps on the database and on the model; both must say yes or no together."""

    def __init__(self, scope: TenantScope, ground: Ground) -> None:
        self.scope, self.ground, self.model = scope, ground, Model()
        self.why = Correction(None, "周敏", "改正", NOW)

    async def play(self, step: tuple[object, ...]) -> None:
        name, *arguments = step
        try:
            async with self.scope.savepoint():
                await getattr(self, f"_{name}")(*arguments)
            accepted = True
        except (ConflictError, BadFieldError):
            accepted = False
        assert accepted == self.expected, step

    async def _follow(self, change: assignments.AssignmentChange) -> None:
        await relink_devices(self.scope, [change.device_id], change.since, self.why)

    def _held(self, device: str, at: int) -> uuid.UUID | None:
        return next(
            (k for k, (d, _, span) in self.model.given.items() if d == device and inside(span, at)),
            None,
        )

    async def _give(self, number: int, target: tuple[str, int], at: int) -> None:
        await self._hand(number, target, at, take_over=False)

    async def _take_over(self, number: int, target: tuple[str, int], at: int) -> None:
        await self._hand(number, target, at, take_over=True)

    async def _hand(
        self, number: int, target: tuple[str, int], at: int, *, take_over: bool
    ) -> None:
        model, name = self.model, self.ground.devices[number]
        before = self._held(name, at)
        cut = before is not None and model.given[before][2][0] < at
        self.expected = (before is None or (take_over and cut)) and model.fits_given(
            name, (at, None), but=before
        )
        device = await assignments_device(self.scope, name)
        wanted = AssignmentIn(at=minute(at), take_over=take_over, **self.ground.target(*target))  # type: ignore[arg-type]
        row, change = await assignments.give(self.scope, device, wanted, NOW)
        if before is not None:
            held, old_target, span = model.given[before]
            model.given[before] = (held, old_target, (span[0], at))
        model.given[row.id] = (name, target, (at, None))
        await self._follow(change)

    async def _take_back(self, number: int, at: int) -> None:
        name = self.ground.devices[number]
        held = self._held(name, at)
        self.expected = held is not None and self.model.given[held][2][0] < at
        device = await assignments_device(self.scope, name)
        _, change = await assignments.take_back(self.scope, device, minute(at), NOW)
        assert held is not None
        self.model.given[held] = (*self.model.given[held][:2], (self.model.given[held][2][0], at))
        await self._follow(change)

    async def _correct(self, which: int, target: tuple[str, int], span: Interval) -> None:
        if not self.model.given:
            self.expected = True
            return
        key = list(self.model.given)[which % len(self.model.given)]
        name = self.model.given[key][0]
        self.expected = self.model.fits_given(name, span, but=key)
        wanted = AssignmentCorrectionIn(
            valid_from=minute(span[0]), valid_until=None if span[1] is None else minute(span[1]),
            reason="改正", **self.ground.target(*target),
        )  # type: ignore[arg-type]  # fmt: skip
        _, change = await assignments.correct(self.scope, key, wanted, NOW)
        self.model.given[key] = (name, target, span)
        await self._follow(change)

    async def _undo(self, which: int) -> None:
        self.expected = True
        if self.model.given:
            key = list(self.model.given)[which % len(self.model.given)]
            change = await assignments.delete_assignment(self.scope, key)
            del self.model.given[key]
            await self._follow(change)

    async def _stay(self, which: int, bed: int, span: Interval) -> None:
        key = list(self.model.stays)[which % len(self.model.stays)]
        elder = self.model.stays[key][0]
        self.expected = self.model.fits_stay(elder, bed, span, key)
        wanted = StayCorrectionIn(
            bed_id=self.ground.beds[bed], valid_from=minute(span[0]),
            valid_until=None if span[1] is None else minute(span[1]), reason="改正",
        )  # fmt: skip
        _, change = await stays.correct_stay(self.scope, key, wanted, NOW)
        self.model.stays[key] = (elder, bed, span)
        touched = await devices_of(self.scope, change.elder_ids, change.bed_ids)
        await relink_devices(self.scope, touched, change.since, self.why)


async def assignments_device(scope: TenantScope, name: str) -> object:
    from cloud.devices.register import find_device

    return await find_device(scope, name)


class Table:
    """A database for tests that are not coroutines."""

    def __init__(self, database: Database, home: uuid.UUID) -> None:
        self.runner, self.database, self.home = asyncio.Runner(), database, home
        self.numbers = itertools.count(1)


@pytest.fixture
def table(postgres: Postgres, seeded: Seeded, database_name: str) -> Iterator[Table]:
    made = Table(Database(postgres.app_url(database_name)), seeded.home.institution_id)
    yield made
    made.runner.run(made.database.close())
    made.runner.close()


@PROPERTY
@given(
    st.lists(st.tuples(st.integers(0, 1), MINUTES), min_size=1, max_size=8),
    st.lists(steps, min_size=1, max_size=8),
)
def test_alerts_are_whose_the_device_was(
    table: Table, happened: list[tuple[int, int]], played: list[tuple[object, ...]]
) -> None:
    """Against lists of intervals, after every hand-over, correction and undoing."""

    async def check() -> None:
        async with table.database.tenant(table.home) as scope:
            ground = await make_ground(scope, next(table.numbers))
            player = Player(scope, ground)
            for index in (0, 1):
                stay = await add_stay(scope, ground.elders[index], ground.beds[index], minute(0))
                player.model.stays[stay.id] = (index, index, (0, None))
            raised = [(an_alert(scope, ground.devices[n], at), n, at) for n, at in happened]
            scope.session.add_all([alert for alert, _, _ in raised])
            await scope.session.flush()
            for step in played:
                await player.play(step)
                for alert, number, at in raised:
                    await scope.session.refresh(alert)
                    elder, bed, room = player.model.subject(ground.devices[number], at)
                    assert (alert.elder_id, alert.bed_id, alert.room_id) == (
                        None if elder is None else ground.elders[elder],
                        None if bed is None else ground.beds[bed],
                        None if room is None else ground.rooms[room],
                    ), (step, at)
            for model in (AlertRelink, Alert, Assignment, Stay):
                if model in (Assignment, Stay):
                    await scope.session.execute(
                        delete(model).where(model.institution_id == table.home)
                    )

    table.runner.run(check())


async def test_a_swapped_wearable_is_put_right(world: World) -> None:
    """Two elders wore each other's device for an hour; days later somebody notices."""
    home = world.home
    gateway, nurse = world.gateway(), await world.as_role(Role.HEAD_NURSE)
    await gateway.send(fall(EventKind.SOS, world.clock, ago_s=600))
    await gateway.send(reading(world.clock, ago_s=600), lane=Lane.BULK)
    (alert,) = await alerts(nurse)
    assert alert["elder"]["name"] == "王秀兰"
    history = await get(nurse, "/api/v1/devices/wearable-1/history")
    (row,) = history["assignments"]
    begin = (world.clock.now() - timedelta(hours=1)).isoformat()
    ended = {"elder_id": str(home.elders[0]), "valid_from": row["valid_from"],
             "valid_until": begin, "reason": "戴错了人"}  # fmt: skip
    changed = await nurse.put(f"/api/v1/assignments/{row['id']}", json=ended)
    assert changed.json()["alerts_moved"] == 1, changed.text
    (alert,) = await alerts(nurse)
    assert (alert["elder"], alert["place"]) == (None, None)
    given_ = {"elder_id": str(home.elders[1]), "at": begin}
    moved = await nurse.post("/api/v1/devices/wearable-1/assignments", json=given_)
    assert moved.json()["alerts_moved"] == 1, moved.text
    (alert,) = await alerts(nurse)
    assert (alert["elder"]["name"], alert["place"]["bed"]) == ("李国强", "2")
    page = await get(nurse, f"/api/v1/elders/{home.elders[1]}/page")
    assert [item["id"] for item in page["open_alerts"]] == [alert["id"]]
    assert [(v["quantity"], v["value"]) for v in page["latest"]] == [("heart_rate", 71.0)]
    mine = await get(nurse, f"/api/v1/elders/{home.elders[0]}/page")
    assert (mine["open_alerts"], mine["latest"], mine["devices"]) == ([], [], [])


async def test_an_overlap_is_refused_and_named(world: World) -> None:
    nurse = await world.as_role(Role.HEAD_NURSE)
    wanted = {"elder_id": str(world.home.elders[1]), "at": world.clock.now().isoformat()}
    path = "/api/v1/devices/wearable-1/assignments"
    taken = await nurse.post(path, json=wanted)
    assert (taken.status_code, taken.json()["errors"][0]["field"]) == (409, "body.at")
    two = {**wanted, "bed_id": str(world.home.beds[0])}
    assert (await nurse.post(path, json=two)).status_code == 422
    over = await nurse.post(path, json={**wanted, "take_over": True})
    assert over.status_code == 200, over.text
    history = (await get(nurse, "/api/v1/devices/wearable-1/history"))["assignments"]
    assert [row["elder_name"] for row in history] == ["李国强", "王秀兰"]
    assert history[1]["valid_until"] == history[0]["valid_from"]


async def get(client: httpx.AsyncClient, path: str) -> dict[str, object]:
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())
