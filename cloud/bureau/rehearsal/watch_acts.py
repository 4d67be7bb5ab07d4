"""Lines of what gateways and devices tell, and of what is done about alerts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

import msgspec

from cloud.alerts.drills.service import start_drill
from cloud.alerts.models import Alert, AlertEvent
from cloud.alerts.schemas import MoveIn
from cloud.alerts.service import move_alert
from cloud.bureau.rehearsal.diary import Act, DiaryError, House, Line
from cloud.clock import ns_from_datetime
from cloud.coverage.intake import take_coverage
from cloud.coverage.service import follow_gateways
from cloud.database import TenantScope
from cloud.devices.models import DeviceFault, Gateway
from cloud.devices.register import end_fault, find_device, record_test
from cloud.devices.schemas import TestIn
from cloud.devices.service import Subject
from cloud.identity.service import Principal
from cloud.ingest.decode import decode_batch
from cloud.ingest.intervals import IntervalCache
from cloud.ingest.service import BatchIntake
from cloud.people.models import Stay
from cloud.series.service import SeriesStore
from edge.events import DetectorInfo, Event, EventKind
from edge.signals import Origin
from edge.wire import Batch, Lane, Record

# A gateway counts as lost after 90 s of silence; looked at a little later.
_LOST: Final = timedelta(seconds=100)


class WatchActs:
    """Of one institution at a time; `acts` by the words of the diary."""

    def __init__(self, series: SeriesStore) -> None:
        self._series = series
        self.acts: Mapping[str, Act] = {
            "silence": self._silence,
            "drill": self._drill,
            "tests": self._tests,
            "repaired": self._repaired,
            "left": self._left,
            "told": self._told,
            "gone": self._gone,
            "back": self._back,
            "alarm": self._alarm,
            "move": self._move,
        }
        self._intervals = IntervalCache()

    async def _silence(self, house: House, who: Principal, line: Line, at: datetime) -> None:
        """Told when it is over: first what the cloud saw while it lasted, then the return."""
        scope, begin = who.scope, datetime.fromisoformat(line["begin"])
        gone_id = house.gateways[line["gateway"]]
        for now, back in ((begin + _LOST, False), (at, True)):
            for gateway in await scope.session.scalars(scope.select(Gateway)):
                quiet = gateway.id == gone_id and not back
                gateway.last_heartbeat_at = begin if quiet else now
            await scope.session.flush()
            await follow_gateways(scope, now)

    async def _drill(self, house: House, who: Principal, line: Line, at: datetime) -> None:
        drill = await start_drill(
            who.scope, house.elders[line["person"]], "sos", announced=True, note="", by="演练员",
            now=at,
        )  # fmt: skip
        house.alerts[line["drill"]] = drill.alert_id

    async def _tests(self, _house: House, who: Principal, line: Line, at: datetime) -> None:
        for passed in (True, False):
            for device_id in line["passed" if passed else "failed"]:
                device = await find_device(who.scope, device_id)
                wanted = TestIn(passed=passed)
                await record_test(
                    who.scope, device, wanted, tester_id=who.user.id, tester="演练员", now=at
                )

    async def _repaired(self, _house: House, who: Principal, line: Line, at: datetime) -> None:
        statement = who.scope.select(DeviceFault).where(
            DeviceFault.device_id == line["person"], DeviceFault.ended_at.is_(None)
        )
        fault = (await who.scope.session.scalars(statement)).one()
        await end_fault(who.scope, fault, "repaired", by="演练员", now=at)

    async def _left(self, house: House, who: Principal, line: Line, at: datetime) -> None:
        elder_id = house.elders[line["person"]]
        statement = who.scope.select(Stay).where(Stay.elder_id == elder_id)
        stay = (await who.scope.session.scalars(statement)).one()
        stay.valid_until, stay.end_reason = at, "left"

    async def _told(self, house: House, who: Principal, line: Line, at: datetime) -> None:
        elder_id = house.elders[line["person"]]
        event = _event(
            f"coverage/{line['person']}", EventKind(f"coverage_{line['state']}"),
            str(elder_id), at, "coverage",
        )  # fmt: skip
        subject = Subject(elder_id, None, None)
        await take_coverage(who.scope, event, subject, house.gateways["unit"], at)

    async def _gone(self, house: House, who: Principal, line: Line, at: datetime) -> None:
        await self._device(house, who, line["person"], EventKind.DEVICE_OFFLINE, at)

    async def _back(self, house: House, who: Principal, line: Line, at: datetime) -> None:
        await self._device(house, who, line["person"], EventKind.DEVICE_OFFLINE_CLEARED, at)

    async def _device(
        self, house: House, who: Principal, key: str, kind: EventKind, at: datetime
    ) -> None:
        event = _event(f"device/{key}", kind, key, at, "coverage")
        subject = Subject(house.elders[key], None, None)
        await take_coverage(who.scope, event, subject, house.gateways["unit"], at)

    async def _alarm(self, house: House, who: Principal, line: Line, at: datetime) -> None:
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

    async def _move(self, house: House, who: Principal, line: Line, at: datetime) -> None:
        finding = line.get("finding")
        more = {} if finding is None else {"finding": finding, "injury": "none"}
        wanted = MoveIn(move=line["move"], client_time=at, **more)
        await move_alert(who, house.alerts[line["episode"]], wanted, at)


def _event(episode: str, kind: EventKind, device_id: str, at: datetime, detector: str) -> Event:
    time_ns = ns_from_datetime(at)
    return Event(
        event_id=f"{episode}/{kind.value}/{time_ns}", episode_id=episode, kind=kind,
        device_id=device_id, time_ns=time_ns, decided_ns=time_ns, confidence=0.9, reasons=(),
        detector=DetectorInfo(detector, "1", {}), origin=Origin.LIVE,
    )  # fmt: skip
