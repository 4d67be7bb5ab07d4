"""A night on duty: who can be reached on which fake phone, and a clock that is moved by hand."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import update

from cloud.alerts.consoles.service import watch_consoles
from cloud.alerts.notify.deliver import Deliverer
from cloud.alerts.notify.models import ContactPoint
from cloud.alerts.notify.points import add_point
from cloud.alerts.notify.senders import Senders, load_vapid
from cloud.alerts.timers import work_timers
from cloud.identity.models import User
from cloud.identity.service import find_user
from cloud.identity.shift_models import Duty
from cloud.identity.shifts import DutyAs, add_duty
from cloud.settings import Settings
from tests.cloud.world import Home, World
from tests.support.fake_phone import FakePhone


@dataclass
class Night:
    """The workers, run by hand, and the phones."""

    world: World
    phone: FakePhone
    deliverer: Deliverer

    async def pass_time(self, seconds: float, step_s: float = 1.0) -> None:
        """Second by second, as the workers would see it."""
        while seconds > 0:
            self.world.clock.advance(min(step_s, seconds))
            seconds -= step_s
            await self.work()

    async def work(self) -> None:
        now = self.world.clock.now()
        await watch_consoles(self.world.database, now)
        while await work_timers(self.world.database, now):
            pass
        while await self.deliverer.work():
            pass

    async def user(self, name: str, home: Home | None = None) -> User:
        home = home or self.world.home
        prefix = home.usernames[0].partition("-")[0]
        async with self.world.database.tenant(home.institution_id) as scope:
            user = await find_user(scope, f"{prefix}-{name}")
        assert user is not None
        return user

    async def phone_of(self, name: str, address: str | None = None, **more: Any) -> uuid.UUID:
        """One more way; the first one of a test replaces the dead number of the world."""
        user = await self.user(name)
        world = self.world
        async with world.database.tenant(world.home.institution_id) as scope:
            await scope.session.execute(
                update(ContactPoint)
                .where(ContactPoint.user_id == user.id, ContactPoint.label == "phone")
                .values(removed_at=world.clock.now())
            )
            address = address or self.phone.address(name)
            channel = "webpush" if address.startswith("{") else "apprise"
            point, _ = await add_point(
                scope, Settings().keyring, channel, "fake", address, now=world.clock.now(),
                user_id=user.id, verified=True, **more,
            )  # fmt: skip
            return point.id

    async def everybody_has_a_phone(self) -> None:
        for name in ("duty1", "duty2", "head_nurse", "manager"):
            await self.phone_of(name)

    async def off_duty(self, *names: str) -> None:
        users = [(await self.user(name)).id for name in names]
        async with self.world.database.tenant(self.world.home.institution_id) as scope:
            await scope.session.execute(
                update(Duty)
                .where(Duty.user_id.in_(users))
                .values(removed_at=self.world.clock.now(), removed_by="test")
            )

    async def on_duty(self, name: str, duty_as: DutyAs = DutyAs.DUTY) -> None:
        user, now = await self.user(name), self.world.clock.now()
        async with self.world.database.tenant(self.world.home.institution_id) as scope:
            await add_duty(
                scope, user.id, duty_as, now, now + timedelta(hours=8), now=now, by="test"
            )

    def told(self) -> dict[str, int]:
        """How often each phone rang."""
        count: dict[str, int] = {}
        for message in self.phone.messages:
            count[message.number] = count.get(message.number, 0) + 1
        return count


def make_night(world: World, phone: FakePhone, directory: Path) -> Night:
    senders = Senders(load_vapid(directory / "vapid.pem"), "mailto:ops@example.org")
    return Night(world, phone, Deliverer(world.database, senders, Settings().keyring, world.clock))


def beat(console_id: uuid.UUID | str, **more: Any) -> dict[str, Any]:
    return {
        "console_id": str(console_id), "audio": "running", "live": True, "wake_lock": "held",
        "visible": True, **more,
    }  # fmt: skip
