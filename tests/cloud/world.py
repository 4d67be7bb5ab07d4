"""Made-up institutions and gateways for tests of the cloud."""

from __future__ import annotations

import gzip
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import msgspec
import numpy as np
from fastapi import FastAPI

from cloud.alerts.notify.points import add_point
from cloud.clock import datetime_from_ns, ns_from_datetime
from cloud.database import Database, TenantScope
from cloud.devices.service import Subject, add_device, add_gateway, assign, issue_gateway_token
from cloud.identity.models import User, UserSession
from cloud.identity.permissions import Role
from cloud.identity.secrets import new_token, token_hash
from cloud.identity.service import add_institution, add_user, find_user
from cloud.identity.shifts import DutyAs, add_duty
from cloud.people.service import add_elder, add_stay
from cloud.places.service import add_bed, add_room, add_unit
from cloud.settings import Settings
from edge.events import DetectorInfo, Event, EventKind, Evidence, Reason
from edge.gateway_wire import Gap
from edge.signals import NS_PER_S, Origin, Position, Reading, Waveform
from edge.wire import (
    Batch,
    Heartbeat,
    Lane,
    LaneState,
    Record,
    RejectedFrame,
    waveform_to_record,
)

START = datetime(2026, 3, 1, 2, 13, tzinfo=UTC)
PASSWORD = "only-for-tests"
CHANGES = {"X-Yuyue-Request": "1"}


class ManualClock:
    """Stands still until told otherwise; `monotonic_s` is the machine's, for real waiting."""

    def __init__(self, start: datetime = START) -> None:
        self._now_ns = ns_from_datetime(start)

    def now_ns(self) -> int:
        return self._now_ns

    def now(self) -> datetime:
        return datetime_from_ns(self._now_ns)

    def monotonic_s(self) -> float:
        return time.monotonic()

    def advance(self, seconds: float) -> None:
        self._now_ns += round(seconds * NS_PER_S)


@dataclass
class Home:
    """One institution: two elders in two beds, a wearable each, one gateway, two duty users."""

    institution_id: uuid.UUID
    gateway_id: uuid.UUID
    gateway_name: str
    token: str
    elders: list[uuid.UUID]
    beds: list[uuid.UUID]
    room_id: uuid.UUID
    devices: list[str]
    usernames: list[str]

    def username(self, role: Role) -> str:
        """A user of each role; their password is PASSWORD too."""
        return f"{self.usernames[0].partition('-')[0]}-{role.value}"


def open_session(scope: TenantScope, user: User, now: datetime) -> str:
    """Logged in without the password, whose check is slow on purpose; the cookie's value."""
    token = new_token()
    scope.session.add(
        UserSession(
            id=uuid.uuid4(), institution_id=scope.institution_id, user_id=user.id,
            token_hash=token_hash(token), created_at=now, last_used_at=now,
            expires_at=now + timedelta(hours=12),
        )
    )  # fmt: skip
    return token


async def make_home(database: Database, clock: ManualClock, prefix: str) -> Home:
    now = clock.now()
    since = now - timedelta(days=30)
    async with database.transaction() as session:
        scope = await add_institution(session, f"{prefix} 养老院", now)
        for number, name in ((1, "周敏"), (2, "吴倩")):
            await add_user(
                scope, f"{prefix}-duty{number}", name, role=Role.DUTY, password=PASSWORD, now=now
            )
        await _one_of_each_role(scope, prefix, now)
        unit = await add_unit(scope, "2 楼 护理一区", 1)
        room = await add_room(scope, unit.id, "203")
        elders, beds, devices = [], [], []
        for number, name in ((1, "王秀兰"), (2, "李国强")):
            bed = await add_bed(scope, room.id, str(number))
            elder = await add_elder(
                scope, name, sex="female" if number == 1 else "male",
                birth_date=date(1941, 3, 12), care_note="搀扶时走左侧", now=now,
            )  # fmt: skip
            await add_stay(scope, elder.id, bed.id, since)
            device_id = f"wearable-{number}"
            await add_device(scope, device_id, "yuyue-wearable-1", Position.WAIST, now)
            await assign(scope, device_id, Subject(elder.id, None, None), since)
            elders.append(elder.id)
            beds.append(bed.id)
            devices.append(device_id)
        await _on_duty(scope, prefix, unit.id, now)
        gateway = await add_gateway(scope, "网关-1", now)
        token = await issue_gateway_token(scope, gateway, now)
    usernames = [f"{prefix}-duty{number}" for number in (1, 2)]
    return Home(
        scope.institution_id, gateway.id, gateway.name, token, elders, beds, room.id, devices,
        usernames,
    )  # fmt: skip


async def _one_of_each_role(scope: TenantScope, prefix: str, now: datetime) -> None:
    first = await find_user(scope, f"{prefix}-duty1")
    assert first is not None
    for role in Role:
        scope.session.add(
            User(
                id=uuid.uuid4(), institution_id=scope.institution_id,
                username=f"{prefix}-{role.value}", display_name=f"{role.value} 测试",
                role=role.value, password_hash=first.password_hash, created_at=now,
            )
        )  # fmt: skip


async def _on_duty(scope: TenantScope, prefix: str, unit_id: uuid.UUID, now: datetime) -> None:
    """Everybody has a way to be reached and is on the roster, for as long as any test lasts."""
    keyring = Settings().keyring
    for name, duty_as, where in (
        ("duty1", DutyAs.DUTY, unit_id), ("duty2", DutyAs.DUTY, None),
        ("head_nurse", DutyAs.HEAD_NURSE, None), ("manager", DutyAs.MANAGER, None),
    ):  # fmt: skip
        user = await find_user(scope, f"{prefix}-{name}")
        assert user is not None
        for days in (-20, 10):
            begin = now + timedelta(days=days)
            await add_duty(
                scope, user.id, duty_as, begin, begin + timedelta(days=30), now=now, by="test",
                unit_id=where,
            )  # fmt: skip
        await add_point(
            scope, keyring, "apprise", "phone", "json://127.0.0.1:9/", now=now, user_id=user.id,
            verified=True,
        )  # fmt: skip


def fall(
    kind: EventKind,
    clock: ManualClock,
    *,
    device: str = "wearable-1",
    episode: str = "episode-1",
    event_id: str | None = None,
    ago_s: float = 1.0,
    origin: Origin = Origin.LIVE,
    evidence: bool = True,
) -> Event:
    """An event that happened `ago_s` before the clock's now."""
    happened_ns = clock.now_ns() - round(ago_s * NS_PER_S)
    return Event(
        event_id=event_id or f"{episode}/{kind.value}",
        episode_id=episode,
        kind=kind,
        device_id=device,
        time_ns=happened_ns,
        decided_ns=happened_ns + NS_PER_S // 2,
        confidence=0.9,
        reasons=(Reason("impact", {"peak_g": 3.4}),),
        detector=DetectorInfo("fall", "1", {"threshold": 0.5}),
        origin=origin,
        evidence=Evidence(
            quantity="acceleration", unit="g", start_ns=happened_ns - 2 * NS_PER_S, rate_hz=50.0,
            scale=0.001, channels=3, counts=np.arange(300, dtype="<i2").tobytes(),
            moment_ns=happened_ns,
        )
        if evidence
        else None,
    )  # fmt: skip


def reading(clock: ManualClock, *, device: str = "wearable-1", ago_s: float = 1.0) -> Reading:
    return Reading(device, "heart_rate", clock.now_ns() - round(ago_s * NS_PER_S), 71.0)


def waveform(clock: ManualClock, *, device: str = "wearable-1", number: int = 0) -> Waveform:
    return Waveform(
        device, "acceleration", clock.now_ns() - 2 * NS_PER_S + number, 50.0, 0.001, 4.0,
        np.full((50, 3), number, dtype=np.int16), number, 1,
    )  # fmt: skip


Body = Event | Reading | Waveform | RejectedFrame | Gap


@dataclass
class FakeGateway:
    """Sends batches as a gateway does; numbers per lane."""

    client: httpx.AsyncClient
    clock: ManualClock
    outbox_id: str = "outbox-1"
    next_seq: dict[Lane, int] = field(default_factory=lambda: dict.fromkeys(Lane, 1))

    def batch(
        self, *bodies: Body, lane: Lane = Lane.URGENT,
        first_seq: int | None = None,
    ) -> Batch:  # fmt: skip
        first = self.next_seq[lane] if first_seq is None else first_seq
        now_ns = self.clock.now_ns()
        records = [record(first + index, now_ns, body) for index, body in enumerate(bodies)]
        return Batch(1, self.outbox_id, lane, first, now_ns, records)

    async def post(self, content: bytes, **headers: str) -> httpx.Response:
        return await self.client.post("/api/v1/ingest", content=content, headers=headers)

    async def send(
        self, *bodies: Body, lane: Lane = Lane.URGENT,
        zipped: bool = False,
    ) -> int:  # fmt: skip
        """Send and expect it to be taken; the number acknowledged."""
        content = msgspec.json.encode(self.batch(*bodies, lane=lane))
        if zipped:
            answer = await self.post(gzip.compress(content), **{"Content-Encoding": "gzip"})
        else:
            answer = await self.post(content)
        assert answer.status_code == 200, answer.text
        self.next_seq[lane] += len(bodies)
        return int(answer.json()["acknowledged_through"])

    async def beat(self, **changes: Any) -> httpx.Response:
        values: dict[str, Any] = {
            "sent_ns": self.clock.now_ns(), "started_ns": self.clock.now_ns(),
            "software_version": "0.1.0", "outbox_id": self.outbox_id,
            "urgent": LaneState(0, None), "bulk": LaneState(2, self.clock.now_ns()),
            "rejected_total": 0, "registry_version": 0, "sources": {"mqtt": True},
        }  # fmt: skip
        return await self.client.post(
            "/api/v1/gateway/heartbeat", content=msgspec.json.encode(Heartbeat(**values | changes))
        )


def record(seq: int, stored_ns: int, body: Body) -> Record:
    if isinstance(body, Event):
        return Record(seq, stored_ns, event=body)
    if isinstance(body, Reading):
        return Record(seq, stored_ns, reading=body)
    if isinstance(body, Waveform):
        return Record(seq, stored_ns, waveform=waveform_to_record(body))
    if isinstance(body, Gap):
        return Record(seq, stored_ns, gap=body)
    return Record(seq, stored_ns, rejected=body)


@dataclass
class World:
    """A running application with two institutions that must not see each other."""

    app: FastAPI
    database: Database
    clock: ManualClock
    home: Home
    other: Home
    clients: list[httpx.AsyncClient] = field(default_factory=list)

    def client(self, **headers: str) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        client = httpx.AsyncClient(
            transport=transport, base_url="http://cloud.test", headers={**CHANGES, **headers}
        )
        self.clients.append(client)
        return client

    def gateway(self, home: Home | None = None) -> FakeGateway:
        token = (home or self.home).token
        client = self.client(
            **{"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        )
        return FakeGateway(client, self.clock)

    async def desk(self, number: int = 0, home: Home | None = None) -> httpx.AsyncClient:
        """A logged-in client of duty staff."""
        home = home or self.home
        return await self.as_user(home.usernames[number], home)

    async def as_role(self, role: Role, home: Home | None = None) -> httpx.AsyncClient:
        """A logged-in client of that role."""
        home = home or self.home
        return await self.as_user(home.username(role), home)

    async def as_user(self, username: str, home: Home) -> httpx.AsyncClient:
        """Without the password, whose check is slow on purpose."""
        client, now = self.client(), self.clock.now()
        async with self.database.tenant(home.institution_id) as scope:
            user = await find_user(scope, username)
            assert user is not None
            token = open_session(scope, user, now)
        client.cookies.set("yuyue_session", token)
        return client

    async def close(self) -> None:
        for client in self.clients:
            await client.aclose()


async def alerts(desk: httpx.AsyncClient, view: str = "open") -> list[dict[str, Any]]:
    answer = await desk.get("/api/v1/alerts", params={"view": view})
    assert answer.status_code == 200, answer.text
    return list(answer.json()["alerts"])


async def move(desk: httpx.AsyncClient, alert_id: str, name: str, **more: Any) -> httpx.Response:
    body = {"move": name, "client_time": START.isoformat(), **more}
    return await desk.post(f"/api/v1/alerts/{alert_id}/moves", json=body)
